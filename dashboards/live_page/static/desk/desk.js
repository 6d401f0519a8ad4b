// Desk: for the one at the machine. Is this set going like the last ones, and which sensor will fail.

import { MarkList } from "./mark_list.js";
import { RepetitionTable, shareName } from "./repetition_table.js";
import { SensorCards } from "./sensor_cards.js";
import { Connected, SoundChoice, Targets, clocksCard } from "./settings.js";
import { button, element, mark, say, shape } from "../drawing/elements.js";
import { showsAfterEnd } from "../ending/ended.js";
import { Bar } from "../lift/bar.js";
import { stateLine } from "../lift/state_line.js";
import { LiveTexts, liveText, paintBody } from "../session/live_texts.js";
import { Loop } from "../drawing/loop.js";
import { degrees, known, percent } from "../words/numbers.js";
import { INKS, Traces } from "../drawing/traces.js";
import { codeWord, hasWord, word } from "../words/words.js";

const WINDOW_S = 30;
const LOOPS = 4;
const LABEL_PX = 20;
/** As in desk.css. */
const NARROW = "(max-width: 1050px)";
const SERIES = ["lumbar_flexion", "pelvis_tilt", "hip_left_flexion", "hip_right_flexion"];
const PANELS = [
  { series: ["lumbar_flexion", "pelvis_tilt"], target: "lumbar_flexion" },
  { series: ["hip_left_flexion", "hip_right_flexion"], target: null },
];

/** A short piece of a line, for a legend. */
const sample = (name) =>
  shape("svg", { class: `sample ${name}`, viewBox: "0 0 34 10", "aria-hidden": "true" }, shape("path", { d: "M1 5H33", "stroke-dasharray": INKS[name].dash.join(" ") || null }));

export class Desk {
  constructor(page) {
    this.page = page;
    this.table = new RepetitionTable();
    this.marks = new MarkList(page);
    this.sensors = new SensorCards();
    this.targets = new Targets(page);
    this.sound = new SoundChoice(page);
    this.connected = page.session.operator ? new Connected(page) : null;
    const operator = page.session.operator;
    const header = this._header();
    this.node = element(
      "main",
      { class: operator ? "desk" : "desk viewer" },
      header,
      this.notice,
      this._live(),
      this._traces(),
      this._loop(),
      this.table.node,
      this.marks.node,
      this.sensors.node,
      element("div", { class: "settings" }, this.targets.node, page.session.over ? null : this.sound.node, operator ? clocksCard() : null),
      this.connected?.node ?? null,
      operator ? button("stop", word("action.stop"), { key: "Esc", kind: "stop" }) : null,
    );
    this._narrow = matchMedia(NARROW);
    this._onNarrow = () => this._offerPain();
    this._narrow.addEventListener("change", this._onNarrow);
    this._offerPain();
    this.texts = new LiveTexts(this.node);
    this.traces = new Traces(this.canvas, PANELS);
    this.loop = new Loop(this.loopSvg);
    this._painted = null;
    this._all();
  }

  close() {
    this.traces.close();
    this._narrow.removeEventListener("change", this._onNarrow);
  }

  /** On a narrow page pain is further down: a button at the bottom leads there. */
  _offerPain() {
    this.node.querySelector(".pain-opener")?.remove();
    if (!this._narrow.matches || !this.page.session.operator) return;
    this.node.querySelector(':scope > [data-action="stop"]').before(button("pain", word("action.pain"), { kind: "pain-opener" }));
  }

  _header() {
    this.athlete = element("span", { class: "athlete" });
    this.doing = element("span", { class: "doing mute" });
    this.simulated = element("span", { class: "simulated" }, word("desk.simulated"));
    this.time = element("span", { "data-value": "running_time" });
    this.noticeWords = element("span");
    this.noticeTime = element("span", { "aria-hidden": "true" });
    this.notice = element("p", { class: "notice", hidden: true }, this.noticeWords, " ", this.noticeTime);
    const modes = ["lift", "desk", "setup", "hipcheck"].filter((mode) => !this.page.session.over || showsAfterEnd(mode, this.page.session));
    const nav = modes.map((mode) =>
      button(`mode-${mode}`, word(`mode.${mode}`), { key: { lift: "L", desk: "D", setup: "E", hipcheck: "Q" }[mode], "aria-current": mode === "desk" ? "page" : null }),
    );
    return element(
      "header",
      { class: "top" },
      element("h1", { class: "away" }, word("mode.desk")),
      element("p", { class: "who" }, this.athlete, this.simulated, this.doing),
      element("nav", { "aria-label": word("desk.modes") }, ...nav),
      element("p", { class: "clock" }, element("span", { class: "dot", "aria-hidden": "true" }, "●"), " ", this.time),
    );
  }

