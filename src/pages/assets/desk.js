// The desk and the kiosk: a resident with a card and its PIN registers a phone, sees to links, or
// claims a reward. Every act takes a PIN proof of its own; nothing of a resident stays on the
// screen or in the browser.

import * as api from "./api.js";
import {
  byCard, cardPin, dayOf, dayText, deviceEnrolAt, deviceRevoke, hex, linkGrant, linkRevoke, perkCardUrl, pinEntry, pinSetting, random, rewardClaim,
  unbase32, unhex, voucherHash, voucherUrl,
} from "./cose.js";
import { endWhat, linkForm, linkLine } from "./grant.js";
import { readHolder } from "./holder.js";
import { openRole, reader, standing } from "./keyring.js";
import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { say, sending, step, unanswered } from "./outcome.js";
import { pad } from "./pad.js";
import { at, confirmed, dateOf, element, explain, ledgerName, named, number, showProblem, text } from "./page.js";
import { Scanner } from "./scan.js";
import { shopsOf, showSheet } from "./sheet.js";
import { muteButton, play } from "./sound.js";

const OUTBOX = "desk";
/** Who walks away leaves nothing behind. */
const IDLE_MS = 120_000;
/** A proof is good for 120 seconds; the rest is for the way. */
const PROOF_MS = 100_000;
const PHONE = /#phone=([a-z2-7]{52})$/i;

const [problem, pin, again] = ["#problem", "#pin", "#again"].map(at);

const registered = async (role) => (await standing(role).catch(() => ({}))).state === "registered";
const role = (await registered("kiosk")) || !(await registered("staff")) ? "kiosk" : "staff";
const { key } = await openRole(role);
const read = reader(key);
let desk = {};

/** Shows a step and moves on to its heading. */
function open(name, focus) {
  problem.hidden = true;
  step(name);
  at(focus ?? `#${name}-title`).focus({ preventScroll: true });
}

function reset() {
  desk = {};
  scanner.stop();
  pin.value = "";
  at("#grant").reset();
  for (const list of ["#links-list", "#phones-list", "#items"]) at(list).replaceChildren();
  at("#shown").hidden = true;
  at("#shown path").setAttribute("d", "");
  at("#say").textContent = "";
  open("menu");
}

const guarded = (work) => async (event) => {
  event?.preventDefault();
  problem.hidden = true;
  await work(event).catch((error) => {
    showProblem(problem, error);
    play("bad");
  });
};

function askScan(wants) {
  desk.wants = wants;
  at("#scan-title").textContent = text(`desk-scan-${wants}`);
  at("#scan-how").textContent = text(`desk-scan-${wants}-how`);
  open("scan");
  scanner.ready();
}

const scanner = new Scanner(at("#scan"), async (scanned) => {
  if (desk.wants === "phone") {
    const [, code] = PHONE.exec(scanned.trim()) ?? [];
    if (!code) return refuseScan("desk-scan-phone-other");
    desk.phone = unbase32(code.toUpperCase());
    askScan("card");
    return true;
  }
  const { card, fault } = readHolder(scanned);
  if (!card) return refuseScan(fault === "card" ? "scan-card-slip" : "desk-scan-card-other");
  desk.card = card;
  NEXT[desk.flow]();
  return true;
}, (jpeg) => read((token) => api.frame(ledgerName, jpeg, token)));

function refuseScan(sentence) {
  scanner.say(text(sentence));
  play("bad");
  return false;
}

/** Has the PIN of the card typed, and goes on with `act` once it is right. */
function askPin(act) {
  desk.typed = (digits) => prove(digits, act);
  showPad(desk.flow === "pin-changed" ? "desk-pin-old" : "desk-pin", "desk-pin-how");
}

/** Has the card's next PIN typed twice, so that no slip of a finger locks its holder out. */
function askNewPin() {
  desk.typed = (first) => {
    desk.typed = (second) => {
      if (first !== second) {
        askNewPin();
        at("#pin-fault").textContent = text("desk-pin-differs");
        return null;
      }
      return setPin(first);
    };
    showPad("desk-pin-again", "desk-pin-new-how");
  };
  showPad("desk-pin-new", "desk-pin-new-how");
}

function showPad(title, how) {
  pin.value = "";
  at("#pin-fault").textContent = "";
  at("#pin-title").textContent = text(title);
  at("#pin-points").textContent = text(how);
  const target = matchMedia("(pointer: fine)").matches ? "#pin" : "#pin-title";
  open("pin", target);
}

