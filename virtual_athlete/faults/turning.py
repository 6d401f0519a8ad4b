"""Rotations about a fixed axis, for sensors that come loose."""

from __future__ import annotations

import math

import numpy as np

from body_signals import Floats


def about(axis: Floats, angle: Floats) -> Floats:
    """Rotations (3, 3, n) by angle (n,), radians, about a unit axis (3,), or each about its own (3, n) (Rodrigues 1840)."""
    x, y, z = axis
    c, s = np.cos(angle), np.sin(angle)
    k = 1.0 - c
    return np.array(
        [
            [c + x * x * k, x * y * k - z * s, x * z * k + y * s],
            [y * x * k + z * s, c + y * y * k, y * z * k - x * s],
            [z * x * k - y * s, z * y * k + x * s, c + z * z * k],
        ]
    )


def rotated(rotation: Floats, v: Floats) -> Floats:
    """Vectors v (3, n), each turned by its rotation (3, 3, n)."""
    return np.asarray(np.einsum("ijn,jn->in", rotation, v), np.float64)


def rotation_vector(a: Floats, b: Floats) -> Floats:
    """The rotation vector (3,), radians, of the shortest turn from unit vector a to unit vector b."""
    axis = np.cross(a, b)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        # alike, or opposite: then half a turn about any axis across
        across = np.cross(a, np.eye(3)[int(np.argmin(np.abs(a)))])
        return np.zeros(3) if float(a @ b) > 0.0 else np.asarray(math.pi * across / np.linalg.norm(across), np.float64)
    return np.asarray(axis / size * math.atan2(size, float(a @ b)), np.float64)
