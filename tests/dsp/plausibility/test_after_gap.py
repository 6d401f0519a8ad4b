"""A sensor that was away and does not say who it is counts as unknown until all stand again: then it is the same, or turned."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Cause
from dsp import rotation
from dsp.plausibility.after_gap import AWAY_S, AfterGapWatch

RATE_HZ, SENSORS = 100.0, ("pelvis", "lumbar", "thigh_left")
AWAY = slice(1000, 1000 + int(AWAY_S * RATE_HZ) + 100)


def session(turned_deg: float, away: slice = AWAY, sway_deg: float = 0.0):
    """Presence (3, m) and segments (4, 3, m): all stand, lumbar is away, and stands turned sideways from then on."""
    m = 3000
    present = np.ones((3, m), np.bool_)
    present[1, away] = False
    # Y is up in a segment that stands
    upright = rotation.multiply(
        np.array([np.cos(np.pi / 4), np.sin(np.pi / 4), 0.0, 0.0])[:, None], np.array([[1.0], [0], [0], [0]])
    )
    quat = np.repeat(upright[:, :, None], m, axis=2).repeat(3, axis=1)
    half = np.radians(0.5 * turned_deg)
    tipped = rotation.multiply(upright, np.array([np.cos(half), 0.0, 0.0, np.sin(half)])[:, None])
    quat[:, 1, away.stop :] = tipped
    half = np.radians(0.5 * sway_deg) * np.sin(np.arange(m) / 5.0)
    sway = np.stack((np.cos(half), 0.0 * half, 0.0 * half, np.sin(half)))
    quat[:, 0] = rotation.multiply(quat[:, 0], sway)
    quat[:, ~present] = np.nan
    return present, quat


def watched(present, quat, step: int = 3000, names=SENSORS):
    watch, found, unknown = AfterGapWatch(SENSORS, names, RATE_HZ), [], []
    for start in range(0, present.shape[1], step):
        stop = min(start + step, present.shape[1])
        looks = quat[:, :, start + (-start) % 20 : stop : 20]
        rows, told = watch.feed(start, present[:, start:stop], looks)
        unknown.append(np.zeros((3, stop - start), np.bool_) if rows is None else rows)
        found += told
    return np.concatenate(unknown, axis=1), found


def test_the_same_sensor_is_known_again_once_all_have_stood():
    unknown, (told, over) = watched(*session(3.0))
    assert (told.sensor, told.cause, told.since_s) == ("lumbar", Cause.OTHER_SENSOR, AWAY.stop / RATE_HZ)
    assert "away for 4 s" in told.what
    assert over.until_s == pytest.approx(AWAY.stop / RATE_HZ + 2.0, abs=0.25)
    assert over.since_s == told.since_s
    since = np.flatnonzero(unknown[1])
    assert (since[0], since[-1] + 1) == (AWAY.stop, round(over.until_s * RATE_HZ))
    assert not unknown[[0, 2]].any()


def test_one_that_stands_turned_is_void_to_the_end():
    unknown, (_, turned) = watched(*session(40.0))
    assert turned.until_s is None
    assert "stands 40° off" in turned.what
    assert unknown[1, AWAY.stop :].all()


def test_while_somebody_moves_nothing_is_known():
    unknown, found = watched(*session(3.0, sway_deg=12.0))
    assert len(found) == 1
    assert unknown[1, AWAY.stop :].all()


def test_a_short_hole_or_a_sensor_that_says_who_it_is_tells_nothing():
    assert watched(*session(3.0, slice(1000, 1250)))[1] == []
    assert watched(*session(40.0), names=())[1] == []


@pytest.mark.parametrize("step", [2, 7, 1234])
def test_the_cut_changes_nothing(step):
    present, quat = session(40.0)
    present[1, 2200:2600] = False
    quat[:, 1, 2200:2600] = np.nan
    whole, told = watched(present, quat)
    cut, told_cut = watched(present, quat, step)
    assert np.array_equal(whole, cut)
    assert told == told_cut
    assert len(told) == 5
