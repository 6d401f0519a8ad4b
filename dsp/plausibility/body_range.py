"""What a body can do: ranges of the joint angles and turning rates of the joints, one table with its sources.

An angle outside of its range was not made by a body: a sensor sits elsewhere than the calibration says, or its heading is lost.
The published ranges are means of people without complaints. The margin of ours makes room for supple people, for skin that
moves under the sensor and for an alignment of low confidence, so that what is outside cannot be true. Inclinations of single
segments have no range: people lie, and stand on their hands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from body_signals import ANGLE_NAMES, Bools, Cause, Floats
from dsp.angles.joints import JOINTS
from dsp.results import Finding

AAOS = "AAOS, Joint Motion, 1965"
SPINE = (
    "White & Panjabi, Clinical Biomechanics of the Spine, 2nd ed. 1990, table 2-5; Kapandji, Physiology of the Joints, vol. 3"
)
KOUYOUMDJIAN_2012 = "Kouyoumdjian 2012, doi 10.1016/j.otsr.2011.07.010"


@dataclass(frozen=True, slots=True)
class BodyRange:
    """The published ends of an angle's range, degrees, the margin of ours beyond them, and the source."""

    low_deg: float
    high_deg: float
    margin_deg: float
    source: str

    @property
    def ends_deg(self) -> tuple[float, float]:
        """Beyond these no body goes."""
        return self.low_deg - self.margin_deg, self.high_deg + self.margin_deg


_HIP_FLEXION = BodyRange(-30.0, 134.0, 26.0, f"extension {AAOS}; flexion Soucie 2011, passive, mean of women")
_HIP_ABDUCTION = BodyRange(-30.0, 45.0, 35.0, AAOS)
_HIP_ROTATION = BodyRange(-45.0, 45.0, 40.0, f"{AAOS}; {KOUYOUMDJIAN_2012}")

BODY_RANGES: dict[str, BodyRange] = {
    "lumbar_flexion": BodyRange(-25.0, 74.0, 26.0, f"extension {AAOS}; flexion {SPINE}, L1 to S1"),
    "lumbar_lateral": BodyRange(-35.0, 35.0, 30.0, AAOS),
    "lumbar_rotation": BodyRange(-18.0, 18.0, 42.0, SPINE),
    "hip_left_flexion": _HIP_FLEXION,
    "hip_left_abduction": _HIP_ABDUCTION,
    "hip_left_rotation": _HIP_ROTATION,
    "hip_right_flexion": _HIP_FLEXION,
    "hip_right_abduction": _HIP_ABDUCTION,
    "hip_right_rotation": _HIP_ROTATION,
}
"""By angle. The means of Roach & Miles 1991 (flexion 121 (SD 13), extension 19 (8), rotations 32) lie well inside."""

FASTEST_DEG_S = {"lumbar": 400.0, "hip_left": 850.0, "hip_right": 850.0}
"""Turning rate of a joint that nobody reaches, by joint: the lumbar spine bends at up to 114 °/s (Consmueller 2012, doi
10.1371/journal.pone.0050135) and turns at some 250 °/s against the pelvis in a golf swing; hips flex at up to some 700 °/s in a
sprint (both of memory); the rest is ours."""

HELD_S = 0.05
"""An angle must be outside for this long to be told, not only flagged: a single row may be a glitch (ours)."""
OVER_S = 2.0
"""It is over once the angle has been inside for this long (ours)."""

_LOW, _HIGH = np.radians(
    [BODY_RANGES[name].ends_deg if name in BODY_RANGES else (-math.inf, math.inf) for name in ANGLE_NAMES]
).T[:, :, None]
_JOINT_ROWS = [[ANGLE_NAMES.index(c) for c in joint.components] for joint in JOINTS]


def beyond(angles: Floats) -> Bools:
    """Which angles (A, m) rad, in the order of `ANGLE_NAMES`, no body can have; a missing one is not."""
    return np.asarray((angles < _LOW) | (angles > _HIGH))


