"""A course: one number before a treatment, right after it and later, against what the measurement can resolve.

The number is chosen before the treatment. Two estimates are tested, each at about 2.5 %: the first measurement after the
treatment (today), and the first one on a later day (tomorrow). So somebody in whom nothing changed is called changed in fewer
than 5 % of courses, however many points they have. All other points say how much of a change is kept. Where the first
measurement showed none, such a point counts as changed only beyond `OTHER_LEVEL`.

    changed                      beyond what the measurement can tell
    not_more_than_measurement    not beyond it
    worse                        beyond it, in the direction that is not wanted, or against the first change
    kept, partly_kept            after a change, still beyond it: half or more of the change, or less than half
    lost                         after a change, no longer beyond it, and less than half of the change

Where the lumbar spine never gave way, a number is only known to lie there or above (`Value.at_least`). Then a change is told in
the direction in which it can only be larger, and nothing is said of how much is kept.

While the sensors stay on, *before* is the occasion before the treatment, or the mean of those of that wear. When they are
worn anew, it is the mean of all wears before it (`baselines` too). The program compares; it does not say what a change is
due to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from body_signals import Key
from dsp.comparison.kept import Kept, half_life_min, kept
from dsp.comparison.occasion import Occasion
from dsp.comparison.primary import wanted
from dsp.comparison.standard_errors import (
    OURS,
    Estimate,
    PublishedError,
    StandardErrors,
    combined,
    covariance,
    mean_weights,
    published,
    standard_errors,
)

TODAY_LEVEL, TOMORROW_LEVEL, OTHER_LEVEL = 0.025, 0.023, 0.0001
"""Levels of the tests, both directions together: of today's estimate, of tomorrow's, and of other points; 5 % at most together
(ours)."""
HALF = 0.5
"""Part of a change from which on it is kept (project's consensus, clinical section 5)."""
SAME_DAY = timedelta(hours=14)
"""A later measurement within it, and on the same wear or date, belongs to the day of the treatment (ours)."""
CLOCK_APART = timedelta(hours=1)
"""Difference of clock times from which on there is a warning: lumbar flexion grows by 5° from early morning to afternoon
(Adams 1987, Spine 12:130)."""
CHANGED, NOT_MORE, LOST, PARTLY_KEPT, KEPT, WORSE = (
    "changed",
    "not_more_than_measurement",
    "lost",
    "partly_kept",
    "kept",
    "worse",
)
LABELS = (CHANGED, NOT_MORE, LOST, PARTLY_KEPT, KEPT, WORSE)


@dataclass(frozen=True, slots=True)
class Point:
    """One occasion of a course. change: against *before*, with its standard error; smallest: the smallest change that is told
    here; part: how much of the first change is kept. minutes_after: the first measurement after the treatment is 0, unless
    the time of the treatment is known."""

    occasion: Occasion
    minutes_after: float | None
    value: float
    change: Estimate
    smallest: float
    same_wear: bool
    label: str
    part: Kept | None
    low: float
    high: float
    """Limits of the value, 19 of 20."""


@dataclass(frozen=True, slots=True)
class Course:
    """The points of one number: *before* first, without a label."""

    key: Key
    errors: StandardErrors
    points: tuple[Point, ...]
    half_life: float | None
    warnings: tuple[str, ...]


def course_of(
    key: Key,
    before: Occasion,
    later: Sequence[Occasion],
    baselines: Sequence[Occasion] = (),
    *,
    treated: datetime | None = None,
    known: PublishedError | None = None,
) -> Course:
    """The course of a number. later: at least one occasion, all with the number, in order of time. ValueError otherwise."""
    if not later or any(key not in one.values for one in (before, *later)):
        raise ValueError("a course needs the number before, and at least once after")
    own = [one for one in baselines if key in one.values and one is not before]
    errors = standard_errors(key, [*own, before], known)
    all_of = [*own, before, *later]
    at, first = len(own), len(own) + 1
    anew_weights = mean_weights(key, all_of[:first])
    changes = [_against(key, all_of, i, at, anew_weights) for i in range(first, len(all_of))]
    estimates = [combined(key, all_of, weights, errors) for weights in changes]
    today = [_is_today(before, one) for one in later]
    tested = _tested(today)
    direction = wanted(before.screen, key)
    zero = treated or (later[0] if _is_today(before, later[0]) else before).start
    points = [_before_point(key, before, errors, zero)]
    for i, (one, estimate) in enumerate(zip(later, estimates, strict=True)):
        established = i > 0 and points[1].label in (CHANGED, WORSE)
        bounds = _bounds(key, all_of, changes[i])
        part = None
        if established and not bounds and not _bounds(key, all_of, changes[0]):
            part = kept(estimate, estimates[0], covariance(key, all_of, changes[i], changes[0], errors))
        own_level = TODAY_LEVEL if today[i] else TOMORROW_LEVEL
        smallest = estimate.smallest(own_level if established or i in tested else OTHER_LEVEL)
        if not all(estimate.value * bound > 0.0 for bound in bounds):
            smallest = math.inf
        beyond = abs(estimate.value) > smallest
        label = (
            _label_later(estimate.value, estimates[0].value, points[1].label, beyond=beyond)
            if established and (beyond or not bounds)
            else _label_first(estimate.value, direction, beyond=beyond)
        )
        points.append(_point(key, one, estimate, smallest, before.wear == one.wear, label, part, errors, _minutes(zero, one)))
    half_life = None
    if points[1].label in (CHANGED, WORSE) and not any(one.values[key].at_least for one in all_of):
        whole = [[covariance(key, all_of, a, b, errors) for b in changes] for a in changes]
        times = [math.nan if p.minutes_after is None else p.minutes_after for p in points[1:]]
        half_life = half_life_min(times, [e.value for e in estimates], np.array(whole))
    return Course(key, errors, tuple(points), half_life, _warnings(key, before, later, errors, known))


def _against(key: Key, occasions: Sequence[Occasion], i: int, before: int, anew: Mapping[int, float]) -> dict[int, float]:
    """Weights of the change at occasion i: itself, less what it is compared with."""
    same = occasions[i].wear == occasions[before].wear
    alike = [j for j in anew if occasions[j].wear == occasions[before].wear]
    weights = dict.fromkeys(alike, -1.0 / len(alike)) if same else {j: -w for j, w in anew.items()}
    return weights | {i: 1.0}


def _bounds(key: Key, occasions: Sequence[Occasion], weights: Mapping[int, float]) -> set[int]:
    """The directions in which a change can be larger than it is measured: 1 where a later number is only known to lie there or
    above, -1 where an earlier one is; empty where the change is known."""
    return {1 if weight > 0.0 else -1 for i, weight in weights.items() if occasions[i].values[key].at_least}


def _tested(today: Sequence[bool]) -> set[int]:
    """The positions of the two estimates that are tested: the first measurement, and the first one of a later day."""
    later = [i for i, same_day in enumerate(today) if not same_day]
    return {0, *later[:1]}


def _is_today(before: Occasion, one: Occasion) -> bool:
    if before.start is None or one.start is None:
        return before.wear == one.wear
    return one.start - before.start < SAME_DAY and (before.wear == one.wear or one.start.date() == before.start.date())


def _label_first(change: float, direction: int, *, beyond: bool) -> str:
    if not beyond:
        return NOT_MORE
    return WORSE if change * direction < 0.0 else CHANGED


def _label_later(change: float, first: float, label: str, *, beyond: bool) -> str:
    """The label of a later point, after a change that was seen (`label` changed or worse)."""
    part = change / first
    if not beyond:
        return LOST if part < HALF else NOT_MORE
    if part < 0.0:
        return WORSE if label == CHANGED else CHANGED
    if label == WORSE:
        return WORSE
    return KEPT if part >= HALF else PARTLY_KEPT


def _before_point(key: Key, before: Occasion, errors: StandardErrors, zero: datetime | None) -> Point:
    nothing = Estimate(0.0, 0.0, errors.worn_df)
    return _point(key, before, nothing, 0.0, True, "", None, errors, _minutes(zero, before))


def _point(
    key: Key,
    one: Occasion,
    change: Estimate,
    smallest: float,
    same_wear: bool,
    label: str,
    part: Kept | None,
    errors: StandardErrors,
    minutes: float | None,
) -> Point:
    value = one.values[key].median
    # while the sensors stay on, what all occasions share does not matter
    alone = combined(key, [one], {0: 1.0}, errors)
    within = Estimate(value, math.sqrt(max(alone.error**2 - (errors.placed if same_wear else 0.0), 0.0)), alone.df)
    half = within.smallest(0.05)
    return Point(one, minutes, value, change, smallest, same_wear, label, part, value - half, value + half)


def _minutes(zero: datetime | None, one: Occasion) -> float | None:
    return None if zero is None or one.start is None else (one.start - zero).total_seconds() / 60.0


def _warnings(
    key: Key, before: Occasion, later: Sequence[Occasion], errors: StandardErrors, known: PublishedError | None
) -> tuple[str, ...]:
    found = []
    if any(_clocks_apart(before, one) for one in later):
        found.append("time_of_day")
    if any(one.start is None for one in (before, *later)):
        found.append("start_unknown")
    if errors.own == 0 and known is None:
        found.append("published_error_only")
    if known is None and OURS in (published(key).worn_source, published(key).anew_source):
        found.append("error_is_proposal")
    wide = [one for one in (before, *later) if combined(key, [one], {0: 1.0}, errors).error > errors.anew * (1.0 + 1e-9)]
    if wide:
        found.append("wide_spread")
    if any(one.values[key].at_least for one in (before, *later)):
        found.append("never_gave_way")
    return tuple(found)


def _clocks_apart(before: Occasion, one: Occasion) -> bool:
    """Whether the clock times of two occasions differ by more than an hour, whatever the dates."""
    if before.start is None or one.start is None:
        return False
    day = timedelta(days=1)
    apart = (one.start - before.start) % day
    return min(apart, day - apart) > CLOCK_APART
