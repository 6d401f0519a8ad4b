"""A live session's results on their way: the lines are those of its tables, and they arrive once, whatever the server does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dashboards.delivery import Courier, missing, push
from dashboards.influx import InfluxSettings
from dashboards.line_protocol import LiveLines, closing_points, points
from dashboards.outbox import FOLDER, Outbox, waiting_bytes
from dashboards.tables import TableWriter
from dsp.results import AngleRows
from signals import Placement, Sensor, Session
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary
from tests.peers.influxdb import InfluxDB, influxdb

DATABASE = "hip"
MEASUREMENTS = ("angles", "repetition", "session", "sensor_health")


def cut(rows: AngleRows, size: int) -> Iterator[AngleRows]:
    for k in range(0, len(rows.time_s), size):
        part = slice(k, k + size)
        yield AngleRows(rows.time_s[part], rows.angles[part], rows.sd[part], rows.quality[part])


def live_session(folder: Path, seconds: float = 90.0) -> tuple[Session, AngleRows]:
    """Results on disk, and what a live session would have handed on."""
    rows = angle_rows(seconds)
    reps = repetitions(rows)
    with TableWriter(folder, "live") as out:
        out.angles(rows)
        for rep in reps:
            out.repetition(rep)
        out.close(summary("live", len(reps)))
    head = summary("live", len(reps))
    start = datetime.fromisoformat(str(head["start"]))
    return Session(start, str(head["athlete"]), (Sensor(Placement.LUMBAR, family="hiphinge-v1"),)), rows


@pytest.mark.parametrize("size", [1, 13, 400, 9000])
def test_live_lines_are_those_of_the_tables(tmp_path: Path, size: int) -> None:
    session, rows = live_session(tmp_path, 30.0 if size == 1 else 90.0)
    name = str(summary("live", 0)["session"])
    live = LiveLines(session, name, tmp_path)
    reps = repetitions(rows)
    lines: list[str] = []
    for part in cut(rows, size):
        ended = [r for r in reps if part.time_s[0] <= r.end_s + 0.005 < part.time_s[-1] + 0.01]
        lines += live.of([part], ended)
        reps = [r for r in reps if r not in ended]
    lines += live.of([], reps)
    lines += closing_points(tmp_path, ["live"])
    assert sorted(lines) == sorted(points(tmp_path, ["live"]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture
def settings(server: InfluxDB) -> InfluxSettings:
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    server.plan.clear()
    return InfluxSettings(server.url, "", "", DATABASE)


def stored(server: InfluxDB) -> dict[str, list[dict]]:
    return {m: server.rows(f'SELECT * FROM "{m}"', DATABASE) for m in MEASUREMENTS}


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.influx
def test_a_courier_brings_everything_through_faults(server: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    session, rows = live_session(tmp_path)
    push(tmp_path, settings, ["live"])
    wanted = stored(server)
    server.query(f"DROP DATABASE {DATABASE}")
    server.query(f"CREATE DATABASE {DATABASE}")
    live = LiveLines(session, str(summary("live", 0)["session"]), tmp_path)
    server.plan[:] = [503, "drop", None, (500, "late"), 429, None, "drop"]
    with Outbox(tmp_path / FOLDER, segment_bytes=200_000) as outbox:
        courier = Courier(tmp_path / FOLDER, settings, timeout_s=2.0)
        for part in cut(rows, 500):
            outbox.append(live.of([part], []))
        outbox.append(live.of([], repetitions(rows)))
        outbox.append(list(closing_points(tmp_path, ["live"])))
    assert courier.finish(30.0)
    assert stored(server) == wanted
    assert waiting_bytes(tmp_path / FOLDER) == 0


@pytest.mark.influx
def test_a_wrong_token_is_trouble_and_not_a_loss(server: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    live_session(tmp_path)
    server.plan[:] = [401] * 3
    with Outbox(tmp_path / FOLDER) as outbox:
        outbox.append(list(points(tmp_path, ["live"])))
        courier = Courier(tmp_path / FOLDER, settings)
        wait_for(lambda: courier.trouble)
    assert "does not accept the token" in courier.trouble
    courier.stop()
    server.plan.clear()
    assert waiting_bytes(tmp_path / FOLDER) > 100_000
    assert missing(tmp_path) == ("live",)
    push(tmp_path, settings)
    assert missing(tmp_path) == ()
    assert waiting_bytes(tmp_path / FOLDER) == 0
    assert len(stored(server)["angles"]) == 90 * 25


@pytest.mark.influx
def test_a_courier_stops_at_once_while_the_server_is_away(settings: InfluxSettings, tmp_path: Path) -> None:
    nobody = InfluxSettings("http://127.0.0.1:9", "", "", DATABASE)
    with Outbox(tmp_path / FOLDER) as outbox:
        outbox.append(["session,athlete=a,session=b,estimator=live repetitions=1i 1795442700000000000"])
        courier = Courier(tmp_path / FOLDER, nobody, timeout_s=2.0)
        wait_for(lambda: courier.trouble)
        began = time.monotonic()
        assert not courier.finish(0.1)
        assert time.monotonic() - began < 5.0
    assert waiting_bytes(tmp_path / FOLDER) > 0
    assert courier.lines == 0
