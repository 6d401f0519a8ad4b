"""Lumbar against hip flexion: the square with equal scales, and where the lumbar spine steps in during a rock-back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from dashboards.palette import LUMBAR
from dashboards.report.drawing.bars import HEIGHT, WIDTH
from dashboards.report.drawing.svg import BEFORE_DASHES, GRID, INK, LIMIT_DASHES, LIT, MUTE, SINGLE, Drawing, colour, ticks

Values = NDArray[np.floating]
_POINTS = 90
"""Points of a curve; a picture is as many pixels wide (ours)."""
_STEP_DEG = 30.0
"""The squares end at a multiple of this (ours)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Hip and lumbar flexion through a repetition, degrees (n,), and the sample of its turn."""

    hip: Values
    lumbar: Values
    turn: int


@dataclass(frozen=True, slots=True)
class Square:
    """A picture with the words around it."""

    title: str
    picture: Markup
    number: str
    note: str


def square(curves: Sequence[Curve], label: str) -> Markup:
    """Several repetitions, the last one on top in colour: way down solid, way up dotted; on the diagonal both are equal."""
    drawing = Drawing(164, 150, label)
    low, high = _reach([v for c in curves for v in (c.hip, c.lumbar)])
    side = (26.0, 150.0, 130.0, 8.0)

    def x(value: Values | float) -> Values:
        return np.asarray(side[0] + (np.asarray(value) - low) / (high - low) * (side[1] - side[0]))

    def y(value: Values | float) -> Values:
        return np.asarray(side[2] + (np.asarray(value) - low) / (high - low) * (side[3] - side[2]))

    for tick in (low, (low + high) / 2, high) if low == 0 else ticks(low, high, 3):
        drawing.line(side[:2], [float(y(tick))] * 2, GRID)
        drawing.line([float(x(tick))] * 2, side[2:], GRID)
        words = f"{tick:.0f}".replace("-", "−")
        drawing.text(22, float(y(tick)) + 4, words, 11, anchor="end", mute=True)
        drawing.text(float(x(tick)), 148, words, 11, anchor="middle", mute=True)
    drawing.line(side[:2], side[2:], MUTE, 1.5, BEFORE_DASHES)
    for i, curve in enumerate(curves):
        last = i == len(curves) - 1
        stroke, width = (colour(LUMBAR), 3.5) if last else (SINGLE, 1.6)
        down, up = _thinned(slice(0, curve.turn + 1), curve), _thinned(slice(curve.turn, None), curve)
        drawing.line(x(down[0]).tolist(), y(down[1]).tolist(), stroke, width)
        drawing.line(x(up[0]).tolist(), y(up[1]).tolist(), stroke, width, BEFORE_DASHES, round_ends=True)
    return drawing.markup()


def spine_steps_in(curves: Sequence[Curve], onset: float, onset_words: str, limit: float, label: str) -> Markup:
    """Lumbar against hip flexion from the start of each rock-back on; onset: the hip flexion at which the lumbar spine
    gives way, with its limit, degrees, NaN where there is none."""
    drawing = Drawing(WIDTH, HEIGHT, label)
    down = [_thinned(slice(0, c.turn + 1), c) for c in curves]
    hips = [float(np.nanmax(hip)) for hip, _ in down if np.isfinite(hip).any()]
    spines = [float(np.nanmax(spine)) for _, spine in down if np.isfinite(spine).any()]
    marks = [n + 5.0 for n in (onset, limit) if math.isfinite(n)]
    wide = max(30.0, *(10.0 * math.ceil(v / 10.0) for v in (*hips, *marks, 30.0)))
    tall = max(20.0, *(10.0 * math.ceil(v / 10.0) for v in (*spines, 20.0))) + 2.0

    def x(value: Values | float) -> Values:
        return np.asarray(34.0 + np.asarray(value) / wide * 170.0)

    def y(value: Values | float) -> Values:
        return np.asarray(124.0 - np.clip(np.asarray(value), -2.0, tall) / tall * 110.0)

    if math.isfinite(limit):
        drawing.rect(34, 14, float(x(limit)) - 34, 110, LIT, opacity=0.35)
    for tick in ticks(0.0, tall, 3):
        drawing.line([34, 204], [float(y(tick))] * 2, GRID if tick else MUTE)
        drawing.text(28, float(y(tick)) + 4, f"{tick:.0f}", 10, anchor="end", mute=True)
    for tick in ticks(0.0, wide, 4):
        drawing.text(float(x(tick)), 144, f"{tick:.0f}", 10, anchor="middle", mute=True)
    for i, (hip, spine) in enumerate(down):
        last = i == len(down) - 1
        drawing.line(x(hip).tolist(), y(spine).tolist(), colour(LUMBAR), 3.5 if last else 2.0, opacity=1.0 if last else 0.45)
    if math.isfinite(onset):
        at = float(x(onset))
        drawing.line([at, at], [36, 124], INK, 3)
        drawing.circle(at, 99, 6, INK)
        anchor, place = ("end", at - 10) if at > 84 else ("start", at + 10)
        drawing.text(place, 50, onset_words, 15, bold=True, anchor=anchor)
    if math.isfinite(limit):
        drawing.line([float(x(limit))] * 2, [14, 124], INK, 1.5, LIMIT_DASHES)
    return drawing.markup()


def _reach(values: Sequence[Values]) -> tuple[float, float]:
    """From zero, or below it where a curve goes there, to a multiple of `_STEP_DEG` above all."""
    found = np.concatenate([np.asarray(v, np.float64) for v in values]) if values else np.zeros(1)
    found = found[np.isfinite(found)]
    top, bottom = (float(found.max()), float(found.min())) if len(found) else (0.0, 0.0)
    high = max(2, math.ceil((top - 3.0) / _STEP_DEG)) * _STEP_DEG
    return (0.0 if bottom > -8.0 else math.floor(bottom / _STEP_DEG) * _STEP_DEG, high)


def _thinned(part: slice, curve: Curve) -> tuple[Values, Values]:
    hip, lumbar = curve.hip[part], curve.lumbar[part]
    every = max(1, len(hip) // _POINTS)
    return hip[::every], lumbar[::every]
