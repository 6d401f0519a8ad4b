"""Results on their way to InfluxDB: a finished session from its tables (`push`), a running one from its outbox (`Courier`).

Both leave the ledger in the session's outbox: what was acknowledged as a whole, so that `missing` can tell what was not.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dashboards.edits import EDITS
from dashboards.influx import InfluxError, InfluxSettings, PushReport, Refusal, Sender, send_lines, server_facts
from dashboards.line_protocol import points, repetition_points, repetition_stamps, void_line
from dashboards.outbox import FOLDER, Drain, Ledger, RejectedAnew, discard_segments
from dashboards.tables import ANGLES, REPETITIONS, SUMMARY, available_estimators
from on_disk import MOST_TOML_BYTES, open_file, read_bytes
from signals import HiphingeError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0
"""Between two attempts at a server that is away: the first, doubled each time up to the second."""
PERSON_WAIT_S = 10.0
"""Between two attempts where somebody must change something first."""
_LOOK_S = 0.1
"""How often an empty outbox is looked at."""
AWAY_S = 1.0
"""At the end, a server that has not taken anything for so long is left: the outbox and the tables hold what it lacks."""
_STOP_S = 1.0
_FILES = (ANGLES, REPETITIONS, SUMMARY)
"""Of an estimator, what is sent, as the session's edits.toml corrects it."""


def digest(session_folder: Path, estimator: str) -> str:
    """What tells one state of an estimator's results from another."""
    state = hashlib.sha256()
    for name in _FILES:
        with open_file(session_folder / estimator / name) as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    edits = session_folder / EDITS
    if edits.is_file():
        state.update(read_bytes(edits, MOST_TOML_BYTES))
    return state.hexdigest()


def missing(session_folder: Path) -> tuple[str, ...]:
    """Estimators whose results, as they are now, InfluxDB has not acknowledged as a whole.

    Files that have not changed since are not read again.
    """
    ledger = Ledger.read(session_folder / FOLDER)
    found = []
    for estimator in available_estimators(session_folder):
        state = _state(session_folder, estimator)
        if ledger.states.get(estimator) == state:
            continue
        if ledger.complete.get(estimator) != digest(session_folder, estimator):
            found.append(estimator)
            continue
        ledger.states[estimator] = state
        # where it cannot be written, the files are read again next time
        with suppress(HiphingeError):
            ledger.write(session_folder / FOLDER)
    return tuple(found)


def push(
    session_folder: Path,
    settings: InfluxSettings,
    estimators: Sequence[str] | None = None,
    *,
    timeout_s: float = 30.0,
    progress: Callable[[int], None] | None = None,
) -> PushReport:
    """Send a session's points from its tables; `progress` hears the lines sent so far.

    Repetitions that were sent before and are no more are overwritten with ``void = true``. Lines that the server will
    never take go to `rejected.lp` in the session's outbox, in place of what was there. `InfluxError` when InfluxDB cannot
    be reached or refuses; what was sent before stays, and sending again is harmless.
    """
    chosen = available_estimators(session_folder) if estimators is None else tuple(estimators)
    outbox = session_folder / FOLDER
    ledger = Ledger.read(outbox)
    found = {e: (_state(session_folder, e), digest(session_folder, e)) for e in chosen}
    now = {e: repetition_stamps(repetition_points(session_folder, e)) for e in chosen}
    removed = [stamp for e in chosen for stamp in sorted(ledger.repetitions.get(e, set()) - now[e])]
    # whatever happens from here on, it is known what the server may have
    note_repetitions(session_folder, now)
    lines = itertools.chain(points(session_folder, chosen), (void_line(series, stamp) for series, stamp in removed))
    with Sender(settings, timeout_s=timeout_s) as sender, RejectedAnew(outbox) as aside:
        report = send_lines(lines, sender, aside.take, progress)
    for estimator, (state, content) in found.items():
        ledger.states[estimator], ledger.complete[estimator] = state, content
        ledger.repetitions[estimator] = now[estimator]
    ledger.write(outbox)
    if not missing(session_folder):
        discard_segments(outbox)
    return report


