"""One way of sending: it waits for a server that is away, goes on where it was, and does not ask a server that refuses all."""

from __future__ import annotations

import random
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from dashboards.http_edge import Answer
from dashboards.influx.delivery import Courier, missing, push
from dashboards.influx.drain import rejected_lines
from dashboards.influx.line_protocol import points
from dashboards.influx.outbox import FOLDER, Outbox, waiting_bytes
from dashboards.influx.sending.patience import Patience, Pauses
from dashboards.influx.sending.refusals import InfluxError, Refusal, refused
from dashboards.influx.sending.sender import InfluxSettings, Sender, influx_service, send_lines
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.misbehaving import bytes_server
from tests.peers.web import Reply, Request, web

DATABASE = "hip"
SECONDS = 250


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of two batches, to be copied."""
    return write_session(tmp_path_factory.mktemp("written"), "live", seconds=SECONDS)


class EverySecond(list[Any]):
    """A plan without end: every second request has this fault."""

    def __init__(self, fault: object) -> None:
        super().__init__()
        self.fault, self.asked = fault, 0

    def pop(self, _: object = -1) -> object:
        self.asked += 1
        return self.fault if self.asked % 2 else None


@pytest.mark.influx
@pytest.mark.parametrize("fault", [503, 429, "drop", "late", (503, "", {"Retry-After": "0"})])
def test_with_every_second_request_refused_a_single_push_gets_through(
    server: InfluxDB, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: object
) -> None:
    settings = server.fresh(DATABASE)
    session = Path(shutil.copytree(written, tmp_path / "session"))
    monkeypatch.setattr(server, "plan", EverySecond(fault))
    told: list[str] = []
    report = push(session, settings, patience=Patience(told=told.append))
    assert report.rejected == 0
    whole = list(points(session))
    if fault != "late":
        assert [len(body) for body in server.received] == [
            len("\n".join(whole[a:b]).encode()) for a, b in ((0, 20), (20, 5020), (5020, len(whole)))
        ], "each batch once: it went on where it was"
    assert server.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == SECONDS * 25
    assert missing(session) == ()
    assert re.fullmatch(r"(InfluxDB is busy|the connection to InfluxDB broke), trying again in 1 s", told[0])
    assert told[1] == ""


@pytest.mark.influx
def test_a_bad_line_among_many_is_found_although_every_second_request_is_refused(
    server: InfluxDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = server.fresh(DATABASE)
    monkeypatch.setattr("dashboards.influx.sending.patience.FIRST_PAUSE_S", 0.01)
    lines = [f"angles,athlete=a,session=s q={k}i {1_795_442_700_000_000_000 + k}" for k in range(5000)]
    lines[3210] = "angles,athlete=a,session=s q= 1795442700000003210"
    monkeypatch.setattr(server, "plan", plan := EverySecond(503))
    aside: list[bytes] = []
    with Sender(settings, waiting=Patience()) as sender:
        report = send_lines(lines, sender, lambda line, _: aside.append(line))
    assert aside == [lines[3210].encode()]
    assert report.lines == 4999
    assert plan.asked < 100
    assert server.rows('SELECT count("q") FROM "angles"', DATABASE)[0]["count"] == 4999


@pytest.mark.influx
@pytest.mark.slow
def test_twenty_at_once_all_arrive_though_connections_break(
    server: InfluxDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = server.fresh(DATABASE)
    folders = [write_session(tmp_path / f"s{k}", "live", seconds=20, session=f"s{k}") for k in range(20)]
    dice = random.Random(3)

    class Sometimes(list[Any]):
        def pop(self, _: object = -1) -> object:
            return dice.choice([None, None, None, "drop", "late", 503])

    monkeypatch.setattr(server, "plan", Sometimes())
    with ThreadPoolExecutor(20) as pool:
        reports = list(pool.map(lambda folder: push(folder, settings), folders))
    assert {report.rejected for report in reports} == {0}
    assert server.rows('SELECT count("quality") FROM "angles"', DATABASE)[0]["count"] == 20 * 20 * 25


@pytest.mark.influx
def test_a_server_that_comes_back_within_the_patience_gets_all(server: InfluxDB, tmp_path: Path) -> None:
    settings = server.fresh(DATABASE)
    session = write_session(tmp_path, "live", seconds=30)
    server.stop()
    timer = threading.Timer(1.0, server.start)
    timer.start()
    try:
        assert push(session, settings).lines == len(list(points(session)))
    finally:
        timer.join()


def test_one_that_was_given_up_is_not_waited_for_again(tmp_path: Path) -> None:
    nobody = InfluxSettings("http://127.0.0.1:1", "", "", DATABASE)
    said: list[str] = []
    patience = Patience(2.0, said.append)
    waited = []
    for k in range(3):
        session = write_session(tmp_path / str(k), "live", seconds=10)
        with pytest.raises(HiphingeError, match="cannot be reached"):
            push(session, nobody, patience=patience)
        waited.append(len(said))
    # pauses of 0.2, 0.4, 0.8 and 1.6 s, or half of each
    assert 2 <= waited[0] <= 4
    assert waited[1:] == waited[:1] * 2


def test_a_wrong_token_ends_at_once(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=10)
    with web(lambda _: (401, {}, '{"error":"authorization failed"}')) as site:
        with pytest.raises(HiphingeError, match="does not accept the token"):
            push(session, InfluxSettings(site.url, "a:b", "", DATABASE))
        assert len(site.asked) == 1


def answers(status: int, headers: dict[str, str]) -> InfluxError:
    service = influx_service(InfluxSettings("http://h", "", "", "b"))
    return refused(Answer(status, headers, b""), service)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("9" * 5000, 0.0),
        ("soon", 0.0),
        ("in 100 s", 100.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 99999 07:28:00 GMT", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float) -> None:
    if text == "in 100 s":
        text = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error = answers(503, {"retry-after": text})
    assert error.refusal is Refusal.AWAY
    assert error.retry_after_s == pytest.approx(seconds, abs=2.0 if seconds == 100.0 else 0.0)


def test_pauses_grow_differ_and_follow_the_server() -> None:
    busy = answers(503, {})
    pauses = Pauses(0.2, 5.0)
    lengths = [pauses.next_s(busy) for _ in range(30)]
    assert all(0.5 * own <= length <= own for own, length in zip((0.2, 0.4, 0.8, 1.6, 3.2, *[5.0] * 25), lengths, strict=True))
    assert len(set(lengths)) == 30
    pauses.reset()
    assert pauses.next_s(busy) <= 0.2
    asked = [pauses.next_s(answers(429, {"retry-after": "20"})) for _ in range(10)]
    assert all(20.0 <= length <= 22.0 for length in asked)
    assert len(set(asked)) == 10
    assert pauses.next_s(answers(429, {"retry-after": "2000"}), 30.0) <= 33.0


HTTPS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


def test_plain_http_to_a_port_of_tls_is_said_after_one_request(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=60)
    with bytes_server(HTTPS) as url, pytest.raises(HiphingeError) as caught:
        push(session, InfluxSettings(url, "", "", DATABASE))
    assert "requires encryption: status 400" in str(caught.value)
    assert "Write https in place of http in HIPHINGE_INFLUX_URL" in str(caught.value)
    assert rejected_lines(session / FOLDER) == []


@pytest.mark.parametrize(
    ("status", "body", "most"),
    [
        (400, "<html><h1>400 Bad Request</h1><p>nginx</html>", 1),
        (400, "", 1),
        (422, "no", 1),
        (400, '{"error": "Bad Request"}', 1),
        (400, '{"message": "a required field is missing"}', 8),
        (400, '{"error": "points are not what is wanted here"}', 8),
        (413, "too large", 8),
        (413, '{"code":"request too large"}', 8),
    ],
)
def test_a_server_that_refuses_everything_is_not_asked_thousands_of_times(
    tmp_path: Path, status: int, body: str, most: int
) -> None:
    session = write_session(tmp_path, "live", seconds=200)
    with web(lambda _: (status, {}, body)) as site:
        with pytest.raises(HiphingeError, match=r"refuses (everything sent to it|the whole request)") as caught:
            push(session, InfluxSettings(site.url, "", "", DATABASE))
        assert len(site.asked) <= most
    words = re.sub("<.*?>", "", body).strip('{}" ').rpartition('"')[-1]
    assert words in re.sub("<.*?>", "", str(caught.value))
    assert rejected_lines(session / FOLDER) == []
    assert missing(session) == ("live",)


def test_a_server_that_names_no_line_but_takes_the_good_ones_gets_them() -> None:
    taken: set[bytes] = set()

    def answer(request: Request) -> Reply:
        lines = request.body.split(b"\n")
        if any(line.startswith(b"bad") for line in lines):
            return 422, {}, '{"code":"unprocessable entity","message":"failure writing points"}'
        taken.update(lines)
        return 204, {}, ""

    lines = [f"{'bad' if k in (100, 2500, 2501, 4000) else 'good'},athlete=a q=1i {k}".encode() for k in range(5000)]
    aside: list[bytes] = []
    with web(answer) as site, Sender(InfluxSettings(site.url, "", "", DATABASE)) as sender:
        sender.send_each(lines, lambda line, _: aside.append(line))
        assert len(site.asked) < 120
    assert [line.rsplit(b" ")[-1] for line in aside] == [b"100", b"2500", b"2501", b"4000"]
    assert len(taken) == 4996


def test_requests_for_one_batch_are_bounded() -> None:
    def answer(request: Request) -> Reply:
        bad = b"bad" in request.body
        return (400, {}, '{"error":"unable to parse \'bad,athlete=a\'"}') if bad else (204, {}, "")

    lines = [f"{'bad' if k % 2 else 'good'},athlete=a q=1i {k}".encode() for k in range(5000)]
    with web(answer) as site, Sender(InfluxSettings(site.url, "", "", DATABASE)) as sender:
        with pytest.raises(HiphingeError, match="in 1000 requests for one batch"):
            sender.send_each(lines, lambda *_: None)
        assert len(site.asked) == 1000


@pytest.mark.influx
def test_a_running_session_sends_the_same_way(server: InfluxDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad line among others, every second request refused: found, and all others arrive."""
    settings = server.fresh(DATABASE)
    monkeypatch.setattr("dashboards.influx.delivery.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(server, "plan", EverySecond((429, "", {"Retry-After": "0"})))
    lines = [f"angles,athlete=a,session=s q={k}i {1_795_442_700_000_000_000 + k}" for k in range(300)]
    lines[77] = "angles,athlete=a,session=s q= 1795442700000003210"
    with Outbox(tmp_path / FOLDER) as outbox:
        courier = Courier(tmp_path / FOLDER, settings)
        outbox.append(lines)
    assert courier.finish(30.0)
    assert courier.rejected == 1
    assert rejected_lines(tmp_path / FOLDER)[0][0] == lines[77]
    assert waiting_bytes(tmp_path / FOLDER) == 0
    assert server.rows('SELECT count("q") FROM "angles"', DATABASE)[0]["count"] == 299
