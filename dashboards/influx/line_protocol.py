"""Results as InfluxDB line protocol: of a session's tables (`points`), and of a live session's rows as they come.

Both give the same lines, a pure function of the results: timestamps are `start + time_s`, tags are always all there and
in the same order, each field keeps one type for ever, a missing value is an omitted field. Therefore sending twice
changes nothing. docs/influx-schema.md lists measurements, tags and fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from body_signals import (
    ANGLE_COLUMNS,
    FACTS,
    REPETITION_COLUMNS,
    SCREEN_COLUMNS,
    SCREEN_RESULT,
    HiphingeError,
    Note,
    Pain,
    Quantity,
    Session,
    Storage,
    session_facts,
)
from dashboards.edits import edited_repetitions
from dashboards.notation import quality_note
from dashboards.tables import (
    SUMMARY,
    angle_minutes,
    arrow_angles,
    arrow_repetitions,
    available_estimators,
    read_summary,
)
from dashboards.terminal import side_of_row
from dsp.decimation import Decimator
from dsp.results import TICK_HZ, AngleRows, Repetition

TAGS: dict[str, tuple[str, ...]] = {
    "angles": ("athlete", "session", "estimator"),
    "repetition": ("athlete", "session", "estimator"),
    "session": ("athlete", "session", "estimator"),
    "screen": ("athlete", "session", "estimator"),
    "mark": ("athlete", "session", "estimator"),
    "sensor_health": ("athlete", "session", "placement"),
}
"""Tags of each measurement, in the order in which they are always written."""

_BOOLEAN = "boolean"
_TYPES = {Storage.FLOAT64: "float", Storage.FLOAT32: "float", Storage.INT32: "integer", Storage.STRING: "string"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a measurement: its name, unit, InfluxDB type (float, integer, string, boolean) and meaning."""

    name: str
    unit: str
    type: str
    description: str

    @classmethod
    def of(cls, quantity: Quantity) -> Field:
        """The field that holds a table's column."""
        return cls(quantity.name, quantity.unit, _TYPES[quantity.kind], quantity.description)


MINUTE_FIELDS = (
    Field("minute_samples", "", "integer", "samples received in the minute before"),
    Field("minute_lost", "", "integer", "samples lost in the minute before"),
    Field("battery_percent", "%", "float", "battery charge last reported by the sensor"),
    Field("delay_ms", "ms", "float", "mean delay of the minute's packets, beyond the shortest that the clock map knows"),
    Field("delay_max_ms", "ms", "float", "largest delay of the minute's packets, beyond the same"),
    Field("clock_ppm", "ppm", "float", "how much faster the device's clock ran than the computer's, as the clock map saw it"),
)
"""Values of a sensor's minute; the names are those of summary.json, with `minute_` where a total has the same name."""

