"""Lumbar shares of a movement of one phase: whole, by thirds of its own total, by fixed bins of forward bend; and the slope.

share = dL / (dL + dR), with dR the change of the pelvis (of the trunk) or of the hips (of the trunk on the thigh). It stays
bounded where the ratio dL / dR explodes; ratio r and share s say the same: s = r / (1 + r).

Bins of absolute forward bend: 0-30, 30-60, 60-90° as Esola 1996 (doi 10.1097/00007632-199601010-00017), 90-120° as
Tafazzol 2014 (doi 10.1016/j.clinbiomech.2013.10.021). A share whose total is below `SMALLEST_TOTAL_DEG`, or whose parts
mostly cancel each other, is missing; a bin also when the rest moves by less than `SMALLEST_REST_DEG` or the movement
does not pass through the whole of it.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from signals.blocks import Floats

SMALLEST_TOTAL_DEG = 3.0
SMALLEST_REST_DEG = 3.0
CANCELLING = 0.5
"""A total smaller than this part of the larger of its two parts is no whole to take a share of (e.g. sitting down)."""
BINS_DEG = (0.0, 30.0, 60.0, 90.0, 120.0)
BIN_NAMES = ("0_30", "30_60", "60_90", "90_120")
THIRDS = ("early", "middle", "late")
STANDING_DEG = 5.0
"""A movement that begins below this forward bend has begun at 0."""
SLOPE_WINDOW_DEG = 10.0


class Share(NamedTuple):
    """A share and its standard uncertainty, NaN where there is none."""

    value: float
    sd: float


NONE = Share(math.nan, math.nan)


def share(lumbar: float, rest: float) -> float:
    """lumbar / (lumbar + rest); NaN when the total is too small for a ratio, or when the two mostly cancel each other."""
    total = lumbar + rest
    smallest = max(SMALLEST_TOTAL_DEG, CANCELLING * max(abs(lumbar), abs(rest)))
    return lumbar / total if abs(total) >= smallest else math.nan


def with_sd(lumbar: float, rest: float, sd_lumbar: float, sd_rest: float) -> Share:
    """The share of two changes that are known so well, first order."""
    value = share(lumbar, rest)
    if value != value:
        return NONE
    return Share(value, math.hypot(rest * sd_lumbar, lumbar * sd_rest) / (lumbar + rest) ** 2)


def _row_at(level: float, reach: list[float], at: list[int]) -> float:
    """The row, between two rows too, at which `level` was reached; the first or the last where it was not."""
    k = bisect_right(reach, level)
    if k in (0, len(reach)):
        return float(at[max(k - 1, 0)])
    return at[k - 1] + (at[k] - at[k - 1]) * (level - reach[k - 1]) / (reach[k] - reach[k - 1])


def thirds(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> tuple[Share, Share, Share]:
    """Lumbar share in the early, middle and late third of the movement's own total (lumbar + rest)."""
    early, middle, late = parts(lumbar, rest, sd_lumbar, sd_rest)[: len(THIRDS)]
    return early, middle, late


def bins(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> tuple[Share, ...]:
    """Lumbar share in the bins `BINS_DEG` of absolute forward bend (lumbar + rest), degrees from standing."""
    return parts(lumbar, rest, sd_lumbar, sd_rest)[len(THIRDS) :]


def parts(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> tuple[Share, ...]:
    """The shares of `thirds`, then those of `bins`."""
    # a few hundred values looked up at nine places: plain lists are quicker than arrays
    one, other, total = lumbar.tolist(), rest.tolist(), (lumbar + rest).tolist()
    # the furthest reach so far, strictly rising, and the rows at which each level was first reached
    reach, at = [total[0]], [0]
    for i, value in enumerate(total):
        if value > reach[-1]:
            reach.append(value)
            at.append(i)
    if len(reach) < 2:
        return (NONE,) * (len(THIRDS) + len(BIN_NAMES))
    rise = reach[-1] - reach[0]
    edges = list(BINS_DEG)
    if 0.0 < reach[0] < STANDING_DEG:
        edges[0] = reach[0]
    marks = []
    for level in (reach[0], reach[0] + rise / 3.0, reach[0] + rise * 2.0 / 3.0, reach[-1], *edges):
        row = _row_at(level, reach, at)
        low = min(int(row), len(total) - 2)
        part = row - low
        marks.append((one[low] + (one[low + 1] - one[low]) * part, other[low] + (other[low + 1] - other[low]) * part))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(marks)]
    whole = rise > 3.0 * SMALLEST_TOTAL_DEG
    in_thirds = (with_sd(a, b, sd_lumbar, sd_rest) if whole else NONE for a, b in steps[:3])
    passed = [reach[0] <= edge <= reach[-1] for edge in edges]
    in_bins = (
        with_sd(a, b, sd_lumbar, sd_rest) if low and high and abs(b) >= SMALLEST_REST_DEG else NONE
        for (a, b), low, high in zip(steps[4:], passed[:-1], passed[1:], strict=True)
    )
    return (*in_thirds, *in_bins)


def slope(bend: Floats, lumbar: Floats) -> Floats:
    """ds/dF (n,): lumbar flexion gained per forward bend F, by linear regression over the last `SLOPE_WINDOW_DEG` of F.

    Causal, for the live view: the share that the lumbar spine has of the movement just now; 1 - slope is the hips'. NaN until
    the movement has gone that far one way.
    """
    n = len(bend)
    found = np.full(n, np.nan)
    sums = np.cumsum(np.stack((np.ones(n), bend, lumbar, bend * bend, bend * lumbar)), axis=1)
    for i in range(1, n):
        apart = np.abs(bend[:i] - bend[i]) >= SLOPE_WINDOW_DEG
        if not apart.any():
            continue
        first = i - 1 - int(np.argmax(apart[::-1]))
        count, f, s, ff, fs = sums[:, i] - (sums[:, first - 1] if first else 0.0)
        spread = ff - f * f / count
        if spread > 0.0:
            found[i] = (fs - f * s / count) / spread
    return found
