// What both persons of the staff do alike: compare, sign once, send until answered.

import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { ledgerName, showProblem, text } from "./page.js";
import { draw } from "./qr.js";

const OUTBOX = "staff";
// What is asked stands behind the `#`, and stays when the language changes.
for (const link of document.querySelectorAll(".languages a")) link.hash = location.hash;
let waiting = null;

/** A listener that shows what goes wrong. */
export const guarded = (work) => async (event) => {
  event?.preventDefault();
  const problem = document.querySelector("#problem");
  problem.hidden = true;
  try {
    await work();
  } catch (error) {
    showProblem(problem, error);
  }
};

/** Whether the person has said that both screens show the same digits; otherwise asks for it. */
export function compared() {
  const box = document.querySelector("#same");
  const what = document.querySelector("#same-what:not([hidden])");
  const fault = text(what ? "approve-read-first" : "enrol-compare-first");
  document.querySelector("#same-fault").textContent = box.checked ? "" : fault;
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
  const link = document.querySelector("#approve-link");
  link.href = url;
  link.textContent = url;
  draw(document.querySelector("#approve-code"), url);
  document.querySelector("#proposed").hidden = false;
}

/** Sends what an earlier visit left without an answer. */
export async function finish() {
  for (const job of await unfinished(OUTBOX)) await deliver(job).catch(() => job.release());
}
