"""Athletes' ids: a word that names exactly one athlete, never a pattern that could match several."""

from __future__ import annotations

import re
import unicodedata

from body_signals.errors import HiphingeError

_PATTERN_CHARACTERS = frozenset("*%?.+^$|()[]{}/\\_")
"""Wildcards of a shell, of SQL and of regular expressions. An id may hold them, but not consist of them."""
_PATTERN = re.compile(r"/.*/|\^?\(?(?:(?:\.|\\[wWdDsS]|\[[^\]]*\])(?:[*+?]|\{[\d,]+\}))+\)?\$?")
"""A regular expression as InfluxQL writes it, or one for any word, e.g. ``[a-z]+``."""
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no id holds: control characters, surrogates, line ends."""
_BLANK = frozenset({"Zs", "Cf"})
"""Further characters that are invisible."""


def check_athlete(athlete: str) -> str:
    """The id itself, when it names one athlete.

    HiphingeError when it is empty, blank, begins or ends with a blank, holds a control character, or is a pattern.
    """
    what = _fault(athlete)
    if what:
        remedy = "Name one athlete, exactly as in session.toml; nothing was deleted"
        raise HiphingeError(f"{athlete!r} {what}", "athlete", remedy)
    return athlete


def _fault(athlete: str) -> str:
    categories = [unicodedata.category(c) for c in athlete]
    if not athlete:
        return "is empty: an empty id would mean everybody's points"
    if any(c in _UNSEEN for c in categories):
        return "holds a control character, which no id has"
    if all(c in _BLANK for c in categories):
        return "is blank"
    if athlete != athlete.strip():
        return "begins or ends with a blank, which no id does"
    if set(athlete) <= _PATTERN_CHARACTERS or _PATTERN.fullmatch(athlete):
        return "is a pattern, and not the id of one athlete"
    return ""
