// The whole session, or a part of it: three lines by least and largest, sets as grey ground, repetitions as blocks, marks, a cursor.

import { element, shape, button, say, mark } from "/static/drawing/elements.js";
import { clock, degrees, known } from "/static/words/numbers.js";
import { word } from "/static/words/words.js";
import { overview } from "../session/rows.js";
import { setWord } from "../words/names.js";

const HEIGHT = 184;
const TOP = 28;
const BOTTOM = 138;
const BLOCKS = 146;
const LEFT = 16;
const SHORTEST_S = 5;
const LETTER_PX = 7.8;
const BADGE_PX = 24;
/** From this length of a part on, lines become bands. */
const DENSE_S = 1;
const LINES = ["lumbar", "hip-left", "hip-right"];
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

export class Overview {
  constructor(model) {
    this.model = model;
    this.view = [0, 1];
    this.data = null;
    this.width = 0;
    this.asked = 0;
    this.svg = shape("svg", { class: "overview", role: "img" });
    this.cursor = shape("g", { class: "cursor" }, shape("path", { d: `M0 ${TOP - 4}V${BLOCKS + 14}` }));
    this.scrub = element("input", { type: "range", class: "scrub", "data-input": "time", step: "0.01" });
    this.scrub.addEventListener("input", () => model.seek(Number(this.scrub.value)));
    const zoom = (action, text, label, key, by) =>
      button(action, text, { key, "aria-label": label, onclick: () => this.zoom(by) });
    this.tools = element(
      "div",
      { class: "zoom" },
      zoom("zoom-in", word("zoom_in"), word("zoom_in_label"), "+", 0.5),
      zoom("zoom-out", word("zoom_out"), word("zoom_out_label"), "−", 2),
      zoom("zoom-all", word("zoom_all"), word("zoom_all_label"), "0", Infinity),
    );
    this.span = element("p", { class: "h" });
    this.legend = element(
      "ul",
      { class: "legend" },
      ...LINES.map((name) => element("li", { class: `line-of ${name}` }, word(`line.${name}`))),
      element("li", {}, word("hollow")),
    );
    this.place = element("div", { class: "place" }, this.svg, this.scrub);
    this.node = element(
      "section",
      { class: "card over", "aria-label": word("overview") },
      element("div", { class: "head" }, this.span, this.legend, this.tools),
      this.place,
    );
    this.drag();
    new ResizeObserver(() => this.resized()).observe(this.place);
    model.on("document", () => this.whole());
    model.on("sets", () => this.draw());
    model.on("selection", () => this.draw());
    model.on("time", () => this.move());
  }

  /** The document is another, or the same with corrections. */
  whole() {
    const { doc } = this.model;
    const kind = `${doc.session}\n${doc.estimator}\n${doc.stamp}`;
    if (kind !== this.kind) {
      this.kind = kind;
      this.view = [0, Math.max(1, doc.duration_s ?? 1)];
      this.data = null;
    }
    this.fetch();
    this.draw();
  }

  resized() {
    const width = Math.round(this.place.clientWidth);
    if (width > 0 && width !== this.width) {
      this.width = width;
      mark(this.svg, "viewBox", `0 0 ${width} ${HEIGHT}`);
      this.fetch();
      this.draw();
    }
  }

  zoom(by) {
    const end = Math.max(1, this.model.doc.duration_s ?? 1);
    const width = Math.min(end, Math.max(SHORTEST_S, (this.view[1] - this.view[0]) * by));
    const begin = Math.min(Math.max(0, this.model.time - width / 2), end - width);
    this.view = [begin, begin + width];
    this.fetch();
    this.draw();
  }

  async fetch() {
    const { doc } = this.model;
    if (!doc || !this.width || !this.kind) return;
    const mine = (this.asked += 1);
    try {
      const data = await overview(doc, ...this.view, this.bins());
      if (mine === this.asked) {
        this.data = data;
        this.draw();
      }
    } catch (trouble) {
      if (mine === this.asked) this.model.trouble?.(trouble);
    }
  }

  /** As many parts as there are pixels for, and each has at least one row. */
  bins() {
    const ticks = (this.view[1] - this.view[0]) * this.model.doc.rate_hz;
    return Math.max(2, Math.min(Math.floor((this.width - 2 * LEFT) / 1.5), Math.floor(0.8 * ticks)));
  }

  x(time) {
    return LEFT + ((time - this.view[0]) / (this.view[1] - this.view[0])) * (this.width - 2 * LEFT);
  }

