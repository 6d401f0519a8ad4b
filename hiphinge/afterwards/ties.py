"""Whether the files of a session folder belong together: session.toml, the recording's head, each summary and its tables.

Otherwise results of another session, copied in by hand, would be shown and sent under this one's name. Only heads and ends of
files are read. A folder may be renamed; only the content of the files counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from body_signals import HiphingeError, check_athlete
from dashboards.corrections import SESSION, Head, Said, head_of, remember
from dashboards.influx import Identity, digest, identity
from dashboards.tables import ANGLES, ORIENTATIONS, REPETITIONS, SUMMARY, available_estimators, read_summary
from hiphinge.session.in_progress import RECORDING
from ingest.heads import read_session_toml
from ingest.recording import read_recording

_REMEDY = "Put back this session's files, or compute its results again: hiphinge replay {folder} --out DIR"
_CLOSE_S = 1e-3
"""Tolerance of the end, s (ours): the summary rounds its duration to microseconds."""
_EARLY_S = 2.0
"""How much earlier than the session, s, the table of angles may end; its rows continue even without a sensor (ours)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Athlete and start as stated in one file; of a summary also what its tables must agree with."""

    file: str
    said: Said
    session: str | None = None
    start_words: str = ""
    repetitions: int = 0
    duration_s: object = None


def check(folder: Path) -> None:
    """HiphingeError where the parts of a session folder belong to different sessions; it names the two that disagree and how.

    A person may have corrected athlete and start in session.toml. It records its origin, so results and recording can be
    distinguished from another session's. A session.toml of an earlier version has no origin: it may correct values on which the
    recording and all results agree, and from then on it has one.
    """
    head, recording, estimators = head_of(folder), _recording(folder), available_estimators(folder)
    summaries = [_of_summary(folder, estimator) for estimator in estimators]
    for one in summaries:
        _check_athlete(folder, one)
    parts = [*summaries, *([recording] if recording is not None else [])]
    if (
        head is not None
        and not all(head.corrects(part.said) for part in parts)
        and _vouched(folder, head, recording, summaries)
    ):
        remember(folder, head, [part.said for part in parts])
        head = head_of(folder)
    for one in summaries:
        if head is not None:
            _compare_head(folder, head, one)
        for other in parts:
            _compare(folder, other, one, head)
    for estimator, one in zip(estimators, summaries, strict=True):
        check_tables(folder, estimator, one.repetitions, one.duration_s)


def _vouched(folder: Path, head: Head, recording: _Part | None, summaries: list[_Part]) -> bool:
    """Whether a session.toml without an origin can only belong to this session: recording and results agree with each other,
    and it names the recording's sensors."""
    if head.origins or not head.origin or recording is None or any(one.said != recording.said for one in summaries):
        return False
    try:
        inside = read_recording(folder / RECORDING, salvage=True).session
        named = read_session_toml(folder / SESSION)
    except HiphingeError:
        return False
    return [sensor.key for sensor in named.sensors] == [sensor.key for sensor in inside.sensors]


def twin(folder: Path, among: Path | None = None) -> Path | None:
    """Another folder with different results that InfluxDB would take for the same session; None where there is none.

    The search covers the folders beside this one and `among`. A folder with its session's name is the original, and has no
    twin. If neither has that name, because the original was renamed, each is the other's twin.
    """
    estimators = available_estimators(folder)
    if not estimators:
        return None
    own = identity(folder, estimators[0])
    if not own.session or folder.resolve().name == own.session:
        return None
    # this reads every table, so only once, however many folders claim the name
    own_digests: dict[str, str] = {}
    for place in dict.fromkeys((folder.resolve().parent, *([among.resolve()] if among is not None else []))):
        for other in _folders(place):
            if other != folder.resolve() and _claims(other, folder, own_digests):
                return other
    return None


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path.resolve() for path in place.iterdir() if path.is_dir())
    except OSError:  # no such folder, or an unreadable one: its content is unknown
        return []


def _claims(other: Path, folder: Path, own_digests: dict[str, str]) -> bool:
    """Whether another folder's results go under the same names, and are not the same.

    own_digests: this folder's, by estimator; made when the first folder claims the name.
    """
    for estimator in available_estimators(other):
        if estimator not in available_estimators(folder):
            continue
        try:
            same = _identity(other, estimator) == _identity(folder, estimator)
            if not same:
                continue
            if estimator not in own_digests:
                own_digests[estimator] = digest(folder, estimator)
            if digest(other, estimator) != own_digests[estimator]:
                return True
        except HiphingeError:
            # its fault is reported when it is sent itself
            continue
    return False


def namesake(folder: Path, who: Identity, among: Path | None = None) -> Path | None:
    """Another folder beside this one, or in `among`, whose results InfluxDB has under these names; None where there is none."""
    for place in dict.fromkeys((folder.resolve().parent, *([among.resolve()] if among is not None else []))):
        for other in _folders(place):
            there = available_estimators(other) if other != folder.resolve() else ()
            try:
                if any(_identity(other, estimator) == who for estimator in there):
                    return other
            except HiphingeError:
                # its fault is reported when it is sent itself
                continue
    return None


