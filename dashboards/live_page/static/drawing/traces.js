// Angles over time on a canvas: panels of two or three lines, repetitions shaded and numbered, a line for a target.
//
//   const traces = new Traces(canvas, [{ series: ["lumbar_flexion", "pelvis_tilt"], target: "lumbar_flexion" }, …]);
//   const ends = traces.draw(rows, { from_s, to_s, repetitions, targets });
//
// `rows`: a `Rows` of session.js, or anything like it (`time`, `values`, `place`, `capacity`, `oldest`, `newest`, `leap_s`,
// `at(time_s)`): a ring or fixed arrays. `draw` gives where each line ends: `{name, value, y}`, for labels that are no pixels.
// A gap is a gap: no line crosses a missing value or a leap in time.

import { clock, decimal } from "../words/numbers.js";

/** Colour (a custom property) and dashes of each line: the same in page, report and Grafana. */
export const INKS = {
  lumbar_flexion: { colour: "--lumbar", dash: [] },
  pelvis_tilt: { colour: "--pelvis", dash: [8, 5] },
  hip_left_flexion: { colour: "--hip-left", dash: [] },
  hip_right_flexion: { colour: "--hip-right", dash: [10, 3, 2, 3] },
  trunk_inclination: { colour: "--mute", dash: [] },
  thigh_left_inclination: { colour: "--mute", dash: [8, 5] },
  thigh_right_inclination: { colour: "--mute", dash: [8, 5] },
};
const LEFT = 36;
const TOP = 22;
const BOTTOM = 22;
const BETWEEN = 24;
const STEP_DEG = 30;
const LEAST_TOP_DEG = 90;
const LINE = 2.6;
/** Steps of the time axis, seconds: the first that leaves room. */
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const LEAST_STEP_PX = 90;
const COLOURS = ["--ink", "--mute", "--grid", "--lit", "--over", "--panel", "--lumbar", "--pelvis", "--hip-left", "--hip-right"];

export class Traces {
  constructor(canvas, panels) {
    this.canvas = canvas;
    this.panels = panels;
    this.context = canvas.getContext("2d");
    this.font = "";
    this._scales = panels.map(() => [0, LEAST_TOP_DEG]);
    this._readColours();
    this._dark = matchMedia("(prefers-color-scheme: dark)");
    this._onDark = () => this._readColours();
    this._dark.addEventListener("change", this._onDark);
    this._watch = new ResizeObserver(() => this._resize());
    this._watch.observe(canvas.parentElement ?? canvas);
  }

  close() {
    this._watch.disconnect();
    this._dark.removeEventListener("change", this._onDark);
  }

