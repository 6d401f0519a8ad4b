"""A sensor that leaves its place while somebody walks or bends: seen as it begins to slide, before it is known where it ends.

In steady strides each segment leans within a band that the next stride keeps. In a bend on both feet the trunk leans forward,
and pelvis and thighs hardly to the side. A sensor is doubted from the look at which it alone leaves its band, while the others
keep theirs. Who turns or stops takes several segments along. `SlipDoubts` sees the same once the sensor stands, or a stride
later.

The doubt ends when a whole stride lies in the band again, or when all stand as they did. Nothing is called wrong.
Looked at every `LOOK_STRIDE` ticks, in the verticals of the segments: looks together, up to the first at which one leaves its
band, and one by one while a sensor is doubted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from body_signals import Bools, Floats, Ints
from dsp.alignment.slip import POSTURE_RAD, SAME_RAD, STILL_RAD
from dsp.angles.joints import PELVIS
from dsp.calibration.calibration_movements import THIGH_KEYS
from dsp.plausibility.doubts.slips import STILL_LOOKS, doubted_variance

STRIDE, BEFORE = 8, 4
"""Looks of a band, 1.6 s, more than a stride, and from its last to the one that is compared: a slide takes some (ours)."""
STEPS, STEPS_RAD, SWINGS_RAD = 4, math.radians(12.0), math.radians(15.0)
"""Somebody walks while both thighs turn by the second within the first number of looks, and swing by the third (ours)."""
APART = 1.5
"""And by this more against each other than together: nobody sits down (ours)."""
WALKED, THIGH_WALKED = 5, 9
"""Looks of walking after which the band is that of strides, and of whole ones, as a thigh needs it (ours)."""
UPRIGHT_RAD = math.radians(12.0)
"""The others on the trunk lean by less (ours)."""
BENT_RAD, DEEP_RAD, FEET_RAD = np.radians([15.0, 75.0, 25.0]).tolist()
"""In a bend on both feet the pelvis leans forward by the first to the second, and the thighs by less than the third (ours)."""
LEAVES_RAD, THIGH_LEAVES_RAD, BENT_LEAVES_RAD = np.radians([5.0, 7.0, 8.0]).tolist()
"""A sensor is doubted that is further outside its band: on the trunk, on a thigh, and in a bend (ours). Sound ones in simulated
sessions: up to 3.8° on the trunk and 6.3° of a thigh, and 8° in a bend."""
ALONE, ALONE_LOOKS = 0.6, 4
"""Within the last looks all others were by less than this part as far outside as would be doubted (ours)."""
BACK_RAD = math.radians(4.0)
"""A stride lies in the band again when its middle is within this of the band's, too (ours)."""
_BEFORE = STRIDE + BEFORE - 1
"""Looks that are kept: with the one that is compared, its band and those between."""
LEAST_RAD = math.radians(12.0)
"""A slide that has begun goes on: the angle that is doubted at least (ours)."""


@dataclass(frozen=True, slots=True)
class _Band:
    """How lean number `which` has been in a stride, rad; one that is further outside than `leaves` is doubted."""

    which: int
    low: float
    high: float
    leaves: float

    def outside(self, lean: float) -> float:
        """How far a lean is outside; negative inside."""
        return max(lean - self.high, self.low - lean)

    def holds(self, course: Sequence[float]) -> bool:
        """Whether a stride of leans lies in the band."""
        least, most = min(course), max(course)
        away = max(self.outside(least), self.outside(most))
        return away < self.leaves and abs(most + least - self.high - self.low) < 2.0 * BACK_RAD


@dataclass(slots=True)
class _Left:
    """A sensor that has left its bands. size: by how much it may have slid, rad. looks: how many looks ago that was."""

    bands: Sequence[_Band]
    size: float = LEAST_RAD
    looks: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """The latest looks, k of them new.

    leans (2 s, `_BEFORE` + k): how far each segment leant back, rad, and to the side, as a sine. outside
    (s, `ALONE_LOOKS` - 1 + k): how far each was outside its band, as a part of what is doubted, 0 where that is less than
    `ALONE` or nothing was compared. kind (k,): the column of `StrideDoubts._leaves` that was compared with. walked, compared,
    on_feet (k,): looks in a row, up to each, at which somebody walked, something was compared, both feet were on the floor.
    """

    leans: Floats
    outside: Floats
    kind: Ints
    walked: Ints
    compared: Ints
    on_feet: Ints

    def lean(self, look: int, back: int = 0) -> list[float]:
        """Leans (2 s,) at a look, or some looks before it."""
        return list(self.leans[:, look + _BEFORE - back].tolist())

    def course(self, which: int, look: int, back: int) -> list[float]:
        """A stride of leans of one kind that ended some looks before this one."""
        end = look + _BEFORE - back + 1
        return list(self.leans[which, end - STRIDE : end].tolist())


