"""The hip screen against the athlete's own pinned sessions, and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from body_signals import Placement, Sensor, Session
from dashboards.report.back import also_measured
from dashboards.report.facts import facts_of
from dashboards.report.wording import wording
from dashboards.tables import read_summary
from dsp.screen import read_tests, screen_of
from hiphinge.afterwards.mending import follow_in_report
from hiphinge.comparing import occasions
from hiphinge.comparing.own_answer import occasions_before, own_before, retest_comparison, screen_against_own
from hiphinge.guidance.ending import write_its_report
from hiphinge.live_page.answered import result_document
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


def test_the_page_compares_with_them_too_and_says_the_same(tmp_path: Path) -> None:
    two_pinned(tmp_path)
    today = screened(tmp_path / "today", screen_day(left=80.0), start="2026-11-23T09:00:00Z")
    summary = read_summary(today, ESTIMATOR)
    start = datetime.fromisoformat(summary["start"])
    session = Session(start, summary["athlete"], (Sensor(Placement.PELVIS, family="hiphinge-v1"),))
    # what a session that has only begun knows of the earlier ones
    own = own_before(tmp_path / "not there yet", session.athlete, start, ESTIMATOR, told)
    result = {"screen": summary["screen"], "protocol": None, "marks": []}
    on_page = result_document(result, session, {}, own=own)
    in_report = screen_against_own(today, ESTIMATOR, told)
    assert on_page["screen"] == in_report
    assert on_page["said"]["en"]["compared"] == "compared with the athlete's own earlier sessions"
    # without one it says what it is compared with instead
    alone = result_document(result, session, {}, own={})
    assert alone["screen"] == summary["screen"]
    assert "published" in alone["said"]["en"]["compared"]
    assert own_before(tmp_path / "x", "player-08", start, ESTIMATOR, told) == {}
    assert own_before(tmp_path / "none" / "x", session.athlete, start, ESTIMATOR, told) == {}


@pytest.mark.parametrize("worn_anew", [False, True])
def test_a_retest_says_on_the_page_what_compare_says(tmp_path: Path, worn_anew: bool) -> None:
    two_pinned(tmp_path)
    before = screened(tmp_path / "before", screen_day(left=80.0), start="2026-11-23T09:00:00Z", marks=[(0.0, "baseline")])
    label = f"retest before{' worn anew' if worn_anew else ''}"
    after = screened(tmp_path / "after", screen_day(left=88.0), start="2026-11-23T09:30:00Z", marks=[(0.0, label)])
    (first,), summary = occasions.told(before, ESTIMATOR, told).occasions, read_summary(after, ESTIMATOR)
    start = datetime.fromisoformat(summary["start"])
    session = Session(start, summary["athlete"], (Sensor(Placement.PELVIS, family="hiphinge-v1"),))
    own = occasions_before(after, session.athlete, start, ESTIMATOR, told)
    assert [one.session for one in own][-1] == "before"
    result = summary | {"protocol": {"name": "retest", "begun_s": 0.0, "ended_s": None, "steps": []}}
    on_page = result_document(result, session, {}, first, worn_anew=worn_anew, baselines=own)["comparison"]
    in_report = retest_comparison(after, ESTIMATOR, told)
    assert in_report is not None
    same = ("label", "change_deg", "smallest_detectable_deg", "before", "after", "baselines", "sd_reworn_deg", "same_wear")
    assert {name: on_page[name] for name in same} == {name: in_report[name] for name in same}


def test_the_report_at_the_end_of_a_session_and_after_a_mark_compares_with_them(tmp_path: Path) -> None:
    two_pinned(tmp_path)
    today = screened(tmp_path / "today", screen_day(left=80.0), start="2026-11-23T09:00:00Z")
    said = "own earlier sessions"
    written, why = write_its_report(today)
    assert (written, why) == (today / "report.html", "")
    assert said in (today / "report.html").read_text("utf-8")
    (today / "report.html").write_text("")
    follow_in_report(today)
    assert said in (today / "report.html").read_text("utf-8")


def test_an_own_range_is_not_called_published(tmp_path: Path) -> None:
    two_pinned(tmp_path)
    today = screened(tmp_path / "today", screen_day(), start="2026-11-23T09:00:00Z")

    def published(screen: Mapping[str, Any] | None) -> str:
        table = also_measured(facts_of(today, ESTIMATOR, None, screen), wording("en"), 9)
        return next(row[2] for row in table.rows if row[0].startswith("lumbar range"))

    assert published(None) == "39–65°"
    assert published(screen_against_own(today, ESTIMATOR, told)) == "–"
