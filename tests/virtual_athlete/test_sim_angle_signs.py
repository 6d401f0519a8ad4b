"""Every angle's sign and size by poses made by hand: segments turned about the world's axes, as a clinician describes them.

World: x forward, y to the left, z up (standing with heading 0); a positive turn about y takes the top forward.
"""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals.quantities import ANGLE_NAMES
from virtual_athlete.movement.body import Motion, angles_of
from virtual_athlete.movement.frames import STANDING, Frame
from virtual_athlete.movement.trajectories import Move, Track

FORWARD, LEFT, UP = np.eye(3)
SEGMENTS = ("pelvis", "thorax", "thigh_left", "thigh_right")
TRUNK = ("pelvis", "thorax")
A = 20.0

# description: (segments that turn, axis of the turn in the world, the angles that are then 20 degrees, or minus 20)
POSES = {
    "bent forward at the lumbar spine only": (("thorax",), LEFT, ["lumbar_flexion", "trunk_inclination"], []),
    "bent back at the lumbar spine only": (("thorax",), -LEFT, [], ["lumbar_flexion", "trunk_inclination"]),
    "lumbar spine leaning to the right": (("thorax",), FORWARD, ["lumbar_lateral"], []),
    "lumbar spine turned to the left": (("thorax",), UP, ["lumbar_rotation"], []),
    "pelvis and trunk tipped forward over the legs": (
        TRUNK,
        LEFT,
        ["pelvis_tilt", "trunk_inclination", "hip_left_flexion", "hip_right_flexion"],
        [],
    ),
    "pelvis tipped forward, chest upright": (
        ("pelvis",),
        LEFT,
        ["pelvis_tilt", "hip_left_flexion", "hip_right_flexion"],
        ["lumbar_flexion"],
    ),
    "pelvis dropped on the right, trunk with it": (
        TRUNK,
        FORWARD,
        ["pelvis_obliquity", "hip_right_abduction"],
        ["hip_left_abduction"],
    ),
    "pelvis and trunk turned to the left over the feet": (TRUNK, UP, ["hip_right_rotation"], ["hip_left_rotation"]),
    "left knee raised to the front": (("thigh_left",), -LEFT, ["hip_left_flexion", "thigh_left_inclination"], []),
    "right knee raised to the front": (("thigh_right",), -LEFT, ["hip_right_flexion", "thigh_right_inclination"], []),
    "right thigh extended to the back": (("thigh_right",), LEFT, [], ["hip_right_flexion", "thigh_right_inclination"]),
    "left thigh out to the left": (("thigh_left",), FORWARD, ["hip_left_abduction"], []),
    "right thigh out to the right": (("thigh_right",), -FORWARD, ["hip_right_abduction"], []),
    "left thigh turned so that the toes point out": (("thigh_left",), UP, ["hip_left_rotation"], []),
    "right thigh turned so that the toes point out": (("thigh_right",), -UP, ["hip_right_rotation"], []),
    "everybody faces elsewhere": (SEGMENTS, UP, [], []),
    "a stick figure falls forward": (
        SEGMENTS,
        LEFT,
        ["pelvis_tilt", "trunk_inclination"],
        ["thigh_left_inclination", "thigh_right_inclination"],
    ),
}


def frame(matrix):
    return Frame(np.asarray(matrix)[:, :, None], np.zeros((3, 1)), np.zeros((3, 1)))


@pytest.mark.parametrize("description", POSES)
def test_angle_of_a_hand_made_pose(description):
    turned, axis, plus, minus = POSES[description]
    turn = Rotation.from_rotvec(np.deg2rad(A) * axis).as_matrix()
    frames = {s: frame(turn @ STANDING if s in turned else STANDING) for s in SEGMENTS}
    expected = dict.fromkeys(ANGLE_NAMES, 0.0) | dict.fromkeys(plus, A) | dict.fromkeys(minus, -A)
    found = {name: float(np.rad2deg(a[0])) for name, a in angles_of(**frames).items()}
    assert found == pytest.approx(expected, abs=1e-9)


