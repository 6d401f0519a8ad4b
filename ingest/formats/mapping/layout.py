"""What a mapping says of one sensor, in the terms of the reader: which columns, in which unit, on which clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import Floats
from ingest.formats.orientation import from_angles
from ingest.formats.text import UTF_8

ISO, CLOCK, COUNTED = "iso", "clock", "counted"
"""Clocks that are no number of seconds: dates, times of day, and samples that are counted at a stated rate."""
NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time stands in a file. kind: `NUMBER`, `ISO`, `CLOCK` or `COUNTED`. columns: of its parts. per_second: divide a
    number by this to have seconds. bits: it begins anew after 2 to this power. rate_hz: of a counted clock."""

    kind: str
    columns: tuple[str, ...] = ()
    per_second: float = 1.0
    keep_zero: bool = False
    bits: int | None = None
    rate_hz: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The columns of one vector. turn (k, k): multiplies the columns' values to have SI units in the sensor's axes. file,
    clock: of its own. free: the frame, ``earth`` or ``sensor``, of an acceleration without gravity, or ``gravity`` where
    another group has it. angles: an orientation as roll, pitch and yaw."""

    columns: tuple[str, ...]
    turn: Floats
    file: str | None = None
    clock: Clock | None = None
    free: str = ""
    angles: bool = False

    def of(self, values: Floats) -> Floats:
        """Values (n, k) of the columns, in SI units; angles as quaternions (n, 4)."""
        turned = np.asarray(values @ self.turn.T)
        return from_angles(turned) if self.angles else turned


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a table stands in a text file. header: the names where the file has none. header_with: the header is the first line
    that holds these names. bad_lines: how many may be left out."""

    delimiter: str | None = None
    skip_rows: int = 0
    header: tuple[str, ...] = ()
    header_with: tuple[str, ...] = ()
    decimal: str = "."
    encoding: str = UTF_8
    bad_lines: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One sensor. groups: for ``acc``, ``gyr``, ``quat``, ``mag`` the alternatives, of which the first that is there counts.
    optional: groups that a file may lack.
    where: a column and what it holds in this sensor's lines. split_by: columns, of which the first that is there has
    a sensor for every value. start_in, name_in: words above the table after which the start and the sensor's name stand.
    start_file: a file and its column whose first number is the start, s since 1970. counted_hz: samples are counted at this
    rate, and the file's times give the start alone."""

    text: TextLayout
    clocks: tuple[Clock, ...]
    groups: dict[str, tuple[Group, ...]]
    optional: frozenset[str] = frozenset()
    where: tuple[str, str] | None = None
    split_by: tuple[str, ...] = ()
    start_in: str = ""
    name_in: str = ""
    start_file: tuple[str, str] | None = None
    counted_hz: float | None = None
