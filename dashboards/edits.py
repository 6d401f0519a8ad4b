"""edits.toml of a session folder: corrections of repetitions by a person. Raw data and tables never change; who shows or sends
results asks here.

    [[repetition]]
    at_s = 48.2             # any time within the repetition, seconds of the session
    movement = "squat"      # the right kind

    [[repetition]]
    at_s = 61.0
    deleted = true          # not a repetition

A repetition is named by a time and not by its number, so an edit holds for both estimators and for a later analysis; where an
estimator found none at that time, it says nothing. Marks, notes and pain in the same file are read by `ingest.heads.edits`, and
come to the results by summary.json. A kind that a person stated has confidence 1. The metrics stay as they are,
and so do summary.json and its hip screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from body_signals import HiphingeError
from body_signals.movements import MOVEMENTS
from dashboards.tables import read_repetitions
from on_disk import read_toml, shown

EDITS = "edits.toml"
SAID = ("mark", "note", "pain")
"""Lists of the same file that are not corrections of repetitions."""
_REMEDY = 'Write [[repetition]] with at_s = SECONDS and either movement = "KIND" or deleted = true'


@dataclass(frozen=True, slots=True)
class Edit:
    """A correction of the repetition at session time at_s: its kind, or its removal (movement None)."""

    at_s: float
    movement: str | None


def read_edits(session_folder: Path) -> tuple[Edit, ...]:
    """The corrections of a session, empty where there is no such file. HiphingeError where it cannot be understood."""
    path = session_folder / EDITS
    if not path.exists():
        return ()
    head, _ = read_toml(path, _REMEDY)
    listed = head.get("repetition", [])
    unknown = sorted(set(head) - {"repetition", *SAID})
    if unknown or not isinstance(listed, list):
        raise HiphingeError(f"unknown entry {', '.join(unknown) or 'repetition'}", str(path), _REMEDY)
    return tuple(_edit(entry, f"{path}, repetition {i}") for i, entry in enumerate(listed, 1))


def _edit(entry: object, where: str) -> Edit:
    if not isinstance(entry, dict) or set(entry) not in ({"at_s", "movement"}, {"at_s", "deleted"}):
        raise HiphingeError("expected at_s and either movement or deleted", where, _REMEDY)
    at_s = entry["at_s"]
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not math.isfinite(at_s):
        raise HiphingeError(f"at_s is {shown(at_s)}: expected seconds of the session", where, _REMEDY)
    if "movement" in entry:
        if not isinstance(entry["movement"], str) or entry["movement"] not in MOVEMENTS:
            raise HiphingeError(f"movement {shown(entry['movement'])} is none of {', '.join(MOVEMENTS)}", where, _REMEDY)
        return Edit(float(at_s), entry["movement"])
    if entry["deleted"] is not True:
        raise HiphingeError(f"deleted is {shown(entry['deleted'])}: expected true", where, _REMEDY)
    return Edit(float(at_s), None)


def edited(table: pa.Table, edits: Sequence[Edit]) -> pa.Table:
    """A table of repetitions with the corrections applied. If two name the same repetition, the later one counts."""
    if not edits:
        return table
    spans = list(zip(table["start_s"].to_pylist(), table["end_s"].to_pylist(), strict=True))
    kinds: list[str | None] = table["movement"].to_pylist()
    confidences = table["movement_confidence"].to_pylist()
    for edit in edits:
        for i, (start_s, end_s) in enumerate(spans):
            if start_s <= edit.at_s <= end_s:
                kinds[i], confidences[i] = edit.movement, 1.0
    for name, values in (("movement", [kind or "" for kind in kinds]), ("movement_confidence", confidences)):
        at = table.schema.get_field_index(name)
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array(values, field.type))
    return table.filter(pa.array([kind is not None for kind in kinds], pa.bool_()))


def edited_repetitions(session_folder: Path, estimator: str) -> pa.Table:
    """`repetitions.parquet` of a session folder with a person's corrections."""
    return edited(read_repetitions(session_folder, estimator), read_edits(session_folder))
