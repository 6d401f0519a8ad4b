"""Movement kind of a repetition, guessed from the angles at its deepest point, with a confidence.

Each kind has a place in the plane of trunk inclination and mean thigh inclination (degrees), taken from the ranges of
lifting studies (von Arx 2021, Bengtsson 2022: doi 10.26603/001c.38096); the confidence compares the two nearest kinds.
"""

from __future__ import annotations

import math

from body_signals.movements import BEND, DEADLIFT, HINGE, KNEE_RAISE, OTHER, SQUAT

SOFT_KNEE_DEG = 6.0
"""Thigh inclination, degrees, in a bend of any depth: no knee is locked (ours)."""
CENTRES: dict[str, tuple[float, float]] = {
    BEND.name: (70.0, SOFT_KNEE_DEG),
    HINGE.name: (55.0, 15.0),
    DEADLIFT.name: (68.0, 32.0),
    SQUAT.name: (45.0, 75.0),
}
"""Trunk inclination and mean thigh inclination, degrees, at the deepest point (ours, within the ranges of the studies
above)."""
SCALE_DEG = (25.0, 12.0)
"""Spread of both inclinations within a kind, degrees (ours)."""
PARTIAL = (0.3, 1.1)
"""Range of a repetition's depth, as a part of its kind's centre; both inclinations grow together (ours). A bend has no upper
limit, because a supple person bends further than any other movement goes."""
BEND_SHARE, HINGE_SHARE, SHARE_SCALE = 0.25, 0.15, 0.08
"""The lumbar share of the trunk's inclination distinguishes a bend (from the first on) from a waiter's bow (up to the second).
A bend has 0.38 to 0.63 in eight of ten people (Laird 2019, doi 10.1186/s12891-018-2387-x; the rest is ours)."""
SHARE_FROM_DEG = 20.0
"""Least trunk inclination, degrees, for this share (ours)."""
LEANS_DEG = 25.0
"""Least trunk inclination, degrees, of a bend where no thigh is measured (ours)."""
CANNOT_TELL = 0.3
"""Confidence of a kind that the worn sensors cannot distinguish from others (ours)."""
RAISE_DEG, OTHER_THIGH_DEG, RAISE_TRUNK_DEG = 25.0, 15.0, 25.0
"""A knee raise: one thigh above the first, the other below the second, the trunk below the third (ours)."""


def classify(
    trunk_deg: float, thigh_left_deg: float, thigh_right_deg: float, lumbar_share: float = math.nan
) -> tuple[str, float]:
    """Movement kind and confidence 0 … 1. NaN for an angle that was not measured. Without thighs every movement is a bend, and
    with one thigh a knee raise may be a squat; the confidence is low then. lumbar_share: of the trunk's inclination."""
    thighs = [t for t in (thigh_left_deg, thigh_right_deg) if math.isfinite(t)]
    if len(thighs) == 2 and max(thighs) > RAISE_DEG and min(thighs) < OTHER_THIGH_DEG and abs(trunk_deg) < RAISE_TRUNK_DEG:
        return KNEE_RAISE.name, round(min(1.0, (max(thighs) - min(thighs)) / 40.0), 3)
    if not math.isfinite(trunk_deg):
        return OTHER.name, 0.0
    if not thighs:
        return (BEND.name, CANNOT_TELL) if trunk_deg > LEANS_DEG else (OTHER.name, 0.0)
    mean = sum(thighs) / len(thighs)
    held = _held(lumbar_share if abs(trunk_deg) > SHARE_FROM_DEG else math.nan)
    # where the lumbar spine tells a bend, a knee that is straighter than soft is no sign against it
    thigh = {BEND.name: max(mean, SOFT_KNEE_DEG)} if held else {}
    distance = sorted(
        (math.hypot(_apart(trunk_deg, thigh.get(kind, mean), kind), held.get(kind, 0.0)), kind) for kind in CENTRES
    )
    (nearest, kind), (second, _) = distance[0], distance[1]
    if nearest > 3.0:
        return OTHER.name, round(max(0.0, 1.0 - 3.0 / nearest), 3)
    confidence = round((second - nearest) / max(second + nearest, 1e-9), 3)
    if len(thighs) == 1 and mean > RAISE_DEG and abs(trunk_deg) < RAISE_TRUNK_DEG:
        confidence = min(confidence, CANNOT_TELL)
    return kind, confidence


def _held(share: float) -> dict[str, float]:
    """Distance of a lumbar share from those of the kinds that differ by it, in units of its scale; NaN gives no preference."""
    if not math.isfinite(share):
        return {}
    return {
        BEND.name: max(0.0, BEND_SHARE - share) / SHARE_SCALE,
        HINGE.name: max(0.0, share - HINGE_SHARE) / SHARE_SCALE,
        # the lumbar spine gives a little in most lifts, and in some it does not
        DEADLIFT.name: 0.5 * max(0.0, HINGE_SHARE - share) / SHARE_SCALE,
    }


def _apart(trunk: float, thigh: float, kind: str) -> float:
    """Distance from a kind at any depth, in units of the scale at that depth."""
    trunk_centre, thigh_centre = CENTRES[kind]
    across, along = SCALE_DEG
    # in a bend the knee is soft from the beginning; in the others it bends on the way down
    begin = thigh_centre if thigh_centre <= SOFT_KNEE_DEG else 0.0
    x, y, dx, dy = trunk / across, (thigh - begin) / along, trunk_centre / across, (thigh_centre - begin) / along
    deepest = math.inf if kind == BEND.name else PARTIAL[1]
    depth = min(max((x * dx + y * dy) / (dx * dx + dy * dy), PARTIAL[0]), deepest)
    return math.hypot(x - depth * dx, y - depth * dy) / math.sqrt(depth)
