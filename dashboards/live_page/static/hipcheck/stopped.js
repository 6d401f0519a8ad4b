// Stopped for pain: big, and what to do now.

import { button, element } from "../drawing/elements.js";
import { nav } from "./ready.js";
import { told } from "./texts.js";
import { word } from "../words/words.js";

export class Stopped {
  constructor(page) {
    this.page = page;
    const { protocol, operator, about, result } = page.session;
    const score = protocol.pain.stopped_by;
    this.measured = button("hipcheck-measured", word("hipcheck.measured"), { disabled: result === null });
    const actions = operator ? [this.measured, button("hipcheck-again", word("hipcheck.again")), button("report", word("hipcheck.end"), { kind: "primary" })] : [];
    this.node = element(
      "div",
      { class: "led-stopped" },
      element("header", { class: "led-head" }, element("h1", {}, told(protocol.title)), element("p", { class: "mute" }, about.athlete ?? ""), nav(page.session)),
      element(
        "section",
        { class: "stop-card", role: "alert" },
        element("h2", {}, word("hipcheck.stopped", { score })),
        element("p", {}, word("hipcheck.stopped.what", { at: protocol.pain.stop_at, rise: protocol.pain.stop_rise })),
      ),
      element("footer", { class: "led-foot" }, ...actions),
    );
  }

  changed(kind) {
    if (kind === "result") this.measured.disabled = false;
  }
}
