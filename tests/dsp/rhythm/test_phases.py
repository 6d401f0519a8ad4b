"""Phases of movements whose rows lie one after another."""

from __future__ import annotations

import numpy as np

from dsp.rhythm.phases import Phases, inner_velocity, laid_out, one_phase, velocity

ROWS = np.array([3.0, 5.0, 4.0, 9.0, 1.0, 2.0, 8.0])
TWO = Phases(np.array([1, 4]), np.array([2, 3]))


def test_largest_values_and_rows_at_which_something_holds() -> None:
    np.testing.assert_array_equal(TWO.highest(ROWS), (5.0, 8.0))
    np.testing.assert_array_equal(TWO.end, (2, 6))
    np.testing.assert_array_equal(TWO.first(ROWS > 4.5), (1, 6))
    np.testing.assert_array_equal(TWO.last(ROWS < 4.5), (2, 5))
    # row 3 lies in neither
    np.testing.assert_array_equal(TWO.first(ROWS > 8.5), (-1, -1))
    np.testing.assert_array_equal(TWO.last(ROWS > 8.5), (-1, -1))


def test_each_value_reaches_to_where_the_next_phase_begins() -> None:
    np.testing.assert_array_equal(TWO.each(np.array([7.0, 6.0]), len(ROWS)), (7, 7, 7, 7, 6, 6, 6))
    np.testing.assert_array_equal(TWO.each(np.array([[7, 6], [0, 1]]), len(ROWS))[1], (0, 0, 0, 0, 1, 1, 1))


def test_backwards_the_same_rows_in_the_other_order() -> None:
    for part, back in zip(TWO.parts(ROWS), TWO.backwards(len(ROWS)).parts(ROWS[::-1]), strict=True):
        np.testing.assert_array_equal(back, part[::-1])


def test_several_arrays_laid_out_one_after_another() -> None:
    both = laid_out((TWO, one_phase(len(ROWS))), len(ROWS))
    parts = both.parts(np.concatenate((ROWS, 10.0 * ROWS)))
    for part, expected in zip(parts, (*TWO.parts(ROWS), 10.0 * ROWS), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_velocity_at_the_ends_is_that_of_the_nearest_row_that_has_one() -> None:
    rows = np.arange(30.0) ** 2
    inner, all_rows = inner_velocity(rows, 100.0), velocity(rows, 100.0)
    assert len(inner) == 20
    np.testing.assert_array_equal(all_rows, np.concatenate(([inner[0]] * 5, inner, [inner[-1]] * 5)))
    assert not velocity(rows[:10], 100.0).any()
