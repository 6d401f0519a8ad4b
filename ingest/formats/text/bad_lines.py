"""Lines that are no samples: how many may be left out, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from body_signals import HiphingeError

_SHARE = 0.001
"""Share of a file's lines that may be left out, unless a number is stated (ours)."""
_EARLY = 100
"""Bad lines beyond the share at which a file is not read to its end (ours)."""


@dataclass(slots=True)
class BadLines:
    """The bad lines of one file. most: how many may be left out; None: one in a thousand. A torn last line counts apart: a
    logger that loses its power leaves one.

    strict: none may be left out, and no torn last line. unit: what is counted. said_by: what states `most`, if anything does.
    lost: lines with a time and no value. names: lines that repeat the names of the columns, which a program writes when it goes
    on with a file.
    """

    path: Path
    most: int | None = None
    unit: str = "line"
    strict: bool = False
    said_by: str = "bad_lines in the mapping"
    count: int = 0
    lost: int = 0
    names: int = 0
    torn: str = ""
    _first: tuple[int, str, str] | None = field(default=None)

    def take(self, line: int, what: str, remedy: str, lines_so_far: int) -> None:
        """Leave this line out. Raises `HiphingeError` when that is one too many."""
        if self._first is None:
            self._first = (line, what, remedy)
        self.count += 1
        early = self.count > _SHARE * lines_so_far + _EARLY
        if self.strict or (self.most is not None and self.count > self.most) or (self.most is None and early):
            self._refuse()

    def take_torn(self, line: int, what: str, remedy: str) -> None:
        """Leave out the last line, which has no end. Raises `HiphingeError` where none may be left out."""
        if self.strict:
            raise HiphingeError(what, self.place(line), remedy)
        self.torn = f"{self.path.name}: the last {self.unit}, {line}, is torn and left out ({what})"

    def finish(self, lines: int) -> None:
        """After the last line. Raises `HiphingeError` when more lines were bad than may be."""
        if self.most is None and self.count > _SHARE * lines:
            self._refuse()

    def notes(self) -> list[str]:
        """What was left out, in words."""
        said = [self.torn] if self.torn else []
        if self._first is not None:
            line, what, _ = self._first
            lines = f"1 {self.unit} is" if self.count == 1 else f"{self.count} {self.unit}s are"
            said.append(f"{self.path.name}: {lines} left out; {self.unit} {line}: {what}")
        if self.names:
            lines = f"1 {self.unit} repeats" if self.names == 1 else f"{self.names} {self.unit}s repeat"
            said.append(f"{self.path.name}: {lines} the names of the columns")
        if self.lost:
            lines = f"1 {self.unit} has" if self.lost == 1 else f"{self.lost} {self.unit}s have"
            said.append(f"{self.path.name}: {lines} no values: counted as lost samples")
        return said

    def _refuse(self) -> None:
        assert self._first is not None
        line, what, remedy = self._first
        if not self.strict and self.count > 1:
            allowed = f"one {self.unit} in a thousand" if self.most is None else str(self.most)
            by = f" ({self.said_by})" if self.said_by else ""
            remedy += f" It is one of {self.count} bad {self.unit}s, and {allowed} may be left out{by}."
        raise HiphingeError(what, self.place(line), remedy)

    def place(self, line: int) -> str:
        """The file and the line, in words."""
        return f"{self.path}, {self.unit} {line}"
