// Test, treat, retest: one number that was chosen before the treatment, before and after it, with what the measurement can tell.

import { button, element, shape } from "../drawing/elements.js";
import { drawCourse } from "./course.js";
import { drawTest } from "./figure.js";
import { nav } from "./ready.js";
import { HipCheck } from "./hipcheck.js";
import { DASH, clock, decimal, degrees, known, percent } from "../words/numbers.js";
import { word } from "../words/words.js";

/** The numbers of an axis, by how the server says that the measured number is written; all others come as words. */
const AXIS = {
  deg: degrees,
  percent: (value) => percent(100 * value),
  points: (value) => decimal(100 * value),
  slope: (value) => decimal(value, 2),
  s: (value) => decimal(value, 1),
};

/** As in hipcheck.css. */
const NARROW = "(max-width: 640px)";

/** Parts in the same order for a waiting and a done retest. */
class Course {
  constructor(page) {
    this.page = page;
    this.node = element("div", { class: "led-retest" });
    this._narrow = matchMedia(NARROW);
    this._onNarrow = () => this._show();
    this._narrow.addEventListener("change", this._onNarrow);
    this._show();
  }

  close() {
    this._narrow.removeEventListener("change", this._onNarrow);
  }

  changed(kind) {
    if (["result", "state", "protocols", "marks"].includes(kind)) this._show();
  }

  _show() {
    const { result, about, operator, retest } = this.page.session;
    const lang = document.documentElement.lang;
    const comparison = result?.comparison ?? null;
    // of this session's own hip check, or of another session
    const chosen = result?.primary ? result : retest;
    const what = chosen?.primary_said?.[lang] ?? "";
    const head = element(
      "header",
      { class: "led-head" },
      element("h1", {}, word("mode.retest")),
      element("p", { class: "mute" }, [about.athlete, what ? word("retest.chosen", { what }) : ""].filter(Boolean).join(". ")),
      nav(this.page.session, "retest"),
    );
    const parts = comparison ? this._compared(comparison, result.comparison_said?.[lang] ?? {}) : [this._waiting(chosen, what, lang)];
    this.node.replaceChildren(head, ...parts, this._foot(operator, chosen, comparison));
  }

  _waiting(chosen, what, lang) {
    if (!chosen?.primary) {
      return element("section", { class: "card wait" }, element("h2", {}, word("retest.none")), element("p", { class: "mute" }, word("retest.none.what")));
    }
    const { test, side, measure } = chosen.primary;
    const before = chosen.screen ? chosen.screen.tests.find((t) => t.test === test && t.side === side)?.measures[measure]?.median : chosen.before;
    const figure = shape("svg", { class: "figure" });
    drawTest(figure, test, side, test === "knee_raise" ? (before ?? null) : null);
    figure.setAttribute("aria-label", what);
    return element(
      "div",
      { class: "led-columns" },
      element("section", { class: "card wait" }, element("h2", {}, what), element("p", { class: "huge", "data-fact": true, "data-value": "before" }, chosen.before_said?.[lang] ?? DASH), element("p", { class: "mute" }, word("retest.before.what"))),
      element("section", { class: "card" }, figure),
    );
  }

  _compared(comparison, said) {
    const sentence = said.change?.startsWith(said.number) ? said.change.slice(said.number.length).trim() : (said.change ?? "");
    const { pain, points, primary } = comparison;
    const line = element("section", { class: "change", "data-label": comparison.label }, element("p", { class: "huge" }, said.number ?? ""), element("div", {}, element("h2", {}, sentence), element("p", {}, this._under(comparison, pain, said.can_tell))));
    // a change and the values beside it are told as finely as each other, in the words of the report
    const chart = shape("svg", { class: "course" });
    drawCourse(chart, comparison, said, AXIS[said.form] ?? decimal, this._narrow.matches);
    const pictures = [0, points.length - 1].map((at, i) => {
      const [point, shown] = [points[at], said.values?.[at] ?? DASH];
      const figure = shape("svg", { class: "figure" });
      drawTest(figure, primary.test, primary.side, primary.test === "knee_raise" ? point.value : null);
      figure.setAttribute("aria-label", `${i ? (said.when ?? "") : word("retest.before")} ${shown}`);
      return element("section", { class: "card side" }, element("h3", {}, i ? (said.when ?? word("retest.after")) : word("retest.before")), element("p", { class: "value" }, shown), figure);
    });
    return [line, element("div", { class: "led-course" }, element("section", { class: "card" }, chart), element("div", { class: "sides" }, ...pictures))];
  }

  _under(comparison, pain, smallest) {
    const wear = word(comparison.same_wear ? "retest.same_wear" : "retest.worn_anew", { smallest });
    const told = known(pain?.before) && known(pain?.now) ? word(pain.important ? "retest.pain.important" : "retest.pain", { before: pain.before, now: pain.now }) : "";
    const kept = known(comparison.kept_percent) && comparison.points.length > 2 ? word("retest.kept", { kept: percent(comparison.kept_percent), low: percent(comparison.kept_percent_low), high: percent(comparison.kept_percent_high) }) : "";
    return [wear, told, kept].filter(Boolean).join(" ");
  }

  _foot(operator, chosen, comparison) {
    const note = comparison ? element("p", { class: "small mute" }, word("retest.grey")) : element("p", { class: "small mute" }, word("retest.how"));
    const actions = operator ? [button("report", word("hipcheck.report")), chosen?.primary ? button("retest", word(comparison ? "retest.again" : "retest.start"), { kind: "primary" }) : button("mode-hipcheck", word("mode.hipcheck"), { kind: "primary" })] : [];
    return element("footer", { class: "led-foot" }, note, ...actions);
  }
}

export class Retest extends HipCheck {
  constructor(page) {
    super(page, "retest");
  }

  act(action, source) {
    // what is done once more in this session is marked so; a session of its own is the retest
    if (action === "retest") this.page.send(this.page.session.ready === "retest" ? { do: "protocol", name: "retest" } : { do: "retest" });
    else super.act(action, source);
  }

  _choose(anew = false) {
    const { over } = this.page.session;
    const running = !over && this.page.session.protocol?.state === "running";
    const stopped = !over && this.page.session.protocol?.state === "stopped" && this.page.session.protocol.name === "retest" && !this.stoppedSeen;
    if (running || stopped) return super._choose(anew);
    if (this.stage === "course" && !anew) return false;
    this.stage = "course";
    this.view?.close?.();
    this.view = new Course(this.page);
    this.place.replaceChildren(this.view.node);
    this.node.dataset.stage = "course";
    return true;
  }
}
