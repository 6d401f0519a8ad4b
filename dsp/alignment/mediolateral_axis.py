"""The mediolateral axis of a segment in its sensor: its source, its confidence, and the reasons.

Sources in the order of trust: the segment's own calibration movement (bends for the trunk, raises for a thigh); squats, or
sitting down and standing up, instead of it; a stated mounting (a thigh's is corrected by its first strides); and walking off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Mounting
from dsp import rotation
from dsp.alignment.segment_axes import AGREES_RAD, alike, functional_axis
from dsp.calibration.calibration_movements import BEND_COUNT, SensorMovement

STATED_MOUNTING = "standing and stated mounting"
"""Method of an alignment whose axis does not come from a movement."""
BENDS, RAISES, SQUATS, SITTINGS = "bends", "knee raises", "squats", "sit-to-stand"
"""Movements that give an axis."""
RAISE_COUNT, SITTING_COUNT, SQUAT_COUNT = 2, 2, 3
"""Number of knee raises, sittings and squats for full confidence (ours)."""
_WANTED = {BENDS: BEND_COUNT, RAISES: RAISE_COUNT, SQUATS: SQUAT_COUNT, SITTINGS: 2 * SITTING_COUNT}
"""Number of movements for full confidence, by kind."""
TRUST = {BENDS: 1.0, RAISES: 1.0, SQUATS: 0.6, SITTINGS: 0.5}
"""Confidence of each movement (ours). Squats, sitting down and standing up replace missing bends and knee raises; they are less
reliable, because the trunk leans less and the knees move apart."""
STRIDES_CONFIDENCE = 0.6
"""Confidence of the plane of a thigh's strides, which replaces a stated mounting (ours)."""
WALKING_CONFIDENCE = 0.3
"""Confidence of the forward direction of walking, which is within about 15° on simulated athletes (ours)."""
TYPICAL_RANGE_RAD = np.radians(45.0)
"""Range beyond which further bending does not improve a functional axis (ours; for the confidence only)."""
LEAST_ACROSS = 0.3
"""Sine of the smallest angle between the axis and the vertical (ours)."""
OPPOSITE_RAD = np.radians(120.0)
"""A movement whose axis is further than this from the stated one went in the opposite direction: the person leaned back
(ours)."""
UPRIGHT_RAD = np.radians(60.0)
"""A stated mounting whose vertical is further off than this cannot decide a movement's direction: the sensor is not worn as
stated (ours)."""
OPPOSITE_CONFIDENCE = 0.5
"""Factor on the confidence of an axis whose movement contradicts the stated mounting (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Axis to the wearer's right (3,) in the sensor, the method, the confidence (0 … 1), and its reasons. guessed: it may as
    well be the axis to the left."""

    right: Floats
    method: str
    confidence: float
    reasons: tuple[str, ...]
    guessed: bool = False


def of_movements(
    vertical: Floats,
    up: Floats,
    movements: Sequence[SensorMovement],
    kind: str,
    *,
    backwards: bool,
    mounting: Mounting | None = None,
) -> Axis:
    """From movements of one kind. vertical (3, n): earth's vertical in the sensor; up (3,): the same while standing.

    backwards: the segment's lower end moves forward, as in a thigh, and not its upper one. mounting: if bends went in several
    directions, those that agree with it count.
    """
    kept, spans = list(movements), [(e.start, e.end) for e in movements]
    if kind == BENDS:
        keep = alike(vertical, up, spans, None if mounting is None else -mounting.left_axis)
        kept, spans = [kept[i] for i in keep], [spans[i] for i in keep]
    axis, planarity, agreement_deg = functional_axis(vertical, up, spans)
    right = -axis if backwards else axis
    peak = float(np.median([e.peak for e in kept]))
    left_out = f" ({len(movements) - len(kept)} more went another way)" if len(movements) > len(kept) else ""
    reasons = [
        f"{len(kept)} {kind}{left_out}, range {np.degrees(peak):.0f}°",
        f"movement in one plane to {100 * planarity:.0f} %, repetitions agree to {agreement_deg:.1f}°",
    ]
    confidence = TRUST[kind] * min(1.0, len(kept) / _WANTED[kind]) ** 0.5 * min(1.0, peak / TYPICAL_RANGE_RAD) ** 0.5
    confidence *= _in_one_plane(planarity) * min(1.0, 6.0 / max(agreement_deg, 0.1))
    return Axis(right, "standing and " + kind, confidence, tuple(reasons))


