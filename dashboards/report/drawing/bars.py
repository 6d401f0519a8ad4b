"""Bars: what each hip gives against a limit, the thirds of a bend against a published band, and the parts of a training day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.notation import DASH
from dashboards.palette import LEFT, LUMBAR, RIGHT, Ink
from dashboards.report.drawing.svg import GRID, INK, LIT, MUTE, PAPER, TRACK, Drawing, colour

WIDTH, HEIGHT = 214, 158
"""Of a picture in a row of three."""
_MOST_DEG = 120.0
"""End of a hip's bar unless a hip goes further (ours)."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with the words beside it. value: NaN where it is missing; used: a second value, drawn as a mark."""

    name: str
    value: float
    words: str
    used: float = math.nan


def hip_gives(sides: Sequence[Bar], limit: float, limit_words: str, label: str) -> Markup:
    """One bar for the left and one for the right hip, degrees of true flexion, and the limit as a line through both."""
    drawing = Drawing(WIDTH, HEIGHT, label)
    most = max([_MOST_DEG, *(s.value for s in sides if math.isfinite(s.value)), limit if math.isfinite(limit) else 0.0])
    scale = 180.0 / most
    numbers: list[tuple[float, float, str]] = []
    for top, side, ink in zip((30.0, 96.0), sides, (LEFT, RIGHT), strict=True):
        drawing.text(0, top + 19, side.name, 15, bold=True)
        if not math.isfinite(side.value):
            drawing.hatched(26, top, 180, 26, radius=4)
            drawing.text(116, top + 46, DASH, 14, bold=True, anchor="middle")
            continue
        end = 26.0 + max(side.value, 0.0) * scale
        drawing.rect(26, top, 180, 26, TRACK, radius=4)
        drawing.rect(26, top, end - 26, 26, colour(ink), radius=4)
        if math.isfinite(side.used):
            drawing.diamond(26 + min(max(side.used, 0.0), most) * scale, top + 13, PAPER)
        numbers.append((end, top + 46, side.words))
    if math.isfinite(limit):
        at = 26.0 + limit * scale
        drawing.line([at, at], [22, 130], PAPER, 7)
        drawing.line([at, at], [18, 130], INK, 3)
        half = 3.7 * len(limit_words)
        drawing.text(min(max(at, half), WIDTH - half), 13, limit_words, 12, anchor="middle")
    for end, y, words in numbers:
        line = 26.0 + limit * scale
        if math.isfinite(limit) and abs(end - line) < 26.0:
            # beside the line, on the side of its value
            drawing.text(
                *((line + 8, y) if end >= line else (line - 8, y)),
                words,
                14,
                anchor="start" if end >= line else "end",
                bold=True,
            )
        else:
            drawing.text(min(max(end, 42.0), 196.0), y, words, 14, bold=True, anchor="middle")
    return drawing.markup()


def thirds(bars: Sequence[Bar], band: tuple[float, float] | None, label: str) -> Markup:
    """Early, middle and late share, 0…1, in percent, before the published band."""
    drawing = Drawing(WIDTH, HEIGHT, label)

    def y(percent: float) -> float:
        return 124.0 - 1.1 * percent

    if band is not None:
        drawing.rect(40, y(100 * band[1]), 168, 110 * (band[1] - band[0]), LIT, opacity=0.75)
    for tick in (0, 50, 100):
        drawing.line([40, 208], [y(tick)] * 2, GRID if tick else MUTE)
        drawing.text(34, y(tick) + 4, tick, 10, anchor="end", mute=True)
    for i, bar in enumerate(bars):
        middle = 68.0 + 56.0 * i
        drawing.text(middle, 146, bar.name, 12, anchor="middle", mute=True)
        if not math.isfinite(bar.value):
            drawing.hatched(middle - 14, y(100), 28, 110)
            drawing.text(middle, y(0) - 5, DASH, 15, bold=True, anchor="middle")
            continue
        height = min(max(100 * bar.value, 0.0), 100.0)
        drawing.rect(middle - 14, y(height), 28, 1.1 * height, colour(LUMBAR))
        drawing.text(middle, max(y(height) - 6, 12.0), bar.words, 15, bold=True, anchor="middle")
    return drawing.markup()


def shares(bars: Sequence[Bar], label: str, ink: Ink = LUMBAR) -> Markup:
    """A horizontal bar for each movement: its lumbar share, 0…1, of the whole width."""
    drawing = Drawing(WIDTH, HEIGHT, label)
    step = HEIGHT / max(len(bars), 4)
    for i, bar in enumerate(bars):
        top = step * i
        drawing.text(0, top + 12, bar.name, 12)
        drawing.text(WIDTH, top + 12, bar.words, 13, bold=True, anchor="end")
        if not math.isfinite(bar.value):
            drawing.hatched(0, top + 18, WIDTH, 12, radius=4)
            continue
        drawing.rect(0, top + 18, WIDTH, 12, TRACK, radius=4)
        drawing.rect(0, top + 18, WIDTH * min(max(bar.value, 0.0), 1.0), 12, colour(ink), radius=4)
    return drawing.markup()


def levels(bars: Sequence[Bar], label: str) -> Markup:
    """Standing bars of one quantity, the tallest as high as the picture; for time in zones, and for sets one after another."""
    drawing = Drawing(WIDTH, HEIGHT, label)
    most = max([bar.value for bar in bars if math.isfinite(bar.value)] or [1.0]) or 1.0
    width = WIDTH / max(len(bars), 1)
    drawing.line([0, WIDTH], [124, 124], MUTE)
    for i, bar in enumerate(bars):
        middle = width * (i + 0.5)
        drawing.text(middle, 146, bar.name, 12 if len(bars) <= 5 else 10, anchor="middle", mute=True)
        if not math.isfinite(bar.value):
            drawing.text(middle, 118, DASH, 14, bold=True, anchor="middle")
            continue
        height = 96.0 * max(bar.value, 0.0) / most
        half = min(14.0, 0.38 * width)
        drawing.rect(middle - half, 124 - height, 2 * half, height, colour(LUMBAR))
        drawing.text(middle, 118 - height, bar.words, 14 if len(bars) <= 5 else 10, bold=True, anchor="middle")
    return drawing.markup()
