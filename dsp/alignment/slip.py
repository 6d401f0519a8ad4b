"""A sensor that has slipped on the skin: it stands differently than at the calibration while all others stand as they did.

Looked at whenever the athlete stands still. A posture that one segment alone holds throughout looks the same, so the flag
is taken back when the sensor stands as it did again. A slip about the vertical (around the thigh) shows no more than the
heading does, and is not seen. Where one sensor is all there is on the trunk, a trunk far from upright is a posture: bent, or
on all fours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Bools, Floats, Placement
from dsp.grid.ticks import LOOK_STRIDE

SLIPPED_RAD = np.radians(8.0)
"""Angle between a segment's vertical and that of the calibration beyond which a sensor is suspected (ours)."""
SAME_RAD = np.radians(5.0)
"""The others must be within this of theirs; the typical error of a repeated standing is below 2° (Donaldson 2021, ISBS)."""
STILL_RAD = np.radians(0.6)
"""Standing still: no segment's inclination changes by more from one look to the next, 0.2 s later (ours)."""
ALIKE_RAD = np.radians(3.0)
"""Two looks show the same slip when the sensor's vertical is the same within this (ours)."""
POSTURE_RAD = np.radians(40.0)
"""The only sensor on the trunk that stands further off than this is on a trunk that leans (ours)."""
LOOKS_S = 2.0
"""How long a sensor must have been seen to differ, or not to, in one standing or over several (ours)."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A sensor that stands `angle_deg` off, seen at session time time_s."""

    sensor: str
    time_s: float
    angle_deg: float


class SlipWatch:
    """Watches the segments' verticals from an alignment on; what it says of a tick depends on ticks up to it alone.

    marked_back: a slip counts from the last standing that agreed, as far as that lies within the same call."""

    def __init__(self, sensors: tuple[str, ...], rate_hz: float, *, marked_back: bool = False) -> None:
        self._marked_back = marked_back
        self._agreed = -1
        """Tick of the last look at which all stood as at the calibration; where it is marked back."""
        self._sensors = sensors
        self._rate = rate_hz
        self._needed = int(LOOKS_S * rate_hz / LOOK_STRIDE)
        trunk = [i for i, key in enumerate(sensors) if key in (Placement.LUMBAR.value, Placement.PELVIS.value)]
        self._alone = trunk[0] if len(trunk) == 1 else -1
        """The only sensor on the trunk, -1 where there are more or none."""
        self._suspect = -1
        """Sensor that differed when last looked at, -1 when none did."""
        self._as_seen: list[float] = []
        """Its vertical then."""
        self._last: list[list[float]] = []
        self._held = 0
        self.slipped: dict[str, Slip] = {}

    def feed(self, first: int, verticals: Mapping[str, Floats], ticks: int) -> Bools:
        """Whether a sensor counts as slipped at ticks first … first + ticks, given the vertical (3, k) in each segment at
        those of them that are multiples of `LOOK_STRIDE`."""
        flags = np.full(ticks, bool(self.slipped))
        table = np.stack([verticals[key] for key in self._sensors])
        if not table.shape[2]:
            return flags
        off = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(table[:, 0] ** 2 + (table[:, 1] - 1.0) ** 2 + table[:, 2] ** 2), 1.0))
        apart = off > SLIPPED_RAD
        others = (off < SAME_RAD).sum(axis=0)
        n = len(self._sensors)
        if self._alone >= 0:
            # neither differing nor standing as it did
            apart[self._alone] &= off[self._alone] <= POSTURE_RAD
        one = (apart.sum(axis=0) == 1) & (others == n - 1) & (n > 1)
        which = np.where(one, apart.argmax(axis=0), np.where(others == n, -1, n))
        if not self.slipped and self._suspect < 0 and not one.any() and not self._marked_back:
            # the usual case: nobody differs
            self._last = table[:, :, -1].tolist()
            return flags
        at = np.arange((-first) % LOOK_STRIDE, ticks, LOOK_STRIDE)
        before = np.concatenate((np.array(self._last)[:, :, None] if self._last else table[:, :, :1], table), axis=2)
        step = np.diff(before, axis=2)
        with np.errstate(invalid="ignore"):
            still = (np.sqrt((step * step).sum(axis=1)) < STILL_RAD).all(axis=0)
        still[0] &= bool(self._last)
        self._last = table[:, :, -1].tolist()
        looks = np.flatnonzero(still & (which != n)).tolist()
        for k in looks:
            i, suspect, columns = int(at[k]), int(which[k]), table[:, :, k].tolist()
            if suspect != self._suspect or (suspect >= 0 and _apart(columns[suspect], self._as_seen) > ALIKE_RAD):
                self._suspect, self._held = suspect, 0
                self._as_seen = columns[suspect] if suspect >= 0 else []
            self._held += 1
            if suspect < 0:
                self._agreed = first + i
            if self._held < self._needed:
                continue
            if suspect < 0:
                self.slipped.clear()
            else:
                key = self._sensors[suspect]
                angle = float(np.degrees(off[suspect, k]))
                if self._marked_back and not self.slipped:
                    flags[max(self._agreed - first, 0) : i] = True
                self.slipped.setdefault(key, Slip(key, (first + i) / self._rate, round(angle, 1)))
            flags[i:] = bool(self.slipped)
        return flags


def _apart(a: list[float], b: list[float]) -> float:
    """Distance of two unit vectors, for small angles the angle, rad; NaN where one is missing."""
    return math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
