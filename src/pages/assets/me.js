// The resident's page: opens a session with the key of this phone, and shows the living QR code.

import * as api from "./api.js";
import { LivingCode } from "./code.js";
import { deviceEnrol, session, unhex } from "./cose.js";
import { canSign, ledgerName, number, showProblem, text } from "./page.js";
import { keep, kept, makeKey } from "./store.js";

const facts = document.querySelector("#me").dataset;
const say = document.querySelector("#say");
const problem = document.querySelector("#problem");
const place = `${ledgerName}/phone`;
const visitor = document.querySelector("#visitor");
const ARRIVAL_MS = 3000;

async function openPage(phone, ledger) {
  await api.openSession(ledgerName, await session(phone, ledger));
  // When the cookie is refused, the page would come back without a session for ever.
  if (sessionStorage.getItem("opened") === "once") throw new Error(text("me-cookie"));
  sessionStorage.setItem("opened", "once");
  location.reload();
}

/** A visitor of a demo city; each part is kept, so a second press goes on where the first one stopped. */
const joining = {};
async function becomeVisitor() {
  const ledger = await api.ledger(ledgerName);
  joining.phone ??= await makeKey();
  joining.city ??= await api.visitor(ledgerName);
  joining.statement ??= await deviceEnrol(joining.phone, ledger, unhex(joining.city.code));
  await api.submit(ledgerName, joining.statement);
  await keep(place, joining.phone);
  sessionStorage.removeItem("opened");
  await openPage(joining.phone, ledger);
}

async function arrive() {
  const phone = await kept(place);
  if (!phone) {
    say.textContent = visitor ? "" : text("me-no-key");
    return;
  }
  say.textContent = text("me-opening");
  await openPage(phone, await api.ledger(ledgerName));
}

/** Watches for the payment while a code is shown, and says it as soon as it is in the ledger. */
function watch(code) {
  let newest = Number(facts.newest);
  const timer = setInterval(async () => {
    if (code.figure.hidden) {
      clearInterval(timer);
      return;
    }
    const found = await api.history(ledgerName, 1).catch(() => null);
    const entry = found?.entries[0];
    if (!entry || entry.seq <= newest) return;
    newest = entry.seq;
    clearInterval(timer);
    code.hide();
    const values = { points: number(entry.points ?? 0), number: entry.receipt_number ?? "" };
    say.textContent = text("me-arrived", values);
    if (entry.yen_after !== undefined) document.querySelector("#yen").textContent = number(entry.yen_after);
  }, ARRIVAL_MS);
}

async function showCode(maxPoints, state) {
  const phone = await kept(place);
  if (!phone) {
    say.textContent = text("me-key-elsewhere");
    return;
  }
  state.code ??= new LivingCode(document.querySelector("#code"), phone, await api.ledger(ledgerName));
  await state.code.show(maxPoints);
  say.textContent = text("me-code-shown", { points: number(maxPoints) });
  await navigator.wakeLock?.request("screen").catch(() => undefined);
  watch(state.code);
}

const guarded = (work) => () => {
  problem.hidden = true;
  return work().catch((error) => showProblem(problem, error));
};

if (!canSign()) {
  say.textContent = text("browser-cannot");
} else if (facts.session === "no") {
  visitor?.addEventListener("click", guarded(becomeVisitor));
  guarded(arrive)();
} else {
  sessionStorage.removeItem("opened");
  const state = {};
  for (const button of document.querySelectorAll("[data-cap]")) {
    button.addEventListener("click", guarded(() => showCode(Number(button.dataset.cap), state)));
  }
  document.querySelector("#hide-code").addEventListener("click", () => state.code?.hide());
}
