// A body seen from the side, facing right: pelvis, lumbar spine and thighs turn by the measured angles.
//
// What is measured is coloured, what is drawn only for the eye is grey, what is not measured now is not drawn. Lengths are parts
// of the body's height `H`; the standing foot stays where it is, and the knee of a standing leg bends by a part of its thigh's
// inclination, which nobody measures.

import { shape, mark } from "./elements.js";

const H = 508;
const GROUND = 590;
const ANKLE_X = 122;
const WIDTH = 392;
/** Lengths of a body that is `height` high; the figures of the tests are drawn with the same (`hipcheck/figure.js`). */
export const lengths = (height) => ({ THIGH: 0.245 * height, SHANK: 0.246 * height, PELVIS: 0.085 * height, LUMBAR: 0.145 * height, THORAX: 0.185 * height });
/** Bars of the lumbar spine. */
export const BARS = 5;
const { THIGH, SHANK, PELVIS, LUMBAR, THORAX } = lengths(H);
const KNEE = 0.42;
/** Right and left leg are drawn apart when they differ by more than this, degrees. */
const APART_DEG = 6;
/** From this inclination on a thigh is lifted: its shank hangs, and the other leg stands, degrees. */
const LIFTED_DEG = 18;
const RAD = Math.PI / 180;

/** From `p`, `length` in the direction `deg` from the vertical: 0 is up, positive leans forward. */
export const up = ([x, y], length, deg) => [x + length * Math.sin(deg * RAD), y - length * Math.cos(deg * RAD)];
export const path = (...points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
const isNumber = (x) => typeof x === "number" && Number.isFinite(x);

const parts = new WeakMap();

function build(svg) {
  mark(svg, "viewBox", `0 0 ${WIDTH} ${GROUND + 6}`);
  const made = {};
  const stroke = (name, kind, width) => {
    made[name] = shape("path", { class: `stroke ${kind}`, "stroke-width": (width * H).toFixed(1), visibility: "hidden" });
    return made[name];
  };
  svg.replaceChildren(
    shape("path", { class: "ground", d: `M0 ${GROUND}H${WIDTH}` }),
    stroke("shankFar", "far", 0.062),
    stroke("footFar", "far", 0.042),
    stroke("thighFar", "hip-right", 0.09),
    stroke("shank", "drawn", 0.062),
    stroke("foot", "drawn", 0.042),
    stroke("thorax", "drawn", 0.125),
    stroke("neck", "drawn", 0.05),
    (made.head = shape("circle", { class: "drawn-fill", r: 0.062 * H, visibility: "hidden" })),
    stroke("waist", "drawn", 0.112),
    stroke("pelvis", "pelvis", 0.118),
    stroke("thigh", "hip-left", 0.09),
    (made.joint = shape("circle", { class: "joint", r: 0.022 * H, visibility: "hidden" })),
    ...Array.from({ length: BARS }, (_, i) => {
      const bar = { x: -0.049 * H, y: -0.01125 * H, width: 0.098 * H, height: 0.0225 * H, rx: 0.01 * H };
      made[`bar${i}`] = shape("rect", { class: "lumbar-fill", ...bar, visibility: "hidden" });
      return made[`bar${i}`];
    }),
    stroke("arm", "arm", 0.036),
  );
  parts.set(svg, made);
  return made;
}

const hide = (...nodes) => nodes.forEach((node) => mark(node, "visibility", "hidden"));

function draw(node, d) {
  node.setAttribute("d", d);
  mark(node, "visibility", null);
}

/** Draw the body of these angles, degrees; one that is missing (NaN) and what depends on it are not drawn. */
export function drawBody(svg, { pelvisTilt, trunkInclination, thighLeft, thighRight }) {
  const made = parts.get(svg) ?? build(svg);
  const hip = drawLegs(made, thighLeft, thighRight);
  drawTrunk(made, hip, pelvisTilt, trunkInclination);
}

/** Draw the legs that are measured; where the hip is then. */
function drawLegs(made, left, right) {
  const measured = [left, right].filter(isNumber);
  const standing = measured.length ? measured.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a)) : 0;
  const ankle = [ANKLE_X, GROUND - 0.039 * H];
  const knee = up(ankle, SHANK, KNEE * standing);
  const hip = up(knee, THIGH, -standing);
  const near = isNumber(left) ? left : right;
  const far = isNumber(left) && isNumber(right) && Math.abs(left - right) > APART_DEG ? right : NaN;
  drawLeg(made.thigh, made.shank, made.foot, hip, near, standing);
  made.thigh.setAttribute("class", `stroke ${isNumber(left) ? "hip-left" : "hip-right"}`);
  drawLeg(made.thighFar, made.shankFar, made.footFar, hip, far, standing);
  return hip;
}

function drawLeg(thigh, shank, foot, hip, angle, standing) {
  if (!isNumber(angle)) {
    hide(thigh, shank, foot);
    return;
  }
  const knee = up(hip, -THIGH, -angle);
  const lifted = angle - standing > LIFTED_DEG;
  const ankle = up(knee, -SHANK, lifted ? 0 : KNEE * angle);
  const heel = [ankle[0] - 0.018 * H, ankle[1] + 0.014 * H];
  draw(thigh, path(hip, knee));
  draw(shank, path(knee, ankle));
  draw(foot, path(heel, [heel[0] + 0.105 * H, heel[1]]));
}

function drawTrunk(made, hip, tilt, trunk) {
  const bars = Array.from({ length: BARS }, (_, i) => made[`bar${i}`]);
  const upper = [made.thorax, made.neck, made.head, made.waist, made.arm, ...bars];
  if (!isNumber(tilt)) {
    hide(made.pelvis, made.joint, ...upper);
    return;
  }
  draw(made.pelvis, path(up(hip, 0.15 * PELVIS, tilt), up(hip, 0.72 * PELVIS, tilt)));
  [made.joint.cx, made.joint.cy].forEach((value, i) => (value.baseVal.value = hip[i]));
  mark(made.joint, "visibility", null);
  if (!isNumber(trunk)) {
    hide(...upper);
    return;
  }
  const waist = [up(hip, 0.4 * PELVIS, tilt)];
  let at = up(hip, PELVIS, tilt);
  bars.forEach((bar, i) => {
    const deg = tilt + ((trunk - tilt) * (i + 0.5)) / BARS;
    const middle = up(at, LUMBAR / BARS / 2, deg);
    const back = up(middle, 0.0118 * H, deg - 90);
    bar.setAttribute("transform", `translate(${back[0].toFixed(1)} ${back[1].toFixed(1)}) rotate(${deg.toFixed(1)})`);
    mark(bar, "visibility", null);
    waist.push(middle);
    at = up(at, LUMBAR / BARS, deg);
  });
  draw(made.waist, path(...waist, up(at, 0.03 * H, trunk)));
  draw(made.thorax, path(up(at, 0.035 * H, trunk), up(at, 0.15 * H, trunk)));
  const shoulder = up(at, THORAX, trunk);
  draw(made.neck, path(shoulder, up(shoulder, 0.035 * H, 0.85 * trunk)));
  const head = up(shoulder, 0.11 * H, 0.85 * trunk);
  [made.head.cx, made.head.cy].forEach((value, i) => (value.baseVal.value = head[i]));
  mark(made.head, "visibility", null);
  const swing = 8.5 - 0.13 * trunk;
  const elbow = up(shoulder, -0.17 * H, swing);
  draw(made.arm, path(shoulder, elbow, up(elbow, -0.16 * H, swing - 10)));
}
