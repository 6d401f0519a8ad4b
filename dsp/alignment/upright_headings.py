"""The headings of worn sensors against each other while somebody is upright: a sensor that turns on the skin changes its own.

Compared are the mediolateral axes, which neither bends nor strides turn, in segments of which each has a heading of its own;
these drift by little in the seconds that are looked at. `LEVELS` upright looks are three seconds or, with a movement in
between, more. Most calls of a running session bring a look or none: `add` takes one, in plain numbers, which are faster than
arrays then. `pass_by` takes many at once, with the same bits.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from body_signals import Floats, Ints
from dsp.results import Flags

NOW, THEN, LEVELS = 3, 4, 16
"""Of the last `LEVELS` upright looks, the means of the last and of the first are compared (ours): a slide of 1.5 s lies
between, and strides nearly even out."""
STRIDE = 5
"""Looks over which they do (ours)."""
APART = 1500
"""Ticks, 15 s, after which headings that nobody was upright between are not compared: they drift apart (ours)."""
_TURN = 2.0 * math.pi


class UprightHeadings:
    """Of s sensors: their levels, each against the mean of the others, rad, at the latest upright looks in order."""

    def __init__(self) -> None:
        self._epochs: Sequence[int] = ()
        self._heading: Sequence[float] = ()
        """Headings (s,), rad, at the last look."""
        self._whole: list[float] = []
        """The same against the first sensor, without leaps by a whole turn."""
        self._levels: deque[list[float]] = deque(maxlen=LEVELS)
        self._at: deque[int] = deque(maxlen=LEVELS)

    def add(self, heading: Sequence[float], epochs: Sequence[int], at: int) -> bool:
        """Take the headings (s,), of these epochs, at an upright look at tick `at`; whether they go on from those before."""
        goes_on = epochs == self._epochs and at - self._at[-1] <= APART
        if not goes_on:
            self._heading, self._epochs, self._whole = heading, epochs, [0.0] * len(heading)
            self._levels.clear()
            self._at.clear()
        base = heading[0] - self._heading[0]
        for i, (now, before) in enumerate(zip(heading, self._heading, strict=True)):
            turned = now - before - base
            self._whole[i] += turned - _TURN * round(turned / _TURN)
        self._heading = heading
        n, total = len(heading), sum(self._whole)
        self._levels.append([(n * whole - total) / (n - 1.0) for whole in self._whole])
        self._at.append(at)
        return goes_on

    def pass_by(self, heading: Floats, epochs: Flags, at: Ints, most: Sequence[float]) -> int:
        """Take upright looks at ticks `at` (k,), with headings and epochs (s, k), up to the first that does not go on from
        those before, or at which `turned` is more than `most` (s,) of a sensor; how many these are."""
        if not self._at:
            return 0
        goes_on = (epochs == np.array(self._epochs)[:, None]).all(axis=0) & (np.diff(at, prepend=self._at[-1]) <= APART)
        looks = len(at) if goes_on.all() else int(goes_on.argmin())
        turned = np.diff(heading[:, :looks], axis=1, prepend=np.array(self._heading)[:, None])
        turned -= turned[0]
        turned -= _TURN * np.rint(turned / _TURN)
        whole = np.add.accumulate(np.concatenate((np.array(self._whole)[:, None], turned), axis=1), axis=1)[:, 1:]
        levels = np.concatenate(
            (np.array(self._levels).T, (len(whole) * whole - np.add.reduce(whole)) / (len(whole) - 1.0)), axis=1
        )
        known = len(self._levels)
        # of each `LEVELS` that follow each other, the last of them new
        begin = max(known - LEVELS + 1, 0)
        sets = levels.shape[1] - begin - LEVELS + 1
        if sets > 0:
            then, now = (_means(levels[:, begin + start :], sets, n) for start, n in ((0, THEN), (LEVELS - NOW, NOW)))
            further = (np.abs(now - then) > np.array(most)[:, None]).any(axis=0)
            if further.any():
                looks = min(looks, int(further.argmax()) + begin + LEVELS - known - 1)
        if looks:
            self._heading, self._whole = heading[:, looks - 1].tolist(), whole[:, looks - 1].tolist()
            self._levels.extend(levels[:, known : known + looks].T.tolist())
            self._at.extend(at[:looks].tolist())
        return looks

    def turned(self) -> list[float]:
        """By how much each has turned lately (s,); nothing while too few looks are known."""
        if len(self._levels) < LEVELS:
            return []
        return [now - then for now, then in zip(self.now(NOW), self.then(), strict=True)]

    def now(self, looks: int = STRIDE) -> list[float]:
        """Mean levels at the last looks (s,)."""
        kept = min(looks, len(self._levels))
        return _mean([self._levels[-i] for i in range(kept, 0, -1)])

    def then(self) -> list[float]:
        """Mean levels at the first of the looks that are known (s,)."""
        return _mean([self._levels[i] for i in range(THEN)])

    def agreed(self, i: int, level: float, within: float) -> int:
        """Tick of the last of the known looks at which sensor i was within this of a level; of the first where it never was."""
        near = [at for levels, at in zip(self._levels, self._at, strict=True) if abs(levels[i] - level) < within]
        return near[-1] if near else self._at[0]

    def settle(self, level: list[float]) -> None:
        """From now on these levels (s,) are the usual ones."""
        self._levels.extend([level] * LEVELS)
        self._at.extend([self._at[-1]] * LEVELS)


def _mean(levels: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(levels) for column in zip(*levels, strict=True)]


def _means(levels: Floats, k: int, n: int) -> Floats:
    """Means of the n levels (s, …) from each of the first k on."""
    total = levels[:, :k].copy()
    for i in range(1, n):
        total += levels[:, i : i + k]
    return total / n
