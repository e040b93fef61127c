// The sandbox's worker. It is one module with pyodide.asm.mjs and pyodide.js before it (see browser/runner.py), so that
// the policy need not let a script be imported; `_createPyodideModule` and `self.loadPyodide` are theirs.
onmessage = async ({ data: { files, job } }) => {
  onmessage = null;
  const say = postMessage.bind(self);
  try {
    const python = await start(files, job);
    python.runPython(job.program);
    await python.globals.get("run")(job.code, say);
  } catch (error) {
    say(JSON.stringify({ kind: "broke", detail: String(error).slice(-2000) }));
  }
};

async function start(files, { memory, lock }) {
  delete WebAssembly.Suspending; // as in interpreter.js
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer.byteLength + pages * 65536 > memory) throw new RangeError("more memory than allowed");
    return grow.call(this, pages);
  };
  const { fetch } = self;
  self.fetch = async (address) =>
    new Response(files[String(address).split("/").pop()], { headers: { "Content-Type": "application/wasm" } });
  const python = await self.loadPyodide({
    createPyodideModule: _createPyodideModule,
    indexURL: "https://sandbox.invalid/",
    lockFileContents: lock,
    convertNullToNone: true,
    env: { MPLBACKEND: "agg" },
  });
  self.fetch = fetch;
  limitFiles(python.FS, memory);
  return python;
}

// Files are kept outside Python's memory: they may take as much again.
function limitFiles(FS, most) {
  const { MEMFS } = FS.filesystems;
  const expand = MEMFS.expandFileStorage;
  let taken = 0;
  MEMFS.expandFileStorage = (node, size) => {
    const before = node.contents?.length ?? 0;
    if (taken + size - before > most) throw new FS.ErrnoError(51); // ENOSPC
    expand(node, size);
    taken += node.contents.length - before;
  };
}
//# sourceURL=runner.js
