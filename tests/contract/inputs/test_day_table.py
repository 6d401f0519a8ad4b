"""`hiphinge mark SESSIONS --table FILE`: a spreadsheet of exertion, soreness and load reaches the sessions and the database."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dashboards.influx.line_protocol import points
from tests.contract.command_line import done, refused
from tests.dashboards.synthetic_results import write_session

HEAD = "athlete,date,srpe,soreness,load_kg,match_day,gym,group\n"
START = "2026-11-23T12:05:00Z"


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    where = tmp_path / "sessions"
    for name, athlete in (("one", "player-07"), ("two", "player-07"), ("three", "player-08")):
        folder = write_session(where / name, session=name, athlete=athlete, start=START)
        words = f'start = {START}\n[athlete]\nid = "{athlete}"\n[[sensor]]\nplacement = "pelvis"\n'
        (folder / "session.toml").write_text(words)
    return where


def session_line(folder: Path) -> str:
    (line,) = [one for one in points(folder, ["review"]) if one.startswith("session,")]
    return line


def table(folder: Path, text: str, name: str = "day.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_row_holds_for_each_session_of_that_athlete_and_day(sessions: Path, tmp_path: Path) -> None:
    rows = "player-07,2026-11-23,7,2,80,-2,north,forwards\nplayer-08,2026-11-22,5,,,,,\n"
    said = json.loads(done("mark", sessions, "--table", table(tmp_path, HEAD + rows), "--json", cwd=tmp_path).stdout)
    assert {Path(one).name for one in said["sessions"]} == {"one", "two"}
    assert said["without"] == ["line 3: player-08 on 2026-11-22"]
    for name in ("one", "two"):
        line = session_line(sessions / name)
        for field in ("srpe=7.0", "soreness=2.0", "load_kg=80.0", "match_day=-2i", 'gym="north"', 'group="forwards"'):
            assert field in line
        marks = json.loads((sessions / name / "review/summary.json").read_text())["marks"]
        assert {m["label"] for m in marks if m["said"] == "afterwards"} == {
            "srpe 7",
            "soreness 2",
            "load 80 kg",
            "MD-2",
            "gym north",
            "group forwards",
        }
    assert "srpe" not in session_line(sessions / "three")
    # again, with semicolons and a corrected load: the old one is gone, the rest stays
    again = table(tmp_path, "\ufeffathlete;date;load_kg\nplayer-07;2026-11-23;62,5\n", "again.csv")
    assert "2 sessions" in done("mark", sessions, "--table", again, cwd=tmp_path).stdout
    assert "load_kg=62.5" in session_line(sessions / "one")
    assert "srpe=7.0" in session_line(sessions / "one")
    edits = (sessions / "one/edits.toml").read_text()
    done("mark", sessions, "--table", again, cwd=tmp_path)
    assert (sessions / "one/edits.toml").read_text() == edits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("athlete,srpe\nplayer-07,7\n", ["line 1", "date"]),
        ("athlete,date,rpe\nplayer-07,2026-11-23,7\n", ["line 1", "rpe"]),
        ("athlete,date,srpe,srpe\n", ["line 1", "srpe"]),
        (HEAD + "player-07,2026-11-23,11,2,80,-2,north,x\n", ["line 2", "srpe", "0 to 10"]),
        (HEAD + "player-07,23.11.2026,7,2,80,-2,north,x\n", ["line 2", "date", "2026-11-23"]),
        (HEAD + "player-07,2026-11-23,7,2,80,-2,north\n", ["line 2", "7 cells"]),
        (HEAD + ",2026-11-23,7,2,80,-2,north,x\n", ["line 2", "athlete"]),
        (HEAD + "player-07,2026-11-23,,,,,,\nplayer-07,2026-11-23,6,,,,,\n", ["line 3", "line 2 already"]),
        (HEAD + 'player-07,2026-11-23,"7,2\n', ["line 2"]),
        ("", ["line 1", "athlete"]),
    ],
)
def test_a_wrong_table_is_refused_with_its_line_and_nothing_is_written(
    sessions: Path, tmp_path: Path, text: str, words: list[str]
) -> None:
    said = refused("mark", sessions, "--table", table(tmp_path, text), cwd=tmp_path)
    assert all(word in said for word in words), said
    assert not list(sessions.glob("*/edits.toml"))


def test_a_session_that_is_broken_hides_no_other(sessions: Path, tmp_path: Path) -> None:
    shutil.copytree(sessions / "one", sessions / "broken")
    (sessions / "broken/review/summary.json").write_text("{")
    file = table(tmp_path, "athlete,date,srpe\nplayer-07,2026-11-23,7\n")
    done("mark", sessions, "--table", file, cwd=tmp_path)
    assert "srpe=7.0" in session_line(sessions / "two")
