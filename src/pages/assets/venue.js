// The screen at an event: the station's own key signs a code that is good for a minute or two, so a
// photograph of it is worth nothing at home.

import * as api from "./api.js";
import { LivingCode } from "./code.js";
import { unhex, venueCode, venueUrl } from "./cose.js";
import { openRole } from "./keyring.js";
import { at, element, ledgerName, named, showProblem, text } from "./page.js";

const [choose, shown, problem, list] = ["#choose", "#shown", "#problem", "#actions"].map(at);
const { key, found } = await openRole("station");
const state = {};

/** The living code with what a venue signs in it. */
class VenueScreen extends LivingCode {
  constructor(figure, ledger, place, action) {
    super(figure, key, ledger);
    this.place = place;
    this.action = action;
  }

  async sign() {
    this.token = await venueCode(this.signer, this.ledger, this.place, this.action);
    return venueUrl(location.origin, this.token);
  }

  words(left) {
    return text("venue-left", { seconds: left });
  }
}

const guarded = (work) => () => work().catch((error) => showProblem(problem, error));

/** The screen stays on; the browser takes the lock away whenever the page is left. */
async function lightUp() {
  state.lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
}

async function show({ action, name }) {
  problem.hidden = true;
  state.code = new VenueScreen(at("#code"), state.ledger, unhex(found.place), action);
  at("#event").textContent = name;
  choose.hidden = true;
  shown.hidden = false;
  await state.code.show();
  at("#event").focus({ preventScroll: true });
  await lightUp();
}

function hide() {
  state.code.hide();
  state.lock?.release().catch(() => undefined);
  shown.hidden = true;
  choose.hidden = false;
  list.querySelector("button")?.focus();
}

/** The actions whose rule takes the code; which of a group's it was is nothing for a screen. */
async function start() {
  state.ledger = await api.ledger(ledgerName);
  const { rules } = await api.programme(ledgerName);
  const open = rules.filter(({ evidence, exact }) => evidence.includes("venue") && !exact?.length);
  list.replaceChildren(...open.map((rule) => {
    const name = named(rule);
    const button = element("button", "button large", name);
    button.type = "button";
    button.addEventListener("click", guarded(() => show({ action: rule.action, name })));
    return button;
  }));
  at("#actions-none").hidden = open.length > 0;
  choose.hidden = false;
}

at("#hide-code").addEventListener("click", hide);
document.addEventListener("visibilitychange", guarded(async () => {
  if (document.hidden || !state.code?.token) return;
  await Promise.all([lightUp(), state.code.tick()]);
}));
await guarded(start)();
