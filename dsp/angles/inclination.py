"""Orientation of a sensor that has only an accelerometer: the direction of gravity, and nothing more.

The inclination is right at rest. In motion it is wrong by the angle between gravity and specific force; there is no heading.
Results are flagged `device_orientation`, like those from orientations that a device computed itself.
"""

from __future__ import annotations

import numpy as np

from body_signals import Floats

_UPSIDE_DOWN = 1e-9
"""Smallest denominator; below it the sensor is upside down, and the axis of the turn is arbitrary (ours)."""


def from_gravity(acc: Floats) -> Floats:
    """Orientation (n, 4) w x y z, sensor → earth with z up: the smallest turn that brings acc (n, 3) upright.

    Upside down, where the axis is arbitrary, it turns about the sensor's x. Element-wise in the samples.
    """
    x, y, z = acc.T
    norm = np.sqrt(x * x + y * y + z * z)
    norm = np.where(norm > 0.0, norm, 1.0)
    x, y, z = x / norm, y / norm, z / norm
    down = 1.0 + z <= _UPSIDE_DOWN
    quat = np.stack((1.0 + z, y, -x, np.zeros_like(x)), axis=1)
    quat[down] = (0.0, 1.0, 0.0, 0.0)
    w, a, b, _ = quat.T
    return np.asarray(quat / np.sqrt(w * w + a * a + b * b)[:, None])
