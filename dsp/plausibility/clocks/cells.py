"""What a worn sensor measures, as means over cells of time: the comparison of clocks needs no more, and makes each cell once.

The vertical is found by a filter that runs on along the cells (VQF, magnetometer-free). Cells are made where `catch_up` is
called. The caller does so at moments that the session's events decide, so that it does not matter how they came in parts.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import vqf

from body_signals import Floats

RATE_HZ = 25.0
"""Cells a second (ours)."""
HOLE_S = 0.1
"""A cell with a longer hole between samples says nothing (ours)."""
RESTART_S = 1.0
"""After a longer hole the vertical is found anew (ours)."""
LONGEST_GAP = 1500
"""Cells that are told to be missing; after a longer gap nothing before it is kept (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Consecutive cells, rows (13, n): means of specific force, m/s², and rate, rad/s; orientation, sensor → earth; size of the
    force, m/s²; 1 for a cell with a hole; number of samples."""

    rows: Floats

    @classmethod
    def none(cls, n: int) -> Cells:
        """Cells that were not measured."""
        rows = np.zeros((13, n))
        rows[6] = rows[11] = 1.0
        return cls(rows)

    @property
    def means(self) -> Floats:
        """Force and rate (6, n)."""
        return np.asarray(self.rows[:6])

    @property
    def quat(self) -> Floats:
        """Orientation (4, n)."""
        return np.asarray(self.rows[6:10])

    @property
    def sizes(self) -> Floats:
        """Size (n,) of the force."""
        return np.asarray(self.rows[10])

    @property
    def missing(self) -> Floats:
        """1 for a cell with a hole (n,)."""
        return np.asarray(self.rows[11])

    @property
    def samples(self) -> Floats:
        """Number of samples (n,)."""
        return np.asarray(self.rows[12])

    def __len__(self) -> int:
        return int(self.rows.shape[1])

    def part(self, start: int, stop: int | None = None) -> Cells:
        """Those from `start` to `stop`."""
        return Cells(self.rows[:, start:stop])

    def joined(self, *more: Cells) -> Cells:
        """These and those that follow."""
        return Cells(np.concatenate([self.rows, *(one.rows for one in more)], axis=1))


class _Row:
    """Cells one after another in memory that has room for more, so that adding some copies none of those before."""

    def __init__(self) -> None:
        self._rows = np.empty((13, 0))
        self._start = self._stop = 0

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def cells(self) -> Cells:
        """All that there are."""
        return Cells(self._rows[:, self._start : self._stop])

    def drop(self, n: int) -> None:
        """Without the first n."""
        self._start += n

    def more(self, n: int) -> Cells:
        """n more cells at the end, to be written to."""
        if self._stop + n > self._rows.shape[1]:
            kept = self.cells
            self._rows = np.empty((13, 2 * (len(kept) + n)))
            self._rows[:, : len(kept)] = kept.rows
            self._start, self._stop = 0, len(kept)
        self._stop += n
        return Cells(self._rows[:, self._stop - n : self._stop])


class MotionCells:
    """The cells of one sensor, since `drop` was last called. A cell's number is its session time by `RATE_HZ`."""

    def __init__(self) -> None:
        self._new: list[tuple[Floats, Floats, Floats]] = []
        """Samples since the last `catch_up`."""
        self._latest: deque[tuple[Floats, Floats]] = deque()
        """Times and forces for `stirs`."""
        self._time_s, self._values = np.empty(0), np.empty((6, 0))
        """Times (n,), and forces and rates (6, n), of the cell in progress, and of the sample before it."""
        self._filter: vqf.BasicVQF | None = None
        self._begin = 0
        self._row = _Row()

    @property
    def _end(self) -> int:
        return self._begin + len(self._row)

    def take(self, time_s: Floats, acc: Floats, gyr: Floats) -> None:
        """The next samples: times (n,) s, specific forces (n, 3) m/s² and rates (n, 3) rad/s."""
        if len(time_s):
            self._new.append((time_s, acc, gyr))
            self._latest.append((time_s, acc))

    def stirs(self, begin_s: float, end_s: float) -> float:
        """By how much, m/s², the size of the specific force varies from sample to sample in this time. begin_s: not before that
        of the last call, nor before the cells that are kept."""
        self._pass(begin_s)
        low, high = math.inf, -math.inf
        for time_s, acc in self._latest:
            there = acc[slice(*time_s.searchsorted((begin_s, end_s)).tolist())]
            if len(there):
                squares = np.einsum("ij,ij->i", there, there)
                low, high = min(low, float(squares.min())), max(high, float(squares.max()))
        return math.sqrt(high) - math.sqrt(low) if high > low else 0.0

    def _pass(self, begin_s: float) -> None:
        while self._latest and self._latest[0][0].item(-1) < begin_s:
            self._latest.popleft()

    def drop(self, before: int) -> None:
        """Cells before this number are not needed any more."""
        if before > self._begin:
            before = min(before, self._end)
            self._row.drop(before - self._begin)
            self._begin = before
            self._pass(before / RATE_HZ)

    def between(self, start: int, stop: int) -> tuple[int, Cells]:
        """Those that there are of the cells from `start` to `stop`, and the number of the first."""
        start = min(max(start, self._begin), self._end)
        return start, self._row.cells.part(start - self._begin, max(stop, start) - self._begin)

    def exactly(self, start: int, stop: int) -> Cells:
        """The cells from `start` to `stop`, with those that there are not as missing."""
        first, there = self.between(start, stop)
        first = min(max(first, start), stop)
        return Cells.none(first - start).joined(there, Cells.none(stop - first - len(there)))

    def latest(self, n: int) -> Cells:
        """The last n of them, or all that there are."""
        return self.between(self._end - n, self._end)[1]

    def catch_up(self) -> None:
        """Make the cells that the samples so far complete."""
        if not self._new:
            return
        time_s = np.concatenate([self._time_s, *(part[0] for part in self._new)])
        values, known = np.empty((6, len(time_s))), len(self._time_s)
        values[:, :known] = self._values
        np.concatenate([part[1] for part in self._new], out=values[:3, known:].T)
        np.concatenate([part[2] for part in self._new], out=values[3:, known:].T)
        self._new.clear()
        if not math.isfinite(values.sum()):
            finite = np.isfinite(values).all(axis=0)
            time_s, values = time_s[finite], values[:, finite]
        if len(time_s) < 2:
            self._time_s, self._values = time_s, values
            return
        step = time_s[1:] - time_s[:-1]
        if step.max() <= RESTART_S:
            self._extend(time_s, step, values)
            return
        begin = 0
        for end in [*((step > RESTART_S).nonzero()[0] + 1).tolist(), len(time_s)]:
            if begin:
                self._filter = None
            self._extend(time_s[begin:end], step[begin : end - 1], values[:, begin:end])
            begin = end

    def _extend(self, time_s: Floats, step: Floats, values: Floats) -> None:
        """The cells of samples with these times from one to the next, none long; the last are kept for the next cell."""
        self._time_s, self._values = time_s, values
        first, last = self._end, math.floor(time_s.item(-1) * RATE_HZ)
        if self._filter is None:
            first = max(first, math.ceil(time_s.item(0) * RATE_HZ))
        if last <= first:
            return
        if self._filter is None:
            self._filter = vqf.BasicVQF(1.0 / RATE_HZ)
            self._skip(first)
        edges = np.arange(first, last + 1) / RATE_HZ
        # samples after each edge; a sample at the first or last one may seem to lie beyond it, by rounding
        right = time_s.searchsorted(edges)
        right[0], right[-1] = max(right.item(0), 1), min(right.item(-1), len(step))
        share = (edges - time_s[right - 1]) / np.maximum(step[right - 1], 1e-9)
        area = values[:, 1:] + values[:, :-1]
        area *= 0.5 * step
        # the integral over each cell, whatever the sensor's rate: of the whole steps that end in it, and of parts of two
        whole = np.add.reduceat(area, right - 1, axis=1)[:, :-1]
        samples = right[1:] - right[:-1]
        if not samples.all():
            whole[:, samples == 0] = 0.0
        part = area[:, right - 1] * share
        cells = self._row.more(last - first)
        np.multiply(whole - part[:, :-1] + part[:, 1:], RATE_HZ, out=cells.means)
        force, rate = cells.means[:3], cells.means[3:]
        cells.quat[:] = self._filter.updateBatch(np.ascontiguousarray(rate.T), np.ascontiguousarray(force.T))["quat6D"].T
        np.sqrt(np.add.reduce(force * force, axis=0), out=cells.sizes)
        cells.missing[:], cells.samples[:] = 0.0, samples
        if step.max() > HOLE_S:
            for at in (step > HOLE_S).nonzero()[0].tolist():
                begin, end = (int((at_s - edges[0]) * RATE_HZ) for at_s in time_s[at : at + 2].tolist())
                cells.missing[max(begin, 0) : max(end + 1, 0)] = 1.0
        kept = right.item(-1) - 1
        self._time_s, self._values = time_s[kept:].copy(), values[:, kept:].copy()

    def _skip(self, first: int) -> None:
        """The next cell is this one: those before it were not measured."""
        gap = first - self._end
        if len(self._row) and gap <= LONGEST_GAP:
            self._row.more(gap).rows[:] = Cells.none(gap).rows
        else:
            self._row, self._begin = _Row(), first
