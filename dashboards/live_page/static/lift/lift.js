// Lift: read from 2 m. Is the lumbar spine inside its target, does the hip reach its own, who makes this movement, how many.

import { button, element, mark, say, shape } from "../drawing/elements.js";
import { Bar, ShareBar } from "./bar.js";
import { Calibrating } from "./calibrating.js";
import { sensorState, stateLine } from "./state_line.js";
import { drawPose } from "../setup/poses.js";
import { LiveTexts, paintBody } from "../session/live_texts.js";
import { hasWord, word } from "../words/words.js";

/** How long the buttons stay after a touch. */
const TOUCHED_MS = 5000;
/** How long it is said that something was marked. */
const MARKED_MS = 2000;
/** The words for the hip that is shown. */
const HIP_WORDS = { hip_flexion: "lift.hip", hip_left_flexion: "lift.hip_left", hip_right_flexion: "lift.hip_right" };
/** Space between a word and its number, parts of a letter. */
const GAP_EM = 0.15;

const bothWords = (key) => [
  element("span", { class: "full" }, word(key)),
  element("span", { class: "short" }, word(`${key}.short`)),
];

function row(name, key, bar) {
  const value = element("span", { "data-value": name, "data-unit": true, class: "number" });
  const doubt = element("span", { class: "doubt", "data-doubt": name, hidden: true }, "?");
  const head = element("div", { class: "head" }, element("h2", { class: "word" }, ...bothWords(key)), element("p", {}, value, doubt));
  return { node: element("section", { class: "row" }, head, bar.node), head, value, doubt };
}

export class Lift {
  constructor(page) {
    this.page = page;
    this.lumbar = new Bar("lumbar", "lumbar_flexion", true);
    this.hip = new Bar("hip", "hip_flexion", false);
    this.shareBar = new ShareBar();
    this.rows = [row("lumbar_flexion", "lift.lumbar", this.lumbar), row("hip_flexion", "lift.hip", this.hip)];
    this.body = shape("svg", { class: "body", role: "img" });
    this.pose = shape("svg", { class: "body asked" });
    this.shareWord = element("span", { class: "mute" });
    this.share = element("section", { class: "share" }, element("h2", { class: "away" }, word("lift.share.title")));
    this.share.append(
      element("p", {}, element("span", { "data-value": "lumbar_share_now" }), " ", this.shareWord),
      this.shareBar.node,
    );
    this.calibrating = new Calibrating();
    this.setup = element("p", { class: "setup-word mute" }, word("lift.setup"));
    const many = element("span", { class: "mute", "aria-hidden": "true" }, "×");
    this.count = element("p", { class: "count" }, element("span", { "data-value": "repetition_count" }), " ", many);
    this.bottom = this._bottom();
    this.node = element(
      "main",
      { class: "lift" },
      element("h1", { class: "away" }, word("mode.lift")),
      element("div", { class: "left" }, this.count, this.setup, this.body, this.pose),
      element("div", { class: "right" }, ...this.rows.map((r) => r.node), this.share, this.calibrating.node),
      this.bottom,
      this._controls(),
    );
    this.texts = new LiveTexts(this.node);
    this.touchedUntil = 0;
    this.marked = { words: "", until: 0 };
    this._newest = this._newestMark();
    this._listen();
  }

  _bottom() {
    this.dot = element("span", { class: "dot", "aria-hidden": "true" });
    this.time = element("span", { class: "time", "data-value": "running_time" });
    this.triangle = element("span", { class: "triangle", "aria-hidden": "true" });
    this.said = element("span", { class: "said" });
    this.since = element("span", { class: "since", "aria-hidden": "true" });
    this.squares = element("div", { class: "squares", role: "group", "aria-label": word("sensors.title") });
    this.line = element("p", { class: "line" }, this.triangle, this.said, " ", this.since);
    return element("div", { class: "bottom" }, this.dot, this.time, this.line, this.squares);
  }

  _controls() {
    const { page } = this;
    const pain = page.session.operator
      ? Array.from({ length: 11 }, (_, n) => button(`pain-${n}`, String(n), { "aria-label": word("pain.score", { score: n }) }))
      : [];
    this.pain = element("div", { class: "pain-row", role: "group", "aria-label": word("pain.title") }, ...pain);
    const operator = page.session.operator;
    const buttons = [
      operator && button("mark", word("action.mark"), { kind: "primary" }),
      operator && button("pain", word("action.pain"), { "aria-expanded": "false" }),
      button("mode-desk", word("mode.desk")),
      operator && button("stop", word("action.stop"), { kind: "stop" }),
    ];
    this.buttons = element("div", { class: "touch-row" }, ...buttons.filter(Boolean));
    this.controls = element("div", { class: "controls" }, this.buttons, this.pain);
    this.controls.addEventListener("click", (event) => {
      const action = event.target.closest("[data-action]")?.dataset.action;
      if (action === "pain") this._showPain(true);
      else if (action?.startsWith("pain-")) this._showPain(false);
    });
    this.pain.addEventListener("focusin", () => this._showPain(true));
    this.buttons.addEventListener("focusin", () => this._showPain(false));
    return this.controls;
  }

  _newestMark() {
    return Math.max(-1, ...this.page.session.marks.map((m) => m.seq));
  }

