// The rewards page: the phone's key signs a claim, and the phone alone keeps the secret that its
// voucher shows.

import * as api from "./api.js";
import { byLink, perkCardUrl, random, rewardClaim, rewardRebind, unhex, hex, voucherHash, voucherUrl } from "./cose.js";
import { deliver, post, unfinished } from "./outbox.js";
import { at, canSign, dateOf, element, explain, ledgerName, named, number, showProblem, text } from "./page.js";
import { shopsOf, showSheet } from "./sheet.js";
import { keep, kept } from "./store.js";

const [problem, say, dialog, shown] = ["#problem", "#say", "#confirm", "#shown"].map(at);
const UNITS_MAX = 100;
const state = {};
/** The link by which this phone helps somebody of the family; nothing for the own account. */
const link = new URLSearchParams(location.search).get("for");

const secretPlace = (claim) => `${ledgerName}/voucher/${claim}`;

/** Sends a claim that is kept until its verdict; the secret goes to the voucher's own place before it is forgotten. */
async function send(job) {
  const verdict = await deliver(job);
  if (job.facts.secret) await keep(secretPlace(job.facts.claim ?? verdict.seq), unhex(job.facts.secret));
  return verdict;
}

/** What the dialog asks beside the yes: units of a gift, the number of a wallet. Null where something is missing. */
function wish({ gives, points }) {
  const units = Number(at("#units").value.normalize("NFKC"));
  const many = gives === "donation" || gives === "currency";
  const whole = !many || (Number.isInteger(units) && units >= 1 && units <= UNITS_MAX);
  at("#units-fault").textContent = whole ? "" : text("reward-units-fault", { max: UNITS_MAX });
  const wallet = at("#wallet").value.normalize("NFKC").trim();
  const told = gives !== "currency" || wallet !== "";
  at("#wallet-fault").textContent = told ? "" : text("reward-wallet-fault");
  if (!whole) at("#units").focus();
  else if (!told) at("#wallet").focus();
  if (!whole || !told) return null;
  return { points: Number(points) * (many ? units : 1), wallet: gives === "currency" ? wallet : undefined };
}

async function ask(item) {
  const { gives, points, name, unit } = item;
  at("#confirm-what").textContent = text(gives === "perk_card" ? "reward-confirm-card" : "reward-confirm-what", {
    name, points: number(Number(points)), unit,
  });
  at("#units-box").hidden = gives !== "donation" && gives !== "currency";
  at("#wallet-box").hidden = gives !== "currency";
  at("#units").value = "1";
  state.item = item;
  dialog.showModal();
}

async function claim() {
  const wanted = wish(state.item);
  if (!wanted) return;
  dialog.close();
  problem.hidden = true;
  say.textContent = text("reward-sending");
  const { item, gives, name } = state.item;
  const secret = gives === "voucher" || gives === "lottery" ? random(16) : undefined;
  state.ledger = await api.ledger(ledgerName);
  const code = secret && (await voucherHash(secret));
  const bytes = await rewardClaim(state.phone, state.ledger, item, {
    ...wanted, code, holder: link ? byLink(unhex(link)) : undefined,
  });
  const facts = { name, ...(secret && { secret: hex(secret) }) };
  await send(await post("rewards", bytes, facts));
  say.textContent = text(`reward-done-${gives.replace("_", "-")}`, { name });
  await look();
  if (gives === "voucher" || gives === "perk_card") at("#own-list button")?.focus();
}

/** Binds a voucher to this phone: the secret of the lost one is worth nothing from then on. */
async function rebind(reward) {
  problem.hidden = true;
  say.textContent = text("reward-sending");
  const secret = random(16);
  state.ledger = await api.ledger(ledgerName);
  const holder = link ? byLink(unhex(link)) : undefined;
  const bytes = await rewardRebind(state.phone, state.ledger, reward.claim, await voucherHash(secret), { holder });
  const name = named(reward);
  await send(await post("rewards", bytes, { name, secret: hex(secret), claim: reward.claim }));
  say.textContent = text("reward-rebound", { name });
  await look();
  at("#own-list button")?.focus();
}

/** Points and what is claimed. */
async function look() {
  const { yen, challenge } = await api.signedIn(ledgerName, state.phone, () => api.balance(ledgerName, undefined, link));
  at("#yen").textContent = number(yen);
  at("#challenge").textContent = number(challenge);
  at("#challenge-box").hidden = challenge === 0;
  at(".balance").hidden = false;
  const rewards = await api.rewards(ledgerName, link);
  at("#own").hidden = rewards.length === 0;
  at("#own-list").replaceChildren(...(await Promise.all(rewards.reverse().map(ownLine))));
}

/** What became of an entry in a draw, with the number by which the winners are published. */
function drawLine(reward) {
  const { won, until, receipt_number } = reward;
  const result = won === undefined ? text("reward-draw-from", { date: dateOf(until) }) : text(won ? "me-won" : "me-lost");
  const number = element("p", "note", text("reward-draw-number", { number: receipt_number }));
  return element("li", "", element("h3", "", named(reward)), element("p", "", element("strong", "", result)), number);
}

async function ownLine(reward) {
  if (reward.gives === "lottery") return drawLine(reward);
  const until = element("p", "", text("reward-good-until", { date: dateOf(reward.until) }));
  const parts = [element("h3", "", named(reward)), until];
  const secret = await kept(secretPlace(reward.claim));
  const code = reward.card
    ? perkCardUrl(location.origin, unhex(reward.card))
    : secret && voucherUrl(location.origin, state.ledger, reward.claim, secret);
  if (code) {
    const button = element("button", "button", text("reward-show"));
    button.type = "button";
    button.addEventListener("click", guarded(async () => show(reward, code)));
    parts.push(button);
  } else if (reward.gives === "voucher") {
    const button = element("button", "button quiet", text("reward-rebind"));
    button.type = "button";
    button.addEventListener("click", guarded(() => rebind(reward)));
    parts.push(element("p", "note", text("reward-elsewhere")), button);
  }
  return element("li", "", ...parts);
}

function show(reward, code) {
  const { card, claim, places, until } = reward;
  const where = card ? [text("reward-card-where")] : shopsOf(places);
  // The claim's number would lead a shop from a card to its entry.
  const note = card ? "" : text("reward-number", { number: claim });
  showSheet(code, { name: named(reward), until, where, note });
}

const guarded = (work) => () => work().catch((error) => {
  say.textContent = "";
  dialog.close();
  showProblem(problem, error);
});

async function start() {
  state.phone = await kept(`${ledgerName}/phone`);
  if (!state.phone) {
    at("#enrol").hidden = false;
    return;
  }
  at("#for-family").hidden = !link;
  state.ledger = await api.ledger(ledgerName);
  for (const button of document.querySelectorAll("[data-item] > button")) {
    button.hidden = false;
    button.addEventListener("click", guarded(() => ask(button.parentElement.dataset)));
  }
  at("#confirm-yes").addEventListener("click", guarded(claim));
  at("#confirm-no").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  at("#hide").addEventListener("click", () => {
    shown.hidden = true;
    at("#own-list button")?.focus();
  });
  // An earlier visit may have ended before the answer came.
  for (const job of await unfinished("rewards")) {
    await send(job).catch((error) => {
      if (error.retry === "same_id") throw error;
      say.textContent = explain(error)[0];
    });
  }
  await look();
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
