"""The states of the finder, one row after another, worked by hand at ten rows a second."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from dsp.repetitions.cuts import RepetitionCutter
from dsp.repetitions.held import HeldRepetitions
from dsp.repetitions.movement_rows import (
    KEPT,
    LEFT_THIGH_ROW,
    MEASURED,
    RIGHT_THIGH_ROW,
    TRUNK_ROW,
    KeptRows,
    MovementRows,
    trunk_and_thigh,
)
from dsp.repetitions.rock_backs import RockBack, RockBackFinder
from dsp.repetitions.signal import HISTORY_S, RowsInView, TrunkOnThigh
from dsp.repetitions.states import (
    LEAST_SEAT_DEG,
    Moving,
    Raising,
    Rising,
    Seated,
    Settling,
    Standing,
    State,
    on_the_back,
)

RATE = 10.0
FIRST = 1000
"""Number of the first row in view."""
NAN = math.nan


class Cuts(RepetitionCutter):
    """Writes down what it is given."""

    def __init__(self, sitting: bool = True) -> None:
        super().__init__(KeptRows(), HeldRepetitions(RATE), RATE)
        self.made: list[tuple[object, ...]] = []
        self.sitting = sitting
        self.asked: list[tuple[int, int, int]] = []

    def sits(self, begin: int, still_since: int, now: int) -> bool:
        self.asked.append((begin, still_since, now))
        return self.sitting

    def movement(self, begin: int, deepest: int, peak_deg: float, crossed: int, end: int, last: int) -> None:
        self.made.append(("movement", begin, deepest, peak_deg, crossed, end, last))

    def knee_raise(self, begin: int, leg_row: int, highest: int, peak_deg: float, end: int) -> None:
        self.made.append(("knee_raise", begin, leg_row, highest, peak_deg, end))

    def sit_down(self, begin: int, still_since: int) -> None:
        self.made.append(("sit_down", begin, still_since))

    def stand_up(self, begin: int, crossed: int, end: int, last: int) -> None:
        self.made.append(("stand_up", begin, crossed, end, last))

    def rock_back(self, found: RockBack) -> None:
        self.made.append(("rock_back", found.risen, found.turn, found.end))


def view(trunk: Sequence[float], left: Sequence[float] | None = None, right: Sequence[float] | None = None) -> RowsInView:
    """Rows of these inclinations, degrees; thighs upright unless they are given, both alike unless the right one is."""
    n = len(trunk)
    angles = np.zeros((len(KEPT), n))
    angles[TRUNK_ROW] = trunk
    angles[LEFT_THIGH_ROW] = 0.0 if left is None else left
    angles[RIGHT_THIGH_ROW] = angles[LEFT_THIGH_ROW] if right is None else right
    time_s = (FIRST + np.arange(n)) / RATE
    rows = MovementRows(time_s, angles, np.ones((len(MEASURED), n)), np.zeros(n, np.int32), np.stack(trunk_and_thigh(angles)))
    return TrunkOnThigh(RATE).view(rows, FIRST)


def through(state: State, rows: RowsInView, first: int = 0) -> tuple[State, list[tuple[object, ...]]]:
    """The state after all rows from `first` on, and what was cut."""
    cuts = Cuts()
    for i in range(first, len(rows)):
        state = state.step(rows, i, cuts)
    return state, cuts.made


def moving(begin: int = FIRST, peak: float = 60.0, stay: bool = False) -> Moving:
    """A movement that has come to its peak just before the rows in view."""
    return Moving(begin, peak, FIRST - 1, peak, FIRST - 1, FIRST - 1, peak, RockBackFinder(RATE), stay)


def test_a_movement_begins_above_fifteen_degrees() -> None:
    standing = Standing()
    assert through(standing, view([0.0, 14.9, 15.0]))[0] is standing
    assert through(standing, view([NAN]))[0] is standing
    state, _ = through(standing, view([10.0, 15.1]))
    assert isinstance(state, Moving)
    assert (state.begin, state.peak, state.peak_at) == (FIRST + 1, 15.1, FIRST + 1)
    assert (state.valley, state.valley_at) == (15.1, FIRST + 1)
    assert (state.still_since, state.still_level, state.stay) == (FIRST + 1, 15.1, False)


def test_standing_is_passed_over_up_to_the_next_beginning() -> None:
    rows = view([0.0, 0.0, 16.0, 0.0, 0.0], left=[0.0, 0.0, 0.0, 31.0, 0.0], right=[0.0] * 5)
    assert [Standing().ahead(rows, i) for i in range(6)] == [2, 2, 2, 3, 5, 5]


@pytest.mark.parametrize(("left", "right", "leg_row"), [(31.0, -11.0, LEFT_THIGH_ROW), (2.0, 45.0, RIGHT_THIGH_ROW)])
def test_a_single_knee_that_is_up(left: float, right: float, leg_row: int) -> None:
    rows = view([0.0], [left], [right])
    assert rows.lifted.tolist() == [True]
    assert Raising.from_standing(rows, 0) == Raising(FIRST, leg_row, max(left, right), FIRST)


@pytest.mark.parametrize(
    ("trunk", "left", "right"), [(0.0, 29.9, 0.0), (0.0, 40.0, 12.1), (0.0, 40.0, -12.1), (25.1, 40.0, 0.0), (0.0, 40.0, NAN)]
)
def test_what_is_no_knee_raise(trunk: float, left: float, right: float) -> None:
    assert not view([trunk], [left], [right]).lifted.any()


def test_a_knee_that_comes_down_was_raised() -> None:
    state, made = through(Raising(990, LEFT_THIGH_ROW, 40.0, 995), view([0.0] * 4, [50.0, NAN, 10.0, 9.9], [0.0] * 4))
    assert made == [("knee_raise", 990, LEFT_THIGH_ROW, FIRST, 50.0, FIRST + 3)]
    assert state == Standing()


def test_a_knee_that_is_up_beside_a_leg_that_goes_back_is_a_stride() -> None:
    assert through(Raising(990, LEFT_THIGH_ROW, 40.0, 995), view([0.0], [40.0], [-12.1])) == (Standing(), [])
    same = Raising(990, LEFT_THIGH_ROW, 40.0, 995)
    assert through(same, view([0.0], [40.0], [-11.9])) == (same, [])


def test_a_knee_that_the_other_follows_is_a_movement_from_standing() -> None:
    state, made = through(Raising(990, RIGHT_THIGH_ROW, 40.0, 995), view([5.0], [15.0], [40.0]))
    assert isinstance(state, Moving)
    assert (state.begin, state.peak, made) == (FIRST, 20.0, [])


def test_a_knee_that_stays_up_is_a_posture() -> None:
    longest = round(HISTORY_S * RATE) - 1
    up = Raising(FIRST - longest, LEFT_THIGH_ROW, 40.0, 995)
    rows = view([0.0] * 2, [40.0] * 2, [0.0] * 2)
    assert through(up, rows, first=1) == (Standing(), [])
    assert up.step(rows, 0, Cuts()) is up


def test_a_movement_keeps_its_peak_and_ends_below_ten_degrees() -> None:
    rows = view([70.0, 90.0, 80.0, 10.0, 9.9])
    state, made = through(moving(), rows)
    assert state == Settling(FIRST, 90.0, FIRST + 1, FIRST + 4, 9.9, FIRST + 4, stay=False)
    assert made == []


def test_a_hole_in_the_middle_ends_a_movement() -> None:
    state = moving()
    state.missing = 5
    assert through(state, view([NAN])) == (Standing(missing=5), [])


@pytest.mark.parametrize(("thigh", "seat"), [(70.0, 70.0), (0.0, 2.0)])
@pytest.mark.parametrize("stay", [False, True])
def test_a_movement_that_lasts_too_long_is_a_posture(thigh: float, seat: float, stay: bool) -> None:
    longest = round(HISTORY_S * RATE) - 1
    rows = view([50.0] * 2, [thigh] * 2)
    still = moving(FIRST - longest, 130.0, stay)
    assert still.step(rows, 0, Cuts()) is still
    assert still.step(rows, 1, Cuts()) == Seated(seat, stay)


def test_somebody_who_comes_to_rest_with_the_thighs_up_sits() -> None:
    """Still from the second row on: the signal changes by 3.1° to it and by no more than 3° after it."""
    rows = view([20.0, 16.9, *[16.9, 18.0, 19.8, 16.9, 15.0, 14.0, 16.0]], [80.0] * 9)
    state, made = through(moving(900, 110.0), rows)
    assert made == [("sit_down", 900, FIRST + 1)]
    assert state == Seated(80.0, stay=False)


def test_a_squat_that_is_held_is_no_seat_before_four_seconds() -> None:
    """It is asked for once, and again when it is held; who leans by more than 25° does not sit at all."""
    for trunk, seat_at in ((20.0, 40), (30.0, None)):
        cuts, state = Cuts(sitting=False), moving(900, 110.0)
        rows = view([trunk] * 60, [80.0] * 60)
        seen = None
        for i in range(len(rows)):
            if isinstance(state, Moving):
                state = state.step(rows, i, cuts)
                seen = i if isinstance(state, Seated) else None
        assert seen == seat_at
        # at 30° the signal is the peak before the rows, and has been still since
        since = FIRST if trunk == 20.0 else FIRST - 1
        assert cuts.asked == [(900, since, since + 7)]
        assert cuts.made == ([] if seat_at is None else [("sit_down", 900, since)])


def test_who_sits_when_the_rows_begin_has_not_sat_down() -> None:
    """The rows before were missing; after a row of standing the same is sitting down, also across a short hole."""
    for before, made in (
        ((NAN, NAN), []),
        ((0.0, 0.0), [("sit_down", FIRST + 2, FIRST + 2)]),
        ((0.0, NAN), [("sit_down", 1002, 1002)]),
    ):
        rows = view([*before, *[5.0] * 9], [0.0, 0.0, *[80.0] * 9])
        cuts = Cuts()
        state: State = Moving.from_standing(rows, 2)
        for i in range(3, len(rows)):
            state = state.step(rows, i, cuts)
        assert state == Seated(80.0, stay=False)
        assert cuts.made == made


def test_who_lies_back_does_not_stand() -> None:
    """From a seat or on the way to it: the trunk goes back further than a standing one does. Sitting up again is no
    repetition."""
    lying = view([-20.0, -80.0, -80.0, -40.0, 5.0], [40.0, 30.0, 30.0, 50.0, 80.0])
    state, made = through(Rising(FIRST - 1, Seated(80.0, stay=False)), lying)
    assert (state, made) == (Seated(80.0, stay=False), [])
    state, made = through(moving(900, 90.0), view([-60.0, -80.0], [60.0, 70.0]))
    assert made == []
    assert isinstance(state, Seated)


def test_who_comes_to_lie_on_the_back_drops_the_movement_and_keeps_the_seat() -> None:
    seat = Seated(80.0, stay=False)
    assert on_the_back(seat) is seat
    assert on_the_back(Rising(FIRST - 1, seat)) is seat
    standing = Standing(3)
    assert on_the_back(standing) is standing
    settling = Settling(FIRST - 9, 60.0, FIRST - 5, FIRST - 2, 10.0, FIRST - 1, stay=True)
    assert on_the_back(settling) == on_the_back(moving(stay=True)) == Seated(LEAST_SEAT_DEG, stay=True)
    assert on_the_back(moving(stay=False)) == Seated(LEAST_SEAT_DEG, stay=False)


@pytest.mark.parametrize(("trunk", "thigh"), [(45.1, 80.0), (20.0, 49.9)])
def test_who_leans_or_squats_deep_does_not_sit(trunk: float, thigh: float) -> None:
    state, made = through(moving(900, 110.0), view([trunk] * 30, [thigh] * 30))
    assert isinstance(state, Moving)
    assert made == []


def test_half_way_up_and_down_again_is_another_movement() -> None:
    """The fall below half of the peak, 80°, and the rise by more than 20°."""
    rows = view([80.0, 39.9, 59.9, 60.0])
    state, made = through(moving(980, 70.0), rows)
    assert made == [("movement", 980, FIRST, 80.0, FIRST + 1, FIRST + 1, FIRST + 3)]
    assert isinstance(state, Moving)
    assert (state.begin, state.peak, state.peak_at, state.valley, state.valley_at) == (
        FIRST + 1,
        60.0,
        FIRST + 3,
        60.0,
        FIRST + 3,
    )


@pytest.mark.parametrize("rows", [[80.0, 40.1, 70.0], [80.0, 39.9, 59.8]])
def test_a_wobble_is_none(rows: list[float]) -> None:
    state, made = through(moving(980, 70.0), view(rows))
    assert isinstance(state, Moving)
    assert (state.begin, made) == (980, [])


def test_a_stay_on_all_fours_is_no_movement() -> None:
    assert through(moving(980, 70.0, stay=True), view([80.0, 39.9, 60.0]))[1] == []
    settled, made = through(moving(980, 70.0, stay=True), view([5.0] * 8))
    assert isinstance(settled, Standing)
    assert made == []


def test_from_the_first_rock_back_on_it_is_a_stay() -> None:
    """On all fours for 0.5 s, back by 40° and again: the thighs turn at row 9, are half back at row 12 and rest at row 13."""
    thigh = [0.0] * 6 + [20.0, 30.0, 35.0, 40.0, 30.0, 25.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    state, made = through(moving(980, 70.0), view([80.0] * len(thigh), thigh))
    assert made == [("rock_back", FIRST + 6, FIRST + 9, FIRST + 13)]
    assert isinstance(state, Moving)
    assert (state.begin, state.stay) == (FIRST + 13, True)


def test_who_holds_still_on_all_fours_for_long_stays_there() -> None:
    longest = round(HISTORY_S * RATE) - 1
    rows = view([80.0] * 20)
    state, made = through(moving(FIRST + 9 - longest, 90.0), rows)
    assert isinstance(state, Moving)
    assert (state.begin, state.stay, made) == (FIRST + 10, True, [])


def test_a_movement_comes_to_rest_within_six_tenths() -> None:
    rows = view([9.0, 5.0, 6.0, 4.0, 3.0, 2.0, 1.0])
    state = Settling(980, 60.0, 990, FIRST, 9.5, FIRST, stay=False)
    assert through(state, view([9.0, 5.0, 6.0, 4.0, 3.0, 2.0]))[0] is state
    assert (state.valley, state.valley_at) == (2.0, FIRST + 5)
    after, made = through(Settling(980, 60.0, 990, FIRST, 9.5, FIRST, stay=False), rows)
    assert made == [("movement", 980, 990, 60.0, FIRST, FIRST + 6, FIRST + 6)]
    assert after == Standing()


def test_the_next_movement_ends_it_at_its_lowest_row() -> None:
    after, made = through(Settling(980, 60.0, 990, FIRST, 9.5, FIRST, stay=False), view([9.0, 5.0, 12.0, 15.1]))
    assert made == [("movement", 980, 990, 60.0, FIRST, FIRST + 1, FIRST + 3)]
    assert isinstance(after, Moving)
    assert after.begin == FIRST + 3


def test_a_hole_ends_it_too() -> None:
    state = Settling(980, 60.0, 990, FIRST, 9.5, FIRST, stay=False, missing=4)
    assert through(state, view([NAN])) == (Standing(missing=4), [("movement", 980, 990, 60.0, FIRST, FIRST, FIRST)])


def test_settling_is_passed_over_to_its_last_row_or_to_what_happens_before() -> None:
    low = [9.0, 5.0, 6.0, 4.0, 7.0, 7.0]

    def ahead(*rows: float) -> tuple[int, float, int]:
        state = Settling(980, 60.0, 990, FIRST, 9.5, FIRST, stay=False, missing=3)
        return state.ahead(view(rows), 0), state.valley, state.missing

    assert ahead(*low, 7.0, 7.0) == (6, 4.0, 0)
    # its last row is not in view
    assert ahead(*low) == (6, 4.0, 0)
    # up to where another movement begins, or a hole
    assert ahead(*low[:5], 15.1, 7.0, 7.0) == ahead(*low[:5], NAN, 7.0, 7.0) == (5, 4.0, 0)
    assert ahead(9.0, 15.1, 7.0) == ahead(NAN, 9.0, 7.0) == (0, 9.5, 3)


def test_standing_up_is_noticed_at_half_the_seats_height() -> None:
    rows = view([10.0] * 2, [40.0, 39.9])
    seated = Seated(80.0, stay=False)
    assert seated.step(rows, 0, Cuts()) is seated
    assert seated.step(rows, 1, Cuts()) == Rising(FIRST + 1, seated)
    assert [seated.ahead(rows, i) for i in range(2)] == [1, 1]
    assert Seated(79.8, stay=False).ahead(rows, 0) == 2


def test_nobody_stands_up_by_falling_silent() -> None:
    """Thighs that were there a moment ago are not upright because they are missing."""
    rows = view([10.0] * 4, [80.0, NAN, NAN, NAN])
    seated = Seated(80.0, stay=True, missing=2)
    assert seated.step(rows, 1, Cuts()) == Standing(missing=2)
    assert seated.ahead(rows, 0) == 1
    assert seated.missing == 0


def test_who_stands_up_has_stood_up_below_ten_degrees() -> None:
    rising = Rising(990, Seated(80.0, stay=False))
    rows = view([0.0] * 8, [10.0, 9.9, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    assert rising.step(rows, 0, Cuts()) is rising
    state, made = through(rising, rows)
    assert made == [("stand_up", 990, FIRST + 1, FIRST + 7, FIRST + 7)]
    assert state == Standing()


def test_who_sinks_back_above_four_fifths_of_the_seats_height_sits() -> None:
    seat = Seated(80.0, stay=True, missing=3)
    rising = Rising(990, seat)
    assert through(rising, view([0.0], [64.0])) == (rising, [])
    assert through(rising, view([0.0], [64.1])) == (Seated(80.0, stay=True), [])
    rising.missing = 4
    assert through(rising, view([NAN], [30.0])) == (Standing(missing=4), [])


def test_standing_up_after_a_stay_on_all_fours_is_none() -> None:
    assert through(Rising(990, Seated(80.0, stay=True)), view([0.0] * 9))[1] == []


def test_a_bend_is_passed_over_at_once_where_nothing_else_can_happen() -> None:
    rows = view([20.0, 40.0, 80.0, 60.0, 20.0, 9.0, 5.0])
    begun = Moving.from_standing(rows, 0)
    assert begun.ahead(rows, 1) == 5
    assert (begun.peak, begun.peak_at) == (80.0, FIRST + 2)
    assert moving(990).ahead(rows, 1) == 5
    # up to a hole, a split, a seat
    for trunk, thigh, stop in (
        ([20.0, 40.0, NAN, 60.0, 20.0, 9.0], None, 2),
        ([20.0, 80.0, 30.0, 60.0, 20.0, 9.0], None, 3),
        ([16.0, *[20.0] * 8, 9.0], [0.0, *[80.0] * 8, 0.0], 8),
    ):
        rows = view(trunk, thigh)
        assert Moving.from_standing(rows, 0).ahead(rows, 1) == stop


@pytest.mark.parametrize("first", [0, 500_000])
def test_thighs_that_fall_silent_are_missing_for_as_long_as_a_repetition_may_last(first: int) -> None:
    longest = round(HISTORY_S * RATE)
    n = longest + 20
    angles = np.zeros((len(KEPT), n))
    angles[LEFT_THIGH_ROW : RIGHT_THIGH_ROW + 1, 10:] = NAN
    _, thigh = TrunkOnThigh(RATE)._signal(angles, np.zeros(n), np.zeros(n), first)
    assert np.flatnonzero(np.isnan(thigh)).tolist() == list(range(10, longest + 9))
