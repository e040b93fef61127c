// WebLLM's own `indexeddb` backend reads every shard whole to learn that it is there, then again before it loads it.
// So WebLLM is told to use the Cache API, and this stands in for it over the very same databases (bocal/browser/store.py):
// what is here is answered from keys, and while a shard goes to the GPU the next one is read. It never fetches.
const TABLE = "urls";
const AHEAD = 1; // shards read before they are asked for: more only take memory

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

class Shelf {
  #database;
  #order = []; // the shards' addresses, as the list of shards read last tells them
  #coming = new Map();

  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close();
  }

  #table() {
    return this.#database.transaction(TABLE).objectStore(TABLE);
  }

  async keys() {
    return (await result(this.#table().getAllKeys())).map((url) => ({ url }));
  }

  async match({ url }) {
    if ((await result(this.#table().getKey(url))) === undefined) return undefined;
    const read = () => this.#read(url);
    return { arrayBuffer: read, json: read };
  }

  async add({ url }) {
    throw new Error(`${url} is not on this machine`);
  }

  async #read(url) {
    const data = await this.#take(url);
    if (Array.isArray(data?.records)) this.#order = data.records.map(({ dataPath }) => new URL(dataPath, url).href);
    return data;
  }

  #take(url) {
    const coming = this.#coming.get(url) ?? this.#get(url);
    this.#coming.delete(url);
    const at = this.#order.indexOf(url) + 1;
    for (const next of at ? this.#order.slice(at, at + AHEAD) : []) {
      if (!this.#coming.has(next)) this.#coming.set(next, this.#get(next));
    }
    return coming;
  }

  #get(url) {
    const data = result(this.#table().get(url)).then((record) => record?.data);
    data.catch(() => {}); // one read ahead and never asked for fails unheard
    return data;
  }
}

export async function open(name) {
  const asked = indexedDB.open(name, 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE, { keyPath: "url" });
  return new Shelf(await result(asked));
}
