"""The quiet standing after a calibrate mark: from 1 s after it until movement begins, at most 5 s (design: the zero).

`StandingWatch` sees one sensor's samples and says when its standing has ended; used for the gyroscope bias.
The same times, taken over all sensors, are the zero of the angles (`dsp.alignment`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.blocks import Floats

SETTLE_S = 1.0
"""From the mark to the beginning of the standing."""
LONGEST_S = 5.0
"""Longest standing that is used."""
SHORTEST_S = 1.0
"""A shorter standing is not used."""
REFERENCE_S = 0.5
"""The beginning of the standing, whose mean rate the later samples are compared with."""
MOVEMENT_RAD_S = np.radians(16.0)
"""Change of rate from the standing's beginning that counts as movement; sway reaches 10 °/s."""
GUARD_S = 0.3
"""Cut off before the movement is noticed: a smooth beginning is slow."""
DECIDED_S = SETTLE_S + LONGEST_S + 0.5
"""After this long since the mark every sensor that is in time has finished its standing."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A sensor's quiet standing from start_s to end_s (session time) and its mean rate (3,) rad/s.

    time_s (n,), acc, gyr (n, 3): all samples since start_s, also those of the movement that ended it; n = 0 when it was
    too short to be used.
    """

    start_s: float
    end_s: float
    time_s: Floats
    acc: Floats
    gyr: Floats
    gyr_mean: Floats
    quat: Floats
    """(4, n) the device's own orientation where it was given, else (4, 0)."""

    @property
    def samples(self) -> int:
        return len(self.acc)


class StandingWatch:
    """Collects one sensor's samples after a calibrate mark until the standing has ended."""

    def __init__(self, mark_s: float) -> None:
        self.mark_s = mark_s
        self.done = False
        self._time: list[float] = []
        self._acc: list[Floats] = []
        self._gyr: list[Floats] = []
        self._quat: list[Floats] = []
        self._reference: Floats | None = None
        self._moving = 0

    def feed(self, time_s: Floats, acc: Floats, gyr: Floats, quat: Floats | None = None) -> int:
        """Take samples in order; return how many belong before or to the standing (all of them while it lasts).

        quat (4, n): only of a device with its own filter.
        """
        for i, t in enumerate(time_s.tolist()):
            if t < self.mark_s + SETTLE_S:
                continue
            if t >= self.mark_s + SETTLE_S + LONGEST_S:
                self.done = True
                return i
            self._time.append(t)
            self._acc.append(acc[i])
            self._gyr.append(gyr[i])
            if quat is not None:
                self._quat.append(quat[:, i])
            if self._reference is None:
                if t >= self.mark_s + SETTLE_S + REFERENCE_S:
                    self._reference = np.mean(self._gyr, axis=0)
                continue
            change = gyr[i] - self._reference
            self._moving = self._moving + 1 if float(change @ change) > MOVEMENT_RAD_S**2 else 0
            if self._moving >= 5:
                if t - GUARD_S - self._time[0] < SHORTEST_S:
                    # still settling: begin again
                    self._time, self._acc, self._gyr, self._quat = [], [], [], []
                    self._reference, self._moving = None, 0
                    continue
                self.done = True
                return i + 1
        return len(time_s)

    def result(self) -> Standing:
        """The standing; without samples when it was shorter than `SHORTEST_S`."""
        end = self._time[-1] if self._time else self.mark_s
        if self._moving:
            end -= GUARD_S
        keep = sum(t <= end for t in self._time)
        if keep == 0 or self._time[keep - 1] - self._time[0] < SHORTEST_S:
            empty = np.empty((0, 3))
            return Standing(self.mark_s, self.mark_s, np.empty(0), empty, empty, np.zeros(3), np.empty((4, 0)))
        gyr = np.array(self._gyr)
        quat = np.array(self._quat).T if self._quat else np.empty((4, 0))
        return Standing(self._time[0], end, np.array(self._time), np.array(self._acc), gyr, gyr[:keep].mean(axis=0), quat)
