// What a calibration heard and how good it is, in words, from the codes and figures that the server gives.

import { element } from "../drawing/elements.js";
import { known } from "../words/numbers.js";
import { codeWord, word } from "../words/words.js";

/** From here on a bend or a knee raise is not better when it goes further, degrees (as the guide in the terminal). */
const DEEP_DEG = 45;

/** How good a confidence of 0 to 1 is: `very_good`, `good`, `fair`, `low`. */
export function grade(confidence) {
  if (confidence >= 0.95) return "very_good";
  if (confidence >= 0.8) return "good";
  return confidence >= 0.5 ? "fair" : "low";
}

/** What was heard of the last movement. */
export function heardWords(heard) {
  if (!heard) return "";
  const values = { degrees: `${Math.round(heard.degrees)}°`, movement: codeWord("calibration.movement", heard.movement), number: heard.number };
  // a knee goes high, a bend goes deep
  const of = heard.movement.startsWith("knee") ? "knee" : "bend";
  if (heard.number) return word(`heard.${of}.${heard.degrees < DEEP_DEG ? "counted_little" : "counted"}`, values);
  if (heard.shortfall === "too_shallow") return word(`heard.${of}.too_little`, values);
  return word(heard.shortfall ? `heard.${heard.shortfall}` : "heard.other", values);
}

/** Reasons come as English sentences with figures; those that are known are said in the page's language. */
const REASONS = [
  [/^stood still ([\d.]+) s with ([\d.]+)° of sway$/, "reason.stood"],
  [/^(\d+) bends?(?: \(.*\))?, range (\d+)°$/, "reason.bends"],
  [/^(\d+) knee raises?(?: \(.*\))?, range (\d+)°$/, "reason.knee_raises"],
  [/^(\d+) squats?(?: \(.*\))?, range (\d+)°$/, "reason.squats"],
  [/^movement in one plane to (\d+) %, repetitions agree to ([\d.]+)°$/, "reason.agree"],
  [/^no bends .*stated mounting/, "reason.no_bends"],
  [/^no knee raises .*stated mounting/, "reason.no_knee_raises"],
  [/^the standing was too short/, "reason.too_short"],
  [/^moved by ([\d.]+)° instead of standing still/, "reason.moved"],
  [/^swayed by ([\d.]+)°/, "reason.swayed"],
  [/^sat at the mark/, "reason.sat"],
  [/^the right knee (?:rose first|seems to rise)/, "reason.right_first"],
  [/^the pelvis bends further forward than the spine/, "reason.pelvis_further"],
  [/^the (?:lumbar|pelvis|thigh left|thigh right) sensor (?:is|moves)/, "reason.misplaced"],
];

/** A reason: its words, and the language that they are in where it is not the page's. said: as the program says it in this
 * language, where it does. */
export function reasonWords(reason, said = null) {
  const text = String(reason);
  for (const [pattern, key] of REASONS) {
    const found = pattern.exec(text);
    if (found) return { words: word(key, { a: local(found[1]), b: local(found[2]) }), lang: null };
  }
  if (said) return { words: said, lang: null };
  return { words: text, lang: document.documentElement.lang === "en" ? null : "en" };
}

/** The reasons of a document in the page's language, one for each, null where there is none. */
export const saidOf = (document_) => document_.reasons_said?.[document.documentElement.lang] ?? [];

const local = (figure) => (figure && document.documentElement.lang === "de" ? figure.replace(".", ",") : (figure ?? ""));

/** Up to here a person who moved otherwise than asked may look like exchanged sensors. */
const UNSURE = 0.7;

/** Sensors that are not worn as was said: swapped and turned ones are told before anything counts. Shown in a list. */
export function showWarnings(list, warnings = []) {
  // what stays the same is not said again
  const wanted = JSON.stringify(warnings.map((w) => [w.code, w.placements, w.sure, w.harmless]));
  if (list.dataset.told === wanted) return;
  list.dataset.told = wanted;
  const rows = warnings.map((w) => {
    const places = (w.placements ?? []).map((key) => codeWord("place", key)).join(" / ");
    const code = w.harmless ? `${w.code}_harmless` : known(w.sure) && w.sure <= UNSURE ? `${w.code}_perhaps` : w.code;
    return element("li", { role: "alert" }, element("b", {}, places), ` ${codeWord("warning", code)}`);
  });
  list.replaceChildren(...rows);
}

/** The report that is least sure, of those that were aligned; null where there is none. */
export function leastSure(reports = []) {
  const aligned = reports.filter((r) => r.method !== "none" && known(r.confidence));
  return aligned.length ? aligned.reduce((a, b) => (b.confidence < a.confidence ? b : a)) : null;
}
