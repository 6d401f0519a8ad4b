"""How two segments move together in a repetition: continuous relative phase, its measures over a set, and lags.

Continuous relative phase: angle scaled to [-1, 1] by its extremes, velocity by its largest size; phase = atan2(velocity,
angle); CRP = phase of the first minus phase of the second, 101 points a repetition, 0 in phase. Over repetitions: MARP, the
mean absolute relative phase, and DP, the deviation phase (Stergiou 2001; agreement of inertial with optical: Beange 2019,
doi 10.1016/j.jbiomech.2019.109356). Directions are averaged as directions. The second method takes the phase of the
analytic signal of the centred angle (Lamb & Stöckl 2014, doi 10.1016/j.clinbiomech.2014.03.008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Ints
from dsp.rhythm.phases import Phases, one_phase

POINTS = 101
"""Points of a relative phase: 0 to 100 % of the repetition in steps of 1 % (ours)."""
LONGEST_LAG_S = 1.5
"""Largest lag, s, over which two motions are correlated (ours)."""
LARGEST_LAG_S = 1.0
"""Largest lag, s, that counts as a delay of one motion against another: published delays are below it (Laird 2018, doi
10.1186/s12891-018-2233-1)."""
ALIKE = 0.7
"""Least peak correlation of two motions for a lag between them (ours)."""
RIVAL, RIVAL_S = 0.2, 0.1
"""A second peak at least `RIVAL_S` away must be lower by `RIVAL`: otherwise the lag is ambiguous (ours)."""
MARP_REPETITIONS = 5
"""Fewest repetitions for MARP and DP (ours; 10 are better)."""


def points_of(whole: Phases) -> tuple[Ints, Ints, Floats]:
    """Rows (r, 101) before and after 101 even points of each movement, and the points' fractions between them."""
    spread = np.minimum(np.arange(POINTS) / (POINTS - 1.0) * (whole.length[:, None] - 1.0), whole.length[:, None] - 1.0)
    low = np.maximum(np.minimum(spread.astype(np.int64), whole.length[:, None] - 2), 0)
    high = np.minimum(low + 1, whole.length[:, None] - 1)
    return whole.begin[:, None] + low, whole.begin[:, None] + high, spread - low


def phase(angle: Floats, velocity: Floats, whole: Phases | None = None) -> Floats:
    """Phase (…, r, 101) rad of r movements with angles (…, n) and their velocities; without `whole` of one: (…, 101)."""
    movements = one_phase(angle.shape[-1]) if whole is None else whole
    low, high, part = points_of(movements)
    a, v = (x.take(low, axis=-1) * (1.0 - part) + x.take(high, axis=-1) * part for x in (angle, velocity))
    begin = movements.begin
    lowest, highest = np.minimum.reduceat(angle, begin, axis=-1), np.maximum.reduceat(angle, begin, axis=-1)
    fastest = np.maximum.reduceat(np.abs(velocity), begin, axis=-1)
    half = np.maximum(0.5 * (highest - lowest), 1e-9)
    scaled = (a - lowest[..., None]) / half[..., None] - 1.0
    found = np.arctan2(v / np.maximum(fastest, 1e-9)[..., None], scaled)
    return np.asarray(found if whole is not None else found[..., 0, :])


def analytic_phase(angle: Floats) -> Floats:
    """Phase (…, 101) rad of the analytic signal of angles (…, n), whose amplitude is centred."""
    # imported where it is used: no row of a table needs it, and loading is slow
    from scipy.signal import hilbert

    n = angle.shape[-1]
    centred = angle - 0.5 * (angle.max(axis=-1, keepdims=True) + angle.min(axis=-1, keepdims=True))
    signal = hilbert(centred, axis=-1)
    at = np.linspace(0.0, n - 1.0, POINTS)
    low = np.minimum(at.astype(np.int64), n - 2)
    part = at - low
    # velocity over angle rotates opposite to the analytic signal
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
    mean, sd = _direction(np.cos(angles).mean(), np.sin(angles).mean())
    return Directions(float(mean), float(sd))


