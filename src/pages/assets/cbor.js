// Deterministic CBOR (RFC 8949 section 4.2.1): integers, byte and text strings, arrays, maps, tags,
// booleans, null. Anything else, and any other spelling of the same value, is refused.

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A tagged value; kenmai only uses tag 18 (COSE_Sign1). */
export class Tag {
  constructor(number, value) {
    this.number = number;
    this.value = value;
  }
}

/** Joins byte strings. */
export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** True when both byte strings are equal. */
export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return a.length - b.length;
}

function head(major, argument) {
  if (!Number.isSafeInteger(argument) || argument < 0) throw new Error("cbor: not a safe integer");
  const bits = major << 5;
  if (argument < 24) return Uint8Array.of(bits | argument);
  const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const out = new Uint8Array(1 + size);
  out[0] = bits | { 1: 24, 2: 25, 4: 26, 8: 27 }[size];
  for (let i = size, rest = argument; i > 0; i -= 1) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/** Encodes a number, Uint8Array, string, Array, Map, Tag, boolean or null. */
export function encode(value) {
  if (value === null) return Uint8Array.of(0xf6);
  if (value === false) return Uint8Array.of(0xf4);
  if (value === true) return Uint8Array.of(0xf5);
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (value instanceof Uint8Array) return concat(head(2, value.length), value);
  if (typeof value === "string") {
    const bytes = utf8.encode(value);
    return concat(head(3, bytes.length), bytes);
  }
  if (Array.isArray(value)) return concat(head(4, value.length), ...value.map(encode));
  if (value instanceof Map) {
    const pairs = [...value].map(([key, item]) => [encode(key), encode(item)]);
    pairs.sort(([a], [b]) => compare(a, b));
    return concat(head(5, pairs.length), ...pairs.flat());
  }
  if (value instanceof Tag) return concat(head(6, value.number), encode(value.value));
  throw new Error("cbor: this type is not in the subset");
}

/** Decodes one value; refuses leftover bytes and every non-deterministic spelling. */
export function decode(bytes) {
  const reader = { bytes, at: 0 };
  const value = item(reader, 0);
  if (reader.at !== bytes.length) throw new Error("cbor: bytes left over");
  return value;
}

const DEPTH_MAX = 16;

function take(reader, count) {
  if (count > reader.bytes.length - reader.at) throw new Error("cbor: cut short");
  const out = reader.bytes.slice(reader.at, reader.at + count);
  reader.at += count;
  return out;
}

function argument(reader, info) {
  if (info < 24) return info;
  if (info > 27) throw new Error("cbor: indefinite length");
  const size = 2 ** (info - 24);
  const value = take(reader, size).reduce((sum, byte) => sum * 256 + byte, 0);
  const least = { 1: 24, 2: 2 ** 8, 4: 2 ** 16, 8: 2 ** 32 }[size];
  if (value < least) throw new Error("cbor: a number is not in its shortest form");
  if (!Number.isSafeInteger(value)) throw new Error("cbor: number too large");
  return value;
}

function item(reader, depth) {
  if (depth > DEPTH_MAX) throw new Error("cbor: nested too deeply");
  const [first] = take(reader, 1);
  if (first === 0xf4) return false;
  if (first === 0xf5) return true;
  if (first === 0xf6) return null;
  const major = first >> 5;
  if (major === 7) throw new Error("cbor: this type is not in the subset");
  const size = argument(reader, first & 31);
  if (major === 0) return size;
  if (major === 1) return -1 - size;
  if (major === 2) return take(reader, size);
  if (major === 3) return strictUtf8.decode(take(reader, size));
  if (major === 6) return new Tag(size, item(reader, depth + 1));
  if (size > reader.bytes.length - reader.at) throw new Error("cbor: cut short");
  if (major === 4) return Array.from({ length: size }, () => item(reader, depth + 1));
  return map(reader, size, depth + 1);
}

function map(reader, size, depth) {
  const out = new Map();
  let before = null;
  for (let i = 0; i < size; i += 1) {
    const start = reader.at;
    const key = item(reader, depth);
    const raw = reader.bytes.slice(start, reader.at);
    if (before !== null && compare(before, raw) >= 0) throw new Error("cbor: map keys out of order");
    before = raw;
    out.set(key, item(reader, depth));
  }
  return out;
}
