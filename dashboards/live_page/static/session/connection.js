// The socket: who may see the session, frames in, acknowledgements out, and whether what is shown is fresh.
//
// Freshness is judged by the page's own clock, so a dead server cannot leave a number standing. Two rules: no frame for
// `SILENT_MS`; or the newest row is later than the quickest row of this connection by more than `HELD_UP_MS` (what was held up
// on the way is never painted as present). A lost connection is tried again at once, then every second.

import { known } from "../words/numbers.js";

export const SILENT_MS = 350;
export const HELD_UP_MS = 600;
const AGAIN_MS = 1000;
/** Before a session the program says something at least once a second. */
const SILENT_SETUP_MS = 2500;
const PATIENCE_MS = 2500;
/** The two clocks may drift apart by this part (ours): else the second rule would fire after some hours. */
const DRIFT = 2e-4;
/** Rows that are late for this long have a clock of their own: a new connection judges them anew (ours). */
const NEW_CLOCK_MS = 15000;
const HEADER_BYTES = 20;
/** Frames are acknowledged some at a time: of 32 that may be on the way this leaves a page 28, and costs the server a quarter. */
const ACKNOWLEDGED_EACH = 4;
const SLEPT_MS = 2000;
const LOOK_MS = 50;
/** The longest that a login may take; a socket has `PATIENCE_MS` to open, and the question between them `AGAIN_MS`. */
const LOGIN_MS = 20000;

/** A binary frame of rows, or null where it is none. */
export function decodeFrame(buffer) {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  if (view.getUint16(0, true) !== 0x4848 || view.getUint8(2) !== 1 || view.getUint8(3) !== 1) return null;
  const [first, rows, columns] = [view.getUint32(4, true), view.getUint16(8, true), view.getUint16(10, true)];
  if (buffer.byteLength !== HEADER_BYTES + 4 * rows * columns) return null;
  return { first, rows, columns, time_s: view.getFloat64(12, true), values: new Float32Array(buffer, HEADER_BYTES) };
}

export class Connection extends EventTarget {
  /** session: gets the messages and rows. It tells of changes by the events `changed` (state) and `slept` (detail: seconds). */
  constructor(session) {
    super();
    this.session = session;
    this.state = "connecting";
    this.lostAt = null;
    this._socket = null;
    this._attempt = null;
    this._triedAt = -Infinity;
    this._final = false;
    this._slept = 0;
    this._token = null;
    this._patience = AGAIN_MS;
    this._begin();
    [this._awakeAt, this._awakeDate] = [performance.now(), Date.now()];
  }

  /** Log in with the token of the address bar, if there is one, then connect. */
  open() {
    window.addEventListener("hashchange", () => {
      this._takeToken();
      this._try();
    });
    this._takeToken();
    this._try();
    setInterval(() => this._look(), LOOK_MS);
  }

  send(message) {
    if (this._socket?.readyState !== WebSocket.OPEN) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  /** Whether the newest row may be shown as present. */
  get fresh() {
    return this.state === "waiting" || this.state === "calibrating" || this.state === "streaming";
  }

  /** Judge freshness now; called before every painting. */
  judge(now = performance.now()) {
    if (this._final || this._socket === null) return;
    if (!this.session.awaitsRows) {
      const silent = this.session.setup !== null && now - this._saidAt > SILENT_SETUP_MS;
      this._become(silent ? "lost" : this.session.bodyState);
      return;
    }
    const silent = now - this._heardAt > SILENT_MS;
    // until this connection has brought something, what an earlier one brought is not the present
    if (!this._brought && !silent) return;
    const heldUp = now - 1000 * this.session.newestTime - this._quickest > HELD_UP_MS;
    if (!heldUp) this._onTimeAt = now;
    this._become(silent || heldUp ? "lost" : this.session.bodyState);
  }

  /** Take the token out of the address bar, for the next attempt. */
  _takeToken() {
    if (location.hash.length < 2) return;
    this._token = location.hash.slice(1);
    history.replaceState(null, "", location.pathname + location.search);
    this._final = false;
    this._attempt?.abort();
    this._attempt = null;
  }

  async _try() {
    const now = performance.now();
    if (this._final || (this._attempt !== null && now - this._triedAt < this._patience)) return;
    this._attempt?.abort();
    const attempt = new AbortController();
    this._attempt = attempt;
    this._triedAt = now;
    const asked = { cache: "no-store", credentials: "same-origin", signal: attempt.signal };
    try {
      if (this._token) {
        // a token may serve once: nobody breaks off while the answer is on its way
        this._patience = LOGIN_MS;
        await fetch("/login", { ...asked, method: "POST", body: this._token });
        this._token = null;
        this._triedAt = performance.now();
      }
      this._patience = AGAIN_MS;
      const answer = await fetch("/access", asked);
      if (attempt.signal.aborted) return;
      if (answer.status === 401 || answer.status === 403) this._refuse();
      else this._connect(attempt);
    } catch {
      if (this._attempt !== attempt) return;
      this._attempt = null;
      this._lose();
    }
  }

  _connect(attempt) {
    this._patience = PATIENCE_MS;
    this._triedAt = performance.now();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    attempt.signal.addEventListener("abort", () => socket.close());
    socket.addEventListener("message", (event) => this._hear(socket, event.data));
    socket.addEventListener("close", () => this._closed(socket, attempt));
  }

  _hear(socket, data) {
    if (this._final) return;
    if (data instanceof ArrayBuffer) {
      if (socket === this._socket) this._takeFrame(data);
      return;
    }
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.type === "state" || message.type === "setup") this._adopt(socket);
    if (socket !== this._socket) return;
    this._saidAt = performance.now();
    if (message.type === "ended") {
      this._final = true;
      this.session.take(message);
      this._become("ended");
      socket.close();
      return;
    }
    this.session.take(message);
    if (message.type === "sensors" && !known(this.session.newestTime)) {
      // before a session's first row its sensors are told ten times a second: that it lives
      this._heardAt = performance.now();
      this._brought = true;
      this.judge();
    }
    this._tellSleep();
  }

