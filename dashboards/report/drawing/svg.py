"""An SVG drawing: shapes and words with the colours and strokes of the page, as text that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from dashboards.palette import LEFT, LUMBAR, PELVIS, RIGHT, Ink

BEFORE_DASHES = (2, 5)
"""*Equal*, *before*, and the way up."""
LIMIT_DASHES = (4, 4)
"""A published limit, or a proposal."""
INK, MUTE, GRID, LIT, TRACK, PAPER, SINGLE, RULE = (
    f"var(--{name})" for name in ("ink", "mute", "grid", "lit", "track", "paper", "bodyline", "line")
)


def colour(ink: Ink) -> str:
    """The colour of a segment on this page."""
    names = {LUMBAR: "lumbar", PELVIS: "pelvis", LEFT: "hipL", RIGHT: "hipR"}
    return f"var(--{names[ink]})" if ink in names else MUTE


class Drawing:
    """Shapes in the order in which they are drawn; lengths in CSS pixels, angles in degrees.

    label: the whole picture in one sentence with its numbers, for those who do not see it.
    """

    def __init__(self, width: float, height: float, label: str) -> None:
        self._width, self._height, self._label = width, height, label
        self._shapes: list[str] = []

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        stroke: str,
        width: float = 1.0,
        dashes: Sequence[float] = (),
        *,
        round_ends: bool = False,
        opacity: float = 1.0,
    ) -> None:
        """A line through points; it stops where a value is missing and goes on after it."""
        d, pen = [], "M"
        for one_x, one_y in zip(x, y, strict=True):
            if not (math.isfinite(one_x) and math.isfinite(one_y)):
                pen = "M"
                continue
            d.append(f"{pen}{_n(one_x)} {_n(one_y)}")
            pen = "L"
        if d:
            ends = ' stroke-linecap="round"' if round_ends else ""
            dashed = f' stroke-dasharray="{" ".join(_n(v) for v in dashes)}"' if dashes else ""
            pale = f' opacity="{_n(opacity)}"' if opacity < 1.0 else ""
            self._shapes.append(
                f'<path d="{"".join(d)}" fill="none" stroke="{stroke}" stroke-width="{_n(width)}" stroke-linejoin="round"'
                f"{dashed}{ends}{pale}/>"
            )

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str, *, radius: float = 0, opacity: float = 1.0
    ) -> None:
        """A filled rectangle."""
        corners = f' rx="{_n(radius)}"' if radius else ""
        pale = f' opacity="{_n(opacity)}"' if opacity < 1.0 else ""
        place = f'x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0.0))}" height="{_n(max(height, 0.0))}"'
        self._shapes.append(f'<rect {place}{corners} fill="{fill}"{pale}/>')

    def hatched(self, x: float, y: float, width: float, height: float, *, radius: float = 0) -> None:
        """Ground where nothing was measured: hatched by lines of its own, because an id may stand once on a page."""
        self.rect(x, y, width, height, TRACK, radius=radius)
        step, at = 7.0, x - height
        lines = []
        while at < x + width:
            first, last = max(at, x), min(at + height, x + width)
            if last > first:
                lines.append(f"M{_n(first)} {_n(y + height - (first - at))}L{_n(last)} {_n(y + height - (last - at))}")
            at += step
        self._shapes.append(f'<path d="{"".join(lines)}" stroke="{SINGLE}" stroke-width="1"/>')

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "none", width: float = 0.0) -> None:
        """A dot."""
        edge = f' stroke="{stroke}" stroke-width="{_n(width)}"' if width else ""
        self._shapes.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}"{edge}/>')

    def diamond(self, x: float, y: float, fill: str, size: float = 6.0) -> None:
        """A mark on a bar."""
        s = _n(size)
        self._shapes.append(f'<path d="M{_n(x)} {_n(y)}m-{s} 0l{s}-{s} {s} {s}-{s} {s}z" fill="{fill}"/>')

    def shape(self, markup: str) -> None:
        """A shape of the program's own making; never text of people."""
        self._shapes.append(markup)

    def text(
        self, x: float, y: float, words: object, size: float, *, anchor: str = "start", bold: bool = False, mute: bool = False
    ) -> None:
        """Words on one line, at their baseline."""
        weight = ' font-weight="700"' if bold else ""
        pale = ' class="m"' if mute else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._shapes.append(f'<text{pale} x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{weight}{place}>{escape(words)}</text>')

    def markup(self) -> Markup:
        """The drawing as an element; it scales with its column."""
        size = f'viewBox="0 0 {_n(self._width)} {_n(self._height)}" width="{_n(self._width)}" height="{_n(self._height)}"'
        return Markup(f'<svg {size} role="img" aria-label="{escape(self._label)}">{"".join(self._shapes)}</svg>')


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within low…high, at most `most` + 1, zero among them if it is inside."""
    span = max(high - low, 1e-9)
    for step in _steps(span / most):
        first = math.ceil(low / step - 1e-9) * step
        found = [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]
        if len(found) <= most + 1:
            return found
    return [low, high]


def _steps(least: float) -> Iterable[float]:
    magnitude = 10.0 ** math.floor(math.log10(least))
    for power in (magnitude, magnitude * 10.0):
        yield from (factor * power for factor in (1.0, 2.0, 5.0))


def _n(value: float) -> str:
    """A coordinate: to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
