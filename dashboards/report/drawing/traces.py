"""Angles over the session: lumbar spine and pelvis above, both hips below, repetitions on grey ground with their words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from dashboards.notation import clock
from dashboards.palette import LEFT, LUMBAR, PELVIS, RIGHT, Ink
from dashboards.report.drawing.svg import GRID, LIT, MUTE, Drawing, colour, ticks

Values = NDArray[np.floating]
PANELS: tuple[tuple[tuple[str, Ink], ...], ...] = (
    (("pelvis_tilt_deg", PELVIS), ("lumbar_flexion_deg", LUMBAR)),
    (("hip_left_flexion_deg", LEFT), ("hip_right_flexion_deg", RIGHT)),
)
"""Columns of each panel, the later drawn over the earlier."""
WIDTH, HEIGHT = 682, 176
_LEFT, _RIGHT = 30.0, 678.0
_BOTTOM = 158.0
"""Bottom of the second panel."""
_PANEL_TOP, _BETWEEN = 18.0, 8.0
"""Top of the first panel below one row of labels; between the panels."""
_MOST_ROWS, _ROW = 3, 12.0
"""Rows that labels may take where movements are short, and the height of each (ours)."""
_POINTS = 648
"""Points of a line: one for each pixel (ours)."""


@dataclass(frozen=True, slots=True)
class Label:
    """Words above a stretch of the session, seconds."""

    begin: float
    end: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A stretch of the session with its repetitions (begin, end), seconds, and its labels."""

    begin: float
    end: float
    repetitions: tuple[tuple[float, float], ...]
    labels: tuple[Label, ...]


def strip(angles: Mapping[str, Values], part: Strip, reach: Mapping[str, tuple[float, float]], told: str) -> Markup:
    """One strip. reach: least and largest value of each column in the whole session, so that strips have the same scales."""
    drawing = Drawing(WIDTH, HEIGHT, told)
    span = max(part.end - part.begin, 1.0)
    time_s = angles["time_s"]
    inside = slice(int(np.searchsorted(time_s, part.begin)), int(np.searchsorted(time_s, part.end, side="right")))

    def x(seconds: float) -> float:
        return _LEFT + (min(max(seconds, part.begin), part.end) - part.begin) / span * (_RIGHT - _LEFT)

    placed = _placed(part.labels, x)
    first = _PANEL_TOP + _ROW * max([row for _, _, row in placed], default=0)
    for begin, end in part.repetitions:
        drawing.rect(x(begin), first, max(x(end) - x(begin), 1.0), _BOTTOM - first, LIT, opacity=0.35)
    for words, middle, row in placed:
        # the first row stands next to the movements
        drawing.text(middle, first - 6.0 - _ROW * row, words, 11, bold=True, anchor="middle")
    # the panels share what is left below the labels
    split = (_BOTTOM - first - _BETWEEN) / 2.0
    for top, bottom, panel in zip((first, _BOTTOM - split), (first + split, _BOTTOM), PANELS, strict=True):
        _panel(
            drawing, {name: angles[name][inside] for name in ("time_s", *(c for c, _ in panel))}, panel, reach, (top, bottom), x
        )
    for tick in ticks(part.begin, part.end, 8):
        drawing.text(x(tick), 174, clock(tick), 10.5, anchor="middle", mute=True)
    return drawing.markup()


def _panel(
    drawing: Drawing,
    angles: Mapping[str, Values],
    panel: Sequence[tuple[str, Ink]],
    reach: Mapping[str, tuple[float, float]],
    place: tuple[float, float],
    x: Callable[[float], float],
) -> None:
    low, high = min(0.0, *(reach[c][0] for c, _ in panel)), max(50.0, *(reach[c][1] for c, _ in panel))
    top, bottom = place

    def y(value: float) -> float:
        return bottom + (value - low) / (high - low) * (top - bottom)

    for tick in ticks(low, high, 3):
        drawing.line([_LEFT, _RIGHT], [y(tick)] * 2, GRID if tick else MUTE)
        drawing.text(25, y(tick) + 4, f"{tick:.0f}".replace("-", "−"), 10.5, anchor="end", mute=True)
    time_s = angles["time_s"]
    for begin, end in _missing([angles[c] for c, _ in panel], time_s):
        left, right = x(begin), x(end)
        if right - left >= 2.0:
            drawing.hatched(left, top, right - left, bottom - top)
    for column, ink in panel:
        at, values = envelope(time_s, angles[column], _POINTS)
        drawing.line([x(float(t)) for t in at], [y(float(v)) for v in values], colour(ink), 1.5, ink.dashes)


def _placed(labels: Sequence[Label], x: Callable[[float], float]) -> list[tuple[str, float, int]]:
    """Words, middle and row of each label, so that none is written over another: a further row where there is no room in the
    first ones. Where there is none in the last row either, the label moves aside."""
    free = [0.0] * _MOST_ROWS
    found = []
    for label in labels:
        middle, half = (x(label.begin) + x(label.end)) / 2, 3.9 * len(label.words)
        middle = min(max(middle, half), WIDTH - half)
        row = next((row for row, taken in enumerate(free) if middle - half >= taken), None)
        if row is None:
            row = min(range(_MOST_ROWS), key=lambda n: free[n])
            middle = free[row] + half
            if middle + half > WIDTH:
                continue
        found.append((label.words, middle, row))
        free[row] = middle + half + 8.0
    return found


def _missing(columns: Sequence[Values], time_s: Values) -> list[tuple[float, float]]:
    """Stretches in which one of the columns is missing though it is measured elsewhere in the session."""
    there = [c for c in columns if np.isfinite(c).any()]
    if not there or not len(time_s):
        return []
    gone = np.any([np.isnan(c) for c in there], axis=0)
    change = np.flatnonzero(np.diff(gone.astype(np.int8), prepend=0, append=0))
    last = len(time_s) - 1
    return [(float(time_s[a]), float(time_s[min(b, last)])) for a, b in zip(change[::2], change[1::2], strict=True)]


def envelope(time_s: Values, values: Values, most: int) -> tuple[Values, Values]:
    """At most about `most` points that keep every peak, and every gap that can be seen: least and largest of each stretch."""
    every = math.ceil(2 * len(values) / most)
    if every < 3:
        return time_s, values
    n = len(values) // every
    block = values[: n * every].reshape(n, every)
    gone = np.isnan(block)
    # of a stretch that is less than a pixel wide, what there is
    empty = gone.all(axis=1)
    low = np.where(empty, np.nan, np.where(gone, np.inf, block).min(axis=1))
    high = np.where(empty, np.nan, np.where(gone, -np.inf, block).max(axis=1))
    rising = block[:, -1] >= block[:, 0]
    pair = np.stack([np.where(rising, low, high), np.where(rising, high, low)], axis=1)
    at = time_s[: n * every].reshape(n, every)[:, [0, every // 2]]
    return at.ravel(), pair.ravel()
