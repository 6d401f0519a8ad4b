"""Format ``csv``: tables in text files, and a mapping file that says what their columns mean.

Session time 0 is the earliest first sample. Files are read in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from body_signals import HiphingeError, Placement
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, refuse_folder
from ingest.formats.mapping.clocks import COUNT, DEVICE, LOCAL_DATE, TIME_OF_DAY, Origin
from ingest.formats.mapping.groups import EXAMPLES, UNITS
from ingest.formats.mapping.layout import COUNTED, ISO, Clock
from ingest.formats.mapping.sensor import SensorReader, sensors_in
from ingest.formats.mapping.words import MappingFile
from ingest.formats.placement_names import placement_named


@dataclass(frozen=True, slots=True)
class Found:
    """A sensor that a mapping finds. words: by which a person may name it. guess: where it is worn, by its name. entry: of the
    [[sensor]] tables."""

    reader: SensorReader
    words: tuple[str, ...]
    name: str
    guess: Placement | None = None
    entry: int | None = None


def import_csv(source: Source) -> ImportedSession:
    """The session of the CSV file or folder of CSV files, described by the mapping file."""
    if source.mapping is None:
        examples = ", ".join(list(EXAMPLES.values())[:3])
        remedy = f"Give --mapping FILE with {examples}; hiphinge import csv --guess FILE proposes one."
        raise HiphingeError("format csv needs a mapping file", str(source.path), remedy)
    check_source(source.path)
    plan = MappingFile(source.mapping, rate_is_said=source.rate_hz is not None)
    remedy = f"Correct the names or delimiter in {source.mapping}."
    return session_of(source, plan, sensors_of(source, plan, remedy), remedies_of(plan))


def session_of(source: Source, plan: MappingFile | None, found: Sequence[Found], remedies: dict[str, str]) -> ImportedSession:
    """The session of these sensors; start, athlete and marks as `plan` states, where there is one."""
    head = None if plan is None else plan.head()
    begin = _common_zero(found)
    keep = {one.reader.base.clock.keep_zero for one in found}
    if plan is not None and len(keep) > 1:
        plan.fail("zero differs between sensors", ("time", "zero"), 'Write zero = "keep" for all sensors or for none.')
    gathering = Gathering(source.path, source.placements)
    for one in found:
        stated = plan.sensor(one.entry) if plan is not None and one.entry is not None else None
        words = [*one.words, *([stated.key] if stated else [])]
        guess = stated.placement if stated else one.guess
        sensor = gathering.sensor(words, guess, (stated and stated.name) or one.name)
        if stated:
            sensor = replace(sensor, mounting=stated.mounting, rate_hz=stated.rate_hz)
        reader = one.reader
        later_s = 0.0 if keep == {True} else (reader.base.origin.ns - begin.ns) / 1e9
        stored = reader.read(later_s, source.scratch)
        gathering.notes += [note for note in reader.notes if note not in gathering.notes]
        gathering.add(sensor, stored, reader.base.table.path, partial(_where, reader, later_s), remedies)
    stated_start = head.start if plan is not None and head is not None and "start" in plan.top else None
    start, local, said = _start(found, begin, stated_start)
    gathering.notes += said
    if plan is None or head is None:
        return gathering.finish(start, None, local_start=local)
    return gathering.finish(start, plan.athlete(head), head.marks, local_start=local)


def _where(reader: SensorReader, later_s: float, at_s: float) -> str:
    return reader.where(at_s - later_s)


def remedies_of(plan: MappingFile) -> dict[str, str]:
    """What to do about a quantity that cannot be true."""
    found = {key: f"Correct the unit of {key} in {plan.path}: {', '.join(UNITS[key])}." for key in ("time", "acc", "gyr")}
    found["quat"] = "Orientations must be sensor → earth, z up, in the order w, x, y, z."
    return found


def sensors_of(source: Source, plan: MappingFile, remedy: str, *, names_tell: bool = False) -> list[Found]:
    """The sensors that the mapping finds. names_tell: where they were worn is read in their names."""
    found: list[Found] = []
    guessed = placement_named if names_tell else placement_exactly
    for file, i in _files(source.path, plan):
        layout = plan.layout(i)
        if source.rate_hz is not None:
            counted = (Clock(COUNTED, rate_hz=source.rate_hz),)
            layout = replace(layout, counted_hz=source.rate_hz) if layout.clocks else replace(layout, clocks=counted)
        if layout.split_by:
            several = sensors_in(file, layout)
            for column, value in several:
                words = (value, f"{file.stem}/{value}")
                found.append(Found(SensorReader(file, layout, remedy, (column, value)), words, value, guessed(value), i))
            if several:
                continue
        reader = SensorReader(file, layout, remedy)
        stem = file.name if file.is_dir() else file.stem
        name = reader.said_name or stem
        found.append(Found(reader, (stem, file.name, name), name, guessed(name) or guessed(stem), i))
    return found


def placement_exactly(name: str) -> Placement | None:
    """The placement that a file is named after."""
    return Placement(name.casefold()) if name.casefold() in set(Placement) else None


def _files(path: Path, plan: MappingFile) -> list[tuple[Path, int | None]]:
    """Every file with the number of its [[sensor]] table, if there is one; the folder where its groups name the files."""
    if not plan.entries:
        layout = plan.layout(None)
        if all(group.file is not None for groups in layout.groups.values() for group in groups):
            return [(path if path.is_dir() else path.parent, None)]
        files = [path] if path.is_file() else sorted({f for pattern in plan.files() for f in path.glob(pattern) if f.is_file()})
        if not files:
            what = (
                "no CSV files in this folder"
                if plan.files() == ("*.csv",)
                else f"no {' or '.join(plan.files())} in this folder"
            )
            refuse_folder(what, path, f"Give the folder that holds the {' or '.join(plan.files())} files.")
        return [(file, None) for file in files]
    return [(_file(path, plan, i), i) for i in range(len(plan.entries))]


def _file(path: Path, plan: MappingFile, i: int) -> Path:
    plan.sensor(i)
    file = plan.entries[i].get("file")
    if path.is_file():
        if file in (None, path.name):
            return path
        plan.fail("several files are described, one is given", ("sensor", i), f"Give the folder, {path.parent}.")
    if file is None:
        if all(group.file is not None for groups in plan.layout(i).groups.values() for group in groups):
            return path
        plan.fail("the sensor has no file", ("sensor", i), 'Name its CSV file: file = "….csv".')
    if not (path / file).is_file():
        plan.fail(f"{file} is not in {path}", ("sensor", i, "file"), "Correct the name of the file.")
    return path / str(file)


def _common_zero(found: Sequence[Found]) -> Origin:
    """The earliest first sample of all sensors."""
    origins = [one.reader.base.origin for one in found]
    for one in found:
        if one.reader.base.origin.kind != origins[0].kind:
            raise HiphingeError(
                f"its times count from another zero than those of {found[0].reader.file.name}",
                str(one.reader.file),
                "Let the times of all files count from the same zero, in the same form; or make a session of each.",
            )
    return min(origins, key=lambda origin: origin.ns)


def _start(
    found: Sequence[Found], begin: Origin, stated: datetime | None
) -> tuple[datetime | None, datetime | None, list[str]]:
    """The start, the start without a zone, and what is said of them."""
    if stated is not None:
        return stated, None, []
    if begin.kind in (COUNT, DEVICE):
        said = next((at for one in found if (at := one.reader.said_start()) is not None), None)
        return (said, None, []) if said is None or said.tzinfo is not None else (None, said, [])
    if begin.kind == LOCAL_DATE:
        return None, begin.moment(), []
    if begin.kind == TIME_OF_DAY:
        time = begin.moment().time().isoformat("milliseconds")
        return None, None, [f"the file tells the time of day, {time}, and not the day: give --start DAYT{time}"]
    note = [] if found[0].reader.base.clock.kind == ISO else ["the times of the file count from 1970 UTC and give the start"]
    return begin.moment().astimezone(UTC), None, note
