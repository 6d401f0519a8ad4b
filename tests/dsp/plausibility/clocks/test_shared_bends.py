"""Bends alone tell that the trunk's two clocks disagree, and nothing of who leads with the pelvis or the spine."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from body_signals import Cause
from dsp.plausibility.clocks.shared_bends import lag_of_bends
from virtual_athlete import Person, Samples, Script, SimulatedAthlete


@cache
def bends(seed: int = 1, **bend: float) -> dict[str, Samples]:
    person, script = Person.drawn(seed), Script(seed)
    if bend:
        script.calibrate(lumbar_lead_s=bend["lumbar_lead_s"])
    else:
        person.calibrate(script)
    for k in range(6):
        if bend:
            script.bend(75.0, down_s=2.6, **bend)
        else:
            person.bend(script, 0.7 + 0.05 * k)
    script.stand(2.0)
    return SimulatedAthlete(script, seed).plain()


def told(samples: dict[str, Samples], lumbar=lambda t: t, pelvis=lambda t: t):
    parts = {
        key: (change(one.time_s), one.acc, one.gyr)
        for key, change in (("lumbar", lumbar), ("pelvis", pelvis))
        for one in (samples[key],)
    }
    return lag_of_bends("lumbar", parts["lumbar"], "pelvis", parts["pelvis"], 0.0)


@pytest.mark.parametrize("seed", [1, 3, 4, 7])
def test_a_late_or_early_sensor_is_told(seed: int) -> None:
    """Of different people, from a tenth of whose bends to nine tenths is in the lumbar spine."""
    samples = bends(seed)
    assert told(samples) is None
    for lag, late_s in ((told(samples, lumbar=lambda t: t + 0.5), 0.5), (told(samples, pelvis=lambda t: t + 0.3), -0.3)):
        assert lag is not None
        assert lag.lag_s == pytest.approx(late_s, abs=0.04)
        assert (lag.sensor, lag.certain, lag.steady, lag.since_s) == ("lumbar", False, True, 0.0)


@pytest.mark.parametrize("pace", [1.024, 0.985])
def test_a_clock_of_another_rate_is_told(pace: float) -> None:
    lag = told(bends(1), lumbar=lambda t: t * pace)
    assert lag is not None
    assert lag.rate == pytest.approx(1.0 - 1.0 / pace, rel=0.2)
    assert lag.finding(0.0, 0.0).cause is Cause.CLOCK_RATE


def test_a_lag_that_comes_later_is_told_since_the_bend_before_it() -> None:
    lag = told(bends(1), lumbar=lambda t: np.where(t > 30.0, t + 0.5, t))
    assert lag is not None
    assert lag.lag_s == pytest.approx(0.5, abs=0.04)
    assert 5.0 < lag.since_s < 30.0


@pytest.mark.parametrize("lead_s", [0.3, 0.6, 0.9, -0.5, -0.9])
def test_a_person_whose_pelvis_or_spine_leads_has_sound_clocks(lead_s: float) -> None:
    assert told(bends(3, lumbar_lead_s=lead_s)) is None


def test_too_few_bends_tell_nothing() -> None:
    samples = bends(1)
    ends = {key: int(np.searchsorted(one.time_s, 11.0)) for key, one in samples.items()}
    few = {
        key: Samples(one.time_s[: ends[key]], one.acc[: ends[key]], one.gyr[: ends[key]], one.saturated[: ends[key]])
        for key, one in samples.items()
    }
    assert told(few, lumbar=lambda t: t + 0.5) is None
    none = {key: Samples(one.time_s[:2], one.acc[:2], one.gyr[:2], one.saturated[:2]) for key, one in samples.items()}
    assert told(none) is None


def test_where_many_bends_keep_together_otherwise_the_others_tell_nothing() -> None:
    def late(t, all_from_s: float):
        return t + 0.5 + np.where(t > all_from_s, 0.2 * np.sin(2.0 * np.pi * t / 1.5), 0.0)

    samples = bends(1)
    assert told(samples, lumbar=lambda t: late(t, 1e9)) is not None
    assert told(samples, lumbar=lambda t: late(t, 30.0)) is None
