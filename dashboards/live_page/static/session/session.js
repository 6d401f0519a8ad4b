// What the page knows of the session: the newest state, the lists, and the last two minutes of rows in a fixed ring.

const KEPT_S = 120;
/** A step in time beyond this many ticks breaks a line. */
const LEAP_TICKS = 1.5;
const REPETITIONS = 200;
const CURVES = 8;
/** Of less than this together, a share would be noise, degrees. */
const LEAST_SHARED_DEG = 10;

/** One thigh moves from this difference of the two inclinations on, and until they are this near again, degrees (ours). */
const ONE_THIGH_DEG = [20, 12];

/** Bits of a row's quality (`body_signals/quality.py`) that make its numbers doubtful. */
export const DOUBTFUL_BITS = (1 << 1) | (1 << 3) | (1 << 4) | (1 << 6) | (1 << 10) | (1 << 11);
export const SLIPPED_BIT = 1 << 4;

/** Fixed arrays of the latest rows; a row's slot is its number modulo the capacity. */
export class Rows {
  constructor(columns, rateHz) {
    this.columns = columns;
    this.rateHz = rateHz;
    this.capacity = Math.round(KEPT_S * rateHz);
    this.time = new Float64Array(this.capacity).fill(NaN);
    this.values = columns.map(() => new Float32Array(this.capacity).fill(NaN));
    this.place = new Map(columns.map((name, i) => [name, i]));
    /** Number of the newest row, −1 before the first. */
    this.newest = -1;
    this.oldest = 0;
  }

  /** Take a frame; what was left out between it and the last one is missing. */
  take({ first, rows, columns, time_s, values }) {
    if (columns !== this.columns.length) return false;
    if (this.newest < 0) this.oldest = first;
    this._skip(first, time_s);
    for (let row = 0; row < rows; row += 1) {
      const slot = (first + row) % this.capacity;
      this.time[slot] = time_s + row / this.rateHz;
      for (let c = 0; c < columns; c += 1) this.values[c][slot] = values[row * columns + c];
    }
    if (rows) this.newest = Math.max(this.newest, first + rows - 1);
    this.oldest = Math.max(this.oldest, this.newest - this.capacity + 1);
    return true;
  }

  /** Rows that did not come: their values are missing, their times lie between those that are known. */
  _skip(first, time_s) {
    if (this.newest < 0 || first <= this.newest + 1) return;
    const before_s = this.newestTime;
    const count = first - this.newest;
    for (let n = Math.max(this.newest + 1, first - this.capacity); n < first; n += 1) {
      const slot = n % this.capacity;
      this.time[slot] = before_s + ((n - this.newest) / count) * (time_s - before_s);
      for (const column of this.values) column[slot] = NaN;
    }
  }

  /** The value of a column in the newest row; NaN where it is missing or the column is not there. */
  now(name) {
    const place = this.place.get(name);
    return place === undefined || this.newest < 0 ? NaN : this.values[place][this.newest % this.capacity];
  }

  get newestTime() {
    return this.newest < 0 ? NaN : this.time[this.newest % this.capacity];
  }

