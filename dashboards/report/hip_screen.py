"""The report's part on the hip screen: the pattern in words, and each number of each test beside its limit.

Pure, from summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from body_signals import SCREEN_MEASURES
from body_signals.movements import KINDS
from dashboards.notation import DASH, with_uncertainty

TEST_WORDS = {kind.test.name: kind.test.word for kind in KINDS if kind.test is not None}
_DECIMALS = {"deg": 0, "s": 2}


def sentences(screen: Mapping[str, Any]) -> list[str]:
    """The pattern in words; nothing where no test was done."""
    if screen["pattern"] is None:
        return []
    said = [f"Pattern {screen['pattern']}: {screen['pattern_words']}."]
    if screen["confidence"]:
        limits = "limit speaks" if screen["agreeing"] == 1 else "limits speak"
        said.append(f"{screen['agreeing']} {limits} for it: confidence {screen['confidence']}.")
    if screen["borderline"]:
        said.append(f"Borderline: within the minimal detectable change it could be: {'; '.join(screen['otherwise'])}.")
    return said


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
                    _number(measure["median"], measure["spread"], named[name].unit) if measure["valid"] else "not scored",
                    str(measure["repetitions"]),
                    "; ".join(_limit(e) for e in compared) or DASH,
                    "; ".join(_verdict(e) for e in compared) or DASH,
                ]
            )
    return found


def sources(screen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each source, with the limits that it gives."""
    found: dict[str, dict[str, None]] = {}
    for entry in screen["limits"]:
        found.setdefault(entry["source"], {})[entry["meaning"]] = None
    return [(source, ", ".join(meanings)) for source, meanings in found.items()]


def _number(median: float | None, spread: float | None, unit: str) -> str:
    if median is None:
        return DASH
    scale, decimals, shown = (1.0, _DECIMALS[unit], {"deg": "°"}.get(unit, f" {unit}")) if unit else (100.0, 0, " %")
    return with_uncertainty(median, spread, scale=scale, decimals=decimals) + shown


def _limit(entry: Mapping[str, Any]) -> str:
    return f"{'above' if entry['above'] else 'below'} {_number(entry['limit'], None, entry['unit'])}"


def _verdict(entry: Mapping[str, Any]) -> str:
    verdict = "beyond" if entry["beyond"] else "not beyond"
    return f"{verdict}, borderline" if entry["borderline"] else verdict
