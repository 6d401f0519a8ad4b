// Starts the page: words, session, connection; shows one mode at a time and paints it with the display's own rhythm.

import { Connection } from "./session/connection.js";
import { Desk } from "./desk/desk.js";
import { Ended, endedCard, showsAfterEnd } from "./ending/ended.js";
import { HipCheck } from "./hipcheck/hipcheck.js";
import { Keys } from "./controls/keys.js";
import { Lift } from "./lift/lift.js";
import { known } from "./words/numbers.js";
import { Retest } from "./hipcheck/retest.js";
import { Session } from "./session/session.js";
import { Setup } from "./setup/setup.js";
import { Sound } from "./controls/sound.js";
import { Stop } from "./ending/stop.js";
import { WakeLock } from "./controls/wake_lock.js";
import { loadWords, word } from "./words/words.js";

const MODES = { lift: Lift, desk: Desk, setup: Setup, hipcheck: HipCheck, retest: Retest };
const KEPT_MODE = "hiphinge-mode";
/** Without news the page is painted anew after this, for what passes by itself (ours). */
const AGAIN_MS = 100;
const KEPT_PROTOCOL = "hiphinge-protocol";

class Page {
  constructor(root) {
    this.root = root;
    this.session = new Session();
    this.connection = new Connection(this.session);
    this.sound = new Sound(this);
    this.stop = new Stop(this);
    this.keys = new Keys(this);
    this.wakeLock = new WakeLock();
    /** Seconds that the page has slept, until the next tap. */
    this.slept = 0;
    this.mode = null;
    this.view = null;
    /** The mode that is shown once the session begins, where it is not set-up. */
    this.afterSetup = null;
    this._role = null;
    /** Whether there is something new to paint, and when it was painted last. */
    this._news = true;
    this._paintedAt = -Infinity;
    this._listen();
    this.show(sessionStorage.getItem(KEPT_MODE) ?? "lift");
    this.connection.open();
    requestAnimationFrame((now) => this._paint(now));
  }

  /** Show a mode; its parts are made anew, so that nothing of another mode can be read or pressed. */
  show(mode) {
    if (!(mode in MODES)) return;
    this.afterSetup = null;
    const focused = this.mode !== null && this.mode !== mode;
    this.mode = mode;
    document.body.dataset.mode = mode;
    sessionStorage.setItem(KEPT_MODE, mode);
    this.view?.close?.();
    const { over } = this.session;
    this.view = over && !showsAfterEnd(mode, this.session) ? new Ended(this, mode) : new MODES[mode](this);
    this._role = this.session.role;
    this.root.replaceChildren(...(over ? [endedCard(this.session)] : []), this.view.node);
    this.view.paint(performance.now());
    if (focused) {
      const heading = this.root.querySelector("h1");
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    document.title = word("title", { mode: word(`mode.${mode}`) });
  }

  /** The session is over: the mode is made anew, without what could be done to it. */
  _end() {
    this.stop.leave();
    this.show(this.mode);
  }

  /** Whether a protocol is awaited that this window has not shown yet. */
  _awaits() {
    const { ready, about } = this.session;
    const key = `${ready} ${about.start_utc}`;
    if (!ready || this.mode === "setup" || sessionStorage.getItem(KEPT_PROTOCOL) === key) return false;
    sessionStorage.setItem(KEPT_PROTOCOL, key);
    return true;
  }

  /** Do what a button or a key says. */
  act(action, source = null) {
    const { session } = this;
    const time_s = this.seenTime();
    const [, score] = /^pain-(\d+)$/.exec(action) ?? [];
    if (action.startsWith("mode-")) this.show(action.slice(5));
    else if (action.startsWith("sound-")) this.sound.choose(action.slice(6));
    else if (!session.operator) return;
    else if (score !== undefined) this._send({ do: "pain", score: Number(score), time_s });
    else if (action === "mark") this._send({ do: "mark", label: "mark", time_s });
    else if (action === "calibrate") this._send({ do: "calibrate", time_s });
    else if (action === "heel_drop") this._send({ do: "heel_drop" });
    else if (action === "new_set") this._send({ do: "new_set", time_s });
    else if (action === "undo") this._send({ do: "undo" });
    else if (action === "stop") this.stop.ask();
    else if (action === "revoke") this._send({ do: "revoke", id: source.dataset.viewer });
    else this.view.act?.(action, source);
  }

  /** Keep a note: it stands at the row that was on the screen when its writing began. Whether it was sent. */
  note(text, time_s) {
    return Boolean(text.trim()) && this.session.operator && this._send({ do: "note", text: text.trim(), time_s });
  }

  send(message) {
    return this._send(message);
  }

  /** The `time_s` of the row that is on the screen, null where none is. */
  seenTime() {
    const shown = Number(document.body.dataset.time);
    return document.body.dataset.time === undefined || !known(shown) ? null : shown;
  }

  _send(message) {
    // a network that is cut leaves the socket open: what is handed to it then may never arrive, and nobody would know
    const heard = this.connection.state !== "lost" || message.do === "stop";
    const sent = heard && this.connection.send(message);
    if (!sent) this.view.tell?.(word("answer.not_sent"));
    return sent;
  }

  _listen() {
    this.session.addEventListener("changed", (event) => {
      this._news = true;
      if (this.view === null) return;
      if (event.detail === "ended") this._end();
      else if (event.detail === "state" && this.afterSetup) this.show(this.afterSetup);
      else if (this.session.role !== this._role) this.show(this.mode);
      else if (event.detail === "setup" && this.mode !== "setup") this.show("setup");
      else if (event.detail === "protocols" && this._awaits()) this.show(this.session.ready === "retest" ? "retest" : "hipcheck");
      else this.view.changed?.(event.detail);
      this.sound.changed(event.detail);
    });
    this.connection.addEventListener("rows", () => {
      this._news = true;
      this.sound.follow();
    });
    this.connection.addEventListener("changed", () => {
      this._news = true;
      this.sound.follow();
      this.view?.changed?.("connection");
    });
    this.connection.addEventListener("slept", (event) => {
      this._news = true;
      this.slept = event.detail;
      this.view?.changed?.("slept");
    });
    const woken = () => {
      this._news = true;
      if (this.slept) {
        this.slept = 0;
        this.view?.changed?.("slept");
      }
    };
    document.addEventListener("pointerdown", woken, true);
    document.addEventListener("keydown", woken, true);
    document.addEventListener("click", (event) => {
      const source = event.target.closest("[data-action]");
      if (source === null || event.defaultPrevented) return;
      // a pedal sends Space: it must not press again what was pressed last
      if (event.detail > 0) source.blur();
      this.act(source.dataset.action, source);
    });
  }

  _paint(now) {
    requestAnimationFrame((next) => this._paint(next));
    this.connection.judge(now);
    if (!this._news && now - this._paintedAt < AGAIN_MS) return;
    this._news = false;
    this._paintedAt = now;
    const { state, fresh } = this.connection;
    const { body } = document;
    if (body.dataset.state !== state) body.dataset.state = state;
    const time_s = this.session.newestTime;
    const shown = fresh && known(time_s) ? time_s.toFixed(3) : undefined;
    if (shown === undefined) delete body.dataset.time;
    else if (body.dataset.time !== shown) body.dataset.time = shown;
    this.view.paint(now);
  }
}

await loadWords();
new Page(document.getElementById("page"));
