"""Slack: where in a hip-flexing movement the lumbar spine begins to take over movement that should come from the hips.

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
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from body_signals import Floats, Ints
from dsp.rhythm.phases import Phases, Reach, reach, reached

TAU_DEG = 5.0
"""Movement of the lumbar spine that counts as leaving its start, degrees (ours)."""
HELD_S = 0.2
"""How long the lumbar spine must stay beyond it, s (ours)."""
POINTS = 64
"""Evenly spaced points of hip flexion at which the two lines are fitted (ours)."""
EDGE = 5
"""Points at each end that cannot be the knee (ours)."""
NOISE_DEG = 0.3
"""Least standard deviation of L about a fitted line, degrees: sway and skin movement (ours)."""
SURE = 10.0
"""Least improvement of the criterion for two lines (ours; Kass & Raftery 1995 call it very strong evidence, doi
10.1080/01621459.1995.10476572)."""
SMALLEST_SLOPE = 0.1
"""Least increase of the slope at a knee that counts as slack (ours)."""
ABOUT_DEG = 2.5
"""Flexion to either side of an onset, degrees, over which the slope is taken (ours)."""
SMALLEST_ONSET_SLOPE = 0.2
"""Least slope at an onset; a smaller one is replaced by this value (ours)."""
SMALLEST_HIP_DEG = 15.0
"""Least range of hip flexion, degrees, in which slack is searched for (ours)."""
PLATEAU_SLOPE, PLATEAU_DEG = 0.25, 10.0
"""The hip has run out when it gains less than the first as a part of the forward bend over the second, degrees of bend
(ours)."""
PLATEAU_HIP = 0.5
"""The hip can have run out only after this part of its range in the repetition (ours)."""
WINK_DEG = 5.0
"""Butt wink: the pelvis tips back by more than this, degrees, before the deepest point, while the lumbar spine flexes by as
much (ours)."""


class Knees(NamedTuple):
    """Two lines of L against H: hip flexion at the knee, slopes before and after it, each (r,); NaN: one line is enough."""

    hip_deg: Floats
    slope_before: Floats
    slope_after: Floats


def threshold_onset(phases: Phases, lumbar: Floats, hips: Sequence[Floats], rate_hz: float, lumbar_sd: Floats) -> list[Floats]:
    """Flexion (r,), degrees, of each of `hips` (n,) at which the lumbar spine (n,), whose change is known to lumbar_sd (r,),
    leaves its start for good; NaN when it does not."""
    tau = np.maximum(TAU_DEG, 2.0 * lumbar_sd)
    start, last_row, n = lumbar[phases.begin], phases.end, len(lumbar)
    inside = np.abs(lumbar - phases.each(start, n)) <= phases.each(tau, n)
    last = phases.last(inside)
    beyond = np.minimum(last + 1, last_row)
    moved, further = np.abs(lumbar[last] - start), np.abs(lumbar[beyond] - start)
    held = last_row - last >= HELD_S * rate_hz
    part = np.divide(tau - moved, further - moved, out=np.full(len(tau), np.nan), where=held & (further > moved))
    return [np.asarray(hip[last] + part * (hip[beyond] - hip[last])) for hip in hips]


def _geometry() -> tuple[Floats, Floats, Floats, Floats]:
    """For POINTS even steps from 0 to 1: the steps, a straight line through them (unit length, mean 0), and for each candidate
    knee the part of its bend that one line does not explain (k, POINTS) with its squared length (k,)."""
    x = np.linspace(0.0, 1.0, POINTS)
    line = (x - x.mean()) / float(np.sqrt(((x - x.mean()) ** 2).sum()))
    bends = np.maximum(x - x[EDGE:-EDGE, None], 0.0)
    bends -= bends.mean(axis=1, keepdims=True)
    bends -= (bends * line).sum(axis=1, keepdims=True) * line
    return x, line, bends, (bends * bends).sum(axis=1)


_STEPS, _LINE, _BENDS, _SIZES = _geometry()


def breakpoints(phases: Phases, lumbar: Floats, so_far: Reach) -> Knees:
    """The knees of L (n,) against H in each phase; so_far: the running maximum of H in it."""
    low, range_deg = so_far.low, so_far.top - so_far.low
    at = reached(so_far, low[:, None] + range_deg[:, None] * _STEPS)
    before, beyond = (phases.begin[:, None] + rows for rows in (at.before, at.beyond))
    y = lumbar[before] + (lumbar[beyond] - lumbar[before]) * at.part
    rest = y - y.mean(axis=1, keepdims=True)
    rest -= (rest * _LINE).sum(axis=1, keepdims=True) * _LINE
    one = (rest * rest).sum(axis=1)
    # one product for each movement: a product of two matrices may round differently for another number of movements
    along = (_BENDS @ rest[:, :, None])[:, :, 0]
    explained = along * along / _SIZES
    k = np.argmax(explained, axis=1)
    rows = np.arange(len(k))
    floor = NOISE_DEG**2
    two = one - explained[rows, k]
    better = POINTS * np.log((one / POINTS + floor) / (two / POINTS + floor)) - 2.0 * math.log(POINTS)
    wide = range_deg >= SMALLEST_HIP_DEG
    range_deg = np.where(wide, range_deg, np.nan)
    rise = along[rows, k] / _SIZES[k] / range_deg
    # the line before the knee, from the fit of both
    knee = _STEPS[EDGE + k]
    straight = y - (rise * range_deg)[:, None] * np.maximum(_STEPS - knee[:, None], 0.0)
    slope = (straight * _LINE).sum(axis=1) * (_LINE[-1] - _LINE[0]) / range_deg
    sure = wide & (better >= SURE) & (rise >= SMALLEST_SLOPE)
    found = (low + range_deg * knee, slope, slope + rise)
    return Knees(*(np.where(sure, x, np.nan) for x in found))


class Crossings(NamedTuple):
    """Where phases pass a flexion H: the row (r,) before it, and the slope (r,) of L against H about it."""

    row: Ints
    slope: Floats


def crossings(phases: Phases, lumbar: Floats, so_far: Reach, hip_deg: Floats) -> Crossings:
    """Crossings of the flexions hip_deg (r,), one in each phase; lumbar (n,) degrees; so_far: the running maximum of H in the
    phases.

    The slope is that of the chord over `ABOUT_DEG` to either side, as far as the phase goes; infinite where H keeps still.
    """
    at = reached(so_far, hip_deg[:, None] + np.array((-ABOUT_DEG, 0.0, ABOUT_DEG)))
    flexed, spine = (
        rows[begin[:, None] + at.before] + (rows[begin[:, None] + at.beyond] - rows[begin[:, None] + at.before]) * at.part
        for rows, begin in ((so_far.furthest, so_far.begin), (lumbar, phases.begin))
    )
    gained, over = spine[:, 2] - spine[:, 0], flexed[:, 2] - flexed[:, 0]
    slope = np.divide(gained, over, out=np.full(len(over), np.inf), where=over > 0.0)
    return Crossings(phases.begin + at.before[:, 1], slope)


def onset_sd(hip_sd: Floats, lumbar_sd: Floats, start_sd: Floats, slope: Floats) -> Floats:
    """Standard uncertainty (r,), degrees of H, of an onset. hip_sd, lumbar_sd: of H and L at the onset; start_sd: of L at the
    start. An error of L shifts the onset by 1 / slope. The error of L at the start is part of that at the onset and cancels;
    the increase since the start and `NOISE_DEG` remain."""
    gained_sd = np.hypot(lumbar_sd - start_sd, NOISE_DEG)
    return np.hypot(hip_sd, gained_sd / np.maximum(np.abs(slope), SMALLEST_ONSET_SLOPE))


def slack_fraction(phases: Phases, lumbar: Floats, hip: Floats) -> Floats:
    """Part (r,) of the lumbar flexion gained after the hip had run out: 0 when the hip did not run out, NaN without lumbar
    flexion."""
    so_far = reach(phases, lumbar + hip)
    low, bent = so_far.low, so_far.top - so_far.low
    deepest = phases.end
    gained = lumbar[deepest] - lumbar[phases.begin]
    # at every degree of forward bend
    longest = max(int(np.ceil(bent.max())), 2 * round(PLATEAU_DEG))
    levels = low[:, None] + np.arange(longest)
    at = reached(so_far, levels)
    before, beyond = (phases.begin[:, None] + rows for rows in (at.before, at.beyond))
    spine, flexed = (rows[before] + (rows[beyond] - rows[before]) * at.part for rows in (lumbar, hip))
    inside = levels < so_far.top[:, None]
    over = round(PLATEAU_DEG)
    last = np.maximum(inside.sum(axis=1) - 1, 0)
    most = flexed[np.arange(len(last)), last] - flexed[:, 0]
    flat = inside[:, over:] & ((flexed[:, over:] - flexed[:, :-over]) / PLATEAU_DEG < PLATEAU_SLOPE)
    # a hip that has not begun has not run out
    flat &= flexed[:, :-over] - flexed[:, :1] > PLATEAU_HIP * most[:, None]
    k = np.argmax(flat, axis=1)
    rows = np.arange(len(k))
    there = (gained >= TAU_DEG) & (bent >= 2.0 * PLATEAU_DEG)
    late = np.clip((lumbar[deepest] - spine[rows, k]) / np.where(there, gained, np.nan), 0.0, 1.0)
    return np.where(there, np.where(flat[rows, k], late, 0.0), np.nan)


def butt_wink(phases: Phases, pelvis: Floats, lumbar: Floats, hip: Floats) -> tuple[Floats, Floats]:
    """How far (r,) the pelvis tips back before the deepest point, degrees, and the hip flexion at which it begins, or NaN."""
    top = np.array([a + int(np.argmax(part)) for a, part in zip(phases.begin.tolist(), phases.parts(pelvis), strict=True)])
    deepest = phases.end
    back, rounded = pelvis[top] - pelvis[deepest], lumbar[deepest] - lumbar[top]
    winks = (back > WINK_DEG) & (rounded > WINK_DEG)
    return np.where(winks, back, 0.0), np.where(winks, hip[top], np.nan)
