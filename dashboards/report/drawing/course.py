"""One measure before and after treatment: what cannot be told from *before* is grey, pain stands beneath."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.notation import DASH
from dashboards.palette import Ink
from dashboards.report.drawing.svg import BEFORE_DASHES, GRID, LIT, MUTE, PAPER, RULE, Drawing, colour, ticks

WIDTH, HEIGHT = 682, 270
MOST = 7
"""Most points that are drawn (ours)."""


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """A measurement: when (words and clock), its value, and half the width of what cannot be told from *before*; NaN where it
    is not known. outside: it is more than the measurement can tell; kept: words beside the value; pain with its sign."""

    when: str
    at: str
    value: float
    words: str
    cannot_tell: float
    outside: bool
    kept: str
    pain: str
    band_words: str


def course(points: Sequence[CoursePoint], ink: Ink, pain_word: str, unit: str, label: str) -> Markup:
    """The first point is *before*; its value is the dotted line."""
    drawing = Drawing(WIDTH, HEIGHT, label)
    known = [p.value for p in points if math.isfinite(p.value)]
    before = points[0].value
    margins = [p.cannot_tell for p in points[1:] if math.isfinite(p.cannot_tell)]
    low = min([*known, *(before - m for m in margins)]) if known else 0.0
    high = max([*known, *(before + m for m in margins)]) if known else 1.0
    room = 0.12 * max(high - low, 1e-6)
    low, high = low - room, high + 2.0 * room

    def y(value: float) -> float:
        return 178.0 - (value - low) / (high - low) * 150.0

    step = 598.0 / max(len(points), 1)
    x = [64.0 + step * (i + 0.5) for i in range(len(points))]
    for tick in ticks(low, high, 3):
        drawing.line([64, 662], [y(tick)] * 2, GRID, 1.5)
        # of a share in percent
        shown = f"{tick:.0f}" if unit == "°" else f"{100 * tick:.0f}"
        drawing.text(52, y(tick) + 4, f"{shown.replace('-', '−')}{unit}", 10, anchor="end", mute=True)
    _bands(drawing, points, before, x, step, y)
    if math.isfinite(before):
        drawing.line([64, 662], [y(before)] * 2, MUTE, 2, BEFORE_DASHES)
    drawing.line(x, [y(p.value) if math.isfinite(p.value) else math.nan for p in points], colour(ink), 2.6)
    drawing.line([64, 662], [232, 232], RULE, 1.5)
    drawing.text(0, 258, pain_word, 13, bold=True)
    size = 21 if len(points) <= 5 else 16
    for i, (at, point) in enumerate(zip(x, points, strict=True)):
        drawing.text(at, 208, point.when, 13 if len(points) <= 5 else 11, bold=True, anchor="middle")
        drawing.text(at, 225, point.at, 10, anchor="middle", mute=True)
        drawing.text(at, 258, point.pain, size, bold=True, anchor="middle")
        if not math.isfinite(point.value):
            drawing.text(at, 110, DASH, size, bold=True, anchor="middle")
            continue
        fill = colour(ink) if point.outside or i == 0 else PAPER
        drawing.circle(at, y(point.value), 7.2, fill, colour(ink), 2.6)
        drawing.text(at, y(point.value) - 14, point.words, size, bold=True, anchor="middle")
        if point.kept and len(points) <= 5:
            drawing.text(at + 8 + 6.2 * len(point.words), y(point.value) - 15, point.kept, 11, mute=True)
    return drawing.markup()


def _bands(
    drawing: Drawing,
    points: Sequence[CoursePoint],
    before: float,
    x: Sequence[float],
    step: float,
    y: Callable[[float], float],
) -> None:
    """What cannot be told from *before*, for each stretch with the same width; the first point belongs to the next."""
    if not math.isfinite(before):
        return
    widths = [p.cannot_tell for p in points]
    if len(widths) > 1:
        widths[0] = widths[1]
    begin = 0
    for i in range(1, len(points) + 1):
        if i < len(points) and widths[i] == widths[begin]:
            continue
        margin = widths[begin]
        if math.isfinite(margin):
            left, right = x[begin] - step / 2, x[i - 1] + step / 2
            drawing.rect(left, y(before + margin), right - left, y(before - margin) - y(before + margin), LIT, opacity=0.6)
            words = points[max(begin, 1) if len(points) > 1 else 0].band_words
            anchor, place = ("start", left + 8) if begin == 0 else ("end", right - 8)
            drawing.text(place, y(before - margin) + 13, words, 10, anchor=anchor, mute=True)
        begin = i
