"""Fewer rows for a database: the mean over the ticks up to and including the one that is kept.

Causal, so that a live session and its replay send the same rows. The mean of k ticks has zeros at the frequencies that
would alias to 0 Hz (25, 50 Hz for 100 → 25 Hz), delays by (k - 1) / 2 ticks (15 ms) and attenuates an oscillation of 2.5 Hz by
1.5 %. Missing stays missing: one missing tick makes the kept value missing, and so does a jump in time.
"""

from __future__ import annotations

import numpy as np

from body_signals import Bools, Floats, Ints

OUTPUT_HZ = 25.0
"""Rate of angles in the database, Hz (ours)."""


class Decimator:
    """Keeps every k-th row, k = round(tick_hz / output_hz), counted on the clock: rows at whole multiples of k ticks.

    `push` gives the same rows however the input is cut. Raises ValueError for rates that are not positive.
    """

    def __init__(self, tick_hz: float, output_hz: float = OUTPUT_HZ) -> None:
        if not (tick_hz > 0 and output_hz > 0):
            raise ValueError(f"rates must be positive: {tick_hz}, {output_hz}")
        self.every = max(1, round(tick_hz / output_hz))
        self._tick_hz = tick_hz
        self._origin_s: float | None = None
        self._time_s: Floats = np.empty(0)
        self._values: Floats | None = None
        self._flags: Ints = np.empty(0, np.int64)

    def push(self, time_s: Floats, values: Floats, flags: Ints) -> tuple[Floats, Floats, Ints]:
        """Rows time_s (n,), values (n, c), flags (n,) → the kept ones of them; flags are those of all ticks averaged."""
        if not len(time_s):
            return time_s, values, flags
        if self._origin_s is None:
            # the offset of this session's grid from whole ticks, as a fraction of a tick
            self._origin_s = float(time_s[0]) - round(float(time_s[0]) * self._tick_hz) / self._tick_hz
        before = len(self._time_s)
        if self._values is not None:
            time_s = np.concatenate([self._time_s, time_s])
            values = np.concatenate([self._values, values])
            flags = np.concatenate([self._flags, flags])
        tick = np.rint((time_s - self._origin_s) * self._tick_hz).astype(np.int64)
        kept = np.flatnonzero(tick % self.every == 0)
        kept = kept[kept >= before]
        total, seen = values[kept].copy(), flags[kept].copy()
        whole: Bools = kept >= self.every - 1
        for back in range(1, self.every):
            earlier = np.maximum(kept - back, 0)
            whole &= tick[kept] - tick[earlier] == back
            total += values[earlier]
            seen |= np.where(whole, flags[earlier], 0)
        total /= self.every
        total[~whole] = np.nan
        keep = max(0, len(time_s) - (self.every - 1))
        self._time_s, self._values, self._flags = time_s[keep:].copy(), values[keep:].copy(), flags[keep:].copy()
        return time_s[kept], total, seen
