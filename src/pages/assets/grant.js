// A resident's links on a screen, the own phone's or a desk's: a line for each, and the form that
// asks for another.

import { dayOf, dayText, familyCode, random, readFamilyCode, unhex } from "./cose.js";
import { at, dateOf, element, fault, text } from "./page.js";

/** A link lasts a year at most. */
export const LINK_DAYS_MAX = 366;
const DAY_MS = 86_400_000;
/** The choice that is no partner. */
const FAMILY = "family";

/** How a link's other side is called. */
export const otherOf = ({ purpose, partner }) =>
  purpose === "proxy" ? text("links-family-of", { code: familyCode(unhex(partner)) }) : partner;

/** A line of the list; a button at a link that is in force calls `end`. */
export function linkLine(link, end) {
  const name = element("strong", "", otherOf(link));
  if (link.purpose !== "proxy") name.lang = "ja";
  const key = link.in_force ? "links-line" : "links-line-ended";
  const what = element("span", "", text(key, { purpose: text(`links-${link.purpose}`), date: dateOf(link.until) }));
  const item = element("li", "", name, what);
  if (link.in_force) {
    const button = element("button", "button quiet", text("links-end"));
    button.type = "button";
    button.setAttribute("aria-label", text("links-end-of", { name: otherOf(link) }));
    button.addEventListener("click", end);
    item.append(button);
  }
  return item;
}

/** What a person confirms before a link ends. */
export const endWhat = (link) => text("links-end-what", { name: otherOf(link), purpose: text(`links-${link.purpose}`) });

/**
 * Fills the form and shows it. What an address asked for, `partner`, `purpose` or `family`, only chooses fields in advance.
 * Gives a function that reads the form: a link to sign, or null after a sentence beside the field.
 */
export function linkForm(partners, nowS, asked = new URLSearchParams()) {
  const [form, partner, purpose, until, family] =
    ["#grant", "#partner", "#purpose", "#until", "#family"].map(at);
  const option = ({ kid, name }) => Object.assign(new Option(name, kid), { lang: "ja" });
  partner.replaceChildren(...partners.map(option), new Option(text("links-family"), FAMILY));
  const chosen = () => partners.find(({ kid }) => kid === partner.value);
  const showPurposes = () => {
    const purposes = chosen()?.purposes ?? ["proxy"];
    purpose.replaceChildren(...purposes.map((name) => new Option(text(`links-${name}`), name)));
    at("#family-box").hidden = Boolean(chosen());
  };
  if (partners.some(({ kid }) => kid === asked.get("partner"))) partner.value = asked.get("partner");
  if (asked.has("family")) partner.value = FAMILY;
  family.value = asked.get("family") ?? "";
  showPurposes();
  if ([...purpose.options].some(({ value }) => value === asked.get("purpose"))) purpose.value = asked.get("purpose");
  const today = dayOf(nowS);
  [until.min, until.max, until.value] = [today, today + LINK_DAYS_MAX, today + LINK_DAYS_MAX - 1].map(dayText);
  partner.onchange = showPurposes;
  form.hidden = false;
  return () => {
    const key = chosen() ? unhex(partner.value) : readFamilyCode(family.value);
    if (fault(family, key ? "" : text("links-family-fault"))) return null;
    // From today on for at most a year.
    const good = until.value >= until.min && until.value <= until.max;
    if (fault(until, good ? "" : text("links-until-fault"))) return null;
    const last = Date.parse(until.value) / DAY_MS;
    return { link: random(16), purpose: purpose.value, until: last, partner: key };
  };
}
