// The answer: one sentence, how sure, three pictures, what speaks against it, what to test next. All else is in the report.

import { button, element, shape } from "../drawing/elements.js";
import { excursion, hipGives, isOwn, limitOf, measured, spineSteps, whoBends } from "./charts.js";
import { nav } from "./ready.js";
import { clock, degrees, known, percent, uncertainty } from "../words/numbers.js";
import { told } from "./texts.js";
import { word } from "../words/words.js";

/** Protocols whose three pictures can be drawn; of others the steps are listed. */
const PICTURED = new Set(["hip-check", "full-screen", "retest"]);
const LEVELS = { high: 3, moderate: 2, low: 1 };

/** What was measured of a step that is no test of the hip screen. */
function sizeOf(step) {
  const [fast, own] = [step.velocity_deg_s?.lumbar, step.own_pace_deg_s?.lumbar];
  if (known(fast)) return known(own) ? word("hipcheck.velocities", { size: degrees(fast), own: degrees(own) }) : word("hipcheck.velocity", { size: degrees(fast) });
  if ("first_way_deg" in step && known(step.peak_deg)) return word("hipcheck.swing", { first: degrees(step.first_way_deg), other: degrees(step.other_way_deg) });
  if (known(step.peak_deg)) return word("hipcheck.peak", { size: degrees(step.peak_deg) });
  return step.measured === null && "measured" in step ? word("hipcheck.unmeasured") : "";
}

/** Three dots, as many filled as the confidence is high. */
export function dots(level) {
  const filled = LEVELS[level] ?? 0;
  const node = shape("svg", { class: "dots", viewBox: "0 0 92 28", "aria-hidden": "true" });
  for (let i = 0; i < 3; i += 1) node.append(shape("circle", { class: i < filled ? "dot" : "dot empty", cx: 14 + 31 * i, cy: 14, r: 10.5 }));
  return node;
}

export class Result {
  constructor(page, mode) {
    this.page = page;
    this.mode = mode;
    this.node = element("div", { class: "led-result" });
    this._show();
  }

  changed(kind) {
    if (kind === "result" || kind === "state") this._show();
  }

  _show() {
    const { result, protocol, about, operator } = this.page.session;
    if (result === null) return;
    const said = result.said[document.documentElement.lang] ?? result.said.en;
    const { screen } = result;
    const run = result.protocol;
    const took = known(run.ended_s) ? clock(run.ended_s - run.begun_s) : "";
    const title = protocol ? told(protocol.title) : word("mode.hipcheck");
    this.node.replaceChildren(
      element("header", { class: "led-head" }, element("h1", {}, title), element("p", { class: "mute" }, [about.athlete, took, word("hipcheck.live")].filter(Boolean).join(", ")), nav(this.page.session)),
      element("h2", { class: "answer", "data-answer": screen.answer?.code ?? "" }, said.answer),
      element("p", { class: "sure" }, ...(said.side ? [element("b", {}, word("hipcheck.which_side")), ` ${said.side}. `] : []), dots(said.level ?? screen.confidence), " ", element("b", {}, word("hipcheck.sure")), " ", said.confidence),
      element("div", { class: "pictures" }, ...(PICTURED.has(result.name) ? this._pictures(screen, result) : [this._steps(result)])),
      ...this._against(said),
      this._foot(operator, result, said, screen),
    );
  }

  _pictures(screen, result) {
    const give = this._picture("hipcheck.gives", "hipcheck.gives.what", (svg) => hipGives(svg, screen), this._givesWords(screen));
    const steps = this._picture("hipcheck.steps", "hipcheck.steps.what", (svg) => spineSteps(svg, screen, result.curves?.rock_back ?? []), this._stepsWords(screen));
    const bends = this._picture("hipcheck.bends", "hipcheck.bends.what", (svg) => whoBends(svg, screen, result.protocol.thirds), this._bendsWords(screen));
    return [give, steps, bends];
  }

  /** What was done and measured, step by step, of the last protocol. */
  _steps(result) {
    const runs = [result.protocol, ...(result.protocol.further ?? [])];
    const run = runs.at(-1);
    const known_steps = this.page.session.protocols.find((p) => p.name === run.name)?.steps ?? [];
    const rows = run.steps
      .filter((step) => step.wanted && step.outcome !== "repeated")
      .map((step) => {
        const title = told(known_steps.find((s) => s.name === step.name)?.title) || step.name;
        const size = sizeOf(step);
        return element("li", {}, element("span", {}, title, size ? element("span", { class: "mute" }, ` ${size}`) : null), element("b", {}, word("hipcheck.valid", { valid: step.valid, wanted: step.wanted })));
      });
    return element("section", { class: "card", "aria-labelledby": "led-done" }, element("h3", { id: "led-done" }, word("hipcheck.done")), element("ol", { class: "plan done-list" }, ...rows));
  }

