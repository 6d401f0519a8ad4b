"""`hiphinge sessions`: every session at a glance, by athlete and day; nothing large is read, a broken one hides no other."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from dashboards.grafana import live_session, training_day
from dashboards.grafana.offline import View, influxql
from hiphinge.afterwards.listing import listed
from hiphinge.commands.stored.sessions import _table
from hiphinge.session.lock import FolderLock
from tests.contract.command_line import done, hiphinge, refused, tree
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb

BEFORE, AFTER = "2026-11-22T08:05:00Z", "2026-11-23T14:05:00Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


def head(folder: Path, athlete: str, start: str) -> None:
    (folder / "session.toml").write_text(f'start = {start}\n[athlete]\nid = "{athlete}"\n[[sensor]]\nplacement = "pelvis"\n')


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sessions")
    for name, athlete, start in (
        ("2026-11-23T14-05-00Z_player-08", "player-08", AFTER),
        ("later", "player-07", AFTER),
        ("earlier", "player-07", BEFORE),
        ("nobody's", "unknown", "1970-01-01T00:00:00Z"),
    ):
        head(write_session(where / name, session=name, athlete=athlete, start=start), athlete, start)
    killed = where / "killed"
    shutil.copytree(where / "later", killed, ignore=shutil.ignore_patterns("review"))
    (killed / "recording.mcap").write_bytes(b"\x89MCAP0\r\n")
    plain = where / "plain"
    plain.mkdir()
    head(plain, "player-07", BEFORE)
    for name in ("no toml", "no json", "mixed"):
        shutil.copytree(where / "later", where / name)
    (where / "no toml/session.toml").write_text("start = ?")
    (where / "no json/review/summary.json").write_text("{")
    head(where / "mixed", "player-99", BEFORE)
    (where / "notes").mkdir()
    (where / "notes/readme.txt").write_text("none of ours")
    (where / "a file").write_text("x")
    (where / ".later.partial").mkdir()
    return where


def found(where: Path, *words: str, **settings: str) -> dict[str, dict]:
    listed = json.loads(done("sessions", *words, "--json", cwd=where, **settings).stdout)
    return {one["session"]: one for one in listed}


def test_all_are_there_and_say_what_they_are(sessions: Path) -> None:
    before = tree(sessions)
    said = json.loads(done("sessions", sessions, "--json", cwd=sessions.parent).stdout)
    order = [(one["athlete"], one["session"]) for one in said]
    assert order[:3] == [("player-07", "earlier"), ("player-07", "plain"), ("player-07", "killed")]
    assert [one["session"] for one in said if one["athlete"] is None] == ["no toml", "nobody's"]
    one = {one["session"]: one for one in said}
    assert set(one) == {p.name for p in sessions.iterdir() if p.is_dir()} - {"notes", ".later.partial"}
    later = one["later"]
    assert (later["state"], later["sent"], later["estimators"]) == ("finished", "not", ["live", "review"])
    assert later["duration_s"] == pytest.approx(90, abs=1)
    assert (later["repetitions"], later["warnings"], later["findings"]) == (12, 1, 0)
    assert later["start"] == AFTER
    assert later["local"][:10] in ("2026-11-23", "2026-11-24")
    assert 0.0 < later["calibration_confidence"] <= 1.0
    assert (one["killed"]["state"], one["plain"]["state"], one["plain"]["sent"]) == (
        "unfinished",
        "samples only",
        "nothing to send",
    )
    assert "athlete and start not known" in one["nobody's"]["why"]
    for name in ("no toml", "no json", "mixed"):
        assert one[name]["state"] == "broken"
        assert one[name]["why"]
    assert tree(sessions) == before


def test_the_folder_of_sessions_and_the_current_one_are_where_it_looks(sessions: Path, tmp_path: Path) -> None:
    assert set(found(tmp_path, HIPHINGE_SESSIONS=str(sessions))) == set(found(sessions))
    assert set(found(tmp_path, str(sessions / "later"))) == {"later"}
    assert done("sessions", cwd=tmp_path).stdout.startswith("No sessions in ")
    assert "no such folder" in refused("sessions", "nowhere", cwd=tmp_path)
    assert "this is a file" in refused("sessions", sessions / "a file", cwd=tmp_path)


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal(sessions: Path, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(_table(listed(sessions), wide=width >= 100))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    for words in ("2026-11-23", "player-07", "player-08", "unfinis", "broken", "fair", "not"):
        assert words in text
    joined = re.sub(r"\s", "", text)
    assert "…" not in text
    assert "later" in joined
    human = done("sessions", sessions, cwd=sessions.parent).stdout
    assert "killed: was not closed: hiphinge doctor computes its results" in human


@pytest.mark.influx
def test_sent_changed_and_sent_again(server: InfluxDB, tmp_path: Path) -> None:
    server.query("CREATE DATABASE gym")
    settings = {"HIPHINGE_INFLUX_URL": server.url, "HIPHINGE_INFLUX_BUCKET": "gym"}
    head(write_session(tmp_path / "s/a", session="a", athlete="player-07", start=AFTER), "player-07", AFTER)
    assert found(tmp_path, "s")["a"]["sent"] == "not"
    done("push", "s/a", cwd=tmp_path, **settings)
    assert found(tmp_path, "s")["a"]["sent"] == "sent"
    done("mark", "s/a", "0:10", "--note", "warm", cwd=tmp_path)
    assert found(tmp_path, "s")["a"]["sent"] == "partly"
    done("push", "s/a", cwd=tmp_path, **settings)
    assert found(tmp_path, "s")["a"]["sent"] == "sent"
    rows = server.rows("SELECT label, note, void FROM mark WHERE estimator = 'review'", "gym")
    assert ("note warm", "warm", False) in [(r["label"], r["note"], r["void"]) for r in rows]
    done("mark", "s/a", "0:10", "note", "--remove", cwd=tmp_path)
    done("push", "s/a", cwd=tmp_path, **settings)
    rows = server.rows("SELECT label, note, void FROM mark WHERE estimator = 'review'", "gym")
    assert [r["void"] for r in rows if r["note"] == "warm"] == [True]


def test_one_that_runs_and_one_that_may_not_be_read(sessions: Path) -> None:
    lock = FolderLock(sessions / "killed")
    assert lock.take()
    try:
        assert found(sessions)["killed"]["state"] == "running"
    finally:
        lock.release()
    (sessions / "a file").chmod(0o000)
    assert hiphinge("sessions", cwd=sessions).returncode == 0


def test_a_thousand_sessions_are_listed_at_once(sessions: Path, tmp_path: Path) -> None:
    """Seconds of this process: the machine may be busy with others."""
    later = sessions / "later"
    for i in range(100):
        for path in later.rglob("*.*"):
            (tmp_path / f"s{i}" / path.relative_to(later)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"s{i}" / path.relative_to(later)).hardlink_to(path)
    began = time.process_time()
    found = listed(tmp_path)
    assert time.process_time() - began < 1.0
    assert [one.state for one in found] == ["finished"] * 100


@pytest.mark.influx
def test_the_annotations_of_the_pages_are_the_marks(server: InfluxDB, tmp_path: Path) -> None:
    server.query("CREATE DATABASE pages")
    settings = {"HIPHINGE_INFLUX_URL": server.url, "HIPHINGE_INFLUX_BUCKET": "pages"}
    head(write_session(tmp_path / "a", session="a", athlete="player-07", start=AFTER), "player-07", AFTER)
    done("push", "a", cwd=tmp_path, **settings)
    begin = 1795442700_000
    for page in (training_day.dashboard(), live_session.dashboard()):
        view = View(page, influxql(server.url, "pages"), begin - 1000, begin + 100_000, {"estimator": "review"})
        shown = {
            one["name"]: [row["said"] for row in view.answers({"targets": [one["target"]]})[0].rows()]
            for one in page["annotations"]["list"]
        }
        assert shown == {"Pain": ["pain 3 left hip"], "Notes": ["note left strap loose"], "Marks": ["calibrate", "belt"]}
