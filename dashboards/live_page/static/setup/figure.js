// The body on which sensors are dropped: from behind, as who straps them on sees it, or from in front. Left and right are the
// athlete's own.

import { shape } from "../drawing/elements.js";

/** Where each place is drawn from behind, in the drawing's own units; from in front left and right change sides. */
export const PLACES = {
  lumbar: { x: 0, y: 222 },
  pelvis: { x: 0, y: 286 },
  thigh_left: { x: -40, y: 372 },
  thigh_right: { x: 40, y: 372 },
};
/** The drawing's width and height; x is counted from its middle. */
export const WIDTH = 240;
export const HEIGHT = 570;

/** The place's middle as parts of the drawing, 0 to 1. */
export function placed(place, front) {
  const { x, y } = PLACES[place];
  return { left: 0.5 + (front ? -x : x) / WIDTH, top: y / HEIGHT };
}

/** The body; the line of its spine shows that it is seen from behind, the face that it is seen from in front. */
export function drawFigure(front) {
  const seen = front
    ? [shape("path", { class: "seam", d: "M-15 34h8M7 34h8M0 38V46M-8 56h16" })]
    : [shape("path", { class: "seam", d: "M0 116V290" })];
  return shape(
    "svg",
    { class: "figure", viewBox: `${-WIDTH / 2} 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    shape("circle", { class: "drawn-fill", cx: 0, cy: 40, r: 36 }),
    shape("path", { class: "limb", d: "M0 80V100", "stroke-width": 30 }),
    shape("path", { class: "trunk", d: "M-62 118 Q0 96 62 118 L50 232 Q48 262 62 296 L-62 296 Q-48 262 -50 232Z" }),
    shape("path", { class: "limb", d: "M-76 128L-100 228L-106 308M76 128L100 228L106 308", "stroke-width": 26 }),
    shape("path", { class: "limb", d: "M-36 312L-34 424M36 312L34 424", "stroke-width": 60 }),
    shape("path", { class: "limb", d: "M-34 430L-32 534M34 430L32 534", "stroke-width": 40 }),
    shape("path", { class: "limb", d: "M-34 546h-10M34 546h10", "stroke-width": 26 }),
    ...seen,
  );
}