def _identity(folder: Path, estimator: str) -> Identity:
    """Identity of the results; an unchanged file is read only once, because `push --all` compares each session with all
    others."""
    files = (folder / estimator / SUMMARY, folder / SESSION)
    return _known_identity(folder, estimator, tuple(f.stat().st_mtime_ns if f.is_file() else 0 for f in files))


@lru_cache(maxsize=16384)
def _known_identity(folder: Path, estimator: str, _changed_ns: tuple[int, ...]) -> Identity:
    return identity(folder, estimator)


def _recording(folder: Path) -> _Part | None:
    if not (folder / RECORDING).is_file():
        return None
    try:
        session = read_recording(folder / RECORDING, salvage=True).session
    except HiphingeError:
        # it states nothing, and the results no longer depend on it
        return None
    return _Part(RECORDING, Said.of(session.athlete, session.start), None, str(session.start))


def _of_summary(folder: Path, estimator: str) -> _Part:
    summary = read_summary(folder, estimator, as_computed=True)
    name = f"{estimator}/{SUMMARY}"
    if summary["estimator"] != estimator:
        raise _apart(folder, f"{name} is of the estimator {summary['estimator']!r}")
    said = Said.of(str(summary["athlete"]), summary["start"])
    words = (str(summary["session"]), str(summary["start"]))
    return _Part(name, said, *words, summary["repetitions"], summary["duration_s"])


def _check_athlete(folder: Path, one: _Part) -> None:
    try:
        check_athlete(one.said.athlete or "")
    except HiphingeError as error:
        remedy = "Write the pseudonym of one athlete into session.toml, and compute the results anew: hiphinge replay"
        raise HiphingeError(error.what, str(folder / one.file), remedy) from None


def _compare_head(folder: Path, head: Head, one: _Part) -> None:
    """Compare session.toml; a value that it does not state cannot disagree."""
    if head.athlete is not None and head.start is not None and head.corrects(one.said):
        return
    if head.athlete is not None and head.athlete != one.said.athlete:
        raise _apart(folder, f"{SESSION} says athlete {head.athlete!r}, {one.file} says {one.said.athlete!r}")
    if head.start is not None and head.start != one.said.start:
        raise _apart(folder, f"{SESSION} says start {head.start}, {one.file} says {one.start_words}")


def _compare(folder: Path, other: _Part, one: _Part, head: Head | None) -> None:
    if other.session is not None and other.session != one.session:
        raise _apart(folder, f"{other.file} says session {other.session!r}, {one.file} says {one.session!r}")
    if head is not None and head.origin and head.corrects(other.said) and head.corrects(one.said):
        return
    if other.said.athlete != one.said.athlete:
        raise _apart(folder, f"{other.file} says athlete {other.said.athlete!r}, {one.file} says {one.said.athlete!r}")
    if other.said.start != one.said.start or (one.said.start is None and other.start_words != one.start_words):
        raise _apart(folder, f"{other.file} says start {other.start_words}, {one.file} says {one.start_words}")


def check_tables(folder: Path, estimator: str, repetitions: int, duration_s: object) -> None:
    """HiphingeError where the tables do not end at the summary's duration, or do not hold its number of repetitions."""
    where = folder / estimator
    found = {name: _metadata(where / name) for name in (ANGLES, ORIENTATIONS, REPETITIONS)}
    facts = {name: metadata for name, metadata in found.items() if metadata is not None}
    if REPETITIONS in facts and facts[REPETITIONS].num_rows != repetitions:
        raise _apart(
            folder,
            f"{estimator}/{REPETITIONS} has {facts[REPETITIONS].num_rows} repetitions, "
            f"{estimator}/{SUMMARY} says {repetitions}",
        )
    if not isinstance(duration_s, int | float):
        return
    for name, least_s in ((ANGLES, duration_s - _EARLY_S), (ORIENTATIONS, 0.0)):
        end_s = _latest_s(facts[name], "time_s") if name in facts else None
        if end_s is not None and not least_s <= end_s <= duration_s + _CLOSE_S:
            raise _apart(
                folder, f"{estimator}/{name} ends after {end_s:.2f} s, {estimator}/{SUMMARY} says {duration_s:.2f} s in all"
            )
    begun_s = _latest_s(facts[REPETITIONS], "start_s") if REPETITIONS in facts else None
    if begun_s is not None and begun_s > duration_s:
        raise _apart(
            folder,
            f"{estimator}/{REPETITIONS} has one at {begun_s:.2f} s, {estimator}/{SUMMARY} says {duration_s:.2f} s in all",
        )


def _metadata(path: Path) -> Any:
    """The metadata of a table; None where it cannot be read, which the reader of its rows reports."""
    try:
        # opening a pipe would block
        return pq.read_metadata(path) if path.is_file() else None
    except (OSError, ValueError):
        return None


def _latest_s(metadata: Any, column: str) -> float | None:
    """The largest value of a column by the file's own statistics; None where it has none."""
    latest: float | None = None
    at = metadata.schema.names.index(column) if column in metadata.schema.names else None
    for i in range(metadata.num_row_groups if at is not None else 0):
        statistics = metadata.row_group(i).column(at).statistics
        if statistics is None or not statistics.has_min_max:
            return None
        latest = statistics.max if latest is None else max(latest, statistics.max)
    return latest


def _apart(folder: Path, what: str) -> HiphingeError:
    return HiphingeError(f"these are not parts of one session: {what}", str(folder), _REMEDY.format(folder=folder))
