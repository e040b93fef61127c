// Keep a model's files in both of WebLLM's caches, as WebLLM would.
async ([base, library]) => {
  const manifest = await (await fetch(`${base}tensor-cache.json`)).json();
  const shards = manifest.records.map(({ dataPath }) => dataPath);
  const files = { config: ["mlc-chat-config.json"], wasm: [library], model: ["tensor-cache.json", "tokenizer.json", ...shards] };
  for (const [shelf, names] of Object.entries(files)) {
    const cache = await caches.open(`webllm/${shelf}`);
    const database = await new Promise((done) => {
      const asked = indexedDB.open(`webllm/${shelf}`, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("urls", { keyPath: "url" });
      asked.onsuccess = () => done(asked.result);
    });
    for (const name of names) {
      const url = base + name;
      await cache.add(url);
      const response = await fetch(url);
      const data = name === "tensor-cache.json" ? await response.json() : await response.arrayBuffer();
      await new Promise((done, failed) => {
        const transaction = database.transaction("urls", "readwrite");
        transaction.objectStore("urls").put({ url, data });
        transaction.oncomplete = done;
        transaction.onabort = () => failed(transaction.error);
      });
    }
    database.close();
  }
}
