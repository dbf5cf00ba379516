// Checks a receipt (C2SP tlog-proof) in the browser: leaf, inclusion, checkpoint signature,
// consistency with the log of today. Hashing as RFC 6962 section 2.1, inclusion as RFC 9162 section
// 2.1.3.2.

import { decode, encode, equal } from "./cbor.js";
import { hex, ledgerIdOf, parse1, sha256, statementSignedBy } from "./cose.js";
import { KINDS } from "./numbers.js";

const HEAD = "c2sp.org/tlog-proof@v1";
const NOTE_ED25519 = 1;
const TILE = 256;
const PROOF_MAX = 64;
const POSTING = 1;
/** Contra accounts of a posting. */
const [SHOP, HELD] = [2, 4];
const KEPT_ROW = 0x84;
const TODAY_TRIES = 10;
const TODAY_PAUSE_MS = 1500;
export const RECEIPT_CHARS_MAX = 262144;

function unbase64(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (base64(bytes) !== text) throw new Error("base64 is not canonical");
  return bytes;
}

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

function count(text) {
  const value = Number(text);
  if (!/^(0|[1-9][0-9]*)$/.test(text) || !Number.isSafeInteger(value)) throw new Error("not a count");
  return value;
}

function hash32(text) {
  const bytes = unbase64(text);
  if (bytes.length !== 32) throw new Error("not a hash");
  return bytes;
}

/** Takes a receipt apart: { extra, index, hashes, checkpoint }. Throws on any other form. */
export function parseProof(text) {
  if (text.length > RECEIPT_CHARS_MAX) throw new Error("too long");
  const gap = text.indexOf("\n\n");
  if (gap < 0) throw new Error("no checkpoint");
  const lines = text.slice(0, gap).split("\n");
  if (lines.shift() !== HEAD) throw new Error("not a tlog-proof");
  const extra = lines[0]?.startsWith("extra ") ? unbase64(lines.shift().slice(6)) : null;
  if (!lines[0]?.startsWith("index ")) throw new Error("no index");
  const index = count(lines.shift().slice(6));
  if (lines.length > PROOF_MAX) throw new Error("proof too long");
  return { extra, index, hashes: lines.map(hash32), checkpoint: parseCheckpoint(text.slice(gap + 2)) };
}

/** Writes a receipt with another `extra`; the rest stays as it is. */
export function withExtra(text, extra) {
  return text.replace(/^extra .*$/m, `extra ${base64(extra)}`);
}

/** Takes a signed checkpoint apart: { text, origin, size, root, signatures }. */
export function parseCheckpoint(note) {
  const gap = note.lastIndexOf("\n\n");
  if (gap < 0 || !note.endsWith("\n")) throw new Error("not a signed note");
  const text = note.slice(0, gap + 1);
  const [origin, size, root, ...rest] = text.slice(0, -1).split("\n");
  if (!origin || rest.length > 0 || root === undefined) throw new Error("not a checkpoint");
  const signatures = note.slice(gap + 2, -1).split("\n").map((line) => {
    const [dash, name, value, more] = line.split(" ");
    if (dash !== "\u2014" || !name || !value || more !== undefined) throw new Error("not a signature line");
    const bytes = unbase64(value);
    return { name, id: hex(bytes.slice(0, 4)), signature: bytes.slice(4) };
  });
  return { text, origin, size: count(size), root: hash32(root), signatures };
}

/** Reads a verifier key `name+id+base64`; throws when its id does not belong to it. */
export async function parseVkey(line) {
  const [, name, id, key] = line.trim().match(/^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/) ?? [];
  if (!name) throw new Error("not a verifier key");
  const bytes = unbase64(key);
  if (bytes[0] !== NOTE_ED25519 || bytes.length !== 33) throw new Error("not an Ed25519 verifier key");
  if (hex((await sha256(`${name}\n`, bytes)).slice(0, 4)) !== id) throw new Error("wrong key id");
  return { name, id, publicKey: bytes.slice(1) };
}

/** True when this key signed the checkpoint and the origin is the key's own. */
export async function checkpointSignedBy(checkpoint, vkey) {
  const mine = checkpoint.signatures.filter(({ name, id }) => name === vkey.name && id === vkey.id);
  if (mine.length !== 1 || checkpoint.origin !== vkey.name) return false;
  const key = await crypto.subtle.importKey("raw", vkey.publicKey, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, mine[0].signature, new TextEncoder().encode(checkpoint.text));
}

