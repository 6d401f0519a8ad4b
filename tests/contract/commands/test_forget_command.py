"""`hiphinge forget`: after it, nothing of the athlete is in a real InfluxDB nor on disk, and all of the others is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hiphinge.session.lock import FolderLock
from tests.contract.command_line import child, done, hiphinge, refused, tree
from tests.contract.recorded_sessions import recording, simulated_demo
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.web import Reply, Request, web

ADMIN = ("admin", "s3cret-word")
DATABASE = "gym"
WAITING = 'angles,athlete=O\'Brien\\,\\ "Zoë"\\ 1\\=2,session=b,estimator=live quality=0i 1\n'
GONE, KEPT = 'O\'Brien, "Zoë" 1=2', "O'Brien"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        running.query("CREATE USER reader WITH PASSWORD 's3cret-word'")
        yield running


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """Two sessions of the one, one of the other, and one that nobody can tell whose it is."""
    folder = tmp_path / "sessions"
    for name, athlete in (("a", GONE), ("b", GONE), ("c", KEPT)):
        write_session(folder / name, seconds=30, athlete=athlete, session=name)
        (folder / name / "recording.mcap").write_bytes(b"raw")
        (folder / name / "session.toml").write_text(f"schema = 1\n[athlete]\nid = {json.dumps(athlete)}\n", "utf-8")
    (folder / "b/outbox").mkdir()
    (folder / "b/outbox/000000001.lp").write_text(WAITING, "utf-8")
    (folder / "broken").mkdir()
    (folder / "broken/session.toml").write_text("athlete = [")
    return folder


@pytest.fixture
def settings(server: InfluxDB, sessions: Path) -> dict[str, str]:
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    found = {
        "HIPHINGE_INFLUX_URL": server.url,
        "HIPHINGE_INFLUX_TOKEN": ":".join(ADMIN),
        "HIPHINGE_INFLUX_BUCKET": DATABASE,
    }
    done("push", *(sessions / name for name in "abc"), cwd=sessions, **found)
    server.query(f"CREATE RETENTION POLICY years ON {DATABASE} DURATION INF REPLICATION 1")
    server.query(f'SELECT mean(*) INTO {DATABASE}."years"."angles_1s" FROM "angles" GROUP BY time(1s), *', DATABASE)
    return found | {"HIPHINGE_SESSIONS": str(sessions)}


def stored(server: InfluxDB) -> dict[str, int]:
    """Rows by athlete, of all measurements and retention policies."""
    counts: dict[str, int] = {}
    for policy in ("autogen", "years"):
        for series in server.query(f'SELECT * FROM "{policy}"./.*/', DATABASE):
            at = series["columns"].index("athlete")
            for row in series["values"]:
                counts[row[at]] = counts.get(row[at], 0) + 1
    return counts


@pytest.mark.influx
def test_nothing_is_left_of_the_one_and_all_of_the_others(server: InfluxDB, settings: dict[str, str], sessions: Path) -> None:
    before, others = stored(server), {name for name in tree(sessions) if name.startswith(("c", "broken"))}
    assert before[GONE] > before[KEPT] > 700
    result = hiphinge("forget", GONE, "--yes", cwd=sessions, **settings)
    assert result.returncode == 1, "whose the broken one is nobody can tell"
    assert "2 session folders and" in result.stdout
    assert "looked for again: 1 places are undecided" in result.stdout
    assert "0 left" not in result.stdout
    assert f"undecided, left as it is: {sessions / 'broken'}: nothing readable in it names its athlete" in result.stderr
    assert "session.toml cannot be parsed" in result.stderr
    assert stored(server) == {KEPT: before[KEPT]}
    assert tree(sessions) == others
    assert GONE not in json.dumps(server.query('SHOW TAG VALUES WITH KEY = "athlete"', DATABASE), ensure_ascii=False)
    said = hiphinge("forget", GONE, "--yes", "--json", cwd=sessions, **settings)
    assert said.returncode == 1
    assert [one["where"] for one in json.loads(said.stdout)["undecided"]] == [str(sessions / "broken")]
    (sessions / "broken/session.toml").unlink()
    assert "nothing was found of" in refused("forget", GONE, "--yes", cwd=sessions, **settings)
    report = json.loads(done("forget", KEPT, "--yes", "--json", cwd=sessions, **settings).stdout)
    assert report["sessions"] == [str(sessions / "c")]
    assert set(report["values"]) == {"angles", "angles_1s", "mark", "repetition", "screen", "sensor_health", "session"}
    assert (report["left"], report["values_left"], report["undecided"]) == (0, {}, [])
    assert any(remark.startswith("not looked at: kits and configuration files") for remark in report["remarks"])
    assert stored(server) == {}


@pytest.mark.influx
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"HIPHINGE_INFLUX_TOKEN": "admin:wr0ng-word"}, "does not let this token delete: status 401"),
        ({"HIPHINGE_INFLUX_TOKEN": "reader:s3cret-word"}, "does not let this token delete: status 403"),
        ({"HIPHINGE_INFLUX_BUCKET": "nowhere"}, "InfluxDB refused (database not found: nowhere)"),
        ({"HIPHINGE_INFLUX_URL": "http://127.0.0.1:1"}, "InfluxDB cannot be reached (Connection refused)"),
    ],
)
def test_faults_are_one_line_and_delete_nothing(
    server: InfluxDB, settings: dict[str, str], sessions: Path, change: dict[str, str], said: str
) -> None:
    (sessions / "broken/session.toml").unlink()
    before, files = stored(server), tree(sessions)
    line = refused("forget", GONE, "--yes", cwd=sessions, **(settings | change))
    assert said in line
    assert "word" not in line
    assert (stored(server), tree(sessions)) == (before, files)


def test_a_running_session_and_a_no_delete_nothing(sessions: Path) -> None:
    (sessions / "broken/session.toml").unlink()
    files, where = tree(sessions), {"HIPHINGE_SESSIONS": str(sessions)}
    lock = FolderLock(sessions / "b")
    assert lock.take()
    assert "b: a session of this athlete is running" in refused("forget", GONE, "--yes", cwd=sessions, **where)
    lock.release()
    result = child("forget", GONE, cwd=sessions, **where)
    assert result.returncode == 1
    assert "nothing was deleted" in result.stderr
    assert f"sessions/b ({len(WAITING.encode())} bytes wait for InfluxDB)" in result.stdout
    assert tree(sessions) == files
    assert "is set" in refused("forget", GONE, "--yes", cwd=sessions)
    done("forget", GONE, "--yes", cwd=sessions, **where)
    assert not (sessions / "a").exists()


def test_influxdb_2_deletes_with_a_request_of_its_own(sessions: Path) -> None:
    left = [300]

    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return 204, {"X-Influxdb-Version": "v2.7.4"}, ""
        assert request.headers["authorization"] == "Token t0ken"
        if request.path.startswith("/api/v2/delete?"):
            assert parse_qs(urlsplit(request.path).query) == {"bucket": ["gym"], "org": ["club"]}
            measurement, athlete = json.loads(request.body)["predicate"].split(" AND ")
            assert athlete == 'athlete="O\'Brien, \\"Zoë\\" 1=2"'
            left[0] *= measurement != '_measurement="angles"'
            return 204, {}, ""
        statement = parse_qs(urlsplit(request.path).query)["q"][0]
        if statement.startswith("SHOW RETENTION"):
            return 200, {}, '{"results":[{"series":[{"columns":["name","default"],"values":[["autogen",true]]}]}]}'
        assert statement == """SELECT count(*) FROM "autogen"./.*/ WHERE "athlete" = 'O\\'Brien, "Zoë" 1=2'"""
        found = [{"name": "angles", "columns": ["time", "count_quality"], "values": [[0, left[0]]]}] if left[0] else []
        return 200, {}, json.dumps({"results": [{"series": found}]})

    with web(answer) as server:
        settings = {
            "HIPHINGE_INFLUX_URL": server.url,
            "HIPHINGE_INFLUX_TOKEN": "t0ken",
            "HIPHINGE_INFLUX_ORG": "club",
            "HIPHINGE_INFLUX_BUCKET": "gym",
        }
        assert "300 values in InfluxDB are deleted" in done("forget", GONE, "--yes", cwd=sessions, **settings).stdout


