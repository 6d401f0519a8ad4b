// Rows of a session's angles, fetched a minute at a time and kept while the page looks at the session.

import * as api from "./api.js";

const HEADER = 16;
const CHUNK_S = 60;
/** Minutes kept: an hour and a half of ten columns is 20 MB. */
const MOST_CHUNKS = 90;
/** A row stands for a time at most this far from it: half a tick and a little. */
const NEAR_S = 0.006;

function columnsFrom(buffer, kind) {
  const view = new DataView(buffer);
  if (view.getUint8(0) !== 0x48 || view.getUint8(1) !== 0x48 || view.getUint8(2) !== 1 || view.getUint8(3) !== kind) {
    throw new api.Trouble("trouble", "these are no rows");
  }
  return { count: view.getUint32(4, true), columns: view.getUint32(8, true) };
}

/** The overview of a span: least and largest of each line. */
export async function overview(doc, begin, end, bins) {
  const buffer = await api.overview(doc.session, doc.estimator, begin, end, bins);
  const { count, columns } = columnsFrom(buffer, 2);
  const lines = Array.from({ length: columns }, (_, i) => ({
    least: new Float32Array(buffer, HEADER + 16 + 8 * i * count, count),
    largest: new Float32Array(buffer, HEADER + 16 + (8 * i + 4) * count, count),
  }));
  return { begin, end, count, lines };
}

/** The rows of one session and estimator, as they were computed at one time. */
export class Rows {
  constructor(doc) {
    this.doc = doc;
    this.columns = Object.fromEntries(doc.columns.map((name, i) => [name, i]));
    this.chunks = new Map();
    this.waiting = new Map();
  }

  /** The row at time `t` as `{time, name: value}`; null while it is not here, or where there is none. */
  at(t) {
    const chunk = this.chunks.get(Math.floor(t / CHUNK_S));
    if (!chunk) return null;
    const i = nearest(chunk.time, t);
    if (i < 0 || Math.abs(chunk.time[i] - t) > NEAR_S) return null;
    const row = { time: chunk.time[i] };
    for (const [name, c] of Object.entries(this.columns)) row[name] = chunk.values[c][i];
    return row;
  }

  /** Whether the minute of `t` is here; asks for it, and for the next one, where it is not. */
  has(t) {
    const n = Math.floor(t / CHUNK_S);
    if (n * CHUNK_S + CHUNK_S - t < 15) this.fetch(n + 1).catch(() => {});
    if (this.chunks.has(n)) return true;
    this.fetch(n).catch(() => {});
    return false;
  }

  /** Wait until the minute of `t` is here. */
  async load(t) {
    await this.fetch(Math.floor(t / CHUNK_S));
  }

  /** Rows from `begin` to `end`: `{time, values}` of all columns. */
  async between(begin, end) {
    const parts = [];
    for (let n = Math.floor(begin / CHUNK_S); n <= Math.floor(end / CHUNK_S); n += 1) parts.push(await this.fetch(n));
    const time = [];
    const values = this.doc.columns.map(() => []);
    for (const part of parts) {
      for (let i = lower(part.time, begin); i < part.time.length && part.time[i] <= end; i += 1) {
        time.push(part.time[i]);
        values.forEach((column, c) => column.push(part.values[c][i]));
      }
    }
    return { time, values: Object.fromEntries(this.doc.columns.map((name, c) => [name, values[c]])) };
  }

  async fetch(n) {
    if (n * CHUNK_S > this.doc.duration_s + 1 || n < -1) return { time: new Float64Array(0), values: this.doc.columns.map(() => []) };
    const there = this.chunks.get(n);
    if (there) return there;
    if (!this.waiting.has(n)) this.waiting.set(n, this.ask(n).finally(() => this.waiting.delete(n)));
    return this.waiting.get(n);
  }

  async ask(n) {
    const buffer = await api.rows(this.doc.session, this.doc.estimator, n * CHUNK_S, (n + 1) * CHUNK_S);
    const { count, columns } = columnsFrom(buffer, 3);
    const time = new Float64Array(buffer, HEADER, count);
    const values = Array.from({ length: columns }, (_, c) => new Float32Array(buffer, HEADER + 8 * count + 4 * c * count, count));
    const chunk = { time, values };
    this.chunks.set(n, chunk);
    if (this.chunks.size > MOST_CHUNKS) this.chunks.delete(this.chunks.keys().next().value);
    return chunk;
  }
}

function lower(time, t) {
  let low = 0;
  let high = time.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nearest(time, t) {
  const i = lower(time, t);
  if (i === 0) return time.length ? 0 : -1;
  return i < time.length && time[i] - t < t - time[i - 1] ? i : i - 1;
}
