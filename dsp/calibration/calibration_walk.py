"""Axes from walking off right after the standing: the direction of walking, and the plane of a thigh's strides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from body_signals import Floats, Mounting
from dsp.alignment.segment_axes import strides, walked_off
from dsp.calibration.calibration_movements import THIGH_KEYS, CalibrationMovements
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_zero import Zero

STRIDES_S = 4.0
"""Time, s, after the standing in which the thighs' swing gives their axis when a person walks off (ours)."""
STOOD_ON_S, LEAD_S, QUIET_S = 1.5, 0.6, 3.0
"""A person who moves later than the first, s, after the zero's standing kept standing. Walking off then begins the second, s,
before a thigh has swung by `START_RAD`, and the standing before it lasts the third, s (ours)."""


class CalibrationWalk:
    """Looks at the first strides after the standing. tilted_s: time constant of a causal filter (`walked_off`), None for one
    that sees both sides. now: the tick that is looked at, after which nothing may count."""

    def __init__(
        self, tracks: CalibrationTracks, zero: Zero, mountings: Mapping[str, Mounting], tilted_s: float | None, now: int
    ) -> None:
        self._tracks = tracks
        self._zero = zero
        self._mountings = mountings
        self._tilted_s = tilted_s
        self.now = now
        self._begin_s: float | None = None
        self._ways: dict[str, Floats | None] | None = None
        """The direction of walking in each sensor, once it has been evaluated; its source data are not kept after that."""
        self._strode: dict[str, tuple[Floats, float] | None] = {}
        """The results of the first strides, once they are over."""

    def moved(self, first_s: float) -> None:
        """The first movement since the standing began at session time first_s; walking off begins then, after a standing of any
        length."""
        end_s = self._zero.span_s[1]
        self._begin_s = end_s if first_s - end_s < STOOD_ON_S else first_s - LEAD_S

    @property
    def over_s(self) -> float:
        """Session time at which the first strides have been made; infinite before the first movement."""
        return float("inf") if self._begin_s is None else self._begin_s + STRIDES_S

    @property
    def begin_s(self) -> float:
        """Session time at which the standing before the first strides ended; that of the zero before the first movement."""
        return self._zero.span_s[1] if self._begin_s is None else self._begin_s

    def tells(self, seen: CalibrationMovements) -> bool:
        """Whether walking off gives axes that no other movement has given; evaluated once, when the strides have been made."""
        needed = [key for key in self._zero.keys if key not in self._mountings]
        if not needed:
            return any(self.strides(key) is not None for key in THIGH_KEYS if key in self._zero.up)
        self._ways = {key: self._forward(key) for key in needed}
        made = any(seen.of(key) or seen.squats(key) for key in needed)
        return not made and all(way is not None for way in self._ways.values())

    def forward(self, key: str) -> Floats | None:
        """The direction of walking in the sensor (3,); None where it is unknown."""
        return self._forward(key) if self._ways is None else self._ways.get(key)

    def swing(self, key: str) -> Floats:
        """The vertical (3, n) in a sensor during the first strides."""
        start, stop = self._span()
        return self._tracks.vertical(key)[:, start:stop]

    def strides(self, key: str) -> tuple[Floats, float] | None:
        """The axis to the right (3,) of a thigh whose mounting is stated, from its strides right after the standing, and their
        planarity; None where it made none, or none that agree with the mounting."""
        if key not in self._mountings:
            return None
        if key not in self._strode:
            if self._begin_s is None or self._span()[1] > self.now:
                return None
            self._strode[key] = strides(self.swing(key), self._zero.up[key], -self._mountings[key].left_axis)
        return self._strode[key]

    def _span(self) -> tuple[int, int]:
        """Ticks of the first strides."""
        return self._tracks.at(self.begin_s), self._tracks.at(self.begin_s + STRIDES_S)

    def _forward(self, key: str) -> Floats | None:
        motion, quat = self._tracks.motion(key), self._zero.standing.sensor(key).quat
        there = np.flatnonzero(np.isfinite(quat[0]))
        if motion is None or not len(there):
            return None
        (begun_s, end_s), begin_s = self._zero.span_s, self.begin_s
        still_s = (begun_s, end_s) if begin_s == end_s else (max(begun_s, begin_s - QUIET_S), begin_s)
        return walked_off(*motion, still_s, quat[:, there[-1]], self._tilted_s, begun_s)
