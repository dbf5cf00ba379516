// What a shop is due, read with its till's key; for staff all shops, and what each fund pays.
// Printing shows one part alone.

import * as api from "./api.js";
import { reader, standing } from "./keyring.js";
import { at, canSign, element, guarded, ledgerName, number, text, textOr } from "./page.js";

const say = at("#say");

const time = (minutes) =>
  minutes === undefined
    ? ""
    : new Date(minutes * 60_000).toLocaleTimeString("ja", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Tokyo" });

/** A row of cells; a number stands at the right. */
function row(...cells) {
  const cell = (value) => {
    if (value instanceof Node) return element("td", "", value);
    return typeof value === "number" ? element("td", "points", number(value)) : element("td", "", value ?? "");
  };
  return element("tr", "", ...cells.map(cell));
}

function button(name, label, work) {
  const node = element("button", "button quiet", text(name));
  node.type = "button";
  node.setAttribute("aria-label", `${node.textContent}: ${label}`);
  node.addEventListener("click", guarded(work));
  return node;
}

/** Prints one part of the page; a slip on a narrow roll. */
function print(part) {
  document.body.dataset.print = part;
  globalThis.print();
  delete document.body.dataset.print;
}

/** A link to a file whose text is read with the session. */
function offer(link, name, csv) {
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = name;
}

async function showStatement(read, { settlement }) {
  const found = await read((token) => api.statement(ledgerName, settlement, token));
  const csv = await read((token) => api.statementCsv(ledgerName, settlement, token));
  at("#statement-title").textContent = text("settlement-of", { name: found.name, month: found.month });
  const facts = [
    ["points-sum", number(found.points)],
    ["carried", number(found.carried)],
    ["yen", text("settlement-yen-value", { yen: number(found.yen) })],
    ["paid", found.paid_on ?? text("settlement-open-state")],
    ...(found.insured_medical ? [["category", text("settlement-insured-medical")]] : []),
    ["entries", `${found.first} – ${found.end - 1}`],
    ["root", element("code", "", `${found.log.root} (${number(found.log.size)})`)],
  ];
  const fact = ([name, value]) => element("div", "", element("dt", "", text(`settlement-${name}`)), element("dd", "", value));
  at("#statement-facts").replaceChildren(...facts.map(fact));
  const line = (one) =>
    row(one.day, time(one.accepted_min), one.receipt_number, textOr(`settlement-kind-${one.kind.replaceAll(".", "-")}`, "settlement-kind-other"), one.points);
  at("#statement-lines").replaceChildren(...found.lines.map(line));
  offer(at("#statement-csv"), `${found.month}-${found.settlement}.csv`, csv);
  at("#statement").hidden = false;
  at("#statement-title").focus();
}

async function showInvoice(read, month) {
  const lines = await read((token) => api.invoice(ledgerName, month, token));
  const csv = await read((token) => api.invoiceCsv(ledgerName, month, token));
  at("#invoice-title").textContent = text("settlement-invoice-of", { month });
  const rows = [];
  for (const fund of new Set(lines.map((line) => line.fund))) {
    const own = lines.filter((line) => line.fund === fund);
    const name = text(`settlement-fund-${fund.replaceAll("_", "-")}`);
    rows.push(...own.map((line) => row(name, line.name, line.yen)));
    const sum = row(name, text("settlement-sum"), own.reduce((total, { yen }) => total + yen, 0));
    sum.className = "sum";
    rows.push(sum);
  }
  at("#invoice-lines").replaceChildren(...rows);
  offer(at("#invoice-csv"), `invoice-${month}.csv`, csv);
  at("#invoice").hidden = false;
  at("#invoice-title").focus();
}

async function showList(read, isStaff) {
  const found = await read((token) => api.settlements(ledgerName, token));
  const line = (one) => {
    const label = text("settlement-of", { name: one.name, month: one.month });
    const open = button("settlement-show", label, () => showStatement(read, one));
    const paid = one.paid_on ?? text(one.yen === 0 ? "settlement-nothing" : "settlement-open-state");
    return row(one.month, one.name, one.yen, paid, open);
  };
  const month = at("#month");
  const show = async () => {
    const shown = isStaff && month.value ? await read((token) => api.settlements(ledgerName, token, month.value)) : found;
    at("#list-lines").replaceChildren(...shown.map(line));
  };
  // A shop knows its own name; staff look at one month of all shops.
  at("#list-table").classList.toggle("own", !isStaff);
  month.replaceChildren(...[...new Set(found.map((one) => one.month))].map((name) => new Option(name)));
  month.addEventListener("change", guarded(show));
  at("#funds").addEventListener("click", guarded(() => showInvoice(read, month.value)));
  at("#months").hidden = !isStaff || found.length === 0;
  await show();
  at("#list").hidden = false;
  say.textContent = found.length === 0 ? text("settlement-none") : "";
}

async function showSlip(read) {
  const day = await read((token) => api.shopToday(ledgerName, token));
  at("#place").textContent = day.shop;
  const sum = { day: day.day, count: number(day.count), points: number(day.points) };
  at("#slip-sum").textContent = text("settlement-slip-sum", sum);
  const line = (one) => row(time(one.accepted_min), one.receipt_number, one.voided ? text("settlement-voided") : one.points);
  at("#slip-lines").replaceChildren(...day.entries.toReversed().map(line));
  at("#slip").hidden = false;
}

async function start() {
  for (const role of ["shop", "staff"]) {
    const { state, key } = await standing(role);
    if (state !== "registered") continue;
    const read = reader(key);
    if (role === "shop") await showSlip(read);
    await showList(read, role === "staff");
    return;
  }
  say.textContent = text("settlement-no-key");
  at("#start-link").hidden = false;
}

for (const part of ["slip", "statement", "invoice"]) at(`#${part}-print`).addEventListener("click", () => print(part));
if (canSign()) guarded(start)();
else say.textContent = text("browser-cannot");