def phase_directions(relative: Floats, bottom: Ints) -> tuple[Floats, Floats]:
    """Circular means and standard deviations (3, …, r), rad, of relative phases (…, r, 101): of the whole, up to the point
    `bottom` (r,), and from it on."""
    sums = np.cumsum(np.stack((np.cos(relative), np.sin(relative))), axis=-1)
    rows = np.arange(len(bottom))
    whole, down = sums[..., -1], sums[..., rows, bottom]
    up = whole - np.where(bottom > 0, sums[..., rows, np.maximum(bottom - 1, 0)], 0.0)
    cosines, sines = np.stack((whole / POINTS, down / (bottom + 1), up / (POINTS - bottom)), axis=1)
    return _direction(cosines, sines)


def _direction(c: Floats, s: Floats) -> tuple[Floats, Floats]:
    length = np.clip(np.hypot(c, s), 1e-300, 1.0)
    return np.arctan2(s, c), np.sqrt(np.maximum(-2.0 * np.log(length), 0.0))


def marp_and_dp(relative: Floats) -> tuple[float, float]:
    """Mean absolute relative phase and deviation phase, rad, of the repetitions' CRP (r, 101) rad."""
    mean, spread = _direction(np.cos(relative).mean(axis=0), np.sin(relative).mean(axis=0))
    return float(np.abs(mean).mean()), float(spread.mean())


def best_lags_s(phases: Phases, first: Floats, second: Floats, rate_hz: float) -> Floats:
    """Lags s (r,) by which the velocity `second` (n,) must be delayed to correlate best with `first` (n,) within each phase;
    positive: `second` is early. NaN where one of them does not change, or where no single lag stands out: see
    `ALIKE`, `RIVAL`, `LARGEST_LAG_S`."""
    found = np.full(len(phases.begin), np.nan)
    sizes = np.array([1 << (2 * n - 1).bit_length() for n in phases.length.tolist()])
    pairs = phases.parts(np.stack((first, second)))
    # movements that need a transform of one size are transformed together
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        centred = np.zeros((len(which), 2, size))
        for row, i in zip(centred, which.tolist(), strict=True):
            row[:, : pairs[i].shape[1]] = pairs[i]
        lengths = phases.length[which]
        centred -= (centred.sum(axis=2) / lengths[:, None])[:, :, None]
        centred *= np.arange(size) < lengths[:, None, None]
        lines = np.fft.rfft(centred)
        product = np.fft.irfft(lines[:, 0] * np.conj(lines[:, 1]), size)
        energy = np.sqrt((centred * centred).sum(axis=2).prod(axis=1))
        likeness = np.divide(product, energy[:, None], out=np.zeros_like(product), where=energy[:, None] > 0.0)
        found[which] = _peak(likeness, lengths, rate_hz)
    return found


def _peak(likeness: Floats, lengths: Ints, rate_hz: float) -> Floats:
    """Lag s (r,) of the peak of correlations (r, size), whose negative lags are at the end; NaN where the peak is not clear."""
    longest = np.minimum(round(LONGEST_LAG_S * rate_hz), lengths - 1)
    most = max(min(round(LONGEST_LAG_S * rate_hz), likeness.shape[1] // 2 - 1), 1)
    lags = np.arange(-most, most + 1)
    near = np.concatenate((likeness[:, -most:], likeness[:, : most + 1]), axis=1)
    around = np.where(np.abs(lags) <= longest[:, None], near, -np.inf)
    k = np.argmax(around, axis=1)
    rows = np.arange(len(k))
    inner = np.abs(lags[k]) < longest
    # the parabola through the highest point and its neighbours
    left, top, right = (near[rows, np.clip(k + d, 0, 2 * most)] for d in (-1, 0, 1))
    bend = left - 2.0 * top + right
    fine = np.divide(0.5 * (left - right), bend, out=np.zeros(len(k)), where=inner & (bend < 0.0))
    others = (around[:, 1:-1] >= around[:, :-2]) & (around[:, 1:-1] > around[:, 2:])
    others &= np.abs(lags[1:-1] - lags[k, None]) > RIVAL_S * rate_hz
    rival = np.where(others, around[:, 1:-1], -1.0).max(axis=1)
    sure = (top >= ALIKE) & (top - rival >= RIVAL) & (np.abs(lags[k]) <= LARGEST_LAG_S * rate_hz)
    return np.asarray(np.where((longest > 0) & sure, (lags[k] + fine) / rate_hz, np.nan))
