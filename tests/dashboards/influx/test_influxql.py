"""Questions in InfluxQL: what a real InfluxDB answers to them, and answers that must not be taken for *nothing*."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from body_signals import HiphingeError
from dashboards.influx.erasure import Eraser
from dashboards.influx.influxql import InfluxQL, Series, text_in
from dashboards.influx.ledger import Identity
from dashboards.influx.sending.refusals import InfluxError
from dashboards.influx.sending.sender import InfluxSettings, Sender
from dashboards.influx.stored import CannotAsk, Stored
from tests.peers.influxdb import InfluxDB, influxdb
from tests.peers.web import Reply, Request, web

ODD = ('a"b', "o'neil", "back\\slash", "' OR 1=1 --")
SPAN = (0, 10)
POLICIES = '{"results":[{"series":[{"columns":["name"],"values":[["autogen"]]}]}]}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InfluxDB]:
    with influxdb(tmp_path) as running:
        yield running


@pytest.mark.influx
def test_a_real_server_is_asked_by_odd_names_and_texts(server: InfluxDB) -> None:
    settings = server.fresh("gym")
    server.query('CREATE RETENTION POLICY "ye\\"ars" ON gym DURATION INF REPLICATION 1')
    escaped = {odd: odd.translate({ord(c): f"\\{c}" for c in ", ="}) for odd in ODD}
    with Sender(settings) as sender:
        for n, odd in enumerate(ODD, 1):
            tags = f"athlete={escaped[odd]},session=s,estimator=live"
            lines = [f'm"{n},{tags} a={i}i,b=true {i}' for i in range(n)]
            sender.send("\n".join([*lines, f"repetition,{tags} void=true {n}"]).encode())
    server.query('SELECT * INTO gym."ye\\"ars".kept FROM /m.1/ GROUP BY *', "gym")
    asked = InfluxQL(settings, timeout_s=10.0)
    assert asked.policies() == ["autogen", 'ye"ars']
    for n, odd in enumerate(ODD, 1):
        found = asked.values(f'"athlete" = {text_in(odd)}')
        assert found == {f'm"{n}': 2 * n, "repetition": 1} | ({"kept": 2} if n == 1 else {})
        assert list(found) == sorted(found)
    assert asked.values("\"session\" = 's'", by="athlete") == {odd: 2 * n + 1 + 2 * (n == 1) for n, odd in enumerate(ODD, 1)}
    (one,) = asked.series("SELECT a FROM /m.3/ GROUP BY athlete", columns=("time", "a"), tags=("athlete",))
    assert one == Series('m"3', {"athlete": ODD[2]}, ("time", "a"), ((0, 0), (1, 1), (2, 2)))
    assert one.column("a") == [0, 1, 2]
    stored = Stored(settings)
    assert stored.repetitions(Identity(ODD[3], "s"), SPAN) == {"live": {4: True}}
    assert stored.repetitions(Identity(ODD[3], "t"), SPAN) == {}
    assert stored.sessions_besides(ODD[0]) == {"s"}


@pytest.mark.influx
def test_the_policy_of_the_bucket_is_the_one_that_is_asked(server: InfluxDB) -> None:
    settings = server.fresh("gym")
    server.query("CREATE RETENTION POLICY years ON gym DURATION INF REPLICATION 1")
    server.write("repetition,athlete=a,session=s,estimator=live void=false 3", "gym")
    server.query('SELECT void INTO gym."years".repetition FROM repetition WHERE time = 0 GROUP BY *', "gym")
    years = InfluxSettings(settings.url, settings.token, "", "gym/years")
    assert Stored(settings).repetitions(Identity("a", "s"), SPAN) == {"live": {3: False}}
    assert Stored(years).repetitions(Identity("a", "s"), SPAN) == {}
    assert Eraser(years).count("a") == {"repetition": 1}
    Eraser(years).erase("a")
    assert Stored(settings).repetitions(Identity("a", "s"), SPAN) == {}


def series(**changes: Any) -> dict[str, Any]:
    found = {
        "name": "repetition",
        "tags": {"estimator": "live", "athlete": "a"},
        "columns": ["time", "void", "value", "count_a"],
        "values": [[7, True, "s", 1]],
    }
    return {name: value for name, value in (found | changes).items() if value is not None}


def answered(*found: object) -> dict[str, Any]:
    return {"results": [{"statement_id": 0, "series": list(found)}]}


BROKEN: dict[str, object] = {
    "nothing": {},
    "a list": [],
    "no results": {"results": []},
    "results that are none": {"results": {}},
    "a result that is none": {"results": [3]},
    "two results": {"results": [{}, {}]},
    "an empty error": {"results": [{"error": ""}]},
    "a part": {"results": [{"partial": True, "series": [series()]}]},
    "series that are none": {"results": [{"series": "repetition"}]},
    "a series that is none": answered(series(), 7),
    "a part of a series": answered(series(partial=True)),
    "a name that is none": answered(series(name=5)),
    "tags that are none": answered(series(tags=["estimator"])),
    "a tag that is none": answered(series(tags={"estimator": 3, "athlete": "a"})),
    "no columns": answered(series(columns=None)),
    "a column that is none": answered(series(columns=["time", "void", "value", 3])),
    "rows that are none": answered(series(values=4)),
    "a row that is none": answered(series(values=[[7, True, "s", 1], 3])),
    "a short row": answered(series(values=[[7, True, "s"]])),
    "a long row": answered(series(values=[[7, True, "s", 1, 2]])),
    "a count that is none": answered(series(values=[[7, True, "s", "1"]])),
    "a count with a point": answered(series(values=[[7, True, "s", 1.5]])),
    "a count that is a truth": answered(series(values=[[7, True, "s", True]])),
    "a time in words": answered(series(values=[["1970-01-01T00:00:00Z", True, "s", 1]])),
}
ASKED: dict[str, Callable[[Stored], object]] = {
    "repetitions": lambda stored: stored.repetitions(Identity("a", "s"), SPAN),
    "counts": lambda stored: stored.counts(Identity("a", "s"), SPAN, ["angles"]),
    "sessions": lambda stored: stored.sessions_besides("b"),
    "athletes": lambda stored: stored.athletes_of("s"),
    "measurements": lambda stored: stored.measurements_of("a"),
}


def answering(body: object) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return 204, {"X-Influxdb-Version": "1.8.10"}, ""
        asked = parse_qs(urlsplit(request.path).query)["q"][0]
        return 200, {}, POLICIES if "POLICIES" in asked else json.dumps(body)

    return answer


def settings_of(url: str) -> InfluxSettings:
    return InfluxSettings(url, "admin:s3cret-word", "", "gym")


@pytest.mark.parametrize("broken", BROKEN)
def test_an_answer_of_another_form_is_an_error_for_whoever_asks(broken: str) -> None:
    with web(answering(BROKEN[broken])) as server:
        settings = settings_of(server.url)
        for ask in ASKED.values():
            with pytest.raises(CannotAsk, match=r"cannot be asked what it holds \(InfluxDB gave an incomplete answer\)"):
                ask(Stored(settings))
        for erase in (Eraser(settings).count, Eraser(settings).erase):
            with pytest.raises(HiphingeError, match="incomplete answer"):
                erase("a")
        assert not [r for r in server.asked if "DROP" in r.path]


@pytest.mark.parametrize(("lacking", "asks"), [("estimator", "repetitions"), ("athlete", "athletes")])
def test_a_series_without_the_tag_that_was_asked_for_is_an_error(lacking: str, asks: str) -> None:
    tags = {name: "x" for name in ("estimator", "athlete") if name != lacking}
    with web(answering(answered(series(tags=tags)))) as server, pytest.raises(CannotAsk, match="incomplete answer"):
        ASKED[asks](Stored(settings_of(server.url)))


@pytest.mark.parametrize(("lacking", "asks"), [("void", "repetitions"), ("time", "repetitions"), ("value", "sessions")])
def test_a_series_without_the_column_that_was_asked_for_is_an_error(lacking: str, asks: str) -> None:
    columns = [f"not_{name}" if name == lacking else name for name in ("time", "void", "value", "count_a")]
    with web(answering(answered(series(columns=columns)))) as server, pytest.raises(CannotAsk, match="incomplete answer"):
        ASKED[asks](Stored(settings_of(server.url)))


def test_a_sound_answer_is_taken() -> None:
    with web(answering(answered(series(), series(name="steps", values=None), series(values=[[8, None, "t", None]])))) as server:
        stored = Stored(settings_of(server.url))
        assert ASKED["repetitions"](stored) == {"live": {7: True, 8: False}}
        assert ASKED["sessions"](stored) == {"s", "t"}
        assert ASKED["athletes"](stored) == {"a": 1}
        assert ASKED["measurements"](stored) == {"repetition": 1}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"results": [{"error": "database not found: gym"}]}, "database not found: gym"),
        (200, {"error": "no s3cret-word here"}, "no "),
        (403, {"error": "forbidden"}, "status 403"),
        (503, {}, "status 503"),
    ],
)
def test_a_refusal_is_told_without_the_credential(status: int, body: object, said: str) -> None:
    with web(lambda _: (status, {"X-Influxdb-Version": "1.8.10"}, json.dumps(body))) as server:
        settings = settings_of(server.url)
        with pytest.raises(InfluxError) as asked:
            InfluxQL(settings, timeout_s=5.0).policies()
        with pytest.raises(CannotAsk) as told:
            Stored(settings).sessions_besides("a")
    for error in (asked.value, told.value):
        assert said in str(error)
        assert "s3cret" not in str(error)


def test_a_database_that_is_not_there_cannot_be_asked() -> None:
    for url in ("http://127.0.0.1:1", "nowhere"):
        with pytest.raises(InfluxError):
            InfluxQL(settings_of(url), timeout_s=5.0).policies()
        with pytest.raises(CannotAsk):
            Stored(settings_of(url)).sessions_besides("a")


def test_no_policy_is_no_empty_database() -> None:
    with web(lambda _: (200, {}, json.dumps({"results": [{"series": [{"columns": ["name", "duration"]}]}]}))) as server:
        with pytest.raises(InfluxError, match=r"lists no retention policy.*influx v1 dbrp create"):
            InfluxQL(settings_of(server.url), timeout_s=5.0).values("\"athlete\" = 'a'")
        with pytest.raises(CannotAsk, match="lists no retention policy"):
            Stored(settings_of(server.url)).measurements_of("a")
