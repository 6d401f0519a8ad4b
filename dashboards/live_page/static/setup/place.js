// Step 2: where each sensor is worn. Tap it twice, choose it, or drop it on the body; left and right are the athlete's own.

import { button, element, mark, say } from "../drawing/elements.js";
import { codeWord, hasWord, word } from "../words/words.js";
import { PLACES, drawFigure, placed } from "./figure.js";
import { lineOf, nameOf, shortOf, usable } from "./sensor.js";

const FRONT = "hiphinge-front";
/** On which side of the body a place's name stands, from behind. */
const SIDES = { lumbar: "right", pelvis: "left", thigh_left: "left", thigh_right: "right" };

class Spot {
  constructor(place, step) {
    this.place = place;
    this.name = element("b", {}, word(`spot.${place}`));
    this.sensor = element("span", { class: "mute" });
    this.square = element("span", { class: `square ${place}`, "aria-hidden": "true" });
    this.node = element(
      "button",
      { type: "button", class: "spot", "data-place": place, onclick: () => step.want(place) },
      this.square,
      element("span", { class: "label" }, this.name, this.sensor),
    );
    this.node.addEventListener("dragover", (event) => {
      event.preventDefault();
      mark(this.node, "data-over", "");
    });
    this.node.addEventListener("dragleave", () => mark(this.node, "data-over", null));
    this.node.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(this.node, "data-over", null);
      step.drop(event.dataTransfer.getData("text/plain"), place);
    });
  }

  show(sensor, { wanted, skipped, front }) {
    const { left, top } = placed(this.place, front);
    const behind = SIDES[this.place];
    // names of places in the middle stay, those of the sides go with them
    const side = front && this.place.startsWith("thigh") ? (behind === "left" ? "right" : "left") : behind;
    this.node.style.setProperty("--left", `${(100 * left).toFixed(2)}%`);
    this.node.style.setProperty("--top", `${(100 * top).toFixed(2)}%`);
    mark(this.node, "data-side", side);
    mark(this.node, "data-filled", sensor ? "" : null);
    mark(this.node, "aria-current", wanted ? "true" : null);
    mark(this.node, "data-tapped", sensor && sensor.tapped_s !== null ? "" : null);
    say(this.sensor, sensor ? shortOf(sensor) : word(skipped ? "place.left_out" : "place.missing"));
  }
}

export class Place {
  constructor(page) {
    this.page = page;
    this.front = sessionStorage.getItem(FRONT) === "front";
    this.spots = new Map(Object.keys(PLACES).map((place) => [place, new Spot(place, this)]));
    this.seen = element("p", { class: "mute seen" });
    this.turn = button("turn_figure", "");
    this.body = element("div", { class: "on-body" });
    this.headline = element("h2", { class: "big", role: "status" });
    this.where = element("p");
    this.how = element("p");
    this.chips = element("div", { class: "chips" });
    this.hint = element("p", { class: "mute" });
    this.warnings = element("ul", { class: "warnings", "aria-live": "polite" });
    this.skip = button("skip", word("place.without_it"));
    this.without = button("start_without", word("setup.without"));
    this.start = button("start", word("place.calibrate"), { kind: "primary" });
    this.node = element(
      "section",
      { class: "place", "aria-labelledby": "place" },
      element("div", { class: "picture" }, element("div", { class: "view" }, this.seen, this.turn), this.body),
      element("div", { class: "card now" }, this.headline, this.where, this.how, this.chips, this.warnings, this.hint),
      element("div", { class: "foot" }, button("back", word("setup.back")), element("span", { class: "spring" }), this.skip, this.without, this.start),
    );
    this.headline.id = "place";
    this._draw();
    this.changed();
  }

  act(action, source) {
    const { page } = this;
    if (action === "back") page.send({ do: "step", step: "find" });
    else if (action === "skip") page.send({ do: "skip", placement: page.session.setup.next });
    else if (action === "start") page.send({ do: "start" });
    else if (action === "start_without") {
      page.afterSetup = "lift";
      page.send({ do: "start_without" });
    } else if (action === "choose") page.send({ do: "place", id: source.dataset.id, placement: page.session.setup.next });
    else if (action === "take_off") page.send({ do: "place", id: source.dataset.id, placement: null });
    else if (action === "turn_figure") {
      this.front = !this.front;
      sessionStorage.setItem(FRONT, this.front ? "front" : "behind");
      this._draw();
      this.changed();
    }
  }

