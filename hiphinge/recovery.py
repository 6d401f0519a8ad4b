"""Sessions that were not closed: found at the next start, and computed from their recordings up to the last flush."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hiphinge.app import RECORDING
from hiphinge.lock import is_running
from hiphinge.results import compute
from ingest.recording import STRETCH_WINDOWS, read_recording
from signals import HiphingeError
from signals.quantities import ESTIMATORS


@dataclass(frozen=True, slots=True)
class Recovered:
    """One session that was looked after: its folder, and what the recording's reader remarked or why it failed."""

    folder: Path
    warnings: tuple[str, ...]
    error: HiphingeError | None = None


def orphans(sessions: Path) -> list[Path]:
    """Folders below `sessions` (or `sessions` itself) with a recording but not all results, which are not running."""
    if (sessions / RECORDING).is_file():
        candidates = [sessions]
    elif sessions.is_dir():
        candidates = sorted(folder.parent for folder in sessions.glob(f"*/{RECORDING}"))
    else:
        candidates = []
    return [folder for folder in candidates if _unfinished(folder) and not is_running(folder)]


def _unfinished(folder: Path) -> bool:
    return any(not (folder / name / "summary.json").is_file() for name in ESTIMATORS)


def recover(folder: Path) -> Recovered:
    """Compute the missing results of an orphaned session from its recording."""
    try:
        recording = read_recording(folder / RECORDING, salvage=True)
        missing = [name for name in ESTIMATORS if not (folder / name / "summary.json").is_file()]
        compute(recording.session, recording.batches(STRETCH_WINDOWS), folder, folder.name, missing)
    except HiphingeError as error:
        return Recovered(folder, (), error)
    (folder / ".lock").unlink(missing_ok=True)
    return Recovered(folder, tuple(recording.warnings))


def recover_all(sessions: Path) -> list[Recovered]:
    """Look after every orphaned session below `sessions`."""
    return [recover(folder) for folder in orphans(sessions)]
