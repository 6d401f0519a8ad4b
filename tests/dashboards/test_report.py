"""The report: one offline file with every number, its uncertainty and its words; also where most of it is missing."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from body_signals import Cause, HiphingeError, Storage
from body_signals.limits import limits_with
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES, REPETITION_COLUMNS
from dashboards.notation import calendar, percent
from dashboards.report import write_report
from dashboards.report.content import MovementSummary, headline, movements
from dashboards.report.hip_screen import TEST_WORDS
from dashboards.report.plots import _envelope
from dashboards.report.published import RANGES, published_range
from dashboards.tables import TableWriter, read_repetitions
from dsp.results import AngleRows, Finding, Repetition
from dsp.screen.pattern import screen_of
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session
from tests.dsp.screen_by_hand import Day


class Page(HTMLParser):
    """Ids, addresses, table cells and text of a page; complains about tags that are not closed."""

    _VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self._VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.text += " " + data
        if self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="module")
def html(session: Path) -> str:
    return write_report(session, session / "report.html").read_text("utf-8")


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
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg xmlns:xlink.*?</svg>", html, re.DOTALL)]


def test_one_file_that_needs_nothing_else(html: str) -> None:
    page = Page(html)
    assert all(address.startswith("#") for address in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"<script|@import|url\((?!#)", html)
    referred = {a[1:] for a in page.addresses} | set(re.findall(r"url\(#([^)]*)\)", html))
    assert referred <= set(page.ids)


def test_who_when_how_long_and_which_estimator(html: str) -> None:
    text = " ".join(Page(html).text.split())
    for words in ("player-07", "23 Nov 2026, ", "review (two-sided", "1:30", "hiphinge 0.1.0"):
        assert words in text
    assert "thigh_left lost its link for 2.5 s at 0:40" in text
    assert "0.75, fair, read with care" in text
    assert "two knee raises agree within 6.1°" in text


def test_every_repetition_with_uncertainty_and_note(html: str, session: Path) -> None:
    reps = read_repetitions(session, "review").to_pylist()
    numbered = [row for row in Page(html).rows if row[0].isdigit()]
    assert len(numbered) == 2 * len(reps)
    for rep, ranges, shares in zip(reps, numbered, numbered[len(reps) :], strict=False):
        left = "–" if math.isnan(rep["hip_left_rom_deg"]) else f"{rep['hip_left_rom_deg']:.1f} ± 1.4"
        assert ranges[1] == shares[1] == rep["movement"]
        assert ranges[6:10] == [
            f"{rep['lumbar_rom_deg']:.1f} ± 1.2",
            f"{rep['pelvis_rom_deg']:.1f} ± 0.8",
            left,
            f"{rep['hip_right_rom_deg']:.1f} ± 1.4",
        ]
        assert shares[2] == f"{100 * rep['lumbar_share_of_trunk']:.0f} ± 2"
        assert shares[3] == f"{100 * rep['lumbar_share_of_trunk_early']:.0f}"
        assert ranges[-1] == shares[-1] == ("gap" if rep["quality"] else "–")
    assert "samples of a sensor in use are missing here" in html


def test_time_in_zones_of_lumbar_flexion(html: str) -> None:
    rows = Page(html).rows
    at = rows.index(["below 20", "20 to 40", "40 to 60", "above 60"])
    assert rows[at + 1] == ["0:50", "0:14", "0:13", "0:00"]


def test_pictures_are_well_formed_and_told(html: str) -> None:
    assert len(pictures(html)) == 1 + 12 + 2
    assert len(re.findall(r'role="img" aria-label="[^"]+"', html)) == 1 + 12 + 2
    assert "lumbar flexion" in "".join("".join(p.itertext()) for p in pictures(html))


def test_gaps_stay_gaps(html: str) -> None:
    """The left hip's line is lifted twice: before the calibration and in the gap; the right hip's only before."""
    lines = re.findall(r'<path d="([^"]*)"[^>]*style="[^"]*stroke: (#\w+)', html)
    moves = {colour: d.count("M") for d, colour in lines if colour in ("#007e5b", "#b8528a") and len(d) > 500}
    assert moves == {"#007e5b": 2, "#b8528a": 1}


def test_published_ranges_stand_only_beside_what_they_were_measured_in(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert "inside the published range 38 to 63 %" in text
    # in the headline, under the picture, and once among the limits of the screen
    assert text.count("Laird 2019, BMC Musculoskeletal Disorders 20:28") == 3
    assert published_range("lumbar_share_of_trunk", "squat") is None
    assert published_range("lumbar_share_of_trunk_on_thigh", "bend") is None
    assert {r.quantity for r in RANGES} <= {q.name for q in REPETITION_COLUMNS}


@pytest.mark.parametrize(("share", "word"), [(0.2, "below"), (0.5, "inside"), (0.7, "above")])
def test_the_headline_compares_and_names_with_what(share: float, word: str) -> None:
    (sentence,) = headline(movements([bare(lumbar_share_of_trunk=share)]))
    assert f"{share * 100:.0f} %" in sentence
    assert f"{word} the published range 38 to 63 %" in sentence
    assert "Laird 2019" in sentence


def test_the_headline_says_how_far_repetitions_differ_and_what_was_left_out() -> None:
    share = "lumbar_share_of_trunk_on_thigh"
    rows = [bare(i, "squat", **{share: s}) for i, s in enumerate((0.1, 0.3, 0.14))]
    rows.append(bare(3, "squat", missing_shares=f"{share}: outside 0 to 1"))
    rows.append(bare(4, "squat", quality=int(Quality.SLIPPED), **{share: 0.9}))
    (sentence,) = headline(movements(rows))
    # the first of five is a trial, unless it is needed
    assert sentence.startswith("5 squats: on the way down the lumbar spine contributed 22 ± 12 %")
    assert sentence.endswith(
        "median of 2 of 5: 14 to 30 %; left out: 1 bad quality (slipped), 1 first of its set, 1 outside 0 to 1."
    )


def test_the_headline_the_table_and_the_screen_say_one_number() -> None:
    """Of the same four bends: the same three, the same median, the same spread."""
    day = Day()
    for share in (0.36, 0.37, 0.60, 0.61):
        day.bends(1, lumbar_share_of_trunk=share, lumbar_share_of_trunk_sd=0.013)
    reps = [replace(r, start_s=5.0 * i, turn_s=5.0 * i + 1.0, end_s=5.0 * i + 2.0) for i, r in enumerate(day.repetitions)]
    (of_screen,) = (t for t in screen_of(reps).document()["tests"] if t["test"] == "bend")
    median, spread = (of_screen["measures"]["lumbar_share_of_trunk"][name] for name in ("median", "spread"))
    rows = [bare(r.index, start_s=r.start_s, turn_s=r.turn_s, end_s=r.end_s, **r.metrics) for r in reps]
    (group,) = movements(rows)
    (sentence,) = headline([group])
    assert f"contributed {percent(median, spread)} % of the trunk's movement" in sentence
    assert "median of 3 of 4: 37 to 61 %; left out: 1 first of its set" in sentence
    assert "They fall into two groups: 36 % (no. 1, 2) and 60 % (no. 3, 4); the median is inside" in sentence
    assert group.spread("lumbar_share_of_trunk", scale=100.0) == (percent(median), "37 to 61")
    assert round(spread, 2) == 0.14


def test_knee_raises_stand_by_leg() -> None:
    left, right = {"hip_left_rom_deg": 70.0, "hip_right_rom_deg": 14.0}, {"hip_left_rom_deg": 12.0, "hip_right_rom_deg": 76.0}
    rows = [bare(i, "knee_raise", **(right if i % 2 else left)) for i in range(6)]
    groups = movements(rows)
    assert [g.count for g in groups] == ["3 left knee raises", "3 right knee raises"]
    assert [g.spread("hip_left_rom_deg")[0] for g in groups] == ["70", "12"]
    assert [g.spread("hip_right_rom_deg")[0] for g in groups] == ["14", "76"]


def test_medians_leave_out_what_is_missing() -> None:
    rows = tuple(bare(i, lumbar_rom_deg=v) for i, v in enumerate((math.nan, 40.0, 50.0, 42.0)))
    group = MovementSummary("bend", rows, "lumbar_share_of_trunk", None, counted=rows)
    assert group.spread("lumbar_rom_deg") == ("42", "40 to 50")
    assert replace(group, counted=rows[:1]).spread("lumbar_rom_deg") == ("–", "")
    assert replace(group, counted=rows[1:2]).spread("lumbar_rom_deg") == ("40", "")


def test_what_was_wrong_stands_first_and_what_its_numbers_carry(tmp_path: Path) -> None:
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
    text = " ".join(Page(write_report(session, tmp_path / "r.html").read_text("utf-8")).text.split())
    box = text[text.index("What was wrong") : text.index("Duration")]
    assert "thigh left , from 0:41 to 1:11: it tumbles while the pelvis stands still. Fasten its strap." in box
    assert "Numbers of that time carry the note off body ." in box
    assert "pelvis , from 0:03 to the end: its gyroscope turns half as far as gravity does. Set its range." in box
    assert "carry the note implausible ." in box
    # said once
    assert text.count("Fasten its strap") == 1
    assert "lumbar: no samples at all" in text[text.index("Read with care") :]


def test_a_flagged_largest_angle_carries_its_note(tmp_path: Path) -> None:
    rows = angle_rows(40, gap=None)
    flags = np.full(len(rows), int(Quality.IMPLAUSIBLE), np.int32)
    with TableWriter(tmp_path, "review") as out:
        out.angles(AngleRows(rows.time_s, rows.angles, rows.sd, flags))
        out.close(summary("review", 0))
    text = " ".join(Page(write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")).text.split())
    assert re.search(r"Lumbar flexion \d+° largest \(± [\d.]+°\), at \d:\d\d; implausible", text)


def test_shares_that_are_none_are_said_with_their_reason(tmp_path: Path) -> None:
    rows = angle_rows(40, gap=None)
    with TableWriter(tmp_path, "review") as out:
        out.angles(rows)
        for rep in repetitions(rows):
            kept = {k: v for k, v in rep.metrics.items() if k != "lumbar_share_of_trunk"}
            out.repetition(replace(rep, metrics=kept, missing_shares="lumbar_share_of_trunk: opposite directions"))
        out.close(summary("review", 4))
    text = " ".join(Page(write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")).text.split())
    assert "share of trunk, opposite directions: no. 1 to 4" in text
    # of the three bends, whose share to read it is
    assert "no share in 3: opposite directions" in text


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


def test_no_word_judges(html: str) -> None:
    assert not re.search(r"\b(un)?safe|danger|abnormal|patholog|healthy|harmful|injur", Page(html).text, re.IGNORECASE)


def test_live_is_reported_where_there_is_no_review(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=20)
    text = Page(write_report(session, tmp_path / "deep" / "r.html").read_text("utf-8")).text
    assert "live (causal" in text
    assert "Both estimators" not in text


def test_both_estimators_are_told_and_either_can_be_chosen(session: Path, html: str, tmp_path: Path) -> None:
    both = [row for row in Page(html).rows if row[0] in ("live", "review")]
    assert [row[:2] for row in both] == [["review", "12"], ["live", "12"]]
    assert both[0][2] == "9 bends: 48 % share of trunk; 3 squats: 15 % share of trunk-on-thigh"
    short = write_session(tmp_path, seconds=20)
    assert "live (causal" in write_report(short, tmp_path / "r.html", "live").read_text("utf-8")


def test_a_session_without_calibration_says_so(tmp_path: Path) -> None:
    rows = angle_rows(20)
    nothing = np.full_like(rows.angles, np.nan)
    with TableWriter(tmp_path, "review") as out:
        out.angles(AngleRows(rows.time_s, nothing, nothing, np.full(len(rows), int(Quality.UNCALIBRATED), np.int32)))
        out.close(summary("review", 0, calibration={}, sets=[], warnings=[], exposure={}))
    html = write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")
    text = " ".join(Page(html).text.split())
    assert "there is no calibration. Mark calibrate , stand still" in text
    assert "No repetition was found" in text
    assert "Read with care" not in text
    assert pictures(html) == []


def test_a_session_without_rows_or_start(tmp_path: Path) -> None:
    with TableWriter(tmp_path, "live") as out:
        out.close(summary("live", 0, duration_s=None, start=None, sensors={}, calibration={}))
    assert "No angle was measured" in write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")


def test_one_lumbar_and_one_thigh_sensor(tmp_path: Path) -> None:
    """Trunk and thigh inclination only: no lumbar angle, no hip, but the repetitions and their times are told."""
    rows = angle_rows(40, gap=None)
    angles = rows.angles.copy()
    angles[[i for i, n in enumerate(ANGLE_NAMES) if n not in ("trunk_inclination", "thigh_left_inclination")]] = np.nan
    with TableWriter(tmp_path, "review") as out:
        out.angles(AngleRows(rows.time_s, angles, np.full_like(angles, np.nan), rows.quality))
        for rep in repetitions(rows):
            kept = {k: v for k, v in rep.metrics.items() if k.startswith("trunk") or k.endswith("_s")}
            out.repetition(Repetition(rep.index, rep.start_s, rep.turn_s, rep.end_s, rep.movement, 0.2, 0, kept))
        out.close(summary("review", 4))
    html = write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")
    first = next(row for row in Page(html).rows if row[0] == "1")
    assert first[1] == "bend ?"
    assert first[6:10] == ["–"] * 4
    assert pictures(html) == []


def test_one_sided_hips_and_knee_raises_use_the_leg_that_moved(tmp_path: Path) -> None:
    rows = angle_rows(40, gap=None)
    with TableWriter(tmp_path, "review") as out:
        out.angles(rows)
        for rep, kind in zip(repetitions(rows), ("knee_raise", "sit_down", "stand_up", "other"), strict=True):
            end = rep.turn_s if kind in ("sit_down", "stand_up") else rep.end_s
            out.repetition(Repetition(rep.index, rep.start_s, rep.turn_s, end, kind, 0.9, 0, rep.metrics))
        out.close(summary("review", 4))
    html = write_report(tmp_path, tmp_path / "r.html").read_text("utf-8")
    assert len(pictures(html)) == 1 + 4
    assert "1 right knee raise: as the knee goes up" in html
    assert "1 sit down: on the way to the seat" in html


@pytest.mark.slow
def test_long_sessions_stay_readable(tmp_path: Path) -> None:
    session = write_session(tmp_path, "review", seconds=400)
    html = write_report(session, tmp_path / "r.html").read_text("utf-8")
    assert len(pictures(html)) == 3 + 24 + 2
    assert "Shown: 24 of 64 repetitions" in Page(html).text
    assert len([row for row in Page(html).rows if row[0].isdigit()]) == 128


def test_thinning_keeps_peaks_and_gaps() -> None:
    time_s = np.arange(100_000) / 100
    values = np.sin(time_s)
    values[54_321], values[12_345] = 9.0, -9.0
    values[70_000:80_000] = np.nan
    x, y = _envelope(time_s, values)
    assert len(x) < 2000
    assert (np.nanmax(y), np.nanmin(y)) == (9.0, -9.0)
    assert np.isnan(y[(x > 701) & (x < 799)]).all()
    assert np.all(np.diff(x) > 0)


def test_text_of_people_is_escaped(tmp_path: Path) -> None:
    session = write_session(tmp_path, "live", seconds=20, athlete="<b>&", warnings=["<script>alert(1)</script>"])
    html = write_report(session, tmp_path / "r.html").read_text("utf-8")
    assert "<h1>&lt;b&gt;&amp;</h1>" in html
    assert "<script" not in html


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


def screened(folder: Path, **changes: float) -> tuple[str, list[list[str]]]:
    """Text and table of a report on a day of the hip screen's tests."""
    day = Day().bends(lumbar_share_of_trunk=0.80).knee_raises(left=70.0).rock_backs().bows(count=2)
    document = screen_of(day.repetitions, limits_with(changes)).document()
    html = write_report(write_session(folder, "review", screen=document), folder / "report.html").read_text("utf-8")
    page = Page(html)
    return " ".join(page.text.split()), [row for row in page.rows if len(row) == 7 and row[0] in TEST_WORDS.values()]


