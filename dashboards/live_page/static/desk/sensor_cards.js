// The sensors: battery, signal, loss and delay of each; what is wrong with it and what to do.

import { element, mark, say, shape } from "../drawing/elements.js";
import { sensorState } from "../lift/state_line.js";
import { DASH, known, milliseconds, percent } from "../words/numbers.js";
import { codeWord, hasWord, word } from "../words/words.js";

const LOW_BATTERY = 25;
/** Signal of one to four bars, dBm. */
const BARS_DBM = [-90, -80, -70, -60];

function battery() {
  const level = shape("rect", { class: "ink-fill", x: 4, y: 5, height: 8 });
  const node = shape(
    "svg",
    { class: "battery", viewBox: "0 0 34 18", "aria-hidden": "true" },
    shape("rect", { class: "ink-line", x: 1, y: 2, width: 28, height: 14, rx: 3 }),
    shape("rect", { class: "ink-fill", x: 30, y: 6, width: 3, height: 6 }),
    level,
  );
  return { node, level };
}

function signal() {
  const bars = BARS_DBM.map((_, i) => shape("rect", { x: 7 * i, y: 14 - 4 * i, width: 5, height: 4 + 4 * i }));
  return { node: shape("svg", { class: "signal", viewBox: "0 0 26 18", role: "img" }, ...bars), bars };
}

class Card {
  constructor(key) {
    this.battery = battery();
    this.signal = signal();
    this.charge = element("span");
    this.lost = element("span");
    this.latency = element("span");
    this.state = element("p", { class: "state" });
    this.remedy = element("p", { class: "remedy mute" });
    this.node = element(
      "li",
      { class: "card sensor", "data-sensor": key },
      element("div", { class: "top" }, element("h3", {}, codeWord("place", key)), this.state),
      element(
        "div",
        { class: "figures" },
        element("span", {}, this.battery.node, element("span", { class: "away" }, word("sensor.battery")), this.charge),
        this.signal.node,
        element("span", {}, this.lost, element("span", { class: "mute" }, ` ${word("sensor.lost_samples")}`)),
        element("span", {}, element("span", { class: "away" }, word("sensor.latency")), this.latency),
      ),
      this.remedy,
    );
  }

  paint(sensor, fresh, findings) {
    const state = sensorState(sensor, fresh);
    mark(this.node, "data-state", state);
    const charge = fresh ? sensor.battery : null;
    say(this.charge, percent(charge));
    mark(this.battery.level, "width", known(charge) ? ((22 * charge) / 100).toFixed(1) : 0);
    const bars = fresh && known(sensor.rssi) ? BARS_DBM.filter((dbm) => sensor.rssi >= dbm).length : 0;
    this.signal.bars.forEach((bar, i) => mark(bar, "class", i < bars ? "ink-fill" : "lit-fill"));
    const dbm = fresh && known(sensor.rssi) ? word("sensor.signal", { bars }) : word("sensor.no_signal");
    mark(this.signal.node, "aria-label", dbm);
    const flowing = fresh && state !== "lost";
    say(this.lost, flowing ? percent(sensor.lost_percent, 1) : DASH);
    say(this.latency, flowing ? milliseconds(sensor.latency_ms) : DASH);
    this._say(sensor, state, charge, fresh ? findings.filter((f) => (f.placement ?? f.key) === sensor.key) : []);
  }

  /** The most pressing word, and what to do. */
  _say(sensor, state, charge, findings) {
    const finding = findings[0];
    const plain = state === "streaming" || state === "low_battery";
    let words = plain ? "" : codeWord("sensor", state);
    let remedy = !plain && hasWord(`sensor.remedy.${state}`) ? word(`sensor.remedy.${state}`) : "";
    if (finding) {
      words = hasWord(`cause.${finding.cause}`) ? word(`cause.${finding.cause}`) : (finding.what ?? words);
      remedy = hasWord(`remedy.${finding.cause}`) ? word(`remedy.${finding.cause}`) : (finding.remedy ?? "");
    } else if (plain && sensor.slipped && state !== "unknown") {
      words = word("sensor.slipped");
      remedy = word("sensor.remedy.slipped");
    } else if (plain && known(charge) && charge < LOW_BATTERY) words = word("sensor.charge");
    say(this.state, words);
    const fault = sensor.fault && state !== "unknown" ? sensor.fault : null;
    say(this.remedy, remedy || (fault ? [fault.what ?? fault, fault.remedy].filter(Boolean).join(". ") : ""));
    this.node.classList.toggle("wrong", !plain || Boolean(finding) || Boolean(sensor.slipped));
  }
}

export class SensorCards {
  constructor() {
    this.cards = new Map();
    this.list = element("ul", { class: "sensors" });
    this.node = element("section", { class: "sensors-section" }, element("h2", { class: "away" }, word("sensors.title")), this.list);
  }

  paint(session, fresh) {
    const keys = session.sensors.map((s) => s.key);
    if ([...this.cards.keys()].join("\n") !== keys.join("\n")) {
      this.cards = new Map(keys.map((key) => [key, new Card(key)]));
      this.list.replaceChildren(...[...this.cards.values()].map((card) => card.node));
    }
    // where it is not known which one has slipped, the line on top says so, and no card blames its own
    const one = session.sensors.filter((s) => s.slipped).length === 1;
    for (const sensor of session.sensors) {
      this.cards.get(sensor.key).paint({ ...sensor, slipped: one && sensor.slipped }, fresh, session.findings);
    }
  }
}
