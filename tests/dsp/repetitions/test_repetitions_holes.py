"""Repetitions in rows with holes: where sensors are silent nothing is invented, and what was seen is not lost."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.repetitions.signal import HISTORY_S
from dsp.rhythm.phases import bridged
from tests.dsp.repetitions_by_hand import (
    find,
    holed,
    kinds,
    ramps,
    seated_script,
    standing_script,
    truth_rows,
)


def test_walking_while_a_thigh_sensor_is_silent_invents_none() -> None:
    """One leg alone would read a stride as a bend."""
    script = standing_script()
    script.walk(20.0)
    script.stand(2.0)
    rows = truth_rows(script)
    gone = holed(rows, 8.0, 1.5, ("thigh_left_inclination", "hip_left_flexion"))
    assert find(gone) == []


THIGHS = ("thigh_left_inclination", "thigh_right_inclination", "hip_left_flexion", "hip_right_flexion")


@pytest.mark.parametrize("names", [THIGHS, THIGHS[:1], ("trunk_inclination",), ANGLE_NAMES])
@pytest.mark.parametrize("length_s", [0.2, 1.0, 3.0, 8.0])
def test_nobody_stands_up_by_falling_silent(names, length_s) -> None:
    script = seated_script(20.0)
    rows = holed(truth_rows(script), 10.0, length_s, names)
    for cuts in ((), range(0, len(rows), 37)):
        found = find(rows, cuts=cuts)
        assert kinds(found) == ["sit_down", "stand_up", "bend"]
        assert [r.start_s for r in found] == pytest.approx([r.start_s for r in script.repetitions], abs=0.35)


def test_standing_up_unseen_is_one_movement() -> None:
    """Both thighs fall silent in the chair and are back when the athlete stands."""
    script = seated_script(20.0)
    assert kinds(find(holed(truth_rows(script), 22.0, 6.0, THIGHS))) == ["sit_down", "stand_up", "bend"]


def test_thighs_that_stay_away_leave_the_trunk() -> None:
    """Sensors taken off in the chair: bends are found from the trunk alone once the seat is old."""
    script = seated_script(HISTORY_S + 20.0, bends=2)
    rows = truth_rows(script)
    found = find(holed(rows, 10.0, float(rows.time_s[-1]), THIGHS))
    assert [r.start_s for r in found[-2:]] == pytest.approx([r.start_s for r in script.repetitions[-2:]], abs=0.35)


def test_a_hole_of_a_tenth_is_bridged() -> None:
    script = standing_script()
    script.bend(80.0)
    script.stand(1.0)
    whole = find(truth_rows(script))
    middle = script.repetitions[0].start_s + 0.8
    found = find(holed(truth_rows(script), middle, 0.1))
    assert len(found) == 1
    assert found[0].start_s == whole[0].start_s
    assert found[0].metrics["lumbar_share_of_trunk"] == pytest.approx(whole[0].metrics["lumbar_share_of_trunk"], abs=0.01)
    assert found[0].metrics["lumbar_rom_deg"] == pytest.approx(whole[0].metrics["lumbar_rom_deg"], abs=0.2)
    assert found[0].quality & Quality.GAP


def test_a_hole_of_half_a_second_ends_it() -> None:
    """What happened in there is not known: the repetition is not counted, the next one is."""
    script = standing_script()
    script.bend(80.0)
    script.stand(1.0)
    script.bend(70.0)
    script.stand(1.0)
    found = find(holed(truth_rows(script), script.repetitions[0].start_s + 0.8, 0.5))
    second = script.repetitions[1]
    assert [r for r in found if abs(r.turn_s - second.turn_s) < 0.4]
    first = [r for r in found if r.turn_s < second.start_s]
    assert all("lumbar_share_of_trunk" not in r.metrics or r.start_s > script.repetitions[0].start_s + 1.2 for r in first)


def test_a_repetition_that_comes_out_of_a_hole_says_so() -> None:
    """What is left of it is measured, as its end was seen, but never without the flag."""
    script = standing_script()
    script.bend(80.0, down_s=2.0, hold_s=3.0, up_s=2.0)
    script.bend(60.0)
    script.stand(1.0)
    for start_s, length_s in ((4.0, 3.0), (4.5, 2.0), (5.5, 3.0)):
        broken, whole = find(holed(truth_rows(script), start_s, length_s))
        assert broken.quality == Quality.GAP
        assert not whole.quality


def test_a_long_hole_in_one_joint_leaves_only_its_metrics_missing() -> None:
    script = standing_script()
    script.bend(80.0)
    script.stand(1.0)
    start = script.repetitions[0].start_s
    (found,) = find(holed(truth_rows(script), start + 0.8, 0.5, ("lumbar_flexion", "hip_left_flexion")))
    assert "lumbar_rom_deg" not in found.metrics
    assert "hip_left_rom_deg" not in found.metrics
    assert found.metrics["pelvis_rom_deg"] > 20
    assert found.metrics["hip_right_rom_deg"] > 20


def test_a_movement_that_comes_out_of_a_hole_begins_there_however_it_is_cut() -> None:
    """Already falling, and not split at the valley of the movement before."""
    rows = holed(ramps((0, 0), (1, 0), (2, 80), (4, 0), (6, 0), (7, 80), (9, 0), (11, 0)), 6.0, 1.2)
    whole = find(rows)
    assert repr(find(rows, cuts=range(1, len(rows)))) == repr(whole)
    assert [r.start_s for r in whole[1:]] == [pytest.approx(7.2, abs=0.011)]


def test_bridged() -> None:
    row = np.array([np.nan, 1.0, np.nan, 3.0, np.nan, np.nan, np.nan, 7.0, np.nan])
    rows = np.stack([row, 2.0 * row, np.full(9, np.nan), np.arange(9.0), row[::-1]])
    found = bridged(rows, 2)
    assert found[0, 1:4] == pytest.approx([1, 2, 3])
    assert found[1, 1:4] == pytest.approx([2, 4, 6])
    assert np.isnan(found[:2][:, [0, 4, 5, 6, 8]]).all()
    assert np.isnan(found[2]).all()
    assert (found[3] == rows[3]).all()
    assert found[4, 5:8] == pytest.approx([3, 2, 1])
    assert bridged(rows, 3)[0, 4:7] == pytest.approx([4, 5, 6])
    # what was given stays as it was
    assert np.isnan(rows[0, 2])
