"""How far the accelerations of the last seconds have tilted a filter that takes its vertical from gravity. Starting to
walk tilts it by some degrees for seconds; a lift that is over within a second does not.

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

import math

import numpy as np
from numpy.typing import NDArray

from body_signals import G0, Floats
from dsp import rotation

Complexes = NDArray[np.complex128]

TAU_S = 3.0
"""VQF's own time constant of the accelerometer (its default)."""
BLOCK_S = 0.2
"""A block's mean force is turned into the earth frame by the orientation in its middle: a thigh in walking turns by 40° in one,
which costs 0.1° of 1.7°, a pelvis 0.02°."""
FORGOTTEN_S, BASELINE_S = 5.0, 20.0
"""Time constants with which an older tilt is forgotten, and a constant one, which is a gyroscope's drift."""
LEFT_S = 2.0
"""Time constant of the mean of what is left horizontally: of who walks steadily it is the tilt that there still is."""
BEYOND_BLOCKS = 60
"""Number of blocks by which a segment is continued beyond its ends (ours)."""
BOTH_WAYS = 2.0
"""Tilt of a two-sided orientation over the horizontal force that is left, both low-passed: found with simulated athletes."""


def _samples_of_block(rate_hz: float) -> int:
    return max(round(rate_hz * BLOCK_S), 1)


def _pushes(acc: Floats, quat: Floats, block: int) -> Complexes:
    """Mean horizontal force x + iy (b,), in units of gravity, of whole blocks: acc (n, 3) m/s² and quat (4, n)."""
    sums = np.add.reduceat(acc, np.arange(0, len(acc), block), axis=0)
    sums *= 1.0 / (block * G0)
    middle = np.ascontiguousarray(quat[:, block // 2 :: block])
    x, y, _ = rotation.rotate(middle, np.ascontiguousarray(sums.T))
    return np.asarray(x + 1j * y)


class AccelerationLevel:
    """Causal, of one filter: it begins with the filter's first sample.

    doubt: how many times less well the filter knows its gyroscope bias than after a full standing. So much more of an
    acceleration it takes for bias (found with simulated athletes who walk off after 2 s), and what is left afterwards too: it
    stays tilted, and then the mean of the force that is left tells by how much.
    """

    def __init__(self, rate_hz: float, doubt: float = 1.0) -> None:
        self._doubt = doubt * doubt
        self._held = min(self._doubt - 1.0, 1.0)
        """Share of the force that is left that the filter may be holding for bias."""
        self._block = _samples_of_block(rate_hz)
        self._step_s = step = self._block / rate_hz
        low, old, mean = (float(np.exp(-step / tau)) for tau in (0.5 * TAU_S, FORGOTTEN_S, BASELINE_S))
        # the low-pass, the integral that forgets, and the high-pass that takes off the baseline, as one recursion
        self._gain = (1.0 - low) * step / TAU_S
        self._back = (low + old + mean, -(low * old + low * mean + old * mean), low * old * mean)
        self._age_s = 0.0
        self._left_share = 1.0 - math.exp(-step / LEFT_S)
        self._left = 0j
        self._push = 0j
        self._tilts = (0j, 0j, 0j)
        """The last push and the last three tilts, x + iy."""
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
            pushes = np.concatenate((pushes, _pushes(acc[first:rest], quat[:, first:rest], block)))
        self._forces, self._turns, self._waiting = [], [], 0
        self._keep(acc[rest:].copy(), quat[:, rest:].copy())
        tilts = np.array(self._followed(pushes.tolist()))
        found = self._doubt * (tilts.real * tilts.real + tilts.imag * tilts.imag)
        if self._held > 0.0:
            left = np.array(self._averaged(pushes.tolist()))
            found = np.maximum(found, self._held * (left.real * left.real + left.imag * left.imag))
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

    def _averaged(self, pushes: list[complex]) -> list[complex]:
        """Mean of the pushes of the last seconds, after each of them."""
        means = []
        for push in pushes:
            self._left += (push - self._left) * self._left_share
            means.append(self._left)
        return means

    def _followed(self, pushes: list[complex]) -> list[complex]:
        """Tilt, rad, after each of these blocks."""
        tilts: list[complex] = []
        t1, t2, t3 = self._tilts
        while pushes and self._age_s < TAU_S:
            # the filter takes the mean of all it has seen; afterwards it is as if it had been tilted so for ever
            self._age_s += self._step_s
            t1 = t2 = t3 = t1 + pushes.pop(0) * (self._step_s / self._age_s)
            tilts.append(t1)
        before, gain, (back1, back2, back3) = self._push, self._gain, self._back
        for push in pushes:
            t1, t2, t3 = gain * (push - before) + back1 * t1 + back2 * t2 + back3 * t3, t1, t2
            before = push
            tilts.append(t1)
        self._tilts, self._push = (t1, t2, t3), before
        return tilts


def _low_passed(pushes: list[complex], share: float) -> list[complex]:
    """Butterworth's low-pass of second order by the bilinear transform, as if the first had come for ever; share: the corner
    over the rate."""
    k = math.tan(math.pi * share)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    gain, back, earlier = k * k * norm, 2.0 * (1.0 - k * k) * norm, -(1.0 - math.sqrt(2.0) * k + k * k) * norm
    x1 = x2 = y1 = y2 = pushes[0]
    passed = []
    for push in pushes:
        y1, y2 = gain * (push + 2.0 * x1 + x2) + back * y1 + earlier * y2, y1
        x1, x2 = push, x1
        passed.append(y1)
    return passed


def two_sided_level(rate_hz: float, acc: Floats, quat: Floats) -> Floats:
    """Variance (n,), rad², of the inclination of two-sided orientations (4, n) of samples acc (n, 3) m/s² of one segment."""
    block = _samples_of_block(rate_hz)
    blocks = len(acc) // block
    if blocks < 2:
        return np.zeros(len(acc))
    stop = blocks * block
    pushes = _pushes(acc[:stop], quat[:, :stop], block)
    # both ways, beyond either end mirrored in it
    beyond = min(BEYOND_BLOCKS, blocks - 1)
    more = np.concatenate((2.0 * pushes[0] - pushes[beyond:0:-1], pushes, 2.0 * pushes[-1] - pushes[-2 : -beyond - 2 : -1]))
    # VQF's corner; of few blocks a second, one that they can have
    share = min(math.sqrt(2.0) / (2.0 * math.pi * TAU_S) * block / rate_hz, 0.25)
    back = _low_passed(_low_passed(more.tolist(), share)[::-1], share)[::-1]
    left = np.array(back[beyond : beyond + blocks])
    found = BOTH_WAYS**2 * (left.real * left.real + left.imag * left.imag)
    variances = np.empty(len(acc))
    variances[:stop].reshape(-1, block)[:] = found[:, None]
    variances[stop:] = found[-1]
    return variances
