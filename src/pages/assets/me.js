// The resident's page: opens a session with the key of this phone, and keeps the pay page for
// places without signal.

import * as api from "./api.js";
import { base32, byLink, deviceEnrol, deviceRevoke, session, unhex } from "./cose.js";
import { keepForOffline } from "./offline.js";
import { deliver, post, unfinished } from "./outbox.js";
import { at, canSign, confirmed, guarded, ledgerName, text } from "./page.js";
import { draw } from "./qr.js";
import { forget, keep, kept, makeKey } from "./store.js";

const facts = at("#me").dataset;
const say = at("#say");
const place = `${ledgerName}/phone`;
const asked = `${ledgerName}/phone-asked`;
const POLL_MS = 3_000;
const visitor = at("#visitor");
const open = at("#open");

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

/** Shows the phone's key to a desk or kiosk, and opens the page once it is registered. */
async function askDesk() {
  const phone = (await kept(asked)) ?? (await makeKey());
  await keep(asked, phone);
  at("#at-desk").hidden = true;
  draw(at("#phone-code"), `${location.origin}/${ledgerName}/desk#phone=${base32(phone.publicKey)}`);
  at("#asking").hidden = false;
  at("#asking-title").focus();
  await watch(phone);
}

async function watch(phone) {
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  try {
    if (document.hidden) return await watch(phone);
    await api.openSession(ledgerName, await session(phone, await api.ledger(ledgerName)));
  } catch (error) {
    if (!["key-unknown", "network"].includes(error.slug)) throw error;
    return watch(phone);
  }
  await keep(place, phone);
  await forget(asked);
  location.replace(location.pathname);
}

async function arrive() {
  const phone = await kept(place);
  if (!phone) {
    say.textContent = visitor ? "" : text("me-no-key");
    at("#at-desk").hidden = false;
    at("#ask-desk").addEventListener("click", guarded(askDesk));
    return;
  }
  // A second visit to the desk would take the place of this phone's key, and with it of its points.
  if (visitor) at("#join").hidden = true;
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

/** Sends the end of a phone that is kept until its verdict. */
async function sendEnd(job) {
  say.textContent = text("me-phone-end-sending");
  await deliver(job);
  location.reload();
}

/** The own phone ends the others, or that of the family: one that is lost, or that nobody knows. */
async function offerToEndPhones() {
  const phone = await kept(place);
  if (!phone) return;
  const link = new URLSearchParams(location.search).get("for");
  const who = link ? { holder: byLink(unhex(link)) } : {};
  for (const button of document.querySelectorAll("[data-phone]")) {
    button.hidden = false;
    button.addEventListener("click", guarded(async () => {
      if (!(await confirmed(text("me-phone-end-what")))) return;
      const bytes = await deviceRevoke(phone, await api.ledger(ledgerName), unhex(button.dataset.phone), who);
      await sendEnd(await post("phones", bytes, {}));
    }));
  }
  // An earlier visit may have ended before the answer came.
  for (const job of await unfinished("phones")) await sendEnd(job);
}

if (!canSign()) {
  say.textContent = text("browser-cannot");
} else if (facts.session === "no") {
  visitor?.addEventListener("click", guarded(becomeVisitor));
  guarded(arrive)();
} else {
  sessionStorage.removeItem("opened");
  guarded(offerToEndPhones)();
  // Without it everything works, only not without signal; the pay page says which.
  keepForOffline().catch(() => undefined);
}
