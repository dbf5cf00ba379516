// The calls of ledger-spec/05-http.md that the pages make.

import { hex, session, unhex } from "./cose.js";
import { parseVkey } from "./proof.js";

/** A refusal of the server, or no answer at all (`slug` "network"). */
export class Problem extends Error {
  constructor({ slug, title, retry, status }) {
    super(title ?? slug);
    this.slug = slug;
    this.title = title;
    this.retry = retry;
    this.status = status;
  }
}

/** Longer than the server takes for its slowest answer; a phone with bad signal would wait for ever. */
const CALL_MS = 20_000;

async function call(path, options = {}) {
  let response;
  try {
    const signal = AbortSignal.timeout(CALL_MS);
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", signal, ...options });
  } catch {
    throw new Problem({ slug: "network", retry: "same_id" });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Problem({
    slug: told.type?.split("/").pop() ?? `http-${response.status}`,
    title: (document.documentElement.lang === "en" && told.title_en) || told.title,
    retry: told.retry ?? (response.status >= 500 ? "same_id" : "never"),
    status: response.status,
  });
}

const json = async (...request) => (await call(...request)).json();
const plain = async (...request) => (await call(...request)).text();
const post = (type, body) => ({ method: "POST", headers: { "content-type": type }, body });
const cose = (bytes) => post("application/cose", bytes);
const bearer = (token) => (token ? { headers: { authorization: `Bearer ${token}` } } : {});

/** Reads the ledger's facts; `nowS()` follows the server's clock, so a wrong phone clock does no harm. */
export async function ledger(name) {
  const asked = Date.now();
  const facts = await json(`/v1/${name}`);
  const offsetS = facts.now_s - Math.floor((asked + Date.now()) / 2000);
  return ledgerOf(name, { id: unhex(facts.ledger_id), programmeVersion: facts.programme_version, offsetS });
}

/** A ledger by the facts that were read earlier. */
export function ledgerOf(name, facts) {
  const ledger = { name, ...facts, nowS: () => Math.floor(Date.now() / 1000) + ledger.offsetS };
  return ledger;
}

/** Sends a signed statement; sending the same bytes again is always safe. */
export const submit = (name, bytes) => json(`/v1/${name}/statements`, cose(bytes));
export const checkCode = (name, bytes) => json(`/v1/${name}/qr/check`, cose(bytes));
/** { proof, resident }: a desk or kiosk also learns what the resident may see on its screen. */
export async function provePin(name, bytes) {
  const { proof, resident } = await json(`/v1/${name}/pin`, cose(bytes));
  return { proof: unhex(proof), resident };
}
/** Sends a PIN with the statement that sets it; sending it again is safe. */
export const setPin = (name, bytes) => json(`/v1/${name}/pin`, { ...cose(bytes), method: "PUT" });
export const openSession = (name, bytes) => json(`/v1/${name}/sessions`, cose(bytes));

/** Asks with the session of this browser; opens one with the phone's key where there is none, or a till's. */
export async function signedIn(name, phone, ask) {
  try {
    return await ask();
  } catch (error) {
    if (!["session-required", "role-not-permitted"].includes(error.slug)) throw error;
    await openSession(name, await session(phone, await ledger(name)));
    return ask();
  }
}

const whom = (link) => (link ? `?for=${link}` : "");
/** Of the own account, or of who lets this phone help by a link. */
export const balance = (name, token, link) => json(`/v1/${name}/me${whom(link)}`, bearer(token));
export const history = (name, limit, token) => json(`/v1/${name}/me/history?limit=${limit}`, bearer(token));
export const receipt = (name, seq, token) => plain(`/v1/${name}/entries/${seq}/receipt`, bearer(token));
export const next = (name, seq, token) => json(`/v1/${name}/entries/${seq}/next`, bearer(token));
export const checkpoint = (name) => plain(`/${name}/checkpoint`);
export const vkey = async (name) => parseVkey(await plain(`/${name}/vkey`));

export const programme = (name) => json(`/v1/${name}/programme`);
export const places = (name, role) => json(`/v1/${name}/places?role=${role}`);
export const proposal = (name, seq, token) => json(`/v1/${name}/proposals/${seq}`, bearer(token));
export const proposals = (name, token) => json(`/v1/${name}/proposals`, bearer(token));
export const links = (name, token) => json(`/v1/${name}/me/links`, bearer(token));
export const catalogue = (name) => json(`/v1/${name}/catalogue`);
export const partners = (name) => json(`/v1/${name}/partners`);
export const family = (name) => json(`/v1/${name}/me/family`);
export const rewards = (name, link) => json(`/v1/${name}/me/rewards${whom(link)}`);

/** What perk cards of a ledger are checked with: { ledger, asOfS, keys, revoked }. */
export async function revokedCards(name) {
  const revoked = [];
  let page;
  do {
    page = await json(`/v1/${name}/perk-cards/revoked${page ? `?after=${page.next_after}` : ""}`);
    revoked.push(...page.revoked);
  } while (page.next_after);
  const keys = page.keys.map(({ kid, public_key: publicKey }) => ({ kid, publicKey: unhex(publicKey) }));
  return { ledger: unhex(page.ledger_id), asOfS: page.as_of_s, keys, revoked };
}

/** The perk card that this terminal has claimed just before. */
export const claimedCard = async (name, seq, token) =>
  unhex((await json(`/v1/${name}/entries/${seq}/perk-card`, bearer(token))).card);

export const voucher = (name, claim, code, token) =>
  json(`/v1/${name}/vouchers/${claim}?code=${hex(code)}`, bearer(token));
export const settlements = (name, token, month) =>
  json(`/v1/${name}/settlements${month ? `?month=${month}` : ""}`, bearer(token));
export const statement = (name, seq, token) => json(`/v1/${name}/settlements/${seq}`, bearer(token));
export const statementCsv = (name, seq, token) => plain(`/v1/${name}/settlements/${seq}/csv`, bearer(token));
export const invoice = (name, month, token) => json(`/v1/${name}/invoices/${month}`, bearer(token));
export const invoiceCsv = (name, month, token) => plain(`/v1/${name}/invoices/${month}/csv`, bearer(token));
export const shopToday = (name, token) => json(`/v1/${name}/shop/today`, bearer(token));

/** The text of the QR code in a camera frame, or null. */
export async function frame(name, jpeg, token) {
  const { headers, ...request } = post("image/jpeg", jpeg);
  const response = await call(`/v1/${name}/qr/frame`, { ...request, headers: { ...headers, ...bearer(token).headers } });
  return response.status === 204 ? null : (await response.json()).text;
}

/** Both persons of a demo city register a terminal's key (32 bytes) at a place of its own. */
export const demoTerminal = (name, publicKey, role, placeName) => {
  const body = JSON.stringify({ key: hex(publicKey), role, name: placeName });
  return json(`/v1/${name}/demo/terminals`, post("application/json", body));
};

/** Lets a stranger into a demo city; keys are public keys (32 bytes) or absent. */
export const visitor = (name, stationKey, tillKey) => {
  const keys = stationKey ? { station_key: hex(stationKey), till_key: hex(tillKey) } : {};
  return json(`/v1/${name}/demo/visitors`, post("application/json", JSON.stringify(keys)));
};

/** A registered key, or null when the ledger does not publish it. */
export async function key(name, kid) {
  try {
    const found = await json(`/v1/${name}/keys/${kid}`);
    const { role, name: named, place, place_name: placeName, revoked } = found;
    return { publicKey: unhex(found.public_key), role, name: named, place, placeName, revoked };
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The signed manifest that lists a row of the signed-in reader, or null when there is none to be had. */
export async function manifest(name, seq) {
  try {
    return new Uint8Array(await (await call(`/v1/${name}/entries/${seq}/manifest`)).arrayBuffer());
  } catch (error) {
    if ([401, 404].includes(error.status)) return null;
    throw error;
  }
}

export const tile = async (name, path) => new Uint8Array(await (await call(`/${name}/${path}`)).arrayBuffer());

/**
 * What `examine` of proof.js reads, for a receipt of this origin. `ledgers` maps origins to names of ledgers of this
 * server; a verifier key that the reader brought along (from a poster, a newspaper) goes before the server's own.
 */
export function source(ledgers, origin, broughtVkey) {
  const name = ledgers.get(origin);
  const ours = name ? { checkpoint: () => checkpoint(name), tile: (path) => tile(name, path) } : {};
  return {
    vkey: () => (broughtVkey ? parseVkey(broughtVkey) : name ? vkey(name) : null),
    key: (kid) => (name ? key(name, kid) : null),
    manifest: (seq) => (name ? manifest(name, seq) : null),
    ...ours,
  };
}