def test_every_angle_has_a_pose():
    seen = {name for _, _, plus, minus in POSES.values() for name in (*plus, *minus)}
    assert seen == set(ANGLE_NAMES)


# channel of the body at +20 degrees: (segment, its axis that moves, where in the world it moves to)
CHANNEL_MOVES = {
    "heading": ("pelvis", 0, LEFT),
    "pelvis_turn": ("pelvis", 0, LEFT),
    "pelvis_tilt": ("pelvis", 1, FORWARD),
    "pelvis_obliquity": ("pelvis", 2, -UP),
    "lumbar_flexion": ("thorax", 1, FORWARD),
    "lumbar_lateral": ("thorax", 1, -LEFT),
    "lumbar_rotation": ("thorax", 0, LEFT),
    "thigh_left_elevation": ("thigh_left", 1, -FORWARD),
    "thigh_left_abduction": ("thigh_left", 1, -LEFT),
    "thigh_left_rotation": ("thigh_left", 0, LEFT),
    "thigh_right_elevation": ("thigh_right", 1, -FORWARD),
    "thigh_right_abduction": ("thigh_right", 1, LEFT),
    "thigh_right_rotation": ("thigh_right", 0, -LEFT),
}


def held(**channels_deg):
    """A motion that holds a pose from 1 s on."""
    moves = {name: Track([Move(0.0, 1.0, 0.0, float(np.deg2rad(deg)))]) for name, deg in channels_deg.items()}
    return Motion(moves, 3.0)


@pytest.mark.parametrize("channel", CHANNEL_MOVES)
def test_channel_moves_the_segment_where_its_name_says(channel):
    segment, axis, to = CHANNEL_MOVES[channel]
    rotation = getattr(held(**{channel: A}).posture(np.array([2.0])), segment).rotation[:, axis, 0]
    assert rotation @ to == pytest.approx(np.sin(np.deg2rad(A)), abs=1e-12)


@pytest.mark.parametrize("name", [c for c in CHANNEL_MOVES if c.startswith(("pelvis_tilt", "pelvis_obliquity", "lumbar"))])
def test_scripted_trunk_channel_is_the_angle_of_that_name(name):
    assert held(**{name: A}).angles(np.array([2.0]))[name][0] == pytest.approx(np.deg2rad(A), abs=1e-12)


def test_combined_lumbar_angles_come_back_from_the_cardan_sequence():
    asked = {"lumbar_flexion": 48.0, "lumbar_lateral": 13.0, "lumbar_rotation": -17.0}
    motion = held(**asked, pelvis_tilt=35.0, pelvis_obliquity=-6.0, heading=140.0, pelvis_turn=12.0)
    found = motion.angles(np.array([2.0]))
    for name, degrees in (asked | {"pelvis_tilt": 35.0, "pelvis_obliquity": -6.0}).items():
        assert np.rad2deg(found[name][0]) == pytest.approx(degrees, abs=1e-9)


def test_sagittal_identities():
    found = held(pelvis_tilt=30.0, lumbar_flexion=25.0, thigh_left_elevation=40.0, thigh_right_elevation=10.0).angles(
        np.array([2.0])
    )
    degrees = {name: float(np.rad2deg(a[0])) for name, a in found.items()}
    assert degrees["trunk_inclination"] == pytest.approx(55.0)
    assert degrees["hip_left_flexion"] == pytest.approx(70.0)
    assert degrees["hip_right_flexion"] == pytest.approx(40.0)


def test_inclination_beyond_the_horizontal_keeps_counting():
    found = held(pelvis_tilt=75.0, lumbar_flexion=50.0).angles(np.array([2.0]))
    assert np.rad2deg(found["trunk_inclination"][0]) == pytest.approx(125.0)
