"""What is deleted of an athlete in a real InfluxDB: what hiphinge wrote, by name; nothing of other programs, nobody else's."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from body_signals import HiphingeError
from dashboards.influx.erasure import Eraser
from dashboards.influx.sending.sender import InfluxSettings, Sender
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.web import Reply, Request, web

DATABASE = "gym"
ADMIN = ("admin", "s3cret-word")
EVER = (1, 1_795_442_700_000_000_000, 4_102_444_800_000_000_000)
"""1970, now, 2100: in ns."""
OTHERS = (
    "weather,place=gym c=21",
    "steps,athlete=o'neil n=4i",
    "angles,session=hers q=1i",
    "angles,athlete=o'neil2,session=s q=1i",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InfluxDB]:
    with influxdb(tmp_path, user=ADMIN) as running:
        yield running


def filled(server: InfluxDB, athlete: str) -> InfluxSettings:
    settings = server.fresh(DATABASE)
    server.query(f"CREATE RETENTION POLICY years ON {DATABASE} DURATION INF REPLICATION 1")
    tag = re.sub("([, =])", r"\\\1", athlete)
    with Sender(settings) as sender:
        for stamp in EVER:
            ours = [f"{m},athlete={tag},session=s q=1i {stamp}" for m in ("angles", "repetition", "session", "screen", "mark")]
            ours.append(f"sensor_health,athlete={tag},session=s,placement=pelvis q=1i {stamp}")
            sender.send("\n".join([*ours, *(f"{line} {stamp}" for line in OTHERS)]).encode())
    server.query(f'SELECT mean(q) INTO {DATABASE}."years"."angles_1s" FROM "angles" GROUP BY *', DATABASE)
    return settings


def stored(server: InfluxDB) -> dict[str, int]:
    """Rows by policy, measurement and athlete."""
    found: dict[str, int] = {}
    for policy in ("autogen", "years"):
        for series in server.query(f'SELECT * FROM "{policy}"./.*/ GROUP BY athlete', DATABASE):
            found[f"{policy} {series['name']} {series['tags']['athlete']}"] = len(series["values"])
    return found


@pytest.mark.influx
@pytest.mark.parametrize("athlete", ["o'neil", "Jörg 2", "a*b", "' OR 1=1 --", "a\\'b"])
def test_ours_of_one_athlete_goes_and_all_else_stays(server: InfluxDB, athlete: str) -> None:
    settings = filled(server, athlete)
    before = stored(server)
    mine = {name for name in before if name.endswith(f" {athlete}") and " steps " not in name}
    assert len(mine) == 7
    eraser = Eraser(settings)
    assert eraser.version.startswith("1.6")
    assert set(eraser.count(athlete)) == {"angles", "angles_1s", "mark", "repetition", "screen", "sensor_health", "session"}
    assert sum(eraser.count(athlete).values()) == sum(before[name] for name in mine)
    eraser.erase(athlete)
    assert eraser.count(athlete) == {}
    assert stored(server) == {name: n for name, n in before.items() if name not in mine}
    told = " ".join(eraser.remarks)
    assert f"keeps the id {athlete!r} in its index" in told
    assert ("which hiphinge did not write and leaves: steps" in told) == (athlete == "o'neil")
    assert "s3cret" not in repr(eraser) + told


@pytest.mark.influx
@pytest.mark.parametrize("athlete", ["", " ", "*", ".*", "%", "/.*/", " a", "a\nb"])
def test_nobody_is_not_everybody(server: InfluxDB, athlete: str) -> None:
    settings = filled(server, "player-07")
    before = stored(server)
    for do in (Eraser(settings).erase, Eraser(settings).count):
        with pytest.raises(HiphingeError, match="athlete"):
            do(athlete)
    assert stored(server) == before


@pytest.mark.influx
def test_what_the_remark_says_removes_the_id_from_the_index(server: InfluxDB) -> None:
    """And no point with it."""
    settings = filled(server, "player-07")
    eraser = Eraser(settings)
    eraser.erase("player-07")
    eraser.count("player-07")
    assert len(eraser.remarks) == 1
    assert Eraser(settings).count("nobody") == {}
    before = stored(server)
    listed = 'SHOW TAG VALUES WITH KEY = "athlete"'
    assert "player-07" in json.dumps(server.query(listed, DATABASE)), "then the remark is out of date"
    server.stop()
    data = server.folder / "data" / DATABASE
    assert any(b"player-07" in file.read_bytes() for file in (data / "_series").rglob("*") if file.is_file())
    for folder in (data / "_series", *data.glob("*/*/index")):
        shutil.rmtree(folder)
    server.start()
    assert "player-07" not in json.dumps(server.query(listed, DATABASE))
    assert stored(server) == before
    assert not any(b"player-07" in file.read_bytes() for file in (data / "_series").rglob("*") if file.is_file())
    again = Eraser(settings)
    assert again.count("player-07") == {}
    assert again.remarks == ()


def test_influxdb_2_is_asked_for_one_measurement_at_a_time() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return 204, {"X-Influxdb-Version": "v2.7.4"}, ""
        if request.path.startswith("/api/v2/delete"):
            return 204, {}, ""
        if "SHOW" in parse_qs(urlsplit(request.path).query)["q"][0]:
            return 200, {}, '{"results":[{"series":[{"columns":["name"],"values":[["autogen"]]}]}]}'
        rows = [
            {"name": name, "columns": ["time", "count_q"], "values": [[0, 3]]} for name in ("angles", "angles_10m", "steps")
        ]
        return 200, {}, json.dumps({"results": [{"series": rows}]})

    with web(answer) as server:
        eraser = Eraser(InfluxSettings(server.url, "t0ken", "club", "gym"))
        assert eraser.count('a"b') == {"angles": 3, "angles_10m": 3}
        eraser.erase('a"b')
        asked = [r for r in server.asked if r.path.startswith("/api/v2/delete")]
        predicates = [json.loads(r.body)["predicate"] for r in asked]
        assert set(predicates) == {
            f'_measurement="{m}" AND athlete="a\\"b"'
            for m in ("angles", "repetition", "session", "screen", "mark", "sensor_health", "angles_1s", "angles_10m")
        }
        assert {r.headers["authorization"] for r in asked} == {"Token t0ken"}
        assert parse_qs(urlsplit(asked[0].path).query) == {"bucket": ["gym"], "org": ["club"]}


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "{}", "[]", "[" * 100_000, '{"results": [{"series": [{"name": "angles", "partial": true, "values": []}]}]}'],
)
def test_an_answer_that_is_not_whole_is_no_zero(body: str) -> None:
    policies = '{"results":[{"series":[{"columns":["name"],"values":[["autogen"]]}]}]}'

    def answer(request: Request) -> Reply:
        return 200, {"X-Influxdb-Version": "1.8.10"}, policies if "SHOW" in request.path else body

    with web(answer) as server, pytest.raises(HiphingeError, match="incomplete answer"):
        Eraser(InfluxSettings(server.url, "a:b", "", "gym")).count("player-07")


def test_neither_token_nor_id_follows_a_redirection() -> None:
    with (
        web(lambda _: (204, {"X-Influxdb-Version": "1.8.10"}, "")) as other,
        web(lambda r: (307, {"Location": other.url + r.path}, "")) as server,
        pytest.raises(HiphingeError, match=f"redirects to {other.url}/ping, which is another server"),
    ):
        Eraser(InfluxSettings(server.url, "admin:s3cret-word", "", "gym"))
    assert other.asked == []
