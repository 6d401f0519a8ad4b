"""Standard uncertainty of each angle at each tick, and where its parts come from.

The parts are added in quadrature: the filter's inclination error, at rest and from accelerations; skin movement, which grows
with what stretches it; soft tissue, which is shaken; alignment, which mixes the planes; and the relative heading. The heading
reads as rotation while the distal segment is upright, and as bend to the side (or abduction) while it lies, whatever the
joint's own flexion. Sizes come from simulated athletes (`python -m benchmarks.uncertainty`), that of shaken tissue from
recordings of people.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import Floats, Placement
from dsp.calibration.calibration_movements import THIGH_KEYS

INCLINATION_RAD = {"live": np.radians(0.26), "review": np.radians(0.16)}
"""Inclination error at rest of one worn sensor, that its neighbours do not share."""
THIGH_RAD = {"live": np.radians(0.42), "review": np.radians(0.26)}
"""The same of a thigh, which each step shakes."""
SHARED_RAD = np.radians(0.3)
"""Inclination error that neighbours share and a joint angle is free of: the sway of the whole body in its zero. They share what
accelerations add, too, which comes with the samples."""
SKIN = 0.028
"""Error from skin movement under one sensor, as a share of a small angle of what stretches it. No filter sees it, and what is
not seen is not told from a sensor that moves with the bone: there the band is too wide."""
SKIN_HALF_RAD = np.radians(120.0)
"""Angle at which that share has fallen by half: skin stretches less and less."""
SACRUM = 1.5
"""The skin of the sacrum is stretched by hips and spine, and moves so many times as far. In the joint angles it does not show:
the skin of the neighbour goes the same way."""
TRUNK_WOBBLE, THIGH_WOBBLE = np.radians(8.6), np.radians(5.7)
"""Error of a sensor on soft tissue, for a horizontal force on it of the size of gravity. A walking thigh is shaken by 0.4 of it
and a sacrum by 0.13 (one recorded person), so 2.3° and 1.1°; in slow lifts it is next to nothing. Sized so that hip flexion in
walking has the error that it has against optics, 3 to 4° (ours)."""
SIDE = {"live": 0.6, "review": 0.38}
"""Bend to the side and abduction suffer this much of what flexion does from inclination."""
SIDE_SKIN = 0.39
"""The same from skin."""
SIDE_AXIS = 0.2
"""Share of a mediolateral axis' error that is found in bend to the side of a segment that lies: its neighbour's is alike."""
UPRIGHT = 0.05
"""Rotation suffers from errors to the side where the distal segment lies; this much of their variance also where it stands."""
SPINE_HEADING, HIP_HEADING = {"live": 0.6, "review": 0.5}, {"live": 1.5, "review": 0.85}
"""Part of the heading's variance that was found in the angles. The filter grants postures that few take; but while a person
walks thighs do not swing about the posture that they have in standing, as the spine does."""
AXIS_RAD = np.radians(1.5)
"""Error of a mediolateral axis at full alignment confidence."""
WORST_AXIS_RAD = np.radians(15.0)
"""The same at none: who sticks a sensor on does not turn it further than this by mistake."""
ROUND_ABOUT_RAD = np.radians(90.0 / np.sqrt(12.0))
"""The same of a sensor that may face anywhere, as on a thigh, and of which only a mounting is stated: of two of its axes the
nearer one, so it is up to half a right angle off."""
TRUSTED = 0.7
"""Alignment confidence from which on a wrong axis is not worth more than what the terms above say of it."""


def axis_sd(confidence: Floats | float) -> Floats:
    """Standard deviation, rad, of mediolateral axes that were moved about, with these alignment confidences (0 … 1)."""
    return np.asarray(np.minimum(AXIS_RAD / np.maximum(confidence, 0.05) ** 1.5, WORST_AXIS_RAD))


def stated_axis_sd(placement: str) -> float:
    """Standard deviation, rad, of the mediolateral axis of a segment whose sensor's mounting was only stated."""
    return float(ROUND_ABOUT_RAD if placement in THIGH_KEYS else WORST_AXIS_RAD)


_TRUSTED_AXIS_RAD = float(axis_sd(TRUSTED))


def heading_variance(own: Floats, spread: Floats) -> Floats:
    """Variance (…), rad², of headings of which their filters say the variance `own` (…), where the postures found lately have
    the mean square `spread` (…) rad²: an error of the heading shows as a posture, so it is hardly larger than they."""
    return np.asarray(own * spread / (spread + own))


def skin_variance(tilt: Floats, joints: int) -> Floats:
    """Variance (s, m), rad², of segments' inclinations from skin movement.

    tilt (s, m) rad: the inclinations, the pelvis' first and those of the distal segments of so many joints next. Their skin is
    stretched by the joint; while the pelvis is missing, by what they are inclined.
    """
    stretched = np.abs(tilt)
    if joints:
        pelvis = tilt[:1]
        missing = np.isnan(pelvis)
        if missing.any():
            pelvis = np.where(missing, 0.0, pelvis)
        stretched[1 : 1 + joints] = np.abs(tilt[1 : 1 + joints] - pelvis)
    return np.asarray(np.square(SKIN * stretched / (1.0 + stretched / SKIN_HALF_RAD)))


class AngleSpreads:
    """Standard deviations under one alignment.

    placements: s segments, the pelvis first and the distal ones of so many joints next; axis (s,) rad: standard
    deviation of their mediolateral axes (`axis_sd`).
    """

    def __init__(self, placements: Sequence[str], axis: Floats, joints: int, estimator: str) -> None:
        thigh = np.isin(placements, THIGH_KEYS)
        at_rest = np.square(np.where(thigh, THIGH_RAD[estimator], INCLINATION_RAD[estimator]))[:, None]
        variance = np.square(axis)[:, None]
        # an axis that is off by ε turns by cos ε of the angle, about 1 - ε² / 2
        shorter = 0.75 * np.square(variance)
        # variance of axes that nobody moved about, beyond that of a trusted one: they mix forward and sideways
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
        # all of it where nobody has moved about the axes: there the drift of a short standing weighs more than postures
        self._heading = np.where(self._apart > 0.0, np.maximum(found, 1.0), found)
        self._doubtful, self._doubtful_joint = bool(doubt.any()), bool(self._apart.any())

    def wobble(self, shaken: Floats) -> Floats:
        """Variance (s, m), rad², of the segments' inclinations where they are shaken (s, m), gravity squared."""
        return np.asarray(self._wobble * shaken)

    def inclination(self, tilt: Floats, aside: Floats, skin: Floats, tilt_variance: Floats) -> Floats:
        """Of the segments' inclinations tilt (s, m) rad.

        aside (s, m): sine of their lean to the side; skin (s, m): from `skin_variance`; tilt_variance (s, m): of the filter
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
        """Of the joints' flexion (j, m) rad, lateral bend (or abduction) and rotation.

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
