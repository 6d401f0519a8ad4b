"""A turning sensor's own errors: found and taken off, let be where nothing tells them, the same in any chunks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import vqf

from body_signals import TimedBlock
from dsp import rotation
from dsp.orientation.filter import CausalOrientation, smoothed, smoothed_without_errors
from dsp.orientation.sensor_errors import BIAS_SIGMA_RAD_S, SensorErrors
from dsp.orientation.strapdown import StrapdownFilter
from tests.dsp.sessions import block, rms

RATE_HZ = 100.0
GAIN, OFFSET = 1.02, np.array((-0.1, 0.05, 0.2))


def turning(seconds: float, shaken: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """acc, gyr (n, 3) of a cheap sensor that turns about its y axis to and fro by 180° in 10 s, and its true angle (n,) rad."""
    rng = np.random.default_rng(5)
    time_s = np.arange(0.0, seconds, 1.0 / RATE_HZ)
    angle = 0.5 * np.pi * (1.0 - np.cos(2.0 * np.pi * time_s / 10.0))
    rate = np.diff(angle, prepend=0.0) * RATE_HZ
    gyr = np.column_stack((0.0 * rate, GAIN * rate, 0.0 * rate)) + np.radians((0.3, -0.2, 0.1))
    acc = 9.81 * np.column_stack((-np.sin(angle), 0.0 * angle, np.cos(angle))) + OFFSET
    shake = shaken * np.sin(2.0 * np.pi * np.cumsum(rng.uniform(0.5, 1.5, (len(time_s), 3)), axis=0) / RATE_HZ)
    return acc + shake + rng.normal(0.0, 0.05, acc.shape), gyr + rng.normal(0.0, 0.002, gyr.shape), angle


def angle_error_deg(quat: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Turn about y seen from gravity, quat (4, n), minus the true one, its mean taken off."""
    w, x, y, z = quat
    found = np.unwrap(np.arctan2(-2.0 * (x * z - w * y), w * w - x * x - y * y + z * z))
    error = np.degrees(found - angle)
    return np.asarray(error - error.mean())


def sensor(acc: np.ndarray, gyr: np.ndarray, first: int, last: int) -> TimedBlock:
    return block("imu", 0, np.arange(first, last) / RATE_HZ, acc[first:last].copy(), gyr[first:last].copy())


def causal(acc: np.ndarray, gyr: np.ndarray, cuts: list[int], mark_s: float | None = None, worn: bool = False) -> np.ndarray:
    filter_ = CausalOrientation(RATE_HZ, worn=worn)
    if mark_s is not None:
        filter_.calibrate(mark_s)
    borders = [0, *cuts, len(acc)]
    parts = [filter_.feed(sensor(acc, gyr, a, b)).quat for a, b in itertools.pairwise(borders)]
    return np.concatenate(parts, axis=1)


def test_a_cheap_sensor_turns_as_far_as_it_says() -> None:
    acc, gyr, angle = turning(120.0)
    plain = vqf.VQF(1.0 / RATE_HZ).updateBatch(gyr, acc)["quat6D"].T
    late = slice(3000, None)
    was, now = (rms(angle_error_deg(q, angle)[late]) for q in (plain, causal(acc, gyr, [])))
    assert was > 1.2
    assert now < 0.4 * was


def test_what_is_found_is_what_is_wrong() -> None:
    acc, gyr, _ = turning(120.0)
    errors = SensorErrors(RATE_HZ)
    errors.feed(acc, gyr, smoothed(RATE_HZ, acc, gyr, worn=False))
    assert errors.known
    assert errors.gyr_gain[1] == pytest.approx(GAIN, abs=0.005)
    # half of what lies along z may be the offset's, half the gain's: half a circle cannot tell
    assert errors.acc_offset[0] == pytest.approx(OFFSET[0], abs=0.02)
    assert 0.3 * OFFSET[2] < errors.acc_offset[2] < 1.1 * OFFSET[2]


def test_review_takes_them_off_too() -> None:
    acc, gyr, angle = turning(120.0)
    was, now = (rms(angle_error_deg(of(RATE_HZ, acc, gyr, worn=False), angle)) for of in (smoothed, smoothed_without_errors))
    assert now < 0.5 * was