  _readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(name).trim()]));
    this.font = getComputedStyle(document.body).fontFamily;
    this._hatch = null;
  }

  /** The canvas has the size of what holds it, in the pixels of the display. */
  _resize() {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    [this.width, this.height, this.ratio] = [width, height, ratio];
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
  }

  draw(rows, { from_s, to_s, repetitions = [], targets = {} }) {
    if (!this.width) this._resize();
    const { context: c, width, height } = this;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const x = (time_s) => LEFT + ((time_s - from_s) / (to_s - from_s)) * (width - LEFT);
    const view = { rows, x, from_s, to_s, first: rows.at(from_s), last: rows.newest };
    this._drawRepetitions(view, repetitions);
    const tall = (height - TOP - BOTTOM - BETWEEN * (this.panels.length - 1)) / this.panels.length;
    const ends = [];
    this.panels.forEach((panel, i) => {
      const top = TOP + i * (tall + BETWEEN);
      const [low, high] = this._scale(i, view, panel);
      const y = (deg) => top + tall * (1 - (deg - low) / (high - low));
      this._drawGrid(y, low, high, tall);
      const target = panel.target ? targets[panel.target] : null;
      if (typeof target === "number") this._drawTarget(view, y, panel.target, target, i);
      for (const name of panel.series) this._drawLine(view, y, name);
      for (const name of panel.series) ends.push({ name, value: view.last < 0 ? NaN : this._value(view, name, view.last), y, panel: i });
      if (typeof target === "number") ends.push({ name: "target", value: target, y, panel: i });
    });
    this._drawTimes(view);
    return ends.map(({ y, ...end }) => ({ ...end, y: Number.isFinite(end.value) ? y(end.value) : y(0) }));
  }

  _value({ rows }, name, n) {
    const place = rows.place.get(name);
    return place === undefined ? NaN : rows.values[place][n % rows.capacity];
  }

  /** A panel's ends: 0 to 90 degrees, and 30 more on either side while something in view is beyond. */
  _scale(i, view, panel) {
    let [low, high] = [0, LEAST_TOP_DEG];
    for (const name of panel.series) {
      const place = view.rows.place.get(name);
      if (place === undefined) continue;
      const column = view.rows.values[place];
      for (let n = view.first; n <= view.last; n += 5) {
        const value = column[n % view.rows.capacity];
        if (value < low - 5) low = Math.floor(value / STEP_DEG) * STEP_DEG;
        if (value > high) high = Math.ceil(value / STEP_DEG) * STEP_DEG;
      }
    }
    return [Math.max(low, -180), Math.min(high, 180)];
  }

  _drawRepetitions({ x, from_s, to_s }, repetitions) {
    const { context: c, colours, height } = this;
    c.font = `700 14px ${this.font}`;
    c.textAlign = "center";
    for (const { number, start_s, end_s } of repetitions) {
      if (end_s < from_s || start_s > to_s) continue;
      const [left, right] = [Math.max(x(start_s), LEFT), Math.min(x(end_s), this.width)];
      c.globalAlpha = 0.32;
      c.fillStyle = colours["--lit"];
      c.fillRect(left, TOP, right - left, height - TOP - BOTTOM);
      c.globalAlpha = 1;
      c.fillStyle = colours["--ink"];
      if (right - left > 14) c.fillText(String(number), (left + right) / 2, 15);
    }
  }

  _drawGrid(y, low, high, tall) {
    const { context: c, colours } = this;
    const step = tall / ((high - low) / STEP_DEG) < 16 ? 2 * STEP_DEG : STEP_DEG;
    c.font = `400 12px ${this.font}`;
    c.textAlign = "right";
    c.lineWidth = 1;
    for (let deg = low; deg <= high; deg += step) {
      const at = Math.round(y(deg)) + 0.5;
      c.strokeStyle = deg === 0 ? colours["--mute"] : colours["--grid"];
      c.beginPath();
      c.moveTo(LEFT, at);
      c.lineTo(this.width, at);
      c.stroke();
      c.fillStyle = colours["--mute"];
      c.fillText(decimal(deg), LEFT - 6, at + 4);
    }
  }

  _drawTimes({ x, from_s, to_s }) {
    const { context: c, colours, width, height } = this;
    const step = STEPS_S.find((s) => (s / (to_s - from_s)) * (width - LEFT) >= LEAST_STEP_PX) ?? STEPS_S.at(-1);
    c.font = `400 12px ${this.font}`;
    c.textAlign = "center";
    c.fillStyle = colours["--mute"];
    for (let t = Math.ceil(from_s / step) * step; t <= to_s; t += step) {
      const at = x(t);
      if (t >= 0 && at > LEFT + 12 && at < width - 16) c.fillText(clock(t), at, height - 5);
    }
  }

  /** A path of the line, cut where a value is missing; few points where many rows fall on a pixel. */
  _trace({ rows, x, first, last }, y, name) {
    const place = rows.place.get(name);
    const runs = [];
    if (place === undefined) return runs;
    const [column, { time, capacity, leap_s }] = [rows.values[place], rows];
    const step = Math.max(1, Math.floor((last - first) / (1.5 * (this.width - LEFT))));
    let run = null;
    let before = NaN;
    for (let n = first; n <= last; n += 1) {
      const [value, at] = [column[n % capacity], time[n % capacity]];
      const broken = !(value === value) || at - before > leap_s;
      if (broken || run === null) run = null;
      before = at;
      if (!(value === value)) continue;
      if (run === null) runs.push((run = []));
      if (n % step === 0 || n === last || run.length === 0) run.push([x(at), y(value)]);
    }
    return runs;
  }

  _drawLine(view, y, name) {
    const { context: c } = this;
    const ink = INKS[name];
    c.strokeStyle = this.colours[ink.colour];
    c.setLineDash(ink.dash);
    c.lineWidth = LINE;
    c.lineJoin = "round";
    for (const run of this._trace(view, y, name)) {
      // dashes stay with the movement: they begin where the run does, in whole patterns of its first point
      c.lineDashOffset = ink.dash.length ? run[0][0] - LEFT : 0;
      c.beginPath();
      run.forEach(([px, py], i) => (i ? c.lineTo(px, py) : c.moveTo(px, py)));
      c.stroke();
    }
    c.setLineDash([]);
    c.lineDashOffset = 0;
  }

  _drawTarget(view, y, name, target) {
    const { context: c, colours } = this;
    const line = y(target);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, this.width - LEFT, line);
    c.clip();
    c.fillStyle = this._hatching();
    for (const run of this._trace(view, y, name)) {
      c.beginPath();
      c.moveTo(run[0][0], line);
      for (const [px, py] of run) c.lineTo(px, py);
      c.lineTo(run.at(-1)[0], line);
      c.fill();
    }
    c.restore();
    c.strokeStyle = colours["--ink"];
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(LEFT, line);
    c.lineTo(this.width, line);
    c.stroke();
  }

  _hatching() {
    if (this._hatch) return this._hatch;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 10;
    const c = tile.getContext("2d");
    c.globalAlpha = 0.75;
    c.fillStyle = this.colours["--over"];
    c.fillRect(0, 0, 10, 10);
    c.globalAlpha = 0.45;
    c.strokeStyle = this.colours["--panel"];
    c.lineWidth = 3.5;
    for (const shift of [-10, 0, 10]) {
      c.beginPath();
      c.moveTo(shift - 1, 11);
      c.lineTo(shift + 11, -1);
      c.stroke();
    }
    this._hatch = this.context.createPattern(tile, "repeat");
    return this._hatch;
  }
}
