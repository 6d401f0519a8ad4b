"""Rows of several movements laid one after another, and their phases: descent, ascent, or the whole.

Metrics of many repetitions are computed at once. Element-wise operations run over all rows together; only operations that
need a single movement (a running maximum, a search) run one movement at a time. No result depends on which movements
are computed together: there is no sum over rows of several movements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from body_signals import Bools, Floats, Ints

T = TypeVar("T", bound=np.generic)
VELOCITY_HALF_S = 0.05
"""Half the span, s, of the central differences that give velocities (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """One phase of each of r movements: begin (r,) and length (r,) in rows."""

    begin: Ints
    length: Ints

    @property
    def end(self) -> Ints:
        """The phases' last rows, (r,)."""
        return self.begin + self.length - 1

    def parts(self, rows: NDArray[T]) -> list[NDArray[T]]:
        """The rows (…, n) of each phase."""
        return [rows[..., a:b] for a, b in zip(self.begin.tolist(), (self.begin + self.length).tolist(), strict=True)]

    def backwards(self, n: int) -> Phases:
        """The same phases for rows (n,) in reverse order."""
        return Phases(n - self.begin - self.length, self.length)

    def each(self, values: Floats, n: int) -> Floats:
        """Values (…, r) of ordered phases as rows (…, n): each from the beginning of its phase to that of the next."""
        edges = np.concatenate((self.begin, (n,)))
        edges[0] = 0
        return np.asarray(values.repeat(edges[1:] - edges[:-1], axis=-1))

    def highest(self, rows: Floats) -> Floats:
        """Largest value (…, r) of rows (…, n) within each phase; they are in order."""
        edges = np.stack((self.begin, self.begin + self.length), axis=1).ravel()
        # every other stretch lies between two phases; the end of all rows is not one
        return np.asarray(np.maximum.reduceat(rows, edges[edges < rows.shape[-1]], axis=-1)[..., ::2])

    def first(self, what: Bools) -> Ints:
        """First row (r,) of each phase at which `what` (n,) holds; -1 where there is none."""
        at = np.flatnonzero(what)
        if not len(at):
            return np.full(len(self.begin), -1)
        k = at.searchsorted(self.begin)
        found = at[np.minimum(k, len(at) - 1)]
        return np.where((k < len(at)) & (found < self.begin + self.length), found, -1)

    def last(self, what: Bools) -> Ints:
        """Last row (r,) of each phase at which `what` (n,) holds; -1 where there is none."""
        at = np.flatnonzero(what)
        if not len(at):
            return np.full(len(self.begin), -1)
        k = at.searchsorted(self.begin + self.length) - 1
        found = at[np.maximum(k, 0)]
        return np.where((k >= 0) & (found >= self.begin), found, -1)


def laid_out(phases: Sequence[Phases], n: int) -> Phases:
    """Phases of several arrays of n rows, renumbered for all these rows one after another."""
    begin = np.concatenate([p.begin + k * n for k, p in enumerate(phases)])
    return Phases(begin, np.concatenate([p.length for p in phases]))


def one_phase(n: int) -> Phases:
    """A single phase of all n rows."""
    return Phases(np.zeros(1, np.int64), np.array([n]))


def velocity_rows(rate_hz: float) -> int:
    """Rows to either side of a velocity's central difference."""
    return max(1, round(VELOCITY_HALF_S * rate_hz))


def inner_velocity(angle: Floats, rate_hz: float) -> Floats:
    """Rate of change (…, n - 2 k), per second, of angle (…, n) by central differences over k = `velocity_rows` either way."""
    k = velocity_rows(rate_hz)
    return np.asarray((angle[..., 2 * k :] - angle[..., : -2 * k]) * (rate_hz / (2 * k)))


def velocity(angle: Floats, rate_hz: float, whole: Phases | None = None) -> Floats:
    """Rate of change (…, n), per second, of angle (…, n); see `inner_velocity`.

    whole: the movements that the rows belong to, one after another; without it all rows are one. A movement's first and last
    rows have the nearest velocity that can be taken; in one too short for any it is 0.
    """
    k = velocity_rows(rate_hz)
    if angle.shape[-1] <= 2 * k:
        return np.zeros_like(angle)
    result = np.empty_like(angle)
    result[..., k:-k] = inner_velocity(angle, rate_hz)
    if whole is None:
        result[..., :k], result[..., -k:] = result[..., k : k + 1], result[..., -k - 1 : -k]
        return result
    end = whole.begin + whole.length
    long = whole.length > 2 * k
    head, tail, rows = whole.begin[long], end[long], np.arange(k)
    result[..., head[:, None] + rows] = result[..., head + k, None]
    result[..., tail[:, None] - 1 - rows] = result[..., tail - k - 1, None]
    for a, b in zip(whole.begin[~long].tolist(), end[~long].tolist(), strict=True):
        result[..., a:b] = 0.0
    return result


def bridged(rows: Floats, longest: int, whole: Phases | None = None) -> Floats:
    """The rows (c, n) with inner holes of at most `longest` rows filled linearly; longer ones and those at an end stay NaN.

    whole: the movements that the rows belong to, as in `velocity`.
    """
    missing = ~np.isfinite(rows)
    filled, n = rows.copy(), rows.shape[1]
    movement = None if whole is None else np.repeat(np.arange(len(whole.begin)), whole.length)
    holes: dict[bytes, tuple[Ints, Ints, Ints]] = {}
    for row, gone in zip(filled, missing, strict=True):
        if not gone.any() or gone.all():
            continue
        # rows of one sensor share their holes
        if (key := gone.tobytes()) not in holes:
            inner, there = np.flatnonzero(gone), np.flatnonzero(~gone)
            after = np.searchsorted(there, inner)
            first = np.where(after > 0, there[after - 1], -1 - longest)
            stop = np.where(after < len(there), there[np.minimum(after, len(there) - 1)], n + longest)
            short = stop - first - 1 <= longest
            if movement is not None:
                short[short] = movement[first[short]] == movement[stop[short]]
            holes[key] = inner[short], first[short], stop[short]
        at, before, behind = holes[key]
        row[at] = row[before] + (row[behind] - row[before]) * ((at - before) / (behind - before))
    return filled


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Running maximum of r phases at each of their rows, one phase after another: furthest (m,), the largest value so far, and
    since (m,), the row at which it was reached; begin and length (r,)."""

    furthest: Floats
    since: Ints
    begin: Ints
    length: Ints

    @property
    def low(self) -> Floats:
        """The phases' first values, (r,)."""
        return np.asarray(self.furthest[self.begin])

    @property
    def top(self) -> Floats:
        """The phases' largest values, (r,)."""
        return np.asarray(self.furthest[self.begin + self.length - 1])


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """Where phases first reach levels, each array (r, k): the last row before and the first row at or beyond the level, counted
    from the phase's beginning, and the fraction between the two, 0 … 1. For a level that was reached from the start, or never,
    both are the first or the furthest row."""

    before: Ints
    beyond: Ints
    part: Floats


def reach(phases: Phases, rows: Floats) -> Reach:
    """The furthest value so far of rows (n,) within each phase: a movement that goes back a little is measured along it."""
    begin = np.cumsum(phases.length) - phases.length
    furthest = np.empty(int(phases.length.sum()))
    for part, a, n in zip(phases.parts(rows), begin.tolist(), phases.length.tolist(), strict=True):
        np.maximum.accumulate(part, out=furthest[a : a + n])
    risen = np.empty(len(furthest), np.bool_)
    np.greater(furthest[1:], furthest[:-1], out=risen[1:])
    risen[begin] = True
    since = np.maximum.accumulate(np.where(risen, np.arange(len(furthest)), 0))
    return Reach(furthest, since, begin, phases.length)


def reached(so_far: Reach, levels: Floats) -> Reached:
    """Where the phases pass levels (r, k)."""
    parts = Phases(so_far.begin, so_far.length).parts(so_far.furthest)
    found = [part.searchsorted(of_one, "right") for part, of_one in zip(parts, levels, strict=True)]
    k = np.concatenate(found).reshape(levels.shape)
    begin = so_far.begin[:, None]
    before = so_far.since[begin + np.maximum(k - 1, 0)]
    beyond = np.where((k > 0) & (k < so_far.length[:, None]), begin + k, before)
    low = so_far.furthest[before]
    rise = so_far.furthest[beyond] - low
    part = np.divide(levels - low, rise, out=np.zeros(levels.shape), where=rise > 0.0)
    return Reached(before - begin, beyond - begin, part)
