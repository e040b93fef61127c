// Runs compile_bytecode.py inside Pyodide, so that the bytecode is for the very interpreter the page boots.
// Usage: node compile_bytecode.mjs FOLDER_OF_PYODIDE MODE IN OUT [MODE IN OUT ...]
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [indexURL, ...jobs] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${indexURL}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL });
pyodide.runPython(readFileSync(new URL("compile_bytecode.py", import.meta.url), "utf8"));
for (let i = 0; i < jobs.length; i += 3) {
  const [mode, input, output] = jobs.slice(i, i + 3);
  pyodide.FS.writeFile("/in.zip", readFileSync(input));
  pyodide.globals.get(mode)("/in.zip", "/out.zip");
  writeFileSync(output, pyodide.FS.readFile("/out.zip"));
}
