"""The program's log: actions with their times, for finding out afterwards why something went wrong.

The log is a private file of bounded size in the user's folder for logs; `hiphinge doctor` prints its path, and
HIPHINGE_LOG names another file, or is ``off``. With ``--verbose`` the same lines are on standard error. Rooms write to it by
Python's own `logging`; it is configured here and nowhere else. It holds names of sessions and sensors, but no angles and no
credentials.

A separate thread writes the file, so that a slow disk costs no sample.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO

ROOMS = frozenset(
    {"body_signals", "dashboards", "dsp", "firmware_protocol", "hiphinge", "ingest", "on_disk", "virtual_athlete"}
)
"""Packages whose lines are kept; of other packages only warnings are."""
MOST_BYTES, OLDER_FILES = 1_000_000, 3
"""Size of a file, bytes, and number of older files kept: 4 MB in all, a few thousand sessions (ours)."""
VARIABLE, OFF = "HIPHINGE_LOG", "off"
_SECRETS = ("HIPHINGE_INFLUX_TOKEN", "HIPHINGE_GRAFANA_TOKEN")
_PATIENCE_S = 1.0
"""How long, s, the end of the program waits for a disk that does not respond (ours)."""
_SAID = "said"
"""Attribute of lines that are already on standard error."""

_hidden: frozenset[str] = frozenset()
_handlers: list[logging.Handler] = []
_listener: QueueListener | None = None


def log_file() -> Path | None:
    """Path of the log, whether it exists or not; None where it is switched off or there is no home folder."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return None if named == OFF else Path(named)
    try:
        return state_folder() / "hiphinge.log"
    except RuntimeError:  # the system knows no home of this user
        return None


def state_folder() -> Path:
    """The folder of the user in which the program keeps its log. RuntimeError where the system knows no home of this user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hiphinge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Logs" / "hiphinge"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hiphinge"


def begin(*, verbose: bool = False) -> None:
    """Start logging; verbose: also on standard error. The first line creates the file."""
    global _listener
    end()
    for name in _SECRETS:
        hide(os.environ.get(name, ""))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    _handlers.append(_OnScreen(verbose))
    file = log_file()
    if file is not None:
        lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
        queued = QueueHandler(lines)
        queued.setFormatter(_Words())
        queued.addFilter(_is_kept)
        _handlers.append(queued)
        _listener = QueueListener(lines, _LogFile(file))
        _listener.start()
    for handler in _handlers:
        root.addHandler(handler)


def end() -> None:
    """Write the waiting lines and close. Harmless if the log was not started."""
    global _hidden, _listener
    root = logging.getLogger()
    for handler in _handlers:
        root.removeHandler(handler)
        handler.close()
    if _listener is not None:
        _listener.enqueue_sentinel()
        thread = _listener._thread
        if thread is not None:
            thread.join(_PATIENCE_S)
        if thread is None or not thread.is_alive():
            # otherwise the disk does not respond, and closing would wait for it
            for handler in _listener.handlers:
                handler.close()
        _listener = None
    if _handlers:
        root.setLevel(logging.WARNING)
    _handlers.clear()
    _hidden = frozenset()


def hide(*words: str) -> None:
    """Hide these words in all later lines, in any spelling: credentials, and an athlete who is being forgotten."""
    global _hidden
    # InfluxDB 1.x has user:password
    parts = (word.partition(":")[2] for word in words)
    _hidden = _hidden.union(filter(None, (*words, *parts)))


def said(words: str) -> None:
    """Log a line that the user has already seen."""
    logging.getLogger("hiphinge").info("%s", words, extra={_SAID: True})


def drop_lines(concerned: Callable[[str], bool]) -> None:
    """Delete the lines that `concerned` selects from the log and from the older files beside it. OSError.

    In place, so that another program that is writing continues after the rest.
    """
    file = log_file()
    if file is None:
        return
    for path in (file, *(file.with_name(f"{file.name}.{n}") for n in range(1, OLDER_FILES + 1))):
        with suppress(FileNotFoundError), open(path, "r+", encoding="utf-8", errors="replace") as log:
            lines = log.readlines()
            kept = [line for line in lines if not concerned(line)]
            if len(kept) < len(lines):
                log.seek(0)
                log.writelines(kept)
                log.truncate()


def _is_kept(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in ROOMS


class _Words(logging.Formatter):
    """A line's words, without the hidden ones."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        # here and below: the doctor must work even where a package is missing
        from dashboards.redaction import without_secrets

        return without_secrets(record.getMessage(), _hidden)


class _OnScreen(logging.StreamHandler[TextIO]):
    """Standard error: warnings of other packages; verbose: all that is kept."""

    def __init__(self, verbose: bool) -> None:
        super().__init__()
        self.setFormatter(_Words())
        self._verbose = verbose
        self.addFilter(self._is_shown)

    def _is_shown(self, record: logging.LogRecord) -> bool:
        if hasattr(record, _SAID):
            return False
        return record.levelno >= logging.WARNING or (self._verbose and _is_kept(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line. Standard error is looked up each time, because a live session replaces it."""
        with suppress(OSError, ValueError):  # the reader has gone
            print(f"hiphinge: {self.format(record)}", file=sys.stderr, flush=True)


class _LogFile(RotatingFileHandler):
    """The log file: created by the first line, mode 600, of bounded size."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=MOST_BYTES, backupCount=OLDER_FILES, encoding="utf-8", errors="replace", delay=True)

    def createLock(self) -> None:
        """No lock: only the listener's thread writes, and the end of the program must not wait if it hangs."""
        self.lock = None

    def _open(self) -> TextIO:  # type: ignore[override]
        from on_disk import make_private_parents, private_opener

        make_private_parents(Path(self.baseFilename))
        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=private_opener)

    def format(self, record: logging.LogRecord) -> str:
        """E.g. ``2026-11-23T14:05:00.123Z 4711 hiphinge.commands: live begins``."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        level = f" {record.levelname}" if record.levelno >= logging.WARNING else ""
        return f"{at}.{int(record.msecs):03}Z {record.process}{level} {record.name}: {record.getMessage()}"

    def close(self) -> None:
        """Close the file; lines that a full disk did not accept are lost."""
        with suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written costs nothing else; a full disk is reported where it stops something."""
