"""The clocks of a plain session's files: corrected from the start where that is certain, else told."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Cause
from hiphinge.session.plain.clocks import agreed
from ingest.formats import PlainSession
from tests.dsp.plausibility.clocks.test_clocks import squats
from virtual_athlete import SimulatedAthlete


def plain(change, key: str, keys=("lumbar", "pelvis", "thigh_left", "thigh_right")) -> PlainSession:
    from ingest.formats import PlainSamples

    samples = {}
    for name in keys:
        s = squats(1)[name]
        time_s = change(s.time_s) if name == key else s.time_s
        samples[name] = PlainSamples(np.array(time_s), s.acc.copy(), s.gyr.copy())
    session = SimulatedAthlete("demo", 1).session
    return PlainSession(session, samples, dict.fromkeys(keys, 100.0), [], {})


@pytest.mark.parametrize(
    ("key", "change", "cause"),
    [
        ("pelvis", lambda t: t + 0.5, Cause.CLOCK_LAG),
        ("thigh_left", lambda t: t - 0.3, Cause.CLOCK_LAG),
        # files that were begun by hand
        ("pelvis", lambda t: t + 2.53, Cause.CLOCK_LAG),
        ("thigh_right", lambda t: t - 7.5, Cause.CLOCK_LAG),
        ("lumbar", lambda t: 1.024 * t, Cause.CLOCK_RATE),
        ("thigh_right", lambda t: 0.995 * t, Cause.CLOCK_RATE),
        # stated with the rate of another device
        ("pelvis", lambda t: 1.04 * t, Cause.CLOCK_RATE),
        ("lumbar", lambda t: 1.08 * t, Cause.CLOCK_RATE),
        ("thigh_left", lambda t: 1.125 * t, Cause.CLOCK_RATE),
        ("thigh_right", lambda t: t / 1.2, Cause.CLOCK_RATE),
        ("pelvis", lambda t: 1.2 * t + 0.3, Cause.CLOCK_RATE),
    ],
)
def test_what_is_certain_is_corrected_from_the_start(key, change, cause):
    given = plain(change, key)
    fixed, (finding,) = agreed(given)
    assert (finding.sensor, finding.cause) == (key, cause)
    assert "corrected from the start" in finding.remedy
    off = fixed.samples[key].time_s - squats(1)[key].time_s
    # a clock of another rate is known to 0.1 %
    assert np.abs(off).max() < (0.04 if cause is Cause.CLOCK_LAG else 0.12)
    assert all(np.array_equal(fixed.samples[k].time_s, given.samples[k].time_s) for k in given.samples if k != key)


def test_the_rate_is_corrected_with_the_times():
    fixed, _ = agreed(plain(lambda t: 1.125 * t, "pelvis"))
    assert fixed.rates_hz["pelvis"] == pytest.approx(112.5, rel=0.002)
    assert fixed.rates_hz["lumbar"] == 100.0
    fixed, _ = agreed(plain(lambda t: t + 2.53, "pelvis"))
    assert fixed.rates_hz["pelvis"] == 100.0


def test_another_rate_of_two_is_told():
    given = plain(lambda t: 1.1 * t, "pelvis", ("lumbar", "pelvis"))
    fixed, (finding,) = agreed(given)
    assert fixed is given
    assert (finding.cause, finding.until_s) == (Cause.CLOCK_RATE, None)
    assert "which of them is wrong is not known" in finding.what


def test_what_is_not_certain_is_only_told():
    given = plain(lambda t: t + 0.5, "pelvis", ("lumbar", "pelvis"))
    fixed, (finding,) = agreed(given)
    assert fixed is given
    assert finding.until_s is None
    assert "not known" in finding.what


def test_sound_files_are_left_alone():
    given = plain(lambda t: t, "pelvis")
    fixed, found = agreed(given)
    assert fixed is given
    assert not found
