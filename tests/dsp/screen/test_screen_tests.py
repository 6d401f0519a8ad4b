"""Each number of the hip screen against a hand-worked example, and what is scored."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from body_signals.quality import Quality
from body_signals.quantities import SCREEN_COLUMNS, SCREEN_MEASURES
from dsp.day.scoring import BAD_QUALITY, NOT_MEASURED, NOT_SURE, NOT_TRUE, PARTIAL, TRIAL
from dsp.day.sets import raised
from dsp.screen.pattern import screen_of
from dsp.screen.tests import ScreenTest, measured_tests
from tests.dsp.screen_by_hand import RELAXED, Day, sound


def one(day: Day, test: str, side: str = "") -> ScreenTest:
    (found,) = (t for t in measured_tests(day.repetitions) if (t.test, t.side) == (test, side))
    return found


def test_bend_is_the_median_with_its_spread() -> None:
    day = Day()
    for share, late in ((0.40, 0.20), (0.44, 0.30), (0.52, 0.45)):
        day.bends(1, lumbar_share_of_trunk=share, lumbar_share_of_trunk_early=0.60, lumbar_share_of_trunk_late=late)
    bend = one(day, "bend")
    assert bend.value("lumbar_share_of_trunk") == pytest.approx(0.44)
    # 0.053, 0.013 and 0.067 off their mean
    assert bend.measures["lumbar_share_of_trunk"].spread == pytest.approx(math.sqrt(0.007466667 / 2), rel=1e-6)
    assert bend.value("late_rise") == pytest.approx(-0.30)
    assert bend.value("descent_s") == 2.2
    assert (bend.repetitions, bend.valid) == (3, True)


def test_bow_counts_to_where_the_spine_gives_way_or_as_far_as_it_went() -> None:
    given = one(Day().bows(44.0), "bow")
    assert (given.value("slack_deg"), given.gives_way) == (44.0, True)
    held = one(Day().bows(None, trunk=66.0), "bow")
    assert (held.value("slack_deg"), held.gives_way) == (66.0, False)


def test_knee_raise_true_apparent_and_what_the_pelvis_gave() -> None:
    day = Day().knee_raises(left=96.0, right=81.0)
    left, right = one(day, "knee_raise", "left"), one(day, "knee_raise", "right")
    assert (left.value("hip_peak_deg"), right.value("hip_peak_deg")) == (96.0, 81.0)
    assert left.value("apparent_peak_deg") == 104.0
    # 24 of 96 + 24
    assert left.value("pelvis_share") == pytest.approx(0.2)
    assert one(day, "knee_raise").value("hip_difference_deg") == 15.0


def test_hip_extension_is_what_the_thigh_comes_behind_the_pelvis() -> None:
    day = Day().hip_extensions(left=9.0, right=-4.0, tilt=15.0)
    left, right = one(day, "hip_extension", "left"), one(day, "hip_extension", "right")
    # the pelvis that tilts along is a number of its own
    assert (left.value("hip_extension_deg"), right.value("hip_extension_deg")) == (9.0, -4.0)
    assert left.value("pelvis_tilt_change_deg") == 15.0


def test_a_rock_back_without_a_lumbar_sensor_does_not_say_that_the_spine_kept_still() -> None:
    day = Day().rock_backs()
    bare = [replace(r, metrics={n: v for n, v in r.metrics.items() if "lumbar" not in n}) for r in day.repetitions]
    assert not [t for t in measured_tests(bare) if t.test == "rock_back" and t.side and t.valid]


def test_knee_raise_of_one_side_has_no_difference() -> None:
    day = Day().knee_raises(sides=("left",))
    assert [(t.test, t.side) for t in measured_tests(day.repetitions)] == [("knee_raise", "left")]
    assert raised(day.repetitions[0]) == "left"


def test_the_side_of_a_knee_raise_whose_other_hip_was_not_measured() -> None:
    (left, *_, right) = Day().knee_raises().repetitions
    for r, side, other in ((left, "left", "right"), (right, "right", "left")):
        assert raised(r) == side
        for hip in (side, other):
            torn = {k: v for k, v in r.metrics.items() if k != f"hip_{hip}_rom_deg"}
            assert raised(replace(r, metrics=torn)) == side
    # of neither side: said of both, scored for none
    day = Day().knee_raises().add("knee_raise", {"trunk_rom_deg": 12.0}, count=1)
    assert raised(day.repetitions[-1]) == ""
    for side in ("left", "right"):
        assert (one(day, "knee_raise", side).repetitions, one(day, "knee_raise", side).left_out) == (3, {NOT_MEASURED: 1})


def test_rock_back_counts_from_the_start_to_the_slack_onset() -> None:
    day = Day().rock_backs(slack=17.0)
    for side in ("left", "right"):
        rock = one(day, "rock_back", side)
        assert rock.value("excursion_deg") == pytest.approx(17.0)
        assert rock.value("hip_rom_deg") == 40.0
        assert rock.gives_way
    assert one(day, "rock_back").value("slack_slope_after") == 1.5
    held = one(Day().rock_backs(None, range_deg=38.0), "rock_back", "left")
    assert (held.value("excursion_deg"), held.gives_way) == (pytest.approx(38.0), False)


def test_use_is_a_part_of_the_sessions_most() -> None:
    day = Day().bends(lumbar_peak_deg=60.0).knee_raises(left=100.0, right=120.0).squats(45.0, 70.0, 96.0, wink=7.0)
    assert one(day, "squat").value("lumbar_use") == pytest.approx(0.75)
    assert one(day, "squat").value("butt_wink_deg") == 7.0
    assert one(day, "squat", "left").value("hip_use") == pytest.approx(0.7)
    assert one(day, "squat", "right").value("hip_use") == pytest.approx(0.8)
    day.add("stand_up", {"lumbar_share_of_trunk_on_thigh": 0.25, "lumbar_peak_deg": 30.0})
    assert one(day, "sit_to_stand").value("lumbar_use") == pytest.approx(0.5)
    day.add("deadlift", {"lumbar_peak_deg": 42.0, "hip_left_peak_deg": 90.0, "hip_right_peak_deg": 90.0})
    assert one(day, "deadlift").value("lumbar_use") == pytest.approx(0.7)
    assert one(day, "deadlift", "right").value("hip_use") == pytest.approx(0.75)


def test_a_part_of_nothing_is_missing() -> None:
    day = Day().squats(45.0, 70.0, 96.0)
    assert math.isnan(one(day, "squat").value("lumbar_use"))


def test_fewer_than_three_are_not_scored() -> None:
    bend = one(Day().bends(2), "bend")
    assert (bend.repetitions, bend.valid) == (2, False)
    assert math.isnan(bend.value("lumbar_share_of_trunk"))


def test_the_first_of_a_set_of_four_is_a_trial() -> None:
    five = one(Day().bends(5), "bend")
    assert (five.repetitions, five.left_out) == (4, {TRIAL: 1})
    assert one(Day().bends(3), "bend").left_out == {}
    # where it is needed it counts
    torn = Day().bends(2).bends(2, quality=int(Quality.GAP))
    torn.repetitions = [replace(r, start_s=5.0 * i, end_s=5.0 * i + 4.0) for i, r in enumerate(torn.repetitions)]
    assert one(torn.bends(1), "bend").left_out == {f"{BAD_QUALITY} (gap)": 2}
    # a set of its own for each side
    assert one(Day().knee_raises(count=4), "knee_raise", "right").left_out == {TRIAL: 1}


@pytest.mark.parametrize(
    "flag",
    [
        *(Quality.GAP, Quality.SLIPPED, Quality.SATURATED, Quality.UNCALIBRATED),
        *(Quality.OFF_BODY, Quality.IMPLAUSIBLE, Quality.CLOCK_DISAGREES),
    ],
)
def test_a_spoilt_repetition_is_left_out_and_is_not_the_most(flag: Quality) -> None:
    day = Day().bends(3).bends(1, quality=int(flag), lumbar_peak_deg=99.0, trunk_rom_deg=300.0).squats(25.0)
    bend = one(day, "bend")
    why = NOT_TRUE.get(flag, f"{BAD_QUALITY} ({flag.name.lower().replace('_', ' ')})")
    assert (bend.repetitions, bend.left_out) == (3, {why: 1})
    assert f"bend: 3 of 4 repetitions scored; 1 left out: {why}" in screen_of(day.repetitions).notes
    assert one(day, "squat").value("lumbar_use") == pytest.approx(0.5)


def test_a_share_that_is_none_is_missing_with_its_reason() -> None:
    day = Day().bends(4)
    last = day.repetitions[-1]
    none = {k: v for k, v in last.metrics.items() if k != "lumbar_share_of_trunk"}
    day.repetitions[-1] = replace(last, metrics=none, missing_shares="lumbar_share_of_trunk: outside 0 to 1; x: y")
    bend = one(day.bends(1), "bend")
    assert bend.measures["lumbar_share_of_trunk"].count == 3
    assert bend.measures["lumbar_rom_deg"].count == 4
    assert bend.missing == {"lumbar_share_of_trunk": {"outside 0 to 1": 1}}
    said = screen_of(day.repetitions)
    assert "bend: lumbar share of trunk missing in 1 of 4 repetitions (1 outside 0 to 1)" in said.notes
    assert said.document()["tests"][0]["missing"] == bend.missing


def test_the_spread_is_no_less_than_what_one_repetition_is_known_to() -> None:
    own = {"lumbar_share_of_trunk_sd": 0.013, "lumbar_rom_sd_deg": 1.4, "lumbar_share_of_trunk_early_sd": 0.03}
    bend = one(Day().bends(3, **own), "bend")
    assert bend.measures["lumbar_share_of_trunk"].spread == pytest.approx(0.013)
    assert bend.measures["lumbar_rom_deg"].spread == pytest.approx(1.4)
    raise_ = Day().knee_raises(sides=("left",))
    raise_.repetitions = [replace(r, metrics={**r.metrics, "hip_left_rom_sd_deg": 1.1}) for r in raise_.repetitions]
    assert one(raise_, "knee_raise", "left").measures["hip_peak_deg"].spread == pytest.approx(1.1)


def test_shares_in_two_groups_are_named_as_two() -> None:
    day = Day()
    for share in (0.48, 0.47, 0.61, 0.60):
        day.bends(1, lumbar_share_of_trunk=share, lumbar_share_of_trunk_sd=0.013)
    # one set: the first is a trial, and belongs to its group nevertheless
    day.repetitions = [replace(r, start_s=5.0 * i, end_s=5.0 * i + 4.0) for i, r in enumerate(day.repetitions)]
    bend = one(day, "bend")
    assert (bend.repetitions, bend.value("lumbar_share_of_trunk")) == (3, 0.60)
    first, second = bend.groups["lumbar_share_of_trunk"]
    assert (first.median, first.numbers, second.median, second.numbers) == (
        pytest.approx(0.475),
        (1, 2),
        pytest.approx(0.605),
        (3, 4),
    )
    (note,) = (n for n in screen_of(day.repetitions).notes if "two groups" in n)
    assert note == "bend: lumbar share of trunk falls into two groups: 48 % (repetitions 1, 2) and 60 % (repetitions 3, 4)"
    assert bend.measures["lumbar_share_of_trunk"].spread > 0.07


@pytest.mark.parametrize("shares", [(0.48, 0.47, 0.50, 0.52), (0.4, 0.5, 0.6, 0.7), (0.48, 0.47, 0.49, 0.70), (0.3, 0.7, 0.7)])
def test_shares_that_are_no_two_groups(shares: tuple[float, ...]) -> None:
    day = Day()
    for share in shares:
        day.bends(1, lumbar_share_of_trunk=share)
    assert one(day, "bend").groups == {}


@pytest.mark.parametrize("flag", list(NOT_TRUE))
def test_numbers_that_are_not_true_are_left_out_with_the_reason(flag: Quality) -> None:
    day = Day().bends(3).bends(1, quality=int(flag | Quality.GAP), lumbar_peak_deg=99.0, trunk_rom_deg=300.0)
    bend = one(day, "bend")
    assert (bend.repetitions, bend.left_out) == (3, {NOT_TRUE[flag]: 1})


def test_flags_that_leave_the_flexion_alone_do_not_count() -> None:
    assert one(Day().bends(3, quality=int(Quality.HEADING_UNKNOWN | Quality.LATE | Quality.FAST)), "bend").repetitions == 3


def test_a_kind_that_is_not_sure_and_a_partial_bend_are_left_out() -> None:
    day = Day().bends(3).bends(2, confidence=0.3).bends(1, trunk_rom_deg=0.7 * RELAXED["trunk_rom_deg"])
    assert one(day, "bend").left_out == {NOT_SURE: 2, PARTIAL: 1}
    # with both thighs the angles alone were near another kind's
    hips = {"hip_left_rom_deg": 60.0, "hip_right_rom_deg": 60.0}
    assert one(Day().bends(3, confidence=0.2, **hips), "bend").repetitions == 3


def test_a_hip_that_was_not_measured_is_no_test() -> None:
    day = Day().add("rock_back", {"hip_left_rom_deg": 40.0, "hip_left_peak_deg": 120.0, "lumbar_rom_deg": 3.0})
    assert [(t.test, t.side) for t in measured_tests(day.repetitions)] == [("rock_back", "left"), ("rock_back", "")]


def test_a_repetition_in_which_the_side_was_not_measured_is_left_out() -> None:
    day = Day().rock_backs(slack=17.0)
    torn = {k: v for k, v in day.repetitions[1].metrics.items() if k != "hip_right_rom_deg"}
    day.repetitions[1] = replace(day.repetitions[1], metrics=torn)
    right = one(day, "rock_back", "right")
    assert (right.repetitions, right.left_out, right.valid) == (2, {NOT_MEASURED: 1}, False)
    assert one(day, "rock_back", "left").valid


@pytest.mark.parametrize(("left", "side"), [(42.0, "left"), (38.0, "right")])
def test_one_measured_hip_tells_the_raised_knee_by_40_degrees(left: float, side: str) -> None:
    """The standing leg's hip moves by less, with the pelvis alone."""
    (one_hip,) = Day().add("knee_raise", {"hip_left_rom_deg": left}, count=1).repetitions
    assert raised(one_hip) == side
    (other,) = Day().add("knee_raise", {"hip_right_rom_deg": left}, count=1).repetitions
    assert raised(other) == ("right" if side == "left" else "left")


