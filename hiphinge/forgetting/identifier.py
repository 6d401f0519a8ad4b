"""An athlete's id in files: every spelling used by our files and other programs, found as a whole word.

``player-0`` is not in ``player-07``. A match inside a longer id that is known to be another athlete's does not count: a search
for ``player`` does not find ``player-07``. A short or common id, which occurs everywhere by chance (``7``, ``live``), is
searched for only where ids stand: in quotation marks, as a tag, at the end of a session's name.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from body_signals import ESTIMATORS, REPETITION_COLUMNS, SUMMARY_KEYS, Placement
from body_signals.movements import MOVEMENTS
from hiphinge.session.folders import session_name

_SHORTEST, _SHORTEST_IN_NOISE = 3, 5
"""Shortest ids, in letters, that do not occur by chance in text, and in packets of samples (ours)."""
_WORDS = frozenset(
    {*Placement, *ESTIMATORS, *MOVEMENTS, *(q.name for q in (*REPETITION_COLUMNS, *SUMMARY_KEYS))}
    | {"hiphinge", "simulated", "unknown", "player", "sensor", "mark", "calibrate", "true", "false"}
)
"""Words that the program itself writes."""
_NAMED = re.compile(r"^\.?(?:demo-session-)?\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_(.+?)(?:(?:\.[0-9a-f]{8})?\.partial)?$")
_SPOKEN_ESCAPE = re.compile(rb"\\[nrtbf]|%[0-9A-Fa-f]{2}")
_CODED_ESCAPE = re.compile(rb"\\u([0-9A-Fa-f]{4})")
_BESIDE = 8
"""Bytes beside a match that are checked for a whole word (ours)."""


def plain(athlete: str) -> str:
    """The id in the form used in the name of a session's folder."""
    return session_name(datetime(2000, 1, 1, tzinfo=UTC), athlete).partition("_")[2]


def named_after(name: str) -> str | None:
    """The plain form of the id in a session folder's name; None for any other name."""
    found = _NAMED.match(unicodedata.normalize("NFC", name))
    return found[1] if found else None


def _tag(text: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", text)


def _quoted(text: str, *, ascii_only: bool = True) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text),
    _quoted,
    lambda text: _quoted(text, ascii_only=False),
    html.escape,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    _tag,
    lambda text: _quoted(_tag(text)),
    lambda text: _quoted(_tag(text), ascii_only=False),
    lambda text: quote(text),
    lambda text: quote(text, safe=""),
    lambda text: f"Z_{plain(text)}",
)
_WIDELY = (0, len(_SPELLINGS) - 1)
"""The spellings that are searched for in encodings other than UTF-8 too."""
_CODINGS = ("utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be")


