"""An id is found in whatever spelling a file holds it, as a whole word, and never as a part of somebody else's."""

from __future__ import annotations

import html
import json

import pytest

from hiphinge.forgetting.identifier import Identifier, named_after, plain

ODD = 'O\'Brien, "Zoë" 1=2'


@pytest.mark.parametrize(
    "text",
    [
        "player-07",
        '{"athlete": "player-07"}',
        "angles,athlete=player-07,session=x quality=0i 1",
        "2026-11-23T14-05-00Z_player-07",
        "Z_player-07_copy.zip",
        "<h1>player-07</h1>",
        "– player-07 –",
        '"a note\\nplayer-07"',
        '"\\u2013player-07"',
        "x%20player-07%20y",
        "player-07-report.html",
    ],
)
def test_a_whole_word_is_found(text: str) -> None:
    assert Identifier("player-07").in_text(text)


@pytest.mark.parametrize(
    "text", ["player-070", "xplayer-07", "player-07b", "player-0", "éplayer-07", "player-07é", "Player-07", ""]
)
def test_a_part_of_a_word_is_not(text: str) -> None:
    assert not Identifier("player-07").in_text(text)


def test_what_is_part_of_another_known_id_is_not_it() -> None:
    alone, among = Identifier("player"), Identifier("player-7", ["player-7-left", "team player-7"])
    assert not alone.in_text("athlete: player-07"), "a common word"
    assert Identifier("zoe").in_text("zoe-2")
    assert not Identifier("zoe", ["zoe-2"]).in_text("zoe-2, Z_zoe-2, zoe-2")
    assert Identifier("zoe", ["zoe-2"]).in_text("zoe-2 and zoe")
    assert not among.in_text("player-7-left")
    assert not among.in_text("team player-7")
    assert among.in_text("player-7 left")
    assert Identifier("a b").in_text("2026-11-23T14-05-00Z_a-b")
    assert not Identifier("a b", ["a-b"]).in_text("2026-11-23T14-05-00Z_a-b")


@pytest.mark.parametrize("coding", ["utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("spelt", [ODD, html.escape(ODD), json.dumps(ODD), json.dumps(ODD, ensure_ascii=False)])
def test_spellings_and_codings(spelt: str, coding: str) -> None:
    if coding == "utf-8" or spelt == ODD:
        assert Identifier(ODD).in_pieces([f"x {spelt} y".encode(coding)])
    assert not Identifier("Brien, Z").in_pieces([f"x {spelt}".encode(coding)])


@pytest.mark.parametrize("size", [1, 3, 17, 64, 1000])
def test_pieces_of_any_size_say_the_same(size: int) -> None:
    text = b"." * 500 + b"player-07 player-0 " + b"." * 500
    cut = [text[i : i + size] for i in range(0, len(text), size)]
    for athlete, there in (("player-07", True), ("player-0", True), ("player", False), ("layer-0", False)):
        assert Identifier(athlete).in_pieces(cut) is there
    assert not Identifier("player-0").in_pieces([b"player-0", b"7 x"])
    assert not Identifier("player-0", ["player-0 x"]).in_pieces([b"." * 300 + b"player-0", b" x" + b"." * 300])


def test_a_number_or_a_common_word_is_found_where_an_id_stands_only() -> None:
    for athlete in ("7", "12", "live", "athlete", "ab"):
        one = Identifier(athlete)
        assert not one.telling
        assert not one.in_text(f"athlete {athlete} gaps, live, {athlete}.5, =7, [athlete]")
        for text in (f'id = "{athlete}"', f"angles,athlete={athlete},session=x", f"2026-11-23T14-05-00Z_{athlete}"):
            assert one.in_text(text)
    assert not Identifier("abcd").in_pieces([b"\x00abcd\x01"], noise=True)
    assert Identifier("abcde").in_pieces([b"\x00abcde\x01"], noise=True)


def test_names_of_folders() -> None:
    assert plain(ODD) == "O-Brien---Zoë--1-2"
    assert named_after("2026-11-23T14-05-00Z_player-07") == "player-07"
    assert named_after(".2026-11-23T14-05-00Z_player-07.partial") == "player-07"
    assert named_after(".2026-11-23T14-05-00Z_player-07.0123abcd.partial") == "player-07"
    assert named_after("demo-session-2026-11-23T14-05-00Z_a-b") == "a-b"
    assert named_after("evening") is None
