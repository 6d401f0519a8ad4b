"""The tilt error that recent accelerations cause in a filter that takes its vertical from the accelerometer. Starting to
walk tilts it by a few degrees for several seconds; a lift that is over within a second does not.

VQF takes the specific force, low-passed with the time constant τ in a non-rotating frame, for the vertical. An
acceleration a therefore tilts it by LP(a) / g, and the horizontal residual in the filter's own earth frame is f = a - LP(a).
For the causal low-pass, a Butterworth of second order, LP(a) is the integral of f / τ after a first-order low-pass of τ / 2;
for the mean, which the filter uses in its first τ seconds, it is the integral of f / age. Gyroscope drift adds to the same
integral, so contributions older than several seconds are forgotten. The two-sided low-pass is the causal one run both ways;
there LP(f) is the tilt up to a factor.

Contract: specific forces and orientations of one filter segment in; for each sample the variance of its inclination out, rad².
Forces are averaged in blocks of about 0.2 s counted from the segment's beginning, and the result of a block holds for the
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
"""Length of a block, s (ours). Its mean force is rotated into the earth frame by the orientation in its middle. In walking a
thigh turns by 40° in a block, an error of 0.1° in 1.7°; for a pelvis the error is 0.02°."""
FORGOTTEN_S, BASELINE_S = 5.0, 20.0
"""Time constants, s, with which an older tilt is forgotten, and a constant one, caused by gyroscope drift (ours)."""
SHAKEN_S = 0.7
"""Time constant, s, with which earlier shaking is forgotten: a sensor on soft tissue settles within a step (ours)."""
LEFT_S = 2.0
"""Time constant, s, of the mean horizontal residual: in steady walking it is the remaining tilt (ours)."""
BEYOND_BLOCKS = 60
"""Number of blocks by which a segment is continued beyond its ends (ours)."""
BOTH_WAYS = 2.0
"""Ratio of the tilt of a two-sided orientation to the horizontal residual, both low-passed (ours, from simulated athletes)."""


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
    """The causal level of one filter, from the filter's first sample on.

    doubt: the uncertainty of the filter's gyroscope bias relative to that after a full standing. The filter attributes
    correspondingly more of an acceleration, and of its later residual, to bias (found with simulated athletes who walk off
    after 2 s). It then stays tilted, and the mean residual force shows by how much.
    """

    def __init__(self, rate_hz: float, doubt: float = 1.0) -> None:
        self._doubt = doubt * doubt
        self._held = min(self._doubt - 1.0, 1.0)
        """Part of the residual force that the filter may attribute to bias."""
        self._block = _samples_of_block(rate_hz)
        self._step_s = step = self._block / rate_hz
        low, old, mean = (float(np.exp(-step / tau)) for tau in (0.5 * TAU_S, FORGOTTEN_S, BASELINE_S))
        # the low-pass, the leaky integral, and the high-pass that removes the baseline, as one recursion
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
        self._shaken_share = 1.0 - math.exp(-step / SHAKEN_S)
        self._shaken_now = 0.0
        self.shaken: Floats | float = 0.0
        """For the newest samples, (n,) or one for all: recent mean square of the horizontal force on the sensor, in units of
        gravity squared."""

    def feed(self, acc: Floats, quat: Floats) -> Floats | float:
        """Variance, rad², of the inclination at n samples: acc (n, 3) m/s² and their orientations (4, n); a scalar where it is
        the same for all."""
        n, block = len(acc), self._block
        if self._waiting + n < block:
            self._keep(acc, quat)
            self.shaken = self._shaken_now
            return self._variance
        # the block in progress, the whole blocks in these samples, and the beginning of the next
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
        shaken = np.array(_remembered(np.square(pushes.real) + np.square(pushes.imag), self._shaken_now, self._shaken_share))
        variances, self.shaken = (np.empty(n) for _ in range(2))
        for samples, before, blocks in ((variances, self._variance, found), (self.shaken, self._shaken_now, shaken)):
            samples[:first] = before
            samples[first:rest].reshape(-1, block)[:] = blocks[:-1, None]
            samples[rest:] = blocks[-1]
        self._variance, self._shaken_now = found.item(-1), shaken.item(-1)
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
            # the filter takes the mean of all samples so far; afterwards it behaves as if that tilt had lasted for ever
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


def _remembered(squares: Floats, before: float, share: float) -> list[float]:
    """Exponentially weighted means of squares (b,), with this forgetting factor."""
    return [before := before + (square - before) * share for square in squares.tolist()]


def _low_passed(pushes: Complexes, share: float) -> Complexes:
    """Second-order Butterworth low-pass by the bilinear transform, in steady state for the first value; share: the corner
    over the rate."""
    k = math.tan(math.pi * share)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    gain, back, earlier = k * k * norm, 2.0 * (1.0 - k * k) * norm, -(1.0 - math.sqrt(2.0) * k + k * k) * norm
    before = np.concatenate((pushes[:1], pushes[:1], pushes))
    y1 = y2 = pushes.item(0)
    passed = []
    for forward in (gain * (pushes + 2.0 * before[1:-1] + before[:-2])).tolist():
        y1, y2 = forward + back * y1 + earlier * y2, y1
        passed.append(y1)
    return np.array(passed)


def two_sided_level(rate_hz: float, acc: Floats, quat: Floats) -> tuple[Floats, Floats]:
    """Variance (n,), rad², of the inclination of two-sided orientations (4, n) of samples acc (n, 3) m/s² of one segment, and
    how they are shaken (n,), as `AccelerationLevel.shaken`, by what comes before and after."""
    block = _samples_of_block(rate_hz)
    blocks = len(acc) // block
    if blocks < 2:
        return np.zeros(len(acc)), np.zeros(len(acc))
    stop = blocks * block
    pushes = _pushes(acc[:stop], quat[:, :stop], block)
    # in both directions, mirrored beyond either end
    beyond = min(BEYOND_BLOCKS, blocks - 1)
    more = np.concatenate((2.0 * pushes[0] - pushes[beyond:0:-1], pushes, 2.0 * pushes[-1] - pushes[-2 : -beyond - 2 : -1]))
    # VQF's corner frequency; with few blocks a second, the highest possible
    share = min(math.sqrt(2.0) / (2.0 * math.pi * TAU_S) * block / rate_hz, 0.25)
    left = _low_passed(_low_passed(more, share)[::-1], share)[::-1][beyond : beyond + blocks]
    found = BOTH_WAYS**2 * (left.real * left.real + left.imag * left.imag)
    squares, forgotten = np.square(pushes.real) + np.square(pushes.imag), 1.0 - math.exp(-block / rate_hz / SHAKEN_S)
    onward = np.array(_remembered(squares, float(squares[0]), forgotten))
    backward = np.array(_remembered(squares[::-1], float(squares[-1]), forgotten))[::-1]
    variances, shaken = np.empty(len(acc)), np.empty(len(acc))
    for samples, of_blocks in ((variances, found), (shaken, 0.5 * (onward + backward))):
        samples[:stop].reshape(-1, block)[:] = of_blocks[:, None]
        samples[stop:] = of_blocks[-1]
    return variances, shaken
