// The keys that this tablet or PC holds, one for each role. The private keys never leave the
// browser; what a key may do stands in the ledger.

import * as api from "./api.js";
import { hex, session, sha256 } from "./cose.js";
import { at, canSign, element, ledgerName, text } from "./page.js";
import { kept } from "./store.js";

const AGAIN_MS = 3000;

/** Where the key of a role is kept. */
export const nameOf = (role) => `${ledgerName}/key/${role}`;

/** The roles a browser can hold keys of, in the order of the tabs. */
export const ROLES = ["shop", "station", "coach", "kiosk", "staff"];

/** The page of a role; the staff's is the one where they sign. */
export const pageOf = (role) => `/${ledgerName}/${{ staff: "enrol", kiosk: "desk" }[role] ?? role}`;

/** The key of a role and how it stands: "none", "waiting", "revoked" or "registered". */
export async function standing(role) {
  const key = await kept(nameOf(role));
  if (!key) return { state: "none" };
  const found = await api.key(ledgerName, hex(key.kid));
  if (!found) return { state: "waiting", key };
  return { state: found.revoked ? "revoked" : "registered", key, found };
}

/** Twelve digits out of a key's hash, to compare on two screens by reading aloud. */
export async function comparison(publicKey) {
  const hash = await sha256("kenmai/v1/comparison", publicKey);
  const number = new DataView(hash.buffer).getBigUint64(0) % 10n ** 12n;
  return String(number).padStart(12, "0").match(/..../g).join("-");
}

/** Calls a function with the token of a session of this key, and opens another one when it has ended. */
export function reader(key) {
  let token;
  const open = async () => {
    const signed = await session(key, await api.ledger(ledgerName));
    ({ token } = await api.openSession(ledgerName, signed));
  };
  return async (read) => {
    if (!token) await open();
    try {
      return await read(token);
    } catch (error) {
      if (error.slug !== "session-required") throw error;
      await open();
      return read(token);
    }
  };
}

async function tabs(nav, role) {
  for (const other of ROLES.filter((name) => name !== "staff")) {
    if (!(await kept(nameOf(other)))) continue;
    const tab = element("a", "", text(`terminal-tab-${other}`));
    tab.href = pageOf(other);
    if (other === role) tab.setAttribute("aria-current", "page");
    nav.append(tab);
  }
  if (role === "shop") {
    const due = element("a", "", text("terminal-tab-settlement"));
    due.href = `/${ledgerName}/settlement`;
    nav.append(due);
  }
  nav.hidden = nav.children.length < 2;
}

/**
 * Opens the page of a role: gives the key and what the ledger says of it once it is registered, or says in `#start`
 * what is missing and never returns.
 */
export async function openRole(role) {
  const say = at("#start-say");
  const stop = () => new Promise(() => {});
  if (!canSign()) {
    say.textContent = text("browser-cannot");
    return stop();
  }
  tabs(at("#tabs"), role);
  for (;;) {
    try {
      const { state, key, found } = await standing(role);
      if (state === "registered") {
        at("#place").textContent = found.placeName ?? found.name;
        at("#start").hidden = true;
        at("#work").hidden = false;
        return { key, found };
      }
      say.textContent = text(`terminal-key-${state}`);
      at("#start-link").hidden = false;
      return stop();
    } catch {
      say.textContent = text("terminal-unreachable");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
