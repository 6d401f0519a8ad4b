"""Standard uncertainty of each angle at each tick, and its components.

The components add in quadrature: the filter's inclination error, at rest and from accelerations; skin movement, which grows
with the stretch; the wobble of soft tissue; alignment errors, which mix the planes; and the relative heading. A heading error
appears as rotation while the distal segment is upright, and as lateral bend (or abduction) while it is horizontal, whatever the
joint's own flexion. The constants come from simulated athletes (`python -m benchmarks.uncertainty`), that of soft tissue from
recordings of people (ours).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import Floats, Placement
from dsp.calibration.calibration_movements import THIGH_KEYS

INCLINATION_RAD = {"live": np.radians(0.26), "review": np.radians(0.16)}
"""Inclination error at rest of one worn sensor, independent of its neighbours' (ours)."""
THIGH_RAD = {"live": np.radians(0.42), "review": np.radians(0.26)}
"""The same for a thigh, which each step shakes (ours)."""
SHARED_RAD = np.radians(0.3)
"""Inclination error common to neighbours, which cancels in joint angles: the sway of the whole body in the zero (ours). The
error from accelerations is also common; it comes with the samples."""
SKIN = 0.028
"""Error from skin movement under one sensor, as a part of the angle that stretches the skin, for small angles (ours). No filter
can see it, or distinguish it from a sensor that moves with the bone; for such a sensor the band is too wide."""
SKIN_HALF_RAD = np.radians(120.0)
"""Angle at which that part has fallen by half, because skin stretches less and less (ours)."""
SACRUM = 1.5
"""Factor for the skin of the sacrum, which hips and spine stretch (ours). It does not appear in joint angles: the neighbour's
skin moves in the same direction."""
TRUNK_WOBBLE, THIGH_WOBBLE = np.radians(8.6), np.radians(5.7)
"""Error of a sensor on soft tissue, for a horizontal acceleration equal to gravity. In walking, a thigh has 0.4 and a sacrum
0.13 of it (one recorded person), so 2.3° and 1.1°; in slow lifts the error is negligible. Sized so that hip flexion in walking
has its error against optics, 3 to 4° (ours)."""
SIDE = {"live": 0.6, "review": 0.38}
"""Inclination error of lateral bend and abduction as a part of that of flexion (ours)."""
SIDE_SKIN = 0.39
"""The same for skin movement (ours)."""
SIDE_AXIS = 0.2
"""Part of a mediolateral axis's error that appears in the lateral bend of a horizontal segment; its neighbour's is similar
(ours)."""
UPRIGHT = 0.05
"""Lateral errors affect rotation where the distal segment is horizontal; this part of their variance also where it is vertical
(ours)."""
SPINE_HEADING, HIP_HEADING = {"live": 0.6, "review": 0.5}, {"live": 1.5, "review": 0.85}
"""Part of the heading's variance that was found in the angles (ours). The filter allows for postures that few people take; but
in walking, unlike the spine, thighs do not swing about their standing posture."""
AXIS_RAD = np.radians(1.5)
"""Error of a mediolateral axis at full alignment confidence (ours)."""
WORST_AXIS_RAD = np.radians(15.0)
"""The same at zero confidence: a sensor is not mounted further off than this by mistake (ours)."""
ROUND_ABOUT_RAD = np.radians(90.0 / np.sqrt(12.0))
"""The same for a sensor that may face anywhere, as on a thigh, if only a mounting is stated: the nearer of two axes is stated,
so the error is uniform up to half a right angle."""
TRUSTED = 0.7
"""Alignment confidence from which the terms above cover the error of the axis (ours)."""


def axis_sd(confidence: Floats | float) -> Floats:
    """Standard deviation, rad, of mediolateral axes found by movements with these alignment confidences (0 … 1)."""
    return np.asarray(np.minimum(AXIS_RAD / np.maximum(confidence, 0.05) ** 1.5, WORST_AXIS_RAD))


def stated_axis_sd(placement: str) -> float:
    """Standard deviation, rad, of the mediolateral axis of a segment whose sensor's mounting was only stated."""
    return float(ROUND_ABOUT_RAD if placement in THIGH_KEYS else WORST_AXIS_RAD)


_TRUSTED_AXIS_RAD = float(axis_sd(TRUSTED))


def heading_variance(own: Floats, spread: Floats) -> Floats:
    """Variance (…), rad², of headings. own (…): the filters' variances; spread (…): mean square of recent postures, rad². An
    error of the heading appears as a posture, so it is hardly larger than the postures."""
    return np.asarray(own * spread / (spread + own))


def skin_variance(tilt: Floats, joints: int) -> Floats:
    """Variance (s, m), rad², of segments' inclinations from skin movement.

    tilt (s, m) rad: the inclinations, the pelvis's first and those of the joints' distal segments next. The joint angle
    stretches their skin; while the pelvis is missing, their inclination is used instead.
    """
    stretched = np.abs(tilt)
    if joints:
        pelvis = tilt[:1]
        missing = np.isnan(pelvis)
        if np.count_nonzero(missing):
            pelvis = np.where(missing, 0.0, pelvis)
        stretched[1 : 1 + joints] = np.abs(tilt[1 : 1 + joints] - pelvis)
    return np.asarray(np.square(SKIN * stretched / (1.0 + stretched / SKIN_HALF_RAD)))


