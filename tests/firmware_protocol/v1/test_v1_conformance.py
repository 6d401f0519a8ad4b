"""The examination of a device, one part at a time and without a device: which answers keep a rule, and which do not."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest

from firmware_protocol.v1 import Config, Sync, encode_sync
from firmware_protocol.v1.conformance import Heard, Turn, _change_while_streaming, _clock, _Examiner


def answered(part: Generator[Turn, Sequence[Heard], object], *answers: Sequence[Heard]) -> None:
    """Let the examination hear these answers, one after each of its turns, to its end."""
    next(part)
    for heard in answers[:-1]:
        part.send(heard)
    with pytest.raises(StopIteration):
        part.send(answers[-1])


@pytest.mark.parametrize(("passed_us", "kept"), [(500_000, True), (500, False), (1_100_000, False)])
def test_the_clock_of_a_device_counts_microseconds(passed_us: int, kept: bool) -> None:
    it, first_us = _Examiner(), 40_000_000
    answers = [
        [Heard(0.1, encode_sync(Sync(number, 7, sent_ns, at_us, at_us + 20)))]
        for number, sent_ns, at_us in ((7001, 1_000_000_007, first_us), (7002, 1_500_000_011, first_us + passed_us))
    ]
    answered(_clock(it, 7), *answers)
    assert {v.rule: v.kept for v in it.verdicts}["SYNC's clock is in µs since boot"] == kept
    assert all(v.kept for v in it.verdicts[:-1])


def test_where_nothing_streams_a_change_of_its_rate_is_not_judged() -> None:
    it = _Examiner()
    with pytest.raises(StopIteration):
        next(_change_while_streaming(it, None, Config(1, 100.0, 0.005, 0.001), []))
    assert [v.kept for v in it.verdicts] == [None]
