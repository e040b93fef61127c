// The engine worker: WebLLM's own handler. bocal/browser/engine.py speaks its messages.
import * as shelves from "./shelves.js";
import { WebWorkerMLCEngineHandler } from "./web-llm/index.js";

Object.defineProperty(self, "caches", { value: shelves });

// A model library that fails says why on the console, then exits with a bare status: hand the words on.
const tell = console.error;
console.error = (...words) => {
  tell(...words);
  self.postMessage({ kind: "said", content: words.join(" ") });
};

// Of an answer's tokens WebLLM tells those it read anew and those it wrote: add how many now fill the window.
class Handler extends WebWorkerMLCEngineHandler {
  postMessage(message) {
    const { usage, model } = message.content ?? {};
    if (usage?.extra) {
      const pipeline = this.engine.loadedModelIdToPipeline.get(model);
      usage.extra.window_tokens = pipeline?.filledKVCacheLength ?? 0;
    }
    super.postMessage(message);
  }
}

const handler = new Handler();
self.onmessage = (message) => handler.onmessage(message);
self.postMessage({ kind: "started" });
