// The first person of the staff: sees which key asks, compares it by reading aloud, and proposes
// it.

import * as api from "./api.js";
import { hex, keyRegister, kidOf, random, unhex } from "./cose.js";
import { ROLES, comparison, standing } from "./keyring.js";
import { at, canSign, guarded, ledgerName, text } from "./page.js";
import { compared, finish, sendOnce, showProposed } from "./staff.js";

const POLL_MS = 2000;
const KEY_HEX_CHARS = 64;
const NAME_BYTES_MAX = 120;
/** Roles whose keys stand at a place. */
const STANDING = ["shop", "station"];

const [say, form, place] = ["#say", "#proposal", "#place-choice"].map(at);

/** What the terminal's QR code says; null when it is no request. */
function request() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const [key, role, name] = ["key", "role", "name"].map((field) => asked.get(field) ?? "");
  const bytes = new TextEncoder().encode(name).length;
  const good = /^[0-9a-f]+$/.test(key) && key.length === KEY_HEX_CHARS && ROLES.includes(role);
  return good && bytes > 0 && bytes <= NAME_BYTES_MAX ? { publicKey: unhex(key), role, name } : null;
}

async function showPlaces({ role, name }) {
  place.replaceChildren(new Option(text("enrol-new-place", { name }), ""));
  for (const known of await api.places(ledgerName, role)) place.append(new Option(known.name, known.place));
}

async function watch(kid) {
  const found = await api.key(ledgerName, kid).catch(() => null);
  if (found) {
    at("#proposed").hidden = true;
    say.textContent = text("enrol-registered");
  } else setTimeout(() => watch(kid), POLL_MS);
}

/** Where the key will stand, with the name that goes with it. */
function chosenPlace({ role, name }) {
  if (!STANDING.includes(role)) return { name };
  if (!place.value) return { place: random(8), name };
  return { place: unhex(place.value), name: place.selectedOptions[0].textContent };
}

async function propose(asked, staff) {
  const verdict = await sendOnce(async () => {
    const ledger = await api.ledger(ledgerName);
    return keyRegister(staff, ledger, { ...asked, ...chosenPlace(asked) });
  });
  form.hidden = true;
  showProposed(verdict.seq);
}

async function start() {
  await finish();
  const { state, key: staff } = await standing("staff");
  const holds = state === "registered";
  at("#staff-missing").hidden = holds;
  const asked = request();
  if (!asked) {
    say.textContent = holds ? text("enrol-scan") : "";
    at("#scan-hint").hidden = false;
    return;
  }
  at("#asked").hidden = false;
  at("#asked-role").textContent = text(`role-${asked.role}`);
  at("#asked-name").textContent = asked.name;
  at("#comparison").textContent = await comparison(asked.publicKey);
  const kid = hex(await kidOf(asked.publicKey));
  if (await api.key(ledgerName, kid)) {
    say.textContent = text("enrol-registered");
    return;
  }
  form.hidden = false;
  at("#place-box").hidden = !STANDING.includes(asked.role) || !holds;
  if (!at("#place-box").hidden) await showPlaces(asked);
  at("#staff-twice").hidden = asked.role !== "staff";
  at("#propose").hidden = !holds;
  form.addEventListener("submit", guarded(async () => {
    if (!compared()) return;
    await propose(asked, staff);
    watch(kid);
  }));
  const both = at("#demo-both");
  if (!both) return;
  at("#demo-box").hidden = asked.role === "staff";
  both.addEventListener("click", guarded(async () => {
    if (!compared()) return;
    await api.demoTerminal(ledgerName, asked.publicKey, asked.role, asked.name);
    form.hidden = true;
    watch(kid);
  }));
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
// A second scan in the same window changes only what stands behind the `#`.
addEventListener("hashchange", () => location.reload());
