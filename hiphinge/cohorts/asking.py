"""Asking a cohort in SQL: DuckDB in memory, over the files of the cohort, with nothing else in reach.

Only one statement that reads is run. External access is off, with the files of the cohort as the one exception, and settings
are locked before the first word of the question is looked at. So no question reads another file, writes one, opens a connection
or loads an extension. Nothing is spilled to disk.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from body_signals import HiphingeError, one_line
from dashboards.extras import needed
from hiphinge.cohorts.columns import SESSION, VIEWS, Column, View
from hiphinge.cohorts.head import read_head
from hiphinge.cohorts.places import COHORT, INDEX, RESULTS, athlete_folders, is_cohort

_FETCHED = 10_000
"""Rows fetched together (ours)."""
_STARTED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "temp_directory": "",
}
_MADE = {"day": "CAST(start AS DATE)", "week": "CAST(date_trunc('week', start) AS DATE)"}
"""Columns that views make."""
_CENTILE = """
CREATE MACRO centile(numbers, part) AS (
    WITH sorted AS (SELECT list_sort(numbers) AS l),
    placed AS (SELECT l, greatest(1, least(len(l), (len(l) + 1.0 / 3.0) * part + 1.0 / 3.0)) AS h FROM sorted)
    SELECT l[CAST(floor(h) AS BIGINT)] + (h - floor(h)) * (l[CAST(ceil(h) AS BIGINT)] - l[CAST(floor(h) AS BIGINT)]) FROM placed
)
"""
"""The centile that `hiphinge norms` takes too: type 8 of Hyndman & Fan 1996 (doi 10.2307/2684934)."""
_REMEDY = "hiphinge query COHORT --columns lists the views and their columns; --questions lists ready questions"


@dataclass(frozen=True, slots=True)
class Answer:
    """The names of an answer's columns, and its rows."""

    names: list[str]
    rows: Iterator[tuple[Any, ...]]


