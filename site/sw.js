// The service worker: a second visit needs no network. The build writes what each cache holds, under a name made from its content.
// Another Bocal on the same origin, in another folder, has caches of its own: their names end in its address.
const CACHES = [/* caches */].map(({ name, files }) => ({ name: `${name} ${self.registration.scope}`, files }));

self.addEventListener("install", (event) => event.waitUntil(Promise.all(CACHES.map(fill))));

// What a release is being copied over answers with files of two: what does not have its hash is not kept, and this release waits.
async function fill({ name, files }) {
  const cache = await caches.open(name);
  if ((await cache.keys()).length === files.length) return; // kept from the release before
  await cache.addAll(files.map(([file, integrity]) => new Request(file, { cache: "no-cache", integrity })));
}

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  const current = new Set(CACHES.map(({ name }) => name));
  const ours = (name) => name.startsWith("bocal-") && (name.endsWith(` ${self.registration.scope}`) || !name.includes(" "));
  const old = (await caches.keys()).filter((name) => ours(name) && !current.has(name));
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === location.origin) event.respondWith(answer(request));
});

async function answer(request) {
  const wanted = request.mode === "navigate" ? self.registration.scope : request;
  for (const { name } of CACHES) {
    const kept = await caches.match(wanted, { cacheName: name }); // handed on untouched: keeps the compiled-wasm cache
    if (kept) return kept;
  }
  return fetch(request);
}

self.addEventListener("message", (event) => event.data === "take over" && self.skipWaiting());
