// Two sets laid over each other: lumbar spine against hip with equal scales, and the medians with their differences.

import { element, shape, say, mark } from "/static/drawing/elements.js";
import { clock, decimal, known } from "/static/words/numbers.js";
import { word } from "/static/words/words.js";
import { calendar, difference, figure, measured } from "../words/figures.js";
import { kindWord, setWord, whyWord } from "../words/names.js";
import { Model } from "../session/model.js";
import { badge } from "./overview.js";

const SIZE = 400;
const HIGH = 330;
const EDGE = { left: 40, right: 12, top: 14, bottom: 30 };
const POINTS = 61;
const MEASURES = ["lumbar", "hip", "pelvis", "share", "share_early", "share_middle", "share_late", "descent"];
const FEWEST = 3;
/** A difference is clear beyond this many of its uncertainties (ours). */
const CLEAR = 2;
/** A scale begins below zero only where an angle is further below than this, degrees. */
const NOTHING_DEG = 8;

export class Compare {
  constructor(model) {
    this.model = model;
    this.asked = 0;
    this.svg = shape("svg", { class: "loops", role: "img", viewBox: `0 0 ${SIZE} ${HIGH}` });
    this.title = element("h2", {}, word("two_sets"));
    const choice = (name, onchange) => element("select", { "data-input": name, onchange });
    this.a = choice("set-a", () => model.choose("a", model.doc.session, this.a.value));
    this.other = choice("session-b", () => this.choose(this.other.value, null));
    this.b = choice("set-b", () => this.choose(this.other.value, this.b.value));
    const labelled = (letter, text, node) =>
      element("label", {}, letter ? element("span", { class: `letter ${letter}` }, letter.toUpperCase()) : null, element("span", { class: "away" }, text), node);
    this.medians = element("table", { class: "medians" });
    this.left = element("p", { class: "hint" });
    this.node = element(
      "section",
      { class: "card compare", "aria-label": word("two_sets") },
      this.title,
      element(
        "div",
        { class: "choices" },
        labelled("a", word("set_a"), this.a),
        labelled("b", word("set_b"), this.b),
        labelled("", word("session_b"), this.other),
      ),
      this.svg,
      this.medians,
      this.left,
    );
    for (const what of ["document", "sets"]) model.on(what, () => this.draw());
    model.on("selection", () => this.draw());
  }

  /** key: of the set; null: the one that is most like A; empty: none. */
  choose(session, key) {
    const chosen = key === "" ? [null, ""] : [session, key];
    this.model.choose("b", ...chosen).catch((trouble) => this.model.trouble?.(trouble));
  }

  async draw() {
    const mine = (this.asked += 1);
    const [a, b] = [this.model.side("a"), this.model.side("b")];
    this.fill(a, b);
    this.table(a, b);
    try {
      const loops = { a: a && (await loopsOf(a)), b: b && (await loopsOf(b)) };
      if (mine !== this.asked) return;
      this.loops = loops;
      this.plot(a, b, loops);
    } catch (trouble) {
      if (mine === this.asked) this.model.trouble?.(trouble);
    }
  }

  fill(a, b) {
    const { model } = this;
    const option = (value, text, selected) => element("option", { value, selected }, text);
    const named = (doc, chosen) =>
      Model.choices(doc).map((set) =>
        option(
          set.key,
          set.whole ? `${word("all_of", { kind: setWord(set) })} × ${set.repetitions.length}` : `${setWord(set)}, ${clock(set.start_s)}`,
          set.key === chosen,
        ),
      );
    this.a.replaceChildren(...named(model.doc, a?.set.key));
    this.a.disabled = !a;
    const own = model.doc.session;
    const beside = model.b?.session ?? own;
    const there = model.sessions.filter((one) => !one.code && one.session !== own);
    this.other.replaceChildren(
      option(own, word("this_session"), beside === own),
      ...there.map((one) => option(one.session, sessionWords(one, model.doc.athlete), beside === one.session)),
    );
    this.other.disabled = !there.length;
    const doc = b?.doc ?? model.doc;
    this.b.replaceChildren(option("", word("none"), !b), ...named(doc, b?.set.key));
  }

