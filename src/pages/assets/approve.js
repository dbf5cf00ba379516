// The second person of the staff: reads the first one's signed proposal itself, checks its
// signature, and approves.

import * as api from "./api.js";
import { decode } from "./cbor.js";
import { approve, hex, parse1, sha256, statementSignedBy, unhex } from "./cose.js";
import { reader, standing } from "./keyring.js";
import { KINDS } from "./numbers.js";
import { at, canSign, element, guarded, ledgerName, locale, text } from "./page.js";
import { factsOf, kindName } from "./proposal.js";
import { compared, finish, sendOnce } from "./staff.js";

const [say, form] = ["#say", "#approval"].map(at);
const MINUTE_MS = 60_000;

const moment = (minutes) => {
  const form = { dateStyle: "long", timeStyle: "short", timeZone: "Asia/Tokyo" };
  return new Date(minutes * MINUTE_MS).toLocaleString(locale, form);
};

/** The proposal as signed: what is shown here is what will be approved. */
async function read(bytes) {
  const message = parse1(bytes);
  const proposer = await api.key(ledgerName, hex(message.kid));
  if (!proposer || !(await statementSignedBy(message, proposer.publicKey))) throw new Error(text("approve-unsigned"));
  return { core: decode(message.payload), proposer };
}

function showFacts(facts) {
  const row = ([name, value]) => {
    const told = element("dd", "", value);
    told.id = `asked-${name}`;
    return element("div", "", element("dt", "", text(`approve-${name}`)), told);
  };
  at("#asked").replaceChildren(...facts.map(row));
  at("#asked").hidden = false;
}

async function sign(staff, seq, bytes, done) {
  if (!compared()) return;
  await sendOnce(async () => approve(staff, await api.ledger(ledgerName), seq, await sha256(bytes)));
  form.hidden = true;
  say.textContent = done;
}

/** What waits, for whoever comes without an address. */
async function list(read) {
  const waiting = await read((token) => api.proposals(ledgerName, token));
  say.textContent = text(waiting.length > 0 ? "approve-scan" : "approve-none");
  at("#propose").hidden = false;
  const line = ({ seq, kind, by, until_min: until }) => {
    const link = element("a", "button quiet", kindName(kind));
    link.href = `#${seq}`;
    const name = element("span", "", by);
    name.lang = "ja";
    const what = element("p", "", `${text("approve-by")}: `, name, element("br", ""), text("approve-until-short", { time: moment(until) }));
    return element("li", "", link, what);
  };
  at("#waiting").replaceChildren(...waiting.map(line));
}

async function start() {
  await finish();
  const { state, key: staff } = await standing("staff");
  at("#staff-missing").hidden = state === "registered";
  if (state !== "registered") return;
  const ask = reader(staff);
  const seq = location.hash.slice(1);
  if (!/^[0-9]{1,15}$/.test(seq)) {
    await list(ask);
    return;
  }
  const found = await ask((token) => api.proposal(ledgerName, seq, token));
  const bytes = unhex(found.statement);
  const { core, proposer } = await read(bytes);
  const facts = await factsOf(core, found);
  if (!facts) throw new Error(text("approve-other-kind"));
  const by = element("span", "", proposer.name);
  by.lang = "ja";
  showFacts([...facts, ["by", by], ["lapses", moment(found.until_min)]]);
  const isKey = KINDS[core.get(3)] === "key.register";
  at("#same-key").hidden = !isKey;
  at("#same-what").hidden = isKey;
  const done = text(isKey ? "approve-done" : "approve-in-force");
  if (found.done) {
    say.textContent = done;
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", guarded(() => sign(staff, Number(seq), bytes, done)));
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
addEventListener("hashchange", () => location.reload());
