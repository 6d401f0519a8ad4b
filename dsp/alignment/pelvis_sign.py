"""The sign of the pelvis's mediolateral axis, which its own movement cannot give.

On a seat the pelvis rolls back by 20°, and further when slumping, so its furthest position is often backwards. The lumbar spine
above it shows when a person bends forward: then both lean in the same direction. On a seat the lumbar spine is flexed compared
with standing, so the pelvis leans back while the spine above it is near upright.

Sagittal lean of standing and sitting people: recordings of people with a sensor on each segment (pelvis −22°, lower back +6°);
the rest is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from body_signals import Floats
from dsp.alignment.mediolateral_axis import WALKING_CONFIDENCE, Axis
from dsp.calibration.calibration_movements import SensorMovement

BENT_RAD = np.radians(10.0)
"""Least lean of the lumbar spine that counts as bending forward; sway and small leans carry no information (ours)."""
LEAST_SHARE = 0.05
"""Least movement of the pelvis, as a part of the lumbar spine's bend, that shows its sign (ours)."""
SEAT_BACK_RAD, SEAT_UPRIGHT_RAD = np.radians(8.0), np.radians(15.0)
"""On a seat, a pelvis inclined by more than the first leans back while the spine leans forward by less than the second
(ours)."""
UNKNOWN_CONFIDENCE = 0.3
"""Factor on the confidence of a pelvis axis whose sign is unknown (ours)."""


def beside_lumbar(axis: Axis, pelvis: Floats, lumbar: Floats, spans: Sequence[tuple[int, int]], seats: Sequence[int]) -> Axis:
    """The pelvis's axis with the sign from the lumbar spine.

    pelvis, lumbar (n,): forward lean of each, rad, by its own axis. spans: the ticks of the bends, squats or sittings
    that gave the axis. seats: ticks at which the person sat, in the middle of each stay.
    """
    there = np.zeros(len(lumbar), np.bool_)
    for start, end in spans:
        there[start:end] = True
    sign = _seated(pelvis, lumbar, seats) or _bending(pelvis[there], lumbar[there])
    if sign == 0.0:
        return guessed(axis)
    if sign > 0.0:
        return axis
    reason = "the pelvis leaned back further than forward: its sign is that of the lumbar spine's bends"
    return replace(axis, right=-axis.right, reasons=(*axis.reasons, reason))


def guessed(axis: Axis) -> Axis:
    """The pelvis's axis where the lumbar spine says nothing of its sign."""
    reason = "the lumbar spine does not tell which way the pelvis bends: its sign is a guess"
    return replace(axis, confidence=UNKNOWN_CONFIDENCE * axis.confidence, reasons=(*axis.reasons, reason), guessed=True)


def beside_walking(axis: Axis, up: Floats, forward: Floats) -> Axis:
    """A `guessed` axis with the sign from walking off. up, forward (3,): in the sensor."""
    *reasons, _ = axis.reasons
    confidence = min(axis.confidence / UNKNOWN_CONFIDENCE, WALKING_CONFIDENCE)
    right = axis.right if float(np.cross(forward, up) @ axis.right) > 0.0 else -axis.right
    return Axis(right, axis.method, confidence, (*reasons, "which way the pelvis bends is known from walking off"))


def _bending(pelvis: Floats, lumbar: Floats) -> float:
    """1 where the pelvis leans forward while the lumbar spine bends forward, −1 where it leans back, 0 where it does
    neither."""
    bent = np.maximum(lumbar - BENT_RAD, 0.0)
    known = np.isfinite(bent) & np.isfinite(pelvis)
    along, of = float((bent * pelvis)[known].sum()), float((bent * lumbar)[known].sum())
    return float(np.sign(along)) if abs(along) > LEAST_SHARE * of else 0.0


def _seated(pelvis: Floats, lumbar: Floats, seats: Sequence[int]) -> float:
    """The same from the stays on a seat; 0 where there were none, or where they do not decide."""
    votes = [-float(np.sign(pelvis[at])) for at in seats if abs(pelvis[at]) > SEAT_BACK_RAD and lumbar[at] < SEAT_UPRIGHT_RAD]
    return float(np.sign(sum(votes)))


def share_of(pelvis: Floats, lumbar: Floats, bends: Sequence[SensorMovement]) -> float:
    """Median lumbar share of the bends, from the lean (n,) of both as in `beside_lumbar`, where the lumbar spine leans
    furthest; NaN where there are none."""
    shares = []
    for bend in bends:
        lean = lumbar[bend.start : bend.end + 1]
        if not np.isfinite(lean).any():
            continue
        at = bend.start + int(np.nanargmax(lean))
        if lumbar[at] > BENT_RAD and np.isfinite(pelvis[at]):
            shares.append(1.0 - float(pelvis[at] / lumbar[at]))
    return float(np.median(shares)) if shares else float("nan")
