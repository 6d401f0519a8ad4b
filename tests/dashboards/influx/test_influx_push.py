"""A session sent into a real InfluxDB and read back; every way in which it may refuse, in the user's words."""

from __future__ import annotations

import re
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from body_signals import HiphingeError
from dashboards.influx.delivery import missing, push
from dashboards.influx.drain import rejected_lines
from dashboards.influx.line_protocol import points
from dashboards.influx.sending.patience import Patience
from dashboards.influx.sending.sender import InfluxSettings, Sender, server_facts
from dashboards.tables import read_repetitions
from tests.dashboards.synthetic_results import SENSORS, write_session
from tests.peers.influxdb import InfluxDB, influxdb

pytestmark = pytest.mark.influx

ADMIN = ("admin", "s3cret-word")
DATABASE = "hip"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        running.query("CREATE USER reader WITH PASSWORD 's3cret-word'")
        yield running


@pytest.fixture
def database(server: InfluxDB) -> InfluxDB:
    server.fresh(DATABASE)
    return server


@pytest.fixture
def settings(server: InfluxDB) -> InfluxSettings:
    return InfluxSettings(server.url, ":".join(ADMIN), "", DATABASE)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("pushed"), athlete="Zoë B, 1=2")


@pytest.fixture
def two_batches(written: Path, tmp_path: Path) -> Path:
    """A session of 250 s, whose first part holds 5000 lines."""
    return Path(shutil.copytree(written, tmp_path / "session"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("written"), "live", seconds=250)


def stored(server: InfluxDB) -> dict[str, list[dict]]:
    return {
        m: server.rows(f'SELECT * FROM "{m}"', DATABASE)
        for m in ("angles", "repetition", "session", "screen", "mark", "sensor_health")
    }


def test_a_session_is_read_back_as_it_was_sent(database: InfluxDB, settings: InfluxSettings, session: Path) -> None:
    heard: list[int] = []
    report = push(session, settings, progress=heard.append)
    lines = list(points(session))
    assert report.lines == len(lines) == sum(report.by_measurement.values()) == heard[-1]
    assert report.requests == len(database.received) == len(heard) == 2
    assert report.bytes == sum(map(len, database.received))
    several = {"session": 2, "screen": 2, "mark": 8, "sensor_health": 12}
    assert report.by_measurement == {"angles": 4500, "repetition": 24} | several

    back = stored(database)
    assert {m: len(rows) for m, rows in back.items()} == report.by_measurement
    assert {r["athlete"] for rows in back.values() for r in rows} == {"Zoë B, 1=2"}
    assert {r["placement"] for r in back["sensor_health"]} == set(SENSORS)
    for estimator in ("live", "review"):
        reps = read_repetitions(session, estimator).to_pylist()
        rows = [r for r in back["repetition"] if r["estimator"] == estimator]
        assert len(rows) == len(reps)
        for row, rep in zip(rows, reps, strict=True):
            assert row["time"] == 1_795_442_700 * 10**9 + round(rep["start_s"] * 1e9)
            for name, value in rep.items():
                if isinstance(value, float) and np.isnan(value):
                    assert row.get(name) is None
                elif isinstance(value, float):
                    assert np.float32(row[name]) == np.float32(value)
                else:
                    assert row[name] == value
    sent = [line for line in lines if line.startswith("angles,") and "estimator=review" in line]
    rows = [r for r in back["angles"] if r["estimator"] == "review"]
    for line, row in zip(sent, rows, strict=True):
        fields = dict(pair.split("=") for pair in line.rsplit(" ", 2)[1].split(","))
        assert row["time"] == int(line.rsplit(" ", 1)[1])
        assert {k: v for k, v in row.items() if v is not None and k.endswith("_deg")} == {
            k: float(v) for k, v in fields.items() if k.endswith("_deg")
        }


def test_sending_twice_changes_nothing(database: InfluxDB, settings: InfluxSettings, session: Path) -> None:
    push(session, settings)
    once = stored(database)
    push(session, settings)
    assert stored(database) == once


def test_long_sessions_travel_in_batches(database: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    report = push(write_session(tmp_path, "live", seconds=450), settings)
    assert report.requests == len(database.received) == 4
    assert [body.count(b"\n") + 1 for body in database.received] == [20, 5000, 5000, report.lines - 10020]
    assert database.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == 450 * 25


def test_a_named_retention_policy_is_used(database: InfluxDB, settings: InfluxSettings, session: Path) -> None:
    database.query(f"CREATE RETENTION POLICY forever ON {DATABASE} DURATION INF REPLICATION 1")
    push(session, replace(settings, bucket=f"{DATABASE}/forever"))
    assert len(database.rows('SELECT * FROM "forever"."session"', DATABASE)) == 2
    assert database.query('SELECT * FROM "session"', DATABASE) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": "admin:wr0ng-word"}, "does not accept the token: status 401.*HIPHINGE_INFLUX_TOKEN"),
        ({"token": ""}, "does not accept the token: status 401.*HIPHINGE_INFLUX_TOKEN"),
        ({"token": "reader:s3cret-word"}, "does not let this token write: status 403"),
        ({"bucket": "nowhere"}, "does not know the bucket.*status 404 .*nowhere.*HIPHINGE_INFLUX_BUCKET"),
        ({"bucket": "hip/never"}, "does not know the retention policy: status 500 .*never.*after the slash"),
    ],
)
def test_refusals_say_what_to_change(database: InfluxDB, settings: InfluxSettings, session: Path, change, message: str) -> None:
    with pytest.raises(HiphingeError, match=message) as caught:
        push(session, replace(settings, **change))
    assert str(caught.value).startswith(settings.url)
    assert "s3cret" not in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    assert database.query('SELECT * FROM "angles"', DATABASE) == []


