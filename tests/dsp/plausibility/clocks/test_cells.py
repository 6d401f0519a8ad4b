"""Means over cells of time, made once: the same however samples and calls come, and without those that are not sound."""

from __future__ import annotations

from collections import deque
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import G0, Floats
from dsp import rotation
from dsp.plausibility.clocks.cells import LONGEST_GAP, RATE_HZ, Cells, MotionCells

LAST = 10**6


@cache
def swinging(rate_hz: float = 100.0, seconds: float = 20.0, begin_s: float = 0.013) -> tuple[Floats, Floats, Floats]:
    """Times, forces and rates of a sensor that swings about its x axis by 0.5 rad at 0.4 Hz, at rest in one place."""
    time_s = begin_s + np.arange(round(seconds * rate_hz)) / rate_hz
    angle = 0.5 * np.sin(0.8 * np.pi * time_s)
    zeros = np.zeros_like(time_s)
    rate = np.stack((0.4 * np.pi * np.cos(0.8 * np.pi * time_s), zeros, zeros), axis=1)
    return time_s, G0 * np.stack((zeros, np.sin(angle), np.cos(angle)), axis=1), rate


def cells_of(
    time_s: Floats, acc: Floats, gyr: Floats, cuts: tuple[int, ...] = (), calls: tuple[bool, ...] = ()
) -> tuple[int, Cells]:
    cells = MotionCells()
    edges = [0, *sorted(cuts), len(time_s)]
    for i, (start, stop) in enumerate(pairwise(edges)):
        cells.take(time_s[start:stop], acc[start:stop], gyr[start:stop])
        if i < len(calls) and calls[i]:
            cells.catch_up()
    cells.catch_up()
    return cells.between(0, LAST)


def test_a_cell_holds_the_mean_of_its_time_and_the_vertical():
    time_s, acc, gyr = swinging()
    first, cells = cells_of(time_s, acc, gyr)
    assert first == 1
    assert len(cells) == int(time_s[-1] * RATE_HZ) - 1
    middle_s = (first + np.arange(len(cells)) + 0.5) / RATE_HZ
    # the mean of a sine over a cell is that of its middle, by a part in a thousand less
    assert cells.means[3] == pytest.approx(0.4 * np.pi * np.cos(0.8 * np.pi * middle_s), abs=2e-3)
    assert cells.sizes == pytest.approx(G0, abs=5e-3)
    assert (cells.samples == 4.0).all()
    assert not cells.missing.any()
    up = rotation.vertical_in_sensor(cells.quat)
    across = np.linalg.norm(np.cross(up, cells.means[:3], axis=0), axis=0)
    assert np.degrees(np.arcsin(across / cells.sizes)).max() < 2.5


@given(st.lists(st.integers(0, 2000), max_size=9), st.lists(st.booleans(), max_size=9))
@settings(max_examples=30, deadline=None)
def test_neither_cuts_nor_calls_change_a_bit(cuts, calls):
    time_s, acc, gyr = swinging()
    there = (time_s < 6.0) | (time_s > 6.3)
    there &= (time_s < 11.0) | (time_s > 13.0)
    samples = time_s[there], acc[there], gyr[there]
    cuts = tuple(min(cut, len(samples[0])) for cut in cuts)
    first, whole = cells_of(*samples)
    begin, cut = cells_of(*samples, cuts, tuple(calls))
    assert begin == first
    assert cut.rows.tobytes() == whole.rows.tobytes()


def test_a_hole_is_missing_and_the_cells_around_it_are_not():
    time_s, acc, gyr = swinging()
    for begin_s, end_s in ((6.0, 6.3), (6.0, 9.0)):
        there = (time_s < begin_s) | (time_s > end_s)
        first, cells = cells_of(time_s[there], acc[there], gyr[there])
        missing = first + np.flatnonzero(cells.missing)
        assert set(missing) <= set(range(round(begin_s * RATE_HZ) - 1, round(end_s * RATE_HZ) + 2))
        assert set(missing) >= set(range(round(begin_s * RATE_HZ), round(end_s * RATE_HZ)))
        assert len(cells) == int(time_s[-1] * RATE_HZ) - first


def test_after_a_gap_of_more_than_a_minute_nothing_before_it_is_kept():
    time_s, acc, gyr = swinging()
    late = time_s + np.where(time_s > 10.0, (LONGEST_GAP + 10) / RATE_HZ, 0.0)
    first, cells = cells_of(late, acc, gyr)
    assert first == pytest.approx(LONGEST_GAP + 10 + 10.0 * RATE_HZ, abs=1.0)
    assert not cells.missing.any()


def test_samples_that_are_no_numbers_are_left_out():
    time_s, acc, gyr = (one.copy() for one in swinging())
    acc[500], gyr[900:950] = np.nan, np.inf
    first, cells = cells_of(time_s, acc, gyr)
    assert np.isfinite(cells.means).all()
    assert np.isfinite(cells.quat).all()
    missing = (first + np.flatnonzero(cells.missing)) / RATE_HZ
    assert missing.min() >= time_s[900] - 0.1
    assert missing.max() <= time_s[950] + 0.1
    assert len(missing) >= 10
    assert cells_of(time_s, np.full_like(acc, np.nan), gyr)[1].sizes.size == 0


def test_cells_that_were_dropped_are_gone_and_later_ones_are_as_before():
    time_s, acc, gyr = swinging()
    whole = cells_of(time_s, acc, gyr)[1]
    cells = MotionCells()
    cells.take(time_s[:1000], acc[:1000], gyr[:1000])
    cells.catch_up()
    cells.drop(200)
    cells.take(time_s[1000:], acc[1000:], gyr[1000:])
    cells.catch_up()
    first, left = cells.between(150, LAST)
    assert first == 200
    assert left.rows.tobytes() == whole.part(199).rows.tobytes()
    cells.drop(LAST)
    assert len(cells.between(0, LAST)[1]) == 0


def test_a_force_that_changes_stirs_in_the_time_that_is_asked_of():
    cells = MotionCells()
    assert cells.stirs(0.0, 1.0) == 0.0
    time_s, force = np.arange(400) / 100.0, np.tile((0.0, 0.0, G0), (400, 1))
    force[150:160, 2] += 2.0
    for part in (slice(0, 155), slice(155, 220), slice(220, 400)):
        cells.take(time_s[part], force[part], force[part])
    cells.catch_up()
    for begin_s, end_s, varied in ((0.0, 1.5, 0.0), (0.5, 1.51, 2.0), (1.0, 3.0, 2.0), (1.59, 2.0, 2.0), (1.6, 4.0, 0.0)):
        assert cells.stirs(begin_s, end_s) == pytest.approx(varied)
    assert cells.stirs(4.0, 5.0) == 0.0


@pytest.mark.parametrize("asked", [True, False])
def test_no_more_is_kept_than_may_be_asked_of(asked: bool):
    time_s, acc, gyr = swinging(seconds=60.0)
    cells = MotionCells()
    for start in range(0, len(time_s), 25):
        part = slice(start, start + 25)
        cells.take(time_s[part], acc[part], gyr[part])
        cells.catch_up()
        if asked:
            cells.stirs(float(time_s[start]) - 2.0, float(time_s[start]))
        else:
            cells.drop(round((float(time_s[start]) - 2.0) * RATE_HZ))
    kept = [value for value in vars(cells).values() if isinstance(value, (list, deque))]
    assert max(map(len, kept)) == pytest.approx(10, abs=2)
