"""How much later one of two worn sensors shows a movement than the other, by what linked segments must feel together.

Neighbouring segments share a joint, and both carry its acceleration. Along the vertical, a sensor with the specific force a,
the rate w and the lever arm r to the joint, and the vertical z in its own axes, finds

    z·a - g + ((z × w') + (z·w) w - (w·w) z) · r

for it. With the right lag, some lever arms make both sensors find the same; with a wrong one none do. How a person shares a
bend between spine and hips does not matter, which it does where turning rates are compared. Two segments that are not
neighbours (the thighs, thigh and lumbar spine) are carried along by the pelvis, and nearly feel the same.

Where people walk steadily, a lag of a whole step fits as well: such a window says nothing. Nor does one without movement.

Sources: T. Seel, J. Raisch, T. Schauer, Sensors 14, 2014, doi 10.3390/s140406891 (lever arms from equal acceleration).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from body_signals import G0, Floats
from dsp import rotation
from dsp.orientation.strapdown import two_sided

RATE_HZ = 25.0
"""Forces and rates are averaged over cells of this rate (ours)."""
WINDOW_S, HOP_S = 4.0, 2.0
"""A window, and the time between the beginnings of two (ours)."""
SEARCH_S = 1.2
"""Largest lag that is looked for, to either side of the one that is known (ours)."""
LEAD_S = 6.0
"""Samples before the first window by which its vertical is found (ours)."""
HOLE_S = 0.1
"""A window with a longer hole between samples says nothing (ours)."""
LEVER_M, NOISE_M_S2 = 0.3, 0.3
"""Spread of a lever arm beforehand, and of what two sensors find for one joint: tilt, skin (ours)."""
FLOOR = 0.01
"""Added to mean squares, (m/s²)²: what is below this is noise (ours)."""
CLEAR = 2.5
"""The best lag leaves this many times less than any other one does (ours)."""
BESIDE_S = 0.12
"""Lags nearer to the best than this are the same one (ours)."""
EXPLAINED = 0.5
"""The best lag leaves at most this part of what the sensors feel (ours)."""
MOVES = 0.01
"""Mean square of the vertical force, (m/s²)², in a window that can say something (ours)."""
LEAST_M_S2 = 0.2
"""Where the size of the specific force varies by less, nothing can be compared (ours)."""
_CELLS, _SEARCH = round(WINDOW_S * RATE_HZ), round(SEARCH_S * RATE_HZ)
_SMOOTH = (0.25, 0.5, 0.25)


@dataclass(frozen=True, slots=True, eq=False)
class Felt:
    """What a sensor feels along the vertical in cells of time: rows (4, n), the force less gravity, m/s², and by what a lever
    arm's three components add to it; holes (n + 1,): number of cells with a hole before each."""

    rows: Floats
    holes: Floats

    @classmethod
    def of(cls, parts: Sequence[tuple[Floats, Floats, Floats]], begin: int, cells: int, from_s: float = -np.inf) -> Felt | None:
        """From parts of times (n,), forces and rates (n, 3), in cells from number `begin` on; None where they tell nothing.
        from_s: samples before are left out."""
        low_s, high_s = begin / RATE_HZ, (begin + cells) / RATE_HZ
        earliest_s = max(low_s - 1.0 / RATE_HZ, from_s)
        near = [(at, acc, gyr, *at.searchsorted((earliest_s, high_s + 1.0 / RATE_HZ)).tolist()) for at, acc, gyr in parts]
        near = [part for part in near if part[3] < part[4]]
        n = sum(stop - start for _, _, _, start, stop in near)
        if n < cells:
            return None
        time_s = np.concatenate([at[start:stop] for at, _, _, start, stop in near])
        values = np.empty((6, n))
        np.concatenate([acc[start:stop] for _, acc, _, start, stop in near], out=values[:3].T)
        np.concatenate([gyr[start:stop] for _, _, gyr, start, stop in near], out=values[3:].T)
        if not np.isfinite(values).all():
            return None
        edges = (begin + np.arange(cells + 1)) / RATE_HZ
        step = np.diff(time_s)
        # integrals up to each sample, and from them the mean of each cell, whatever the sensor's rate
        sums = np.zeros((6, n))
        area = values[:, 1:] + values[:, :-1]
        area *= 0.5 * step
        np.cumsum(area, axis=1, out=sums[:, 1:])
        right = time_s.searchsorted(edges).clip(1, n - 1)
        share = ((edges - time_s[right - 1]) / np.maximum(step[right - 1], 1e-9)).clip(0.0, 1.0)
        upto = sums[:, right - 1]
        upto += (sums[:, right] - upto) * share
        cell = (upto[:, 1:] - upto[:, :-1]) * RATE_HZ
        force, rate = cell[:3], cell[3:]
        size = np.sqrt((force * force).sum(axis=0))
        if float(size.max() - size.min()) < LEAST_M_S2:
            return None
        hole = np.zeros(cells)
        for at in np.flatnonzero(step > HOLE_S).tolist():
            hole[max(int((time_s[at] - low_s) * RATE_HZ), 0) : max(int((time_s[at + 1] - low_s) * RATE_HZ) + 1, 0)] = 1.0
        hole[edges[:-1] < time_s[0] - HOLE_S] = hole[edges[1:] > time_s[-1] + HOLE_S] = 1.0
        up = rotation.vertical_in_sensor(two_sided(RATE_HZ, np.ascontiguousarray(force.T), np.ascontiguousarray(rate.T)))
        turn = np.empty_like(rate)
        turn[:, 1:-1] = (rate[:, 2:] - rate[:, :-2]) * (0.5 * RATE_HZ)
        turn[:, 0], turn[:, -1] = (rate[:, 1] - rate[:, 0]) * RATE_HZ, (rate[:, -1] - rate[:, -2]) * RATE_HZ
        rows = np.empty((4, cells))
        rows[0] = (up * force).sum(axis=0) - G0
        rows[1:] = rotation.cross(up, turn) + (up * rate).sum(axis=0) * rate - (rate * rate).sum(axis=0) * up
        smooth = _SMOOTH[1] * rows
        smooth[:, 1:] += _SMOOTH[0] * rows[:, :-1]
        smooth[:, :-1] += _SMOOTH[2] * rows[:, 1:]
        return cls(smooth, np.concatenate(([0.0], np.cumsum(hole))))

    def whole(self, start: int, stop: int) -> bool:
        """Whether there is no hole in these cells."""
        return start >= 0 and stop < len(self.holes) and bool(self.holes[start] == self.holes[stop])