  drag() {
    const seek = (event) => {
      const box = this.svg.getBoundingClientRect();
      const part = (event.clientX - box.left - LEFT) / Math.max(1, box.width - 2 * LEFT);
      this.model.seek(this.view[0] + part * (this.view[1] - this.view[0]));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      this.svg.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.svg.addEventListener("pointermove", (event) => event.buttons & 1 && seek(event));
  }

  /** The cursor alone; where it leaves the view, the view follows. */
  move() {
    const { doc, time } = this.model;
    if (!doc || !this.kind) return;
    const [begin, end] = this.view;
    if (time < begin || time > end) {
      const width = end - begin;
      const from = Math.min(Math.max(0, time - width / 2), Math.max(0, (doc.duration_s ?? 1) - width));
      this.view = [from, from + width];
      this.fetch();
      this.draw();
      return;
    }
    mark(this.cursor, "transform", `translate(${this.x(time).toFixed(1)} 0)`);
    this.scrub.min = begin;
    this.scrub.max = end;
    this.scrub.value = time;
    const one = this.model.current();
    const where = one ? word("at_repetition", { time: clock(time), n: one.number, kind: word(`kind.${one.movement}`) }) : clock(time);
    mark(this.scrub, "aria-valuetext", where);
  }

  draw() {
    const { doc } = this.model;
    if (!doc || !this.width || !this.kind) return;
    const [begin, end] = this.view;
    const all = begin <= 0 && end >= (doc.duration_s ?? 0);
    say(this.span, all ? word("whole_session") : word("part_of_session", { begin: clock(begin), end: clock(end) }));
    mark(this.scrub, "aria-label", word("time_in_session"));
    const inside = (one) => one.end_s >= begin && one.start_s <= end;
    this.svg.replaceChildren(
      ...doc.sets.filter(inside).map((set) => this.ground(set)),
      ...this.lines(),
      ...doc.repetitions.filter(inside).map((one) => this.block(one)),
      ...this.labels(doc.sets.filter(inside)),
      ...doc.marks.filter((one) => one.time_s >= begin && one.time_s <= end).map((one) => this.flag(one)),
      ...this.axis(),
      this.cursor,
    );
    mark(this.svg, "aria-label", this.sentence(doc));
    this.move();
  }

  compared(set) {
    return ["a", "b"].filter((which) => {
      const side = this.model[which];
      return side?.session === this.model.doc.session && side.key === set.key;
    });
  }

  ground(set) {
    const x = this.x(set.start_s);
    const width = Math.max(2, this.x(set.end_s) - x);
    const chosen = this.compared(set).length ? "chosen" : "";
    return shape("rect", { class: `ground-of ${chosen}`, x, width, y: TOP, height: BOTTOM - TOP + 22, rx: 4 });
  }

  labels(sets) {
    const made = [];
    const lettersOf = new Map(sets.map((set) => [set, this.compared(set)]));
    // those that are compared come first: they have their place for sure
    const order = [...sets].sort((a, b) => lettersOf.get(b).length - lettersOf.get(a).length || a.start_s - b.start_s);
    const taken = [];
    const done = new Set();
    const middleOf = (set) => (this.x(Math.max(set.start_s, this.view[0])) + this.x(Math.min(set.end_s, this.view[1]))) / 2;
    const of = (set) => `${setWord(set)} × ${set.repetitions.length}`;
    const wide = (text, letters) => text.length * LETTER_PX + letters.length * BADGE_PX;
    // the two that are compared keep their letters; where their names would meet, they have nothing else
    const both = order.filter((set) => lettersOf.get(set).length);
    const [one, other] = both.map((set) => ({ at: middleOf(set), half: wide(of(set), lettersOf.get(set)) / 2 + 6 }));
    const short = other !== undefined && Math.abs(one.at - other.at) < one.half + other.half;
    for (const set of order) {
      if (done.has(set)) continue;
      const letters = lettersOf.get(set);
      // sitting down and standing up take turns: one name for both
      const turns = sets.filter((one) => one !== set && one.start_s < set.end_s && set.start_s < one.end_s && !lettersOf.get(one).length);
      const together = [set, ...(letters.length ? [] : turns)];
      together.forEach((one) => done.add(one));
      const text = letters.length && short ? "" : `${together.map(setWord).join(", ")} × ${set.repetitions.length}`;
      const width = wide(text, letters);
      let free = Math.min(Math.max(4, middleOf(set) - width / 2), this.width - width - 4);
      if (letters.length && taken.length && Math.abs(taken[0][0] - free) < BADGE_PX) free = taken[0][1] + 2;
      if (!letters.length && taken.some(([from, to]) => free < to + 10 && free + width + 10 > from)) continue;
      taken.push([free, free + width]);
      letters.forEach((letter, i) => made.push(...badge(letter, free + BADGE_PX * i, 4)));
      const weight = letters.length ? "bold" : "";
      made.push(shape("text", { class: weight, x: free + BADGE_PX * letters.length, y: 19 }, text));
    }
    return made;
  }

  lines() {
    if (!this.data) return [];
    const { data } = this;
    let low = -10;
    let high = 60;
    for (const line of data.lines) {
      for (const value of line.least) if (value < low) low = value;
      for (const value of line.largest) if (value > high) high = value;
    }
    this.high = high;
    const y = (value) => BOTTOM - ((value - low) / (high - low)) * (BOTTOM - TOP - 4);
    const width = (data.end - data.begin) / data.count;
    const x = Array.from({ length: data.count }, (_, i) => this.x(data.begin + (i + 0.5) * width).toFixed(1));
    const zero = shape("path", { class: "zero", d: `M${LEFT} ${y(0).toFixed(1)}H${this.width - LEFT}` });
    // the lumbar spine is drawn last: nothing covers it
    const [lumbar, ...hips] = data.lines.map((line, n) => ({ ...line, name: LINES[n] }));
    const order = [...hips, lumbar];
    if (width > DENSE_S) return [zero, ...order.map((line) => band(line, x, y))];
    const paths = order.map(({ least, largest, name }) => {
      let d = "";
      let open = false;
      for (let i = 0; i < data.count; i += 1) {
        if (!known(least[i])) {
          open = false;
          continue;
        }
        const [a, b] = [y(least[i]).toFixed(1), y(largest[i]).toFixed(1)];
        d += `${open ? "L" : "M"}${x[i]} ${a}${Math.abs(a - b) > 0.8 ? `L${x[i]} ${b}` : ""}`;
        open = true;
      }
      return shape("path", { class: `trace ${name}`, d });
    });
    return [zero, ...paths];
  }

  block(one) {
    const x = this.x(one.start_s);
    const width = Math.max(2, this.x(one.end_s) - x - 2);
    const kind = one.deleted ? "gone" : one.sure ? "" : "hollow";
    const chosen = one.number === this.model.selected ? "chosen" : "";
    return shape("rect", { class: `block ${kind} ${chosen}`, x, width, y: BLOCKS, height: 9, rx: 3 });
  }

  flag(one) {
    const x = this.x(one.time_s).toFixed(1);
    return shape(
      "path",
      { class: `flag ${one.kind}`, d: `M${x} ${BOTTOM + 4}V${TOP - 2}l9 4l-9 4` },
      shape("title", {}, `${clock(one.time_s)} ${one.label}`),
    );
  }

  axis() {
    const [begin, end] = this.view;
    const room = Math.max(2, (this.width - 2 * LEFT) / 110);
    const step = STEPS_S.find((s) => (end - begin) / s <= room) ?? 14400;
    const made = [];
    for (let t = Math.ceil(begin / step) * step; t <= end; t += step) {
      const x = this.x(t);
      const anchor = x < 40 ? "start" : x > this.width - 40 ? "end" : "middle";
      made.push(shape("text", { class: "axis", x: x.toFixed(1), y: HEIGHT - 4, "text-anchor": anchor }, clock(t)));
    }
    return made;
  }

  sentence(doc) {
    const kept = doc.repetitions.filter((one) => !one.deleted);
    return word("overview_sentence", {
      begin: clock(this.view[0]),
      end: clock(this.view[1]),
      n: kept.length,
      sets: doc.sets.length,
      unsure: kept.filter((one) => !one.sure).length,
      high: degrees(this.high ?? NaN),
    });
  }
}

/** Where a part of the overview holds many rows: all between their least and their largest, as a band. */
function band({ least, largest, name }, x, y) {
  let d = "";
  for (let i = 0; i < least.length; i += 1) {
    if (!known(least[i])) continue;
    let end = i;
    while (end + 1 < least.length && known(least[end + 1])) end += 1;
    const points = [];
    for (let k = i; k <= end; k += 1) points.push(`${x[k]} ${y(largest[k]).toFixed(1)}`);
    for (let k = end; k >= i; k -= 1) points.push(`${x[k]} ${(y(least[k]) + 0.7).toFixed(1)}`);
    d += `M${points.join("L")}Z`;
    i = end;
  }
  return shape("path", { class: `trace band ${name}`, d });
}

/** The letter of a set that is compared, black for A, white for B. */
export function badge(letter, x, y) {
  return [
    shape("rect", { class: `badge ${letter}`, x: x + 1, y: y + 1, width: 18, height: 18, rx: 5 }),
    shape("text", { class: `badge-text ${letter}`, x: x + 10, y: y + 14.5, "text-anchor": "middle" }, letter.toUpperCase()),
  ];
}
