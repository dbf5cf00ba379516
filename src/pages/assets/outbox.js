// Statements on their way. Each is kept from before it is sent until the ledger's verdict, so a
// lost answer, a closed window or an empty battery never makes two of one: whoever finds it sends
// the same bytes again.

import * as api from "./api.js";
import { ledgerName } from "./page.js";
import { forget, keep, kept, namesUnder } from "./store.js";

const folder = (role) => `${ledgerName}/outbox/${role}/`;

/** A page that was left or loaded again lets its statements go a moment later, later on a busy machine. */
const LEFT_MS = 3_000;

/** Takes a statement for this window. Other windows leave it alone until this one closes; null when one keeps it. */
const claim = (name, content) =>
  new Promise((resolve, reject) => {
    const hold = () => new Promise((release) => resolve({ ...content, name, release }));
    navigator.locks
      .request(name, { signal: AbortSignal.timeout(LEFT_MS) }, hold)
      .catch((error) => (error.name === "TimeoutError" ? resolve(null) : reject(error)));
  });

/** Keeps signed bytes and what a person should know of them. */
export async function post(role, bytes, facts) {
  const content = { bytes, facts };
  const job = await claim(folder(role) + crypto.randomUUID(), content);
  await keep(job.name, content);
  return job;
}

/** What earlier visits left without a verdict, oldest name first. */
export async function unfinished(role) {
  const jobs = [];
  for (const name of await namesUnder(folder(role))) {
    const job = await claim(name, {});
    if (!job) continue;
    // Another window may have finished it between the two lines above.
    const content = await kept(name);
    if (content) jobs.push({ ...job, ...content });
    else job.release();
  }
  return jobs;
}

/** Whether the ledger itself refused: a proxy or a login page of a network gives no verdict. */
const isVerdict = (error) =>
  error instanceof api.Problem && error.retry !== "same_id" && !error.slug.startsWith("http-");

async function close(job) {
  await forget(job.name);
  job.release();
}

/** Sends a statement; gives the verdict or throws the refusal. Anything else is a problem after which it can be sent again. */
export async function deliver(job) {
  let verdict;
  try {
    verdict = await api.submit(ledgerName, job.bytes);
  } catch (error) {
    if (isVerdict(error)) {
      await close(job);
      throw error;
    }
    throw error.retry === "same_id" ? error : new api.Problem({ slug: "network", retry: "same_id" });
  }
  await close(job);
  return verdict;
}

/** Whether a failed delivery may be repeated with the same bytes. */
export const canRepeat = (error) => error.retry === "same_id";
