"""A list of all sessions of a folder: athlete, start, quality, sent or not. Only small files and the ends of tables are read. A
session that cannot be read is listed with the reason, and does not affect the others."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from body_signals import ESTIMATORS, UNKNOWN_ATHLETE, HiphingeError
from dashboards.corrections import EARLIEST, SUMMARY, Head, Said, head_of
from dashboards.edits import EDITS, read_edits
from dashboards.influx import FOLDER, sent_states
from dashboards.tables import read_summary
from hiphinge.afterwards.ties import check_tables
from hiphinge.session.folders import RECORDING
from hiphinge.session.lock import LOCK, is_running
from hiphinge.session.recovery import set_aside
from hiphinge.session.scratch import is_own
from ingest.heads import read_edits as read_marks

SESSION = "session.toml"
_TABLES = ("angles.parquet", "orientations.parquet", "repetitions.parquet")
_END = b"PAR1"
"""Last bytes of a Parquet file."""
FINISHED, UNFINISHED, RUNNING, SAMPLES, BROKEN = "finished", "unfinished", "running", "samples only", "broken"
SENT, PARTLY, NOT, NOTHING = "sent", "partly", "not", "nothing to send"


class _Alignment(msgspec.Struct):
    confidence: float | None = None


class _Summary(msgspec.Struct):
    """The values of summary.json that a list shows."""

    session: str
    athlete: str
    estimator: str
    software: str
    start: str | None = None
    duration_s: float | None = None
    repetitions: int = 0
    calibration: dict[str, _Alignment] = {}
    warnings: list[str] = []
    findings: list[Any] = []


_REMEDY = "Put back this session's files, or compute its results again: hiphinge replay {folder} --out DIR"


@dataclass(slots=True)
class Listed:
    """One session. state: finished, unfinished, running, samples only (a plain session without results) or broken; why: the
    reason, if any. sent: sent, partly, not, or nothing to send. confidence: the lowest of its sensors' alignments, None where
    nothing is calibrated; athlete and start are None where they are not known."""

    folder: Path
    state: str = FINISHED
    athlete: str | None = None
    start: datetime | None = None
    duration_s: float | None = None
    estimators: tuple[str, ...] = ()
    repetitions: int | None = None
    confidence: float | None = None
    findings: int = 0
    warnings: int = 0
    sent: str = NOTHING
    why: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs; start also in this computer's time."""
        local = None if self.start is None else self.start.astimezone()
        return {
            "folder": str(self.folder),
            "session": self.folder.name,
            "state": self.state,
            "athlete": self.athlete,
            "start": None if self.start is None else self.start.isoformat().replace("+00:00", "Z"),
            "local": None if local is None else local.isoformat(),
            "zone": None if local is None else f"{local:%Z}",
            "duration_s": self.duration_s,
            "estimators": list(self.estimators),
            "repetitions": self.repetitions,
            "calibration_confidence": self.confidence,
            "findings": self.findings,
            "warnings": self.warnings,
            "sent": self.sent,
            "why": self.why,
        }


def listed(where: Path) -> list[Listed]:
    """The sessions directly below the folder `where`, or the folder itself if it is a session, by athlete and time.
    HiphingeError where it cannot be read."""
    try:
        with os.scandir(where) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(where), "Give the folder of your sessions") from None
    if {SESSION, RECORDING} & set(names):
        return [_looked_at(where, frozenset(names))]
    found = []
    for name in names:
        # a name with a leading dot is being written, or is not ours
        folder = where / name
        inside = frozenset() if name.startswith(".") else _inside(folder)
        if inside is None:
            found.append(Listed(folder, BROKEN, why="may not be read: check its permissions"))
        elif is_session(folder, inside):
            found.append(_looked_at(folder, inside))
    unknown = datetime.max.replace(tzinfo=EARLIEST.tzinfo)
    return sorted(found, key=lambda one: (one.athlete is None, one.athlete or "", one.start or unknown, one.folder.name))


def is_session(folder: Path, inside: Collection[str]) -> bool:
    """Whether a folder with these names in it is a session: by its head, its recording, or results. A folder of any other
    kind may have one named ``live`` in it."""
    return bool({SESSION, RECORDING} & set(inside)) or any(_has_results(folder / e) for e in ESTIMATORS if e in inside)


def _has_results(part: Path) -> bool:
    names = _inside(part)
    # one that cannot be read is listed with the reason
    return names is None or bool(names & {SUMMARY, *_TABLES})


def _inside(folder: Path) -> frozenset[str] | None:
    """Names in a folder, empty where it is not a folder; None where this user's folder may not be read."""
    try:
        return frozenset(os.listdir(folder))
    except NotADirectoryError:
        return frozenset()
    except OSError:
        return None if folder.is_dir() and is_own(folder) else frozenset()


def _looked_at(folder: Path, inside: frozenset[str]) -> Listed:
    one = Listed(folder)
    try:
        _look(one, inside)
    except (HiphingeError, OSError, ValueError) as error:
        one.state, one.why = BROKEN, _why(error, folder)
    return one


def _why(error: HiphingeError | OSError | ValueError, folder: Path) -> str:
    """What is wrong with a session, in which of its files, and what to do."""
    if not isinstance(error, HiphingeError):
        return f"{error}. {_REMEDY.format(folder=folder)}"
    where = error.where.removeprefix(str(folder)).removeprefix(os.sep)
    return str(HiphingeError(error.what, where, error.remedy or _REMEDY.format(folder=folder)))


