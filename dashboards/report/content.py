"""The content of the report as words and rows: pure, from the tables. The template lays it out, `plots` draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from body_signals import DESCRIPTIONS, Quality
from body_signals.movements import MOVEMENTS, kind_of
from dashboards.notation import (
    DASH,
    THIGH,
    TRUNK,
    clock,
    confidence_words,
    movement_word,
    percent,
    quality_note,
    share_to_read,
    with_uncertainty,
    words,
)
from dashboards.report.published import PublishedRange, published_range
from dashboards.terminal import sensor_facts

SHARE_NAMES = {TRUNK: "lumbar share of trunk", THIGH: "lumbar share of trunk-on-thigh"}
UNSURE_MOVEMENT = 0.3
"""Below this confidence the kind of movement gets a question mark (ours)."""

PHASES = ("early", "middle", "late", "ascent")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline number: label, value, unit and the line beneath it."""

    label: str
    value: str
    unit: str
    note: str


@dataclass(frozen=True, slots=True)
class MovementSummary:
    """All repetitions of one movement: which share is the right one for it, and medians with their spread."""

    movement: str
    rows: tuple[Row, ...]
    share: str
    published: PublishedRange | None

    @property
    def count(self) -> str:
        return f"{len(self.rows)} {movement_word(self.movement, len(self.rows))}"

    @property
    def measured(self) -> int:
        """Repetitions that have the share."""
        return len(_present(self.rows, self.share))

    def spread(self, name: str, *, scale: float = 1.0, decimals: int = 0) -> str:
        """`median (least to largest)` of a column over the repetitions that have it."""
        found = _present(self.rows, name) * scale
        if not len(found):
            return DASH
        middle, low, high = (
            with_uncertainty(float(v), decimals=decimals) for v in (np.median(found), found.min(), found.max())
        )
        return middle if len(found) == 1 else f"{middle} ({low} to {high})"

    def median(self, name: str) -> float:
        """Median of a column over the repetitions that have it, NaN where none has."""
        found = _present(self.rows, name)
        return float(np.median(found)) if len(found) else math.nan


def movements(repetitions: Sequence[Row]) -> tuple[MovementSummary, ...]:
    """Repetitions by movement, in the order of `MOVEMENTS`. Bends with straight knees are read by the share of trunk."""
    found = []
    for movement in MOVEMENTS:
        rows = tuple(r for r in repetitions if r["movement"] == movement)
        if rows:
            share = share_to_read(movement)
            found.append(MovementSummary(movement, rows, share, published_range(share, movement)))
    return tuple(found)


def headline(groups: Sequence[MovementSummary]) -> list[str]:
    """The result in sentences, each with the range that it is compared with."""
    said = []
    for group in groups:
        share = group.median(group.share)
        if not math.isfinite(share):
            continue
        whole = (
            "trunk's movement (lumbar and pelvis)"
            if group.share == TRUNK
            else "trunk's movement on the thighs (lumbar and hips)"
        )
        found = _present(group.rows, group.share)
        of = (
            f"median of {len(found)}: {percent(found.min())} to {percent(found.max())} %"
            if len(found) > 1
            else "one repetition"
        )
        when = "in the movement" if kind_of(group.movement).one_way else "on the way down"
        text = f"{group.count}: {when} the lumbar spine gave {percent(share)} % of the {whole}; {of}"
        if group.published is not None:
            low, high = group.published.low, group.published.high
            where = "below" if share < low else "above" if share > high else "inside"
            limits = f"{percent(low)} to {percent(high)} %"
            text += f"; {where} the published range {limits} ({group.published.people}; {group.published.source})"
        said.append(text + ".")
    return said


def tiles(summary: Row, largest: Mapping[str, tuple[float, float, float]]) -> list[Tile]:
    """Headline numbers. `largest` maps an angle's name to its largest value, its uncertainty (degrees) and its time."""
    sets = len(summary["sets"])
    duration = _number(summary["duration_s"])
    found = [
        Tile("Duration", clock(duration), "", "h:min:s" if duration >= 3599.5 else "min:s"),
        Tile("Repetitions", str(summary["repetitions"]), "", f"in {sets} {'set' if sets == 1 else 'sets'}" if sets else ""),
    ]
    for name, label in (
        ("lumbar_flexion", "Lumbar flexion"),
        ("hip_left_flexion", "Left hip flexion"),
        ("hip_right_flexion", "Right hip flexion"),
    ):
        value, sd, at = largest.get(name, (math.nan,) * 3)
        number = with_uncertainty(value, decimals=0)
        note = f"largest (± {with_uncertainty(sd)}°), at {clock(at)}" if math.isfinite(sd) else f"largest, at {clock(at)}"
        found.append(Tile(label, number, "" if number == DASH else "°", "not measured" if number == DASH else note))
    sure = {p: _number(c.get("confidence")) for p, c in summary["calibration"].items()}
    if sure:
        weakest = min(sure, key=lambda p: sure[p] if math.isfinite(sure[p]) else -1.0)
        note = f"{confidence_words(sure[weakest])}; least sure: {words(weakest)}"
        found.append(Tile("Calibration", with_uncertainty(sure[weakest], decimals=2), "", note))
    else:
        found.append(Tile("Calibration", "none", "", "angles are missing"))
    return found


