"""Sets of repetitions: what belongs together, medians and spreads, and what too few repetitions cannot say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.day.sets import metrics_of, over_set, sets_of, side_of
from dsp.results import Repetition


def rep(index, start_s, movement="bend", share=0.5, curve=()):
    metrics = {"lumbar_share_of_trunk": share, "lumbar_share_of_trunk_sd": 0.02}
    return Repetition(index, start_s, start_s + 1.5, start_s + 3.0, movement, 0.9, 0, metrics, curve)


def test_sets_end_with_a_pause_or_another_movement():
    reps = [rep(0, 0), rep(1, 5), rep(2, 9, "squat"), rep(3, 13, "squat"), rep(4, 40, "squat")]
    assert [[r.index for r in group] for group in sets_of(reps)] == [[0, 1], [2, 3], [4]]
    assert sets_of([]) == []


def test_median_and_spread_worked_by_hand():
    """Of 1, 2, 3, 4, 10: median 3, deviations 2, 1, 0, 1, 7, their median 1."""
    found = over_set([4.0, 1.0, 10.0, 2.0, 3.0])
    assert (found.median, found.count, found.valid) == (3.0, 5, True)
    assert found.spread == pytest.approx(1.4826)
    # each known to 2, and one of them not known how well
    assert over_set([4.0, 1.0, 10.0, 2.0, 3.0], [2.0, 2.0, math.nan, 2.0, 2.0]).spread == pytest.approx(math.hypot(1.4826, 2.0))


@pytest.mark.parametrize(
    ("values", "spread"),
    [
        # the median absolute deviation of these is 0, of the last 0.01
        ((0.60, 0.60, 0.60), 0.0),
        ((0.60, 0.60, 0.75), 0.15 / math.sqrt(3.0)),
        ((0.60, 0.61, 0.62), 0.01),
        ((0.5, 0.6), 0.1 / math.sqrt(2.0)),
    ],
)
def test_a_few_that_agree_are_not_known_better_than_one_of_them(values, spread):
    """Each is known to 0.013."""
    own = [0.013] * len(values)
    assert over_set(values).spread == pytest.approx(spread, abs=1e-12)
    assert over_set(values, own).spread == pytest.approx(math.hypot(spread, 0.013))
    assert over_set(values, own).spread >= 0.013
    group = [rep(i, 5.0 * i, share=x) for i, x in enumerate(values)]
    # those are known to 0.02
    assert metrics_of(group)["lumbar_share_of_trunk"].spread == pytest.approx(math.hypot(spread, 0.02))


def test_a_set_and_its_metric_alone_agree():
    rng = np.random.default_rng(5)
    for n in range(1, 9):
        values = rng.uniform(0.0, 1.0, n)
        alone = over_set(values.tolist(), [0.02] * n)
        of_set = metrics_of([rep(i, 5.0 * i, share=float(x)) for i, x in enumerate(values)])["lumbar_share_of_trunk"]
        assert (alone.median, alone.count, alone.valid) == (pytest.approx(of_set.median), of_set.count, of_set.valid)
        assert alone.spread == pytest.approx(of_set.spread, nan_ok=True)


def knee(index, side, start_s=None):
    metrics = {"hip_left_rom_deg": 70.0 if side == "left" else 15.0, "hip_right_rom_deg": 70.0 if side == "right" else 15.0}
    start = 5.0 * index if start_s is None else start_s
    return Repetition(index, start, start + 1.0, start + 2.0, "knee_raise", 0.9, 0, metrics)


def test_sitting_down_and_standing_up_in_turn_are_two_sets():
    """Five times, as in the test of that name: neither ends the other's set, a squat ends both."""
    reps = [rep(i, 4.0 * i, "stand_up" if i % 2 else "sit_down") for i in range(10)]
    reps += [rep(10, 41.0, "squat"), rep(11, 46.0, "sit_down")]
    assert [[r.index for r in group] for group in sets_of(reps)] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9], [10], [11]]


