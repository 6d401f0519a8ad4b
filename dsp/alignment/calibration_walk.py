"""What walking off right after the standing tells of the axes: where the wearer went, and the plane that a thigh strides in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from body_signals import Floats, Mounting
from dsp.alignment.calibration_movements import THIGH_KEYS, CalibrationMovements
from dsp.alignment.calibration_tracks import CalibrationTracks
from dsp.alignment.calibration_zero import Zero
from dsp.alignment.segment_axes import strides, walked_off

STRIDES_S = 4.0
"""The thighs' swing in this time after the standing gives their axis when a person walks off (ours)."""


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
        self._ways: dict[str, Floats | None] | None = None
        """Where the wearer walked off to, in each sensor, once it has been looked at; what tells it is not kept for longer."""
        self._strode: dict[str, tuple[Floats, float] | None] = {}
        """What the first strides told, once they are over."""

    @property
    def over_s(self) -> float:
        """Session time at which the first strides have been made."""
        return self._zero.span_s[1] + STRIDES_S

    def tells(self, seen: CalibrationMovements) -> bool:
        """Whether walking off tells the axes that nothing else tells so far; asked once, when the strides have been made."""
        needed = [key for key in self._zero.keys if key not in self._mountings]
        if not needed:
            return any(self.strides(key) is not None for key in THIGH_KEYS if key in self._zero.up)
        self._ways = {key: self._forward(key) for key in needed}
        made = any(seen.of(key) or seen.squats(key) for key in needed)
        return not made and all(way is not None for way in self._ways.values())

    def forward(self, key: str) -> Floats | None:
        """Where the wearer walked off to, in the sensor (3,); None where that is not told."""
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
            if self._span()[1] > self.now:
                return None
            self._strode[key] = strides(self.swing(key), self._zero.up[key], -self._mountings[key].left_axis)
        return self._strode[key]

    def _span(self) -> tuple[int, int]:
        """Ticks of the first strides of somebody who walks off."""
        return self._tracks.at(self._zero.span_s[1]), self._tracks.at(self.over_s)

    def _forward(self, key: str) -> Floats | None:
        motion, quat = self._tracks.motion(key), self._zero.standing.sensor(key).quat
        there = np.flatnonzero(np.isfinite(quat[0]))
        if motion is None or not len(there):
            return None
        return walked_off(*motion, self._zero.span_s, quat[:, there[-1]], self._tilted_s)
