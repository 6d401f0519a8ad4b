"""A stream: the columns of one file that share a clock, read block by block as often as needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from body_signals import Floats
from ingest.formats.mapping.clocks import COUNT, Origin, StreamClock
from ingest.formats.mapping.layout import NUMBER, Clock
from ingest.formats.text import BadLines, Rows, TextTable, Wanted, fail, rows

_HEAD = 4096
"""Samples from which a stream's rate is read (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class TimedValues:
    """n samples of a stream. time_s (n,): since the stream's first sample. values (n, k)."""

    time_s: Floats
    values: Floats


class Stream(ABC):
    """The samples of columns that share a clock, read block by block as often as needed. columns: their numbers in the table.
    origin: what the time counts from. period_s: its usual step. notes: what was left out in the last pass. unit: what the file
    is counted in."""

    table: TextTable
    clock: Clock
    columns: tuple[int, ...]
    origin: Origin
    period_s: float
    notes: list[str]
    unit: ClassVar[str]

    @abstractmethod
    def _pass(self) -> Iterator[tuple[Floats, Rows]]:
        """Times and rows of all samples, in blocks that are not empty."""

    def blocks(self) -> Iterator[TimedValues]:
        """All samples, in blocks. Raises `HiphingeError` with file and line."""
        for time_s, found in self._pass():
            yield TimedValues(time_s, found.values)

    def where(self, row: int) -> str:
        """File and line of sample `row`, from 0."""
        for _, found in self._pass():
            if row < len(found):
                return f"{self.table.path}, {self.unit} {int(found.lines[row])}"
            row -= len(found)
        return str(self.table.path)


class TextStream(Stream):
    """Samples of some columns of a table, on one clock. stamps: the columns of the time. only: a column and what it must
    hold. most: bad lines that may be left out. counted_hz: see `Layout`."""

    unit = "line"

    def __init__(
        self,
        table: TextTable,
        clock: Clock,
        stamps: tuple[int, ...],
        columns: tuple[int, ...],
        only: tuple[int, str] | None,
        most: int | None,
        counted_hz: float | None = None,
    ) -> None:
        self.table, self.clock, self.columns = table, clock, columns
        numeric = clock.kind == NUMBER
        self._wanted = Wanted(stamps[0] if numeric else -1, columns, () if numeric else stamps, only)
        self._most, self._counted_hz = most, counted_hz
        self.notes: list[str] = []
        self.origin = Origin(COUNT, 0)
        self.period_s = self._usual_step()

    def _pass(self) -> Iterator[tuple[Floats, Rows]]:
        bad = BadLines(self.table.path, self._most)
        clock = StreamClock(self.clock, bad)
        seen = 0
        for block in rows(self.table, self._wanted, bad):
            if self._counted_hz is None:
                time_s, found = clock.seconds(block)
            else:
                if not seen:
                    clock.seconds(block.take(np.arange(len(block)) == 0))
                time_s, found = (seen + np.arange(len(block))) / self._counted_hz, block
                seen += len(block)
            self.origin = clock.origin
            if len(found):
                yield time_s, found
        jumps = [f"{self.table.path.name}: {words} ({n} ×): counted on" for words, n in clock.jumps.items()]
        self.notes = [*bad.notes(), *jumps]

    def _usual_step(self) -> float:
        for time_s, _ in self._pass():
            step = np.diff(time_s[:_HEAD])
            return float(np.median(step)) if len(step) else 0.0
        remedy = "Export the recording again, or leave this sensor out."
        if self._wanted.only is not None:
            column, value = self.table.names[self._wanted.only[0]], self._wanted.only[1]
            fail(
                f"no line with {value!r} in {column}", self.table.path, self.table.header_line, "Correct where in the mapping."
            )
        return fail("no data rows after the header", self.table.path, max(self.table.header_line, 1), remedy)
