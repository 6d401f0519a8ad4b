"""Standard uncertainty of each angle at each tick, and where its parts come from.

The parts are added in quadrature: the filter's inclination error, at rest and from accelerations; skin movement and alignment,
which grow with the angle; and the relative heading, which tells on lateral bend, rotation and abduction, and on flexion
in proportion to them. Sizes come from the simulated athlete (`benchmarks/`), not from people.
"""

from __future__ import annotations

import numpy as np

from signals.blocks import Floats

INCLINATION_RAD = {"live": np.radians(0.36), "review": np.radians(0.25)}
"""Inclination error of one worn sensor that two neighbours do not share."""
SHARED_RAD = {"live": np.radians(0.6), "review": np.radians(0.5)}
"""Inclination error that neighbours share and a joint angle is free of: the sway of the whole body in its zero. They share what
accelerations add, too, which comes with the samples."""
SKIN = 0.03
"""Error from skin movement under one sensor, as a share of a small angle of what stretches it. No filter sees it, and what is
not seen is not told from a sensor that moves with the bone: there the band is too wide."""
SKIN_HALF_RAD = np.radians(60.0)
"""Angle at which that share has fallen by half: skin stretches less and less."""
SIDE = {"live": 0.6, "review": 0.3}
"""Bend to the side and rotation suffer this much of what flexion does from inclination."""
SIDE_SKIN = 0.4
"""The same from skin."""
HEADING = 0.57
"""Part of the heading's standard deviation that was found in the angles: the filter grants postures that few take. All of it
where nobody has moved about the axes: there the drift of a short standing weighs more than postures."""
AXIS_RAD = np.radians(1.5)
"""Error of a mediolateral axis at full alignment confidence."""
WORST_AXIS_RAD = np.radians(15.0)
"""The same at none: who sticks a sensor on does not turn it further than this by mistake."""
TRUSTED = 0.7
"""Alignment confidence from which on a wrong axis is not worth more than what the terms above say of it."""
DEVICE_RAD = np.radians(1.5)
"""Inclination error granted to a device's own orientation filter."""


def axis_sd(confidence: Floats | float) -> Floats:
    """Standard deviation, rad, of mediolateral axes with these alignment confidences (0 … 1): 6° for a stated mounting."""
    return np.asarray(np.minimum(AXIS_RAD / np.maximum(confidence, 0.05) ** 1.5, WORST_AXIS_RAD))


_TRUSTED_AXIS_RAD = float(axis_sd(TRUSTED))


def inclination_sd(
    angle: Floats, aside: Floats | float, axis: Floats | float, tilt_variance: Floats | float, estimator: str
) -> Floats:
    """Of segments' inclinations (…) rad whose axes have the standard deviation `axis` (of a shape that fits), rad.

    aside (…): sine of the segments' lean to the side; tilt_variance (…): of the filter from accelerations, rad²
    (`dsp.acceleration_level`).
    """
    own = INCLINATION_RAD[estimator] ** 2 + SHARED_RAD[estimator] ** 2
    of_inclination = np.square(skin_sd(angle) + 0.3 * axis * np.abs(angle)) + own + tilt_variance
    doubt = _doubt(axis)
    if doubt.any():
        of_inclination += doubt * np.square(aside)
    return np.asarray(np.sqrt(of_inclination))


def _doubt(axis: Floats | float) -> Floats:
    """Variance, rad², of axes that nobody moved about, beyond that of a trusted one: they mix forward and sideways."""
    return np.asarray(np.maximum(np.square(axis) - _TRUSTED_AXIS_RAD**2, 0.0))


def skin_sd(angle: Floats) -> Floats:
    """Error from skin movement, rad, of a joint or segment turned by angle (n,) rad from standing."""
    size = np.abs(angle)
    return np.asarray(SKIN * size / (1.0 + size / SKIN_HALF_RAD))


def joint_sd(
    flexion: Floats,
    second: Floats,
    third: Floats,
    pelvis_tilt: Floats,
    heading_sd: Floats,
    axis: Floats | float,
    tilt_variance: Floats | float,
    estimator: str,
) -> tuple[Floats, Floats, Floats]:
    """Of a joint's flexion, lateral (or abduction) and rotation, each (…) rad; axis: the standard deviation, rad, of the worse
    of its two segments' axes; tilt_variance (…): of the distal segment, rad², as for `inclination_sd`.

    The skin under the distal sensor follows the joint, that under the pelvis' follows its tilt.
    """
    base = 2.0 * INCLINATION_RAD[estimator] ** 2
    skin = skin_sd(flexion) ** 2 + skin_sd(pelvis_tilt) ** 2
    doubt = _doubt(axis)
    heading = np.square(np.where(doubt > 0.0, 1.0, HEADING) * heading_sd)
    # a heading error turns the distal segment about the vertical: it reads as rotation while upright, as side bend while flexed
    flexed = np.square(np.sin(flexion))
    sideways = np.square(second)
    of_flexion = base + skin + heading * sideways + np.square(0.3 * axis * flexion)
    side = SIDE[estimator] ** 2 * base + SIDE_SKIN**2 * skin + np.square(SIDE_SKIN * axis) * flexed
    of_second = side + heading * flexed
    of_third = side + heading * (1.0 - flexed)
    if doubt.any():
        # mixed are flexion and side bend, of the joint and of the pelvis; and neighbours that an acceleration tilts alike are
        # tilted apart as far as their axes are
        apart = 2.0 * tilt_variance
        of_flexion += doubt * (sideways + apart)
        of_second += doubt * (flexed + np.square(np.sin(pelvis_tilt)) + apart)
    return np.sqrt(of_flexion), np.sqrt(of_second), np.sqrt(of_third)
