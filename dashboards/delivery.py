"""Results on their way to InfluxDB: a finished session from its tables (`push`), a running one from its outbox (`Courier`).

Both leave the ledger in the session's outbox: what was acknowledged as a whole, so that `missing` can tell what was not.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dashboards.influx import InfluxError, InfluxSettings, PushReport, Refusal, Sender, send_lines
from dashboards.line_protocol import points, repetition_stamps, void_line
from dashboards.outbox import FOLDER, Drain, Ledger, discard_segments, set_aside
from dashboards.tables import ANGLES, REPETITIONS, SUMMARY, available_estimators
from signals import HiphingeError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0
"""Between two attempts at a server that is away: the first, doubled each time up to the second."""
PERSON_WAIT_S = 10.0
"""Between two attempts where somebody must change something first."""
_LOOK_S = 0.1
"""How often an empty outbox is looked at."""


def digest(session_folder: Path, estimator: str) -> str:
    """What tells one state of an estimator's results from another."""
    state = hashlib.sha256()
    for name in (ANGLES, REPETITIONS, SUMMARY):
        with (session_folder / estimator / name).open("rb") as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()


def missing(session_folder: Path) -> tuple[str, ...]:
    """Estimators whose results, as they are now, InfluxDB has not acknowledged as a whole."""
    complete = Ledger.read(session_folder / FOLDER).complete
    return tuple(e for e in available_estimators(session_folder) if complete.get(e) != digest(session_folder, e))


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
    never take go to `rejected.lp` in the session's outbox. `InfluxError` when InfluxDB cannot be reached or refuses;
    what was sent before stays, and sending again is harmless.
    """
    chosen = available_estimators(session_folder) if estimators is None else tuple(estimators)
    outbox = session_folder / FOLDER
    ledger = Ledger.read(outbox)
    state = {estimator: digest(session_folder, estimator) for estimator in chosen}
    seen: dict[str, set[tuple[str, int]]] = {estimator: set() for estimator in chosen}

    def lines() -> Iterator[str]:
        for line in points(session_folder, chosen):
            for series, stamp in repetition_stamps([line]):
                seen[series.rpartition("estimator=")[2]].add((series, stamp))
            yield line
        for estimator in chosen:
            for series, stamp in ledger.repetitions.get(estimator, ()):
                if (series, stamp) not in seen[estimator]:
                    yield void_line(series, stamp)

    def aside(line: bytes, words: str) -> None:
        outbox.mkdir(parents=True, exist_ok=True)
        set_aside(outbox, [(line, words)])

    with Sender(settings, timeout_s=timeout_s) as sender:
        report = send_lines(lines(), sender, aside, progress)
    ledger.complete.update(state)
    ledger.repetitions.update({estimator: sorted(found) for estimator, found in seen.items()})
    ledger.write(outbox)
    if not missing(session_folder):
        discard_segments(outbox)
    return report


def acknowledge(session_folder: Path) -> None:
    """Note in the ledger that InfluxDB has all results as they are now."""
    ledger = Ledger.read(session_folder / FOLDER)
    for estimator in available_estimators(session_folder):
        ledger.complete[estimator] = digest(session_folder, estimator)
        found = repetition_stamps(points(session_folder, [estimator]))
        ledger.repetitions[estimator] = sorted(found)
    ledger.write(session_folder / FOLDER)


class Courier:
    """A thread that drains a running session's outbox. What hinders it is in `trouble`; it never gives up.

    The lines are sent in order and only once they are in the outbox; `lines` were acknowledged so far.
    """

    def __init__(self, outbox: Path, settings: InfluxSettings, *, timeout_s: float = 10.0) -> None:
        self._sender = Sender(settings, timeout_s=timeout_s)
        self._drain = Drain(outbox, self._sender, running=True)
        self._stop, self._finish = threading.Event(), threading.Event()
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

    def finish(self, patience_s: float) -> bool:
        """Nothing more will come: send what there is, for at most so long. Whether all of it was acknowledged."""
        self._drain.running = False
        self._finish.set()
        self._thread.join(patience_s)
        done = not self._thread.is_alive() and not self.trouble
        self.stop()
        return done

    def stop(self) -> None:
        """End without waiting for the server; the rest stays in the outbox."""
        self._stop.set()
        self._thread.join(LONGEST_WAIT_S)
        self._sender.close()

    def _run(self) -> None:
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
                self._stop.wait(pause)
                continue
            except (HiphingeError, OSError) as error:
                # the outbox itself cannot be read or written
                self.trouble = str(error)
                self._stop.wait(PERSON_WAIT_S)
                continue
            self.trouble, wait_s = "", FIRST_WAIT_S
            if not sent:
                if self._finish.is_set():
                    return
                self._stop.wait(_LOOK_S)
