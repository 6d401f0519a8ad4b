// The table of repetitions: newest on top, what is under way above it, the median of the set below.

import { element, mark, say, shape } from "../drawing/elements.js";
import { DASH, degrees, known, percent, uncertainty } from "../words/numbers.js";
import { codeWord, hasWord, word } from "../words/words.js";

/** From 10th to 90th centile of people without back pain, bends with straight knees (`bend_share_low`, `bend_share_high`). */
export const PUBLISHED_BEND = [38, 63];
const TRUNK = "lumbar_share_of_trunk";
const THIGH = "lumbar_share_of_trunk_on_thigh";
const THIRDS = ["early", "middle", "late"];
const RANGES = ["lumbar_rom_deg", "pelvis_rom_deg", "hip_left_rom_deg", "hip_right_rom_deg"];

/** The share that means something in a movement: of trunk where knees stay straight. */
export const shareName = (movement) => (movement === "bend" ? TRUNK : THIGH);

const percentOf = (share) => (known(share) ? 100 * share : NaN);

/** Three bars of the way down, before the published band where there is one for this movement. */
export function thirds(repetition) {
  const name = shareName(repetition.movement);
  const values = THIRDS.map((third) => percentOf(repetition[`${name}_${third}`]));
  if (!values.some(known)) return null;
  const y = (share) => 29.5 - 0.295 * Math.min(Math.max(share, 0), 100);
  const [low, high] = PUBLISHED_BEND;
  const band = name === TRUNK ? [shape("rect", { class: "band", x: 0, y: y(high), width: 104, height: y(low) - y(high) })] : [];
  const bars = values.map((value, i) =>
    known(value) ? shape("rect", { class: "lumbar-fill", x: 8.7 + 34.6 * i, y: y(value), width: 17.3, height: 29.5 - y(value) }) : null,
  );
  const label = word("table.thirds.label", Object.fromEntries(THIRDS.map((third, i) => [third, percent(values[i])])));
  return shape(
    "svg",
    { class: "thirds", viewBox: "0 0 104 30", role: "img", "aria-label": label },
    ...band,
    ...bars.filter(Boolean),
    shape("path", { class: "base", d: "M0 29.5H104" }),
  );
}

/** The head of a column; on a phone the short one, where there is one. */
const headWords = (key) =>
  hasWord(`table.${key}.short`)
    ? [element("span", { class: "whole" }, word(`table.${key}`)), element("span", { class: "short" }, word(`table.${key}.short`))]
    : [word(`table.${key}`)];

/** A number of the table as a fact. */
const fact = (name, text) => element("span", { "data-value": name, "data-fact": true }, text);