def test_each_leg_has_sets_of_its_own():
    one_after_the_other = [knee(i, "left" if i < 3 else "right") for i in range(6)]
    assert [[r.index for r in group] for group in sets_of(one_after_the_other)] == [[0, 1, 2], [3, 4, 5]]
    in_turn = [knee(i, "right" if i % 2 else "left") for i in range(6)]
    assert [[r.index for r in group] for group in sets_of(in_turn)] == [[0, 2, 4], [1, 3, 5]]
    assert [side_of(r) for r in in_turn[:2]] == ["left", "right"]
    assert side_of(rep(0, 0.0)) == ""
    # the pause is of the movement, not of the leg
    late = [knee(0, "left"), knee(1, "right"), knee(2, "left", 30.0)]
    assert [[r.index for r in group] for group in sets_of(late)] == [[0], [1], [2]]


def test_too_few_are_not_valid():
    assert not over_set([1.0, 2.0]).valid
    assert math.isnan(over_set([1.0]).spread)
    nothing = over_set([math.nan])
    assert math.isnan(nothing.median)
    assert (nothing.count, nothing.valid) == (0, False)


def test_metrics_of_a_set():
    curve = tuple([10.0] * 101)
    group = [rep(i, 5.0 * i, share=s, curve=curve) for i, s in enumerate((0.4, 0.5, 0.45, 0.6, 0.55))]
    found = metrics_of(group)
    assert found["lumbar_share_of_trunk"].median == pytest.approx(0.5)
    assert "lumbar_share_of_trunk_sd" not in found
    assert found["marp_deg"].median == pytest.approx(10.0)
    assert found["dp_deg"].median == pytest.approx(0.0, abs=1e-5)
    assert found["marp_deg"].valid
    assert not metrics_of(group[:4])["marp_deg"].valid
    assert "marp_deg" not in metrics_of(group[:1])


def test_order_does_not_matter():
    rng = np.random.default_rng(1)
    group = [rep(i, i, share=float(s)) for i, s in enumerate(rng.uniform(0, 1, 9))]
    assert metrics_of(group) == metrics_of(group[::-1])


def test_a_pause_of_20_seconds_ends_a_set():
    """Each lasts 3 s."""
    assert len(sets_of([rep(0, 0.0), rep(1, 22.9)])) == 1
    assert len(sets_of([rep(0, 0.0), rep(1, 23.0)])) == 2


@pytest.mark.parametrize(
    ("values", "median", "spread"),
    [((0.2, 0.6), 0.4, math.sqrt(0.08)), ((0.1, 0.2, 0.4, 0.9), 0.3, math.sqrt(0.38 / 3)), ((0.5,), 0.5, None)],
)
def test_medians_of_even_numbers_lie_in_the_middle(values, median, spread):
    """Squares of what they are off their mean by: 0.08; 0.38. One alone has no spread; each is known to 0.02."""
    group = [rep(i, 5.0 * i, share=x) for i, x in enumerate(values)]
    found = metrics_of(group)["lumbar_share_of_trunk"]
    assert (found.median, found.count, found.valid) == (pytest.approx(median), len(values), len(values) >= 3)
    assert math.isnan(found.spread) if spread is None else found.spread == pytest.approx(math.hypot(spread, 0.02))
    assert over_set(values).median == pytest.approx(median)


def test_a_repetition_without_a_metric_is_not_counted_in_it():
    found = metrics_of([rep(i, 5.0 * i, share=x) for i, x in enumerate((0.4, math.nan, 0.6, math.nan))])[
        "lumbar_share_of_trunk"
    ]
    assert (found.median, found.count, found.valid) == (pytest.approx(0.5), 2, False)


def test_a_person_may_say_that_a_new_set_begins():
    reps = [rep(i, 3.0 * i) for i in range(5)]
    turn_s = reps[2].turn_s
    assert [[r.index for r in group] for group in sets_of(reps, [turn_s - 0.1])] == [[0, 1], [2, 3, 4]]
    assert [[r.index for r in group] for group in sets_of(reps, [turn_s + 0.1])] == [[0, 1, 2], [3, 4]]
    assert [[r.index for r in group] for group in sets_of(reps, [-1.0, 900.0])] == [[0, 1, 2, 3, 4]]
