"""Sign and size of every angle by poses made by hand, through to the table's columns.

A pose is said as a clinician would: which segments turn, about which axis of the room. World: x where the athlete looks,
y to the athlete's left, z up; a positive turn about y takes the top of a segment forward.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body_signals.quantities import ANGLE_NAMES
from dsp import rotation
from dsp.alignment.alignment import Alignment
from dsp.angles import joints
from dsp.angles.rows import SegmentAngles
from dsp.grid.ticks import GridRows, Ticks
from dsp.heading.filter import HeadingTrack
from dsp.heading.joint_headings import JointHeadings
from dsp.results import AlignmentReport

SEGMENTS = ("lumbar", "pelvis", "thigh_left", "thigh_right")
TRUNK = ("lumbar", "pelvis")
THIGHS = ("thigh_left", "thigh_right")
FORWARD, LEFT, UP = np.eye(3)
UPRIGHT = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Segment (X anterior, Y up, Z right) → world, standing."""


def turn(axis, degrees):
    return Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis))


def table(pose):
    """Angles in degrees by name, of segments → world rotations."""
    quats = {key: pose[key].as_quat(scalar_first=True).reshape(1, 4).T for key in SEGMENTS}
    rows = {key: GridRows(q, np.ones(1, np.bool_), np.zeros(1, np.int32), np.zeros(1, np.int32)) for key, q in quats.items()}
    ticks = Ticks.of(0, np.zeros(1), rows)
    same = {key: np.array([1.0, 0.0, 0.0, 0.0]) for key in SEGMENTS}
    reports = tuple(AlignmentReport(key, "by hand", 1.0, (), 0.0) for key in SEGMENTS)
    alignment = Alignment(0, 0.0, ticks, same, reports, True, True, 0.0)
    known = HeadingTrack(np.zeros(1), np.full(1, 0.01), np.ones(1, np.bool_), np.ones(1))
    headings = JointHeadings.of({joint.name: known for joint in joints.JOINTS}, 1)
    found = SegmentAngles(ticks.keys, alignment, headings.joints, "live", SEGMENTS).rows(ticks, headings)
    return dict(zip(ANGLE_NAMES, np.degrees(found.angles[:, 0]).tolist(), strict=True))


def standing(**turned):
    return {key: turned.get(key, Rotation.identity()) * UPRIGHT for key in SEGMENTS}


# what the athlete does: (which segments turn, axis, degrees, the angles that are then not zero)
POSES = {
    "rounds the back": (("lumbar",), LEFT, 25, {"lumbar_flexion": 25, "trunk_inclination": 25}),
    "arches the back": (("lumbar",), LEFT, -15, {"lumbar_flexion": -15, "trunk_inclination": -15}),
    "leans the chest to the right": (("lumbar",), FORWARD, 12, {"lumbar_lateral": 12}),
    "leans the chest to the left": (("lumbar",), FORWARD, -12, {"lumbar_lateral": -12}),
    "turns the chest to the left": (("lumbar",), UP, 14, {"lumbar_rotation": 14}),
    "turns the chest to the right": (("lumbar",), UP, -14, {"lumbar_rotation": -14}),
    "bows from the hips": (
        TRUNK,
        LEFT,
        40,
        {"pelvis_tilt": 40, "trunk_inclination": 40, "hip_left_flexion": 40, "hip_right_flexion": 40},
    ),
    "tips the pelvis backward": (
        ("pelvis",),
        LEFT,
        -10,
        {"pelvis_tilt": -10, "lumbar_flexion": 10, "hip_left_flexion": -10, "hip_right_flexion": -10},
    ),
    "drops the pelvis on the right": (
        TRUNK,
        FORWARD,
        8,
        {"pelvis_obliquity": 8, "hip_left_abduction": -8, "hip_right_abduction": 8},
    ),
    "turns the pelvis to the left over the feet": (TRUNK, UP, 9, {"hip_left_rotation": -9, "hip_right_rotation": 9}),
    "raises the left knee": (("thigh_left",), LEFT, -70, {"hip_left_flexion": 70, "thigh_left_inclination": 70}),
    "raises the right knee": (("thigh_right",), LEFT, -70, {"hip_right_flexion": 70, "thigh_right_inclination": 70}),
    "takes the left leg back": (("thigh_left",), LEFT, 15, {"hip_left_flexion": -15, "thigh_left_inclination": -15}),
    "spreads the left leg": (("thigh_left",), FORWARD, 20, {"hip_left_abduction": 20}),
    "spreads the right leg": (("thigh_right",), FORWARD, -20, {"hip_right_abduction": 20}),
    "crosses the right leg to the left": (("thigh_right",), FORWARD, 10, {"hip_right_abduction": -10}),
    "turns the left toes out": (("thigh_left",), UP, 18, {"hip_left_rotation": 18}),
    "turns the right toes out": (("thigh_right",), UP, -18, {"hip_right_rotation": 18}),
    "turns the right toes in": (("thigh_right",), UP, 18, {"hip_right_rotation": -18}),
}


