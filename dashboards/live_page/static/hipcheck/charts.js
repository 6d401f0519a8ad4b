// The three pictures of a hip check's result, and the course of a retest: SVG, the same language as the report's.

import { mark, shape } from "../drawing/elements.js";
import { DASH, degrees, known, percent } from "../words/numbers.js";
import { word } from "../words/words.js";

const WIDTH = 356;
const HEIGHT = 214;
const text = (kind, x, y, said) => shape("text", { class: kind, x, y }, said);

function begin(svg, label, width = WIDTH, height = HEIGHT) {
  mark(svg, "viewBox", `0 0 ${width} ${height}`);
  mark(svg, "role", "img");
  mark(svg, "aria-label", label);
}

/** A value of a test in a screen: `{ value, spread }`, or null where it is not valid. */
export function measured(screen, test, side, measure) {
  const found = screen.tests.find((t) => t.test === test && t.side === side)?.measures[measure];
  return found?.valid && known(found.median) ? { value: found.median, spread: found.spread } : null;
}

/** The entry of a limit that a number was compared with; of one side, where the athlete's own sessions give each side its own. */
export const limitOf = (screen, name, side = null) => screen.limits.find((limit) => limit.name === name && (side === null || limit.side === side)) ?? null;

/** Whether a limit is the edge of what the athlete's own sessions make expect. */
export const isOwn = (limit) => limit?.compared_with === "own_baseline";

/** A limit in words, with whose it is. */
export const limitWords = (limit, value) => word(isOwn(limit) ? "hipcheck.required.own" : "hipcheck.required", { limit: value });

/** True hip flexion of both sides in the knee raise against its limit, degrees. */
export function hipGives(svg, screen) {
  const LEFT = 34;
  const FULL = 140;
  const x = (deg) => LEFT + ((WIDTH - LEFT) * Math.max(0, Math.min(deg, FULL))) / FULL;
  const limits = ["left", "right"].map((side) => limitOf(screen, "knee_raise_hip_deg", side) ?? limitOf(screen, "knee_raise_hip_deg"));
  const apart = limits[0] !== null && Math.round(limits[0].limit) !== Math.round(limits[1].limit);
  const sides = ["left", "right"].map((side) => [side, measured(screen, "knee_raise", side, "hip_peak_deg")?.value ?? NaN]);
  const nodes = [];
  sides.forEach(([side, value], i) => {
    const y = 42 + 84 * i;
    const limit = limits[i];
    nodes.push(text("row-name", 2, y + 27, word(`hipcheck.${side}.short`)));
    nodes.push(shape("rect", { class: "track", x: LEFT, y, width: WIDTH - LEFT, height: 40, rx: 5 }));
    if (known(value)) nodes.push(shape("rect", { class: `fill hip-${side}`, x: LEFT, y, width: x(value) - LEFT, height: 40, rx: 5 }));
    let at = known(value) ? Math.min(Math.max(x(value), LEFT + 30), WIDTH - 28) : LEFT + 16;
    // beside the limit's line, on the side where the value lies
    if (limit && Math.abs(at - x(limit.limit)) < 34) at = x(limit.limit) + (value < limit.limit ? -34 : 34);
    nodes.push(text("value middle", at, y + 62, degrees(value)));
  });
  limits.forEach((limit, i) => {
    if (!limit || (i && !apart)) return;
    // one line through both bars, or each side's own through its bar
    const [at, path] = [x(limit.limit), apart ? `V${90 + 84 * i}` : "V184"];
    const top = `M${x(limit.limit)} ${apart ? 34 + 84 * i : 28}`;
    nodes.push(shape("path", { class: "limit-halo", d: top + path }), shape("path", { class: "limit", d: top + path }));
    if (!apart) nodes.push(text("axis middle", Math.min(at, WIDTH - 60), 18, limitWords(limit, degrees(limit.limit))));
  });
  if (apart) nodes.push(text("axis", LEFT, 18, limitWords(limits[0], limits.map((limit) => degrees(limit.limit)).join(" / "))));
  svg.replaceChildren(...nodes);
  const said = sides.map(([side, value]) => `${word(`hipcheck.${side}`)} ${degrees(value)}`).join(", ");
  begin(svg, `${word("hipcheck.gives")}: ${said}`);
}

