"""The report's pictures as inline SVG: angles over time, lumbar against hip, the lumbar share of each repetition.

Colours are those of the segments (`dashboards.palette`) and never the only sign: lines differ in stroke too, phases in strokes
and markers. A missing value is a gap in the line, on a hatched ground. Text stays text, in the page's own typeface.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from body_signals.movements import kind_of
from dashboards.notation import clock
from dashboards.palette import INK, LEFT, LUMBAR, MUTE, PELVIS, RIGHT, SINGLE, Ink
from dashboards.report.content import PHASES, MovementSummary, Row
from dashboards.report.published import PublishedRange
from dsp.day import raised_side

Values = NDArray[Any]

_GREY, _PALE = MUTE.light, "#E4E8EC"

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hiphinge",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": "#7F8B97",
    "axes.labelcolor": _GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#7F8B97",
    "ytick.color": "#7F8B97",
    "xtick.labelcolor": _GREY,
    "ytick.labelcolor": _GREY,
    "hatch.linewidth": 0.5,
    "hatch.color": "#7F8B97",
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True)
class Trace:
    """How an angle is drawn."""

    column: str
    label: str
    colour: str
    stroke: Any
    width: float = 1.5


def _trace(column: str, label: str, ink: Ink) -> Trace:
    """In a segment's ink; the dashes are in widths of the line."""
    width = 1.5 if ink.dashes else 1.8
    return Trace(column, label, ink.light, (0, tuple(d / 2.6 for d in ink.dashes)) if ink.dashes else "-", width)


_PANELS: tuple[tuple[Trace, ...], ...] = (
    (
        _trace("lumbar_flexion_deg", "lumbar flexion", LUMBAR),
        _trace("pelvis_tilt_deg", "pelvis tilt", PELVIS),
    ),
    (
        _trace("hip_left_flexion_deg", "left hip flexion", LEFT),
        _trace("hip_right_flexion_deg", "right hip flexion", RIGHT),
    ),
)

PLOTTED: tuple[str, ...] = tuple(trace.column for panel in _PANELS for trace in panel)
"""Columns of the angle table that are drawn."""

MOST_ROWS = 4
"""Most rows of the plots of angles (ours)."""
_ROW_S = 150.0
"""Longest session, s, in one picture; a longer one is divided into up to `MOST_ROWS` (ours)."""
_POINTS_PER_ROW = 1600
"""Points drawn in a row, about two for each pixel of the page's width (ours)."""


def angles_over_time(angles: Mapping[str, Values], repetitions: Sequence[Row]) -> list[tuple[str, str]]:
    """Lumbar and pelvis above, hips below, as (description, SVG) for each stretch of the session, at most four."""
    time_s = angles["time_s"]
    begin, end = float(time_s[0]), float(time_s[-1])
    rows = max(1, min(MOST_ROWS, math.ceil((end - begin) / _ROW_S)))
    edges = np.linspace(begin, end, rows + 1)
    limits = [_limits([angles[t.column] for t in panel]) for panel in _PANELS]
    pictures = []
    for i, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
        inside = slice(np.searchsorted(time_s, low), np.searchsorted(time_s, high, side="right"))
        seen = [r for r in repetitions if r["end_s"] >= low and r["start_s"] <= high]
        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=(10.4, 4.3), layout="constrained")
            axes = figure.subplots(len(_PANELS), 1, sharex=True)
            for axis, panel, limit in zip(axes, _PANELS, limits, strict=True):
                _time_panel(axis, {k: v[inside] for k, v in angles.items()}, panel, seen, limit)
            axes[0].set_xlim(low, max(high, low + 1.0))
            _number_repetitions(axes[0], seen, low, high)
            axes[-1].set_xlabel("session time (min:s)")
            told = f"Angles from {clock(low)} to {clock(high)}: lumbar flexion and pelvis tilt above, hip flexion below"
            pictures.append((told, _svg(figure, f"time{i}")))
    return pictures


def _time_panel(
    axis: Axes, angles: Mapping[str, Values], panel: Sequence[Trace], repetitions: Sequence[Row], limits: tuple[float, float]
) -> None:
    time_s = angles["time_s"]
    full_height: Any = {"yrange": (0, 1), "transform": axis.get_xaxis_transform(), "lw": 0}
    axis.broken_barh([(r["start_s"], r["end_s"] - r["start_s"]) for r in repetitions], fc=_PALE, alpha=0.7, **full_height)
    missing = np.any([np.isnan(angles[t.column]) for t in panel], axis=0)
    gaps = [(begin, end - begin) for begin, end in _spans(time_s, missing)]
    axis.broken_barh(gaps, fc="none", hatch="////", ec="#7F8B97", **full_height)
    axis.axhline(0, color="#7F8B97", lw=0.8)
    for trace in panel:
        x, y = _envelope(time_s, angles[trace.column])
        axis.plot(x, y, color=trace.colour, ls=trace.stroke, lw=trace.width, label=trace.label)
    axis.set_ylim(limits[0], limits[1] + 0.1 * (limits[1] - limits[0]))
    axis.set_ylabel("degrees")
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 1.5, 2, 3, 5, 10], integer=True))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda s, _: clock(s)))
    span = time_s[-1] - time_s[0] if len(time_s) else 1.0
    axis.xaxis.set_major_locator(
        MultipleLocator(next(s for s in (1, 5, 10, 30, 60, 120, 300, 600, 1800, 7200) if span / s <= 14))
    )
    axis.grid(axis="y", color=_PALE, lw=0.8)
    axis.set_axisbelow(True)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(panel), frameon=False, handlelength=3, borderaxespad=0.2)


