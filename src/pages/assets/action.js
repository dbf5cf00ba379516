// The first person of the staff proposes an action that the rules trust two persons with, for a
// resident who is named by card or account. Nothing is granted before another person approves.

import * as api from "./api.js";
import { action, byAccount, byCard, dayOf, dayText, unhex } from "./cose.js";
import { readHolder } from "./holder.js";
import { standing } from "./keyring.js";
import { at, canSign, fault, guarded, ledgerName, named, number, text } from "./page.js";
import { finish, sendOnce, showProposed } from "./staff.js";

const ACCOUNT = /^[0-9a-f]{32}$/;
const DAY_S = 86_400;
/** Noon in Japan, in seconds of a day in UTC. */
const NOON_S = 3 * 3_600;

const [say, form, choice, holder, day] = ["#say", "#two", "#action", "#holder", "#day"].map(at);

/** Whose action it is: a card as read or typed, or the number of an account. */
function holderOrFault() {
  const typed = holder.value.normalize("NFKC").trim();
  const account = typed.toLowerCase().replaceAll("-", "");
  const read = ACCOUNT.test(account) ? { account: unhex(account) } : readHolder(typed);
  const known = read.account || read.card;
  if (fault(holder, known ? "" : text(read.fault === "card" ? "action-card-slip" : "action-holder-fault"))) return null;
  return read.account ? byAccount(read.account) : byCard(read.card);
}

async function propose(staff) {
  const who = holderOrFault();
  if (!who) return;
  if (fault(day, day.value >= day.min && day.value <= day.max ? "" : text("action-day-fault"))) return;
  const verdict = await sendOnce(async () => {
    const ledger = await api.ledger(ledgerName);
    const noonS = Date.parse(day.value) / 1000 + NOON_S;
    const atS = day.value === dayText(dayOf(ledger.nowS())) ? ledger.nowS() : noonS;
    return action(staff, ledger, choice.value, who, { atS });
  });
  form.hidden = true;
  showProposed(verdict.seq);
  at("#proposed-title").focus();
}

/** The rules whose every action takes two persons. */
const takesTwo = ({ evidence }) => evidence.includes("two_staff") && !evidence.includes("staff");

async function start() {
  await finish();
  const { state, key: staff } = await standing("staff");
  at("#staff-missing").hidden = state === "registered";
  if (state !== "registered") return;
  const { rules, late_days: late } = await api.programme(ledgerName);
  const offered = rules.filter(takesTwo);
  if (offered.length === 0) {
    say.textContent = text("action-none");
    return;
  }
  choice.replaceChildren(...offered.map((rule) => new Option(named(rule), rule.action)));
  const showPoints = () => {
    const { points } = offered[choice.selectedIndex];
    at("#action-points").textContent = text("approve-points-value", { points: number(points) });
  };
  choice.addEventListener("change", showPoints);
  showPoints();
  const { nowS } = await api.ledger(ledgerName);
  [day.min, day.max, day.value] = [late, 0, 0].map((days) => dayText(dayOf(nowS() - days * DAY_S)));
  form.addEventListener("submit", guarded(() => propose(staff)));
  at("#another").addEventListener("click", () => {
    at("#proposed").hidden = true;
    holder.value = "";
    form.hidden = false;
    holder.focus();
  });
  form.hidden = false;
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
