"""How the numbers of a session stand among the athlete's earlier ones: today, the own expected range, the weeks before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from dashboards.notation import DASH
from dashboards.report.front import Table
from dashboards.report.wording import Wording, cut

_WEEKS = 3
"""Most weeks in a row of the table, the last ones (ours)."""


def trend(history: Mapping[str, Any] | None, answer: Mapping[str, Any], words: Wording, most: int) -> Table | None:
    """A row for each number that has a baseline or an earlier day, those that the answer rests on first; None without any.

    history: `hiphinge.comparing.courses.history`. A number is compared with the range that the pinned sessions let expect.
    """
    numbers = [one for one in (history or {}).get("numbers") or () if one.get("baseline") or len(one.get("days") or ()) > 1]
    reasons = {(r["test"], r["measure"]) for r in answer.get("reasons") or ()}
    numbers.sort(key=lambda one: ((one["test"], one["measure"]) not in reasons, not one.get("baseline")))
    if not numbers or most < 1:
        return None
    head = tuple(words.text(f"report.trend.{name}") for name in ("what", "now", "expected", "compared", "weeks"))
    more = len(numbers) - most
    return Table(
        head,
        tuple(_row(one, words) for one in numbers[:most]),
        frozenset({1, 2}),
        words.text("report.rows_more", count=more) if more > 0 else "",
    )


def _row(one: Mapping[str, Any], words: Wording) -> tuple[str, ...]:
    document = {name: one.get(name) for name in ("test", "measure", "unit")}
    own = one.get("baseline") or {}
    low, high = (words.measured(document, own.get(name)) for name in ("low", "high"))
    compared = words.text(f"report.trend.{one['beyond'] or 'inside'}") if one.get("beyond") is not None else DASH
    return (
        cut(words.measure(one["test"], one["measure"], one.get("side") or ""), 40),
        words.measured(document, one.get("now")),
        words.text("report.trend.range", low=low, high=high) if own else DASH,
        compared,
        ", ".join(_week(week, document, words) for week in (one.get("weeks") or ())[-_WEEKS:]) or DASH,
    )


def _week(week: Mapping[str, Any], document: Mapping[str, Any], words: Wording) -> str:
    try:
        monday = date.fromisoformat(str(week.get("monday")))
    except ValueError:
        return DASH
    median = week.get("median")
    value = words.measured(document, median if isinstance(median, int | float) and math.isfinite(median) else None)
    return words.text("report.trend.week", day=words.short_day(monday), value=value)
