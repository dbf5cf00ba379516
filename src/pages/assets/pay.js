// The pay page: the phone's key signs, the phone draws, and where there is signal the page tells
// what came of it.

import * as api from "./api.js";
import { LivingCode } from "./code.js";
import { equal } from "./cbor.js";
import { hex, ledgerIdOf, readPayRequest, session } from "./cose.js";
import { at, canSign, element, ledgerName, main, number, showProblem, text } from "./page.js";
import { keepForOffline } from "./offline.js";
import { keep, kept } from "./store.js";

const [choose, shown, paid, problem, net, ask] = ["#choose", "#shown", "#paid", "#problem", "#net", "#ask"].map(at);
const LOOK_MS = 2000;
const HISTORY_ENTRIES = 10;
// The server's clock and the phone's picture of it may be a little apart.
const CLOCK_SLACK_S = 2;
const state = { seen: new Set() };

/** What the ledger said last, so that a code can be signed without it: id and clock. */
async function ledgerFacts() {
  const place = `${ledgerName}/facts`;
  const fresh = api.ledger(ledgerName).then(async (ledger) => {
    await keep(place, { id: ledger.id, programmeVersion: ledger.programmeVersion, offsetS: ledger.offsetS });
    Object.assign(state.ledger ?? {}, ledger);
    return ledger;
  });
  const heard = fresh.catch(async () => api.ledgerOf(ledgerName, await guess()));
  const known = await kept(place);
  return known ? api.ledgerOf(ledgerName, known) : heard;
}

/** Before the first contact: the id follows from the origin, and the phone's own clock must do. */
const guess = async () => ({ id: await ledgerIdOf(main.dataset.origin), offsetS: 0 });

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

function tellNet(online) {
  const key = online
    ? state.ready ? "pay-online-ready" : "pay-online"
    : state.ready ? "pay-offline-ready" : "pay-offline";
  if (net.dataset.key === key) return;
  net.dataset.key = key;
  net.textContent = text(key);
}

/** Reads the balance, and the records when something was added; shows a payment that came since the page was opened. */
async function look() {
  let found = [];
  try {
    const { yen, account_entries: entries } = await signedIn(() => api.balance(ledgerName));
    at("#yen").textContent = number(yen);
    at(".balance").hidden = false;
    if (entries !== state.entries) {
      found = (await api.history(ledgerName, HISTORY_ENTRIES)).entries.filter(({ seq }) => !state.seen.has(seq));
      for (const { seq } of found) state.seen.add(seq);
      state.entries = entries;
    }
    tellNet(true);
  } catch (error) {
    if (error.retry !== "same_id") throw error;
    tellNet(false);
  }
  const since = state.openedS - CLOCK_SLACK_S;
  const payment = found.find((entry) => entry.kind === "redeem" && entry.accepted_at_s >= since);
  if (payment) arrived(payment);
}

async function watch() {
  if (!document.hidden && state.code.token) await look();
}

function arrived({ points, place, receipt_number: receipt, yen_after: left }) {
  hideCode();
  at("#paid-points").textContent = text("pay-arrived", { points: number(-points) });
  const shop = element("span", "", place ?? "");
  shop.lang = "ja";
  at("#paid-shop").replaceChildren(shop);
  at("#paid-number").textContent = receipt;
  at("#paid-left").textContent = number(left ?? 0);
  choose.hidden = true;
  paid.hidden = false;
  at("#paid-points").focus();
  // A page that was opened by a scan and not touched may not.
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(200);
}

function hideCode() {
  state.code.hide();
  clearInterval(state.timer);
  state.lock?.release().catch(() => undefined);
  shown.hidden = true;
}

function chooseAgain() {
  hideCode();
  paid.hidden = true;
  ask.hidden = true;
  choose.hidden = false;
  at("[data-cap]").focus();
}

/** The shop's name as the ledger has it: what a till says of itself proves nothing. */
async function shopName(id) {
  const place = `${ledgerName}/shops`;
  const known = async (shops) => shops?.find((shop) => shop.place === id)?.name;
  const before = await known(await kept(place));
  if (before) return before;
  const shops = await api.places(ledgerName, "shop");
  await keep(place, shops);
  return known(shops);
}

/** A till's request stands behind the `#`: asks the resident about shop and amount; whether there was one. */
async function askFor(request) {
  if (!request) return false;
  history.replaceState(null, "", location.pathname + location.search);
  let asked;
  try {
    asked = readPayRequest(request);
  } catch {
    throw new Error(text("pay-ask-unreadable"));
  }
  if (!equal(asked.ledger, state.ledger.id)) throw new Error(text("pay-ask-unreadable"));
  const name = await shopName(hex(asked.shop));
  if (!name) throw new Error(text("pay-ask-no-shop"));
  const shop = element("span", "", name);
  shop.lang = "ja";
  at("#ask-shop").replaceChildren(shop);
  at("#ask-points").textContent = text("pay-ask-points", { points: number(asked.points) });
  at("#agree").addEventListener("click", guarded(() => showCode(asked.points, { id: asked.shop, name })), { once: true });
  choose.hidden = true;
  ask.hidden = false;
  at("#ask-title").focus();
  return true;
}

async function showCode(maxPoints, shop) {
  problem.hidden = true;
  choose.hidden = true;
  ask.hidden = true;
  paid.hidden = true;
  shown.hidden = false;
  await state.code.show(maxPoints, shop);
  at("#hide-code").focus({ preventScroll: true });
  await lightUp();
  state.timer = setInterval(guarded(watch), LOOK_MS);
}

/** The screen stays on while a code is shown; the browser takes the lock away whenever the page is left. */
async function lightUp() {
  state.lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
}

const guarded = (work) => () => work().catch((error) => {
  clearInterval(state.timer);
  showProblem(problem, error);
});

async function start() {
  state.phone = await kept(`${ledgerName}/phone`);
  if (!state.phone) {
    at("#enrol").hidden = false;
    return;
  }
  state.ledger = await ledgerFacts();
  state.openedS = state.ledger.nowS();
  state.code = new LivingCode(at("#code"), state.phone, state.ledger);
  choose.hidden = false;
  for (const button of document.querySelectorAll("[data-cap]")) {
    button.addEventListener("click", guarded(() => showCode(Number(button.dataset.cap))));
  }
  for (const button of ["#hide-code", "#again", "#disagree"]) at(button).addEventListener("click", chooseAgain);
  document.addEventListener("visibilitychange", guarded(async () => {
    if (document.hidden || !state.code.token) return;
    await Promise.all([lightUp(), state.code.tick()]);
  }));
  addEventListener("hashchange", () => location.reload());
  await askFor(location.hash.slice(1));
  // Without room for the files the page works all the same, only not without signal.
  state.ready = await keepForOffline().catch(() => false);
  await look();
}

if (canSign()) guarded(start)();
else net.textContent = text("browser-cannot");
