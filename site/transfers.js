// The bytes of downloads: from the network, past a hash, into a file of this site's own (OPFS), then to WebLLM's database.
// It decides nothing: bocal/browser/transfers.py says what to ask, where to write, and what becomes of each answer.
import "./hash-wasm/md5.umd.min.js";
import "./hash-wasm/sha256.umd.min.js";
import { put } from "./records.js";

const HASHES = { md5: hashwasm.createMD5, sha256: hashwasm.createSHA256 };
const PIECE = 1 << 18; // bytes at a time: of an answer where they come within
const SOON = 100; // milliseconds, as each reading costs and leaves memory behind; of a file to hash it again
const GARBAGE = 1 << 24; // bytes of answers between two collections of what reading them left behind
const TURN = 1 << 24; // bytes of a file that are hashed before others get their turn
const MEANWHILE = 10000; // milliseconds that a file which has arrived stays open, to be moved
const PATIENCE = 5000; // milliseconds for a file to open
const answers = new Map(); // number of an answer -> { controller, response }
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
  arrived.set(name, { file, timer: setTimeout(() => takeBack(name)?.close(), MEANWHILE) });
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

// How far each body is, told together: request number -> bytes.
const reached = new Map();
let telling;

function report(number, bytes, every) {
  reached.set(number, bytes);
  telling ??= setTimeout(tell, every);
}

function tell() {
  clearTimeout(telling);
  telling = undefined;
  if (reached.size) postMessage({ bytes: [...reached] });
  reached.clear();
}

// What reads a body, into the same room again and again; a browser that cannot takes new room for each piece.
function reader(body) {
  try {
    const reading = body.getReader({ mode: "byob" });
    let room = new ArrayBuffer(PIECE);
    let min = 1;
    return async () => {
      const began = performance.now();
      const piece = await reading.read(new Uint8Array(room), { min });
      min = performance.now() - began < SOON ? Math.min(2 * min, PIECE) : 1;
      room = piece.value?.buffer;
      return piece;
    };
  } catch {
    const reading = body.getReader();
    return () => reading.read();
  }
}

// Each chunk of an answer leaves some kilobytes in Chromium's memory that it does not count: they would add up to a sixth of
// the download. An ArrayBuffer of this length, which nobody touches and so takes no memory, makes it collect them.
let uncollected = 0;

function collect(bytes) {
  uncollected += bytes;
  if (uncollected < GARBAGE) return;
  uncollected = 0;
  try {
    new ArrayBuffer(1 << 26);
  } catch {
    // Where there are not so many addresses left, the browser collects of its own accord.
  }
}

// Hash what is here of a file; a slow disk takes its time, in which other files get their turn, and `alive` is called.
async function hashStart(hash, file, length, alive = () => {}) {
  hash.init();
  const piece = new Uint8Array(PIECE);
  let turn = TURN;
  for (let from = 0; from < length; ) {
    const read = file.read(piece.subarray(0, Math.min(PIECE, length - from)), { at: from });
    hash.update(piece.subarray(0, read));
    from += read;
    if (from < turn) continue;
    turn += TURN;
    alive();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

const doing = {
  // Whether there is a place for partial files that outlasts the page.
  lasts: async () => !!(await folder),

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
  async ask({ asked, url, method, from, headers }) {
    const controller = new AbortController();
    answers.set(asked, { controller });
    try {
      const response = await fetch(url, {
        method,
        headers: from ? { Range: `bytes=${from}-` } : {},
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: controller.signal,
      });
      answers.set(asked, { controller, response });
      return {
        status: response.status,
        redirected: response.redirected,
        headers: Object.fromEntries(headers.map((name) => [name, response.headers.get(name) ?? ""])),
      };
    } catch (error) {
      answers.delete(asked);
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
      expect(file.getSize() >= at, file);
      file.truncate(at);
      const alive = () => {
        controller.signal.throwIfAborted();
        report(number, at, every);
      };
      if (hash) await hashStart(hash, file, at, alive);
      alive();
      let done = at;
      const read = reader(response.body);
      try {
        for (;;) {
          const piece = await read().catch((error) => {
            throw Object.assign(error, { network: true });
          });
          if (piece.value?.byteLength) {
            file.write(piece.value, { at: done });
            hash?.update(piece.value);
            done += piece.value.byteLength;
            report(number, done, every);
            collect(piece.value.byteLength);
          }
          if (piece.done || (most && done > most)) break;
        }
      } finally {
        tell();
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

  // The length and the hash of a partial file, as it is.
  async hash({ name, algorithm }) {
    const hash = await HASHES[algorithm]();
    const read = async (file) => {
      await hashStart(hash, file, file.getSize());
      return { bytes: file.getSize(), digest: hash.digest() };
    };
    return await withFile(name, false, read, (file) => leave(name, file));
  },

  // Put a whole partial file into WebLLM's database, as JSON of at most so many levels or (0) as bytes; return once that is committed, and the file gone.
  async keep({ name, bytes, place, levels }) {
    await withFile(name, false, async (file) => {
      expect(file.getSize() === bytes, file);
      const data = new ArrayBuffer(bytes);
      file.read(new Uint8Array(data), { at: 0 });
      file.close(); // browsers count a file that is open as up to twice as long as it is
      const value = levels ? JSON.parse(new TextDecoder().decode(data)) : data;
      if (levels && isDeeper(value, levels)) throw new SyntaxError("nested too deep");
      await put(place, value);
    });
    await doing.drop({ name });
  },

  async close({ names }) {
    for (const name of names) {
      while (busy.has(name)) await busy.get(name);
      takeBack(name)?.close();
    }
  },

  async drop({ name }) {
    await doing.close({ names: [name] });
    const held = inMemory.delete(name);
    await (await folder)?.removeEntry(name).catch((error) => {
      if (held) return; // there is none, or it did not open in time, and does now: it goes at the next visit
      if (error.name !== "NotFoundError") throw error;
    });
  },
};

function expect(length, file) {
  if (!length) throw Object.assign(new Error(`${file.getSize()} bytes are left`), { name: "OtherLength" });
}

function isDeeper(value, levels) {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

onmessage = async ({ data: { number, name, content } }) => {
  try {
    postMessage({ number, result: await doing[name](content, number) });
  } catch (error) {
    postMessage({ number, error: { name: error?.name ?? "Error", text: error?.text ?? String(error), network: !!error?.network } });
  }
};
