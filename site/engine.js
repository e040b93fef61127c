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

const handler = new WebWorkerMLCEngineHandler();
self.onmessage = (message) => handler.onmessage(message);
self.postMessage({ kind: "started" });
