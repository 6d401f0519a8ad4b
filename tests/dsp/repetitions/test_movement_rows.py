"""Rows that are kept for a movement in progress."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsp.repetitions.movement_rows import (
    KEPT,
    LEFT_THIGH_ROW,
    MEASURED,
    RIGHT_THIGH_ROW,
    SHORT_ROWS,
    TRUNK_ROW,
    KeptRows,
    MovementRows,
    trunk_and_thigh,
)


def rows(first: int, stop: int) -> MovementRows:
    """Rows whose every value tells their number."""
    t = np.arange(first, stop, dtype=np.float64)
    angles, sd = (np.tile(t, (n, 1)) for n in (len(KEPT), len(MEASURED)))
    return MovementRows(t, angles, sd, t.astype(np.int32), np.stack((t, t)))


@given(st.lists(st.integers(0, 2 * SHORT_ROWS), min_size=1, max_size=12), st.data())
def test_a_part_is_what_was_added(sizes: list[int], data: st.DataObject) -> None:
    kept, total = KeptRows(), 0
    for size in sizes:
        kept.add(rows(total, total + size))
        total += size
        kept.forget(total - 1500)
        assert kept.first <= max(total - 1500, 0)
        assert kept.first + len(kept) == total
        assert len(kept) <= 1500 + SHORT_ROWS + max(sizes)
    if not len(kept):
        return
    first = data.draw(st.integers(kept.first, total - 1))
    part = kept.part(first, data.draw(st.integers(first + 1, total)))
    assert part.time_s[0] == first
    assert (np.diff(part.time_s) == 1).all()
    for field in (part.angles, part.sd, part.quality, part.moving, part.measured):
        np.testing.assert_array_equal(np.atleast_2d(field)[-1], part.time_s)


def test_the_lower_thigh_counts_one_stands_in_and_none_is_zero() -> None:
    angles = np.zeros((len(KEPT), 4))
    angles[TRUNK_ROW] = (10.0, 20.0, 30.0, np.nan)
    angles[LEFT_THIGH_ROW], angles[RIGHT_THIGH_ROW] = (40.0, np.nan, np.nan, 1.0), (-5.0, 7.0, np.nan, 2.0)
    trunk, thigh = trunk_and_thigh(angles)
    np.testing.assert_array_equal(trunk, (10.0, 20.0, 30.0, np.nan))
    np.testing.assert_array_equal(thigh, (-5.0, 7.0, 0.0, 1.0))