def test_a_sensor_that_never_rests_tells_its_bias_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of it turns the heading about."""
    acc, gyr, angle = turning(40.0)
    gyr = gyr + np.radians((0.2, 1.0, -1.3))
    true = np.array((np.cos(0.5 * angle), 0.0 * angle, np.sin(0.5 * angle), 0.0 * angle))

    def turned_deg() -> float:
        error = rotation.multiply(causal(acc, gyr, []), rotation.conjugate(true))
        heading = np.unwrap(rotation.twist_about_vertical(error)[0])
        return float(np.degrees(np.ptp(heading[1100:])))

    told = turned_deg()
    monkeypatch.setattr(StrapdownFilter, "told_bias", lambda *_: None)
    assert told < 0.7 * turned_deg()


def test_a_filter_that_knows_its_bias_is_not_told_another() -> None:
    """It has rested: what a window of turning says is less sure."""
    filter_ = StrapdownFilter(RATE_HZ)
    gyr = np.tile(np.radians((0.3, -0.2, 0.1)), (1000, 1))
    acc = np.tile((0.0, 0.0, 9.81), (1000, 1))
    filter_.update(acc, gyr)
    filter_.told_bias(np.radians((5.0, 5.0, 5.0)), BIAS_SIGMA_RAD_S)
    quat = filter_.update(acc, gyr)
    assert rms(np.degrees(2.0 * np.arcsin(np.hypot(quat[1], quat[2])))) < 0.03


@pytest.mark.parametrize("how", ["shaken", "still"])
def test_a_sensor_that_tells_nothing_is_let_be(how: str) -> None:
    acc, gyr, _ = turning(60.0, 3.0 if how == "shaken" else 0.0)
    if how == "still":
        acc, gyr = np.repeat(acc[:1], len(acc), axis=0), np.repeat(gyr[:1], len(gyr), axis=0)
    assert np.array_equal(causal(acc, gyr, []), StrapdownFilter(RATE_HZ).update(acc, gyr))


@pytest.mark.parametrize("mark_s", [None, 31.0])
def test_chunks_change_nothing(mark_s: float | None) -> None:
    acc, gyr, _ = turning(60.0)
    whole = causal(acc, gyr, [], mark_s, worn=True)
    for cuts in ([1, 1000, 1001, 2002], list(range(7, 6000, 7)), [3050, 3100, 3101]):
        assert np.array_equal(causal(acc, gyr, cuts, mark_s, worn=True), whole)


def test_a_worn_sensor_keeps_them_once_it_is_calibrated() -> None:
    """The zero of its angles belongs to the accelerometer as it is: nothing may be taken off from the mark on."""
    acc, gyr, angle = turning(60.0)
    acc, gyr = (np.concatenate((np.repeat(v[:1], 800, axis=0), v)) for v in (acc, gyr))
    late = slice(3000, None)
    marked, never = (causal(acc, gyr, [], mark_s, worn=True)[:, 800:] for mark_s in (0.0, None))
    assert rms(angle_error_deg(marked, angle)[late]) > 2.0 * rms(angle_error_deg(never, angle)[late])


def test_a_hole_begins_a_new_window() -> None:
    acc, gyr, _ = turning(21.0)
    errors = SensorErrors(RATE_HZ)
    quat = smoothed(RATE_HZ, acc, gyr, worn=False)
    errors.feed(acc[:900], gyr[:900], quat[:, :900])
    errors.restart()
    errors.feed(acc[900:1900], gyr[900:1900], quat[:, 900:1900])
    assert not errors.known
    assert errors.wanted == 1
    errors.feed(acc[1900:1901], gyr[1900:1901], quat[:, 1900:1901])
    assert errors.known


def rolling(seed: int, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """acc, gyr (n, 3) of a good sensor that rolls fast about a nearly horizontal axis while it is carried about, and its true
    vertical (3, n). It rests for the first three seconds."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE_HZ)
    slow, quick = (smooth(rng.normal(size=(n, 3)), width) for width in (150, 80))
    gyr = 0.04 * slow
    gyr[:, 0] += 2.5 * np.sign(np.sin(2.0 * np.pi * np.arange(n) / RATE_HZ / 12.0))
    still = np.arange(n) < 3.0 * RATE_HZ
    gyr[still] = 0.0
    step = np.linalg.norm(gyr, axis=1) / RATE_HZ
    turns = np.vstack((np.cos(0.5 * step), np.sin(0.5 * step) * (gyr / np.maximum(step * RATE_HZ, 1e-12)[:, None]).T))
    quat = np.empty((4, n))
    now = np.array((1.0, 0.0, 0.0, 0.0))
    for i in range(n):
        now = rotation.multiply(now[:, None], turns[:, i : i + 1])[:, 0]
        quat[:, i] = now
    force = 0.15 * np.where(still, 0.0, quick.T) + np.array((0.0, 0.0, 9.80665))[:, None]
    acc = rotation.rotate(rotation.conjugate(quat), np.ascontiguousarray(force)).T
    acc = acc * (1.0 + rng.normal(0.0, 5e-4, 3)) + rng.normal(0.0, 0.02, 3) + rng.normal(0.0, 0.02, (n, 3))
    return (
        acc,
        gyr * (1.0 + rng.normal(0.0, 1e-3, 3)) + rng.normal(0.0, 0.003, 3) + rng.normal(0.0, 0.003, (n, 3)),
        rotation.vertical_in_sensor(quat),
    )


def smooth(noise: np.ndarray, width: int) -> np.ndarray:
    """Running mean over `width` samples, of unit spread."""
    sums = np.cumsum(np.pad(noise, ((width, 0), (0, 0)), mode="wrap"), axis=0)
    mean = sums[width:] - sums[:-width]
    return np.asarray(mean / mean.std())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_good_sensor_is_not_made_worse(seed: int) -> None:
    acc, gyr, up = rolling(seed, 90.0)
    late = slice(2000, None)

    def error(quat: np.ndarray) -> float:
        return rms(np.degrees(np.linalg.norm(rotation.vertical_in_sensor(quat) - up, axis=0))[late])

    plain = vqf.VQF(1.0 / RATE_HZ).updateBatch(gyr, acc)["quat6D"].T.copy()
    two_sided = smoothed(RATE_HZ, acc, gyr, worn=False)
    assert error(causal(acc, gyr, [])) < 1.05 * error(plain)
    assert error(smoothed_without_errors(RATE_HZ, acc, gyr, worn=False)) < 1.05 * error(two_sided)
