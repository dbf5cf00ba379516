// What every page shares: sentences (they live in the message files), small elements, problems in
// plain words.

import { dayText } from "./cose.js";

export const main = document.querySelector("main");
export const ledgerName = main.dataset.ledger;
/** Whether the page is in English; otherwise it is in Japanese. */
export const english = document.documentElement.lang === "en";
/** How dates and times are written. */
export const locale = english ? "en-GB" : "ja";

/** The element that a selector finds. */
export const at = (selector) => document.querySelector(selector);

/** The name of a rule or reward in the language of the page. */
export const named = ({ name, name_en: nameEn }) => (english ? nameEn : name);

const sentences = new Map(
  [...document.querySelector("#texts").content.children].map((node) => [node.dataset.key, node.textContent]),
);

/** The sentence of a key, with `{$name}` replaced by values. */
export function text(key, values = {}) {
  const sentence = sentences.get(key) ?? key;
  return sentence.replace(/\{\$(\w+)\}/g, (all, name) => String(values[name] ?? all));
}

/** The sentence of a key, or of `other` when the key has none. */
export const textOr = (key, other, values) => text(sentences.has(key) ? key : other, values);

/** Makes an element with a class and children; a string child becomes text, never markup. */
export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** 1234567 as 1,234,567. */
export const number = (value) => value.toLocaleString("en");

/** A day number as a date for people. */
export const date = (day) => dateOf(dayText(day));

/** YYYY-MM-DD as a date for people. */
export function dateOf(day) {
  return new Date(day).toLocaleDateString(locale, { dateStyle: "long", timeZone: "UTC" });
}

/** Why an action brought its points and how often it still counts: sentences, none where there is nothing to say. */
export function reasonWords({ code, of, per, next, times_left: times } = {}) {
  const words = [];
  if (code && code !== "full") {
    const key = ["reason", code, of, per].filter(Boolean).join("-");
    words.push(textOr(key, "reason-unknown", { date: next ? dateOf(next) : "" }));
  }
  if (times !== undefined) words.push(text(times > 0 ? `left-${per}` : `left-none-${per}`, { times }));
  return words;
}

/** A problem as two sentences: what happened, what to do next. */
export function explain(problem) {
  if (!problem.slug) return [text("problem-unknown"), text("retry-never"), String(problem.message)];
  const title = problem.slug === "network" ? text("problem-network") : problem.title ?? text("problem-unknown");
  return [title, textOr(`retry-${problem.retry}`, "retry-never"), problem.slug];
}

/** Shows a problem inside a box and gives it the focus. */
export function showProblem(box, problem) {
  const [title, next, slug] = explain(problem);
  box.replaceChildren(element("strong", "", title), element("p", "", next), element("code", "", slug));
  box.hidden = false;
  box.focus();
}

/** A listener that shows what goes wrong in the page's box. */
export const guarded = (work) => async (event) => {
  event?.preventDefault();
  const problem = at("#problem");
  problem.hidden = true;
  try {
    await work();
  } catch (error) {
    showProblem(problem, error);
  }
};

/** Says what is wrong with a field beside it and leads there; an empty sentence takes that back. Whether there is a fault. */
export function fault(field, sentence) {
  at(`#${field.id}-fault`).textContent = sentence;
  field.setAttribute("aria-invalid", String(sentence !== ""));
  if (sentence) field.focus();
  return sentence !== "";
}

/** Asks in the page's dialog before something that cannot be taken back; whether the answer was yes. */
export async function confirmed(what) {
  const dialog = at("#confirm");
  at("#confirm-what").textContent = what;
  for (const button of dialog.querySelectorAll("button")) button.onclick = () => dialog.close(button.value);
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

/** Says what is missing when this browser cannot sign: old, or not on https and not on localhost. */
export const canSign = () => Boolean(globalThis.isSecureContext && crypto.subtle && globalThis.indexedDB);

const MARKS = { pass: "✔", fail: "✘", skip: "–", wait: "…" };

/** Shows one step of `examine` in an ordered list; a later result of the same step replaces it. */
export function showStep(list, result) {
  const { step, state, summary } = result;
  const values = { ...result, role: textOr(`role-${result.role}`, "role-device") };
  for (const name of ["index", "size"]) if (name in result) values[name] = number(result[name]);
  const parts = [text(`step-${step}-${state}`, values)];
  if (summary) {
    const kind = textOr(`kind-${summary.kind.replaceAll(".", "-")}`, "kind-unknown");
    const facts = { kind, day: date(summary.day), points: number(summary.points) };
    parts.push(text(summary.points > 0 ? "step-entry-facts-points" : "step-entry-facts", facts));
  }
  if (result.revoked) parts.push(text("step-signature-revoked"));
  const mark = element("span", "mark", MARKS[state]);
  const title = element("strong", "", text(`step-${step}`));
  const item = element("li", state, mark, title, element("p", "", parts.join(english ? " " : "")));
  item.dataset.step = step;
  const before = [...list.children].find((node) => node.dataset.step === step);
  if (before) before.replaceWith(item);
  else list.append(item);
}