@pytest.mark.parametrize(("trunk", "left_out"), [(78.0, {}), (72.0, {PARTIAL: 1})])
def test_a_full_bend_is_three_quarters_of_the_largest(trunk: float, left_out: dict[str, int]) -> None:
    day = Day().bends(3, trunk_rom_deg=100.0).bends(1, trunk_rom_deg=trunk)
    assert one(day, "bend").left_out == left_out


def test_the_schema_table_names_every_number() -> None:
    day = sound().squats().hip_extensions()
    day.add("stand_up", {"lumbar_share_of_trunk_on_thigh": 0.25, "lumbar_peak_deg": 30.0})
    day.add("deadlift", {"lumbar_peak_deg": 42.0, "hip_left_peak_deg": 90.0, "hip_right_peak_deg": 90.0})
    found = {(t.test, t.side, name) for t in measured_tests(day.repetitions) for name in t.measures}
    assert found == {(m.test, m.side, m.name) for m in SCREEN_MEASURES}
    names = [q.name for q in SCREEN_COLUMNS]
    assert len(names) == len(set(names))
    assert {m.field for m in SCREEN_MEASURES} < set(names)


def test_nothing_is_no_test() -> None:
    assert measured_tests([]) == ()
    assert measured_tests(Day().add("sit_down", {}).add("other", {}).repetitions) == ()
