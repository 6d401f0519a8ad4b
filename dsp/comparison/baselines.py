"""An athlete's own baseline, and how numbers go over days and weeks.

The baseline is made of occasions that were pinned before a treatment, so it does not slide over the treatment as a window over
the last weeks would. The unit is the day: of several sessions on one day the median counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median, variance

from body_signals import Key
from dsp.comparison.occasion import Occasion
from dsp.comparison.standard_errors import PublishedError, published, quantile, shrunk

EXPECTED_LEVEL = 0.05
"""The expected range holds 19 of 20 further days of somebody who does not change."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A number over the pinned days: median of the days' medians, the range in which a further day is expected (19 of 20),
    standard error of one day, and how many sessions and days there are."""

    median: float
    low: float
    high: float
    sd: float
    sessions: int
    days: int


@dataclass(frozen=True, slots=True)
class Day:
    """A number on one day: its median, from how many sessions; low and high: its limits, 19 of 20."""

    day: date
    median: float
    low: float
    high: float
    sessions: int


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week, named by its Monday: the median of its days, the lowest and highest of them, and how many there are."""

    monday: date
    median: float
    low: float
    high: float
    days: int


def baseline(sessions: Sequence[Occasion], known: Mapping[Key, PublishedError] | None = None) -> dict[Key, Baseline]:
    """The baseline of every number of these occasions, by test, side and measure; empty for none."""
    return {key: _baseline(key, sessions, known) for key in dict.fromkeys(k for one in sessions for k in one.values)}


def _baseline(key: Key, sessions: Sequence[Occasion], known: Mapping[Key, PublishedError] | None) -> Baseline:
    days = list(_by_day(key, sessions).values())
    medians = [median(values) for values in days]
    error = (known or {}).get(key, published(key)).anew
    spread, df = shrunk(error, variance(medians) * (len(medians) - 1) if len(medians) > 1 else 0.0, len(medians) - 1)
    middle = median(medians)
    half = quantile(EXPECTED_LEVEL, df) * spread * math.sqrt(1.0 + 1.0 / len(medians))
    # the range is that of a mean, and a median of few days lies near it
    centre = fmean(medians) if len(medians) < 3 else middle
    return Baseline(middle, centre - half, centre + half, spread, sum(map(len, days)), len(medians))


def trend(key: Key, sessions: Sequence[Occasion], known: PublishedError | None = None) -> tuple[Day, ...]:
    """A number day by day; occasions without a known start are left out."""
    error = (known or published(key)).anew
    half = quantile(EXPECTED_LEVEL, math.inf) * error
    days = {day: values for day, values in _by_day(key, sessions).items() if isinstance(day, date)}
    return tuple(
        Day(day, middle := median(values), middle - half, middle + half, len(values)) for day, values in sorted(days.items())
    )


def weeks(days: Sequence[Day]) -> tuple[Week, ...]:
    """Days by calendar weeks."""
    found: dict[date, list[float]] = {}
    for one in days:
        found.setdefault(date.fromordinal(one.day.toordinal() - one.day.weekday()), []).append(one.median)
    return tuple(Week(monday, median(v), min(v), max(v), len(v)) for monday, v in sorted(found.items()))


def _by_day(key: Key, sessions: Sequence[Occasion]) -> dict[object, list[float]]:
    """The number by day; an occasion without a known start is a day of its own."""
    found: dict[object, list[float]] = {}
    for i, one in enumerate(sessions):
        if key in one.values:
            found.setdefault(one.start.date() if one.start else i, []).append(one.values[key].median)
    return found
