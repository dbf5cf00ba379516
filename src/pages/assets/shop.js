// The till: a code, a number of points, one big answer. What was signed is kept until the ledger's
// verdict.

import * as api from "./api.js";
import { byCard, byPhone, payRequestUrl, pinEntry, qrCheck, redeem, rewardUse, unhex, voidSale, voucherHash } from "./cose.js";
import { readHolder } from "./holder.js";
import { openRole, reader } from "./keyring.js";
import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { say, sending, step, unanswered } from "./outcome.js";
import { pad, typed } from "./pad.js";
import { at, confirmed, element, explain, ledgerName, named, number, showProblem, text } from "./page.js";
import { draw } from "./qr.js";
import { Scanner } from "./scan.js";
import { muteButton, play } from "./sound.js";

/** Refusals after which the same code is good for another number of points. */
const OTHER_POINTS = [
  "below-minimum", "above-maximum", "day-limit", "fresh-device-limit", "insufficient-points", "qr-limit-exceeded",
];

const [points, amount, result, problem, again] = ["#points", "#amount", "#result", "#problem", "#again"].map(at);
const [pin, looked, goods] = ["#pin", "#looked", "#goods"].map(at);
const { key, found } = await openRole("shop");
const till = { phone: null, card: null, voucher: null, points: 0, job: null, agreeing: false, medical: false };
const read = reader(key);
/** Whether this shop is an insured medical institution, as the programme says. */
const medical = api.programme(ledgerName)
  .then(({ insured_medical: places }) => (places ?? []).includes(found.place))
  .catch(() => false);

function next() {
  till.phone = null;
  till.card = null;
  till.voucher = null;
  till.agreeing = false;
  pin.value = "";
  problem.hidden = true;
  result.replaceChildren();
  points.value = "";
  step("scan");
  scanner.ready();
}

const scanner = new Scanner(at("#scan"), async (scanned) => {
  const holder = readHolder(scanned);
  if (till.agreeing) return takeAgreed(holder);
  if (holder.card) {
    till.card = holder.card;
    await askPoints(Infinity);
    return true;
  }
  if (holder.voucher) {
    await lookAt(holder.voucher);
    return true;
  }
  if (!holder.phone) {
    scanner.say(text(holder.fault === "card" ? "scan-card-slip" : "scan-other"));
    play("bad");
    return false;
  }
  try {
    const ledger = await api.ledger(ledgerName);
    const answer = await api.checkCode(ledgerName, await qrCheck(key, ledger, holder.phone));
    if (answer.state !== "valid") {
      scanner.say(text(`qr-${answer.state}`));
      play("bad");
      return true;
    }
    till.phone = holder.phone;
    await askPoints(answer.max_points);
  } catch (error) {
    showProblem(problem, error);
    play("bad");
  }
  return true;
}, (jpeg) => read((token) => api.frame(ledgerName, jpeg, token)));

/** Asks what a voucher is for, and whether it is good here; nothing is used yet. */
async function lookAt(voucher) {
  problem.hidden = true;
  try {
    const code = await voucherHash(voucher.secret);
    const found = await read((token) => api.voucher(ledgerName, voucher.claim, code, token));
    if (found.state !== "valid") {
      scanner.say(text(`voucher-${found.state}`));
      play("bad");
      return;
    }
    till.voucher = { ...voucher, name: named(found) };
    at("#voucher-name").textContent = till.voucher.name;
    at("#voucher-gets").textContent = text("voucher-gets", { points: number(found.receives) });
    step("voucher");
    at("#voucher-title").focus({ preventScroll: true });
  } catch (error) {
    showProblem(problem, error);
    play("bad");
  }
}

async function useVoucher() {
  const button = at("#voucher-use");
  button.disabled = true;
  try {
    const { claim, secret, name } = till.voucher;
    const bytes = await rewardUse(key, await api.ledger(ledgerName), claim, secret);
    await send(await post("shop", bytes, { kind: "voucher", name, points: 0 }));
  } catch (error) {
    showProblem(problem, error);
  } finally {
    button.disabled = false;
  }
}

