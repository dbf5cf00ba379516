// Statements, pay tokens, sessions and QR checks: COSE_Sign1 (RFC 9052) with Ed25519 (alg -19, RFC
// 9864), exactly as ledger-spec/kenmai.cddl describes them.

import { Tag, concat, decode, encode, equal } from "./cbor.js";
import { KINDS, PIN_GROUNDS, PURPOSES, ROLES } from "./numbers.js";

const ED25519 = -19;
const DISCLOSURE = -65537;
const DAY_S = 86400;
const JAPAN_OFFSET_S = 9 * 3600;

const AAD = {
  statement: "kenmai/v1/statement",
  pay: "kenmai/v1/pay",
  session: "kenmai/v1/session",
  qrCheck: "kenmai/v1/qr-check",
  pinEntry: "kenmai/v1/pin-entry",
  pinSetting: "kenmai/v1/pin-setting",
  venue: "kenmai/v1/venue",
  perkCard: "kenmai/v1/perk-card",
};

const utf8 = (text) => new TextEncoder().encode(text);

/** Fresh random bytes. */
export const random = (count) => crypto.getRandomValues(new Uint8Array(count));

/** SHA-256 over the joined parts; a string part counts as UTF-8. */
export async function sha256(...parts) {
  const bytes = concat(...parts.map((part) => (typeof part === "string" ? utf8(part) : part)));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The commitment to a disclosure. */
export const sealOf = (disclosure) => sha256("kenmai/v1/disclosure", disclosure);

/** Lower-case hexadecimal. */
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes of lower-case hexadecimal. */
export function unhex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error("not lower-case hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Base32 (RFC 4648) without padding: upper case, so that a QR code stays small. */
export function base32(bytes) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let out = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? out + alphabet[(held << (5 - bits)) & 31] : out;
}

/** Bytes of base32 without padding; throws on anything that `base32` would not have written. */
export function unbase32(text) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const out = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = alphabet.indexOf(letter);
    if (value < 0) throw new Error("not base32");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((held >> bits) & 255);
    }
  }
  const bytes = Uint8Array.from(out);
  if (base32(bytes) !== text) throw new Error("not base32");
  return bytes;
}

/** A key id: the first 8 bytes of SHA-256 over the public key. */
export const kidOf = async (publicKey) => (await sha256(publicKey)).slice(0, 8);

/** What a phone's codes of one day name its key: another name each day, so that codes do not show one phone. */
export async function dayKidOf(publicKey, day) {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(day));
  return (await sha256("kenmai/v1/day-kid", publicKey, number)).slice(0, 8);
}

/** A ledger id: the first 8 bytes of SHA-256 over the origin. */
export const ledgerIdOf = async (origin) => (await sha256(origin)).slice(0, 8);

/** Days since 1970-01-01 in Japan at this moment. */
export const dayOf = (nowS) => Math.floor((nowS + JAPAN_OFFSET_S) / DAY_S);

/** `YYYY-MM-DD` of a day number. */
export const dayText = (day) => new Date(day * DAY_S * 1000).toISOString().slice(0, 10);

/** What the signature covers. */
const toSign = (header, aad, payload) => encode(["Signature1", header, utf8(aad), payload]);

/** Signs a payload; `signer` is { kid, privateKey }. */
async function sign1(signer, aad, payload, disclosure) {
  const header = encode(new Map([[1, ED25519], [4, signer.kid]]));
  const bytes = encode(payload);
  const signature = await crypto.subtle.sign("Ed25519", signer.privateKey, toSign(header, aad, bytes));
  const unprotected = new Map(disclosure ? [[DISCLOSURE, disclosure]] : []);
  return encode(new Tag(18, [header, unprotected, bytes, new Uint8Array(signature)]));
}

/** Takes a COSE_Sign1 apart: { header, kid, disclosure, payload, signature }. Throws on any other form. */
export function parse1(bytes) {
  const message = decode(bytes);
  if (!(message instanceof Tag) || message.number !== 18 || message.value.length !== 4) {
    throw new Error("not a COSE_Sign1");
  }
  const [header, unprotected, payload, signature] = message.value;
  const fields = decode(header);
  const kid = fields.get(4);
  if (fields.size !== 2 || fields.get(1) !== ED25519 || !(kid instanceof Uint8Array) || kid.length !== 8) {
    throw new Error("not an Ed25519 header");
  }
  if (unprotected.size > (unprotected.has(DISCLOSURE) ? 1 : 0)) throw new Error("unknown unprotected header");
  return { header, kid, disclosure: unprotected.get(DISCLOSURE), payload, signature };
}