FIELDS: dict[str, tuple[Field, ...]] = {
    "angles": tuple(Field.of(q) for q in ANGLE_COLUMNS if q.name != "time_s"),
    "repetition": (
        *(Field.of(q) for q in REPETITION_COLUMNS),
        Field("number", "", "integer", "running number, counted from 1"),
        Field("side", "", "string", "for a movement of one leg, the leg that moved: left or right; else empty"),
        Field("quality_words", "", "string", "the quality flags in words, a dash where none is set"),
        Field("void", "", _BOOLEAN, "true: a later analysis or a person removed this repetition"),
    ),
    "session": (
        Field("duration_s", "s", "float", "session time of the last row"),
        Field("repetitions", "", "integer", "number of repetitions"),
        Field("sets", "", "integer", "number of sets"),
        Field("calibration_confidence", "", "float", "lowest confidence of the placements' alignments, 0 to 1"),
        Field(
            "exposure_<quantity>",
            "",
            "float",
            "one field for each number of the summary's exposure, its words joined, e.g. exposure_lumbar_flexion_s_below_20; "
            "of a list its length",
        ),
        Field("load_kg", "kg", "float", "largest load on the bar that was said in the session"),
        Field("srpe", "", "float", "exertion of the whole session as the athlete rated it, 0 to 10"),
        Field("soreness", "", "float", "soreness that the athlete reported, 0 to 10"),
        Field("match_day", "", "integer", "days from the match: -2 is two days before it, 0 the day itself"),
        Field("gym", "", "string", "where it was recorded"),
        Field("group", "", "string", "group of the squad"),
        Field("software", "", "string", "program and version"),
        Field("warnings", "", "string", "warnings, separated by ' | '"),
    ),
    "screen": tuple(Field.of(q) for q in SCREEN_COLUMNS),
    "mark": (
        Field("label", "", "string", "text of the mark: calibrate, pain 3 left hip, note felt tight, any label"),
        Field("pain", "", "float", "pain that the athlete reported, 0 (none) to 10 (worst)"),
        Field("note", "", "string", "the words of a note"),
        Field("void", "", _BOOLEAN, "true: it was removed afterwards"),
    ),
    "sensor_health": (
        Field("family", "", "string", "what kind of device"),
        Field("rate_hz", "Hz", "float", "samples per second"),
        Field("samples", "", "integer", "samples received"),
        Field("lost", "", "integer", "samples lost"),
        Field("lost_exact", "", _BOOLEAN, "lost comes from a counter or clock; false: an estimate"),
        Field("saturated", "", "integer", "samples at the end of the sensor's range"),
        Field("gaps", "", "integer", "interruptions"),
        Field("late_s", "s", "float", "time for which it was late or silent while it happened"),
        *MINUTE_FIELDS,
    ),
}
"""Fields of each measurement; the names are those of the tables and of summary.json."""

_STEP_DEG = 1 / 64
"""Step to which angles are rounded, degrees; far below their uncertainty (ours)."""
_CLEAN_WORD = re.compile(r"\W+", re.ASCII)


def points(session_folder: Path, estimators: Sequence[str] | None = None, *, gym: str = "") -> Iterator[str]:
    """Line protocol of a session's results, nanosecond timestamps, without line ends, in bounded memory.

    estimators: which to take (default: all there are). gym: where it was recorded, if the session itself does not say so.
    HiphingeError where tables are missing or damaged, where the session has no start time, or where a name cannot be a tag.
    """
    chosen = available_estimators(session_folder) if estimators is None else tuple(estimators)
    if not chosen:
        remedy = "Name a session folder that holds results (live/ or review/), or run `hiphinge replay` on the recording first"
        raise HiphingeError("no results to send", str(session_folder), remedy)
    for estimator in chosen:
        head = _Head.of(read_summary(session_folder, estimator), session_folder / estimator / SUMMARY)
        angles = AngleLines(head.series("angles", estimator), head.start_ns)
        for table in angle_minutes(session_folder, estimator):
            yield from angles.of(table)
        yield from repetition_points(session_folder, estimator)
    yield from closing_points(session_folder, chosen, gym=gym)


def removable_points(session_folder: Path, estimator: str) -> Iterator[str]:
    """The lines of `points` that a person, or a later analysis, may remove: repetitions and marks."""
    yield from repetition_points(session_folder, estimator)
    yield from mark_points(session_folder, estimator)


def mark_points(session_folder: Path, estimator: str) -> Iterator[str]:
    """The lines of `points` that are marks, notes and pain."""
    summary = read_summary(session_folder, estimator)
    head = _Head.of(summary, session_folder / estimator / SUMMARY)
    said: list[tuple[float, dict[str, Any]]] = [(m["time_s"], {"label": m["label"]}) for m in summary["marks"]]
    said += [(n["time_s"], {"label": Note(n["text"]).label, "note": n["text"]}) for n in summary["notes"]]
    for told in summary["pain"]:
        pain = Pain(float(told["level"]), told.get("where") or "")
        said.append((told["time_s"], {"label": pain.label, "pain": pain.level}))
    last_ns = -(2**63)
    for time_s, values in sorted(said, key=lambda one: (one[0], one[1]["label"])):
        # no two share a timestamp, or the later one would replace it
        stamp = last_ns = max(head.start_ns + round(time_s * 1e9), last_ns + 1)
        fields = {f.name: _typed(values.get(f.name), f.type) for f in FIELDS["mark"] if f.type != _BOOLEAN}
        yield _line(head.series("mark", estimator), fields | {"void": "false"}, stamp)


