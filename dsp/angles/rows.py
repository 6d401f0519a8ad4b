"""Rows of angles from ticks, an alignment and the relative headings: the part that `live` and `review` share.

All sensors, segments and joints are computed together, as arrays with one more axis: in a call for each packet the number of
operations determines the time, not their size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import ANGLE_NAMES, Bools, Floats, Quality
from dsp import rotation
from dsp.alignment.alignment import Alignment
from dsp.alignment.mediolateral_axis import STATED_MOUNTING
from dsp.angles import joints, uncertainty
from dsp.angles.joints import PELVIS
from dsp.grid.ticks import Ticks, pieces, places
from dsp.heading.joint_headings import JointHeadings
from dsp.results import AngleRows, Flags, OrientationRows

CONFIDENT = 0.5
"""Alignment confidence below which a row is flagged (ours)."""

_INDEX = {name: i for i, name in enumerate(ANGLE_NAMES)}
_OBLIQUITY = _INDEX["pelvis_obliquity"]
_INCLINATIONS = {
    "pelvis": ("pelvis_tilt", 1.0),
    "lumbar": ("trunk_inclination", 1.0),
    "thigh_left": ("thigh_left_inclination", -1.0),
    "thigh_right": ("thigh_right_inclination", -1.0),
}


def uncalibrated_rows(ticks: Ticks, body: Sequence[str]) -> AngleRows:
    """Rows without an alignment: every angle missing, with the reason."""
    missing = np.full((len(ANGLE_NAMES), len(ticks)), np.nan)
    return AngleRows(ticks.time_s, missing, missing, sensor_flags(ticks, body) | np.int32(Quality.UNCALIBRATED))


class SegmentAngles:
    """Angles under one alignment. articulated: the joints with aligned segments, whose relative heading is tracked.

    keys: the sensors in the order of the ticks' arrays. Arrays of segments are in the order of `placements`: the pelvis
    first, then the distal segments of the joints, then the others.
    """

    def __init__(
        self,
        keys: Sequence[str],
        alignment: Alignment,
        articulated: Sequence[joints.Joint],
        estimator: str,
        body: Sequence[str],
    ) -> None:
        beside = [joint.distal for joint in articulated]
        first = [PELVIS] if PELVIS in alignment.to_segment else []
        self.placements = (*first, *beside, *(key for key in alignment.to_segment if key not in (*first, *beside)))
        self._body = body
        self._sensors = places(tuple(keys), self.placements)
        self._from_segment = np.array([alignment.from_segment[key] for key in self.placements]).reshape(-1, 4, 1).swapaxes(0, 1)
        reports = {r.placement: r for r in alignment.reports}
        sure = np.array([reports[key].confidence for key in self.placements])
        axis = uncertainty.axis_sd(sure)
        for i, key in enumerate(self.placements):
            if reports[key].method == STATED_MOUNTING:
                axis[i] = uncertainty.stated_axis_sd(key)
        self.axes_found = frozenset(key for key in self.placements if reports[key].method != STATED_MOUNTING)
        """Placements whose mediolateral axis was found by movements."""
        self._spreads = uncertainty.AngleSpreads(self.placements, axis, len(beside), estimator)
        self._inclinations = [_INDEX[_INCLINATIONS[key][0]] for key in self.placements]
        self._forward = np.array([_INCLINATIONS[key][1] for key in self.placements])[:, None]
        self._pelvis = bool(first)
        self._joints = len(beside)
        self._components = [[_INDEX[joint.components[i]] for joint in articulated] for i in range(3)]
        self._signs = np.array([joint.signs for joint in articulated]).reshape(-1, 3).T[:, :, None]
        filled = {*self._inclinations, *(i for of_joints in self._components for i in of_joints)}
        self._unfilled = [i for i in range(len(ANGLE_NAMES)) if i not in filled and not (self._pelvis and i == _OBLIQUITY)]
        self._always = np.int32(0)
        if not len(sure) or sure.min() < CONFIDENT:
            self._always |= np.int32(Quality.LOW_CONFIDENCE)
        if any(key not in alignment.to_segment for key in body):
            self._always |= np.int32(Quality.UNCALIBRATED)

    def segments(self, quat: Floats) -> Floats:
        """Orientations segment → earth (4, s, m) of the aligned placements, out of the ticks' (4, k, m); NaN where missing."""
        return rotation.multiply(quat[:, self._sensors], self._from_segment)

    def verticals(self, quat: Floats) -> dict[str, Floats]:
        """The vertical (3, m) in each segment, by placement, out of the ticks' orientations (4, k, m)."""
        vertical = rotation.vertical_in_sensor(self.segments(quat))
        return {key: vertical[:, i] for i, key in enumerate(self.placements)}

    def rows(self, ticks: Ticks, headings: JointHeadings, doubtful: Flags | None = None) -> AngleRows:
        """Rows at the ticks, whose orientations share one heading. headings: of the joints. doubtful (m,): further flags."""
        shape = (len(ANGLE_NAMES), len(ticks))
        angles, sd = np.empty(shape), np.empty(shape)
        angles[self._unfilled] = sd[self._unfilled] = np.nan
        flags = sensor_flags(ticks, self._body)
        for part in pieces(len(ticks)):
            segment, known = self.segments(ticks.quat[:, :, part]), headings.known[:, part]
            tilt_variance, shaken = ticks.tilt_variance[self._sensors, part], ticks.shaken[self._sensors, part]
            self._fill(angles[:, part], sd[:, part], segment, tilt_variance, shaken, headings.variance[:, part], known)
            if not known.all():
                there = np.isfinite(segment[0, :1] + segment[0, 1 : 1 + self._joints])
                flags[part] |= np.where((there & ~known).any(axis=0), np.int32(Quality.HEADING_UNKNOWN), np.int32(0))
        flags |= self._always
        if doubtful is not None:
            flags |= doubtful
        return AngleRows(ticks.time_s, angles, sd, flags)

    def _fill(
        self,
        angles: Floats,
        sd: Floats,
        segment: Floats,
        tilt_variance: Floats,
        shaken: Floats,
        heading_variance: Floats,
        known: Bools,
    ) -> None:
        """Put angles and standard deviations of segments (4, s, m), with these variances (s, m) of their inclination from
        acceleration, shaken as the ticks say (s, m), where they belong among all angles (a, m)."""
        vertical = rotation.vertical_in_sensor(segment)
        tilt = joints.unbroken(joints.forward_tilt(vertical), self._forward)
        angles[self._inclinations] = self._forward * tilt
        skin = uncertainty.skin_variance(tilt, self._joints)
        wobble = self._spreads.wobble(shaken)
        lean_sd = self._spreads.inclination(tilt, vertical[2], skin, tilt_variance + wobble)
        sd[self._inclinations] = lean_sd
        if self._pelvis:
            angles[_OBLIQUITY], sd[_OBLIQUITY] = joints.right_side_lower(vertical[:, 0]), lean_sd[0]
        if self._joints:
            beside, of_joints = slice(1, 1 + self._joints), slice(0, 1 + self._joints)
            found = joints.between(segment[:, :1], segment[:, beside])
            found *= self._signs
            aside = vertical[2, of_joints]
            if not known.all():
                found[0] = np.where(known, found[0], -self._signs[0] * (tilt[beside] - tilt[:1]))
                found[1:, ~known] = np.nan
                aside = np.where(known.all(axis=0), aside, np.radians(5.0))
                heading_variance = np.where(known, heading_variance, 0.25)
            lying = joints.lying(vertical[:, of_joints])
            both = skin[of_joints] + wobble[of_joints]
            spreads = self._spreads.joint(found[0], lying, aside, both, heading_variance, tilt_variance[of_joints])
            for rows, angle, spread in zip(self._components, found, spreads, strict=True):
                angles[rows], sd[rows] = angle, spread
        missing = ~np.isfinite(angles)
        if np.count_nonzero(missing):
            angles[missing] = sd[missing] = np.nan


def orientation_rows(ticks: Ticks) -> list[OrientationRows]:
    """Orientations of every sensor at the ticks at which it is present."""
    rows, whole = [], np.count_nonzero(ticks.present) == ticks.present.size
    for i, key in enumerate(ticks.keys):
        if whole or ticks.present[i].all():
            rows.append(OrientationRows(key, ticks.time_s, ticks.quat[:, i].T, ticks.heading_epoch[i]))
        elif ticks.present[i].any():
            at = ticks.present[i]
            rows.append(OrientationRows(key, ticks.time_s[at], ticks.quat[:, i, at].T, ticks.heading_epoch[i, at]))
    return rows


def sensor_flags(ticks: Ticks, body: Sequence[str]) -> Flags:
    """Combined flags (m,) of the worn sensors."""
    worn = ticks.quality if len(body) == len(ticks.keys) else ticks.quality[[ticks.keys.index(key) for key in body]]
    return np.asarray(np.bitwise_or.reduce(worn, axis=0))
