"""A tap is told within samples of any rate, twice as twice; picking up, strapping on and walking are none."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Floats
from dsp.taps import TapWatch
from virtual_athlete import Script, SimulatedAthlete

G0 = 9.80665


def lying(rate_hz: float, seconds: float = 4.0, seed: int = 0) -> tuple[Floats, Floats]:
    time_s = np.arange(0.0, seconds, 1.0 / rate_hz)
    acc = np.random.default_rng(seed).normal(0.0, 0.03, (len(time_s), 3))
    acc[:, 2] += G0
    return time_s, acc


def blow(time_s: Floats, acc: Floats, at_s: float, size: float = 25.0, tau_s: float = 0.015) -> None:
    """A blow that rings down."""
    since = time_s - at_s
    there = since >= 0.0
    acc[there, 2] += size * np.exp(-since[there] / tau_s)


def taps(time_s: Floats, acc: Floats, chunk: int = 7) -> list[tuple[float, bool]]:
    watch = TapWatch()
    return [t for i in range(0, len(time_s), chunk) for t in watch.feed(time_s[i : i + chunk], acc[i : i + chunk])]


@pytest.mark.parametrize("rate_hz", [50.0, 60.0, 100.0, 200.0, 400.0])
def test_one_tap_and_two(rate_hz: float) -> None:
    for seed in range(5):
        time_s, acc = lying(rate_hz, seed=seed)
        for at_s in (1.0 + 0.003 * seed, 2.5, 2.85):
            blow(time_s, acc, at_s)
        found = taps(time_s, acc)
        assert [twice for _, twice in found] == [False, False, True]
        assert [t for t, _ in found] == pytest.approx([1.0 + 0.003 * seed, 2.5, 2.85], abs=0.025)


def test_however_it_is_cut() -> None:
    time_s, acc = lying(100.0)
    blow(time_s, acc, 1.0)
    blow(time_s, acc, 1.4)
    assert taps(time_s, acc, 1) == taps(time_s, acc, 8) == taps(time_s, acc, 10_000)


def test_lying_still_and_a_lost_second_are_none() -> None:
    time_s, acc = lying(100.0, 30.0)
    assert not taps(time_s, acc)
    kept = (time_s < 10.0) | (time_s > 11.0)
    acc[time_s > 11.0] = (G0, 0.0, 0.0)
    assert not taps(time_s[kept], acc[kept])


def test_being_picked_up_and_turned_is_none() -> None:
    time_s, acc = lying(100.0, 10.0)
    angle = np.clip(time_s - 2.0, 0.0, 1.5) * 1.2
    acc[:, 0] += G0 * np.sin(angle) + 3.0 * np.sin(9.0 * time_s) * (angle > 0) * (time_s < 3.5)
    acc[:, 2] += G0 * (np.cos(angle) - 1.0)
    assert not taps(time_s, acc)


def test_what_is_worn_in_training_is_not_tapped() -> None:
    script = Script(3)
    script.stand(2.0)
    script.walk(8.0)
    for _ in range(2):
        script.bend()
        script.squat()
    for rate_hz in (50.0, 100.0):
        for key, s in SimulatedAthlete(script, 3, rate_hz=rate_hz).plain().items():
            assert not taps(s.time_s, s.acc), key


def test_a_tap_on_a_sensor_that_is_worn() -> None:
    script = Script(4)
    script.stand(6.0)
    s = SimulatedAthlete(script, 4).plain()["pelvis"]
    acc = s.acc.copy()
    blow(s.time_s, acc, 2.0, size=12.0)
    assert len(taps(s.time_s, acc)) == 1


def test_time_that_runs_back_begins_anew() -> None:
    time_s, acc = lying(100.0)
    watch = TapWatch()
    watch.feed(time_s + 100.0, acc)
    blow(time_s, acc, 1.0)
    assert len(watch.feed(time_s, acc)) == 1