  table(a, b) {
    const sides = { a, b };
    const head = (which) => {
      const side = sides[which];
      const name = side ? setWord(side.set) : word("none");
      return element("th", { scope: "col" }, `${which.toUpperCase()}, ${name}`);
    };
    const cell = (side, name) => {
      const [value, sd, count] = side?.set.medians[name] ?? [null, null, 0];
      const few = known(value) && count < FEWEST ? ` ${word("of_few", { n: count })}` : "";
      return element("td", {}, `${measured(name, [value, sd])}${few}`);
    };
    const rows = MEASURES.map((name) =>
      element(
        "tr",
        { "data-measure": name },
        element("th", { scope: "row" }, word(`measure.${name}`)),
        cell(a, name),
        cell(b, name),
        between(name, a?.set.medians[name] ?? [], b?.set.medians[name] ?? []),
      ),
    );
    this.medians.replaceChildren(
      element("caption", { class: "away" }, word("medians_caption")),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, word("median")), head("a"), head("b"), element("th", { scope: "col" }, "B − A"))),
      element("tbody", {}, ...rows),
    );
    say(this.left, ["a", "b"].map((which) => countedWords(which, sides[which])).filter(Boolean).join(" "));
  }

  plot(a, b, loops) {
    const all = Object.values(loops).filter(Boolean).flatMap((one) => one.each.flat());
    const values = all.flat().filter(known);
    const low = -30 * Math.ceil(Math.max(0, -Math.min(0, ...values) - NOTHING_DEG) / 30);
    const high = Math.max(60, Math.ceil(Math.max(0, ...values) / 30) * 30);
    // equal scales: one span for both axes
    const side = Math.min(SIZE - EDGE.left - EDGE.right, HIGH - EDGE.top - EDGE.bottom);
    const scale = side / (high - low);
    const x = (v) => EDGE.left + (v - low) * scale;
    const y = (v) => EDGE.top + side - (v - low) * scale;
    const ticks = Array.from({ length: Math.round((high - low) / 30) + 1 }, (_, i) => low + 30 * i);
    const grid = ticks.flatMap((v) => [
      shape("path", { class: v === 0 ? "zero" : "grid", d: `M${x(v)} ${y(low)}V${y(high)}M${x(low)} ${y(v)}H${x(high)}` }),
      shape("text", { class: "axis", x: x(v), y: y(low) + 18, "text-anchor": "middle" }, decimal(v)),
      shape("text", { class: "axis", x: x(low) - 8, y: y(v) + 4, "text-anchor": "end" }, decimal(v)),
    ]);
    const line = (points) => points.filter(([px, py]) => known(px) && known(py)).map(([px, py]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("L");
    const made = [
      ...grid,
      shape("text", { class: "axis", x: x(low) + 8, y: y(high) + 14 }, word("axis.lumbar")),
      shape("text", { class: "axis", x: x(high) - 6, y: y(low) - 8, "text-anchor": "end" }, word("axis.hip")),
      shape("path", { class: "equal", d: `M${x(low)} ${y(low)}L${x(high)} ${y(high)}` }),
    ];
    const ends = [];
    for (const [which, one] of [["a", a], ["b", b]]) {
      if (!one || !loops[which]) continue;
      for (const points of loops[which].each) made.push(shape("path", { class: "single", d: `M${line(points)}` }));
      const median = line(loops[which].median);
      if (!median) continue;
      made.push(shape("path", { class: `middle ${which}`, d: `M${median}` }));
      const last = loops[which].median.filter(([px, py]) => known(px) && known(py)).at(-1);
      ends.push({ which, x: x(last[0]), y: y(last[1]), text: shareWords(one.set) });
    }
    const { labels, placed } = endLabels(ends, side);
    made.push(...this.chosen(line), ...equalLabel(placed, x, y, low, high), ...labels);
    this.svg.replaceChildren(...made);
    mark(this.svg, "aria-label", ["a", "b"].map((w) => sentence(w, w === "a" ? a : b)).filter(Boolean).join(" "));
  }

  /** The chosen repetition, where it is in one of the sets. */
  chosen(line) {
    for (const which of ["a", "b"]) {
      const side = this.model.side(which);
      const i = side?.doc === this.model.doc ? side.set.repetitions.indexOf(this.model.selected) : -1;
      const points = i >= 0 ? this.loops[which]?.each[i] : null;
      if (points?.length) return [shape("path", { class: "single chosen", d: `M${line(points)}` })];
    }
    return [];
  }
}

/** The difference of two medians: bold where it is beyond twice its uncertainty, grey where it may be none. */
function between(name, a, b) {
  const told = known(a[0]) && known(b[0]) && Math.abs(b[0] - a[0]) > CLEAR * Math.hypot(a[1] ?? NaN, b[1] ?? NaN);
  return element("td", { class: told ? "bold" : "mute" }, difference(name, a, b, word("points")));
}

/** When it was and, of somebody else, whose. */
const sessionWords = (one, athlete) =>
  `${calendar(one.start)}${one.athlete === athlete ? "" : `, ${one.athlete ?? word("not_known_whose")}`}`;

const shareWords = (set) => {
  const [value, sd] = set.medians.share;
  return known(value) ? word("share_lumbar", { share: figure(100 * value, 100 * (sd ?? NaN), "percent") }) : setWord(set);
};

function sentence(which, side) {
  if (!side) return "";
  const { set } = side;
  return word("loop_sentence", {
    which: which.toUpperCase(),
    kind: setWord(set),
    n: set.repetitions.length,
    lumbar: measured("lumbar", set.medians.lumbar),
    hip: measured("hip", set.medians.hip),
    share: measured("share", set.medians.share),
  });
}

function countedWords(which, side) {
  if (!side) return "";
  const { set } = side;
  const why = Object.entries(set.left_out).map(([reason, n]) => `${n} ${whyWord(reason)}`);
  if (!why.length) return word("all_count", { which: which.toUpperCase(), n: set.repetitions.length });
  return word("some_count", { which: which.toUpperCase(), n: set.counted.length, of: set.repetitions.length, why: why.join(", ") });
}

/** The ways from start to turn of a set's repetitions, as points hip, lumbar; and their median, point by point in time. */
async function loopsOf(side) {
  const { doc, rows, set } = side;
  const ones = set.repetitions.map((number) => doc.repetitions.find((one) => one.number === number));
  const each = [];
  for (const one of ones) {
    const { time, values } = await rows.between(one.start_s, one.turn_s);
    each.push(
      Array.from({ length: Math.min(POINTS, time.length) }, (_, i) => {
        const k = Math.round((i / Math.max(1, Math.min(POINTS, time.length) - 1)) * (time.length - 1));
        return [hipAt(values, k, one.side), values.lumbar_flexion[k]];
      }),
    );
  }
  const chosen = set.counted.length ? set.counted : set.repetitions;
  const counted = each.filter((_, i) => chosen.includes(ones[i].number));
  const median = Array.from({ length: POINTS }, (_, i) => {
    const at = counted.filter((points) => points.length === POINTS).map((points) => points[i]);
    return [0, 1].map((axis) => middleOf(at.map((point) => point[axis])));
  });
  return { each, median };
}

const hipAt = (values, i, side) =>
  side ? values[`hip_${side}_flexion`][i] : (values.hip_left_flexion[i] + values.hip_right_flexion[i]) / 2;

function middleOf(values) {
  const there = values.filter(known).sort((a, b) => a - b);
  if (!there.length) return NaN;
  const half = there.length >> 1;
  return there.length % 2 ? there[half] : (there[half - 1] + there[half]) / 2;
}

/** The names at the ends of the two lines, apart from each other and inside the picture. */
function endLabels(ends, side) {
  const width = (text) => 30 + text.length * 8.2;
  const placed = [];
  for (const end of ends) {
    const w = width(end.text);
    let px = end.x + 14 + w <= EDGE.left + side ? end.x + 10 : Math.max(EDGE.left + 4, EDGE.left + side - w);
    const inside = (y) => Math.min(EDGE.top + side - 14, Math.max(EDGE.top + 26, y));
    let py = inside(end.y - (px > end.x ? 0 : 22));
    for (const other of placed) {
      if (Math.abs(other.py - py) >= 24 || px >= other.px + other.w || other.px >= px + w) continue;
      const above = inside(other.py - 26);
      py = end.y < other.y && other.py - above >= 24 ? above : inside(other.py + 26);
    }
    placed.push({ px, py, w, y: end.y });
    end.label = [...badge(end.which, px, py - 14), shape("text", { class: "bold halo", x: px + 26, y: py + 1 }, end.text)];
  }
  return { labels: ends.flatMap((end) => end.label), placed };
}

/** The word on the diagonal, where no other label is. */
function equalLabel(placed, x, y, low, high) {
  const covers = (px, py) => placed.some((one) => px + 34 > one.px && px < one.px + one.w && py + 8 > one.py - 18 && py - 36 < one.py + 10);
  const free = [0.7, 0.84, 0.5, 0.3].map((part) => low + part * (high - low)).find((v) => !covers(x(v), y(v)));
  if (free === undefined) return [];
  return [shape("text", { class: "axis", transform: `translate(${x(free) - 8} ${y(free) - 8}) rotate(-45)` }, word("equal"))];
}
