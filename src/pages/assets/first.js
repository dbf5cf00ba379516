// The first page: the check mark appears only after this browser checked the signed head of the
// log, and, when it was here before, that the log it saw then is still the beginning of today's.

import * as api from "./api.js";
import { equal } from "./cbor.js";
import { at, ledgerName, number, text } from "./page.js";
import { checkpointSignedBy, parseCheckpoint, rootsFromTiles } from "./proof.js";
import { keep, kept } from "./store.js";

async function check() {
  const vkey = await api.vkey(ledgerName);
  const head = parseCheckpoint(await api.checkpoint(ledgerName));
  if (!(await checkpointSignedBy(head, vkey))) return ["fail", text("first-head-fail")];
  const place = `${ledgerName}/head/${vkey.id}`;
  const seen = await kept(place).catch(() => undefined);
  if (seen && seen.size > head.size) return ["fail", text("first-head-shrunk")];
  if (seen?.size > 0) {
    const roots = await rootsFromTiles(seen.size, head.size, (path) => api.tile(ledgerName, path));
    const same = equal(roots.old, seen.root) && equal(roots.current, head.root);
    if (!same) return ["fail", text("first-head-changed")];
  }
  await keep(place, { size: head.size, root: head.root }).catch(() => undefined);
  return ["pass", text("first-head-pass", { count: number(head.size) })];
}

// Without an answer the page keeps its plain sentence: nothing was checked, so nothing is claimed.
const told = await check().catch(() => null);
if (told) {
  const records = at("#records");
  [records.className, records.textContent] = told;
}
