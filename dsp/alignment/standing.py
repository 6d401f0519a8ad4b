"""The quiet standing after a calibrate mark: from 1 s after it until movement begins, at most 5 s (the definition of the zero).
If the athlete moves off so soon that too little is left, the standing counts from the mark on. If quiet returns at once, the
athlete was still settling.

`StandingWatch` takes one sensor's samples and decides when its standing has ended; used for the gyroscope bias.
The same times, taken over all sensors, are the zero of the angles (`dsp.alignment.alignment`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import Floats

SETTLE_S = 1.0
"""Time, s, from the mark to the beginning of the standing (definition of the zero, see above; ours)."""
LONGEST_S = 5.0
"""Longest standing that is used, s (the same; ours)."""
SHORTEST_STANDING_S = 1.0
"""Shortest standing that is used, s (ours)."""
FULL_S = 3.0
"""Standing length, s, for full precision. A shorter standing is mostly sway: uncertainties grow with the power 1.5 of the ratio
(ours)."""
SHARED_S = 0.5
"""Least part, s, that all sensors' standings must share: they may begin and end at different times (ours)."""
REFERENCE_S = 0.5
"""Length, s, of the beginning of the standing, with whose mean rate later samples are compared (ours)."""
MOVEMENT_RAD_S = np.radians(16.0)
"""Change of rate from the standing's beginning that counts as movement; sway reaches 10 °/s (ours)."""
QUIET_RAD_S = np.radians(8.0)
"""Largest spread of the rate at the beginning of a standing in a renewed search; walking has twice as much (ours)."""
RETURNS_S = 1.5
"""Quiet must return within this time, s, else the athlete has moved off (ours)."""
GUARD_S = 0.3
"""Time, s, cut off before the movement is noticed, because a smooth beginning is slow (ours)."""
DEPARTED_RAD, BACK_RAD = np.radians(1.5), np.radians(0.5)
"""A standing whose inclination changes by more than the first from beginning to end has turned, like a thigh that slowly
follows a bend. Its mean rate is taken only until the inclination was within the second for the last time (ours)."""
WENT_RAD_S = np.radians(1.0)
"""A standing that ends as much further inclined than it began as this rate gives may be a slow movement: where a bias is known
from a standing before, its mean rate is none (ours)."""
POSTURE_S = 0.3
"""Time, s, over which accelerations are averaged for these inclinations (ours)."""
DECIDED_S = SETTLE_S + LONGEST_S + 0.5
"""Time, s, after the mark by which every sensor that is not late has finished its standing; the half second is a margin
(ours)."""


def shortness(seconds: float) -> float:
    """Factor on the standard deviation of a rate that was taken from a standing of this length; 1 from `FULL_S` on."""
    return float(max(1.0, FULL_S / max(seconds, 0.1)) ** 1.5)


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A sensor's quiet standing from start_s to end_s (session time) and its mean rate (3,) rad/s; its
    horizontal part is that of the time in which the sensor was inclined as it began.

    time_s (n,), acc, gyr (n, 3): all samples since start_s, also those of the movement that ended it; n = 0 when it was
    too short to be used. known_s: session time at which it was known to have ended.
    """

    start_s: float
    end_s: float
    time_s: Floats
    acc: Floats
    gyr: Floats
    gyr_mean: Floats
    quat: Floats
    """(4, n) the device's own orientation where it was given, else (4, 0)."""
    known_s: float
    went_rad_s: float = 0.0
    """Rate at which the inclination departed from that at the beginning, without a return."""

    @property
    def samples(self) -> int:
        return len(self.acc)

    def tells_bias(self, *, known: bool) -> bool:
        """Whether the mean rate is taken as the bias, and not as that of a slow movement. known: a standing before told one."""
        return len(self.time_s) > 0 and not (known and self.went_rad_s > WENT_RAD_S)


