// A bar of 0 to 120 degrees against the line that the physio set: the wanted side is lit, what is beyond is hatched.

import { element, mark } from "../drawing/elements.js";
import { degrees, known } from "../words/numbers.js";
import { word } from "../words/words.js";

/** The angle at which a bar is full, degrees: the same for both, so that they can be compared. */
const FULL_DEG = 120;

const part = (deg) => `${(100 * Math.min(Math.max(deg / FULL_DEG, 0), 1)).toFixed(2)}%`;

/** The least and the most of an angle are different lines: lumbar stays below its line, the hip reaches its own. */
export class Bar {
  /** kind: `lumbar` or `hip`, the segment's colour. most: whether the line is one to stay below. */
  constructor(kind, name, most) {
    this.name = name;
    this.most = most;
    this.lit = element("div", { class: "lit" });
    this.fill = element("div", { class: `fill ${kind}` });
    this.over = element("div", { class: "over hatched" });
    this.flag = element("div", { class: `flag ${most ? "most" : "least"}` });
    this.node = element("div", { class: "bar", role: "img" }, this.lit, this.fill, this.over, this.flag);
  }

  /** value: degrees, NaN while missing. target: degrees, null where none is set. title: what the bar is of. */
  paint(value, target, title) {
    const there = known(value);
    const line = known(target) ? target : null;
    const beyond = there && line !== null && this.most && value > line;
    this.node.classList.toggle("missing", !there);
    this.flag.hidden = line === null;
    this.lit.hidden = !there;
    if (line !== null) this.flag.style.left = part(line);
    this.lit.style.left = line === null || this.most ? "0" : part(line);
    this.lit.style.width = line === null ? "100%" : this.most ? part(line) : `calc(100% - ${part(line)})`;
    this.fill.hidden = !there;
    this.fill.style.width = there ? part(beyond ? line : value) : "0";
    this.over.hidden = !beyond;
    if (beyond) {
      this.over.style.left = part(line);
      this.over.style.width = `calc(${part(value)} - ${part(line)})`;
    }
    const against = line === null ? "" : word(this.most ? "bar.most" : "bar.least", { target: degrees(line) });
    mark(this.node, "aria-label", `${title} ${degrees(value)}${against}`);
  }
}

/** How the movement under way is shared between lumbar and hip. */
export class ShareBar {
  constructor() {
    this.lumbar = element("div", { class: "fill lumbar" });
    this.hip = element("div", { class: "rest hip" });
    this.node = element("div", { class: "share-bar", "aria-hidden": "true" }, this.lumbar, this.hip);
  }

  /** share: percent, NaN where there is none. */
  paint(share) {
    const there = known(share);
    this.node.classList.toggle("missing", !there);
    this.lumbar.hidden = this.hip.hidden = !there;
    if (there) this.lumbar.style.width = `${Math.min(Math.max(share, 0), 100).toFixed(1)}%`;
  }
}
