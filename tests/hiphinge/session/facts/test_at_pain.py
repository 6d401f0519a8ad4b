"""The lumbar flexion of the row that was seen: whenever it is asked, and however the rows come."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, LONGEST_LOOK_NS, Mark, standing
from dsp.results import AngleRows
from hiphinge.session.facts.at_pain import AtPain, under_way

LUMBAR = ANGLE_NAMES.index("lumbar_flexion")


def rows(numbers: range) -> AngleRows:
    time_s = np.array(numbers) / 100.0
    angles = np.full((len(ANGLE_NAMES), len(time_s)), np.nan)
    angles[LUMBAR] = np.radians(time_s * 10.0)
    angles[LUMBAR, (time_s >= 5.0) & (time_s < 6.0)] = np.nan
    return AngleRows(time_s, angles, angles, np.zeros(len(time_s), np.int32))


@pytest.mark.parametrize("chunk", [1, 7, 100, 4000])
@pytest.mark.parametrize("ask_at", [0, 1500])
def test_asked_before_or_after_its_row_in_whatever_pieces_the_answer_is_the_same(chunk: int, ask_at: int) -> None:
    at_pain, asked = AtPain(), {0.0: 0.0, 2.0: 20.0, 12.344: 123.4, 5.5: None, 14.99: 149.9, 90.0: None}
    for first in range(0, 4000, chunk):
        if first <= ask_at < first + chunk:
            for time_s in asked:
                at_pain.ask(time_s)
        at_pain.take(rows(range(first, first + chunk)))
    assert {time_s: at_pain.flexion(time_s) for time_s in asked} == asked


def test_what_is_kept_does_not_grow() -> None:
    at_pain = AtPain()
    for first in range(0, 60_000, 10):
        at_pain.take(rows(range(first, first + 10)))
    assert sum(len(times) for times, _ in at_pain._kept) <= LONGEST_LOOK_NS / 1e7 + 600
    at_pain.ask(1.0)
    assert at_pain.flexion(1.0) is None
    at_pain.ask(599.0)
    assert at_pain.flexion(599.0) == pytest.approx(5990.0, abs=0.01)


def test_the_repetition_under_way() -> None:
    spans = [(1, 1.0, 3.0), (2, 4.0, 6.0)]
    assert [under_way(spans, t) for t in (0.5, 1.0, 3.0, 3.5, 5.0, 7.0)] == [None, 1, 1, None, 2, None]


def test_a_mark_stands_at_the_row_that_was_seen_where_somebody_can_have_seen_it() -> None:
    now = 100_000_000_000
    assert Mark(1, now, "pain 4").at_ns == now
    assert Mark(1, now, "pain 4", now - 1).at_ns == now - 1
    assert Mark(1, now, "pain 4", now + 1).at_ns == now
    assert Mark(1, now, "pain 4", now - LONGEST_LOOK_NS - 1).at_ns == now
    # what acts is computed from when it came
    assert Mark(1, now, "calibrate", now - 1).at_ns == now


def test_what_is_taken_back_does_not_count_and_what_acts_cannot_be_taken_back() -> None:
    marks = [Mark(1, 1, "pain 3"), Mark(2, 2, "calibrate"), Mark(5, 5, "set"), Mark(6, 6, "undo 1"), Mark(7, 7, "undo 2")]
    assert [mark.label for mark in standing(marks)] == ["calibrate", "set"]
    assert [m.label for m in standing([*marks, Mark(8, 8, "undo 99"), Mark(9, 9, "undo"), Mark(10, 10, "undo 5")])] == [
        "calibrate",
        "undo",
    ]
    for order in itertools.permutations(marks[:2]):
        assert len(standing(order)) == 2
