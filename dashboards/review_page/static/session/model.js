// What the page looks at: a session, a time in it, a repetition, two sets to compare. The cards listen and draw.

import * as api from "./api.js";
import { Rows } from "./rows.js";

const TICK_S = 0.01;
/** A tick beside a repetition is still at it. */
const NEAR_S = 0.05;

export class Model {
  constructor() {
    this.listeners = {};
    this.doc = null;
    this.rows = null;
    this.time = 0;
    this.selected = null;
    /** What is compared: session, document and key of a set. */
    this.a = null;
    this.b = null;
    this.others = new Map();
    this.sessions = [];
  }

  on(what, listener) {
    (this.listeners[what] ??= []).push(listener);
  }

  tell(what) {
    for (const listener of this.listeners[what] ?? []) listener();
  }

  /** Open a session, or load it anew; what was chosen stays where it is still there. */
  async open(name, estimator) {
    const again = this.doc?.session === name;
    const doc = await api.session(name, estimator);
    const same = again && this.doc.estimator === doc.estimator && this.doc.stamp === doc.stamp;
    this.doc = doc;
    if (!same) {
      this.rows = new Rows(doc);
      this.others.clear();
    }
    this.rows.doc = doc;
    this.others.set(this.key(name), { doc, rows: this.rows });
    if (!again) {
      this.selected = doc.repetitions[0]?.number ?? null;
      this.a = this.b = null;
      this.time = doc.repetitions[0]?.turn_s ?? 0;
    }
    if (!this.repetition()) this.selected = null;
    await this.keepSets();
    this.tell("document");
    this.seek(this.time);
  }

  key(name) {
    return `${name}\u0000${this.doc.estimator}`;
  }

  /** Sets and groups of a document that can be compared. */
  static choices(doc) {
    return [...doc.sets, ...doc.groups];
  }

  async keepSets() {
    const own = Model.choices(this.doc);
    const keep = (side) => side && side.session === this.doc.session && own.some((set) => set.key === side.key);
    if (!keep(this.a)) this.a = own.length ? { session: this.doc.session, key: own[0].key } : null;
    const otherSession = this.b && this.b.session && this.b.session !== this.doc.session;
    if (otherSession) {
      const other = await this.other(this.b.session).catch(() => null);
      const there = other && Model.choices(other.doc).some((set) => set.key === this.b.key);
      if (!there) this.b = null;
    } else if (this.b?.session === null) {
      return;
    } else if (!keep(this.b)) {
      this.b = null;
    }
    if (!this.b) {
      const second = this.doc.sets.find((set) => set.key !== this.a?.key);
      this.b = second ? { session: this.doc.session, key: second.key } : { session: null, key: "" };
    }
  }

  /** Another session's document and rows, of the same estimator where it has it. */
  async other(name) {
    const key = this.key(name);
    if (!this.others.has(key)) {
      const doc = await api.session(name, this.doc.estimator);
      this.others.set(key, { doc, rows: new Rows(doc) });
    }
    return this.others.get(key);
  }

  /** The set that a side is, with its document and rows; null where there is none. */
  side(which) {
    const chosen = this[which];
    const there = chosen?.session ? this.others.get(this.key(chosen.session)) : null;
    const set = there ? Model.choices(there.doc).find((one) => one.key === chosen.key) : null;
    return set ? { ...there, set } : null;
  }

  async choose(which, session, key) {
    if (session === null) {
      this[which] = { session: null, key: "" };
    } else {
      const { doc } = await this.other(session);
      const all = Model.choices(doc);
      const like = this.side("a")?.set;
      const beside = (set) => session !== this.a?.session || set.key !== this.a.key;
      const found =
        all.find((set) => set.key === key) ??
        all.find((set) => like && beside(set) && set.movement === like.movement && set.side === like.side) ??
        all.find(beside);
      this[which] = found ? { session, key: found.key } : { session: null, key: "" };
    }
    this.tell("sets");
  }

  repetition(number = this.selected) {
    return this.doc?.repetitions.find((one) => one.number === number) ?? null;
  }

  /** The repetition that is under way at the cursor. */
  current() {
    return this.doc?.repetitions.find((one) => !one.deleted && one.start_s <= this.time && this.time <= one.end_s) ?? null;
  }

  select(number, { jump = true } = {}) {
    this.selected = number;
    const one = this.repetition();
    this.tell("selection");
    if (jump && one) this.seek(one.turn_s);
  }

  /** To the next (1) or former (-1) repetition: from the chosen one while the cursor is in it, else from the cursor. */
  step(by) {
    const all = this.doc.repetitions;
    if (!all.length) return;
    const { time } = this;
    const at = all.findIndex((one) => one.number === this.selected && one.start_s - NEAR_S <= time && time <= one.end_s + NEAR_S);
    const next = all.findIndex((one) => one.turn_s > time);
    const after = next < 0 ? all.length : next;
    const to = at >= 0 ? at + by : by > 0 ? after : after - 1;
    this.select(all[Math.min(all.length - 1, Math.max(0, to))].number);
  }

  tick(by) {
    this.seek((Math.round(this.time / TICK_S) + by) * TICK_S);
  }

  seek(time) {
    this.time = Math.min(Math.max(0, this.doc?.duration_s ?? 0), Math.max(0, time));
    this.tell("time");
    const rows = this.rows;
    if (rows && !rows.has(this.time)) {
      rows.load(this.time).then(
        () => rows === this.rows && this.tell("time"),
        (trouble) => this.trouble?.(trouble),
      );
    }
  }
}
