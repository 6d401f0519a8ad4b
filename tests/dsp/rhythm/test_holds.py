"""The hold of a repetition, its creep and its tremor."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.rhythm import holds
from dsp.rhythm.holds import creep_and_tremor
from dsp.rhythm.phases import one_phase, velocity

RATE = 100.0


def hold_rows(total, speed, turn):
    return tuple(int(x[0]) for x in holds.hold_rows(one_phase(len(total)), np.array([turn]), total, speed))


def test_creep_and_tremor_worked_by_hand():
    """0.5 °/s of creep and a 4 Hz tremor of 0.3° amplitude, 0.3/√2 root mean square."""
    t = np.arange(0, 2, 0.01)
    creep, tremor = creep_and_tremor(50 + 0.5 * t + 0.3 * np.sin(2 * np.pi * 4 * t), RATE)
    assert creep == pytest.approx(0.5, abs=0.06)
    assert tremor == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_what_is_outside_the_band_is_no_tremor():
    t = np.arange(0, 3, 0.01)
    assert creep_and_tremor(0.3 * np.sin(2 * np.pi * 20 * t), RATE)[1] < 0.02
    assert np.isnan(creep_and_tremor(np.zeros(50), RATE)).all()


def test_hold_rows():
    total = np.interp(np.arange(500), [0, 100, 200, 350, 450, 499], [0, 0, 80, 80, 0, 0])
    first, last = hold_rows(total, np.abs(velocity(total, RATE)), 270)
    assert (first, last) == pytest.approx((200, 350), abs=6)
    # a turn without a hold is a point
    point = np.interp(np.arange(300), [0, 150, 299], [0, 80, 0])
    first, last = hold_rows(point, np.abs(velocity(point, RATE)), 150)
    assert last - first <= 2


def test_a_hold_is_slower_than_5_degrees_per_second_and_deeper_than_nine_tenths():
    """Rows 0-99 down, 100-199 at the depth and speed in question, 200-299 deepest, and up again."""

    def found(depth, speed):
        total = np.concatenate([np.linspace(0.0, 50.0, 100), np.full(100, depth), np.full(100, 100.0), np.zeros(50)])
        fast = np.concatenate([np.full(100, 60.0), np.full(100, speed), np.zeros(100), np.full(50, 60.0)])
        return hold_rows(total, fast, 250)

    assert found(91.0, 4.9) == (100, 299)
    assert found(89.0, 4.9) == (200, 299)
    assert found(91.0, 5.2) == (200, 299)
    # only half a degree per second too fast to be quiet
    assert found(95.0, 5.4)[0] == 200


def test_creep_is_told_from_eight_tenths_of_a_second_on():
    assert creep_and_tremor(np.arange(82) * 0.01, RATE)[0] == pytest.approx(1.0)
    assert np.isnan(creep_and_tremor(np.arange(79) * 0.01, RATE)).all()


def test_the_band_of_tremor_is_1_to_8_hertz():
    """Whole periods in 10 s, so that each frequency is a line of its own."""
    t = np.arange(0, 10, 0.01)
    for hz, inside in ((0.9, False), (1.0, True), (8.0, True), (8.5, False)):
        # a line through whole periods of a cosine has no slope
        tremor = creep_and_tremor(np.cos(2 * np.pi * hz * t), RATE)[1]
        assert tremor == pytest.approx(1 / np.sqrt(2) if inside else 0.0, abs=0.03)
