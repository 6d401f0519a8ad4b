// The body at the cursor, its angles with their uncertainties, and the keys of a player.

import { drawBody } from "/static/drawing/body.js";
import { element, shape, button, say, mark } from "/static/drawing/elements.js";
import { clock, decimal, degrees, known } from "/static/words/numbers.js";
import { word } from "/static/words/words.js";
import { uncertain } from "../words/figures.js";
import { flagNames, kindWord, qualityWords } from "../words/names.js";

const ANGLES = [
  ["lumbar_flexion", "lumbar"],
  ["hip_left_flexion", "hip-left"],
  ["hip_right_flexion", "hip-right"],
];
const SLOW = 0.5;

export class Player {
  constructor(model) {
    this.model = model;
    this.speed = 1;
    this.playing = false;
    this.clock = element("strong", { class: "clock" });
    this.where = element("span", { class: "mute" });
    this.svg = shape("svg", { class: "body", role: "img" });
    this.note = element("p", { class: "note" });
    this.values = ANGLES.map(([name, line]) => {
      const number = element("span", { class: "number" });
      const sd = element("span", { class: "sd" });
      const label = element("span", { class: `line-of ${line}` }, word(`line.${line}`));
      const node = element("div", { class: "value", "data-value": name }, element("p", {}, number, sd), label);
      return { name, number, sd, node };
    });
    this.play = button("play", word("play"), { kind: "primary", onclick: () => this.toggle() });
    this.slow = button("slow", word("half_speed"), { "aria-pressed": "false", onclick: () => this.halve() });
    this.node = element(
      "section",
      { class: "card player", "aria-label": word("body") },
      element("p", { class: "at" }, this.clock, this.where),
      this.svg,
      element("div", { class: "values" }, ...this.values.map((one) => one.node)),
      this.note,
      element(
        "div",
        { class: "row" },
        button("previous", word("previous"), { "aria-label": word("previous_label"), onclick: () => model.step(-1) }),
        this.play,
        button("next", word("next"), { "aria-label": word("next_label"), onclick: () => model.step(1) }),
        this.slow,
      ),
      element("p", { class: "hint" }, word("player_keys")),
    );
    model.on("time", () => this.paint());
    model.on("document", () => this.paint());
  }

  toggle(on = !this.playing) {
    this.playing = on && this.model.time < (this.model.doc.duration_s ?? 0);
    say(this.play, word(this.playing ? "pause" : "play"));
    this.last = null;
    if (this.playing) requestAnimationFrame((now) => this.frame(now));
  }

  halve() {
    this.speed = this.speed === 1 ? SLOW : 1;
    mark(this.slow, "aria-pressed", String(this.speed !== 1));
  }

  frame(now) {
    if (!this.playing) return;
    const { model } = this;
    // time goes on only where there is something to show
    const passed = this.last === null || !model.rows.has(model.time) ? 0 : Math.min(0.25, (now - this.last) / 1000);
    this.last = now;
    const end = model.doc.duration_s ?? 0;
    model.seek(model.time + passed * this.speed);
    if (model.time >= end) this.toggle(false);
    else requestAnimationFrame((next) => this.frame(next));
  }

  paint() {
    const { model } = this;
    if (!model.doc) return;
    const row = model.rows?.at(model.time) ?? null;
    if (row) document.body.dataset.time = row.time.toFixed(3);
    else delete document.body.dataset.time;
    say(this.clock, clock(model.time));
    const one = model.current();
    say(this.where, one ? word("rep_and_kind", { n: one.number, kind: kindWord(one.movement, one.side) }) : word("no_repetition"));
    const of = (name) => (row ? row[name] : NaN);
    for (const value of this.values) {
      say(value.number, degrees(of(value.name)));
      say(value.sd, known(of(value.name)) ? uncertain(of(`${value.name}_sd`)) && `${uncertain(of(`${value.name}_sd`))}°` : "");
    }
    drawBody(this.svg, {
      pelvisTilt: of("pelvis_tilt"),
      trunkInclination: of("trunk_inclination"),
      thighLeft: of("thigh_left_inclination"),
      thighRight: of("thigh_right_inclination"),
    });
    const spoken = this.values.map((v) => `${word(`line.${v.node.lastChild.classList[1]}`)} ${degrees(of(v.name))}`).join(", ");
    mark(this.svg, "aria-label", word("body_sentence", { time: decimal(model.time, 2), values: spoken }));
    const flags = row && known(row.quality) ? flagNames(row.quality) : [];
    say(this.note, flags.length ? word("with_care", { why: qualityWords(flags) }) : "");
  }
}