def _number_repetitions(axis: Axes, repetitions: Sequence[Row], low: float, high: float) -> None:
    seen = [r for r in repetitions if low <= r["turn_s"] <= high]
    every = max(1, math.ceil(len(seen) / 25))
    for row in seen[::every]:
        middle = (row["start_s"] + row["end_s"]) / 2
        axis.annotate(
            str(row["index"] + 1),
            (middle, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -3),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            color=_GREY,
        )


def loop(angles: Mapping[str, Values], row: Row, limits: tuple[tuple[float, float], tuple[float, float]]) -> str:
    """Lumbar flexion against hip flexion through one repetition: down solid with a dot, up dotted with a triangle."""
    during = _during(angles, row)
    turn = int(np.searchsorted(during["time_s"], row["turn_s"]))
    hip, lumbar = hip_of(during, row), during["lumbar_flexion_deg"]
    every = max(1, len(hip) // 300)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(2.15, 1.9))
        axis = figure.add_axes((0.21, 0.22, 0.73, 0.75))
        reach = min(limits[0][1], limits[1][1])
        axis.plot([0, reach], [0, reach], color="#7F8B97", lw=0.8, ls=(0, (1, 2)))
        for part, colour, stroke, marker in (
            (slice(0, turn + 1, every), INK, "-", "o"),
            (slice(turn, None, every), SINGLE, (0, (1, 1.5)), "^"),
        ):
            x, y = hip[part], lumbar[part]
            axis.plot(x, y, color=colour, ls=stroke, lw=1.7)
            marks = slice(len(x) // 4, None, max(1, len(x) // 4))
            axis.plot(x[marks], y[marks], color=colour, ls="", marker=marker, ms=3.5)
        axis.set_xlim(*limits[0])
        axis.set_ylim(*limits[1])
        axis.set_xlabel("hip (°)", labelpad=1)
        axis.set_ylabel("lumbar (°)", labelpad=1)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.grid(color=_PALE, lw=0.7)
        return _svg(figure, f"loop{row['index']}")


def loop_limits(angles: Mapping[str, Values], rows: Sequence[Row]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The same axes for all loops, so that they can be compared by eye."""
    parts = [_during(angles, row) for row in rows]
    hips = [hip_of(part, row) for part, row in zip(parts, rows, strict=True)]
    return _limits(hips), _limits([part["lumbar_flexion_deg"] for part in parts])


def _during(angles: Mapping[str, Values], row: Row) -> dict[str, Values]:
    time_s = angles["time_s"]
    part = slice(int(np.searchsorted(time_s, row["start_s"])), int(np.searchsorted(time_s, row["end_s"], side="right")))
    return {name: values[part] for name, values in angles.items()}


def hip_of(angles: Mapping[str, Values], row: Row) -> Values:
    """Hip flexion of the repetition: the mean of both hips, the moving hip in a knee raise, or the only one measured."""
    left, right = angles["hip_left_flexion_deg"], angles["hip_right_flexion_deg"]
    range_left, range_right = row["hip_left_rom_deg"], row["hip_right_rom_deg"]
    if not math.isfinite(range_left) or not math.isfinite(range_right):
        return right if math.isfinite(range_right) else left
    if kind_of(row["movement"]).one_leg:
        return left if raised_side(range_left, range_right) == "left" else right
    return np.asarray((left + right) / 2)


def shares(group: MovementSummary) -> str:
    """Lumbar share of each repetition of a movement with its uncertainty, and its course over the thirds; hollow points do
    not count. Medians are over the others."""
    numbers = [row["index"] + 1 for row in group.rows]
    counted = {row["index"] for row in group.counted}
    counts = np.array([row["index"] in counted for row in group.rows])
    whole = np.array([row[group.share] for row in group.rows]) * 100
    sd = np.nan_to_num(np.array([row[f"{group.share}_sd"] for row in group.rows])) * 100
    phases = np.array([[row[f"{group.share}_{phase}"] for phase in PHASES] for row in group.rows]) * 100
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.4, 2.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True)
        for axis in (left, right):
            axis.grid(axis="y", color=_PALE, lw=0.8)
            axis.set_axisbelow(True)
        if group.published is not None:
            _published_band(left, group.published)
        positions = np.arange(len(numbers))
        for these, fill in ((counts, INK), (~counts, "white")):
            left.errorbar(positions[these], whole[these], sd[these], fmt="o", color=INK, mfc=fill, ms=5, lw=1.2, capsize=3)
        middle_of_all = 100.0 * group.median(group.share)
        if math.isfinite(middle_of_all):
            left.axhline(middle_of_all, color=INK, lw=1, ls=(0, (6, 2)))
        every = max(1, math.ceil(len(numbers) / 20))
        left.set_xticks(positions[::every], [str(n) for n in numbers[::every]])
        left.set_xlim(-0.6, len(numbers) - 0.4)
        left.set_xlabel("repetition (dashed: median; hollow: does not count)")
        left.set_ylabel("lumbar share (%)")
        thirds = np.column_stack([phases[:, :3], np.full(len(phases), np.nan)]).ravel()  # NaN lifts the pen
        right.plot(np.tile([0.0, 1.0, 2.0, np.nan], len(phases)), thirds, color="#7F8B97", lw=0.8)
        right.plot(np.full(len(phases), 3), phases[:, 3], color="#7F8B97", marker="^", ms=4, ls="")
        scored = phases[counts]
        if np.isfinite(scored).any():
            middle = [float(np.nanmedian(c)) if np.isfinite(c).any() else math.nan for c in scored.T]
            right.plot(range(3), middle[:3], color=INK, lw=2.2, marker="o", ms=6)
            right.plot([3], middle[3:], color=INK, marker="^", ms=8, ls="")
        right.set_xticks(range(4), ["early", "middle", "late", "ascent"])
        right.set_xlim(-0.3, 3.3)
        right.axvline(2.5, color="#7F8B97", lw=0.8)
        right.set_xlabel("thirds of the way down, and the way up (bold: median)")
        everything = [whole + sd, whole - sd, phases.ravel()]
        if group.published is not None:
            everything.append(np.array([group.published.low, group.published.high]) * 100)
        left.set_ylim(*_limits(everything, least=30.0))
        return _svg(figure, f"share-{group.movement}{group.side}")


def _published_band(axis: Axes, published: PublishedRange) -> None:
    low, high = published.low * 100, published.high * 100
    axis.axhspan(low, high, fc=_PALE, ec=_GREY, lw=0.8, ls=(0, (1, 2)))
    axis.annotate(
        f"published range {low:.0f} to {high:.0f} % ({published.source.split(',')[0]})",
        (0.995, low),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8.5,
        color=_GREY,
    )


def _spans(time_s: Values, flagged: Values) -> list[tuple[float, float]]:
    """Stretches of time in which `flagged` holds."""
    change = np.flatnonzero(np.diff(flagged.astype(np.int8), prepend=0, append=0))
    last = len(time_s) - 1
    return [(float(time_s[a]), float(time_s[min(b, last)])) for a, b in zip(change[::2], change[1::2], strict=True)]


def _envelope(time_s: Values, values: Values) -> tuple[Values, Values]:
    """At most about `_POINTS_PER_ROW` points that keep every peak: the least and largest value of each stretch."""
    every = len(values) // (_POINTS_PER_ROW // 2)
    if every < 2:
        return time_s, values
    n = len(values) // every
    block = values[: n * every].reshape(n, every)
    empty = np.isnan(block).all(axis=1)
    low = np.where(empty, np.nan, np.where(np.isnan(block), np.inf, block).min(axis=1))
    high = np.where(empty, np.nan, np.where(np.isnan(block), -np.inf, block).max(axis=1))
    rising = block[:, -1] >= block[:, 0]
    pair = np.stack([np.where(rising, low, high), np.where(rising, high, low)], axis=1)
    x = time_s[: n * every].reshape(n, every)[:, [0, every // 2]]
    return x.ravel(), pair.ravel()


def _limits(values: Sequence[Values], *, least: float = 20.0) -> tuple[float, float]:
    """Axis limits around all values and near zero, at least `least` apart; 0 to `least` where there are no values."""
    found = np.concatenate([v[np.isfinite(v)].ravel() for v in values]) if values else np.empty(0)
    if not len(found):
        return 0.0, least
    low, high = float(found.min()), float(found.max())
    low = min(low, 0.0) if low < 15 else low
    room = 0.08 * max(high - low, least)
    return low - room, max(high, low + least) + room


def _svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: scales with the page, its ids unique on the page, its text in the page's typeface."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "inherit-page", text).replace("inherit-page", "var(--type)")
    text = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    return re.sub(r'xlink:href="#', f'xlink:href="#{name}-', text)
