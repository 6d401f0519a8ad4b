"""edits.toml: added to, taken from, and read, with all that a person wrote kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from body_signals import HiphingeError, SessionMark
from ingest.heads import EDITS, EditsFile, read_edits, same

MINE = """# of mine
[[repetition]]
at_s = 3 # the third
movement = "squat"

[[mark]]
time_s = 5.0
label = "belt"
# below it

[[note]]
time_s = 7
text = "a"
"""


def later(time_s: float, label: str) -> SessionMark:
    return SessionMark(time_s, label, "afterwards")


def test_what_is_said_is_read_again(tmp_path: Path) -> None:
    (tmp_path / EDITS).write_text(MINE)
    file = EditsFile(tmp_path)
    for mark in (later(31.0, "calibrate"), later(9.5, "pain 3 left hip"), later(9.5, 'note "x" # y'), later(31.0, "calibrate")):
        file.add(mark)
    file.remove(SessionMark(0.25, "calibrate", "live"))
    file.write()
    text = (tmp_path / EDITS).read_text()
    for words in ("# of mine", "at_s = 3 # the third", "# below it"):
        assert words in text
    assert text.count('label = "calibrate"') == 2
    found = read_edits(tmp_path)
    assert {(m.time_s, m.label) for m in found.added} == {
        (5.0, "belt"),
        (31.0, "calibrate"),
        (7.0, "note a"),
        (9.5, 'note "x" # y'),
        (9.5, "pain 3 left hip"),
    }
    assert [(m.time_s, m.label) for m in found.deleted] == [(0.25, "calibrate")]
    assert not found.keeps(SessionMark(0.2503, "calibrate"))
    assert found.keeps(SessionMark(0.26, "calibrate"))
    again = EditsFile(tmp_path)
    assert again.restore(SessionMark(0.25, "calibrate"))
    assert not again.restore(SessionMark(0.25, "calibrate"))
    for mark in found.added:
        again.remove(mark)
    again.write()
    assert read_edits(tmp_path).added == ()
    text = (tmp_path / EDITS).read_text()
    assert "# the third" in text
    assert "# below it" in text
    assert "[[mark]]" not in text


def test_none_and_an_empty_one_say_nothing(tmp_path: Path) -> None:
    assert read_edits(tmp_path).added == ()
    (tmp_path / EDITS).write_text("")
    assert read_edits(tmp_path).deleted == ()
    assert same(SessionMark(1.0, "a"), SessionMark(1.0004, "a", "live"))
    assert not same(SessionMark(1.0, "a"), SessionMark(1.0, "b"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[mark]]\ntime_s = 1\n", "label is missing"),
        ('[[mark]]\nlabel = "a"\n', "time_s is missing"),
        ('[[mark]]\ntime_s = "1"\nlabel = "a"\n', "no usable number|not a usable number"),
        ('[[mark]]\ntime_s = inf\nlabel = "a"\n', "not a usable number"),
        ('[[mark]]\ntime_s = 1\nlabel = " "\n', "empty"),
        ('[[mark]]\ntime_s = 1\nlabel = "a"\ndeleted = 1\n', "neither true nor false"),
        ('[[mark]]\ntime_s = 1\nlabels = "a"\n', "unknown key"),
        ('[[note]]\ntime_s = 1\ntext = "a\\u0007"\n', "control characters"),
        ("[[pain]]\ntime_s = 1\nlevel = 10.5\n", "not between"),
        ("[[pain]]\ntime_s = 1\nlevel = nan\n", "not a usable number"),
        ("[[pain]]\ntime_s = 2e6\nlevel = 1\n", "far from every session"),
        ("mark = 1\n", "wrong type"),
        ("[[makr]]\n", "unknown key"),
    ],
)
def test_nonsense_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / EDITS).write_text(text)
    with pytest.raises(HiphingeError, match=told) as caught:
        read_edits(tmp_path)
    assert ", line " in caught.value.where
    assert caught.value.remedy
