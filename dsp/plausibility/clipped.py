"""Values that stand at the end of a sensor's range, told from the samples themselves.

A channel that is clipped comes up to its extreme value, stays exactly there, and leaves it. So does the top of a smooth curve
in a coarse sensor; but that stays within one step of the sensor's resolution, while a clipped curve would have gone on: a
curve that enters a level with the slope s and leaves it after L samples reaches s L / 4 beyond it. From `_STEPS` steps of the
resolution on it is clipped, and from then on that value is the end of the range. State changes at samples only, so the cut
into blocks does not matter.
"""

from __future__ import annotations

import math
from collections import deque
from operator import gt, lt

import numpy as np

from body_signals import G0, Bools, Cause, Floats
from dsp.results import Finding

_SHORTEST, _SURE = 4, 6
"""Samples that a channel must stand at its extreme value: twice the one, or once the other (ours)."""
_FINE = 250.0
"""Steps of the resolution up to the value, from which on two plateaus at one value are no chance (ours)."""
_NEAREST: Floats = np.repeat((14.7, 0.35), 3)
"""No range ends nearer to zero: 1.5 g and 20 °/s (ours)."""
_STEPS = 4.0
"""The curve must reach this number of steps of the sensor's resolution beyond the value (ours)."""
_LEAST: Floats = np.repeat((0.2, 0.01), 3)
"""And by this: m/s² of an accelerometer, rad/s of a gyroscope (ours)."""
_COARSE: Floats = np.repeat((0.15, 0.0175), 3)
"""Resolution of a sensor before it is known: 15 mg and 1 °/s, that of the coarsest (ours)."""
_PINNED_M_S2 = 4.0
_PINNED_SHARE = 0.96
"""A range that ends below gravity: above the first, m/s², and |acc| reads less than this part of gravity meanwhile (ours)."""
_PINNED_MOVES_M_S2, _PINNED_WINDOWS = 1.5, 3
"""Least change of an axis in a movement; number of windows that must show it, before and after a movement (ours)."""
FEW = 32
"""Up to this number of samples, numbers of Python are faster (ours)."""
_KEPT = 64
"""Samples remembered of the last call: a run that is longer has been judged by then (ours)."""


Extremes = tuple[list[float], list[float]]
"""Largest and smallest value of each channel of some samples, acc and then gyr; not a number where any value is none."""


