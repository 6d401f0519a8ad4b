"""Marks, notes and pain as annotations of the pages that show one session or one day."""

from __future__ import annotations

from typing import Any

from dashboards.grafana import panels as p
from dashboards.grafana.queries import select

_PAIN, _NOTE, _MARK = "#D1495B", "#4C78A8", "#8C8C8C"


def marks() -> list[dict[str, Any]]:
    """Pain, notes, and everything else that was marked, each in a colour of its own."""
    text, tag = "said", "session"
    columns = {text: "<label>", tag: '"session"'}
    kinds = (
        ("Pain", _PAIN, ["<pain> >= 0"]),
        ("Notes", _NOTE, ["<note> != ''"]),
        # a missing field never compares equal: pain and notes are recognised by the beginning of their labels
        ("Marks", _MARK, ["<label> !~ /^(pain \\d|note )/"]),
    )
    return [
        p.annotation(name, select("mark", columns, where=where), colour, text=text, tag=tag) for name, colour, where in kinds
    ]