@pytest.mark.parametrize("what", POSES)
@pytest.mark.parametrize("facing", [0.0, 137.0])
def test_pose(what, facing):
    keys, axis, degrees, expected = POSES[what]
    pose = standing(**{key: turn(axis, degrees) for key in keys})
    pose = {key: turn(UP, facing) * r for key, r in pose.items()}
    assert table(pose) == pytest.approx(dict.fromkeys(ANGLE_NAMES, 0.0) | expected, abs=1e-9)


def test_every_angle_is_seen_in_both_directions():
    signs = {(name, value > 0) for _, _, _, expected in POSES.values() for name, value in expected.items()}
    both = {name for name in ANGLE_NAMES if (name, True) in signs and (name, False) in signs}
    assert {n for n in ANGLE_NAMES if "flexion" in n or "lumbar" in n or n.startswith("hip_right")} <= both
    assert {name for name, _ in signs} == set(ANGLE_NAMES)


def test_deeper_than_a_right_angle():
    """Hands to the floor: the trunk hangs 125° forward of upright, the pelvis 80°."""
    found = table(standing(lumbar=turn(LEFT, 125), pelvis=turn(LEFT, 80)))
    assert found["trunk_inclination"] == pytest.approx(125.0)
    assert found["lumbar_flexion"] == pytest.approx(45.0)
    assert found["hip_left_flexion"] == pytest.approx(80.0)


def test_a_deep_squat_flexes_the_hip_beyond_a_right_angle():
    found = table(standing(**{key: turn(LEFT, 40) for key in TRUNK}, **{key: turn(LEFT, -95) for key in THIGHS}))
    assert found["hip_right_flexion"] == pytest.approx(135.0)
    assert found["thigh_right_inclination"] == pytest.approx(95.0)