class ClippedValues:
    """Finds the clipped samples of one sensor, six channels: acc (m/s²), then gyr (rad/s)."""

    def __init__(self) -> None:
        self.resolution: Floats = _COARSE.copy()
        """Smallest step (6,) between two samples; to be set as it becomes known."""
        self._high, self._low = _NEAREST.copy(), -_NEAREST
        """Extreme values so far, if they can be ends of a range."""
        self._highest: list[float] = self._high.tolist()
        self._lowest: list[float] = self._low.tolist()
        """The same as numbers."""
        self._gates = float(_NEAREST[0]), float(_NEAREST[3])
        """Smallest of these, of acc and gyr."""
        self._ends: dict[tuple[int, float], float] = {}
        self._recent: deque[tuple[Floats, Floats]] = deque()
        self._kept = 0
        """The latest samples, acc and gyr, and how many these are."""
        self._count = 0
        """Samples so far."""
        self._seen: dict[tuple[int, float, float], int] = {}
        """By channel, sense and value: the sample at which it first stood there."""

    @property
    def ends(self) -> dict[tuple[int, float], float]:
        """Values at which ranges end, by channel (0 to 5) and sense (1.0 or -1.0: which end)."""
        return {(channel, sense): sense * end for (channel, sense), end in self._ends.items()}

    def pin(self, end: float) -> None:
        """The range of the accelerometer ends at ± end, as `PinnedValues` has found."""
        for channel in range(3):
            self._ends[channel, 1.0] = self._ends[channel, -1.0] = end
        self._high[:3], self._low[:3] = end, -end
        self._gates = end, self._gates[1]

    def feed(self, acc: Floats, gyr: Floats, extremes: Extremes | None = None) -> Bools | None:
        """Which of n > 0 samples acc, gyr (n, 3) are clipped; None where none is. extremes: theirs, where they are
        known."""
        n = len(acc)
        self._count += n
        self._recent.append((acc, gyr))
        self._kept += n
        while self._kept - len(self._recent[0][0]) >= _KEPT + n:
            self._kept -= len(self._recent.popleft()[0])
        if n <= FEW and _reach(gyr) < self._gates[1] and _reach(acc) < self._gates[0]:
            # no channel comes to its extreme value
            return None
        highest, lowest = extremes_of(acc, gyr) if extremes is None else extremes
        if all(map(lt, highest, self._highest)) and all(map(gt, lowest, self._lowest)):
            # nor to its own
            return None
        high, low = np.array(highest), np.array(lowest)
        clipped: Bools | None = None
        for sense, extreme, known in ((1.0, high, self._high), (-1.0, -low, -self._low)):
            for channel in np.flatnonzero(extreme >= known).tolist():
                kind, axis = divmod(channel, 3)
                track = np.concatenate([both[kind][:, axis] for both in self._recent])[-_KEPT - n :] * sense
                if (channel, sense) not in self._ends and not _stays(track, float(known[channel])):
                    # it comes to its extreme value, and does not stay
                    continue
                found = self._channel(track, channel, sense, float(known[channel]), len(track) - n)[len(track) - n :]
                if found.any():
                    clipped = found if clipped is None else clipped | found
        np.maximum(self._high, high, out=self._high)
        np.minimum(self._low, low, out=self._low)
        self._highest, self._lowest = self._high.tolist(), self._low.tolist()
        ends = np.minimum(self._high, -self._low)
        self._gates = float(ends[:3].min()), float(ends[3:].min())
        return clipped

    def _channel(self, track: Floats, channel: int, sense: float, known: float, old: int) -> Bools:
        """Clipped samples (n,) of a channel whose upper end is looked for; known: its highest value; old: samples of before."""
        clipped = np.zeros(len(track), np.bool_)
        end = self._ends.get((channel, sense))
        if end is not None:
            beyond = np.flatnonzero(track > end)
            if not len(beyond):
                return np.asarray(track >= end)
            # it was no end: there are higher values
            del self._ends[channel, sense]
            clipped[: beyond[0]] = track[: beyond[0]] >= end
        at_top = (track == np.maximum.accumulate(track)) & (track >= known)
        stays = np.concatenate(([False], track[1:] == track[:-1])) & at_top
        if not stays.any():
            return clipped
        starts = np.flatnonzero(stays & ~np.concatenate(([False], stays[:-1]))) - 1
        ends = np.flatnonzero(stays & ~np.concatenate((stays[1:], [False])))
        for start, last in zip(starts.tolist(), ends.tolist(), strict=True):
            if last < old or track[start] < _NEAREST[channel]:
                # judged with the samples before, or no end of a range
                continue
            first = start + self._judged_after(track, start, channel) - 1
            if first > last:
                continue
            began = self._count - len(track) + start
            stood = self._seen.setdefault((channel, sense, float(track[start])), began)
            coarse = track[start] < _FINE * self.resolution[channel]
            if stood == began or coarse:
                first = max(first, start + (2 * _SURE if coarse else _SURE) - 1)
            if first <= last:
                self._ends[channel, sense] = float(track[start])
                higher = np.flatnonzero(track[first:] > track[start])
                until = first + int(higher[0]) if len(higher) else len(track)
                if len(higher):
                    del self._ends[channel, sense]
                clipped[first:until] = track[first:until] == track[start]
        return clipped

    def _judged_after(self, track: Floats, start: int, channel: int) -> int:
        """After how many samples at its top a curve that came there at `start` would have gone on beyond it."""
        if start < 2:
            return 1 << 40
        slopes = float(track[start] - track[start - 1]), float(track[start - 1] - track[start - 2])
        if min(slopes) <= 0.0:
            return 1 << 40
        beyond = max(_STEPS * float(self.resolution[channel]), float(_LEAST[channel]))
        # the last step before the end is cut short by it
        return max(_SHORTEST, math.floor(4.0 * beyond / max(slopes[1], 0.5 * sum(slopes))) + 1)


def _stays(track: Floats, least: float) -> bool:
    """Whether two samples in a row of a channel (n,) are the same, at `least` or above."""
    high = np.flatnonzero(track >= least)
    values = track[high]
    return bool(((values[1:] == values[:-1]) & (high[1:] - high[:-1] == 1)).any())


def extremes_of(acc: Floats, gyr: Floats) -> Extremes:
    """Of acc, gyr (n, 3)."""
    if len(acc) <= FEW:
        both = [values.ravel().tolist() for values in (acc, gyr)]
        columns = [numbers[axis::3] for numbers in both for axis in range(3)]
        return [max(column) for column in columns], [min(column) for column in columns]
    rows = rows_of(acc, gyr)
    return rows.max(axis=1).tolist(), rows.min(axis=1).tolist()


