"""What every InfluxDB must do with results, whatever its version: our own server, or one that the environment names.

`HIPHINGE_TEST_INFLUX_URL` and its fellows (docs/operations.md) name another one; with tests/dashboards/test_grafana_data.py
this is the group that shows whether a server can be used.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dashboards.grafana.offline import influxql
from dashboards.influx.delivery import push
from dashboards.influx.sending.sender import InfluxSettings
from dashboards.tables import read_repetitions, read_summary
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import any_server

pytestmark = pytest.mark.influx

MEASUREMENTS = ("angles", "repetition", "session", "screen", "mark", "sensor_health")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxSettings]:
    with any_server(tmp_path_factory.mktemp("influxdb"), "hip") as found:
        yield found


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Its name is its own, for another server may hold what an earlier run has sent; its day is not theirs."""
    return write_session(tmp_path, session=f"any-{uuid.uuid4()}", athlete="Zoë B, 1=2", start="2020-02-03T10:00:00Z")


def rows(settings: InfluxSettings, session: Path, measurement: str) -> list[dict[str, Any]]:
    """All that the server holds of this session, in order of time."""
    run = influxql(settings.url, settings.bucket.partition("/")[0], token=settings.token)
    name = read_summary(session, "live")["session"]
    found = run(f'SELECT * FROM "{measurement}" WHERE "session" = \'{name}\'')
    return [dict(zip(series["columns"], values, strict=True)) for series in found for values in series["values"]]


def test_a_session_is_read_back_as_it_was_sent(settings: InfluxSettings, session: Path) -> None:
    report = push(session, settings)
    assert report.rejected == 0
    assert {m: len(rows(settings, session, m)) for m in MEASUREMENTS} == report.by_measurement
    (series,) = {(r["athlete"], r["estimator"]) for r in rows(settings, session, "angles") if r["estimator"] == "live"}
    assert series == ("Zoë B, 1=2", "live")
    stored = [r for r in rows(settings, session, "repetition") if r["estimator"] == "review"]
    for row, rep in zip(stored, read_repetitions(session, "review").to_pylist(), strict=True):
        assert row["movement"] == rep["movement"]
        assert row["lumbar_rom_deg"] == pytest.approx(rep["lumbar_rom_deg"])
        assert row["index"] == rep["index"]


def test_sending_twice_changes_nothing(settings: InfluxSettings, session: Path) -> None:
    push(session, settings)
    once = {m: rows(settings, session, m) for m in MEASUREMENTS}
    push(session, settings)
    assert {m: rows(settings, session, m) for m in MEASUREMENTS} == once


def test_a_repetition_that_is_no_more_is_voided(settings: InfluxSettings, session: Path) -> None:
    push(session, settings)
    before = rows(settings, session, "repetition")
    file = session / "live/repetitions.parquet"
    table = pq.read_table(file)
    pq.write_table(table.filter(pc.not_equal(table["index"], 3)), file)
    push(session, settings)
    after = rows(settings, session, "repetition")
    assert len(after) == len(before)
    assert [(r["estimator"], r["index"]) for r in after if r.get("void")] == [("live", 3)]
