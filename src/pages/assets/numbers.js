// What statements write as numbers, by name, as the tables of `ledger-spec` have it. A test of
// `src/pages/assets.rs` compares them; with UPDATE_EXPECT=1 it writes this file.

/** Names of the kinds by number; entry 0 does not exist. */
export const KINDS = [
  null,
  "programme.publish",
  "budget.allocate",
  "key.register",
  "key.revoke",
  "account.open",
  "account.facts",
  "account.status",
  "account.close",
  "account.erase",
  "device.enrol",
  "device.revoke",
  "card.issue",
  "card.revoke",
  "action",
  "action.withdraw",
  "redeem",
  "void",
  "refund",
  "hold",
  "capture",
  "release",
  "catalogue.publish",
  "reward.claim",
  "reward.use",
  "reward.cancel",
  "draw.commit",
  "draw.result",
  "link.grant",
  "link.revoke",
  "adjust",
  "lot.extend",
  "balance.import",
  "approve",
  "expire",
  "day.close",
  "settlement.close",
  "settlement.paid",
  "audit.statement",
  "manifest",
  "manifest.done",
  "card.pin",
  "shop.account",
  "opening.budget",
  "account.join",
  "join.complete",
  "ledger.continue",
  "waiting.release",
  "waiting.grant",
  "reward.rebind",
  "suspend",
  "resume",
  "entry.dispute",
  "dispute.answer",
];

/** The roles of keys by number; entry 0 does not exist. */
export const ROLES = [
  null,
  "root",
  "staff",
  "registry",
  "station",
  "coach",
  "shop",
  "kiosk",
  "partner",
  "pin",
  "system",
  "auditor",
];

/** The purposes of links by number; entry 0 does not exist. */
export const PURPOSES = [
  null,
  "steps",
  "sessions",
  "employer",
  "proxy",
  "reminders",
  "auto_exchange",
];

/** On what grounds a PIN is set by number; entry 0 does not exist. */
export const PIN_GROUNDS = [
  null,
  "first",
  "changed",
  "letter",
  "desk",
];

/** Why the city corrects something by number; entry 0 does not exist. */
export const CAUSES = [
  null,
  "duplicate",
  "input_error",
  "device_fault",
  "goods_returned",
  "lost",
  "stolen",
  "replaced",
  "ended",
  "moved",
  "death",
  "holder_request",
  "misuse",
  "city_measure",
  "other",
];

/** The purses of points by number; entry 0 does not exist. */
export const PURSES = [
  null,
  "yen",
  "challenge",
];

/** The funds that pay for points by number; entry 0 does not exist. */
export const FUNDS = [
  null,
  "general",
  "nhi",
  "care_insurance",
  "employer",
  "none",
];
