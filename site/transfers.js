// The bytes of downloads: from the network, past a hash, into a file of this site's own (OPFS), then to WebLLM's database.
// It decides nothing: bocal/browser/transfers.py says what to ask, where to write, and what becomes of each answer.
import "./hash-wasm/md5.umd.min.js";
import "./hash-wasm/sha256.umd.min.js";

const HASHES = { md5: hashwasm.createMD5, sha256: hashwasm.createSHA256 };
const PIECE = 1 << 20; // bytes read at a time from a file to hash it again
const PATIENCE = 5000; // milliseconds for a file to open
const answers = new Map(); // request number -> { controller, response }
const databases = new Map();
const busy = new Map(); // name of a partial file -> promise of its being closed

const folder = navigator.storage?.getDirectory?.().then((root) => root.getDirectoryHandle("partial", { create: true })).catch(() => null);

// A small file, and any file where the browser gives none (private windows of some) or takes too long to open it.
class InMemory {
  pieces = new Uint8Array(0);
  length = 0;
  getSize = () => this.length;
  close() {}
  truncate(size) {
    this.length = Math.min(size, this.length);
  }
  write(piece, { at }) {
    if (at + piece.byteLength > this.pieces.byteLength) {
      const wider = new Uint8Array(Math.max(2 * this.pieces.byteLength, at + piece.byteLength));
      wider.set(this.pieces.subarray(0, this.length));
      this.pieces = wider;
    }
    this.pieces.set(piece, at);
    this.length = at + piece.byteLength;
  }
  read(into, { at }) {
    const piece = this.pieces.subarray(at, Math.min(this.length, at + into.byteLength));
    into.set(piece);
    return piece.byteLength;
  }
}
const inMemory = new Map();

// What a promise gives, or undefined when that takes too long; what comes too late is handed to `late`.
function inTime(promise, late) {
  let over = false;
  const coming = promise.then((value) => (over ? late(value) : value));
  return Promise.race([coming, new Promise((resolve) => setTimeout(() => ((over = true), resolve()), PATIENCE))]);
}

async function openFile(name, toMemory) {
  const known = takeBack(name) ?? inMemory.get(name);
  if (known) return known;
  const place = await folder;
  const file = new InMemory();
  if (place && !toMemory) {
    const handle = await place.getFileHandle(name, { create: true });
    const opened = await inTime(handle.createSyncAccessHandle(), (late) => late.close());
    if (opened) return opened;
    // Chromium on a busy machine now and then never opens a file; reading it is another matter.
    file.write(new Uint8Array(await (await handle.getFile()).arrayBuffer()), { at: 0 });
  }
  inMemory.set(name, file);
  return file;
}

// Files that have just arrived, left open for a moment: they are moved next.
const arrived = new Map();

function leave(name, file) {
  arrived.set(name, { file, timer: setTimeout(() => takeBack(name)?.close(), 1000) });
}

function takeBack(name) {
  const left = arrived.get(name);
  clearTimeout(left?.timer);
  arrived.delete(name);
  return left?.file;
}

// Do `work` with a partial file, alone; one that is not here yet is held in memory where that is asked.
async function withFile(name, toMemory, work, close = (file) => file.close()) {
  while (busy.has(name)) await busy.get(name);
  const { promise, resolve } = Promise.withResolvers();
  busy.set(name, promise);
  let file;
  try {
    file = await openFile(name, toMemory);
    const result = await work(file);
    close(file);
    return result;
  } catch (error) {
    file?.close();
    throw error;
  } finally {
    busy.delete(name);
    resolve();
  }
}

const doing = {
  // How many bytes of each partial file are here: { name: bytes }.
  async sizes() {
    const sizes = {};
    for await (const [name, handle] of (await folder)?.entries() ?? []) {
      const file = await handle.getFile().catch(() => null); // moved meanwhile
      if (file) sizes[name] = file.size;
    }
    for (const [name, file] of inMemory) sizes[name] = file.length;
    return sizes;
  },

  // The head of an answer; its body waits until it is taken or dropped.
  async ask({ url, from, headers }, number) {
    const controller = new AbortController();
    answers.set(number, { controller });
    try {
      const response = await fetch(url, {
        headers: from ? { Range: `bytes=${from}-` } : {},
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: controller.signal,
      });
      answers.set(number, { controller, response });
      return {
        status: response.status,
        redirected: response.redirected,
        headers: Object.fromEntries(headers.map((name) => [name, response.headers.get(name) ?? ""])),
      };
    } catch (error) {
      answers.delete(number);
      throw error;
    }
  },

  abort({ asked }) {
    answers.get(asked)?.controller.abort();
    answers.delete(asked);
  },

  // Write a body into a partial file from `at` on; return the file's length and hash.
  async take({ asked, name, at, algorithm, most, every, in_memory }, number) {
    const { controller, response } = answers.get(asked);
    const hash = await HASHES[algorithm]?.();
    const write = async (file) => {
      file.truncate(at);
      hash?.init();
      for (let from = 0; hash && from < at; ) {
        const piece = new Uint8Array(Math.min(PIECE, at - from));
        from += file.read(piece, { at: from });
        hash.update(piece);
      }
      let done = at;
      let told = 0;
      const reader = response.body.getReader();
      try {
        for (;;) {
          const piece = await reader.read().catch((error) => {
            throw Object.assign(error, { network: true });
          });
          if (piece.done) break;
          file.write(piece.value, { at: done });
          hash?.update(piece.value);
          done += piece.value.byteLength;
          if (performance.now() - told >= every) {
            told = performance.now();
            postMessage({ number, bytes: done });
          }
          if (most && done > most) break;
        }
      } finally {
        postMessage({ number, bytes: done });
      }
      return { bytes: done, digest: hash?.digest() ?? "" };
    };
    try {
      return await withFile(name, in_memory, write, (file) => leave(name, file));
    } finally {
      controller.abort();
      answers.delete(asked);
    }
  },

  // Put a whole partial file into WebLLM's database, as JSON of at most so many levels or (0) as bytes; return once that is committed, and the file gone.
  async keep({ name, database, table, key, levels }) {
    await withFile(name, false, async (file) => {
      const data = new ArrayBuffer(file.getSize());
      file.read(new Uint8Array(data), { at: 0 });
      const value = levels ? JSON.parse(new TextDecoder().decode(data)) : data;
      if (levels && isDeeper(value, levels)) throw new SyntaxError("nested too deep");
      const transaction = (await opened(database)).transaction(table, "readwrite");
      transaction.objectStore(table).put({ url: key, data: value });
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      data.transfer?.(0); // given back now, not at the next collection of garbage
    });
    await doing.drop({ name });
  },

  async drop({ name }) {
    while (busy.has(name)) await busy.get(name);
    takeBack(name)?.close();
    if (inMemory.delete(name)) return; // where its file did not open, what is left of that goes at the next visit
    await (await folder)?.removeEntry(name).catch((error) => {
      if (error.name !== "NotFoundError") throw error;
    });
  },
};

function isDeeper(value, levels) {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

function opened(name) {
  if (!databases.has(name)) {
    const opening = new Promise((resolve, reject) => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    databases.set(name, opening);
    const forget = () => databases.delete(name);
    opening.then((database) => {
      database.onclose = forget;
      database.onversionchange = () => (forget(), database.close());
    }, forget);
  }
  return databases.get(name);
}

onmessage = async ({ data: { number, name, content } }) => {
  try {
    postMessage({ number, result: await doing[name](content, number) });
  } catch (error) {
    postMessage({ number, error: { name: error?.name ?? "Error", text: String(error), network: !!error?.network } });
  }
};
