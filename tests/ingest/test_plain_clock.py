"""The clock behind a plain session's times: rates, loss, uneven and rounded stamps."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Placement, Sensor, Session
from ingest.formats.even_clock import EvenClock, lost_before, sampling_clock
from ingest.formats.plain import PlainSamples, PlainSession, read_plain, write_plain


def session(time_s: np.ndarray, tmp_path: Path, rate_hz: float | None = None, quat: bool = False) -> PlainSession:
    """A session whose gyr is (t, 2t, -t) scaled, so that interpolation can be told."""
    acc = np.tile([0.0, 0.0, 9.81], (len(time_s), 1))
    gyr = np.column_stack((time_s, 2.0 * time_s, -time_s)) / 100.0
    half = 0.05 * time_s
    sign = np.where(np.arange(len(time_s)) % 2, 1.0, -1.0)
    turning = sign[:, None] * np.column_stack((np.cos(half), 0 * half, 0 * half, np.sin(half))) if quat else None
    head = Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS, rate_hz=rate_hz),))
    write_plain(tmp_path / "s", head, {"pelvis": PlainSamples(time_s, acc, gyr, turning, acc * 4.0)})
    return read_plain(tmp_path / "s")


@pytest.mark.parametrize(
    ("true_hz", "found_hz"),
    [(99.998, 100.0), (100.04, 100.0), (100.06, 100.06), (285.714285, 285.714285), (49.9, 49.9), (0.5 + 1e3, 1000.0)],
)
def test_the_rate_is_a_whole_number_only_if_it_is_near_one(true_hz: float, found_hz: float) -> None:
    assert sampling_clock(np.arange(1000) / true_hz).rate_hz == pytest.approx(found_hz, rel=1e-9)


@given(st.integers(20, 499), st.floats(-100.0, 100.0))
def test_stamps_in_whole_milliseconds_are_an_even_clock(rate_hz: int, begin_s: float) -> None:
    clock = sampling_clock(np.unique(np.round(begin_s + np.arange(3000) / rate_hz, 3)))
    assert clock.rate_hz == pytest.approx(rate_hz, rel=2e-3)
    assert not clock.uneven
    assert not clock.bursts


def test_rounded_stamps_stay_as_they_are(tmp_path: Path) -> None:
    time = np.round(np.arange(2000) / 120.0, 3)
    read = session(time, tmp_path)
    assert read.rates_hz["pelvis"] == 120.0
    assert read.warnings == []
    np.testing.assert_array_equal(read.samples["pelvis"].time_s, time)


@given(st.data())
def test_loss_is_counted_and_changes_no_rate(data: st.DataObject) -> None:
    rate = data.draw(st.sampled_from([49.85, 100.0, 286.0]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    keep = rng.random(2000) > data.draw(st.floats(0.0, 0.3))
    keep[[0, -1]] = True
    gap = data.draw(st.integers(1, 1500))
    keep[gap : gap + data.draw(st.integers(0, 400))] = False
    time = np.arange(2000)[keep] / rate
    clock = sampling_clock(time)
    assert clock.rate_hz == pytest.approx(rate, rel=1e-6)
    assert not clock.uneven
    assert not clock.bursts
    np.testing.assert_array_equal(lost_before(time, clock.rate_hz), np.diff(np.flatnonzero(keep), prepend=-1) - 1)


@pytest.mark.parametrize("spread", [0.08, 0.2])
def test_uneven_sampling_is_resampled_with_a_warning(tmp_path: Path, spread: float) -> None:
    rng = np.random.default_rng(3)
    time = np.sort((np.arange(3000) + rng.uniform(-1, 1, 3000) * spread) / 100.0)
    time = np.delete(time, np.r_[1000:1050])
    read = session(time, tmp_path, quat=True)
    assert len(read.warnings) == 1
    assert "pelvis.csv: sampled unevenly" in read.warnings[0]
    assert "resampled to 100 Hz" in read.warnings[0]
    samples = read.samples["pelvis"]
    steps = np.diff(samples.time_s) * 100.0
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    assert np.count_nonzero(steps > 1.5) == 1
    assert steps.max() == pytest.approx(51.0, abs=1.01)
    gap = (time[999], time[1000])
    assert not np.any((samples.time_s > gap[0] + 1e-9) & (samples.time_s < gap[1] - 1e-9))
    assert samples.gyr is not None
    np.testing.assert_allclose(samples.gyr[:, 1], 2.0 * samples.time_s / 100.0, atol=1e-7)
    assert samples.quat is not None
    turn = 2.0 * np.arctan2(samples.quat[:, 3] * np.sign(samples.quat[:, 0]), np.abs(samples.quat[:, 0]))
    np.testing.assert_allclose(np.exp(1j * turn), np.exp(0.1j * samples.time_s), atol=1e-6)
    assert samples.mag_ut is not None
    (blocks,) = read.batches()
    assert int(blocks[0].lost.sum()) == round(steps.max()) - 1


def test_an_even_clock_keeps_what_is_on_it() -> None:
    time = np.arange(50) / 10.0
    ticks = EvenClock(time, 10.0)
    np.testing.assert_allclose(ticks.time_s, time)
    np.testing.assert_allclose(ticks.vectors(np.column_stack((time, time, time)))[:, 0], time, atol=1e-12)


def test_arrival_times_of_packets_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrival = np.arange(300)[:, None] * 0.08 + rng.uniform(0, 0.01, 300)[:, None]
    with pytest.raises(HiphingeError, match="bursts") as caught:
        session((arrival + np.arange(8) * 2e-4).ravel(), tmp_path)
    assert caught.value.where.endswith("pelvis.csv, line 2")
    assert "samples were taken" in caught.value.remedy


def test_a_stated_rate_stands(tmp_path: Path) -> None:
    read = session(np.arange(500) / 99.0, tmp_path, rate_hz=100.0)
    assert read.rates_hz == {"pelvis": 100.0}
    assert not next(read.batches())[0].lost.any()


def test_one_sample_is_enough_with_a_stated_rate(tmp_path: Path) -> None:
    read = session(np.array([1.0]), tmp_path, rate_hz=50.0)
    ((block,),) = read.batches()
    assert (len(block), block.rate_hz, read.duration_s) == (1, 50.0, 1.0)


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6))
def test_few_samples_have_a_clock_too(steps: list[float]) -> None:
    assert sampling_clock(np.cumsum(steps)).rate_hz > 0.0
