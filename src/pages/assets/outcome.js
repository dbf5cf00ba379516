// The one big answer of a till, station or coach: what became of what was signed.

import { at, element, explain, text } from "./page.js";
import { play } from "./sound.js";

const [result, problem, again, next] = ["#result", "#problem", "#again", "#next"].map(at);

/** Shows one step of the page. */
export function step(name) {
  for (const section of document.querySelectorAll("[data-step]")) section.hidden = section.dataset.step !== name;
}

/** Something was sent; there is no verdict yet. */
export function sending(sentence) {
  problem.hidden = true;
  again.hidden = true;
  next.hidden = true;
  result.className = "outcome";
  result.replaceChildren(element("strong", "", sentence));
  step("result");
}

/** A verdict, in a sign, a sentence and a sound. */
export function say(good, sentence, ...lines) {
  const mark = element("span", "mark", good ? "✔" : "✘");
  mark.setAttribute("aria-hidden", "true");
  result.className = `outcome ${good ? "pass" : "fail"}`;
  result.replaceChildren(mark, element("strong", "", sentence), ...lines.map((line) => element("p", "", line)));
  play(good ? "good" : "bad");
  next.hidden = false;
  step("result");
  result.focus({ preventScroll: true });
}

/** The answer is missing, not the act: only asking again tells what became of it. */
export function unanswered(error, message) {
  const [title] = explain(error);
  result.className = "outcome";
  result.replaceChildren(element("strong", "", title), element("p", "", text(message)));
  play("bad");
  again.hidden = false;
  again.focus({ preventScroll: true });
}
