// Before a protocol: the questions that come first, what will be done, and the button that begins it.

import { button, element } from "../drawing/elements.js";
import { showsAfterEnd } from "../ending/ended.js";
import { clock } from "../words/numbers.js";
import { told } from "./texts.js";
import { word } from "../words/words.js";

const FLAGS = ["saddle", "weakness", "trauma", "fever", "cancer", "night", "age"];

export class Ready {
  constructor(page, mode) {
    this.page = page;
    this.mode = mode;
    this.node = element("div", { class: "led-ready" });
    this._show();
  }

  changed(kind) {
    if (["protocols", "state", "setup"].includes(kind)) this._show();
  }

  _show() {
    const { page, mode } = this;
    const offered = mode.offered;
    const { operator, protocols, about } = page.session;
    if (offered === null) {
      this.node.replaceChildren(element("h1", {}, word("mode.hipcheck")), element("p", { class: "mute" }, word("hipcheck.none")));
      return;
    }
    const steps = offered.steps.map((step) =>
      element("li", {}, element("span", {}, told(step.title)), element("b", {}, step.seconds ? word("hipcheck.seconds", { seconds: step.seconds }) : `${step.wanted} ×`)),
    );
    const flags = element(
      "section",
      { class: "card flags", "aria-labelledby": "led-flags" },
      element("h2", { id: "led-flags" }, word("hipcheck.flags")),
      element("ul", {}, ...FLAGS.map((flag) => element("li", {}, word(`hipcheck.flag.${flag}`)))),
      element("p", { class: "mute" }, word("hipcheck.flags.then")),
    );
    const start = button("hipcheck-start", word(offered.red_flags ? "hipcheck.start.none" : "hipcheck.start"), { kind: "primary", "data-protocol": offered.name });
    const others = protocols.filter((p) => p.name !== offered.name && p.name !== "retest");
    const choice = element(
      "details",
      { class: "others" },
      element("summary", {}, word("hipcheck.others")),
      element("div", { class: "choices" }, ...others.map((p) => button("hipcheck-choose", told(p.title), { "data-protocol": p.name }))),
    );
    this.node.replaceChildren(
      element("header", { class: "led-head" }, element("h1", {}, told(offered.title)), element("p", { class: "mute" }, [about.athlete, word("hipcheck.takes", { time: clock(offered.expected_s) })].filter(Boolean).join(", ")), nav(page.session)),
      element("p", { class: "lead" }, told(offered.words)),
      element(
        "div",
        { class: "led-columns" },
        ...(offered.red_flags ? [flags] : []),
        element("section", { class: "card", "aria-labelledby": "led-steps" }, element("h2", { id: "led-steps" }, word("hipcheck.what")), element("ol", { class: "plan" }, ...steps)),
      ),
      element("p", { class: "small mute" }, word("hipcheck.pain.rule", { at: offered.stop_at, rise: offered.stop_rise })),
      element("footer", { class: "led-foot" }, operator && others.length ? choice : null, operator ? start : null),
    );
  }
}

/** The way to the other modes; after the end of the session, to those that still have something to show. */
export const nav = (session, mode = "hipcheck") =>
  element(
    "nav",
    { "aria-label": word("desk.modes") },
    ...[
      mode === "retest" ? ["hipcheck", "Q"] : ["retest", "T"],
      ["lift", "L"],
      ["desk", "D"],
    ]
      .filter(([name]) => !session.over || showsAfterEnd(name, session))
      .map(([name, key]) => button(`mode-${name}`, word(`mode.${name}`), { key })),
  );
