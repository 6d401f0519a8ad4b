"""Sets: consecutive repetitions of one movement, with the median and spread of every metric, and metrics of several
repetitions.

Single peaks are unreliable (limits of agreement of published systems reach 8°), so a set's median is reported. One-legged
movements have a set for each leg, even where the legs alternate, and so have sitting down and standing up.

The spread combines two parts in quadrature. The first is the variation between repetitions: the median absolute deviation,
scaled to a standard deviation of normal values (Hampel 1974, doi 10.1080/01621459.1974.10482962). For fewer than five values,
where the median absolute deviation is the smaller of two gaps, it is the standard deviation. The second is the median of the
repetitions' own standard uncertainties. So three repetitions that agree are not known better than one of them. Fewer than three
repetitions have no valid median; MARP and DP need five.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from statistics import median, stdev

import numpy as np

from body_signals import Floats, Ints
from body_signals.movements import kind_of
from dsp.results import Metrics, Repetition
from dsp.rhythm.coordination import MARP_REPETITIONS, marp_and_dp

PAUSE_S = 20.0
"""Longest pause, s, between repetitions of one set (ours)."""
FEWEST = 3
"""Fewest repetitions for a valid median (ours)."""
MAD_TO_SD = 1.4826
"""Standard deviation over median absolute deviation of normal values (Hampel 1974, see above)."""
FEWEST_FOR_MAD = 5
"""Fewest values for the median absolute deviation; of fewer, the spread is the standard deviation (ours)."""
SIDES = ("left", "right")
STANDING_DEG = 40.0
"""Hip range, degrees, that separates the legs of a knee raise (ours). The hip of the standing leg moves less, with the pelvis
alone; that of the raised knee moves more."""


@dataclass(frozen=True, slots=True)
class OverSet:
    """A metric over a set: median, spread (NaN for one repetition), number of repetitions with it, and whether that is
    enough."""

    median: float
    spread: float
    count: int
    valid: bool


def raised(repetition: Repetition) -> str:
    """The side of a knee raise: that of the hip that moved more. If only one hip was measured, it decides alone. Empty where
    neither was."""
    return raised_side(*(repetition.metrics.get(f"hip_{side}_rom_deg", math.nan) for side in SIDES))


def raised_side(left_deg: float, right_deg: float) -> str:
    """The side of the knee that was raised, by the ranges of both hips; NaN where one was not measured."""
    if math.isnan(left_deg) and math.isnan(right_deg):
        return ""
    left, right = (STANDING_DEG if math.isnan(hip) else hip for hip in (left_deg, right_deg))
    return "left" if left >= right else "right"


def side_of(repetition: Repetition) -> str:
    """The leg of a repetition; empty where the movement is not one-legged, or where neither hip was measured."""
    return raised(repetition) if kind_of(repetition.movement).one_leg else ""


def sets_of(repetitions: Iterable[Repetition], new_at_s: Sequence[float] = ()) -> list[list[Repetition]]:
    """The repetitions in sets, in the order of their first ones. new_at_s: session times at which a person said that a new set
    begins."""
    groups: list[dict[tuple[str, str], list[Repetition]]] = []
    last: Repetition | None = None
    for r in repetitions:
        if last is None or begins_set(last, r, new_at_s):
            groups.append({})
        groups[-1].setdefault((r.movement, side_of(r)), []).append(r)
        last = r
    return [of_one for group in groups for of_one in group.values()]


def begins_set(last: Repetition, next_one: Repetition, new_at_s: Sequence[float] = ()) -> bool:
    """Whether a repetition begins a new set after the one before it. What a person says while one is under way is for the next
    one from its turn on."""
    said = any(last.turn_s < at_s <= next_one.turn_s for at_s in new_at_s)
    return said or not _go_on(last.movement, next_one.movement) or next_one.start_s - last.end_s >= PAUSE_S


def _go_on(before: str, movement: str) -> bool:
    """Whether a movement continues the set of the one before it: as the same kind, or as the return of a one-way kind."""
    return before == movement or (kind_of(before).one_way and kind_of(movement).one_way)


def over_set(values: Sequence[float], sds: Sequence[float] = ()) -> OverSet:
    """Median and spread of a metric's finite values; sds: standard uncertainties of these values, NaN where not known."""
    there = [i for i, v in enumerate(values) if math.isfinite(v)]
    found = [values[i] for i in there]
    if not found:
        return OverSet(math.nan, math.nan, 0, False)
    middle = median(found)
    between = math.nan
    if len(found) >= FEWEST_FOR_MAD:
        between = MAD_TO_SD * median(abs(v - middle) for v in found)
    elif len(found) > 1:
        between = stdev(found)
    own = [sds[i] for i in there if math.isfinite(sds[i])] if sds else []
    spread = math.hypot(between, median(own)) if own else between
    return OverSet(middle, spread, len(found), len(found) >= FEWEST)


def _medians(table: Floats, counts: Ints) -> Floats:
    """Median (n,) of the `counts` (n,) finite values in each row of a table (n, k); NaN where there are none."""
    ordered = np.sort(table, axis=1)  # missing values come last
    rows = np.arange(len(table))
    low, high = np.maximum(counts - 1, 0) // 2, np.minimum(counts // 2, max(table.shape[1] - 1, 0))
    return np.asarray(0.5 * (ordered[rows, low] + ordered[rows, high]))


def _spreads(table: Floats, counts: Ints, middle: Floats, own: Floats) -> Floats:
    """Spread (n,) of each row of a table (n, k) about its median (n,), as `over_set` has it. own (n, k): uncertainties."""
    # in their order, so that it does not matter which came first
    off = np.sort(table - middle[:, None], axis=1)
    robust = MAD_TO_SD * _medians(np.abs(off), counts)
    # about the mean
    moved = np.nan_to_num(off)
    squares = (moved * moved).sum(axis=1) - moved.sum(axis=1) ** 2 / np.maximum(counts, 1)
    plain = np.sqrt(np.maximum(squares, 0.0) / np.maximum(counts - 1, 1))
    between = np.where(counts > 1, np.where(counts < FEWEST_FOR_MAD, plain, robust), np.nan)
    known = np.isfinite(own).sum(axis=1)
    return np.where(known > 0, np.hypot(between, np.nan_to_num(_medians(own, known))), between)


@cache
def _sd_name(name: str) -> str:
    """The metric that holds this one's standard uncertainty; for a peak, that of the range."""
    stem = name.removesuffix("_deg")
    return f"{stem.replace('_peak', '_rom')}_sd_deg" if stem != name else f"{name}_sd"


def metrics_of(group: Sequence[Repetition]) -> dict[str, OverSet]:
    """Every metric of the set's repetitions, and over the set `marp_deg` and `dp_deg` of lumbar spine and pelvis."""
    there = dict.fromkeys(chain.from_iterable(r.metrics for r in group))
    names = [n for n in there if not n.endswith(("_sd", "_sd_deg"))]
    table = Metrics.table([r.metrics for r in group], names).T
    counts = np.isfinite(table).sum(axis=1)
    middle = _medians(table, counts)
    own = Metrics.table([r.metrics for r in group], [_sd_name(name) for name in names]).T
    spread = _spreads(table, counts, middle, np.where(np.isfinite(table), own, np.nan))
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
