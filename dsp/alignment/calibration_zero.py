"""The zero of a calibration: the quiet standing that its sensors share, and when that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Floats
from dsp import rotation
from dsp.alignment.calibration_tracks import CalibrationTracks
from dsp.alignment.segment_axes import angle_between
from dsp.alignment.standing import DECIDED_S
from dsp.grid.ticks import Ticks

LATE_S = 5.0
"""A sensor that is late when the standing has been decided is waited for this long; after that it takes no part (ours)."""
LEAST_THERE = 0.5
"""A sensor that is missing for more than this share of the standing has no zero (ours)."""

Ended = Callable[[float, str], float | None]
"""(mark time, key) → session time at which a sensor's standing was known to have ended, None before."""
StandingOf = Callable[[float, tuple[str, ...]], Ticks | None]
"""(mark time, keys) → the ticks of the quiet standing that all these sensors share, None when there was none."""


@dataclass(frozen=True, slots=True, eq=False)
class Zero:
    """The standing, and of each sensor that has a zero the vertical (3,) in it while standing and its sway about that, degrees
    (root mean square)."""

    standing: Ticks
    up: Mapping[str, Floats]
    sway_deg: Mapping[str, float]

    @classmethod
    def of(cls, standing: Ticks, keys: tuple[str, ...]) -> Zero | None:
        """Of those of the sensors `keys` that were there while standing; None where none was."""
        up: dict[str, Floats] = {}
        sway_deg: dict[str, float] = {}
        for key in keys:
            track = rotation.vertical_in_sensor(standing.sensor(key).quat)
            track = track[:, np.isfinite(track[0])]
            if track.shape[1] < LEAST_THERE * len(standing):
                continue
            mean = np.array([track[i].mean() for i in range(3)])
            up[key] = mean / np.sqrt((mean**2).sum())
            sway_deg[key] = float(np.degrees(np.sqrt((angle_between(track, up[key]) ** 2).mean())))
        return cls(standing, up, sway_deg) if up else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The sensors that have a zero."""
        return tuple(self.up)

    @property
    def span_s(self) -> tuple[float, float]:
        """Session times of the first and the last tick."""
        return float(self.standing.time_s[0]), float(self.standing.time_s[-1])

    @property
    def next_tick(self) -> int:
        """Number of the first tick after the standing."""
        return self.standing.first + len(self.standing)


def decided(tracks: CalibrationTracks, ended: Ended) -> tuple[int, tuple[str, ...]] | None:
    """The tick at which every sensor's standing has ended and the sensor has come since, or has been waited for, and the
    sensors that have come by then; None before that tick."""
    latest, given_up = (tracks.at(tracks.mark_s + s) for s in (DECIDED_S, DECIDED_S + LATE_S))
    came: dict[str, int] = {}
    for key in tracks.body:
        # a sensor that is there at a tick has passed it: what it had said by then is known in any cut of the input
        ended_s = ended(tracks.mark_s, key)
        since = latest if ended_s is None else min(tracks.at(ended_s), latest)
        there = np.flatnonzero(np.isfinite(tracks.vertical(key)[0, since:]))
        if len(there):
            came[key] = since + int(there[0])
    at = min(max(came.values()), given_up) if len(came) == len(tracks.body) else given_up
    if at >= len(tracks.time_s):
        return None
    return at, tuple(key for key in tracks.body if came.get(key, at + 1) <= at)
