// Load the model in a new worker, "ours" or a plain one; return the seconds until its last shard is on the GPU.
async ([origin, way, library]) => {
  const plain = `import { WebWorkerMLCEngineHandler } from "${origin}/web-llm/index.js";
    const handler = new WebWorkerMLCEngineHandler();
    self.onmessage = (message) => handler.onmessage(message);
    self.postMessage({ kind: "started" });`;
  const script = way === "ours" ? `${origin}/engine.js` : URL.createObjectURL(new Blob([plain], { type: "text/javascript" }));
  const worker = new Worker(script, { type: "module" });
  const heard = (wanted) => new Promise((done, failed) => {
    worker.onmessage = ({ data }) => {
      if (data.kind === "throw") failed(new Error(data.content));
      if (wanted(data)) done();
    };
    worker.onerror = (event) => failed(new Error(event.message));
  });
  await heard(({ kind }) => kind === "started");
  const base = `${origin}/heavy/resolve/main/`;
  const record = { model: base, model_id: "heavy", model_lib: base + library };
  const send = (kind, content) => worker.postMessage({ kind, uuid: crypto.randomUUID(), content });
  send("setAppConfig", { model_list: [record], cacheBackend: way === "ours" ? "cache" : way });
  const began = performance.now();
  send("reload", { modelId: ["heavy"] });
  await heard(({ kind, content }) => kind === "initProgressCallback" && /Loading model from cache\[(\d+)\/\1\]/.test(content.text));
  const seconds = (performance.now() - began) / 1000;
  worker.terminate();
  return seconds;
}
