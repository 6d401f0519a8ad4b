"""Inertial sensors on a moving body: where they sit, how the skin moves under them, and what they get wrong.

`SensorSettings` is one sensor of one session, drawn at random from a seed or ideal; `Imu` gives its samples at any
instants, exactly differentiated from the body's kinematics and then spoilt: scale, bias with slow drift, noise, range.
Quantisation belongs to the codec. Accelerometers measure specific force: +9.80665 m/s² along what points up at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from body_signals import G0, Bools, Floats, Mounting, Placement
from virtual_athlete.movement import Motion, Moving, Signal, Sines, X, Y, Z

SITES: Mapping[Placement, tuple[tuple[float, float, float], float]] = {
    Placement.LUMBAR: ((-0.060, 0.010, 0.0), 180.0),
    Placement.PELVIS: ((-0.125, 0.070, 0.0), 180.0),
    Placement.THIGH_LEFT: ((0.030, -0.200, -0.070), 60.0),
    Placement.THIGH_RIGHT: ((0.030, -0.200, 0.070), -60.0),
}
"""Place of the sensor from the segment's origin (m, segment axes), and which way it faces: degrees about the segment's
long axis from straight ahead, to the left positive. Nominally the sensor's x points up and its z outwards."""

MOUNTINGS: Mapping[Placement, Mounting] = {
    Placement.LUMBAR: Mounting("+x", "+y"),
    Placement.PELVIS: Mounting("+x", "+y"),
    Placement.THIGH_LEFT: Mounting("+x", "+z"),
    Placement.THIGH_RIGHT: Mounting("+x", "-z"),
}
"""How a person would state the nominal mounting; a thigh's sensor faces half forward, so this is 30 degrees off."""

UPSIDE_DOWN_MOUNTINGS: Mapping[Placement, Mounting] = {
    Placement.LUMBAR: Mounting("-x", "-y"),
    Placement.PELVIS: Mounting("-x", "-y"),
    Placement.THIGH_LEFT: Mounting("-x", "+z"),
    Placement.THIGH_RIGHT: Mounting("-x", "-z"),
}

# what stretches the skin under a sensor: channels of the body and their weights
_SKIN_DRIVES: Mapping[Placement, Mapping[str, float]] = {
    Placement.LUMBAR: {"lumbar_flexion": 1.0},
    Placement.PELVIS: {"pelvis_tilt": 1.0, "lumbar_flexion": 0.3},
    Placement.THIGH_LEFT: {"thigh_left_elevation": 1.0, "pelvis_tilt": 1.0},
    Placement.THIGH_RIGHT: {"thigh_right_elevation": 1.0, "pelvis_tilt": 1.0},
}


