// Lift while a calibration runs: one instruction that can be read from 2 m, how far it has come, and what comes then.

import { element, mark, say } from "../drawing/elements.js";
import { known } from "../words/numbers.js";
import { word } from "../words/words.js";

const STEPS = ["stand", "bend", "knee_left", "knee_right"];
/** A movement of this size fills its block, degrees. */
const DEEP_DEG = 45;

/** The step that a calibration stands at: its name, the how manieth of how many, and what comes then. */
export function calibrationStep(calibration, now_s) {
  const { stage, missing = [], made = {}, wanted = {} } = calibration;
  const asked = ["stand", ...Object.keys(wanted)];
  if (stage === "standing") {
    const left = known(calibration.stand_until_s) && known(now_s) ? Math.ceil(calibration.stand_until_s - now_s) : NaN;
    const first = left <= 0 ? Object.keys(wanted)[0] : null;
    if (!first) return { step: "stand", left, then: Object.keys(wanted)[0], asked };
    return { step: first, number: 1, of: wanted[first], then: asked[asked.indexOf(first) + 1], asked };
  }
  if (stage !== "movements" || !missing.length) return { step: "stand", left: NaN, then: null, asked };
  const step = missing[0];
  return { step, number: (made[step] ?? 0) + 1, of: wanted[step], then: missing[1] ?? null, asked };
}

export class Calibrating {
  constructor() {
    this.instruction = element("p", { class: "instruction", role: "status" });
    this.count = element("span");
    this.of = element("span", { class: "mute" });
    this.blocks = element("div", { class: "blocks", "aria-hidden": "true" });
    this.then = element("p", { class: "then mute" });
    this.dots = element("div", { class: "dots", "aria-hidden": "true" });
    const count = element("p", { class: "of" }, this.count, this.of);
    this.node = element("section", { class: "calibrating" }, this.instruction, count, this.blocks, this.then, this.dots);
  }

  /** Paint it; the step that it stands at. */
  paint(session) {
    const { calibration } = session;
    const at = calibrationStep(calibration, session.newestTime);
    say(this.instruction, word(`lift.do.${at.step}`));
    if (at.step === "stand") {
      say(this.count, known(at.left) && at.left > 0 ? word("lift.seconds", { seconds: at.left }) : "");
      say(this.of, "");
    } else {
      say(this.count, String(at.number));
      say(this.of, word("lift.of", { count: at.of }));
    }
    say(this.then, at.then ? word(`lift.then.${at.then}`) : "");
    this._paintBlocks(at, calibration);
    this._paintDots(at, calibration);
    return at.step;
  }

  _paintBlocks(at, { now_deg: heard = {} }) {
    const count = at.step === "stand" ? 0 : at.of;
    while (this.blocks.children.length < count) this.blocks.append(element("div", { class: "block" }, element("div")));
    while (this.blocks.children.length > count) this.blocks.lastChild.remove();
    const deepest = Math.max(0, ...Object.values(heard).filter(known));
    [...this.blocks.children].forEach((block, i) => {
      const part = i < at.number - 1 ? 1 : i === at.number - 1 ? Math.min(deepest / DEEP_DEG, 1) : 0;
      block.firstChild.style.width = `${(100 * part).toFixed(1)}%`;
    });
  }

  _paintDots(at, calibration) {
    const steps = STEPS.filter((step) => at.asked.includes(step));
    while (this.dots.children.length < steps.length) this.dots.append(element("i"));
    while (this.dots.children.length > steps.length) this.dots.lastChild.remove();
    const missing = calibration.missing ?? [];
    steps.forEach((step, i) => {
      const over = step === "stand" ? calibration.stage !== "standing" : calibration.stage === "movements" && !missing.includes(step);
      mark(this.dots.children[i], "class", step === at.step ? "now" : over ? "over" : null);
    });
  }
}
