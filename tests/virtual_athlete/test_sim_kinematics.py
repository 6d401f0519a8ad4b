"""The body's kinematics: derivatives are derivatives, feet stay on the floor, mirroring left and right mirrors the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body_signals.placements import Placement
from virtual_athlete.movement.body import Body, Motion
from virtual_athlete.movement.scenarios import mixed
from virtual_athlete.movement.script import Script
from virtual_athlete.movement.trajectories import Move, Signal, Track
from virtual_athlete.movement.walking import GroundPath


def everything():
    """The mixed session, and after it two rock-backs, one of them with a slack onset."""
    script = mixed(7)
    script.all_fours()
    script.rock_back(45.0, 105.0)
    script.rock_back(40.0)
    script.stand_from_all_fours()
    return script.motion()


@pytest.fixture(scope="module")
def motion():
    return everything()


def lively(motion):
    """Instants all over a session, bends, walks with turns, sitting, lifts and rock-backs among them."""
    return np.linspace(6.0, motion.duration_s - 1.0, 4001)


@pytest.mark.parametrize("point", ["hips", "thoracolumbar", "hip_left", "hip_right", "ankle_left", "ankle_right"])
def test_velocity_and_acceleration_are_derivatives_of_the_position(motion, point):
    t, h = lively(motion), 1e-4
    before, here, after = (getattr(motion.posture(t + d), point) for d in (-h, 0.0, h))
    assert np.abs((after.position - before.position) / (2 * h) - here.velocity).max() < 1e-5
    # the acceleration has corners where a minimum-jerk move begins or ends
    difference = np.abs((after.velocity - before.velocity) / (2 * h) - here.acceleration)
    assert np.quantile(difference, 0.999) < 1e-4
    assert difference.max() < 0.05


@pytest.mark.parametrize("segment", ["pelvis", "thorax", "thigh_left", "thigh_right"])
def test_angular_velocity_and_acceleration_are_derivatives_of_the_orientation(motion, segment):
    t, h = lively(motion), 1e-4
    before, here, after = (getattr(motion.posture(t + d), segment) for d in (-h, 0.0, h))
    r0, r1 = (Rotation.from_matrix(np.moveaxis(f.rotation, 2, 0)) for f in (before, after))
    assert np.abs((r0.inv() * r1).as_rotvec().T / (2 * h) - here.rate).max() < 1e-5
    # angular acceleration in the world is the derivative of the angular velocity in the world
    spin0, spin1 = (np.einsum("ijn,jn->in", f.rotation, f.rate) for f in (before, after))
    angular = np.einsum("ijn,jn->in", here.rotation, here.acceleration)
    assert np.quantile(np.abs((spin1 - spin0) / (2 * h) - angular), 0.999) < 1e-3


def test_minimum_jerk_move_starts_and_ends_at_rest():
    track = Track([Move(1.0, 3.0, 0.5, 2.0), Move(3.0, 4.0, 2.5, -1.0)], initial=0.5)
    s = track.at(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 9.0]))
    assert s.value == pytest.approx([0.5, 0.5, 1.5, 2.5, 1.5, 1.5])
    assert s.rate == pytest.approx([0.0, 0.0, 1.875 * 2.0 / 2.0, 0.0, 0.0, 0.0])
    assert s.acceleration[[0, 1, 3, 4, 5]] == pytest.approx(np.zeros(5), abs=1e-12)


def test_a_knee_in_a_move_bends_it_where_it_is_said():
    track = Track([Move(0.0, 2.0, 1.0, 2.0, bend=4.0, knee=0.5), Move(3.0, 5.0, 5.0, -6.0, bend=4.0, knee=0.5)], initial=1.0)
    there = track.at(np.linspace(0.0, 2.0, 401))
    progress = (there.value - 1.0) / 2.0
    u = np.linspace(0.0, 1.0, 401)
    m = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
    assert progress == pytest.approx(m + 2.0 * np.maximum(m - 0.5, 0.0), abs=0.05)
    assert progress[m < 0.3] == pytest.approx(m[m < 0.3], abs=0.005)
    assert track.moves[0].end == pytest.approx(5.0)
    back = track.at(np.linspace(5.0, 3.0, 401))
    assert back.value == pytest.approx(there.value, abs=1e-9)


def test_overlapping_moves_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        Track([Move(0.0, 2.0, 0.0, 1.0), Move(1.5, 3.0, 1.0, -1.0)])
    with pytest.raises(ValueError, match="no time"):
        Track([Move(2.0, 2.0, 0.0, 1.0)])


@given(x=st.floats(-3.0, 3.0), limit=st.floats(0.3, 2.0))
def test_signal_functions_follow_the_chain_rule(x, limit):
    h = 1e-4
    t = np.array([x - h, x, x + h])
    signal = Signal(t, np.ones(3), np.zeros(3))
    for made in (signal.sine(), signal.cosine(), signal.softened(limit), signal * signal.sine() - signal * 3.0 + 1.0):
        slope = (made.value[2] - made.value[0]) / (2 * h)
        curvature = (made.rate[2] - made.rate[0]) / (2 * h)
        assert made.rate[1] == pytest.approx(slope, abs=1e-5)
        assert made.acceleration[1] == pytest.approx(curvature, abs=1e-5)


def test_squat_lowers_the_pelvis_over_feet_that_stay():
    script = Script(1)
    script.squat(85.0, rest_s=0.5)
    motion = script.motion(sway=0.0)
    p = motion.posture(np.arange(0.0, motion.duration_s, 0.01))
    for ankle, side in ((p.ankle_left, 1.0), (p.ankle_right, -1.0)):
        place = np.array([[0.0], [side * Body().hip_half_width], [Body().ankle_height]])
        assert np.abs(ankle.position - place).max() < 1e-9
    height = p.hips.position[2]
    assert height[0] == pytest.approx(Body().ankle_height + Body().shank + Body().thigh)
    assert height[0] - height.min() > 0.35


def test_raised_knee_leaves_the_other_foot_on_the_floor():
    script = Script(1)
    script.knee_raise("left", 80.0)
    motion = script.motion(sway=0.0)
    p = motion.posture(np.arange(0.0, motion.duration_s, 0.01))
    assert np.abs(p.ankle_right.position[2] - Body().ankle_height).max() < 0.005
    assert p.ankle_left.position[2].max() > 0.3


def test_lumbar_spine_keeps_its_length_and_shortens_its_chord_when_bent():
    script = Script(1)
    script.bend(90.0, 0.6)
    motion = script.motion(sway=0.0)
    p = motion.posture(np.array([0.0, script.repetitions[0].turn_s]))
    sacrum = p.hips.along(p.pelvis, motion.body.sacrum)
    chord = np.linalg.norm(p.thoracolumbar.position - sacrum.position, axis=0)
    assert chord[0] == pytest.approx(motion.body.lumbar_spine)
    # an arc of 54 degrees
    assert chord[1] == pytest.approx(motion.body.lumbar_spine * np.sin(np.deg2rad(27.0)) / np.deg2rad(27.0), rel=0.02)


def test_walking_goes_where_the_heading_points():
    script = Script(3)
    script.walk(10.0, turn_deg=90.0)
    script.walk(10.0)
    motion = script.motion()
    x, y = motion.path.at(np.array([0.0, 10.0, 20.0]))
    speed = motion.stride.speed_m_s
    assert x.value[2] - x.value[1] == pytest.approx(0.0, abs=1e-6)
    assert y.value[2] - y.value[1] == pytest.approx(speed * 9.0, rel=1e-6)
    assert x.value[1] > 0.0
    assert y.value[1] > 0.0


def test_ground_path_of_a_walk_without_end_is_refused():
    with pytest.raises(ValueError, match="does not end"):
        GroundPath(Track([Move(0.0, 1.0, 0.0, 1.0)]), Track(), 1.2)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_mirroring_left_and_right_mirrors_the_truth(seed):
    motion = mixed(seed).motion()
    t = np.linspace(0.0, motion.duration_s, 400)
    plain, mirrored = motion.angles(t), motion.mirrored().angles(t)
    for name, angle in plain.items():
        partner = name.replace("left", "*").replace("right", "left").replace("*", "right")
        sign = -1.0 if name in ("lumbar_lateral", "lumbar_rotation", "pelvis_obliquity") else 1.0
        assert np.abs(mirrored[partner] - sign * angle).max() < 1e-9, name
    here, there = motion.posture(t).thoracolumbar, motion.mirrored().posture(t).thoracolumbar
    assert np.abs(there.acceleration - here.acceleration * np.array([[1.0], [-1.0], [1.0]])).max() < 1e-7


def test_a_larger_person_is_larger():
    assert Body.of_stature(1.925).thigh == pytest.approx(1.1 * Body().thigh)


def test_a_sensor_that_is_not_on_the_body_has_no_segment(motion):
    with pytest.raises(ValueError, match="no body segment"):
        motion.segment(Placement.OTHER, np.zeros(1))


def test_unknown_channel_is_named():
    with pytest.raises(ValueError, match="elbow"):
        Motion({"elbow": Track()}, 1.0)