def repetition_points(session_folder: Path, estimator: str) -> Iterator[str]:
    """The lines of `points` that are repetitions of an estimator."""
    head = _Head.of(read_summary(session_folder, estimator), session_folder / estimator / SUMMARY)
    repetitions = RepetitionLines(head.series("repetition", estimator), head.start_ns)
    yield from repetitions.of(edited_repetitions(session_folder, estimator))


def closing_points(
    session_folder: Path, estimators: Sequence[str], *, minutes_from_s: float = 0.0, gym: str = ""
) -> Iterator[str]:
    """The lines of `points` that are known only at a session's end: of the session, its screen, and its sensors.

    minutes_from_s: minutes of the sensors that ended until then were sent before. gym: as in `points`.
    """
    summary: Mapping[str, Any] = {}
    for estimator in estimators:
        summary = read_summary(session_folder, estimator)
        head = _Head.of(summary, session_folder / estimator / SUMMARY)
        yield _line(head.series("session", estimator), _session_fields(summary, gym), head.start_ns)
        yield _line(head.series("screen", estimator), _screen_fields(summary["screen"]), head.start_ns)
        yield from mark_points(session_folder, estimator)
    # The sensors' values are the same for all estimators; the last one is used.
    # Only a live estimator can be late.
    live = read_summary(session_folder, "live") if "live" in available_estimators(session_folder) else summary
    for placement, facts in summary["sensors"].items():
        known = {f.name: f.type for f in FIELDS["sensor_health"] if f not in MINUTE_FIELDS}
        late = {"late_s": live["sensors"].get(placement, {}).get("late_s")}
        fields = {name: _typed((facts | late).get(name), kind) for name, kind in known.items()}
        yield _line(head.series("sensor_health", placement), fields, head.start_ns)
        columns = facts.get("minutes", {})
        for values in zip(*columns.values(), strict=True):
            minute = dict(zip(columns, values, strict=True))
            if minute["end_s"] > minutes_from_s:
                yield _minute_line(head, placement, minute)


def _minute_line(head: _Head, placement: str, minute: Mapping[str, Any]) -> str:
    fields = {f.name: _typed(minute.get(f.name.removeprefix("minute_")), f.type) for f in MINUTE_FIELDS}
    return _line(head.series("sensor_health", placement), fields, head.start_ns + round(minute["end_s"] * 1e9))


def repetition_stamps(lines: Iterable[str]) -> set[tuple[str, int]]:
    """Series and timestamp of each repetition and mark among the lines."""
    found = (line.rsplit(" ", 1) for line in lines if line.startswith(("repetition,", "mark,")))
    return {(re.split(r"(?<!\\) ", rest, maxsplit=1)[0], int(stamp)) for rest, stamp in found}


_SERIES = re.compile(r"(?:\\.|[^\\ ])*")
_TAG = re.compile(r",(\w+)=((?:\\.|[^\\, =])*)")


def series_of(line: str) -> str:
    """Measurement and tags of a line, as they stand there."""
    found = _SERIES.match(line)
    return found[0] if found else ""


def tags_of(series: str) -> dict[str, str]:
    """The tags of a series, as `points` writes it."""
    return {name: re.sub(r"\\([,= ])", r"\1", value) for name, value in _TAG.findall(series)}


def series_and_start(session_folder: Path, estimator: str) -> tuple[str, int]:
    """The series of an estimator's repetitions, and the session's start in ns."""
    head = _Head.of(read_summary(session_folder, estimator), session_folder / estimator / SUMMARY)
    return head.series("repetition", estimator), head.start_ns


def void_line(series: str, stamp_ns: int) -> str:
    """The line that marks a repetition or mark as removed."""
    return f"{series} void=true {stamp_ns}"