  /** The first whole state on a socket: from here on it is the connection, and its delays are judged anew. */
  _adopt(socket) {
    if (socket === this._socket) return;
    const before = this._socket;
    this._socket = socket;
    this._attempt = null;
    before?.close();
    this._begin();
  }

  _begin() {
    this._heardAt = this._saidAt = performance.now();
    this._quickest = Infinity;
    this._brought = false;
    this._onTimeAt = this._heardAt;
    this._frames = 0;
  }

  _takeFrame(buffer) {
    const now = this._wake();
    this._frames += 1;
    if (this._frames % ACKNOWLEDGED_EACH === 0) this._socket.send(JSON.stringify({ ack: this._frames }));
    const frame = decodeFrame(buffer);
    if (frame === null || !this.session.takeRows(frame)) return;
    if (frame.rows || !known(this.session.newestTime)) this._brought = true;
    this._quickest += DRIFT * (now - this._heardAt);
    if (frame.rows) this._quickest = Math.min(this._quickest, now - 1000 * this.session.newestTime);
    this._heardAt = now;
    this.judge(now);
    this._tellSleep();
    this.dispatchEvent(new Event("rows"));
  }

  _closed(socket, attempt) {
    if (this._attempt === attempt) this._attempt = null;
    if (socket !== this._socket) {
      if (this._attempt === null && !this._final && this._socket === null) this._lose();
      return;
    }
    this._socket = null;
    if (this._final) return;
    this._lose();
    this._triedAt = -Infinity;
    this._try();
  }

  _lose() {
    if (!this._final) this._become("lost");
  }

  _refuse() {
    this._attempt = null;
    this._socket?.close();
    this._socket = null;
    this._final = true;
    this.session.forget();
    this._become("refused");
  }

  /** Twenty times a second: has the page slept, is what it shows still fresh, is it time to try again. */
  _look() {
    const now = this._wake();
    this.judge(now);
    if (this._final) return;
    const dead = this._socket === null || now - this._heardAt > AGAIN_MS || now - this._onTimeAt > NEW_CLOCK_MS;
    if (dead && (this.session.awaitsRows || this._socket === null) && now - this._triedAt >= AGAIN_MS) this._try();
  }

  /** The page is awake: how long was it not? (In a window behind others timers are seldom, but frames come: that is no sleep.) */
  _wake() {
    const [now, date] = [performance.now(), Date.now()];
    // the one clock stands still while some machines are suspended, the other may be set
    const gap = Math.max(now - this._awakeAt, date - this._awakeDate);
    [this._awakeAt, this._awakeDate] = [now, date];
    if (gap > SLEPT_MS && !this._final) {
      this._slept += gap / 1000;
      this.dispatchEvent(new CustomEvent("slept", { detail: this._slept }));
    }
    return now;
  }

  /** The sleep is told once, when the server is heard again. */
  _tellSleep() {
    if (!this._slept) return;
    const seconds = Math.round(this._slept);
    this._slept = 0;
    if (this.session.role === "operator") this.send({ do: "slept", seconds });
  }

  _become(state) {
    if (state === this.state) return;
    if (state === "lost") this.lostAt = this._heardAt;
    else if (state !== "connecting") this.lostAt = null;
    this.state = state;
    this.dispatchEvent(new Event("changed"));
  }
}
