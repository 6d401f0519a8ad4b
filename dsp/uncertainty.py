"""Standard uncertainty of each angle at each tick, and where its parts come from.

The parts are added in quadrature: the filter's inclination error, which grows with movement; skin movement and alignment,
which grow with the angle; and the relative heading, which tells on lateral bend, rotation and abduction, and on flexion
in proportion to them. Sizes come from the simulated athlete (`benchmarks/`), not from people.
"""

from __future__ import annotations

import numpy as np

from signals.blocks import Floats

INCLINATION_RAD = {"live": np.radians(0.36), "review": np.radians(0.25)}
"""Inclination error of one worn sensor that two neighbours do not share."""
SHARED_RAD = {"live": np.radians(0.85), "review": np.radians(0.5)}
"""Inclination error that neighbours share and a joint angle is free of: the sway and settling of the whole body in its zero."""
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
"""Part of the heading's standard deviation that was found in the angles: the filter grants postures that few take."""
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


def inclination_sd(angle: Floats, axis: Floats | float, estimator: str) -> Floats:
    """Of segments' inclinations (…) rad whose axes have the standard deviation `axis` (of a shape that fits), rad."""
    own = INCLINATION_RAD[estimator] ** 2 + SHARED_RAD[estimator] ** 2
    return np.asarray(np.sqrt(own + (skin_sd(angle) + 0.3 * axis * np.abs(angle)) ** 2))


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
    estimator: str,
) -> tuple[Floats, Floats, Floats]:
    """Of a joint's flexion, lateral (or abduction) and rotation, each (…) rad; axis: the standard deviation, rad, of the worse
    of its two segments' axes.

    The skin under the distal sensor follows the joint, that under the pelvis' follows its tilt.
    """
    base = np.sqrt(2.0) * INCLINATION_RAD[estimator]
    skin = skin_sd(flexion) ** 2 + skin_sd(pelvis_tilt) ** 2
    heading = HEADING * heading_sd
    # a heading error turns the distal segment about the vertical: it reads as rotation while upright, as side bend while flexed
    upright, flexed = np.cos(flexion), np.sin(flexion)
    of_flexion = base**2 + skin + (heading * second) ** 2 + (axis * 0.3 * flexion) ** 2
    side = (SIDE[estimator] * base) ** 2 + SIDE_SKIN**2 * skin + (SIDE_SKIN * axis * flexed) ** 2
    of_second = side + (heading * flexed) ** 2
    doubt = np.maximum(np.square(axis) - _TRUSTED_AXIS_RAD**2, 0.0)
    if doubt.any():
        # an axis that nobody moved about mixes flexion and side bend, of the joint and of the pelvis
        of_flexion = of_flexion + doubt * second**2
        of_second = of_second + doubt * (flexed**2 + np.sin(pelvis_tilt) ** 2)
    return np.sqrt(of_flexion), np.sqrt(of_second), np.sqrt(side + (heading * upright) ** 2)
