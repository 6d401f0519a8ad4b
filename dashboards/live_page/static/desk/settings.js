// Targets set by hand, the sound, and who is connected.

import { button, element, mark, say, shape } from "../drawing/elements.js";
import { clock, known } from "../words/numbers.js";
import { SOUNDS } from "../controls/sound.js";
import { codeWord, word } from "../words/words.js";

const TARGETS = ["lumbar_flexion", "hip_flexion"];

export class Targets {
  constructor(page) {
    this.page = page;
    this.inputs = new Map();
    this.own = new Map();
    const rows = TARGETS.map((angle) => this._row(angle));
    this.node = element("section", { class: "card targets", "aria-labelledby": "targets" }, element("h2", { id: "targets" }, word("targets.title")), ...rows);
  }

  _row(angle) {
    if (!this.page.session.operator) {
      const value = element("b");
      this.inputs.set(angle, value);
      return element("p", {}, `${word(`targets.${angle}`)} `, value);
    }
    const id = `target-${angle}`;
    const input = element("input", { id, "data-input": `target-${angle}`, type: "number", inputmode: "numeric", min: 0, max: 180, step: 1 });
    input.addEventListener("change", () => {
      const deg = input.value === "" ? null : Number(input.value);
      if (deg === null || (known(deg) && deg >= 0 && deg <= 180)) this.page.send({ do: "target", angle, deg });
      else this.change(this.page.session);
    });
    input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
    this.inputs.set(angle, input);
    const none = element("button", { type: "button", "data-action": `no-target-${angle}` }, word("targets.none"));
    none.addEventListener("click", (event) => {
      event.stopPropagation();
      this.page.send({ do: "target", angle, deg: null });
    });
    const own = element("button", { type: "button", "data-action": `own-target-${angle}` });
    own.addEventListener("click", (event) => {
      event.stopPropagation();
      this.page.send({ do: "target", angle, deg: this.page.session.ownLines[angle] });
    });
    const row = element("div", { class: "target" }, element("label", { for: id }, word(`targets.${angle}`)), element("span", {}, input, " °"), none);
    this.own.set(angle, { row, own });
    return row;
  }

  change(session) {
    for (const [angle, { row, own }] of this.own) {
      const deg = session.ownLines?.[angle];
      if (!known(deg)) {
        own.remove();
        continue;
      }
      if (!own.isConnected) row.append(own);
      say(own, word("targets.own", { degrees: `${deg}°` }));
      own.title = word("targets.own.what", { sessions: session.ownLines.sessions });
    }
    for (const [angle, node] of this.inputs) {
      const target = session.targets[angle];
      const text = known(target) ? String(target) : "";
      if (node.tagName === "B") say(node, known(target) ? `${target}°` : word("targets.not_set"));
      else if (document.activeElement !== node) node.value = text;
    }
  }
}

export class SoundChoice {
  constructor(page) {
    this.page = page;
    this.buttons = SOUNDS.map((name) => button(`sound-${name}`, word(`sound.${name}`), { "aria-describedby": "sound-what" }));
    this.what = element("p", { id: "sound-what", class: "mute" });
    const beats = element("input", { id: "beats", "data-input": "beats", type: "number", inputmode: "numeric", min: 20, max: 180, step: 1 });
    beats.value = String(page.sound.beats);
    beats.addEventListener("change", () => {
      const asked = Number(beats.value);
      if (asked >= 20 && asked <= 180) page.sound.beats = asked;
      beats.value = String(page.sound.beats);
    });
    this.beats = element("div", { class: "target" }, element("label", { for: "beats" }, word("sound.beats")), beats);
    this.node = element(
      "section",
      { class: "card sound", "aria-labelledby": "sound" },
      element("h2", { id: "sound" }, word("sound.title")),
      element("div", { class: "choice", role: "group", "aria-labelledby": "sound" }, ...this.buttons),
      this.beats,
      this.what,
    );
  }

  change() {
    const { sound, session } = this.page;
    for (const node of this.buttons) mark(node, "aria-pressed", node.dataset.action === `sound-${sound.chosen}`);
    this.beats.hidden = sound.chosen !== "tempo";
    const untargeted = sound.chosen === "target" && !known(session.targets.lumbar_flexion);
    const mute = sound.chosen === "speak" && !sound.speaks;
    this.what.hidden = sound.chosen === "off";
    say(this.what, word(untargeted ? "sound.no_target" : mute ? "sound.no_speech" : `sound.what.${sound.chosen}`));
  }
}

export class Connected {
  constructor(page) {
    this.page = page;
    this.list = element("ul");
    this.invitation = element("div", { class: "invitation", role: "status" });
    const invite = ["viewer", "operator"].map((role) => {
      const node = element("button", { type: "button", "data-action": `invite-${role}` }, word(`invite.${role}`));
      node.addEventListener("click", (event) => {
        event.stopPropagation();
        page.send({ do: "invite", role });
      });
      return node;
    });
    this.node = element(
      "section",
      { class: "card connected", "aria-labelledby": "connected" },
      element("h2", { id: "connected" }, word("connected.title")),
      this.list,
      element("div", { class: "choice" }, ...invite),
      this.invitation,
    );
  }

  change(session) {
    this.list.replaceChildren(...session.viewers.map((viewer) => this._row(viewer, viewer.id === session.you)));
  }

  _row(v, own) {
    const role = codeWord("role", v.role);
    const since = `${v.address ?? ""}, ${word("connected.since", { time: clock(v.since_s) })}`;
    const label = word("connected.revoke", { role, address: v.address ?? "" });
    return element(
      "li",
      {},
      element("span", {}, role, own ? ` (${word("connected.you")})` : ""),
      element("span", { class: "mute" }, since),
      own ? null : button("revoke", word("action.revoke"), { "data-viewer": v.id, "aria-label": label }),
    );
  }

  /** An address for another device, as a code to photograph and as text; without a network the reason. */
  invited({ address, qr }) {
    if (!address) {
      this.invitation.replaceChildren(element("p", { class: "mute" }, word("invite.no_network")));
      return;
    }
    this.invitation.replaceChildren(...[drawnCode(qr), element("p", {}, word("invite.once")), element("code", {}, address)].filter(Boolean));
  }
}

/** The code as a drawing of our own: of what came, only the shape is taken. */
function drawnCode(text) {
  const found = new DOMParser().parseFromString(text ?? "", "image/svg+xml").documentElement;
  const viewBox = found.getAttribute("viewBox") ?? `0 0 ${parseFloat(found.getAttribute("width"))} ${parseFloat(found.getAttribute("height"))}`;
  const paths = [...found.querySelectorAll("path")].map((path) =>
    shape("path", { class: "code", d: path.getAttribute("d"), transform: path.getAttribute("transform") }),
  );
  if (!paths.length || /NaN/.test(viewBox)) return null;
  return shape("svg", { class: "qr", viewBox, role: "img", "aria-label": word("invite.code") }, ...paths);
}

/** What is seldom needed: the clocks of sensors of several kinds, brought together by a heel drop. */
export function clocksCard() {
  return element(
    "section",
    { class: "card more", "aria-labelledby": "clocks" },
    element("h2", { id: "clocks", class: "away" }, word("clocks.title")),
    button("heel_drop", word("action.heel_drop"), { key: "H", "aria-describedby": "clocks-what" }),
    element("p", { class: "away", id: "clocks-what" }, word("clocks.what")),
  );
}
