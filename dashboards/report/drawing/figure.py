"""A body seen from the side, facing right, as on the live page: pelvis, lumbar spine and thighs turn by the measured angles.

What is measured is coloured, what is drawn only for the eye is grey, what was not measured is not drawn. Lengths are parts of
the body's height; the standing foot stays where it is, and the knee of a standing leg bends by a part of its thigh's
inclination, which is not measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.palette import LEFT, LUMBAR, PELVIS, RIGHT, Ink
from dashboards.report.drawing.svg import PAPER, RULE, SINGLE, Drawing, colour

Point = tuple[float, float]
THIGH, SHANK, PELVIS_LONG, LUMBAR_LONG, THORAX, HEAD = 0.245, 0.246, 0.085, 0.145, 0.185, 0.062
THIGH_WIDE, TRUNK_WIDE = 0.09, 0.125
"""Parts of the body's height."""
BARS = 5
"""The lumbar spine is five bars along an arc from pelvis tilt to trunk inclination."""
KNEE = 0.42
"""The knee of a standing leg bends by this part of its thigh's inclination (ours)."""
APART_DEG, LIFTED_DEG = 6.0, 18.0
"""Legs are drawn apart, and one counts as lifted, from these differences on (ours)."""
BODY = "var(--body)"


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles from the vertical, degrees: forward is positive; NaN where it was not measured."""

    pelvis: float
    trunk: float
    left: float
    right: float


def figure(pose: Pose, label: str, *, width: float = 200.0, height: float = 270.0, lying: bool = False) -> Markup:
    """The body in a picture of that size. lying: a deep bend, which needs room to the right and is drawn larger."""
    drawing = Drawing(width, height, label)
    tall = 262.0 if lying else 232.0
    ground = height - 4.0
    drawing.line([10, width - 10], [ground, ground], RULE, 3)
    thighs = [v for v in (pose.left, pose.right) if math.isfinite(v)]
    standing = min(thighs, key=abs) if thighs else 0.0
    ankle = ((0.3 if lying else 0.38) * width, ground - 0.039 * tall)
    hip = _up(_up(ankle, SHANK * tall, KNEE * standing), THIGH * tall, -standing)
    near, ink = (pose.left, LEFT) if math.isfinite(pose.left) else (pose.right, RIGHT)
    apart = len(thighs) == 2 and abs(pose.left - pose.right) > APART_DEG
    if apart and abs(pose.left) < abs(pose.right):
        # the lifted leg stands in front
        _leg(drawing, hip, pose.left, LEFT, standing, tall, far=True)
        near, ink = pose.right, RIGHT
    elif apart:
        _leg(drawing, hip, pose.right, RIGHT, standing, tall, far=True)
    _trunk(drawing, hip, pose, near, ink, standing, tall)
    return drawing.markup()


def _trunk(drawing: Drawing, hip: Point, pose: Pose, near: float, ink: Ink, standing: float, tall: float) -> None:
    """From behind to the front: what is grey, the pelvis, the near leg, the lumbar spine, the arm."""
    upper = math.isfinite(pose.pelvis) and math.isfinite(pose.trunk)
    waist = [_up(hip, 0.4 * PELVIS_LONG * tall, pose.pelvis)]
    at, bars = _up(hip, PELVIS_LONG * tall, pose.pelvis), []
    for i in range(BARS):
        turn = pose.pelvis + (pose.trunk - pose.pelvis) * (i + 0.5) / BARS
        middle = _up(at, LUMBAR_LONG * tall / BARS / 2.0, turn)
        bars.append((_up(middle, 0.0118 * tall, turn - 90.0), turn))
        waist.append(middle)
        at = _up(at, LUMBAR_LONG * tall / BARS, turn)
    shoulder = _up(at, THORAX * tall, pose.trunk)
    if upper:
        _limb(drawing, [_up(at, 0.035 * tall, pose.trunk), _up(at, 0.15 * tall, pose.trunk)], BODY, TRUNK_WIDE * tall)
        _limb(drawing, [shoulder, _up(shoulder, 0.035 * tall, 0.85 * pose.trunk)], BODY, 0.05 * tall)
        drawing.circle(*_up(shoulder, 0.11 * tall, 0.85 * pose.trunk), HEAD * tall, BODY)
        _limb(drawing, [*waist, _up(at, 0.03 * tall, pose.trunk)], BODY, 0.112 * tall)
    if math.isfinite(pose.pelvis):
        ends = [_up(hip, part * PELVIS_LONG * tall, pose.pelvis) for part in (0.15, 0.72)]
        _limb(drawing, ends, colour(PELVIS), 0.118 * tall)
    if math.isfinite(near):
        _leg(drawing, hip, near, ink, standing, tall)
        drawing.circle(*hip, 0.022 * tall, PAPER)
    if upper:
        for (x, y), turn in bars:
            drawing.shape(
                f'<rect x="{-0.049 * tall:.1f}" y="{-0.01125 * tall:.1f}" width="{0.098 * tall:.1f}" '
                f'height="{0.0225 * tall:.1f}" rx="{0.01 * tall:.1f}" transform="translate({x:.1f} {y:.1f}) '
                f'rotate({turn:.1f})" fill="{colour(LUMBAR)}"/>'
            )
        swing = 8.5 - 0.13 * pose.trunk
        elbow = _up(shoulder, -0.17 * tall, swing)
        _limb(drawing, [shoulder, elbow, _up(elbow, -0.16 * tall, swing - 10.0)], SINGLE, 0.036 * tall)


def _leg(drawing: Drawing, hip: Point, angle: float, ink: Ink, standing: float, tall: float, *, far: bool = False) -> None:
    if not math.isfinite(angle):
        return
    knee = _up(hip, -THIGH * tall, -angle)
    lifted = angle - standing > LIFTED_DEG
    ankle = _up(knee, -SHANK * tall, 0.0 if lifted else KNEE * angle)
    heel = (ankle[0] - 0.018 * tall, ankle[1] + 0.014 * tall)
    _limb(drawing, [knee, ankle], BODY, 0.062 * tall)
    _limb(drawing, [heel, (heel[0] + 0.105 * tall, heel[1])], BODY, 0.042 * tall)
    _limb(drawing, [hip, knee], colour(ink), (0.085 if far else THIGH_WIDE) * tall, 0.8 if far else 1.0)


def _limb(drawing: Drawing, points: list[Point], stroke: str, width: float, opacity: float = 1.0) -> None:
    x, y = zip(*points, strict=True)
    drawing.line(x, y, stroke, width, round_ends=True, opacity=opacity)


def _up(start: Point, length: float, degrees: float) -> Point:
    """From a point, so far in a direction from the vertical: 0 is up, positive leans forward."""
    turn = math.radians(degrees)
    return start[0] + length * math.sin(turn), start[1] - length * math.cos(turn)