class LiveLines:
    """Lines of a session that is still running; the same that `points` gives of its tables later.

    name: of the session folder. HiphingeError where a name cannot be a tag.
    """

    def __init__(self, session: Session, name: str, file: Path) -> None:
        head = _Head.of({"athlete": session.athlete, "session": name, "start": session.start.isoformat()}, file)
        self._angles = AngleLines(head.series("angles", "live"), head.start_ns)
        self._repetitions = RepetitionLines(head.series("repetition", "live"), head.start_ns)
        self._head = head

    def of_minute(self, placement: str, minute: Mapping[str, Any]) -> str:
        """Line of a sensor's minute; the names of its values are those of summary.json."""
        return _minute_line(self._head, placement, minute)

    def of(self, angles: Iterable[AngleRows], repetitions: Sequence[Repetition]) -> list[str]:
        """Lines of the next rows and repetitions."""
        lines = [line for rows in angles if len(rows) for line in self._angles.of(arrow_angles(rows))]
        return lines + list(self._repetitions.of(arrow_repetitions(repetitions)) if repetitions else ())


@dataclass(frozen=True, slots=True)
class _Head:
    """The part that all lines of a session share."""

    athlete: str
    session: str
    start_ns: int
    file: Path

    @classmethod
    def of(cls, summary: Mapping[str, Any], file: Path) -> _Head:
        try:
            start = datetime.fromisoformat(summary["start"])
            if start.tzinfo is None:
                raise ValueError("no time zone")
        except (TypeError, ValueError):
            what = f"start = {summary['start']!r} is not a calendar time with a time zone, which InfluxDB needs"
            remedy = 'Write it into session.toml, e.g. start = 2026-11-23T14:05:00Z, and run "hiphinge replay" again'
            raise HiphingeError(what, str(file), remedy) from None
        start_ns = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
        return cls(str(summary["athlete"]), str(summary["session"]), start_ns, file)

    def series(self, measurement: str, last_tag: str) -> str:
        """Measurement and tags, escaped."""
        tags = zip(TAGS[measurement], (self.athlete, self.session, last_tag), strict=True)
        return ",".join([measurement, *(f"{name}={self._tag(name, value)}" for name, value in tags)])

    def _tag(self, name: str, value: str) -> str:
        if not value or value.endswith("\\") or any(ord(c) < 32 or ord(c) == 127 for c in value):
            what = f"{name} = {value!r} cannot be a tag: it is empty, ends with a backslash or holds a control character"
            raise HiphingeError(what, str(self.file), f"Choose another {name} name")
        return re.sub(r"([,= ])", r"\\\1", value)


class AngleLines:
    """Rows of the angle table, reduced to `OUTPUT_HZ`, as lines; the result does not depend on how the rows are cut."""

    def __init__(self, series: str, start_ns: int) -> None:
        self._series, self._start_ns = series, start_ns
        self._decimator: Decimator | None = None
        self._names = [f.name for f in FIELDS["angles"] if f.type == "float"]

    def of(self, table: pa.Table) -> list[str]:
        """Lines of the next rows."""
        time_s = table["time_s"].to_numpy()
        if self._decimator is None:
            self._decimator = Decimator(TICK_HZ)
        values = np.stack([table[name].to_numpy() for name in self._names], axis=1).astype(np.float64)
        time_s, values, flags = self._decimator.push(time_s, values, table["quality"].to_numpy().astype(np.int64))
        values = np.rint(values / _STEP_DEG) * _STEP_DEG + 0.0  # a dyadic step takes a quarter of the space; no -0
        stamps = self._start_ns + np.rint(time_s * 1e9).astype(np.int64)
        return _wide_lines(self._series, self._names, values, flags, stamps)


def _wide_lines(series: str, names: list[str], values: Any, flags: Any, stamps: Any) -> list[str]:
    """Rows as lines; one template for all rows of a chunk that miss the same values."""
    lines = [""] * len(values)
    there, which = np.unique(np.isfinite(values), axis=0, return_inverse=True)
    for i, present in enumerate(there):
        rows = np.flatnonzero(which.ravel() == i)
        fields = [f"{name}=%.15g" for name, is_there in zip(names, present, strict=True) if is_there]
        template = f"{series.replace('%', '%%')} {','.join([*fields, 'quality=%di'])} %d"
        columns = [*values[np.ix_(rows, present)].T.tolist(), flags[rows].tolist(), stamps[rows].tolist()]
        for row, numbers in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            lines[row] = template % numbers
    return lines


