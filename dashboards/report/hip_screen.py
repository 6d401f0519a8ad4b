"""The report's part on the hip screen: each number of each test beside its limit, and the repetitions that were left out.

Pure, from summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from body_signals import SCREEN_MEASURES, ScreenMeasure
from body_signals.movements import KINDS
from dashboards.notation import DASH, points, with_uncertainty

TEST_WORDS = {kind.test.name: kind.test.word for kind in KINDS if kind.test is not None}
_DECIMALS = {"deg": 0, "s": 2}
_SLOPES = frozenset({"slack_slope_after"})
"""Numbers without a unit that are not parts of a whole."""


def rows(screen: Mapping[str, Any]) -> list[list[str]]:
    """Cells: test, side, number, median with spread, repetitions, limit, outcome of the comparison."""
    found = []
    for test in screen["tests"]:
        named = {m.name: m for m in SCREEN_MEASURES if (m.test, m.side) == (test["test"], test["side"])}
        for name, measure in test["measures"].items():
            place = (test["test"], test["side"], name)
            compared = [e for e in screen["limits"] if (e["test"], e["side"], e["measure"]) == place]
            found.append(
                [
                    TEST_WORDS[test["test"]],
                    test["side"] or DASH,
                    named[name].description,
                    _number(measure["median"], measure["spread"], named[name]) if measure["valid"] else "not scored",
                    _counted(test, measure["repetitions"]),
                    "; ".join(_limit(e, named[name]) for e in compared) or DASH,
                    "; ".join(_verdict(e) for e in compared) or DASH,
                ]
            )
    return found


def sources(screen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each source, with the limits taken from it."""
    found: dict[str, dict[str, None]] = {}
    for entry in screen["limits"]:
        found.setdefault(entry["source"], {})[entry["meaning"]] = None
    return [(source, ", ".join(meanings)) for source, meanings in found.items()]


def left_out(screen: Mapping[str, Any]) -> list[str]:
    """The repetitions left out of each test's numbers, with the reason, in words."""
    said = []
    for test in screen["tests"]:
        reasons = ", ".join(f"{n} {why}" for why, n in test.get("left_out", {}).items())
        if reasons:
            side = f" ({test['side']})" if test["side"] else ""
            said.append(f"{TEST_WORDS[test['test']]}{side}: {reasons}")
    return said


def _counted(test: Mapping[str, Any], count: int) -> str:
    """Number of repetitions behind a number, of how many."""
    of = test["repetitions"] + sum(test.get("left_out", {}).values())
    return str(count) if count == of else f"{count} of {of}"


def _number(median: float | None, spread: float | None, measure: ScreenMeasure) -> str:
    if median is None:
        return DASH
    if measure.points:
        return points(median, spread)
    if measure.name in _SLOPES:
        return with_uncertainty(median, spread, decimals=2)
    unit = measure.unit
    scale, decimals, shown = (1.0, _DECIMALS[unit], {"deg": "°"}.get(unit, f" {unit}")) if unit else (100.0, 0, " %")
    return with_uncertainty(median, spread, scale=scale, decimals=decimals) + shown


def _limit(entry: Mapping[str, Any], measure: ScreenMeasure) -> str:
    return f"{'above' if entry['above'] else 'below'} {_number(entry['limit'], None, measure)}"


def _verdict(entry: Mapping[str, Any]) -> str:
    verdict = "beyond" if entry["beyond"] else "not beyond"
    return f"{verdict}, borderline" if entry["borderline"] else verdict