def test_the_hip_screen_with_each_number_beside_its_limit(tmp_path: Path) -> None:
    text, rows = screened(tmp_path)
    assert "Pattern 2: hip-limited: the hips run out, the lumbar spine takes up the slack (left side)." in text
    assert "2 exercises speak for it: confidence moderate." in text
    assert "bow: 2 of at least 3 repetitions; not scored" in text
    assert ["knee raise", "left", "70°", "3", "below 72°", "beyond, borderline"] in [[*row[:2], *row[3:]] for row in rows]
    assert ["knee raise", "right", "105°", "3", "below 72°", "not beyond"] in [[*row[:2], *row[3:]] for row in rows]
    shares = [row for row in rows if row[2].startswith("lumbar / (lumbar + pelvis)")]
    assert [row[3:] for row in shares] == [["80 %", "3", "above 63 %; below 38 %", "beyond; not beyond"]]
    assert [row[3] for row in rows if row[0] == "waiter's bow"] == ["not scored"] * 2
    assert "a proposal of this program" in text
    assert "Laird 2019" in text


def test_a_screen_that_could_be_another_and_limits_that_were_set(tmp_path: Path) -> None:
    text, rows = screened(tmp_path, knee_raise_hip_deg=71.0, knee_raise_difference_deg=32.0)
    assert "Borderline: within the minimal detectable change it could be: no dominant pattern today." in text
    assert "set for this session" in text
    assert ["below 71°", "beyond, borderline"] in [row[5:] for row in rows]


def test_who_did_not_screen_reads_nothing_of_it(tmp_path: Path) -> None:
    session = write_session(tmp_path, "review", screen=screen_of([]).document())
    assert "Hip screen" not in write_report(session, tmp_path / "report.html").read_text("utf-8")
