"""The content of the report as words and rows: pure, from the tables. The template lays it out, `plots` draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from body_signals import CAUSE_FLAGS, DESCRIPTIONS, REPETITION_METRICS, Cause, Quality, flag_names
from body_signals.movements import KNEE_RAISE, MOVEMENTS, SIT_DOWN, STAND_UP, kind_of
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
    uncertainty,
    with_uncertainty,
    words,
)
from dashboards.report.published import PublishedRange, published_range
from dashboards.terminal import sensor_facts, side_of_row
from dsp.day import Group, OverSet, by_movement, over_set, scored, two_groups
from dsp.results import Repetition

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
    """All repetitions of one movement, of one leg where it is one leg's: which share is the right one for it, and medians with
    their spread over those that count (`dsp.day.scoring`), as in the hip screen. left_out: how many do not, by reason; groups:
    the two that the share falls into."""

    movement: str
    rows: tuple[Row, ...]
    share: str
    published: PublishedRange | None
    side: str = ""
    counted: tuple[Row, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()

    @property
    def count(self) -> str:
        return f"{len(self.rows)} {movement_word(self.movement, len(self.rows), self.side)}"

    @property
    def measured(self) -> int:
        """Repetitions that count and have the share."""
        return len(_present(self.counted, self.share))

    @property
    def counted_words(self) -> str:
        """How many are in the medians, where it is not all, and why."""
        if not self.left_out:
            return ""
        reasons = ", ".join(f"{n} {why}" for why, n in self.left_out.items())
        return f"{len(self.counted)} of {len(self.rows)} count (left out: {reasons})"

    @property
    def remarks(self) -> str:
        """Flags of the repetitions that count, and shares that are missing though their angles are there."""
        flags = [name for row in self.counted for name in flag_names(row["quality"])]
        said = [f"{words(name)} in {n}" for name, n in Counter(flags).items()]
        whys = [why for row in self.counted if (why := missing_share(row, self.share))]
        return ", ".join(said + [f"no share in {n}: {why}" for why, n in Counter(whys).items()])

    def spread(self, name: str, *, scale: float = 1.0, decimals: int = 0) -> tuple[str, str]:
        """Median of a column over the repetitions that count and have it, and the least and largest of them in words."""
        found = _present(self.counted, name) * scale
        if not len(found) or (name == "ascent_s" and kind_of(self.movement).one_way):
            return DASH, ""
        middle, low, high = (
            with_uncertainty(float(v), decimals=decimals) for v in (np.median(found), found.min(), found.max())
        )
        return middle, "" if len(found) == 1 else f"{low} to {high}"

    def over(self, name: str) -> OverSet:
        """Median and spread of a column over the repetitions that count."""
        return over_set([row[name] for row in self.counted], [row.get(f"{name}_sd", math.nan) for row in self.counted])

    def median(self, name: str) -> float:
        """Median of a column over the repetitions that count and have it, NaN where none has."""
        return self.over(name).median


def missing_share(row: Row, share: str) -> str:
    """Why this share of a repetition is missing though its angles are there; empty where it is not, or was not measured."""
    said = dict(part.split(": ", 1) for part in (row.get("missing_shares") or "").split("; ") if ": " in part)
    return said.get(share, "")


def movements(repetitions: Sequence[Row]) -> tuple[MovementSummary, ...]:
    """Repetitions by movement and leg, in the order of `MOVEMENTS`; bends with straight knees have the share of trunk."""
    rows = {row["index"]: row for row in repetitions}
    by_place = by_movement(_repetition(row) for row in repetitions)
    found = []
    for movement in MOVEMENTS:
        for side in ("left", "right", ""):
            of_kind = by_place.get((movement, side))
            if of_kind is None:
                continue
            share, judged = share_to_read(movement), scored(of_kind)
            all_rows, counted = (tuple(rows[r.index] for r in part) for part in (of_kind, judged.counted))
            published, groups = published_range(share, movement), two_groups(judged.usable, share)
            found.append(MovementSummary(movement, all_rows, share, published, side, counted, judged.left_out, groups))
    return tuple(found)


def _repetition(row: Row) -> Repetition:
    """A row of the table as a result of dsp; a metric that is NaN is absent."""
    metrics = {name: value for name in REPETITION_METRICS if (value := row.get(name, math.nan)) == value}
    times = (row["start_s"], row["turn_s"], row["end_s"])
    return Repetition(row["index"], *times, row["movement"], row["movement_confidence"], row["quality"], metrics)


_WHEN = {
    STAND_UP.name: "in the lean before lift-off",
    SIT_DOWN.name: "on the way to the seat",
    KNEE_RAISE.name: "as the knee goes up",
}
"""What of a movement a share is of, where it is not the way down."""


def headline(groups: Sequence[MovementSummary]) -> list[str]:
    """The result in sentences, each with the range that it is compared with."""
    said = []
    for group in groups:
        found = group.over(group.share)
        if not math.isfinite(found.median):
            continue
        whole = (
            "trunk's movement (lumbar and pelvis)"
            if group.share == TRUNK
            else "trunk's movement on the thighs (lumbar and hips)"
        )
        when = _WHEN.get(group.movement, "in the movement" if kind_of(group.movement).one_way else "on the way down")
        values = _present(group.counted, group.share)
        of = f"median of {found.count}" if found.count > 1 else "one repetition"
        if found.count < len(group.rows):
            of = f"{of} of {len(group.rows)}"
        if found.count > 1:
            of += f": {percent(values.min())} to {percent(values.max())} %"
        reasons = [f"{n} {why}" for why, n in group.left_out.items()]
        missing = Counter(
            missing_share(row, group.share) or "not measured" for row in group.counted if not math.isfinite(row[group.share])
        )
        reasons += [f"{n} {why}" for why, n in missing.items()]
        of += f"; left out: {', '.join(reasons)}" if reasons else ""
        text = f"{group.count}: {when} the lumbar spine gave {percent(found.median, found.spread)} % of the {whole}; {of}"
        if group.groups:
            parts = " and ".join(f"{percent(g.median)} % (no. {', '.join(map(str, g.numbers))})" for g in group.groups)
            text += f". They fall into two groups: {parts}"
        if group.published is not None:
            low, high = group.published.low, group.published.high
            where = "below" if found.median < low else "above" if found.median > high else "inside"
            limits = f"{percent(low)} to {percent(high)} %"
            text += f"; {'the median is ' if group.groups else ''}{where} the published range {limits}"
            text += f" ({group.published.people}; {group.published.source})"
        said.append(text + ".")
    return said


def tiles(summary: Row, largest: Mapping[str, tuple[float, float, float, int]]) -> list[Tile]:
    """Headline numbers. `largest` maps an angle's name to its largest value, its uncertainty (degrees), time and flags."""
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
        value, sd, at, flags = largest.get(name, (math.nan, math.nan, math.nan, 0))
        number = with_uncertainty(value, decimals=0)
        note = f"largest (± {uncertainty(sd)}°), at {clock(at)}" if math.isfinite(sd) else f"largest, at {clock(at)}"
        note += f"; {quality_note(flags)}" if flags else ""
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
    if kind_of(row["movement"]).one_way:
        times[-1] = DASH
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
    kind = movement_word(row["movement"], side=side_of_row(row))
    unsure = row["movement_confidence"] < UNSURE_MOVEMENT
    return {"number": row["index"] + 1, "movement": f"{kind} ?" if unsure else kind, "note": quality_note(row["quality"])}