/** Puts the parts of `parse1` together again, as they are. */
export function join1({ header, disclosure, payload, signature }) {
  const unprotected = new Map(disclosure ? [[DISCLOSURE, disclosure]] : []);
  return encode(new Tag(18, [header, unprotected, payload, signature]));
}

/** True when `publicKey` (32 bytes) has the message's kid and signed it for this purpose. */
async function signedBy(message, publicKey, aad) {
  if (!equal(await kidOf(publicKey), message.kid)) return false;
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, message.signature, toSign(message.header, aad, message.payload));
}

/** True when the key signed the message as a statement, or as a perk card. */
export const statementSignedBy = (message, publicKey) => signedBy(message, publicKey, AAD.statement);
export const perkCardSignedBy = (message, publicKey) => signedBy(message, publicKey, AAD.perkCard);

/** A fresh operation id: a random UUID as 16 bytes. */
const opId = () => unhex(crypto.randomUUID().replaceAll("-", ""));

/**
 * Signs one statement of the moment `atS`; `core` and `secret` hold the members that differ between kinds. Kinds that
 * have nothing to disclose have no `secret`.
 */
async function statement(signer, ledger, kind, core, secret, atS = ledger.nowS()) {
  const payload = new Map([[1, 1], [2, ledger.id], [3, KINDS.indexOf(kind)], [4, opId()], [5, dayOf(atS)], ...core]);
  if (!secret) return sign1(signer, AAD.statement, payload);
  const disclosure = encode(new Map([[1, random(16)], [2, atS], ...secret]));
  payload.set(9, await sealOf(disclosure));
  return sign1(signer, AAD.statement, payload, disclosure);
}

/**
 * A holder recognised by the pay token of a phone, by a paper card (11 bytes), by staff (16 bytes) or by a
 * link (16 bytes). */
export const byPhone = (token) => [1, token];
export const byCard = (card) => [2, card];
export const byAccount = (account) => [3, account];
export const byLink = (link) => [4, link];

/** `device.enrol`: the phone's own key enrols itself with a one-time code. */
export const deviceEnrol = (signer, ledger, code) =>
  statement(signer, ledger, "device.enrol", [[8, new Map([[1, signer.publicKey]])]], [[6, code]]);

/** `device.enrol`: a desk or kiosk registers a phone's public key (32 bytes) with card and PIN proof. */
export const deviceEnrolAt = (signer, ledger, publicKey, { holder, pinProof }) =>
  statement(signer, ledger, "device.enrol", [[8, new Map([[1, publicKey]])]], [[3, holder], [7, pinProof]]);

/**
 * `action`: a station or coach signs what the holder did at the moment `atS`. `values` are pairs of the numbers that
 * kenmai.cddl gives them; `exact` is the action within a group, `reference` the number of an event or record. A phone that
 * reports for itself has no holder; `venue` is the code that it has read.
 */
export const action = (signer, ledger, code, holder, { values = [], exact, reference, venue, atS } = {}) =>
  statement(
    signer, ledger, "action",
    [[6, ledger.programmeVersion], [8, new Map([[1, code]])]],
    [
      ...(holder ? [[3, holder]] : []), ...(values.length > 0 ? [[4, new Map(values)]] : []), ...(exact ? [[5, exact]] : []),
      ...(reference ? [[8, new TextEncoder().encode(reference)]] : []),
      ...(venue ? [[10, venue]] : []),
    ],
    atS,
  );

/** How long a redemption may wait before it lapses, in seconds. */
const REDEEM_LIFE_S = 120;

/**
 * `redeem`: a till spends points of a holder; with a card that has its PIN, `pinProof` is the server's word. `goods` is the
 * word of an insured medical institution that no patient's share is paid.
 */
export const redeem = (signer, ledger, place, points, holder, { pinProof, goods } = {}) =>
  statement(
    signer, ledger, "redeem",
    [
      [6, ledger.programmeVersion], [7, ledger.nowS() + REDEEM_LIFE_S],
      [8, new Map([[1, place], [2, points], ...(goods ? [[3, true]] : [])])],
    ],
    [[3, holder], ...(pinProof ? [[7, pinProof]] : [])],
  );

/**
 * `reward.claim`: an account claims an item; `code` (32 bytes) for vouchers and draws, `wallet` for exports. A phone names no
 * `holder` for its own account, and a link for somebody of the family; a desk has a card with its `pinProof`.
 */
export const rewardClaim = (signer, ledger, item, { points, code, wallet, holder, pinProof }) =>
  statement(
    signer, ledger, "reward.claim",
    [
      [6, ledger.programmeVersion], [7, ledger.nowS() + REDEEM_LIFE_S],
      [8, new Map([[1, item], [2, points], ...(code ? [[3, code]] : [])])],
    ],
    [
      ...(holder ? [[3, holder]] : []), ...(pinProof ? [[7, pinProof]] : []),
      ...(wallet ? [[8, new TextEncoder().encode(wallet)]] : []),
    ],
  );

