"""Sessions that were not closed: found at the next start, and computed from their recordings up to the last flush.

A recording may hold data that no program foresees. So each session is computed by a separate process (`python -m
hiphinge.session.recovery FOLDER`), within limits of memory and time. There are three outcomes: computed; *set aside*, with the
reason in a file beside its recording, until `doctor` or another version of the program tries again; or only reported, where
nothing can be written.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from body_signals import ESTIMATORS, HiphingeError
from hiphinge.session.folders import RECORDING
from hiphinge.session.lock import FolderLock, is_running
from hiphinge.session.scratch import is_own
from hiphinge.version import software

_log = logging.getLogger(__name__)
SESSION = "session.toml"
DEMO_SESSION = "demo-session-"
"""Prefix of the name of a demo's session folder in the current folder, if no sessions folder is set."""
NOT_COMPUTED = "not-computed.json"
"""A file in the session folder: the reason why its results could not be computed, with the recording and the program."""
LONGEST_S = 1800.0
"""Longest computation, s (ours). A session of eight hours takes a minute; one that takes longer than this will never end."""
LEAST_BYTES = 4 << 30
"""Memory, bytes, that the computation may take on any computer (ours): eight hours take 0.3 GB, and libraries reserve more."""
_ENDING_S = 5.0
"""Time, s, for a computation to remove its scratch files when it is told to end (ours)."""
AT_WORK = "another program is computing its results"
_AGAIN = "To try again: hiphinge doctor --sessions"


@dataclass(frozen=True, slots=True)
class Recovered:
    """The outcome for one session: its folder, and the reader's warnings or the error."""

    folder: Path
    warnings: tuple[str, ...]
    error: HiphingeError | None = None


def recorded_in(place: Path) -> list[Path]:
    """Folders directly below a place that need not be a sessions folder, such as the current one, that are certainly sessions
    of this program: with a recording and its head, or with the name of a demo."""
    try:
        folders = sorted(place / name for name in os.listdir(place))
    except OSError:
        return []
    recorded = (folder for folder in folders if _there(folder / RECORDING) and not folder.is_symlink())
    return [folder for folder in recorded if _there(folder / SESSION) or folder.name.startswith(DEMO_SESSION)]


def orphans(sessions: Path, names: str = "*") -> list[Path]:
    """Folders below `sessions` (or `sessions` itself) with a recording but not all results, which are not running.

    names: pattern of the folders' names. An unreadable folder of this user counts: `recover` reports the reason. Another user's
    does not.
    """
    if _there(sessions / RECORDING):
        candidates = [sessions]
    else:
        try:
            candidates = sorted(sessions / name for name in os.listdir(sessions) if fnmatch(name, names))
        except OSError:  # there is none, or it is unreadable: its content is unknown
            candidates = []
    return [folder for folder in candidates if _is_orphan(folder)]


def _is_orphan(folder: Path) -> bool:
    try:
        if not (folder / RECORDING).is_file():
            return False
        return bool(_missing(folder)) and not is_running(folder)
    except OSError:
        return is_own(folder)


def _there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # unreadable
        return False


def _missing(folder: Path) -> list[str]:
    return [name for name in ESTIMATORS if not (folder / name / "summary.json").is_file()]


def recover(folder: Path) -> Recovered:
    """Compute the missing results of an orphaned session from its recording, in this process; does nothing while another
    program is using it. Any failure is the result's `error`."""
    # here and not above: finding and listing sessions needs no engine
    from dashboards.corrections import settle
    from dashboards.tables import available_estimators, read_summary
    from hiphinge.afterwards.mending import proposals
    from hiphinge.session.computation import compute
    from ingest.session_folder import open_input

    lock = FolderLock(folder)
    try:
        if not lock.take():
            return Recovered(folder, (AT_WORK,))
        # a damaged folder may lack its head: the recording has one of its own
        recorded = open_input(folder if _there(folder / SESSION) else folder / RECORDING, salvage=True)
        # athlete and start may have been corrected before anything was computed
        with suppress(HiphingeError, OSError):
            settle(folder, available_estimators(folder))
        # results of a renamed folder keep the name that they have: the others are of the same session
        there = available_estimators(folder)
        name = str(read_summary(folder, there[0])["session"]) if there else folder.resolve().name
        compute(recorded.session, recorded.batches(), folder, name, _missing(folder))
    except HiphingeError as error:
        return Recovered(folder, (), error)
    except MemoryError:
        remedy = "Its times may jump; tell the program's authors, with the recording if its athlete agrees"
        return Recovered(folder, (), HiphingeError("needs more memory than there is", str(folder / RECORDING), remedy))
    except OSError as error:
        what = f"cannot be computed: {error.strerror or error}"
        return Recovered(folder, (), HiphingeError(what, str(folder), "Check the disk, the folder and its permissions"))
    except Exception as error:
        # any fault of the program on this recording must not block another session
        what = f"the program failed on it ({type(error).__name__}: {' '.join(str(error).split())})"
        remedy = "Tell the program's authors; the recording stays as it is"
        return Recovered(folder, (), HiphingeError(what, str(folder / RECORDING), remedy))
    finally:
        lock.release()
    return Recovered(folder, (*recorded.warnings, *proposals(folder)))


