"""The rate of a packet counter, from what gyroscope and orientation say of each other; and rates from orientations."""

from __future__ import annotations

from typing import Final

import numpy as np

from body_signals import Floats
from ingest.formats.plausible import gravity_turn_per_gyr

_RATES_HZ: Final = (20.0, 25.0, 40.0, 50.0, 60.0, 75.0, 80.0, 100.0, 120.0, 150.0, 200.0, 240.0, 400.0)
"""Update rates that MT Manager offers for its devices."""
_WITHIN = 0.03
"""Largest relative distance of a measured rate from one of these (ours): half of the nearest two."""
_TURNED_RAD = 2.0
"""Least turn of the orientation, rad, that tells the rate (ours)."""


def counted_rate(count: Floats, acc: Floats, gyr: Floats | None, quat: Floats | None) -> float | None:
    """The update rate, Hz, of packets numbered `count` (n,), as far as gyroscope (n, 3) and orientation (n, 4), or gravity in
    acc (n, 3), show it; None where they do not."""
    if gyr is None or len(count) < 3:
        return None
    there = np.isfinite(gyr).all(axis=1)
    count, acc, gyr = count[there], acc[there], gyr[there]
    measured = None
    if quat is not None:
        quat = quat[there]
        next_to = np.diff(count) == 1.0
        cosine = np.abs((quat[1:] * quat[:-1]).sum(axis=1)) / np.maximum(
            np.linalg.norm(quat[1:], axis=1) * np.linalg.norm(quat[:-1], axis=1), 1e-12
        )
        angle = 2.0 * np.arccos(np.clip(cosine, 0.0, 1.0))[next_to]
        speed = np.linalg.norm(0.5 * (gyr[1:] + gyr[:-1]), axis=1)[next_to]
        if angle.sum() > _TURNED_RAD:
            measured = float(speed.sum() / angle.sum())
    if measured is None:
        scale = gravity_turn_per_gyr(count, acc, gyr)
        measured = 1.0 / scale if scale is not None and scale > 0.0 else None
    if measured is None:
        return None
    nearest = min(_RATES_HZ, key=lambda rate: abs(rate / measured - 1.0))
    return nearest if abs(measured / nearest - 1.0) < _WITHIN else None


def rates_from_orientation(time_s: Floats, quat: Floats) -> Floats:
    """Angular rates (n, 3), rad/s, in the sensor, of unit quaternions (n, 4), n ≥ 3: central differences, at both ends the line
    through the nearest two half steps."""
    w1, v1, w2, v2 = quat[:-1, :1], quat[:-1, 1:], quat[1:, :1], quat[1:, 1:]
    turn = np.column_stack((w1 * w2 + (v1 * v2).sum(axis=1, keepdims=True), w1 * v2 - w2 * v1 - np.cross(v1, v2)))
    turn = np.where(turn[:, :1] < 0.0, -turn, turn)
    half = 2.0 * turn[:, 1:] / np.diff(time_s)[:, None]
    rates = np.empty((len(quat), 3))
    rates[1:-1] = 0.5 * (half[1:] + half[:-1])
    rates[0], rates[-1] = 1.5 * half[0] - 0.5 * half[1], 1.5 * half[-1] - 0.5 * half[-2]
    return rates
