// How good the alignment is, with reasons, and what to repeat to make it better.

import { button, element, shape } from "../drawing/elements.js";
import { codeWord, word } from "../words/words.js";
import { grade, leastSure, reasonWords, saidOf, showWarnings } from "./calibration_words.js";
import { drawPose } from "./poses.js";

const MOVEMENT_OF = { lumbar: "bend", pelvis: "bend", thigh_left: "knee_left", thigh_right: "knee_right" };

export class Ready {
  constructor(page) {
    this.page = page;
    this.headline = element("h2", { class: "headline" });
    this.least = element("p", { class: "least" });
    this.list = element("ul", { class: "reports" });
    this.warnings = element("ul", { class: "warnings" });
    this.better = element("aside", { class: "card better" });
    this.node = element(
      "section",
      { class: "ready" },
      element("div", { class: "quality" }, this.headline, this.least, this.warnings, this.list),
      this.better,
      element("div", { class: "foot" }, element("span", { class: "spring" }), button("mode-lift", word("setup.start"), { key: "L", kind: "primary" })),
    );
    this.changed();
  }

  changed() {
    const { calibration } = this.page.session;
    const reports = calibration.reports ?? [];
    showWarnings(this.warnings, calibration.warnings);
    const absent = reports.filter((r) => r.method === "none");
    const sure = leastSure(reports);
    const refused = calibration.stage === "refused" || sure === null;
    const wrong = (calibration.warnings ?? []).find((w) => !w.harmless);
    this.headline.textContent = word(wrong ? "ready.look" : refused ? "ready.refused" : absent.length ? "ready.in_part" : "ready.ready");
    this.least.textContent = refused ? "" : word("ready.least", { place: codeWord("place", sure.placement), grade: word(`grade.${grade(sure.confidence)}`) });
    const reasons = refused ? (calibration.reasons ?? []).map((r, i) => this._reason(r, saidOf(calibration)[i])) : [];
    this.list.replaceChildren(...reasons, ...reports.map((r) => this._report(r)));
    if (wrong) this._showWrong(wrong);
    else this._showBetter(absent[0] ?? sure, refused);
  }

  _reason(reason, said) {
    const { words, lang } = reasonWords(reason, said);
    return element("li", { class: "card report", lang }, words);
  }

  _report(report) {
    const aligned = report.method !== "none";
    const bar = shape(
      "svg",
      { class: "confidence", viewBox: "0 0 140 20", "aria-hidden": "true" },
      shape("rect", { class: "lit-fill", width: 140, height: 20, rx: 4 }),
      shape("rect", { class: "ink-fill", width: aligned ? Math.round(140 * report.confidence) : 0, height: 20, rx: 4 }),
    );
    const reasons = (report.reasons ?? []).map((reason, i) => {
      const { words, lang } = reasonWords(reason, saidOf(report)[i]);
      return element("span", { lang }, `${i ? "; " : ""}${words}`);
    });
    const text = aligned ? word(`grade.${grade(report.confidence)}`) : word("grade.none");
    return element(
      "li",
      { class: "card report" },
      element("span", { class: `swatch ${report.placement}`, "aria-hidden": "true" }),
      element("div", {}, element("h3", {}, codeWord("place", report.placement)), element("p", { class: "mute" }, ...reasons)),
      bar,
      element("b", { class: "grade" }, text),
    );
  }

  /** Sensors that are not worn as was said come first. */
  _showWrong(warning) {
    const body = shape("svg", { class: "body" });
    drawPose(body, "stand");
    this.better.replaceChildren(
      element("h2", {}, word(`ready.first.${warning.code}`)),
      element("p", {}, word("ready.then")),
      body,
      ...(this.page.session.operator ? [button("calibrate", word("ready.repeat"), { key: "C" })] : []),
    );
  }

  /** One thing to repeat: of the sensor that is least sure. */
  _showBetter(report, refused) {
    const needed = report !== null && report !== undefined && (report.method === "none" || grade(report.confidence) !== "very_good");
    const bad = needed || refused;
    const movement = bad ? (MOVEMENT_OF[report?.placement] ?? "stand") : "stand";
    const body = shape("svg", { class: "body" });
    drawPose(body, movement);
    this.better.replaceChildren(
      element("h2", {}, word(bad ? "ready.better" : "ready.enough")),
      element("p", {}, word(bad ? `ready.repeat.${movement}` : "ready.slipped")),
      body,
      ...(this.page.session.operator ? [button("calibrate", word("ready.repeat"), { key: "C" })] : []),
    );
  }
}
