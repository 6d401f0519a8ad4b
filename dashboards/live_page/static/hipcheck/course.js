// One number before a treatment and after it: grey is what cannot be told from before; a filled dot lies outside of it.

import { mark, shape } from "../drawing/elements.js";
import { DASH, known } from "../words/numbers.js";
import { word } from "../words/words.js";

const [TOP, BOTTOM, HEIGHT] = [40, 300, 440];
/** Width, where the axes begin and end, and how many points have room: in the hand, and on a phone. */
const WIDE = { width: 760, left: 76, right: 740, most: 4 };
const NARROW = { width: 380, left: 72, right: 376, most: 3 };
const text = (kind, x, y, said) => shape("text", { class: kind, x, y }, said);

/** Time since the treatment as a word: `after`, `+ 60 min`, `next day`. */
export function whenWord(minutes, first) {
  if (first || !known(minutes)) return word(first ? "retest.before" : "retest.after");
  if (minutes <= 10) return word("retest.after");
  if (minutes < 180) return word("retest.minutes", { minutes: 5 * Math.round(minutes / 5) });
  if (minutes < 18 * 60) return word("retest.hours", { hours: Math.round(minutes / 60) });
  return word(minutes < 36 * 60 ? "retest.next_day" : "retest.days", { days: Math.round(minutes / 1440) });
}

/** The clock of a point in the time of this machine. */
const at = (start) => (start ? new Date(start).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false }) : "");

/** When it is measured again, minutes after the treatment: an hour later, and the next day. */
const PLANNED_MIN = [60, 1440];

/** Draw the points of a comparison, and the places of those that are still to come. said: its values and
 * what can be told at each of them, in words; axis: how the numbers of the axis are written; narrow: on a phone. */
export function drawCourse(svg, comparison, said, axis, narrow = false) {
  const { width: WIDTH, left: LEFT, right: RIGHT, most } = narrow ? NARROW : WIDE;
  const { points, before } = comparison;
  const shown = (i) => said.values?.[i] ?? DASH;
  const smallest = (point) => point.smallest_detectable_deg === undefined ? comparison.smallest_detectable_deg : point.smallest_detectable_deg;
  const side = comparison.primary.side === "right" ? "hip-right" : comparison.primary.test === "bend" ? "lumbar" : "hip-left";
  const values = points.map((p) => p.value).filter(known);
  const reach = Math.max(...points.slice(1).map(smallest).filter(known), 0);
  const step = niceStep(Math.max(...values, before + reach) - Math.min(...values, before - reach));
  const low = Math.floor((Math.min(...values, before - reach) - 0.2 * step) / step) * step;
  const high = Math.ceil((Math.max(...values, before + reach) + 0.2 * step) / step) * step;
  const y = (value) => BOTTOM - ((BOTTOM - TOP) * (value - low)) / (high - low);
  const last_min = points.at(-1).minutes_after ?? 0;
  const planned = PLANNED_MIN.filter((minutes) => minutes > 1.5 * last_min).slice(0, Math.max(0, most - points.length));
  const wide = (RIGHT - LEFT) / (points.length + planned.length);
  const x = (i) => LEFT + wide * (i + 0.5);
  const nodes = [];
  points.slice(1).forEach((point, i) => {
    const size = smallest(point);
    const from = i ? LEFT + wide * (i + 1) : LEFT;
    const to = i === points.length - 2 ? RIGHT : LEFT + wide * (i + 2);
    if (known(size)) nodes.push(shape("rect", { class: "lit", x: from, y: y(before + size), width: to - from, height: y(before - size) - y(before + size) }));
  });
  for (let value = low; value <= high + step / 2; value += step) {
    nodes.push(shape("path", { class: "grid", d: `M${LEFT} ${y(value)}H${RIGHT}` }), text("axis end", LEFT - 12, y(value) + 5, axis(value)));
  }
  nodes.push(shape("path", { class: "before", d: `M${LEFT} ${y(before)}H${RIGHT}` }));
  const bands = points.slice(1).map((point, i) => word(point.same_wear ? "retest.band.worn" : "retest.band.anew", { smallest: said.leasts?.[i + 1] ?? DASH }));
  bands.forEach((words, i) => {
    if (words !== bands[i - 1] && known(smallest(points[i + 1]))) nodes.push(text("axis", (i ? LEFT + wide * (i + 1) : LEFT) + 10, y(before - smallest(points[i + 1])) + 20, words));
  });
  const there = points.map((p, i) => [x(i), y(p.value), p, shown(i)]).filter(([, , p]) => known(p.value));
  nodes.push(shape("path", { class: `stroke ${side} course-line`, d: there.map(([px, py], n) => `${n ? "L" : "M"}${px} ${py}`).join("") }));
  there.forEach(([px, py, p, value], n) => {
    const outside = n === 0 || Math.abs(p.value - before) > (smallest(p) ?? Infinity);
    nodes.push(shape("circle", { class: `${side} point ${outside ? "" : "hollow"}`, cx: px, cy: py, r: 10 }));
    nodes.push(text("value middle", px, py - 20, value));
  });
  nodes.push(shape("path", { class: "base", d: `M${LEFT} 380H${RIGHT}` }), text("row-name", 2, 418, word("retest.pain.row")));
  points.forEach((p, i) => {
    nodes.push(text("when middle", x(i), 338, whenWord(p.minutes_after, i === 0)), text("axis middle", x(i), 362, at(p.start)));
    const lower = known(p.pain) && known(points[0].pain) && points[0].pain - p.pain >= 2;
    nodes.push(text("value middle", x(i), 420, known(p.pain) ? `${p.pain}${lower ? " ▾" : ""}` : "–"));
  });
  planned.forEach((minutes, i) => {
    const px = x(points.length + i);
    nodes.push(text("when middle", px, 338, whenWord(minutes, false)), text("axis middle", px, y(before) - 10, "–"), text("value middle", px, 420, "–"));
  });
  svg.replaceChildren(...nodes);
  mark(svg, "viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  mark(svg, "role", "img");
  mark(svg, "aria-label", points.map((p, i) => `${whenWord(p.minutes_after, i === 0)} ${shown(i)}, ${word("retest.pain.row")} ${p.pain ?? "–"}`).join("; "));
}

function niceStep(span) {
  const rough = Math.max(span, 1e-6) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= rough);
}
