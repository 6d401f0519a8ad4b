"""The zero of a calibration: the quiet standing that its sensors share, and when it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from body_signals import Floats
from dsp import rotation
from dsp.alignment.segment_axes import angle_between
from dsp.alignment.standing import DECIDED_S, SETTLE_S, SHORTEST_STANDING_S
from dsp.calibration.calibration_movements import TRUNK_KEYS
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.grid.ticks import RATE_HZ, Ticks

LATE_S = 5.0
"""How long, s, to wait for a sensor that is late when the standing is decided; after that it takes no part (ours)."""
LEAST_THERE = 0.5
"""Least part of the standing at which a sensor must be present to have a zero (ours)."""

SWAYING_DEG = 4.0
"""Largest sway (root mean square) of standing still (ours): quiet standing has a few tenths of a degree, restless standing
2°."""
LOOSE_DEG = 2.0
"""If only one sensor sways, and no other by more than this, that sensor is loose (ours)."""
SWAYING_MOST_DEG = 15.0
"""Largest movement that counts as sway; beyond it the athlete has gone, or bends (ours)."""
SETTLED_S = 2.0
"""Least length, s, of a standing that became quiet late: a shorter one may be a turning point of the sway (ours)."""
NO_SAMPLES = "no samples while standing"
"""Reason for a sensor that was not present."""
AGAIN = "stand still for 5 s and mark again"
"""The remedy of every standing that is refused."""

Ended = Callable[[float, str], float | None]
"""(mark time, key) → session time at which a sensor's standing was known to have ended, None before."""
StandingOf = Callable[[float, tuple[str, ...]], Ticks | None]
"""(mark time, keys) → the ticks of the quiet standing shared by all these sensors, None when there was none."""


@dataclass(frozen=True, slots=True, eq=False)
class Zero:
    """The standing, and for each sensor with a zero the vertical (3,) in it while standing and its sway about that, degrees
    (root mean square)."""

    standing: Ticks
    up: Mapping[str, Floats]
    sway_deg: Mapping[str, float]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why a sensor that was present has no zero."""

    @classmethod
    def of(cls, standing: Ticks, keys: tuple[str, ...]) -> Zero | None:
        """The zero of those sensors among `keys` that were present while standing; None where none was."""
        up: dict[str, Floats] = {}
        sway_deg: dict[str, float] = {}
        for key in keys:
            track = rotation.vertical_in_sensor(standing.sensor(key).quat)
            if np.count_nonzero(np.isfinite(track[0])) < LEAST_THERE * len(standing):
                continue
            up[key], sway_deg[key] = _sway_deg(track)
        return cls(standing, up, sway_deg) if up else None

    def refusal(self) -> str:
        """Why this is not a standing; empty where it is one. A single sensor that sways is loose, and has no zero
        (`steady`)."""
        swaying = self._swaying()
        others = [deg for key, deg in self.sway_deg.items() if key not in swaying]
        if not swaying or (len(swaying) == 1 and len(others) > 1 and max(others) < LOOSE_DEG):
            return ""
        return _swayed(max(self.sway_deg[key] for key in swaying))

    def steady(self) -> Zero:
        """The zero without a sensor that sways."""
        loose = self._swaying()
        if not loose:
            return self
        refused = {key: f"{_swayed(self.sway_deg[key])}; is it loose?" for key in loose}
        return replace(self, up={key: up for key, up in self.up.items() if key not in loose}, refused=refused)

    def _swaying(self) -> list[str]:
        return [key for key in self.up if self.sway_deg[key] > SWAYING_DEG]

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


def _swayed(deg: float) -> str:
    if deg > SWAYING_MOST_DEG:
        return f"moved by {deg:.0f}° instead of standing still; {AGAIN}"
    return f"swayed by {deg:.0f}° while standing; {AGAIN}"


def swaying(tracks: CalibrationTracks, keys: Collection[str], standing: Ticks | None, now: int) -> str:
    """Why the standing is refused: the person swayed all the time since the mark, and the standing, if any, is a turning point
    of the sway. Empty where it is not refused. now: the present tick, after which nothing may count."""
    begun = tracks.at(tracks.mark_s + SETTLE_S)
    if standing is not None:
        late = standing.time_s[0] - tracks.mark_s - SETTLE_S > SHORTEST_STANDING_S / 2.0
        if not late or len(standing) >= SETTLED_S * RATE_HZ:
            return ""
        now = min(now, tracks.at(float(standing.time_s[-1])))
    trunk = [key for key in keys if key in TRUNK_KEYS] or keys
    found = max((_sway_deg(tracks.vertical(key)[:, begun:now])[1] for key in trunk), default=0.0)
    return _swayed(found) if SWAYING_DEG < found < SWAYING_MOST_DEG else ""


def _sway_deg(track: Floats) -> tuple[Floats, float]:
    """Mean vertical (3,) of a sensor, and the root-mean-square deviation from it, degrees. track (3, n): NaN where
    missing."""
    track = track[:, np.isfinite(track[0])]
    if not track.shape[1]:
        return np.zeros(3), 0.0
    mean = np.array([track[i].mean() for i in range(3)])
    up = mean / np.sqrt((mean**2).sum())
    return up, float(np.degrees(np.sqrt((angle_between(track, up) ** 2).mean())))


def no_standing(ended_s: float | None, mark_s: float) -> str:
    """Why a sensor that was present has no standing after the mark at mark_s, as known at session time ended_s."""
    within_s = DECIDED_S if ended_s is None else ended_s - mark_s
    return f"the standing was too short: none of {SHORTEST_STANDING_S:.0f} s within {within_s:.0f} s of the mark; {AGAIN}"


def decided(tracks: CalibrationTracks, ended: Ended) -> tuple[int, tuple[str, ...]] | None:
    """The tick at which every sensor's standing has ended and the sensor is present again, or the wait for it is over, and the
    sensors present by then; None before that tick."""
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
