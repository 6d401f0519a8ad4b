"""Units of other programs' recordings, as factors to SI."""

from __future__ import annotations

from typing import Final

import numpy as np

from body_signals import G0

PER_SECOND: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Time: divide by this to have seconds."""
ACC_M_S2: Final = {"m/s2": 1.0, "g": G0, "mg": 1e-3 * G0}
GYR_RAD_S: Final = {"rad/s": 1.0, "deg/s": float(np.radians(1.0))}
MAG_UT: Final = {"uT": 1.0, "mG": 0.1, "G": 100.0}
"""Multiply by these to have m/s², rad/s, µT."""
