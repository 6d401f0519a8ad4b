"""Relative heading from the acceleration of the shared joint, as two neighbouring sensors measure it; needs no alignment or
standing.

The joint moves with both segments. So the accelerations that the two sensors give for it, earth frame, differ only by the
relative heading, and agree along the vertical. Over a block of time the joint's mean acceleration is

    S + W r,  S = mean of R a,  W = change of [ω]× R over the block / its length,

with the sensor's orientation R, specific force a and rate ω (earth frame), and the lever arm r from sensor to joint in the
sensor. Differences of velocity need no angular acceleration. Lever arms and heading are estimated together: the
vertical component gives a first solution, then each is refined with the other. Where the joint has no horizontal
acceleration, the heading cannot be observed, and the variance of a sighting is large.

Sources: T. Seel, J. Raisch, T. Schauer, Sensors 14, 2014, doi 10.3390/s140406891 (lever arms from equal acceleration);
I. Weygers, M. Kok, IEEE Sensors Journal 20, 2020, doi 10.1109/JSEN.2020.2982459 (relative heading from it).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body_signals import Floats
from dsp.grid.ticks import MOTION_STRIDE, Ticks

Complexes = NDArray[np.complex128]

BLOCKS = 20
"""Blocks of a sighting (ours); a block lasts `MOTION_STRIDE` ticks."""
NOISE_M_S2 = 0.2
"""Spread of a block's acceleration: sensor, tilt, skin (ours)."""
LEVER_M = 0.3
"""Spread of a lever arm before anything is known (ours)."""
KEPT = 0.995
"""Forgetting factor of earlier sightings in the lever arms, per sighting: they are forgotten within a few minutes
(ours)."""
FIRST_S = 6.0
"""Accelerations are collected for this time, s, before the first sighting (ours)."""
WORST_SD_RAD = math.radians(40.0)
"""Largest standard deviation of a sighting that is used (ours)."""
DRIFT_RAD_S = math.radians(0.5)
"""Drift of the heading assumed between sightings (ours)."""
BIAS_RAD = math.radians(0.5)
"""Error of a sighting from tilt errors, at any strength of the accelerations (ours)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Heading of the distal sensor minus that of the proximal one, rad, seen over the blocks that end at a tick."""

    tick: int
    offset: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Products of one sighting's blocks. level (7, 7): of the vertical components. near, far (4, 4), across (4, 4): of the
    horizontal ones as complex numbers, of three lever arm columns and the acceleration without lever arm."""

    level: Floats
    near: Floats
    far: Floats
    across: Complexes


def blocks(quat: Floats, motion: Floats, seconds: float) -> tuple[Floats, Floats]:
    """Mean acceleration S (3, k) and its lever arm columns W (3, 3, k) between k + 1 instants `seconds` apart.

    quat (4, k + 1) sensor → earth; motion (6, k + 1): integral of the specific force and the angular rate, both earth frame.
    """
    w, x, y, z = quat
    matrix = np.array(
        (
            (w * w + x * x - y * y - z * z, 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
            (2.0 * (x * y + w * z), w * w - x * x + y * y - z * z, 2.0 * (y * z - w * x)),
            (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z),
        )
    )
    a, b, c = motion[3:]
    turning = np.stack((b * matrix[2] - c * matrix[1], c * matrix[0] - a * matrix[2], a * matrix[1] - b * matrix[0]))
    return (motion[:3, 1:] - motion[:3, :-1]) / seconds, (turning[..., 1:] - turning[..., :-1]) / seconds


def _sums(near: tuple[Floats, Floats], far: tuple[Floats, Floats]) -> _Sums:
    (s1, w1), (s2, w2) = near, far
    level = np.concatenate((w1[2], -w2[2], (s1[2] - s2[2])[None]))
    f1 = np.concatenate((w1[0] + 1j * w1[1], (s1[0] + 1j * s1[1])[None]))
    f2 = np.concatenate((w2[0] + 1j * w2[1], (s2[0] + 1j * s2[1])[None]))
    return _Sums(
        (level[:, None] * level[None]).sum(-1),
        (f1.conj()[:, None] * f1[None]).sum(-1).real,
        (f2.conj()[:, None] * f2[None]).sum(-1).real,
        (f1.conj()[:, None] * f2[None]).sum(-1),
    )


class JointAcceleration:
    """Sightings of the relative heading of one joint, causal, in bounded memory.

    arms (6,): lever arms, m, of the proximal and the distal sensor, where they are known.
    """

    def __init__(self, rate_hz: float, arms: Floats | None = None) -> None:
        self._seconds = MOTION_STRIDE / rate_hz
        self._parts: list[tuple[Floats, Floats, Floats, Floats]] = []
        self._next: int | None = None
        self._total: _Sums | None = None
        self._levers, self._fixed = arms, arms is not None
        self._offset, self._variance = 0.0, 0.0
        self._windows = 0

    def again(self) -> JointAcceleration:
        """For a second pass over the same ticks: it starts with the lever arms from the first."""
        return JointAcceleration(MOTION_STRIDE / self._seconds, self._levers)

    def feed(self, ticks: Ticks, near: str, far: str) -> list[Sighting]:
        """Process final ticks in order; keys of the proximal and the distal sensor. The result does not depend on the cuts."""
        first = (-ticks.first) % MOTION_STRIDE
        proximal, distal = ticks.sensor(near), ticks.sensor(far)
        if proximal.motion is None or distal.motion is None or not proximal.motion.shape[1]:
            return []
        part = slice(first, None, MOTION_STRIDE)
        return self.take(ticks.first + first, (proximal.quat[:, part], proximal.motion), (distal.quat[:, part], distal.motion))

    def take(self, tick: int, near: tuple[Floats, Floats], far: tuple[Floats, Floats]) -> list[Sighting]:
        """Instants at ticks `tick`, `tick + MOTION_STRIDE` … of the proximal and the distal sensor, each as quat (4, k) and
        motion (6, k), NaN where missing."""
        found = []
        count = near[0].shape[1]
        if self._next != tick:
            # a window begins at a multiple of its length, regardless of earlier ticks
            self._parts = []
            skip = min(-(tick // MOTION_STRIDE) % BLOCKS, count)
            near, far = (near[0][:, skip:], near[1][:, skip:]), (far[0][:, skip:], far[1][:, skip:])
            if skip == count:
                return []
        self._parts.append((*near, *far))
        self._next = tick + count * MOTION_STRIDE
        have = sum(part[0].shape[1] for part in self._parts)
        if have <= BLOCKS:
            return []
        # windows share their border instants
        joined = [np.concatenate(columns, axis=1) for columns in zip(*self._parts, strict=True)]
        first = self._next - have * MOTION_STRIDE
        start = 0
        while start + BLOCKS < have:
            cut = [np.ascontiguousarray(column[:, start : start + BLOCKS + 1]) for column in joined]
            start += BLOCKS
            if all(np.isfinite(column).all() for column in cut):
                seen = self._window(first + start * MOTION_STRIDE, cut)
                if seen is not None:
                    found.append(seen)
        self._parts = [(joined[0][:, start:], joined[1][:, start:], joined[2][:, start:], joined[3][:, start:])]
        return found

    def _window(self, tick: int, cut: list[Floats]) -> Sighting | None:
        sums = _sums(blocks(cut[0], cut[1], self._seconds), blocks(cut[2], cut[3], self._seconds))
        if self._fixed and self._levers is not None:
            return sighting(sums, self._levers, tick, 0.0)
        self._windows += 1
        begun = self._levers is not None
        turn = cmath.exp(-1j * self._offset) if begun else 1.0
        total, kept = self._total, KEPT
        if total is None:
            self._total = _Sums(sums.level, sums.near, sums.far, sums.across * turn)
        else:
            self._total = _Sums(
                kept * total.level + sums.level,
                kept * total.near + sums.near,
                kept * total.far + sums.far,
                kept * total.across + sums.across * turn,
            )
        if self._windows * BLOCKS * self._seconds < FIRST_S:
            return None
        if not begun:
            self._levers, first = found_together(self._total)
            self._offset, self._variance = first, WORST_SD_RAD**2
            # from here on horizontal components are kept as if the headings were equal
            self._total = _Sums(
                self._total.level, self._total.near, self._total.far, self._total.across * cmath.exp(-1j * first)
            )
            return sighting(self._total, self._levers, tick, first)
        self._levers = levers(self._total, 1.0)
        return self._followed(sighting(sums, self._levers, tick, 0.0))

    def _followed(self, seen: Sighting | None) -> Sighting | None:
        """Store the heading by which horizontal components are turned back."""
        self._variance += (DRIFT_RAD_S * BLOCKS * self._seconds) ** 2
        if seen is not None:
            gain = self._variance / (self._variance + seen.variance)
            self._offset += gain * math.remainder(seen.offset - self._offset, 2.0 * math.pi)
            self._variance *= 1.0 - gain
        return seen


def levers(total: _Sums, turn: complex) -> Floats:
    """Lever arms (6,), m, of the proximal and the distal sensor, when `turn` takes the distal heading to the proximal."""
    normal, right = total.level[:6, :6].copy(), -total.level[:6, 6]
    normal[:3, :3] += total.near[:3, :3]
    normal[3:, 3:] += total.far[:3, :3]
    cross = (total.across * turn).real
    normal[:3, 3:] -= cross[:3, :3]
    normal[3:, :3] -= cross[:3, :3].T
    right[:3] += cross[:3, 3] - total.near[:3, 3]
    right[3:] += cross[3, :3] - total.far[:3, 3]
    return np.asarray(np.linalg.solve(normal + np.eye(6) * (NOISE_M_S2 / LEVER_M) ** 2, right))


def found_together(total: _Sums) -> tuple[Floats, float]:
    """Lever arms (6,) m and the heading of the distal sensor minus that of the proximal, rad; starts from the vertical
    alone."""
    arms = np.linalg.solve(total.level[:6, :6] + np.eye(6) * (NOISE_M_S2 / LEVER_M) ** 2, -total.level[:6, 6])
    turn = 1.0 + 0.0j
    for _ in range(10):
        across = complex(np.append(arms[:3], 1.0) @ total.across @ np.append(arms[3:], 1.0))
        turn = (across / abs(across)).conjugate() if abs(across) > 0.0 else 1.0 + 0.0j
        arms = levers(total, turn)
    return np.asarray(arms, np.float64), -cmath.phase(turn)


def sighting(sums: _Sums, arms: Floats, tick: int, before: float) -> Sighting | None:
    """The heading from these products, None where it is too uncertain; before: the heading already subtracted, rad."""
    near, far = np.append(arms[:3], 1.0), np.append(arms[3:], 1.0)
    across = complex(near @ sums.across @ far)
    power_near, power_far = float(near @ sums.near @ near), float(far @ sums.far @ far)
    apart = max(power_near + power_far - 2.0 * abs(across), 0.0) / (2 * BLOCKS)
    strength = max(abs(across), 1e-9)
    variance = max(apart, 0.25 * NOISE_M_S2**2) / strength + BIAS_RAD**2
    if variance > WORST_SD_RAD**2:
        return None
    return Sighting(tick, cmath.phase(across) + before, variance)
