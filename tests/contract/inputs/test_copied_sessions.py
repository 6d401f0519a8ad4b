"""Copies of session folders, and parts of one session in another's: nothing is voided or sent under a wrong name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.influx.ledger import Identity, Ledger
from tests.contract.command_line import done, hiphinge, refused
from tests.contract.recorded_sessions import brief_session
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb

ADMIN = ("admin", "s3cret-word")
DATABASE = "gym"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        running.query("CREATE USER writer WITH PASSWORD 's3cret-word'")
        yield running


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brief_session(tmp_path_factory.mktemp("recorded") / "evening", athlete="player-07")


@pytest.fixture
def sessions(recorded: Path, tmp_path: Path) -> Path:
    """A folder of sessions with one session, `evening`."""
    shutil.copytree(recorded, tmp_path / "sessions/evening")
    return tmp_path / "sessions"


@pytest.fixture
def settings(server: InfluxDB, sessions: Path) -> dict[str, str]:
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    server.query(f"GRANT WRITE ON {DATABASE} TO writer")
    return {
        "HIPHINGE_INFLUX_URL": server.url,
        "HIPHINGE_INFLUX_TOKEN": ":".join(ADMIN),
        "HIPHINGE_INFLUX_BUCKET": DATABASE,
        "HIPHINGE_SESSIONS": str(sessions),
    }


def stored(server: InfluxDB) -> dict[str, list[dict]]:
    measurements = ("angles", "repetition", "session", "screen", "sensor_health")
    found = {m: server.rows(f'SELECT * FROM "{m}"', DATABASE) for m in measurements}
    return {
        m: sorted(rows, key=lambda r: (r["time"], r.get("estimator", ""), r.get("placement", ""))) for m, rows in found.items()
    }


def void(server: InfluxDB) -> dict[str, list[bool]]:
    """Of each session's repetitions, whether they are void."""
    found: dict[str, list[bool]] = {}
    for row in server.rows('SELECT "void", "session" FROM "repetition"', DATABASE):
        found.setdefault(row["session"], []).append(row["void"])
    return found


def edited(folder: Path) -> None:
    """One of its repetitions was none."""
    (folder / "edits.toml").write_text("[[repetition]]\nat_s = 18.0\ndeleted = true\n")


