"""How far the accelerations of the last seconds have tilted a filter that takes its vertical from gravity: who starts to
walk is tilted by some degrees for seconds, who lifts and comes back within one is not.

VQF holds the specific force for the vertical, low-passed with the time constant τ in a frame that does not turn. An
acceleration a therefore tilts it by LP(a) / g, and what stays horizontal in the filter's own earth frame is f = a - LP(a). For
the causal low-pass, a Butterworth of second order, LP(a) is the integral of f / τ after a first-order low-pass of τ / 2; for
the mean, which the filter takes in its first τ seconds, it is the integral of f / age. A gyroscope's drift adds to the same
integral, so what is older than some seconds is forgotten. The two-sided low-pass is the causal one run both ways; there LP(f)
is the tilt up to a factor.

Contract: specific forces and orientations of one filter segment in, per sample the variance of its inclination out, rad².
Forces are taken together in blocks of about 0.2 s counted from the segment's beginning, and what a block gives holds for the
samples of the next one, so the cut into calls changes no bit.

Source of the filter: D. Laidig, T. Seel, Information Fusion 91, 2023, doi 10.1016/j.inffus.2022.10.014.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from scipy.signal import butter, filtfilt, lfilter

from dsp import rotation
from signals.blocks import Floats

G_M_S2: Final = 9.80665
TAU_S = 3.0
"""VQF's time constant of the accelerometer."""
BLOCK_S = 0.2
"""A block's mean force is turned into the earth frame by the orientation in its middle: a thigh in walking turns by 40° in one,
which costs 0.1° of 1.7°, a pelvis 0.02°."""
FORGOTTEN_S, BASELINE_S = 5.0, 20.0
"""Time constants with which an older tilt is forgotten, and a constant one, which is a gyroscope's drift."""
BOTH_WAYS = 2.0
"""Tilt of a two-sided orientation over the horizontal force that is left, both low-passed: found with simulated athletes."""


def _samples_of_block(rate_hz: float) -> int:
    return max(round(rate_hz * BLOCK_S), 1)


def _pushes(acc: Floats, quat: Floats, block: int) -> Floats:
    """Mean horizontal force (2, b), in units of gravity, of whole blocks: acc (n, 3) m/s² and quat (4, n) of their samples."""
    sums = np.add.reduceat(acc, np.arange(0, len(acc), block), axis=0)
    sums *= 1.0 / (block * G_M_S2)
    middle = np.ascontiguousarray(quat[:, block // 2 :: block])
    return rotation.rotate(middle, np.ascontiguousarray(sums.T))[:2]


class AccelerationLevel:
    """Causal, of one filter: it begins with the filter's first sample.

    doubt: how many times less well the filter knows its gyroscope bias than after a full standing. So much more of an
    acceleration it takes for bias, and stays tilted for longer (found with simulated athletes who walk off after 2 s).
    """

    def __init__(self, rate_hz: float, doubt: float = 1.0) -> None:
        self._doubt = doubt * doubt
        self._block = _samples_of_block(rate_hz)
        self._step_s = step = self._block / rate_hz
        low, old, mean = (float(np.exp(-step / tau)) for tau in (0.5 * TAU_S, FORGOTTEN_S, BASELINE_S))
        # the low-pass, the integral that forgets, and the high-pass that takes off the baseline, as one
        self._above: Floats = np.array((1.0, -1.0)) * ((1.0 - low) * step / TAU_S)
        self._below: Floats = np.convolve(np.convolve((1.0, -low), (1.0, -old)), (1.0, -mean))
        self._state: Floats | None = None
        """None as long as the filter takes the mean of all it has seen."""
        self._age_s = 0.0
        self._tilt: Floats = np.zeros(2)
        self._forces: list[Floats] = []
        self._turns: list[Floats] = []
        self._waiting = 0
        """Samples of the block in progress."""
        self._variance = 0.0

    def feed(self, acc: Floats, quat: Floats) -> Floats | float:
        """Variance, rad², of the inclination at n samples: acc (n, 3) m/s² and their orientations (4, n); one for all where
        it is the same."""
        n, block = len(acc), self._block
        if self._waiting + n < block:
            self._keep(acc, quat)
            return self._variance
        # the block in progress, those that lie whole in these samples, and the beginning of the next
        first, begun = block - self._waiting, (n - block + self._waiting) % block
        rest = n - begun
        self._keep(acc[:first], quat[:, :first])
        pushes = _pushes(np.concatenate(self._forces), np.concatenate(self._turns, axis=1), block)
        if rest > first:
            pushes = np.concatenate((pushes, _pushes(acc[first:rest], quat[:, first:rest], block)), axis=1)
        self._forces, self._turns, self._waiting = [], [], 0
        self._keep(acc[rest:].copy(), quat[:, rest:].copy())
        x, y = self._tilts(pushes)
        found = self._doubt * (x * x + y * y)
        variances = np.empty(n)
        variances[:first] = self._variance
        variances[first:rest].reshape(-1, block)[:] = found[:-1, None]
        variances[rest:] = self._variance = found.item(-1)
        return variances

    def _keep(self, acc: Floats, quat: Floats) -> None:
        """Samples of a block in progress."""
        self._forces.append(acc)
        self._turns.append(quat)
        self._waiting += len(acc)

    def _tilts(self, pushes: Floats) -> Floats:
        """Tilt (2, b), rad, after each of these blocks."""
        tilts, settling = np.empty_like(pushes), 0
        while self._state is None and settling < pushes.shape[1]:
            self._age_s += self._step_s
            self._tilt = tilts[:, settling] = self._tilt + pushes[:, settling] * (self._step_s / self._age_s)
            settling += 1
            if self._age_s >= TAU_S:
                # from here on as if it had been tilted so for ever
                self._state = -self._tilt[:, None] * np.cumsum(self._below[:0:-1])[::-1]
        if self._state is not None and settling < pushes.shape[1]:
            tilts[:, settling:], self._state = lfilter(self._above, self._below, pushes[:, settling:], axis=1, zi=self._state)
        return tilts


@cache
def _low_pass(blocks_hz: float) -> tuple[Floats, Floats]:
    """VQF's low-pass for so many blocks a second; of few, with a corner that they can have."""
    corner_hz = min(np.sqrt(2.0) / (2.0 * np.pi * TAU_S), 0.25 * blocks_hz)
    above, below = butter(2, corner_hz, fs=blocks_hz)
    return above, below


def two_sided_level(rate_hz: float, acc: Floats, quat: Floats) -> Floats:
    """Variance (n,), rad², of the inclination of two-sided orientations (4, n) of samples acc (n, 3) m/s² of one segment."""
    block = _samples_of_block(rate_hz)
    blocks = len(acc) // block
    if blocks < 2:
        return np.zeros(len(acc))
    stop = blocks * block
    pushes = _pushes(acc[:stop], quat[:, :stop], block)
    left = filtfilt(*_low_pass(rate_hz / block), pushes, axis=1, padlen=min(60, blocks - 1))
    found = BOTH_WAYS**2 * (left[0] * left[0] + left[1] * left[1])
    variances = np.empty(len(acc))
    variances[:stop].reshape(-1, block)[:] = found[:, None]
    variances[stop:] = found[-1]
    return variances
