// What a signed proposal would do, in plain words: what the second person reads before signing.
// Each kind of proposal is a list of facts [name, value]; `approve-NAME` is the label.

import * as api from "./api.js";
import { decode } from "./cbor.js";
import { hex, sealOf, sha256, unhex } from "./cose.js";
import { comparison } from "./keyring.js";
import { CAUSES, FUNDS, KINDS, PURSES, ROLES } from "./numbers.js";
import { date, element, ledgerName, named, number, text, textOr } from "./page.js";

const HASH_BYTES = 32;
/** Changes of a document that are shown one by one. */
const CHANGES_MAX = 60;

const japanese = (words) => {
  const node = element("span", "", words);
  node.lang = "ja";
  return node;
};
const code = (bytes) => element("code", "", hex(bytes));
const fund = (value) => text(`settlement-fund-${FUNDS[value].replace("_", "-")}`);
const points = (value) => text("approve-points-value", { points: number(value) });
const lot = ([purse, of, expires]) =>
  text("approve-lot-value", { purse: text(`approve-purse-${PURSES[purse]}`), fund: fund(of), date: date(expires) });
const cause = (value) => textOr(`cause-${CAUSES[value]}`, "cause-other");
/** The name of a kind for people. */
export const kindName = (kind) => textOr(`kind-${kind.replaceAll(".", "-")}`, "kind-unknown");

/** Where a key would stand: beside others, or at a place that it begins. */
async function placeName(role, place) {
  const known = (await api.places(ledgerName, role)).find((found) => found.place === hex(place));
  return known ? text("approve-at", { name: known.name }) : text("approve-new-place");
}

async function keyRegister(body) {
  const [publicKey, role, place] = [body.get(1), ROLES[body.get(2)], body.get(4)];
  const digits = element("strong", "comparison", await comparison(publicKey));
  digits.id = "comparison";
  return [
    ["role", textOr(`role-${role}`, "role-device")], ["name", japanese(body.get(5))],
    ["place", place ? await placeName(role, place) : "–"], ["comparison", digits],
  ];
}

async function keyName(kid) {
  const found = await api.key(ledgerName, hex(kid));
  return found ? japanese(found.name) : code(kid);
}

const keyRevoke = async (body) => [["key", await keyName(body.get(1))], ["cause", cause(body.get(2))]];

/** Every value of a document by its path; rules and items go by their own number or name, so that order does not matter. */
function leaves(value, path = "", found = new Map()) {
  if (value === null || typeof value !== "object") return found.set(path, String(value));
  const flat = Array.isArray(value) && value.every((one) => one === null || typeof one !== "object");
  if (flat) return found.set(path, value.join(", "));
  for (const [name, inner] of Object.entries(value)) {
    const own = Array.isArray(value) ? (inner.action ?? inner.item ?? name) : name;
    leaves(inner, path ? `${path}.${own}` : own, found);
  }
  return found;
}

function changesTable(before, after) {
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
  const line = (path) =>
    element("tr", "", ...[path, before.get(path) ?? "–", after.get(path) ?? "–"].map((cell) => element("td", "", cell)));
  const heads = ["item", "before", "after"].map((name) => element("th", "", text(`approve-${name}`)));
  for (const head of heads) head.scope = "col";
  const table = element("table", "", element("thead", "", element("tr", "", ...heads)));
  table.append(element("tbody", "", ...paths.slice(0, CHANGES_MAX).map(line)));
  const more = paths.length - CHANGES_MAX;
  if (more > 0) table.append(element("caption", "", text("approve-more", { count: number(more) })));
  return table;
}

async function document(body, current) {
  const after = leaves(JSON.parse(body.get(2)));
  const before = leaves((await current().catch(() => null)) ?? {});
  return [["version", String(body.get(1))], ["changes", changesTable(before, after)]];
}

