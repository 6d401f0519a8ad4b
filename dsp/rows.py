"""Rows of angles from ticks, an alignment and the relative headings: the part that `live` and `review` share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsp import joints, rotation, uncertainty
from dsp.alignment import Alignment
from dsp.grid import Ticks
from dsp.heading import STRIDE, HeadingTrack
from dsp.results import AngleRows, Flags, OrientationRows
from signals.blocks import Floats
from signals.placements import Placement
from signals.quality import Quality
from signals.quantities import ANGLE_NAMES

PELVIS = Placement.PELVIS.value
CONFIDENT = 0.5
"""Alignment confidence below which a row is marked."""

_INDEX = {name: i for i, name in enumerate(ANGLE_NAMES)}
_INCLINATIONS = {
    "pelvis": ("pelvis_tilt", 1.0),
    "lumbar": ("trunk_inclination", 1.0),
    "thigh_left": ("thigh_left_inclination", -1.0),
    "thigh_right": ("thigh_right_inclination", -1.0),
}


def segments(ticks: Ticks, alignment: Alignment) -> dict[str, Floats]:
    """Orientation segment → earth (4, m) of each aligned placement, NaN where missing."""
    return {
        key: rotation.multiply(ticks.sensors[key].quat, rotation.conjugate(q)[:, None])
        for key, q in alignment.to_segment.items()
    }


def joint_twist(segment: Mapping[str, Floats], joint: joints.Joint, first: int | None = None) -> tuple[Floats, Floats, Floats]:
    """Twist (m,), its observability (m,) and the sagittal flexion (m,) of a joint from both segments' orientations.

    first: number of the first tick, to compute only the ticks at which a heading is updated; the others are NaN.
    """
    part = slice(None) if first is None else slice((-first) % STRIDE, None, STRIDE)
    distal, pelvis = segment[joint.distal][:, part], segment[PELVIS][:, part]
    result = np.full((3, segment[PELVIS].shape[1]), np.nan)
    result[0, part], result[1, part] = joints.relative_twist(distal, pelvis)
    result[2, part] = joints.forward_tilt(rotation.vertical_in_sensor(distal))
    result[2, part] -= joints.forward_tilt(rotation.vertical_in_sensor(pelvis))
    return result[0], result[1], result[2]


def uncalibrated_rows(ticks: Ticks, body: tuple[str, ...]) -> AngleRows:
    """Rows without an alignment: every angle missing, with the reason."""
    m = len(ticks)
    missing = np.full((len(ANGLE_NAMES), m), np.nan)
    return AngleRows(ticks.time_s, missing.T, missing.T, _flags(ticks, body) | np.int32(Quality.UNCALIBRATED))


def angle_rows(
    ticks: Ticks,
    segment: Mapping[str, Floats],
    alignment: Alignment,
    headings: Mapping[str, HeadingTrack],
    estimator: str,
    body: tuple[str, ...],
    doubtful: Flags | None = None,
) -> AngleRows:
    """Rows at the ticks. headings: by joint name, for the joints whose two segments are aligned. doubtful (m,): more flags."""
    m = len(ticks)
    angles, sd = np.full((len(ANGLE_NAMES), m), np.nan), np.full((len(ANGLE_NAMES), m), np.nan)
    confidence = {r.placement: r.confidence for r in alignment.reports}
    tilt: dict[str, Floats] = {}
    for key, quat in segment.items():
        vertical = rotation.vertical_in_sensor(quat)
        name, sign = _INCLINATIONS[key]
        tilt[key] = joints.forward_tilt(vertical)
        angles[_INDEX[name]] = sign * tilt[key]
        sd[_INDEX[name]] = uncertainty.inclination_sd(tilt[key], confidence[key], estimator)
        if key == PELVIS:
            angles[_INDEX["pelvis_obliquity"]] = joints.right_side_lower(vertical)
            sd[_INDEX["pelvis_obliquity"]] = sd[_INDEX[name]]
    flags = _flags(ticks, body)
    for joint in joints.JOINTS:
        if joint.name not in headings:
            continue
        heading = headings[joint.name]
        flexion, second, third = joints.joint_angles(joint, segment[PELVIS], segment[joint.distal], heading.offset)
        known = heading.known
        there = np.isfinite(segment[PELVIS][0] + segment[joint.distal][0])
        sagittal = -joint.signs[0] * (tilt[joint.distal] - tilt[PELVIS])
        flexion = np.where(known, flexion, sagittal)
        second, third = np.where(known, second, np.nan), np.where(known, third, np.nan)
        lower = min(confidence[PELVIS], confidence[joint.distal])
        side = np.where(known, second, np.radians(5.0))
        spreads = uncertainty.joint_sd(flexion, side, third, np.where(known, heading.sd, 0.5), lower, estimator)
        for name, angle, spread in zip(joint.components, (flexion, second, third), spreads, strict=True):
            angles[_INDEX[name]] = angle
            sd[_INDEX[name]] = np.where(np.isfinite(angle), spread, np.nan)
        flags = flags | np.where(there & ~known, np.int32(Quality.HEADING_UNKNOWN), np.int32(0))
    for row in (angles, sd):
        row[~np.isfinite(angles)] = np.nan
    if min((confidence[key] for key in segment), default=0.0) < CONFIDENT:
        flags = flags | np.int32(Quality.LOW_CONFIDENCE)
    if any(key not in segment for key in body):
        flags = flags | np.int32(Quality.UNCALIBRATED)
    if doubtful is not None:
        flags = flags | doubtful
    return AngleRows(ticks.time_s, angles.T, sd.T, flags.astype(np.int32))


def orientation_rows(ticks: Ticks) -> list[OrientationRows]:
    """Orientations of every sensor at the ticks at which it is present."""
    rows = []
    for key, grid in ticks.sensors.items():
        if grid.present.all():
            rows.append(OrientationRows(key, ticks.time_s, grid.quat.T, grid.heading_epoch))
        elif grid.present.any():
            at = grid.present
            rows.append(OrientationRows(key, ticks.time_s[at], grid.quat[:, at].T, grid.heading_epoch[at]))
    return rows


def _flags(ticks: Ticks, body: tuple[str, ...]) -> Flags:
    flags = np.zeros(len(ticks), np.int32)
    for key in body:
        flags |= ticks.sensors[key].quality
    return flags