class RepetitionLines:
    """Repetitions in the order of their beginning, as lines; no two share a timestamp, or the later one would replace it."""

    def __init__(self, series: str, start_ns: int) -> None:
        self._series, self._start_ns = series, start_ns
        self._last_ns = -(2**63)

    def of(self, table: pa.Table) -> Iterator[str]:
        """Lines of the next repetitions."""
        for row in sorted(_rows(table), key=lambda r: (r["start_s"], r["index"])):
            stamp = max(self._start_ns + round(row["start_s"] * 1e9), self._last_ns + 1)
            row |= {"number": row["index"] + 1, "side": side_of_row(row), "quality_words": quality_note(row["quality"])}
            fields = {f.name: _typed(row[f.name], f.type) for f in FIELDS["repetition"] if f.type != _BOOLEAN}
            yield _line(self._series, fields | {"void": "false"}, stamp)
            self._last_ns = stamp


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows with float32 values as the shortest number that means them."""
    columns = {
        f.name: [float(str(v)) for v in table[f.name].to_numpy()] if pa.types.is_float32(f.type) else table[f.name].to_pylist()
        for f in table.schema
    }
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _session_fields(summary: Mapping[str, Any], gym: str) -> dict[str, str | None]:
    confidences = [c["confidence"] for c in summary["calibration"].values() if c.get("confidence") is not None]
    zones = dict(_numbers("exposure", summary["exposure"]))
    facts = ({"gym": gym} if gym else {}) | session_facts(mark["label"] for mark in summary["marks"])
    kinds = {f.name: f.type for f in FIELDS["session"] if f.name in FACTS}
    return {
        "duration_s": _typed(summary["duration_s"], "float"),
        "repetitions": _typed(summary["repetitions"], "integer"),
        "sets": _typed(len(summary["sets"]), "integer"),
        "calibration_confidence": _typed(min(confidences, default=None), "float"),
        **{name: _typed(seconds, "float") for name, seconds in zones.items()},
        **{name: _typed(facts.get(name), kind) for name, kind in kinds.items()},
        "software": _typed(summary["software"], "string"),
        "warnings": _typed(" | ".join(summary["warnings"]), "string"),
    }


def _screen_fields(screen: Mapping[str, Any]) -> dict[str, str | None]:
    """The screen in one row; a test that was not scored has its repetitions and no numbers."""
    values: dict[str, Any] = {q.name: screen[q.name] for q in SCREEN_RESULT} | {"notes": " | ".join(screen["notes"])}
    for test in screen["tests"]:
        place = "_".join(part for part in (test["test"], test["side"]) if part)
        values[f"{place}_repetitions"] = test["repetitions"]
        for name, found in test["measures"].items():
            if found["valid"]:
                values |= {f"{place}_{name}": found["median"], f"{place}_{name}_spread": found["spread"]}
    return {f.name: _typed(values.get(f.name), f.type) for f in FIELDS["screen"]}


def _numbers(name: str, found: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a part of the summary, each with a name of its own; a list counts."""
    if isinstance(found, Mapping):
        for word, part in found.items():
            yield from _numbers(_CLEAN_WORD.sub("_", f"{name}_{word}"), part)
    elif isinstance(found, list):
        yield name, float(len(found))
    elif isinstance(found, int | float):
        yield name, float(found)


def _typed(value: Any, kind: str) -> str | None:
    """A field value in line protocol, None where it is missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind == "float":
        # no -0
        return repr(float(value) + 0.0)
    if kind == "integer":
        return f"{len(value) if isinstance(value, list) else int(value)}i"
    if kind == _BOOLEAN:
        return "true" if value else "false"
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _line(series: str, fields: Mapping[str, str | None], stamp_ns: int) -> str:
    there = ",".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    return f"{series} {there} {stamp_ns}"
