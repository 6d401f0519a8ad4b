"""`hiphinge push` into a real InfluxDB: what arrives is what the tables say, sending twice changes nothing."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from dashboards.influx.sending.sender import InfluxSettings, Sender
from dashboards.tables import available_estimators, read_angles, read_repetitions, read_summary
from hiphinge.session.lock import FolderLock
from tests.contract.command_line import done, hiphinge, refused, tree
from tests.contract.recorded_sessions import recording, simulated_demo
from tests.peers.influxdb import InfluxDB, influxdb

ADMIN = ("admin", "s3cret-word")
DATABASE = "gym"
MEASUREMENTS = ("angles", "repetition", "session", "screen", "mark", "sensor_health")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's recording, replayed."""
    folder = tmp_path_factory.mktemp("session")
    simulated = simulated_demo("player-07")
    recording(folder / "recording.mcap", simulated.session, simulated.events)
    done("replay", "recording.mcap", "--out", "evening", cwd=folder)
    return folder / "evening"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        yield running


@pytest.fixture
def settings(server: InfluxDB) -> dict[str, str]:
    """The environment that points to an empty database."""
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    return {
        "HIPHINGE_INFLUX_URL": server.url,
        "HIPHINGE_INFLUX_TOKEN": ":".join(ADMIN),
        "HIPHINGE_INFLUX_BUCKET": DATABASE,
    }


def stored(server: InfluxDB) -> dict[str, list[dict]]:
    return {m: server.rows(f'SELECT * FROM "{m}"', DATABASE) for m in MEASUREMENTS}


@pytest.mark.influx
def test_what_is_read_back_is_what_the_tables_say(
    server: InfluxDB, settings: dict[str, str], session: Path, tmp_path: Path
) -> None:
    before = tree(session)
    printed = done("push", session, cwd=tmp_path, **settings).stdout
    back = stored(server)
    counts = {m: len(rows) for m, rows in back.items()}
    assert counts["repetition"] == sum(read_repetitions(session, e).num_rows for e in ("live", "review")) == 28
    assert counts["session"] == 2
    minutes = {h["time"] for h in back["sensor_health"]}
    assert counts["sensor_health"] == 4 * len(minutes) == 4 * 3, "the session, its first minute, and the rest"
    rows = sum(read_angles(session, e).num_rows for e in ("live", "review"))
    assert counts["angles"] == pytest.approx(rows / 4, abs=4)
    assert f"evening: {sum(counts.values())} points sent in " in printed
    assert tree(session) - before == {"outbox", "outbox/ledger.json"}

    start_ns = int(datetime.fromisoformat(read_summary(session, "live")["start"]).timestamp()) * 10**9
    for estimator in available_estimators(session):
        repetitions = read_repetitions(session, estimator).to_pylist()
        points = [r for r in back["repetition"] if r["estimator"] == estimator]
        assert [p["time"] for p in points] == [start_ns + round(r["start_s"] * 1e9) for r in repetitions]
        assert [p["movement"] for p in points] == [r["movement"] for r in repetitions]
        for name in ("lumbar_rom_deg", "lumbar_share_of_trunk", "hip_left_rom_deg"):
            sent = [np.nan if p[name] is None else p[name] for p in points]
            assert np.allclose(sent, [r[name] for r in repetitions], rtol=1e-6, equal_nan=True)
        (whole,) = (s for s in back["session"] if s["estimator"] == estimator)
        assert (whole["repetitions"], whole["athlete"], whole["session"]) == (len(repetitions), "player-07", "evening")
        table = read_angles(session, estimator)
        largest = np.nanmax(table["lumbar_flexion_deg"].to_numpy())
        seen = max(a["lumbar_flexion_deg"] or 0.0 for a in back["angles"] if a["estimator"] == estimator)
        assert seen == pytest.approx(largest, abs=1.0)
    health = {h["placement"]: h for h in back["sensor_health"] if h["time"] == start_ns}
    for placement, facts in read_summary(session, "review")["sensors"].items():
        assert (health[placement]["samples"], health[placement]["lost"]) == (facts["samples"], facts["lost"])


