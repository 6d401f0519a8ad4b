"""Offsets between sensors from one sharp motion that all of them measure: a heel drop, three small hops, a tap on each.

A constant radio delay cannot be distinguished from a clock offset, and sensors of different makers have different delays.
The jolt of a heel drop reaches the whole body within a few milliseconds, so the lag between two sensors' jolts is the
offset of their clocks. The lag is where the rates of change of |specific force| correlate best: they mark the edges of a
jolt, whatever its size and the sensor's orientation. It is accurate to about half a sample of the slower sensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import G0, Floats

SEARCH_S = 0.3
"""Largest lag, s, in the search to either side (ours)."""
WINDOW_S = 5.0
"""The motion is expected within this time, s, after the mark (ours)."""
STEP_S = 0.001
"""Resolution of a lag, s, before it is refined between steps (ours)."""
SMOOTHED_S = 0.03
"""Smoothing time, s (ours): a jolt of a few milliseconds differs between 60 and 200 Hz, but its average over this time does
not."""
SMALLEST_JOLT = 3.0
"""m/s²: least motion in each sensor (ours)."""
SMALLEST_CORRELATION = 0.6
"""Least correlation of two jolts of the same heel drop (ours)."""


@dataclass(frozen=True, slots=True)
class Lag:
    """offset_s: how much later than the reference the sensor's clock shows the motion; NaN where it is unknown.

    correlation: of the two signals at that lag, 0 to 1. reason: why it is unknown, in words.
    """

    offset_s: float
    correlation: float
    reason: str = ""


def lags(tracks: Mapping[str, tuple[Floats, Floats]], reference: str, at_s: float) -> dict[str, Lag]:
    """Lag of every other sensor behind `reference`, from the motion in at_s … at_s + `WINDOW_S`.

    tracks: by sensor, time (n,) s increasing, and specific force (n, 3) m/s².
    """
    first, stop = at_s - SEARCH_S, at_s + WINDOW_S + SEARCH_S
    grid = np.arange(first, stop, STEP_S)
    felt = {key: _jolt(time_s, acc, grid) for key, (time_s, acc) in tracks.items()}
    courses = {key: np.gradient(jolt) for key, jolt in felt.items()}
    found = {}
    for key in tracks:
        if key == reference:
            continue
        unfelt = [k for k in (reference, key) if not np.abs(felt[k]).max(initial=0.0) >= SMALLEST_JOLT]
        if unfelt:
            found[key] = Lag(float("nan"), 0.0, f"{' and '.join(unfelt)} felt no jolt within {WINDOW_S:g} s of the mark")
        else:
            found[key] = _lag(courses[reference], courses[key])
    return found


def _jolt(time_s: Floats, acc: Floats, grid: Floats) -> Floats:
    """Smoothed |specific force| - g (m,) on the grid; 0 outside of the samples."""
    if len(time_s) < 2:
        return np.zeros(len(grid))
    jolt = np.sqrt((acc * acc).sum(axis=1)) - G0
    width = round(SMOOTHED_S / STEP_S)
    smooth = np.convolve(np.interp(grid, time_s, jolt, left=0.0, right=0.0), np.full(width, 1.0 / width), mode="same")
    return np.asarray(smooth)


def _lag(reference: Floats, course: Floats) -> Lag:
    most = round(SEARCH_S / STEP_S)
    inner = reference[most:-most] - reference[most:-most].mean()
    scale = float(np.sqrt((inner * inner).sum()))
    products = np.correlate(course, inner, mode="valid")
    # the signal's own mean and spread under each position of the reference
    ones = np.ones(len(inner))
    sums, squares = np.correlate(course, ones, mode="valid"), np.correlate(course * course, ones, mode="valid")
    spread = np.sqrt(np.maximum(squares - sums * sums / len(inner), 1e-12))
    agreement = products / (scale * spread)
    best = int(np.argmax(agreement))
    correlation = float(agreement[best])
    if correlation < SMALLEST_CORRELATION:
        return Lag(float("nan"), correlation, f"the motions do not agree (correlation {correlation:.2f})")
    if best in (0, len(agreement) - 1):
        return Lag(float("nan"), correlation, f"more than {SEARCH_S:g} s apart")
    left, middle, right = agreement[best - 1 : best + 2].tolist()
    bend = left - 2.0 * middle + right
    fine = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return Lag((best - most + fine) * STEP_S, correlation)