def sizes_of(parts: Sequence[tuple[Floats, Floats, Floats]], begin_s: float, end_s: float) -> tuple[Floats, Floats]:
    """Times (n,) and sizes (n,), m/s², of the specific force in this time, at about `RATE_HZ`, by means of a few samples."""
    there = [(time_s, acc, *time_s.searchsorted((begin_s, end_s)).tolist()) for time_s, acc, _ in parts]
    if not any(start < stop for _, _, start, stop in there):
        return np.empty(0), np.empty(0)
    # however the samples came in parts
    times = np.concatenate([time_s[start:stop] for time_s, _, start, stop in there])
    forces = np.concatenate([acc[start:stop] for _, acc, start, stop in there])
    every = max(int(len(times) / ((times[-1] - times[0]) * RATE_HZ + 1.0)), 1)
    whole = len(times) // every * every
    some = np.add.reduce(forces[:whole].reshape(-1, every, 3), axis=1)
    return times[:whole:every], np.sqrt(np.einsum("ij,ij->i", some, some)) / every


def variation(sizes: tuple[Floats, Floats], begin_s: float, end_s: float) -> float:
    """By how much, m/s², these sizes vary in this time."""
    start, stop = sizes[0].searchsorted((begin_s, end_s)).tolist()
    there = sizes[1][start:stop]
    return float(there.max() - there.min()) if len(there) else 0.0


