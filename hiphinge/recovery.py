"""Sessions that were not closed: found at the next start, and computed from their recordings up to the last flush."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hiphinge.app import RECORDING
from hiphinge.lock import FolderLock, is_running
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


def orphans(sessions: Path, names: str = "*") -> list[Path]:
    """Folders below `sessions` (or `sessions` itself) with a recording but not all results, which are not running.

    names: pattern of the folders' names.
    """
    if (sessions / RECORDING).is_file():
        candidates = [sessions]
    elif sessions.is_dir():
        candidates = sorted(folder.parent for folder in sessions.glob(f"{names}/{RECORDING}"))
    else:
        candidates = []
    return [folder for folder in candidates if _missing(folder) and not is_running(folder)]


def _missing(folder: Path) -> list[str]:
    return [name for name in ESTIMATORS if not (folder / name / "summary.json").is_file()]


def recover(folder: Path) -> Recovered:
    """Compute the missing results of an orphaned session from its recording; nothing when another program is at it."""
    lock = FolderLock(folder)
    try:
        if not lock.take():
            return Recovered(folder, ("another program is computing its results",))
        recording = read_recording(folder / RECORDING, salvage=True)
        batches = recording.batches(STRETCH_WINDOWS)
        compute(recording.session, batches, folder, folder.resolve().name, _missing(folder))
    except HiphingeError as error:
        return Recovered(folder, (), error)
    finally:
        lock.release()
    return Recovered(folder, tuple(recording.warnings))
