"""A sensor that shows a stretch of movement twice: as it begins to be late.

A stream that goes on without a gap can only become late by showing once more what it has just shown, for the time by which it
is late from then on. So the lag is known as soon as it has passed, before windows of several sensors tell of it. A stream that
pauses as it becomes late repeats nothing, and is left to the windows.

The second showing begins with a leap: from one moment to the next all rates are other ones. No movement repeats itself from
there on to the noise of a sensor, in all rates and forces.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from body_signals import Floats
from dsp.plausibility.clocks.cells import RATE_HZ, Cells

SHORTEST, LONGEST = 5, 14
"""Cells of 0.04 s: stretches of 0.2 s to 0.56 s are looked for (ours)."""
LEAP_RAD_S, SUDDEN = 0.15, 1.4
"""A leap bends the course of the rates by more than the first, and by the second times as much as any other moment within
`AROUND` cells before or three cells after (ours)."""
AROUND = 20
"""Cells (ours)."""
LEFT = 0.05
"""A repetition leaves less than this part of how a stretch varies (ours): noise, and what lies between two cells."""
NEAR = 0.1
"""In the first cells, and to the nearest cell, it leaves less than this part of what other lags leave of the rates (ours)."""
VARIES_RAD_S = 0.05
"""And it varies by more, root mean square of all rates and weighted forces: else it tells nothing (ours)."""
FORCE_S_M = 0.3
"""Weight of a specific force, m/s², beside a rate, rad/s (ours)."""
HISTORY = LONGEST + AROUND + 2
"""Cells before those that may leap that are needed."""
_LAGS = np.arange(SHORTEST, LONGEST + 1)


def repeated(sensors: Mapping[str, Cells]) -> dict[str, float]:
    """By sensor, how long, s, the stretch is that it has shown twice; without those that have not.

    sensors: cells without a hole, as many of each; after the first `HISTORY` of them one may leap."""
    if not sensors:
        return {}
    rates = np.stack([cells.means[3:] for cells in sensors.values()])
    bends = rates[:, :, 1:] - rates[:, :, :-1]
    bends = bends[:, :, 1:] - bends[:, :, :-1]
    bends *= bends
    bent = np.add.reduce(bends, axis=1)
    # of the cell in the middle of the largest, in these
    leaps = bent[:, HISTORY - 1 : 1 - SHORTEST].argmax(axis=1) + (HISTORY - 1)
    found = {}
    for (key, cells), course, leap in zip(sensors.items(), bent, leaps.tolist(), strict=True):
        before, after = course[leap - AROUND : leap - 2].max(), course[leap + 2 : leap + 5].max()
        if course[leap] > max(LEAP_RAD_S**2, SUDDEN**2 * max(before, after)):
            lag_s = _lag_s(cells.means, leap + 1)
            if lag_s is not None:
                found[key] = lag_s
    return found


def _lag_s(values: Floats, leap: int) -> float | None:
    """By how much, s, forces and rates (6, n) repeat themselves after a leap in this cell or the one before; None if they do
    not."""
    start = leap + 1
    here = np.arange(start, start + SHORTEST - 2)
    off = values[3:, None, here] - values[3:, here - _LAGS[:, None]]
    left_by = np.add.reduce(off * off, axis=(0, 2))
    likely = int(left_by.argmin())
    if left_by[likely] > NEAR * left_by.max():
        return None
    x = np.concatenate((FORCE_S_M * values[:3], values[3:]))
    for lag in (SHORTEST + likely - 1, SHORTEST + likely):
        # but for cells that are half of the one showing and half of the other
        left, part = _left(x, lag, start, min(max(leap - 1 + lag, start + 3), x.shape[1]))
        if left < LEFT:
            return (lag + part) / RATE_HZ
    return None


def _left(x: Floats, lag: int, start: int, stop: int) -> tuple[float, float]:
    """What a lag leaves of how x (6, n) varies in these cells, as a part of it, and the part of a cell that it is longer."""
    now = x[:, start:stop]
    off = now - x[:, start - lag : stop - lag]
    step = now - x[:, start - lag - 1 : stop - lag - 1] - off
    part = min(max(-float((off * step).sum()) / max(float((step * step).sum()), 1e-12), 0.0), 1.0)
    off = off + part * step
    away = now - now.mean(axis=1, keepdims=True)
    varies = float((away * away).sum())
    return (float((off * off).sum()) / varies if varies > (stop - start) * VARIES_RAD_S**2 else np.inf), part
