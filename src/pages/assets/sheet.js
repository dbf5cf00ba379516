// The sheet of a voucher or perk card: what it is for and its code, large, to show or to print.

import { at, dateOf, element, text } from "./page.js";
import { draw } from "./qr.js";

/** Where a voucher is good, as parts of a line: at the named shops, at all. */
export function shopsOf(places) {
  if (places.length === 0) return [text("reward-all-shops")];
  const named = element("span", "", places.join("、"));
  named.lang = "ja";
  return [`${text("reward-places")} `, named];
}

/** Shows the address behind a code with the reward's name, its last day (`YYYY-MM-DD`), where it is good, and a note. */
export function showSheet(code, { name, until, where, note }) {
  at("#shown-name").textContent = name;
  at("#shown-until").textContent = text("reward-good-until", { date: dateOf(until) });
  at("#shown-places").replaceChildren(...where);
  at("#shown-number").textContent = note;
  draw(at("#shown svg"), code);
  at("#print").onclick = () => print();
  at("#shown").hidden = false;
  at("#shown-name").focus();
}
