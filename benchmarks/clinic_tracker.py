"""A simulated clinic for test – treat – retest: how often somebody who did not change is called changed, and what is found.

    python -m benchmarks.clinic_tracker --courses 20000

Courses are drawn number by number; no sensors are simulated here (benchmarks.clinic does that for the screen). Each person
has standard errors of their own, worn on and worn anew, drawn around the published ones; each wear has a placement of its own,
each occasion an error of its own. A course has eight points, as in docs/comparing.md: before, +5, +20, +60 min, +4 h, next day,
day 3 and day 7. docs/comparing.md has the figures.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from dsp.comparison import (
    PRIOR_DF,
    TODAY_LEVEL,
    TOMORROW_LEVEL,
    Key,
    Occasion,
    PublishedError,
    Value,
    course_of,
    published,
    quantile,
    smallest_detectable,
)

KEY: Key = ("knee_raise", "left", "hip_peak_deg")
LATER: tuple[tuple[timedelta, bool], ...] = (
    (timedelta(minutes=5), True),
    (timedelta(minutes=20), True),
    (timedelta(minutes=60), True),
    (timedelta(hours=4), True),
    (timedelta(days=1), False),
    (timedelta(days=3), False),
    (timedelta(days=7), False),
)
"""When the seven points after the treatment are measured, and whether the sensors stayed on until then."""
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOT_CHANGED = "not_more_than_measurement"
CHANGES_DEG = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 20.0)
BASELINES = (1, 2, 3, 5)
TARGET = 0.90
ERRORS_OF_CHANGE = (3.0, 3.9)
"""Standard errors of a change for which the power is stated too: worn on, worn anew."""
Spread = Callable[[np.random.Generator], float]
"""Draws by what a person's standard errors are larger than the published ones."""


def as_published(random: np.random.Generator) -> float:
    """Everybody has the published standard errors."""
    return 1.0


def as_assumed(random: np.random.Generator) -> float:
    """People differ as the program assumes: scaled inverse chi-squared."""
    return math.sqrt(PRIOR_DF / random.chisquare(PRIOR_DF))


def wider(random: np.random.Generator) -> float:
    """People differ, and all are a quarter less repeatable than published."""
    return 1.25 * as_assumed(random)


@dataclass(frozen=True, slots=True)
class Person:
    """Draws the occasions of one person: errors of an occasion and of a wear, degrees."""

    random: np.random.Generator
    errors: PublishedError
    factor: float

    def occasion(self, name: str, start: datetime, wear: str, placed: float, change: float = 0.0) -> Occasion:
        value = 80.0 + change + placed + self.random.normal(0.0, self.factor * self.errors.worn)
        return Occasion(name, start, wear, {KEY: Value(value)})

    def placement(self) -> float:
        return float(self.random.normal(0.0, self.factor * math.sqrt(self.errors.anew**2 - self.errors.worn**2)))


def labels(
    random: np.random.Generator,
    errors: PublishedError,
    spread: Spread,
    baselines: int = 1,
    change: Callable[[timedelta], float] = lambda after: 0.0,
) -> list[str]:
    """The labels of the seven later points of one drawn course. change: what is true at a time after the treatment."""
    person = Person(random, errors, spread(random))
    earlier = [
        person.occasion(f"e{i}", START - timedelta(days=3 * (i + 1)), f"e{i}", person.placement()) for i in range(baselines - 1)
    ]
    today = person.placement()
    before = person.occasion("before", START, "today", today)
    later = []
    for i, (after, worn_on) in enumerate(LATER):
        wear, placed = ("today", today) if worn_on else (f"w{i}", person.placement())
        later.append(person.occasion(f"l{i}", START + after, wear, placed, change(after)))
    return [point.label for point in course_of(KEY, before, later, earlier, known=errors).points[1:]]


def false_changed(
    courses: int, spread: Spread, baselines: int = 1, seed: int = 1, errors: PublishedError | None = None
) -> float:
    """Part of courses of people who did not change in which any point got another label."""
    random = np.random.default_rng(seed)
    base = published(KEY) if errors is None else errors
    return sum(any(x != NOT_CHANGED for x in labels(random, base, spread, baselines)) for _ in range(courses)) / courses


