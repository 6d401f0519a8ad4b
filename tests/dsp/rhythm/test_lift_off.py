"""Standing up is read to lift-off, as its source does: the same rise has the same share, however somebody sits."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.rhythm.lift_off import without_the_seat
from dsp.rhythm.metrics import rhythm
from dsp.rhythm.phases import Phases
from hiphinge.engine import Engine
from virtual_athlete import simulate
from virtual_athlete.movement.script import Script

RATE = 100.0
SHARE = "lumbar_share_of_trunk_on_thigh"


def smooth(t, start_s, end_s):
    """Minimum jerk from 0 to 1."""
    u = np.clip((t - start_s) / (end_s - start_s), 0.0, 1.0)
    return u**3 * (10.0 - 15.0 * u + 6.0 * u * u)


def rise(pelvis, lumbar, share, *, lean_deg=42.0, thigh=84.0, wait_s=0.5):
    """Rows of a rise from a seat with this posture: it leans by `lean_deg`, of which the lumbar spine gives `share`; at three
    quarters of the lean the thighs begin to leave the seat."""
    t = np.arange(0.0, wait_s + 2.3, 1.0 / RATE)
    leans, straightens, legs = (
        smooth(t, wait_s, wait_s + 0.8),
        smooth(t, wait_s + 0.8, wait_s + 1.8),
        smooth(t, wait_s + 0.6, wait_s + 1.8),
    )
    p = (pelvis + (1.0 - share) * lean_deg * leans) * (1.0 - straightens)
    spine = (lumbar + share * lean_deg * leans) * (1.0 - straightens)
    hip = p + thigh * (1.0 - legs)
    rows = {
        "lumbar_flexion": spine,
        "pelvis_tilt": p,
        "trunk_inclination": spine + p,
        "hip_left_flexion": hip,
        "hip_right_flexion": hip,
    }
    return rhythm(rows, dict.fromkeys(rows, np.full(len(t), 0.5)), len(t) - 1, RATE, kind="stand_up")


@pytest.mark.parametrize("seat", [(-12.0, 20.0), (-25.0, 32.0), (3.0, 4.0), (-5.0, 30.0)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
def test_the_share_is_that_of_the_rise_whatever_the_seat(seat, share):
    m = rise(*seat, share)
    assert m[SHARE] == pytest.approx(share, abs=0.02)
    for third in ("early", "middle", "late"):
        assert m[f"{SHARE}_{third}"] == pytest.approx(share, abs=0.03)
    # the lean is that of the trunk too: the thighs rest
    assert m["lumbar_share_of_trunk"] == pytest.approx(share, abs=0.02)


def test_a_longer_wait_on_the_seat_changes_nothing():
    assert rise(-12.0, 20.0, 0.3, wait_s=2.0)[SHARE] == pytest.approx(rise(-12.0, 20.0, 0.3)[SHARE], abs=1e-6)


def test_who_straightens_the_spine_while_leaning_has_no_share():
    m = rise(-25.0, 35.0, -0.2)
    assert SHARE not in m
    assert f"{SHARE}_early" not in m


def test_who_does_not_lean_has_no_share():
    assert SHARE not in rise(0.0, 0.0, 0.3, lean_deg=2.0)


def test_how_the_trunk_leans_back_in_the_chair_is_not_sitting_down():
    """Standing to the seat: 20° lumbar spine and 90° hips; then the trunk leans back by 40° and slouches by 25°."""
    t = np.arange(0.0, 4.0, 1.0 / RATE)
    down, back = smooth(t, 0.3, 1.8), smooth(t, 1.9, 3.2)
    spine, p = 20.0 * down + 25.0 * back, 10.0 * down - 40.0 * back
    hip = p + 80.0 * down
    rows = dict(zip(("lumbar_flexion", "pelvis_tilt", "trunk_inclination"), (spine, p, spine + p), strict=True))
    rows |= {"hip_left_flexion": hip, "hip_right_flexion": hip}
    sd = dict.fromkeys(rows, np.full(len(t), 0.5))
    assert rhythm(rows, sd, len(t) - 1, RATE, kind="sit_down")[SHARE] == pytest.approx(20.0 / 110.0, abs=0.01)
    # of any other movement it is all of it
    assert rhythm(rows, sd, len(t) - 1, RATE, kind="squat")[SHARE] == pytest.approx(45.0 / 95.0, abs=0.01)


class _Chair(Script):
    """Sits down in one posture and stands up from it by a lean of which the lumbar spine gives a share."""

    def rise(self, pelvis, lumbar, share):
        start, lean, end = self.now, self.now + 1.1, self.now + 2.0
        for channel, leaning, seated in (("pelvis_tilt", 26.0, pelvis), ("lumbar_flexion", 16.0, lumbar)):
            self._to(channel, leaning, start, lean)
            self._to(channel, seated, lean, end)
        self._legs(84.0, 90.0, start + 0.2, end)
        self.now = end
        self.stand(2.0)
        start, lean, end = self.now, self.now + 0.8, self.now + 1.8
        for channel, leaning in (("pelvis_tilt", pelvis + 42.0 * (1.0 - share)), ("lumbar_flexion", lumbar + 42.0 * share)):
            self._to(channel, leaning, start, lean)
            self._to(channel, 0.0, lean, end)
        self._legs(0.0, 0.0, start + 0.6, end)
        self.now = end
        self.stand(2.0)


SEATS = (
    (-20.0, 20.0, 0.12),
    (0.0, 8.0, 0.40),
    (-12.0, 28.0, 0.25),
    (-4.0, 14.0, 0.16),
    (-22.0, 12.0, 0.34),
    (-10.0, 20.0, 0.45),
)


def test_from_the_sensors_it_follows_the_rise_and_not_the_seat():
    script = _Chair(4)
    script.calibrate()
    script.stand(1.0)
    for pelvis, lumbar, share in SEATS:
        script.rise(pelvis, lumbar, share)
    session = simulate(script, 4)
    engine = Engine(session.session, ("live", "review"))
    outputs = [engine.feed(session.events), engine.finish()]
    for estimator in ("live", "review"):
        reps = [r for o in outputs for r in o[estimator].repetitions if r.movement == "stand_up"]
        told = np.array([r.metrics[SHARE] for r in reps])
        true = np.array([share for *_, share in SEATS])
        assert np.corrcoef(told, true)[0, 1] > 0.95
        assert np.abs(told - true).max() < 0.06


def test_thighs_that_are_fastest_in_the_first_row_have_begun_there() -> None:
    """A rise that is cut in the middle, whose thighs then come to rest: it has no lean before."""
    t = np.arange(0.0, 3.0, 1.0 / RATE)
    thigh = 60.0 * np.exp(-t / 0.2)
    found = without_the_seat(Phases(np.array([0]), np.array([len(t)])), ["stand_up"], np.zeros(len(t)), thigh, RATE)
    assert (found.begin.tolist(), found.length.tolist()) == ([0], [1])
