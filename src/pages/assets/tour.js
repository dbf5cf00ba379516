// The tour: one browser plays station, phone and till with three real keys against the real ledger.
// One button, one step at a time; a step that fails can be pressed again, and sends the same signed
// bytes again.

import * as api from "./api.js";
import { LivingCode } from "./code.js";
import * as cose from "./cose.js";
import { at, canSign, element, explain, ledgerName, main, number, reasonWords, showProblem, showStep, text } from "./page.js";
import { examine, forgeReceipt, parseProof } from "./proof.js";
import { keep, makeKey } from "./store.js";

const MEASURE_LIFE_S = 120;
// Nearly the longest life the ledger accepts: a visitor may read as slowly as they like.
const CODE_LIFE_S = 280;
const CAP_POINTS = 300;
const PAY_POINTS = 100;

const button = at("#next");
const say = at("#say");
const problem = at("#problem");
const state = {};

function line(panel, sentence, note) {
  const item = element("li", "", element("strong", "", sentence));
  if (note) item.append(element("small", "", note));
  at(`#${panel} .lines`).append(item);
}

const receiptNumber = (verdict) => text("me-number", { number: verdict.receipt_number });

async function refreshPhone() {
  const { yen } = await api.balance(ledgerName, state.session);
  at("#phone-yen").textContent = number(yen);
  return yen;
}

/** Signs once, sends until answered: `name` holds the bytes, so a retry carries the same operation id. */
async function sendOnce(name, sign) {
  state[name] ??= await sign();
  try {
    return await api.submit(ledgerName, state[name]);
  } catch (error) {
    if (error.retry !== "same_id") state[name] = undefined;
    throw error;
  }
}

async function start() {
  state.ledger = await api.ledger(ledgerName);
  if (!state.city) {
    const [phone, station, till] = [await makeKey(), await makeKey(), await makeKey()];
    const city = await api.visitor(ledgerName, station.publicKey, till.publicKey);
    Object.assign(state, { phone, station, till, city });
  }
  const { phone, ledger, city } = state;
  await sendOnce("enrolment", () => cose.deviceEnrol(phone, ledger, cose.unhex(city.code)));
  await keep(`${ledgerName}/phone`, phone);
  state.session = (await api.openSession(ledgerName, await cose.session(phone, ledger))).token;
  state.code = new LivingCode(at("#code"), phone, ledger, CODE_LIFE_S);
  at("#station-name").textContent = city.station.name;
  at("#till-name").textContent = city.shop.name;
  for (const actor of ["station", "phone", "till"]) {
    const kid = element("small", "", text("tour-key", { kid: cose.hex(state[actor].kid) }));
    at(`#${actor} .lines`).append(element("li", "", kid));
  }
  return { points: number(await refreshPhone()) };
}

async function measure() {
  const { station, phone, ledger } = state;
  state.level ??= 60 + (cose.random(1)[0] % 31);
  const verdict = await sendOnce("measurement", async () => {
    const token = await cose.payToken(phone, ledger, 0, MEASURE_LIFE_S);
    return cose.action(station, ledger, "vegecheck.measure", cose.byPhone(token), { values: [[1, state.level]] });
  });
  const level = (state.level / 10).toFixed(1);
  line("station", text("tour-level", { level }), text("tour-level-note"));
  line("phone", text("tour-granted", { points: number(verdict.points ?? 0) }), receiptNumber(verdict));
  for (const words of reasonWords(verdict.reason)) line("phone", words);
  await refreshPhone();
  return { level, points: number(verdict.points ?? 0) };
}

async function code() {
  await state.code.show(CAP_POINTS);
  return { points: number(CAP_POINTS) };
}

async function hand() {
  const { till, ledger } = state;
  state.token = state.code.token;
  const answer = await api.checkCode(ledgerName, await cose.qrCheck(till, ledger, state.token));
  if (answer.state !== "valid") {
    goTo("code");
    throw new api.Problem({ slug: `qr-${answer.state}`, title: text(`qr-${answer.state}`), retry: "new_id" });
  }
  line("till", text("tour-valid"), text("tour-valid-note", { points: number(answer.max_points) }));
  return { points: number(answer.max_points) };
}

