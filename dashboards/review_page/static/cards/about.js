// What else a reader should know of the session: calibration, what was found wrong, warnings.

import { element } from "/static/drawing/elements.js";
import { clock, known } from "/static/words/numbers.js";
import { codeWord, hasWord, word } from "/static/words/words.js";
import { confidence } from "../words/figures.js";

export class About {
  constructor(model) {
    this.model = model;
    this.inside = element("div");
    this.node = element("section", { class: "card about", "aria-label": word("about") }, element("h2", {}, word("about")), this.inside);
    model.on("document", () => this.draw());
  }

  draw() {
    const { doc } = this.model;
    const list = (items) => element("ul", {}, ...items);
    const calibration = doc.calibration.map((one) =>
      element("li", {}, `${codeWord("place", one.placement)}: ${confidence(one.confidence)}`),
    );
    const findings = doc.findings.map((one) =>
      element(
        "li",
        {},
        `${codeWord("place", one.placement)}, ${since(one)}: ${codeWord("cause", one.cause)}. `,
        remedy(one),
      ),
    );
    const said = new Set(doc.findings.map((one) => `${one.placement}: ${one.what}. ${one.remedy}`));
    const warnings = doc.warnings.filter((text) => !said.has(text)).map((text) => element("li", { lang: "en" }, text));
    const hints = [];
    if (doc.absent.length) {
      hints.push(element("p", {}, word("absent", { which: doc.absent.map((e) => word(`estimator.${e}`)).join(", ") }), " ", doc.computable ? element("code", {}, doc.compute) : null));
    }
    if (doc.push) hints.push(element("p", {}, word("push_again"), " ", element("code", {}, doc.push)));
    this.inside.replaceChildren(
      element("h3", {}, word("calibration")),
      list(calibration.length ? calibration : [element("li", {}, word("not_calibrated"))]),
      element("h3", {}, word("findings")),
      list(findings.length ? findings : [element("li", {}, word("no_findings"))]),
      ...(warnings.length ? [element("h3", {}, word("warnings")), list(warnings)] : []),
      ...hints,
    );
  }
}

/** What to do, in the page's language where it has words for the cause; else the results' own. */
const remedy = (one) =>
  hasWord(`remedy.${one.cause}`)
    ? element("span", { class: "mute" }, word(`remedy.${one.cause}`))
    : element("span", { class: "mute", lang: "en" }, one.remedy);

const since = (one) =>
  word(known(one.until_s) ? "from_to" : "from_on", { begin: clock(one.since_s ?? NaN), end: clock(one.until_s ?? NaN) });
