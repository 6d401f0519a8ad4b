"""The words of the report in its language: the sentences of the screen, names of the live page, and the report's own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from body_signals import SLEPT, TARGET, chosen, retested
from dashboards.answers import WORDS, Sentences
from dashboards.notation import DASH, clock, local_moment, zone_of

NO_BREAK = "\N{NO-BREAK SPACE}"
_BLANKS = re.compile(r"[^\S\xa0]+")
_OWN = Path(__file__).parent / "words"
_PAGE = Path(__file__).parents[1] / "live_page" / "static" / "words"
"""Names of places, kinds, flags and faults are those of the live page."""


@cache
def wording(language: str) -> Wording:
    """The words of `en` or `de`; ValueError for another language."""
    return Wording(language)


class Wording(Sentences):
    """`Sentences` with the words of the report, and dates as its language writes them."""

    def __init__(self, language: str) -> None:
        words: dict[str, str] = {}
        for folder in (_PAGE, WORDS, _OWN):
            path = folder / f"{language}.json"
            if not path.is_file():
                raise ValueError(f"no language {language!r}")
            words |= json.loads(path.read_text("utf-8"))
        super().__init__(language, words)

    def kind(self, movement: str, side: str = "") -> str:
        """A kind of movement, with the leg of a one-legged one."""
        word = self.code("kind", movement)
        return self.text("test.side", test=word, side=self.code("side", side)) if side else word

    def day(self, start: object) -> str:
        """The local date: ``29 November 2026``, ``29.11.2026``; a dash where it is not known."""
        moment = local_moment(start)
        return DASH if moment is None else self._day(moment, self.words[f"report.month.{moment.month}"])

    def moment(self, start: object) -> str:
        """The local date and time, with the zone's distance from UTC."""
        moment = local_moment(start)
        return DASH if moment is None else f"{self.day(start)}, {moment:%H:%M} ({zone_of(moment)})"

    def short_day(self, day: date) -> str:
        """A day without its year: ``2 Nov``, ``2.11.``"""
        name = self.words[f"report.month.{day.month}"][:3]
        return f"{day.day}.{day.month}." if self.language == "de" else f"{day.day} {name}"

    def titled(self, start: object) -> str:
        """The same, shorter, as in the title, by which `hiphinge forget` knows a report: ``29 Nov 2026, 05:11 (UTC+01:00)``."""
        moment = local_moment(start)
        if moment is None:
            return DASH
        return f"{self._day(moment, self.words[f'report.month.{moment.month}'][:3])}, {moment:%H:%M} ({zone_of(moment)})"

    def span(self, since: Any, until: Any) -> str:
        """A stretch of session time."""
        begin, end = _seconds(since), _seconds(until)
        if not math.isfinite(end):
            return self.text("report.since", since=clock(begin))
        return self.text("report.from_to", since=clock(begin), until=clock(end))

    def flags(self, names: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
        """Quality flags as words."""
        return ", ".join(self.code("flag", name) for name in names)

    def reason_left_out(self, why: str) -> str:
        """Why a repetition does not count: a reason of `dsp.day.scoring`, with its flags."""
        stem, _, flags = why.partition(" (")
        word = self.words.get(f"left_out.{stem.replace(' ', '_').replace(chr(39), '')}", stem)
        if not flags:
            return word
        return f"{word} ({self.flags([flag.strip().replace(' ', '_') for flag in flags.rstrip(')').split(',')])})"

    def source(self, source: object) -> str:
        """The publication of a limit, as it is cited in full."""
        return str(source).replace(", table ", f", {self.words['report.source_table']} ")

    def own_baseline(self, source: str) -> str:
        """The athlete's own baseline as the source of a limit, with the number of its sessions."""
        count = re.search(r"\d+", source)
        return self.text("source.own_baseline", count=count[0] if count else DASH)

    def mark(self, label: str) -> str:
        """A mark in words: of one with a meaning of its own what it means, of any other what a person wrote."""
        first, *rest = label.split(" ")
        if first == TARGET and len(rest) == 2:
            angle = self.words.get(f"targets.{rest[0]}", rest[0])
            if rest[1] == "none":
                return self.text("mark.no_target", angle=angle)
            return self.text("mark.target", angle=angle, degrees=f"{self.decimals(rest[1])}°")
        if first == SLEPT and len(rest) == 1:
            return self.text("mark.slept", seconds=rest[0])
        if (key := chosen(label)) is not None:
            test, side, measure = key
            return self.text("report.mark.primary", what=self.measure(test, measure, side))
        if (other := retested(label)) is not None:
            return self.text("report.mark.retest" if other[1] else "report.mark.retest_anew", name=other[0])
        return self.code("mark", label) if f"mark.{label}" in self.words or f"report.mark.{label}" in self.words else label

    def _day(self, moment: datetime, month: str) -> str:
        return f"{moment:%d.%m.%Y}" if self.language == "de" else f"{moment.day} {month} {moment.year:04d}"


def cut(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis where it is longer than `most` characters."""
    text = _BLANKS.sub(" ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
