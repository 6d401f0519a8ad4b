"""A sensor that turns and shakes, in closed form: what the files of the import tests are written from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from body_signals import G0, Floats


@dataclass(frozen=True)
class Turning:
    """n samples. time_s (n,); acc (n, 3) m/s²; gyr (n, 3) rad/s; quat (n, 4) sensor → earth; free (n, 3) m/s² in the earth."""

    time_s: Floats
    acc: Floats
    gyr: Floats
    quat: Floats
    free: Floats


def turning(rate_hz: float = 100.0, seconds: float = 12.0, begin_s: float = 0.0) -> Turning:
    """Pitch of 50°, roll of 25°, shaking by 0.5 m/s², from `begin_s` of the movement on."""
    time_s = begin_s + np.arange(round(seconds * rate_hz)) / rate_hz
    step = 1e-4
    before, at, after = (_orientation(time_s + shift) for shift in (-step, 0.0, step))
    free = 0.5 * np.column_stack((np.sin(3.7 * time_s), np.cos(2.7 * time_s), np.sin(5.7 * time_s)))
    gyr = (before.inv() * after).as_rotvec() / (2.0 * step)
    acc = at.inv().apply(free + np.array([0.0, 0.0, G0]))
    return Turning(time_s, acc, gyr, at.as_quat(scalar_first=True), free)


def _orientation(time_s: Floats) -> Rotation:
    yaw, pitch, roll = 10 * np.sin(0.9 * time_s), 50 * np.sin(1.57 * time_s), 25 * np.sin(1.19 * time_s)
    return Rotation.from_euler("ZYX", np.column_stack((yaw, pitch, roll)), degrees=True)
