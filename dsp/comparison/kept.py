"""How much of a change is kept, with its limits; and how fast it goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats
from dsp.comparison.standard_errors import Estimate, quantile

LEVEL = 0.05
"""The limits hold the true part in 19 of 20 cases."""
FEWEST_LATER = 3
"""Fewest measurements after the treatment for a half-life (clinical consensus of this project)."""
SHORTEST_MIN, LONGEST_MIN = 1.0, 14 * 24 * 60.0
"""Half-lives that are looked for, minutes (ours)."""
BETTER = 3.84
"""How much better, in variances, a decay must describe the points than no decay: chi-squared, 95 %, one parameter."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The part that is kept, 1 for all of it, and its limits."""

    part: float
    low: float
    high: float


def kept(later: Estimate, first: Estimate, covariance: float) -> Kept | None:
    """The later change as a part of the first one, with limits after Fieller 1954 (doi 10.1111/j.2517-6161.1954.tb00159.x).

    None where the first change is not beyond its measurement: the ratio of two uncertain numbers has then no limits.
    """
    q = quantile(LEVEL, min(later.df, first.df))
    g = (q * first.error / first.value) ** 2 if first.value else math.inf
    if g >= 1.0:
        return None
    part = later.value / first.value
    cross = covariance / first.error**2
    middle = (part - g * cross) / (1.0 - g)
    inside = later.error**2 - 2.0 * part * covariance + part**2 * first.error**2 - g * (later.error**2 - covariance * cross)
    half = q / abs(first.value) / (1.0 - g) * math.sqrt(max(inside, 0.0))
    return Kept(part, middle - half, middle + half)


def half_life_min(minutes: Sequence[float], changes: Sequence[float], covariances: Floats) -> float | None:
    """Minutes in which half of a change goes, if it goes exponentially.

    minutes (n,): after the treatment; changes (n,) against *before*; covariances (n, n). None with fewer than three points,
    where one has no time, where no decay is seen beyond what measurement error makes, or where it is slower than two weeks.
    """
    # imported where it is used: loading is slow
    from scipy.optimize import minimize_scalar

    at, seen = np.asarray(minutes, float), np.asarray(changes, float)
    if len(at) < FEWEST_LATER or not np.isfinite(at).all() or not np.isfinite(seen).all() or np.ptp(at) <= 0.0:
        return None
    inverse = np.asarray(np.linalg.pinv(covariances), np.float64)

    def misfit(log_half: float) -> float:
        # from the first point on: how large the change was before it does not matter
        return _misfit(0.5 ** ((at - at.min()) / math.exp(log_half)), seen, inverse)

    bounds = (math.log(SHORTEST_MIN), math.log(LONGEST_MIN))
    grid = np.linspace(*bounds, 120)
    best = int(np.argmin([misfit(x) for x in grid]))
    if best in (0, len(grid) - 1):
        return None
    found = minimize_scalar(misfit, bounds=(grid[best - 1], grid[best + 1]), method="bounded")
    if _misfit(np.ones_like(at), seen, inverse) - found.fun < BETTER:
        return None
    return math.exp(found.x)


def _misfit(shape: Floats, seen: Floats, inverse: Floats) -> float:
    """Weighted squares that are left when a curve of this shape, at its best size, is taken away."""
    size = float(shape @ inverse @ seen) / float(shape @ inverse @ shape)
    left = seen - size * shape
    return float(left @ inverse @ left)
