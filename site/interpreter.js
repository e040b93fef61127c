// Pyodide as PyScript boots it here: its files lie in pyodide/, and JavaScript's null is Python's None.
import { loadPyodide as load, version } from "./pyodide/pyodide.mjs";

// Chromium 156 ends a page whose memory it clears while Python runs on a stack of its own (JSPI), as its start would:
// without it Pyodide stays on the page's stack, and all that is missed is waiting in the middle of a call (`run_sync`).
delete WebAssembly.Suspending;

export { version };
export const loadPyodide = (options) =>
  load({ ...options, indexURL: new URL("pyodide/", import.meta.url).href, convertNullToNone: true });
