"""Relative heading from accelerations at a shared joint: found without any standing, and silent where nothing is felt."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dsp.grid.ticks import MOTION_STRIDE, GridRows, Ticks
from dsp.heading.joint_acceleration import BLOCKS, JointAcceleration, blocks
from dsp.orientation.filter import earth_motion

RATE = 100.0
ARMS = {"pelvis": np.array([0.1, -0.05, 0.12]), "thigh_left": np.array([-0.15, 0.02, 0.2])}
"""From sensor to joint, sensor frame, m."""


def shaken(seconds: float, seed: int = 0, push: float = 1.0, apart_deg: float = 50.0) -> Ticks:
    """Two ideal sensors on links that turn every way about a joint which is pushed about; the distal heading is off."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE) + 1
    t = np.arange(n) / RATE

    def wander(scale, lowest, highest):
        turns = rng.uniform(lowest, highest, (4, 3))
        return scale * sum(np.sin(2 * np.pi * f * t[:, None] + rng.uniform(0, 6.28, 3)) for f in turns) / 2.0

    joint = wander(0.15 * push, 0.3, 1.2)
    rows = {}
    for key, arm in ARMS.items():
        turn = Rotation.from_rotvec(wander(0.6, 0.2, 0.8))
        place = joint - turn.apply(arm)
        force = np.gradient(np.gradient(place, 1 / RATE, axis=0), 1 / RATE, axis=0) + np.array((0.0, 0.0, 9.80665))
        between = (turn[:-1].inv() * turn[1:]).as_rotvec() * RATE
        rate = np.concatenate((between[:1], 0.5 * (between[1:] + between[:-1]), between[-1:]))
        acc = turn.inv().apply(force)
        heading = Rotation.from_euler("z", apart_deg if key != "pelvis" else 0.0, degrees=True)
        quat = np.ascontiguousarray((heading * turn).as_quat(scalar_first=True).T)
        motion = earth_motion(quat, acc, rate, np.full(n, 1 / RATE), None)
        rows[key] = GridRows(
            quat, np.ones(n, np.bool_), np.zeros(n, np.int32), np.zeros(n, np.int32), motion[:, ::MOTION_STRIDE]
        )
    return Ticks.of(0, t, rows)


def test_heading_and_lever_arms_are_found():
    acceleration = JointAcceleration(RATE)
    seen = acceleration.feed(shaken(40.0), "pelvis", "thigh_left")
    assert [s.tick % (BLOCKS * MOTION_STRIDE) for s in seen] == [0] * len(seen)
    assert len(seen) > 14
    assert np.degrees([s.offset for s in seen[2:]]) == pytest.approx(50.0, abs=1.0)
    arms = acceleration.again()._levers
    assert arms == pytest.approx(np.concatenate(list(ARMS.values())), abs=0.01)


def test_the_second_pass_sees_from_the_beginning():
    ticks = shaken(30.0, seed=3)
    acceleration = JointAcceleration(RATE)
    first = acceleration.feed(ticks, "pelvis", "thigh_left")
    second = acceleration.again().feed(ticks, "pelvis", "thigh_left")
    assert second[0].tick < first[0].tick
    assert np.degrees([s.offset for s in second]) == pytest.approx(50.0, abs=1.0)


def test_without_acceleration_nothing_is_seen():
    """Gravity alone says nothing of a heading."""
    still = shaken(30.0)
    for rows in still.sensors.values():
        rows.quat[:] = rows.quat[:, :1]
        assert rows.motion is not None
        rows.motion[:] = 0.0
        rows.motion[2] = 9.80665 * still.time_s[::MOTION_STRIDE]
    assert JointAcceleration(RATE).feed(still, "pelvis", "thigh_left") == []


def test_cuts_and_gaps_do_not_matter():
    ticks = shaken(30.0, seed=5)
    missing = ticks.sensors["pelvis"].motion
    assert missing is not None
    missing[:, 100:103] = np.nan
    whole = JointAcceleration(RATE).feed(ticks, "pelvis", "thigh_left")
    for size in (1, 7, 250):
        parts, acceleration = [], JointAcceleration(RATE)
        for start in range(0, len(ticks), size):
            parts += acceleration.feed(ticks.part(start, min(start + size, len(ticks))), "pelvis", "thigh_left")
        assert parts == whole


def test_windows_begin_at_multiples_of_their_length_however_the_ticks_begin():
    ticks = shaken(20.0, seed=6)
    late = ticks.part(130, len(ticks))
    whole = JointAcceleration(RATE).feed(late, "pelvis", "thigh_left")
    assert whole
    assert {sighting.tick % (BLOCKS * MOTION_STRIDE) for sighting in whole} == {0}
    for size in (10, 20, 70):
        parts, acceleration = [], JointAcceleration(RATE)
        for start in range(0, len(late), size):
            parts += acceleration.feed(late.part(start, min(start + size, len(late))), "pelvis", "thigh_left")
        assert parts == whole


def test_a_block_by_hand():
    """A sensor that turns at 1 rad/s about the vertical, 1 m from a joint that rests, feels 1 m/s² towards it."""
    angle = np.array([0.0, 0.01])
    quat = np.stack((np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)))
    # the lever arm is -1 m along x: the sensor is at (cos, sin), its velocity (-sin, cos), its gain of velocity per block
    velocity = np.stack((-np.sin(angle), np.cos(angle), 0 * angle))
    motion = np.concatenate((velocity, np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])))
    mean, arms = blocks(quat, motion, 0.01)
    joint = mean[:, 0] + arms[:, :, 0] @ np.array([-1.0, 0.0, 0.0])
    assert mean[0, 0] == pytest.approx(-1.0, abs=1e-2)
    assert joint == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
