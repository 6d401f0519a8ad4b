"""Results on their way to a real InfluxDB while it fails and the program is killed; `python -m benchmarks.chaos` is longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import run
from benchmarks.stored import parsed


@pytest.mark.slow
@pytest.mark.influx
def test_the_database_holds_what_the_tables_say_whatever_fails(tmp_path: Path) -> None:
    outcome = run(tmp_path, minutes=0.7, kills=2, seed=1)
    assert outcome.unsent == ""
    assert outcome.left == []
    difference = outcome.difference
    assert (difference.missing, difference.changed, difference.besides) == (0, 0, 0), difference.examples
    assert outcome.lines > 1500
    assert outcome.kills["live"] + outcome.kills["closing"] == 2
    assert sum(outcome.faults.values()) >= 3


def test_a_line_is_read_back_as_influxdb_gives_it() -> None:
    line = r'repetition,athlete=Ann\ B\,\=,session=s,estimator=live index=3i,a=0.5,t="x \"y\\, z=1",void=false 17'
    fields = {"index": 3, "a": 0.5, "t": r'x "y\, z=1', "void": False}
    assert parsed(line) == (("repetition", ("Ann B,=", "s", "live"), 17), fields)
