// Every text on the page that follows the newest row. All are written in the frame in which `data-time` is, or all are dashes.

import { drawBody } from "../drawing/body.js";
import { element, mark, say } from "../drawing/elements.js";
import { DASH, clock, degrees, known, percent } from "../words/numbers.js";
import { DOUBTFUL_BITS } from "./session.js";
import { word } from "../words/words.js";

const FORMATS = {
  lumbar_share_now: (session) => percent(session.value("lumbar_share_now")),
  repetition_count: (session) => String(session.repetitions.length),
  running_time: (session) => clock(session.newestTime),
};

/** The text of a live value by its name; a dash while nothing is fresh. */
export function liveText(session, fresh, name) {
  if (!fresh) return DASH;
  const format = FORMATS[name];
  return format ? format(session) : degrees(session.value(name));
}

/** The body from the side as the newest row has it, with its angles as its label; nothing is drawn while nothing is fresh. */
export function paintBody(svg, session, fresh) {
  const value = (name) => (fresh ? session.value(name) : NaN);
  drawBody(svg, {
    pelvisTilt: value("pelvis_tilt"),
    trunkInclination: value("trunk_inclination"),
    thighLeft: value("thigh_left_inclination"),
    thighRight: value("thigh_right_inclination"),
  });
  const [lumbar, left, right] = ["lumbar_flexion", "hip_left_flexion", "hip_right_flexion"].map((name) => liveText(session, fresh, name));
  mark(svg, "aria-label", word("body.label", { lumbar, left, right }));
}

/** Whether an angle that is there should be read with care. */
export const doubtful = (session, name) => known(session.value(name)) && (session.quality & DOUBTFUL_BITS) !== 0;

/** A number whose degree sign stands apart, so that it can be smaller. */
function split(node, text) {
  const figure = text.replace("°", "");
  node.replaceChildren(figure, ...(figure === text ? [] : [element("span", { class: "unit" }, "°")]));
}

export class LiveTexts {
  constructor(root) {
    this.nodes = [...root.querySelectorAll("[data-value]:not([data-fact])")];
    this.doubts = [...root.querySelectorAll("[data-doubt]")];
  }

  paint(session, fresh) {
    for (const node of this.nodes) {
      const text = liveText(session, fresh, node.dataset.value);
      if (node.dataset.unit === undefined) say(node, text);
      else if (node.textContent !== text) split(node, text);
    }
    for (const node of this.doubts) mark(node, "hidden", fresh && doubtful(session, node.dataset.doubt) ? null : "");
  }
}