  /** Body and bars: on a phone they come first, beside traces they would say the same again. */
  _live() {
    this.body = shape("svg", { class: "body", role: "img" });
    this.bars = [new Bar("lumbar", "lumbar_flexion", true), new Bar("hip", "hip_flexion", false)];
    const row = (bar, key) =>
      element(
        "div",
        { class: "live-row" },
        element("h3", { class: "mute" }, word(key)),
        element("p", {}, element("span", { "data-value": bar.name }), element("span", { class: "doubt mute", "data-doubt": bar.name, hidden: true }, " ?")),
        bar.node,
      );
    return element(
      "section",
      { class: "live", "aria-label": word("desk.now") },
      this.body,
      element(
        "div",
        {},
        row(this.bars[0], "desk.lumbar"),
        row(this.bars[1], "desk.hip"),
        element("p", { class: "live-share" }, element("b", { "data-value": "lumbar_share_now" }), element("span", { class: "mute" }, ` ${word("table.of_both")}`)),
      ),
    );
  }

  _traces() {
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.labels = new Map(
      SERIES.map((name) => {
        const label = element("p", { class: "end-label" }, `${word(`trace.${name}`)} `, element("span", { "data-value": name }), element("span", { class: "doubt", "data-doubt": name, hidden: true }, " ?"));
        return [name, label];
      }),
    );
    this.targetLabel = element("p", { class: "end-label mute", hidden: true });
    const legend = SERIES.map((name) => element("li", {}, sample(name), word(`legend.${name}`)));
    return element(
      "section",
      { class: "card traces", "aria-labelledby": "traces" },
      element("header", {}, element("h2", { id: "traces" }, word("traces.title", { seconds: WINDOW_S })), element("ul", { class: "legend" }, ...legend)),
      element("div", { class: "plot" }, element("div", { class: "canvas" }, this.canvas), element("div", { class: "ends" }, ...this.labels.values(), this.targetLabel)),
    );
  }

  _loop() {
    this.loopSvg = shape("svg");
    this.loopShare = element("p", { class: "loop-share" });
    this.loopWhat = element("p", { class: "mute" });
    this.loopNames = element("ul", { class: "loop-legend" });
    return element(
      "section",
      { class: "card loops", "aria-labelledby": "loops" },
      element("h2", { id: "loops" }, word("loop.title", { count: LOOPS })),
      element("div", { class: "loop-plot" }, this.loopSvg, element("div", {}, this.loopShare, this.loopWhat, this.loopNames)),
    );
  }

  act(action) {
    if (action !== "pain") return;
    const first = this.node.querySelector('[data-action="pain-0"]');
    first.scrollIntoView({ block: "center" });
    first.focus();
  }

  /** What came of an order, or why it was not sent. */
  tell(text) {
    this.marks.tell(text);
  }

  changed(kind) {
    const { session } = this.page;
    if (kind === "state") this._all();
    if (["repetition", "repetitions", "marks"].includes(kind)) this.table.change(session);
    if (["repetition", "repetitions"].includes(kind)) this._changeLoop();
    if (kind === "marks") this.marks.change(session);
    if (kind === "targets" || kind === "own_lines") this.targets.change(session);
    if (kind === "invitation") this.connected?.invited(session.invitation);
    if (kind === "viewers") this.connected?.change(session);
    if (kind === "answer") this._answer(session.answers.at(-1));
    this.sound.change();
  }

  _all() {
    const { session } = this.page;
    say(this.athlete, session.about.athlete ?? "");
    this.simulated.hidden = !session.about.simulated || session.about.athlete === this.simulated.textContent;
    this.table.change(session);
    this.marks.change(session);
    this.targets.change(session);
    this.sound.change();
    this.connected?.change(session);
    this._changeLoop();
  }

  _answer(answer) {
    this.tell(hasWord(`answer.${answer.code}`) ? word(`answer.${answer.code}`) : answer.done ? "" : word("answer.refused"));
  }

