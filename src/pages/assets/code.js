// The living QR code: signed and drawn on the phone, shown for a minute, then made afresh. It needs
// no network.

import { payToken, payUrl } from "./cose.js";
import { number, text } from "./page.js";
import { draw } from "./qr.js";

const SHOWN_S = 60;
// A code that was scanned in its last second can still be used for another minute.
const LIFE_S = 120;

/** A cap that allows whatever is there; an exact balance in the code would tell it to the shop. */
export const NO_CAP_POINTS = 100_000;

/** Drives the figure of `code_figure`: an `<svg>` for the code, a ring and a `<figcaption>`. */
export class LivingCode {
  constructor(figure, signer, ledger, lifeS = LIFE_S) {
    this.figure = figure;
    this.signer = signer;
    this.ledger = ledger;
    this.lifeS = lifeS;
    this.token = null;
  }

  /** Shows a code for at most `maxPoints`, with `shop` for that shop alone, and keeps it fresh until `hide`. */
  async show(maxPoints, shop) {
    this.hide();
    this.maxPoints = maxPoints;
    this.shop = shop;
    await this.renew();
    this.figure.hidden = false;
    this.figure.scrollIntoView({ block: "nearest" });
    this.timer = setInterval(() => this.tick(), 1000);
  }

  hide() {
    clearInterval(this.timer);
    this.figure.hidden = true;
    this.token = null;
  }

  async renew() {
    this.shownAt = Date.now();
    draw(this.figure.querySelector("svg"), await this.sign());
    this.caption(SHOWN_S);
  }

  /** Signs what the code holds, and gives its text. */
  async sign() {
    this.token = await payToken(this.signer, this.ledger, this.maxPoints, this.lifeS, this.shop?.id);
    return payUrl(location.origin, this.token);
  }

  /** What stands below the code. */
  words(left) {
    const values = { seconds: left, points: number(this.maxPoints), shop: this.shop?.name };
    if (this.shop) return text("code-left-confirmed", values);
    return this.maxPoints === NO_CAP_POINTS ? text("code-left-all", values) : text("code-left", values);
  }

  caption(left) {
    this.figure.querySelector("figcaption span").textContent = this.words(left);
    this.figure.querySelector(".ring .left").setAttribute("stroke-dasharray", `${left} ${SHOWN_S}`);
  }

  async tick() {
    const left = SHOWN_S - Math.floor((Date.now() - this.shownAt) / 1000);
    // A clock that was set back would keep an old code for ever.
    if (left > 0 && left <= SHOWN_S) this.caption(left);
    else await this.renew();
  }
}
