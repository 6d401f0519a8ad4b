"""The hip screen against the athlete's own pinned sessions, and in the report."""

from __future__ import annotations

from pathlib import Path

from dashboards.tables import read_summary
from dsp.screen import read_tests, screen_of
from hiphinge.comparing.own_answer import screen_against_own
from tests.contract.command_line import done
from tests.hiphinge.comparing.screened_sessions import screen_day, screened

ESTIMATOR = "review"


def told(words: str) -> None:
    raise AssertionError(words)


def two_pinned(where: Path, left: float = 100.0) -> None:
    for name, day in (("first", 1), ("second", 8)):
        start = f"2026-11-{day:02d}T09:00:00Z"
        screened(where / name, screen_day(left=left), start=start, marks=[(1.0, "baseline")])


def test_numbers_are_compared_with_the_own_sessions_first(tmp_path: Path) -> None:
    two_pinned(tmp_path)
    today = screened(tmp_path / "today", screen_day(left=80.0), start="2026-11-23T09:00:00Z")
    own = screen_against_own(today, ESTIMATOR, told)
    assert own is not None
    assert own["answer"]["compared_with"] == "own_baseline"
    assert read_summary(today, ESTIMATOR)["screen"]["answer"]["compared_with"] != "own_baseline"
    beyond = {(one["test"], one["side"], one["measure"]) for one in own["limits"] if one["beyond"]}
    assert ("knee_raise", "left", "hip_peak_deg") in beyond
    assert ("knee_raise", "right", "hip_peak_deg") not in beyond
    # the same numbers, whatever they are compared with
    assert own["tests"] == read_summary(today, ESTIMATOR)["screen"]["tests"]


def test_without_pinned_sessions_or_with_those_of_somebody_else_there_is_none(tmp_path: Path) -> None:
    alone = screened(tmp_path / "today", screen_day())
    assert screen_against_own(alone, ESTIMATOR, told) is None
    screened(tmp_path / "other", screen_day(), athlete="player-08", start="2026-11-01T09:00:00Z", marks=[(1.0, "baseline")])
    assert screen_against_own(alone, ESTIMATOR, told) is None
    screened(tmp_path / "later", screen_day(), start="2026-11-30T09:00:00Z", marks=[(1.0, "baseline")])
    assert screen_against_own(alone, ESTIMATOR, told) is None


def test_tests_are_read_back_as_they_were_written() -> None:
    document = screen_of(screen_day(left=70.0).repetitions).document()
    tests = document["tests"]
    assert isinstance(tests, list)
    assert [t.valid for t in read_tests(tests)] == [t["valid"] for t in tests]
    assert [t.value("hip_peak_deg") for t in read_tests(tests) if t.test == "knee_raise" and t.side == "left"] == [70.0]


def test_the_report_compares_with_them(tmp_path: Path) -> None:
    two_pinned(tmp_path)
    screened(tmp_path / "today", screen_day(left=80.0), start="2026-11-23T09:00:00Z")
    done("report", "today", "--language", "en", cwd=tmp_path)
    assert "own" in (tmp_path / "today/report.html").read_text("utf-8").lower()