def note_repetitions(session_folder: Path, stamps: Mapping[str, set[tuple[str, int]]]) -> None:
    """Note in the ledger that these repetitions, by estimator, are about to be sent: should a later analysis not find one of
    them, it is known that it must be voided."""
    ledger = Ledger.read(session_folder / FOLDER)
    before = {estimator: set(sent) for estimator, sent in ledger.repetitions.items()}
    for estimator, some in stamps.items():
        ledger.repetitions.setdefault(estimator, set()).update(some)
    if ledger.repetitions != before:
        ledger.write(session_folder / FOLDER)


def acknowledge(session_folder: Path) -> None:
    """Note in the ledger that InfluxDB has all results as they are now."""
    ledger = Ledger.read(session_folder / FOLDER)
    for estimator in available_estimators(session_folder):
        ledger.states[estimator] = _state(session_folder, estimator)
        ledger.complete[estimator] = digest(session_folder, estimator)
        ledger.repetitions[estimator] = repetition_stamps(repetition_points(session_folder, estimator))
    ledger.write(session_folder / FOLDER)


def _state(session_folder: Path, estimator: str) -> list[int]:
    """Size and time of change, in ns, of the files whose content `digest` tells."""
    paths = [session_folder / estimator / name for name in _FILES]
    edits = session_folder / EDITS
    found = [path.stat() for path in (*paths, *([edits] if edits.is_file() else []))]
    return [number for one in found for number in (one.st_size, one.st_mtime_ns)]


class Courier:
    """A thread that drains a running session's outbox. What hinders it is in `trouble`; it never gives up.

    The lines are sent in order and only once they are in the outbox; `lines` were acknowledged so far.
    """

    def __init__(self, outbox: Path, settings: InfluxSettings, *, timeout_s: float = 10.0) -> None:
        self._sender = Sender(settings, timeout_s=timeout_s)
        self._drain = Drain(outbox, self._sender, running=True)
        self._stop, self._finish, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._delivered = False
        self._settings = settings
        self._clock: str | None = None
        self.trouble = ""
        """Why nothing arrives, in words for people; empty when all is well."""
        self._thread = threading.Thread(target=self._run, name="hiphinge-courier", daemon=True)
        self._thread.start()

    @property
    def lines(self) -> int:
        """Lines acknowledged."""
        return self._drain.lines

    @property
    def rejected(self) -> int:
        """Lines that the server will never take; they are in `rejected.lp`."""
        return self._drain.rejected

    @property
    def remark(self) -> str:
        """What a person should know although results arrive: that the clocks differ."""
        return self._clock or ""

    def finish(self, patience_s: float) -> bool:
        """Nothing more will come: send what there is, for at most so long, to a server that is away no longer than `AWAY_S`.
        Whether all of it was acknowledged."""
        self._drain.running = False
        self._finish.set()
        self._wake.set()
        began = taken = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < min(began + patience_s, taken + AWAY_S):
            self._thread.join(_LOOK_S)
            if not self.trouble:
                taken = time.monotonic()
        self.stop()
        return self._delivered

    def stop(self) -> None:
        """End without waiting for the server; the rest stays in the outbox."""
        self._stop.set()
        self._wake.set()
        # one that hangs in a request ends with it
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            with self._sender:
                self._send_all()
        except Exception as error:
            self.trouble = f"a fault of the program ends the sending ({error!r}); hiphinge push sends the rest from the tables"
            raise

    def _send_all(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                sent = self._drain.step()
            except InfluxError as error:
                self.trouble = str(error)
                if error.refusal is Refusal.PERSON:
                    pause = PERSON_WAIT_S
                else:
                    pause, wait_s = max(wait_s, min(error.retry_after_s, LONGEST_WAIT_S)), min(2.0 * wait_s, LONGEST_WAIT_S)
                self._pause(pause)
                if self._finish.is_set():
                    wait_s = FIRST_WAIT_S
                continue
            except (HiphingeError, OSError) as error:
                # the outbox itself cannot be read or written
                self.trouble = str(error)
                self._pause(PERSON_WAIT_S)
                continue
            self.trouble, wait_s = "", FIRST_WAIT_S
            if sent and self._clock is None:
                self._look_at_clock()
            if not sent:
                if self._finish.is_set():
                    self._delivered = True
                    return
                self._pause(_LOOK_S)

    def _pause(self, seconds: float) -> None:
        """Until then, or until the session ends or stops."""
        if self._wake.wait(seconds):
            self._wake.clear()

    def _look_at_clock(self) -> None:
        # where it does not answer now, the next time is early enough
        with suppress(InfluxError):
            self._clock = server_facts(self._settings).clock_remark
