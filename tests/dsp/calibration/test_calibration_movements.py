"""Movements of a calibration, told apart by how far and how long each sensor leaves its standing: ten ticks a second."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.blocks import Floats
from dsp.calibration.calibration_movements import CalibrationMovements, SensorMovement, overlap

TICKS = 1000
Hold = tuple[int, int, float]
"""The first tick, the number of ticks, and the angle, degrees."""


def track(*holds: Hold) -> Floats:
    tilt = np.zeros(TICKS)
    for start, ticks, degrees in holds:
        tilt[start : start + ticks] = degrees
    return tilt


def seen(brief: bool = False, **tilt: Floats) -> CalibrationMovements:
    """All movements of these sensors, by their inclinations (n,) from standing."""
    swing = {key: np.abs(np.radians(one)) for key, one in tilt.items()}
    made = CalibrationMovements(
        tuple(tilt),
        0.0,
        [k / 10.0 for k in range(TICKS)],
        lambda key, a, b: swing[key][a:b],
        lambda _: brief,
        lambda key, a, b: np.outer([0.0, 0.0, 1.0], np.sin(np.radians(tilt[key][a:b]))),
    )
    for i in range(TICKS):
        made.step(i, {key: float(one[i]) for key, one in swing.items()})
    return made


def starts(movements: list[SensorMovement]) -> list[int]:
    return [movement.start for movement in movements]


def test_a_movement_begins_above_15_and_ends_below_8_degrees() -> None:
    tilt = track((10, 5, 14.5), (20, 5, 15.5), (25, 5, 40.0), (30, 5, 8.5), (35, 5, 7.5))
    (bend,) = seen(pelvis=tilt).of("pelvis")
    assert (bend.start, bend.end, bend.peak) == (20, 35, pytest.approx(np.radians(40.0)))


def test_standing_is_between_movements() -> None:
    nothing = np.zeros((3, 0))
    time_s = [k / 10.0 for k in range(100)]
    made = CalibrationMovements(("pelvis",), 2.0, time_s, lambda *_: nothing[0], lambda _: False, lambda *_: nothing)
    assert made.first_s is None
    assert (made.standing, made.idle_s(5.0)) == (True, 3.0)
    made.step(30, {"pelvis": 0.5})
    assert not made.standing
    assert made.first_s == 3.0
    made.step(40, {"pelvis": 0.0})
    assert (made.standing, made.count, made.idle_s(5.0)) == (True, 1, 1.0)


@pytest.mark.parametrize(("peak", "counts"), [(20.5, True), (19.5, False)])
def test_a_bend_is_20_degrees(peak: float, counts: bool) -> None:
    assert bool(seen(pelvis=track((10, 20, peak))).of("pelvis")) == counts
    # or less, beside one that is
    assert seen(pelvis=track((10, 20, 16.0)), lumbar=track((15, 20, peak))).of("pelvis") == (
        [SensorMovement(10, 30, np.radians(16.0))] if counts else []
    )


def test_a_pelvis_that_moves_with_a_knee_does_not_bend() -> None:
    assert seen(pelvis=track((10, 20, 25.0)), thigh_left=track((10, 20, 60.0))).of("pelvis") == []
    assert starts(seen(pelvis=track((10, 20, 65.0)), thigh_left=track((10, 20, 60.0))).of("pelvis")) == [10]


@pytest.mark.parametrize(
    ("ticks", "peak", "brief", "counts"),
    [(9, 25.5, False, True), (9, 24.5, False, False), (8, 40.0, False, False), (8, 40.0, True, True), (1, 40.0, True, True)],
)
def test_a_knee_is_raised_by_25_degrees_for_longer_than_a_step(ticks: int, peak: float, brief: bool, counts: bool) -> None:
    """0.8 s, or less where that tells nothing else."""
    found = seen(brief, thigh_left=track((10, ticks, peak)), thigh_right=track())
    assert bool(found.of("thigh_left")) == counts


@pytest.mark.parametrize(("other", "counts"), [(29.0, True), (31.0, False), (50.0, False)])
def test_a_knee_is_raised_alone(other: float, counts: bool) -> None:
    """The other thigh may move by less, and by less than in a squat."""
    found = seen(thigh_left=track((10, 20, 45.0)), thigh_right=track((15, 20, other)))
    assert bool(found.of("thigh_left")) == counts


@pytest.mark.parametrize(("right", "ticks", "squats", "sittings"), [(31.0, 59, 1, 0), (31.0, 61, 0, 2), (29.0, 59, 0, 0)])
def test_both_thighs_above_30_degrees_are_a_squat_and_after_6_seconds_a_seat(
    right: float, ticks: int, squats: int, sittings: int
) -> None:
    tilt = [np.interp(np.arange(TICKS), [10, 15, 5 + ticks, 10 + ticks], [16, peak, peak, 0]) for peak in (60.0, right)]
    for one in tilt:
        one[:10] = one[10 + ticks :] = 0.0
    found = seen(thigh_left=tilt[0], thigh_right=tilt[1])
    assert (len(found.squats("thigh_right")), len(found.sittings("thigh_right"))) == (squats, sittings)


def test_who_sits_down_leans_until_the_thighs_have_come_four_fifths_of_the_way() -> None:
    """To 60° in 19 ticks and back: four fifths are passed from the sixteenth on, and until the sixteenth before the end."""
    thigh = np.interp(np.arange(TICKS), [100, 119, 200, 219], [0, 60, 60, 0])
    down, up = seen(thigh_left=thigh, thigh_right=thigh).sittings("thigh_left")
    assert (down.start, down.end) == (105, 116)
    assert (up.start, up.end) == (203, 217)


def test_knees_up_is_both() -> None:
    made = seen(thigh_left=track((990, 10, 40.0)), thigh_right=track((990, 10, 29.0)))
    assert not made.knees_up
    assert seen(thigh_left=track((990, 10, 40.0)), thigh_right=track((990, 10, 31.0))).knees_up


def bends(count: int) -> Floats:
    return track(*((10 + 40 * k, 20, 60.0) for k in range(count)))


@pytest.mark.parametrize(("count", "own"), [(6, None), (7, 130)])
def test_the_seventh_bend_says_that_those_after_the_third_were_the_athletes_own(count: int, own: int | None) -> None:
    assert seen(pelvis=bends(count)).first_own() == own


@pytest.mark.parametrize(("peak", "counts"), [(12.0, True), (5.0, True), (3.0, False)])
def test_a_stiff_pelvis_bends_with_the_lumbar_spine(peak: float, counts: bool) -> None:
    """It never leaves the standing by 15°; one that stays within sway does not bend."""
    made = seen(lumbar=track((100, 20, 55.0), (200, 20, 60.0)), pelvis=track((102, 15, peak), (202, 15, peak)))
    bent = [SensorMovement(at, at + 20, pytest.approx(np.radians(peak))) for at in (100, 200)] if counts else []
    assert made.of("pelvis") == bent
    assert made.told() == ({"lumbar", "pelvis"} if counts else {"lumbar"})


def test_a_pelvis_that_still_leans_is_not_stiff() -> None:
    made = seen(lumbar=track((100, 20, 55.0)), pelvis=track((102, 898, 30.0)))
    assert made.of("pelvis") == []


@pytest.mark.parametrize(("count", "own"), [(2, None), (3, 600)])
def test_a_squat_after_three_bends_is_the_athletes_own(count: int, own: int | None) -> None:
    squat = track((600, 20, 60.0))
    assert seen(pelvis=bends(count), thigh_left=squat, thigh_right=squat).first_own() == own


def test_after_a_pause_bends_are_the_athletes_own() -> None:
    made = seen(pelvis=bends(2))
    made.paused_at = 50
    assert made.first_own() == 50
    made.paused_at = 51
    assert made.first_own() is None
    made.own_from = 50
    assert starts(made.of("pelvis")) == [10]
    made.own_from = 10
    assert starts(made.of("pelvis")) == [10, 50], "there are no others"


def test_movements_that_touch_do_not_overlap() -> None:
    one = SensorMovement(10, 20, 1.0)
    assert [overlap(one, SensorMovement(a, b, 1.0)) for a, b in ((20, 30), (19, 30), (0, 10), (0, 11))] == [
        False,
        True,
        False,
        True,
    ]


def test_a_bend_that_lasts_20_seconds_is_a_posture() -> None:
    assert starts(seen(pelvis=track((100, 199, 30.0), (500, 201, 30.0))).of("pelvis")) == [100]


def swings(first: int, forward: float, back: float, count: int = 10) -> Floats:
    """A thigh that walks: half a second forward, half a second back."""
    return track(*((first + 10 * k + 5 * half, 5, back if half else forward) for k in range(count) for half in (0, 1)))


@pytest.mark.parametrize("offset", [0.0, 12.0])
def test_strides_are_neither_squats_nor_knee_raises(offset: float) -> None:
    """Forward 38°, back 18°, one after the other. With an offset, as of a sensor that has turned, no swing ever ends."""
    there = np.zeros(TICKS)
    there[100:200] = offset
    walking = seen(thigh_left=swings(100, 38.0, -18.0) + there, thigh_right=swings(105, 38.0, -18.0, 9) + there)
    for key in ("thigh_left", "thigh_right"):
        assert walking.squats(key) == walking.sittings(key) == walking.of(key) == []
    assert walking.told() == frozenset()
    assert not walking.knees_up


def test_thighs_that_are_up_one_after_the_other_are_no_squat() -> None:
    """They share a moment at which one is going up and the other coming down."""
    left = track((100, 10, 40.0), (110, 5, 20.0))
    right = track((105, 5, 20.0), (110, 10, 40.0))
    assert seen(thigh_left=left, thigh_right=right).squats("thigh_left") == []
    assert starts(seen(thigh_left=left, thigh_right=left).squats("thigh_left")) == [100]


def test_thighs_that_go_opposite_ways_are_no_squat() -> None:
    """A long stride: one leg 40° in front, the other 40° behind, and the other way round."""
    left, right = track((100, 8, 40.0), (108, 8, -40.0)), track((100, 8, -40.0), (108, 8, 40.0))
    assert seen(thigh_left=left, thigh_right=right).squats("thigh_left") == []