  /** A mark is answered here too: nobody has to look for it in a list. */
  changed(kind) {
    if (kind === "state") this._newest = this._newestMark();
    if (kind !== "marks") return;
    const newest = this.page.session.marks.find((m) => m.seq > this._newest && hasWord(`lift.marked.${m.kind}`));
    this._newest = this._newestMark();
    if (newest) this.marked = { words: word(`lift.marked.${newest.kind}`, { score: newest.score }), until: performance.now() + MARKED_MS };
  }

  _showPain(shown) {
    this.controls.classList.toggle("asks-pain", shown);
    const opener = this.buttons.querySelector('[data-action="pain"]');
    if (opener) mark(opener, "aria-expanded", shown);
    this._touch();
  }

  _touch() {
    this.touchedUntil = performance.now() + TOUCHED_MS;
    this.node.classList.add("touched");
  }

  /** The first touch only shows the buttons: what cannot be seen cannot be pressed. */
  _listen() {
    let swallow = false;
    this.node.addEventListener(
      "pointerdown",
      () => {
        swallow = !this.node.classList.contains("touched");
        this._touch();
      },
      true,
    );
    this.node.addEventListener(
      "click",
      (event) => {
        if (swallow && event.detail > 0) {
          event.preventDefault();
          event.stopPropagation();
        }
        swallow = false;
      },
      true,
    );
    this.node.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this._touch());
  }

  paint(now) {
    const { session, connection } = this.page;
    const fresh = connection.fresh;
    const calibrating = connection.state === "calibrating";
    this.node.classList.toggle("is-calibrating", calibrating);
    if (now > this.touchedUntil && this.node.classList.contains("touched")) {
      this.node.classList.remove("touched");
      if (!this.controls.contains(document.activeElement)) this.controls.classList.remove("asks-pain");
    }
    this._chooseHip(session.hipName);
    this.texts.paint(session, fresh);
    const value = (name) => (fresh ? session.value(name) : NaN);
    this.lumbar.paint(value("lumbar_flexion"), session.targets.lumbar_flexion, word("lift.lumbar"));
    this.hip.paint(value(session.hipName), session.targets.hip_flexion, word(HIP_WORDS[session.hipName]));
    this._paintShare(value("lumbar_share_now"));
    this._paintBody(fresh);
    if (calibrating) drawPose(this.pose, this.calibrating.paint(session));
    this._paintBottom(now);
    this._fit();
  }

  /** While one thigh moves alone, number, bar and colour are those of its hip. */
  _chooseHip(name) {
    const { value, doubt, head } = this.rows[1];
    if (value.dataset.value === name) return;
    value.dataset.value = doubt.dataset.doubt = name;
    head.querySelector("h2").replaceChildren(...bothWords(HIP_WORDS[name]));
    delete head.dataset.fitted;
    this.hip.node.classList.toggle("right", name === "hip_right_flexion");
  }

  _paintShare(share) {
    say(this.shareWord, word(Number.isNaN(share) ? "lift.share.none" : "lift.share"));
    this.shareBar.paint(share);
  }

  _paintBody(fresh) {
    paintBody(this.body, this.page.session, fresh);
  }

  _paintBottom(now) {
    const { session, connection, slept } = this.page;
    let line = stateLine(session, connection, slept, now);
    if (now < this.marked.until && ["well", "over"].includes(line.kind)) line = { words: this.marked.words, kind: "plain" };
    const well = line.kind === "well";
    mark(this.bottom, "class", `bottom ${line.kind}`);
    this.dot.hidden = this.time.hidden = !well;
    this.line.hidden = well;
    this.triangle.hidden = line.kind !== "over";
    say(this.said, line.words);
    say(this.since, line.time ?? "");
    mark(this.line, "role", line.kind === "alert" ? "alert" : "status");
    mark(this.line, "data-notice", line.notice ?? null);
    this._paintSquares();
  }

  _paintSquares() {
    const { session, connection } = this.page;
    const sensors = session.sensors;
    if (this.squares.children.length !== sensors.length) {
      this.squares.replaceChildren(...sensors.map((s) => element("span", { role: "img", "data-sensor": s.key })));
    }
    sensors.forEach((sensor, i) => {
      const node = this.squares.children[i];
      const state = sensorState(sensor, connection.fresh);
      mark(node, "data-sensor", sensor.key);
      mark(node, "data-state", state);
      mark(node, "aria-label", word("sensor.label", { place: word(`place.${sensor.key}`), state: word(`sensor.${state}`) }));
    });
  }

  /** The short word comes where the whole one does not fit, then the degree sign goes; letters never shrink. */
  _fit() {
    for (const { head, value } of this.rows) {
      // digits are all as wide, a minus is not
      const key = `${value.textContent.replace(/\d/g, "0")}|${head.clientWidth}|${head.querySelector(".doubt").hidden}`;
      if (head.dataset.fitted === key) continue;
      head.dataset.fitted = key;
      const room = head.clientWidth - GAP_EM * parseFloat(getComputedStyle(head).fontSize);
      const [title, number] = head.children;
      for (const fit of ["", "short", "short tight"]) {
        mark(head, "class", `head ${fit}`);
        if (title.scrollWidth + number.scrollWidth <= room) break;
      }
    }
  }
}