def test_influxdb_3_says_that_it_cannot(sessions: Path) -> None:
    (sessions / "broken/session.toml").unlink()
    files = tree(sessions)
    with web(lambda _: (200, {}, '{"version":"3.0.1"}')) as server:
        settings = {"HIPHINGE_INFLUX_URL": server.url, "HIPHINGE_INFLUX_BUCKET": "gym", "HIPHINGE_SESSIONS": str(sessions)}
        line = refused("forget", GONE, "--yes", cwd=sessions, **settings)
        assert "InfluxDB 3.0.1 cannot delete the points of one athlete" in line
        assert tree(sessions) == files
        done("forget", GONE, "--yes", "--only-folders", cwd=sessions, **settings)
        assert not (sessions / "a").exists()


def test_what_stops_half_way_is_found_again(sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses one of the files; what says whose session it is stays until the last."""
    (sessions / "broken/session.toml").unlink()
    where = {"HIPHINGE_SESSIONS": str(sessions)}
    real = shutil.rmtree

    def refusing(path: Path) -> None:
        if path == sessions / "b/outbox":
            raise PermissionError(13, "Permission denied", str(path))
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr("hiphinge.commands.stored.forget.shutil.rmtree", refusing)
        line = refused("forget", GONE, "--yes", cwd=sessions, **where)
    assert line.startswith(f"{sessions / 'b/outbox'}: cannot be deleted: Permission denied")
    assert "run it again" in line
    assert not (sessions / "a").exists()
    assert (sessions / "b/session.toml").is_file()
    done("forget", GONE, "--yes", cwd=sessions, **where)
    assert {path.name for path in sessions.iterdir()} == {"broken", "c"}


def test_a_session_without_its_head_is_known_by_its_recording_or_its_tables(tmp_path: Path) -> None:
    simulated = simulated_demo(GONE)
    (tmp_path / "recorded").mkdir()
    recording(tmp_path / "recorded/recording.mcap", simulated.session, simulated.events[:2000])
    write_session(tmp_path / "computed", "review", seconds=30, athlete=GONE)
    write_session(tmp_path / "of another", "review", seconds=30, athlete=KEPT)
    (tmp_path / "no session").mkdir()
    done("forget", GONE, "--yes", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"of another", "no session"}
