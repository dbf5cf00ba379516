// Keeps the pay page in this browser, so that it opens without signal.

const WORKER = "/sw.js";
/** The one address that the pages' policy lets become a worker. */
const policy = globalThis.trustedTypes?.createPolicy("kenmai-worker", { createScriptURL: () => WORKER });

/** True once the worker of sw.js holds all that the page needs. */
export async function keepForOffline() {
  if (!("serviceWorker" in navigator)) return false;
  await navigator.serviceWorker.register(policy ? policy.createScriptURL(WORKER) : WORKER);
  await navigator.serviceWorker.ready;
  return true;
}
