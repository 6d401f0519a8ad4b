"""What every format is given: one session, its results and its samples, read when they are asked for."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, Floats, HiphingeError, Sensor, SessionMark, TimedBlock
from dashboards.edits import edited_repetitions
from dashboards.tables import angle_minutes, read_orientations, read_summary

_LONGEST_NAME = 100
"""Most characters of a file's name without its ending (ours); file systems allow 255 bytes."""
RATE_HZ = 100.0
"""Ticks of the tables in a second, where their times do not tell."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may choose. table: angles, repetitions or raw; empty: all that the format has. decimal, separator: of text
    tables."""

    table: str = ""
    decimal: str = "."
    separator: str = ","


@dataclass(slots=True)
class Written:
    """What a format has written, and what a person should know of it: what was left out, and why."""

    files: list[Path]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ExportedSession:
    """A session to be exported. Its results are those of one estimator.

    folder: of the session. name: of the session, as results and InfluxDB know it. athlete: a pseudonym. start: of session time
    0, UTC; None where it is not known. estimator: ``live`` or ``review``; empty where there are no results. sensors, marks: of
    its head and of what was said afterwards. batches: all samples on the session's time line, a stretch at a time, in order.
    warnings: of their source, in words; complete when they have been read.
    """

    folder: Path
    name: str
    athlete: str
    start: datetime | None
    estimator: str
    software: str
    sensors: tuple[Sensor, ...] = ()
    marks: tuple[SessionMark, ...] = ()
    batches: Callable[[], Iterator[Sequence[TimedBlock]]] = field(default=lambda: iter(()))
    warnings: Callable[[], list[str]] = field(default=list)

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """summary.json, as corrected."""
        return read_summary(self.folder, self.estimator)

    def angles(self) -> Iterator[pa.Table]:
        """`angles.parquet`, minute by minute."""
        return angle_minutes(self.folder, self.estimator)

    def all_angles(self) -> pa.Table:
        """`angles.parquet`. HiphingeError where it has no rows."""
        minutes = list(self.angles())
        if not minutes or not sum(map(len, minutes)):
            raise HiphingeError("the session has no rows of angles", str(self.folder), "Export a session that was computed")
        return pa.concat_tables(minutes)

    def repetitions(self) -> pa.Table:
        """`repetitions.parquet`, with what a person corrected."""
        return edited_repetitions(self.folder, self.estimator)

    @cached_property
    def orientations(self) -> dict[str, tuple[Floats, NDArray[np.float32]]]:
        """By sensor: session times (n,), s, and unit quaternions (n, 4) w x y z, sensor → earth, z up."""
        table = read_orientations(self.folder, self.estimator)
        placement = table["placement"].combine_chunks().dictionary_encode()
        which = np.asarray(placement.indices)
        time_s = table["time_s"].to_numpy()
        quat = np.column_stack([table[name].to_numpy() for name in ("qw", "qx", "qy", "qz")])
        keys = placement.dictionary.to_pylist()
        return {key: (time_s[which == i], quat[which == i]) for i, key in enumerate(keys)}

    @property
    def stem(self) -> str:
        """How the names of its files begin."""
        return safe_name(self.name) + (f"-{self.estimator}" if self.estimator else "")

    def utc(self, time_s: Floats) -> NDArray[np.datetime64]:
        """Calendar times (n,), UTC, microseconds, of session times; NaT where the start is not known."""
        if self.start is None:
            return np.full(len(time_s), np.datetime64("NaT", "us"))
        zero = np.datetime64(self.start.astimezone(UTC).replace(tzinfo=None), "us")
        return np.asarray(zero + np.round(np.asarray(time_s) * 1e6).astype("timedelta64[us]"))

    def needs_start(self, what: str) -> datetime:
        """The start. HiphingeError where it is not known and the format, named by `what`, cannot be without."""
        if self.start is None:
            remedy = f"Correct start in {self.folder / 'session.toml'}, then export it again"
            raise HiphingeError(f"the start of the session is not known, and {what} needs it", str(self.folder), remedy)
        return self.start

    def needs_athlete(self, what: str) -> str:
        """The athlete. HiphingeError where it is not known and the format cannot be without."""
        if self.athlete == UNKNOWN_ATHLETE:
            remedy = f"Correct [athlete] id in {self.folder / 'session.toml'}, then export it again"
            raise HiphingeError(f"the athlete is not known, and {what} needs a pseudonym", str(self.folder), remedy)
        return self.athlete


def known_start(start: datetime | None) -> datetime | None:
    """A start, None where it is the placeholder of one that is not known."""
    return None if start is None or start.year <= UNKNOWN_START.year else start


def safe_name(text: str) -> str:
    """A name of a file that every system takes, from any text: letters, digits, dot, dash and underscore."""
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in unicodedata.normalize("NFC", text))
    return plain.strip("-. ")[:_LONGEST_NAME] or "session"


def distinct_names(texts: Sequence[str]) -> dict[str, str]:
    """By text, a name of a file; two texts get two names, also where a system takes capital letters for small ones."""
    names: dict[str, str] = {}
    for text in texts:
        name, n = safe_name(text), 2
        taken = {other.casefold() for other in names.values()}
        while name.casefold() in taken:
            name, n = f"{safe_name(text)}-{n}", n + 1
        names[text] = name
    return names


def tick_rate(time_s: Floats) -> float:
    """Ticks in a second of a table's times (n,)."""
    return RATE_HZ if len(time_s) < 2 else round(1.0 / float(np.median(np.diff(time_s))), 6)