/** Above the fast lane the resident reads shop and amount on the own phone, which then shows a code for exactly that. */
async function askAgreement() {
  const url = payRequestUrl(location.origin, await api.ledger(ledgerName), unhex(found.place), till.points);
  draw(at("#agree-code"), url);
  at("#agree-points").textContent = text("shop-agree-points", { points: number(till.points) });
  till.agreeing = true;
  step("agree");
  at("#agree-title").focus({ preventScroll: true });
}

/** The second code of a sale; with any other the till goes on waiting. */
async function takeAgreed({ phone, maxPoints, shop }) {
  if (!phone || shop !== found.place || maxPoints !== till.points) {
    scanner.say(text("shop-agree-other", { points: number(till.points) }));
    play("bad");
    return false;
  }
  till.phone = phone;
  till.agreeing = false;
  await spend().catch((error) => showProblem(problem, error));
  return true;
}

async function askPoints(maxPoints) {
  till.medical = await medical;
  problem.hidden = true;
  at("#limit").textContent = till.card ? text("shop-card") : text("shop-limit", { points: number(maxPoints) });
  at("#look").hidden = !till.card;
  looked.checked = false;
  at("#medical").hidden = !till.medical;
  goods.checked = false;
  at("#goods-fault").textContent = "";
  at("#looked-fault").textContent = "";
  till.maxPoints = maxPoints;
  step("amount");
  // On glass the keys below are enough, and the tablet's own would cover them.
  const target = matchMedia("(pointer: fine)").matches ? points : at("#amount-title");
  target.focus({ preventScroll: true });
}

/** The points in the field, or a sentence beside it. */
function pointsOrFault() {
  const value = typed(points);
  let fault = "";
  if (!Number.isInteger(value) || value < 1) fault = text("shop-points-whole");
  else if (value > till.maxPoints) fault = text("shop-points-limit", { points: number(till.maxPoints) });
  points.setAttribute("aria-invalid", String(fault !== ""));
  at("#points-fault").textContent = fault;
  if (fault) points.focus();
  return fault ? null : value;
}

/** Sends what waits, and says whether there is a verdict. Until there is, the same bytes are sent again. */
async function send(job) {
  till.job = job;
  at("#change").hidden = true;
  sending(text("shop-sending"));
  try {
    const verdict = await deliver(job);
    till.job = null;
    const values = { points: number(verdict.points ?? job.facts.points), number: verdict.receipt_number };
    const done = text({ void: "shop-voided", voucher: "voucher-done" }[job.facts.kind] ?? "shop-done", { ...values, name: job.facts.name });
    say(true, done, text("me-number", values));
    at("#next").focus({ preventScroll: true });
  } catch (error) {
    refuse(error);
  }
  await list();
  return till.job === null;
}

function refuse(error) {
  if (canRepeat(error)) {
    unanswered(error, "shop-unanswered");
    return;
  }
  till.job = null;
  const [title, , slug] = explain(error);
  if (till.card && (slug === "pin-required" || slug === "pin-proof-invalid")) {
    askPin();
    return;
  }
  if (till.phone && slug === "confirmation-required") {
    askAgreement().catch((problem) => say(false, ...explain(problem)));
    return;
  }
  const other = OTHER_POINTS.includes(slug) && (till.phone || till.card);
  const advice = other ? "shop-other-points" : till.card ? "shop-other-card" : "shop-other-code";
  say(false, title, text(advice), slug);
  at("#change").hidden = !other;
}

/** A box that the clerk ticks where it is asked for, or is told to. */
function tickedOrFault(box, asked, fault) {
  const missing = asked && !box.checked;
  at(`#${box.id}-fault`).textContent = missing ? fault : "";
  box.setAttribute("aria-invalid", String(missing));
  if (missing) box.focus();
  return !missing;
}

/** The clerk looked at who holds the card. */
const lookedOrFault = () => tickedOrFault(looked, Boolean(till.card), text("shop-look-first"));
/** An insured medical institution says what is paid: points never pay a patient's share. */
const goodsOrFault = () => tickedOrFault(goods, till.medical, text("shop-goods-first"));

async function pay() {
  const value = pointsOrFault();
  if (value === null || !goodsOrFault() || !lookedOrFault() || till.job) return;
  const button = at("#pay");
  button.disabled = true;
  try {
    till.points = value;
    await spend();
  } catch (error) {
    showProblem(problem, error);
  } finally {
    button.disabled = false;
  }
}

