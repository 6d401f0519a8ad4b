"""What was found wrong with sensors, in words: where, when, what, and what to do. The same words on every screen."""

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
    """From when to when, session time."""
    since, until = (_seconds(finding.get(name)) for name in ("since_s", "until_s"))
    return f"since {clock(since)}" if math.isnan(until) else f"{clock(since)} to {clock(until)}"


def remedy(finding: Document) -> str:
    """What to do, as a sentence; empty where nothing is to be done."""
    text = str(finding.get("remedy") or "").strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def sentence(finding: Document) -> str:
    """All of it in a line."""
    what = str(finding.get("what") or words(str(finding.get("cause") or "")))
    return f"{where(finding)}, {span(finding)}: {what.rstrip('.')}. {remedy(finding)}".rstrip()


def sentences(summary: Mapping[str, Any]) -> list[str]:
    """Those of a summary, in its order."""
    return [sentence(finding) for finding in summary.get("findings") or ()]


def other_warnings(summary: Mapping[str, Any]) -> list[str]:
    """The warnings of a summary that do not say a finding again."""
    said = {f"{f.get('placement')}: {f.get('what')}. {f.get('remedy')}" for f in summary.get("findings") or ()}
    return [warning for warning in summary.get("warnings") or () if warning not in said]


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
