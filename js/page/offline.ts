/**
 * The service worker: keeps the page's own files, so that it opens without a network. The list of them is put in when it
 * is built; a page that changed has another list, and so another worker and another cache.
 */
declare const __FILES__: string[];
declare const __VERSION__: string;

interface Worker extends EventTarget {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
}
interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Asked extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const worker = globalThis as unknown as Worker;
const PREFIX = "edgebatch-page-";
const CACHE = PREFIX + __VERSION__;
const addressOf = (file: string) => new URL(file, worker.registration.scope).href;

worker.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(__FILES__.map(addressOf));
    await worker.skipWaiting();
  };
  (event as Lasting).waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys())
      if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
    await worker.clients.claim();
  };
  (event as Lasting).waitUntil(clean());
});

worker.addEventListener("fetch", (event) => {
  const asked = event as Asked;
  const { method, url, mode } = asked.request;
  const address = url.split(/[?#]/)[0] ?? "";
  // Calls to a server are none of its business: they go out as if it were not there.
  if (method !== "GET" || !__FILES__.map(addressOf).includes(address)) return;
  const kept = async () => (await caches.match(address, { cacheName: CACHE })) ?? Response.error();
  // index.html names the files of its build: with a network it is the newest.
  asked.respondWith(
    mode === "navigate"
      ? fetch(asked.request).catch(kept)
      : kept().then((answer) => (answer.type === "error" ? fetch(asked.request) : answer)),
  );
});