def range_row(row: Row) -> dict[str, Any]:
    """Cells of the table of ranges and times."""
    rom = {
        s: with_uncertainty(row[f"{s}_rom_deg"], row[f"{s}_rom_sd_deg"]) for s in ("lumbar", "pelvis", "hip_left", "hip_right")
    }
    times = [with_uncertainty(row[f"{part}_s"]) for part in ("descent", "hold", "ascent")]
    speeds = [
        "/".join(with_uncertainty(row[f"{s}_peak_velocity_{phase}_deg_s"], decimals=0) for phase in ("descent", "ascent"))
        for s in ("lumbar", "pelvis")
    ]
    delay = with_uncertainty(row["onset_delay_s"], decimals=2)
    return _placed(row) | {"cells": [clock(row["start_s"]), *times, *rom.values(), *speeds, delay]}


def share_row(row: Row) -> dict[str, Any]:
    """Cells of the table of lumbar shares: both shares whole, by thirds of the descent, and in ascent."""
    cells = []
    for share in (TRUNK, THIGH):
        cells += [percent(row[share], row[f"{share}_sd"]), *(percent(row[f"{share}_{phase}"]) for phase in PHASES)]
    return _placed(row) | {"cells": cells, "read": share_to_read(row["movement"])}


def _placed(row: Row) -> dict[str, Any]:
    kind = movement_word(row["movement"])
    unsure = row["movement_confidence"] < UNSURE_MOVEMENT
    return {"number": row["index"] + 1, "movement": f"{kind} ?" if unsure else kind, "note": quality_note(row["quality"])}


def flags_used(repetitions: Iterable[Row]) -> list[tuple[str, str]]:
    """Name and meaning of the quality flags that occur."""
    seen = 0
    for row in repetitions:
        seen |= row["quality"]
    return [(words(flag.name.lower()), DESCRIPTIONS[flag]) for flag in Quality if flag & seen and flag.name is not None]


def calibration_rows(summary: Row) -> list[dict[str, Any]]:
    """One row per sensor: method, confidence as number, words and bar, reasons."""
    rows = []
    for placement, alignment in summary["calibration"].items():
        sure = _number(alignment.get("confidence"))
        rows.append(
            {
                "placement": words(placement),
                "method": words(alignment.get("method") or DASH),
                "confidence": with_uncertainty(sure, decimals=2),
                "bar": max(0, min(100, round(100 * sure))) if math.isfinite(sure) else 0,
                "words": confidence_words(sure),
                "reasons": alignment.get("reasons") or [],
            }
        )
    return rows


def sensor_rows(summary: Row) -> list[list[str]]:
    """Cells of the sensors' table."""
    return [[words(p), facts.get("family") or DASH, *sensor_facts(facts)] for p, facts in summary["sensors"].items()]


def exposure_rows(summary: Row) -> list[tuple[str, str]]:
    """Zone of lumbar flexion (degrees) and the time spent in it."""
    times = summary["exposure"].get("lumbar_flexion_s", {})
    return [(words(zone), clock(_number(seconds))) for zone, seconds in times.items()]


def said_rows(summary: Row) -> list[tuple[str, str, str]]:
    """What was marked, noted and felt, in the order of time: when, what, and whether it was said during the session."""
    said = [(m["time_s"], words(m["label"]), m) for m in summary["marks"]]
    said += [(n["time_s"], f"“{n['text']}”", n) for n in summary["notes"]]
    for told in summary["pain"]:
        where = f", {told['where']}" if told.get("where") else ""
        said.append((told["time_s"], f"pain {told['level']:g} of 10{where}", told))
    times = {"live": "during the session", "session": "with the session", "afterwards": "afterwards"}
    return [
        (clock(_number(at)), what, times.get(str(one.get("said", "session")), DASH))
        for at, what, one in sorted(said, key=lambda one: (_number(one[0]), one[1]))
    ]


def calendar(start: Any) -> str:
    """The start as people write it, in UTC; a dash where it is unknown."""
    try:
        moment = datetime.fromisoformat(str(start)).astimezone(UTC)
    except ValueError:
        return DASH
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _present(rows: Iterable[Row], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.array([r[name] for r in rows], np.float64)
    return values[np.isfinite(values)]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
