"""A live session whose InfluxDB does not take results: one clear line, the session goes on, nothing is lost, no token shown."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from benchmarks.stored import compare
from dashboards.influx.delivery import missing
from dashboards.influx.outbox import FOLDER, waiting_bytes
from dashboards.influx.sending.sender import InfluxSettings, Sender
from hiphinge.live.delivery import LiveDelivery
from hiphinge.session.in_progress import SessionInProgress
from tests.contract.command_line import done, hiphinge
from tests.contract.recorded_sessions import simulated_briefly
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.tls import self_signed
from tests.peers.web import web
from virtual_athlete import SimulatedSession

pytestmark = pytest.mark.influx

ADMIN = ("admin", "s3cret-word")
WRONG = "t0ken-that-nobody-may-see"
DATABASE = "gym"


@pytest.fixture(scope="module")
def brief() -> SimulatedSession:
    return simulated_briefly()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), user=ADMIN) as running:
        yield running


@pytest.fixture
def settings(server: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> InfluxSettings:
    monkeypatch.setattr("hiphinge.live.delivery.DELIVERY_PATIENCE_S", 0.1)
    monkeypatch.setattr("dashboards.influx.sending.patience.SENDING_PATIENCE_S", 0.5)
    return server.fresh(DATABASE)


def run(folder: Path, brief: SimulatedSession, settings: InfluxSettings) -> set[str]:
    """A session from beginning to end; every trouble that was told."""
    running = SessionInProgress(folder, brief.session)
    running.sinks.add(LiveDelivery(folder, brief.session, settings))
    told = set()
    for k in range(0, len(brief.events), 100):
        running.take(brief.events[k : k + 100])
        told.add(running.sinks.trouble)
    until = time.monotonic() + 20.0
    while not running.sinks.trouble and time.monotonic() < until:
        time.sleep(0.02)
    told.add(running.sinks.trouble)
    running.close()
    return told - {""}


def everything_arrives(server: InfluxDB, settings: InfluxSettings, folder: Path) -> None:
    """What the person does then: correct the setting, and push."""
    said = done("push", "--all", cwd=folder, **words(settings), HIPHINGE_SESSIONS=str(folder.parent))
    assert ADMIN[1] not in said.stdout + said.stderr
    assert missing(folder) == ()
    assert waiting_bytes(folder / FOLDER) == 0
    lines, difference = compare(server, DATABASE, [folder])
    assert lines > 1400
    assert difference.none, difference.examples


def words(settings: InfluxSettings) -> dict[str, str]:
    return {
        "HIPHINGE_INFLUX_URL": settings.url,
        "HIPHINGE_INFLUX_TOKEN": settings.token,
        "HIPHINGE_INFLUX_BUCKET": settings.bucket,
    }


def nowhere_in(folder: Path, *secrets: str) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path


@contextmanager
def as_it_is(change: dict[str, str]) -> Iterator[dict[str, str]]:
    yield change


@contextmanager
def nobody() -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    yield {"url": url}


@contextmanager
def web_site() -> Iterator[dict[str, str]]:
    with web(lambda _: (200, {"Content-Type": "text/html"}, "<html>")) as site:
        yield {"url": site.url}


@contextmanager
def web_site_by_https() -> Iterator[dict[str, str]]:
    with web(lambda _: (204, {}, "")) as site:
        yield {"url": site.url.replace("http:", "https:")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (lambda: as_it_is({"token": f"admin:{WRONG}"}), "InfluxDB does not accept the token: status 401"),
        (lambda: as_it_is({"bucket": "nowhere"}), "InfluxDB does not know the bucket or organisation: status 404"),
        (lambda: as_it_is({"bucket": f"{DATABASE}/never"}), "InfluxDB does not know the retention policy"),
        (nobody, "InfluxDB cannot be reached (Connection refused)"),
        (web_site, "this is not an InfluxDB: it answers a write with status 200"),
        (web_site_by_https, "the encrypted connection failed"),
    ],
)
def test_a_session_goes_on_and_nothing_is_lost(
    server: InfluxDB, settings: InfluxSettings, brief: SimulatedSession, tmp_path: Path, fault: Callable, line: str
) -> None:
    with fault() as change:
        wrong = replace(settings, **change)
        (told,) = run(tmp_path / "session", brief, wrong)
        assert told.startswith(f"{wrong.url}, bucket {wrong.bucket}: {line}")
        assert "\n" not in told
        assert told.count(". ") >= 1, "what to do"
        said = hiphinge("push", tmp_path / "session", cwd=tmp_path, **words(wrong))
        assert said.returncode == 1
        assert said.stderr.startswith(f"hiphinge: {told[:60]}")
        said_more = hiphinge("doctor", cwd=tmp_path, **words(wrong), HIPHINGE_SESSIONS=str(tmp_path))
        assert "InfluxDB does not have all of 1 sessions (" in said_more.stdout
        everyone_heard = told + said.stdout + said.stderr + said_more.stdout + said_more.stderr
        assert WRONG not in everyone_heard
        assert ADMIN[1] not in everyone_heard
    nowhere_in(tmp_path / "session", WRONG, ADMIN[1])
    everything_arrives(server, settings, tmp_path / "session")
    nowhere_in(tmp_path / "session", WRONG, ADMIN[1])


@pytest.mark.slow
def test_a_certificate_that_is_not_trusted(
    server: InfluxDB, settings: InfluxSettings, brief: SimulatedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with self_signed(tmp_path) as (url, certificate):
        there = replace(settings, url=url, token=WRONG)
        (told,) = run(tmp_path / "session", brief, there)
        assert told.startswith(f"{url}, bucket {DATABASE}: the server's certificate is not trusted (self-signed certificate)")
        assert "SSL_CERT_FILE" in told
        assert WRONG not in told
        assert "certificate" in hiphinge("forget", "simulated", "--yes", cwd=tmp_path, **words(there)).stderr
        # what the line says helps
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Sender(there) as sender:
            sender.send(b"session,athlete=a repetitions=1i 1")
    everything_arrives(server, settings, tmp_path / "session")


@pytest.mark.slow
def test_a_clock_that_is_ahead(server: InfluxDB, settings: InfluxSettings, brief: SimulatedSession, tmp_path: Path) -> None:
    before = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    server.plan[:] = [None, (204, "", {"Date": before, "X-Influxdb-Version": "1.6.7"})]
    (told,) = run(tmp_path / "session", brief, settings)
    assert told.startswith(("this computer's clock is 1:00:0", "this computer's clock is 0:59:5"))
    assert f"ahead of that of {settings.url}" in told
    assert "nothing is lost" in told
    server.plan[:] = [(204, "", {"Date": before, "X-Influxdb-Version": "1.6.7"})]
    found = {f["what"]: f for f in json.loads(hiphinge("doctor", "--json", cwd=tmp_path, **words(settings)).stdout)}
    assert not found["clock"]["ok"]
    assert "ahead of" in found["clock"]["found"]
    everything_arrives(server, settings, tmp_path / "session")
