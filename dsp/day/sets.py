"""Sets: consecutive repetitions of one movement, with the median and the spread of every metric, and what needs several.

Single peaks are weak (limits of agreement of published systems reach 8°), so a set's median is what is reported. Spread is
the median absolute deviation, scaled to a standard deviation of normal values (Hampel 1974, doi
10.1080/01621459.1974.10482962). Fewer than three repetitions have no valid median; MARP and DP need five.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from body_signals import Floats, Ints
from dsp.results import Metrics, Repetition
from dsp.rhythm.coordination import MARP_REPETITIONS, marp_and_dp

PAUSE_S = 20.0
"""Repetitions of one movement that follow each other within this time are one set."""
FEWEST = 3
MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class OverSet:
    """A metric over a set: median, spread (NaN for one repetition), how many repetitions had it, whether that is enough."""

    median: float
    spread: float
    count: int
    valid: bool


def sets_of(repetitions: Iterable[Repetition]) -> list[list[Repetition]]:
    """The repetitions in sets, in order."""
    groups: list[list[Repetition]] = []
    for r in repetitions:
        last = groups[-1][-1] if groups else None
        if last is not None and last.movement == r.movement and r.start_s - last.end_s < PAUSE_S:
            groups[-1].append(r)
        else:
            groups.append([r])
    return groups


def over_set(values: Sequence[float]) -> OverSet:
    """Median and spread of a metric's finite values."""
    there = [v for v in values if math.isfinite(v)]
    if not there:
        return OverSet(math.nan, math.nan, 0, False)
    middle = median(there)
    spread = MAD_TO_SD * median(abs(v - middle) for v in there) if len(there) > 1 else math.nan
    return OverSet(middle, spread, len(there), len(there) >= FEWEST)


def _medians(table: Floats, counts: Ints) -> Floats:
    """Median (n,) of the `counts` (n,) finite values in each row of a table (n, k); NaN where there are none."""
    ordered = np.sort(table, axis=1)  # what is missing comes last
    rows = np.arange(len(table))
    low, high = np.maximum(counts - 1, 0) // 2, np.minimum(counts // 2, max(table.shape[1] - 1, 0))
    return np.asarray(0.5 * (ordered[rows, low] + ordered[rows, high]))


def metrics_of(group: Sequence[Repetition]) -> dict[str, OverSet]:
    """Every metric that a repetition of the set has, and over the set `marp_deg` and `dp_deg` of lumbar spine and pelvis."""
    names = [n for n in dict.fromkeys(n for r in group for n in r.metrics) if not n.endswith(("_sd", "_sd_deg"))]
    table = Metrics.table([r.metrics for r in group], names).T
    counts = np.isfinite(table).sum(axis=1)
    middle = _medians(table, counts)
    spread = np.where(counts > 1, MAD_TO_SD * _medians(np.abs(table - middle[:, None]), counts), np.nan)
    found = {
        name: OverSet(m, s, n, n >= FEWEST)
        for name, m, s, n in zip(names, middle.tolist(), spread.tolist(), counts.tolist(), strict=True)
    }
    curves = [r.relative_phase_deg for r in group if r.relative_phase_deg]
    if len(curves) > 1:
        marp, dp = marp_and_dp(np.radians(np.array(curves)))
        enough = len(curves) >= MARP_REPETITIONS
        found["marp_deg"] = OverSet(math.degrees(marp), math.nan, len(curves), enough)
        found["dp_deg"] = OverSet(math.degrees(dp), math.nan, len(curves), enough)
    return found
