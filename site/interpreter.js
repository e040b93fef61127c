// Pyodide as PyScript boots it here: its files lie in pyodide/, and JavaScript's null is Python's None.
import { loadPyodide as load, version } from "./pyodide/pyodide.mjs";

export { version };
export const loadPyodide = (options) =>
  load({ ...options, indexURL: new URL("pyodide/", import.meta.url).href, convertNullToNone: true });
