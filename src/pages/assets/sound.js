// A sound for done and one for refused, for people who look at the customer and not at the screen.

const MUTED = "kenmai-muted";
const TONES_HZ = { good: [880, 1320], bad: [220, 180] };
const TONE_S = 0.14;
let context;

const isMuted = () => localStorage.getItem(MUTED) === "yes";

/** Lets a button turn the sound off and on. */
export function muteButton(button) {
  const show = () => button.setAttribute("aria-pressed", String(isMuted()));
  button.addEventListener("click", () => {
    localStorage.setItem(MUTED, isMuted() ? "no" : "yes");
    show();
  });
  show();
}

/** Plays "good" or "bad". Without sound, or before the first touch, nothing happens. */
export function play(name) {
  if (isMuted() || !globalThis.AudioContext) return;
  context ??= new AudioContext();
  TONES_HZ[name].forEach((hz, index) => {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const start = context.currentTime + index * TONE_S;
    tone.frequency.value = hz;
    volume.gain.setValueAtTime(0.2, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + TONE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + TONE_S);
  });
}
