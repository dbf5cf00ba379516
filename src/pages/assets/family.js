// The family's page: shows the code by which this phone is told to others, and those who have let
// it help. What they are called is kept on this phone alone.

import * as api from "./api.js";
import { familyCode } from "./cose.js";
import { at, canSign, dateOf, element, ledgerName, showProblem, text } from "./page.js";
import { draw } from "./qr.js";
import { keep, kept } from "./store.js";

const LABEL_CHARS_MAX = 20;

const labelPlace = (link) => `${ledgerName}/family/${link}`;

function way(path, link, sentence, whole) {
  const node = element("a", "button", sentence);
  node.href = `/${ledgerName}/${path}?for=${link}`;
  node.setAttribute("aria-label", whole);
  return node;
}

async function line({ link, until }, number) {
  const name = (await kept(labelPlace(link))) ?? text("family-person", { number });
  const field = element("input");
  Object.assign(field, { id: `label-${number}`, value: name, maxLength: LABEL_CHARS_MAX, autocomplete: "off" });
  field.addEventListener("change", () => keep(labelPlace(link), field.value.trim() || undefined));
  const label = element("label", "", text("family-label"));
  label.htmlFor = field.id;
  const ways = element(
    "p", "row",
    way("me", link, text("family-read"), text("family-read-of", { name })),
    way("rewards", link, text("family-rewards"), text("family-rewards-of", { name })),
  );
  const last = element("p", "", text("family-until", { date: dateOf(until) }));
  return element("li", "", label, field, last, ways);
}

async function start() {
  const phone = await kept(`${ledgerName}/phone`);
  if (!phone) {
    at("#enrol").hidden = false;
    return;
  }
  const code = familyCode(phone.kid);
  at("#own-number").textContent = code;
  draw(at("#own-code"), `${location.origin}/${ledgerName}/links#family=${code}`);
  at("#own").hidden = false;
  const helped = await api.signedIn(ledgerName, phone, () => api.family(ledgerName));
  at("#helped-list").replaceChildren(...(await Promise.all(helped.map((link, i) => line(link, i + 1)))));
  at("#helped-none").hidden = helped.length > 0;
  at("#helped").hidden = false;
}

if (canSign()) start().catch((error) => showProblem(at("#problem"), error));
else at("#say").textContent = text("browser-cannot");