export const leafHash = (leaf) => sha256(Uint8Array.of(0), leaf);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** The root that an inclusion proof leads to, or null when its length does not fit. */
export async function rootOfInclusion(index, size, leaf, hashes) {
  if (index >= size) return null;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of hashes) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      hash = await nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

/** Path of a C2SP tile of a log of `size` leaves: full, or the partial one at the right edge. */
export function tilePath(level, index, size) {
  const hashes = Math.floor(size / TILE ** level);
  const width = Math.min(TILE, hashes - index * TILE);
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return `tile/${level}/${groups.join("/")}${width < TILE ? `.p/${width}` : ""}`;
}

/**
 * Both roots of one walk over the log of `size` leaves: { old, current }. The old root is built from whole
 * pieces of the current tree, so when both equal the signed ones, nothing of the old log was changed or removed.
 */
export async function rootsFromTiles(oldSize, size, readTile) {
  const tiles = new Map();
  const pieces = [];

  const tile = async (level, index) => {
    const path = tilePath(level, index, size);
    if (!tiles.has(path)) tiles.set(path, await readTile(path));
    return tiles.get(path);
  };
  // Hash over the leaves [start, start + width), width a power of two and start its multiple.
  const whole = async (start, width) => {
    let level = 0;
    while (TILE ** (level + 1) <= width) level += 1;
    const unit = TILE ** level;
    const span = width / unit;
    const first = start / unit;
    const bytes = await tile(level, Math.floor(first / TILE));
    const at = first % TILE;
    if (bytes.length < (at + span) * 32) throw new Error("tile cut short");
    let row = Array.from({ length: span }, (_, i) => bytes.slice((at + i) * 32, (at + i + 1) * 32));
    while (row.length > 1) {
      row = await Promise.all(
        Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i], row[2 * i + 1])),
      );
    }
    return row[0];
  };
  const walk = async (start, end) => {
    const width = end - start;
    let half = 1;
    while (half * 2 < width) half *= 2;
    const power = width === 1 || half * 2 === width;
    if (power && (end <= oldSize || start >= oldSize)) {
      const hash = await whole(start, width);
      if (end <= oldSize) pieces.push(hash);
      return hash;
    }
    const left = await walk(start, start + half);
    return nodeHash(left, await walk(start + half, end));
  };

  const current = await walk(0, size);
  let old = pieces.pop();
  while (pieces.length > 0) old = await nodeHash(pieces.pop(), old);
  return { old, current };
}

/** Opens `extra`: { leaf, entry }, where `entry` is null in a shop's proof. */
async function openExtra(extra, index) {
  const parts = decode(extra);
  if (parts.length === 1) return { leaf: parts[0], entry: null };
  const [entryClass, salt, accounting, publicText] = parts;
  if (parts.length !== 4 || ![1, 2].includes(entryClass) || salt.length !== 32) throw new Error("not an entry");
  const commitment = await sha256("kenmai/v1/leaf", salt, accounting);
  const tail = publicText ?? new Uint8Array(0);
  const leaf = Uint8Array.of(1, entryClass, ...commitment, ...tail);
  const [version, seq, , statement, , effects] = decode(accounting);
  if (version !== 1 || seq !== index) throw new Error("the entry carries another number");
  const row = readRow(statement);
  const message = row ? null : parse1(statement);
  const core = decode(row ? row.bytes : message.payload);
  return { leaf, entry: { index, message, row, core, summary: summary(core, effects) } };
}

/** A row of a manifest, where a signed core would begin with its tag; otherwise null. */
function readRow(statement) {
  if (statement[0] !== KEPT_ROW) return null;
  const [, place, kid, bytes] = decode(statement);
  return { place, kid, bytes };
}

/** Kind, day and points of an opened entry, for people. */
function summary(core, effects) {
  return { kind: KINDS[core.get(3)] ?? "unknown", day: core.get(5), points: pointsOf(effects) };
}

/** What went to or from a shop where anything did, otherwise to or from a hold, otherwise into or out of the account. */
function pointsOf(effects) {
  const postings = effects.filter(([code]) => code === POSTING);
  const against = (contra) => postings.filter(([, , , [code]]) => code === contra);
  const moved = [against(SHOP), against(HELD), postings].find((found) => found.length > 0) ?? [];
  return Math.abs(moved.reduce((sum, [, , points]) => sum + points, 0));
}

