// Four named sounds, and one for lost data: silence always means that all is well, never that nothing arrives.
//
// speak: the lumbar share of each repetition. target: a tone while lumbar is beyond its line, higher the further. drift: a short
// tone after a repetition that moved away from the first ones of its set by more than the measurement can tell. tempo: a beat.
// What is scheduled stands in `data-tone`. A tone is scheduled when the row arrives, not when it is painted.

import { shareName } from "../desk/repetition_table.js";
import { known, percent } from "../words/numbers.js";
import { word } from "../words/words.js";

export const SOUNDS = ["off", "speak", "target", "drift", "tempo"];
/** The first repetitions of a set, with which later ones are compared (ours). */
const FIRST = 3;
/** Least change of lumbar range that is told, degrees, and in standard deviations (ours). */
const LEAST_DRIFT_DEG = 5;
const DRIFT_SD = 2.5;
const DRIFT_MS = 700;
/** Pitch at the line, Hz, and the octaves for every 30° beyond it. */
const AT_LINE_HZ = 440;
const DEG_PER_OCTAVE = 30;
const LOST_HZ = 150;
/** The sound of lost data comes again after this, seconds. */
const LOST_EVERY_S = 1.0;
const LOUD = 0.2;
const RAMP_S = 0.01;
const LOOK_MS = 100;

/** By how much the newest repetition moved away from the first ones of its set, degrees of lumbar range: 0 where that is not more
 * than the measurement and these repetitions themselves can tell. */
export function drift(repetitions) {
  const newest = repetitions.at(-1);
  const alike = repetitions.filter((r) => r.set === newest?.set && r.movement === newest.movement && r.side === newest.side && known(r.lumbar_rom_deg));
  if (alike.length <= FIRST || alike.at(-1) !== newest) return 0;
  const first = alike.slice(0, FIRST).map((r) => r.lumbar_rom_deg);
  const mean = first.reduce((a, b) => a + b, 0) / FIRST;
  const between = first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (FIRST - 1);
  const own = (newest.lumbar_rom_sd_deg ?? 0) ** 2;
  const moved = newest.lumbar_rom_deg - mean;
  const limit = Math.max(LEAST_DRIFT_DEG, DRIFT_SD * Math.sqrt((between + own) * (1 + 1 / FIRST)));
  return Math.abs(moved) > limit ? moved : 0;
}

export class Sound {
  constructor(page) {
    this.page = page;
    this.chosen = "off";
    this.tone = "silent";
    /** Beats of the metronome a minute. */
    this.beats = 60;
    this._context = null;
    this._next = 0;
    /** Until when, and how far, a drift is heard. */
    this._drift = { until: 0, by: 0 };
    setInterval(() => this.follow(), LOOK_MS);
  }

  /** Choose a sound by its name; the tap that chooses it unlocks the loudspeaker. */
  choose(name) {
    if (!SOUNDS.includes(name)) return;
    this.chosen = name;
    document.body.dataset.sound = name;
    if (name !== "off") this._unlock();
    if (name === "speak" && this.speaks) speechSynthesis.cancel();
    this._next = 0;
    this.follow();
    this.page.view?.changed?.("sound");
  }

  /** Whether this browser can speak. */
  get speaks() {
    return "speechSynthesis" in window;
  }

  /** Whether the browser still waits for a tap before it lets anything be heard. */
  get locked() {
    return this.chosen !== "off" && this._context !== null && this._context.state !== "running";
  }

  /** What is to be heard now. */
  follow() {
    const { connection, session } = this.page;
    if (this.chosen === "off" || connection.state === "ended" || connection.state === "refused") {
      this._become("silent");
      return;
    }
    const lumbar = session.value("lumbar_flexion");
    const measuring = connection.state === "streaming";
    const lost = connection.state === "lost" || (measuring && !known(lumbar));
    if (lost) this._become("lost");
    else if (this.chosen === "target" && measuring && known(session.targets.lumbar_flexion) && lumbar > session.targets.lumbar_flexion) {
      this._become("tone", lumbar - session.targets.lumbar_flexion);
    } else if (this.chosen === "drift" && performance.now() < this._drift.until) this._become("tone", this._drift.by);
    else this._become("silent");
    this._beat();
  }

  /** A message of the session has come. */
  changed(kind) {
    if (kind === "repetition" && this.chosen === "drift") {
      const by = drift(this.page.session.repetitions);
      if (by) this._drift = { until: performance.now() + DRIFT_MS, by };
      this.follow();
    }
    if (kind !== "repetition" || this.chosen !== "speak" || !this.speaks) return;
    const repetition = this.page.session.repetitions.at(-1);
    const share = repetition?.[shareName(repetition.movement)];
    if (!known(share)) return;
    const said = new SpeechSynthesisUtterance(word("sound.say", { share: percent(100 * share) }));
    said.lang = document.documentElement.lang;
    speechSynthesis.speak(said);
  }

  _unlock() {
    if (this._context === null && "AudioContext" in window) this._context = new AudioContext();
    this._context?.resume();
  }

  _become(tone, beyond_deg = 0) {
    if (tone !== this.tone) {
      this.tone = tone;
      this._next = 0;
      document.body.dataset.tone = tone;
      if (tone !== "tone") this._hush();
      if (tone === "lost" && this.speaks) speechSynthesis.cancel();
    }
    if (tone === "tone") this._sing(AT_LINE_HZ * 2 ** (beyond_deg / DEG_PER_OCTAVE));
  }

  /** A held tone of that pitch. */
  _sing(hz) {
    if (this._context === null) return;
    const now = this._context.currentTime;
    if (this._held) {
      this._held.oscillator.frequency.setTargetAtTime(hz, now, RAMP_S);
      return;
    }
    const held = this._voice("sine", hz);
    held.gain.gain.setTargetAtTime(LOUD, now, RAMP_S);
    held.oscillator.start();
    this._held = held;
  }

  _hush() {
    if (!this._held) return;
    const { oscillator, gain } = this._held;
    const now = this._context.currentTime;
    gain.gain.setTargetAtTime(0, now, RAMP_S);
    oscillator.stop(now + 10 * RAMP_S);
    this._held = null;
  }

  /** What comes again and again: the two low beeps of lost data, or the metronome. */
  _beat() {
    if (this._context === null) return;
    const now = this._context.currentTime;
    if (now + LOOK_MS / 1000 < this._next) return;
    const at = Math.max(this._next, now);
    if (this.tone === "lost") {
      this._beep("square", LOST_HZ, at, 0.12);
      this._beep("square", LOST_HZ, at + 0.2, 0.12);
      this._next = at + LOST_EVERY_S;
    } else if (this.chosen === "tempo") {
      this._beep("triangle", 880, at, 0.05);
      this._next = at + 60 / this.beats;
    }
  }

  _beep(kind, hz, at, seconds) {
    const { oscillator, gain } = this._voice(kind, hz);
    gain.gain.setValueAtTime(LOUD, at);
    gain.gain.setTargetAtTime(0, at + seconds, RAMP_S);
    oscillator.start(at);
    oscillator.stop(at + seconds + 10 * RAMP_S);
  }

  _voice(kind, hz) {
    const oscillator = this._context.createOscillator();
    const gain = this._context.createGain();
    oscillator.type = kind;
    oscillator.frequency.value = hz;
    gain.gain.value = 0;
    oscillator.connect(gain).connect(this._context.destination);
    return { oscillator, gain };
  }
}
