// What a test looks like from the side: a still figure of the posture that is asked for, and where the movement goes.
//
// Not the athlete's own angles: those would coach. Lengths are those of `body.js`.

import { BARS, lengths, path, up } from "../drawing/body.js";
import { mark, shape } from "../drawing/elements.js";

const H = 500;
const { THIGH, SHANK, PELVIS, LUMBAR, THORAX } = lengths(H);
const RAD = Math.PI / 180;
const WIDTH = 560;
const GROUND = 430;
const FLOOR = GROUND - 16;
/** Where the picture of a standing body begins. */
const STANDING_TOP = -134;

/** As `up`, downwards: 0 is down, positive forward. */
const down = ([x, y], length, deg) => [x + length * Math.sin(deg * RAD), y + length * Math.cos(deg * RAD)];

/** A leg on the ground: where its hip is. */
const over = (x, thigh, shank) => {
  const knee = up([x, FLOOR], SHANK, -shank);
  return up(knee, THIGH, -thigh);
};

// tilt, trunk: inclinations of pelvis and trunk; near, far: [thigh, shank] from the vertical, knee forward positive
const STANDING = { tilt: 0, trunk: 0, near: [0, 0], foot: 250 };
const POSES = {
  stand: STANDING,
  bend: { top: -40, tilt: 38, trunk: 92, near: [-6, -2], foot: 230, arm: "hang", way: "M462 30A330 330 0 0 1 545 190", head: [547, 208, 176] },
  bow: { top: -60, tilt: 50, trunk: 56, near: [-14, 4], foot: 250, arm: "hang", way: "M440 70A300 300 0 0 1 500 190", head: [502, 208, 172] },
  squat: { top: -20, tilt: 22, trunk: 42, near: [78, -24], foot: 250, arm: "fore", way: "M470 120V250", head: [470, 268, 180] },
  deadlift: { top: 20, tilt: 55, trunk: 70, near: [38, -14], foot: 250, arm: "hang", bar: true, way: "M480 300V170", head: [480, 152, 0] },
  sit_to_stand: { top: -20, tilt: 18, trunk: 34, near: [86, 2], foot: 300, arm: "fore", chair: true, way: "M440 250V120", head: [440, 102, 0] },
  knee_raise: { tilt: -6, trunk: -4, near: [96, 0], far: [0, 0], foot: 240, stands: "far", way: "M430 330V190", head: [430, 172, 0] },
  rock_back: { top: 110, hip: [190, 318], tilt: 62, trunk: 80, near: [46, -92], arm: "floor", way: "M430 150H320", head: [302, 150, 270] },
  hip_extension: { top: 90, hip: [292, 268], tilt: -84, trunk: -90, near: [72, 4], far: [196, 60], arm: "knee", bench: true, way: "M462 236V300", head: [462, 318, 180] },
  painful_movement: { top: -60, tilt: 30, trunk: 62, near: [4, -2], foot: 240, arm: "hang", asks: true },
  trunk_extension: { tilt: -8, trunk: -26, near: [4, 0], foot: 280, arm: "chest", way: "M372 60A300 300 0 0 0 318 -52", head: [308, -68, 328] },
  side_bend: { ...STANDING, way: "M330 60A260 260 0 0 1 360 230", head: [360, 248, 182] },
  single_leg_hinge: { top: -40, tilt: 58, trunk: 64, near: [10, -4], far: [-58, -60], foot: 260, arm: "hang", way: "M455 80A330 330 0 0 1 510 220", head: [511, 238, 178] },
  step_down: { tilt: 10, trunk: 18, near: [40, -22], far: [8, -2], foot: 270, arm: "chest", box: true, way: "M440 120V220", head: [440, 238, 180] },
  hip_rotation: { tilt: 0, trunk: 0, near: [88, 14], foot: 330, arm: "chest", chair: true, way: "M430 300A90 90 0 0 1 470 360", head: [476, 374, 160] },
};
POSES.fast_bend = POSES.bend;
const RIGHT = { "hip-left": "hip-right", "hip-right": "hip-left" };

/** Draw what a test asks for into an `svg`; `side`: the leg in front, where the test has sides. */
export function drawTest(svg, test, side = "", angle = null) {
  const key = `${test}|${side}|${angle}`;
  if (svg.dataset.test === key) return;
  svg.dataset.test = key;
  const top = (POSES[test] ?? STANDING).top ?? STANDING_TOP;
  mark(svg, "viewBox", `0 ${top} ${WIDTH} ${GROUND + 22 - top}`);
  mark(svg, "role", "img");
  const pose = posed(POSES[test] ?? STANDING, test, angle);
  const legs = side === "right" ? (name) => RIGHT[name] : (name) => name;
  svg.replaceChildren(...body(pose, legs), ...way(pose));
}

/** A pose in which a measured angle takes the place of the drawn one, degrees. */
function posed(pose, test, angle) {
  if (angle === null || !Number.isFinite(angle)) return pose;
  const { way: _way, head: _head, ...still } = pose;
  // the hip's angle is that of thigh and pelvis together
  return test === "knee_raise" ? { ...still, tilt: -8, trunk: -6, near: [angle - 8, 0] } : still;
}

const stroke = (kind, width, d) => shape("path", { class: `stroke ${kind}`, "stroke-width": (width * H).toFixed(1), d });

