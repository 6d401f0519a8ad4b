// The guided calibration: stand still, bend, raise the knees. Nothing to press between; it counts by itself.

import { button, element, mark, say, shape } from "../drawing/elements.js";
import { calibrationStep } from "../lift/calibrating.js";
import { known } from "../words/numbers.js";
import { codeWord, word } from "../words/words.js";
import { heardWords, showWarnings } from "./calibration_words.js";
import { drawPose } from "./poses.js";

const KEPT = 160;
const DEEP_DEG = 45;
const FIGURE_W = 400;
const FIGURE_H = 150;

export class Calibrate {
  constructor(page) {
    this.page = page;
    this.steps = element("ol", { class: "calibration-steps" });
    this.body = shape("svg", { class: "body" });
    this.instruction = element("p", { class: "instruction" });
    this.count = element("b");
    this.of = element("span", { class: "mute" });
    this.lines = { lumbar: [], pelvis: [], thigh_left: [], thigh_right: [] };
    this.figure = shape("svg", { class: "heard", viewBox: `0 0 ${FIGURE_W} ${FIGURE_H + 4}`, role: "img" });
    this.heard = element("p", { class: "remark", role: "status" });
    this.warnings = element("ul", { class: "warnings" });
    const operator = page.session.operator;
    const start = operator ? button("calibrate", word("setup.begin"), { key: "C", kind: "primary" }) : null;
    const without = operator ? button("start_without", word("setup.without")) : null;
    // a finger has no Esc
    this.stop = operator ? button("stop", word("action.stop"), { key: "Esc", kind: "stop" }) : null;
    this.start = start;
    this.hint = element("p", { class: "mute hint" });
    // the places stand at the head of the recording: within a session they are as they were said
    this.elsewhere = operator ? element("p", { class: "mute hint" }, word("setup.worn_elsewhere")) : null;
    this.node = element(
      "section",
      { class: "calibrate", "aria-labelledby": "calibrate" },
      element("h2", { id: "calibrate", class: "away" }, word("setup.calibrate")),
      this.steps,
      this.body,
      element("div", { class: "now" }, element("div", { role: "status" }, this.instruction), element("p", { class: "of" }, this.count, this.of), this.figure, this.heard, this.warnings, this.hint, this.elsewhere),
      element("div", { class: "foot" }, start, without, element("span", { class: "spring" }), this.stop),
    );
    this.changed();
  }

  act(action) {
    if (action !== "start_without") return;
    if (this.page.session.setup !== null) this.page.send({ do: "start_without" });
    else this.page.show("lift");
  }

  changed() {
    const { session } = this.page;
    const { calibration } = session;
    const waiting = calibration.stage === undefined || calibration.stage === "waiting";
    const at = calibrationStep(calibration, session.newestTime);
    this._listSteps(at, calibration, waiting);
    say(this.heard, calibration.moved_while_standing && at.step === "stand" ? word("setup.moved") : heardWords(calibration.heard));
    // while the sensors are handed over to the session nobody would hear it
    if (this.start) this.start.disabled = session.setup !== null;
    if (this.stop) this.stop.hidden = session.setup !== null;
    if (this.elsewhere) this.elsewhere.hidden = session.setup !== null || !waiting;
    say(this.hint, word(waiting ? "setup.stand_first" : "setup.nothing_to_press"));
    this.start?.classList.toggle("primary", waiting);
    if (this.start) this.start.firstChild.textContent = word(waiting ? "setup.begin" : "setup.again");
    showWarnings(this.warnings, calibration.warnings);
    this._keep(calibration.now_deg);
  }

  _listSteps(at, calibration, waiting) {
    const missing = calibration.missing ?? [];
    const rows = at.asked.map((step, i) => {
      const over = !waiting && (step === "stand" ? calibration.stage !== "standing" : calibration.stage === "movements" && !missing.includes(step));
      const now = !waiting && step === at.step;
      const wanted = calibration.wanted?.[step];
      const number = element("span", { class: "number", "aria-hidden": "true" }, over ? "✓" : String(i + 1));
      const text = `${word(`setup.do.${step}`)}${wanted ? `\u00a0×\u00a0${wanted}` : ""}`;
      return element("li", { class: over ? "over" : now ? "now" : null, "aria-current": now ? "step" : null }, number, element("span", {}, text));
    });
    this.steps.replaceChildren(...rows);
  }

  /** The inclinations from standing, as long as the server tells them. */
  _keep(now) {
    if (!now) return;
    for (const [key, line] of Object.entries(this.lines)) {
      line.push(known(now[key]) ? now[key] : NaN);
      if (line.length > KEPT) line.shift();
    }
  }

  paint() {
    const { session, connection } = this.page;
    const { calibration } = session;
    const waiting = calibration.stage === undefined || calibration.stage === "waiting";
    const at = waiting ? { step: "stand", left: NaN } : calibrationStep(calibration, connection.fresh ? session.newestTime : NaN);
    drawPose(this.body, at.step);
    say(this.instruction, word(`setup.do.${at.step}`));
    const counting = at.step === "stand" && known(at.left) && at.left > 0;
    say(this.count, at.step === "stand" ? (counting ? word("lift.seconds", { seconds: at.left }) : "") : String(at.number));
    say(this.of, at.step === "stand" ? "" : word("lift.of", { count: at.of }));
    this._drawHeard(at.step, connection.fresh);
  }

  /** What it hears now: the sensors that this movement is heard by, against the depth from which it counts fully. */
  _drawHeard(step, fresh) {
    const keys = step === "knee_left" ? ["thigh_left"] : step === "knee_right" ? ["thigh_right"] : ["lumbar", "pelvis"];
    const there = fresh && keys.some((key) => this.lines[key].some(known));
    mark(this.figure, "hidden", there ? null : "");
    if (!there) {
      this.figure.replaceChildren();
      mark(this.figure, "aria-label", null);
      return;
    }
    const y = (deg) => FIGURE_H - 20 - (FIGURE_H - 40) * Math.min(deg / 90, 1.1);
    const x = (i) => (FIGURE_W * i) / (KEPT - 1);
    const nodes = [
      shape("path", { class: "grid", d: `M0 ${y(0)}H${FIGURE_W}` }),
      shape("path", { class: "limit", d: `M0 ${y(DEEP_DEG)}H${FIGURE_W}` }),
      shape("text", { x: FIGURE_W, y: y(DEEP_DEG) - 6, class: "end" }, `${DEEP_DEG}°`),
      shape("text", { x: 0, y: FIGURE_H - 3 }, word(keys.length > 1 ? "setup.figure.trunk" : "setup.figure.thigh")),
    ];
    for (const key of keys) {
      let pen = "M";
      let d = "";
      this.lines[key].forEach((deg, i) => {
        if (known(deg)) d += `${pen}${x(i).toFixed(1)} ${y(deg).toFixed(1)}`;
        pen = known(deg) ? "L" : "M";
      });
      nodes.push(shape("path", { class: `line ${key}`, d }));
    }
    this.figure.replaceChildren(...nodes);
    const texts = keys.map((key) => `${codeWord("place", key)} ${known(this.lines[key].at(-1)) ? Math.round(this.lines[key].at(-1)) : "–"}°`);
    mark(this.figure, "aria-label", word("setup.heard", { angles: texts.join(", ") }));
  }
}