def rows_of(acc: Floats, gyr: Floats) -> Floats:
    """acc, gyr (n, 3) as rows (6, n): many times as fast to look through for extremes."""
    rows = np.empty((6, len(acc)))
    rows[:3], rows[3:] = acc.T, gyr.T
    return rows


class PinnedValues:
    """Finds an accelerometer whose range ends below gravity: an axis stands exactly at the highest value ever seen in any axis,
    comes back to it after movements, and gravity is missing meanwhile. An axis that is dead has been elsewhere before.

    end: where the range ends, None while it is not known; since_s: since when that was seen.
    """

    def __init__(self) -> None:
        self.end: float | None = None
        self.since_s = math.nan
        self._top = 0.0
        self._seen, self._moved = 0, False

    def passes(self, acc: Floats) -> bool:
        """Whether these samples (n, 3) tell nothing: none comes to the highest value so far. Cheap; to be asked first."""
        # false also where there are no numbers
        return not self._seen and bool(max(acc.max(), -acc.min()) < self._top)

    def feed(self, time_s: Floats, acc: Floats) -> bool:
        """Samples (n,), (n, 3) of some two seconds: whether an axis is, or seems, pinned in them, so that they tell nothing."""
        size = np.abs(acc)
        top = float(size.max())
        if top > self._top:
            self._top, self._seen, self._moved, self.end = top, 0, False, None
        if top < self._top or not _PINNED_M_S2 < top < _NEAREST[0]:
            self._moved |= self._seen > 0
            return False
        at = size == top
        share = at.mean(axis=0)
        pinned = int(share.argmax())
        moves = float(np.ptp(acc, axis=0).max()) > _PINNED_MOVES_M_S2
        self._moved |= self._seen > 0 and moves
        changes = np.delete((acc[1:] != acc[:-1]).mean(axis=0), pinned).max()
        rest = acc[at[:, pinned]]
        missing = float(np.sqrt((rest * rest).sum(axis=1)).mean()) < _PINNED_SHARE * G0
        if share[pinned] < 0.1 or changes < 0.5 or not missing:
            return False
        if share[pinned] >= 0.5:
            self.since_s = self.since_s if self._seen else float(time_s[at[:, pinned]][0])
            self._seen += 1
            if self._seen >= _PINNED_WINDOWS and self._moved:
                self.end = top
        return True


def _reach(values: Floats) -> float:
    """Largest size among a few values (n, 3)."""
    flat = values.ravel().tolist()
    return float(max(max(flat), -min(flat)))


class ClippedStretch:
    """The finding of one sensor's clipped samples: when they begin, and at the end of the session how many they were.

    values: what finds the clipped samples, None where the device tells them itself and says so elsewhere.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._span: tuple[float, float, int] | None = None
        """Times of the first and the last, and how many there were."""
        self._known_s = math.nan

    def feed(self, time_s: Floats, values: ClippedValues | None, known_s: float | None = None) -> list[Finding]:
        """Clipped samples at these times (n,), n > 0; known_s: session time at which they were known, None: at once."""
        began = self._span is None
        first, _, count = self._span if self._span is not None else (float(time_s[0]), 0.0, 0)
        self._span = first, float(time_s[-1]), count + len(time_s)
        if not began:
            return []
        self._known_s = first if known_s is None else known_s
        return [] if values is None else [self._finding(values)]

    def finish(self, values: ClippedValues | None) -> list[Finding]:
        """The end of the samples."""
        return [] if self._span is None else [self._finding(values, over=True)]

    def _finding(self, values: ClippedValues | None, *, over: bool = False) -> Finding:
        assert self._span is not None
        first, last, count = self._span
        what = "values stand at the end of the sensor's range (clipped)"
        if values is not None and values.ends:
            (channel, _), end = max(values.ends.items(), key=lambda found: found[0])
            name = f"{'acc' if channel < 3 else 'gyr'} {'xyz'[channel % 3]}"
            what += f": {name} at {end:.3g} m/s²" if channel < 3 else f": {name} at {math.degrees(end):.4g} °/s"
        if over:
            what += f", {count} samples"
        remedy = "Set a wider range of the sensor; angles after such samples are less certain than stated."
        return Finding(self._key, Cause.CLIPPED, first, self._known_s, what, remedy, last if over else None)
