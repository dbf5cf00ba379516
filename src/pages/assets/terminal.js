// A tablet or PC without a key makes one and asks two members of staff for its registration: the
// public key travels in a QR code, behind the `#`, which browsers send to no server.

import * as api from "./api.js";
import { hex } from "./cose.js";
import { ROLES, comparison, nameOf, pageOf, standing } from "./keyring.js";
import { at, canSign, element, guarded, ledgerName, text } from "./page.js";
import { draw } from "./qr.js";
import { keep, makeKey } from "./store.js";

const POLL_MS = 2000;

const [form, waiting, list] = ["#ask", "#waiting", "#held"].map(at);
let watched = null;

/** What the staff's page reads. */
const requestUrl = (role, key) => {
  const asked = new URLSearchParams({ key: hex(key.publicKey), role, name: key.name });
  return `${location.origin}/${ledgerName}/enrol#${asked}`;
};

async function showWaiting(role, key) {
  watched = role;
  form.hidden = true;
  waiting.hidden = false;
  at("#asked-what").textContent = `${text(`role-${role}`)}: ${key.name}`;
  at("#comparison").textContent = await comparison(key.publicKey);
  const url = requestUrl(role, key);
  at("#request").href = url;
  draw(at("#request-code"), url);
}

async function poll() {
  const role = watched;
  if (!role || document.hidden) return;
  const { state } = await standing(role);
  if (role !== watched || state === "waiting") return;
  watched = null;
  if (state === "registered") location.assign(pageOf(role));
  else location.reload();
}

async function ask(role, name) {
  const key = { ...(await makeKey()), name };
  await keep(nameOf(role), key);
  await showWaiting(role, key);
}

function row(role, { state, key, found }) {
  const item = element("li", "", element("strong", "", text(`role-${role}`)), " ");
  item.append(element("span", "", found?.placeName ?? found?.name ?? key.name), " ", text(`terminal-state-${state}`));
  if (state === "registered") {
    const link = element("a", "button quiet", text("terminal-open"));
    link.href = pageOf(role);
    item.append(link);
  } else if (state === "waiting") {
    const button = element("button", "button quiet", text("terminal-show"));
    button.type = "button";
    button.addEventListener("click", () => guarded(() => showWaiting(role, key)));
    item.append(button);
  }
  return item;
}

/** What this browser holds; a role with a key that is good or waits is not asked for again. */
async function showHeld() {
  const rows = [];
  let waits = null;
  for (const role of ROLES) {
    const found = await standing(role);
    const radio = form.querySelector(`input[value='${role}']`);
    radio.disabled = ["waiting", "registered"].includes(found.state);
    if (found.state === "none") continue;
    rows.push(row(role, found));
    if (found.state === "waiting") waits = [role, found.key];
  }
  list.replaceChildren(...rows);
  at("#held-box").hidden = rows.length === 0;
  const free = [...form.querySelectorAll("input[type='radio']:not(:disabled)")];
  const wanted = new URLSearchParams(location.search).get("role");
  const first = free.find(({ value }) => value === wanted) ?? free[0];
  if (first) first.checked = true;
  form.hidden = !first;
  if (waits) await showWaiting(...waits);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = new FormData(form);
  const name = asked.get("name").trim();
  at("#name-fault").textContent = name ? "" : text("terminal-name-missing");
  if (name) guarded(() => ask(asked.get("role"), name))();
  else at("#name").focus();
});
at("#cancel").addEventListener("click", guarded(async () => {
  const role = watched;
  // A key that is registered meanwhile must not be lost.
  const { state } = await standing(role);
  watched = null;
  if (state === "waiting") await keep(nameOf(role), undefined);
  location.reload();
}));

if (canSign()) {
  await guarded(showHeld)();
  setInterval(() => poll().catch(() => undefined), POLL_MS);
} else {
  at("#say").textContent = text("browser-cannot");
  form.hidden = true;
}
