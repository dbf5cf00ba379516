// Three ways to read a code, of which one always works: the camera, a hand-held scanner or the
// keyboard, a photograph. Where the browser cannot read codes itself, the server reads a frame and
// forgets it.

import { text } from "./page.js";

const SCAN_MS = 20_000;
const PAUSE_MS = 150;
const FRAME_PX = 640;
const FRAME_QUALITY = 0.7;
const PHOTO_PX = 1280;
const FLAT = "2d";

/** Why the camera does not start. */
const REFUSALS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function detector() {
  if (!("BarcodeDetector" in globalThis)) return null;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : null;
}

/** Whether this browser reads codes by itself. */
export const canRead = async () => (await detector()) !== null;

/** The part of a picture from (x, y) with these sides, drawn at most `most` pixels long, as JPEG. */
async function jpegOf(picture, [x, y, width, height], most, quality) {
  const scale = Math.min(1, most / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext(FLAT).drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

/**
 * Drives the box that `pages/scan.rs` draws. `onText` gets each text and says whether it could use it; `readFrame` gives
 * the text of the code in a JPEG, or null; a page without it has the camera and photographs only where the browser `canRead`.
 */
export class Scanner {
  constructor(box, onText, readFrame) {
    this.video = box.querySelector("video");
    this.button = box.querySelector("[data-scan='camera']");
    this.field = box.querySelector("[data-scan='field']");
    this.told = box.querySelector("[data-scan='say']");
    this.onText = onText;
    this.readFrame = readFrame;
    this.run = 0;
    this.button.addEventListener("click", () => (this.stream ? this.stop() : this.start()));
    this.field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.offer(this.field.value);
      this.field.value = "";
    });
    this.field.addEventListener("pointerdown", () => {
      this.field.inputMode = "text";
    });
    const photo = box.querySelector("[data-scan='photo']");
    photo.addEventListener("change", () => this.photo(photo));
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  say(sentence) {
    this.told.textContent = sentence;
  }

  /** Waits for a scanner that types. A tablet's own keyboard stays away until a finger asks for it. */
  ready() {
    this.say("");
    this.field.inputMode = "none";
    this.field.focus({ preventScroll: true });
  }

  async offer(read) {
    if (read.trim() === "") return false;
    const used = await this.onText(read);
    if (used) this.stop();
    return used;
  }

  async start() {
    this.stop();
    this.run += 1;
    const { run } = this;
    this.say(text("scan-starting"));
    try {
      if (!navigator.mediaDevices) throw Object.assign(new Error(), { name: "NotFoundError" });
      const video = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (run !== this.run) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.stream = stream;
      this.video.srcObject = stream;
      this.video.hidden = false;
      this.button.textContent = text("scan-stop");
      await this.video.play();
      this.say(text("scan-look"));
      await this.watch(run);
    } catch (error) {
      if (run !== this.run) return;
      this.stop();
      this.say(text(`scan-camera-${REFUSALS[error.name] ?? "busy"}`));
    }
  }

  stop() {
    this.run += 1;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.video.hidden = true;
    this.button.textContent = text("scan-start");
  }

  async watch(run) {
    const reader = await detector();
    const until = performance.now() + SCAN_MS;
    let before = null;
    while (run === this.run) {
      if (performance.now() > until) {
        this.stop();
        this.say(text("scan-tired"));
        return;
      }
      const read = await this.look(reader).catch((error) => {
        if (error.slug === "network") this.say(text("scan-network"));
        return null;
      });
      if (run !== this.run) return;
      // A code that could not be used is told once and not with every frame.
      if (read && read !== before && (await this.offer(read))) return;
      before = read ?? before;
      await pause(PAUSE_MS);
    }
  }

  async look(reader) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return null;
    if (reader) return (await reader.detect(this.video))[0]?.rawValue ?? null;
    const side = Math.min(width, height);
    const centre = [(width - side) / 2, (height - side) / 2, side, side];
    return this.readFrame(await jpegOf(this.video, centre, FRAME_PX, FRAME_QUALITY));
  }

  async photo(input) {
    const [file] = input.files;
    if (!file) return;
    this.stop();
    this.say(text("scan-reading"));
    try {
      const picture = await createImageBitmap(file);
      const all = [0, 0, picture.width, picture.height];
      const own = (await (await detector())?.detect(picture))?.[0]?.rawValue;
      const read = own ?? (await this.readFrame?.(await jpegOf(picture, all, PHOTO_PX, FRAME_QUALITY)));
      this.say(read ? "" : text("scan-photo-none"));
      if (read) await this.offer(read);
    } catch (error) {
      this.say(error.slug === "network" ? text("scan-network") : text("scan-photo-none"));
    } finally {
      input.value = "";
    }
  }
}