export class RepetitionTable {
  constructor() {
    const head = ["number", "movement", "lumbar", "pelvis", "hip_left", "hip_right", "thirds", "share", "note"];
    const cell = (key) => element("th", { scope: "col", class: `c-${key}` }, ...headWords(key));
    this.body = element("tbody");
    this.foot = element("tfoot");
    this.empty = element("p", { class: "empty mute" }, word("table.empty"));
    this.underWay = this._underWay();
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...head.map(cell))), this.body, this.foot);
    this.node = element(
      "section",
      { class: "card repetitions", "aria-labelledby": "repetitions" },
      element(
        "header",
        {},
        element("h2", { id: "repetitions" }, word("table.title")),
        element("p", { class: "mute source" }, word("table.band", { low: PUBLISHED_BEND[0], high: PUBLISHED_BEND[1] })),
      ),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "repetitions" }, table, this.empty),
    );
    this._drawn = null;
  }

  _underWay() {
    this.underWayLumbar = element("td", { class: "c-lumbar strong", "data-value": "lumbar_flexion" });
    this.underWayShare = element("span", { "data-value": "lumbar_share_now" });
    this.underWayNumber = element("th", { scope: "row", class: "c-number" });
    this.underWayNote = element("td", { class: "c-note mute" });
    const dash = (key) => element("td", { class: `c-${key}` }, DASH);
    return element(
      "tr",
      { class: "under-way", "data-under-way": true },
      this.underWayNumber,
      element("td", { class: "c-movement" }, word("table.under_way")),
      this.underWayLumbar,
      ...["pelvis", "hip_left", "hip_right"].map(dash),
      element("td", { class: "c-thirds" }),
      element("td", { class: "c-share" }, this.underWayShare, element("small", { class: "mute" }, ` ${word("table.of_both")}`)),
      this.underWayNote,
    );
  }

  /** All rows anew; only when repetitions or marks have changed. */
  change(session) {
    const { repetitions, marks } = session;
    this.body.replaceChildren(...(session.over ? [] : [this.underWay]), ...repetitions.toReversed().map((r) => this._row(r, marks)));
    const last = repetitions.at(-1);
    const set = last ? repetitions.filter((r) => r.set === last.set && r.movement === last.movement) : [];
    this.foot.replaceChildren(...(set.length > 1 ? [this._median(set)] : []));
    this.empty.hidden = repetitions.length > 0;
    mark(this.underWay, "data-repetition", (last?.number ?? 0) + 1);
    say(this.underWayNumber, String((last?.number ?? 0) + 1));
  }

  _row(r, marks) {
    const name = shareName(r.movement);
    const unsure = r.sure === false;
    const side = r.side ? ` ${word(`side.${r.side}`)}` : "";
    const movement = `${codeWord("kind", r.movement)}${side}${unsure ? " ?" : ""}`;
    const shares = THIRDS.map((third) => percentOf(r[`${name}_${third}`]));
    const three = shares.some(known) ? shares.flatMap((share, i) => [i ? " · " : " ", this._third(`${name}_${THIRDS[i]}`, share)]) : [];
    const note = element("td", { class: "c-note mute" }, this._note(r, marks));
    const row = element(
      "tr",
      { "data-repetition": r.number },
      element("th", { scope: "row", class: "c-number" }, String(r.number)),
      element("td", { class: "c-movement" }, movement),
      ...RANGES.map((range) => element("td", { class: `c-${range.replace("_rom_deg", "")}` }, fact(range, degrees(r[range])))),
      element("td", { class: "c-thirds" }, thirds(r)),
      element("td", { class: "c-share" }, fact(name, percent(percentOf(r[name]))), ...(known(r[name]) ? [this._whole(name)] : [])),
      note,
    );
    row.querySelector(".c-share").append(element("small", { class: "mute three" }, ...three));
    if (unsure) row.classList.add("unsure");
    return row;
  }

  _third(name, share) {
    const text = percent(share);
    const [figure] = text.split("\u00a0");
    const unit = text.slice(figure.length);
    return element("span", { "data-value": name, "data-fact": true }, figure, unit ? element("span", { class: "away" }, unit) : null);
  }

  _whole(name) {
    return element("small", { class: "mute" }, ` ${word(name === TRUNK ? "table.of_trunk" : "table.of_both")}`);
  }

  /** What is to be said of a repetition: pain in it, and why a number should be read with care. */
  _note(r, marks) {
    const pains = marks.filter((m) => m.kind === "pain" && m.time_s >= r.start_s && m.time_s <= r.end_s);
    const flags = (r.quality ?? []).map((flag) => codeWord("flag", flag));
    return [...pains.map((m) => word("pain.score", { score: m.score })), ...flags].join("; ");
  }

  _median(set) {
    const middle = (name) => {
      const values = set.map((r) => r[name]).filter(known).sort((a, b) => a - b);
      if (!values.length) return NaN;
      const half = values.length >> 1;
      return values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
    };
    const name = shareName(set[0].movement);
    const sd = uncertainty(middle("lumbar_rom_sd_deg"));
    const note = sd === DASH ? "" : word("table.sd", { lumbar: sd, share: uncertainty(percentOf(middle(`${name}_sd`))) });
    return element(
      "tr",
      {},
      element("td", { class: "c-number" }),
      element("th", { scope: "row", class: "c-movement" }, word("table.median", { count: set.length })),
      ...RANGES.map((range) => element("td", { class: `c-${range.replace("_rom_deg", "")}` }, degrees(middle(range)))),
      element("td", { class: "c-thirds" }),
      element("td", { class: "c-share" }, percent(percentOf(middle(name))), this._whole(name)),
      element("td", { class: "c-note mute" }, note),
    );
  }

  /** The row under way, from the newest row. */
  paint(session, fresh, texts) {
    const { underWay } = session;
    const moving = fresh && underWay !== null;
    this.underWay.classList.toggle("still", !moving);
    say(this.underWayLumbar, texts("lumbar_flexion"));
    say(this.underWayShare, texts("lumbar_share_now"));
    const beyond = fresh ? session.value("lumbar_flexion") - session.targets.lumbar_flexion : NaN;
    say(this.underWayNote, known(session.targets.lumbar_flexion) && beyond >= 0.5 ? word("table.beyond", { degrees: degrees(beyond) }) : "");
  }
}
