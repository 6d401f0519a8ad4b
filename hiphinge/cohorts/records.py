"""A session folder as rows of a cohort: its repetitions, the session itself, its hip screen, and its marks.

Everything is as a person corrected it: repetitions that were deleted are not there, kinds are as stated, athlete and start are
those of session.toml. Sets, and which repetitions count, are told again from what is left. The screen is that of
`hiphinge.comparing.occasions`, in its parts. Notes and free labels stay where they are: a cohort holds no sentence of a person.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from body_signals import (
    BASELINE,
    CALIBRATE,
    NEW_SET,
    REPETITION_COLUMNS,
    RETEST,
    TREATMENT,
    Storage,
    retested,
    session_facts,
)
from dashboards.edits import edited_repetitions
from dashboards.tables import read_summary, repetition_of
from dsp.comparison import unit_of
from dsp.day import by_movement, scored, sets_of, side_of
from dsp.results import Repetition
from hiphinge.cohorts.athlete_file import FILE_SCHEMA
from hiphinge.cohorts.columns import MARK, MEASURE, REPETITION, SESSION, VIEWS
from hiphinge.comparing.occasions import Told, told_of

_TOLD_BY = ("index", "start_s", "turn_s", "end_s", "movement", "movement_confidence", "quality")
_RANGES = ("trunk_rom_deg", "hip_left_rom_deg", "hip_right_rom_deg")
"""With the columns before, all that sets, sides and the scoring of repetitions go by."""
_KINDS = frozenset({TREATMENT, "before", "after", BASELINE, CALIBRATE, NEW_SET, RETEST})
"""Marks that are collected, by label."""
_FACTS = {"load_kg": "load_kg", "srpe": "srpe", "soreness": "soreness", "gym": "gym", "group": "squad_group"}
"""Facts of a session by their columns; ``group`` is a word of SQL."""
_OTHERS = pa.schema(
    [
        FILE_SCHEMA.field(name)
        for name in dict.fromkeys(
            ("record", *(c.name for view in VIEWS.values() if view.record != REPETITION for c in view.columns if c.stored))
        )
    ]
)
"""The columns of all rows but repetitions."""


def records(folder: Path, name: str, estimator: str) -> pa.Table:
    """The rows of one estimator's results, in the columns of `FILE_SCHEMA`. name: of the folder, below the one that is
    collected. Call it when the folder is checked and up to date. HiphingeError where its files cannot be read."""
    summary = read_summary(folder, estimator)
    session = _Session.of(summary, told_of(folder, estimator, summary))
    repetitions = edited_repetitions(folder, estimator)
    rows = [repetition_of(row) for row in repetitions.select([*_TOLD_BY, *_RANGES]).to_pylist()]
    sets = sets_of(rows, [float(m["time_s"]) for m in summary["marks"] if m["label"] == NEW_SET])
    others = [
        {"record": SESSION, **_of_session(summary, session, len(rows), len(sets))},
        *({"record": MEASURE, **row} for row in _of_screen(session)),
        *({"record": MARK, **row} for row in _of_marks(summary, session)),
    ]
    keys = {
        "athlete": summary["athlete"],
        "session": summary["session"],
        "estimator": estimator,
        "start": session.start,
        "folder": name,
    }
    parts = (
        _whole(_of_repetitions(repetitions, rows, sets, session), keys | {"record": REPETITION}),
        _whole(pa.Table.from_pylist(others, _OTHERS), keys),
    )
    return pa.concat_tables(parts)


@dataclass(frozen=True, slots=True)
class _Session:
    """What all rows of a session are told by. start: UTC without a zone, as a cohort has it; None where it is not known.
    treated_s: session time of the first treatment; None where there was none."""

    told: Told
    start: datetime | None
    treated_s: float | None

    @classmethod
    def of(cls, summary: Mapping[str, Any], told: Told) -> _Session:
        times = [float(m["time_s"]) for m in summary["marks"] if m["time_s"] is not None and _kind(m["label"]) == TREATMENT]
        return cls(told, _plain(told.start), min(times, default=None))

    def at(self, time_s: float | None) -> datetime | None:
        """The calendar time of a session time."""
        return None if self.start is None or time_s is None else self.start + timedelta(seconds=time_s)

    def period(self, time_s: float) -> str | None:
        """Before or after the treatment."""
        return None if self.treated_s is None else "before" if time_s < self.treated_s else "after"


def _plain(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


def _kind(label: object) -> str:
    """The kind of a mark; empty for a label that is not collected."""
    words = str(label).strip()
    return words.lower() if words.lower() in _KINDS else RETEST if retested(words) is not None else ""


def _of_repetitions(
    table: pa.Table, rows: Sequence[Repetition], sets: Sequence[Sequence[Repetition]], session: _Session
) -> pa.Table:
    why: dict[int, str] = {}
    for of_kind in by_movement(rows).values():
        why |= scored(of_kind).why
    places = {r.index: (n, i) for n, group in enumerate(sets, 1) for i, r in enumerate(group, 1)}
    columns: dict[str, Any] = {
        "at": [session.at(r.start_s) for r in rows],
        "period": [session.period(r.start_s) for r in rows],
        "set_number": [places[r.index][0] for r in rows],
        "in_set": [places[r.index][1] for r in rows],
        "side": [side_of(r) for r in rows],
        "counted": [r.index not in why for r in rows],
        "left_out": [why.get(r.index, "") for r in rows],
    }
    found = {name: pa.array(values, FILE_SCHEMA.field(name).type) for name, values in columns.items()}
    for q in REPETITION_COLUMNS:
        # a number that is missing is NULL
        is_number = q.kind in (Storage.FLOAT32, Storage.FLOAT64)
        found[q.name] = pa.array(table[q.name].to_numpy(), from_pandas=True) if is_number else table[q.name]
    return pa.table(found)


def _of_session(summary: Mapping[str, Any], session: _Session, repetitions: int, sets: int) -> dict[str, Any]:
    confidences = [one["confidence"] for one in summary["calibration"].values() if one.get("confidence") is not None]
    labels = [str(mark["label"]) for mark in summary["marks"]]
    facts, screen = session_facts(labels), summary["screen"]
    match_day = facts.get("match_day")
    return {
        "duration_s": summary["duration_s"],
        "repetitions": repetitions,
        "sets": sets,
        "calibration_confidence": min(confidences, default=None),
        "pattern": screen["pattern"],
        "pattern_side": screen["side"] or "",
        "pattern_confidence": screen["confidence"] or "",
        "pain": max((float(p["level"]) for p in summary["pain"] if p["level"] is not None), default=None),
        "baseline": BASELINE in map(_kind, labels),
        "treated": session.at(session.treated_s),
        **{column: facts.get(name) for name, column in _FACTS.items()},
        "match_day": int(match_day) if isinstance(match_day, float) else None,
        "findings": len(summary["findings"]),
        "warnings": len(summary["warnings"]),
        "software": summary["software"],
    }


def _of_screen(session: _Session) -> Iterator[dict[str, Any]]:
    for one in session.told.occasions:
        at = _plain(one.start)
        period = session.period((at - session.start).total_seconds()) if at is not None and session.start is not None else None
        limits: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for limit in one.screen.get("limits", ()):
            place = (limit["test"], limit["side"], limit["measure"])
            # of two limits of one number the one that it is beyond
            if place not in limits or limit["beyond"]:
                limits[place] = limit
        for key, number in one.values.items():
            limit = limits.get(key, {})
            yield {
                "at": at,
                "period": period,
                "part": one.session,
                **dict(zip(("test", "side", "measure"), key, strict=True)),
                "unit": unit_of(key),
                "value": _known(number.median),
                "spread": _known(number.spread),
                "scored": number.repetitions,
                "limit_value": limit.get("limit"),
                "beyond": limit.get("beyond"),
                "borderline": limit.get("borderline"),
                "pain": one.pain,
            }


def _of_marks(summary: Mapping[str, Any], session: _Session) -> Iterator[dict[str, Any]]:
    for mark in summary["marks"]:
        if kind := _kind(mark["label"]):
            yield {"mark": kind, "time_s": mark["time_s"], "at": session.at(mark["time_s"]), "said": mark.get("said")}
    for pain in summary["pain"]:
        at_s, level = pain["time_s"], pain["level"]
        yield {"mark": "pain", "pain": level, "time_s": at_s, "at": session.at(at_s), "said": pain.get("said")}


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _whole(part: pa.Table, keys: Mapping[str, object]) -> pa.Table:
    """The part in the columns of an athlete's file: `keys` are the same in all its rows, all else is missing."""
    own = dict(zip(part.column_names, part.columns, strict=True))
    missing = {kind: pa.nulls(len(part), kind) for kind in set(FILE_SCHEMA.types)}
    columns = []
    for name, kind in zip(FILE_SCHEMA.names, FILE_SCHEMA.types, strict=True):
        if name in keys:
            columns.append(pa.repeat(pa.scalar(keys[name], kind), len(part)))
        else:
            columns.append(own[name] if name in own else missing[kind])
    return pa.table(columns, FILE_SCHEMA)
