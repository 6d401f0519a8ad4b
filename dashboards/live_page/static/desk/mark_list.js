// Pain, marks and notes: tapped at the moment, listed with the angle at which they were tapped, the last one taken back.

import { button, element } from "../drawing/elements.js";
import { told } from "../hipcheck/texts.js";
import { clock, degrees, known } from "../words/numbers.js";
import { hasWord, word } from "../words/words.js";

/** What a mark of a protocol says; null for any other mark. */
function ledWords(label, { protocols, result, retest }) {
  const [first, name, how] = label.split(" ");
  const lang = document.documentElement.lang;
  if (first === "primary" && !how && name) return word("mark.primary", { what: (result?.primary ? result : retest)?.primary_said?.[lang] ?? name });
  if (["protocol", "step"].includes(first) && name && !how && hasWord(`mark.order.${name}`)) return word(`mark.order.${name}`);
  if (first === "protocol" && name) {
    const protocol = told(protocols.find((p) => p.name === name)?.title) || name;
    return how && !hasWord(`mark.protocol.${how}`) ? null : word(how ? `mark.protocol.${how}` : "mark.protocol", { protocol });
  }
  if (first !== "step" || !how) return null;
  const step = protocols.flatMap((p) => p.steps).find((s) => s.name === name);
  const key = `mark.step.${how}`;
  return step && hasWord(key) ? word(key, { step: told(step.title) }) : null;
}

/** What a mark says, as parts: strong words, then the rest. Whatever a person wrote stays whole. */
function markWords(m, session) {
  const at = known(m.lumbar_flexion_deg) ? word("mark.at", { degrees: degrees(m.lumbar_flexion_deg) }) : "";
  const repetition = m.repetition ? word("mark.repetition", { number: m.repetition }) : "";
  const where = [at, repetition].filter(Boolean).join(", ");
  if (m.kind === "pain") return [word("mark.pain", { score: m.score }), where];
  if (m.kind === "note") return [word("mark.note"), m.text ?? m.label];
  if (/^screen_slept/.test(m.label ?? "")) return [word("mark.slept", { seconds: /\d+/.exec(m.label)?.[0] ?? "" }), ""];
  if (m.kind === "target") {
    const [, angle, deg] = (m.label ?? "").split(" ");
    const name = hasWord(`targets.${angle}`) ? word(`targets.${angle}`) : angle;
    return [Number.isFinite(Number(deg)) ? word("mark.target", { angle: name, degrees: degrees(Number(deg)) }) : word("mark.no_target", { angle: name }), ""];
  }
  const led = ledWords(m.label ?? "", session);
  if (led) return [led, ""];
  if (hasWord(`mark.${m.kind}`) && (m.kind !== "mark" || m.label === "mark")) return [word(`mark.${m.kind}`), where];
  return [m.text || m.label, where];
}

export class MarkList {
  constructor(page) {
    this.page = page;
    this.list = element("ul", { class: "marks" });
    this.empty = element("p", { class: "mute" }, word("marks.empty"));
    this.answer = element("p", { class: "answer", role: "status" });
    const controls = page.session.operator ? this._controls() : [];
    this.node = element(
      "section",
      { class: "card taps", "aria-labelledby": "taps" },
      element("h2", { id: "taps" }, word(page.session.operator ? "pain.tap" : "marks.title")),
      ...controls,
      this.answer,
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": word("marks.title") }, this.list, this.empty),
    );
  }

  _controls() {
    const { page } = this;
    const scores = Array.from({ length: 11 }, (_, n) => {
      const named = { "aria-label": word("pain.score", { score: n }), "aria-keyshortcuts": n < 10 ? String(n) : "P 1 0" };
      return button(`pain-${n}`, String(n), named);
    });
    const note = element("input", {
      "data-input": "note",
      type: "text",
      maxlength: 500,
      autocomplete: "off",
      "aria-label": word("note.label"),
      placeholder: word("note.hint"),
    });
    // a note stands at the row that was seen when its first letter was typed
    let seen = null;
    note.addEventListener("input", () => {
      if (note.value && seen === null) seen = page.seenTime();
      if (!note.value) seen = null;
    });
    note.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      // without a connection it stays, so that nothing written is lost
      if (!page.note(note.value, seen ?? page.seenTime())) return;
      note.value = "";
      seen = null;
    });
    return [
      element("div", { class: "pain", role: "group", "aria-label": word("pain.title") }, ...scores),
      element(
        "div",
        { class: "actions" },
        button("mark", word("action.mark"), { key: word("key.space"), kind: "primary", "aria-keyshortcuts": "Space" }),
        button("new_set", word("action.new_set"), { key: "S" }),
        button("calibrate", word("action.calibrate"), { key: "C" }),
      ),
      element(
        "div",
        { class: "note-row" },
        element("label", { class: "note" }, element("kbd", { "aria-hidden": "true" }, "N"), note),
        button("undo", word("action.undo"), { key: "U" }),
      ),
    ];
  }

  change(session) {
    const rows = session.marks.toReversed().map((m) => {
      const [strong, rest] = markWords(m, session);
      return element("li", {}, element("time", { class: "mute" }, clock(m.time_s)), element("span", {}, element("b", {}, strong), rest ? ` ${rest}` : ""));
    });
    this.list.replaceChildren(...rows);
    this.empty.hidden = rows.length > 0;
  }

  tell(text) {
    this.answer.textContent = text;
  }
}