async function actionForTwo(body, core) {
  const rule = (await api.programme(ledgerName)).rules.find((known) => known.action === body.get(1));
  const name = rule && named(rule);
  return [["action", name ?? body.get(1)], ["day", date(core.get(5))], ["points", rule ? points(rule.points) : "–"]];
}

/** Who approves reads the account itself, and not a hash: what the registry keeps must have the hash that was signed. */
async function shopAccount(body, core, { bank_account: kept }) {
  const hash = kept && (await sha256("kenmai/v1/shop-account", unhex(kept.salt), kept.account));
  if (!hash || hex(hash) !== hex(body.get(2))) throw new Error(text("approve-bank-account-other"));
  return [["place", await placeName("shop", body.get(1))], ["bank-account", japanese(kept.account)]];
}

const lotPoints = ([of, value]) => element("li", "", `${lot(of)}: ${points(value)}`);

const FACTS = {
  "programme.publish": (body) => document(body, () => api.programme(ledgerName)),
  "catalogue.publish": (body) => document(body, async () => null),
  "budget.allocate": (body) => [["fund", fund(body.get(1))], ["year", String(body.get(2))], ["points", points(body.get(3))]],
  "key.register": keyRegister,
  "key.revoke": keyRevoke,
  action: actionForTwo,
  "action.withdraw": (body) => [["entry", String(body.get(1))], ["cause", cause(body.get(2))]],
  refund: (body) => [["entry", String(body.get(1))], ["points", points(body.get(2))], ["cause", cause(body.get(3))]],
  adjust: (body) => [
    ["account", code(body.get(1))], ["lot", lot(body.get(2))], ["points", points(body.get(3))],
    ["cause", cause(body.get(4))],
  ],
  "lot.extend": (body) => [
    ["account", code(body.get(1))], ["lot", lot(body.get(2))], ["until", date(body.get(3))],
    ["cause", cause(body.get(4))],
  ],
  "balance.import": (body) => [
    ["account", code(body.get(1))], ["lots", element("ul", "", ...body.get(2).map(lotPoints))],
    ["total", points(body.get(3))], ["source", japanese(body.get(4))],
  ],
  "shop.account": shopAccount,
  "account.erase": (body) => [
    ["account", code(body.get(1))], ["effect", text("approve-erase")], ["cause", cause(body.get(2))],
  ],
  "card.pin": (body) => [["card", code(body.get(1))], ["effect", text("approve-pin")]],
  "opening.budget": (body) => [
    ["source", japanese(body.get(1))], ["fund", fund(body.get(2))], ["points", points(body.get(3))],
    ["last-day", date(body.get(4))],
  ],
  "account.join": (body) => [["account", code(body.get(1))], ["into", code(body.get(2))]],
  resume: async (body) => (body.get(1) ? [["card", code(body.get(1))]] : [["key", await keyName(body.get(2))]]),
  manifest: (body) => [
    ["rows", number(body.get(1).length / HASH_BYTES)], ["of-kind", kindName(KINDS[body.get(2)])],
  ],
};

/** What the proposer wrote beside the cause: the text that the signed statement seals, or why there is none to read. */
async function written(core, disclosure) {
  if (!disclosure) return text("approve-text-gone");
  const bytes = unhex(disclosure);
  if (hex(await sealOf(bytes)) !== hex(core.get(9))) throw new Error(text("approve-text-other"));
  const words = decode(bytes).get(11);
  return words ? japanese(words) : text("approve-text-none");
}

/**
 * The facts of a proposal's core, and of what the ledger gave with it; null for a kind that this page cannot explain, and so must
 * not approve.
 */
export async function factsOf(core, given) {
  const explain = FACTS[KINDS[core.get(3)]];
  if (!explain) return null;
  const facts = await explain(core.get(8), core, given);
  const tellsWhy = facts.some(([name]) => name === "cause") && core.has(9);
  const told = tellsWhy ? [["text", await written(core, given.disclosure)]] : [];
  return [["kind", kindName(KINDS[core.get(3)])], ...facts, ...told];
}
