"""Format ``opensense``: a storage file (.sto) of OpenSim with the orientations of sensors, as its IMU readers write it.

Lines ``name=value`` up to ``endheader``, then names and rows separated by tabs; a cell holds a quaternion ``w,x,y,z``, sensor →
earth, z up. There is no acceleration in it: gravity, as the orientation sees it, stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, only_file
from ingest.formats.mapping import with_gravity
from ingest.formats.placement_names import placement_named
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import fail, lines, place
from ingest.formats.text.calendar import stamps_of

_BATCH = 4096
"""Rows that are stored at once (ours)."""
_UNIT = 0.05
"""Largest distance of a quaternion's length from 1 (ours)."""
_EXPORT = "Give the file of orientations that OpenSim's IMU reader, or hiphinge export --to sto, has written."


def import_opensense(source: Source) -> ImportedSession:
    """The session of one .sto file; placements by the columns' names, e.g. pelvis_imu, femur_r_imu."""
    check_source(source.path)
    path = only_file(source.path, ".sto")
    names: list[str] = []
    head: dict[str, str] = {}
    stored: list[StoredSamples] = []
    first_line = 0
    for numbers, time_s, quat in _batches(path, names, head):
        if not stored:
            first_line = numbers[0]
            stored = [StoredSamples(gyr=False, quat=True, mag=False, scratch=source.scratch) for _ in names]
        for i, one in enumerate(stored):
            own = np.ascontiguousarray(quat[:, i])
            one.append(PlainSamples(time_s.copy(), with_gravity(np.zeros((len(own), 3)), own, "earth"), None, own))
    gathering = Gathering(path, source.placements)
    gathering.notes.append(
        f"{path.name} has orientations and no acceleration: gravity in the direction of each orientation stands in for it. "
        "Its earth must have z up; OpenSim's own ground has y up"
    )
    for name, samples in zip(names, stored, strict=True):
        where = place(path, first_line)
        gathering.add(gathering.sensor([name], placement_named(name), name), samples, path, lambda at_s, line=where: line)  # type: ignore[misc]
    return gathering.finish(_start(head.get("hiphinge_start", ""), path), None)


def _start(text: str, path: Path) -> datetime | None:
    """The start that our own export writes into the head; None where there is none."""
    if text in ("", "unknown"):
        return None
    found = stamps_of([text])
    if isinstance(found, int) or not found.zoned:
        raise HiphingeError(f"hiphinge_start={text[:40]} is no date with its zone", str(path), "Correct or remove this line.")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found.ns[0]) // 1000)


def _batches(path: Path, names: list[str], head: dict[str, str]) -> Iterator[tuple[list[int], Floats, Floats]]:
    """Line numbers, times (n,) and quaternions (n, sensors, 4); fills `names` and `head`."""
    header, before = True, -np.inf
    numbers: list[int] = []
    rows: list[list[float]] = []
    number = 0
    for number, line in lines(path):
        text = line.strip()
        if header:
            header = text.casefold() != "endheader"
            key, equals, value = text.partition("=")
            head |= {key: value} if equals else {}
            if text.casefold().startswith("datatype") and "quaternion" not in text.casefold():
                fail(f"this holds no orientations: {text[:60]}", path, number, _EXPORT)
            continue
        if not text:
            continue
        cells = text.split("\t")
        if not names:
            if cells[0].casefold() != "time" or len(cells) < 2:
                fail("the names do not begin with time", path, number, _EXPORT)
            names += [cell.strip() for cell in cells[1:]]
            continue
        row = _row(cells, len(names), path, number)
        if row[0] <= before:
            fail(
                f"time repeats or runs backwards, from {before:g} to {row[0]:g}",
                path,
                number,
                "Put the lines in order of time.",
            )
        before = row[0]
        numbers.append(number)
        rows.append(row)
        if len(rows) == _BATCH:
            yield (numbers, *_arrays(rows))
            numbers, rows = [], []
    if header:
        fail("no line endheader: this is no storage file", path, max(number, 1), _EXPORT)
    if not names or (not rows and before == -np.inf):
        fail("no rows after the names", path, max(number, 1), _EXPORT)
    if rows:
        yield (numbers, *_arrays(rows))


def _row(cells: list[str], count: int, path: Path, number: int) -> list[float]:
    if len(cells) != count + 1:
        fail(f"{len(cells)} cells, the names have {count + 1}", path, number, "Complete or remove this line.")
    parts = [cells[0], *(part for cell in cells[1:] for part in cell.split(","))]
    try:
        values = [float(part) for part in parts]
    except ValueError:
        fail("a cell is no quaternion w,x,y,z", path, number, "Correct or remove this line.")
    if len(values) != 4 * count + 1 or not np.isfinite(values).all():
        fail("a cell is no quaternion w,x,y,z", path, number, "Correct or remove this line.")
    lengths = np.linalg.norm(np.array(values[1:]).reshape(-1, 4), axis=1)
    if np.abs(lengths - 1.0).max() > _UNIT:
        fail(f"a quaternion has length {lengths[np.argmax(np.abs(lengths - 1.0))]:.3g} instead of 1", path, number, _EXPORT)
    return values


def _arrays(rows: list[list[float]]) -> tuple[Floats, Floats]:
    table = np.array(rows)
    return np.ascontiguousarray(table[:, 0]), table[:, 1:].reshape(len(table), -1, 4)