async function enterPin() {
  const typed = pin.value.normalize("NFKC").trim();
  const right = /^[0-9]{4,8}$/.test(typed);
  at("#pin-fault").textContent = right ? "" : text("shop-pin-digits");
  pin.setAttribute("aria-invalid", String(!right));
  if (!right) {
    pin.focus();
    return;
  }
  at("#pin-enter").disabled = true;
  try {
    await desk.typed(typed);
  } finally {
    pin.value = "";
    at("#pin-enter").disabled = false;
  }
}

async function prove(typed, act) {
  const ledger = await api.ledger(ledgerName);
  const entry = await pinEntry(key, ledger, desk.card, typed, desk.points ?? 0);
  const { proof, resident } = await api.provePin(ledgerName, entry);
  Object.assign(desk, { ledger, proof, resident, provenMs: Date.now() });
  await act();
}

/** Signs with the proof, which is gone with it. */
const consent = () => {
  const { card, proof } = desk;
  desk.proof = null;
  return { holder: byCard(card), pinProof: proof };
};

/** Sends what was signed; what came of it is told by the facts beside it, also after a reload. */
async function send(job) {
  desk.job = job;
  sending(text("desk-sending"));
  try {
    const verdict = await deliver(job);
    // What follows may ask once more; the same bytes give the same verdict.
    await TOLD[job.facts.kind](job.facts, verdict);
    desk.job = null;
  } catch (error) {
    if (canRepeat(error)) {
      unanswered(error, "desk-unanswered");
      return false;
    }
    desk.job = null;
    say(false, ...explain(error));
  }
  return true;
}

const TOLD = {
  phones: () => say(true, text("desk-phones-done"), text("desk-seen")),
  phone: () => say(true, text("desk-phone-done"), text("desk-phone-next")),
  grant: () => say(true, text("links-made"), text("desk-seen")),
  end: (facts) => {
    if (!desk.resident) {
      say(true, text("links-ended"));
      return;
    }
    desk.resident.links.find(({ link }) => link === facts.link).in_force = false;
    showLinks();
    at("#say").textContent = text("links-ended");
  },
  reward: async ({ gives, name, secret, until, places }, { seq }) => {
    if (gives === "perk_card") {
      const card = await read((token) => api.claimedCard(ledgerName, seq, token));
      step("voucher");
      play("good");
      showSheet(perkCardUrl(location.origin, card), { name, until, where: [text("reward-card-where")], note: "" });
      return;
    }
    if (gives !== "voucher") {
      say(true, text(`reward-done-${gives.replace("_", "-")}`, { name }));
      return;
    }
    const ledger = desk.ledger ?? (await api.ledger(ledgerName));
    step("voucher");
    play("good");
    const note = text("reward-number", { number: seq });
    showSheet(voucherUrl(location.origin, ledger, seq, unhex(secret)), { name, until, where: shopsOf(places), note });
  },
};

/**
 * Signs that the card has this PIN, and sends both. The PIN is in memory alone: without an answer the same statement goes
 * with it once more, and after a reload the old PIN is the one that counts, or none.
 */
async function setPin(digits) {
  const grounds = desk.flow.replace("pin-", "");
  const ledger = await api.ledger(ledgerName);
  const signed = await cardPin(key, ledger, desk.card, grounds, grounds === "changed" ? consent() : {});
  const put = async () => {
    sending(text("desk-sending"));
    try {
      const { proposal } = await api.setPin(ledgerName, await pinSetting(key, ledger, digits, signed));
      desk.repeat = null;
      say(true, text(proposal ? "desk-pin-proposed" : "desk-pin-done"), text(`desk-pin-${grounds}-next`));
    } catch (error) {
      if (canRepeat(error)) {
        unanswered(error, "desk-unanswered");
        return;
      }
      desk.repeat = null;
      say(false, ...explain(error));
    }
  };
  desk.repeat = put;
  await put();
}

async function enrol() {
  const { holder, pinProof } = consent();
  const bytes = await deviceEnrolAt(key, desk.ledger, desk.phone, { holder, pinProof });
  await send(await post(OUTBOX, bytes, { kind: "phone" }));
}

function showPhones() {
  const phones = desk.resident.phones.filter(({ revoked }) => !revoked);
  at("#phones-list").replaceChildren(...phones.map(phoneLine));
  at("#phones-none").hidden = phones.length > 0;
  open("phones");
}

function phoneLine({ kid, since }) {
  const button = element("button", "button large", text("desk-phones-one", { date: dateOf(since) }));
  button.type = "button";
  button.addEventListener("click", guarded(async () => {
    const bytes = await deviceRevoke(key, desk.ledger, unhex(kid), consent());
    await send(await post(OUTBOX, bytes, { kind: "phones" }));
  }));
  return element("li", "", button);
}

