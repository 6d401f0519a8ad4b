"""`hiphinge forget` never says that nothing is left while something may be: ids edited afterwards, many sessions, odd ids."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hiphinge.session.lock import FolderLock
from ingest.heads.session_toml import read_session_toml
from ingest.session_folder import open_input
from tests.contract.command_line import COMMAND, done, environment, hiphinge, refused, tree
from tests.contract.recorded_sessions import recording, simulated_demo
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.web import web

DATABASE = "gym"
OLD, NEW, OTHER = "player-07", "player-70", "player-0"
TOML = 'schema = 1\n[athlete]\nid = "{}"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """A session of each of two athletes."""
    folder = tmp_path / "sessions"
    for name, athlete in (("a", OLD), ("b", OTHER)):
        write_session(folder / name, "live", seconds=30, athlete=athlete, session=name)
        (folder / name / "session.toml").write_text(TOML.format(athlete))
    return folder


@pytest.fixture
def settings(server: InfluxDB, sessions: Path) -> dict[str, str]:
    server.fresh(DATABASE)
    found = {
        "HIPHINGE_INFLUX_URL": server.url,
        "HIPHINGE_INFLUX_BUCKET": DATABASE,
        "HIPHINGE_SESSIONS": str(sessions),
    }
    done("push", sessions / "a", sessions / "b", cwd=sessions, **found)
    return found


def values(server: InfluxDB) -> dict[str, int]:
    rows = server.rows("SELECT count(*) FROM /.*/ GROUP BY athlete", DATABASE)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["athlete"]] = counts.get(row["athlete"], 0) + sum(v or 0 for k, v in row.items() if k.startswith("count"))
    return counts


@pytest.mark.influx
def test_points_under_a_former_id_are_told_and_go_when_a_person_says_that_both_are_one(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    (sessions / "a/session.toml").write_text(TOML.format(NEW))
    before, files = values(server), tree(sessions)
    for athlete in (NEW, OLD):
        said = hiphinge("forget", athlete, "--yes", "--json", cwd=sessions, **settings)
        report = json.loads(said.stdout)
        assert said.returncode == 1
        assert (report["sessions"], report["left"]) == ([], 0)
        places = {one["where"]: one["why"] for one in report["undecided"]}
        assert "it names several athletes" in places[str(sessions / "a")]
        assert f"{sessions / 'a'}: it names several athletes" in said.stderr
        assert tree(sessions) == files
        if athlete == NEW:
            assert values(server) == before
            told = places[f"{server.url}, bucket {DATABASE}"]
            assert (
                told
                == f"{before[OLD]} values of the session 'a', which is or was this athlete's, are there under athlete {OLD!r}"
            )
    assert values(server) == {OTHER: before[OTHER]}, "who forgets the former id forgets its points"
    done("push", sessions / "b", cwd=sessions, **settings)
    server.write("angles,athlete=player-07,session=a,estimator=live quality=0i 1795442700000000000", DATABASE)
    report = json.loads(done("forget", NEW, "--former", OLD, "--yes", "--json", cwd=sessions, **settings).stdout)
    assert (report["sessions"], report["values"], report["undecided"]) == ([str(sessions / "a")], {"angles": 1}, [])
    assert values(server) == {OTHER: before[OTHER]}
    assert not (sessions / "a").exists()


@pytest.mark.influx
def test_a_sessions_name_that_holds_the_id_is_told_although_its_points_are_anothers(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    line = "angles,athlete=player-0,session=2026-11-23T14-05-00Z_player-07,estimator=live quality=0i 1795442700000000000"
    server.write(line, DATABASE)
    said = hiphinge("forget", OLD, "--yes", cwd=sessions, **settings)
    assert said.returncode == 1
    assert "1 values of the session '2026-11-23T14-05-00Z_player-07'" in said.stderr
    assert "1 session folders and" in said.stdout
    assert "0 left" not in said.stdout


@pytest.mark.influx
def test_what_other_programs_keep_of_the_athlete_is_told(server: InfluxDB, settings: dict[str, str], sessions: Path) -> None:
    server.write("wellness,athlete=player-07 sleep_h=7.5 1795442700000000000", DATABASE)
    said = hiphinge("forget", OLD, "--yes", cwd=sessions, **settings)
    assert said.returncode == 1
    assert "1 values of 'player-07' are in 'wellness', which hiphinge did not write and leaves" in said.stderr
    assert "0 left" not in said.stdout
    assert "keeps the id 'player-07' in its index" in said.stdout
    assert server.rows("SELECT * FROM wellness", DATABASE)


@pytest.mark.influx
@pytest.mark.parametrize("athlete", ["", " ", "*", "/.*/", "%"])
def test_nobody_and_everybody_is_refused(server: InfluxDB, settings: dict[str, str], sessions: Path, athlete: str) -> None:
    server.write("weather temperature=21.5 1795442700000000000", DATABASE)
    files, before = tree(sessions), server.rows("SELECT count(*) FROM /.*/", DATABASE)
    assert "athlete" in refused("forget", athlete, "--yes", cwd=sessions, **settings)
    assert "athlete" in refused("forget", OLD, "--former", athlete, "--yes", cwd=sessions, **settings)
    assert (tree(sessions), server.rows("SELECT count(*) FROM /.*/", DATABASE)) == (files, before)


def many(folder: Path, n: int) -> None:
    write_session(folder / "first", "live", seconds=20, athlete=OLD)
    (folder / "first/session.toml").write_text(TOML.format(OLD))
    for i in range(n):
        one = folder / f"{i:04d}"
        (one / "live").mkdir(parents=True)
        shutil.copy(folder / "first/live/summary.json", one / "live")
        (one / "session.toml").write_text(TOML.format(OTHER if i % 100 == 50 else OLD))
        if i % 100 == 50:
            shutil.rmtree(one / "live")


def test_eleven_hundred_sessions_with_sixty_four_open_files(tmp_path: Path) -> None:
    many(tmp_path / "sessions", 1100)
    forget = [*COMMAND, "forget", OLD, "--yes", "--json"]
    limited = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *forget]
    where = environment(HIPHINGE_SESSIONS=str(tmp_path / "sessions"))

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(limited, env=where, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    lock = FolderLock(tmp_path / "sessions/1077")
    assert lock.take()
    said = run()
    assert said.returncode == 1
    assert "1077: a session of this athlete is running" in said.stderr
    assert len(list((tmp_path / "sessions").iterdir())) == 1101
    lock.release()
    said = run()
    assert said.returncode == 0, said.stderr
    assert len(json.loads(said.stdout)["sessions"]) == 1090
    assert len(list((tmp_path / "sessions").iterdir())) == 11


def test_a_folder_of_sessions_that_is_not_there_is_no_proof(tmp_path: Path) -> None:
    said = hiphinge("forget", OLD, "--yes", "--json", cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path / "unplugged"))
    assert said.returncode == 1
    assert json.loads(said.stdout)["undecided"][0]["where"] == str(tmp_path / "unplugged")


def test_what_is_not_looked_at_is_said_once(sessions: Path) -> None:
    said = done("forget", OLD, "--yes", cwd=sessions, HIPHINGE_SESSIONS=str(sessions)).stdout
    assert said.count("not looked at: kits and configuration files") == 1
    assert "InfluxDB was not looked at (HIPHINGE_INFLUX_URL is not set)" in said
    assert "1 session folders" in said
    assert "counted again: 0 left" in said


def test_a_setting_with_a_blank_in_its_name_hides_nobody(tmp_path: Path) -> None:
    simulated = simulated_demo()
    worn = tuple(replace(s, config={"a b": 1, "a.b": ["größe"], "": '"'}) for s in simulated.session.sensors)
    session = replace(simulated.session, athlete=OLD, sensors=worn)
    raw = recording(tmp_path / "raw.mcap", session, simulated.events[:2000])
    where = {"HIPHINGE_SESSIONS": str(tmp_path / "sessions")}
    done("replay", raw, "--out", "sessions/again", cwd=tmp_path, **where)
    assert read_session_toml(tmp_path / "sessions/again/session.toml").sensors == open_input(raw).session.sensors
    raw.unlink()
    said = done("forget", OLD, "--yes", "--json", cwd=tmp_path, **where)
    assert [Path(folder).name for folder in json.loads(said.stdout)["sessions"]] == ["again"]
    assert tree(tmp_path / "sessions") == set()


def test_a_session_that_a_former_version_wrote_broken_is_not_passed_over(sessions: Path) -> None:
    """It wrote such a setting without quotes."""
    shutil.rmtree(sessions / "a/live")
    (sessions / "a/session.toml").write_text(TOML.format(OLD) + '[[sensor]]\nplacement = "pelvis"\nconfig = { a b = 1 }\n')
    said = hiphinge("forget", OLD, "--yes", cwd=sessions, HIPHINGE_SESSIONS=str(sessions))
    assert said.returncode == 0, said.stderr
    assert "1 session folders" in said.stdout
    assert not (sessions / "a").exists()


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("b/session.toml", f"# formerly {OLD}, torn ligament\n" + TOML.format(OTHER)),
        ("twice.json", json.dumps({"athlete": OLD})[:-1] + ', "athlete": "x"}'),
        ("own-word.json", json.dumps({"start": OLD})),
        ("b/own-word.json", json.dumps({"software": OLD})),
        ("packed.json", gzip.compress(OLD.encode(), mtime=0)),
        ("b/packed.json", gzip.compress(OLD.encode(), mtime=0)),
        (f"notes-{OLD}/x.txt", "hurt knee"),
        (f"b/notes-{OLD}/x.txt", "hurt knee"),
        (f"{OLD}/diary.txt", "hurt knee"),
    ],
    ids=[
        "comment",
        "doubled",
        "own word",
        "own word in another's",
        "packed",
        "packed in another's",
        "named",
        "named in another's",
        "only a name",
    ],
)
def test_what_a_parser_does_not_show_is_undecided(sessions: Path, place: str, content: str | bytes) -> None:
    """Comments, doubled keys, words of ours in files of others, coded files, and folders named after the athlete."""
    path = sessions / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {"HIPHINGE_SESSIONS": str(sessions)}
    result = hiphinge("forget", OLD, "--yes", "--json", cwd=sessions, **given)
    assert result.returncode == 1
    said = json.loads(result.stdout)
    assert [Path(one["where"]) for one in said["undecided"]] in ([path], [path.parent])
    assert path.exists()
    assert not (sessions / "a").exists()
    # nor is it said that nothing is there, once the session has gone
    assert str(path.parent if path.suffix == ".txt" else path) in hiphinge("forget", OLD, "--yes", cwd=sessions, **given).stderr


@pytest.mark.parametrize(
    "answer",
    [
        {"results": [{"statement_id": 0, "series": [{"columns": ["name", "duration"]}]}]},
        {"results": [{"statement_id": 0}]},
        {"results": [{"series": [{"name": 5, "columns": ["x"], "values": [[1, "a", None], 3]}, 7]}]},
        {"results": [{"series": [{"name": "angles", "columns": ["name"], "values": 4}]}]},
        {"results": [{"series": "angles"}]},
    ],
)
def test_a_database_that_cannot_be_counted_proves_nothing(sessions: Path, answer: dict[str, object]) -> None:
    """A bucket without a mapping for InfluxQL lists no retention policies; another server may answer anything."""
    reply = (200, {"X-Influxdb-Version": "2.7.0"}, json.dumps(answer))
    with web(lambda _: reply) as server:
        given = {"HIPHINGE_SESSIONS": str(sessions), "HIPHINGE_INFLUX_URL": server.url, "HIPHINGE_INFLUX_BUCKET": DATABASE}
        said = refused("forget", OLD, "--yes", cwd=sessions, **given)
    assert "cannot be counted" in said or "incomplete answer" in said
    assert (sessions / "a").exists()
