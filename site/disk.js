// Files between the visitor's disk and WebLLM's databases, one at a time, each whole in memory only while it is moved.
// It decides nothing: bocal/browser/disk.py says which file goes where.
import "./hash-wasm/md5.umd.min.js";
import { opened, put } from "./records.js";

async function data({ database, table, key }) {
  const asked = (await opened(database, table)).transaction(table).objectStore(table).get(key);
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result?.data);
    asked.onerror = () => reject(asked.error);
  });
}

// What a file would hold: bytes as they are, what WebLLM keeps parsed as JSON again.
const content = (value) => (value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob ? value : JSON.stringify(value));

const doing = {
  async measure(place) {
    const value = await data(place);
    return value === undefined ? null : new Blob([content(value)]).size;
  },

  // Returns false, and keeps nothing, when the hash is another.
  async keep({ file, md5, json, every, place }, report) {
    const bytes = new Uint8Array(file.size);
    const hash = md5 ? await hashwasm.createMD5() : null;
    hash?.init();
    const reader = file.stream().getReader();
    for (let done = 0, told = 0; ; ) {
      const piece = await reader.read();
      if (piece.done) break;
      bytes.set(piece.value, done);
      hash?.update(piece.value);
      done += piece.value.byteLength;
      if (performance.now() - told >= every) report((told = performance.now(), done));
    }
    if (hash && hash.digest() !== md5) return false;
    const value = json ? JSON.parse(new TextDecoder().decode(bytes)) : bytes.buffer;
    await put(place, value);
    return true;
  },

  async write({ folder, path, ...place }) {
    const names = path.split("/");
    let into = folder;
    for (const name of names.slice(0, -1)) into = await into.getDirectoryHandle(name, { create: true });
    const file = await (await into.getFileHandle(names.at(-1), { create: true })).createWritable();
    await file.write(content(await data(place)));
    await file.close();
  },

  async blob(place) {
    return new Blob([content(await data(place))]);
  },
};

onmessage = async ({ data: { number, name, content } }) => {
  try {
    postMessage({ number, result: await doing[name](content, (bytes) => postMessage({ bytes: [[number, bytes]] })) });
  } catch (error) {
    postMessage({ number, error: { name: error?.name ?? "Error", text: error?.text ?? String(error) } });
  }
};
