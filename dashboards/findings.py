"""Findings about faulty sensors in words: where, when, what, and the remedy. Every screen uses the same words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dashboards.notation import DASH, clock, words

Document = Mapping[str, Any]
"""A finding as `dsp.results.Finding.document` gives it and summary.json keeps it."""


def where(finding: Document) -> str:
    """The sensor, as people name it."""
    return words(str(finding.get("placement") or DASH))


def span(finding: Document) -> str:
    """Beginning and end, session time."""
    since, until = (_seconds(finding.get(name)) for name in ("since_s", "until_s"))
    return f"since {clock(since)}" if math.isnan(until) else f"{clock(since)} to {clock(until)}"


def remedy(finding: Document) -> str:
    """The remedy as a sentence; empty where there is none."""
    text = str(finding.get("remedy") or "").strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def sentence(finding: Document) -> str:
    """The whole finding in one line."""
    what = str(finding.get("what") or words(str(finding.get("cause") or "")))
    return f"{where(finding)}, {span(finding)}: {what.rstrip('.')}. {remedy(finding)}".rstrip()


def sentences(summary: Mapping[str, Any]) -> list[str]:
    """The sentences of a summary's findings, in its order."""
    return [sentence(finding) for finding in summary.get("findings") or ()]


def other_warnings(summary: Mapping[str, Any]) -> list[str]:
    """The warnings of a summary that do not repeat a finding."""
    said = {f"{f.get('placement')}: {f.get('what')}. {f.get('remedy')}" for f in summary.get("findings") or ()}
    return [warning for warning in summary.get("warnings") or () if warning not in said]


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
