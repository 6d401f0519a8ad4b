"""Repetitions found in rows of true angles: here the finder alone is judged, not the estimator behind the rows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.repetitions.finder import ROWS_AT_ONCE, RepetitionFinder
from dsp.repetitions.held import CALIBRATION_LONGEST_S
from dsp.repetitions.signal import HISTORY_S
from dsp.repetitions.states import SETTLE_LONGEST_S
from dsp.results import AngleRows
from tests.dsp.repetitions_by_hand import (
    BODY,
    INDEX,
    RATE,
    find,
    holed,
    kinds,
    matched,
    ramps,
    seated_script,
    standing_script,
    truth_rows,
)
from virtual_athlete import SCENARIOS, Script


def test_bends() -> None:
    script = standing_script()
    for peak in (60.0, 75.0, 95.0):
        script.bend(peak)
    script.stand(1.0)
    matched(find(truth_rows(script)), script)


def test_squats_hinges_deadlifts() -> None:
    script = standing_script()
    script.squat(85.0)
    script.hinge(60.0)
    script.deadlift(66.0)
    script.asymmetric_lift("left", 58.0)
    script.asymmetric_lift("right", 58.0)
    script.stand(1.0)
    matched(find(truth_rows(script)), script)


def test_touch_and_go() -> None:
    """No pause between repetitions: each is counted, and none ends before the next begins by overlap."""
    script = standing_script()
    for _ in range(5):
        script.deadlift(68.0, down_s=0.8, hold_s=0.0001, up_s=0.7, rest_s=0.0)
    script.stand(1.0)
    found = find(truth_rows(script))
    assert kinds(found) == ["deadlift"] * 5
    for a, b in itertools.pairwise(found):
        assert a.end_s <= b.start_s + 0.05


def test_touch_and_go_without_standing_up() -> None:
    """Half the way up and down again is two repetitions: the fall is below half of the peak and the rise is clear."""
    rows = ramps((0, 0), (1, 0), (2, 80), (3, 30), (4, 80), (5, 0), (7, 0))
    assert len(find(rows)) == 2


def test_a_wobble_at_the_bottom_is_one_repetition() -> None:
    rows = ramps((0, 0), (1, 0), (2, 80), (3, 55), (4, 80), (5, 0), (7, 0))
    assert len(find(rows)) == 1


def test_a_pause_at_the_bottom_belongs_to_it() -> None:
    script = standing_script()
    script.bend(80.0, hold_s=6.0)
    script.stand(1.0)
    found = find(truth_rows(script))
    matched(found, script)
    assert found[0].metrics["hold_s"] == pytest.approx(6.0, abs=0.7)


def test_a_pause_on_the_way_is_one_repetition() -> None:
    rows = ramps((0, 0), (1, 0), (2, 40), (4, 40), (5, 80), (7, 0), (9, 0))
    assert len(find(rows)) == 1


def test_partial() -> None:
    script = standing_script()
    script.bend(26.0, down_s=0.9, hold_s=0.3, up_s=0.9)
    script.squat(40.0, down_s=0.9, up_s=0.8)
    script.stand(1.0)
    found = find(truth_rows(script))
    assert len(found) == 2
    for r, true in zip(found, script.repetitions, strict=True):
        assert r.turn_s == pytest.approx(true.turn_s, abs=0.3)


def test_too_small_is_nothing() -> None:
    script = standing_script()
    script.bend(10.0)
    script.bend(14.0)
    script.stand(1.0)
    assert find(truth_rows(script)) == []


def test_very_slow() -> None:
    script = standing_script()
    script.bend(85.0, down_s=15.0, hold_s=4.0, up_s=12.0)
    script.stand(2.0)
    found = find(truth_rows(script))
    assert kinds(found) == ["bend"]
    # it begins so slowly that seconds pass before the movement is told from sway; the range loses what they bring
    matched(found, script, tolerance_s=3.5)
    assert found[0].start_s == pytest.approx(script.repetitions[0].start_s, abs=2.3)
    assert found[0].metrics["trunk_rom_deg"] > 0.95 * 85.0


def test_longer_than_the_memory_is_a_posture() -> None:
    rows = ramps((0, 0), (2, 0), (4, 60), (HISTORY_S + 30, 60), (HISTORY_S + 32, 0), (HISTORY_S + 40, 0))
    assert [r for r in find(rows) if r.movement == "bend"] == []


def test_walking_invents_none() -> None:
    script = standing_script()
    script.walk(20.0, turn_deg=180.0)
    script.walk(10.0)
    script.stand(2.0)
    assert find(truth_rows(script)) == []


@pytest.mark.parametrize("seed", range(4))
def test_walking_between_bends_invents_none(seed) -> None:
    script = standing_script(seed)
    script.bend(70.0)
    script.walk(15.0)
    script.squat(80.0)
    script.walk(6.0, turn_deg=-90.0)
    script.stand(1.0)
    assert kinds(find(truth_rows(script))) == ["bend", "squat"]


def test_knee_raises() -> None:
    script = standing_script()
    script.knee_raise("left", 75.0)
    script.knee_raise("right", 60.0)
    script.stand(1.0)
    found = find(truth_rows(script))
    assert kinds(found) == ["knee_raise", "knee_raise"]


def test_sitting_down_and_standing_up() -> None:
    """Two movements of one phase; sitting still between them, however long, is none."""
    script = standing_script()
    script.sit_down(2.0, rest_s=20.0)
    script.stand_up(1.8)
    script.stand(1.0)
    found = find(truth_rows(script))
    matched_kinds = kinds(found)
    assert matched_kinds == ["sit_down", "stand_up"]
    down, up = found
    true_down, true_up = script.repetitions
    assert down.end_s == pytest.approx(true_down.end_s, abs=0.5)
    assert up.start_s == pytest.approx(true_up.start_s, abs=0.5)
    assert up.end_s == pytest.approx(true_up.end_s, abs=0.5)


def test_who_hesitates_while_standing_up_began_with_the_lean() -> None:
    """The trunk leans forward, stops for a moment, and then the thighs leave the seat: one movement, from the lean on."""
    script = seated_script(6.0, up_s=2.4, bends=0)
    up = script.repetitions[-1]
    rows = truth_rows(script)
    # time itself stops for a moment after two fifths of the way
    rate = 1.0 - np.exp(-(((rows.time_s - up.start_s - 0.9) / 0.12) ** 2))
    at = np.cumsum(rate) / RATE
    angles = np.stack([np.interp(at, rows.time_s, angle) for angle in rows.angles])
    found = find(AngleRows(rows.time_s, angles, rows.sd, rows.quality))
    assert kinds(found) == ["sit_down", "stand_up"]
    assert found[1].start_s == pytest.approx(up.start_s, abs=0.3)


def test_a_movement_that_comes_to_rest_just_after_its_calibration_is_part_of_it() -> None:
    """One phase only: its deepest point is its end, which the calibration does not wait for."""
    script = seated_script(4.0)
    sit_down, stand_up, bend = script.repetitions
    end = stand_up.end_s - 0.3
    found = find(truth_rows(script), marks=[0.0], calibrated=(round(end * RATE), end))
    assert kinds(found) == ["bend"]
    assert found[0].start_s > sit_down.start_s
    assert found[0].start_s == pytest.approx(bend.start_s, abs=0.3)


def test_sitting_for_longer_than_the_memory() -> None:
    script = seated_script(HISTORY_S + 60.0, up_s=1.8)
    assert kinds(find(truth_rows(script))) == ["sit_down", "stand_up", "bend"]


def test_swaying_in_the_chair_is_nothing() -> None:
    script = standing_script()
    script.sit_down(2.0, rest_s=4.0)
    for _ in range(2):
        script._to("pelvis_tilt", 5.0, script.now, script.now + 1.0)
        script._to("pelvis_tilt", -12.0, script.now + 1.0, script.now + 2.0)
        script.stand(3.0)
    script.stand_up(1.8)
    script.stand(1.0)
    assert kinds(find(truth_rows(script))) == ["sit_down", "stand_up"]


def session_with_calibration(seed: int = 0, later_s: float = 0.0) -> Script:
    script = Script(seed)
    script.calibrate()
    script.stand(1.0 + later_s)
    script.bend(75.0)
    script.squat(80.0)
    script.stand(1.0)
    return script


def test_the_calibrations_movements_are_no_repetitions() -> None:
    script = session_with_calibration()
    end = script.calibrations[0][1]
    found = find(truth_rows(script), marks=[0.0], calibrated=(round((end + 2.0) * RATE), end))
    assert kinds(found) == ["bend", "squat"]
    assert [r.index for r in found] == [0, 1]


def test_movements_of_a_calibration_that_fails_come_out_late_and_in_order() -> None:
    script = session_with_calibration(later_s=CALIBRATION_LONGEST_S)
    found = find(truth_rows(script), marks=[0.0])
    assert kinds(found) == ["bend"] * 3 + ["knee_raise"] * 4 + ["bend", "squat"]
    assert [r.index for r in found] == list(range(9))
    assert np.all(np.diff([r.start_s for r in found]) > 0)


def test_a_movement_that_began_before_the_mark_counts() -> None:
    script = standing_script()
    script.bend(75.0)
    mark = script.repetitions[0].start_s + 1.0
    script.stand(6.0)
    end = script.now
    found = find(truth_rows(script), marks=[mark], calibrated=(round(end * RATE) - 10, end))
    assert kinds(found) == ["bend"]


def test_the_end_of_the_rows_in_the_middle_of_a_movement() -> None:
    script = standing_script()
    script.bend(75.0)
    script.stand(1.0)
    rows = truth_rows(script)
    true = script.repetitions[0]
    assert find(rows.part(0, round(true.turn_s * RATE))) == []
    assert kinds(find(rows.part(0, round(true.end_s * RATE)))) == ["bend"]


def test_without_the_lumbar_sensor_the_pelvis_is_the_trunk() -> None:
    script = standing_script()
    script.squat(85.0)
    script.deadlift(68.0)
    script.stand(1.0)
    rows = truth_rows(script)
    no_lumbar = holed(rows, 0.0, 1e3, [n for n in ANGLE_NAMES if "lumbar" in n or "trunk" in n])
    found = find(no_lumbar, placements=("pelvis", "thigh_left", "thigh_right"))
    assert len(found) == 2
    assert all("lumbar_rom_deg" not in r.metrics and "pelvis_rom_deg" in r.metrics for r in found)


def test_without_thighs_bends_are_found() -> None:
    script = standing_script()
    script.bend(80.0)
    script.stand(1.0)
    rows = holed(truth_rows(script), 0.0, 1e3, [n for n in ANGLE_NAMES if "thigh" in n or "hip" in n])
    (found,) = find(rows, placements=("lumbar", "pelvis"))
    assert found.movement == "bend"
    assert found.movement_confidence <= 0.5
    assert "lumbar_share_of_trunk" in found.metrics


def test_uncalibrated_rows_have_no_repetitions() -> None:
    script = standing_script()
    script.bend(80.0)
    script.stand(1.0)
    rows = truth_rows(script)
    missing = np.full_like(rows.angles, np.nan)
    empty = replace(rows, angles=missing, sd=missing, quality=np.full(len(rows), int(Quality.UNCALIBRATED), np.int32))
    assert find(empty) == []


def test_quality_is_that_of_its_rows() -> None:
    script = standing_script()
    script.bend(80.0)
    script.bend(80.0)
    script.stand(1.0)
    rows = truth_rows(script)
    quality = rows.quality.copy()
    quality[round(script.repetitions[0].turn_s * RATE)] |= np.int32(Quality.FAST)
    first, second = find(replace(rows, quality=quality))
    assert first.quality == Quality.FAST
    assert second.quality == 0


@cache
def everything() -> tuple[Script, AngleRows]:
    script = Script(3)
    script.calibrate()
    script.stand(1.0)
    for _ in range(3):
        script.deadlift(66.0, down_s=0.8, hold_s=0.05, up_s=0.7, rest_s=0.0)
    script.stand(1.0)
    script.sit_down(2.0, rest_s=4.0)
    script.stand_up(1.8)
    script.walk(6.0)
    script.stand(1.0)
    script.knee_raise("left", 70.0)
    script.bend(80.0)
    script.stand(1.0)
    rows = truth_rows(script)
    return script, holed(holed(rows, script.now - 4.0, 0.15), 40.0, 0.4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7000), max_size=25))
def test_cuts_do_not_matter(cuts) -> None:
    script, rows = everything()
    end = script.calibrations[0][1]
    cut = [c for c in cuts if c < len(rows)]
    calibrated = (round((end + 1.0) * RATE), end)
    whole = find(rows, marks=[0.0], calibrated=calibrated)
    assert repr(find(rows, cuts=cut, marks=[0.0], calibrated=calibrated)) == repr(whole)


def test_row_by_row() -> None:
    script, rows = everything()
    end = script.calibrations[0][1]
    calibrated = (round((end + 1.0) * RATE), end)
    whole = find(rows, marks=[0.0], calibrated=calibrated)
    assert repr(find(rows, cuts=range(1, len(rows)), marks=[0.0], calibrated=calibrated)) == repr(whole)
    assert len(whole) > 6


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.sampled_from((0.0, 2.0, 12.0, 20.0, 40.0, 55.0, 62.0, 80.0))] * 3, st.floats(0.2, 3.0)), max_size=12
    ),
    st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.01, 0.6), st.booleans()), max_size=4),
)
def test_what_is_passed_over_would_have_been_nothing(postures, holes) -> None:
    """Any way through postures of trunk and thighs, whole and row by row: sitting, splits, all fours, knees, holes."""
    time_s = np.cumsum([0.0, 1.0, *(seconds for *_, seconds in postures), 1.0, 2.0])
    t = np.arange(0.0, time_s[-1], 1 / RATE)
    angles = np.zeros((len(ANGLE_NAMES), len(t)))
    for k, name in enumerate(("trunk_inclination", "thigh_left_inclination", "thigh_right_inclination")):
        through = [0.0, 0.0, *(posture[k] for posture in postures), 0.0, 0.0]
        angles[INDEX[name]] = np.radians(np.interp(t, time_s, through))
    rows = AngleRows(t, angles, np.full_like(angles, 0.01), np.zeros(len(t), np.int32))
    for start_s, length_s, one in holes:
        rows = holed(rows, start_s, length_s, ("thigh_left_inclination",) if one else ANGLE_NAMES)
    assert repr(find(rows, cuts=range(1, len(rows)))) == repr(find(rows))


def test_a_repetition_is_told_as_soon_as_it_has_settled() -> None:
    rows = ramps((0, 0), (1, 0), (2, 80), (3, 0), (6, 0))
    finder = RepetitionFinder(RATE)
    finder.aligned(BODY)
    (told,) = (k for k in range(len(rows)) if finder.feed(rows.part(k, k + 1)))
    # below 10° from 2.88 s on
    assert 0 <= told - (288 + SETTLE_LONGEST_S * RATE) < ROWS_AT_ONCE


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s != "training"])
@pytest.mark.parametrize("seed", range(3))
def test_true_angles_of_a_session_give_its_repetitions(scenario, seed) -> None:
    script = SCENARIOS[scenario](seed)
    end = script.calibrations[0][1]
    found = find(truth_rows(script), marks=[0.0], calibrated=(round((end + 0.5) * RATE), end))
    assert len(found) == len(script.repetitions)
    for r, true in zip(found, script.repetitions, strict=True):
        assert r.start_s < true.descent_end_s < r.end_s + 0.6


def test_memory_is_bounded() -> None:
    finder = RepetitionFinder(RATE)
    finder.aligned(BODY)
    rows = ramps((0, 0), (10, 0))
    for k in range(60):
        finder.feed(replace(rows, time_s=rows.time_s + 10.0 * k))
    assert len(finder._kept) <= (HISTORY_S + 20.0) * RATE


def test_hours_of_repetitions_keep_no_more_than_a_few_minutes_of_rows() -> None:
    script = Script(1)
    for _ in range(30):
        script.bend(70.0)
        script.stand(1.0)
    rows = truth_rows(script)
    finder = RepetitionFinder(RATE)
    finder.aligned(BODY)
    kept, found, time_s = [], 0, 0.0
    for _ in range(12):
        again = replace(rows, time_s=rows.time_s + time_s)
        time_s = float(again.time_s[-1]) + 0.01
        found += len(finder.feed(again))
        kept.append(len(finder._kept))
    assert found >= 12 * 29
    assert max(kept) <= 3 * (HISTORY_S + 5.0) * RATE + len(rows)


@pytest.mark.parametrize("marks", [[1.0], [1.0, 104.0]])
def test_an_open_calibration_hears_of_time_at_rows_that_are_skipped(marks: list[float]) -> None:
    """A bend is held back until the calibration has taken too long, and then given out, also if another one begins: row by row,
    and all rows at once, of which most are skipped."""
    script = standing_script()
    script.bend(75.0)
    script.stand(106.0 - script.now)
    rows = truth_rows(script)

    def found(until_s: float, cuts: range) -> list[str]:
        finder = RepetitionFinder(RATE)
        for mark in marks:
            finder.calibrating(mark)
        stop = round(until_s * RATE)
        ends = [*(cut for cut in cuts if cut < stop), stop]
        return [repr(r) for a, b in itertools.pairwise([0, *ends]) for r in finder.feed(rows.part(a, b))]

    for until_s, bends in ((100.0, 0), (102.0, 1), (105.0, 1)):
        assert found(until_s, range(0)) == found(until_s, range(50, len(rows), 50))
        assert len(found(until_s, range(0))) == bends