def test_lines_that_the_server_never_takes_are_set_aside(database: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    session = write_session(tmp_path / "conflict")
    write_raw(database, "repetition,athlete=x,session=x,estimator=x index=1.5 1795442700000000000")
    report = push(session, settings)
    assert report.rejected == 24
    assert report.lines == 4500 + 2 + 2 + 8 + 12
    aside = rejected_lines(session / "outbox")
    assert [line for line, _ in aside] == [line for line in points(session) if line.startswith("repetition,")]
    assert all("field type conflict" in words and "index" in words for _, words in aside)
    push(session, settings)
    assert rejected_lines(session / "outbox") == aside, "sent again, set aside once"
    database.query('DROP MEASUREMENT "repetition"', DATABASE)
    assert push(session, settings).rejected == 0
    assert rejected_lines(session / "outbox") == []
    assert database.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == 4500


def test_what_is_rejected_as_a_whole_is_not_tried_line_by_line(database: InfluxDB, settings: InfluxSettings) -> None:
    write_raw(database, "repetition,athlete=x,session=x,estimator=x index=1.5 1795442700000000000")
    lines = [f"repetition,athlete=x,session=x,estimator=x index={i}i {1795442700000000001 + i}".encode() for i in range(700)]
    aside: list[bytes] = []
    with Sender(settings) as sender:
        sender.send_each(lines, lambda line, _: aside.append(line))
        assert aside == lines
        assert len(database.received) == 1
        sender.send_each([*lines[:3], b"angles,athlete=x,session=x,estimator=x quality=0i 1", *lines[3:]], lambda *_: None)
    assert len(database.rows('SELECT * FROM "angles"', DATABASE)) == 1


@pytest.mark.parametrize("fault", [413, (422, '{"code":"unprocessable entity","message":"failure writing points"}')])
def test_a_request_that_is_refused_as_a_whole_is_sent_in_parts(
    database: InfluxDB, settings: InfluxSettings, two_batches: Path, fault
) -> None:
    database.plan[:] = [None, None, fault]
    assert push(two_batches, settings).rejected == 0
    assert database.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == 250 * 25


def test_a_repetition_that_is_no_more_is_voided(database: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    session = write_session(tmp_path, "live")
    push(session, settings)
    before = database.rows('SELECT * FROM "repetition"', DATABASE)
    stamp = before[3]["time"]
    rewrite_without(session, 3)
    assert missing(session) == ("live",)
    push(session, settings)
    assert missing(session) == ()
    after = database.rows('SELECT * FROM "repetition"', DATABASE)
    assert [r["time"] for r in after] == [r["time"] for r in before]
    assert [r["time"] for r in after if r["void"]] == [stamp]


def rewrite_without(session: Path, index: int) -> None:
    """A re-analysis that does not find one of the repetitions."""
    file = session / "live/repetitions.parquet"
    table = pq.read_table(file)
    pq.write_table(table.filter(pc.not_equal(table["index"], index)), file)


def write_raw(server: InfluxDB, line: str) -> None:
    address = f"http://127.0.0.1:{server.port}/write?db={DATABASE}&u={ADMIN[0]}&p={ADMIN[1]}"
    with urllib.request.urlopen(urllib.request.Request(address, line.encode(), method="POST")) as answer:
        assert answer.status == 204


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("drop", "the connection to InfluxDB broke, after 5020 lines"),
        (503, "cannot accept lines now: status 503.*, after 5020 lines.*push again.*It was tried [0-9]+ times in [01] s"),
        (429, "cannot accept lines now: status 429"),
        ((404, "404 page not found\n"), "has no /api/v2/write: status 404.*1.8 or later"),
        ((500, "s3cret-word is wrong, said admin:s3cret-word"), r"status 500 \(… is wrong, said …\)"),
        ((503, "", {"Retry-After": "3600"}), "tried once in 0 s; the server asks to wait 3600 s"),
    ],
)
def test_faults_that_last_are_told_and_a_later_push_heals_them(
    database: InfluxDB, settings: InfluxSettings, two_batches: Path, fault, message: str
) -> None:
    database.plan[:] = [None, None, *[fault] * 100]
    with pytest.raises(HiphingeError, match=message) as caught:
        push(two_batches, settings, patience=Patience(0.5))
    assert "s3cret" not in str(caught.value)
    assert len(database.plan) > 80, "few attempts"
    database.plan.clear()
    push(two_batches, settings)
    assert database.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == 250 * 25


def test_nobody_there_and_silence_are_told(session: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        settings = InfluxSettings(f"http://127.0.0.1:{port}", "", "", DATABASE)
        with pytest.raises(HiphingeError, match="did not answer in time, after 0 lines"):
            push(session, settings, timeout_s=0.3, patience=Patience(0.5))
    with pytest.raises(HiphingeError, match=rf"http://127\.0\.0\.1:{port}.*cannot be reached \(Connection refused\)"):
        push(session, settings, patience=Patience(0.5))


def test_a_server_that_answers_says_who_it_is(database: InfluxDB, settings: InfluxSettings) -> None:
    assert re.fullmatch(rf"{re.escape(settings.url)} answers, version 1\.6\.\d\S*", str(server_facts(settings)))
    database.plan[:] = [503]
    with pytest.raises(HiphingeError, match="cannot accept lines now: status 503"):
        server_facts(settings)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        silent = replace(settings, url=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(HiphingeError, match="did not answer in time"):
            server_facts(silent, timeout_s=0.3)
    with pytest.raises(HiphingeError, match="cannot be reached"):
        server_facts(silent)