async function spend(pinProof) {
  const holder = till.card ? byCard(till.card) : byPhone(till.phone);
  const ledger = await api.ledger(ledgerName);
  const sale = { pinProof, goods: till.medical };
  const bytes = await redeem(key, ledger, unhex(found.place), till.points, holder, sale);
  await send(await post("shop", bytes, { kind: "redeem", points: till.points }));
}

function askPin() {
  pin.value = "";
  at("#pin-points").textContent = text("shop-pin-points", { points: number(till.points) });
  step("pin");
  const target = matchMedia("(pointer: fine)").matches ? pin : at("#pin-title");
  target.focus({ preventScroll: true });
}

/** The PIN goes to the server alone, which answers with its word for this card, till and number of points. */
async function enterPin() {
  const typedPin = pin.value.normalize("NFKC").trim();
  const right = /^[0-9]{4,8}$/.test(typedPin);
  at("#pin-fault").textContent = right ? "" : text("shop-pin-digits");
  pin.setAttribute("aria-invalid", String(!right));
  if (!right) {
    pin.focus();
    return;
  }
  const button = at("#pin-enter");
  button.disabled = true;
  problem.hidden = true;
  try {
    const ledger = await api.ledger(ledgerName);
    const { proof } = await api.provePin(ledgerName, await pinEntry(key, ledger, till.card, typedPin, till.points));
    await spend(proof);
  } catch (error) {
    showProblem(problem, error);
    play("bad");
  } finally {
    pin.value = "";
    button.disabled = false;
  }
}

async function takeBack({ seq, points: value, receipt_number: receipt }) {
  const what = text("shop-void-what", { points: number(value), number: receipt });
  if (!(await confirmed(what)) || till.job) return;
  scanner.stop();
  try {
    const bytes = await voidSale(key, await api.ledger(ledgerName), seq);
    await send(await post("shop", bytes, { kind: "void", points: value }));
  } catch (error) {
    showProblem(problem, error);
  }
}

function line(entry) {
  const time = new Date(entry.accepted_min * 60_000);
  const clock = time.toLocaleTimeString("ja", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Tokyo" });
  const last = element("td", "");
  if (entry.voided) last.append(text("shop-was-voided"));
  else {
    const button = element("button", "button quiet", text("shop-void"));
    button.type = "button";
    button.setAttribute("aria-label", text("shop-void-what", { points: number(entry.points), number: entry.receipt_number }));
    button.addEventListener("click", () => takeBack(entry));
    last.append(button);
  }
  const cells = [clock, entry.receipt_number].map((cell) => element("td", "", cell));
  return element("tr", entry.voided ? "voided" : "", ...cells, element("td", "points", number(entry.points)), last);
}

/** Today's sales; without an answer the last list stays. */
async function list() {
  try {
    const day = await read((token) => api.shopToday(ledgerName, token));
    at("#today-sum").textContent = text("shop-today-sum", { count: number(day.count), points: number(day.points) });
    at("#today-lines").replaceChildren(...day.entries.map(line));
    at("#today-table").hidden = day.entries.length === 0;
  } catch {
    at("#today-sum").textContent = text("shop-today-unknown");
  }
}

pad(at("#points-pad"), points);
pad(at("#pin-pad"), pin);
points.addEventListener("input", () => {
  points.removeAttribute("aria-invalid");
  at("#points-fault").textContent = "";
});
muteButton(at("#mute"));
amount.addEventListener("submit", (event) => {
  event.preventDefault();
  pay();
});
at("#pin-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enterPin();
});
for (const stop of ["#pin-stop", "#agree-stop", "#voucher-stop"]) at(stop).addEventListener("click", next);
at("#voucher-use").addEventListener("click", useVoucher);
at("#agree-scan").addEventListener("click", () => {
  step("scan");
  scanner.ready();
});
again.addEventListener("click", () => send(till.job));
at("#next").addEventListener("click", next);
at("#rescan").addEventListener("click", next);
at("#change").addEventListener("click", () => askPoints(till.maxPoints));

next();
list();
// An earlier visit may have ended before the answer came.
for (const job of await unfinished("shop")) if (!(await send(job))) break;