async function pay() {
  const { till, ledger, token, city } = state;
  let verdict;
  try {
    verdict = await sendOnce("payment", () =>
      cose.redeem(till, ledger, cose.unhex(city.shop.place), PAY_POINTS, cose.byPhone(token)));
  } catch (error) {
    if (error.slug === "qr-expired") goTo("code");
    throw error;
  }
  state.paid = verdict;
  const { entries } = await api.history(ledgerName, 5, state.session);
  const mine = entries.find(({ seq }) => seq === verdict.seq);
  if (mine?.receipt_number !== verdict.receipt_number) throw new Error(text("tour-numbers-differ"));
  state.code.hide();
  const values = { points: number(PAY_POINTS), number: verdict.receipt_number };
  line("till", text("tour-sold", values), receiptNumber(verdict));
  line("phone", text("tour-spent", values), receiptNumber(mine));
  await refreshPhone();
  return values;
}

async function prove() {
  state.receipt = await api.receipt(ledgerName, state.paid.seq, state.session);
  const list = at("#steps");
  list.replaceChildren();
  let proven = true;
  for await (const result of examine(state.receipt, receiptSource())) {
    showStep(list, result);
    if (result.state === "fail") proven = false;
  }
  if (!proven) throw new Error(text("verify-fail"));
  at("#proof").classList.add("proven");
  at("#proof-verdict").textContent = text("verify-pass");
  return { index: number(state.paid.seq) };
}

function receiptSource() {
  const { origin } = parseProof(state.receipt).checkpoint;
  return api.source(new Map([[main.dataset.origin, ledgerName]]), origin);
}

async function cheat() {
  const { till, ledger, token, city } = state;
  const list = at("#cheats");
  list.replaceChildren();
  let missed = false;
  const show = (cheat, values, caught, how, slug) => {
    const item = element("li", caught ? "pass" : "fail", element("span", "mark", caught ? "✔" : "✘"));
    item.append(element("strong", "", text(cheat, values)), element("p", "", how));
    if (slug) item.append(element("code", "", slug));
    list.append(item);
    missed ||= !caught;
  };

  const forged = forgeReceipt(state.receipt);
  let caught = null;
  for await (const result of examine(forged.text, receiptSource())) {
    if (result.state === "fail") caught = result.step;
  }
  const stopped = caught ? text("tour-stopped", { step: text(`step-${caught}`) }) : text("tour-not-caught");
  show("tour-cheat-receipt", { before: number(forged.before), after: number(forged.after) }, caught, stopped);

  const lie = cose.forgePoints(state.payment);
  const again = await cose.redeem(till, ledger, cose.unhex(city.shop.place), PAY_POINTS, cose.byPhone(token));
  for (const [cheat, bytes] of [["tour-cheat-statement", lie], ["tour-cheat-again", again]]) {
    const values = { points: number(PAY_POINTS), more: number(PAY_POINTS + 1) };
    try {
      await api.submit(ledgerName, bytes);
      show(cheat, values, false, text("tour-not-caught"));
    } catch (error) {
      // Only a refusal of the ledger counts; a lost connection proves nothing.
      if (!(error.status >= 400 && error.status < 500)) throw error;
      const [title, , slug] = explain(error);
      show(cheat, values, true, title, slug);
    }
  }
  await refreshPhone();
  if (missed) throw new Error(text("tour-not-caught"));
  at("#cheat").classList.add("proven");
  return {};
}

const STEPS = [
  ["start", "phone", start],
  ["measure", "station", measure],
  ["code", "phone", code],
  ["hand", "till", hand],
  ["pay", "till", pay],
  ["prove", "proof", prove],
  ["cheat", "cheat", cheat],
];
let current = 0;

function goTo(name) {
  current = STEPS.findIndex(([step]) => step === name);
  showButton();
}

function showButton() {
  const step = STEPS[current];
  for (const panel of document.querySelectorAll(".panel")) panel.classList.toggle("active", panel.id === step?.[1]);
  button.hidden = !step;
  at("#end").hidden = Boolean(step);
  button.dataset.step = step?.[0] ?? "end";
  if (step) button.textContent = text(`tour-do-${step[0]}`);
  at("#count").textContent = text("tour-count", { at: Math.min(current + 1, STEPS.length), of: STEPS.length });
}

button.addEventListener("click", async () => {
  const [name, panel, run] = STEPS[current];
  button.disabled = true;
  problem.hidden = true;
  say.textContent = text("tour-working");
  try {
    const values = await run();
    say.textContent = text(`tour-said-${name}`, values);
    current += 1;
    showButton();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const latest = [...at(`#${panel}`).querySelectorAll("li")].at(-1) ?? at(`#${panel}`);
    latest.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  } catch (error) {
    say.textContent = "";
    showProblem(problem, error);
  } finally {
    button.disabled = false;
    if (problem.hidden) (button.hidden ? at("#end a") : button).focus({ preventScroll: true });
  }
});

if (canSign()) {
  button.disabled = false;
  showButton();
} else {
  say.textContent = text("browser-cannot");
}