class AngleSpreads:
    """Standard deviations under one alignment.

    placements: s segments, the pelvis first and the joints' distal ones next; axis (s,) rad: standard deviation of their
    mediolateral axes (`axis_sd`).
    """

    def __init__(self, placements: Sequence[str], axis: Floats, joints: int, estimator: str) -> None:
        thigh = np.isin(placements, THIGH_KEYS)
        at_rest = np.square(np.where(thigh, THIGH_RAD[estimator], INCLINATION_RAD[estimator]))[:, None]
        variance = np.square(axis)[:, None]
        # about an axis that is off by ε only cos ε of the angle is seen, about 1 - ε² / 2
        shorter = 0.75 * np.square(variance)
        # variance of axes not found by movements, beyond that of a trusted one: they mix forward and lateral lean
        doubt = np.maximum(variance - _TRUSTED_AXIS_RAD**2, 0.0)
        self._segment_rest, self._segment_shorter, self._segment_doubt = at_rest + SHARED_RAD**2, shorter, doubt
        self._wobble = np.square(np.where(thigh, THIGH_WOBBLE, TRUNK_WOBBLE))[:, None]
        self._stretch = np.where(np.asarray(placements) == Placement.PELVIS.value, SACRUM**2, 1.0)[:, None]
        pelvis, beside = slice(0, 1), slice(1, 1 + joints)
        self._rest = at_rest[pelvis] + at_rest[beside]
        self._side_rest = SIDE[estimator] ** 2 * self._rest
        self._side_axis = SIDE_AXIS**2 * np.maximum(variance[pelvis], variance[beside])
        self._shorter = np.maximum(shorter[pelvis], shorter[beside])
        self._doubt, self._pelvis_doubt = doubt[beside], doubt[pelvis]
        self._apart = self._doubt + self._pelvis_doubt
        found = np.where(thigh[beside, None], HIP_HEADING[estimator], SPINE_HEADING[estimator])
        # the full variance where axes were not found by movements: there the drift of a short standing outweighs postures
        self._heading = np.where(self._apart > 0.0, np.maximum(found, 1.0), found)
        self._doubtful, self._doubtful_joint = bool(doubt.any()), bool(self._apart.any())

    def wobble(self, shaken: Floats) -> Floats:
        """Variance (s, m), rad², of the segments' inclinations from the wobble of soft tissue; shaken (s, m) in gravity
        squared."""
        return np.asarray(self._wobble * shaken)

    def inclination(self, tilt: Floats, aside: Floats, skin: Floats, tilt_variance: Floats) -> Floats:
        """Standard deviation of the segments' inclinations tilt (s, m) rad.

        aside (s, m): sine of their lateral lean; skin (s, m): from `skin_variance`; tilt_variance (s, m): of the filter
        from accelerations, rad² (`dsp.orientation.acceleration_level`).
        """
        variance = self._stretch * skin + self._segment_shorter * np.square(tilt) + self._segment_rest + tilt_variance
        if self._doubtful:
            variance += self._segment_doubt * np.square(aside)
        return np.asarray(np.sqrt(variance))

    def joint(
        self,
        flexion: Floats,
        lying: Floats,
        aside: Floats,
        skin: Floats,
        heading_variance: Floats,
        tilt_variance: Floats,
    ) -> tuple[Floats, Floats, Floats]:
        """Standard deviations of the joints' flexion (j, m) rad, lateral bend (or abduction) and rotation.

        aside, skin, tilt_variance (1 + j, m): of the pelvis and the distal segments, as for `inclination`; lying (1 + j, m):
        square of the sine of their tilt; heading_variance (j, m) rad²: as far as it is stated.
        """
        both = skin[1:] + skin[:1]
        heading = self._heading * heading_variance
        lies = lying[1:]
        sideways = np.square(aside)
        of_flexion = self._rest + both + heading * sideways[1:] + self._shorter * np.square(flexion)
        side = self._side_rest + SIDE_SKIN**2 * both + self._side_axis * lies
        of_second = side + heading * lies
        of_third = side * (UPRIGHT + lies) + heading * (1.0 - lies)
        if self._doubtful_joint:
            # each segment's lean forward and to the side is mixed; and neighbours that an acceleration tilts alike are tilted
            # apart as far as their axes are
            apart = self._apart * tilt_variance[1:]
            of_flexion += self._doubt * sideways[1:] + self._pelvis_doubt * sideways[:1] + apart
            of_second += self._doubt * lies + self._pelvis_doubt * lying[:1] + apart
        return np.sqrt(of_flexion), np.sqrt(of_second), np.sqrt(of_third)
