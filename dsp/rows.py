"""Rows of angles from ticks, an alignment and the relative headings: the part that `live` and `review` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
    return {key: rotation.multiply(ticks.sensors[key].quat, q) for key, q in alignment.from_segment.items()}


def joint_twist(
    ticks: Ticks, alignment: Alignment, joint: joints.Joint, *, from_tick_0: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Twist (m,), its observability (m,) and the sagittal flexion (m,) of a joint, at every `STRIDE`th tick; NaN between.

    They are counted from the first of these ticks, or (from_tick_0) stand at the multiples of `STRIDE`. All are NaN where
    the joint's two sensors are not both aligned.
    """
    result = np.full((3, len(ticks)), np.nan)
    first = (-ticks.first) % STRIDE if from_tick_0 else 0
    if first < len(ticks) and joint.distal in alignment.to_segment and PELVIS in alignment.to_segment:
        part = slice(first, None, STRIDE)
        distal, pelvis = (
            rotation.multiply(ticks.sensors[key].quat[:, part], alignment.from_segment[key]) for key in (joint.distal, PELVIS)
        )
        result[0, part], result[1, part] = joints.relative_twist(distal, pelvis)
        result[2, part] = joints.forward_tilt(rotation.vertical_in_sensor(distal))
        result[2, part] -= joints.forward_tilt(rotation.vertical_in_sensor(pelvis))
    return result[0], result[1], result[2]


def with_one_heading(ticks: Ticks, headings: Mapping[str, HeadingTrack]) -> Ticks:
    """The same ticks with the sensors beside the pelvis turned to its heading, where the relative heading is known."""
    sensors = dict(ticks.sensors)
    for joint in joints.JOINTS:
        if joint.name in headings and headings[joint.name].known.any():
            heading, rows = headings[joint.name], sensors[joint.distal]
            turn = rotation.about_vertical(-heading.offset)
            if not heading.known.all():
                turn[:, ~heading.known] = np.array((1.0, 0.0, 0.0, 0.0))[:, None]
            sensors[joint.distal] = replace(rows, quat=rotation.turn(turn, rows.quat))
    return Ticks(ticks.first, ticks.time_s, sensors)


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
    """Rows at the ticks, which have one heading already. segment: as of `segments`. headings: by joint name, for the joints
    whose two segments are aligned. doubtful (m,): more flags."""
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
        flexion, second, third = joints.joint_angles(joint, segment[PELVIS], segment[joint.distal])
        known, side, heading_sd = heading.known, second, heading.sd
        if not known.all():
            there = np.isfinite(segment[PELVIS][0] + segment[joint.distal][0])
            sagittal = -joint.signs[0] * (tilt[joint.distal] - tilt[PELVIS])
            flexion = np.where(known, flexion, sagittal)
            second, third = np.where(known, second, np.nan), np.where(known, third, np.nan)
            side, heading_sd = np.where(known, second, np.radians(5.0)), np.where(known, heading_sd, 0.5)
            flags = flags | np.where(there & ~known, np.int32(Quality.HEADING_UNKNOWN), np.int32(0))
        lower = min(confidence[PELVIS], confidence[joint.distal])
        spreads = uncertainty.joint_sd(flexion, side, third, tilt[PELVIS], heading_sd, lower, estimator)
        for name, angle, spread in zip(joint.components, (flexion, second, third), spreads, strict=True):
            angles[_INDEX[name]], sd[_INDEX[name]] = angle, spread
    missing = ~np.isfinite(angles)
    angles[missing] = sd[missing] = np.nan
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
