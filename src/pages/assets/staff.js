// What both persons of the staff do alike: compare, sign once, send until answered.

import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { at, ledgerName, text } from "./page.js";
import { draw } from "./qr.js";

const OUTBOX = "staff";
// What is asked stands behind the `#`, and stays when the language changes.
for (const link of document.querySelectorAll(".languages a")) link.hash = location.hash;
let waiting = null;

/** Whether the person has said that both screens show the same digits; otherwise asks for it. */
export function compared() {
  const box = at("#same");
  const what = at("#same-what:not([hidden])");
  const fault = text(what ? "approve-read-first" : "enrol-compare-first");
  at("#same-fault").textContent = box.checked ? "" : fault;
  if (!box.checked) box.focus();
  return box.checked;
}

/** Signs once and sends; a second press after a lost answer sends the same bytes. Gives the verdict. */
export async function sendOnce(sign) {
  waiting ??= await post(OUTBOX, await sign(), {});
  try {
    const verdict = await deliver(waiting);
    waiting = null;
    return verdict;
  } catch (error) {
    if (!canRepeat(error)) waiting = null;
    throw error;
  }
}

/** Shows where the second person approves what was proposed. */
export function showProposed(seq) {
  const url = `${location.origin}/${ledgerName}/approve#${seq}`;
  const link = at("#approve-link");
  link.href = url;
  link.textContent = url;
  draw(at("#approve-code"), url);
  at("#proposed").hidden = false;
}

/** Sends what an earlier visit left without an answer. */
export async function finish() {
  for (const job of await unfinished(OUTBOX)) await deliver(job).catch(() => job.release());
}