def lag_of(first: Felt, second: Felt, start: int, near_s: float) -> float | None:
    """How much later, s, the second sensor shows what the first does in the window of cells from `start` on; None where that
    is not clear. near_s: about what it is."""
    low = start + round(near_s * RATE_HZ) - _SEARCH
    high = low + 2 * _SEARCH + _CELLS
    if not (first.whole(start, start + _CELLS) and second.whole(low, high)):
        return None
    here, there = first.rows[:, start : start + _CELLS], second.rows[:, low:high]
    felt = max(float((here[0] * here[0]).mean()), float((there[0] * there[0]).mean()))
    if felt < MOVES:
        return None
    left = _left_over(here, there) / _CELLS
    lowest, places = _minima(left)
    if not len(lowest):
        return None
    best = int(lowest.argmin())
    others = left[np.abs(np.arange(len(left)) - places[best]) > BESIDE_S * RATE_HZ].min()
    beside = np.abs(places - places[best]) > BESIDE_S * RATE_HZ
    if beside.any():
        others = min(float(others), float(lowest[beside].min()))
    if others + FLOOR < CLEAR * (lowest[best] + FLOOR) or lowest[best] > EXPLAINED * felt:
        return None
    return (float(places[best]) - _SEARCH + round(near_s * RATE_HZ)) / RATE_HZ


def _minima(left: Floats) -> tuple[Floats, Floats]:
    """The minima (k,) of what is left at each lag, between the lags by a parabola, and where they are. A lag between two cells
    would else lose to one that is wrong by a whole stride and a whole number of cells."""
    before, middle, after = left[:-2], left[1:-1], left[2:]
    at = np.flatnonzero((middle <= before) & (middle <= after))
    before, middle, after = before[at], middle[at], after[at]
    bend = np.maximum(before - 2.0 * middle + after, 1e-12)
    fine = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return np.maximum(middle - 0.25 * (before - after) * fine, 0.0), at + 1.0 + fine


def _left_over(here: Floats, there: Floats) -> Floats:
    """Sum of squares (lags,), (m/s²)², that the best lever arms leave of the difference between here (4, n) and each stretch
    of n cells of there (4, n + lags - 1)."""
    n = here.shape[1]
    fixed = np.concatenate((here, np.ones((1, n))))
    moved = sliding_window_view(there, n, axis=1)
    # products of the fixed series with each other, with the moved ones, and of these: the moved ones by running sums
    own = fixed @ fixed.T
    across = moved @ fixed.T
    sums = np.zeros((4, 4, there.shape[1] + 1))
    np.cumsum(there[:, None] * there[None], axis=2, out=sums[:, :, 1:])
    other = (sums[:, :, n:] - sums[:, :, :-n]).transpose(2, 0, 1)
    lags = len(other)
    normal, right = np.zeros((lags, 7, 7)), np.empty((lags, 7, 1))
    across = across.transpose(1, 0, 2)
    # unknown: both lever arms and a constant; columns k1, -k2, 1, and what they must explain is v2 - v1
    normal[:, :3, :3], normal[:, 6, :3], normal[:, :3, 6] = own[1:4, 1:4], own[4, 1:4], own[1:4, 4]
    normal[:, 6, 6] = n
    normal[:, 3:6, 3:6] = other[:, 1:, 1:]
    normal[:, 3:6, :3] = -across[:, 1:, 1:4]
    normal[:, :3, 3:6] = -across[:, 1:, 1:4].transpose(0, 2, 1)
    normal[:, 3:6, 6] = normal[:, 6, 3:6] = -across[:, 1:, 4]
    normal[:, range(6), range(6)] += (NOISE_M_S2 / LEVER_M) ** 2
    right[:, :3, 0] = across[:, 0, 1:4] - own[0, 1:4]
    right[:, 3:6, 0] = -(other[:, 0, 1:] - across[:, 1:, 0])
    right[:, 6, 0] = across[:, 0, 4] - own[0, 4]
    total = other[:, 0, 0] - 2.0 * across[:, 0, 0] + own[0, 0]
    explained = (right[:, :, 0] * np.linalg.solve(normal, right)[:, :, 0]).sum(axis=1)
    return np.asarray(np.maximum(total - explained, 0.0))
