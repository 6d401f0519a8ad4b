// The hip check: red flags first, then one step after the other, then the answer in a sentence. Other protocols are led the same way.

import { element, mark, say } from "../drawing/elements.js";
import { Ready } from "./ready.js";
import { Result } from "./result.js";
import { Running } from "./running.js";
import { Stopped } from "./stopped.js";
import { stateLine } from "../lift/state_line.js";
import { word } from "../words/words.js";

const VIEWS = { ready: Ready, running: Running, result: Result, stopped: Stopped };
/** Keys of this mode besides those of all modes, printed on their buttons. */
const KEYS = { k: "step-skip", b: "step-back", r: "step-repeat", g: "step-start" };

/** How a protocol stands on the page. `anew`: somebody wants to begin another one. */
export function stageOf({ protocol, result, over }, anew) {
  if (over) return "result";
  if (protocol?.state === "running") return "running";
  if (anew || protocol === null) return "ready";
  if (protocol.state === "stopped") return "stopped";
  return result !== null && result.protocol?.begun_s !== undefined ? "result" : "ready";
}

export class HipCheck {
  /** name: of the protocol that this mode begins. */
  constructor(page, name = null) {
    this.page = page;
    this.wanted = name;
    this.anew = false;
    this.keys = KEYS;
    this.notice = element("p", { class: "notice", hidden: true });
    this.place = element("div", { class: "led-place" });
    this.node = element("main", { class: "led" }, this.notice, this.place);
    this.stage = null;
    this._choose();
  }

  /** The protocol that is offered: the one that was chosen, that is awaited, or the hip check. */
  get offered() {
    const { protocols, ready } = this.page.session;
    const names = [this.wanted, ready, "hip-check"];
    return names.map((name) => protocols.find((p) => p.name === name)).find(Boolean) ?? protocols[0] ?? null;
  }

  changed(kind) {
    if (kind === "protocol" && this.page.session.protocol?.state === "running") this.anew = this.stoppedSeen = false;
    if (!this._choose(kind === "state" || kind === "protocols")) this.view.changed?.(kind);
  }

  /** In a step that nobody measures, a pedal counts. */
  get pedal() {
    const { protocol } = this.page.session;
    const step = protocol?.at === null ? null : protocol?.steps[protocol.at];
    return protocol?.state === "running" && step?.counted_by === "tap" ? "step-count" : "mark";
  }

  act(action, source) {
    const { page } = this;
    if (action === "hipcheck-start") page.send({ do: "protocol", name: source?.dataset.protocol ?? this.offered?.name });
    else if (action === "hipcheck-choose") this._offer(source.dataset.protocol);
    else if (action === "hipcheck-stop") page.send({ do: "protocol_stop" });
    else if (action === "hipcheck-again") this._again();
    else if (action === "hipcheck-measured") this._seen();
    else if (action === "report") page.stop.ask();
    else if (action === "treat") this._treat();
    else if (action.startsWith("step-")) page.send({ do: "led", what: action.slice(5) });
  }

  _offer(name) {
    this.wanted = name;
    this._choose(true);
  }

  _again() {
    this.anew = true;
    this._choose();
  }

  /** The number that limits the athlete is chosen before the treatment; then the retest waits. */
  _treat() {
    const { primary } = this.page.session.result ?? {};
    if (primary) this.page.send({ do: "primary", ...primary });
    this.page.show("retest");
  }

  /** After a stop for pain: what was measured until then. */
  _seen() {
    this.stoppedSeen = true;
    this._choose();
  }

  tell(text) {
    this.said = text;
  }

  paint(now) {
    const { session, connection, slept } = this.page;
    const line = stateLine(session, connection, slept, now, "line");
    const shown = line.kind === "alert" || line.kind === "missing";
    // the end is told by a card of its own
    const words = session.over ? "" : shown ? [line.words, line.time].filter(Boolean).join(" ") : (this.said ?? "");
    say(this.notice, words);
    mark(this.notice, "hidden", words ? null : "");
    mark(this.notice, "role", line.kind === "alert" ? "alert" : "status");
    mark(this.notice, "class", `notice ${line.kind}`);
    this.view.paint?.(now);
  }

  close() {
    this.view?.close?.();
  }

  _choose(anew = false) {
    let stage = stageOf(this.page.session, this.anew);
    if (stage === "stopped" && this.stoppedSeen && this.page.session.result) stage = "result";
    if (stage === this.stage && !anew) return false;
    this.stage = stage;
    this.view?.close?.();
    this.view = new VIEWS[stage](this.page, this);
    this.place.replaceChildren(this.view.node);
    this.node.dataset.stage = stage;
    return true;
  }
}
