"""What is corrected in session.toml counts everywhere, and what was sent before under other names is deleted."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.influx.ledger import Ledger
from tests.contract.command_line import Result, done, hiphinge, refused
from tests.contract.recorded_sessions import brief_session, plain_session
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb

DATABASE = "gym"
BEFORE, AFTER = "2026-11-23T14:05:00Z", "2026-11-20T18:00:00+01:00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brief_session(tmp_path_factory.mktemp("recorded") / "evening", athlete="player-08")


@pytest.fixture
def sessions(recorded: Path, tmp_path: Path) -> Path:
    shutil.copytree(recorded, tmp_path / "sessions/evening")
    return tmp_path / "sessions"


@pytest.fixture
def settings(server: InfluxDB, sessions: Path) -> dict[str, str]:
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    return {"HIPHINGE_INFLUX_URL": server.url, "HIPHINGE_INFLUX_BUCKET": DATABASE, "HIPHINGE_SESSIONS": str(sessions)}


def athletes(server: InfluxDB) -> dict[str, int]:
    """By athlete, how many values there are."""
    rows = server.rows('SELECT count(*) FROM /.*/ GROUP BY "athlete"', DATABASE)
    found: dict[str, int] = {}
    for row in rows:
        n = sum(v for k, v in row.items() if k.startswith("count") and v is not None)
        found[row["athlete"]] = found.get(row["athlete"], 0) + n
    return found


def correct(folder: Path, athlete: str | None = None, start: str | None = None) -> None:
    path = folder / "session.toml"
    text = path.read_text()
    if athlete is not None:
        text = re.sub(r'(?m)^id = "[^"]*".*$', f'id = "{athlete}" # corrected', text)
    if start is not None:
        text = re.sub(r"(?m)^start = .*$", f"start = {start}", text)
    assert text != path.read_text()
    path.write_text(text)


def summary(folder: Path, estimator: str = "review") -> dict:
    return json.loads((folder / estimator / "summary.json").read_text())


@pytest.mark.influx
def test_a_corrected_athlete_of_a_recorded_session(server: InfluxDB, settings: dict[str, str], sessions: Path) -> None:
    evening = sessions / "evening"
    done("push", "evening", cwd=sessions, **settings)
    sent = athletes(server)
    assert set(sent) == {"player-08"}
    correct(evening, "player-07")
    dry = done("push", "evening", "--dry-run", cwd=sessions, **settings).stdout
    assert "athlete=player-07" in dry
    assert "player-08" not in dry
    assert summary(evening)["athlete"] == "player-08", "nothing was touched yet"
    said = done("push", "--all", cwd=sessions, **settings)
    assert f"{sent['player-08']} values that were sent under the former athlete 'player-08'" in said.stderr
    assert "counted again: 0 left" in said.stderr
    assert set(athletes(server)) == {"player-07"}
    assert athletes(server)["player-07"] == sent["player-08"]
    assert [r["value"] for r in server.rows('SHOW TAG VALUES WITH KEY = "athlete"', DATABASE)][:1] == ["player-07"]
    for estimator in ("live", "review"):
        assert summary(evening, estimator)["athlete"] == "player-07"
    assert "# corrected" in (evening / "session.toml").read_text()
    assert done("push", "--all", cwd=sessions, **settings).stdout == "Everything was sent.\n"
    # once more, with the start too
    correct(evening, "player-09", AFTER)
    told = json.loads(done("push", "evening", "--json", cwd=sessions, **settings).stdout)
    assert told["former"] == {"athlete": "player-07", "start": BEFORE, "values_deleted": sent["player-08"]}
    assert set(athletes(server)) == {"player-09"}
    assert all(row["time"] < 1795300000 * 10**9 for row in server.rows('SELECT "quality" FROM "angles"', DATABASE))
    # the raw recording says still what it said; a replay, a report and new results say what is right
    done("replay", evening, "--out", sessions / "again", cwd=sessions)
    assert summary(sessions / "again")["athlete"] == "player-09"
    done("report", evening, cwd=sessions)
    assert "player-09" in (evening / "report.html").read_text()
    done("mark", evening, "0:20", "calibrate", cwd=sessions)
    assert summary(evening)["athlete"] == "player-09"
    correct(evening, "player-07")
    assert "athlete=player-07" in done("push", "evening", "--dry-run", cwd=sessions, **settings).stdout


@pytest.mark.influx
def test_a_corrected_start_leaves_other_evenings_of_the_name(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    done("push", "evening", cwd=sessions, **settings)
    before = athletes(server)["player-08"]
    own = "repetition,athlete=player-08,session=evening,estimator=live"
    stamp = 1795442700 * 10**9
    server.write(
        f"{own} index=0i,void=false {stamp - 7 * 86400 * 10**9}\n{own} index=1i,void=false {stamp + 86400 * 10**9}", DATABASE
    )
    correct(sessions / "evening", start="2026-11-23T14:05:30Z")
    done("push", "evening", cwd=sessions, **settings)
    assert athletes(server) == {"player-08": before + 4}
    begins = server.rows('SELECT "duration_s" FROM "session" WHERE estimator = \'live\'', DATABASE)
    assert [row["time"] for row in begins] == [stamp + 30 * 10**9]


@pytest.mark.influx
def test_a_copy_takes_nothing_away_from_its_original(server: InfluxDB, settings: dict[str, str], sessions: Path) -> None:
    done("push", "evening", cwd=sessions, **settings)
    before = athletes(server)["player-08"]
    shutil.copytree(sessions / "evening", sessions / "copy")
    correct(sessions / "copy", "player-07")
    said = done("push", "copy", cwd=sessions, **settings)
    assert "stays" in said.stderr
    assert athletes(server)["player-08"] == before
    assert athletes(server)["player-07"] == before


@pytest.mark.influx
def test_a_server_that_refuses_the_deleting(server: InfluxDB, settings: dict[str, str], sessions: Path) -> None:
    done("push", "evening", cwd=sessions, **settings)
    correct(sessions / "evening", "player-07")
    for answer in (500, "drop"):
        server.plan[:] = [answer] * 40
        result = hiphinge("push", "evening", cwd=sessions, **settings)
        server.plan.clear()
        assert result.returncode == 1
        assert "cannot be deleted" in result.stderr
        assert set(athletes(server)) == {"player-08"}
    said = done("push", "evening", "--keep-former", cwd=sessions, **settings)
    assert "stays" in said.stderr
    assert set(athletes(server)) == {"player-07", "player-08"}


def test_an_import_that_nobody_named(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "r", session="r", athlete="unknown", start="1970-01-01T00:00:00Z")
    (folder / "session.toml").write_text('start = 1970-01-01T00:00:00Z\n[athlete]\nid = "unknown"\n')
    for words in (("push", "r", "--dry-run"), ("push", "r")):
        said = refused(*words, cwd=tmp_path, HIPHINGE_INFLUX_URL="http://127.0.0.1:9", HIPHINGE_INFLUX_BUCKET="gym")
        assert "1970-01-01 stands for that" in said
        assert "--start and --athlete" in said
    named = write_session(tmp_path / "named", session="named")
    result = hiphinge("push", "--all", "--dry-run", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path))
    assert result.returncode == 1
    assert "r: " in result.stderr
    assert f"session={named.name}" in result.stdout or not (named / "session.toml").exists()
    assert "athlete=unknown" not in result.stdout
    for athlete, start, told in (
        ("player-07", "1970-01-01T00:00:00Z", "the start is not known"),
        ("unknown", BEFORE, "the athlete is not known"),
    ):
        (folder / "session.toml").write_text(f'start = {start}\n[athlete]\nid = "{athlete}"\n')
        said = refused("push", "r", "--dry-run", cwd=tmp_path)
        assert told in said
        assert said.count("is not known") == 1
    (folder / "session.toml").write_text(f'start = {BEFORE}\n[athlete]\nid = "player-07"\n')
    assert "athlete=player-07" in done("push", "r", "--dry-run", cwd=tmp_path).stdout
    plain = plain_session(tmp_path / "plain", athlete="unknown")
    assert "the athlete is not known" in refused("push", plain, "--dry-run", cwd=tmp_path)


@pytest.mark.parametrize("what", ["athlete", "start"])
def test_results_of_somebody_else_are_no_correction(sessions: Path, tmp_path: Path, what: str) -> None:
    """All of another session's results in this one's folder, under the same name; or its session.toml alone."""
    other = tmp_path / "elsewhere/evening"
    other.parent.mkdir()
    if what == "athlete":
        brief_session(other, "player-07")
    else:
        shutil.copytree(sessions / "evening", other)
        correct(other, start=AFTER)
        for name in ("live", "review"):
            shutil.rmtree(other / name)
        done("mark", other, "--compute", cwd=tmp_path)
        (other / "session.toml").write_text(re.sub(r"(?m)^origin = .*$", "", (other / "session.toml").read_text()))
    mixed = tmp_path / "mixed"
    shutil.copytree(sessions / "evening", mixed)
    for part in ("live", "review"):
        shutil.rmtree(mixed / part)
        shutil.copytree(other / part, mixed / part)
    for command in (("push", mixed, "--dry-run"), ("report", mixed)):
        assert "these are not parts of one session" in refused(*command, cwd=tmp_path)
    if what == "athlete":
        whole = tmp_path / "whole"
        shutil.copytree(sessions / "evening", whole)
        shutil.copyfile(other / "session.toml", whole / "session.toml")
        assert "these are not parts of one session" in refused("push", whole, "--dry-run", cwd=tmp_path)
        assert "differs from recording.mcap" in done("replay", whole, "--out", tmp_path / "r", cwd=tmp_path).stderr


def test_a_session_of_an_earlier_version_is_corrected_too(sessions: Path, tmp_path: Path) -> None:
    """Its session.toml does not know as what it was written."""
    evening = sessions / "evening"
    path = evening / "session.toml"
    path.write_text(re.sub(r"(?m)^origin = .*\n", "", path.read_text()))
    before = path.read_text()
    assert "athlete=player-08" in done("push", evening, "--dry-run", cwd=tmp_path).stdout
    assert path.read_text() == before
    correct(evening, "player-07")
    assert "athlete=player-07" in done("push", evening, "--dry-run", cwd=tmp_path).stdout
    assert "origin = " in path.read_text()
    assert Ledger.read(evening / "outbox").of is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r"(?m)^id = .*$", "id = 7", "id is not text"),
        (r"(?m)^id = .*$", 'id = "*"', "is a pattern"),
        (r"(?m)^id = .*$", 'id = ""', "is empty"),
        (r"(?m)^start = .*$", "start = 2026-11-23", "not a date and time with a zone"),
        (r"(?m)^start = .*$", "start = 2026-11-23T14:05:00", "not a date and time with a zone"),
        (r"(?m)^start = .*$", 'start = "soon"', "not a date and time with a zone"),
    ],
)
def test_a_correction_that_cannot_be_read_is_told(sessions: Path, old: str, new: str, told: str) -> None:
    path = sessions / "evening/session.toml"
    path.write_text(re.sub(old, new, path.read_text()))
    for command in (("push", "evening", "--dry-run"), ("report", "evening")):
        said = refused(*command, cwd=sessions)
        assert told in said
        assert "session.toml" in said


def test_a_corrected_import_is_forgotten_whole(tmp_path: Path) -> None:
    plain = plain_session(tmp_path / "sessions/imported", athlete="unknown")
    done("mark", plain, "--compute", cwd=tmp_path)
    correct(plain, "player-07")
    done("report", plain, cwd=tmp_path)
    assert summary(plain)["athlete"] == "player-07"
    result: Result = done("forget", "player-07", "--yes", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path / "sessions"))
    assert "1 session folders" in result.stdout
    assert not plain.exists()
