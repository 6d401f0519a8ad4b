"""docs/influx-schema.md and the statements of docs/operations.md are those of the program, and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboards.influx.delivery import push
from dashboards.influx.line_protocol import FIELDS, TAGS
from dashboards.influx.reference import EXAMPLES, influx_page, series_of_a_session
from dashboards.influx.sending.sender import InfluxSettings
from tests.conftest import ROOT
from tests.dashboards.synthetic_results import write_session
from tests.peers.influxdb import influxdb

KINDS = {
    "float": r"-?\d+\.\d+(e-?\d+)?",
    "integer": r"-?\d+i",
    "boolean": "true|false",
    "string": r'"[^"\\]*"',
}


def test_the_file_equals_what_the_table_generates() -> None:
    page = (ROOT / "docs" / "influx-schema.md").read_text("utf-8")
    assert page == influx_page(), "run: python -m dashboards.influx.reference > docs/influx-schema.md"
    for measurement, tags in TAGS.items():
        part = page.split(f"## `{measurement}`\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)
        assert rows == [*tags, *(f.name for f in FIELDS[measurement])]


@pytest.mark.parametrize("measurement", TAGS)
def test_examples_are_lines_of_the_schema(measurement: str) -> None:
    for line in EXAMPLES[measurement].splitlines():
        check_example(measurement, line)


def check_example(measurement: str, line: str) -> None:
    head, fields, _ = re.fullmatch(r"(\S+) (.+) (\d{19})", line).groups()  # type: ignore[union-attr]
    name, *tags = head.split(",")
    assert name == measurement
    assert tuple(tag.split("=")[0] for tag in tags) == TAGS[measurement]
    kinds = {f.name: f.type for f in FIELDS[measurement]}
    order = [*kinds]
    found = re.findall(r'(\w+)=("[^"]*"|[^,]+)', fields)
    known = [field for field, _ in found if not field.startswith("exposure_")]
    assert known == sorted(known, key=order.index)
    for field, value in found:
        assert re.fullmatch(KINDS[kinds.get(field, "float")], value), field


@pytest.mark.influx
def test_downsampling_and_series_are_as_the_page_says(tmp_path: Path) -> None:
    session = write_session(tmp_path / "session")
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    statements = [
        line for block in re.findall(r"```influxql\n(.*?)```", text, re.DOTALL) for line in block.strip().splitlines()
    ]
    assert [line.split()[0] for line in statements] == ["CREATE", "CREATE", "SELECT", "DELETE"]
    (tmp_path / "influxdb").mkdir()
    with influxdb(tmp_path / "influxdb") as server:
        server.query("CREATE DATABASE hip")
        push(session, InfluxSettings(server.url, "", "", "hip"))
        assert len(server.query("SHOW SERIES", "hip")[0]["values"]) == series_of_a_session()
        for line in statements[:2]:
            server.query(line, "hip")
        # the session lies in the calendar, not in the last days: the bound on time is what differs
        server.query(statements[2].replace("now() - 90d", "0"), "hip")
        rows = server.rows('SELECT "mean_lumbar_flexion_deg" FROM "years"."angles_1s" WHERE "estimator" = \'live\'', "hip")
        assert 80 <= len(rows) <= 90
        full = server.rows('SELECT mean("lumbar_flexion_deg") FROM "angles" WHERE "estimator" = \'live\'', "hip")[0]["mean"]
        assert sum(r["mean_lumbar_flexion_deg"] for r in rows) / len(rows) == pytest.approx(full, abs=0.5)
        server.query(statements[3].replace("now() - 90d", "now() + 10000d"), "hip")
        assert server.query('SELECT * FROM "angles"', "hip") == []
        assert len(server.query('SELECT * FROM "repetition"', "hip")[0]["values"]) == 24
