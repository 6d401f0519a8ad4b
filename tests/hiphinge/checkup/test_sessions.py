"""The doctor looks at every session, whatever one of them holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboards.influx.ledger import Ledger
from hiphinge.checkup.sessions import checkup
from hiphinge.config import load
from tests.dashboards.synthetic_results import write_session

NOBODY = {"HIPHINGE_INFLUX_URL": "http://127.0.0.1:9", "HIPHINGE_INFLUX_BUCKET": "gym"}


def found(sessions: Path, **settings: str) -> list[tuple[str, bool, str]]:
    return list(checkup(load(None, {"HIPHINGE_SESSIONS": str(sessions), **settings})))


def damaged(sessions: Path, name: str, how: str) -> Path:
    """A session with results whose content cannot be told, and a line in its outbox that InfluxDB refused."""
    folder = sessions / name
    write_session(folder, "live", seconds=5, session=name)
    table = folder / "live/angles.parquet"
    table.unlink()
    if how == "a folder":
        table.mkdir()
    elif how == "a pipe":
        os.mkfifo(table)
    elif how == "a link to itself":
        table.symlink_to(table)
    (folder / "outbox").mkdir()
    # something was acknowledged, so there is something to compare
    Ledger(complete={"live": "0" * 64}).write(folder / "outbox")
    (folder / "outbox/rejected.lp").write_text("# type conflict\na b 1\n")
    return folder


@pytest.mark.parametrize("how", ["not there", "a folder", "a pipe", "a link to itself"])
def test_results_that_cannot_be_hashed_hide_nothing(tmp_path: Path, how: str) -> None:
    damaged(tmp_path, "a", how)
    write_session(tmp_path / "b", "live", seconds=5, session="b")
    (tmp_path / "b/session.toml").write_text('start = 2026-11-23T14:05:00Z\n[athlete]\nid = "another"\n')
    said = found(tmp_path, **NOBODY)
    (fault,) = [words for what, ok, words in said if what == "a" and "cannot be looked at" in words]
    assert "angles.parquet" in fault
    assert any(what == "a" and "rejected 1 lines" in words and "type conflict" in words for what, _, words in said)
    assert any(what == "b" and "another" in words for what, _, words in said)
    assert ("results", True, "InfluxDB does not have all of 1 sessions; to send them: hiphinge push --all") in said
    assert said[-1][0] == "influxdb"


def test_what_cannot_be_told_is_not_said_to_be_sent(tmp_path: Path) -> None:
    damaged(tmp_path, "a", "not there")
    said = found(tmp_path, **NOBODY)
    assert ("results", False, "of 1 sessions it cannot be told whether InfluxDB has all") in said
    assert not any(words == "all were sent" for _, _, words in said)


def test_without_influxdb_nothing_is_asked_about_sending(tmp_path: Path) -> None:
    damaged(tmp_path, "a", "not there")
    said = found(tmp_path)
    assert not any(what == "results" for what, _, _ in said)
    assert not any("cannot be looked at" in words for _, _, words in said)


def test_a_file_in_place_of_the_folder_of_sessions_is_told(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("")
    told = {what: (well, words) for what, well, words in found(tmp_path / "sessions")}
    assert told["sessions"][0] is False
    assert "is not a folder" in told["sessions"][1]