/** A receipt whose posted points are changed by one: one byte in which somebody lies. */
export function forgeReceipt(text) {
  const parts = decode(parseProof(text).extra);
  const accounting = decode(parts[2]);
  const before = pointsOf(accounting[5]);
  accounting[5].find(([code]) => code === POSTING)[2] += 1;
  parts[2] = encode(accounting);
  return { text: withExtra(text, encode(parts)), before, after: pointsOf(accounting[5]) };
}

const failed = (step) => ({ step, state: "fail" });

/** Runs a step; what it cannot read has failed, but a server that cannot be asked (it has a slug) proves nothing. */
async function guarded(step, work) {
  try {
    return await work();
  } catch (error) {
    if (error.slug) throw error;
    return failed(step);
  }
}

/**
 * Examines a receipt step by step and yields { step, state, … } with state "pass", "fail", "skip" or "wait".
 * `source` reads what is public: vkey() or null, key(kid) or null, manifest(index) of a row or null, and where the log
 * is at hand checkpoint() and tile(path).
 * It stops at the first step that fails, so a forged receipt is refused by the name of that step.
 */
export async function* examine(text, source) {
  let proof;
  try {
    proof = parseProof(text);
  } catch {
    yield failed("format");
    return;
  }
  const { index, checkpoint } = proof;
  yield { step: "format", state: "pass", index };

  let opened;
  try {
    opened = await openExtra(proof.extra, index);
  } catch {
    yield failed("entry");
    return;
  }
  yield opened.entry
    ? { step: "entry", state: "pass", index, summary: opened.entry.summary }
    : { step: "entry", state: "skip" };

  const signature = await guarded("signature", () => examineSignature(opened.entry, checkpoint.origin, source));
  yield signature;
  if (signature.state === "fail") return;

  const root = await rootOfInclusion(index, checkpoint.size, await leafHash(opened.leaf), proof.hashes);
  if (!root || !equal(root, checkpoint.root)) {
    yield failed("inclusion");
    return;
  }
  yield { step: "inclusion", state: "pass", index, size: checkpoint.size };

  const vkey = await source.vkey();
  if (!vkey || !(await checkpointSignedBy(checkpoint, vkey))) {
    yield failed("checkpoint");
    return;
  }
  yield { step: "checkpoint", state: "pass", origin: checkpoint.origin };
  // The head inside a fresh receipt is signed at once; the public one follows a moment later.
  for (let tries = 1; ; tries += 1) {
    const today = await guarded("today", () => examineToday(checkpoint, vkey, source));
    yield today;
    if (today.state !== "wait" || tries === TODAY_TRIES) return;
    await new Promise((resolve) => setTimeout(resolve, TODAY_PAUSE_MS));
  }
}

async function examineSignature(entry, origin, source) {
  if (!entry) return { step: "signature", state: "skip" };
  const { row, core } = entry;
  if (!equal(core.get(2), await ledgerIdOf(origin))) return failed("signature");
  const message = row ? await manifestOf(row, entry.index, source) : entry.message;
  if (!message) return { step: "signature", state: "skip" };
  const known = await source.key(hex(message.kid));
  // A device that enrols itself names its own key in the statement.
  const publicKey = known?.publicKey ?? (KINDS[core.get(3)] === "device.enrol" ? core.get(8).get(1) : null);
  if (!publicKey) return { step: "signature", state: "skip" };
  if (!(await statementSignedBy(message, publicKey))) return failed("signature");
  const { name = hex(message.kid), role = "device", revoked = false } = known ?? {};
  return { step: "signature", state: "pass", name, role, revoked };
}

/** The signed manifest of a row, once it is seen to list the row; null when it is not at hand. */
async function manifestOf(row, index, source) {
  const bytes = await source.manifest(index);
  if (!bytes) return null;
  const message = parse1(bytes);
  const body = decode(message.payload).get(8);
  const listed = body.get(1).subarray(32 * row.place, 32 * row.place + 32);
  const own = await sha256("kenmai/v1/row", row.bytes);
  if (!equal(listed, own) || !equal(message.kid, row.kid)) throw new Error("the manifest lists another row");
  return message;
}

async function examineToday(checkpoint, vkey, source) {
  if (!source.checkpoint) return { step: "today", state: "skip" };
  const today = parseCheckpoint(await source.checkpoint());
  if (!(await checkpointSignedBy(today, vkey))) return failed("today");
  if (today.size < checkpoint.size) return { step: "today", state: "wait" };
  const roots = await rootsFromTiles(checkpoint.size, today.size, source.tile);
  const same = equal(roots.old, checkpoint.root) && equal(roots.current, today.root);
  return same ? { step: "today", state: "pass", size: today.size } : failed("today");
}
