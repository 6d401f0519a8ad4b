"""How repeatable a number is: intraclass correlation, standard error of measurement and minimal detectable change, each with
its limits.

Two-way models of people and sessions (Shrout & Fleiss 1979, doi 10.1037/0033-2909.86.2.420; limits after McGraw & Wong 1996,
doi 10.1037/1082-989X.1.1.30): ICC(2,1) for absolute agreement, ICC(3,1) for consistency, of single measurements. The standard
error is the within-person one of all sessions, sqrt of their pooled variance, so that a shift from session to session is in
it; its limits follow chi-squared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats

LEVEL = 0.05
"""Limits hold the true value in 19 of 20 studies."""
MDC90, MDC95 = 1.645 * math.sqrt(2.0), 1.960 * math.sqrt(2.0)
"""Minimal detectable change over the standard error."""
ROUNDING = 1e-5
"""Variation below this part of a number is what tables in single precision leave (ours)."""
FEWEST_PEOPLE = 3
"""With fewer people no correlation is computed (ours); ten and more are advised."""


@dataclass(frozen=True, slots=True)
class Limited:
    """An estimate and its limits."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Limited:
        """All three times a factor."""
        return Limited(factor * self.value, factor * self.low, factor * self.high)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The repeatability of a number. people, sessions: how many; the correlations use the first `used` sessions of each
    person."""

    people: int
    sessions: int
    used: int
    mean: float
    icc_agreement: Limited
    icc_consistency: Limited
    sem: Limited
    shift: float
    """Mean of the last used session less that of the first."""

    @property
    def mdc90(self) -> Limited:
        return self.sem.times(MDC90)

    @property
    def mdc95(self) -> Limited:
        return self.sem.times(MDC95)


def agreement(people: Sequence[Sequence[float]]) -> Agreement | None:
    """The repeatability of a number: for each person its values in the order of their sessions. Persons with fewer than two are
    left out; None where fewer than `FEWEST_PEOPLE` remain."""
    several = [list(values) for values in people if len(values) > 1]
    if len(several) < FEWEST_PEOPLE:
        return None
    used = min(map(len, several))
    table = np.array([values[:used] for values in several])
    df = sum(len(values) - 1 for values in several)
    squares = sum(float(np.var(values)) * len(values) for values in several)
    sem = math.sqrt(squares / df)
    limits = [sem * math.sqrt(df / _chi2(1.0 - tail, df)) for tail in (LEVEL / 2.0, 1.0 - LEVEL / 2.0)]
    two, three = _correlations(table)
    shift = float(table[:, -1].mean() - table[:, 0].mean())
    return Agreement(len(several), sum(map(len, several)), used, float(table.mean()), two, three, Limited(sem, *limits), shift)


def _correlations(table: Floats) -> tuple[Limited, Limited]:
    """ICC(2,1) and ICC(3,1) of a table (people, sessions); NaN where nothing varies."""
    n, k = table.shape
    total = table.mean()
    rows = k * float(((table.mean(axis=1) - total) ** 2).sum()) / (n - 1)
    columns = n * float(((table.mean(axis=0) - total) ** 2).sum()) / (k - 1)
    left = table - table.mean(axis=1)[:, None] - table.mean(axis=0)[None, :] + total
    error = float((left**2).sum()) / ((n - 1) * (k - 1))
    # what rounding leaves is no variation
    least = (ROUNDING * max(abs(float(total)), 1.0)) ** 2
    rows, columns, error = (0.0 if mean_square < least else mean_square for mean_square in (rows, columns, error))
    within = rows + (k - 1) * error + k * (columns - error) / n
    if rows + (k - 1) * error <= 0.0 or within <= 0.0:
        nothing = Limited(math.nan, math.nan, math.nan)
        return nothing, nothing
    agreed, consistent = (rows - error) / within, (rows - error) / (rows + (k - 1) * error)
    if error <= 0.0:
        return Limited(agreed, math.nan, math.nan), Limited(consistent, consistent, consistent)
    return _agreed(agreed, rows, columns, error, n, k), _consistent(consistent, rows / error, n, k)


def _consistent(value: float, ratio: float, n: int, k: int) -> Limited:
    df, other = n - 1, (n - 1) * (k - 1)
    low = ratio / _fisher(df, other)
    high = ratio * _fisher(other, df)
    return Limited(value, (low - 1.0) / (low + k - 1.0), (high - 1.0) / (high + k - 1.0))


def _agreed(value: float, rows: float, columns: float, error: float, n: int, k: int) -> Limited:
    a = k * value / (n * (1.0 - value)) if value < 1.0 else math.inf
    b = 1.0 + k * value * (n - 1) / (n * (1.0 - value)) if value < 1.0 else math.inf
    if not math.isfinite(a):
        return Limited(value, math.nan, math.nan)
    df = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    upper, lower = _fisher(n - 1, df), _fisher(df, n - 1)
    rest = k * columns + (k * n - k - n) * error
    low = n * (rows - upper * error) / (upper * rest + n * rows)
    high = n * (lower * rows - error) / (rest + n * lower * rows)
    return Limited(value, low, high)


def _chi2(share: float, df: float) -> float:
    """The value below which this share of a chi-square distribution lies."""
    # imported where it is used: loading is slow
    from scipy.stats import chi2

    return float(chi2.ppf(share, df))


def _fisher(df: float, other: float) -> float:
    """The upper limit of Fisher's distribution at `LEVEL`, both directions together."""
    from scipy.stats import f as fisher

    return float(fisher.ppf(1.0 - LEVEL / 2.0, df, other))
