// The living QR code: signed on the phone, shown for a minute, then signed afresh.

import * as api from "./api.js";
import { payToken, payUrl } from "./cose.js";
import { text } from "./page.js";

const SHOWN_S = 60;
// A code that was scanned in its last second can still be used for another minute.
const LIFE_S = 120;

/** Drives a `<figure>` with an `<img>` and a `<figcaption>`. */
export class LivingCode {
  constructor(figure, signer, ledger, lifeS = LIFE_S) {
    this.figure = figure;
    this.signer = signer;
    this.ledger = ledger;
    this.lifeS = lifeS;
    this.token = null;
  }

  /** Shows a code for at most `maxPoints` and keeps it fresh until `hide`. */
  async show(maxPoints) {
    this.hide();
    this.maxPoints = maxPoints;
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
    const token = await payToken(this.signer, this.ledger, this.maxPoints, this.lifeS);
    const svg = await api.qrSvg(payUrl(location.origin, token));
    const image = this.figure.querySelector("img");
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    this.token = token;
    this.shownAt = Date.now();
    this.caption(SHOWN_S);
  }

  caption(left) {
    const caption = this.figure.querySelector("figcaption");
    caption.textContent = text("code-left", { seconds: left, points: this.maxPoints });
  }

  async tick() {
    const left = SHOWN_S - Math.floor((Date.now() - this.shownAt) / 1000);
    if (left > 0) {
      this.caption(left);
      return;
    }
    // Without the network the old code stays until it can be drawn again.
    this.shownAt = Date.now();
    await this.renew().catch(() => this.caption(0));
  }
}
