"""The check of a device's quaternion."""

from __future__ import annotations

import math
from collections.abc import Sequence

BAD_NORM = 0.1
"""Largest deviation of a valid quaternion's norm from 1 (ours): far above rounding, far below zeros and rubbish."""
Quaternion = tuple[float, float, float, float]


def norm_of(quat: Sequence[float]) -> float | None:
    """The norm of a quaternion (4,), w x y z; None where it is not valid, also where it is not finite."""
    w, x, y, z = quat
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return norm if abs(norm - 1.0) <= BAD_NORM else None


def unit(quat: Sequence[float]) -> Quaternion | None:
    """The quaternion with norm 1; None where it is not valid."""
    w, x, y, z = quat
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return (w / norm, x / norm, y / norm, z / norm) if abs(norm - 1.0) <= BAD_NORM else None
