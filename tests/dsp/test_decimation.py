"""Decimation: values, causality, missing ticks, jumps in time, independence of chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.decimation import Decimator


def run(time_s: np.ndarray, values: np.ndarray, flags: np.ndarray, cuts: list[int], tick_hz: float = 100.0) -> list[np.ndarray]:
    decimator = Decimator(tick_hz)
    pieces = [
        decimator.push(time_s[a:b], values[a:b], flags[a:b]) for a, b in zip([0, *cuts], [*cuts, len(time_s)], strict=True)
    ]
    return [np.concatenate(part) for part in zip(*pieces, strict=True)]


def signal(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time_s = np.arange(n) / 100
    return time_s, np.stack([time_s * 10, np.sin(time_s)], axis=1), np.arange(n, dtype=np.int64) % 3


def test_a_kept_row_is_the_mean_of_the_ticks_up_to_it() -> None:
    time_s, values, flags = signal()
    kept_s, mean, seen = run(time_s, values, flags, [])
    np.testing.assert_array_equal(kept_s, time_s[::4])
    assert np.isnan(mean[0]).all()
    np.testing.assert_allclose(mean[5], values[17:21].mean(axis=0), rtol=1e-14)
    assert seen[5] == np.bitwise_or.reduce(flags[17:21])


def test_frequencies_that_would_fold_onto_zero_vanish() -> None:
    time_s = np.arange(1000) / 100
    values = np.stack([np.sin(2 * np.pi * 25 * time_s + 0.4), np.sin(2 * np.pi * 50 * time_s + 0.4)], axis=1)
    _, mean, _ = run(time_s, values, np.zeros(1000, np.int64), [])
    assert np.nanmax(np.abs(mean)) < 1e-10


def test_a_missing_tick_makes_its_kept_value_missing_and_no_other() -> None:
    time_s, values, flags = signal()
    values[18, 0] = np.nan
    _, mean, _ = run(time_s, values, flags, [])
    assert np.flatnonzero(np.isnan(mean[:, 0])).tolist() == [0, 5]
    assert np.flatnonzero(np.isnan(mean[:, 1])).tolist() == [0]


def test_a_jump_in_time_is_not_averaged_over() -> None:
    time_s, values, flags = signal()
    keep = np.r_[0:18, 103:200]
    kept_s, mean, _ = run(time_s[keep], values[keep], flags[keep], [])
    assert kept_s[np.isnan(mean[:, 0])].tolist() == [0.0, 1.04]


def test_a_slow_grid_passes_unchanged() -> None:
    time_s = np.arange(50) / 20
    values = np.cos(time_s)[:, None]
    kept_s, mean, _ = run(time_s, values, np.zeros(50, np.int64), [], tick_hz=20.0)
    np.testing.assert_array_equal(kept_s, time_s)
    np.testing.assert_array_equal(mean, values)


@given(cuts=st.lists(st.integers(0, 200), max_size=12).map(sorted), origin=st.sampled_from([0.0, 0.005, 0.0033, 7.04, -1.0]))
def test_rows_do_not_depend_on_chunks(cuts: list[int], origin: float) -> None:
    time_s, values, flags = signal()
    values[50:61] = np.nan
    whole, pieces = run(time_s + origin, values, flags, []), run(time_s + origin, values, flags, cuts)
    assert len(whole[0]) == 50
    for a, b in zip(whole, pieces, strict=True):
        assert a.tobytes() == b.tobytes()


def test_rates_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Decimator(0.0)
