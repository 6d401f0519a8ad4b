"""Figures while a run lasts, and its report: every failed session with its error, and what computed the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.seasons import report
from hiphinge.seasons.computer import this_computer
from hiphinge.seasons.place import place_of
from hiphinge.seasons.report import Report
from hiphinge.seasons.result import prepare
from hiphinge.seasons.task import BEFORE, COMPUTED, Outcome, Settings


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Report:
    """Of 100 sessions, begun an hour ago."""
    one = Report("sessions", "results", Settings(("live",)), 100)
    now_s = one._began_s + 3600.0
    monkeypatch.setattr(report.time, "monotonic", lambda: now_s)
    return one


def outcome(k: int, state: str = COMPUTED) -> Outcome:
    return Outcome(f"evening-{k:02d}", state, computed_by=this_computer().document, session_s=3600.0)


def test_rate_and_end_are_those_of_sessions_that_were_computed(running: Report) -> None:
    assert running.figures.words == "0 done, 0 failed, 100 to go"
    for k in range(40):
        running.take(outcome(k, BEFORE))
    assert running.figures.words == "40 done, 0 failed, 60 to go"
    for k in range(40, 59):
        running.take(outcome(k))
    running.take(Outcome.failed("evening-59", HiphingeError("is torn", "evening-59", "Mend it")))
    figures = running.figures
    assert (figures.done, figures.failed, figures.to_go) == (59, 1, 40)
    assert figures.per_hour == pytest.approx(20.0)
    assert figures.ends is not None
    assert "59 done, 1 failed, 40 to go, 20 an hour, ends " in figures.words
    assert running.words == "100 sessions: 19 computed (19.0 h in 60 min), 40 done before, 1 failed, 40 to go: results"


def test_the_report_names_what_failed_and_what_computed_the_others(running: Report, tmp_path: Path) -> None:
    running.take(outcome(1))
    other = {**this_computer().document, "blas": "Zen"}
    running.take(Outcome("evening-00", COMPUTED, computed_by=other, warnings=("breaks off",)))
    running.take(Outcome.failed("evening-\udcff", HiphingeError("is torn", "here", "Mend it")))
    running.refused = {"tcp://10.0.0.7:1": "it has hiphinge 9.9"}
    running.stopped = HiphingeError("the scheduler has gone", "tcp://10.0.0.1:8786", "Start it again")
    place = place_of(str(tmp_path / "results"))
    running.write(place, prepare(place))
    document = json.loads((tmp_path / "results/report.json").read_text())
    assert document["counts"] == {"sessions": 100, "computed": 2, "before": 0, "failed": 1, "to_go": 97}
    assert document["failed"] == [{"session": "evening-\udcff", "what": "is torn", "where": "here", "remedy": "Mend it"}]
    assert document["warnings"] == {"evening-00": ["breaks off"]}
    assert [kind["sessions"] for kind in document["computed_by"]] == [1, 1]
    assert document["refused_workers"] == [{"worker": "tcp://10.0.0.7:1", "why": "it has hiphinge 9.9"}]
    assert document["stopped"]["what"] == "the scheduler has gone"
    assert document["software"] == this_computer().software


def test_no_report_is_written_where_the_folder_of_results_has_gone(running: Report, tmp_path: Path) -> None:
    place = place_of(str(tmp_path / "results"))
    sign = prepare(place)
    (tmp_path / "results/results.json").unlink()
    for _ in ("the bare mount point", "nothing"):
        with pytest.raises(HiphingeError, match="results: is no longer the folder of results that the run began with"):
            running.write(place, sign)
        if (tmp_path / "results").exists():
            (tmp_path / "results").rmdir()
    assert not list(tmp_path.iterdir())
