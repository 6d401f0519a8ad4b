// The table of repetitions by set, and what the chosen one was: its kind, or that it was none.

import { element, button, mark } from "/static/drawing/elements.js";
import { clock, percent } from "/static/words/numbers.js";
import { codeWord, word } from "/static/words/words.js";
import { keepFocus } from "./focus.js";
import { measured } from "../words/figures.js";
import { kindWord, qualityWords, setWord, whyWord } from "../words/names.js";

/** The key of each kind while the choice is open. */
export const KIND_KEYS = {
  bend: "B",
  hinge: "H",
  squat: "Q",
  deadlift: "D",
  sit_down: "1",
  stand_up: "2",
  knee_raise: "K",
  rock_back: "R",
  other: "O",
};
const ORDER = Object.keys(KIND_KEYS);
/** Rows that are made without a pause. */
const AT_ONCE = 60;
/** The overview is painted before the rest of the rows is made; between two parts there is time for a key. */
const LATER_MS = 250;
const BETWEEN_MS = 20;

/** The repetitions in the order of time, by sets; sets that overlap are one part. */
function partsOf(doc) {
  const parts = [];
  let end = -Infinity;
  for (const set of [...doc.sets].sort((a, b) => a.start_s - b.start_s)) {
    if (set.start_s >= end) parts.push({ sets: [], ones: [] });
    parts.at(-1).sets.push(set);
    end = Math.max(end, set.end_s);
  }
  const of = new Map(parts.flatMap((part) => part.sets.map((set) => [set.number, part])));
  let last = parts[0];
  if (!last) parts.push((last = { sets: [], ones: [] }));
  // what is no repetition stays where it was found
  for (const one of doc.repetitions) (last = of.get(one.set) ?? last).ones.push(one);
  return parts.filter((part) => part.ones.length);
}

/** How many parts hold this many rows; not fewer than `least`. */
function atLeast(parts, rows, least) {
  let n = 0;
  for (let made = 0; n < parts.length && (made < rows || n < least); n += 1) made += parts[n].ones.length;
  return n;
}