class Identifier:
    """Searches for one athlete's id. besides: the known ids of other athletes."""

    def __init__(self, athlete: str, besides: Collection[str] = ()) -> None:
        self.athlete, self.plain = athlete, plain(athlete)
        self._needles: dict[tuple[bytes, str], set[bytes]] = {}
        """By search word and encoding, the other athletes' longer words that may contain it."""
        others = [other for other in besides if other != athlete]
        for k, spell in enumerate(_SPELLINGS):
            for coding in _CODINGS if k in _WIDELY else _CODINGS[:1]:
                self._add(spell, coding, others)
        self._common = not self.telling
        self._noise_common = self._common or len(athlete) < _SHORTEST_IN_NOISE
        longest = max(len(word) for (needle, _), longer in self._needles.items() for word in (needle, *longer))
        self._margin, self._overlap = longest + _BESIDE, 3 * longest + 2 * _BESIDE

    def _add(self, spell: Callable[[str], str], coding: str, others: Collection[str]) -> None:
        try:
            needle = spell(self.athlete).encode(coding)
        except UnicodeEncodeError:
            return
        if coding in ("latin-1", "cp1252") and (needle, "utf-8") in self._needles:
            return
        longer = self._needles.setdefault((needle, coding), set())
        for other in others:
            for word in _written(spell, other, coding):
                # a session name that another id would also give belongs to that id
                if needle in word and (word != needle or needle.startswith("Z_".encode(coding))):
                    longer.add(word)

    @property
    def telling(self) -> bool:
        """Whether the id can be searched for in any text."""
        athlete = self.athlete
        return len(athlete) >= _SHORTEST and not athlete.isdecimal() and athlete.casefold() not in _WORDS

    def in_text(self, text: str) -> bool:
        """Whether a text contains the id."""
        return self.in_pieces([text.encode("utf-8", "surrogateescape")])

    def is_value(self, text: str) -> bool:
        """Whether a whole value, e.g. a label, is or contains the id."""
        return unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", self.athlete) or self.in_text(text)

    def in_pieces(self, pieces: Iterable[bytes], *, noise: bool = False) -> bool:
        """Whether bytes in pieces contain the id. noise: they are samples or compressed, where short words occur by chance."""
        common = self._noise_common if noise else self._common
        window, first = b"", True
        for piece in pieces:
            window += piece
            if len(window) <= self._overlap:
                continue
            if self._in_window(window, common, 0 if first else self._margin, len(window) - self._margin):
                return True
            window, first = window[-self._overlap :], False
        return self._in_window(window, common, 0 if first else self._margin, len(window))

    def _in_window(self, window: bytes, common: bool, begin: int, end: int) -> bool:
        """Whether a match lies in the window from `begin` to `end`."""
        return any(
            self._found(window, needle, coding, longer, common, begin, end)
            for (needle, coding), longer in self._needles.items()
        )

    @staticmethod
    def _found(window: bytes, needle: bytes, coding: str, longer: set[bytes], common: bool, begin: int, until: int) -> bool:
        at = window.find(needle, begin, until)
        while at >= 0:
            end = at + len(needle)
            if (
                _whole(window, at, end, coding)
                and not any(_inside(window, at, needle, word) for word in longer)
                and (not common or needle.startswith("Z_".encode(coding)) or _stands_as_id(window, at, end, coding))
            ):
                return True
            at = window.find(needle, at + 1, until)
        return False


def _written(spell: Callable[[str], str], athlete: str, coding: str) -> list[bytes]:
    """An id in a spelling, and as the end of a session's name; empty where it cannot be encoded."""
    try:
        return [form.encode(coding, "ignore") for form in (spell(athlete), f"Z_{plain(athlete)}")]
    except UnicodeEncodeError:
        return []


def _whole(window: bytes, at: int, end: int, coding: str) -> bool:
    """Whether no letter or digit adjoins on either side. A session's name may begin anywhere before its ``Z_``."""
    wide = coding if coding.startswith("utf-16") else "utf-8"
    before = window[max(0, at - (2 if wide != "utf-8" else 4)) : at].decode(wide, "replace")
    after = window[end : end + 4].decode(wide, "replace")
    if after[:1].isalnum():
        return False
    if not before[-1:].isalnum() or window[at : at + 3].replace(b"\x00", b"").startswith(b"Z_"):
        return True
    if any(_SPOKEN_ESCAPE.fullmatch(window[max(0, at - n) : at]) for n in (2, 3)):
        return True
    coded = _CODED_ESCAPE.fullmatch(window[max(0, at - 6) : at])
    return coded is not None and not chr(int(coded[1], 16)).isalnum()


def _inside(window: bytes, at: int, needle: bytes, word: bytes) -> bool:
    """Whether the match is a part of `word` at this place."""
    offset = word.find(needle)
    while offset >= 0:
        begin = at - offset
        if begin >= 0 and window[begin : begin + len(word)] == word:
            return True
        offset = word.find(needle, offset + 1)
    return False


def _stands_as_id(window: bytes, at: int, end: int, coding: str) -> bool:
    """Whether the match is in quotation marks, or the tag `athlete`."""
    before = window[max(0, at - 24) : at].decode(coding, "replace")
    after = window[end : end + 4].decode(coding, "replace")[:1]
    return (before[-1:] in ("'", '"') and after == before[-1:]) or (before.endswith("athlete=") and after in (",", " ", ""))