@pytest.mark.influx
def test_pushing_again_changes_nothing(server: InfluxDB, settings: dict[str, str], session: Path, tmp_path: Path) -> None:
    first = json.loads(done("push", session, "--json", cwd=tmp_path, **settings).stdout)
    once = stored(server)
    assert {m: len(rows) for m, rows in once.items()} == first["by_measurement"]
    assert first["lines"] == sum(first["by_measurement"].values())
    assert json.loads(done("push", session, "--json", cwd=tmp_path, **settings).stdout) == first
    assert stored(server) == once


@pytest.mark.influx
def test_settings_may_come_from_a_file_that_only_its_owner_reads(
    server: InfluxDB, settings: dict[str, str], session: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[influx]\nurl = "{server.url}"\ntoken = "{":".join(ADMIN)}"\nbucket = "{DATABASE}"\n')
    said = refused("push", session, "--config", file, cwd=tmp_path)
    assert said == f"{file}: holds a token and can be read by others. Run: chmod 600 {file}"
    file.chmod(0o600)
    done("push", session, "--config", file, cwd=tmp_path)
    assert len(stored(server)["session"]) == 2
    found = done("doctor", "--config", file, cwd=tmp_path).stdout
    assert f"ok  influxdb: {server.url} answers, version 1." in found


@pytest.mark.influx
def test_refusals_are_one_clear_line(server: InfluxDB, settings: dict[str, str], session: Path, tmp_path: Path) -> None:
    said = refused("push", session, cwd=tmp_path, **(settings | {"HIPHINGE_INFLUX_TOKEN": "admin:wr0ng"}))
    assert said.startswith(f"{server.url}, bucket {DATABASE}: InfluxDB does not accept the token: status 401")
    assert "Check HIPHINGE_INFLUX_TOKEN" in said
    assert "wr0ng" not in said
    said = refused("push", session, cwd=tmp_path, **(settings | {"HIPHINGE_INFLUX_BUCKET": "nowhere"}))
    assert "does not know the bucket" in said
    assert stored(server)["angles"] == []


def test_a_server_that_is_away_is_one_clear_line(session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.influx.sending.patience.SENDING_PATIENCE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    away = {"HIPHINGE_INFLUX_URL": url, "HIPHINGE_INFLUX_TOKEN": "a:b", "HIPHINGE_INFLUX_BUCKET": DATABASE}
    said = refused("push", session, cwd=tmp_path, **away)
    assert said.startswith(f"{url}, bucket {DATABASE}: InfluxDB cannot be reached (Connection refused), after 0 lines. Check ")
    checked = hiphinge("doctor", cwd=tmp_path, **away)
    assert checked.returncode == 1
    assert f"NOT influxdb: {url}, bucket {DATABASE}: InfluxDB cannot be reached" in checked.stdout
    assert "Traceback" not in checked.stderr


def test_a_dry_run_prints_line_protocol_and_needs_no_server(session: Path, tmp_path: Path) -> None:
    lines = done("push", session, "--dry-run", cwd=tmp_path).stdout.splitlines()
    kinds = [line[: line.index(",")] for line in lines]
    assert set(kinds) == set(MEASUREMENTS)
    assert kinds.count("repetition") == 28
    assert all(line.startswith((f"{k},athlete=player-07,session=evening,",)) for k, line in zip(kinds, lines, strict=True))
    stamps = [int(line.rsplit(" ", 1)[1]) for line in lines]
    start_ns = int(datetime.fromisoformat(read_summary(session, "live")["start"]).timestamp()) * 10**9
    assert min(stamps) == start_ns
    assert max(stamps) < start_ns + 90 * 10**9


def test_the_gym_is_a_field_of_the_session_and_what_the_session_says_wins(session: Path, tmp_path: Path) -> None:
    def sent(gym: str) -> list[str]:
        return done("push", session, "--dry-run", cwd=tmp_path, HIPHINGE_GYM=gym).stdout.splitlines()

    plain, north = sent(""), sent("north")
    changed = [(a, b) for a, b in zip(plain, north, strict=True) if a != b]
    assert [b.replace('gym="north",', "") for _, b in changed] == [a for a, _ in changed]
    assert all(line.startswith("session,athlete=player-07,session=evening,estimator=") for line, _ in changed)
    assert len(changed) == 2
    done("mark", session, "0", "gym south", cwd=tmp_path)
    assert [line for line in sent("north") if 'gym="south"' in line] == [
        line for line in sent("") if line.startswith("session,")
    ]


def test_without_an_influxdb_only_push_has_something_to_say(session: Path, tmp_path: Path) -> None:
    said = refused("push", session, cwd=tmp_path)
    assert said.startswith("HIPHINGE_INFLUX_URL: is not set. Set it to the address of your InfluxDB")
    assert "ok  influxdb: not configured" in done("doctor", cwd=tmp_path).stdout
    done("report", session, "--out", tmp_path / "report.html", cwd=tmp_path)
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_a_session_that_was_not_closed_is_finished_before_it_is_sent(tmp_path: Path) -> None:
    simulated = simulated_demo()
    (tmp_path / "orphan").mkdir()
    recording(tmp_path / "orphan/recording.mcap", simulated.session, simulated.events)
    result = done("push", "orphan", "--dry-run", cwd=tmp_path)
    assert result.stderr == "hiphinge: orphan was not closed; computing its results from the recording\n"
    assert {"orphan/live/summary.json", "orphan/review/summary.json"} <= tree(tmp_path)
    assert result.stdout.startswith("angles,athlete=simulated,session=orphan,estimator=live ")


@pytest.mark.influx
def test_what_was_not_taken_is_told_by_the_doctor_until_it_is(
    server: InfluxDB, settings: dict[str, str], session: Path, tmp_path: Path
) -> None:
    """Other software has written a field of ours as another type; a person sorts it out and pushes again."""
    shutil.copytree(session, tmp_path / "sessions/evening", ignore=shutil.ignore_patterns("outbox"))
    where = settings | {"HIPHINGE_SESSIONS": str(tmp_path / "sessions")}
    found = done("doctor", cwd=tmp_path, **where).stdout
    assert "ok  results: InfluxDB does not have all of 1 sessions; to send them: hiphinge push --all" in found
    with Sender(InfluxSettings(server.url, ":".join(ADMIN), "", DATABASE)) as sender:
        sender.send(b"repetition,athlete=x,session=x,estimator=x index=1.5 1795442700000000000")
    said = hiphinge("push", "--all", cwd=tmp_path, **where)
    assert said.returncode == 1
    assert "rejected 28, kept with its message in outbox/rejected.lp" in said.stderr
    checked = hiphinge("doctor", cwd=tmp_path, **where)
    assert checked.returncode == 1
    assert "NOT evening: InfluxDB rejected 28 lines" in checked.stdout
    assert "field type conflict" in checked.stdout
    assert "ok  results: all were sent" in checked.stdout
    assert "Everything was sent." in done("push", "--all", cwd=tmp_path, **where).stdout, "they block nothing"
    server.query('DROP MEASUREMENT "repetition"', DATABASE)
    done("push", tmp_path / "sessions/evening", cwd=tmp_path, **where)
    assert "evening" not in done("doctor", cwd=tmp_path, **where).stdout
    assert len(stored(server)["repetition"]) == 28


def test_a_session_that_somebody_is_at_is_not_sent(session: Path, tmp_path: Path) -> None:
    lock = FolderLock(session)
    assert lock.take()
    try:
        away = {"HIPHINGE_INFLUX_URL": "http://127.0.0.1:9", "HIPHINGE_INFLUX_BUCKET": DATABASE}
        said = refused("push", session, cwd=tmp_path, **away)
        assert said == f"{session}: another program is writing or sending this session. Wait for its end, and push again"
    finally:
        lock.release()


@pytest.mark.parametrize("words", [("--all",), ("--all", "--dry-run")])
def test_a_folder_of_sessions_that_is_not_there_is_not_one_whose_results_were_all_sent(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("")
    where = {"HIPHINGE_INFLUX_URL": "http://127.0.0.1:9", "HIPHINGE_INFLUX_TOKEN": "t", "HIPHINGE_INFLUX_BUCKET": "b"}
    for name, why in (("none", "there is no such folder. Is its disk connected?"), ("file", "this is a file")):
        said = refused("push", *words, cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path / name), **where)
        assert f"{tmp_path / name}: {why}" in said
    (tmp_path / "empty").mkdir()
    done("push", *words, cwd=tmp_path, HIPHINGE_SESSIONS=str(tmp_path / "empty"), **where)
