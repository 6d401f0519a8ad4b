"""The answer of a session: the same words and the same next test in terminal, page, report and for programs."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console

from body_signals import Cause, Placement, Sensor, Session
from dashboards.answers import LANGUAGES
from dashboards.report import report_html
from dashboards.report.facts import facts_of
from dashboards.report.front import Line, care_line
from dashboards.report.wording import wording
from dashboards.tables import read_summary
from dsp.results import Finding
from dsp.screen import screen_of
from hiphinge.guidance.ending import answer_of_session, tell_answer, write_its_report
from hiphinge.guidance.protocol_files import shipped
from hiphinge.live_page.answered import result_document
from tests.contract.command_line import done
from tests.dashboards.report.pages import Page
from tests.dashboards.synthetic_results import write_session
from tests.dsp.screen_by_hand import Day
from tests.hiphinge.comparing.screened_sessions import screened

ESTIMATOR = "review"
LIMITED = Day().bends().knee_raises(70.0, 100.0).rock_backs(11.0)
CONTRADICTED = Day().bends(lumbar_share_of_trunk=0.45).knee_raises(70.0, 100.0).rock_backs(35.0).squats()
ONE_TEST = Day().bends().knee_raises(70.0, 100.0).rock_backs()
UNREMARKABLE = Day().bends().knee_raises().rock_backs()
TOO_FEW = Day().bends().knee_raises()


@pytest.mark.parametrize("day", [LIMITED, CONTRADICTED, ONE_TEST, UNREMARKABLE, TOO_FEW])
def test_terminal_page_and_report_answer_in_the_same_words(tmp_path: Path, day: Day) -> None:
    folder = screened(tmp_path / "today", day)
    summary = read_summary(folder, ESTIMATOR)
    session = Session(datetime.fromisoformat(summary["start"]), "player-07", (Sensor(Placement.PELVIS),))
    on_page = result_document(summary | {"protocol": {}}, session, {})["said"]["en"]
    headline, *rows = (row.replace("\xa0", " ") for row in answer_of_session(folder, ESTIMATOR))
    on_page["against"] = [told.replace("\xa0", " ") for told in on_page["against"]]
    in_rows = dict(row.split(": ", 1) for row in rows)
    assert headline == on_page["answer"].replace("\xa0", " ")
    # the table of Grafana says it without what to do next
    assert summary["screen"]["pattern_words"] == headline.partition(" Next: ")[0]
    assert in_rows["Confidence"] == on_page["confidence"]
    assert in_rows["Against it"].split("; ") == (on_page["against"] or ["nothing that was measured"])
    assert in_rows["Test next"] == ("".join(on_page["next"]) or "–")
    assert in_rows["Side"].partition(":")[0] == on_page["side"] or not on_page["side"]
    report = Page(report_html(folder, ESTIMATOR, language="en")).text.replace("\xa0", " ")
    for told in (headline, *(row.replace(": ", " ", 1) for row in rows)):
        assert told in report


def test_the_terminal_shows_what_programs_get(tmp_path: Path) -> None:
    folder = screened(tmp_path / "today", LIMITED)
    out = io.StringIO()
    tell_answer(folder, Console(file=out, width=40))
    assert out.getvalue().splitlines() == answer_of_session(folder, ESTIMATOR)


@pytest.mark.parametrize(
    ("sure", "language", "care"),
    [
        ({"lumbar": 0.9, "pelvis": 0.79, "thigh_left": 0.5, "thigh_right": 0.8}, "en", "calibration fair: Pelvis, Left thigh"),
        ({"pelvis": 0.49, "lumbar": 0.9}, "en", "calibration low: Pelvis"),
        ({"pelvis": 0.49, "lumbar": 0.9}, "de", "Kalibrierung gering: Becken"),
        ({"pelvis": 0.8, "lumbar": None}, "en", ""),
    ],
)
def test_a_calibration_that_is_not_good_stands_with_care(
    tmp_path: Path, sure: dict[str, float | None], language: str, care: str
) -> None:
    screen = screen_of(UNREMARKABLE.repetitions).document()
    calibration = {place: {"method": "standing", "confidence": c, "reasons": []} for place, c in sure.items()}
    folder = write_session(tmp_path, ESTIMATOR, screen=screen, calibration=calibration, warnings=[], findings=[])
    words = wording(language)
    (told,) = care_line(facts_of(folder, ESTIMATOR), words) or [Line("", "")]
    assert told.rest.startswith(care)
    assert ("calibration" in told.rest or "Kalibrierung" in told.rest) == bool(care)
    page = Page(report_html(folder, ESTIMATOR, language=language)).text
    assert care in page[: page.index(words.text("report.gives"))]


def test_a_calibration_of_low_confidence_is_told_before_what_was_wrong_with_sensors(tmp_path: Path) -> None:
    calibration = {"lumbar": {"method": "standing", "confidence": 0.3, "reasons": []}}
    found = Finding("thigh_left", Cause.OFF_BODY, 41.0, 71.0, "it lies", "Put it on", None).document()
    folder = write_session(tmp_path, ESTIMATOR, calibration=calibration, findings=[found] * 3, warnings=["W"] * 3)
    (told,) = care_line(facts_of(folder, ESTIMATOR), wording("en"))
    assert told.rest.startswith("calibration low: Lumbar; ")


def test_a_retest_is_headed_as_one_and_answers_with_the_change(tmp_path: Path) -> None:
    screened(tmp_path / "before", LIMITED, start="2026-11-23T09:10:00Z")
    better = Day().bends().knee_raises(95.0, 100.0).rock_backs(30.0)
    marks = [(0.0, "retest before"), (0.0, "primary knee_raise:left:hip_peak_deg")]
    after = screened(tmp_path / "after", better, start="2026-11-23T09:40:00Z", marks=marks)
    page = Page(write_its_report(after)[0].read_text("utf-8")).text  # type: ignore[union-attr]
    assert "Retest of before, 23 November 2026" in page or "Nachtest zu before" in page
    done("report", after, "--language", "de", cwd=tmp_path)
    german = Page((after / "report.html").read_text("utf-8")).text.replace("\xa0", " ")
    assert "Nachtest zu before, 23.11.2026" in german
    assert german.index("+25° danach: ") < german.index("Seite")
    assert "Hüft-Check" not in german
    # the change is told once, and the hips' own answer stands below it
    assert "Hüfttests Heute fallen weder Hüften noch Rücken auf. Seite" in german
    assert german.count("+25°") == 2  # above it, and over the course on the second page
    assert "Verändert Wahre Hüftbeugung, Knieheben, links: 70° auf 95° Schmerz" in german


def test_a_mark_on_a_retest_leaves_its_change_in_the_report(tmp_path: Path) -> None:
    screened(tmp_path / "before", LIMITED, start="2026-11-23T09:10:00Z")
    better = Day().bends().knee_raises(95.0, 100.0).rock_backs(30.0)
    marks = [(0.0, "retest before"), (0.0, "primary knee_raise:left:hip_peak_deg")]
    after = screened(tmp_path / "after", better, start="2026-11-23T09:40:00Z", marks=marks)
    done("report", after, "--language", "en", cwd=tmp_path)
    done("mark", after, "0:20", "pain", "2", cwd=tmp_path, LANGUAGE="en")
    page = Page((after / "report.html").read_text("utf-8")).text.replace("\xa0", " ")
    assert "+25° after: more than the measurement can tell" in page
    assert "Pain not told before, 2 after" in page


def test_a_retest_finds_the_session_before_where_its_folder_was_renamed(tmp_path: Path) -> None:
    before = screened(tmp_path / "before", LIMITED, start="2026-11-23T09:10:00Z")
    better = Day().bends().knee_raises(95.0, 100.0).rock_backs(30.0)
    marks = [(0.0, "retest before"), (0.0, "primary knee_raise:left:hip_peak_deg")]
    after = screened(tmp_path / "after", better, start="2026-11-23T09:40:00Z", marks=marks)
    before.rename(tmp_path / "Monday, first visit")
    done("report", after, "--language", "en", cwd=tmp_path)
    assert "+25° after: more than" in Page((after / "report.html").read_text("utf-8")).text
    (tmp_path / "Monday, first visit").rename(tmp_path.parent / f"{tmp_path.name} elsewhere")
    said = done("report", after, "--language", "en", cwd=tmp_path)
    assert "the session before is not beside this one; hiphinge report --before names its folder" in said.stderr
    assert "+25°" not in Page((after / "report.html").read_text("utf-8")).text


@pytest.mark.parametrize(
    ("protocols", "headed"),
    [
        (["hip-check"], "Hip check, "),
        (["hip-check", "retest", "retest"], "Hip check, Retest, "),
        (["fast-bends"], "Three fast bends, "),
        (["<b>mine"], "<b>mine, "),
    ],
)
def test_a_report_is_headed_as_what_was_done(tmp_path: Path, protocols: list[str], headed: str) -> None:
    runs = [{"name": name, "steps": [], "begun_s": 0.0, "ended_s": 9.0} for name in protocols]
    screen = screen_of(UNREMARKABLE.repetitions).document()
    folder = write_session(tmp_path, ESTIMATOR, screen=screen, protocol=runs[0] | {"further": runs[1:]})
    assert f"player-07 {headed}23 November 2026" in Page(report_html(folder, ESTIMATOR, language="en")).text


def test_titles_of_protocols_are_those_of_their_files() -> None:
    for language in LANGUAGES:
        told = {name: wording(language).text(f"report.protocol.{name}") for name in shipped()}
        assert told == {name: protocol.title[language] for name, protocol in shipped().items()}
