// What a scanner, a camera or a person gives: the code of a phone, a voucher, or the number of a
// paper card.

import { decode } from "./cbor.js";
import { hex, parse1, readVoucher, unbase32, unhex } from "./cose.js";

const TOKEN = /^[A-Z2-7]{100,1600}$/;
const VOUCHER = /^[A-Z2-7]{52}$/;
const CARD = /^(?:HMC1)?([A-Z2-7]{18})$/;
const CARD_HEX = /^[0-9A-F]{22}$/;

/** CRC-8 with the polynomial 0x07. */
export function crc8(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

function cardOf(text) {
  const bare = text.replace(/[\s-]/g, "");
  const [, base32] = bare.match(CARD) ?? [];
  if (base32) return unbase32(base32);
  return CARD_HEX.test(bare) ? unhex(bare.toLowerCase()) : null;
}

/**
 * { phone: token, maxPoints, shop }, { voucher } or { card } of a text as read or typed; { fault } "card" for a card number with a slip,
 * "other" for anything else.
 */
export function readHolder(read) {
  // A keyboard left in Japanese mode types full-width letters.
  const text = read.normalize("NFKC").trim().toUpperCase();
  // The address before the last stroke is not looked at: the signature in the token decides.
  const last = text.slice(text.lastIndexOf("/") + 1);
  const [token] = last.match(TOKEN) ?? [];
  try {
    if (token) {
      const bytes = unbase32(token);
      const [, , , maxPoints, shop] = decode(parse1(bytes).payload);
      return { phone: bytes, maxPoints, shop: shop && hex(shop) };
    }
    if (VOUCHER.test(last)) return { voucher: readVoucher(unbase32(last)) };
    const card = cardOf(text);
    if (!card) return { fault: "other" };
    return crc8(card.slice(0, 10)) === card[10] ? { card } : { fault: "card" };
  } catch {
    return { fault: token ? "other" : "card" };
  }
}
