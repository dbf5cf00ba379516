// The resident's links: lists them, ends one and grants one, each signed by the phone's own key. A
// partner's QR code opens this page with `#partner=KID&purpose=NAME` behind the address, a family's
// with `#family=CODE`, which choose nothing but the fields of the form.

import * as api from "./api.js";
import { dayOf, dayText, hex, linkGrant, linkRevoke, random, unhex } from "./cose.js";
import { LINK_DAYS_MAX, endWhat, linkForm, linkLine } from "./grant.js";
import { deliver, canRepeat, post, unfinished } from "./outbox.js";
import { at, canSign, confirmed, dateOf, guarded, ledgerName, named, number, text } from "./page.js";
import { draw } from "./qr.js";
import { kept } from "./store.js";

const OUTBOX = "links";

const [say, form] = ["#say", "#grant"].map(at);
const state = { waiting: null };

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
  if (!(await confirmed(endWhat(link)))) return;
  await send(() => linkRevoke(state.phone, state.ledger, unhex(link.link)));
  say.textContent = text("links-ended");
  await list();
}

/** Offers to give away what ends, unless that is asked for already. */
function showAuto(links) {
  const asked = links.some((link) => link.purpose === "auto_exchange" && link.in_force);
  at("#auto").hidden = asked || !state.gift || !state.ledgerKey;
}

/** A year in which the ledger gives away what ends. */
async function askAuto() {
  const until = dayOf(state.ledger.nowS()) + LINK_DAYS_MAX - 1;
  const asked = { link: random(16), purpose: "auto_exchange", until, partner: unhex(state.ledgerKey.kid) };
  await send(() => linkGrant(state.phone, state.ledger, asked));
  say.textContent = text("links-auto-done", { date: dateOf(dayText(until)) });
  await list();
}

async function list() {
  const links = await api.signedIn(ledgerName, state.phone, () => api.links(ledgerName));
  showAuto(links);
  at("#links-list").replaceChildren(...links.map((link) => linkLine(link, guarded(() => end(link)))));
  at("#links-none").hidden = links.length > 0;
  at("#links").hidden = false;
}

async function grant() {
  const asked = state.wanted();
  if (!asked) return;
  const facts = { granted: hex(asked.link), family: asked.purpose === "proxy" };
  const { granted, family } = await send(() => linkGrant(state.phone, state.ledger, asked), facts);
  // A family's phone finds its links itself; a partner has to be told the number.
  at("#made-family").hidden = !family;
  at("#hand-over").hidden = family;
  at("#made-code").hidden = family;
  at("#link-number").textContent = granted.match(/..../g).join(" ");
  draw(at("#link-code"), granted.toUpperCase());
  at("#made").hidden = false;
  at("#made-title").focus();
  await list();
}

/** Whom links can be granted to; the ledger's own key is for one thing alone. */
async function readPartners() {
  const isLedger = ({ purposes }) => purposes.includes("auto_exchange");
  const partners = await api.partners(ledgerName);
  state.partners = partners.filter((key) => !isLedger(key));
  state.ledgerKey = partners.find(isLedger);
  const { items } = await api.catalogue(ledgerName);
  state.gift = items.find((item) => item.auto && item.open);
  if (!state.gift) return;
  const name = named(state.gift);
  at("#auto-what").textContent = text("links-auto-what", { name, points: number(state.gift.points) });
  at("#auto-do").addEventListener("click", guarded(askAuto));
}

async function start() {
  state.phone = await kept(`${ledgerName}/phone`);
  if (!state.phone) {
    at("#enrol").hidden = false;
    return;
  }
  for (const job of await unfinished(OUTBOX)) await deliver(job).catch(() => job.release());
  state.ledger = await api.ledger(ledgerName);
  await readPartners();
  await list();
  const asked = new URLSearchParams(location.hash.slice(1));
  state.wanted = linkForm(state.partners, state.ledger.nowS(), asked);
  form.addEventListener("submit", guarded(grant));
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
addEventListener("hashchange", () => location.reload());
