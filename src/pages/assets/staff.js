// What both persons of the staff do alike: compare, sign once, send until answered.

import * as api from "./api.js";
import { canRepeat, deliver, post, unfinished } from "./outbox.js";
import { showProblem, text } from "./page.js";

const OUTBOX = "staff";
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

/** Refuses to go on before the person has said that both screens show the same digits. */
export function demandComparison() {
  if (document.querySelector("#same").checked) return;
  throw new api.Problem({ slug: "not-compared", title: text("enrol-compare-first"), retry: "new_id" });
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

/** Sends what an earlier visit left without an answer. */
export async function finish() {
  for (const job of await unfinished(OUTBOX)) await deliver(job).catch(() => job.release());
}
