"""`hiphinge compare`: answer first, the same numbers for programs, and one clear line for what cannot be compared."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import pytest

from body_signals import SessionMark
from dashboards.tables import read_summary
from dsp.screen import Excursions, calibration_documents, numbered_before, run_document, runs_of, screen_of
from dsp.screen import screened as screened_of
from hiphinge.guidance.ending import answer_of_session
from tests.contract.command_line import done, refused
from tests.dsp.screen_by_hand import Day
from tests.hiphinge.comparing.screened_sessions import screen_day, screened

AFTER = {"start": "2026-11-23T09:32:00Z", "marks": [(0.0, "retest before")]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sessions")
    screened(place / "before", screen_day(76.0), pain=[(20.0, 5), (40.0, 4)])
    screened(place / "after", screen_day(90.0), pain=[(20.0, 2)], **AFTER)
    screened(place / "hour", screen_day(83.0), start="2026-11-23T10:32:00Z", marks=[(0.0, "retest after")], pain=[(20.0, 3)])
    screened(place / "next", screen_day(77.0), start="2026-11-24T09:15:00Z")
    screened(place / "other", screen_day(80.0), athlete="player-08", start="2026-11-23T09:40:00Z")
    screened(place / "bends", Day().bends(), start="2026-11-23T09:50:00Z")
    screened(place / "nothing", Day().bends(count=1), start="2026-11-23T09:55:00Z")
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "sessions"))


def compared(place: Path, *words: str) -> dict:
    return json.loads(done("compare", *words, "--json", cwd=place).stdout)


def test_the_answer_comes_first(place: Path) -> None:
    text = done("compare", "before", "after", cwd=place).stdout
    assert text.splitlines()[0] == "+14° after: more than the measurement can tell (9°)."
    assert "the sensors stayed on" in text
    assert "Pain 5 to 2: a change that matters" in text


def test_the_document_has_the_numbers_of_the_sessions(place: Path) -> None:
    found = compared(place, "before", "after")
    assert found["primary"] == {"test": "knee_raise", "side": "left", "measure": "hip_peak_deg"}
    assert (found["label"], found["change_deg"], found["same_wear"]) == ("changed", 14.0, True)
    assert found["kept_percent"] is found["kept_percent_low"] is found["kept_percent_high"] is None
    for name, key in (("before", "before"), ("after", "after")):
        tests = read_summary(place / name, "review")["screen"]["tests"]
        (knee,) = [t for t in tests if (t["test"], t["side"]) == ("knee_raise", "left")]
        assert found[key] == knee["measures"]["hip_peak_deg"]["median"]
    assert found["pain"] == {"before": 5.0, "after": 2.0, "now": 2.0, "change": -3.0, "direction": "lower", "important": True}
    assert found["others"]
    assert all("label" not in one for one in found["others"])


def test_a_course_of_several_sessions_says_what_is_kept(place: Path) -> None:
    found = compared(place, "before", "after", "hour", "next")
    assert [p["label"] for p in found["points"]] == ["", "changed", "not_more_than_measurement", "lost"]
    assert (found["label"], found["change_deg"], found["same_wear"]) == ("lost", 1.0, False)
    assert found["immediate_deg"] == 14.0
    assert found["kept_percent"] == pytest.approx(100.0 / 14.0, abs=0.06)
    assert found["kept_percent_low"] < found["kept_percent"] < found["kept_percent_high"]
    assert [p["same_wear"] for p in found["points"]] == [True, True, True, False]
    assert [p["minutes_after"] for p in found["points"]] == [-22.0, 0.0, 60.0, 1423.0]
    text = done("compare", "before", "after", "hour", "next", cwd=place).stdout
    assert text.splitlines()[0].startswith("Lost next day: +1° is not more than the measurement can tell (10°).")


def test_later_sessions_may_be_named_in_any_order(place: Path) -> None:
    assert compared(place, "before", "after", "next", "hour") == compared(place, "before", "after", "hour", "next")


def test_text_and_json_have_the_same_numbers(place: Path) -> None:
    found = compared(place, "before", "after", "hour", "next")
    text = done("compare", "before", "after", "hour", "next", cwd=place).stdout
    rows = [line.split("  ") for line in text.splitlines() if "Nov 2026" in line]
    assert len(rows) == len(found["points"])
    for line, point in zip((x for x in text.splitlines() if "Nov 2026" in x), found["points"], strict=True):
        assert f" {round(point['value'])}° " in line
        if point["label"]:
            assert f"{'+' if round(point['change_deg']) > 0 else ''}{round(point['change_deg'])}°" in line
            assert f" {math.ceil(point['smallest_detectable_deg'])}° " in line
        if point["kept_percent"] is not None:
            shown = [float(n.replace("−", "-")) for n in re.findall(r"[−\d]+", line.split("°")[-1].split(")")[0])]
            names = ("kept_percent", "kept_percent_low", "kept_percent_high")
            assert shown == pytest.approx([point[name] for name in names], abs=0.51)


def test_sessions_may_be_named_below_the_sessions_folder(place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = done("compare", "before", "after", "--json", cwd=elsewhere, HIPHINGE_SESSIONS=str(place))
    assert json.loads(result.stdout)["label"] == "changed"


def test_without_a_mark_the_sensors_were_worn_anew_unless_said_otherwise(place: Path) -> None:
    anew = compared(place, "before", "next")
    assert (anew["same_wear"], anew["points"][1]["minutes_after"]) == (False, 1445.0)
    assert compared(place, "before", "next", "--same-wear")["same_wear"] is True
    assert compared(place, "before", "after", "--worn-anew")["same_wear"] is False
    (place / "after/edits.toml").write_text('[[mark]]\ntime_s = 0.0\nlabel = "retest before"\ndeleted = true\n')
    assert compared(place, "before", "after")["same_wear"] is False


def test_the_number_may_be_chosen_before_or_asked_for(place: Path) -> None:
    rock = "rock_back:left:excursion_deg"
    assert compared(place, "before", "after")["primary_chosen"] == "proposed"
    done("mark", "before", "0", f"primary {rock}", cwd=place)
    chosen = compared(place, "before", "after")
    assert (chosen["primary"]["test"], chosen["primary_chosen"], chosen["label"]) == (
        "rock_back",
        "mark",
        "not_more_than_measurement",
    )
    asked = compared(place, "before", "after", "--primary", "bend:lumbar_rom_deg")
    assert (asked["primary"], asked["primary_chosen"]) == ({"test": "bend", "side": "", "measure": "lumbar_rom_deg"}, "command")


def test_a_corrected_kind_counts(place: Path) -> None:
    raises = "".join(f"[[repetition]]\nat_s = {s}\ndeleted = true\n" for s in (77.0, 82.0))
    (place / "after/edits.toml").write_text(raises)
    assert "was not measured in after" in refused("compare", "before", "after", cwd=place)


def test_one_session_divided_by_marks(place: Path) -> None:
    day = screen_day(76.0)
    middle = day._now
    screened(place / "one", day.knee_raises(left=91.0).rock_backs(40.0), marks=[(middle - 40.0, "treatment")], pain=[(5.0, 6)])
    found = compared(place, "one", "--primary", "knee_raise:left:hip_peak_deg")
    assert (found["label"], found["before"], found["after"], found["same_wear"]) == ("changed", 76.0, 91.0, True)
    assert [p["session"] for p in found["points"]] == ["one part 1", "one part 2"]
    assert [p["pain"] for p in found["points"]] == [6.0, None]


def test_a_mark_before_or_after_all_tests_divides_nothing(place: Path) -> None:
    marks = [(0.5, "retest"), (0.6, "retest before")]
    screened(place / "b", screen_day(90.0), start="2026-11-23T09:40:00Z", marks=marks)
    screened(place / "a", screen_day(76.0), start="2026-11-23T09:00:00Z", marks=[(300.0, "treatment")])
    assert [p["session"] for p in compared(place, "before", "b")["points"]] == ["before", "b"]
    treated = compared(place, "a", "before")
    assert [p["session"] for p in treated["points"]] == ["a", "before"]
    # the time of the treatment is the zero
    assert [p["minutes_after"] for p in treated["points"]] == [-5.0, 5.0]


def test_one_session_guided_by_two_protocols(place: Path) -> None:
    day = screen_day(76.0)
    middle = day._now - 40.0
    screened(place / "one", day.knee_raises(left=91.0), marks=[(middle, "retest")], pain=[(5.0, 6), (middle + 60.0, 3)])
    second = screen_of(Day().knee_raises(left=92.0).repetitions).document()
    for estimator in ("live", "review"):
        path = place / "one" / estimator / "summary.json"
        summary = json.loads(path.read_text())
        # what the calibration's movements gave is in no table
        summary["screen"]["tests"][1]["measures"]["hip_peak_deg"]["median"] = 75.0
        first = {"name": "hip-check", "begun_s": 0.0, "ended_s": middle, "steps": []}
        further = {"name": "retest", "begun_s": middle, "ended_s": None, "steps": [], "screen": second}
        path.write_text(json.dumps(summary | {"protocol": first | {"further": [further]}}))
    found = compared(place, "one", "--primary", "knee_raise:left:hip_peak_deg")
    assert (found["before"], found["after"], found["label"], found["same_wear"]) == (75.0, 92.0, "changed", True)
    assert [p["session"] for p in found["points"]] == ["one hip-check 1", "one retest 2"]
    assert [p["pain"] for p in found["points"]] == [6.0, 3.0]


def guided(folder: Path, *, after: float | None, treated: bool = True) -> Path:
    """A hip check whose bends and two of the left knee raises calibrated, with deadlifts as the painful movement, a mark
    `treatment`, and then three rock-backs and left knee raises that nobody guided, these where `after` says how high."""
    calibrating = Day().bends().knee_raises(left=76.0, count=2, sides=("left",)).repetitions
    day = Day()
    day._now = 300.0
    day.knee_raises(left=76.0, count=2, sides=("left",)).add("deadlift", {"lumbar_peak_deg": 20.0, "hip_left_peak_deg": 60.0})
    treated_s = day._now - 10.0
    day.rock_backs(20.0)
    if after is not None:
        day.knee_raises(left=after, sides=("left",))
    said = [
        (0.0, "protocol hip-check"),
        (0.5, "step bends begin bend x3 calibration"),
        (60.0, "step bends end"),
        (60.0, "step knee-left begin knee_raise left x4 calibration"),
        (320.0, "step knee-left end"),
        (320.0, "step painful begin painful_movement x3"),
        (treated_s - 1.0, "step painful end"),
        (treated_s - 1.0, "protocol hip-check done"),
        *([(treated_s, "treatment")] if treated else []),
    ]
    screened(folder, day, marks=said)
    runs = runs_of([SessionMark(at_s, label) for at_s, label in said])
    moved = numbered_before(calibrating)
    screen = screen_of(list(screened_of(day.repetitions, moved, runs))).document()
    for test in screen["tests"]:
        test["from_calibration"] = test["test"] != "rock_back"
    protocol = run_document(runs[0], day.repetitions, moved, Excursions())
    protocol["calibration_movements"] = calibration_documents(moved, runs)
    for estimator in ("live", "review"):
        path = folder / estimator / "summary.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"screen": screen, "protocol": protocol}))
    return folder


def test_movements_of_the_calibration_belong_to_the_part_in_which_they_were_done(place: Path) -> None:
    guided(place / "one", after=91.0)
    found = compared(place, "one", "--primary", "knee_raise:left:hip_peak_deg")
    assert (found["before"], found["after"], found["label"]) == (76.0, 91.0, "changed")
    # the painful movement is no test of the screen
    assert all(other["test"] != "deadlift" for other in found["others"])


def test_the_report_of_a_session_with_a_treatment_tells_the_change(place: Path) -> None:
    folder = guided(place / "one", after=91.0)
    done("mark", "one", "0", "primary knee_raise:left:hip_peak_deg", cwd=place)
    found = compared(place, "one")
    done("report", "one", "--language", "en", cwd=place)
    text = (folder / "report.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert f"+15° after: more than the measurement can tell ({math.ceil(found['smallest_detectable_deg'])}°)" in text
    # and so does the terminal
    assert f"{answer_of_session(folder, 'review')}".count("+15° after: more than the measurement can tell") == 1
    # where nothing was done again it tells none
    guided(place / "other", after=None)
    done("report", "other", "--language", "en", cwd=place)
    assert "than the measurement can tell" not in (place / "other/report.html").read_text("utf-8")


def test_what_was_not_done_after_the_treatment_has_no_answer(place: Path) -> None:
    guided(place / "one", after=None)
    said = refused("compare", "one", "--primary", "knee_raise:left:hip_peak_deg", cwd=place)
    assert "knee_raise:left:hip_peak_deg was not measured in one part 2" in said


def test_a_correction_of_another_repetition_leaves_the_calibration_s_movements(place: Path) -> None:
    folder = guided(place / "one", after=None, treated=False)
    screened(place / "later", screen_day(91.0), start="2026-11-23T10:32:00Z")
    before = compared(place, "one", "later", "--primary", "knee_raise:left:hip_peak_deg")
    (folder / "edits.toml").write_text('[[repetition]]\nat_s = 361.0\nmovement = "squat"\n')
    after = compared(place, "one", "later", "--primary", "knee_raise:left:hip_peak_deg")
    assert (before["before"], before["after"]) == (76.0, 91.0)
    assert after == before


def test_the_pinned_baseline_is_found_and_can_be_taken_back(place: Path) -> None:
    for i, left in enumerate((75.0, 78.0)):
        screened(place / f"week{i}", screen_day(left), start=f"2026-11-{16 + 2 * i}T09:15:00Z")
    screened(place / "later", screen_day(60.0), start="2026-12-24T09:15:00Z", marks=[(0.0, "baseline")])
    assert compared(place, "before", "next")["baselines"] == 1
    said = done("compare", "--pin", "week0", "week1", cwd=place).stdout
    assert said.count("pinned as baseline") == 2
    assert "already" in done("compare", "--pin", "week0", cwd=place).stdout
    found = compared(place, "before", "next")
    assert (found["baselines"], found["baseline_sessions"]) == (3, ["week0", "week1"])
    assert found["change_deg"] == pytest.approx(77.0 - (75.0 + 78.0 + 76.0) / 3.0, abs=1e-3)
    assert (
        found["smallest_detectable_deg"] < compared(place, "before", "next", "--baseline", "week0")["smallest_detectable_deg"]
    )
    done("compare", "--unpin", "week0", "week1", cwd=place)
    assert compared(place, "before", "next")["baselines"] == 1
    assert not read_summary(place / "week0", "review")["marks"]


def test_of_a_pinned_session_with_a_treatment_what_was_before_it_counts(place: Path) -> None:
    day = screen_day(76.0)
    middle = day._now - 40.0
    day.knee_raises(left=96.0)
    screened(place / "monday", day, start="2026-11-16T09:10:00Z", marks=[(0.0, "baseline"), (middle, "treatment")])
    found = compared(place, "before", "next", "--primary", "knee_raise:left:hip_peak_deg")
    assert (found["baseline_sessions"], found["baselines"], found["change_deg"]) == (["monday"], 2, 1.0)
    trend = json.loads(done("compare", "--trend", "before", "--json", cwd=place).stdout)
    (knee,) = [n for n in trend["numbers"] if (n["test"], n["side"], n["measure"]) == ("knee_raise", "left", "hip_peak_deg")]
    assert (knee["baseline"]["median"], knee["baseline"]["sessions"]) == (76.0, 1)


def test_what_cannot_be_compared_is_refused_in_one_line(place: Path) -> None:
    for words, why in (
        (("before", "other"), "player-08"),
        (("before", "bends"), "was not measured in bends"),
        (("before", "nothing"), "no test of the hip screen was scored"),
        (("before",), "nothing to compare"),
        (("before", "before"), "named twice"),
        (("before", "nowhere"), "no such session folder"),
        (("after", "before"), "earlier than after"),
        (("before", "after", "--primary", "knee"), "no number of the screen"),
        (("before", "after", "--estimator", "best"), "unknown estimator"),
        (("before", "after", "--baseline", "other"), "player-08"),
        (("before", "after", "--baseline", "after"), "named twice"),
        (("before", "after", "--errors", "before/review/summary.json"), "no table of repeatability"),
        (("before", "after", "--pin", "--unpin"), "exclude each other"),
    ):
        assert why in refused("compare", *words, cwd=place)


def test_unfinished_and_damaged_sessions_are_refused(place: Path) -> None:
    (place / "after/recording.mcap").write_bytes(b"")
    shutil.rmtree(place / "after/review")
    assert "was not closed" in refused("compare", "before", "after", cwd=place)
    (place / "after/recording.mcap").unlink()
    assert "no results of estimator 'review'" in refused("compare", "before", "after", "--estimator", "review", cwd=place)
    assert compared(place, "before", "after")["estimator"] == "live"
    (place / "after/live/summary.json").write_text("{")
    assert "summary.json" in refused("compare", "before", "after", cwd=place)
    shutil.rmtree(place / "after/live")
    assert "no results" in refused("compare", "before", "after", cwd=place)


def test_whose_session_is_not_known_is_not_compared(place: Path) -> None:
    screened(place / "somebody", screen_day(70.0), athlete="unknown")
    screened(place / "somebody-too", screen_day(90.0), athlete="unknown", start="2026-11-23T09:32:00Z")
    assert "not known whose" in refused("compare", "somebody", "somebody-too", cwd=place)


def test_a_copy_under_another_name_is_the_same_session(place: Path) -> None:
    shutil.copytree(place / "before", place / "copy")
    assert "is a copy or a replay" in refused("compare", "before", "copy", cwd=place)


def test_another_sessions_damage_does_not_matter(place: Path) -> None:
    (place / "hour/review/summary.json").write_text("{")
    (place / "hour/live/summary.json").write_text("{")
    assert compared(place, "before", "after")["label"] == "changed"


def test_the_trend_is_that_of_days_and_weeks_against_the_pinned_baseline(place: Path) -> None:
    for i, left in enumerate((75.0, 78.0, 77.0)):
        marks = [(0.0, "baseline")] if i < 2 else []
        screened(place / f"week{i}", screen_day(left), start=f"2026-11-{2 + 7 * i:02}T09:15:00Z", marks=marks)
    found = json.loads(done("compare", "--trend", "before", "--json", cwd=place).stdout)
    assert found["baseline_sessions"] == ["week0", "week1"]
    knee = next(one for one in found["numbers"] if (one["side"], one["measure"]) == ("left", "hip_peak_deg"))
    assert (knee["now"], knee["beyond"]) == (76.0, "")
    assert (knee["baseline"]["median"], knee["baseline"]["days"]) == (76.5, 2)
    assert knee["baseline"]["low"] < 70.0 < 83.0 < knee["baseline"]["high"]
    assert [d["day"] for d in knee["days"]] == ["2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"]
    assert [w["median"] for w in knee["weeks"]] == [75.0, 78.0, 77.0, 76.0]
    # later sessions, and those of others, are no part of it
    assert set(found["sessions"]) == {"week0", "week1", "week2", "before"}
    low = json.loads(done("compare", "--trend", "next", "--json", cwd=place).stdout)
    assert {"after", "hour"} < set(low["sessions"])
    text = done("compare", "--trend", "before", cwd=place).stdout
    assert "pinned baseline: week0, week1" in text
    assert "75°, 78°, 77°, 76°" in text
    assert "for one session" in refused("compare", "--trend", "before", "after", cwd=place)
    assert "no test of the hip screen was scored" in refused("compare", "--trend", "nothing", cwd=place)


def test_without_a_known_start_there_are_values_and_no_times(place: Path) -> None:
    for name, left in (("x", 70.0), ("y", 90.0)):
        screened(place / name, screen_day(left), start="1970-01-01T00:00:00Z")
    found = compared(place, "x", "y")
    assert (found["change_deg"], found["label"], found["same_wear"]) == (20.0, "changed", False)
    assert [p["minutes_after"] for p in found["points"]] == [None, None]
    assert "start_unknown" in found["warnings"]
    assert "–" in done("compare", "x", "y", cwd=place).stdout


def test_names_that_look_like_markup_are_shown_as_they_are(place: Path) -> None:
    name = "[red]b :smile:"
    screened(place / name, screen_day(90.0), athlete="player-07", start="2026-11-23T09:40:00Z", marks=[(0.0, "retest before")])
    assert name in done("compare", "before", name, cwd=place).stdout
    assert compared(place, "before", name)["points"][1]["session"] == name


@pytest.mark.parametrize("label", ["primary bend:left:lumbar_rom_deg", "primary x", "primary ::"])
def test_a_choice_that_names_no_number_is_refused(place: Path, label: str) -> None:
    assert "TEST:SIDE:MEASURE" in refused("mark", "before", "0", label, cwd=place)
    # also one that an earlier version took
    screened(place / "then", screen_day(70.0), athlete="player-07", start="2026-11-23T09:00:00Z", marks=[(0.0, label)])
    assert "no number of the screen" in refused("compare", "then", "after", cwd=place)


def test_a_chain_of_retests_and_a_circle_of_them_end(place: Path) -> None:
    assert compared(place, "before", "after", "hour")["same_wear"] is True
    screened(place / "p", screen_day(70.0), start="2026-11-25T09:00:00Z", marks=[(0.0, "retest q")])
    screened(place / "q", screen_day(90.0), start="2026-11-25T09:30:00Z", marks=[(0.0, "retest p")])
    assert compared(place, "p", "q")["label"] == "changed"
    (place / "q").rename(place / "renamed")
    assert compared(place, "p", "renamed")["label"] == "changed"
