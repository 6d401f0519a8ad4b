"""The doctor's checks beside the installation: sessions, results that InfluxDB lacks, and InfluxDB itself.

A session that cannot be examined is a finding of its own; the others are examined all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from body_signals import HiphingeError
from dashboards.influx import FOLDER, missing, rejected_lines, server_facts, waiting_bytes
from dashboards.tables import available_estimators
from hiphinge.afterwards import ties
from hiphinge.checkup.installation import Finding
from hiphinge.checkup.privacy import close_sessions
from hiphinge.commands.unfinished import unfinished
from hiphinge.config import Settings
from hiphinge.session.lock import is_running
from hiphinge.session.recovery import recorded_in, recover_apart
from hiphinge.session.scratch import is_own, sweep_sessions
from on_disk import HAS_MODES


def checkup(settings: Settings) -> Iterator[Finding]:
    """Finish the sessions that were not closed, count the results that InfluxDB lacks, and ask InfluxDB for its version."""
    if HAS_MODES:
        closed = close_sessions(*(recorded_in(Path()) if settings.sessions is None else [settings.sessions]))
        yield "private", not closed.left, closed.words
    yield from _sessions(settings)
    yield from _results(settings.sessions, settings.influx_configured)
    if not settings.influx_configured:
        yield "influxdb", True, "not configured (HIPHINGE_INFLUX_URL): results stay in their folders"
        return
    try:
        facts = server_facts(settings.influx())
        yield "influxdb", True, str(facts)
        if facts.clock_remark:
            yield "clock", False, facts.clock_remark
    except HiphingeError as error:
        yield "influxdb", False, str(error)


def _sessions(settings: Settings) -> Iterator[Finding]:
    """The sessions folder, and sessions that were not closed: their results are computed, even where that failed before."""
    folder = settings.sessions
    orphaned = unfinished(settings)
    if folder is None:
        words = "no folder set (HIPHINGE_SESSIONS); looked for sessions in the current one"
    elif folder.exists() and not folder.is_dir():
        yield "sessions", False, f"{folder} is not a folder: set HIPHINGE_SESSIONS to the folder of your sessions"
        return
    elif not folder.is_dir():
        words = f"{folder} will be made by the first session"
    else:
        words = str(folder)
    if folder is not None and folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield "sessions", False, f"{folder} cannot be read and written: check its permissions"
    else:
        yield "sessions", True, f"{words}: {len(orphaned)} unfinished"
    for orphan in orphaned:
        result = recover_apart(orphan)
        if result.error is not None:
            yield orphan.name, False, str(result.error)
        else:
            yield orphan.name, True, "; ".join(("was not closed, results computed from its recording", *result.warnings))
    sweep_sessions(folder or Path())


def _results(folder: Path | None, configured: bool) -> Iterator[Finding]:
    """Results that have not arrived in InfluxDB, and lines that never will."""
    looked = [_look(session, configured) for session in _folders(folder)]
    unsent, unknown = (sum(one.unsent is state for one in looked) for state in (True, None))
    waiting = sum(one.waiting for one in looked)
    if unsent:
        kept = f" ({waiting / 1e6:.1f} MB of it in outboxes)" if waiting else ""
        yield "results", True, f"InfluxDB does not have all of {unsent} sessions{kept}; to send them: hiphinge push --all"
    elif configured and unknown:
        yield "results", False, f"of {unknown} sessions it cannot be told whether InfluxDB has all"
    elif configured:
        yield "results", True, "all were sent"
    for one in looked:
        yield from one.findings


@dataclass(slots=True)
class _Look:
    """The state of a session. unsent: whether InfluxDB lacks a part of it, None where that is unknown. waiting: bytes in its
    outbox."""

    unsent: bool | None
    waiting: int
    findings: list[Finding]


def _look(session: Path, configured: bool) -> _Look:
    """Examine a whole session; a part that cannot be read does not hide the others."""
    outbox, faults = session / FOLDER, list[str]()
    unsent: bool | None = None
    waiting, rejected, findings = 0, list[tuple[str, str]](), list[Finding]()
    with _noting(faults):
        unsent = configured and not is_running(session) and bool(missing(session))
    with _noting(faults):
        waiting = waiting_bytes(outbox)
    with _noting(faults):
        rejected = rejected_lines(outbox)
    with _noting(faults):
        findings.extend(_torn_apart(session))
    if faults and not is_own(session):
        # private folders of other users are not our concern
        return _Look(False, 0, [])
    if faults:
        findings.append((session.name, False, f"cannot be looked at: {'; '.join(dict.fromkeys(faults))}"))
    if rejected:
        words = (
            f"InfluxDB rejected {len(rejected)} lines, kept in {outbox / 'rejected.lp'}; of the first it says: {rejected[0][1]}"
        )
        findings.append((session.name, False, words))
    return _Look(unsent, waiting, findings)


@contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, HiphingeError) as error:
        faults.append(str(error))


def _torn_apart(folder: Path) -> Iterator[Finding]:
    """Where a folder holds parts of different sessions."""
    if is_running(folder) or not available_estimators(folder):
        return
    try:
        ties.check(folder)
    except HiphingeError as error:
        yield folder.name, False, str(error)


def _folders(sessions: Path | None) -> list[Path]:
    try:
        return sorted(path for path in sessions.iterdir() if path.is_dir()) if sessions is not None else []
    except OSError:  # no such folder yet, or an unreadable one, as reported above
        return []
