// After the stop: that the session has ended, where it is kept, and where its report is. Nothing is left to press but the modes.

import { button, element } from "../drawing/elements.js";
import { codeWord, word } from "../words/words.js";

const KEYS = { lift: "L", desk: "D", hipcheck: "Q", retest: "T" };

/** Whether a mode still has something to show of a session that is over; what it showed of the present is gone. */
export function showsAfterEnd(mode, { result }) {
  if (mode === "hipcheck") return result !== null;
  if (mode === "retest") return Boolean(result?.comparison);
  return mode !== "setup";
}

/** What was kept, and where. A browser opens no files by a page's links: paths are to be copied. */
export function endedCard({ kept, role, setup }) {
  const path = (key, text) => [element("dt", {}, word(key)), element("dd", {}, element("code", { tabindex: 0 }, text))];
  const where = kept && role === "operator" ? element("dl", {}, ...path("ended.report", kept.report), ...path("ended.folder", kept.folder), ...path("ended.review", kept.review)) : null;
  const words = setup !== null ? "ended.nothing" : where ? "ended.written" : role === "operator" ? "ended.terminal" : "ended.elsewhere";
  return element("section", { class: "ended", role: "alert" }, element("h2", {}, word("line.ended")), element("p", {}, word(words)), where);
}

/** A mode that has nothing to show any more: its name and the way to those that have. */
export class Ended {
  constructor(page, mode) {
    const { session } = page;
    const others = session.setup !== null ? [] : Object.keys(KEYS).filter((other) => other !== mode && showsAfterEnd(other, session));
    this.node = element(
      "main",
      { class: "after-end" },
      element("header", {}, element("h1", {}, codeWord("mode", mode)), element("nav", { "aria-label": word("desk.modes") }, ...others.map((other) => button(`mode-${other}`, word(`mode.${other}`), { key: KEYS[other] })))),
    );
  }

  paint() {}
}