class StandingWatch:
    """Collects one sensor's samples after a calibrate mark until the standing has ended."""

    def __init__(self, mark_s: float) -> None:
        self.mark_s = mark_s
        self.done = False
        self._known_s = mark_s
        self._time: list[float] = []
        self._acc: list[Floats] = []
        self._gyr: list[Floats] = []
        self._quat: list[Floats] = []
        self._settling = 0
        """Samples before the standing proper, which count if the standing is too short."""
        self._reference: Floats | None = None
        self._moving = 0
        self._anew = False
        self._early: tuple[list[float], list[Floats], list[Floats], list[Floats]] = ([], [], [], [])
        """Everything since the mark, once the athlete has moved off early, after a standing until `_early_end_s`."""
        self._early_end_s: float | None = None
        self._taken_early = False
        self.anew_s: list[float] = []
        """Session times at which the search for the standing restarted, because the athlete moved."""

    def feed(self, time_s: Floats, acc: Floats, gyr: Floats, quat: Floats | None = None) -> int:
        """Take samples in order; returns how many belong before or to the standing (all of them while it lasts).

        quat (4, n): only from a device with its own filter.
        """
        for i, t in enumerate(time_s.tolist()):
            if t < self.mark_s:
                continue
            if t >= self.mark_s + SETTLE_S + LONGEST_S:
                self.done, self._known_s = True, self.mark_s + SETTLE_S + LONGEST_S
                self._let_go(self._settling)
                if self._early_end_s is not None and (not self._time or self._time[-1] - self._time[0] < SHORTEST_STANDING_S):
                    self._keep()
                    self._take_early(self._known_s)
                return i
            self._time.append(t)
            self._acc.append(acc[i])
            self._gyr.append(gyr[i])
            if quat is not None:
                self._quat.append(quat[:, i])
            if t < self.mark_s + SETTLE_S:
                self._settling += 1
                continue
            if self._reference is None:
                begun = self._time[self._settling]
                if t < begun + REFERENCE_S:
                    continue
                first = np.array(self._gyr[self._settling :])
                spread = first - first.mean(axis=0)
                if not self._anew or float((spread * spread).sum(axis=1).mean()) < QUIET_RAD_S**2:
                    self._reference = first.mean(axis=0)
                elif self._begin_again(t):
                    return i + 1
                continue
            change = gyr[i] - self._reference
            self._moving = self._moving + 1 if float(change @ change) > MOVEMENT_RAD_S**2 else 0
            if self._moving >= 5:
                if t - GUARD_S - self._time[self._settling] < SHORTEST_STANDING_S:
                    if self._begin_again(t):
                        return i + 1
                    continue
                self._let_go(self._settling)
                self.done, self._known_s = True, t
                return i + 1
        return len(time_s)

    def _begin_again(self, now_s: float) -> bool:
        """Too short, or not quiet: search for the standing from here on. True when the search fails and an early standing
        counts."""
        self.anew_s.append(now_s)
        if self._early_end_s is None and self._still_from_the_mark(now_s - GUARD_S):
            self._early_end_s = now_s - GUARD_S
        if self._early_end_s is not None:
            # the filter continues from the early standing, so no sample since then may be missing
            self._keep()
            if now_s - GUARD_S > self._early_end_s + RETURNS_S:
                self._take_early(now_s)
                return True
        self._let_go(len(self._time))
        self._settling, self._reference, self._moving, self._anew = 0, None, 0, True
        return False

    def _keep(self) -> None:
        time_s, acc, gyr, quat = self._early
        time_s.extend(self._time)
        acc.extend(self._acc)
        gyr.extend(self._gyr)
        quat.extend(self._quat)

    def _take_early(self, now_s: float) -> None:
        self._time, self._acc, self._gyr, self._quat = self._early
        self.done, self._known_s, self._taken_early = True, now_s, True

    def _let_go(self, count: int) -> None:
        """Forget the first samples."""
        self._time, self._acc, self._gyr = self._time[count:], self._acc[count:], self._gyr[count:]
        self._quat = self._quat[count:]

    def _still_from_the_mark(self, end_s: float) -> bool:
        """Whether there was stillness for long enough when the time for settling counts too."""
        if not self._settling or end_s - self._time[0] < SHORTEST_STANDING_S:
            return False
        before = np.array(self._gyr)[: sum(t <= end_s for t in self._time)]
        change = before - before.mean(axis=0)
        return bool(((change * change).sum(axis=1) < MOVEMENT_RAD_S**2).all())

    def result(self) -> Standing:
        """The standing; without samples when it was shorter than `SHORTEST_STANDING_S`."""
        if not self.done:
            self._let_go(self._settling)
            self._settling = 0
        end, known = self._time[-1] if self._time else self.mark_s, self._known_s
        if self._taken_early and self._early_end_s is not None:
            end = self._early_end_s
        elif self._moving:
            end -= GUARD_S
        keep = sum(t <= end for t in self._time)
        if keep == 0 or self._time[keep - 1] - self._time[0] < SHORTEST_STANDING_S:
            empty = np.empty((0, 3))
            return Standing(self.mark_s, self.mark_s, np.empty(0), empty, empty, np.zeros(3), np.empty((4, 0)), known)
        gyr, acc, time_s = np.array(self._gyr), np.array(self._acc), np.array(self._time)
        # a turn about the vertical does not change the inclination: for it the longer mean is better
        mean = gyr[:keep].mean(axis=0)
        began, went = _as_it_began(time_s[:keep], acc[:keep])
        level = gyr[:began].mean(axis=0)
        up = acc[:keep].mean(axis=0)
        mean = level + up * float((mean - level) @ up) / float(up @ up)
        quat = np.array(self._quat).T if self._quat else np.empty((4, 0))
        return Standing(self._time[0], end, time_s, acc, gyr, mean, quat, known, went)


def _as_it_began(time_s: Floats, acc: Floats) -> tuple[int, float]:
    """Number of samples of a standing, acc (n, 3), before its inclination departs from that at its beginning, all if it does
    not; and the rate, rad/s, at which it departs within those."""
    begun = acc[: int(np.searchsorted(time_s, time_s[0] + SHORTEST_STANDING_S, side="right"))].mean(axis=0)
    window = int(np.searchsorted(time_s, time_s[0] + POSTURE_S, side="right"))
    total = np.cumsum(np.concatenate((np.zeros((1, 3)), acc)), axis=0)
    means = total[window:] - total[:-window]
    across = np.cross(means, begun)
    off = np.arctan2(np.sqrt((across * across).sum(axis=1)), means @ begun)
    if not off[-1] > DEPARTED_RAD:
        return len(acc), 0.0
    there = np.flatnonzero(off < BACK_RAD)
    kept = int(there[-1]) + window // 2 if len(there) else 0
    if kept and time_s[kept - 1] - time_s[0] >= SHORTEST_STANDING_S:
        return kept, 0.0
    return len(acc), float(off[-1] / (time_s[-1] - time_s[0]))
