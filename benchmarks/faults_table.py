"""The tables of `benchmarks.faults`, as Markdown; they stand between two markers in docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parents[1] / "docs" / "accuracy.md"
BEGIN, END = "<!-- python -m benchmarks.faults --docs -->", "<!-- end of benchmarks.faults -->"
SENSORS = ("lumbar", "pelvis", "thigh_left", "thigh_right", "all")

Row = Mapping[str, Any]


def tables(document: Mapping[str, Any]) -> str:
    """What was noticed by fault, then by sensor, then what was told of sound sessions."""
    runs: Sequence[Row] = document["runs"]
    parts = []
    if runs:
        parts += [_by_fault(runs), _by_sensor(runs)]
    if document["clean"]:
        parts.append(_clean(document["clean"]))
    if document.get("recorded"):
        parts.append(_recorded(document["recorded"]))
    return "\n\n".join(parts)


def put_into(page: Path, text: str) -> None:
    """Put the text between the markers of a page. Raises ValueError where they are missing."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: no markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def _by_fault(runs: Sequence[Row]) -> str:
    lines = [
        "| fault | live: noticed | after it began, s | after it was observable, s | flagged or within 3 sd | worst unflagged "
        "| review: noticed | since when, off by, s | flagged or within 3 sd | worst unflagged |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in dict.fromkeys(r["fault"] for r in runs):
        live, review = (
            [r for r in runs if r["fault"] == fault and r["estimator"] == estimator] for estimator in ("live", "review")
        )
        begun = [r["known_s"] - r["begin_s"] for r in live if r["known_s"] is not None]
        seen = [r["known_s"] - r["observable_s"] for r in live if None not in (r["known_s"], r["observable_s"])]
        since = [abs(r["since_s"] - r["begin_s"]) for r in review if r["since_s"] is not None and r["begin_s"] > 0.0]
        cells = [
            _noticed(live),
            _spread(begun),
            _spread(seen),
            *_errors(live),
            _noticed(review),
            _spread(since),
            *_errors(review),
        ]
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _by_sensor(runs: Sequence[Row]) -> str:
    lines = [
        "| noticed, live / review | " + " | ".join(s.replace("_", " ") for s in SENSORS) + " | told of others |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in dict.fromkeys(r["fault"] for r in runs):
        cells = []
        for sensor in SENSORS:
            of = [r for r in runs if r["fault"] == fault and r["sensor"] == sensor]
            both = [[r for r in of if r["estimator"] == e] for e in ("live", "review")]
            cells.append(" / ".join(_noticed(runs_) for runs_ in both) if of else "")
        of = [r for r in runs if r["fault"] == fault]
        wrong = [r for r in of if r["sensor"] != "all" and any(not o.startswith(f"{r['sensor']} ") for o in r["others"])]
        lines.append(f"| {fault} | " + " | ".join(cells) + f" | {len(wrong)} of {len(of)} |")
    return "\n".join(lines)


def _clean(clean: Sequence[Row]) -> str:
    lines = [
        "| sound sessions | told something false | a flag of these faults on some row | within 3 sd |",
        "| --- | --- | --- | --- |",
    ]
    for estimator in ("live", "review"):
        of = [c for c in clean if c["estimator"] == estimator]
        false = [c for c in of if c["findings"] or c["refused"]]
        flagged: dict[str, int] = {}
        for c in of:
            for flag in c["flags"]:
                flagged[flag] = flagged.get(flag, 0) + 1
        words = ", ".join(f"{flag} {n}" for flag, n in sorted(flagged.items())) or "none"
        inside, ticks = sum(c["inside"] for c in of), sum(c["ticks"] for c in of)
        part = f"{100.0 * inside / ticks:.1f} %" if ticks else "–"
        lines.append(f"| {estimator}, {len(of)} | {len(false)} ({100.0 * len(false) / len(of):.1f} %) | {words} | {part} |")
    return "\n".join(lines)


def _recorded(recorded: Sequence[Row]) -> str:
    """Of real recordings: which had something told, and what, in a few words."""
    lines = ["| recording | live | review |", "| --- | --- | --- |"]
    for name in dict.fromkeys(r["name"] for r in recorded):
        cells = []
        for estimator in ("live", "review"):
            told: dict[str, int] = {}
            for r in recorded:
                if r["name"] == name and r["estimator"] == estimator:
                    for finding in r["findings"] or ([] if r["refused"] is None else ["refused"]):
                        key = " ".join(finding.split()[:2])
                        told[key] = told.get(key, 0) + 1
            cells.append(", ".join(key if n == 1 else f"{key} × {n}" for key, n in told.items()) or "nothing")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _noticed(runs: Sequence[Row]) -> str:
    return f"{sum(r['noticed'] for r in runs)} of {len(runs)}"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{np.median(values):.1f} (most {np.max(values):.1f})"


def _errors(runs: Sequence[Row]) -> tuple[str, str]:
    ticks = sum(r["ticks"] for r in runs)
    if not ticks:
        return "–", "–"
    if not any(r["unflagged"] for r in runs):
        return "100 %", "none"
    part = 100.0 * (1.0 - sum(r["unflagged"] - r["inside"] for r in runs) / ticks)
    return f"{part:.1f} %", f"{max(r['worst_sd'] for r in runs):.0f} sd, {max(r['worst_deg'] for r in runs):.0f}°"