  _picture(title, what, draw, words) {
    const svg = shape("svg", { class: "chart" });
    draw(svg);
    return element("section", { class: "card" }, element("h3", {}, word(title)), element("p", { class: "mute" }, word(what)), svg, ...words);
  }

  _givesWords(screen) {
    const limit = (side) => (limitOf(screen, "knee_raise_hip_deg", side) ?? limitOf(screen, "knee_raise_hip_deg"))?.limit;
    const sides = ["left", "right"].map((side) => [side, measured(screen, "knee_raise", side, "hip_peak_deg")?.value ?? NaN]);
    if (sides.every(([, value]) => !known(value))) return [element("p", {}, element("b", {}, word("hipcheck.not_tested")))];
    const short = sides.filter(([side, value]) => known(value) && value < limit(side)).map(([side, value]) => word("hipcheck.short", { side: word(`hipcheck.${side}`), by: degrees(limit(side) - value), limit: degrees(limit(side)) }));
    const missing = sides.filter(([, value]) => !known(value)).map(([side]) => word("hipcheck.side.not_tested", { side: word(`hipcheck.${side}`) }));
    const differ = limitOf(screen, "knee_raise_difference_deg");
    const [least] = [...sides].sort(([, a], [, b]) => a - b);
    const reached = [...new Set(sides.filter(([, value]) => known(value)).map(([side]) => degrees(limit(side))))].join(" / ");
    let line = word(missing.length ? "hipcheck.reaches" : "hipcheck.reach", { limit: reached });
    if (short.length) line = short.join(" ");
    else if (differ?.beyond) line = word("hipcheck.differs", { side: word(`hipcheck.${least[0]}`), by: degrees(Math.abs(differ.number)) });
    return [element("p", {}, element("b", {}, line)), missing.length ? element("p", { class: "mute" }, missing.join(" ")) : null].filter(Boolean);
  }

  _stepsWords(screen) {
    const at = excursion(screen);
    const entry = limitOf(screen, "rock_back_slack_deg");
    const limit = entry?.limit ?? 20;
    if (!known(at.value)) return [element("p", {}, element("b", {}, word("hipcheck.not_tested")))];
    const key = at.gives ? "hipcheck.after" : "hipcheck.not_within";
    return [
      element("p", {}, element("b", {}, word(key, { at: degrees(at.value) })), " ", element("span", { class: "mute" }, word(isOwn(entry) ? "hipcheck.limit.own" : "hipcheck.limit", { limit: degrees(limit) }))),
      element("p", { class: "mute" }, known(at.spread) ? `${uncertainty(at.spread)}°` : ""),
    ];
  }

  _bendsWords(screen) {
    const share = measured(screen, "bend", "", "lumbar_share_of_trunk");
    if (share === null) return [element("p", {}, element("b", {}, word("hipcheck.not_tested")))];
    const edges = ["bend_share_low", "bend_share_high"].map((name) => limitOf(screen, name));
    const [low, high] = edges.map((entry) => entry?.limit);
    const range = edges.some(isOwn) ? "hipcheck.own_range" : "hipcheck.published";
    return [
      element("p", {}, element("b", {}, `${percent(100 * share.value)}.`)),
      element("p", { class: "mute" }, known(low) && known(high) ? word(range, { low: String(Math.round(100 * low)), high: percent(100 * high) }) : ""),
    ];
  }

  _against(said) {
    const sentence = (key, list) => (list?.length ? [element("b", {}, word(key)), ` ${list.join("; ")}. `] : []);
    const parts = [...sentence("hipcheck.against", said.against), ...sentence("hipcheck.test_next", said.next)];
    return parts.length ? [element("p", { class: "against" }, ...parts)] : [];
  }

  _foot(operator, result, said, screen) {
    const untested = (screen.untested ?? []).length ? word("hipcheck.untested") : "";
    const note = element("p", { class: "small mute" }, [said.compared ? `${said.compared[0].toUpperCase()}${said.compared.slice(1)}.` : "", untested, word("hipcheck.not_diagnosis")].filter(Boolean).join(" "));
    const lang = document.documentElement.lang;
    const chosen = result.primary_said?.[lang] ?? "";
    const treat = result.primary ? button("treat", word("hipcheck.treat"), { kind: "primary", title: chosen }) : null;
    const actions = operator ? [button("hipcheck-again", word("hipcheck.again")), button("report", word("hipcheck.report")), treat].filter(Boolean) : [];
    return element("footer", { class: "led-foot" }, note, ...actions);
  }
}
