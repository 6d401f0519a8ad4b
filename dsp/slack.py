"""Slack: where in a hip-flexing movement the lumbar spine begins to take what the hips should have given.

All angles in degrees, rows of one phase from its beginning to the deepest point. Two estimators of the onset, in degrees of
hip flexion:
- threshold: the hip flexion at which |L - L_start| exceeds tau and stays beyond it to the end, at least 200 ms;
  tau = max(5°, 2 standard errors of L);
- breakpoint: the knee of a two-segment continuous line of L against H, where that explains L better than one line by the
  Bayesian information criterion (Schwarz 1978, doi 10.1214/aos/1176344136).
Definitions of ours; the visual tests that they make continuous: Luomajoki 2008, doi 10.1186/1471-2474-9-170.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from signals.blocks import Floats

TAU_DEG = 5.0
HELD_S = 0.2
POINTS = 64
"""Points of hip flexion, evenly spaced, at which the two lines are fitted."""
EDGE = 5
"""Points at each end that no knee is looked for in."""
NOISE_DEG = 0.3
"""Standard deviation of L about a line that no fit falls below: sway and skin."""
SURE = 10.0
"""The criterion must be better by so much."""
SMALLEST_SLOPE = 0.1
"""The slope must rise by so much for a knee to be slack."""
SMALLEST_HIP_DEG = 15.0
"""Range of hip flexion below which nothing is looked for."""
PLATEAU_SLOPE, PLATEAU_DEG = 0.25, 10.0
"""The hip has run out when it gains less than this part of the forward bend over so many degrees of it."""
PLATEAU_HIP = 0.5
"""It has run out only after this part of what it does in this repetition."""
WINK_DEG = 5.0
"""Butt wink: the pelvis tips back by more than this before the deepest point, while the lumbar spine flexes by as much."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Two lines of L against H: hip flexion at the knee, slopes before and after it (NaN: one line is enough)."""

    hip_deg: float
    slope_before: float
    slope_after: float


NO_KNEE = Knee(math.nan, math.nan, math.nan)


def threshold_onset(lumbar: Floats, hip: Floats, rate_hz: float, lumbar_sd: float) -> float:
    """Hip flexion, degrees, at which the lumbar spine leaves its start for good; NaN when it does not."""
    moved = np.abs(lumbar - lumbar[0])
    tau = max(TAU_DEG, 2.0 * lumbar_sd)
    inside = np.flatnonzero(moved <= tau)
    last = int(inside[-1])
    if len(moved) - 1 - last < HELD_S * rate_hz:
        return math.nan
    part = float((tau - moved[last]) / (moved[last + 1] - moved[last]))
    return float(hip[last] + part * (hip[last + 1] - hip[last]))


def _geometry() -> tuple[Floats, Floats, Floats, Floats]:
    """Of POINTS even steps from 0 to 1: the steps, a straight line through them (unit length, mean 0), and the bends of the
    candidates without what one line explains (k, POINTS) with their squared lengths (k,)."""
    x = np.linspace(0.0, 1.0, POINTS)
    line = (x - x.mean()) / float(np.sqrt(((x - x.mean()) ** 2).sum()))
    bends = np.maximum(x - x[EDGE:-EDGE, None], 0.0)
    bends -= bends.mean(axis=1, keepdims=True)
    bends -= (bends * line).sum(axis=1, keepdims=True) * line
    return x, line, bends, (bends * bends).sum(axis=1)


_STEPS, _LINE, _BENDS, _SIZES = _geometry()


def breakpoint(lumbar: Floats, hip: Floats) -> Knee:
    """The knee of L against H."""
    reach = np.maximum.accumulate(hip)
    keep = np.concatenate(([True], reach[1:] > reach[:-1]))
    h, low = reach[keep], lumbar[keep]
    range_deg = float(h[-1] - h[0])
    if range_deg < SMALLEST_HIP_DEG:
        return NO_KNEE
    y = np.interp(h[0] + range_deg * _STEPS, h, low)
    rest = y - y.mean()
    rest = rest - float((rest * _LINE).sum()) * _LINE
    one = float((rest * rest).sum())
    along = _BENDS @ rest
    explained = along * along / _SIZES
    k = int(np.argmax(explained))
    floor = NOISE_DEG**2
    better = POINTS * math.log((one / POINTS + floor) / ((one - float(explained[k])) / POINTS + floor)) - 2.0 * math.log(POINTS)
    rise = float(along[k] / _SIZES[k]) / range_deg
    if better < SURE or rise < SMALLEST_SLOPE:
        return NO_KNEE
    # the line before the knee, from the fit of both
    straight = y - rise * range_deg * np.maximum(_STEPS - _STEPS[EDGE + k], 0.0)
    before = float((straight * _LINE).sum() * (_LINE[-1] - _LINE[0])) / range_deg
    return Knee(float(h[0] + range_deg * _STEPS[EDGE + k]), before, before + rise)


def onset_sd(hip_sd: float, lumbar_sd: float, slope_after: float) -> float:
    """Standard uncertainty, degrees of hip flexion, of an onset: an error of L moves it along by 1 / slope."""
    return math.hypot(hip_sd, lumbar_sd / max(abs(slope_after), 0.2))


def slack_fraction(lumbar: Floats, hip: Floats) -> float:
    """Part of the lumbar flexion that was gained after the hip had run out; 0 when it did not, NaN when nothing was gained."""
    bend = lumbar + hip
    reach = np.maximum.accumulate(bend)
    keep = np.concatenate(([True], reach[1:] > reach[:-1]))
    gained = float(lumbar[-1] - lumbar[0])
    f = reach[keep]
    if gained < TAU_DEG or float(f[-1] - f[0]) < 2.0 * PLATEAU_DEG:
        return math.nan
    grid = np.arange(f[0], f[-1], 1.0)
    h, low = np.interp(grid, f, hip[keep]), np.interp(grid, f, lumbar[keep])
    over = round(PLATEAU_DEG)
    flat = (h[over:] - h[:-over]) / PLATEAU_DEG < PLATEAU_SLOPE
    # a hip that has not begun has not run out
    flat &= h[:-over] - h[0] > PLATEAU_HIP * (h[-1] - h[0])
    if not flat.any():
        return 0.0
    return min(max(float(lumbar[-1] - low[int(np.argmax(flat))]) / gained, 0.0), 1.0)


def butt_wink(pelvis: Floats, lumbar: Floats, hip: Floats) -> tuple[float, float]:
    """How far the pelvis tips back before the deepest point, degrees, and the hip flexion at which it begins (NaN: none)."""
    top = int(np.argmax(pelvis))
    back, rounded = float(pelvis[top] - pelvis[-1]), float(lumbar[-1] - lumbar[top])
    if back <= WINK_DEG or rounded <= WINK_DEG:
        return 0.0, math.nan
    return back, float(hip[top])