  /** A place is asked about: the next sensor goes there. */
  want(place) {
    this.page.send({ do: "want", placement: place });
  }

  drop(id, place) {
    if (id) this.page.send({ do: "place", id, placement: place });
  }

  changed() {
    const setup = this.page.session.setup;
    if (setup === null) return;
    const sensors = new Map(setup.found.map((s) => [s.id, s]));
    for (const [place, spot] of this.spots) {
      spot.show(sensors.get(setup.places[place]), { wanted: place === setup.next, skipped: setup.skipped.includes(place), front: this.front });
    }
    const { next } = setup;
    const done = next === null;
    const worn = done ? undefined : sensors.get(setup.places[next]);
    const placedOnes = Object.values(setup.places);
    say(this.headline, done ? word(placedOnes.length ? "place.done" : "place.nothing") : word(`place.now.${next}`));
    say(this.where, done ? word("place.check") : word(`place.where.${next}`));
    say(this.how, done ? "" : word(worn ? "place.instead" : "place.tap_or_choose", worn ? { name: shortOf(worn) } : {}));
    say(this.hint, word("place.any_way_up"));
    this._showChips(done ? [] : setup.found.filter((s) => usable(s) && (!placedOnes.includes(s.id) || s.id === worn?.id)), next, worn);
    this._warn(setup, sensors);
    this.skip.hidden = done || worn !== undefined;
    this.without.hidden = !done || !placedOnes.length;
    this.start.hidden = !placedOnes.length;
    mark(this.start, "class", done ? "primary" : null);
  }

  _draw() {
    this.body.replaceChildren(drawFigure(this.front), ...[...this.spots.values()].map((spot) => spot.node));
    say(this.seen, word(this.front ? "place.from_front" : "place.from_behind"));
    say(this.turn, word(this.front ? "place.to_behind" : "place.to_front"));
  }

  /** The sensors that may go there, the one that was worn there last first. Kept where nothing changes: they may be under a finger. */
  _showChips(sensors, next, worn) {
    const ordered = [...sensors].sort((a, b) => Number(b.last === next) - Number(a.last === next));
    const wanted = JSON.stringify([next, worn?.id, ordered.map((s) => [s.id, nameOf(s), s.last])]);
    if (this._shown !== wanted) {
      this._shown = wanted;
      this.chips.replaceChildren(...ordered.map((sensor) => this._chip(sensor, next, sensor.id === worn?.id)));
    }
    for (const chip of this.chips.children) {
      const sensor = sensors.find((s) => s.id === chip.dataset.id);
      mark(chip, "data-tapped", sensor?.tapped_s === null ? null : "");
    }
  }

  _chip(sensor, next, isWorn) {
    const line = isWorn ? word("place.take_off") : sensor.last === next ? word("place.as_last_time") : lineOf(sensor);
    const chip = element(
      "button",
      { type: "button", class: "chip", draggable: "true", "data-action": isWorn ? "take_off" : "choose", "data-id": sensor.id },
      element("b", {}, nameOf(sensor)),
      element("span", { class: "mute" }, line),
    );
    chip.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", sensor.id));
    return chip;
  }

  _warn(setup, sensors) {
    const told = setup.warnings.filter((w) => hasWord(`setup_warning.${w.code}`));
    const rows = told.map((w) => {
      const sensor = sensors.get(w.id);
      const values = {
        name: sensor ? shortOf(sensor) : "",
        place: w.placement ? codeWord("place", w.placement) : "",
        last: w.last ? codeWord("place", w.last) : "",
        percent: w.percent ?? "",
      };
      return word(`setup_warning.${w.code}`, values);
    });
    if (JSON.stringify(rows) === this._warned) return;
    this._warned = JSON.stringify(rows);
    this.warnings.replaceChildren(...rows.map((text) => element("li", {}, text)));
  }
}
