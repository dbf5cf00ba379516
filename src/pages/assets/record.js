// The station and the coach: who, what, done. The tablet's own key signs it; what was signed is
// kept until the ledger's verdict.

import * as api from "./api.js";
import { action, byCard, byPhone } from "./cose.js";
import { readHolder } from "./holder.js";
import { openRole, reader } from "./keyring.js";
import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { say, sending, step, unanswered } from "./outcome.js";
import { pad, typed } from "./pad.js";
import { at, dateOf, element, explain, ledgerName, named, number, reasonWords, showProblem, text } from "./page.js";
import { Scanner } from "./scan.js";
import { muteButton, play } from "./sound.js";

/** The values that a rule can measure, by their names in a programme: number in kenmai.cddl, range and whether in tenths. */
const VALUES = {
  level_tenths: { name: "level", key: 1, tenths: true, min: 0.1, max: 12 },
  systolic_mmhg: { name: "systolic", key: 2, min: 1, max: 300 },
  diastolic_mmhg: { name: "diastolic", key: 3, min: 1, max: 300 },
  minutes: { name: "minutes", key: 4, min: 1, max: 1440 },
  steps: { name: "steps", key: 5, min: 0, max: 200000 },
};

const [result, problem, again, form] = ["#result", "#problem", "#again", "#action"].map(at);
const { role } = at("#work").dataset;
const { key } = await openRole(role);
const read = reader(key);
const state = { holder: null, atS: 0, rule: null, job: null };
let rules = [];

/** Whether this role can record an action: the rule's, or one of its exact ones. */
const restsOn = (one, rule) => (one.evidence ?? rule.evidence).includes(role);
const asked = (rule) => (rule?.measures ?? []).map((measure) => VALUES[measure]);
const recordable = (rule) => rule.exact?.some((one) => restsOn(one, rule)) ?? restsOn(rule, rule);

/** Nothing of the last person stays on the screen. */
function next() {
  state.holder = null;
  problem.hidden = true;
  result.replaceChildren();
  at("#values").replaceChildren();
  at("#exact").replaceChildren();
  step("scan");
  scanner.ready();
}

const scanner = new Scanner(at("#scan"), async (scanned) => {
  const holder = readHolder(scanned);
  if (holder.fault) {
    scanner.say(holder.fault === "card" ? text("scan-card-slip") : text("scan-other"));
    play("bad");
    return false;
  }
  try {
    const ledger = await api.ledger(ledgerName);
    rules = (await api.programme(ledgerName)).rules.filter(recordable);
    state.holder = holder.phone ? byPhone(holder.phone) : byCard(holder.card);
    // The person is here at this moment; the code may run out while the value is entered.
    state.atS = ledger.nowS();
    askAction();
  } catch (error) {
    showProblem(problem, error);
    play("bad");
  }
  return true;
}, (jpeg) => read((token) => api.frame(ledgerName, jpeg, token)));

function askAction() {
  problem.hidden = true;
  const choices = rules.map((rule, index) => {
    const input = element("input", "");
    Object.assign(input, { type: "radio", name: "rule", value: String(index), checked: index === 0 });
    const label = element("label", "choice", input, named(rule));
    return label;
  });
  at("#rules").replaceChildren(...choices);
  at("#rules-none").hidden = rules.length > 0;
  at("#record").disabled = rules.length === 0;
  chooseRule();
  step("action");
  at("#action-title").focus({ preventScroll: true });
}

function field({ name, min, max, tenths }) {
  const label = element("label", "", text(`record-value-${name}`));
  const input = element("input", "");
  Object.assign(input, { id: `value-${name}`, name, inputMode: tenths ? "decimal" : "numeric", autocomplete: "off" });
  input.setAttribute("aria-describedby", `fault-${name}`);
  label.htmlFor = input.id;
  const fault = element("p", "fault", "");
  fault.id = `fault-${name}`;
  const shown = (value) => (tenths ? value.toFixed(1) : String(value));
  const sentence = tenths ? "record-range-tenths" : "record-range";
  fault.dataset.sentence = text(sentence, { min: shown(min), max: shown(max) });
  input.addEventListener("input", () => {
    input.removeAttribute("aria-invalid");
    fault.textContent = "";
  });
  const keys = at("#pad").content.firstElementChild.cloneNode(true);
  keys.querySelector("[data-key='.']").disabled = !tenths;
  keys.setAttribute("aria-label", text(`record-value-${name}`));
  pad(keys, input);
  return element("div", "value", element("div", "", label, input, fault), keys);
}