class StrideDoubts:
    """By how much sensors may be sliding; looks in order, cut anyhow. sensors: the placements, in the order of the segments.
    It needs the pelvis and both thighs."""

    def __init__(self, sensors: Sequence[str]) -> None:
        self._n = n = len(sensors)
        self._thighs = [i for i, key in enumerate(sensors) if key in THIGH_KEYS]
        self._trunk = [i for i in range(n) if i not in self._thighs]
        self._pelvis = sensors.index(PELVIS) if PELVIS in sensors else -1
        self._watches = self._pelvis >= 0 and len(self._thighs) == 2
        walking = [THIGH_LEAVES_RAD if i in self._thighs else LEAVES_RAD for i in range(n)]
        first = [math.inf if i in self._thighs else LEAVES_RAD for i in range(n)]
        bent = [math.inf] * n + [BENT_LEAVES_RAD] * n
        self._leaves = np.array([[math.inf] * 2 * n, bent, first + walking, walking * 2]).T
        """How far outside its band each leans forward, and to the side, when it is doubted (2 s, 4): never, in a bend, in the
        first strides, which swing further than the first step, and in strides."""
        self._leans: Floats | None = None
        """Those at the latest looks (2 s, `_BEFORE`)."""
        self._outside = np.zeros((n, ALONE_LOOKS - 1))
        self._walked = self._compared = self._calm = 0
        """Looks in a row at which somebody walked, something was compared, or all stood as they did."""
        self._on_feet = -1
        """And at which both feet were on the floor, after the first look."""
        self._idle, self._upright = STEPS, STRIDE
        """Looks since a thigh took a step, and since the pelvis leant forward."""
        self._left: dict[int, _Left] = {}

    def variance(self) -> Floats:
        """Of each sensor's angles since the last look (s,), rad²."""
        return doubted_variance({i: one.size for i, one in self._left.items()}, self._n)

    def feed(self, vertical: Floats) -> Floats | None:
        """Variance, rad², of each sensor's angles from each look on (s, k), None where none is doubted. vertical (3, s, k): of
        the segments; where it is missing, it counts as before."""
        if not self._watches or not vertical.shape[2]:
            return None
        found: Floats | None = None
        looks = self._seen(np.concatenate((np.arctan2(vertical[0], vertical[1]), vertical[2])))
        k = len(looks.walked)
        # those at which one leaves its band
        leave = np.flatnonzero((looks.outside[:, ALONE_LOOKS - 1 :] > 1.0).any(axis=0)).tolist()
        look = 0
        while look < k:
            if not self._left:
                look = next((at for at in leave if at >= look), k)
                if look == k:
                    break
            self._compare(looks, look)
            if self._left:
                self._end(looks, look)
            if self._left:
                found = np.zeros((self._n, k)) if found is None else found
                found[:, look] = self.variance()
            look += 1
        return found

    def _seen(self, leans: Floats) -> _Looks:
        """The next looks, with leans (2 s, k)."""
        before = np.full((2 * self._n, _BEFORE), np.nan) if self._leans is None else self._leans
        every = _known(np.concatenate((before, leans), axis=1))
        walks, now = self._walk(every), every[:, _BEFORE:]
        walked = _since(walks, self._walked)
        upright = _since(now[self._pelvis] >= -BENT_RAD, self._upright)
        stands = (now[self._pelvis] > -DEEP_RAD) & (np.abs(now[self._thighs]) < FEET_RAD).all(axis=0)
        on_feet = _since(stands, self._on_feet)
        bends = (upright < STRIDE) & (on_feet >= STRIDE + BEFORE)
        kind = np.where(walked >= WALKED, 2 + (walked >= THIGH_WALKED), bends)
        compared = _since(kind > 0, self._compared)
        outside = np.concatenate((self._outside, self._outsides(every, kind)), axis=1)
        self._leans, self._outside = every[:, -_BEFORE:].copy(), outside[:, 1 - ALONE_LOOKS :].copy()
        self._walked, self._compared, self._on_feet = walked.item(-1), compared.item(-1), on_feet.item(-1)
        self._upright = upright.item(-1)
        return _Looks(every, outside, kind, walked, compared, on_feet)

    def _walk(self, every: Floats) -> Bools:
        """At which looks (k,) the thighs have gone to and fro against each other for a stride, and go on. every: see
        `_Looks.leans`."""
        left, right = np.diff(every[self._thighs], axis=1)
        of_left, of_right, apart, together = (np.abs(x) for x in (left, right, left - right, left + right))
        k = every.shape[1] - _BEFORE
        idle = _since(~(apart[-k:] * STEPS > STEPS_RAD), self._idle)
        self._idle = idle.item(-1)
        if idle.min() >= STEPS:
            # mostly nobody walks
            return np.zeros(k, np.bool_)
        steps = np.minimum(_sums(of_left, STEPS, k), _sums(of_right, STEPS, k)) >= STEPS_RAD
        against = _sums(apart, STRIDE, k) >= APART * _sums(together, STRIDE, k)
        strides = sliding_window_view(every[self._thighs], STRIDE, axis=1)[:, -k:]
        swings = (strides.max(axis=2) - strides.min(axis=2) > SWINGS_RAD).all(axis=0)
        return np.asarray((idle < STEPS) & steps & against & swings)

    def _outsides(self, every: Floats, kind: Ints) -> Floats:
        """How far each sensor is outside its band at each look (s, k). kind (k,): see `_Looks`."""
        k = len(kind)
        if not kind.any():
            return np.zeros((self._n, k))
        bands, now = sliding_window_view(every, STRIDE, axis=1)[:, :k], every[:, -k:]
        beyond = np.maximum(now - bands.max(axis=2), bands.min(axis=2) - now)
        leaves = self._leaves[:, kind]
        parts = np.where(beyond >= ALONE * leaves, beyond / leaves, 0.0)
        return np.maximum(parts[: self._n], parts[self._n :])

    def _compare(self, looks: _Looks, look: int) -> None:
        """Doubt one of the sensors that alone is outside its band."""
        end = look + ALONE_LOOKS
        latest = looks.outside[:, end - min(looks.compared.item(look), ALONE_LOOKS) : end].T.tolist()
        if not latest or max(latest[-1]) <= 1.0:
            return
        leaves = self._leaves[:, looks.kind.item(look)].tolist()
        walks = looks.walked.item(look) >= WALKED
        for i in self._asked(looks.lean(look)) if walks else [self._pelvis, *self._thighs]:
            part = latest[-1][i]
            if part > 1.0 and all(max(parts[:i] + parts[i + 1 :]) < ALONE * part for parts in latest):
                courses = {k: looks.course(k, look, BEFORE) for k in (i, self._n + i) if leaves[k] < math.inf}
                self._left.setdefault(i, _Left([_Band(k, min(of), max(of), leaves[k]) for k, of in courses.items()]))

    def _asked(self, leans: Sequence[float]) -> list[int]:
        """Sensors of which the others on the trunk are upright."""
        n = self._n
        leaning = [j for j in self._trunk if math.hypot(leans[j], leans[n + j]) > UPRIGHT_RAD]
        return [i for i in range(n) if not leaning or leaning == [i]]

    def _end(self, looks: _Looks, look: int) -> None:
        """One look more while a sensor is doubted: by how much, and whether it still is."""
        n, leans, before = self._n, looks.lean(look), looks.lean(look, 1)
        stand = all(math.hypot(leans[i], leans[n + i]) < SAME_RAD for i in range(n))
        calm = stand and all(abs(now - was) < STILL_RAD for now, was in zip(leans, before, strict=True))
        self._calm = self._calm + 1 if calm else 0
        if self._calm >= STILL_LOOKS:
            self._left.clear()
        walked, on_feet = looks.walked.item(look), looks.on_feet.item(look)
        walking = self._asked(leans) if walked else []
        for i, one in list(self._left.items()):
            one.looks += 1
            for band in one.bands:
                outside = band.outside(leans[band.which])
                # in a bend only the leans to the side tell
                if (i in walking or (on_feet and band.which >= n)) and outside < POSTURE_RAD:
                    one.size = max(one.size, outside)
            in_strides = walked >= STRIDE and one.looks > STRIDE
            if in_strides and all(band.holds(looks.course(band.which, look, 0)) for band in one.bands):
                del self._left[i]


def _known(leans: Floats) -> Floats:
    """Leans (2 s, k), of which those that are missing are as they were before."""
    missing = np.isnan(leans)
    if not missing.any():
        return leans
    last = np.maximum.accumulate(np.where(missing, 0, np.arange(leans.shape[1])), axis=1)
    return np.take_along_axis(leans, last, axis=1)


def _sums(x: Floats, n: int, k: int) -> Floats:
    """At each of the last k of x, the sum of n of them up to it (k,), one after another."""
    begin = len(x) - k - n + 1
    return reduce(np.add, [x[begin + i : begin + i + k] for i in range(n)])


def _since(holds: Bools, before: int) -> Ints:
    """At each of k looks, how many in a row hold up to it; `before`: how many did before the first."""
    at = np.arange(len(holds))
    return np.asarray(at - np.maximum.accumulate(np.where(holds, -1 - before, at)))