def _look(one: Listed, inside: frozenset[str]) -> None:
    folder = one.folder
    one.estimators = tuple(e for e in ESTIMATORS if e in inside and (folder / e / SUMMARY).is_file())
    head = head_of(folder) if SESSION in inside else None
    said: Said | None = head
    _name(one, head)
    summaries = {e: _summary(folder, e) for e in one.estimators}
    for estimator, summary in summaries.items():
        written = Said.of(summary.athlete, summary.start)
        if not _belongs(head, written, recorded=RECORDING in inside):
            raise ValueError(f"{SESSION} and {estimator}/{SUMMARY} do not belong to one session")
        if head is None or not head.origin:
            said = written
    _name(one, said)
    _check_whole(folder, inside, summaries)
    if EDITS in inside:
        read_edits(folder)
        read_marks(folder)
    if summaries:
        # the two-sided estimator, if present
        summary = summaries[one.estimators[-1]]
        one.duration_s, one.repetitions = summary.duration_s, summary.repetitions
        sure = [a.confidence for a in summary.calibration.values() if a.confidence is not None]
        one.confidence = min(sure, default=None)
        one.findings, one.warnings = len(summary.findings), len(summary.warnings)
    one.state, one.why = state_of(folder, inside, one.estimators)
    if len({summary.software for summary in summaries.values()}) > 1:
        made = " and ".join(f"{e} by {summary.software}" for e, summary in summaries.items())
        one.why = one.why or f"{made}: compute both again: hiphinge replay {folder} --out DIR"
    if one.estimators:
        one.sent = _sent(folder, inside, one.estimators)
        if one.sent != SENT and (one.athlete is None or one.start is None):
            lacks = [word for word, value in (("athlete", one.athlete), ("start", one.start)) if value is None]
            one.why = one.why or f"{' and '.join(lacks)} not known: correct {SESSION}"


def _check_whole(folder: Path, inside: Collection[str], summaries: Mapping[str, _Summary]) -> None:
    """ValueError or HiphingeError where results were written in part, or are of another session than their neighbours."""
    for estimator in ESTIMATORS:
        there = _inside(folder / estimator) if estimator in inside else frozenset()
        if there and (estimator in summaries or there & set(_TABLES)):
            lacks = [name for name in (SUMMARY, *_TABLES) if name not in there]
            if lacks:
                raise ValueError(f"{estimator}/{lacks[0]} is missing")
            cut = [name for name in _TABLES if not _is_whole(folder / estimator / name)]
            if cut:
                raise ValueError(f"{estimator}/{cut[0]} is no whole table: it was not written to its end, or is damaged")
    for estimator, summary in summaries.items():
        if summary.estimator != estimator:
            raise ValueError(f"{estimator}/{SUMMARY} is of the estimator {summary.estimator!r}")
        check_tables(folder, estimator, summary.repetitions, summary.duration_s)
    if len({summary.session for summary in summaries.values()}) > 1:
        raise ValueError(f"{' and '.join(f'{e}/{SUMMARY}' for e in summaries)} are of different sessions")


def _is_whole(table: Path) -> bool:
    """Whether a table ends as every Parquet file does."""
    if not table.is_file():
        return False
    with table.open("rb") as file:
        file.seek(max(table.stat().st_size - len(_END), 0))
        return file.read(len(_END)) == _END


def _name(one: Listed, said: Said | None) -> None:
    """Athlete and start, as far as known."""
    if said is not None:
        one.athlete = said.athlete if said.athlete != UNKNOWN_ATHLETE else None
        one.start = said.start if said.start is not None and said.start >= EARLIEST else None


def _belongs(head: Head | None, written: Said, *, recorded: bool) -> bool:
    """Whether results belong to the session of session.toml. A session.toml of an earlier version beside a recording may
    correct everything: `hiphinge.afterwards.ties` checks more closely before anything is sent."""
    if head is None or not head.origin:
        return True
    return head.corrects(written) or (recorded and not head.origins)


def _summary(folder: Path, estimator: str) -> _Summary:
    """The values of a summary as they were computed. HiphingeError where it is damaged or of another version."""
    return msgspec.convert(read_summary(folder, estimator, as_computed=True), _Summary)


def state_of(folder: Path, inside: Collection[str], estimators: Sequence[str]) -> tuple[str, str]:
    """State of the session with these names in its folder, and why it is not finished."""
    if LOCK in inside and is_running(folder):
        return RUNNING, ""
    if RECORDING in inside and len(estimators) < len(ESTIMATORS):
        return UNFINISHED, set_aside(folder) or "was not closed: hiphinge doctor computes its results"
    if not estimators:
        return SAMPLES, "no results yet: hiphinge replay"
    return FINISHED, ""


def _sent(folder: Path, inside: frozenset[str], estimators: Sequence[str]) -> str:
    """From the ledger alone: whether InfluxDB acknowledged the present results."""
    if FOLDER not in inside:
        return NOT
    states = sent_states(folder, estimators)
    if all(states.values()):
        return SENT
    return PARTLY if any(state is not None for state in states.values()) else NOT
