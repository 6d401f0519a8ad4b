// Names of kinds, sides, sets and reasons in the page's language, from the codes and words of the results.

import { codeWord, hasWord, word } from "/static/words/words.js";

/** A kind with its side: `knee raise L`. */
export const kindWord = (movement, side = "") => `${codeWord("kind", movement)}${side ? ` ${word(`side_short.${side}`)}` : ""}`;

/** A set, or all repetitions of a kind. */
export const setWord = (set) => kindWord(set.movement, set.side);

const slug = (text) => text.replaceAll(/[ '-]+/g, "_");

/** Why a repetition does not count: the results' words, in the page's language where we have them. */
export function whyWord(why) {
  const [, flags] = /^bad quality \((.*)\)$/.exec(why) ?? [];
  if (flags !== undefined) return `${word("why.bad_quality")} (${flags.split(", ").map((f) => codeWord("flag", slug(f))).join(", ")})`;
  return hasWord(`why.${slug(why)}`) ? word(`why.${slug(why)}`) : why;
}

export const qualityWords = (names) => names.map((name) => codeWord("flag", name)).join(", ");

/** The names of quality flags, by their bits. */
const FLAGS = [
  "uncalibrated",
  "gap",
  "late",
  "saturated",
  "slipped",
  "heading_unknown",
  "low_confidence",
  "fast",
  "device_orientation",
  "off_body",
  "implausible",
  "clock_disagrees",
];
export const flagNames = (bits) => FLAGS.filter((_, i) => bits & (1 << i));