  /** Number of the first row at or after `time_s`, among those that are kept. */
  at(time_s) {
    let [low, high] = [this.oldest, this.newest + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const time = this.time[middle % this.capacity];
      if (time < time_s) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get leap_s() {
    return LEAP_TICKS / this.rateHz;
  }
}

export class Session extends EventTarget {
  constructor() {
    super();
    this.forget();
  }

  /** Nothing of any session is known. */
  forget() {
    this.known = false;
    this.over = false;
    /** Where the session is kept: folder, report, the command that shows it; told to operators. */
    this.kept = null;
    this.awaitsRows = true;
    this.role = null;
    this.you = null;
    this.bodyState = "waiting";
    this.about = {};
    this.sensors = [];
    this.calibration = {};
    this.repetitions = [];
    this.curves = new Map();
    this.marks = [];
    this.findings = [];
    this.viewers = [];
    this.answers = [];
    this.targets = {};
    this.ownLines = null;
    this.underWay = null;
    this.trouble = "";
    this.invitation = null;
    this.setup = null;
    this.protocols = [];
    this.ready = null;
    this.retest = null;
    this.protocol = null;
    this.result = null;
    this.places = [];
    this.rows = new Rows([], 100);
    this._side = null;
    this._tell("state");
  }

  /** Whether this page may act: an operator's, while the session goes on. */
  get operator() {
    return this.role === "operator" && !this.over;
  }

  get newestTime() {
    return this.rows.newestTime;
  }

  /** The value of the newest row by the names of the tables; `hip_flexion` is the mean of both hips. */
  value(name) {
    if (name === "hip_flexion") return (this.rows.now("hip_left_flexion") + this.rows.now("hip_right_flexion")) / 2;
    if (name === "lumbar_share_now") return this.shareNow();
    return this.rows.now(name);
  }

  /** What lumbar made of lumbar + hip so far, percent, from the very angles beside it; NaN where both are small or go opposite ways. */
  shareNow() {
    const [lumbar, hip] = [this.value("lumbar_flexion"), this.value(this.hipName)];
    const far = Math.abs(lumbar + hip) >= LEAST_SHARED_DEG;
    return far && lumbar * hip >= 0 ? (100 * lumbar) / (lumbar + hip) : NaN;
  }

  /** The hip to look at: that of the thigh that moves while the other one stands, else the mean of both. */
  get hipName() {
    return this._side === null ? "hip_flexion" : `hip_${this._side}_flexion`;
  }

  /** Which thigh moves alone; null where both do, or neither, or one is not measured. */
  _lookAtThighs() {
    const [left, right] = ["left", "right"].map((side) => this.rows.now(`thigh_${side}_inclination`));
    const apart = Math.abs(left - right);
    if (!(apart >= ONE_THIGH_DEG[1])) this._side = null;
    else if (apart >= ONE_THIGH_DEG[0]) this._side = Math.abs(left) > Math.abs(right) ? "left" : "right";
  }

  get quality() {
    const bits = this.rows.now("quality");
    return Number.isNaN(bits) ? 0 : bits;
  }

  takeRows(frame) {
    const taken = this.rows.take(frame);
    this._lookAtThighs();
    return taken;
  }

  /** Take a message of the server; one of a later kind is let go. */
  take(message) {
    if (message.body_state) this.bodyState = message.body_state;
    const take = this[`_take_${message.type}`];
    if (take === undefined) return;
    take.call(this, message);
    this._tell(message.type);
  }

  _take_state(m) {
    // after a cut the same session goes on: what was seen of it stays, and what was missed is a gap
    const same = this.known && m.columns.join() === this.rows.columns.join() && m.session?.start_utc === this.about.start_utc;
    if (!same) {
      this.rows = new Rows(m.columns, m.rate_hz ?? 100);
      this.curves = new Map();
    }
    this.known = true;
    // before a session there are none
    this.awaitsRows = m.session !== undefined;
    this.setup = null;
    this.role = m.role;
    this.you = m.you ?? null;
    this.about = m.session ?? {};
    this.sensors = m.sensors ?? [];
    this.places = m.places ?? this.sensors.map((s) => s.key);
    this.calibration = m.calibration ?? {};
    this.repetitions = m.repetitions ?? [];
    for (const repetition of this.repetitions) this._keepCurve(repetition);
    this.marks = m.marks ?? [];
    this.findings = m.findings ?? [];
    this.viewers = m.viewers ?? [];
    this.answers = m.answers ?? [];
    this.targets = m.targets ?? {};
    this.underWay = m.under_way?.of ? m.under_way : null;
    this.trouble = m.trouble ?? "";
    if (!m.body_state) this._guessBodyState();
  }

  _take_setup(m) {
    this.setup = m;
    this.role = m.role ?? this.role ?? "operator";
    this.awaitsRows = false;
    this.bodyState = m.body_state ?? "waiting";
  }

  _take_sensors(m) {
    this.sensors = m.sensors;
  }

  _take_calibration(m) {
    this.calibration = m;
    if (!m.body_state) this._guessBodyState();
  }

  _guessBodyState() {
    const stages = { standing: "calibrating", movements: "calibrating", done: "streaming" };
    this.bodyState = stages[this.calibration.stage] ?? (this.calibration.in_force ? "streaming" : "waiting");
  }

  _take_repetition(m) {
    const { type, ...repetition } = m;
    this.repetitions = [...this.repetitions.filter((r) => r.number !== repetition.number), repetition].slice(-REPETITIONS);
    this._keepCurve(repetition);
    this.underWay = null;
  }

  _take_repetitions(m) {
    this.repetitions = m.repetitions;
    for (const repetition of this.repetitions) this._keepCurve(repetition);
  }

  _take_under_way(m) {
    this.underWay = m.of === null ? null : m;
  }

  _take_findings(m) {
    this.findings = m.findings;
  }

  _take_marks(m) {
    this.marks = m.marks;
  }

  _take_targets(m) {
    this.targets = m.targets;
  }

  _take_viewers(m) {
    this.viewers = m.viewers;
  }

  _take_answer(m) {
    this.answers = [...this.answers, m].slice(-20);
  }

  _take_invitation(m) {
    this.invitation = m;
  }

  _take_own_lines(m) {
    this.ownLines = m;
  }

  _take_protocols(m) {
    this.protocols = m.protocols;
    this.ready = m.ready;
    this.retest = m.retest ?? null;
  }

  _take_protocol(m) {
    this.protocol = m.protocol;
  }

  _take_result(m) {
    this.result = m;
  }

  _take_trouble(m) {
    this.trouble = m.text ?? "";
  }

  _take_kept(m) {
    this.kept = m;
  }

  _take_ended() {
    this.over = true;
    this.underWay = null;
  }

  /** Lumbar against hip over a repetition: as the server gave it, else cut from the ring while its rows are there. */
  _keepCurve(repetition) {
    if (this.curves.has(repetition.number)) return;
    const curve = repetition.curve ?? this._cut(repetition);
    if (curve !== null) this.curves.set(repetition.number, curve);
    while (this.curves.size > CURVES) this.curves.delete(this.curves.keys().next().value);
  }

  _cut({ start_s, turn_s, end_s, side }) {
    const rows = this.rows;
    const [from, turn, to] = [rows.at(start_s), rows.at(turn_s), rows.at(end_s)];
    if (rows.newest < 0 || to <= from || from === rows.oldest || to > rows.newest + 1) return null;
    const hips = side === "left" || side === "right" ? [`hip_${side}_flexion`] : ["hip_left_flexion", "hip_right_flexion"];
    const columns = [...hips, "lumbar_flexion"].map((name) => rows.values[rows.place.get(name)]);
    const step = Math.max(1, Math.floor((to - from) / 60));
    const curve = { hip: [], lumbar: [], turn: 0 };
    for (let n = from; n < to; n += step) {
      const at = columns.map((column) => column[n % rows.capacity]);
      const lumbar = at.pop();
      if (n <= turn) curve.turn = curve.hip.length;
      curve.hip.push(at.reduce((sum, x) => sum + x, 0) / at.length);
      curve.lumbar.push(lumbar);
    }
    return curve;
  }

  _tell(kind) {
    this.dispatchEvent(new CustomEvent("changed", { detail: kind }));
  }
}
