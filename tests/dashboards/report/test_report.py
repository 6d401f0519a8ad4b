"""The report: one offline file with every number, its uncertainty and its words; also where most of it is missing."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from body_signals import Cause, HiphingeError, Storage
from body_signals.limits import limits_with
from body_signals.quantities import REPETITION_COLUMNS
from dashboards.notation import calendar, percent
from dashboards.report import write_report
from dashboards.report.drawing.traces import envelope
from dashboards.report.facts import facts_of
from dashboards.report.front import pictures as front_pictures
from dashboards.report.movements import MovementSummary, movements
from dashboards.report.published import RANGES, published_range
from dashboards.report.training import headline
from dashboards.report.wording import wording
from dashboards.tables import TableWriter, read_repetitions, read_summary
from dsp.results import Finding
from dsp.screen.pattern import screen_of
from tests.dashboards.report.pages import (
    COURSE,
    HARD,
    HOSTILE,
    Page,
    hip_check,
    not_calibrated,
    nothing_at_all,
    one_thigh,
    two_sensors,
)
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session
from tests.dsp.screen_by_hand import Day

EN = wording("en")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="module")
def html(session: Path) -> str:
    return report(session, session)


def report(session: Path, folder: Path, estimator: str = "review", **options: Any) -> str:
    return write_report(session, folder / "report.html", estimator, **({"language": "en"} | options)).read_text("utf-8")


def bare(index: int = 0, movement: str = "bend", **known: Any) -> dict[str, Any]:
    """A row of the table that has only these numbers."""
    row = {q.name: "" if q.kind is Storage.STRING else math.nan for q in REPETITION_COLUMNS}
    placed = {"index": index, "start_s": 5.0 * index, "turn_s": 5.0 * index + 1.0, "end_s": 5.0 * index + 2.0}
    # so sure that no thigh is asked for
    return row | placed | {"movement": movement, "movement_confidence": 0.9, "quality": 0} | known


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets this machine's time zone."""

    def set_to(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def pictures(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg viewBox.*?</svg>", html, re.DOTALL)]


def test_one_file_that_needs_nothing_else(html: str) -> None:
    page = Page(html)
    assert page.addresses == []
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"<script|@import|url\(|https?:", html)
    assert html.startswith("<!doctype html>")


def test_who_when_how_long_and_which_estimator(html: str) -> None:
    text = Page(html).text
    for words in ("player-07", "23 November 2026, ", "numbers: review", "of 1:30 in all", "hiphinge 0.1.0"):
        assert words in text
    assert "thigh_left: late or silent for 2.5 s" in text
    assert "repetitions agree to 6.1°" in text


def test_the_first_ten_lines_of_a_hip_check(tmp_path: Path) -> None:
    text = Page(report(hip_check(tmp_path), tmp_path, comparison=COURSE)).text
    lines = text[: text.index("What the hip gives")]
    assert EN.text("answer.hip_limited") in lines
    order = [
        "Side left: 70° against 105° on the right",
        "Confidence moderate",
        "Against it",
        "Changed +4° next day",
        "Pain 5 before",
        "Test next",
    ]
    found = [lines.index(words) for words in order]
    assert found == sorted(found)
    assert "5 before, 2 after, 3 at 60 min, 4 next day" in lines
    assert "not more than the measurement can tell (7°)" in lines
    assert "With care" in lines


def test_a_training_day_says_sets_shares_and_exposure(html: str, session: Path) -> None:
    text = Page(html).text
    assert "12 repetitions in one set; 0:13 beyond 40° of lumbar flexion." in text
    assert "bend\xa0×\xa09; squat\xa0×\xa03" in html
    assert "The hips were not tested" not in text
    rows = Page(html).rows
    of_sets = [row for row in rows if row[0] in ("1", "2") and len(row) == 7]
    assert [row[1] for row in of_sets] == [EN.kind(one["movement"]) for one in read_summary(session, "review")["sets"]]
    drawn = Page(html).drawn
    assert "Time in zones of lumbar flexion: < 20° 0:50, 20–40° 0:14, 40–60° 0:13, > 60° 0:00" in drawn.replace("\xa0", " ")


def test_every_repetition_with_uncertainty_and_note(html: str, session: Path) -> None:
    reps = read_repetitions(session, "review").to_pylist()
    numbered = [row for row in Page(html).rows if row[0].isdigit() and len(row) == 15]
    assert len(numbered) == len(reps)
    for rep, row in zip(reps, numbered, strict=True):
        left = "–" if math.isnan(rep["hip_left_rom_deg"]) else f"{rep['hip_left_rom_deg']:.1f}\xa0±\xa01.4"
        assert row[1] == rep["movement"]
        assert row[6:10] == [
            f"{rep['lumbar_rom_deg']:.1f}\xa0±\xa01.2",
            f"{rep['pelvis_rom_deg']:.1f}\xa0±\xa00.8",
            left,
            f"{rep['hip_right_rom_deg']:.1f}\xa0±\xa01.4",
        ]
        assert row[10] == f"{100 * rep['lumbar_share_of_trunk']:.0f}\xa0±\xa02"
        assert row[11].split()[0] == f"{100 * rep['lumbar_share_of_trunk_early']:.0f}"
        assert row[-1] == ("gap" if rep["quality"] else "–")
    assert "samples of a sensor in use are missing here" in html


def test_numbers_are_those_of_the_summary(tmp_path: Path) -> None:
    folder = hip_check(tmp_path)
    html = report(folder, tmp_path)
    page = Page(html)
    rows = {row[0]: row for row in page.rows if len(row) == 6}
    for test in read_summary(folder, "review")["screen"]["tests"]:
        for name, measure in test["measures"].items():
            row = rows[EN.measure(test["test"], name, test["side"])]
            if not measure["valid"] or measure["median"] is None:
                assert row[1] in ("–", "not scored")
            elif name.endswith("_deg"):
                assert row[1].startswith(f"{measure['median']:.0f}".replace("-", "−"))
            elif name.startswith("lumbar_share"):
                assert row[1].startswith(f"{100 * measure['median']:.0f}")
    # the same in the rows at the top, in the picture, and in the table beneath
    assert "left: 70° against 105° on the right" in page.text
    assert "left 70°, right 105°; our proposal 72°" in page.drawn
    rests = next(row for row in page.rows if row[0] == "true hip flexion, knee raise" and len(row) == 5)
    assert rests[1:3] == ["70° / 105°", "< 72°"]


def test_pictures_are_well_formed_and_told(html: str) -> None:
    # three, a square for each of the two kinds, two strips, and four keys of their strokes
    assert len(pictures(html)) == 3 + 2 + 2
    assert len(re.findall(r'role="img" aria-label="[^"]+"', html)) == 7
    assert html.count("<svg") == 7 + 4


def test_gaps_stay_gaps(html: str) -> None:
    """The left hip's line is lifted in the gap, the right hip's is not; neither begins before the calibration."""
    lines = re.findall(r'<path d="(M[^"]*)" fill="none" stroke="var\(--(hip[LR])\)"', html)
    moves = {side: sum(d.count("M") for d, name in lines if name == side) for side in ("hipL", "hipR")}
    assert moves == {"hipL": 3, "hipR": 2}


def test_published_ranges_stand_only_beside_what_they_were_measured_in(html: str) -> None:
    assert "published 38 to 63 %" in Page(html).text
    assert published_range("lumbar_share_of_trunk", "squat") is None
    assert published_range("lumbar_share_of_trunk_on_thigh", "bend") is None
    assert {r.quantity for r in RANGES} <= {q.name for q in REPETITION_COLUMNS}


def test_the_picture_the_table_and_the_screen_say_one_number(tmp_path: Path) -> None:
    """Of the same four bends: the same three, the same median, the same spread."""
    day = Day()
    for share in (0.36, 0.37, 0.60, 0.61):
        day.bends(1, lumbar_share_of_trunk=share, lumbar_share_of_trunk_sd=0.013)
    reps = [replace(r, start_s=5.0 * i, turn_s=5.0 * i + 1.0, end_s=5.0 * i + 2.0) for i, r in enumerate(day.repetitions)]
    (of_screen,) = (t for t in screen_of(reps).document()["tests"] if t["test"] == "bend")
    median, spread = (of_screen["measures"]["lumbar_share_of_trunk"][name] for name in ("median", "spread"))
    rows = [bare(r.index, start_s=r.start_s, turn_s=r.turn_s, end_s=r.end_s, **r.metrics) for r in reps]
    (group,) = movements(rows)
    over = group.over("lumbar_share_of_trunk")
    assert (percent(over.median), percent(over.spread)) == (percent(median), percent(spread))
    assert group.left_out == {"first of its set": 1}
    assert [g.numbers for g in group.groups] == [(1, 2), (3, 4)]
    folder = write_session(tmp_path, "review", screen=screen_of(reps).document())
    third = front_pictures(facts_of(folder, "review"), EN)[2]
    assert third.caption.startswith(f"{percent(median)}\xa0%")


def test_knee_raises_stand_by_leg() -> None:
    left, right = {"hip_left_rom_deg": 70.0, "hip_right_rom_deg": 14.0}, {"hip_left_rom_deg": 12.0, "hip_right_rom_deg": 76.0}
    rows = [bare(i, "knee_raise", **(right if i % 2 else left)) for i in range(6)]
    groups = movements(rows)
    assert [(g.side, len(g.rows)) for g in groups] == [("left", 3), ("right", 3)]
    assert [g.hip for g in groups] == [70.0, 76.0]


def test_medians_leave_out_what_is_missing() -> None:
    rows = tuple(bare(i, lumbar_rom_deg=v) for i, v in enumerate((math.nan, 40.0, 50.0, 42.0)))
    group = MovementSummary("bend", rows, "lumbar_share_of_trunk", None, counted=rows)
    assert (group.median("lumbar_rom_deg"), group.range_of("lumbar_rom_deg")) == (42.0, (40.0, 50.0))
    assert math.isnan(replace(group, counted=rows[:1]).median("lumbar_rom_deg"))


def test_what_was_wrong_stands_in_the_first_lines_and_in_words(tmp_path: Path) -> None:
    wrong = Finding(
        "thigh_left", Cause.OFF_BODY, 41.2, 43.0, "it tumbles while the pelvis stands still", "Fasten its strap", 71.0
    )
    on = Finding("pelvis", Cause.GYR_SCALE, 3.0, 20.0, "its gyroscope turns half as far as gravity does", "Set its range.")
    session = write_session(
        tmp_path,
        "live",
        seconds=20,
        findings=[wrong.document(), on.document()],
        warnings=[wrong.words, on.words, "lumbar: no samples at all"],
    )
    text = Page(report(session, tmp_path)).text
    top = text[: text.index("Share by movement")]
    assert "With care Left thigh off the body, 0:41 to 1:11" in top
    assert "Left thigh, 0:41 to 1:11: it tumbles while the pelvis stands still. Fasten its strap." in text
    assert "Pelvis, since 0:03: its gyroscope turns half as far as gravity does. Set its range." in text
    # said once
    assert text.count("Fasten its strap") == 1
    assert "lumbar: no samples at all" in text
    german = Page(report(session, tmp_path, language="de")).text
    assert "Linker Oberschenkel, 0:41 bis 1:11: nicht am Körper" in german
    assert "tumbles" not in german


def test_shares_that_are_none_are_said_with_their_reason(tmp_path: Path) -> None:
    rows = angle_rows(40, gap=None)
    with TableWriter(tmp_path, "review") as out:
        out.angles(rows)
        for rep in repetitions(rows):
            kept = {k: v for k, v in rep.metrics.items() if k != "lumbar_share_of_trunk"}
            out.repetition(replace(rep, metrics=kept, missing_shares="lumbar_share_of_trunk: opposite directions"))
        out.close(summary("review", 4))
    assert "share of trunk, opposite directions: no. 1–4" in Page(report(tmp_path, tmp_path)).text
    assert "Anteil vom Rumpf, gegenläufig: Nr. 1–4" in Page(report(tmp_path, tmp_path, language="de")).text


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set here")
@pytest.mark.parametrize(
    ("zone", "start", "said"),
    [
        ("Europe/Berlin", "2026-11-23T14:05:00Z", "23 Nov 2026, 15:05 (UTC+01:00)"),
        ("Europe/Berlin", "2026-07-01T22:30:00Z", "2 Jul 2026, 00:30 (UTC+02:00)"),
        ("America/St_Johns", "2026-11-23T14:05:00Z", "23 Nov 2026, 10:35 (UTC-03:30)"),
        ("UTC", "2026-11-23T14:05:00Z", "23 Nov 2026, 14:05 (UTC)"),
        # where it was, wherever the report is made
        ("America/St_Johns", "2026-11-23T14:05:00+09:00", "23 Nov 2026, 14:05 (UTC+09:00)"),
        ("Europe/Berlin", "1970-01-01T00:00:00Z", "–"),
        ("UTC", "None", "–"),
    ],
)
def test_the_start_is_told_in_local_time_with_its_zone(
    in_zone: Callable[[str], None], zone: str, start: str, said: str
) -> None:
    in_zone(zone)
    assert calendar(start) == said


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set here")
def test_the_report_is_in_local_time(in_zone: Callable[[str], None], session: Path, tmp_path: Path) -> None:
    in_zone("Europe/Berlin")
    assert "23 November 2026, 15:05 (UTC+01:00)" in report(session, tmp_path)
    assert "23.11.2026, 15:05 (UTC+01:00)" in report(session, tmp_path, language="de")


@pytest.mark.parametrize("audience", ["physio", "athlete"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_word_judges(tmp_path: Path, audience: str, language: str) -> None:
    said = Page(report(hip_check(tmp_path, warnings=[]), tmp_path, audience=audience, language=language))
    forbidden = (
        r"\b(un)?safe|danger|\b(ab)?normal\b|patholog|healthy|harmful|injur|faulty|the cause|diagnos|Verletzung|gefährlich"
    )
    assert re.findall(forbidden, said.text + said.drawn, re.IGNORECASE) == []


def test_live_is_reported_where_there_is_no_review(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=20)
    written = write_report(session, tmp_path / "deep" / "r.html", language="en")
    assert "numbers: live" in Page(written.read_text("utf-8")).text


def test_a_session_without_calibration_says_so(tmp_path: Path) -> None:
    html = report(not_calibrated(tmp_path), tmp_path)
    text = Page(html).text
    assert "No angle was measured." in text
    assert "With care not calibrated: there are no angles" in text
    assert "Mark calibrate, stand still for 3 s" in text
    assert len(pictures(html)) == 3
    assert "No body can be drawn" in report(tmp_path, tmp_path, audience="athlete")


def test_a_session_without_rows_or_start(tmp_path: Path) -> None:
    text = Page(report(nothing_at_all(tmp_path), tmp_path)).text
    assert "No angle was measured." in text
    assert "Training day, –; numbers" in text
    assert "–: hiphinge report" in report(tmp_path, tmp_path)


def test_one_lumbar_and_one_thigh_sensor(tmp_path: Path) -> None:
    html = report(two_sensors(tmp_path), tmp_path)
    first = next(row for row in Page(html).rows if row[0] == "1" and len(row) == 15)
    assert first[1] == "bend ?"
    assert first[6:10] == ["–"] * 4
    assert "No repetition with both lumbar spine and hip was measured." in Page(html).text


def test_a_side_that_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    html = report(one_thigh(tmp_path), tmp_path)
    assert "True hip flexion in the knee raise: left 70°, right –" in Page(html).drawn


def test_thinning_keeps_peaks_and_gaps() -> None:
    time_s = np.arange(100_000) / 100
    values = np.sin(time_s)
    values[54_321], values[12_345] = 9.0, -9.0
    values[70_000:80_000] = np.nan
    x, y = envelope(time_s, values, 1600)
    assert len(x) < 2000
    assert (np.nanmax(y), np.nanmin(y)) == (9.0, -9.0)
    assert np.isnan(y[(x > 701) & (x < 799)]).all()
    assert np.all(np.diff(x) > 0)


@pytest.mark.parametrize("make", HARD, ids=lambda make: make.__name__)
@pytest.mark.parametrize("audience", ["physio", "athlete"])
def test_text_of_people_is_escaped_and_the_page_well_formed(
    tmp_path: Path, make: Callable[[Path], Path], audience: str
) -> None:
    folder = make(tmp_path)
    for language in ("en", "de"):
        html = report(folder, tmp_path, audience=audience, language=language, comparison=COURSE)
        Page(html)
        assert "<script" not in html
        assert pictures(html) or audience == "athlete"


def test_the_title_holds_the_whole_name(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=20, athlete=HOSTILE)
    html = report(session, tmp_path)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "W" * 400 in html[: html.index("</title>")]
    assert "W" * 60 not in html[html.index("</title>") :]


def test_the_same_tables_give_the_same_page(tmp_path: Path) -> None:
    session = write_session(tmp_path, "review", seconds=20)
    first, again = (write_report(session, tmp_path / name).read_text("utf-8") for name in ("first.html", "again.html"))
    assert first == again


def test_errors_name_the_file_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match=r"review/summary\.json: no such results"):
        write_report(tmp_path, tmp_path / "r.html")
    (tmp_path / "taken").mkdir()
    session = write_session(tmp_path / "session", "live", seconds=10)
    with pytest.raises(HiphingeError, match="taken: cannot write the report"):
        write_report(session, tmp_path / "taken")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["session", "taken"]
    with pytest.raises(ValueError, match="no language"):
        write_report(session, tmp_path / "r.html", language="fr")


def test_a_screen_that_could_be_another_and_limits_that_were_set(tmp_path: Path) -> None:
    day = Day().bends(lumbar_share_of_trunk=0.80).knee_raises(left=70.0).rock_backs().bows(count=2)
    document = screen_of(day.repetitions, limits_with({"knee_raise_hip_deg": 74.0})).document()
    page = Page(report(write_session(tmp_path, "review", screen=document), tmp_path))
    rests = next(row for row in page.rows if row[0] == "true hip flexion, knee raise" and len(row) == 5)
    assert rests[2:] == ["< 74°", "borderline", "set for this session"]
    assert "waiter's bow: 2 of at least 3 repetitions, not scored" in page.text


def test_an_answer_of_the_screen_is_told_as_it_is(tmp_path: Path) -> None:
    day = Day().bends().knee_raises().rock_backs(slack=16.0)
    answer = {
        "code": "one_test",
        "side": "",
        "confidence": "",
        "exercises": 1,
        "reasons": [],
        "against": [],
        "next": [{"code": "rock_back", "side": ""}],
        "compared_with": "first_visit",
        "points_to": "hip_limited",
    }
    document = screen_of(day.repetitions).document() | {"answer": answer}
    folder = write_session(tmp_path, "review", screen=document)
    text = Page(report(folder, tmp_path)).text
    assert "One test points to the hips; one is not enough. Next: repeat the rock-back." in text
    assert "First visit: compared with published ranges and our proposals." in text
    assert "One test stands out." in Page(report(folder, tmp_path, audience="athlete")).text


def test_a_protocol_that_was_stopped_for_pain_is_told(tmp_path: Path) -> None:
    steps = [
        {"name": "bends", "wanted": 4, "valid": 4, "stopped_for_pain": False},
        {"name": "own movement", "wanted": 4, "valid": 1, "stopped_for_pain": True},
    ]
    folder = hip_check(tmp_path)
    facts = facts_of(folder, "review")
    from dashboards.report.back import protocol

    said = protocol(replace(facts, summary={**facts.summary, "protocol": {"name": "hip check", "steps": steps}}), EN)
    assert said == "Protocol hip check: 1 of 2 steps valid; stopped for pain: own movement"


def test_a_training_day_without_a_zone_or_a_set(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "review", seconds=40, exposure={}, sets=[])
    facts = facts_of(folder, "review")
    assert headline(facts, EN) == f"{len(facts.repetitions)} repetitions."


def test_bends_that_a_protocol_scored_from_the_calibration_are_drawn_though_they_are_no_repetitions(tmp_path: Path) -> None:
    day = Day().bends(lumbar_share_of_trunk=0.81).knee_raises(left=77.0).rock_backs()
    document = screen_of(day.repetitions).document()
    steps = [
        {"name": name, "test": test, "side": side, "wanted": 4, "valid": 4, "begun_s": begun, "ended_s": begun + 15.0}
        | {"outcome": "end", "stopped_for_pain": False}
        for name, test, side, begun in (
            ("bends", "bend", "", 5.0),
            ("knee-left", "knee_raise", "left", 20.0),
            ("knee-right", "knee_raise", "right", 35.0),
        )
    ]
    protocol = {"name": "hip-check", "begun_s": 0.0, "ended_s": 60.0, "outcome": "done", "steps": steps}
    protocol["thirds"] = [0.8291, 0.8066, 0.7868]
    session = write_session(tmp_path, "review", screen=document, protocol=protocol)
    page = Page(report(session, tmp_path))
    assert all(f"{name} {number}" in page.drawn for name, number in (("early", 83), ("middle", 81), ("late", 79)))
    assert "81 %; published 38 to 63 %" in page.text
    athlete = Page(report(session, tmp_path, audience="athlete"))
    assert "77°" in athlete.text
    assert "105°" in athlete.text
    assert "back 81" in athlete.text
