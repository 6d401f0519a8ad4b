"""The sampling clock behind a file's time stamps: its rate, samples lost, and an even clock where sampling is uneven."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Ints

UNEVEN = 0.05
"""Standard deviation of the step, in periods, beyond which sampling is uneven; losses are not included (ours)."""
WHOLE_HZ = 0.0005
"""A rate this near to a whole number of hertz, relatively, is that number (ours)."""
LOSS_PERIODS = 1.5
"""A step beyond this many periods holds lost samples (ours)."""
_INTERPOLATED_PERIODS = 2.5
"""Longest step of uneven sampling, in periods, without a loss (ours)."""
_STAMP_S = 1e-3
"""Resolution, s, of time stamps that are whole milliseconds."""
_BURST_PERIODS, _BURST_SHARE = 5.0, 0.04
"""If more than the second, as a part of all steps, are longer than the first, in periods, packets arrive in bursts (ours)."""


@dataclass(frozen=True, slots=True)
class SamplingClock:
    """rate_hz: samples per second while nothing is lost. spread: standard deviation of the step in periods, without loss.
    bursts: samples stand in clusters, as packets arrive, and not as they were taken."""

    rate_hz: float
    spread: float
    uneven: bool
    bursts: bool


def sampling_clock(time_s: Floats) -> SamplingClock:
    """The clock of strictly increasing stamps time_s (n,), n ≥ 2.

    The period is the mean of the steps near the median: where stamps are rounded to milliseconds the median itself may be
    off by several per cent.
    """
    step = np.diff(time_s)
    median = float(np.quantile(step, 0.5, method="lower"))
    milliseconds = time_s / _STAMP_S
    rounded = bool(np.abs(milliseconds - np.rint(milliseconds)).max() < 1e-3)
    reach = max(0.5 * median, 1.001 * _STAMP_S if rounded else 0.0)
    period = float(step[np.abs(step - median) < reach].mean())
    near = step[step < _BURST_PERIODS * period]
    residual = near - np.maximum(1.0, np.rint(near / period)) * period
    spread = float(residual.std()) / period
    # rounding alone moves a step by up to one stamp, with a standard deviation of at most half of one
    uneven = spread > (max(UNEVEN, 0.5 * _STAMP_S / period) if rounded else UNEVEN)
    long = step > _BURST_PERIODS * median
    bursts = np.mean(long) > _BURST_SHARE and step[long].sum() > 0.5 * step.sum()
    rate = 1.0 / period
    whole = round(rate)
    return SamplingClock(
        float(whole) if whole and abs(rate / whole - 1.0) <= WHOLE_HZ else rate, spread, bool(uneven), bool(bursts)
    )


def lost_before(time_s: Floats, rate_hz: float) -> Ints:
    """Samples (n,) missing before each, from steps beyond 1.5 periods."""
    periods = np.diff(time_s, prepend=time_s[:1]) * rate_hz
    return np.where(periods > LOSS_PERIODS, np.rint(periods) - 1.0, 0.0).astype(np.int64)


def _near(time_s: Floats, rate_hz: float) -> Ints:
    """Numbers (k,) of the ticks that can lie between two neighbouring samples: none for a gap of hours."""
    last = int(np.floor((time_s[-1] - time_s[0]) * rate_hz + 1e-6))
    holes = np.flatnonzero(np.diff(time_s) > _INTERPOLATED_PERIODS / rate_hz)
    starts, ends = np.concatenate(([0], holes + 1)), np.concatenate((holes, [len(time_s) - 1]))
    # one more tick on either side, against rounding
    low = np.floor((time_s[starts] - time_s[0]) * rate_hz).astype(np.int64) - 1
    high = np.minimum(np.ceil((time_s[ends] - time_s[0]) * rate_hz).astype(np.int64) + 1, last)
    low[0], low[1:] = 0, np.maximum(low[1:], high[:-1] + 1)
    count = np.maximum(high - low + 1, 0)
    return np.asarray(np.arange(int(count.sum())) + np.repeat(low - np.cumsum(count) + count, count))


class EvenClock:
    """An even clock over uneven stamps time_s (n,): `time_s` (m,) are its ticks, none inside a loss of samples."""

    def __init__(self, time_s: Floats, rate_hz: float) -> None:
        ticks = time_s[0] + _near(time_s, rate_hz) / rate_hz
        before = np.clip(np.searchsorted(time_s, ticks, side="right") - 1, 0, len(time_s) - 2)
        step = time_s[before + 1] - time_s[before]
        keep = (step <= _INTERPOLATED_PERIODS / rate_hz) | (ticks == time_s[before])
        self.time_s: Floats = ticks[keep]
        self._before = before[keep]
        self._fraction = np.clip((self.time_s - time_s[self._before]) / step[keep], 0.0, 1.0)[:, None]

    def vectors(self, values: Floats) -> Floats:
        """Linear interpolation of values (n, 3) onto the ticks."""
        first, second = values[self._before], values[self._before + 1]
        return np.asarray(first + (second - first) * self._fraction)

    def orientations(self, quat: Floats) -> Floats:
        """Interpolation of unit quaternions (n, 4), on the shorter way, onto the ticks."""
        first, second = quat[self._before], quat[self._before + 1]
        second = np.where((first * second).sum(axis=1, keepdims=True) < 0.0, -second, second)
        mixed = first + (second - first) * self._fraction
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
