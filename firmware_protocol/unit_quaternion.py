"""What a device's quaternion must be to be one."""

from __future__ import annotations

import math
from collections.abc import Sequence

BAD_NORM = 0.1
"""A quaternion whose norm differs from 1 by more is none; ours: far above rounding, far below zeros and rubbish."""
Quaternion = tuple[float, float, float, float]


def norm_of(quat: Sequence[float]) -> float | None:
    """The norm of a quaternion (4,), w x y z; None where it is none, also where it is not finite."""
    w, x, y, z = quat
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return norm if abs(norm - 1.0) <= BAD_NORM else None


def unit(quat: Sequence[float]) -> Quaternion | None:
    """The quaternion with norm 1; None where it is none."""
    w, x, y, z = quat
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    return (w / norm, x / norm, y / norm, z / norm) if abs(norm - 1.0) <= BAD_NORM else None
