// Set-up: from bare sensors to a good alignment. One step at a time; each step is a class of its own file:
//
//   class Step { constructor(page); node; changed?(kind); paint?(now); act?(action, source); close?() }
//
// `STEPS` names them in order. A step that nobody has written does not exist, here or in the row of steps on top.

import { button, element, mark, say } from "../drawing/elements.js";
import { clock } from "../words/numbers.js";
import { stateLine } from "../lift/state_line.js";
import { Calibrate } from "./calibrate.js";
import { Find } from "./find.js";
import { Place } from "./place.js";
import { Ready } from "./ready.js";
import { word } from "../words/words.js";

/** Step → its class, in the order in which they are gone through. */
export const STEPS = new Map([
  ["find", Find],
  ["place", Place],
  ["calibrate", Calibrate],
  ["ready", Ready],
]);
/** Steps that have a name in the row on top; the last one is where they lead. */
const NAMED = ["find", "place", "calibrate"];

/** The step that the session stands at. */
export function stepOf(session) {
  if (session.setup !== null) return session.setup.step;
  return ["done", "refused"].includes(session.calibration.stage) ? "ready" : "calibrate";
}

export class Setup {
  constructor(page) {
    this.page = page;
    this.row = element("ol", { class: "steps", "aria-label": word("setup.steps") });
    this.time = element("span", { "data-value": "running_time" });
    this.noticeWords = element("span");
    this.noticeTime = element("span", { "aria-hidden": "true" });
    this.notice = element("p", { class: "notice", hidden: true }, this.noticeWords, " ", this.noticeTime);
    this.place = element("div", { class: "step" });
    const nav = ["lift", "desk"].map((mode) => button(`mode-${mode}`, word(`mode.${mode}`), { key: { lift: "L", desk: "D" }[mode] }));
    this.nav = element("nav", { "aria-label": word("desk.modes") }, ...nav);
    this.node = element(
      "main",
      { class: "setup" },
      element("header", { class: "top" }, element("h1", { class: "away" }, word("mode.setup")), this.row, this.nav, element("p", { class: "clock mute" }, this.time)),
      this.notice,
      this.place,
    );
    this.step = null;
    this._choose();
  }

  close() {
    this.step?.close?.();
  }

  changed(kind) {
    if (!this._choose()) this.step?.changed?.(kind);
  }

  act(action, source) {
    this.step?.act?.(action, source);
  }

  /** What came of an order, or why it was not sent: until the next one. */
  tell(text) {
    this.told = text;
  }

  paint(now) {
    const { session, connection, slept } = this.page;
    const before = session.setup !== null;
    say(this.time, connection.fresh ? clock(before ? session.setup.elapsed_s : session.newestTime) : "–");
    this.nav.hidden = before;
    const line = stateLine(session, connection, slept, now, "line");
    const shown = line.kind === "alert" || line.kind === "missing";
    const words = shown ? line.words : (this.told ?? "");
    say(this.noticeWords, words);
    say(this.noticeTime, (shown && line.time) || "");
    mark(this.notice, "hidden", words ? null : "");
    mark(this.notice, "role", line.kind === "alert" ? "alert" : "status");
    mark(this.notice, "class", `notice ${line.kind}`);
    mark(this.notice, "data-notice", line.notice ?? null);
    this.step?.paint?.(now);
  }

  /** Show the step that the session stands at; whether it is another one. */
  _choose() {
    const wanted = this.wish ?? stepOf(this.page.session);
    if (wanted === this.name) return false;
    this.name = wanted;
    this.step?.close?.();
    const Step = STEPS.get(wanted) ?? Calibrate;
    this.step = new Step(this.page, this);
    this.place.replaceChildren(this.step.node);
    this._showRow();
    return true;
  }

  _showRow() {
    const named = NAMED.filter((step) => STEPS.has(step));
    const at = named.indexOf(this.name);
    const rows = named.map((step, i) => {
      const over = this.name === "ready" || i < at;
      const now = i === at;
      const number = element("span", { class: "number", "aria-hidden": "true" }, over ? "✓" : String(i + 1));
      return element("li", { class: over ? "over" : now ? "now" : null, "aria-current": now ? "step" : null }, number, element("span", { class: "name" }, word(`setup.${step}`)));
    });
    this.row.replaceChildren(...rows);
  }
}
