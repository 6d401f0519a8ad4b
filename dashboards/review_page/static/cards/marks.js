// Marks, notes and pain: what there is, and saying, moving and taking away at the cursor.

import { element, button, say } from "/static/drawing/elements.js";
import { clock, decimal, degrees, known } from "/static/words/numbers.js";
import { codeWord, hasWord, word } from "/static/words/words.js";
import { keepFocus } from "./focus.js";

export class Marks {
  constructor(model, edit) {
    this.model = model;
    this.edit = edit;
    this.at = element("h2");
    const field = (name, label) =>
      element("input", { type: "text", "data-input": name, placeholder: label, "aria-label": label, maxlength: 1000, autocomplete: "off" });
    this.label = field("label", word("label_of_mark"));
    this.note = field("note", word("note_label"));
    this.where = field("where", word("where_label"));
    this.level = element(
      "select",
      { "data-input": "pain", "aria-label": word("pain_label") },
      ...Array.from({ length: 11 }, (_, i) => element("option", { value: i }, String(i))),
    );
    const form = (submit, ...inside) =>
      element("form", { class: "row", onsubmit: (event) => (event.preventDefault(), submit()) }, ...inside);
    const keep = (action, text, key) => button(action, text, { key, type: "submit" });
    this.list = element("table", { class: "marks" });
    this.node = element(
      "section",
      { class: "card marks", "aria-label": word("marks") },
      this.at,
      element(
        "div",
        { class: "saying" },
        form(() => this.mark(), this.label, keep("mark", word("mark"), "M")),
        form(() => this.noted(), this.note, keep("note", word("note"), "N")),
        form(() => this.pain(), this.level, this.where, keep("pain", word("pain"), "P")),
        element(
          "div",
          { class: "row" },
          (this.calibrate = button("calibrate", word("calibration_here"), { onclick: () => this.say({ do: "mark", label: "calibrate" }) })),
          element("span", { class: "hint" }, word("calibration_hint")),
        ),
      ),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("marks") }, this.list),
    );
    model.on("document", () => this.draw());
    model.on("time", () => this.follow());
  }

  follow() {
    const time = clock(this.model.time);
    say(this.at, word("marks_at", { time }));
    for (const move of this.list.querySelectorAll("[data-action=move-mark]")) say(move, word("move_here", { time }));
  }

  /** The cursor's time, to the tick. */
  time() {
    return Math.round(this.model.time * 100) / 100;
  }

  async say(order, ...fields) {
    if (await this.edit({ time_s: this.time(), ...order })) fields.forEach((field) => (field.value = ""));
  }

  mark() {
    this.say({ do: "mark", label: this.label.value.trim() || word("mark_word") }, this.label);
  }

  noted() {
    const text = this.note.value.trim();
    if (text) this.say({ do: "note", text }, this.note);
    else this.note.focus();
  }

  pain() {
    this.say({ do: "pain", level: Number(this.level.value), where: this.where.value.trim() }, this.where);
  }

  draw() {
    const { doc } = this.model;
    this.calibrate.disabled = !doc.computable;
    const rows = doc.marks.map((one) => this.row(one));
    keepFocus(this.list, () => this.fill(rows));
    this.follow();
  }

  fill(rows) {
    this.list.replaceChildren(
      element("caption", { class: "away" }, word("marks_caption")),
      element(
        "thead",
        { class: "away" },
        element("tr", {}, ...["at", "what", "change"].map((name) => element("th", { scope: "col" }, word(`column.${name}`)))),
      ),
      element("tbody", {}, ...(rows.length ? rows : [element("tr", {}, element("td", { colspan: 3 }, word("no_marks")))])),
    );
  }

  row(one) {
    const { time_s, label } = one;
    return element(
      "tr",
      { "data-mark": label, "data-time-s": time_s.toFixed(3) },
      element("td", { class: "at" }, button("go-mark", clock(time_s), { kind: "plain", onclick: () => this.model.seek(time_s) })),
      element("td", { class: "what" }, words(one), element("span", { class: "remark" }, codeWord("said", one.said))),
      element(
        "td",
        { class: "row" },
        button("move-mark", "", { onclick: () => this.edit({ do: "move_mark", time_s, label, to_s: this.time() }) }),
        button("remove-mark", word("remove"), { "aria-label": word("remove_label", { what: words(one) }), onclick: () => this.edit({ do: "remove_mark", time_s, label }) }),
      ),
    );
  }
}

/** How much it hurt, where, and at which angle and repetition it was told. */
function painWords({ level, text, lumbar_flexion_deg: flexion, repetition }) {
  const said = [word("pain_of_ten", { level: decimal(level, Number.isInteger(level) ? 0 : 1) })];
  if (text) said.push(text);
  if (known(flexion)) said.push(word("at_lumbar", { degrees: degrees(flexion) }));
  if (known(repetition)) said.push(word("rep_n", { n: repetition }));
  return said.join(", ");
}

/** A mark as people read it. */
function words(one) {
  if (one.kind === "pain") return painWords(one);
  if (one.kind === "note") return word("quoted", { text: one.text });
  return hasWord(`label.${one.text}`) ? word(`label.${one.text}`) : one.text;
}
