"""A sensor that leaves its place while somebody walks or bends: seen as it begins to slide, before it is known where it ends.

In steady strides each segment leans within a band that the next stride keeps. In a bend on both feet the trunk leans forward,
and pelvis and thighs hardly to the side. A sensor is doubted from the look at which it alone leaves its band, while the others
keep theirs. Who turns or stops takes several segments along. `SlipDoubts` sees the same once the sensor stands, or a stride
later.

The doubt ends when a whole stride lies in the band again, or when all stand as they did. Nothing is called wrong.
Looked at every `LOOK_STRIDE` ticks, in the verticals of the segments. A look brings a few numbers: they are faster than arrays.
Looks at which nobody walks or bends are passed by together.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

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
LEAST_RAD = math.radians(12.0)
"""A slide that has begun goes on: the angle that is doubted at least (ours)."""
FEW = 16
"""Number of looks up to which one after another is as fast (ours)."""


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

    def holds(self, stride: Sequence[Sequence[float]]) -> bool:
        """Whether a stride of leans lies in the band."""
        course = [leans[self.which] for leans in stride]
        least, most = min(course), max(course)
        away = max(self.outside(least), self.outside(most))
        return away < self.leaves and abs(most + least - self.high - self.low) < 2.0 * BACK_RAD


@dataclass(slots=True)
class _Left:
    """A sensor that has left its bands. size: by how much it may have slid, rad. looks: how many looks ago that was."""

    bands: Sequence[_Band]
    size: float = LEAST_RAD
    looks: int = 0


class StrideDoubts:
    """By how much sensors may be sliding; looks in order, cut anyhow. sensors: the placements, in the order of the segments.
    It needs the pelvis and both thighs."""

    def __init__(self, sensors: Sequence[str]) -> None:
        self._n = len(sensors)
        self._thighs = [i for i, key in enumerate(sensors) if key in THIGH_KEYS]
        self._trunk = [i for i in range(self._n) if i not in self._thighs]
        self._pelvis = sensors.index(PELVIS) if PELVIS in sensors else -1
        self._watches = self._pelvis >= 0 and len(self._thighs) == 2
        walking = [THIGH_LEAVES_RAD if i in self._thighs else LEAVES_RAD for i in range(self._n)]
        self._leaves = walking * 2
        """How far outside its band each leans forward, and to the side, when it is doubted: in strides (2 s,)."""
        self._leaves_first = [math.inf if i in self._thighs else LEAVES_RAD for i in range(self._n)] + walking
        """In the first strides, which swing further than the first step."""
        self._leaves_bent = [math.inf] * self._n + [BENT_LEAVES_RAD] * self._n
        """In a bend."""
        self._leans: deque[list[float]] = deque(maxlen=STRIDE + BEFORE)
        """At the latest looks, how far each leant back, rad, and to the side, as a sine: (2 s,)."""
        self._steps: deque[tuple[float, float, float, float]] = deque(maxlen=STRIDE)
        """By how much the thighs turned from look to look: each, against each other, and together."""
        self._outside: deque[list[float]] = deque(maxlen=ALONE_LOOKS)
        """How far each was outside its band, as a part of what is doubted."""
        self._walked = self._calm = self._on_feet = 0
        """Looks in a row at which somebody walked, all stood as they did, or both feet were on the floor."""
        self._idle, self._upright = STEPS, STRIDE
        """Looks since a thigh took a step, and since the pelvis leant forward."""
        self._left: dict[int, _Left] = {}

    def variance(self) -> Floats:
        """Of each sensor's angles since the last look (s,), rad²."""
        return doubted_variance({i: one.size for i, one in self._left.items()}, self._n)

    def feed(self, vertical: Floats) -> Floats | None:
        """Variance, rad², of each sensor's angles from each look on (s, k), None where none is doubted. vertical (3, s, k): of
        the segments; where it is missing, it counts as before."""
        if not self._watches:
            return None
        found: Floats | None = None
        leans = self._known(np.concatenate((np.arctan2(vertical[0], vertical[1]), vertical[2])))
        rows, look = leans.T.tolist(), 0
        if rows and not self._leans:
            self._look(rows[0])
            look = 1
        quiet = self._quiet(leans)
        while look < len(rows):
            if not self._left and quiet.item(look):
                still = quiet[look:].argmin().item() or len(rows) - look
                self._pass_by(rows[look : look + still])
                look += still
                continue
            self._look(rows[look])
            if self._left:
                found = np.zeros((self._n, len(rows))) if found is None else found
                found[:, look] = self.variance()
            look += 1
        return found

    def _known(self, leans: Floats) -> Floats:
        """Leans (2 s, k), of which those that are missing are as they were before."""
        if not np.isnan(leans).any():
            return leans
        before = np.array(self._leans[-1])[:, None] if self._leans else leans[:, :1]
        known = np.concatenate((before, leans), axis=1)
        last = np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(known.shape[1])), axis=1)
        return np.take_along_axis(known, last, axis=1)[:, 1:]

    def _quiet(self, leans: Floats) -> Bools:
        """At which looks, with leans (2 s, k), nobody walks or bends, nor did just before (k,); none where these are few."""
        k = leans.shape[1]
        if k < FEW:
            return np.zeros(k, np.bool_)
        known = np.concatenate((np.array(self._leans[-1])[:, None], leans), axis=1)
        i, j = self._thighs
        stays = np.abs((known[i, 1:] - known[i, :-1]) - (known[j, 1:] - known[j, :-1])) * STEPS <= STEPS_RAD
        upright = leans[self._pelvis] >= -BENT_RAD
        return np.asarray((_since(stays, self._idle) >= STEPS) & (_since(upright, self._upright) >= STRIDE))

    def _pass_by(self, rows: Sequence[list[float]]) -> None:
        """Take quiet looks, while no sensor is doubted, as `_look` does."""
        latest = [self._leans[-1], *rows][-STRIDE - 1 :]
        self._leans.extend(rows)
        for before, leans in pairwise(latest):
            self._steps.append(self._step(leans, before))
        for leans in rows[-STRIDE - BEFORE :]:
            self._on_feet = self._on_feet + 1 if self._stands(leans) else 0
        self._idle, self._upright, self._walked = self._idle + len(rows), self._upright + len(rows), 0
        self._outside.clear()

    def _look(self, leans: list[float]) -> None:
        if not self._leans:
            self._leans.append(leans)
            return
        before = self._leans[-1]
        self._leans.append(leans)
        self._walked = self._walked + 1 if self._walks(leans, before) else 0
        bends = self._bends(leans)
        if self._walked >= WALKED:
            self._compare(self._leaves if self._walked >= THIGH_WALKED else self._leaves_first, self._asked)
        elif bends:
            self._compare(self._leaves_bent, lambda: [self._pelvis, *self._thighs])
        else:
            self._outside.clear()
        if self._left:
            self._end(leans, before)

    def _walks(self, leans: Sequence[float], before: Sequence[float]) -> bool:
        """Whether the thighs have gone to and fro against each other for a stride, and go on."""
        self._steps.append(self._step(leans, before))
        self._idle = 0 if self._steps[-1][2] * STEPS > STEPS_RAD else self._idle + 1
        if self._idle >= STEPS or len(self._steps) < STRIDE:
            return False
        of_left, of_right, apart, together = zip(*self._steps, strict=True)
        if min(sum(of_left[-STEPS:]), sum(of_right[-STEPS:])) < STEPS_RAD or sum(apart) < APART * sum(together):
            return False
        stride = list(self._leans)[-STRIDE:]
        swings = ([of[k] for of in stride] for k in self._thighs)
        return all(max(swing) - min(swing) > SWINGS_RAD for swing in swings)

    def _step(self, leans: Sequence[float], before: Sequence[float]) -> tuple[float, float, float, float]:
        i, j = self._thighs
        left, right = leans[i] - before[i], leans[j] - before[j]
        return abs(left), abs(right), abs(left - right), abs(left + right)

    def _bends(self, leans: Sequence[float]) -> bool:
        """Whether somebody bends, or did within a stride, with both feet on the floor."""
        self._upright = 0 if leans[self._pelvis] < -BENT_RAD else self._upright + 1
        self._on_feet = self._on_feet + 1 if self._stands(leans) else 0
        return self._upright < STRIDE and self._on_feet >= STRIDE + BEFORE

    def _stands(self, leans: Sequence[float]) -> bool:
        """Whether both feet may be on the floor."""
        return leans[self._pelvis] > -DEEP_RAD and all(-FEET_RAD < leans[i] < FEET_RAD for i in self._thighs)

    def _compare(self, leaves: Sequence[float], asked: Callable[[], Sequence[int]]) -> None:
        """Doubt one of the sensors `asked` that alone is outside its band. leaves (2 s,): by how much each of its leans is
        then."""
        outside = self._outsides(leaves)
        self._outside.append(outside)
        if max(outside) <= 1.0:
            # the usual case
            return
        for i in asked():
            part = outside[i]
            if part > 1.0 and all(max(parts[:i] + parts[i + 1 :]) < ALONE * part for parts in self._outside):
                courses = {k: [leans[k] for leans in self._band()] for k in (i, self._n + i) if leaves[k] < math.inf}
                self._left.setdefault(i, _Left([_Band(k, min(of), max(of), leaves[k]) for k, of in courses.items()]))

    def _outsides(self, leaves: Sequence[float]) -> list[float]:
        """How far each sensor is outside its band, as a part of what is doubted; 0 where that is less than `ALONE`."""
        outside, band, now = [0.0] * self._n, self._band(), self._leans[-1]
        for k, (angle, most) in enumerate(zip(now, leaves, strict=True)):
            near = ALONE * most
            for leans in band:
                # mostly one of the first
                if abs(angle - leans[k]) < near:
                    break
            else:
                course, i = [leans[k] for leans in band], k % self._n
                outside[i] = max(outside[i], max(angle - max(course), min(course) - angle) / most)
        return outside

    def _band(self) -> list[list[float]]:
        """The leans of the stride before."""
        return list(self._leans)[:STRIDE]

    def _asked(self) -> list[int]:
        """Sensors of which the others on the trunk are upright."""
        leans, n = self._leans[-1], self._n
        leaning = [j for j in self._trunk if math.hypot(leans[j], leans[n + j]) > UPRIGHT_RAD]
        return [i for i in range(n) if not leaning or leaning == [i]]

    def _end(self, leans: Sequence[float], before: Sequence[float]) -> None:
        """One look more while a sensor is doubted: by how much, and whether it still is."""
        n = self._n
        stand = all(math.hypot(leans[i], leans[n + i]) < SAME_RAD for i in range(n))
        calm = stand and all(abs(now - was) < STILL_RAD for now, was in zip(leans, before, strict=True))
        self._calm = self._calm + 1 if calm else 0
        if self._calm >= STILL_LOOKS:
            self._left.clear()
        stride, walking = list(self._leans)[-STRIDE:], self._asked() if self._walked else []
        for i, one in list(self._left.items()):
            one.looks += 1
            for band in one.bands:
                outside = band.outside(leans[band.which])
                # in a bend only the leans to the side tell
                if (i in walking or (self._on_feet and band.which >= n)) and outside < POSTURE_RAD:
                    one.size = max(one.size, outside)
            if self._walked >= STRIDE and one.looks > STRIDE and all(band.holds(stride) for band in one.bands):
                del self._left[i]


def _since(holds: Bools, before: int) -> Ints:
    """At each of k looks, how many in a row hold up to it; `before`: how many did before the first."""
    at = np.arange(len(holds))
    return np.asarray(at - np.maximum.accumulate(np.where(holds, -1 - before, at)))
