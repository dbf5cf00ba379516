// The second person of the staff: reads the first one's signed proposal itself, checks its signature, and approves.

import * as api from "./api.js";
import { decode } from "./cbor.js";
import { KINDS, ROLES, approve, hex, kidOf, parse1, sha256, statementSignedBy, unhex } from "./cose.js";
import { comparison, reader, standing } from "./keyring.js";
import { canSign, ledgerName, text } from "./page.js";
import { compared, finish, guarded, sendOnce } from "./staff.js";

const at = (id) => document.querySelector(id);
const [say, form] = ["#say", "#approval"].map(at);

/** The proposal as signed: what is shown here is what will be approved. */
async function read(bytes) {
  const message = parse1(bytes);
  const core = decode(message.payload);
  const proposer = await api.key(ledgerName, hex(message.kid));
  if (!proposer || !(await statementSignedBy(message, proposer.publicKey))) throw new Error(text("approve-unsigned"));
  if (KINDS[core.get(3)] !== "key.register") throw new Error(text("approve-other-kind"));
  const body = core.get(8);
  return { publicKey: body.get(1), role: ROLES[body.get(2)], place: body.get(4), name: body.get(5), proposer };
}

/** Where the key would stand: beside others, or at a place that it begins. */
async function placeName(role, place) {
  const known = (await api.places(ledgerName, role)).find((found) => found.place === hex(place));
  return known ? text("approve-at", { name: known.name }) : text("approve-new-place");
}

async function sign(staff, seq, bytes) {
  if (!compared()) return;
  await sendOnce(async () => approve(staff, await api.ledger(ledgerName), seq, await sha256(bytes)));
  form.hidden = true;
  say.textContent = text("approve-done");
}

async function start() {
  await finish();
  const { state, key: staff } = await standing("staff");
  at("#staff-missing").hidden = state === "registered";
  if (state !== "registered") return;
  const seq = location.hash.slice(1);
  if (!/^[0-9]{1,15}$/.test(seq)) {
    say.textContent = text("approve-scan");
    return;
  }
  const found = await reader(staff)((token) => api.proposal(ledgerName, seq, token));
  const bytes = unhex(found.statement);
  const { publicKey, role, place, name, proposer } = await read(bytes);
  at("#asked").hidden = false;
  at("#asked-role").textContent = text(`role-${role}`);
  at("#asked-name").textContent = name;
  at("#asked-place").textContent = place ? await placeName(role, place) : "–";
  at("#asked-by").textContent = proposer.name;
  at("#comparison").textContent = await comparison(publicKey);
  if (found.done || (await api.key(ledgerName, hex(await kidOf(publicKey))))) {
    say.textContent = text("approve-done");
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", guarded(() => sign(staff, Number(seq), bytes)));
}

if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
addEventListener("hashchange", () => location.reload());