def recover_apart(folder: Path, longest_s: float = LONGEST_S) -> Recovered:
    """`recover` in a separate process; a session that cannot be computed is set aside. Raises only when interrupted."""
    _log.info("%s was not closed; a process of its own computes it", folder.name)
    result = _apart(folder, longest_s)
    _log.info("%s: %s", folder.name, result.error or "computed")
    if result.error is None:
        _unlink(folder / NOT_COMPUTED)
    else:
        _set_aside(folder, result.error)
    return result


def _apart(folder: Path, longest_s: float) -> Recovered:
    # -P: files in the current folder are not modules of the program
    command = [sys.executable, "-P", "-m", "hiphinge.session.recovery", str(folder)]
    # its standard input stays open until this process ends, which tells the child that nobody is waiting any more
    theirs, ours = os.pipe()
    try:
        child = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = child.communicate(timeout=longest_s)
        finally:
            _end(child)
    except subprocess.TimeoutExpired:
        what = f"was not computed within {longest_s / 60:.0f} min"
        return Recovered(folder, (), HiphingeError(what, str(folder / RECORDING), "Tell the program's authors"))
    except OSError as error:
        what = f"no process can be started to compute it: {error.strerror or error}"
        return Recovered(folder, (), HiphingeError(what, str(folder), "Close other programs"))
    finally:
        os.close(theirs)
        os.close(ours)
    return _said(folder, child.returncode, out, err)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a running computation: in an orderly way, so that it leaves no scratch files, or else at once."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.communicate(timeout=_ENDING_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _said(folder: Path, code: int, out: bytes, err: bytes) -> Recovered:
    """The finding of the process for this folder."""
    try:
        found = json.loads(out)
        told = found["error"]
        error = None if told is None else HiphingeError(*told)
        return Recovered(folder, tuple(found["warnings"]), error)
    except (ValueError, TypeError, KeyError):
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        how = f"ended by signal {-code}, as when memory runs out" if code < 0 else f"ended with code {code}: {last[0]}"
        remedy = "Tell the program's authors; the recording stays as it is"
        return Recovered(folder, (), HiphingeError(f"the computation {how}", str(folder / RECORDING), remedy))


def _set_aside(folder: Path, error: HiphingeError) -> None:
    words = {"what": error.what, "where": error.where, "remedy": error.remedy, **_state(folder)}
    file, beside = folder / NOT_COMPUTED, folder / f".{NOT_COMPUTED}.new"
    try:
        with open(beside, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump(words, out, indent=2)
        beside.replace(file)
    except OSError:
        # where nothing can be written, no computation succeeds either: this is reported each time
        _unlink(beside)


def _unlink(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:  # a read-only folder: the file there does not matter
        return


def set_aside(folder: Path) -> str:
    """Why this session was set aside, in words; empty where it was not, or if recording or program have changed."""
    try:
        found: dict[str, Any] = json.loads((folder / NOT_COMPUTED).read_bytes())
        words = str(HiphingeError(str(found["what"]), str(found["where"]), f"{_AGAIN} {folder}"))
        return words if {name: found[name] for name in ("recording", "software")} == _state(folder) else ""
    except (OSError, ValueError, KeyError, TypeError):  # no file, or not ours
        return ""


def _state(folder: Path) -> dict[str, object]:
    """The state that must change before it makes sense to try again: of the recording, and of the program."""
    try:
        found = (folder / RECORDING).stat()
        recording = [found.st_size, found.st_mtime_ns]
    except OSError:  # unreadable: becoming readable is the change
        recording = []
    return {"recording": recording, "software": software()}


def _within_bounds() -> None:
    """Limit the memory of this process to half of the computer's, or `LEAST_BYTES`: beyond it there is a MemoryError, instead
    of the system choosing a process to kill."""
    try:
        import resource

        most = max(LEAST_BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard < 0 else min(most, hard), hard))
    except (ImportError, OSError, ValueError):  # a system without such bounds
        return


def _end_with_parent() -> None:
    """Watch standard input: at its end the process that requested this computation has gone."""

    def watch() -> None:
        while os.read(0, 64):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Compute the session of the folder on the command line; print the outcome as JSON."""
    # Ctrl-C and a closed terminal are handled by the program that waits for this one
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    _within_bounds()
    _end_with_parent()
    result = recover(Path(sys.argv[1]))
    error = result.error
    told = None if error is None else (error.what, error.where, error.remedy)
    print(json.dumps({"warnings": result.warnings, "error": told}))


if __name__ == "__main__":
    main()
