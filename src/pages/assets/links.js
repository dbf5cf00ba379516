// The resident's links: lists them, ends one and grants one, each signed by the phone's own key. A partner's QR code opens
// this page with `#partner=KID&purpose=NAME` behind the address, which chooses nothing but the fields of the form.

import * as api from "./api.js";
import { dayOf, dayText, hex, linkGrant, linkRevoke, random, session, unhex } from "./cose.js";
import { deliver, canRepeat, post, unfinished } from "./outbox.js";
import { canSign, dateOf, element, ledgerName, showProblem, text } from "./page.js";
import { draw } from "./qr.js";
import { kept } from "./store.js";

const OUTBOX = "links";
const LINK_DAYS_MAX = 366;
const DAY_MS = 86_400_000;

const at = (id) => document.querySelector(id);
const [say, problem, form, partner, purpose, until] =
  ["#say", "#problem", "#grant", "#partner", "#purpose", "#until"].map(at);
const state = { waiting: null };

/** Asks with the session of this browser; opens one with the phone's key where there is none, or a till's. */
async function signedIn(ask) {
  try {
    return await ask();
  } catch (error) {
    if (!["session-required", "role-not-permitted"].includes(error.slug)) throw error;
    await api.openSession(ledgerName, await session(state.phone, state.ledger));
    return ask();
  }
}

const guarded = (work) => async (event) => {
  event?.preventDefault();
  problem.hidden = true;
  await work().catch((error) => showProblem(problem, error));
};

/** Signs once; a second press after a lost answer sends the same bytes. Gives what was noted beside them. */
async function send(sign, facts = {}) {
  state.waiting ??= await post(OUTBOX, await sign(), facts);
  try {
    const sent = state.waiting;
    await deliver(sent);
    state.waiting = null;
    return sent.facts;
  } catch (error) {
    if (!canRepeat(error)) state.waiting = null;
    throw error;
  }
}

async function end(link) {
  const dialog = at("#confirm");
  at("#confirm-what").textContent = text("links-end-what", { name: link.partner, purpose: text(`links-${link.purpose}`) });
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes") return;
  await send(() => linkRevoke(state.phone, state.ledger, unhex(link.link)));
  say.textContent = text("links-ended");
  await list();
}

function line(link) {
  const name = element("strong", "", link.partner);
  name.lang = "ja";
  const key = link.in_force ? "links-line" : "links-line-ended";
  const what = element("span", "", text(key, { purpose: text(`links-${link.purpose}`), date: dateOf(link.until) }));
  const item = element("li", "", name, what);
  if (link.in_force) {
    const button = element("button", "button quiet", text("links-end"));
    button.type = "button";
    button.setAttribute("aria-label", text("links-end-of", { name: link.partner }));
    button.addEventListener("click", guarded(() => end(link)));
    item.append(button);
  }
  return item;
}

async function list() {
  const links = await signedIn(() => api.links(ledgerName));
  at("#links-list").replaceChildren(...links.map(line));
  at("#links-none").hidden = links.length > 0;
  at("#links").hidden = false;
}

function showPurposes() {
  const { purposes } = state.partners.find(({ kid }) => kid === partner.value);
  purpose.replaceChildren(...purposes.map((name) => new Option(text(`links-${name}`), name)));
}

/** From today on for at most a year. */
function untilOrFault() {
  const good = until.value >= until.min && until.value <= until.max;
  at("#until-fault").textContent = good ? "" : text("links-until-fault");
  until.setAttribute("aria-invalid", String(!good));
  if (!good) until.focus();
  return good ? Date.parse(until.value) / DAY_MS : null;
}

async function grant() {
  const last = untilOrFault();
  if (last === null) return;
  const link = random(16);
  const asked = { link, purpose: purpose.value, until: last, partner: unhex(partner.value) };
  const { granted } = await send(() => linkGrant(state.phone, state.ledger, asked), { granted: hex(link) });
  at("#link-number").textContent = granted.match(/..../g).join(" ");
  draw(at("#link-code"), granted.toUpperCase());
  at("#made").hidden = false;
  at("#made-title").focus();
  await list();
}

async function showForm() {
  state.partners = await api.partners(ledgerName);
  if (state.partners.length === 0) return;
  const option = ({ kid, name }) => Object.assign(new Option(name, kid), { lang: "ja" });
  partner.replaceChildren(...state.partners.map(option));
  const asked = new URLSearchParams(location.hash.slice(1));
  if (state.partners.some(({ kid }) => kid === asked.get("partner"))) partner.value = asked.get("partner");
  showPurposes();
  if ([...purpose.options].some(({ value }) => value === asked.get("purpose"))) purpose.value = asked.get("purpose");
  const today = dayOf(state.ledger.nowS());
  [until.min, until.max, until.value] = [today, today + LINK_DAYS_MAX, today + LINK_DAYS_MAX - 1].map(dayText);
  partner.addEventListener("change", showPurposes);
  form.addEventListener("submit", guarded(grant));
  form.hidden = false;
}

async function start() {
  state.phone = await kept(`${ledgerName}/phone`);
  if (!state.phone) {
    at("#enrol").hidden = false;
    return;
  }
  for (const job of await unfinished(OUTBOX)) await deliver(job).catch(() => job.release());
  state.ledger = await api.ledger(ledgerName);
  await list();
  await showForm();
}

for (const button of document.querySelectorAll("#confirm button")) {
  button.addEventListener("click", () => at("#confirm").close(button.value));
}
if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
addEventListener("hashchange", () => location.reload());
