// The body in the pose that a calibration asks for: drawn grey where nothing is measured yet.

import { drawBody } from "../drawing/body.js";
import { mark, shape } from "../drawing/elements.js";

const POSES = {
  stand: { pelvisTilt: 0, trunkInclination: 0, thighLeft: 0, thighRight: 0 },
  bend: { pelvisTilt: 32, trunkInclination: 74, thighLeft: 6, thighRight: 6 },
  knee_left: { pelvisTilt: -4, trunkInclination: -4, thighLeft: 75, thighRight: 0 },
  knee_right: { pelvisTilt: -4, trunkInclination: -4, thighLeft: 0, thighRight: 75 },
};
/** Where the movement goes: a dotted way with a head, in the body's own drawing. */
const WAYS = {
  bend: ["M298 56A250 250 0 0 1 386 224", "M372 220l17 32 12-34z"],
  knee_left: ["M322 575A190 190 0 0 0 350 440", "M335 443l15-32 16 32z"],
  knee_right: ["M322 575A190 190 0 0 0 350 440", "M335 443l15-32 16 32z"],
};

/** Draw the pose of a step, `stand`, `bend`, `knee_left` or `knee_right`, into an `svg`. */
export function drawPose(svg, step) {
  if (svg.dataset.pose === step) return;
  svg.dataset.pose = step;
  drawBody(svg, POSES[step] ?? POSES.stand);
  svg.classList.add("pose");
  svg.querySelectorAll(".way").forEach((node) => node.remove());
  const [way, head] = WAYS[step] ?? [];
  if (way) svg.append(shape("path", { class: "way stroke", d: way }), shape("path", { class: "way head", d: head }));
  mark(svg, "aria-hidden", "true");
}
