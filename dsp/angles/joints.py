"""Joint angles and inclinations from segment orientations. Signs, order and zero: design section 5.

Lumbar is pelvis → thorax from R_P'·R_T, hips are pelvis → femur from R_P'·R_F, both as Cardan Z-X-Y in ISB axes (Wu 2002,
doi 10.1016/S0021-9290(01)00222-6; Grood & Suntay 1983, doi 10.1115/1.3138397). Inclinations need only gravity: the turn of
the vertical about the segment's own mediolateral axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Placement
from dsp import rotation

PELVIS = Placement.PELVIS.value
HIP_FLEXED_RAD = math.radians(35.0)
"""Flexion of a hip at which the error of the heading from its twist equals the spread of postures (ours)."""
SPINE_FLEXED_RAD = math.radians(12.0)
"""The same for the spine: in lifts from beside the foot it turns and bends sideways, mostly to the same side (ours)."""


MOST_BACK_RAD, MOST_THIGH_BACK_RAD = math.radians(-160.0), math.radians(120.0)
"""Lower ends of the ranges of inclinations, chosen where no posture of a body is (ours)."""


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint between the pelvis and a distal segment: table prefix, distal placement, signs of the Cardan angles, and the
    flexion from which its twist says little about the heading."""

    name: str
    distal: str
    components: tuple[str, str, str]
    signs: tuple[float, float, float]
    flexed_rad: float = HIP_FLEXED_RAD


LUMBAR = Joint("lumbar", "lumbar", ("lumbar_flexion", "lumbar_lateral", "lumbar_rotation"), (-1.0, 1.0, 1.0), SPINE_FLEXED_RAD)
HIP_LEFT = Joint("hip_left", "thigh_left", ("hip_left_flexion", "hip_left_abduction", "hip_left_rotation"), (1.0, 1.0, 1.0))
HIP_RIGHT = Joint(
    "hip_right", "thigh_right", ("hip_right_flexion", "hip_right_abduction", "hip_right_rotation"), (1.0, -1.0, -1.0)
)
JOINTS = (LUMBAR, HIP_LEFT, HIP_RIGHT)


def forward_tilt(vertical: Floats) -> Floats:
    """Forward inclination (n,) rad of a segment from the vertical in its own frame (3, n); any angle, even beyond 90°."""
    return np.asarray(np.arctan2(-vertical[0], vertical[1]))


def unbroken(tilt: Floats, forward: Floats) -> Floats:
    """Forward tilts (s, n) rad, unwrapped by a whole turn where a body goes beyond half a turn rather than the other way.

    forward (s, 1): 1 for pelvis and trunk, which fold forward to 180° and lean back to at most 160°; −1 for a thigh, whose knee
    comes forward to 240° (knees to the chest, lying on the back) and goes back to at most 120° (lying on the front).
    """
    beyond = np.where(forward > 0.0, tilt < MOST_BACK_RAD, tilt > MOST_THIGH_BACK_RAD)
    return np.where(beyond, tilt + 2.0 * np.pi * forward, tilt) if np.count_nonzero(beyond) else tilt


def lying(vertical: Floats) -> Floats:
    """Square of the sine of the forward tilt (…) of segments from the vertical in their own frame (3, …); 0 on its side."""
    forward, up = np.square(vertical[0]), np.square(vertical[1])
    return np.asarray(forward / np.maximum(forward + up, 1e-30))


def right_side_lower(vertical: Floats) -> Floats:
    """Obliquity (n,) rad, positive when the segment's right side is lower."""
    return np.asarray(np.arcsin(rotation.within_one(-vertical[2])))


def relative_twist(distal: Floats, pelvis: Floats) -> tuple[Floats, Floats]:
    """Twist about the vertical (n,) of distal ⊗ pelvis⁻¹ (both (4, n) segment → earth) and its observability (n,)."""
    return rotation.twist_about_vertical(rotation.multiply(distal, rotation.conjugate(pelvis)))


def between(pelvis: Floats, distal: Floats) -> Floats:
    """Cardan angles Z-X-Y (3, …) rad from pelvis to distal segment, of orientations (4, …) of one heading."""
    return rotation.cardan_zxy(rotation.multiply(rotation.conjugate(pelvis), distal))


def joint_angles(joint: Joint, pelvis: Floats, distal: Floats) -> Floats:
    """The joint's three angles (3, n) rad with the clinic's signs, from two orientations (4, n) of one heading."""
    return np.array(joint.signs)[:, None] * between(pelvis, distal)
