"""Sensors without a clock that send at another rate than was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.time.sample_count import SampleCount


def counted(true_hz: float, lost_share: float = 0.0, cut: int = 7, before: tuple[float, float] = (0.0, 10.0)) -> tuple:
    """Error (n,) s of the counted time of samples asked for at 100 Hz, which arrive in connection events of 30 ms, and what
    was told lost. before: for how long, s, it sends at which rate first."""
    rng = np.random.default_rng(3)
    first = np.arange(int(before[0] * before[1])) / before[1]
    time_s = np.concatenate((first, before[0] + np.arange(int(60.0 * true_hz)) / true_hz))
    time_s = time_s[rng.random(len(time_s)) >= lost_share]
    arrival_s = np.ceil(time_s / 0.03) * 0.03 + 0.004
    count, times, lost = SampleCount(100.0, exact=False), [], 0
    for at in range(0, len(time_s), cut):
        part = arrival_s[at : at + cut]
        none = np.zeros(len(part), np.int64)
        found, missing, _ = count.feed(np.arange(len(part)), part, none, none.astype(np.bool_))
        times.append(found)
        lost += int(missing.sum())
    return np.concatenate(times) - time_s, lost


@pytest.mark.parametrize("true_hz", [10.0, 50.0, 70.0, 125.0, 200.0])
def test_a_steady_rate_is_taken_as_it_is(true_hz: float) -> None:
    """Before, 70 Hz lost 1,184 samples of a minute that nobody had sent, and its time was off by 6.7 s."""
    error_s, lost = counted(true_hz)
    late = error_s[int(6.0 * true_hz) :]
    assert np.ptp(late) < 0.02 * 60.0, "within what the map of a counted clock may differ"
    assert lost < 100, "of the first four seconds"


def test_the_result_does_not_depend_on_how_packets_are_cut() -> None:
    for true_hz in (70.0, 125.0):
        one, other = counted(true_hz, cut=1), counted(true_hz, cut=1000)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1] == other[1]


def test_a_radio_that_loses_samples_is_no_other_rate() -> None:
    _, lost = counted(100.0, lost_share=0.3)
    assert lost > 800, "they are told as lost, as before"


def test_a_rate_that_was_set_late_is_followed() -> None:
    """It sends at 10 Hz for 6 s, until it is told."""
    error_s, _ = counted(100.0, before=(6.0, 10.0))
    assert np.ptp(error_s[60 + 600 :]) < 0.02 * 60.0
