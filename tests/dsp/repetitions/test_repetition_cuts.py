"""What becomes of a movement that has ended: its ends, kind, confidence and flags; and what a calibration holds back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from body_signals.quality import Quality
from dsp.repetitions.cuts import ALL_WORN, RepetitionCutter, Worn
from dsp.repetitions.held import CALIBRATION_LONGEST_S, HeldRepetitions
from dsp.repetitions.measured import UnmeasuredRepetition
from dsp.repetitions.movement_rows import (
    KEPT,
    LEFT_THIGH_ROW,
    MEASURED,
    PELVIS_ROW,
    RIGHT_THIGH_ROW,
    TRUNK_ROW,
    KeptRows,
    MovementRows,
    trunk_and_thigh,
)
from dsp.repetitions.rock_backs import RockBack
from dsp.results import Repetition
from dsp.rhythm.metrics import Best

RATE = 100.0
BODY = ("lumbar", "pelvis", "thigh_left", "thigh_right")


def rows(trunk: np.ndarray, thigh: np.ndarray | float = 0.0, quality: np.ndarray | None = None) -> MovementRows:
    """Rows of these inclinations, degrees, of which lumbar spine and pelvis make half each."""
    n = len(trunk)
    angles = np.zeros((len(KEPT), n))
    angles[TRUNK_ROW], angles[PELVIS_ROW] = trunk, 0.5 * trunk
    angles[MEASURED.index("lumbar_flexion")] = 0.5 * trunk
    for row in (MEASURED.index("hip_left_flexion"), MEASURED.index("hip_right_flexion")):
        angles[row] = 0.5 * trunk + thigh
    angles[[LEFT_THIGH_ROW, RIGHT_THIGH_ROW]] = thigh
    flags = np.zeros(n, np.int32) if quality is None else quality
    return MovementRows(np.arange(n) / RATE, angles, np.ones((len(MEASURED), n)), flags, np.stack(trunk_and_thigh(angles)))


def cutter(kept: MovementRows, placements: tuple[str, ...] = BODY) -> tuple[RepetitionCutter, HeldRepetitions]:
    """A cutter among these rows."""
    all_rows, held = KeptRows(), HeldRepetitions(RATE)
    all_rows.add(kept)
    made = RepetitionCutter(all_rows, held, RATE)
    made.worn = Worn.of(placements)
    return made, held


def bend(still: int = 200, way: int = 100, peak: float = 80.0) -> np.ndarray:
    """Still, bend forward and back at a steady speed, and still again."""
    up = np.linspace(0.0, peak, way + 1)
    return np.concatenate((np.zeros(still), up, up[-2::-1], np.zeros(still)))


@pytest.mark.parametrize(
    ("placements", "expected"),
    [
        (BODY, Worn(TRUNK_ROW, 0.4, 0.9)),
        (BODY[1:], Worn(PELVIS_ROW, 0.4, 0.6)),
        (BODY[:3], Worn(TRUNK_ROW, 0.8, 0.3)),
        ((*BODY[1:2], "thigh_right"), Worn(PELVIS_ROW, 0.8, 0.3)),
        (BODY[:2], Worn(TRUNK_ROW, 0.4, 0.9)),
        ((), Worn(PELVIS_ROW, 0.4, 0.6)),
    ],
)
def test_what_the_worn_sensors_can_tell(placements: tuple[str, ...], expected: Worn) -> None:
    assert Worn.of(placements) == expected
    assert Worn.of(BODY) == ALL_WORN


@pytest.mark.parametrize(
    ("placements", "crossed", "counts"), [(BODY, 259, False), (BODY, 260, True), (BODY[:3], 299, False), (BODY[:3], 300, True)]
)
def test_a_movement_is_longer_than_a_step(placements: tuple[str, ...], crossed: int, counts: bool) -> None:
    """0.4 s between the crossings, with a sensor on one thigh alone 0.8 s."""
    made, held = cutter(rows(bend(way=30)), placements)
    made.movement(220, 230, 80.0, crossed, 320, 320)
    assert bool(held.take()) == counts


@pytest.mark.parametrize(("peak", "counts"), [(19.9, False), (20.0, True)])
def test_a_movement_is_larger_than_sway(peak: float, counts: bool) -> None:
    made, held = cutter(rows(bend(peak=peak)))
    made.movement(280, 300, peak, 330, 400, 400)
    assert bool(held.take()) == counts


def test_a_movement_lasts_from_rest_to_rest() -> None:
    """At 80°/s a velocity over 0.1 s is that of rest up to 5 rows before the corner, and again 5 rows after it."""
    made, held = cutter(rows(bend()))
    made.movement(219, 300, 80.0, 388, 448, 448)
    (found,) = held.take()
    assert (found.movement, found.index) == ("bend", 0)
    assert (found.start_s, found.turn_s, found.end_s) == (1.95, 3.0, 4.05)


def test_a_movement_ends_at_the_latest_when_the_next_one_begins() -> None:
    made, held = cutter(rows(bend()))
    made.movement(219, 300, 80.0, 388, 395, 448)
    assert held.take()[0].end_s == 3.95


def test_its_kind_is_that_of_its_deepest_row_also_before_its_beginning() -> None:
    """A peak before a split belongs to the movement before; what is asked there is the posture alone."""
    trunk, thigh = bend(), 75.0 / 80.0 * bend()
    made, held = cutter(rows(0.5 * trunk, thigh))
    made.movement(219, 300, 115.0, 388, 448, 448)
    made.movement(388, 300, 115.0, 448, 500, 500)
    assert [r.movement for r in held.take()] == ["squat", "squat"]


def test_who_gets_down_on_all_fours_makes_another_movement() -> None:
    thigh = np.concatenate((np.zeros(200), np.full(100, 50.0), np.zeros(301)))
    trunk = np.concatenate((np.zeros(200), np.full(300, 70.0), np.zeros(101)))
    made, held = cutter(rows(trunk, thigh))
    made.movement(200, 250, 120.0, 500, 520, 520)
    (found,) = held.take()
    assert (found.movement, found.movement_confidence) == ("other", 0.9)


@pytest.mark.parametrize(("length", "counts"), [(79, False), (80, True)])
def test_a_knee_is_up_for_longer_than_in_a_step(length: int, counts: bool) -> None:
    made, held = cutter(rows(np.zeros(600), bend(peak=45.0)[:600]))
    made.knee_raise(240, LEFT_THIGH_ROW, 300, 45.0, 240 + length)
    found = held.take()
    assert [(r.movement, r.movement_confidence, r.turn_s) for r in found] == [("knee_raise", 0.75, 3.0)] * counts


def test_sitting_down_ends_with_rest_and_has_one_phase() -> None:
    made, held = cutter(rows(bend()))
    made.sit_down(219, 190)
    made.sit_down(219, 300)
    made.stand_up(350, 388, 448, 448)
    short, down, up = held.take()
    assert (down.movement, down.start_s, down.turn_s, down.end_s) == ("sit_down", 1.96, 3.0, 3.0)
    assert (short.start_s, short.end_s) == (1.95, 1.96)
    assert (up.movement, up.turn_s, up.end_s) == ("stand_up", 4.05, 4.05)
    assert [r.movement_confidence for r in (down, short, up)] == [0.9] * 3


def test_no_repetition_begins_before_the_last_one_ended() -> None:
    """Without stillness between them both would begin at 1.95 s."""
    made, held = cutter(rows(bend()))
    made.movement(219, 300, 80.0, 388, 395, 448)
    made.movement(392, 395, 80.0, 460, 500, 520)
    made.stand_up(430, 500, 520, 520)
    found = held.take()
    assert len(found) == 3
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(found))


def chair(upright: float, pelvis: float, thigh: float = 80.0, lean: float = 40.0) -> MovementRows:
    """Sits down, with a lean, stays for a moment with the trunk and the pelvis so far forward, and stands up with a lean."""
    t = np.arange(601) / RATE
    trunk = np.interp(t, [2.0, 2.6, 3.1, 3.3, 3.8, 4.4], [0.0, lean, upright, upright, lean, 0.0])
    made = rows(trunk, np.interp(t, [2.0, 2.8, 3.6, 4.4], [0.0, thigh, thigh, 0.0]))
    made.angles[PELVIS_ROW] = np.interp(t, [2.0, 2.6, 3.1, 3.3, 3.8, 4.4], [0.0, 0.6 * lean, pelvis, pelvis, 0.6 * lean, 0.0])
    return made


@pytest.mark.parametrize(
    ("sat", "seat"),
    [
        (chair(5.0, -20.0), True),
        (chair(5.0, np.nan), True),
        (chair(33.0, -8.0), True),
        (chair(5.0, -20.0, thigh=60.0), True),
        (chair(35.0, -20.0), False),
        (chair(30.0, 20.0), False),
        (chair(40.0, 24.0), False),
        (chair(5.0, -20.0, thigh=40.0), False),
    ],
    ids=["chair", "no pelvis sensor", "leaning", "high chair", "stays down", "squat that wobbles", "squat", "half a squat"],
)
def test_a_seat_for_a_moment_is_a_seat(sat: MovementRows, seat: bool) -> None:
    """Two leans with an upright moment between them, on which the pelvis rolls back."""
    made, held = cutter(sat)
    made.movement(210, 270, 115.0, 435, 450, 450)
    found = held.take()
    assert ([r.movement for r in found] == ["sit_down", "stand_up"]) == seat
    if seat:
        down, up = found
        assert 2.6 < down.end_s <= 3.1
        assert 3.3 <= up.start_s < 3.8
        assert (down.turn_s, up.turn_s) == (down.end_s, up.end_s)


@pytest.mark.parametrize(
    ("upright", "pelvis", "seat"), [(5.0, -20.0, True), (30.0, -5.0, True), (20.0, 12.0, False), (38.0, 20.0, False)]
)
def test_a_seat_is_told_from_a_squat_that_is_held(upright: float, pelvis: float, seat: bool) -> None:
    made, _ = cutter(chair(upright, pelvis))
    assert made.sits(200, 310, 330) == seat
    # not yet at rest
    assert not made.sits(200, 270, 300)


def test_who_hesitates_on_the_way_up_began_with_the_lean() -> None:
    """A pause of 20 rows has no velocity in 10 of them, too short to be sitting; one of 40 rows has none in 30."""
    lean, way = np.linspace(0.0, 30.0, 50), np.linspace(30.0, 90.0, 80)
    still = np.concatenate((np.zeros(200), lean, np.full(20, 30.0), way, np.full(100, 90.0)))
    made, held = cutter(rows(still))
    made.stand_up(300, 340, 400, 400)
    assert held.take()[0].start_s == pytest.approx(1.95, abs=0.011)
    longer = np.concatenate((still[:250], np.full(20, 30.0), still[250:]))
    made, held = cutter(rows(longer))
    made.stand_up(320, 360, 420, 420)
    assert held.take()[0].start_s == pytest.approx(2.85, abs=0.011)


def test_a_rock_back_is_handed_on_with_its_confidence() -> None:
    made, held = cutter(rows(np.full(601, 80.0), bend(peak=40.0)))
    made.rock_back(RockBack(risen=240, turn=300, half=350, end=420, confidence=0.7))
    (found,) = held.take()
    assert (found.movement, found.movement_confidence, found.turn_s) == ("rock_back", 0.7, 3.0)


@pytest.mark.parametrize(
    ("flag", "before", "carried"),
    [
        (Quality.GAP, 12, True),
        (Quality.LATE, 12, True),
        (Quality.LATE, 1, True),
        (Quality.GAP, 13, False),
        (Quality.LATE, 13, False),
        (Quality.FAST, 12, False),
    ],
)
def test_a_movement_that_comes_out_of_a_hole_says_so(flag: Quality, before: int, carried: bool) -> None:
    """Within twelve rows of its beginning, row 195: of a silent radio as of a gap, and of nothing else."""
    quality = np.zeros(601, np.int32)
    quality[195 - before] = int(flag)
    made, held = cutter(rows(bend(), quality=quality))
    made.movement(219, 300, 80.0, 388, 448, 448)
    (found,) = held.take()
    assert found.start_s == 1.95
    assert found.quality == (int(flag) if carried else 0)


def test_the_most_that_was_reached_is_handed_on_with_each() -> None:
    made, held = cutter(rows(bend()))
    made.movement(219, 300, 80.0, 388, 448, 448)
    assert held.take()[0].metrics["lumbar_of_largest_bend"] == 1.0


def ended(start_s: float, turn_s: float) -> UnmeasuredRepetition:
    """A bend that begins and turns at these times."""
    begin, turn = round(100 * start_s), round(100 * turn_s)
    kept = rows(bend(still=0, way=turn - begin))
    late = MovementRows(start_s + kept.time_s, kept.angles, kept.sd, kept.quality, kept.moving)
    return UnmeasuredRepetition("bend", 1.0, late, turn - begin, Best(), 0)


def starts(found: list[Repetition]) -> list[tuple[int, float]]:
    return [(r.index, round(r.start_s, 2)) for r in found]


def test_movements_of_an_open_calibration_are_held_back() -> None:
    held = HeldRepetitions(RATE)
    assert not held.waits
    held.mark(10.0)
    assert held.waits
    held.reached(9.99)
    held.add(ended(5.0, 6.0))
    held.reached(10.0)
    held.add(ended(12.0, 13.0))
    assert starts(held.take()) == [(0, 5.0)]
    # they wait, also once they have been measured
    assert held.take() == []
    held.reached(10.0 + CALIBRATION_LONGEST_S)
    assert held.take() == []
    held.reached(10.01 + CALIBRATION_LONGEST_S)
    assert starts(held.take()) == [(1, 12.0)]
    assert not held.waits


def test_a_calibration_that_succeeds_keeps_its_own_movements() -> None:
    """Half way down at 12.5 s and 19.5 s; the one that began before the mark was none of its own."""
    held = HeldRepetitions(RATE)
    held.mark(10.0)
    held.reached(10.0)
    for start_s in (9.99, 12.0, 19.0):
        held.add(ended(start_s, start_s + 1.0))
    held.calibrated(19.5)
    assert held.waits
    held.reached(20.0)
    assert starts(held.take()) == [(0, 9.99), (1, 19.0)]
    assert not held.waits


def test_the_last_movement_of_a_calibration_may_end_after_it() -> None:
    held = HeldRepetitions(RATE)
    held.mark(10.0)
    held.reached(10.0)
    held.calibrated(20.0)
    held.add(ended(19.0, 20.98))
    held.add(ended(19.0, 21.0))
    assert starts(held.take()) == [(0, 19.0)]


def test_a_calibration_without_a_mark_drops_nothing() -> None:
    held = HeldRepetitions(RATE)
    held.calibrated(20.0)
    held.add(ended(5.0, 6.0))
    assert starts(held.take()) == [(0, 5.0)]
