// Checks perk cards inside this browser, with keys and lists of withdrawn cards that it fetched
// when there was a network. A card goes to no server, neither its picture nor its number.

import * as api from "./api.js";
import { dayOf, hex, perkCardSignedBy, readPerkCard } from "./cose.js";
import { keepForOffline } from "./offline.js";
import { say, step } from "./outcome.js";
import { at, canSign, date, element, locale, text } from "./page.js";
import { Scanner, canRead } from "./scan.js";
import { muteButton } from "./sound.js";
import { keep, kept } from "./store.js";

const OLD_S = 7 * 86_400;
/** A page that stays open asks anew after so long. */
const REFRESH_S = 3_600;

const cities = [...document.querySelectorAll("[data-city]")];
const place = (city) => `${city}/perk-cards`;
/** What each city's cards are checked with, by the city's name in addresses. */
const lists = new Map();
/** The card whose verdict is on the screen, as read. */
let shown;

const nowS = () => Math.floor(Date.now() / 1000);

/** The time, but never before a list was made: a clock that was set back would make old cards good. */
const timeS = () => Math.max(nowS(), ...[...lists.values()].map((list) => list.asOfS));

const time = (seconds) =>
  new Date(seconds * 1000).toLocaleString(locale, {
    dateStyle: "long", timeStyle: "short", timeZone: "Asia/Tokyo",
  });

function showLists() {
  for (const city of cities) {
    const list = lists.get(city.dataset.city);
    const words = list ? text("perk-list-as-of", { time: time(list.asOfS) }) : text("perk-list-none");
    city.querySelector(".as-of").textContent = words;
    city.dataset.list = list ? "yes" : "no";
  }
}

/** Fetches every city's keys and list; true when all came. What is not to be had stays as it was. */
async function refresh() {
  const fetched = await Promise.all(
    cities.map(async ({ dataset: { city } }) => {
      try {
        const list = await api.revokedCards(city);
        lists.set(city, list);
        await keep(place(city), list);
        return true;
      } catch {
        return false;
      }
    }),
  );
  showLists();
  // The card on the screen is judged by what is known, also when that comes after it.
  if (shown !== undefined && (await judge(shown)).state !== at("#result").dataset.state) await check(shown);
  return fetched.every(Boolean);
}

async function refreshAndTell() {
  at("#lists-say").textContent = text("perk-refreshing");
  at("#lists-say").textContent = text((await refresh()) ? "perk-refreshed" : "perk-refresh-failed");
}

/** What is true of a card as read: { state, until, city, list }. */
async function judge(read) {
  let card;
  try {
    card = readPerkCard(read);
  } catch {
    return { state: "other" };
  }
  const { message, number, ledger, until } = card;
  const city = cities.find(({ dataset }) => lists.has(dataset.city) && hex(lists.get(dataset.city).ledger) === hex(ledger));
  if (!city) return { state: lists.size < cities.length ? "unready" : "foreign" };
  const list = lists.get(city.dataset.city);
  const told = { until, city: city.dataset.name, list };
  const key = list.keys.find(({ kid }) => kid === hex(message.kid));
  if (!key || !(await perkCardSignedBy(message, key.publicKey))) return { state: "forged", ...told };
  if (until < dayOf(timeS())) return { state: "ended", ...told };
  if (list.revoked.includes(hex(number))) return { state: "revoked", ...told };
  return { state: "good", ...told };
}

/** A list that does not know a key or a city may be too old to. */
const HELPED_BY_REFRESH = ["unready", "foreign", "forged"];

async function check(read) {
  shown = undefined;
  let found = await judge(read);
  if (HELPED_BY_REFRESH.includes(found.state) && navigator.onLine) {
    await refresh();
    found = await judge(read);
  }
  const { state, until, city, list } = found;
  const [good, values] = [state === "good", { date: until === undefined ? "" : date(until) }];
  const sentence = [text(`perk-is-${state}`), ...(good ? [text("perk-until", values)] : [])].join("\n");
  const lines = [text(`perk-next-${state}`, values)];
  if (city) lines.unshift(city);
  if (list && timeS() - list.asOfS > OLD_S) lines.push(text("perk-old", { time: time(list.asOfS) }));
  say(good, sentence, ...lines);
  at("#result").dataset.state = state;
  shown = read;
  return true;
}

/** A card that a phone's own camera has read stands behind the `#`. */
async function fromAddress() {
  if (location.hash.length > 1) await check(location.hash.slice(1));
}

async function start() {
  for (const { dataset } of cities) {
    const list = await kept(place(dataset.city));
    if (list) lists.set(dataset.city, list);
  }
  showLists();
  const scanner = new Scanner(at("#scan"), check);
  if (!(await canRead())) {
    at("#no-camera").hidden = false;
    for (const part of document.querySelectorAll("[data-scan='camera'], #scan details")) part.hidden = true;
  }
  at("#next").addEventListener("click", () => {
    shown = undefined;
    history.replaceState(null, "", location.pathname + location.search);
    step("scan");
    scanner.ready();
  });
  at("#refresh").addEventListener("click", refreshAndTell);
  muteButton(at("#mute"));
  addEventListener("hashchange", fromAddress);
  addEventListener("online", refresh);
  document.addEventListener("visibilitychange", () => {
    const oldest = Math.min(...cities.map(({ dataset }) => lists.get(dataset.city)?.asOfS ?? 0));
    if (!document.hidden && nowS() - oldest > REFRESH_S) refresh();
  });
  await fromAddress();
  await refreshAndTell();
  if (await keepForOffline()) at("#kept").textContent = text("perk-kept");
}

if (canSign()) start();
else at("#problem").replaceChildren(element("p", "", text("browser-cannot")));
at("#problem").hidden = canSign();
