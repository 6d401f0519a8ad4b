"""How a report was asked for. It stands in the report's own head, so that a correction can write it again the same way."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import msgspec

from body_signals import ESTIMATORS
from dashboards.answers import LANGUAGES

NAME = "hiphinge-asked"
"""Of the element ``meta``."""
_HEAD_CHARS = 16_384
"""The element stands before the styles, within this (ours)."""
_META = re.compile(f'<meta name="{NAME}" content="([^"]*)">')


class Asked(msgspec.Struct, frozen=True):
    """language: None for that of the system. estimator: None for review, where there is one. before: folders of the sessions
    before, as seen from the session's folder. trend: with the athlete's earlier sessions."""

    language: str | None = None
    estimator: str | None = None
    before: tuple[str, ...] = ()
    trend: bool = False

    def words(self) -> str:
        """As the content of its element."""
        return msgspec.json.encode(self).decode()


def asked_of(report: Path) -> Asked:
    """How a report that is there was asked for; as by default where it does not say so, as those of earlier versions."""
    try:
        with report.open(encoding="utf-8", errors="replace") as file:
            found = _META.search(file.read(_HEAD_CHARS))
        asked = Asked() if found is None else msgspec.json.decode(unescape(found[1]), type=Asked)
    except (OSError, msgspec.MsgspecError):
        return Asked()
    known = asked.language in (None, *LANGUAGES) and asked.estimator in (None, *ESTIMATORS)
    return asked if known else Asked()
