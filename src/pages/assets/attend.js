// The phone at an event: it has read the venue's code, shows which event it is, signs and sends.

import * as api from "./api.js";
import { equal } from "./cbor.js";
import { action, hex, readVenueCode } from "./cose.js";
import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { say, sending, step, unanswered } from "./outcome.js";
import { at, canSign, element, explain, ledgerName, named, number, reasonWords, showProblem, text } from "./page.js";
import { kept } from "./store.js";

const ROLE = "phone";
const [problem, again, told] = ["#problem", "#again", "#say"].map(at);
const state = {};

/** The code stands behind the `#`; a page that is loaded again has to be given another one. */
function codeRead() {
  const part = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  if (!part) return null;
  try {
    return readVenueCode(part);
  } catch {
    throw new Error(text("attend-unreadable"));
  }
}

/** What the code says, by the names that the ledger has for it. */
async function ask(code) {
  const ledger = await api.ledger(ledgerName);
  const [{ rules }, stations] = await Promise.all([api.programme(ledgerName), api.places(ledgerName, "station")]);
  const rule = rules.find(({ action: known, evidence }) => known === code.action && evidence.includes("venue"));
  const place = stations.find((station) => station.place === hex(code.place));
  if (!rule || !place || !equal(code.ledger, ledger.id)) throw new Error(text("attend-unknown"));
  if (code.expS <= ledger.nowS()) throw new Error(text("attend-over"));
  // The person is here at this moment; the code may run out while the page is read.
  Object.assign(state, { code, ledger, atS: ledger.nowS(), name: named(rule) });
  at("#event").textContent = state.name;
  const name = element("span", "", place.name);
  name.lang = "ja";
  at("#place").replaceChildren(name);
  told.textContent = "";
  step("ask");
  at("#ask-title").focus({ preventScroll: true });
}

async function record() {
  const button = at("#record");
  button.disabled = true;
  try {
    const { code, ledger, atS, name } = state;
    const statement = await action(state.phone, ledger, code.action, null, { venue: code.bytes, atS });
    await send(await post(ROLE, statement, { name }));
  } catch (error) {
    showProblem(problem, error);
  } finally {
    button.disabled = false;
  }
}

/** Sends what waits, and says whether there is a verdict. */
async function send(job) {
  state.job = job;
  told.textContent = "";
  sending(text("attend-sending"));
  try {
    const verdict = await deliver(job);
    const values = { points: number(verdict.points ?? 0), number: verdict.receipt_number };
    say(true, text("attend-done", values), job.facts.name, ...reasonWords(verdict.reason), text("me-number", values));
  } catch (error) {
    if (canRepeat(error)) {
      unanswered(error, "attend-unanswered");
      return false;
    }
    const [title, next, slug] = explain(error);
    say(false, title, next, slug);
  }
  return true;
}

async function start() {
  const code = codeRead();
  state.phone = await kept(`${ledgerName}/phone`);
  if (!state.phone) {
    told.textContent = "";
    at("#enrol").hidden = false;
    return;
  }
  // An earlier visit may have ended before the answer came.
  for (const job of await unfinished(ROLE)) if (!(await send(job))) return;
  if (code) await ask(code);
  else if (!state.job) told.textContent = text("attend-none");
}

const guarded = (work) => work().catch((error) => {
  told.textContent = "";
  showProblem(problem, error);
});

at("#record").addEventListener("click", record);
again.addEventListener("click", () => send(state.job));
addEventListener("hashchange", () => location.reload());
if (canSign()) guarded(start);
else told.textContent = text("browser-cannot");
