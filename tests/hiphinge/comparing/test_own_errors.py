"""A file of standard errors that is none is refused: where, what is wrong there, and what to do, never in Python's words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from hiphinge.comparing.own_errors import own_errors

ROW = {"test": "knee_raise", "side": "left", "measure": "hip_peak_deg", "wear": "anew", "sem": 2.0}


def refused(file: Path) -> str:
    with pytest.raises(HiphingeError) as told:
        own_errors(file)
    text = str(told.value)
    assert file.name in text
    assert told.value.remedy
    for python in ("Errno", "Expecting", "NoneType", "KeyError", "codec", "object", "char "):
        assert python not in text, text
    return text


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"wear": "sometimes"}, "row 2: wear"),
        ({"wear": None}, "row 2: wear"),
        ({"sem": -1}, "row 2: sem"),
        ({"sem": True}, "row 2: sem"),
        ({"sem": "2"}, "row 2: sem"),
        ({"sem": 1e9}, "row 2: sem"),
        ({"measure": "nonsense"}, "row 2: test, side, measure"),
        ({"side": ["left"]}, "row 2: test, side, measure"),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_key(tmp_path: Path, row: dict[str, Any], where: str) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"numbers": [ROW, ROW | row]}))
    assert where in refused(file)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    for content in (
        "[]",
        "{}",
        "3",
        '{"numbers": 3}',
        '{"numbers": [3]}',
        '{"numbers": []}',
        "no json",
        "",
        "{",
        '{"numbers": [{}]}',
    ):
        file.write_text(content)
        refused(file)
    file.write_text('{"numbers": [\n  {"test": 1,}\n]}')
    assert "line 2" in refused(file)
    file.write_text(json.dumps({"numbers": [{k: v for k, v in ROW.items() if k != "sem"}]}))
    assert "sem" in refused(file)
    file.write_bytes(os.urandom(4) + b"\xff\xfe\x00")
    assert "UTF-8" in refused(file)
    refused(tmp_path / "missing.json")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder")


def test_a_sound_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"numbers": [ROW, ROW | {"wear": "on", "sem": 1.5}, ROW | {"side": "right", "sem": None}]}))
    (error,) = own_errors(file).values()
    assert (error.anew, error.worn) == (2.0, 1.5)
