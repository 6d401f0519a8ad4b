"""Streams with clocks of their own, brought to one: the clock of the slowest that is needed.

A faster stream is averaged over the slower one's period around each of its times, which keeps what is too fast for the slower
rate from appearing as slow movement. Streams of about one rate are interpolated. A time at which another stream has a gap gives
no sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from body_signals import Bools, Floats, Ints
from ingest.formats.mapping.streams import Stream, TimedValues

_FASTER = 1.5
"""Ratio of the rates from which a stream is averaged (ours)."""
_BRIDGED = 2.5
"""Longest step, in periods of the stream, without a gap (ours)."""


class Follower:
    """Values of a stream at the times of another. later_s: its zero after that of the other's time. columns: of its
    values. quat: they are unit quaternions."""

    def __init__(self, stream: Stream, later_s: float, columns: slice, base_period_s: float, *, quat: bool) -> None:
        self._blocks = stream.blocks()
        self._later_s, self._columns, self._quat = later_s, columns, quat
        self._longest_s = _BRIDGED * max(stream.period_s, 1e-9)
        average = not quat and stream.period_s * _FASTER < base_period_s
        self._half_s = 0.5 * base_period_s if average else 0.0
        self._time = np.empty(0)
        self._values: Floats | None = None

    def at(self, time_s: Floats) -> tuple[Floats, Bools]:
        """Values (n, k) at the times (n,), which increase from call to call, and where there are any."""
        self._read_to(float(time_s[-1]) + self._half_s)
        t, values = self._time, self._values
        assert values is not None
        if len(t) < 2:
            return np.zeros((len(time_s), values.shape[1])), np.zeros(len(time_s), np.bool_)
        gaps = np.concatenate(([0], np.cumsum(np.diff(t) > self._longest_s)))
        half = np.clip(np.minimum(time_s - t[0], t[-1] - time_s), 0.0, self._half_s)
        left, right = (np.clip(np.searchsorted(t, edge, "right") - 1, 0, len(t) - 2) for edge in (time_s - half, time_s + half))
        inside = (time_s >= t[0]) & (time_s <= t[-1])
        bridged = gaps[np.minimum(right + 1, len(t) - 1)] == gaps[left]
        exactly = t[left] == time_s
        found = self._between(left, time_s)
        if self._half_s:
            found = self._averaged(left, right, time_s, half, found)
        # what comes later begins at most half a period before these times
        keep = max(int(np.searchsorted(t, time_s[-1] - 2.0 * self._half_s)) - 2, 0)
        self._time, self._values = t[keep:], values[keep:]
        return found, inside & (bridged | exactly)

    def finish(self) -> None:
        """Read the stream to its end, so that it is checked and its notes are whole, also where the other one ended before."""
        for _ in self._blocks:
            pass

    def _between(self, before: Ints, time_s: Floats) -> Floats:
        assert self._values is not None
        t, first, second = self._time, self._values[before], self._values[before + 1]
        share = np.clip((time_s - t[before]) / (t[before + 1] - t[before]), 0.0, 1.0)[:, None]
        if not self._quat:
            return np.asarray(first + (second - first) * share)
        second = np.where((first * second).sum(axis=1, keepdims=True) < 0.0, -second, second)
        mixed = first + (second - first) * share
        return np.asarray(mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12))

    def _averaged(self, left: Ints, right: Ints, time_s: Floats, half: Floats, at: Floats) -> Floats:
        """The mean of the line through the samples from time_s - half to time_s + half; `at` where half is 0."""
        assert self._values is not None
        t, v = self._time, self._values
        area = np.concatenate((np.zeros((1, v.shape[1])), np.cumsum(0.5 * (v[1:] + v[:-1]) * np.diff(t)[:, None], axis=0)))

        def until(index: Ints, edge: Floats) -> Floats:
            return np.asarray(area[index] + 0.5 * (v[index] + self._between(index, edge)) * (edge - t[index])[:, None])

        mean = until(right, time_s + half) - until(left, time_s - half)
        wide = half > 0.0
        return np.asarray(np.where(wide[:, None], mean / np.where(wide, 2.0 * half, 1.0)[:, None], at))

    def _read_to(self, time_s: float) -> None:
        while not len(self._time) or self._time[-1] < time_s:
            block = next(self._blocks, None)
            if block is None:
                break
            values = block.values[:, self._columns]
            self._time = np.concatenate((self._time, block.time_s + self._later_s))
            self._values = values if self._values is None else np.concatenate((self._values, values))
        if self._values is None:
            self._values = np.empty((0, 0))


def on_base(base: Stream, followers: list[Follower]) -> Iterator[tuple[TimedValues, list[tuple[Floats, Bools]]]]:
    """Blocks of the base stream with each follower's values at its times."""
    for block in base.blocks():
        yield block, [follower.at(block.time_s) for follower in followers]
