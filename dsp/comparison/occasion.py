"""An occasion: the tests of the hip screen as they were done once, in a session or in a part of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from body_signals import SCREEN_MEASURES, Key

GIVING_WAY = frozenset({("bow", "slack_deg"), ("rock_back", "excursion_deg")})
"""Test and measure that tell where the lumbar spine gives way; where it does not, how far the movement went."""


@dataclass(frozen=True, slots=True)
class Value:
    """A measure on one occasion: median of the scored repetitions, their spread (NaN where it is not known), and how many.
    at_least: the lumbar spine never gave way, so the true number lies there or above."""

    median: float
    spread: float = math.nan
    repetitions: int = 3
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Occasion:
    """The tests done once.

    session: its name. start: calendar time of its beginning, with a zone; None where it is not known. wear: two occasions of
    the same wear were measured without taking the sensors off in between. values: only those with enough repetitions. pain:
    the highest that was reported, 0 to 10; None where none was. screen: the screen as in summary.json, where there is one.
    """

    session: str
    start: datetime | None
    wear: str
    values: Mapping[Key, Value]
    pain: float | None = None
    screen: Mapping[str, Any] = field(default_factory=dict)


def values_of(screen: Mapping[str, Any]) -> dict[Key, Value]:
    """The valid numbers of a screen as it is in summary.json; one that this program does not know is left out."""
    found: dict[Key, Value] = {}
    for test in screen.get("tests", ()):
        for name, measure in test["measures"].items():
            median = measure["median"]
            key = (test["test"], test["side"], name)
            if key in _UNITS and measure["valid"] and median is not None and math.isfinite(median):
                spread = math.nan if measure["spread"] is None else measure["spread"]
                bound = key[::2] in GIVING_WAY and 2 * test.get("with_slack", test["repetitions"]) <= test["repetitions"]
                found[key] = Value(median, spread, measure["repetitions"], bound)
    return found


def unit_of(key: Key) -> str:
    """The unit of a number: ``deg``, ``s``, or empty for a share. KeyError where there is no such number."""
    return _UNITS[key]


_UNITS: dict[Key, str] = {(m.test, m.side, m.name): m.unit for m in SCREEN_MEASURES}
