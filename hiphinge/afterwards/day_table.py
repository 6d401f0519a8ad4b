"""What is known of many sessions, from a spreadsheet: exertion, soreness, load, match day, gym and group by athlete and day.

    athlete,date,srpe,soreness,load_kg,match_day,gym,group
    player-07,2026-11-23,7,2,80,-2,north,forwards

A row holds for every session of that athlete on that day, in this computer's time zone. Each value becomes a mark at the
beginning of the session, in its edits.toml; a value of an earlier table is replaced. Everything is checked before anything is
written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from body_signals import FACTS, HiphingeError, SessionFact, session_fact
from hiphinge.afterwards.listing import FINISHED, Listed, listed
from on_disk import read_text, shown

ATHLETE, DATE = "athlete", "date"
_MOST_BYTES = 4 << 20
"""Largest table, bytes: a season of a club is some 100 kB (ours)."""
_REMEDY = f"Write the columns {ATHLETE}, {DATE} (as 2026-11-23) and any of {', '.join(FACTS)}"


@dataclass(frozen=True, slots=True)
class DayRow:
    """A row of the table: where it stands, whose day it is, and what is known of it."""

    line: int
    athlete: str
    day: date
    facts: tuple[SessionFact, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows with the sessions that they hold for, and those without a session."""

    sessions: tuple[tuple[Path, tuple[SessionFact, ...]], ...]
    without: tuple[DayRow, ...]


def read_day_table(path: Path) -> list[DayRow]:
    """The rows of a table, separated by commas or semicolons. HiphingeError names file, line and column."""
    text = read_text(path, _MOST_BYTES, _REMEDY).removeprefix("\ufeff")
    head = text.partition("\n")[0]
    # without `strict` a quotation mark that is never closed swallows the rest of the file
    reader = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    rows: list[DayRow] = []
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check_names(names, path)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_row(names, cells, reader.line_num, path))
    except csv.Error as error:
        raise HiphingeError(f"is no table: {error}", f"{path}, line {reader.line_num}", _REMEDY) from None
    seen: dict[tuple[str, date], int] = {}
    for row in rows:
        if (row.athlete, row.day) in seen:
            what = f"{shown(row.athlete)} on {row.day} stands in line {seen[row.athlete, row.day]} already"
            raise HiphingeError(what, f"{path}, line {row.line}", "Write one row for each athlete and day")
        seen[row.athlete, row.day] = row.line
    return rows


def _check_names(names: Sequence[str], path: Path) -> None:
    unknown = [name for name in names if name not in (ATHLETE, DATE, *FACTS)]
    doubled = [name for name in names if names.count(name) > 1]
    absent = [name for name in (ATHLETE, DATE) if name not in names]
    if unknown or doubled or absent:
        reasons = (("unknown column", unknown), ("two columns named", doubled[:1]), ("no column", absent))
        what = "; ".join(f"{words} {', '.join(map(shown, those))}" for words, those in reasons if those)
        raise HiphingeError(what, f"{path}, line 1", _REMEDY)


def _row(names: Sequence[str], cells: Sequence[str], line: int, path: Path) -> DayRow:
    where = f"{path}, line {line}"
    if len(cells) != len(names):
        raise HiphingeError(f"{len(cells)} cells under {len(names)} columns", where, _REMEDY)
    values = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    if not values[ATHLETE]:
        raise HiphingeError("no athlete is named", f"{where}, column {ATHLETE}", "Write the id under which sessions are stored")
    try:
        day = date.fromisoformat(values[DATE])
    except ValueError:
        what = f"{shown(values[DATE])} is no date"
        raise HiphingeError(what, f"{where}, column {DATE}", "Write it as 2026-11-23") from None
    facts = tuple(_fact(name, values[name], f"{where}, column {name}") for name in FACTS if values.get(name))
    return DayRow(line, values[ATHLETE], day, facts)


def _fact(name: str, text: str, where: str) -> SessionFact:
    written = {"match_day": f"MD{text if text[0] in '+-−' or text == '0' else f'+{text}'}", "load_kg": f"load {text}"}
    fact = session_fact(written.get(name, f"{name} {text}"))
    if fact is None:
        _, least, most = FACTS[name]
        raise HiphingeError(f"{shown(text)} is no {name}", where, f"Write a number from {least:g} to {most:g}")
    return fact


def matched(where: Path, rows: Sequence[DayRow]) -> Matched:
    """The finished sessions below the folder `where` that the rows hold for."""
    by_day: dict[tuple[str, date], list[Listed]] = {}
    for one in listed(where):
        if one.state == FINISHED and one.athlete is not None and one.start is not None:
            by_day.setdefault((one.athlete, one.start.astimezone().date()), []).append(one)
    pairs = [(row, by_day.get((row.athlete, row.day), [])) for row in rows]
    sessions = tuple((one.folder, row.facts) for row, found in pairs for one in found if row.facts)
    return Matched(sessions, tuple(row for row, found in pairs if not found))