  _changeLoop() {
    const { session } = this.page;
    const shown = session.repetitions.filter((r) => session.curves.has(r.number)).slice(-LOOPS);
    const newest = shown.at(-1);
    const share = newest ? newest.lumbar_share_of_trunk_on_thigh : NaN;
    const text = percent(known(share) ? 100 * share : NaN);
    const label = newest ? word("loop.label", { number: newest.number, share: text }) : word("loop.empty");
    this.loop.draw(shown.map((r) => session.curves.get(r.number)), label);
    say(this.loopShare, newest ? text : "");
    say(this.loopWhat, newest ? word("loop.of") : word("loop.empty"));
    const key = (kind, words) => element("li", {}, shape("svg", { class: "sample", viewBox: "0 0 34 10", "aria-hidden": "true" }, shape("path", { class: kind, d: "M1 5H33" })), words);
    const others = shown.slice(0, -1).map((r) => r.number);
    const rows = newest ? [key("newest", word("loop.repetition", { number: newest.number }))] : [];
    if (others.length) rows.push(key("other", word("loop.repetition", { number: others.length > 1 ? `${others[0]}–${others.at(-1)}` : others[0] })));
    if (newest) rows.push(key("newest thin", word("loop.down")), key("newest thin up", word("loop.up")));
    this.loopNames.replaceChildren(...rows);
  }

  paint(now) {
    const { session, connection } = this.page;
    const fresh = connection.fresh;
    const texts = (name) => liveText(session, fresh, name);
    this.texts.paint(session, fresh);
    this.table.paint(session, fresh, texts);
    this.sensors.paint(session, fresh);
    this._paintLive(fresh);
    this._paintTraces(fresh);
    this._paintHeader(now);
  }

  _paintLive(fresh) {
    const { session } = this.page;
    if (!this.body.clientWidth) return;
    const value = (name) => (fresh ? session.value(name) : NaN);
    paintBody(this.body, session, fresh);
    this.bars[0].paint(value("lumbar_flexion"), session.targets.lumbar_flexion, word("desk.lumbar"));
    this.bars[1].paint(value("hip_flexion"), session.targets.hip_flexion, word("desk.hip"));
  }

  _paintTraces(fresh) {
    const { session } = this.page;
    const rows = session.rows;
    const key = `${rows.newest}|${fresh}|${this.traces.width}|${session.repetitions.length}|${session.targets.lumbar_flexion}|${this.traces.colours["--ink"]}`;
    if (key === this._painted) return;
    this._painted = key;
    const newest = session.newestTime;
    const to_s = Math.max(known(newest) ? newest : 0, WINDOW_S);
    const repetitions = [...session.repetitions];
    if (fresh && session.underWay && known(session.underWay.since_s)) {
      repetitions.push({ number: (session.repetitions.at(-1)?.number ?? 0) + 1, start_s: session.underWay.since_s, end_s: newest });
    }
    const ends = this.traces.draw(rows, { from_s: to_s - WINDOW_S, to_s, repetitions, targets: session.targets });
    this._placeLabels(ends, fresh);
  }

  /** Labels stand at the lines' ends; where ends meet they are pushed apart. */
  _placeLabels(ends, fresh) {
    for (const panel of [0, 1]) {
      const own = ends.filter((end) => end.panel === panel).sort((a, b) => a.y - b.y || (a.name === "target") - (b.name === "target"));
      let least = -Infinity;
      for (const { name, y } of own) {
        const at = Math.max(y - LABEL_PX / 2, least);
        least = at + LABEL_PX;
        const label = this.labels.get(name) ?? this.targetLabel;
        label.style.top = `${at.toFixed(0)}px`;
      }
    }
    const target = this.page.session.targets.lumbar_flexion;
    this.targetLabel.hidden = !known(target);
    if (known(target)) say(this.targetLabel, word("trace.target", { degrees: degrees(target) }));
  }

  _paintHeader(now) {
    const { session, connection, slept, wakeLock } = this.page;
    const last = session.repetitions.at(-1);
    const set = last?.set;
    say(this.doing, last ? word("desk.doing", { movement: codeWord("kind", last.movement), set: set ?? 1 }) : "");
    const line = stateLine(session, connection, slept, now, "line");
    const alert = line.kind === "alert";
    let words = line.words;
    let notice = line.notice ?? null;
    if (!words && this.page.sound.locked) [words, notice] = [word("notice.sound"), "sound"];
    else if (!words && session.trouble) [words, notice] = [session.trouble, "trouble"];
    else if (!words && wakeLock.maySleep) [words, notice] = [word("notice.may_sleep"), "may_sleep"];
    say(this.noticeWords, words);
    say(this.noticeTime, (words && line.time) || "");
    // the end is told by a card of its own
    mark(this.notice, "hidden", words && !session.over ? null : "");
    // what hinders the results comes from the program, in English
    mark(this.noticeWords, "lang", notice === "trouble" ? "en" : null);
    mark(this.notice, "data-notice", notice);
    mark(this.notice, "role", alert ? "alert" : "status");
    mark(this.notice, "class", `notice ${line.kind}`);
  }
}
