// Records of WebLLM's databases, for the workers that move files (transfers.js, disk.js).
const LARGE = 1 << 18; // bytes of a value from which a worker of its own is worth its start
const databases = new Map();

export function opened(name, table) {
  if (!databases.has(name)) {
    const opening = new Promise((resolve, reject) => {
      const asked = indexedDB.open(name);
      // It may have been deleted since the page made it: one without its table would be of no use to anybody.
      asked.onupgradeneeded = () => asked.result.createObjectStore(table, { keyPath: "url" });
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

// Keep a value under a key; return once that is committed. An ArrayBuffer is taken from the caller.
export async function put(place, data) {
  if (!(data instanceof ArrayBuffer) || data.byteLength < LARGE) return putHere(place, data);
  // `put` leaves a copy of the value behind until garbage is next collected; a worker's goes when the worker ends.
  const worker = new Worker(new URL("keeper.js", import.meta.url), { type: "module" });
  try {
    await new Promise((resolve, reject) => {
      worker.onmessage = ({ data: error }) => (error ? reject(error) : resolve());
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ place, data }, [data]);
    });
  } finally {
    worker.terminate();
  }
}

export async function putHere({ database, table, key }, data) {
  const transaction = (await opened(database, table)).transaction(table, "readwrite");
  const record = {
    data,
    get url() {
      // Read after `data` was copied, and before Chromium makes three more copies: one less at a time.
      if (data instanceof ArrayBuffer) letGo(data);
      return key;
    },
  };
  transaction.objectStore(table).put(record);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}

// Give an ArrayBuffer's memory back now: what came from another worker, `transfer` alone would leave to the next collection.
function letGo(data) {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, [data]);
  port1.close();
}
