"""The program's log: what was done and when, for whoever must find out afterwards why something went wrong.

It is a file for its owner alone, of bounded size, in the user's folder for such files; `hiphinge doctor` says where, and
HIPHINGE_LOG names another file, or ``off``. With ``--verbose`` the same lines are on standard error. Rooms write to it by
Python's own `logging`; it is wired here and nowhere else. It holds names of sessions
and sensors, no angles and no credentials.

A thread of its own writes the file: a disk that hangs costs no sample.
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
"""Whose lines are kept. Of other packages only warnings are."""
MOST_BYTES, OLDER_FILES = 1_000_000, 3
"""Of a file, and how many before it are kept: 4 MB in all, some thousands of sessions (ours)."""
VARIABLE, OFF = "HIPHINGE_LOG", "off"
_SECRETS = ("HIPHINGE_INFLUX_TOKEN", "HIPHINGE_GRAFANA_TOKEN")
_PATIENCE_S = 1.0
"""How long the end of the program waits for a disk that takes nothing (ours)."""
_SAID = "said"
"""Attribute of lines that stand on standard error already."""

_hidden: frozenset[str] = frozenset()
_handlers: list[logging.Handler] = []
_listener: QueueListener | None = None


def log_file() -> Path | None:
    """Where the log is, whether it is there yet or not; None where it is switched off or there is no home folder."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return None if named == OFF else Path(named)
    try:
        return _state_folder() / "hiphinge.log"
    except RuntimeError:  # the system knows no home of this user
        return None


def _state_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hiphinge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Logs" / "hiphinge"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hiphinge"


def begin(*, verbose: bool = False) -> None:
    """From here on lines are kept; verbose: and shown on standard error. The file is made by the first line."""
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
    """Write what waits, and let go. Harmless where nothing was begun."""
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
            # else a disk takes nothing, and closing would wait for it
            for handler in _listener.handlers:
                handler.close()
        _listener = None
    if _handlers:
        root.setLevel(logging.WARNING)
    _handlers.clear()
    _hidden = frozenset()


def hide(*words: str) -> None:
    """Let no line hold these from here on, in any spelling: credentials, and whoever is being forgotten."""
    global _hidden
    # InfluxDB 1.x has user:password
    parts = (word.partition(":")[2] for word in words)
    _hidden = _hidden.union(filter(None, (*words, *parts)))


def said(words: str) -> None:
    """Keep a line that its reader has been told already."""
    logging.getLogger("hiphinge").info("%s", words, extra={_SAID: True})


def drop_lines(concerned: Callable[[str], bool]) -> None:
    """Take the lines out of the log, and of the older files beside it, that `concerned` picks. OSError.

    In place: another program that is writing goes on behind what is left.
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
    """A line's words, without what is hidden."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        # here and below: the doctor must answer where a package is missing, too
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
        """Show a line. Standard error is looked up each time: a live session puts another one in its place."""
        with suppress(OSError, ValueError):  # nobody reads it any more
            print(f"hiphinge: {self.format(record)}", file=sys.stderr, flush=True)


class _LogFile(RotatingFileHandler):
    """The file: made when the first line comes, 600, of bounded size."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=MOST_BYTES, backupCount=OLDER_FILES, encoding="utf-8", errors="replace", delay=True)

    def createLock(self) -> None:
        """None: only the listener's thread writes, and the end of the program must not wait for one that hangs."""
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
        """Let go of the file; what a full disk did not take is lost."""
        with suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written costs nothing but the log: the full disk itself is told by what it stops."""
