// Numbers with their uncertainty and unit, as the report writes them: the uncertainty rounded up, at least one of the last digit.

import { DASH, decimal, known } from "/static/words/numbers.js";
import { word } from "/static/words/words.js";

const NB = "\u00a0";
/** Units after a number: degrees stand close, all others with a space that does not break. */
const UNITS = { deg: "°", percent: `${NB}%`, points: null, s: `${NB}s` };

function rounded(sd, digits) {
  const step = 10 ** digits;
  return decimal(Math.max(Math.ceil(sd * step - 1e-3), 1) / step, digits);
}

/** `78 ± 2°`; a missing number is a dash. */
export function figure(value, sd, unit, { digits = unit === "s" ? 1 : 0, sign = false, points = null } = {}) {
  if (!known(value)) return DASH;
  const text = decimal(value, digits);
  const plus = sign && value > 0 && Number(value.toFixed(digits)) !== 0 ? "+" : "";
  const tail = unit === "points" ? `${NB}${points}` : UNITS[unit];
  return `${plus}${text}${uncertain(sd, digits)}${tail}`;
}

/** ` ± 2`, or nothing where nobody knows it. */
export const uncertain = (sd, digits = 0) => (known(sd) && sd > 0 ? `${NB}±${NB}${rounded(sd, digits)}` : "");

/** What a measure is written as: its unit, and its factor. */
export const MEASURES = {
  lumbar: ["deg", 1],
  pelvis: ["deg", 1],
  hip: ["deg", 1],
  hip_left: ["deg", 1],
  hip_right: ["deg", 1],
  share: ["percent", 100],
  share_early: ["percent", 100],
  share_middle: ["percent", 100],
  share_late: ["percent", 100],
  descent: ["s", 1],
};

const scaled = (value, factor) => (known(value) ? value * factor : NaN);

/** A measure `[value, sd]` in words. */
export function measured(name, [value, sd]) {
  const [unit, factor] = MEASURES[name];
  return figure(scaled(value, factor), scaled(sd, factor), unit);
}

/** The difference of two measures `[value, sd]`: with its sign, and of shares in points. */
export function difference(name, a, b, points) {
  const [unit, factor] = MEASURES[name];
  if (!known(a[0]) || !known(b[0])) return DASH;
  const sd = known(a[1]) && known(b[1]) ? Math.hypot(a[1], b[1]) * factor : NaN;
  return figure((b[0] - a[0]) * factor, sd, unit === "percent" ? "points" : unit, { sign: true, points });
}

/** A date and time as people write it here, with its zone; a dash for none. */
export function calendar(start) {
  const moment = new Date(start ?? NaN);
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() <= 1970) return DASH;
  const lang = document.documentElement.lang === "de" ? "de-DE" : "en-GB";
  return new Intl.DateTimeFormat(lang, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  }).format(moment);
}

/** A confidence in words, limits as in the report. */
export function confidence(value) {
  if (!known(value)) return word("confidence.unknown");
  const name = value >= 0.8 ? "good" : value >= 0.5 ? "fair" : "low";
  return `${word(`confidence.${name}`)} (${decimal(value, 2)})`;
}
