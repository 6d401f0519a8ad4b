"""Remarks of the hip screen for the reader: tests that were not scored, repetitions left out, shares in two groups."""

from __future__ import annotations

from collections.abc import Iterable

from dsp.day.scoring import TRIAL
from dsp.screen.tests import ScreenTest, fewest


def notes_of(tests: Iterable[ScreenTest]) -> list[str]:
    """All remarks on the tests."""
    tests = list(tests)
    return [*_too_few(tests), *_left_out(tests), *_groups(tests)]


def _too_few(tests: Iterable[ScreenTest]) -> list[str]:
    """The tests that were not scored, and why."""
    notes = []
    for t in tests:
        if not t.valid and (t.side or t.test not in ("knee_raise", "rock_back")):
            reasons = "".join(f", {n} left out: {why}" for why, n in t.left_out.items())
            notes.append(f"{_name(t)}: {t.repetitions} of at least {fewest(t.test)} repetitions{reasons}; not scored")
    return notes


def _left_out(tests: Iterable[ScreenTest]) -> list[str]:
    """How many repetitions of a scored test are not in its numbers, and why. The trial at the start of each set is not
    mentioned again."""
    notes = []
    for t in tests:
        told = [f"{n} left out: {why}" for why, n in t.left_out.items() if why != TRIAL]
        if t.valid and told:
            of = t.repetitions + sum(t.left_out.values())
            notes.append(f"{_name(t)}: {t.repetitions} of {of} repetitions scored; {', '.join(told)}")
        for measure, reasons in t.missing.items():
            whys = ", ".join(f"{n} {why}" for why, n in reasons.items())
            what = f"{measure.replace('_', ' ')} missing in {sum(reasons.values())} of {t.repetitions} repetitions"
            notes.append(f"{_name(t)}: {what} ({whys})")
    return notes


def _groups(tests: Iterable[ScreenTest]) -> list[str]:
    """Shares that fall into two groups, which a median would not describe."""
    return [
        f"{_name(t)}: {measure.replace('_', ' ')} falls into two groups: "
        + " and ".join(f"{round(100 * g.median)} % (repetitions {', '.join(map(str, g.numbers))})" for g in two)
        for t in tests
        for measure, two in t.groups.items()
    ]


def _name(t: ScreenTest) -> str:
    return f"{t.test.replace('_', ' ')}{f' ({t.side})' if t.side else ''}"
