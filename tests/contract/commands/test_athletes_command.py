"""`hiphinge athletes`: another id reaches every file but the recording, and what was sent under the former one is removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dashboards.tables import available_estimators, read_angles, read_summary
from tests.conftest import ROOT
from tests.contract.command_line import done, refused
from tests.dashboards.export.exported_sessions import session_folder
from tests.peers.influxdb import InfluxDB, influxdb

ADMIN = ("admin", "s3cret-word")
DATABASE = "gym"
OLD = ROOT / "fixtures/old/0.1.0/sessions/2026-11-29T08-00-00Z_player-07"


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """Two sessions of the one and one of the other."""
    folder = tmp_path / "sessions"
    for name, who in (("a", "player-07"), ("b", "player-07"), ("c", "player-08")):
        session_folder(folder / name, athlete=who, sensors=("pelvis",))
    return folder


def whose(folder: Path) -> set[str]:
    """All that session.toml, summaries and tables say."""
    said = {read_summary(folder, e, as_computed=True)["athlete"] for e in available_estimators(folder)}
    tables = [folder / e / f"{name}.parquet" for e in ("live", "review") for name in ("angles", "orientations", "repetitions")]
    said |= {pq.read_metadata(path).metadata[b"hiphinge.athlete"].decode() for path in tables}
    return said | {
        line.split('"')[1] for line in (folder / "session.toml").read_text().splitlines() if line.startswith("id = ")
    }


def test_athletes_are_listed(sessions: Path, tmp_path: Path) -> None:
    found = json.loads(done("athletes", "list", "--json", cwd=tmp_path, HIPHINGE_SESSIONS=str(sessions)).stdout)
    assert [(one["athlete"], one["sessions"]) for one in found] == [("player-07", 2), ("player-08", 1)]
    assert found[0]["first"] == "2026-11-23T14:05:00Z"
    assert "player-08" in done("athletes", "list", "--sessions", sessions, cwd=tmp_path).stdout


def test_a_new_id_reaches_every_file_and_moves_no_number(sessions: Path, tmp_path: Path) -> None:
    text = (sessions / "a/session.toml").read_text()
    (sessions / "a/session.toml").write_text(f"# mine\n{text}")
    before = read_angles(sessions / "a", "live")
    assert whose(sessions / "a") == {"player-07"}
    (sessions / "b/export").mkdir()
    result = done("athletes", "rename", "player-07", "p 7/ü", "--sessions", sessions, cwd=tmp_path)
    assert "2 sessions of 'player-07' are now of 'p 7/ü'." in result.stdout
    assert "exported under the former id" in result.stderr
    for name in "ab":
        assert whose(sessions / name) == {"p 7/ü"}
    assert whose(sessions / "c") == {"player-08"}
    assert (sessions / "a/session.toml").read_text().startswith("# mine\n")
    after = read_angles(sessions / "a", "live")
    for name in before.column_names:
        np.testing.assert_array_equal(after[name], before[name])
    done("report", sessions / "a", cwd=tmp_path)


def test_the_recording_keeps_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / OLD.name
    shutil.copytree(OLD, folder)
    raw = (folder / "recording.mcap").read_bytes()
    shutil.rmtree(folder / "outbox")
    done("athletes", "rename", "player-07", "eve", "--sessions", folder.parent, cwd=tmp_path)
    assert (folder / "recording.mcap").read_bytes() == raw
    assert read_summary(folder, "live", as_computed=True)["athlete"] == "eve"
    assert "eve" in (folder / "report.html").read_text()
    done("export", folder, "--to", "mot", "--out", "out", cwd=tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rename", "player-09", "x"), "no session of 'player-09' is there"),
        (("rename", "player-07", "player-08"), "hiphinge athletes merge player-07 player-08"),
        (("merge", "player-07", "player-09"), "hiphinge athletes rename player-07 player-09"),
        (("rename", "player-07", "player-07"), "is the id already"),
        (("rename", "player-07", "*"), "is a pattern"),
        (("rename", "player-07", "a\nb"), "holds a control character"),
    ],
)
def test_what_cannot_be_done_changes_nothing(sessions: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    before = {path: path.read_bytes() for path in sessions.rglob("*") if path.is_file()}
    assert said in refused("athletes", *words, "--sessions", sessions, cwd=tmp_path)
    assert {path: path.read_bytes() for path in sessions.rglob("*") if path.is_file()} == before


def test_a_folder_of_two_sessions_is_left_and_the_others_follow(sessions: Path, tmp_path: Path) -> None:
    shutil.copytree(sessions / "c/live", sessions / "a/live", dirs_exist_ok=True)
    line = refused("athletes", "rename", "player-07", "eve", "--json", "--sessions", sessions, cwd=tmp_path)
    assert "these are not parts of one session" in line
    assert whose(sessions / "b") == {"eve"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        yield running


@pytest.mark.influx
def test_what_was_sent_under_the_former_id_is_removed_there(server: InfluxDB, sessions: Path, tmp_path: Path) -> None:
    server.query(f"CREATE DATABASE {DATABASE}")
    settings = {
        "HIPHINGE_INFLUX_URL": server.url,
        "HIPHINGE_INFLUX_TOKEN": ":".join(ADMIN),
        "HIPHINGE_INFLUX_BUCKET": DATABASE,
        "HIPHINGE_SESSIONS": str(sessions),
    }
    done("push", *(sessions / name for name in "abc"), cwd=tmp_path, **settings)
    away = settings | {"HIPHINGE_INFLUX_URL": "http://127.0.0.1:1"}
    assert "cannot be reached" in refused("athletes", "merge", "player-07", "player-08", cwd=tmp_path, **away)
    assert whose(sessions / "a") == {"player-07"}, "nothing was changed"
    said = json.loads(done("athletes", "merge", "player-07", "player-08", "--json", cwd=tmp_path, **settings).stdout)
    assert said["values_deleted"] > 1000
    assert said["not_deleted"] == []
    assert ids(server) == {"player-08"}
    done("push", "--all", cwd=tmp_path, **settings)
    assert ids(server) == {"player-08"}
    (series,) = server.query("SELECT count(repetitions) FROM session WHERE athlete = 'player-08'", DATABASE)
    assert series["values"][0][1] == 6


def ids(server: InfluxDB) -> set[str]:
    found = server.query("SELECT * FROM /.*/", DATABASE)
    return {row[series["columns"].index("athlete")] for series in found for row in series["values"]}