/** `reward.use`: a till takes a voucher by its claim and secret (16 bytes). */
export const rewardUse = (signer, ledger, claim, secret) =>
  statement(signer, ledger, "reward.use", [[7, ledger.nowS() + REDEEM_LIFE_S], [8, new Map([[1, claim], [2, secret]])]]);

/** What a claim names of its voucher's secret. */
export const voucherHash = (secret) => sha256("kenmai/v1/voucher", secret);

/** What stands in the QR code of a voucher. */
export const voucherUrl = (origin, ledger, claim, secret) => {
  const seq = new Uint8Array(8);
  new DataView(seq.buffer).setBigUint64(0, BigInt(claim));
  return `${origin.toUpperCase()}/V/${base32(Uint8Array.from([...ledger.id, ...seq, ...secret]))}`;
};

/** { ledger, claim, secret } of the 32 bytes of such a code. */
export const readVoucher = (bytes) => ({
  ledger: bytes.slice(0, 8),
  claim: Number(new DataView(bytes.buffer, bytes.byteOffset + 8, 8).getBigUint64(0)),
  secret: bytes.slice(16),
});

/** `void`: a till undoes a redemption of its shop, until 24:00 of the same day. */
export const voidSale = (signer, ledger, seq) => statement(signer, ledger, "void", [[8, new Map([[1, seq]])]]);

/**
 * `link.grant`: the phone lets a partner's key (its id) do one thing until a day, under a random number (16 bytes); so does a
 * desk with card and PIN proof.
 */
export const linkGrant = (signer, ledger, { link, purpose, until, partner }, { holder, pinProof } = {}) =>
  statement(
    signer, ledger, "link.grant",
    [[8, new Map([[1, link], [2, PURPOSES.indexOf(purpose)], [3, until], [4, partner]])]],
    holder ? [[3, holder], [7, pinProof]] : [],
  );

/** `card.pin`: on these grounds a card (its 11 bytes) has another PIN; `changed` comes with the proof of the old one. */
export async function cardPin(signer, ledger, card, grounds, { holder, pinProof } = {}) {
  const body = new Map([[1, await sha256("kenmai/v1/card", card)], [2, PIN_GROUNDS.indexOf(grounds)]]);
  return statement(signer, ledger, "card.pin", [[8, body]], holder ? [[3, holder], [7, pinProof]] : []);
}

/** `device.revoke`: ends a phone by its key id; the own phone names nobody, a desk card and proof, the family its link. */
export const deviceRevoke = (signer, ledger, kid, { holder, pinProof } = {}) =>
  statement(signer, ledger, "device.revoke", [[8, new Map([[1, kid]])]], sealedBy(holder, pinProof));

/** `reward.rebind`: binds a voucher to another secret, by its hash. */
export const rewardRebind = (signer, ledger, voucher, code, { holder, pinProof } = {}) =>
  statement(signer, ledger, "reward.rebind", [[8, new Map([[1, voucher], [2, code]])]], sealedBy(holder, pinProof));

/** The members of a disclosure that say who agreed. */
const sealedBy = (holder, pinProof) => [...(holder ? [[3, holder]] : []), ...(pinProof ? [[7, pinProof]] : [])];

/** The short text by which a phone is told to those it helps: the id of its key. */
export const familyCode = (kid) => base32(kid).replace(/^(.{4})(.{4})/, "$1-$2-");

/** The id of a key in such a text as read or typed; null where it is none. */
export function readFamilyCode(read) {
  const code = read.normalize("NFKC").toUpperCase().replace(/[^A-Z0-9]/g, "");
  try {
    const kid = unbase32(code);
    return kid.length === 8 ? kid : null;
  } catch {
    return null;
  }
}

/** `link.revoke`: ends it. */
export const linkRevoke = (signer, ledger, link) =>
  statement(signer, ledger, "link.revoke", [[8, new Map([[1, link]])]]);

/** `key.register`: proposes a key of a person who holds no other; `place` (8 bytes) for a shop or station. */
export const keyRegister = (signer, ledger, { publicKey, role, place, name }) => {
  const body = new Map([[1, publicKey], [2, ROLES.indexOf(role)], [3, random(16)], [5, name]]);
  if (place) body.set(4, place);
  return statement(signer, ledger, "key.register", [[8, body]]);
};

