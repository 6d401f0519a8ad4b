"""Whether the athlete sat while the zero of a calibration was taken, as happens when the mark is set from a chair.

Sitting still looks like standing still to every sensor whose mounting is not stated, and standing up then looks like the way
down of a squat: both thighs turn together by as much. But it lifts the body, by the length of a thigh or so, and a squat lowers
it. The height that is gained is the second integral of the vertical specific force. The body is at rest before the movement and
at its turning point, so the velocities there are zero: the accelerometer's offset falls out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Mounting
from dsp import rotation
from dsp.calibration.calibration_movements import THIGH_KEYS, CalibrationMovements
from dsp.calibration.calibration_tracks import CalibrationTracks

SAT = "sat at the mark: the body rises as both thighs leave the posture; stand still for 5 s and mark again"
"""Reason of a calibration that is refused because of this."""
SAT_AS_STATED = "sat at the mark, or the mounting is not as stated: both thighs lie level; stand still for 5 s and mark again"
"""The same, of sensors whose mounting is stated."""
SAT_AS_BEFORE = (
    "sat at the mark, or both sensors were turned since the last calibration: both thighs lie level; "
    "stand still for 5 s and mark again"
)
"""The same, of sensors that were calibrated before."""
SEATED = frozenset({SAT, SAT_AS_STATED, SAT_AS_BEFORE})
"""All three reasons."""
LEVEL_RAD, INCLINED_RAD = np.radians([65.0, 60.0]).tolist()
"""Largest angle between the vertical and the front of a thigh that lies level, whose sensor may be worn turned round it; and
least angle between the vertical and the thigh (ours)."""
RISE_M = 0.1
"""Least gain in height that is standing up (ours): from a chair 0.3 to 0.45 m, from a bar stool 0.15 m or more."""
TURNED_RAD = np.radians(40.0)
"""Least turn of both thighs (ours)."""
REACHED, RESTS_S, TURNS_S = 0.95, 0.5, 0.2
"""The turning point is the third, s, after the thighs have come the first part of the way, once they have come no further for
the second, s (ours)."""
BEFORE_S, LONGEST_S = 0.5, 8.0
"""The movement begins the first, s, before the thighs are seen to leave the posture; what takes longer than the second tells
nothing, because the integral drifts (ours)."""
STAYS_S, SHORT_S, RISES = 1.5, 0.75, 3
"""Who stood up stays up for the first, s, with both thighs turned by `TURNED_RAD`; who sits down again at once, for the second,
the third number of times. A jump with the knees drawn up, onto a box or not, is over before (ours)."""


def lie_level(up: Mapping[str, Floats], axes: Mapping[str, Floats]) -> bool:
    """Whether both thighs lie level, front upwards. up: the vertical (3,) in each sensor; axes: the axes (2, 3) in it that
    point forwards and up while its wearer stands, where they are known."""
    both = [axes[key] @ up[key] for key in THIGH_KEYS if key in up and key in axes]
    forwards, upright = np.array(both).T if len(both) == len(THIGH_KEYS) else np.zeros((2, 1))
    return bool((forwards > np.cos(LEVEL_RAD)).all() and (np.abs(upright) < np.cos(INCLINED_RAD)).all())


def axes_as_stated(mountings: Mapping[str, Mounting]) -> dict[str, Floats]:
    """`axes` of `lie_level` by stated mountings."""
    return {key: np.array((np.cross(one.left_axis, one.up_axis), one.up_axis)) for key, one in mountings.items()}


def axes_as_aligned(to_segment: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same by quaternions (4,) sensor → segment."""
    axes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    return {key: rotation.rotate(rotation.conjugate(quat[:, None]), axes).T for key, quat in to_segment.items()}


@dataclass(slots=True)
class _Leaving:
    """A movement of both thighs under way: when it began; turn, rad, of the thigh that has turned less, and when that was last
    exceeded by much; first and last time at which both were turned by `TURNED_RAD`, None before."""

    begun_s: float
    turned: float = 0.0
    reached_s: float = 0.0
    up_s: float | None = None
    last_s: float = 0.0
    judged: bool = False


class SeatedWatch:
    """Looks at each movement of both thighs of a calibration; `step` is asked at every tick, in order."""

    def __init__(self, tracks: CalibrationTracks, seen: CalibrationMovements) -> None:
        self._tracks, self._seen = tracks, seen
        self._leaving: _Leaving | None = None
        self._rises = 0
        """Movements with which the body rose for a short time."""

    def step(self, i: int, left: float, right: float) -> bool:
        """Whether it is known at tick i, at which the thighs are turned by these angles, rad, that the athlete sat."""
        if not self._seen.knees_up:
            over, self._leaving = self._leaving, None
            return over is not None and not over.judged and self._rose(over)
        now_s, turned = self._tracks.time_s[i], min(left, right)
        one = self._leaving
        if one is None:
            one = self._leaving = _Leaving(self._seen.open_since_s(THIGH_KEYS) - BEFORE_S)
        if turned * REACHED > one.turned:
            one.turned, one.reached_s = turned, now_s
        if turned > TURNED_RAD:
            one.up_s, one.last_s = now_s if one.up_s is None else one.up_s, now_s
            if not one.judged and now_s - one.up_s >= STAYS_S and now_s - one.reached_s > RESTS_S:
                one.judged = True
                return self._rose(one)
        return False

    def _rose(self, one: _Leaving) -> bool:
        """Whether a movement shows, perhaps with one before it, that the athlete stood up."""
        if one.up_s is None or one.last_s - one.up_s < SHORT_S:
            return False
        rise_m = self._rise_m(one.begun_s, one.reached_s + TURNS_S)
        if rise_m is None or rise_m < RISE_M:
            return False
        self._rises += 1
        return one.last_s - one.up_s >= STAYS_S or self._rises >= RISES

    def _rise_m(self, begin_s: float, end_s: float) -> float | None:
        """Height that the body has gained between two instants of rest; None where that is not known."""
        time_s, gained = self._tracks.vertical_gain
        first, last = bisect_left(time_s, begin_s), bisect_left(time_s, end_s)
        if last >= len(time_s) or last - first < 3 or time_s[last] - time_s[first] > LONGEST_S:
            return None
        return rise_between_rests(np.array(time_s[first : last + 1]), gained[first : last + 1])


def rise_between_rests(time_s: Floats, gained: Floats) -> float | None:
    """Height, m, that was gained from the first to the last of the times (n,), at both of which the body rests. gained (n,):
    running integral of the vertical specific force, m/s, gravity included; None where some of it is missing."""
    if not np.isfinite(gained).all():
        return None
    # at rest at both ends: what the velocity seems to have grown by is gravity and the accelerometer's offset
    velocity = gained - gained[0] - (gained[-1] - gained[0]) * (time_s - time_s[0]) / (time_s[-1] - time_s[0])
    return float(0.5 * ((velocity[1:] + velocity[:-1]) * np.diff(time_s)).sum())