function body(pose, legs) {
  const { tilt, trunk, near, far } = pose;
  const on = pose.stands === "far" ? far : near;
  const lift = pose.box ? 44 : 0;
  const stands = pose.hip ?? over(pose.foot, on[0], on[1]);
  const hip = [stands[0], stands[1] - lift];
  return [
    shape("path", { class: "ground", d: `M20 ${GROUND}H${WIDTH - 20}` }),
    ...furniture(pose, hip),
    ...(far ? leg(hip, far, pose.stands === "far" ? legs("hip-right") : legs("hip-right")) : []),
    ...trunkOf(pose, hip, tilt, trunk),
    ...leg(hip, near, legs("hip-left"), "drawn"),
    shape("circle", { class: "joint", cx: hip[0], cy: hip[1], r: 0.022 * H }),
    ...bars(hip, tilt, trunk),
    ...arm(pose, hip, tilt, trunk, far ?? near),
  ];
}

function furniture(pose, hip) {
  if (pose.bench) return [shape("rect", { class: "bench", x: 30, y: hip[1] + 34, width: hip[0] - 16, height: 20, rx: 6 }), shape("path", { class: "bench-leg", d: `M70 ${hip[1] + 54}V${GROUND}M${hip[0] - 30} ${hip[1] + 54}V${GROUND}` })];
  if (pose.chair) return [shape("rect", { class: "bench", x: hip[0] - 50, y: hip[1] + 30, width: 110, height: 16, rx: 6 }), shape("path", { class: "bench-leg", d: `M${hip[0] - 36} ${hip[1] + 46}V${GROUND}M${hip[0] + 44} ${hip[1] + 46}V${GROUND}` })];
  if (pose.box) return [shape("rect", { class: "bench", x: 210, y: GROUND - 44, width: 110, height: 44, rx: 4 })];
  return [];
}

function leg(hip, [thigh, shank], kind, lower = "far") {
  const knee = down(hip, THIGH, thigh);
  const ankle = down(knee, SHANK, shank);
  const along = shank < -60 ? [ankle[0] - 0.05 * H, ankle[1]] : [ankle[0] + 0.09 * H, ankle[1] + 0.012 * H];
  return [stroke(lower, 0.058, path(knee, ankle)), stroke(lower, 0.04, path(ankle, along)), stroke(kind, 0.088, path(hip, knee))];
}

function spine(hip, tilt, trunk) {
  const points = [up(hip, 0.4 * PELVIS, tilt)];
  let at = up(hip, PELVIS, tilt);
  const middles = [];
  for (let i = 0; i < BARS; i += 1) {
    const deg = tilt + ((trunk - tilt) * (i + 0.5)) / BARS;
    const middle = up(at, LUMBAR / BARS / 2, deg);
    middles.push([middle, deg]);
    points.push(middle);
    at = up(at, LUMBAR / BARS, deg);
  }
  return { points, middles, top: at };
}

function trunkOf(pose, hip, tilt, trunk) {
  const { points, top } = spine(hip, tilt, trunk);
  const shoulder = up(top, THORAX, trunk);
  const neck = 0.85 * trunk;
  const [hx, hy] = up(shoulder, 0.11 * H, neck);
  return [
    stroke("drawn", 0.125, path(up(top, 0.035 * H, trunk), up(top, 0.15 * H, trunk))),
    stroke("drawn", 0.05, path(shoulder, up(shoulder, 0.035 * H, neck))),
    shape("circle", { class: "drawn-fill", cx: hx, cy: hy, r: 0.06 * H }),
    stroke("drawn", 0.112, path(...points, up(top, 0.03 * H, trunk))),
    stroke("pelvis", 0.116, path(up(hip, 0.15 * PELVIS, tilt), up(hip, 0.72 * PELVIS, tilt))),
  ];
}

function bars(hip, tilt, trunk) {
  return spine(hip, tilt, trunk).middles.map(([middle, deg]) => {
    const [x, y] = up(middle, 0.0118 * H, deg - 90);
    const turn = `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${deg.toFixed(1)})`;
    return shape("rect", { class: "lumbar-fill", x: -0.049 * H, y: -0.011 * H, width: 0.098 * H, height: 0.022 * H, rx: 5, transform: turn });
  });
}

function arm(pose, hip, tilt, trunk, held) {
  const shoulder = up(spine(hip, tilt, trunk).top, 0.85 * THORAX, trunk);
  const hand = {
    hang: [shoulder[0] + 6, shoulder[1] + 0.33 * H],
    floor: [shoulder[0] + 4, FLOOR],
    fore: [shoulder[0] + 0.28 * H, shoulder[1] + 0.1 * H],
    chest: [shoulder[0] + 0.1 * H, shoulder[1] + 0.12 * H],
    knee: down(hip, THIGH, held[0]),
  }[pose.arm] ?? [shoulder[0] + 14, shoulder[1] + 0.32 * H];
  const made = [stroke("arm", 0.036, path(shoulder, hand))];
  if (pose.bar) made.push(shape("circle", { class: "bench-leg", cx: hand[0], cy: hand[1] + 10, r: 30 }));
  return made;
}

function way(pose) {
  if (pose.asks) return [shape("text", { class: "asks", x: 420, y: 150 }, "?")];
  if (!pose.way) return [];
  const [x, y, turn] = pose.head;
  return [
    shape("path", { class: "way stroke", d: pose.way }),
    shape("path", { class: "way head", d: "M0-16L14 16H-14Z", transform: `translate(${x} ${y}) rotate(${turn})` }),
  ];
}