export class Repetitions {
  constructor(model, edit) {
    this.model = model;
    this.edit = edit;
    this.open = false;
    this.table = element("table", { class: "repetitions" });
    this.scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("repetitions") }, this.table);
    this.panel = element("div", { class: "panel", hidden: true, role: "group" });
    this.node = element("section", { class: "card reps", "aria-label": word("repetitions") }, this.scroll, this.panel);
    model.on("document", () => this.draw());
    model.on("selection", () => this.choose());
    model.on("sets", () => this.draw());
    model.on("time", () => this.follow());
  }

  draw() {
    const { doc } = this.model;
    const heads = ["number", "at", "kind", "lumbar", "hip", "share"];
    const head = element(
      "thead",
      {},
      element("tr", {}, ...heads.map((name) => element("th", { scope: "col", class: name }, word(`column.${name}`)))),
    );
    const caption = element("caption", { class: "away" }, word("repetitions_caption"));
    const parts = partsOf(doc);
    // what can be seen at once is made at once, up to the chosen one; the rest of a long session a little later
    const chosen = parts.findIndex(({ ones }) => ones.some((one) => one.number === this.model.selected));
    const first = atLeast(parts, AT_ONCE, chosen + 1);
    const bodies = parts.slice(0, first).map((part) => this.body(part));
    if (!parts.length) bodies.push(element("tbody", {}, element("tr", {}, element("td", { colspan: heads.length }, word("no_repetitions")))));
    keepFocus(this.table, () => this.table.replaceChildren(caption, head, ...bodies));
    this.choose({ scroll: false });
    clearTimeout(this.later);
    this.later = setTimeout(() => this.more(parts.slice(first)), LATER_MS);
  }

  more(parts) {
    if (!parts.length) return;
    const next = atLeast(parts, AT_ONCE, 1);
    this.table.append(...parts.slice(0, next).map((part) => this.body(part)));
    this.now = null;
    this.follow();
    if (parts.slice(0, next).some(({ ones }) => ones.some((one) => one.number === this.model.selected))) this.choose();
    this.later = setTimeout(() => this.more(parts.slice(next)), BETWEEN_MS);
  }

  /** A set with its repetitions; sets that take turns, as sitting down and standing up do, are together. */
  body({ sets, ones }) {
    return element("tbody", {}, ...sets.map((set) => this.heading(set)), ...ones.map((one) => this.row(one)));
  }

  heading(set) {
    const { model } = this;
    const pressed = (which) => model[which]?.session === model.doc.session && model[which]?.key === set.key;
    const letter = (which) =>
      button(`set-${which}`, which.toUpperCase(), {
        kind: `letter ${which}`,
        "aria-pressed": String(pressed(which)),
        "aria-label": word(`compare_as_${which}`, { set: setWord(set), n: set.number }),
        onclick: (event) => {
          event.stopPropagation();
          model.choose(which, model.doc.session, set.key);
        },
      });
    const title = `${word("set_n", { n: set.number })}, ${setWord(set)} × ${set.repetitions.length}`;
    return element(
      "tr",
      { class: "set", "data-set": set.number },
      element("th", { scope: "rowgroup", colspan: 6 }, element("span", {}, title), element("span", { class: "letters" }, letter("a"), letter("b"))),
    );
  }

  row(one) {
    const kind = `${kindWord(one.movement, one.side)}${one.sure || one.deleted ? "" : " ?"}`;
    const number = button("repetition", String(one.number), {
      kind: "plain",
      "aria-label": word("repetition_label", { n: one.number, time: clock(one.start_s), kind }),
    });
    const remarks = this.remarks(one);
    const told = remarks ? element("span", { class: "remark" }, remarks) : null;
    const cell = (name) => element("td", { class: name }, measured(name, one.values[name]));
    return element(
      "tr",
      {
        "data-repetition": one.number,
        "data-kind": one.movement,
        "data-deleted": one.deleted,
        class: one.deleted ? "gone" : null,
        onclick: () => this.take(one.number),
      },
      element("th", { scope: "row", class: "number" }, number),
      element("td", { class: "at" }, clock(one.start_s)),
      element("td", { class: "kind" }, kind, told),
      cell("lumbar"),
      cell("hip"),
      element("td", { class: "share bold" }, measured("share", one.values.share)),
    );
  }

  remarks(one) {
    if (one.deleted) return word("was_none");
    const said = [];
    if (one.corrected) said.push(word("corrected"));
    if (!one.counts && one.why) said.push(whyWord(one.why));
    if (one.quality.length && !one.why.startsWith("bad quality")) said.push(qualityWords(one.quality));
    if (one.no_share) said.push(word("no_share", { why: whyWord(one.no_share) }));
    return said.join("; ");
  }

  take(number) {
    const again = this.open && this.model.selected === number;
    this.open = !again;
    this.model.select(number);
  }

  toggle(open = !this.open) {
    this.open = open && this.model.repetition() !== null;
    this.choose();
  }

  /** Show which one is chosen, and the choice of kinds where it is open. */
  choose({ scroll = true } = {}) {
    const { selected } = this.model;
    for (const row of this.table.querySelectorAll("[data-repetition]")) {
      const is = Number(row.dataset.repetition) === selected;
      mark(row, "aria-selected", is ? "true" : null);
      mark(row, "aria-current", is ? "true" : null);
      if (is && scroll) this.show(row);
    }
    this.fillPanel();
  }

  /** Scroll the table, and nothing else, so that the row is seen. */
  show(row) {
    const box = this.scroll.getBoundingClientRect();
    const mine = row.getBoundingClientRect();
    const head = this.table.tHead.getBoundingClientRect().height;
    if (mine.top < box.top + head) this.scroll.scrollTop -= box.top + head - mine.top + 8;
    else if (mine.bottom > box.bottom) this.scroll.scrollTop += mine.bottom - box.bottom + 8;
  }

  follow() {
    const now = this.model.current()?.number;
    if (now === this.now) return;
    this.now = now;
    for (const row of this.table.querySelectorAll("[data-repetition]")) {
      row.classList.toggle("now", Number(row.dataset.repetition) === now);
    }
  }

  fillPanel() {
    const one = this.model.repetition();
    this.panel.hidden = !this.open || !one;
    if (this.panel.hidden) return;
    const found = one.found;
    const title = word("rep_is", { n: one.number });
    mark(this.panel, "aria-label", title);
    const kinds = ORDER.filter((kind) => this.model.doc.kinds.includes(kind)).map((kind) =>
      button(`kind-${kind}`, codeWord("kind", kind), {
        key: KIND_KEYS[kind],
        kind: !one.deleted && one.movement === kind ? "primary" : "",
        "aria-pressed": String(!one.deleted && one.movement === kind),
        onclick: () => this.say(kind),
      }),
    );
    const sure = word("found", { kind: kindWord(found.movement), sure: percent(100 * (found.confidence ?? NaN)) });
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    this.panel.replaceChildren(
      element("p", { class: "head" }, element("strong", {}, title), element("span", { class: "mute" }, sure)),
      element("div", { class: "kinds" }, ...kinds),
      element(
        "div",
        { class: "row" },
        button("not-a-repetition", word("not_a_repetition"), { key: "X", "aria-pressed": String(one.deleted), onclick: () => this.none() }),
        one.corrected ? button("as-found", word("as_found"), { key: "F", onclick: () => this.asFound() }) : null,
        button("undo", word("undo"), { key: "U", disabled: !this.model.doc.steps, onclick: () => this.edit({ do: "undo" }) }),
      ),
    );
    if (focused) this.panel.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  span() {
    const { start_s, end_s } = this.model.repetition();
    return { start_s, end_s };
  }

  say(movement) {
    this.edit({ do: "kind", ...this.span(), movement });
  }

  none() {
    this.edit({ do: "not_a_repetition", ...this.span() });
  }

  asFound() {
    this.edit({ do: "as_found", ...this.span() });
  }

  /** A key while the choice is open; whether it was one of its. */
  key(letter) {
    if (!this.open || !this.model.repetition()) return false;
    const kind = ORDER.find((name) => KIND_KEYS[name] === letter);
    if (kind && this.model.doc.kinds.includes(kind)) this.say(kind);
    else if (letter === "X" || letter === "DELETE") this.none();
    else if (letter === "F" && this.model.repetition().corrected) this.asFound();
    else return false;
    return true;
  }
}