class Asked:
    """A cohort that can be asked; a context manager. estimator: whose results the views have; None: of all estimators.

    HiphingeError where `cohort` is none, was collected by a program with other columns, or DuckDB is not installed.
    """

    def __init__(self, cohort: Path, estimator: str | None) -> None:
        files = _files(cohort)
        self._source = f"read_parquet([{', '.join(map(_quoted, files))}], hive_partitioning = false)"
        self._duckdb = needed("duckdb", "cohort")
        self._estimator = estimator
        self._connection = self._duckdb.connect(":memory:", config=_STARTED)
        for view, sql in _views(self._source, estimator):
            self._connection.execute(f"CREATE VIEW {view} AS {sql}")
        self._connection.execute(_CENTILE)
        # in this order: each statement takes away what the next ones would need
        self._connection.execute(f"SET allowed_paths = [{', '.join(map(_quoted, files))}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def ask(self, sql: str) -> Answer:
        """The answer to one statement that reads. HiphingeError with DuckDB's words where there is none."""
        try:
            statements = self._connection.extract_statements(sql)
            if len(statements) != 1:
                what = "no question is given" if not statements else f"these are {len(statements)} statements"
                raise HiphingeError(what, "SQL", "Ask one question at a time")
            (statement,) = statements
            if statement.type not in (self._duckdb.StatementType.SELECT,):
                what = f"{str(statement.type).rpartition('.')[2]} is not a question: a cohort is only read"
                raise HiphingeError(what, "SQL", "Begin with SELECT, WITH, FROM or DESCRIBE")
            found = self._interruptible(lambda: self._connection.execute(statement))
        except self._duckdb.Error as error:
            raise _refused(error) from None
        columns = found.description or ()
        singles = [i for i, column in enumerate(columns) if str(column[1]) == "FLOAT"]
        return Answer(_distinct([column[0] for column in columns]), self._rows(found, singles))

    def not_asked(self) -> int:
        """How many sessions have results of other estimators alone, and so are in no view."""
        if self._estimator is None:
            return 0
        sessions = f"SELECT athlete FROM {self._source} WHERE record = {_quoted(SESSION)} GROUP BY athlete, session"
        ((n,),) = self.ask(f"SELECT count(*) FROM ({sessions} HAVING NOT bool_or(estimator = {_quoted(self._estimator)}))").rows
        return int(n)

    def _rows(self, found: Any, singles: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """The rows of an answer. singles: columns with numbers of 32 bits, which are said in the digits that these have."""
        try:
            while rows := self._interruptible(lambda: found.fetchmany(_FETCHED)):
                yield from (_in_their_digits(row, singles) for row in rows) if singles else rows
        except self._duckdb.Error as error:
            raise _refused(error) from None

    def _interruptible(self, work: Any) -> Any:
        """What `work` returns. It runs in a thread, so that Ctrl-C and signals are heard while DuckDB computes."""
        result: list[Any] = []
        faults: list[BaseException] = []
        # not the thread's own end: a join that a signal interrupts takes the thread for ended in Python 3.11
        ended = threading.Event()

        def run() -> None:
            try:
                result.append(work())
            except BaseException as error:
                faults.append(error)
            finally:
                ended.set()

        threading.Thread(target=run, name="hiphinge-query", daemon=True).start()
        try:
            ended.wait()
        except BaseException:
            self._connection.interrupt()
            ended.wait(_STOP_S)
            raise
        if faults:
            raise faults[0]
        return result[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()


_STOP_S = 5.0
"""Time, s, for DuckDB to stop when it is told to (ours); it looks between its vectors of 2048 rows."""


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, those that were there before with a number, so that none hides another."""
    found: list[str] = []
    for name in names:
        others = (f"{name}_{i}" for i in itertools.count(1))
        found.append(name if name not in found else next(other for other in others if other not in found))
    return found


def _in_their_digits(row: tuple[Any, ...], singles: Sequence[int]) -> tuple[Any, ...]:
    values = list(row)
    for i in singles:
        values[i] = values[i] if values[i] is None else float(str(np.float32(values[i])))
    return tuple(values)


def _files(cohort: Path) -> list[str]:
    if not cohort.is_dir() or not is_cohort(cohort):
        what = "this is no cohort" if cohort.exists() else "no such folder"
        raise HiphingeError(what, str(cohort), f"Make it: hiphinge collect SESSIONS --out {cohort}")
    again = f"hiphinge collect SESSIONS --out {cohort}"
    head = read_head(cohort)
    if head is None:
        raise HiphingeError("cannot be read", str(cohort / COHORT), f"Collect it again: {again}")
    if not head.ours:
        what = "this cohort was collected by a version with other columns"
        raise HiphingeError(what, str(cohort), f"Collect it again: {again}")
    if head.unfinished:
        what = "collecting this cohort has not come to its end: athletes are missing, or have other columns still"
        raise HiphingeError(what, str(cohort), f"Wait for its end; where no program is collecting, collect again: {again}")
    try:
        folders = athlete_folders(cohort)
        files = [str((folder / RESULTS).resolve()) for folder in folders if (folder / RESULTS).is_file()]
        lost = [folder for folder in folders if (folder / INDEX).is_file() and not (folder / RESULTS).is_file()]
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise HiphingeError(what, str(error.filename or cohort), "Check its permissions, or collect it again") from None
    if lost:
        what = f"the rows of {'an athlete are' if len(lost) == 1 else f'{len(lost)} athletes are'} missing"
        raise HiphingeError(what, str(lost[0] / RESULTS), f"Collect again, which writes them: {again}")
    if not files:
        raise HiphingeError("this cohort is empty", str(cohort), f"Collect into it: hiphinge collect SESSIONS --out {cohort}")
    return files


def _views(source: str, estimator: str | None) -> Iterator[tuple[str, str]]:
    only = "" if estimator is None else f" AND estimator = {_quoted(estimator)}"
    for name, view in VIEWS.items():
        yield (
            name,
            f"SELECT {', '.join(map(_selected, view.columns))} FROM {source} WHERE record = {_quoted(view.record)}{only}",
        )


def _selected(column: Column) -> str:
    return f'"{column.name}"' if column.stored else f'{_MADE[column.name]} AS "{column.name}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _refused(error: Exception) -> HiphingeError:
    return HiphingeError(one_line(str(error).strip().rstrip(".")), "SQL", _REMEDY)


def described() -> Iterator[tuple[str, View, Column]]:
    """Every column of every view."""
    for name, view in VIEWS.items():
        for column in view.columns:
            yield name, view, column
