"""The hold at the deepest point of a repetition: its times, the creep of the lumbar spine in it, and the tremor.

Creep is the slope of lumbar flexion over the hold, tremor its root mean square in the band 1-8 Hz. Neither is the
flexion-relaxation of muscles, which takes an electromyogram.
"""

from __future__ import annotations

import math

import numpy as np

from body_signals import Floats, Ints
from dsp.rhythm.phases import Phases

HOLD_DEG_S, HOLD_SHARE = 5.0, 0.9
"""A hold: total velocity below the first, deg/s, while the total is above the second as a part of its peak (ours)."""
SHORTEST_HOLD_S = 0.8
"""Shortest hold, s, for creep and tremor (ours; the tests of the screen ask for 2 s)."""
BAND_HZ = (1.0, 8.0)
"""Frequency band of tremor (ours)."""


def hold_rows(whole: Phases, turn: Ints, total: Floats, speed: Floats) -> tuple[Ints, Ints]:
    """First and last row (r,) of the quiet time around the deepest row `turn` (r,), of a total (n,) degrees and its |velocity|
    (n,) over movements that follow each other."""
    start = total[whole.begin]
    n = len(total)
    deep = total - whole.each(start, n) > whole.each(HOLD_SHARE * (total[turn] - start), n)
    moving = ~((speed < HOLD_DEG_S) & deep)
    last = whole.end
    before = Phases(whole.begin, turn - whole.begin).last(moving)
    after = Phases(turn + 1, last - turn).first(moving)
    return np.where(before >= 0, before + 1, whole.begin), np.where(after >= 0, after - 1, last)


def creep_and_tremor(lumbar: Floats, rate_hz: float) -> tuple[float, float]:
    """Creep, degrees per second, and tremor, degrees, of lumbar flexion (n,) over a hold; NaN when it is too short."""
    n = len(lumbar)
    if n < SHORTEST_HOLD_S * rate_hz:
        return math.nan, math.nan
    t = (np.arange(n) - 0.5 * (n - 1)) / rate_hz
    slope = float((t * lumbar).sum() / (t * t).sum())
    lines = np.fft.rfft(lumbar - lumbar.mean() - slope * t)
    hz = np.arange(len(lines)) * (rate_hz / n)
    band = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    return slope, math.sqrt(2.0 * float((np.abs(lines[band]) ** 2).sum())) / n