@pytest.mark.influx
def test_a_copy_that_is_computed_anew_voids_nothing_of_the_original(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    done("push", sessions / "evening", cwd=sessions, **settings)
    assert void(server) == {"evening": [False] * 10}
    shutil.copytree(sessions / "evening", sessions / "second look")
    for estimator in ("live", "review"):
        shutil.rmtree(sessions / "second look" / estimator)
    done("push", "second look", cwd=sessions, **settings)
    assert void(server) == {"evening": [False] * 10, "second look": [False] * 10}
    ledger = Ledger.read(sessions / "second look/outbox")
    assert ledger.of == Identity("player-07", "second look", "2026-11-23T14:05:00Z")
    assert {one.session for one in ledger.former} == {"evening"}
    edited(sessions / "second look")
    done("push", "second look", cwd=sessions, **settings)
    assert {name: sum(flags) for name, flags in void(server).items()} == {"evening": 0, "second look": 2}


@pytest.mark.influx
def test_a_ledger_that_does_not_say_whose_it_is_counts_for_its_own_session_only(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    done("push", sessions / "evening", cwd=sessions, **settings)
    path = sessions / "evening/outbox/ledger.json"
    words = json.loads(path.read_text())
    old = {name: words[name] for name in ("complete", "repetitions", "states")}
    path.write_text(json.dumps(old))
    edited(sessions / "evening")
    done("push", sessions / "evening", cwd=sessions, **settings)
    assert sum(void(server)["evening"]) == 2, "its own: as before"
    assert Ledger.read(sessions / "evening/outbox").of is not None
    path.write_text(json.dumps(old))
    shutil.copytree(sessions / "evening", sessions / "second look", ignore=shutil.ignore_patterns("live", "review", "edits*"))
    done("push", "second look", cwd=sessions, **settings)
    assert sum(void(server)["evening"]) == 2


@pytest.mark.influx
def test_a_copy_beside_its_original_sends_nothing_that_differs(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    done("push", sessions / "evening", cwd=sessions, **settings)
    shutil.copytree(sessions / "evening", sessions / "second look")
    done("push", "second look", cwd=sessions, **settings)
    edited(sessions / "second look")
    said = refused("push", "second look", cwd=sessions, **settings)
    assert f"{sessions / 'evening'} holds other results under the same session name" in said
    assert void(server) == {"evening": [False] * 10}
    shutil.rmtree(sessions / "evening")
    done("push", "second look", cwd=sessions, **settings)
    assert sum(void(server)["evening"]) == 2, "a folder that was renamed is the same session"


def test_parts_of_two_sessions_are_told_and_not_sent(sessions: Path, tmp_path: Path) -> None:
    """Another person's, another day's and another analysis' results, and single tables of them."""
    own = write_session(tmp_path / "own", session="own", athlete="player-07")
    head = 'start = 2026-11-23T14:05:00Z\n[athlete]\nid = "player-07"\n'
    (own / "session.toml").write_text(head)
    assert done("push", own, "--dry-run", cwd=tmp_path).stdout
    done("report", own, cwd=tmp_path)
    others = {
        "athlete": write_session(tmp_path / "a", session="own", athlete="player-08"),
        "start": write_session(tmp_path / "b", session="own", start="2026-11-24T14:05:00Z"),
        "session": write_session(tmp_path / "c", session="another"),
    }
    for what, other in others.items():
        for part in ("live", "review"):
            mixed = tmp_path / f"{what} {part}"
            shutil.copytree(own, mixed)
            shutil.copytree(other / part, mixed / part, dirs_exist_ok=True)
            for command in (("push", mixed, "--dry-run"), ("report", mixed)):
                said = refused(*command, cwd=tmp_path)
                assert said.startswith(f"{mixed}: these are not parts of one session: ")
                assert f"says {what}" in said
            checked = hiphinge("doctor", "--sessions", tmp_path, cwd=tmp_path)
            assert f"NOT {mixed.name}: " in checked.stdout
            assert checked.returncode == 1
            shutil.rmtree(mixed)
    longer = write_session(tmp_path / "d", seconds=120, session="own")
    for table in ("angles", "orientations", "repetitions"):
        for source, into in ((longer, own), (own, longer)):
            mixed = tmp_path / f"{table} of {source.name}"
            shutil.copytree(into, mixed)
            shutil.copyfile(source / f"live/{table}.parquet", mixed / f"live/{table}.parquet")
            if (table, into) != ("orientations", longer):
                assert f"live/{table}.parquet" in refused("push", mixed, "--dry-run", cwd=tmp_path)
    (own / "session.toml").write_text(head.replace("]", ""))
    assert "session.toml, line 2: broken TOML" in refused("push", own, "--dry-run", cwd=tmp_path)


@pytest.mark.influx
def test_what_the_database_has_lost_is_sent_again_although_the_ledger_says_that_all_is_there(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    done("push", "--all", cwd=sessions, **settings)
    whole = stored(server)
    assert done("push", "--all", cwd=sessions, **settings).stdout == "Everything was sent.\n"
    first, second = (row for row in whole["repetition"][:2])
    own = "repetition,athlete=player-07,session=evening,estimator"
    lines = [f"{own}={row['estimator']} void=true {row['time']}" for row in (first, second)]
    # one that is none, and one of an evening of the same name, a week before
    lines += [
        f"{own}=live index=99i,void=false {first['time'] + 7}",
        f"{own}=live index=0i,void=false {first['time'] - 7 * 86400 * 10**9}",
    ]
    server.write("\n".join(lines), DATABASE)
    said = done("push", "--all", cwd=sessions, **settings)
    assert "are void" in said.stderr
    assert "1 are not in the tables" in said.stderr
    now = stored(server)["repetition"]
    assert [row for row in now if row["index"] not in (99,)][1:] == whole["repetition"]
    assert [row["void"] for row in now if row["index"] in (99,)] == [True]
    assert now[0]["void"] is False, "of another day"
    for measurement in ("repetition", "angles", "session", "screen", "sensor_health"):
        server.query(f"DELETE FROM \"{measurement}\" WHERE session = 'evening'", DATABASE)
        said = done("push", "--all", cwd=sessions, **settings)
        assert "InfluxDB does not have what was sent" in said.stderr
        assert stored(server) == whole
    assert done("push", "--all", cwd=sessions, **settings).stdout == "Everything was sent.\n"


@pytest.mark.influx
def test_where_the_server_may_not_be_asked_the_ledgers_count(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    only_writes = settings | {"HIPHINGE_INFLUX_TOKEN": "writer:s3cret-word"}
    done("push", "--all", cwd=sessions, **only_writes)
    again = done("push", "--all", cwd=sessions, **only_writes)
    assert again.stdout == "Everything was sent.\n"
    assert "InfluxDB cannot be asked what it holds" in again.stderr
    assert "The ledgers decide what was sent before" in again.stderr
    assert "s3cret" not in again.stderr


@pytest.mark.influx
def test_a_copy_is_refused_also_when_its_original_was_renamed(
    server: InfluxDB, settings: dict[str, str], sessions: Path
) -> None:
    """Neither bears the session's name then, so neither may be sent over the other, whoever is sent first."""
    done("push", sessions / "evening", cwd=sessions, **settings)
    before = stored(server)
    shutil.copytree(sessions / "evening", sessions / "copy")
    (sessions / "copy/edits.toml").write_text("[[repetition]]\nat_s = 10.0\ndeleted = true\n")
    (sessions / "evening").rename(sessions / "moved")
    for name, other in (("copy", "moved"), ("moved", "copy")):
        said = refused("push", sessions / name, cwd=sessions, **settings)
        assert f"{other} holds other results under the same session name" in said
    assert hiphinge("push", "--all", cwd=sessions, **settings).returncode == 1
    assert stored(server) == before