/** The fields of the chosen action, empty. */
function chooseRule() {
  state.rule = rules[Number(new FormData(form).get("rule") ?? 0)];
  at("#values").replaceChildren(...asked(state.rule).map(field));
  const exact = state.rule?.exact ?? [];
  at("#exact").replaceChildren(
    ...exact.filter((one) => restsOn(one, state.rule))
      .map((one) => new Option(named(one), one.action)),
  );
  at("#exact-box").hidden = exact.length === 0;
  askReference();
}

/** Events and records are told apart by their number. */
function askReference() {
  const exact = state.rule?.exact?.find(({ action: code }) => code === at("#exact").value);
  // Where the venue's code is taken too, place and day tell events apart.
  const byPlace = role === "station" && ((exact ?? {}).evidence ?? state.rule?.evidence ?? []).includes("venue");
  const needed = !byPlace && (exact?.same_act ?? state.rule?.same_act) === "reference";
  at("#reference-box").hidden = !needed;
  at("#reference").required = needed;
  at("#reference").value = "";
}

/** The values as the statement holds them; null when a field has a fault, which is told beside it. */
function valuesOrFault() {
  const values = [];
  let first = null;
  for (const { name, key: number_, min, max, tenths } of asked(state.rule)) {
    const input = at(`#value-${name}`);
    const fault = at(`#fault-${name}`);
    const value = typed(input) * (tenths ? 10 : 1);
    const whole = Math.round(value);
    const factor = tenths ? 10 : 1;
    const good = Math.abs(value - whole) < 1e-6 && whole >= Math.round(min * factor) && whole <= max * factor;
    input.setAttribute("aria-invalid", String(!good));
    fault.textContent = good ? "" : fault.dataset.sentence;
    if (!good) first ??= input;
    values.push([number_, whole]);
  }
  first?.focus();
  return first ? null : values;
}

async function record() {
  const values = valuesOrFault();
  if (!values || state.job) return;
  const reference = at("#reference").value.trim();
  if (at("#reference").required && !reference) return void at("#reference").focus();
  const button = at("#record");
  button.disabled = true;
  try {
    const ledger = await api.ledger(ledgerName);
    const exact = at("#exact").value || undefined;
    const facts = { name: named(state.rule) };
    const statement = await action(key, ledger, state.rule.action, state.holder, {
      values, exact, reference, atS: state.atS,
    });
    await send(await post(role, statement, facts));
  } catch (error) {
    showProblem(problem, error);
  } finally {
    button.disabled = false;
  }
}

/** What the person may look forward to, below the verdict; a screen without it lacks nothing. */
async function tellNext(seq) {
  const shown = result.lastElementChild;
  const next = await read((token) => api.next(ledgerName, seq, token)).catch(() => ({}));
  // The next person may stand here already.
  if (!shown.isConnected) return;
  const name = named(next);
  const lines = [
    next.counts_on && text("record-next-counts", { name, date: dateOf(next.counts_on) }),
    next.expires_on && text("record-next-expiry", { date: dateOf(next.expires_on) }),
  ];
  result.append(...lines.filter(Boolean).map((line) => element("p", "next", line)));
}

/** Sends what waits, and says whether there is a verdict. */
async function send(job) {
  state.job = job;
  sending(text("record-sending"));
  try {
    const verdict = await deliver(job);
    state.job = null;
    const values = { points: number(verdict.points ?? 0), number: verdict.receipt_number };
    const reason = reasonWords(verdict.reason);
    say(true, text("record-done", values), job.facts.name, ...reason, text("me-number", values));
    if (role === "station") tellNext(verdict.seq);
  } catch (error) {
    if (canRepeat(error)) {
      unanswered(error, "record-unanswered");
      return false;
    }
    state.job = null;
    const [title, , slug] = explain(error);
    say(false, title, text("record-from-start"), slug);
  }
  return true;
}

muteButton(at("#mute"));
form.addEventListener("change", ({ target }) => {
  if (target.name === "rule") chooseRule();
  if (target.name === "exact") askReference();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  record();
});
again.addEventListener("click", () => send(state.job));
at("#next").addEventListener("click", next);
at("#rescan").addEventListener("click", next);
next();
// An earlier visit may have ended before the answer came.
for (const job of await unfinished(role)) if (!(await send(job))) break;
