// A protocol under way: what to do now, how many, what is next, how to stop. No live angles: they would coach the athlete.

import { button, element, mark, say, shape } from "../drawing/elements.js";
import { drawTest } from "./figure.js";
import { clock, degrees } from "../words/numbers.js";
import { calibrationRemark, told } from "./texts.js";
import { word } from "../words/words.js";

/** Letters from which what to do is set smaller. */
const LONG = 30;

export class Running {
  constructor(page, mode) {
    this.page = page;
    this.mode = mode;
    this.rows = element("ol", { class: "plan", "aria-label": word("hipcheck.what") });
    this.strip = element("div", { class: "strip", "aria-hidden": "true" });
    this.time = element("b");
    this.of = element("span", { class: "mute" });
    this.doing = element("h2", { class: "doing" });
    this.made = element("b", { class: "made", "data-value": "step_made", "data-fact": true });
    this.wanted = element("span", { class: "wanted" });
    this.count = element("p", { class: "count" }, this.made, " ", this.wanted);
    this.remark = element("p", { class: "remark" });
    this.figure = shape("svg", { class: "figure" });
    this.next = element("p", { class: "next mute" });
    this.stepButtons = element("div", { class: "step-buttons" });
    this.painNote = element("p", { class: "pain-note mute", role: "status" });
    this.title = element("h1");
    const { operator, about } = page.session;
    this.node = element(
      "div",
      { class: "led-running" },
      element(
        "header",
        { class: "led-head" },
        this.title,
        element("p", { class: "mute" }, about.athlete ?? ""),
        this.strip,
        element("p", { class: "led-time" }, this.time, " ", this.of),
      ),
      this.rows,
      element("section", { class: "card now", "aria-live": "polite" }, this.doing, this.count, this.remark, this.figure, this.next),
      operator ? this._pain() : null,
      operator ? element("div", { class: "led-back" }, button("step-back", word("hipcheck.back"), { key: "B" })) : null,
      operator ? button("hipcheck-stop", word("hipcheck.stop"), { kind: "stop" }) : null,
    );
    this._show();
  }

  _pain() {
    const scores = Array.from({ length: 11 }, (_, n) => button(`pain-${n}`, String(n), { "aria-label": word("pain.score", { score: n }) }));
    this.scores = scores;
    return element(
      "section",
      { class: "led-pain", "aria-labelledby": "led-pain" },
      element("h2", { id: "led-pain" }, word("hipcheck.pain")),
      element("div", { class: "scores" }, ...scores),
      this.painNote,
      this.stepButtons,
    );
  }

  changed(kind) {
    if (["protocol", "marks", "calibration"].includes(kind)) this._show();
  }

  paint() {
    const { session, connection } = this.page;
    const { protocol } = session;
    if (!protocol || protocol.at === null) return;
    const now = connection.fresh ? session.newestTime : NaN;
    say(this.time, Number.isNaN(now) ? "–" : clock(Math.max(0, now - protocol.begun_s)));
    const step = protocol.steps[protocol.at];
    if (step.seconds) {
      const left = protocol.still_until_s === null ? step.seconds : Math.ceil(protocol.still_until_s - now);
      say(this.made, !protocol.going || Number.isNaN(left) ? "–" : String(Math.max(0, Math.min(left, step.seconds))));
      say(this.wanted, word("hipcheck.seconds.left"));
    }
  }

  _show() {
    const { protocol, marks, calibration } = this.page.session;
    if (!protocol || protocol.at === null) return;
    const step = protocol.steps[protocol.at];
    say(this.title, told(protocol.title));
    say(this.of, word("hipcheck.of.time", { time: clock(protocol.expected_s) }));
    this._list(protocol);
    const doing = protocol.going || step.start !== "standing" ? told(step.words) : word("hipcheck.upright");
    say(this.doing, doing);
    this.doing.classList.toggle("long", doing.length > LONG);
    if (!step.seconds) {
      say(this.made, protocol.going ? String(step.made) : "–");
      say(this.wanted, word("hipcheck.of", { wanted: step.wanted }));
    }
    say(this.remark, this._remark(step, protocol, calibration));
    drawTest(this.figure, protocol.going || step.start !== "standing" ? step.test : "stand", step.side);
    mark(this.figure, "aria-label", told(step.title));
    const after = protocol.steps[protocol.at + 1];
    say(this.next, after ? word("hipcheck.next", { next: told(after.title) }) : word("hipcheck.last"));
    this._buttons(step, protocol);
    this._tellPain(protocol, marks);
  }

