// The resident's page: opens a session with the key of this phone, and keeps the pay page for places without signal.

import * as api from "./api.js";
import { deviceEnrol, session, unhex } from "./cose.js";
import { keepForOffline } from "./offline.js";
import { canSign, ledgerName, showProblem, text } from "./page.js";
import { keep, kept, makeKey } from "./store.js";

const facts = document.querySelector("#me").dataset;
const say = document.querySelector("#say");
const problem = document.querySelector("#problem");
const place = `${ledgerName}/phone`;
const visitor = document.querySelector("#visitor");
const open = document.querySelector("#open");

async function openPage(phone, ledger) {
  await api.openSession(ledgerName, await session(phone, ledger));
  // When the cookie is refused, the page would come back without a session for ever.
  if (sessionStorage.getItem("opened") === "once") throw new Error(text("me-cookie"));
  sessionStorage.setItem("opened", "once");
  location.replace(location.pathname);
}

/** A visitor of a demo city; each part is kept, so a second press goes on where the first one stopped. */
const joining = {};
async function becomeVisitor() {
  const ledger = await api.ledger(ledgerName);
  joining.phone ??= await makeKey();
  joining.city ??= await api.visitor(ledgerName);
  joining.statement ??= await deviceEnrol(joining.phone, ledger, unhex(joining.city.code));
  await api.submit(ledgerName, joining.statement);
  await keep(place, joining.phone);
  sessionStorage.removeItem("opened");
  await openPage(joining.phone, ledger);
}

async function arrive() {
  const phone = await kept(place);
  if (!phone) {
    say.textContent = visitor ? "" : text("me-no-key");
    return;
  }
  // A second visit to the desk would take the place of this phone's key, and with it of its points.
  if (visitor) document.querySelector("#join").hidden = true;
  const enter = async () => {
    say.textContent = text("me-opening");
    await openPage(phone, await api.ledger(ledgerName));
  };
  // Who has just left does not want to be back at once.
  if (facts.left !== "yes") {
    await enter();
    return;
  }
  sessionStorage.removeItem("opened");
  open.hidden = false;
  open.addEventListener("click", guarded(enter));
}

const guarded = (work) => () => {
  problem.hidden = true;
  return work().catch((error) => showProblem(problem, error));
};

if (!canSign()) {
  say.textContent = text("browser-cannot");
} else if (facts.session === "no") {
  visitor?.addEventListener("click", guarded(becomeVisitor));
  guarded(arrive)();
} else {
  sessionStorage.removeItem("opened");
  // Without it everything works, only not without signal; the pay page says which.
  keepForOffline().catch(() => undefined);
}
