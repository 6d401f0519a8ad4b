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
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from body_signals import Floats, Ints
from dsp.rhythm.phases import Phases, Reach, reach, reached

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
ABOUT_DEG = 2.5
"""The slope at an onset is taken over so much flexion to either side."""
SMALLEST_ONSET_SLOPE = 0.2
"""A slope at the onset that is less than this is taken for this."""
SMALLEST_HIP_DEG = 15.0
"""Range of hip flexion below which nothing is looked for."""
PLATEAU_SLOPE, PLATEAU_DEG = 0.25, 10.0
"""The hip has run out when it gains less than this part of the forward bend over so many degrees of it."""
PLATEAU_HIP = 0.5
"""It has run out only after this part of what it does in this repetition."""
WINK_DEG = 5.0
"""Butt wink: the pelvis tips back by more than this before the deepest point, while the lumbar spine flexes by as much."""


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
    """Of POINTS even steps from 0 to 1: the steps, a straight line through them (unit length, mean 0), and the bends of the
    candidates without what one line explains (k, POINTS) with their squared lengths (k,)."""
    x = np.linspace(0.0, 1.0, POINTS)
    line = (x - x.mean()) / float(np.sqrt(((x - x.mean()) ** 2).sum()))
    bends = np.maximum(x - x[EDGE:-EDGE, None], 0.0)
    bends -= bends.mean(axis=1, keepdims=True)
    bends -= (bends * line).sum(axis=1, keepdims=True) * line
    return x, line, bends, (bends * bends).sum(axis=1)


_STEPS, _LINE, _BENDS, _SIZES = _geometry()


def breakpoints(phases: Phases, lumbar: Floats, so_far: Reach) -> Knees:
    """The knees of L (n,) against H in each phase; so_far: how far H has come in it."""
    low, range_deg = so_far.low, so_far.top - so_far.low
    at = reached(so_far, low[:, None] + range_deg[:, None] * _STEPS)
    before, beyond = (phases.begin[:, None] + rows for rows in (at.before, at.beyond))
    y = lumbar[before] + (lumbar[beyond] - lumbar[before]) * at.part
    rest = y - y.mean(axis=1, keepdims=True)
    rest -= (rest * _LINE).sum(axis=1, keepdims=True) * _LINE
    one = (rest * rest).sum(axis=1)
    # a product for each movement: one of two matrices may round otherwise for another number of them
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
    """Of the flexions hip_deg (r,), one in each phase; lumbar (n,) degrees; so_far: how far H has come in the phases.

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
    """Standard uncertainty (r,), degrees of H, of an onset at which H is known to hip_sd, and L to lumbar_sd, at the start to
    start_sd: an error of L moves the onset along by 1 / slope. Of L's error at the onset its start has a part already, which
    cancels: what is left is what it is more uncertain by, and `NOISE_DEG`."""
    gained_sd = np.hypot(lumbar_sd - start_sd, NOISE_DEG)
    return np.hypot(hip_sd, gained_sd / np.maximum(np.abs(slope), SMALLEST_ONSET_SLOPE))


def slack_fraction(phases: Phases, lumbar: Floats, hip: Floats) -> Floats:
    """Part (r,) of the lumbar flexion that was gained after the hip had run out: 0 when it did not, NaN when none was."""
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
