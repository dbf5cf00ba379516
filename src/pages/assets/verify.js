// The receipt check: everything happens in this browser, step by step.

import * as api from "./api.js";
import { at, canSign, main, showProblem, showStep, text } from "./page.js";
import { RECEIPT_CHARS_MAX, examine, parseProof, parseVkey } from "./proof.js";

const field = at("#receipt");
const file = at("#file");
const vkey = at("#vkey");
const list = at("#steps");
const verdict = at("#verdict");
const problem = at("#problem");
const ledgers = new Map(
  [...document.querySelectorAll("[data-origin]")].map(({ dataset }) => [dataset.origin, dataset.ledger]),
);

async function check() {
  list.replaceChildren();
  problem.hidden = true;
  verdict.className = "";
  verdict.textContent = text("verify-working");
  const receipt = `${field.value.trim().replaceAll("\r\n", "\n")}\n`;
  let origin = "";
  try {
    origin = parseProof(receipt).checkpoint.origin;
  } catch {
    // The first step of `examine` says so by name.
  }
  const brought = vkey.value.trim();
  if (brought) {
    await parseVkey(brought).catch(() => {
      throw new api.Problem({ slug: "vkey-malformed", title: text("verify-vkey-bad"), retry: "new_id" });
    });
  }
  const states = new Map();
  for await (const result of examine(receipt, api.source(ledgers, origin, brought))) {
    states.set(result.step, result.state);
    showStep(list, result);
  }
  const all = [...states.values()];
  const end = all.includes("fail") ? "fail" : all.every((state) => state === "pass") ? "pass" : "part";
  verdict.className = end;
  verdict.textContent = text(`verify-${end}`);
  verdict.scrollIntoView({ block: "nearest" });
}

const run = () =>
  check().catch((error) => {
    verdict.textContent = "";
    showProblem(problem, error);
  });

at("#check").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});

file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (!chosen || chosen.size > RECEIPT_CHARS_MAX) return;
  field.value = await chosen.text();
  run();
});

/** `/verify?ledger=…&seq=…` checks a receipt of the signed-in resident. */
async function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const [ledger, seq] = [asked.get("ledger"), asked.get("seq")];
  if (![...ledgers.values()].includes(ledger) || !/^[0-9]{1,16}$/.test(seq ?? "")) return;
  field.value = await api.receipt(ledger, seq);
  run();
}

if (canSign()) fromAddress().catch((error) => showProblem(problem, error));
else {
  verdict.textContent = text("browser-cannot");
  main.querySelector("button").disabled = true;
}