def joints_beyond(angles: Floats) -> Bools:
    """At which of the rows (A, m) any angle of a joint is outside of its range, (joints, m) in the order of `JOINTS`."""
    outside = beyond(angles)
    return np.stack([outside[rows].any(axis=0) for rows in _JOINT_ROWS])


@dataclass(slots=True)
class _Outside:
    """A joint with an angle outside: since and last at these ticks, told at `known`; the angle furthest out, degrees."""

    since: int
    last: int
    name: str
    furthest_deg: float
    known: int | None = None


class BodyRangeWatch:
    """Watches rows for angles beyond what a body can do and tells when that begins and ends; rows in order, cut anyhow."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._held, self._over = round(HELD_S * rate_hz), round(OVER_S * rate_hz)
        self._open: dict[int, _Outside] = {}
        """By the joint's place in `JOINTS`."""

    def feed(self, first: int, angles: Floats, explained: Bools | None = None) -> tuple[Bools | None, list[Finding]]:
        """Rows (m,) with an angle outside, None where there are none, and what became known. angles (A, m): from tick `first`
        on. explained (joints, m): where a sensor of a joint is known to be wrong and nothing more is told; None: nowhere."""
        outside = beyond(angles)
        any_row = bool(np.count_nonzero(outside))
        if not self._open and not any_row:
            return None, []
        found: list[tuple[int, Finding]] = []
        for joint, rows in enumerate(_JOINT_ROWS):
            if joint in self._open or outside[rows].any():
                told = outside[rows] if explained is None else outside[rows] & ~explained[joint]
                found += self._joint(joint, first, np.degrees(angles[rows]), told)
        found.sort(key=lambda one: (one[0], one[1].sensor))
        return np.asarray(outside.any(axis=0)) if any_row else None, [finding for _, finding in found]

    def closed(self, until_s: float) -> list[Finding]:
        """What ends because a new calibration begins at session time `until_s`."""
        return [self._finding(joint, now, until_s) for joint, now in self._open.items() if now.known is not None]

    def _joint(self, joint: int, first: int, degrees: Floats, outside: Bools) -> list[tuple[int, Finding]]:
        """What is told of a joint with angles (3, m), and at which ticks."""
        found: list[tuple[int, Finding]] = []
        names = JOINTS[joint].components
        for i in np.flatnonzero(outside.any(axis=0)).tolist():
            at = first + i
            self._end(joint, at, found)
            value, name = max(
                ((float(degrees[c, i]), names[c]) for c in range(3) if outside[c, i]), key=lambda one: _excess(one[1], one[0])
            )
            now = self._open.setdefault(joint, _Outside(at, at, name, value))
            now.last = at
            if _excess(name, value) > _excess(now.name, now.furthest_deg):
                now.name, now.furthest_deg = name, value
            if now.known is None and at - now.since >= self._held:
                now.known = at
                found.append((at, self._finding(joint, now)))
        self._end(joint, first + degrees.shape[1], found)
        return found

    def _end(self, joint: int, tick: int, found: list[tuple[int, Finding]]) -> None:
        """Let go of a joint that has been inside for long enough before `tick`."""
        now = self._open.get(joint)
        if now is not None and tick - now.last > self._over:
            del self._open[joint]
            if now.known is not None:
                found.append((now.last + self._over, self._finding(joint, now, now.last / self._rate)))

    def _finding(self, joint: int, now: _Outside, until_s: float | None = None) -> Finding:
        low, high = BODY_RANGES[now.name].ends_deg
        assert now.known is not None
        return Finding(
            JOINTS[joint].distal,
            Cause.BEYOND_BODY,
            now.since / self._rate,
            now.known / self._rate,
            f"{now.name.replace('_', ' ')} of {now.furthest_deg:.0f}° is beyond what a body can do ({low:.0f} to {high:.0f}°)",
            "It is not scored. Look whether the sensors of this joint are where they were, and calibrate again.",
            until_s,
        )


def _excess(name: str, value_deg: float) -> float:
    low, high = BODY_RANGES[name].ends_deg
    return max(low - value_deg, value_deg - high)
