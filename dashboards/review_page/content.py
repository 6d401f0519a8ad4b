"""What the page shows of one session, as one document: head, marks, repetitions with what a person said of them, and sets.

Pure, from the tables. Numbers are in degrees, seconds and shares from 0 to 1, missing ones None; the page writes them in its
reader's language. Which repetitions count, and the medians over them, are those of the report (`dsp.day`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from body_signals import ESTIMATORS, REPETITION_COLUMNS, Note, Pain, flag_names, understood
from body_signals.movements import KINDS, SHARE_OF_TRUNK_ON_THIGH, kind_of
from dashboards.edits import Edit, edited, read_edits
from dashboards.notation import kind_is_unsure
from dashboards.review_page.traces import COLUMNS, OVERVIEW
from dashboards.tables import available_estimators, read_repetitions, read_summary, repetition_of
from dashboards.terminal import side_of_row
from dsp.day import OverSet, by_movement, metrics_of, over_set, scored, sets_of, side_of
from dsp.results import TICK_HZ, Repetition

Row = Mapping[str, Any]
SHARE = SHARE_OF_TRUNK_ON_THIGH
"""The page shows the share of lumbar spine and hip throughout, since a hip number stands beside it everywhere."""
MEASURES: dict[str, str] = {
    "lumbar": "lumbar_rom_deg",
    "pelvis": "pelvis_rom_deg",
    "hip_left": "hip_left_rom_deg",
    "hip_right": "hip_right_rom_deg",
    "share": SHARE,
    "share_early": f"{SHARE}_early",
    "share_middle": f"{SHARE}_middle",
    "share_late": f"{SHARE}_late",
    "descent": "descent_s",
}
"""What the page shows of a repetition, by its name there: a column of the table."""
_NOTHING = OverSet(math.nan, math.nan, 0, False)
_HIP = "hip"
"""The hip of a movement: the raised one of a knee raise, else the mean of both."""


def _sd_column(column: str) -> str:
    stem = column.removesuffix("_deg")
    return f"{stem}_sd_deg" if stem != column else f"{column}_sd"


def session_document(folder: Path, estimator: str) -> dict[str, Any]:
    """The document of one estimator's results. HiphingeError where they, or edits.toml, cannot be read."""
    summary = read_summary(folder, estimator)
    table, edits = read_repetitions(folder, estimator, _needed()), read_edits(folder)
    found = table.to_pylist()
    kept = {row["index"]: row for row in edited(table, edits).to_pylist()}
    results = [repetition_of(row) for row in kept.values()]
    why: dict[int, str] = {}
    by_kind = by_movement(results)
    for of_kind in by_kind.values():
        why |= scored(of_kind).why
    groups = sets_of(results)
    set_of = {r.index: i for i, group in enumerate(groups, 1) for r in group}
    return {
        "session": folder.name,
        "athlete": summary["athlete"],
        "start": summary["start"],
        "duration_s": summary["duration_s"],
        "estimator": estimator,
        "estimators": list(available_estimators(folder)),
        "absent": [e for e in ESTIMATORS if e not in available_estimators(folder)],
        "columns": list(COLUMNS),
        "overview": list(OVERVIEW),
        "rate_hz": TICK_HZ,
        "kinds": [kind.name for kind in KINDS],
        "calibration": [
            {"placement": placement, "confidence": one.get("confidence")} for placement, one in summary["calibration"].items()
        ],
        "findings": summary["findings"],
        "warnings": summary["warnings"],
        "marks": _marks(summary),
        "repetitions": [_row(row, kept.get(row["index"]), edits, why, set_of) for row in found],
        "sets": [_set(f"set-{i}", group, kept, why) | {"number": i} for i, group in enumerate(groups, 1)],
        "groups": [
            _set("-".join(("all", *filter(None, of))), group, kept, why) | {"whole": True} for of, group in by_kind.items()
        ],
    }


def _needed() -> list[str]:
    """The columns that are used here: a table of repetitions has 180."""
    placed = ["index", "start_s", "turn_s", "end_s", "movement", "movement_confidence", "quality", "trunk_rom_deg"]
    measured = [name for column in MEASURES.values() for name in (column, _sd_column(column))]
    there = {q.name for q in REPETITION_COLUMNS}
    return [name for name in [*placed, *measured, "missing_shares"] if name in there]


