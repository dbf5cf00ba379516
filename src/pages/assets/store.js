// Keys of this browser, in IndexedDB. Private keys are made non-extractable: not even this page can
// read them.

import { kidOf } from "./cose.js";

const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open("kenmai", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function run(mode, work) {
  const db = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction("kept", mode);
      const request = work(transaction.objectStore("kept"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** Keeps a value under a name. */
export const keep = (name, value) => run("readwrite", (store) => store.put(value, name));

/** The value kept under a name, or undefined. */
export const kept = (name) => run("readonly", (store) => store.get(name));

/** Forgets what is kept under a name. */
export const forget = (name) => run("readwrite", (store) => store.delete(name));

/** The names below `prefix` under which something is kept. */
export const namesUnder = (prefix) =>
  run("readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)));

/** Makes an Ed25519 key: { kid, publicKey, privateKey }. */
export async function makeKey() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { kid: await kidOf(publicKey), publicKey, privateKey: pair.privateKey };
}