/** `approve`: a second person agrees to the proposal with this hash. */
export const approve = (signer, ledger, seq, hash) =>
  statement(signer, ledger, "approve", [[8, new Map([[1, seq], [2, hash]])]]);

/** The same signed statement with one point more written into it: the signature does not fit it. */
export function forgePoints(submission) {
  const message = parse1(submission);
  const core = decode(message.payload);
  const body = core.get(8);
  body.set(2, body.get(2) + 1);
  return join1({ ...message, payload: encode(core) });
}

/** A pay token of the phone: at most `maxPoints`, for `lifeS` seconds, once; with a shop (8 bytes) nowhere else. */
export async function payToken(signer, ledger, maxPoints, lifeS, shop) {
  const expS = ledger.nowS() + lifeS;
  const kid = await dayKidOf(signer.publicKey, dayOf(expS));
  return sign1({ ...signer, kid }, AAD.pay, [expS, random(16), ledger.id, maxPoints, ...(shop ? [shop] : [])]);
}

/** Opens a session. */
export const session = (signer, ledger) =>
  sign1(signer, AAD.session, [ledger.nowS() + 60, random(16), ledger.id]);

/** A till asks whether a pay token would do. */
export const qrCheck = (signer, ledger, token) =>
  sign1(signer, AAD.qrCheck, [ledger.nowS() + 60, random(16), ledger.id, token]);

/** A PIN as it was typed, for a proof of at most `maxPoints`; a desk asks for 0. */
export const pinEntry = (signer, ledger, card, pin, maxPoints) =>
  sign1(signer, AAD.pinEntry, [ledger.nowS() + 60, random(16), ledger.id, card, pin, maxPoints]);

/** A PIN that is set, beside the signed `card.pin` that says so. */
export const pinSetting = (signer, ledger, pin, cardPin) =>
  sign1(signer, AAD.pinSetting, [ledger.nowS() + 60, random(16), ledger.id, pin, cardPin]);

/** What stands in the QR code of a pay token; upper case keeps it in the small alphabet. */
export const payUrl = (origin, token) => `${origin.toUpperCase()}/Q/${base32(token)}`;

/** What a till shows for a phone to confirm: its shop and the points. */
export const payRequestUrl = (origin, ledger, shop, points) =>
  `${origin.toUpperCase()}/P/${base32(encode([ledger.id, shop, points]))}`;

/** { ledger, shop, points } of the last part of such an address; throws on anything else. */
export function readPayRequest(part) {
  const [ledger, shop, points, ...more] = decode(unbase32(part));
  const whole = ledger.length === 8 && shop.length === 8 && Number.isInteger(points) && points > 0 && more.length === 0;
  if (!whole) throw new Error("not a pay request");
  return { ledger, shop, points };
}

/** How long a venue's code lives: a little less than the ledger allows, because two clocks are never quite the same. */
const VENUE_LIFE_S = 110;

/** What an event's screen shows: whoever reads it is at `place` (8 bytes) and may report `code`. */
export const venueCode = (signer, ledger, place, code) =>
  sign1(signer, AAD.venue, [ledger.nowS() + VENUE_LIFE_S, random(16), ledger.id, place, code]);

/** What stands in the QR code of a venue. */
export const venueUrl = (origin, code) => `${origin.toUpperCase()}/E/${base32(code)}`;

/** { bytes, expS, ledger, place, action } of the last part of such an address, unverified; throws on anything else. */
export function readVenueCode(part) {
  const bytes = unbase32(part);
  const [expS, nonce, ledger, place, code, ...more] = decode(parse1(bytes).payload);
  const sizes = nonce.length === 16 && ledger.length === 8 && place.length === 8;
  if (!sizes || !Number.isInteger(expS) || typeof code !== "string" || more.length > 0) throw new Error("not a venue code");
  return { bytes, expS, ledger, place, action: code };
}

/** What stands in the QR code of a perk card. */
export const perkCardUrl = (origin, card) => `${origin.toUpperCase()}/C/${base32(card)}`;

/** { message, number, ledger, until } of a perk card as read or typed, unverified; throws on anything else. */
export function readPerkCard(read) {
  // A keyboard left in Japanese mode types full-width letters; the address before the last stroke
  // says nothing.
  const last = read.normalize("NFKC").toUpperCase().replace(/\s/g, "").split("/").pop();
  const message = parse1(unbase32(last));
  const [number, ledger, until, ...more] = decode(message.payload);
  const sizes = number.length === 16 && ledger.length === 8 && message.signature.length === 64;
  const plain = more.length === 0 && message.disclosure === undefined;
  if (!sizes || !plain || !Number.isInteger(until) || until < 0) throw new Error("not a perk card");
  return { message, number, ledger, until };
}
