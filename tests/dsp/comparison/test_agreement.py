"""Repeatability and own norms: against published worked examples and drawn people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.comparison import agreement, centile

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Table 2 of Shrout & Fleiss 1979: six targets, four judges; ICC(2,1) 0.29, ICC(3,1) 0.71."""


def test_the_worked_example_of_shrout_and_fleiss() -> None:
    found = agreement(SHROUT_FLEISS)
    assert found is not None
    assert found.icc_agreement.value == pytest.approx(0.29, abs=0.005)
    assert found.icc_consistency.value == pytest.approx(0.71, abs=0.005)
    # limits as R's psych::ICC prints them for this table
    assert (found.icc_agreement.low, found.icc_agreement.high) == pytest.approx((0.019, 0.76), abs=0.005)
    assert (found.icc_consistency.low, found.icc_consistency.high) == pytest.approx((0.34, 0.95), abs=0.01)


def test_the_standard_error_is_found_again_with_its_limits() -> None:
    inside = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        people = random.normal(80.0, 10.0, 12)[:, None] + random.normal(0.0, 3.0, (12, 3))
        found = agreement(people.tolist())
        assert found is not None
        inside += found.sem.low <= 3.0 <= found.sem.high
        assert found.mdc95.value == pytest.approx(2.772 * found.sem.value, rel=1e-3)
        assert found.mdc90.value == pytest.approx(2.326 * found.sem.value, rel=1e-3)
    assert inside / 200 == pytest.approx(0.95, abs=0.04)


def test_people_with_different_numbers_of_sessions() -> None:
    found = agreement([[80.0, 82.0], [70.0, 71.0, 75.0], [90.0], [60.0, 61.0]])
    assert found is not None
    assert (found.people, found.sessions, found.used) == (3, 7, 2)
    assert agreement([[80.0, 82.0], [70.0, 71.0]]) is None
    assert agreement([]) is None


def test_no_variation_at_all_is_no_correlation() -> None:
    found = agreement([[80.0, 80.0]] * 4)
    assert found is not None
    assert math.isnan(found.icc_agreement.value)
    assert found.sem.value == 0.0
    perfect = agreement([[70.0, 70.0], [80.0, 80.0], [90.0, 90.0]])
    assert perfect is not None
    assert perfect.icc_consistency.value == 1.0


def test_a_centile_needs_twenty_people_and_has_limits() -> None:
    random = np.random.default_rng(2)
    people = random.normal(100.0, 10.0, (40, 2)).tolist()
    tenth = centile(people, 0.1)
    assert tenth is not None
    assert tenth.low < tenth.value < tenth.high
    assert tenth.value == pytest.approx(100.0 - 12.8, abs=5.0)
    assert centile(people, 0.1) == tenth
    assert centile(people[:19], 0.1) is None
    assert centile([*people[:19], []], 0.1) is None


def test_two_sides_of_one_person_are_not_two_people() -> None:
    random = np.random.default_rng(5)
    alone = random.normal(100.0, 10.0, 30)
    once = centile([[v] for v in alone], 0.1)
    twice = centile([[v, v] for v in alone], 0.1)
    assert once is not None
    assert twice is not None
    assert twice.high - twice.low > 0.8 * (once.high - once.low)
