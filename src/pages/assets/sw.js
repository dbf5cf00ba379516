// The worker behind `keepForOffline`: the pay page and the one that checks perk cards open without
// signal. It keeps only the files that the server names in KEPT (above this line: { version, pages,
// cards, files }); they are the same for everyone. All else goes by untouched.

const NAME = `kenmai-${KEPT.version}`;
const WAIT_MS = 4000;
// After a failure the kept files come at once for so long: a page is many files, and each would
// wait anew.
const CUT_OFF_MS = 15_000;
let cutOffUntil = 0;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  const known = KEPT.files.includes(pathname) || KEPT.pages.includes(pathname);
  const card = mode === "navigate" && pathname.match(/^\/C\/(\w+)$/);
  // A perk card is checked by the kept page, with a network and without: no server learns that it
  // was shown.
  if (card) event.respondWith(Response.redirect(`${KEPT.cards}#${card[1]}`));
  else if (known) event.respondWith(answer(event.request, pathname));
  else if (mode === "navigate") event.respondWith(fetch(event.request).catch(() => kept("/offline")));
});

async function install() {
  const cache = await caches.open(NAME);
  await cache.addAll([...KEPT.files, ...KEPT.pages].map((path) => new Request(path, { cache: "reload" })));
  await self.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith("kenmai-") && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

const kept = async (path) => (await (await caches.open(NAME)).match(path)) ?? Response.error();

async function answer(request, path) {
  if (Date.now() < cutOffUntil) return kept(path);
  try {
    const response = await inTime(fetch(request));
    // A page is kept in the language that was read last; the other files belong to the version.
    if (response.ok && KEPT.pages.includes(path)) await (await caches.open(NAME)).put(path, response.clone());
    if (response.status < 500) return response;
  } catch {
    // The kept file is the answer.
  }
  cutOffUntil = Date.now() + CUT_OFF_MS;
  return kept(path);
}

const inTime = (response) =>
  Promise.race([response, new Promise((_, late) => setTimeout(() => late(new Error("no answer")), WAIT_MS))]);