@dataclass(frozen=True, slots=True)
class Skin:
    """How the skin carries the sensor along: not quite as far as the bone, later, and by a curve that flattens.

    gain: sensor rotation per segment flexion about the mediolateral axis; side_gain: about the anterior axis; lag_s;
    limit_rad: where it flattens; wobble_rad: shaking while the segment moves.
    """

    gain: float = 0.0
    side_gain: float = 0.0
    lag_s: float = 0.0
    limit_rad: float = 1.0
    wobble_rad: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class SensorSettings:
    """One sensor as worn in one session. SI units; vectors are (3,) in sensor axes. The default is an ideal sensor.

    tilt_rad: misplacement about the segment's anterior, long and mediolateral axis. upside_down: turned by half a turn about
    its own z. gyr_drift_rad_s: size of the slow wandering of the bias. noise: standard deviation of a sample.
    """

    tilt_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    upside_down: bool = False
    skin: Skin = field(default_factory=Skin)
    gyr_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gyr_drift_rad_s: float = 0.0
    gyr_scale_error: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gyr_noise: float = 0.0
    gyr_range_dps: float = 2000.0
    acc_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    acc_scale_error: tuple[float, float, float] = (0.0, 0.0, 0.0)
    acc_noise: float = 0.0
    acc_range_g: float = 16.0

    @classmethod
    def random(cls, rng: np.random.Generator, upside_down: bool = False) -> SensorSettings:
        """A sensor as a physio sticks it on: a few to twenty degrees off, ordinary consumer MEMS errors."""
        d = np.deg2rad

        def vector(spread: float) -> tuple[float, float, float]:
            x, y, z = rng.normal(0.0, spread, 3).tolist()
            return x, y, z

        tilt = rng.uniform(-1.0, 1.0, 3) * d([10.0, 25.0, 15.0])
        return cls(
            tilt_rad=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
            upside_down=upside_down,
            skin=Skin(
                gain=float(rng.uniform(0.01, 0.05)),
                side_gain=float(rng.uniform(-0.015, 0.015)),
                lag_s=float(rng.uniform(0.0, 0.12)),
                limit_rad=float(rng.uniform(0.5, 1.8)),
                wobble_rad=float(d(rng.uniform(0.1, 0.5))),
            ),
            gyr_bias=vector(float(d(0.4))),
            gyr_drift_rad_s=float(d(0.03)),
            gyr_scale_error=vector(0.003),
            gyr_noise=float(d(0.06)),
            acc_bias=vector(0.03),
            acc_scale_error=vector(0.002),
            acc_noise=0.02,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """time_s (n,) session time, acc (n, 3) m/s², gyr (n, 3) rad/s, saturated (n,): a channel was at the end of its range."""

    time_s: Floats
    acc: Floats
    gyr: Floats
    saturated: Bools

    def __len__(self) -> int:
        return len(self.time_s)


class WornImu(Protocol):
    """A sensor that is worn: an `Imu`, or one with faults."""

    @property
    def settings(self) -> SensorSettings:
        """The sensor's mounting and errors."""
        ...

    def samples(self, time_s: Floats) -> Samples:
        """Measured samples at `time_s` (n,), asked in time order."""
        ...


class Imu:
    """A sensor on a body. `samples` must be asked in time order: noise is drawn in the order of the samples, so that
    the same seed gives the same samples whatever the block size."""

    def __init__(self, motion: Moving, placement: Placement, settings: SensorSettings, seed: int | list[int] = 0) -> None:
        self._motion: Moving = motion
        self.placement, self.settings = placement, settings
        acc_noise, gyr_noise, slow = np.random.SeedSequence(seed).spawn(3)
        self._acc_noise, self._gyr_noise = np.random.default_rng(acc_noise), np.random.default_rng(gyr_noise)
        rng = np.random.default_rng(slow)
        # bias wanders over minutes to a quarter of an hour, as with temperature
        self._drift = [Sines.random(rng, 1.0, (1.0 / 900.0, 1.0 / 120.0), 3) for _ in range(3)]
        self._shaking = Sines.random(rng, 1.0, (3.0, 8.0), 3)
        self.mounting = mounting(placement, settings)

    def moves_as(self, motion: Moving) -> None:
        """From the samples on that are asked for next, the body moves like this."""
        self._motion = motion

    def true_motion(self, time_s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """The motion that a perfect sensor would measure at `time_s` (n,).

        Returns rotation sensor → world (3, 3, n), position (3, n) m, specific force (3, n) m/s² and angular rate
        (3, n) rad/s, both in sensor axes.
        """
        segment, origin = self._motion.posture(time_s).segment(self.placement)
        offset, _ = SITES[self.placement]
        place = origin.along(segment, offset)
        pitch, roll = self._skin(time_s)
        carrier = segment if pitch is None else segment.turned(Z, pitch).turned(X, roll)
        m = self.mounting
        rotation = np.einsum("ijn,jk->ikn", carrier.rotation, m)
        force = place.acceleration.copy()
        force[2] += G0
        acc = rotation[0] * force[0] + rotation[1] * force[1] + rotation[2] * force[2]
        return rotation, place.position, acc, m.T @ carrier.rate

    def samples(self, time_s: Floats) -> Samples:
        """Measured samples at `time_s` (n,)."""
        _, _, acc, gyr = self.true_motion(time_s)
        return self.measured(time_s, acc, gyr)

    def measured(self, time_s: Floats, acc: Floats, gyr: Floats) -> Samples:
        """This sensor's samples where a perfect one would measure acc and gyr (3, n) at `time_s` (n,)."""
        s = self.settings
        n = len(time_s)
        a = acc.T * (1.0 + np.array(s.acc_scale_error)) + np.array(s.acc_bias)
        w = gyr.T * (1.0 + np.array(s.gyr_scale_error)) + np.array(s.gyr_bias)
        if s.gyr_drift_rad_s:
            w += s.gyr_drift_rad_s * np.column_stack([d.at(time_s).value for d in self._drift])
        if s.acc_noise:
            a += self._acc_noise.normal(0.0, s.acc_noise, (n, 3))
        if s.gyr_noise:
            w += self._gyr_noise.normal(0.0, s.gyr_noise, (n, 3))
        acc_end, gyr_end = s.acc_range_g * G0, np.deg2rad(s.gyr_range_dps)
        saturated = (np.abs(a) >= acc_end).any(axis=1) | (np.abs(w) >= gyr_end).any(axis=1)
        return Samples(time_s, np.clip(a, -acc_end, acc_end), np.clip(w, -gyr_end, gyr_end), saturated)

    def _skin(self, time_s: Floats) -> tuple[Signal | None, Signal]:
        skin = self.settings.skin
        still = Signal.constant(0.0, len(time_s))
        if not (skin.gain or skin.side_gain or skin.wobble_rad):
            return None, still
        late = self._flexion(time_s - skin.lag_s)
        # how much it has moved within the last fifth of a second says how much it shakes
        moved = late - self._flexion(time_s - skin.lag_s - 0.2)
        activity = (moved * moved * (1.0 / 0.15**2)).softened(1.0)
        shaking = self._shaking.at(time_s) * activity * skin.wobble_rad
        bent = late.softened(skin.limit_rad)
        return bent * skin.gain + shaking, bent * skin.side_gain + shaking * 0.5

    def _flexion(self, time_s: Floats) -> Signal:
        """The flexion that stretches the skin under the sensor."""
        weights = _SKIN_DRIVES[self.placement]
        c = self._motion.channels(time_s, weights)
        total = Signal.constant(0.0, len(time_s))
        for name, weight in weights.items():
            total = total + c[name] * weight
        return total


def mounting(placement: Placement, settings: SensorSettings) -> Floats:
    """Rotation (3, 3) sensor → segment of a sensor stuck on as `settings` say."""
    _, facing_deg = SITES[placement]
    # columns: sensor x, y, z in segment axes when it faces ahead: x up, z forward
    nominal = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    about_x, about_y, about_z = settings.tilt_rad
    tilt = _rotation(X, about_x) @ _rotation(Z, about_z) @ _rotation(Y, np.deg2rad(facing_deg) + about_y)
    flip = np.diag([-1.0, -1.0, 1.0]) if settings.upside_down else np.eye(3)
    return np.asarray(tilt @ nominal @ flip, np.float64)


def simulate_sensor(
    motion: Motion, placement: Placement, settings: SensorSettings, rate_hz: float = 100.0, seed: int | list[int] = 0
) -> Samples:
    """Samples of a whole motion at an exact rate, session time from 0."""
    time_s = np.arange(0.0, motion.duration_s, 1.0 / rate_hz)
    return Imu(motion, placement, settings, seed).samples(time_s)


def _rotation(axis: int, angle: float) -> Floats:
    out = np.eye(3)
    j, k = (axis + 1) % 3, (axis + 2) % 3
    c, s = np.cos(angle), np.sin(angle)
    out[j, j], out[j, k], out[k, j], out[k, k] = c, -s, s, c
    return out
