// Keep a model of so many shards under `url`, a byte each, with the manifest that a 4 GB model would have.
async ([url, count]) => {
  const base = `${url}/resolve/main/`;
  const tensors = (shard) => Array.from({ length: 10 }, (_, n) => ({
    name: `model.layers.${shard}.mlp.experts.${n}.down_proj.q_weight`, shape: [4096, 1376], dtype: "uint32",
    format: "f32-to-bf16", nbytes: 22544384, byteOffset: n * 22544384,
  }));
  const records = Array.from({ length: count }, (_, n) => ({
    dataPath: `params_shard_${n}.bin`, format: "raw-shard", nbytes: 31457280, md5sum: "0".repeat(32), records: tensors(n),
  }));
  const files = {
    config: { [`${base}mlc-chat-config.json`]: new ArrayBuffer(1) },
    wasm: { [`${url.replace(/own(\d+)$/, "$1")}.wasm`]: new ArrayBuffer(1) },
    model: {
      [`${base}tensor-cache.json`]: { metadata: {}, records },
      [`${base}tokenizer.json`]: new ArrayBuffer(1),
      ...Object.fromEntries(records.map(({ dataPath }) => [base + dataPath, new ArrayBuffer(1)])),
    },
  };
  for (const [shelf, kept] of Object.entries(files)) {
    await new Promise((done, failed) => {
      const asked = indexedDB.open(`webllm/${shelf}`, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("urls", { keyPath: "url" });
      asked.onsuccess = () => {
        const transaction = asked.result.transaction("urls", "readwrite");
        for (const [key, data] of Object.entries(kept)) transaction.objectStore("urls").put({ url: key, data });
        transaction.oncomplete = () => (asked.result.close(), done());
        transaction.onabort = () => failed(transaction.error);
      };
    });
  }
}
