"""What the program itself writes into a summary – warnings, and what an alignment rests on – in another language.

A summary keeps these as English sentences with figures in them. ``words/written_de.json`` has a pattern for each and its
German; ``{n}`` and ``{m}`` stand for numbers, ``{place}`` for a sensor's place, ``{text}`` for a name or a file as it is, and
``{rest}`` for sentences that are looked up in their turn. A sentence of a later version, or of a file's own maker, stays as it
was written, and is marked as English.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path

_OWN = Path(__file__).parent / "words"
_PAGE = Path(__file__).parents[1] / "live_page" / "static" / "words"
_PARTS = {
    "n": r"[−-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?",
    "place": r"[a-z][a-z_ ]*",
    "text": r".+?",
    "rest": r".+",
}
"""What a value looks like, by its name without the figure at its end."""
DEEPEST, MOST_SENTENCES, LONGEST = 8, 16, 2000
"""Sentences within sentences, sentences in a row, and characters that are looked up; the program writes less (ours)."""
_VALUE = re.compile(r"\{(\w+)\}")


def said_in(language: str, text: str) -> tuple[str, str]:
    """A sentence of the program in `language`, and the language that it is in: ``en`` where there are no words for it."""
    if language == "en":
        return "en", text
    found = _found(language, text)
    return ("en", text) if found is None else (language, found)


def all_said_in(language: str, text: str) -> tuple[str, str]:
    """Several sentences, joined by semicolons, as `said_in`."""
    if language == "en":
        return "en", text
    found = _joined(language, text)
    return ("en", text) if found is None else (language, found)


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    pairs: dict[str, str] = json.loads((_OWN / f"written_{language}.json").read_text("utf-8"))
    return [(re.compile(_regular(english), re.DOTALL), other) for english, other in pairs.items()]


@cache
def _places(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((_PAGE / f"{language}.json").read_text("utf-8"))
    return {key.removeprefix("place."): word for key, word in words.items() if key.startswith("place.")}


def _regular(english: str) -> str:
    """A pattern as a regular expression; each value is a group of its name."""
    pieces, at = [], 0
    for value in _VALUE.finditer(english):
        part = _PARTS[value[1].rstrip("0123456789")]
        pieces += [re.escape(english[at : value.start()]), f"(?P<{value[1]}>{part})"]
        at = value.end()
    return "".join([*pieces, re.escape(english[at:])])


@lru_cache(4096)
def _found(language: str, text: str, deep: int = 0) -> str | None:
    if deep > DEEPEST or len(text) > LONGEST:
        # a file of somebody else's may hold anything
        return None
    for pattern, other in _patterns(language):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        values = {name: _value(language, name, value, deep) for name, value in match.groupdict().items()}
        if all(value is not None for value in values.values()):
            return other.format_map(values)
    return None


def _value(language: str, name: str, value: str, deep: int) -> str | None:
    """A value in the language; None where it has no words."""
    kind = name.rstrip("0123456789")
    if kind == "n":
        return value.replace(".", ",").replace("-", "−")
    if kind == "place":
        # a sensor beside the four places has a name of its own
        return _places(language).get(value.replace(" ", "_"), value)
    return _joined(language, value, deep + 1) if kind == "rest" else value


@lru_cache(4096)
def _joined(language: str, text: str, deep: int = 0) -> str | None:
    """Sentences joined by semicolons, some of which have one inside: the longest that is known comes first."""
    pieces = text.split("; ", MOST_SENTENCES)
    for count in range(len(pieces), 0, -1):
        found = _found(language, "; ".join(pieces[:count]), deep)
        if found is None:
            continue
        if count == len(pieces):
            return found
        rest = _joined(language, "; ".join(pieces[count:]), deep + 1)
        if rest is not None:
            return f"{found}; {rest}"
    return None
