"""A live session's results on their way: the lines are those of its tables, and they arrive once, whatever the server does."""

from __future__ import annotations

import gzip
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from body_signals import Placement, Sensor, Session
from dashboards.influx.delivery import Courier, ledger_of, missing, note_repetitions, push
from dashboards.influx.drain import Drain
from dashboards.influx.ledger import Identity, Ledger
from dashboards.influx.line_protocol import LiveLines, closing_points, points, repetition_stamps, series_and_start
from dashboards.influx.outbox import FOLDER, Outbox, waiting_bytes
from dashboards.influx.sending.sender import InfluxSettings, Sender, server_facts
from dashboards.tables import TableWriter, read_repetitions
from dsp.results import AngleRows
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.web import Request, web

DATABASE = "hip"
MEASUREMENTS = ("angles", "repetition", "session", "screen", "sensor_health")


def cut(rows: AngleRows, size: int) -> Iterator[AngleRows]:
    for k in range(0, len(rows.time_s), size):
        yield rows.part(k, k + size)


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
    return server.fresh(DATABASE)


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
def test_clocks_that_differ_are_told_and_nothing_is_lost(server: InfluxDB, settings: InfluxSettings, tmp_path: Path) -> None:
    ahead = format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)
    server.plan[:] = [None, (204, "", {"Date": ahead})]
    with Outbox(tmp_path / FOLDER) as outbox:
        courier = Courier(tmp_path / FOLDER, settings)
        outbox.append(["session,athlete=a,session=b,estimator=live repetitions=1i 1795442700000000000"])
        wait_for(lambda: courier.remark)
    assert re.match(r"this computer's clock is (2:00:0\d|1:59:5\d) ahead of that of http", courier.remark)
    assert courier.finish(10.0)
    assert len(stored(server)["session"]) == 1
    assert server_facts(settings).clock_remark == ""


@pytest.mark.influx
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_courier_that_breaks_down_says_so_and_has_not_delivered(
    settings: InfluxSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> int:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(Drain, "step", breaks)
    with Outbox(tmp_path / FOLDER):
        courier = Courier(tmp_path / FOLDER, settings)
        assert not courier.finish(10.0)
    assert "a fault of the program ends the sending (ZeroDivisionError('by nought'))" in courier.trouble


@pytest.mark.influx
def test_files_that_have_not_changed_are_not_read_again(
    settings: InfluxSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_session(tmp_path, 30.0)
    push(tmp_path, settings)
    os.utime(tmp_path / "live/summary.json", ns=(1, 1))
    assert missing(tmp_path) == (), "touched, and the same"
    monkeypatch.setattr("dashboards.influx.delivery.digest", lambda *_: pytest.fail("read again"))
    assert missing(tmp_path) == ()


def test_results_of_which_nothing_was_acknowledged_are_not_read(tmp_path: Path) -> None:
    live_session(tmp_path, 30.0)
    (tmp_path / "live/angles.parquet").unlink()
    # reading it would be refused
    os.mkfifo(tmp_path / "live/angles.parquet")
    assert missing(tmp_path) == ("live",)


@pytest.mark.influx
def test_a_repetition_that_a_killed_session_has_sent_is_voided_when_the_tables_do_not_have_it(
    server: InfluxDB, settings: InfluxSettings, tmp_path: Path
) -> None:
    session, rows = live_session(tmp_path)
    extra = replace(repetitions(rows)[0], start_s=80.0)
    lines = LiveLines(session, str(summary("live", 0)["session"]), tmp_path).of([], [extra])
    note_repetitions(tmp_path, {"live": repetition_stamps(lines)})
    with Sender(settings) as sender:
        sender.send("\n".join(lines).encode())
    push(tmp_path, settings)
    found = {row["time"]: row["void"] for row in stored(server)["repetition"]}
    assert sum(found.values()) == 1
    assert found[int(lines[0].rsplit(" ", 1)[1])]


@pytest.mark.influx
def test_a_server_that_comes_back_at_the_end_gets_everything(
    server: InfluxDB, settings: InfluxSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The courier was waiting for half a minute between two attempts: the end wakes it."""
    monkeypatch.setattr("dashboards.influx.delivery.FIRST_WAIT_S", 30.0)
    live_session(tmp_path)
    server.plan[:] = [503]
    with Outbox(tmp_path / FOLDER) as outbox:
        outbox.append(list(points(tmp_path, ["live"])))
        courier = Courier(tmp_path / FOLDER, settings)
        wait_for(lambda: courier.trouble)
        assert courier.lines == 0
    assert courier.finish(60.0)
    assert len(stored(server)["angles"]) == 90 * 25


@pytest.mark.influx
def test_a_courier_stops_at_once_while_the_server_is_away(settings: InfluxSettings, tmp_path: Path) -> None:
    nobody = InfluxSettings("http://127.0.0.1:9", "", "", DATABASE)
    with Outbox(tmp_path / FOLDER) as outbox:
        outbox.append(["session,athlete=a,session=b,estimator=live repetitions=1i 1795442700000000000"])
        courier = Courier(tmp_path / FOLDER, nobody, timeout_s=2.0)
        wait_for(lambda: courier.trouble)
        # patience is for a server that answers
        assert not courier.finish(math.inf)
        assert not courier._thread.is_alive()
    assert waiting_bytes(tmp_path / FOLDER) > 0
    assert courier.lines == 0


def test_a_ledger_of_the_same_name_and_another_start_says_nothing_here(tmp_path: Path) -> None:
    """Two evenings of an athlete in folders of the same name: what one has sent is not the other's to void."""
    live_session(tmp_path)
    own = summary("live", 0)
    series, start_ns = series_and_start(tmp_path, "live")
    sent = {"live": {(series, start_ns + 10**9)}}
    for start, kept in ((str(own["start"]), sent["live"]), ("", sent["live"]), ("2026-11-23T13:05:00Z", None)):
        Ledger({}, sent, {}, Identity(str(own["athlete"]), str(own["session"]), start)).write(tmp_path / FOLDER)
        found = ledger_of(tmp_path, ["live"])
        assert found.repetitions.get("live") == kept
        assert {one.start for one in found.former} == ({start} if kept is None else set())


def test_what_was_voided_once_is_not_voided_again(tmp_path: Path) -> None:
    """A server that takes everything; the repetition that is no more is told in the next sending alone."""
    write_session(tmp_path, "live")
    with web(lambda _: (204, {}, "")) as site:
        settings = InfluxSettings(site.url, "", "", DATABASE)
        push(tmp_path, settings)
        at_s = read_repetitions(tmp_path, "live")["start_s"][0].as_py()
        (tmp_path / "edits.toml").write_text(f"[[repetition]]\nat_s = {at_s}\ndeleted = true\n", "utf-8")
        voids = []
        for _ in range(2):
            site.asked.clear()
            push(tmp_path, settings)
            voids.append(sum(plain(request).count(b"void=true") for request in site.asked))
    assert voids == [1, 0]


def plain(request: Request) -> bytes:
    return gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
