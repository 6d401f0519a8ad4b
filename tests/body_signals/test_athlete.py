"""Whose data are deleted must be said by name: what is empty, blank or a pattern is refused, an odd name is not."""

from __future__ import annotations

import pytest

from body_signals import HiphingeError
from body_signals.athlete import check_athlete


@pytest.mark.parametrize(
    ("athlete", "why"),
    [
        ("", "is empty"),
        *((blank, "is blank") for blank in (" ", "   ", "\u00a0", "\u2003 ", "\u200b", "\ufeff")),
        *((held, "control character") for held in ("\n", "\t", "a\nb", "a\x00", "\x7f", "a\u2028b", "\udcff")),
        *((around, "begins or ends") for around in (" a", "a ", "\u00a0player-07")),
        *((many, "is a pattern") for many in ("*", "**", "%", "%%", "?", "???", ".*", ".+", "^.*$", "/.*/", "/a/", "//", "_")),
        *((many, "is a pattern") for many in ("[a-z]*", "^[^x]+$", r"\w+", "(.*)", ".{1,9}", "*.*", "..", "/player-.*/")),
    ],
)
def test_nobody_and_many_are_refused(athlete: str, why: str) -> None:
    with pytest.raises(HiphingeError, match=why) as caught:
        check_athlete(athlete)
    assert repr(athlete) in str(caught.value)


@pytest.mark.parametrize(
    "athlete",
    [
        "player-07",
        "Jörg 2",
        "o'neil",
        "a*b",
        'O\'Brien, "Zoë" 1=2',
        "100%",
        "7",
        "-",
        "who?",
        "p.7",
        "[7]",
        "李",
        "a\\",
        "a/b",
        "?_9",
    ],
)
def test_a_name_is_a_name(athlete: str) -> None:
    assert check_athlete(athlete) == athlete