  _remark(step, protocol, calibration) {
    if (!protocol.going && step.start === "tap") return word("hipcheck.tap");
    if (step.tempo) return word("hipcheck.tempo", { down: step.tempo[0], hold: step.tempo[1], up: step.tempo[2] });
    return calibrationRemark(calibration);
  }

  _list(protocol) {
    const key = protocol.steps.map((s) => s.state + s.made).join() + protocol.at;
    if (this.listed === key) return;
    this.listed = key;
    const rows = protocol.steps.map((step, i) => {
      const now = i === protocol.at;
      const over = step.state === "done" || step.state === "skipped";
      const sign = step.state === "done" ? "✓" : step.state === "skipped" ? "–" : "";
      const many = step.seconds ? word("hipcheck.seconds", { seconds: step.seconds }) : String(step.wanted);
      const short = step.state === "skipped" ? element("span", { class: "away" }, word("hipcheck.skipped")) : null;
      return element(
        "li",
        { class: now ? "now" : over ? "over" : null, "aria-current": now ? "step" : null, "data-step": step.name, "data-step-state": step.state },
        element("span", { class: "sign", "aria-hidden": "true" }, sign),
        element("span", { class: "name" }, told(step.title), short),
        element("b", {}, many),
      );
    });
    this.rows.replaceChildren(...rows);
    this.rows.querySelector(".now")?.scrollIntoView?.({ block: "nearest" });
    const parts = protocol.steps.map((step, i) => {
      const part = step.seconds ? (i < protocol.at ? 1 : 0) : step.state === "done" || i < protocol.at ? 1 : i === protocol.at ? step.made / Math.max(1, step.wanted) : 0;
      const bar = element("span", { class: "done" });
      bar.style.width = `${100 * Math.min(1, part)}%`;
      const node = element("span", { class: "part" }, bar);
      node.style.flexGrow = String(step.expected_s);
      return node;
    });
    this.strip.replaceChildren(...parts);
  }

  _buttons(step, protocol) {
    const key = `${step.name}|${protocol.going}|${step.made >= 3}`;
    if (this.buttonsOf === key) return;
    this.buttonsOf = key;
    const begin = !protocol.going && step.start !== "at_once" ? button("step-start", word("hipcheck.begin"), { kind: "primary", key: "G" }) : null;
    const counts = protocol.going && step.counted_by === "tap" ? button("step-count", word("hipcheck.count"), { kind: "primary" }) : null;
    const enough = step.made >= 3;
    const focused = document.activeElement?.dataset?.action;
    this.stepButtons.replaceChildren(
      ...[
        begin,
        counts,
        button("step-skip", word(enough ? "hipcheck.enough" : "hipcheck.skip"), { key: "K" }),
        button("step-repeat", word("hipcheck.repeat"), { key: "R" }),
      ].filter(Boolean),
    );
    if (focused?.startsWith("step-")) this.stepButtons.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  _tellPain(protocol, marks) {
    const pains = marks.filter((m) => m.kind === "pain" && m.time_s >= protocol.begun_s);
    const last = pains.at(-1);
    for (const [n, node] of (this.scores ?? []).entries()) mark(node, "aria-pressed", last !== undefined && n === last.score);
    const rule = word("hipcheck.pain.rule", { at: protocol.pain.stop_at, rise: protocol.pain.stop_rise });
    if (!last) {
      say(this.painNote, rule);
      return;
    }
    const at = last.lumbar_flexion_deg === null ? "" : word("hipcheck.pain.at", { score: last.score, lumbar: degrees(last.lumbar_flexion_deg), time: clock(last.time_s) });
    say(this.painNote, [at, rule].filter(Boolean).join(" "));
  }
}
