// Texts of a protocol in the page's language, and what does not count while a calibration is part of it.

import { hasWord, word } from "../words/words.js";
import { degrees } from "../words/numbers.js";

/** A text of a protocol in the page's language. */
export const told = (texts) => texts?.[document.documentElement.lang] ?? texts?.en ?? "";

/** A sentence about the last movement where it did not count, and about one that has not come back; else nothing. */
export function calibrationRemark(calibration) {
  const { stage, heard, moved_while_standing: moved } = calibration ?? {};
  if (stage === "standing" && moved) return word("hipcheck.moved");
  if (stage !== "movements" || !heard || heard.number) return "";
  const key = `hipcheck.shortfall.${heard.shortfall}`;
  return hasWord(key) ? word(key, { size: degrees(heard.degrees) }) : "";
}
