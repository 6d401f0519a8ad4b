"""One session of a season, computed in the process of a worker. It may be lost, or done twice: what counts is decided by the
manifest (`hiphinge.seasons.result`).
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from body_signals import HiphingeError
from dashboards.edits import EDITS, read_edits
from dashboards.tables import read_summary
from hiphinge.seasons.computer import this_computer
from hiphinge.seasons.place import Place
from hiphinge.seasons.result import SessionResults, check_sign, key_of
from hiphinge.seasons.sources import Sources
from hiphinge.session.lock import is_running
from hiphinge.session.replayed import HEAD, Replayed, legible
from hiphinge.session.scratch import computing_folder
from on_disk import make_private_folder

COMPUTED, BEFORE, FAILED = "computed", "before", "failed"
"""States of a session: computed now; its result was there before, or another program was faster; failed."""
TABLES = ("angles", "orientations", "repetitions")
_ONE_AT_A_TIME = threading.Lock()
"""Of a worker with several threads: a session takes one processor, and computing two in one process would take longer."""
_TELL_AUTHORS = "Tell the program's authors; the session stays as it is"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is computed. tables: those that are kept, beside summary.json. screen_limits, salvage: as in `hiphinge replay`."""

    estimators: tuple[str, ...]
    tables: tuple[str, ...] = TABLES
    screen_limits: Mapping[str, float] = field(default_factory=dict)
    salvage: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """For a manifest."""
        return {**asdict(self), "estimators": list(self.estimators), "tables": list(self.tables)}


@dataclass(frozen=True, slots=True)
class Job:
    """The session in the folder `name` of `sessions` (empty: that place itself), to be called `session`. sign: of the
    results (`hiphinge.seasons.result`); run: which run it is of."""

    sessions: Place
    name: str
    session: str
    results: Place
    settings: Settings
    sign: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a session. error: what, where, remedy. session_s: its length; seconds, cpu_s: time taken by all of it, and
    of the processor; compute_cpu_s: of it by computing alone."""

    session: str
    state: str
    error: tuple[str, str, str] | None = None
    warnings: tuple[str, ...] = ()
    computed_by: Mapping[str, Any] = field(default_factory=dict)
    session_s: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
    compute_cpu_s: float = 0.0
    worker: str = ""

    @classmethod
    def failed(cls, session: str, error: HiphingeError) -> Outcome:
        """A session that could not be computed."""
        return cls(session, FAILED, (error.what, error.where, error.remedy))


def compute_session(job: Job) -> Outcome:
    """Compute a session, unless its result is there already. Every fault is the outcome's `error`."""
    with _ONE_AT_A_TIME:
        began, cpu_began = time.monotonic(), time.process_time()
        try:
            done = _outcome(job)
        except HiphingeError as error:
            done = Outcome.failed(job.session, error)
        except MemoryError:
            remedy = "Its times may jump; or give each worker more memory"
            done = Outcome.failed(job.session, HiphingeError("needs more memory than there is", job.session, remedy))
        except OSError as error:
            words = f"cannot be computed: {error.strerror or error}"
            remedy = "Check the worker's disk and its folder for temporary files"
            done = Outcome.failed(job.session, HiphingeError(words, str(error.filename or job.session), remedy))
        except Exception as error:
            # any fault of the program on this session must not stop the others
            words = f"the program failed on it ({type(error).__name__}: {' '.join(str(error).split())})"
            done = Outcome.failed(job.session, HiphingeError(words, job.session, _TELL_AUTHORS))
        seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
        return replace(done, seconds=seconds, cpu_s=cpu_s, worker=f"{platform.node()}, process {os.getpid()}")


def _outcome(job: Job) -> Outcome:
    there = job.sessions.on_disk(job.name)
    if there is not None and is_running(there):
        raise HiphingeError("is being recorded or computed", str(there), "Run the command again when that has ended")
    with computing_folder() as scratch:
        sources = Sources(job.sessions, job.name, scratch / "session")
        # not only when it is committed: computing would be for nothing
        check_sign(job.results, job.sign)
        result = SessionResults.of(job.results, job.session, job.sign)
        before = result.manifest or {}
        looked_at = sources.looked_at(before.get("inputs", {}))
        me = this_computer()
        digests = {file: source.sha256 for file, source in looked_at.items()}
        key = key_of((me.software, me.code), job.settings.document, digests)
        if result.has(key):
            result.tidy()
            return _was_there(job, before)
        # no number needs them: whoever reads the result would be the first to be told that they cannot be read
        read_edits(sources.folder)
        sources.all_there()
        began, cpu_began = datetime.now(UTC), time.process_time()
        replayed = Replayed.of(sources.folder, job.settings.screen_limits, salvage=job.settings.salvage)
        folder = scratch / "result"
        make_private_folder(folder)
        of_folder = job.session if there is None else there.resolve().name
        replayed.write(folder, job.session, job.settings.estimators, of_folder)
        compute_cpu_s = time.process_time() - cpu_began
        sources.check_unchanged(looked_at)
        session_s = _duration_s(folder, job.settings.estimators)
        manifest = {
            "session": legible(job.session),
            "athlete": replayed.session.athlete,
            "start": replayed.session.start.isoformat().replace("+00:00", "Z"),
            "key": key,
            "inputs": {file: source.document for file, source in looked_at.items()},
            "settings": job.settings.document,
            "computed_by": me.document,
            "run": job.run,
            "computed_at": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "duration_s": session_s,
            "seconds": round((datetime.now(UTC) - began).total_seconds(), 3),
            "warnings": list(replayed.recorded.warnings),
        }
        counts = result.commit(result.new_attempt(), _kept(folder, job.settings), manifest)
        result.tidy()
        if not counts:
            return _was_there(job, result.manifest or {})
        warnings = tuple(replayed.recorded.warnings)
        return Outcome(job.session, COMPUTED, None, warnings, me.document, session_s, compute_cpu_s=compute_cpu_s)


def _was_there(job: Job, manifest: Mapping[str, Any]) -> Outcome:
    """Of a result that is there. Dask begins a task again when it has lost a worker's answer: that result is this run's own."""
    state = COMPUTED if job.run and manifest.get("run") == job.run else BEFORE
    session_s = float(manifest.get("duration_s", 0.0))
    return Outcome(job.session, state, None, tuple(manifest.get("warnings", ())), manifest.get("computed_by", {}), session_s)


def _duration_s(folder: Path, estimators: Sequence[str]) -> float:
    return max(float(read_summary(folder, estimator)["duration_s"]) for estimator in estimators)


def _kept(folder: Path, settings: Settings) -> dict[str, Path]:
    """The files of a result by their path in it: what `hiphinge replay` writes, without tables that are not wanted."""
    files = [HEAD, EDITS]
    for estimator in settings.estimators:
        files += [f"{estimator}/{table}.parquet" for table in settings.tables] + [f"{estimator}/summary.json"]
    return {file: folder / file for file in files if (folder / file).is_file()}