def beside_mounting(axis: Axis, up: Floats, mounting: Mounting) -> Axis:
    """The axis from a movement, compared with the stated mounting. If the two are about half a turn apart, the mounting has the
    right sign, because a person may lean back instead of bending forward. Otherwise the movement is right, with less
    confidence."""
    agreement = float(axis.right @ -mounting.left_axis)
    if agreement >= np.cos(AGREES_RAD):
        return axis
    upright = float(up @ mounting.up_axis) > np.cos(UPRIGHT_RAD)
    if agreement < np.cos(OPPOSITE_RAD) and upright:
        off_deg = np.degrees(np.arccos(np.clip(agreement, -1.0, 1.0)))
        reason = f"the movement went the other way than the stated mounting says ({off_deg:.0f}° off), which was believed"
        return Axis(-axis.right, axis.method, OPPOSITE_CONFIDENCE * axis.confidence, (*axis.reasons, reason))
    reason = "the stated mounting disagrees with the movement, which was used"
    return Axis(axis.right, axis.method, 0.5 * axis.confidence, (*axis.reasons, reason))


def of_mounting(mounting: Mounting, up: Floats, missing: str, strode: tuple[Floats, float] | None) -> Axis:
    """From a stated mounting, or from a thigh's first strides: their axis to the right (3,) and their planarity.

    up (3,): the vertical in the sensor while standing; missing: the movement that would have given the axis.
    """
    if strode is not None:
        right, planarity = strode
        off_deg = np.degrees(np.arccos(np.clip(float(right @ -mounting.left_axis), -1.0, 1.0)))
        reason = f"no {missing}: axis from the first strides, {off_deg:.0f}° off the stated mounting"
        return Axis(right, "standing and strides", STRIDES_CONFIDENCE * _in_one_plane(planarity), (reason,))
    tilt_deg = float(np.degrees(np.arccos(np.clip(up @ mounting.up_axis, -1.0, 1.0))))
    reason = f"no {missing}: axis from the stated mounting, sensor {tilt_deg:.0f}° off the vertical"
    return Axis(-mounting.left_axis, STATED_MOUNTING, 0.4 if tilt_deg < 45.0 else 0.1, (reason,))


def of_walking(up: Floats, forward: Floats, strides: Floats | None) -> Axis:
    """From walking off: perpendicular to the forward direction (3,) in the sensor; for a thigh, normal to its plane of swing.

    up (3,): the vertical in the sensor while standing; strides (3, n): the vertical while a thigh swings. The swing alone has
    no sign; the forward direction gives it.
    """
    right = np.cross(forward, up)
    if strides is not None:
        axis, _, _ = functional_axis(strides, up, [(0, strides.shape[1])])
        right = axis if float(axis @ right) > 0.0 else -axis
    reason = "no bends, knee raises, squats or sitting down: axis from walking off straight, trunk forward"
    return Axis(np.asarray(right), "standing and walking off", WALKING_CONFIDENCE, (reason,))


def to_segment(up: Floats, right: Floats) -> Floats | None:
    """Quaternion (4,) sensor → segment, whose Y is `up` (3,) and whose Z is near `right` (3,); None where the two agree."""
    across = right - up * float(right @ up)
    length = float(np.sqrt((across**2).sum()))
    if length < LEAST_ACROSS:
        return None
    across = across / length
    return rotation.from_axes(np.cross(up, across), up, across)


def _in_one_plane(planarity: float) -> float:
    return min(1.0, max(0.0, (planarity - 0.8) / 0.15))