def missing_shares(repetitions: Iterable[Row]) -> list[tuple[str, str]]:
    """Why shares are missing though their angles are there, and of which repetitions, by their numbers."""
    found: dict[str, list[int]] = {}
    for row in repetitions:
        for part in (row.get("missing_shares") or "").split("; "):
            share, _, why = part.partition(": ")
            if share in SHARE_NAMES:
                found.setdefault(f"{SHARE_NAMES[share].removeprefix('lumbar ')}, {why}", []).append(row["index"] + 1)
    return [(why, _numbers(numbers)) for why, numbers in found.items()]


def _numbers(numbers: Sequence[int]) -> str:
    """Rising numbers, those that follow each other as a range: ``1, 4 to 6``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def findings(summary: Row) -> list[dict[str, str]]:
    """What was wrong with a sensor: where, from when until when, what, what to do, and the flag that its numbers carry."""
    found = []
    for f in summary["findings"]:
        until = "to the end" if f["until_s"] is None else f"to {clock(_number(f['until_s']))}"
        since = f"from {clock(_number(f['since_s']))} {until}"
        flag = CAUSE_FLAGS[Cause(f["cause"])] if f["cause"] in set(Cause) else None
        note = words(flag.name.lower()) if flag is not None and flag.name is not None else ""
        found.append({"where": words(f["placement"]), "when": since, "what": f["what"], "remedy": f["remedy"], "note": note})
    return found


def warnings(summary: Row) -> list[str]:
    """What else a reader should know: what was wrong with a sensor stands by itself."""
    said = {f"{f['placement']}: {f['what']}. {f['remedy']}" for f in summary["findings"]}
    return [warning for warning in summary["warnings"] if warning not in said]


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
        degrees = told.get("lumbar_flexion_deg")
        angle = "" if degrees is None else f", at {with_uncertainty(float(degrees), decimals=0)}° of lumbar flexion"
        said.append((told["time_s"], f"pain {told['level']:g} of 10{where}{angle}", told))
    times = {"live": "during the session", "session": "with the session", "afterwards": "afterwards"}
    return [
        (clock(_number(at)), what, times.get(str(one.get("said", "session")), DASH))
        for at, what, one in sorted(said, key=lambda one: (_number(one[0]), one[1]))
    ]


def _present(rows: Iterable[Row], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.array([r[name] for r in rows], np.float64)
    return values[np.isfinite(values)]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
