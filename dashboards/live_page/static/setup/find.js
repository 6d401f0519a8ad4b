// Step 1: which sensors are near. A tap on one is answered by its row; kits that are remembered need one press.

import { button, element, mark, say, shape } from "../drawing/elements.js";
import { codeWord, word } from "../words/words.js";
import { Ask } from "./ask.js";
import { Figures, lineOf, low, nameOf, shortOf, usable } from "./sensor.js";

const FAULTS = {
  "Bluetooth is switched off": "fault.bluetooth_off",
  "the Bluetooth service is not running": "fault.bluetooth_service",
  "the Bluetooth service went away": "fault.bluetooth_service",
  "this computer has no usable Bluetooth adapter": "fault.bluetooth_adapter",
  "you may not use Bluetooth": "fault.bluetooth_denied",
};
/** A fault of one sensor that a person has to see to. */
const TAKEN = "another program on this computer uses this sensor";
const WAITING = ["seen", "searching", "connecting", "configuring", "ready"];

class Row {
  constructor(id, chosen) {
    this.name = element("b");
    this.line = element("span", { class: "line" });
    this.answer = element("span", { class: "answer", role: "status" });
    this.pulse = shape("svg", { class: "pulse", viewBox: "0 0 64 36", "aria-hidden": "true" }, shape("path", { d: "M2 18h10l5-14 8 28 7-24 6 16 4-6h20" }));
    this.figures = new Figures();
    this.press = element(
      "button",
      { type: "button", class: "sensor", "aria-pressed": "false", "data-found": id, onclick: () => chosen(id) },
      element("span", { class: "names" }, this.name, this.line),
      element("span", { class: "middle" }, this.pulse, this.answer),
      this.figures.node,
    );
    this.node = element("li", {}, this.press);
  }

  show(sensor, chosen) {
    const tapped = sensor.tapped_s !== null;
    say(this.name, nameOf(sensor));
    say(this.line, lineOf(sensor));
    const waits = usable(sensor) && WAITING.includes(sensor.state);
    const fault = sensor.fault !== null && sensor.state !== "streaming";
    const taken = sensor.fault?.what === TAKEN;
    say(this.answer, tapped ? word("find.tapped") : taken ? word("found.taken") : fault || waits || sensor.state === "lost" ? codeWord("found", sensor.state) : "");
    mark(this.press, "class", tapped ? "sensor tapped" : "sensor");
    mark(this.press, "data-state", sensor.state);
    mark(this.press, "aria-pressed", String(chosen));
    this.figures.show(sensor);
  }
}

export class Find {
  constructor(page) {
    this.page = page;
    this.rows = new Map();
    this.chosen = null;
    this.count = element("b");
    this.near = element("span", { class: "mute" });
    this.list = element("ul", { class: "found", "aria-label": word("find.sensors") });
    this.none = element("p", { class: "mute none" });
    this.headline = element("p", { class: "big" }, word("find.tap"));
    this.more = element("p", { class: "mute", role: "status" });
    this.faults = element("ul", { class: "warnings" });
    this.athlete = element("select", { id: "athlete", "data-input": "athlete", onchange: () => this._chooseAthlete() });
    this.note = element("input", { id: "session-note", type: "text", maxlength: 80, autocomplete: "off", "data-input": "session_note", onchange: () => this._keepNote() });
    this.rename = button("rename", word("find.rename", { name: "" }));
    this.last = button("same_places", word("find.same_places"), { kind: "primary" });
    this.next = button("to_place", word("find.to_place"), { kind: "primary" });
    this.node = element(
      "section",
      { class: "find", "aria-labelledby": "find" },
      element("div", { class: "near" }, element("h2", { id: "find" }, this.count, " ", this.near), this.list, this.none),
      element(
        "div",
        { class: "card how" },
        tapping(),
        this.headline,
        this.faults,
        this.more,
        element("div", { class: "who" }, element("label", { for: "athlete" }, word("find.athlete")), this.athlete, element("label", { for: "session-note" }, word("find.note")), this.note),
      ),
      element("div", { class: "foot" }, button("scan", word("find.again")), this.rename, element("span", { class: "spring" }), this.next, this.last),
    );
    this.changed();
  }

  act(action) {
    const { page } = this;
    if (action === "scan") page.send({ do: "scan" });
    else if (action === "to_place") page.send({ do: "step", step: "place" });
    else if (action === "same_places") page.send({ do: "kit", name: this._kit().name });
    else if (action === "rename") this._askName();
  }

