"""A person's corrections of athlete and start in session.toml, made after results were computed.

The results name both too. Where session.toml disagrees with them, either a person corrected it, or the folder holds parts of
two sessions. session.toml records its original athlete and start (`body_signals.origin`): results of that session are
corrected. All others stay as they are, and `hiphinge.afterwards.ties` refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, HiphingeError, check_athlete, origin
from dashboards.parquet_file import correct_head
from dashboards.summary_file import check_summary, summary_text
from on_disk import read_json, read_toml, replace_whole, with_value, write_toml

SESSION, SUMMARY = "session.toml", "summary.json"
_TABLES = ("angles.parquet", "orientations.parquet", "repetitions.parquet")
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
"""An earlier start was never set: clocks that do not know the date begin in 1970 (ours)."""


@dataclass(frozen=True, slots=True)
class Said:
    """Athlete and start of a session as a file states them; None where it does not."""

    athlete: str | None
    start: datetime | None

    @classmethod
    def of(cls, athlete: object, start: object) -> Said:
        """Athlete and start in a document."""
        return cls(athlete if isinstance(athlete, str) else None, moment(start))

    @property
    def origin(self) -> str:
        """The `origin` that session.toml would have had; empty where athlete or start is missing."""
        return "" if self.athlete is None or self.start is None else origin(self.athlete, self.start)

    def filled_in(self, head: Said) -> bool:
        """Whether `head` states the same, apart from values that are *unknown* here."""
        whose = self.athlete in (head.athlete, UNKNOWN_ATHLETE)
        return whose and self.start in (head.start, UNKNOWN_START)


@dataclass(frozen=True, slots=True)
class Head(Said):
    """session.toml. origins: its original athlete and start, and those of later corrections."""

    origins: frozenset[str]

    def corrects(self, other: Said) -> bool:
        """Whether this is the head of the other's session, corrected or not."""
        if (self.athlete, self.start) == (other.athlete, other.start) or other.origin in self.origins:
            return True
        # written by hand or by an earlier version: an unknown value may be filled in
        return not self.origins and other.filled_in(self)


def moment(start: object) -> datetime | None:
    """A start as an instant, so that time zones and spellings do not matter; None where it is not valid."""
    try:
        found = start if isinstance(start, datetime) else datetime.fromisoformat(str(start))
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def head_of(session_folder: Path) -> Head | None:
    """The content of session.toml; None where there is none. HiphingeError where it cannot be read, or names no athlete."""
    path = session_folder / SESSION
    if not path.is_file():
        return None
    head, _ = read_toml(path, "")
    person = head.get("athlete")
    found = Said.of(person.get("id") if isinstance(person, dict) else None, head.get("start"))
    if isinstance(person, dict) and "id" in person and found.athlete is None:
        raise HiphingeError("[athlete] id is not text", str(path), 'Write it in quotes: id = "player-07"')
    if "start" in head and found.start is None:
        what = f"start = {head['start']} is not a date and time with a zone"
        raise HiphingeError(what, str(path), "Write e.g. start = 2026-11-23T14:05:00Z")
    if found.athlete is not None:
        try:
            check_athlete(found.athlete)
        except HiphingeError as error:
            raise HiphingeError(error.what, str(path), "Write the pseudonym of one athlete as [athlete] id") from None
    listed = head.get("origin", [])
    origins = {one for one in (listed if isinstance(listed, list) else [listed]) if isinstance(one, str) and one}
    return Head(found.athlete, found.start, frozenset(origins))


def corrected(summary: dict[str, Any], session_folder: Path) -> dict[str, Any]:
    """A summary as corrected by session.toml; unchanged where session.toml belongs to another session, or cannot be read."""
    try:
        head = head_of(session_folder)
    except HiphingeError:
        # reported where it matters: `hiphinge.afterwards.ties`
        return summary
    said = Said.of(summary["athlete"], summary["start"])
    if head is None or head.athlete is None or head.start is None or not head.corrects(said):
        return summary
    if (head.athlete, head.start) == (said.athlete, said.start):
        return summary
    return summary | {"athlete": head.athlete, "start": head.start.isoformat().replace("+00:00", "Z")}


def check_known(said: Said, session_folder: Path) -> None:
    """HiphingeError where athlete or start is unknown: such a session must not be sent."""
    lacking = []
    if said.start is not None and said.start < EARLIEST:
        lacking.append(f"the start is not known ({said.start:%Y-%m-%d} stands for that)")
    if said.athlete == UNKNOWN_ATHLETE:
        lacking.append(f"the athlete is not known ({UNKNOWN_ATHLETE!r} stands for that)")
    if lacking:
        remedy = (
            f"Correct start and [athlete] id in {session_folder / SESSION}, or import it again with --start and --athlete; "
            "nothing of it was sent"
        )
        raise HiphingeError(" and ".join(lacking), str(session_folder), remedy)


def settle(session_folder: Path, estimators: Sequence[str]) -> bool:
    """Write a correction into the results of these estimators too, so that every reader finds it, and into session.toml as
    what it was written; whether there was one. Call it with the folder's lock held, after `hiphinge.afterwards.ties.check`.
    """
    head = head_of(session_folder)
    if head is None or not head.origin:
        return False
    found = {e: _document(session_folder, e) for e in estimators}
    said = {e: Said.of(summary["athlete"], summary["start"]) for e, summary in found.items()}
    remember(session_folder, head, [one for one in said.values() if head.corrects(one)])
    other = [e for e, one in said.items() if (one.athlete, one.start) != (head.athlete, head.start) and head.corrects(one)]
    for estimator in other:
        summary = corrected(found[estimator], session_folder)
        for table in (session_folder / estimator / name for name in _TABLES):
            if table.is_file():
                correct_head(table, summary)
        # last: until then the correction counts as not written
        replace_whole(session_folder / estimator / SUMMARY, summary_text(summary, estimator))
    return bool(other)


def remember(session_folder: Path, head: Head, others: Iterable[Said] = ()) -> None:
    """Let session.toml know as what it was written: what it says now, and what results or a recording say of the same session.

    HiphingeError where it cannot be changed.
    """
    before = head.origins | {one.origin for one in others if one.origin}
    if before | {head.origin} == head.origins or (not head.origins and before <= {head.origin}):
        return
    path = session_folder / SESSION
    _, text = read_toml(path, "")
    write_toml(path, with_value(text, "origin", sorted(before | {head.origin}), path))


def _document(session_folder: Path, estimator: str) -> dict[str, Any]:
    return check_summary(read_json(session_folder / estimator / SUMMARY))