/** Where the lumbar spine steps in while rocking back: lumbar against hip since the start, degrees. */
export function spineSteps(svg, screen, curves) {
  const [LEFT, TOP, BOTTOM] = [34, 12, HEIGHT - 26];
  const paths = curves.map(sinceStart).filter((curve) => curve.length > 2);
  const at = excursion(screen);
  const limit = limitOf(screen, "rock_back_slack_deg")?.limit ?? 20;
  const most = Math.max(30, ...paths.flatMap((curve) => curve.map(([hip]) => hip)));
  const high = Math.max(20, ...paths.flatMap((curve) => curve.map(([, lumbar]) => lumbar)));
  const wide = Math.ceil(most / 10) * 10;
  const tall = Math.ceil(high / 10) * 10;
  const x = (deg) => LEFT + ((WIDTH - LEFT - 16) * deg) / wide;
  const y = (deg) => BOTTOM - ((BOTTOM - TOP) * deg) / tall;
  const nodes = [shape("rect", { class: "lit", x: LEFT, y: TOP, width: x(limit) - LEFT, height: BOTTOM - TOP })];
  for (let deg = 0; deg <= tall; deg += 10) {
    nodes.push(shape("path", { class: deg ? "grid" : "base", d: `M${LEFT} ${y(deg)}H${WIDTH - 16}` }), text("axis end", LEFT - 6, y(deg) + 5, String(deg)));
  }
  for (let deg = 0; deg <= wide; deg += 10) nodes.push(text("axis middle", x(deg), HEIGHT - 8, String(deg)));
  nodes.push(shape("path", { class: "limit dashed", d: `M${x(limit)} ${TOP}V${BOTTOM}` }));
  paths.forEach((curve, i) => {
    const d = curve.map(([hip, lumbar], n) => `${n ? "L" : "M"}${x(hip).toFixed(1)} ${y(lumbar).toFixed(1)}`).join("");
    nodes.push(shape("path", { class: `stroke lumbar ${i === paths.length - 1 ? "newest" : "other"}`, d }));
  });
  if (known(at.value)) {
    nodes.push(shape("path", { class: "onset", d: `M${x(at.value)} ${TOP + 14}V${BOTTOM}` }));
    nodes.push(text("value end", x(at.value) - 8, TOP + 26, degrees(at.value)));
  }
  svg.replaceChildren(...nodes);
  begin(svg, word("hipcheck.steps.label", { at: degrees(at.value), limit: degrees(limit) }));
}

/** Hip flexion until the spine steps in: the smaller side, and whether it stepped in at all. */
export function excursion(screen) {
  const sides = ["left", "right"].map((side) => screen.tests.find((t) => t.test === "rock_back" && t.side === side)).filter(Boolean);
  const values = sides.map((t) => [t.measures.excursion_deg, 2 * t.with_slack > t.repetitions]).filter(([m]) => m?.valid && known(m.median));
  if (!values.length) return { value: NaN, gives: false };
  const [least, gives] = values.reduce((a, b) => (b[0].median < a[0].median ? b : a));
  return { value: least.median, spread: least.spread, gives };
}

function sinceStart({ hip, lumbar, turn }) {
  const rows = hip.map((deg, n) => [deg, lumbar[n]]).slice(0, turn + 1).filter(([a, b]) => known(a) && known(b));
  if (!rows.length) return [];
  const [h0, l0] = rows[0];
  return rows.map(([h, l]) => [Math.max(0, h - h0), Math.max(0, l - l0)]);
}

/** Lumbar share of the trunk in the thirds of the bend, against the published range, percent. */
export function whoBends(svg, screen, thirds) {
  const [LEFT, TOP, BOTTOM] = [38, 12, HEIGHT - 30];
  const y = (part) => BOTTOM - (BOTTOM - TOP) * Math.max(0, Math.min(part, 1));
  const [low, high] = ["bend_share_low", "bend_share_high"].map((name) => limitOf(screen, name)?.limit ?? NaN);
  const nodes = [];
  for (const part of [0, 0.5, 1]) {
    nodes.push(shape("path", { class: part ? "grid" : "base", d: `M${LEFT} ${y(part)}H${WIDTH - 6}` }), text("axis end", LEFT - 6, y(part) + 5, String(100 * part)));
  }
  if (known(low) && known(high)) nodes.splice(1, 0, shape("rect", { class: "lit", x: LEFT, y: y(high), width: WIDTH - 6 - LEFT, height: y(low) - y(high) }));
  const step = (WIDTH - 6 - LEFT) / 3;
  ["early", "middle", "late"].forEach((third, i) => {
    const middle = LEFT + step * (i + 0.5);
    const share = thirds?.[i] ?? NaN;
    if (known(share)) nodes.push(shape("rect", { class: "fill lumbar", x: middle - 34, y: y(share), width: 68, height: BOTTOM - y(share) }));
    nodes.push(text("value middle", middle, (known(share) ? y(share) : BOTTOM) - 8, known(share) ? percent(100 * share).replace(/\s*%/, "") : DASH));
    nodes.push(text("axis middle", middle, HEIGHT - 8, word(`hipcheck.third.${third}`)));
  });
  svg.replaceChildren(...nodes);
  const said = ["early", "middle", "late"].map((third, i) => `${word(`hipcheck.third.${third}`)} ${percent(100 * (thirds?.[i] ?? NaN))}`).join(", ");
  begin(svg, `${word("hipcheck.bends")}: ${said}`);
}
