"""How much later one of two worn sensors shows a movement than the other, by what linked segments must feel together.

Neighbouring segments share a joint, and both carry its acceleration. Along the vertical, a sensor with the specific force a,
the rate w and the lever arm r to the joint, and the vertical z in its own axes, finds

    z·a - g + ((z × w') + (z·w) w - (w·w) z) · r

for it. With the right lag, some lever arms make both sensors find the same; with a wrong one none do. How a person shares a
bend between spine and hips does not matter, which it does where turning rates are compared. Two segments that are not
neighbours (the thighs, thigh and lumbar spine) are carried along by the pelvis, and nearly feel the same.

Where people walk steadily, a lag of a whole step fits as well. Such a window does not tell the lag; but where the known lag
does not fit, it tells that the clocks disagree. A window without movement says nothing, nor does one in which only one sensor
moves.

Sources: T. Seel, J. Raisch, T. Schauer, Sensors 14, 2014, doi 10.3390/s140406891 (lever arms from equal acceleration).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from body_signals import G0, Floats
from dsp import rotation
from dsp.plausibility.clocks.cells import RATE_HZ, Cells, MotionCells

WINDOW_S, HOP_S = 4.0, 2.0
"""A window, and the time between the beginnings of two (ours)."""
SEARCH_S = 1.2
"""Largest lag that is looked for, to either side of the one that is known (ours)."""
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
GLIMPSE_S = 2.0
"""A short window, which tells only that the known lag does not fit (ours)."""
NEAR_S, SURE = 0.75, 3.0
"""A lag that is not clear differs from the known one by less than the first, and leaves the second times less (ours)."""
BOTH = 0.2
"""Both sensors feel at least this part of what the other one does, where the lag is not clear (ours)."""
FITTING = 0.03
"""In a short window the known lag fits that leaves less than this part of what is felt (ours): nine of ten windows of sound
clocks are below 0.02."""
SAME_STEP_S, REPEATED = 0.1, 0.25
"""Where a lag within the first of the known one leaves less than those beside it, and than the second part of what is felt, the
movement repeats itself, and the known lag may be right (ours)."""
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
    def of_several(cls, sensors: Mapping[str, MotionCells], begin: int, end: int) -> dict[str, Felt]:
        """By sensor, in the cells from number `begin` to `end`; without those that tell nothing."""
        there: dict[str, Cells] = {}
        for key, of_sensor in sensors.items():
            first, cells = of_sensor.between(begin, end)
            measured = cells.missing == 0.0
            if cells.samples.sum() < np.count_nonzero(measured) or variation(cells.sizes[measured]) < LEAST_M_S2:
                continue
            if len(cells) < end - begin:
                cells = Cells.none(first - begin).joined(cells, Cells.none(end - first - len(cells)))
            there[key] = cells
        if not there:
            return {}
        rows = _along_the_vertical(Cells(np.stack([cells.rows for cells in there.values()], axis=1)))
        holes = (np.add.accumulate(np.append(0.0, cells.missing)) for cells in there.values())
        return {key: cls(rows[:, i], missing) for i, (key, missing) in enumerate(zip(there, holes, strict=True))}

    def whole(self, start: int, stop: int) -> bool:
        """Whether there is no hole in these cells."""
        return start >= 0 and stop < len(self.holes) and bool(self.holes[start] == self.holes[stop])


def _along_the_vertical(cells: Cells) -> Floats:
    """`Felt.rows` (4, s, n) of s sensors, by their cells (13, s, n)."""
    up, force, rate = rotation.vertical_in_sensor(cells.quat), cells.means[:3], cells.means[3:]
    turn = np.empty_like(rate)
    turn[..., 1:-1] = (rate[..., 2:] - rate[..., :-2]) * (0.5 * RATE_HZ)
    turn[..., 0], turn[..., -1] = (rate[..., 1] - rate[..., 0]) * RATE_HZ, (rate[..., -1] - rate[..., -2]) * RATE_HZ
    rows = np.empty((4, *force.shape[1:]))
    rows[0] = np.add.reduce(up * force, axis=0) - G0
    rows[1:] = rotation.cross(up, turn) + np.add.reduce(up * rate, axis=0) * rate - np.add.reduce(rate * rate, axis=0) * up
    smooth = _SMOOTH[1] * rows
    smooth[..., 1:] += _SMOOTH[0] * rows[..., :-1]
    smooth[..., :-1] += _SMOOTH[2] * rows[..., 1:]
    return smooth


def variation(sizes: Floats) -> float:
    """By how much, m/s², these sizes (n,) of the specific force vary."""
    return float(sizes.max() - sizes.min()) if len(sizes) else 0.0


@dataclass(frozen=True, slots=True)
class Shown:
    """How much later, s, the second of two sensors shows a movement than the first. clear: no other lag fits. Else others may
    fit as well, but the known one does not."""

    lag_s: float
    clear: bool


def lag_of(first: Felt, second: Felt, start: int, near_s: float) -> Shown | None:
    """How much later the second sensor shows what the first does in the window of cells from `start` on; None where it tells
    nothing. near_s: the lag as it is known."""
    return lags_of([(first, second, start, near_s)])[0]


def lags_of(asked: Sequence[tuple[Felt, Felt, int, float]]) -> list[Shown | None]:
    """`lag_of` of several pairs of sensors: computed together, it costs half as much."""
    lags: list[Shown | None] = [None] * len(asked)
    for i, window in _compared(asked, _CELLS, _SEARCH):
        lag_s = window.clear_lag()
        if lag_s is not None:
            lags[i] = Shown(lag_s, clear=True)
        elif (lag_s := window.other_lag()) is not None:
            lags[i] = Shown(lag_s, clear=False)
    return lags


def glimpses_of(asked: Sequence[tuple[Felt, Felt, int, float]]) -> list[float | None]:
    """By pairs as in `lags_of`: the largest lag that fits in a short window of `GLIMPSE_S`, where the known one does not."""
    lags: list[float | None] = [None] * len(asked)
    cells = round(GLIMPSE_S * RATE_HZ)
    # of sound clocks nearly all fit: to look at the known lag alone takes a fifth of the time
    unfit = [i for i, window in _compared(asked, cells, 0) if window.left[0] >= FITTING * max(window.first, window.second)]
    for at, window in _compared([asked[i] for i in unfit], cells, round(NEAR_S * RATE_HZ)):
        lags[unfit[at]] = window.other_lag(largest=True)
    return lags


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """A window of two sensors: what is left at each lag (lags,), of which the middle one is the known one, `near` cells. What
    the first feels, the second at the known lag, and the second around it. All are mean squares, (m/s²)²."""

    left: Floats
    near: int
    first: float
    second: float
    around: float

    def _lag_s(self, place: float) -> float:
        return (place - len(self.left) // 2 + self.near) / RATE_HZ

    def clear_lag(self) -> float | None:
        """The lag, s, that leaves the least; None where that is not clear."""
        lowest, places = _minima(self.left)
        if not len(lowest):
            return None
        best = int(lowest.argmin())
        others = self.left[np.abs(np.arange(len(self.left)) - places[best]) > BESIDE_S * RATE_HZ].min()
        beside = np.abs(places - places[best]) > BESIDE_S * RATE_HZ
        if beside.any():
            others = min(float(others), float(lowest[beside].min()))
        felt = max(self.first, self.around)
        if others + FLOOR < CLEAR * (lowest[best] + FLOOR) or lowest[best] > EXPLAINED * felt:
            return None
        return self._lag_s(float(places[best]))

    def other_lag(self, *, largest: bool = False) -> float | None:
        """The lag, s, that fits best where the known one does not, or the largest that fits; None where there is none."""
        lowest, places = _minima(self.left)
        known = len(self.left) // 2
        most, away = max(self.first, self.second), np.abs(places - known)
        repeated = lowest[away < SAME_STEP_S * RATE_HZ] < REPEATED * most
        if not len(lowest) or min(self.first, self.second) < BOTH * most or repeated.any():
            return None
        fits = (away < NEAR_S * RATE_HZ) & (lowest <= min(EXPLAINED * most, (self.left[known] + FLOOR) / SURE - FLOOR))
        if not fits.any():
            return None
        best = np.where(fits, -away if largest else lowest, np.inf).argmin()
        return self._lag_s(float(places[best]))


def _compared(asked: Sequence[tuple[Felt, Felt, int, float]], cells: int, search: int) -> list[tuple[int, _Compared]]:
    """Which of those that were asked have no hole, and move; and their windows of this number of cells, at lags up to `search`
    cells from the known one."""
    windows: list[tuple[Floats, Floats]] = []
    places: list[tuple[int, int, float, float]] = []
    for i, (first, second, start, near_s) in enumerate(asked):
        near = round(near_s * RATE_HZ)
        low = start + near - search
        high = low + 2 * search + cells
        if not (first.whole(start, start + cells) and second.whole(low, high)):
            continue
        here, there = first.rows[:, start : start + cells], second.rows[:, low:high]
        felt, around = float((here[0] * here[0]).mean()), float((there[0] * there[0]).mean())
        if max(felt, around) >= MOVES:
            windows.append((here, there))
            places.append((i, near, felt, around))
    if not windows:
        return []
    left = _left_over(*(np.stack(side) for side in zip(*windows, strict=True))) / cells
    found = []
    for (i, near, felt, around), of_pair, (_, there) in zip(places, left, windows, strict=True):
        at_known = there[0, search : search + cells]
        found.append((i, _Compared(of_pair, near, felt, float((at_known * at_known).mean()), around)))
    return found


def _minima(left: Floats) -> tuple[Floats, Floats]:
    """The minima (k,) of what is left at each lag, between the lags by a parabola, and where they are. A lag between two cells
    would else lose to one that is wrong by a whole stride and a whole number of cells."""
    before, middle, after = left[:-2], left[1:-1], left[2:]
    at = ((middle <= before) & (middle <= after)).nonzero()[0]
    before, middle, after = before[at], middle[at], after[at]
    bend = np.maximum(before - 2.0 * middle + after, 1e-12)
    fine = np.minimum(np.maximum(0.5 * (before - after) / bend, -0.5), 0.5)
    return np.asarray(np.maximum(middle - 0.25 * (before - after) * fine, 0.0)), np.asarray(at + 1.0 + fine)


def _left_over(here: Floats, there: Floats) -> Floats:
    """Sum of squares (p, lags), (m/s²)², that the best lever arms leave, for each of p pairs, of the difference between here
    (p, 4, n) and each stretch of n cells of there (p, 4, n + lags - 1)."""
    pairs, _, n = here.shape
    fixed = np.concatenate((here, np.ones((pairs, 1, n))), axis=1)
    moved = sliding_window_view(there, n, axis=2)
    # products of the fixed series with each other, with the moved ones, and of these: the moved ones by running sums
    own = (fixed @ fixed.swapaxes(1, 2))[:, None]
    across = (moved @ fixed.swapaxes(1, 2)[:, None]).swapaxes(1, 2)
    sums = np.zeros((pairs, 4, 4, there.shape[2] + 1))
    np.add.accumulate(there[:, :, None] * there[:, None], axis=3, out=sums[..., 1:])
    other = (sums[..., n:] - sums[..., :-n]).transpose(0, 3, 1, 2)
    lags = other.shape[1]
    normal, right = np.zeros((pairs, lags, 7, 7)), np.empty((pairs, lags, 7, 1))
    # unknown: both lever arms and a constant; columns k1, -k2, 1, and what they must explain is v2 - v1
    normal[..., :3, :3], normal[..., 6, :3], normal[..., :3, 6] = own[..., 1:4, 1:4], own[..., 4, 1:4], own[..., 1:4, 4]
    normal[..., 6, 6] = n
    normal[..., 3:6, 3:6] = other[..., 1:, 1:]
    normal[..., 3:6, :3] = -across[..., 1:, 1:4]
    normal[..., :3, 3:6] = normal[..., 3:6, :3].swapaxes(2, 3)
    normal[..., 3:6, 6] = normal[..., 6, 3:6] = -across[..., 1:, 4]
    normal[..., range(6), range(6)] += (NOISE_M_S2 / LEVER_M) ** 2
    right[..., :3, 0] = across[..., 0, 1:4] - own[..., 0, 1:4]
    right[..., 3:6, 0] = -(other[..., 0, 1:] - across[..., 1:, 0])
    right[..., 6, 0] = across[..., 0, 4] - own[..., 0, 4]
    total = other[..., 0, 0] - 2.0 * across[..., 0, 0] + own[..., 0, 0]
    explained = (right[..., 0] * np.linalg.solve(normal, right)[..., 0]).sum(axis=2)
    return np.asarray(np.maximum(total - explained, 0.0))
