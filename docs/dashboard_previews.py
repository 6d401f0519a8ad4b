"""Preview pictures of the dashboards: the panels' queries answered by a real InfluxDB, drawn with matplotlib.

`python -m docs.dashboard_previews` records the simulated training day of the tests, sends it to an InfluxDB of its own, and
writes `docs/previews/*.png`. These are previews of what a panel is about, not pictures of Grafana.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from dashboards.grafana import all_dashboards
from dashboards.grafana.offline import Answer, View, influxql, joined
from dashboards.grafana.panels import COLOURS
from dashboards.influx.delivery import push
from dashboards.influx.sending.sender import InfluxSettings
from dashboards.tables import read_summary
from tests.dashboards.training_days import DAY, PLAYERS, record
from tests.peers.influxdb import influxdb

OUT = Path(__file__).parent / "previews"
_UNITS = {
    "degree": "°",
    "s": "s",
    "percentunit": "%",
    "percent": "%",
    "hertz": "Hz",
    "none": "",
    "dthms": "min",
    "ms": "ms",
    "ppm": "ppm",
    "masskg": "kg",
}
TRAINING_S = 600.0


def _named(name: str) -> str:
    """A unit of Grafana as people write it; one of our own is written out behind ``suffix:``."""
    return name.removeprefix("suffix:").strip() if name.startswith("suffix:") else _UNITS[name]


_BAR_S = 60.0
"""Width of a bar, which is the interval of the panels that have bars."""
_LEGEND = 9
"""Series that are named."""
_ROWS = 6
"""Rows of a table that are drawn."""
Panel = Mapping[str, Any]


def draw(view: View, file: Path) -> None:
    """One picture of a dashboard, its panels where Grafana has them."""
    panels = view.dashboard["panels"]
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
    figure = Figure(figsize=(13.0, 0.36 * height + 0.9), dpi=75)
    top = 1.0 - 0.62 / figure.get_figheight()
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (view.from_ms, view.to_ms))
    chosen = ", ".join(f"{k} {'all' if v == '$__all' else v}" for k, v in view.chosen.items())
    figure.text(0.008, 1 - 0.25 / figure.get_figheight(), view.dashboard["title"], fontsize=13, weight="bold")
    figure.text(
        0.008, 1 - 0.48 / figure.get_figheight(), f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; {chosen}", fontsize=7.5
    )
    words = "preview, not a picture of Grafana; simulated athletes"
    figure.text(0.992, 1 - 0.25 / figure.get_figheight(), words, fontsize=9, ha="right", color="#B03030")
    for panel in panels:
        at = panel["gridPos"]
        left, width = at["x"] / 24, at["w"] / 24
        bottom, tall = top * (1 - (at["y"] + at["h"]) / height), top * at["h"] / height
        inch = 1 / figure.get_figheight()
        axes = figure.add_axes((left + 0.035, bottom + 0.30 * inch, width - 0.045, tall - 0.62 * inch))
        axes.set_title(panel["title"], fontsize=8, loc="left", weight="bold", pad=3)
        axes.tick_params(labelsize=6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        answers = view.answers(panel)
        if panel["type"] == "timeseries":
            _over_time(axes, panel, answers, view)
        elif panel["type"] == "xychart":
            _against(axes, panel, answers)
        elif panel["type"] == "bargauge":
            _bars(axes, panel, answers)
        elif panel["type"] == "stat":
            _numbers(axes, panel, answers)
        else:
            _table(axes, panel, answers)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, metadata={"Software": "hiphinge"})


def _scale(panel: Panel) -> float:
    return {"percentunit": 100.0, "dthms": 1 / 60}.get(panel["fieldConfig"]["defaults"]["unit"], 1.0)


def _over_time(axes: Axes, panel: Panel, answers: Sequence[Answer], view: View) -> None:
    custom, scale = panel["fieldConfig"]["defaults"]["custom"], _scale(panel)
    below: dict[int, float] = {}
    for answer in answers:
        for series in answer.series:
            for i, name in enumerate(series["columns"][1:], 1):
                times = date2num([datetime.fromtimestamp(row[0] / 1000, UTC) for row in series["values"]])
                values = [None if row[i] is None else row[i] * scale for row in series["values"]]
                label = " ".join(series.get("tags", {}).values()) or name
                numbers = [float("nan") if v is None else v for v in values]
                colour = COLOURS.get(name)
                if custom["drawStyle"] == "bars":
                    stamps = [row[0] for row in series["values"]]
                    floor = [below.get(s, 0.0) for s in stamps]
                    axes.bar(times, numbers, bottom=floor, width=_BAR_S / 86_400, label=label)
                    below.update({s: f + n for s, f, n in zip(stamps, floor, numbers, strict=True)})
                elif custom["drawStyle"] == "points":
                    axes.plot(times, numbers, "o", markersize=3, label=label, color=colour)
                else:
                    axes.plot(times, numbers, linewidth=0.8, label=label, color=colour)
    if custom["thresholdsStyle"]["mode"] == "area":
        _shade(axes, panel["fieldConfig"]["defaults"]["thresholds"]["steps"], scale)
    axes.set_xlim(*date2num([datetime.fromtimestamp(ms / 1000, UTC) for ms in (view.from_ms, view.to_ms)]))
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    _unit(axes, panel)
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > _LEGEND:
        axes.text(0.01, 0.97, f"{len(labels)} series, named in Grafana", fontsize=6, va="top", transform=axes.transAxes)
    elif labels:
        axes.legend(handles, labels, fontsize=6, frameon=False, ncols=3, loc="upper left")


def _shade(axes: Axes, steps: Sequence[Mapping[str, Any]], scale: float) -> None:
    """The areas between limits, which Grafana paints behind the points."""
    low, high = axes.get_ylim()
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if step["color"] == "transparent":
            continue
        bottom = low if step["value"] is None else step["value"] * scale
        top = high if after is None else after["value"] * scale
        if bottom < top:
            axes.axhspan(bottom, top, color=step["color"], alpha=0.15, linewidth=0)


def _unit(axes: Axes, panel: Panel) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    axes.set_ylabel(_named(defaults["unit"]), fontsize=7, labelpad=1)
    scale = _scale(panel)
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"] * scale)
    if "max" in defaults:
        axes.set_ylim(top=defaults["max"] * scale)


def _against(axes: Axes, panel: Panel, answers: Sequence[Answer]) -> None:
    series = panel["options"]["series"][0]
    x, y = (series[axis]["matcher"]["options"] for axis in "xy")
    rows = [row for row in answers[0].rows() if row[x] is not None and row[y] is not None]
    axes.plot([row[x] for row in rows], [row[y] for row in rows], "o", markersize=4, color=COLOURS.get(y))
    axes.set_xlabel(f"{x} °", fontsize=7, labelpad=0)
    axes.set_ylabel(f"{y} °", fontsize=7, labelpad=1)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _values(answers: Sequence[Answer]) -> dict[str, float]:
    return {
        name: v
        for answer in answers
        for row in answer.rows()[-1:]
        for name, v in row.items()
        if name != "time" and v is not None
    }


def _bars(axes: Axes, panel: Panel, answers: Sequence[Answer]) -> None:
    found, defaults = _values(answers), panel["fieldConfig"]["defaults"]
    steps = defaults.get("thresholds", {}).get("steps", [{"value": None, "color": "#4C78A8"}])
    colours = [[s["color"] for s in steps if s["value"] is None or v >= s["value"]][-1] for v in found.values()]
    axes.barh(list(found), [value * _scale(panel) for value in found.values()], color=colours, height=0.6)
    axes.set_xlabel(_named(defaults["unit"]), fontsize=7, labelpad=0)
    if "max" in defaults:
        axes.set_xlim(0, defaults["max"])
    axes.invert_yaxis()


def _numbers(axes: Axes, panel: Panel, answers: Sequence[Answer]) -> None:
    axes.axis("off")
    found = _values(answers)
    for i, (name, value) in enumerate(found.items()):
        axes.text((i + 0.5) / len(found), 0.55, _shown(panel, name, value), fontsize=15, ha="center", va="center")
        axes.text((i + 0.5) / len(found), 0.15, name, fontsize=7, ha="center")


def _shown(panel: Panel, name: str, value: Any) -> str:
    """A value with the unit and decimals of its column."""
    defaults = dict(panel["fieldConfig"]["defaults"])
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            defaults |= {one["id"]: one["value"] for one in override["properties"]}
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if defaults["unit"] == "dthms":
        value = round(value)
        return f"{value // 3600:.0f}:{value % 3600 // 60:02.0f}:{value % 60:02.0f}"
    scale = 100.0 if defaults["unit"] == "percentunit" else 1.0
    unit = _named(defaults["unit"])
    return f"{value * scale:.{defaults.get('decimals', 1)}f}{'' if unit in ('', '°', '%') else ' '}{unit}"


def _table(axes: Axes, panel: Panel, answers: Sequence[Answer]) -> None:
    axes.axis("off")
    rows = joined(answers, panel["transformations"])
    if not rows:
        axes.text(0.5, 0.5, "no data", ha="center", fontsize=8)
        return
    for by in panel["options"].get("sortBy", []):
        rows.sort(key=lambda row: row[by["displayName"]] or 0.0, reverse=by["desc"])
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if name != "time"]
    names.sort(key=lambda n: n != "athlete")
    cells = [[_shown(panel, n, row.get(n)) for n in names] for row in rows[:_ROWS]]
    longest = [min(34, max(map(len, column))) + 2 for column in zip(names, *cells, strict=True)]
    cut = [[c if len(c) <= 34 else c[:33] + "…" for c in row] for row in cells]
    widths = [n / max(sum(longest), 50) for n in longest]
    drawn = axes.table(
        cut, colLabels=names, colWidths=widths, loc="upper left", cellLoc="left", colLoc="left", edges="horizontal"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(6.5)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.3)
    if len(rows) > _ROWS:
        axes.text(0.0, -0.02, f"and {len(rows) - _ROWS} more", fontsize=6, va="top")


def main() -> None:
    """Record, send, ask, draw."""
    matplotlib.rcParams["font.family"] = "DejaVu Sans"
    with tempfile.TemporaryDirectory() as days, tempfile.TemporaryDirectory() as store:
        folders = record(Path(days), training_s=TRAINING_S)
        with influxdb(Path(store)) as server:
            server.query("CREATE DATABASE hip")
            for folder in folders:
                push(folder, InfluxSettings(server.url, "", "", "hip"))
            run = influxql(f"http://127.0.0.1:{server.port}", "hip")
            for page in all_dashboards():
                begin, end = DAY + timedelta(hours=9), DAY + timedelta(hours=17)
                chosen: dict[str, str | list[str]] = {} if page["title"] in ("Squad", "Sensors") else {"athlete": PLAYERS[0]}
                if page["title"] == "Live session":
                    head = read_summary(folders[4], "live")
                    begin = datetime.fromisoformat(head["start"])
                    chosen, end = {"athlete": PLAYERS[2]}, begin + timedelta(seconds=75.6)
                if page["title"] == "Lumbo-pelvic rhythm":
                    begin = DAY + timedelta(hours=9, minutes=30)
                    end = begin + timedelta(seconds=TRAINING_S)
                view = View(page, run, round(begin.timestamp() * 1000), round(end.timestamp() * 1000), chosen)
                draw(view, OUT / f"{page['uid']}.png")
                print(OUT / f"{page['uid']}.png")


if __name__ == "__main__":
    main()