def each_against_its_own(courses: int, seed: int = 1) -> float:
    """The same, if each later point were compared with *before* at its own minimal detectable change (95 %)."""
    random = np.random.default_rng(seed)
    base = published(KEY)
    wrong = 0
    for _ in range(courses):
        person = Person(random, base, 1.0)
        today, worn = person.placement(), math.sqrt(2.0) * 1.96
        before = person.occasion("b", START, "today", today).values[KEY].median
        for after, on in LATER:
            later = person.occasion("l", START + after, "", today if on else person.placement()).values[KEY].median
            if abs(later - before) > worn * (base.worn if on else base.anew):
                wrong += 1
                break
    return wrong / courses


def found(courses: int, change_deg: float, baselines: int = 1, seed: int = 2) -> tuple[float, float]:
    """Part of courses in which a lasting change is told today, and at the next day alone."""
    random = np.random.default_rng(seed)
    base = published(KEY)
    today = tomorrow = 0
    for _ in range(courses):
        told = labels(random, base, as_assumed, baselines, lambda after: change_deg)
        today += told[0] != NOT_CHANGED
        alone = labels(random, base, as_assumed, baselines, lambda after: change_deg if after >= timedelta(days=1) else 0.0)
        tomorrow += alone[4] != NOT_CHANGED
    return today / courses, tomorrow / courses


def power(change: float, error: float, df: float, draws: np.ndarray, level: float = TODAY_LEVEL) -> float:
    """Part in which a change is told whose estimate has this standard error, known from `df` degrees of freedom."""
    normal, squares = draws
    return float(np.mean(np.abs(change + error * normal) > quantile(level, df) * error * np.sqrt(squares / df)))


def needed(error: float, df: float, draws: np.ndarray, level: float = TODAY_LEVEL) -> float:
    """The change that is told in 90 %."""
    low, high = 0.0, 20.0 * error
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if power(middle, error, df, draws, level) < TARGET else (low, middle)
    return high


def main(courses: int = 20_000) -> None:
    """Print all figures."""
    base = published(KEY)
    print(f"{courses} courses of eight points; hip flexion, standard error {base.worn}° worn on, {base.anew}° worn anew")
    print("\nSomebody who did not change is called changed, lost, kept or worse at any point:")
    print(f"  each point against its own MDC95                      {each_against_its_own(courses):6.1%}")
    for baselines in BASELINES:
        for words, spread in (
            ("people differ as assumed", as_assumed),
            ("everybody as published", as_published),
            ("a quarter less repeatable", wider),
        ):
            print(f"  hiphinge, {baselines} baseline(s), {words:27} {false_changed(courses, spread, baselines):6.1%}")
    print("\nA lasting change is told (courses as above):")
    print("  change    today    next day by baselines " + "".join(f"{n:8d}" for n in BASELINES))
    few = max(courses // 10, 200)
    for change in CHANGES_DEG:
        by = [found(few, change, baselines) for baselines in BASELINES]
        print(f"  {change:5.0f}°  {by[0][0]:7.0%}    {'':22}" + "".join(f"{one[1]:8.0%}" for one in by))
    print("\nBy the standard error of the change (worn on, worn anew), one baseline:")
    random = np.random.default_rng(3)
    draws = np.stack([random.normal(size=400_000), random.chisquare(PRIOR_DF, 400_000)])
    for error, level in zip(ERRORS_OF_CHANGE, (TODAY_LEVEL, TOMORROW_LEVEL), strict=True):
        curve = ", ".join(f"{change:.0f}° {power(change, error, PRIOR_DF, draws, level):.0%}" for change in CHANGES_DEG)
        told, most = quantile(level, PRIOR_DF) * error, needed(error, PRIOR_DF, draws, level)
        print(f"  {error}°: told from {told:.1f}°; {curve}; 90 % of {most:.1f}°")
    print("\nSmallest change that is told, own sessions scattering as published:")
    for key in (
        KEY,
        ("rock_back", "left", "excursion_deg"),
        ("bend", "", "lumbar_rom_deg"),
        ("bend", "", "lumbar_share_of_trunk"),
    ):
        scale, unit = (100.0, " points") if not key[2].endswith("deg") else (1.0, "°")
        worn = scale * smallest_detectable(key, 1, same_wear=True)
        anew = ", ".join(f"{n} baselines {scale * smallest_detectable(key, n):.1f}{unit}" for n in BASELINES[1:])
        print(f"  {' '.join(filter(None, key)).replace('_', ' '):40} worn on {worn:.1f}{unit}; next day {anew}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic_tracker", description=__doc__)
    parser.add_argument("--courses", type=int, default=20_000)
    main(parser.parse_args().courses)
