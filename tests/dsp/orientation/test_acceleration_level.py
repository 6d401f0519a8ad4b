"""What accelerations tilt a filter by, as it is said, beside what they tilt it by: filters whose true orientation is known."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import G0
from body_signals.blocks import Floats
from dsp.orientation.acceleration_level import BASELINE_S, FORGOTTEN_S, AccelerationLevel, two_sided_level
from dsp.orientation.strapdown import StrapdownFilter, two_sided

G = 9.80665
RATE = 100.0


def pushed(seconds: float, pushes: list[tuple[float, float, float]], rate_hz: float = RATE) -> Floats:
    """Specific force (n, 3) of a sensor that never turns; pushes: beginning, length, s, and m/s² towards its x axis."""
    time_s = np.arange(0.0, seconds, 1.0 / rate_hz)
    acc = np.zeros((len(time_s), 3))
    acc[:, 2] = G
    for begin, length, size in pushes:
        acc[(time_s >= begin) & (time_s < begin + length), 0] += size
    return acc


def tilt_deg(quat: Floats) -> Floats:
    """How far (n,) orientations (4, n) that should be upright are not."""
    return np.degrees(np.arccos(np.clip(1.0 - 2.0 * (quat[1] ** 2 + quat[2] ** 2), -1.0, 1.0)))


def causal(acc: Floats, rate_hz: float = RATE, doubt: float = 1.0) -> tuple[Floats, Floats]:
    """True and stated tilt, degrees, of VQF whose gyroscope says nothing."""
    quat = StrapdownFilter(rate_hz, motionBiasEstEnabled=False, restBiasEstEnabled=False).update(acc, np.zeros_like(acc))
    said = AccelerationLevel(rate_hz, doubt).feed(acc, quat)
    return tilt_deg(quat), np.degrees(np.sqrt(np.broadcast_to(said, len(acc))))


WALKING_OFF = [(20.0, 1.0, 1.2)]
"""Up to 1.2 m/s within a second, after long standing."""


@pytest.mark.parametrize("rate_hz", [50.0, 60.0, 100.0, 200.0])
def test_who_walks_off_is_tilted_as_far_as_it_says(rate_hz):
    true, said = causal(pushed(30.0, WALKING_OFF, rate_hz), rate_hz)
    assert 1.2 < true.max() < 1.8
    # at first all of it, a block late; then less, for what is forgotten
    pushed_s = slice(round(20.2 * rate_hz), round(21.5 * rate_hz))
    assert np.abs(said - true)[pushed_s].max() < 0.25
    assert 0.65 * true.max() < said.max() < 1.1 * true.max()
    assert said[: round(20.0 * rate_hz)].max() < 0.01


def test_a_filter_in_its_first_seconds_is_tilted_at_once():
    """Walking off 1.5 s after the filter began: it takes the mean of all it has seen, 2.8° at the end of the push."""
    true, said = causal(pushed(8.0, [(1.5, 1.0, 1.2)]))
    at = round(2.5 * RATE)
    assert true[at - 1] == pytest.approx(np.degrees(np.arctan(1.2 / 2.5 / G)), rel=0.03)
    assert np.abs(said - true)[at : at + 400].max() < 0.35


def test_what_comes_back_within_a_second_tilts_little():
    true, said = causal(pushed(30.0, [(20.0, 0.5, 2.4), (20.5, 0.5, -2.4)]))
    assert true.max() < 0.6
    assert said.max() < 0.6
    later = slice(round(21.5 * RATE), None)
    assert max(true[later].max(), said[later].max()) < 0.4


def test_standing_still_says_nothing():
    _, said = causal(pushed(30.0, []))
    assert said.max() < 1e-6


def test_a_steady_drift_is_not_taken_for_an_acceleration():
    """A gyroscope 0.1 °/s off keeps the filter turning back for ever: the integral of that alone would grow by 0.1 °/s."""
    acc = pushed(120.0, [])
    gyr = np.zeros_like(acc)
    gyr[:, 1] = np.radians(0.1)
    quat = StrapdownFilter(RATE, motionBiasEstEnabled=False, restBiasEstEnabled=False).update(acc, gyr)
    said = np.degrees(np.sqrt(AccelerationLevel(RATE).feed(acc, quat)))
    assert said.max() < 0.1 * FORGOTTEN_S
    assert said[-1] < 0.02
    assert len(acc) / RATE > 5 * BASELINE_S


def test_a_doubtful_bias_counts_in_proportion():
    _, sure = causal(pushed(30.0, WALKING_OFF))
    _, doubtful = causal(pushed(30.0, WALKING_OFF), doubt=2.0)
    walked_off = slice(round(22.0 * RATE), round(24.0 * RATE))
    np.testing.assert_allclose(doubtful[walked_off], 2.0 * sure[walked_off])
    assert (doubtful >= 2.0 * sure - 1e-9).all()


def test_what_a_doubtful_filter_holds_for_bias_keeps_it_tilted():
    """A filter that takes 0.7 °/s of what turns it back for bias stays tilted; the force that it leaves says by how much. Of a
    bias that is known the same force would be an acceleration that is over."""
    acc = pushed(60.0, [])
    gyr = np.zeros_like(acc)
    gyr[:, 1] = np.radians(0.7)
    quat = StrapdownFilter(RATE, motionBiasEstEnabled=False, restBiasEstEnabled=False).update(acc, gyr)
    sure, doubtful = (np.degrees(np.sqrt(AccelerationLevel(RATE, doubt).feed(acc, quat))) for doubt in (1.0, 1.5))
    true = tilt_deg(quat)
    assert true[-1] > 2.0
    assert doubtful[-1] == pytest.approx(true[-1], rel=0.05)
    assert sure[-1] < 0.2 * true[-1]


@pytest.mark.parametrize("doubt", [1.0, 1.4])
@pytest.mark.parametrize("rate_hz", [3.0, 60.0, 100.0, 200.0])
def test_the_cut_changes_no_bit(rate_hz, doubt):
    rng = np.random.default_rng(5)
    n = 3000
    acc = pushed(n / RATE, []) + rng.normal(size=(n, 3))
    quat = rng.normal(size=(4, n))
    quat /= np.linalg.norm(quat, axis=0)

    def fed(borders: list[int]) -> bytes:
        level, found = AccelerationLevel(rate_hz, doubt), []
        for a, b in zip([0, *borders], [*borders, n], strict=True):
            tilt = level.feed(acc[a:b], quat[:, a:b])
            found.append([np.broadcast_to(one, b - a) for one in (tilt, level.shaken)])
        return np.concatenate(found, axis=1).tobytes()

    whole = fed([])
    for borders in (range(1, n), range(8, n, 8), range(7, n, 7), range(40, n, 40), range(1111, n, 1111)):
        assert fed(list(borders)) == whole
    assert fed(sorted(set(rng.integers(1, n, 60).tolist()))) == whole


def test_both_ways_the_largest_tilt_is_told():
    acc = pushed(40.0, WALKING_OFF)
    quat = two_sided(RATE, acc, np.zeros_like(acc), motionBiasEstEnabled=False, restBiasEstEnabled=False)
    true, said = tilt_deg(quat), np.degrees(np.sqrt(two_sided_level(RATE, acc, quat)[0]))
    near = slice(round(17.0 * RATE), round(24.0 * RATE))
    assert true[near].max() > 1.0
    # half of it: people sway and turn as they walk, and the factor is made for them
    assert 0.4 < said[near].max() / true[near].max() < 1.1
    assert abs(int(np.argmax(said[near])) - int(np.argmax(true[near]))) < 1.0 * RATE
    assert said[: round(5.0 * RATE)].max() < 0.1


def test_both_ways_a_segment_shorter_than_two_blocks_says_nothing():
    acc = pushed(0.3, [])
    assert not np.any(two_sided_level(RATE, acc, np.array((1.0, 0.0, 0.0, 0.0))[:, None].repeat(len(acc), axis=1)))


def test_how_hard_it_is_shaken_is_the_mean_square_of_the_horizontal_force() -> None:
    seconds = np.arange(0.0, 20.0, 1.0 / RATE)
    acc = np.zeros((len(seconds), 3))
    acc[:, 2] = G0
    walks = (seconds > 8.0) & (seconds < 16.0)
    acc[walks, 0] = 0.4 * G0 * np.sqrt(2.0) * np.sin(2.0 * np.pi * 0.5 * seconds[walks])
    quat = np.array((1.0, 0.0, 0.0, 0.0))[:, None].repeat(len(acc), axis=1)
    level = AccelerationLevel(RATE)
    level.feed(acc, quat)
    for shaken in (np.asarray(level.shaken), two_sided_level(RATE, acc, quat)[1]):
        assert shaken[: int(7.0 * RATE)].max() < 1e-6 if shaken is level.shaken else shaken[: int(4.0 * RATE)].max() < 1e-3
        assert np.sqrt(shaken[int(11.0 * RATE) : int(15.0 * RATE)].mean()) == pytest.approx(0.4, rel=0.1)
        assert shaken[-1] < 0.01
