"""`hiphinge sessions`: all sessions by athlete and day, how good they are, and whether they were sent."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from body_signals import HiphingeError
from dashboards.notation import DASH, clock, confidence_words
from hiphinge import config
from hiphinge.afterwards.listing import BROKEN, FINISHED, SENT, Listed, listed
from hiphinge.commands.options import CONFIG, console

WIDE = 100
"""Columns of a terminal from which on there is room for everything (ours)."""


def sessions(
    folder: Path | None = typer.Argument(
        None, metavar="[FOLDER]", help="Folder of sessions; else HIPHINGE_SESSIONS, else the current one."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document: a list."),
    config_file: Path | None = CONFIG,
) -> None:
    """List sessions by athlete and day: duration, results, calibration, what was found wrong, sent to InfluxDB or not.

    Times are this computer's, with the zone. Only small files are read, and nothing is changed. A folder that cannot be read
    is named with the reason.
    """
    where = folder or config.load(config_file).sessions or Path()
    if not where.is_dir():
        what = "this is a file" if where.exists() else "no such folder"
        raise HiphingeError(what, str(where), "Give the folder of your sessions, or set HIPHINGE_SESSIONS")
    found = listed(where)
    if as_json:
        print(json.dumps([one.document for one in found]))
        return
    screen = console()
    if not found:
        screen.print(f"No sessions in {where.resolve()}.", highlight=False, soft_wrap=True)
        return
    screen.print(_table(found, wide=screen.width >= WIDE))
    for one in found:
        if one.why:
            screen.print(f"{one.folder.name}: {one.why}", highlight=False, soft_wrap=True)


def _table(found: list[Listed], *, wide: bool) -> Table:
    zones = {f"{one.start.astimezone():%Z}" for one in found if one.start is not None}
    # where there is little room, a zone that all share stands once
    shared = zones.pop() if not wide and len(zones) == 1 else ""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    titles = ("day", "lasts", "results", "calibration", "to heed", "InfluxDB")
    short = (f"day ({shared})" if shared else "day", "lasts", "results", "calibr.", "heed", "sent")
    for title in titles if wide else short:
        table.add_column(title, justify="right" if title in ("lasts", "heed") else "left", no_wrap=not wide)
    table.add_column("folder", overflow="fold", min_width=14)
    for athlete, group in itertools.groupby(found, key=lambda one: one.athlete):
        table.add_row(Text(athlete if athlete is not None else "not known whose", style="bold"))
        for one in group:
            table.add_row(*_cells(one, wide=wide, zone=not shared))
    return table


def _cells(one: Listed, *, wide: bool, zone: bool) -> list[Text | str]:
    local = None if one.start is None else one.start.astimezone()
    day = DASH if local is None else f"{local:%Y-%m-%d %H:%M %Z}" if zone else f"{local:%Y-%m-%d %H:%M}"
    if one.state == BROKEN:
        return [day, DASH, Text(BROKEN, style="red"), DASH, DASH, DASH, Text(one.folder.name)]
    results = " ".join(one.estimators) if wide or len(one.estimators) < 2 else "both"
    if one.state != FINISHED:
        results = one.state if wide else one.state.split()[0]
    sure = math.nan if one.confidence is None else one.confidence
    word = "none" if not math.isfinite(sure) else confidence_words(sure).split(",")[0]
    calibration = f"{word} {sure:.2f}" if wide and math.isfinite(sure) else word
    parts = [f"{n} {name}{'' if n == 1 else 's'}" for n, name in ((one.findings, "finding"), (one.warnings, "warning")) if n]
    heed = ", ".join(parts) if wide else str(one.findings + one.warnings or "")
    return [
        day,
        DASH if one.duration_s is None else clock(one.duration_s),
        Text(results, style="" if one.state == FINISHED else "yellow"),
        DASH if not one.estimators else Text(calibration, style="" if sure >= 0.5 else "yellow"),
        Text(heed or DASH, style="yellow" if one.findings else ""),
        Text(one.sent if wide else one.sent.split()[0], style="" if one.sent == SENT else "yellow"),
        Text(one.folder.name),
    ]