  changed() {
    const setup = this.page.session.setup;
    if (setup === null) return;
    const found = setup.found;
    const tapped = found.find((s) => s.tapped_s !== null);
    if (tapped) this.chosen = tapped.id;
    say(this.count, word(found.length === 1 ? "find.one" : "find.many", { count: found.length }));
    say(this.near, word("find.near"));
    this._showRows(found);
    say(this.none, found.length ? "" : word("find.none"));
    const weak = found.filter(low).map((s) => word("find.charge", { name: shortOf(s) }));
    this._showFaults(setup.faults);
    say(this.more, [word("find.needed"), ...weak].join(" "));
    const chosen = found.find((s) => s.id === this.chosen);
    this.rename.hidden = chosen === undefined;
    if (chosen) say(this.rename, word("find.rename", { name: shortOf(chosen) }));
    const kit = this._kit();
    this.last.hidden = kit === undefined;
    this.last.disabled = kit !== undefined && kit.there === 0;
    mark(this.next, "class", kit === undefined ? "primary" : null);
    this.next.disabled = !found.some(usable);
    this._showAthletes(setup);
    if (document.activeElement !== this.note && this.note.value !== (setup.note ?? "")) this.note.value = setup.note ?? "";
  }

  /** What is wrong with Bluetooth or a kit's file: in the page's language where it is known, else as the program says it. */
  _showFaults(faults) {
    const told = JSON.stringify(faults);
    if (told === this._told) return;
    this._told = told;
    const rows = faults.map(({ what, remedy }) => {
      const key = FAULTS[what];
      if (key) return element("li", { role: "alert" }, word(key));
      return element("li", { role: "alert", lang: "en" }, `${what}. ${remedy}`);
    });
    this.faults.replaceChildren(...rows);
  }

  /** The kit that is offered: the one used last of those of which most is there. */
  _kit() {
    const { kits } = this.page.session.setup;
    return kits.reduce((best, kit) => (best === undefined || kit.there > best.there ? kit : best), undefined);
  }

  _showRows(found) {
    for (const sensor of found) {
      if (!this.rows.has(sensor.id)) this.rows.set(sensor.id, new Row(sensor.id, (id) => this._choose(id)));
      this.rows.get(sensor.id).show(sensor, sensor.id === this.chosen);
    }
    for (const id of [...this.rows.keys()].filter((id) => !found.some((s) => s.id === id))) {
      this.rows.get(id).node.remove();
      this.rows.delete(id);
    }
    found.forEach((sensor, i) => {
      const { node } = this.rows.get(sensor.id);
      // moving a row would take the focus from it
      if (this.list.children[i] !== node) this.list.insertBefore(node, this.list.children[i] ?? null);
    });
  }

  _choose(id) {
    this.chosen = id;
    this.changed();
  }

  _showAthletes(setup) {
    const ids = setup.athletes.map((a) => a.id);
    if (setup.athlete !== null && !ids.includes(setup.athlete)) ids.unshift(setup.athlete);
    const wanted = JSON.stringify(ids);
    if (this._listed !== wanted) {
      this._listed = wanted;
      this.athlete.replaceChildren(
        element("option", { value: "" }, word("find.nobody")),
        ...ids.map((id) => element("option", { value: `=${id}` }, id)),
        element("option", { value: "new" }, word("find.new_athlete")),
      );
    }
    if (document.activeElement !== this.athlete) this.athlete.value = setup.athlete === null ? "" : `=${setup.athlete}`;
  }

  _chooseAthlete() {
    const { value } = this.athlete;
    if (value === "new") {
      const setup = this.page.session.setup;
      this.athlete.value = setup.athlete === null ? "" : `=${setup.athlete}`;
      new Ask(word("find.new_athlete"), word("find.pseudonym"), "", (id) => this.page.send({ do: "athlete", id }));
    } else this.page.send({ do: "athlete", id: value.slice(1) });
  }

  _keepNote() {
    this.page.send({ do: "first_note", text: this.note.value.trim() });
  }

  _askName() {
    const sensor = this.page.session.setup.found.find((s) => s.id === this.chosen);
    if (sensor) new Ask(word("find.rename", { name: shortOf(sensor) }), word("find.name"), sensor.strap ?? "", (name) => this.page.send({ do: "rename", id: sensor.id, name }));
  }
}

/** A sensor that a finger taps. */
function tapping() {
  return shape(
    "svg",
    { class: "tapping", viewBox: "90 40 244 160", "aria-hidden": "true" },
    shape("rect", { class: "ink-fill", x: 152, y: 110, width: 120, height: 84, rx: 16 }),
    shape("circle", { class: "paper", cx: 251, cy: 131, r: 5 }),
    shape("path", { class: "waves", d: "M130 96a100 100 0 0 1 22-26M294 96a100 100 0 0 0-22-26M112 74a130 130 0 0 1 28-34M312 74a130 130 0 0 0-28-34" }),
    shape("path", { class: "finger", d: "M212 100V48m-16 34l16 18 16-18" }),
  );
}