def _row(
    row: Row, kept: Row | None, edits: Sequence[Edit], why: Mapping[int, str], set_of: Mapping[int, int]
) -> dict[str, Any]:
    """One repetition: as it was found, and as it counts. kept: the row as a person corrected it; None: it was none."""
    one = kept if kept is not None else row
    said = dict(part.split(": ", 1) for part in (row.get("missing_shares") or "").split("; ") if ": " in part)
    return {
        "number": row["index"] + 1,
        "start_s": row["start_s"],
        "turn_s": row["turn_s"],
        "end_s": row["end_s"],
        "movement": one["movement"],
        "side": side_of_row(one),
        "sure": not kind_is_unsure(one["movement_confidence"]),
        "found": {"movement": row["movement"], "confidence": _number(row["movement_confidence"])},
        "corrected": any(row["start_s"] <= edit.at_s <= row["end_s"] for edit in edits),
        "deleted": kept is None,
        "one_way": kind_of(one["movement"]).one_way,
        "quality": flag_names(row["quality"]),
        "counts": kept is not None and row["index"] not in why,
        "why": why.get(row["index"], ""),
        "set": set_of.get(row["index"]),
        "no_share": said.get(SHARE, ""),
        "values": {name: _value(one, column) for name, column in MEASURES.items()} | {_HIP: list(map(_number, _hip(one)))},
    }


def _value(row: Row, column: str) -> list[float | None]:
    """A number and its standard uncertainty."""
    return [_number(row[column]), _number(row.get(_sd_column(column)))]


def _hip(row: Row) -> tuple[float, float]:
    """Range of the hip of this movement, and its uncertainty; the mean needs both hips."""
    hips = {side: (float(row[f"hip_{side}_rom_deg"]), float(row[f"hip_{side}_rom_sd_deg"])) for side in ("left", "right")}
    raised = side_of_row(row)
    if raised:
        return hips[raised]
    (left, left_sd), (right, right_sd) = hips.values()
    return 0.5 * (left + right), 0.5 * math.hypot(left_sd, right_sd)


def _set(key: str, group: Sequence[Repetition], rows: Mapping[int, Row], why: Mapping[int, str]) -> dict[str, Any]:
    counted = [r for r in group if r.index not in why]
    found = metrics_of(counted) if counted else {}
    hips = [_hip(rows[r.index]) for r in counted]
    medians = {name: found.get(column, _NOTHING) for name, column in MEASURES.items()}
    medians[_HIP] = over_set([hip for hip, _ in hips], [sd for _, sd in hips])
    return {
        "key": key,
        "movement": group[0].movement,
        "side": side_of(group[0]),
        "start_s": min(r.start_s for r in group),
        "end_s": max(r.end_s for r in group),
        "repetitions": [r.index + 1 for r in group],
        "counted": [r.index + 1 for r in counted],
        "left_out": dict(Counter(why[r.index] for r in group if r.index in why)),
        "medians": {name: [_number(m.median), _number(m.spread), m.count] for name, m in medians.items()},
    }


def _marks(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that was marked, noted and told, in the order of time, each with the label that names it."""
    found = [
        (m["time_s"], m["label"], {"kind": "mark", "text": m["label"]}, m.get("said", "session")) for m in summary["marks"]
    ]
    found += [
        (n["time_s"], Note(n["text"]).label, {"kind": "note", "text": n["text"]}, n.get("said", "session"))
        for n in summary["notes"]
    ]
    found += [(p["time_s"], *_pain(p), p.get("said", "session")) for p in summary["pain"]]
    return [
        {"time_s": at, "label": label, "said": said} | what
        for at, label, what, said in sorted(found, key=lambda one: (one[0], one[1]))
    ]


def _pain(told: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    where = told.get("where") or ""
    label = Pain(float(told["level"]), where).label
    read = understood(label)
    seen = {"lumbar_flexion_deg": _number(told.get("lumbar_flexion_deg")), "repetition": told.get("repetition")}
    text = read.where if isinstance(read, Pain) else where
    return label, {"kind": "pain", "text": text, "level": float(told["level"])} | seen


def _number(value: Any) -> float | None:
    """A number as JSON has it."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
