"""How two segments move together in a repetition: continuous relative phase, its measures over a set, and lags.

Continuous relative phase: angle scaled to [-1, 1] by its extremes, velocity by its largest size; phase = atan2(velocity,
angle); CRP = phase of the first minus phase of the second, 101 points a repetition, 0 in phase. Over repetitions: MARP, the
mean absolute relative phase, and DP, the deviation phase (Stergiou 2001; agreement of inertial with optical: Beange 2019,
doi 10.1016/j.jbiomech.2019.109356). Directions are averaged as directions. The second method takes the phase of the
analytic signal of the centred angle (Lamb & Stöckl 2014, doi 10.1016/j.clinbiomech.2014.03.008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from signals.blocks import Floats

POINTS = 101
LONGEST_LAG_S = 1.5
MARP_REPETITIONS = 5
"""MARP and DP of fewer repetitions say little (10 are better)."""


def phase(angle: Floats, velocity: Floats) -> Floats:
    """Phase (…, 101) rad of angles (…, n) and their velocities."""
    n = angle.shape[-1]
    at = np.linspace(0.0, n - 1.0, POINTS)
    low = np.minimum(at.astype(np.int64), n - 2)
    part = at - low
    a, v = (x[..., low] * (1.0 - part) + x[..., low + 1] * part for x in (angle, velocity))
    lowest, highest = angle.min(axis=-1, keepdims=True), angle.max(axis=-1, keepdims=True)
    fastest = np.abs(velocity).max(axis=-1, keepdims=True)
    half = np.maximum(0.5 * (highest - lowest), 1e-9)
    return np.asarray(np.arctan2(v / np.maximum(fastest, 1e-9), (a - lowest) / half - 1.0))


def analytic_phase(angle: Floats) -> Floats:
    """Phase (…, 101) rad of the analytic signal of angles (…, n), whose amplitude is centred."""
    n = angle.shape[-1]
    centred = angle - 0.5 * (angle.max(axis=-1, keepdims=True) + angle.min(axis=-1, keepdims=True))
    weight = np.zeros(n)
    weight[0] = 1.0
    weight[1 : (n + 1) // 2] = 2.0
    if n % 2 == 0:
        weight[n // 2] = 1.0
    signal = np.fft.ifft(np.fft.fft(centred, axis=-1) * weight, axis=-1)
    at = np.linspace(0.0, n - 1.0, POINTS)
    low = np.minimum(at.astype(np.int64), n - 2)
    part = at - low
    # velocity over angle turns the other way round than the analytic signal
    turned = np.conj(signal[..., low] * (1.0 - part) + signal[..., low + 1] * part)
    return np.asarray(np.angle(turned))


def wrapped(angle: Floats) -> Floats:
    """The same directions in (-π, π]."""
    return np.asarray(np.pi - np.remainder(np.pi - angle, 2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Directions:
    """Mean of directions and their circular standard deviation, rad."""

    mean: float
    sd: float


def directions(angles: Floats) -> Directions:
    """Circular mean and standard deviation of angles (n,), rad (Mardia & Jupp 2000)."""
    return _direction(float(np.cos(angles).mean()), float(np.sin(angles).mean()))


def phase_directions(relative: Floats, bottom: int) -> tuple[Directions, Directions, Directions]:
    """`directions` of a relative phase (n,) over the whole, up to the point `bottom`, and from it on."""
    sums = np.cumsum(np.stack((np.cos(relative), np.sin(relative))), axis=1)
    n = sums.shape[1]
    (c, s), (c_down, s_down) = sums[:, -1].tolist(), sums[:, bottom].tolist()
    c_before, s_before = sums[:, bottom - 1].tolist() if bottom else (0.0, 0.0)
    down, up = bottom + 1, n - bottom
    return (
        _direction(c / n, s / n),
        _direction(c_down / down, s_down / down),
        _direction((c - c_before) / up, (s - s_before) / up),
    )


def _direction(c: float, s: float) -> Directions:
    length = min(math.hypot(c, s), 1.0)
    return Directions(math.atan2(s, c), math.sqrt(max(-2.0 * math.log(max(length, 1e-300)), 0.0)))


def marp_and_dp(relative: Floats) -> tuple[float, float]:
    """Mean absolute relative phase and deviation phase, rad, of the repetitions' CRP (r, 101) rad."""
    c, s = np.cos(relative).mean(axis=0), np.sin(relative).mean(axis=0)
    length = np.clip(np.hypot(c, s), 1e-300, 1.0)
    mean, spread = np.arctan2(s, c), np.sqrt(np.maximum(-2.0 * np.log(length), 0.0))
    return float(np.abs(mean).mean()), float(spread.mean())


def best_lag_s(first: Floats, second: Floats, rate_hz: float) -> float:
    """Lag s at which the velocity `second` (n,), moved later by it, is most like `first` (n,); positive: `second` is early."""
    n = len(first)
    longest = min(round(LONGEST_LAG_S * rate_hz), n - 1)
    a, b = first - first.mean(), second - second.mean()
    if longest < 1 or not (a.any() and b.any()):
        return math.nan
    size = 1 << (2 * n - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    around = np.concatenate((product[-longest:], product[: longest + 1]))
    k = int(np.argmax(around))
    if 0 < k < len(around) - 1:
        # the parabola through the highest point and its neighbours
        left, top, right = around[k - 1 : k + 2].tolist()
        bend = left - 2.0 * top + right
        k_fine = k + (0.5 * (left - right) / bend if bend < 0.0 else 0.0)
    else:
        k_fine = float(k)
    return (k_fine - longest) / rate_hz
