"""The columns of a cohort: of the file that an athlete has, and of the views that are asked.

An athlete's file has rows of four kinds (`RECORDS`), told apart by the column ``record``; a column that a kind does not have is
missing in it, which costs no space. Each kind is a view. Names, units and descriptions of repetitions are those of
`body_signals.quantities`. A missing value is NULL and never NaN: SQL counts a NaN as the largest number of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from body_signals import REPETITION_COLUMNS, Quantity, Storage

REPETITION, SESSION, MEASURE, MARK = "repetition", "session", "measure", "mark"
TEXT, WHOLE, YES, NUMBER, SINGLE, TIME, DATE = "VARCHAR", "INTEGER", "BOOLEAN", "DOUBLE", "FLOAT", "TIMESTAMP", "DATE"
"""Types of columns, as SQL calls them; nothing here needs the library that writes them."""
_KINDS = {Storage.FLOAT64: NUMBER, Storage.FLOAT32: SINGLE, Storage.INT32: WHOLE, Storage.STRING: TEXT}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: its name, unit, type and meaning. stored: it is a column of the file, and not made by the view."""

    name: str
    unit: str
    kind: str
    description: str
    stored: bool = True

    @classmethod
    def of(cls, quantity: Quantity) -> Column:
        """The column that holds a quantity."""
        return cls(quantity.name, quantity.unit, _KINDS[quantity.kind], quantity.description)


def _text(name: str, description: str) -> Column:
    return Column(name, "", TEXT, description)


def _count(name: str, description: str) -> Column:
    return Column(name, "", WHOLE, description)


def _yes(name: str, description: str) -> Column:
    return Column(name, "", YES, description)


def _number(name: str, unit: str, description: str) -> Column:
    return Column(name, unit, NUMBER, description)


RECORD = _text("record", "kind of the row: repetition, session, measure or mark")
FOLDER = _text("folder", "folder of the session, below the folder that was collected")
_KEYS = (
    _text("athlete", "pseudonym"),
    _text("session", "name of the session"),
    _text("estimator", "live (causal) or review (two-sided)"),
    Column("start", "", TIME, "calendar time of session time 0, UTC; missing: not known"),
    Column("day", "", DATE, "day of the start, UTC", stored=False),
    Column("week", "", DATE, "Monday of the week of the start, UTC", stored=False),
)
_AT = Column("at", "", TIME, "calendar time, UTC; missing where the start is not known")
_PERIOD = _text("period", "before or after the session's first mark `treatment`; missing where it has none")
_SIDE = _text("side", "left or right; empty where it has none")
_PAIN = _number("pain", "", "pain that the athlete reported, 0 to 10: the highest of the session or of its part; missing: none")
_TIME_S = _number("time_s", "s", "session time")

REPETITIONS: tuple[Column, ...] = (
    *_KEYS,
    _AT,
    _PERIOD,
    _count("set_number", "running number of the set in the session, from 1"),
    _count("in_set", "running number of the repetition in its set, from 1"),
    _SIDE,
    _yes("counted", "it counts in a median: nothing speaks against it (docs/screen.md)"),
    _text("left_out", "why it does not count; empty where it does"),
    *map(Column.of, REPETITION_COLUMNS),
)
SESSIONS: tuple[Column, ...] = (
    *_KEYS,
    FOLDER,
    _number("duration_s", "s", "session time of the last row"),
    _count("repetitions", "number of repetitions, as corrected"),
    _count("sets", "number of sets, as corrected"),
    _number("calibration_confidence", "", "lowest confidence of the placements' alignments, 0 to 1"),
    _count("pattern", "number of the hip screen's pattern, 1 to 6 (docs/screen.md); missing: none"),
    _text("pattern_side", "left, right or both; empty where the pattern has no side"),
    _text("pattern_confidence", "low, moderate or high; empty where there is no pattern"),
    _PAIN,
    _yes("baseline", "it is pinned as one of the athlete's own baseline"),
    Column("treated", "", TIME, "calendar time of the first mark `treatment`, UTC; missing: none"),
    _number("load_kg", "kg", "largest load on the bar that was said in the session"),
    _number("srpe", "", "exertion of the whole session as the athlete rated it, 0 to 10"),
    _number("soreness", "", "soreness that the athlete reported, 0 to 10"),
    _count("match_day", "days from the match: -2 is two days before it, 0 the day itself"),
    _text("gym", "where it was recorded"),
    _text("squad_group", "group of the squad"),
    _count("findings", "faults of sensors that were found"),
    _count("warnings", "number of warnings in the summary"),
    _text("software", "program and version that computed the results"),
)
SCREENS: tuple[Column, ...] = (
    *_KEYS,
    _AT,
    _PERIOD,
    _text("part", "the session, or the part of it that marks or protocols divide, in which the tests were done"),
    _text("test", "test of the hip screen: bend, knee_raise, rock_back, …"),
    _SIDE,
    _text("measure", "the number, as in docs/screen.md"),
    _text("unit", "deg, s, or empty for a share"),
    _number("value", "", "median of the repetitions that were scored, in `unit`; numbers of too few repetitions are left out"),
    _number("spread", "", "its spread, in `unit`"),
    _count("scored", "how many repetitions were scored"),
    _number("limit_value", "", "the limit that it was compared with, in `unit`; missing: none"),
    _yes("beyond", "it is beyond that limit"),
    _yes("borderline", "it is so near the limit that measurement error could change the side of it"),
    _PAIN,
)
MARKS: tuple[Column, ...] = (
    *_KEYS,
    _AT,
    _TIME_S,
    _text(
        "mark", "treatment, before, after, retest, baseline, calibrate, set or pain; other labels and notes are not collected"
    ),
    _PAIN,
    _text("said", "live, session or afterwards"),
)


@dataclass(frozen=True, slots=True)
class View:
    """A view that is asked. record: the kind of its rows."""

    record: str
    columns: tuple[Column, ...]
    description: str


VIEWS: dict[str, View] = {
    "repetitions": View(REPETITION, REPETITIONS, "one row a repetition, as corrected"),
    "sessions": View(SESSION, SESSIONS, "one row a session"),
    "screens": View(MEASURE, SCREENS, "one row a number of the hip screen"),
    "marks": View(MARK, MARKS, "one row a mark that this program understands"),
}
"""The views by name."""


def _stored() -> tuple[Column, ...]:
    found: dict[str, Column] = {RECORD.name: RECORD, FOLDER.name: FOLDER}
    for view in VIEWS.values():
        found |= {column.name: column for column in view.columns if column.stored}
    return tuple(found.values())


STORED: tuple[Column, ...] = _stored()
"""The columns of an athlete's file."""


def fingerprint(columns: Sequence[Column] = STORED) -> str:
    """What tells the columns of two versions of this program apart: their names and types, in their order."""
    words = ";".join(f"{column.name}:{column.kind}" for column in columns)
    return hashlib.sha256(words.encode()).hexdigest()[:16]
