"""What is compressed: lines to a server that is not in this computer's network, and they arrive as they were."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from dashboards.influx.sending.distance import is_near
from dashboards.influx.sending.sender import Sender
from tests.peers.influxdb import InfluxDB, influxdb

LINES = [f"angles,athlete=a,session=s,estimator=live x={i}.5 {i}".encode() for i in range(1, 2001)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:8086", True),
        ("http://127.0.0.1:8086", True),
        ("http://192.168.1.20:8086", True),
        ("https://10.1.2.3", True),
        ("https://[fd00::1]:8086", True),
        ("https://[fe80::1]:8086", True),
        ("https://8.8.8.8", False),
        ("https://100.64.0.1", False),
        ("https://[2001:4860:4860::8888]", False),
        ("https://nobody.invalid", True),
    ],
)
def test_a_server_in_a_private_network_is_near(url: str, near: bool) -> None:
    assert is_near(url) is near


@pytest.mark.influx
@pytest.mark.parametrize("compress", [None, False, True])
def test_lines_arrive_compressed_or_not(server: InfluxDB, compress: bool | None) -> None:
    with Sender(server.fresh("far"), compress=compress) as sender:
        sender.send_each(LINES, lambda line, words: pytest.fail(words))
    (body,) = server.received
    plain = gzip.decompress(body) if compress else body
    assert plain == b"\n".join(LINES)
    assert len(body) < len(plain) / 4 or not compress
    (series,) = server.query('SELECT count("x"), sum("x") FROM "angles"', "far")
    assert series["values"][0][1:] == [2000, sum(i + 0.5 for i in range(1, 2001))]


@pytest.mark.influx
def test_a_line_that_is_never_taken_is_found_among_compressed_ones(server: InfluxDB) -> None:
    aside: list[bytes] = []
    with Sender(server.fresh("far"), compress=True) as sender:
        sender.send_each([*LINES[:50], b"no line", *LINES[50:100]], lambda line, words: aside.append(line))
    assert aside == [b"no line"]
    (series,) = server.query('SELECT count("x") FROM "angles"', "far")
    assert series["values"][0][1] == 100