@given(st.floats(-30, 130), st.floats(-30, 100), st.floats(-40, 100), st.floats(-40, 100), st.floats(-180, 180))
def test_sagittal_identities(trunk, pelvis, left, right, facing):
    """In the sagittal plane T = P + L, H = P + thigh, and trunk on thigh F = L + H."""
    pose = standing(
        lumbar=turn(LEFT, trunk), pelvis=turn(LEFT, pelvis), thigh_left=turn(LEFT, -left), thigh_right=turn(LEFT, -right)
    )
    found = table({key: turn(UP, facing) * r for key, r in pose.items()})
    t, p, lumbar = found["trunk_inclination"], found["pelvis_tilt"], found["lumbar_flexion"]
    assert t == pytest.approx(p + lumbar, abs=1e-7)
    for side in ("left", "right"):
        thigh, hip = found[f"thigh_{side}_inclination"], found[f"hip_{side}_flexion"]
        assert np.remainder(hip - p - thigh + 180.0, 360.0) == pytest.approx(180.0, abs=1e-7)
    assert [t, p, found["thigh_left_inclination"]] == pytest.approx([trunk, pelvis, left], abs=1e-7)
    others = [v for n, v in found.items() if n.endswith(("lateral", "rotation", "abduction", "obliquity"))]
    assert others == pytest.approx([0.0] * 7, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_mirror(seed):
    """Left and right exchanged: the hips change places; side bend, rotation and obliquity change their sign."""
    rng = np.random.default_rng(seed)
    pose = {key: turn(rng.normal(size=3), float(rng.uniform(5, 25))) * UPRIGHT for key in SEGMENTS}
    over_world, over_segment = np.diag([1.0, -1.0, 1.0]), np.diag([1.0, 1.0, -1.0])
    partner = {"thigh_left": "thigh_right", "thigh_right": "thigh_left"}
    mirrored = {
        partner.get(key, key): Rotation.from_matrix(over_world @ r.as_matrix() @ over_segment) for key, r in pose.items()
    }
    found, expected = table(mirrored), {}
    for name, value in table(pose).items():
        other = name.replace("left", "right") if "left" in name else name.replace("right", "left")
        flips = name in ("lumbar_lateral", "lumbar_rotation", "pelvis_obliquity")
        expected[other] = -value if flips else value
    assert found == pytest.approx(expected, abs=1e-7)


@given(st.floats(-180, 180), st.floats(-60, 60))
def test_heading_offset_is_taken_off_the_distal_segment(heading, flexion):
    """A thigh sensor whose own heading is off by any angle reads as if it were not, once the offset is known."""
    thigh = turn(UP, heading) * turn(LEFT, -flexion) * UPRIGHT
    quats = [r.as_quat(scalar_first=True).reshape(1, 4).T for r in (UPRIGHT, thigh)]
    turned = rotation.turn(rotation.about_vertical(-np.radians([heading])), quats[1])
    found = joints.joint_angles(joints.HIP_LEFT, quats[0], turned)
    assert np.degrees(np.concatenate(found)) == pytest.approx([flexion, 0.0, 0.0], abs=1e-7)


def test_relative_twist_of_segments_that_face_apart():
    pelvis, thigh = turn(UP, 20) * UPRIGHT, turn(UP, 65) * UPRIGHT
    quats = [r.as_quat(scalar_first=True).reshape(1, 4).T for r in (pelvis, thigh)]
    twist, seen = joints.relative_twist(quats[1], quats[0])
    assert np.degrees(np.remainder(twist + np.pi, 2 * np.pi) - np.pi) == pytest.approx(45.0)
    assert seen == pytest.approx(1.0)


def test_inclinations_need_no_heading():
    q = (turn(UP, 77) * turn(LEFT, 100) * UPRIGHT).as_quat(scalar_first=True).reshape(1, 4).T
    assert np.degrees(joints.forward_tilt(rotation.vertical_in_sensor(q))) == pytest.approx(100.0)


@given(st.floats(-np.pi, np.pi), st.floats(-1.4, 1.4))
def test_lying_is_the_square_of_the_sine_of_the_tilt(tilt, aside):
    vertical = np.array([-np.sin(tilt) * np.cos(aside), np.cos(tilt) * np.cos(aside), np.sin(aside)])[:, None]
    assert joints.lying(vertical)[0] == pytest.approx(np.sin(joints.forward_tilt(vertical)[0]) ** 2, abs=1e-12)


def test_a_segment_on_its_side_does_not_lie_forward():
    assert joints.lying(np.array([[0.0], [0.0], [1.0]]))[0] == 0.0


def test_inclinations_are_unbroken_at_half_a_turn() -> None:
    """Knees pulled to the chest by somebody who lies on his back, and a trunk that folds: no angle leaps by a whole turn.
    Further back than a body goes an inclination begins anew."""
    turned = np.radians(np.arange(-110.0, 236.0, 1.0))
    tilt = joints.forward_tilt(np.stack((np.sin(turned), np.cos(turned))))
    forward = np.array([[1.0], [-1.0]])
    (trunk, thigh) = forward * joints.unbroken(np.stack((-tilt, tilt)), forward)
    folds = turned < np.radians(195.0)
    assert trunk[folds] == pytest.approx(turned[folds])
    assert thigh == pytest.approx(turned)
    usual = np.radians([[-90.0, 0.0, 120.0], [90.0, 0.0, -120.0]])
    assert joints.unbroken(usual, forward) is usual
    missing = joints.unbroken(np.array([[np.nan], [np.pi]]), forward)
    assert np.isnan(missing[0, 0])
    assert missing[1, 0] == pytest.approx(-np.pi)