function showLinks() {
  const { links } = desk.resident;
  at("#links-list").replaceChildren(...links.map((link) => linkLine(link, guarded(() => end(link)))));
  at("#links-none").hidden = links.length > 0;
  open("links");
}

async function seeLinks() {
  desk.wanted = linkForm(await api.partners(ledgerName), desk.ledger.nowS());
  showLinks();
}

async function end(link) {
  if (!(await confirmed(endWhat(link)))) return;
  const bytes = await linkRevoke(key, desk.ledger, unhex(link.link));
  await send(await post(OUTBOX, bytes, { kind: "end", link: link.link }));
}

async function grant() {
  const asked = desk.wanted();
  if (!asked) return;
  const sign = async () => {
    const bytes = await linkGrant(key, desk.ledger, asked, consent());
    await send(await post(OUTBOX, bytes, { kind: "grant" }));
  };
  const fresh = desk.proof && Date.now() - desk.provenMs < PROOF_MS;
  await (fresh ? sign() : askPin(sign));
}

/** What can be claimed here: whoever wants points on a wallet types its number on a phone. */
async function showItems() {
  const { items } = await api.catalogue(ledgerName);
  const offered = items.filter(({ open: claimable, gives }) => claimable && gives !== "currency");
  at("#items").replaceChildren(...offered.map(itemLine));
  at("#items-none").hidden = offered.length > 0;
  open("items");
}

function itemLine(item) {
  const name = named(item);
  const unit = text(item.purse === "yen" ? "unit-points" : "unit-challenge");
  const price = element("p", "price", element("strong", "", number(item.points)), ` ${unit} `);
  price.append(element("small", "", text(`reward-gives-${item.gives.replace("_", "-")}`)));
  const button = element("button", "button large", text("desk-choose"));
  button.type = "button";
  button.setAttribute("aria-label", text("desk-choose-item", { name }));
  button.addEventListener("click", () => {
    Object.assign(desk, { item, name, points: item.points });
    askScan("card");
  });
  return element("li", "", element("h3", "", name), price, button);
}

async function claim() {
  const { item, name, ledger, points } = desk;
  const { code: wanted, gives, valid_days: days, places } = item;
  const secret = gives === "voucher" || gives === "lottery" ? random(16) : undefined;
  const code = secret && (await voucherHash(secret));
  const bytes = await rewardClaim(key, ledger, wanted, { points, code, ...consent() });
  const until = dayText(dayOf(ledger.nowS()) + (days ?? 0));
  const facts = { kind: "reward", gives, name, until, places, ...(secret && { secret: hex(secret) }) };
  await send(await post(OUTBOX, bytes, facts));
}

/** What follows the card in each flow. */
const NEXT = {
  phone: () => askPin(enrol),
  links: () => askPin(seeLinks),
  phones: () => askPin(async () => showPhones()),
  reward: () => askPin(claim),
  "pin-changed": () => askPin(async () => askNewPin()),
  "pin-first": askNewPin,
  "pin-desk": askNewPin,
};
const scanCard = async () => askScan("card");
/** What each flow begins with. */
const FIRST = {
  phone: async () => askScan("phone"),
  links: scanCard,
  phones: scanCard,
  reward: showItems,
  "pin-changed": scanCard,
  "pin-first": scanCard,
  "pin-desk": scanCard,
};

for (const button of document.querySelectorAll("[data-flow]")) {
  button.addEventListener("click", guarded(() => {
    desk = { flow: button.dataset.flow };
    return FIRST[desk.flow]();
  }));
}
for (const button of document.querySelectorAll("[data-back], #pin-stop, #next, #hide")) {
  button.addEventListener("click", reset);
}
pad(at("#pin-pad"), pin);
muteButton(at("#mute"));
at("#pin-form").addEventListener("submit", guarded(enterPin));
at("#grant").addEventListener("submit", guarded(grant));
again.addEventListener("click", () => (desk.repeat ? desk.repeat() : send(desk.job)));
for (const only of document.querySelectorAll("[data-only='staff']")) only.hidden = role !== "staff";

let touchedMs = Date.now();
for (const sign of ["pointerdown", "keydown", "input"]) addEventListener(sign, () => (touchedMs = Date.now()), true);
setInterval(() => {
  const left = Date.now() - touchedMs > IDLE_MS && at("[data-step='menu']").hidden;
  if (left && !desk.job && !desk.repeat && !at("#confirm").open) reset();
}, 5_000);

reset();
// An earlier visit may have ended before the answer came.
for (const job of await unfinished(OUTBOX)) if (!(await send(job))) break;
