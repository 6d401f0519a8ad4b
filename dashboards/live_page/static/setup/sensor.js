// A sensor as set-up speaks of it: its name for people, where it was worn last, its battery and its signal.

import { element, mark, say, shape } from "../drawing/elements.js";
import { known, percent } from "../words/numbers.js";
import { codeWord, word } from "../words/words.js";

/** Signal of one to four bars, dBm. */
const BARS_DBM = [-90, -80, -70, -60];
const ENDS = 5;
const LOW_BATTERY = 25;

/** What people call it. */
export const nameOf = (sensor) => sensor.strap || (sensor.known ? sensor.name : "") || word("find.new_sensor");

/** The line below its name: where it was worn, or how it is told from others like it. */
export function lineOf(sensor) {
  if (sensor.family === null) return word("find.no_family");
  if (sensor.last) return word("find.last_time", { place: codeWord("place", sensor.last) });
  return word("find.ends_in", { end: sensor.id.slice(-ENDS) });
}

/** The same in a word, where its line is not beside it: one without a name is told by how its address ends. */
export const shortOf = (sensor) => sensor.strap || (sensor.known ? sensor.name : "") || `… ${sensor.id.slice(-ENDS)}`;

/** Whether it can be placed. */
export const usable = (sensor) => sensor.family !== null;

/** Battery and signal, kept up to date. */
export class Figures {
  constructor() {
    this.level = shape("rect", { class: "own-fill", x: 4, y: 5, height: 8 });
    this.charge = element("span");
    this.bars = BARS_DBM.map((_, i) => shape("rect", { x: 7 * i, y: 14 - 4 * i, width: 5, height: 4 + 4 * i }));
    this.signal = shape("svg", { class: "signal", viewBox: "0 0 26 18", role: "img" }, ...this.bars);
    const battery = shape(
      "svg",
      { class: "battery", viewBox: "0 0 34 18", "aria-hidden": "true" },
      shape("rect", { class: "own-line", x: 1, y: 2, width: 28, height: 14, rx: 3 }),
      shape("rect", { class: "own-fill", x: 30, y: 6, width: 3, height: 6 }),
      this.level,
    );
    this.node = element(
      "span",
      { class: "figures" },
      element("span", { class: "charge" }, battery, element("span", { class: "away" }, word("sensor.battery")), this.charge),
      this.signal,
    );
  }

  show(sensor) {
    const there = sensor.state !== "lost";
    const charge = there ? sensor.battery : null;
    say(this.charge, percent(charge));
    mark(this.level, "width", known(charge) ? ((22 * charge) / 100).toFixed(1) : 0);
    const heard = there && known(sensor.rssi);
    const bars = heard ? BARS_DBM.filter((dbm) => sensor.rssi >= dbm).length : 0;
    this.bars.forEach((bar, i) => mark(bar, "class", i < bars ? "own-fill" : "faint"));
    mark(this.signal, "aria-label", heard ? word("sensor.signal", { bars }) : word("sensor.no_signal"));
  }
}

export const low = (sensor) => known(sensor.battery) && sensor.battery < LOW_BATTERY;
