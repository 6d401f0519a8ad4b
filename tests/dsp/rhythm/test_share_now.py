"""The lumbar share of the movement under way: examples worked by hand, when there is none, and that no cut changes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.results import AngleRows
from dsp.rhythm.share_now import CAPACITY, HIPS, LUMBAR, OF_THIGH, OF_TRUNK, PELVIS, LatestRows, share_now

RATE = 100.0


def line(*points):
    """Degrees at 100 Hz through (second, degrees) points."""
    t = np.arange(0.0, points[-1][0] + 0.5 / RATE, 1.0 / RATE)
    return np.interp(t, [p[0] for p in points], [p[1] for p in points])


def rows_of(lumbar, pelvis=None, left=None, right=None, sd=1.0, start_s=0.0):
    """Rows of these angles, degrees; what is not given is missing."""
    angles = np.full((len(ANGLE_NAMES), len(lumbar)), np.nan)
    for row, values in ((LUMBAR, lumbar), (PELVIS, pelvis), (HIPS[0], left), (HIPS[1], right)):
        if values is not None:
            angles[row] = np.radians(values)
    time_s = start_s + np.arange(len(lumbar)) / RATE
    return AngleRows(time_s, angles, np.full_like(angles, np.radians(sd)), np.zeros(len(lumbar), np.int32))


# In 1 s 20° of lumbar flexion and none of the hips, then in 1 s 10° of lumbar flexion with 30° of the hips
LUMBAR_DEG = line((0, 0), (1, 20), (2, 30))
HIP_DEG = line((0, 0), (1, 0), (2, 30))


def at(second, rows=None, **given):
    given = given or {"left": HIP_DEG, "right": HIP_DEG}
    return share_now((rows or rows_of(LUMBAR_DEG, **given)).part(0, round(second * RATE) + 1))


def test_worked_by_hand():
    first, then = at(0.9), at(1.9)
    assert first.share == pytest.approx(1.0)
    assert then.share == pytest.approx(10.0 / 40.0)
    assert then.of == OF_THIGH
    # 1° of either: of 10° a share of 0.25 is known to √(0.75² + 0.25²) / 10
    assert then.sd == pytest.approx(np.hypot(0.75, 0.25) / 10.0, rel=0.05)


def test_what_it_is_of():
    """The mean of the hips that there are; without any, the trunk."""
    twice = at(1.9, left=0.5 * HIP_DEG, right=1.5 * HIP_DEG, pelvis=HIP_DEG)
    assert (twice.of, twice.share) == (OF_THIGH, pytest.approx(0.25))
    one = at(1.9, left=HIP_DEG / 3.0, pelvis=HIP_DEG)
    assert (one.of, one.share) == (OF_THIGH, pytest.approx(0.5))
    none = at(1.9, pelvis=HIP_DEG / 3.0)
    assert (none.of, none.share) == (OF_TRUNK, pytest.approx(0.5))
    assert at(1.9, left=None) is None, "no sensor at the pelvis"


def test_none_before_ten_degrees_one_way():
    assert at(0.49) is None
    assert at(0.51).share == pytest.approx(1.0)


def test_none_from_the_turn_on_until_ten_degrees_back():
    there_and_back = np.concatenate([LUMBAR_DEG, LUMBAR_DEG[-2::-1]])
    hips = np.concatenate([HIP_DEG, HIP_DEG[-2::-1]])
    rows = rows_of(there_and_back, left=hips, right=hips)
    # 40° in a second: 2° and 10° after the turn are 0.05 s and 0.25 s
    assert at(2.04, rows) is not None
    assert [at(s, rows) for s in (2.07, 2.15, 2.23)] == [None] * 3
    assert at(2.27, rows).share == pytest.approx(0.25)


def test_none_when_the_movement_has_stopped():
    rows = rows_of(np.append(LUMBAR_DEG, np.full(300, 30.0)), left=np.append(HIP_DEG, np.full(300, 30.0)))
    assert at(2.3, rows) is not None
    assert at(2.6, rows) is None


def test_none_of_a_posture_that_shifts():
    """10° in ten seconds."""
    slow = line((0, 0), (30, 30))
    assert at(29.0, rows_of(slow, left=slow)) is not None, "20° in ten"
    assert at(29.0, rows_of(0.5 * slow, left=0.4 * slow)) is None


def test_none_without_the_newest_row_and_over_a_hole():
    rows = rows_of(LUMBAR_DEG, left=HIP_DEG, right=HIP_DEG)
    rows.angles[LUMBAR, 180:188] = np.nan
    assert at(1.85, rows) is None
    assert at(1.90, rows).share == pytest.approx(0.25), "a hole of 0.08 s"
    rows.angles[LUMBAR, 175:190] = np.nan
    assert at(1.95, rows) is None


def test_none_where_they_move_against_each_other():
    """Sitting down: the lumbar spine flexes by 30° as the hips extend by 18°, or by 12°, which would be a share of 30 / 18."""
    lumbar = line((0, 0), (1, 30))
    assert at(1.0, rows_of(lumbar, left=-0.6 * lumbar)) is None
    assert at(1.0, rows_of(lumbar, left=-0.4 * lumbar)) is None
    # as the hips go on by 0.3° or extend by that
    assert at(1.0, rows_of(lumbar, left=0.01 * lumbar)).share == pytest.approx(1.0 / 1.01)
    assert at(1.0, rows_of(lumbar, left=-0.01 * lumbar)).share == pytest.approx(1.0 / 0.99)


def test_none_that_is_too_uncertain():
    """Of 10° with 2.5° of either: 0.25 ± 0.20; with 3.5° ± 0.28."""
    assert at(1.9, rows_of(LUMBAR_DEG, left=HIP_DEG, right=HIP_DEG, sd=2.5)) is not None
    assert at(1.9, rows_of(LUMBAR_DEG, left=HIP_DEG, right=HIP_DEG, sd=3.5)) is None


def test_flags_of_all_its_rows():
    rows = rows_of(LUMBAR_DEG, left=HIP_DEG, right=HIP_DEG)
    rows.quality[100] = Quality.LATE
    rows.quality[178], rows.quality[190] = Quality.SATURATED, Quality.FAST
    # 40° in a second: 10° go back to 1.65 s
    assert at(1.9, rows).quality == Quality.SATURATED | Quality.FAST


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.5, 3.0), st.floats(-40, 40), st.floats(-40, 40), st.floats(0, 1e4), st.booleans())
def test_share_law(part, seconds, zero_l, zero_h, start_s, back):
    """Where the lumbar spine always does the part s, the share is s: whatever the tempo, the zeros, the time, the way."""
    u = np.linspace(0, 1, round(seconds * RATE))
    bend = 80.0 * u**3 * (10 - 15 * u + 6 * u * u)
    bend = bend[::-1] if back else bend
    rows = rows_of(part * bend + zero_l, left=(1 - part) * bend + zero_h, start_s=start_s)
    middle = share_now(rows.part(0, len(u) * 2 // 3))
    assert middle.share == pytest.approx(part, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 40))
def test_no_cut_changes_it(seed, most):
    """Fed in random pieces it says at each one's end what all rows up to there say, bit for bit, and keeps few of them."""
    rng = np.random.default_rng(seed)
    n = 3000
    lumbar, left, right = np.cumsum(rng.normal(0.02, 0.3, (3, n)), axis=1) + 20.0 * np.sin(np.arange(n) / 90.0)
    rows = rows_of(lumbar, left=left, right=right)
    latest, first, there = LatestRows(), 0, 0
    while first < n:
        last = min(first + int(rng.integers(1, most + 1)), n)
        latest.take([rows.part(first, last)])
        latest.take([])
        found = latest.share_now()
        assert found == share_now(rows.part(0, last))
        there += found is not None
        first = last
    assert there > 0
    buffer, end = latest._kept
    assert end <= len(buffer.time_s) == CAPACITY


def test_what_was_read_stays_while_rows_are_added():
    latest = LatestRows()
    rows = rows_of(40.0 * np.sin(np.arange(6000) / 90.0) ** 2, left=np.zeros(6000), right=np.zeros(6000))
    latest.take([rows.part(0, CAPACITY - 10)])
    buffer, end = latest._kept
    before = buffer.angles[:, :end].copy()
    for first in range(CAPACITY - 10, 6000, 7):
        latest.take([rows.part(first, first + 7)])
    np.testing.assert_array_equal(buffer.angles[:, :end], before)
    # a piece that is longer than all that is kept
    latest.take([rows.part(0, 6000)])
    assert latest.share_now() == share_now(rows)


def test_mirror():
    one, other = (at(1.9, left=a, right=b) for a, b in ((0.8 * HIP_DEG, HIP_DEG), (HIP_DEG, 0.8 * HIP_DEG)))
    assert one == other
