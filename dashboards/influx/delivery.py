"""Delivery to InfluxDB: of a finished session from its tables (`push`), of a running one from its outbox (`Courier`).

Both keep the ledger in the session's outbox: the results that were acknowledged completely. `missing` lists the others.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from body_signals import HiphingeError
from dashboards.corrections import SESSION
from dashboards.edits import EDITS
from dashboards.influx.drain import Drain, RejectedAnew
from dashboards.influx.ledger import Identity, Ledger
from dashboards.influx.line_protocol import (
    TAGS,
    points,
    removable_points,
    repetition_stamps,
    series_and_start,
    series_of,
    tags_of,
    void_line,
)
from dashboards.influx.outbox import FOLDER, discard_segments
from dashboards.influx.sending.patience import Patience, Pauses
from dashboards.influx.sending.sender import InfluxError, InfluxSettings, PushReport, Refusal, Sender, send_lines, server_facts
from dashboards.tables import ANGLES, REPETITIONS, SUMMARY, available_estimators, read_summary
from on_disk import MOST_TOML_BYTES, open_file, read_bytes

_log = logging.getLogger(__name__)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0
"""Pauses between attempts at a server that is away, s: the first, doubled each time up to the second (`patience`) (ours)."""
PERSON_WAIT_S = 10.0
"""Pause between two attempts where somebody must change a setting first, s (ours)."""
_LOOK_S = 0.1
"""Interval at which an empty outbox is checked, s (ours)."""
AWAY_S = 1.0
"""At the end, a server that has accepted nothing for this time, s, is given up (ours). The outbox and the tables hold the
rest."""
_STOP_S = 1.0
"""Time for the thread to end its request, s (ours)."""
_LONGEST_NS = 24 * 3600 * 10**9
"""A repetition in a ledger belongs to this session only within this time of its start, ns (ours)."""
_FILES = (ANGLES, REPETITIONS, SUMMARY)
"""The files of an estimator that are sent, as corrected by the session's edits.toml."""


def digest(session_folder: Path, estimator: str) -> str:
    """A digest that identifies the state of an estimator's results."""
    state = hashlib.sha256()
    for name in _FILES:
        with open_file(session_folder / estimator / name) as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    edits = session_folder / EDITS
    if edits.is_file():
        state.update(read_bytes(edits, MOST_TOML_BYTES))
    written, who = read_summary(session_folder, estimator, as_computed=True), identity(session_folder, estimator)
    if (str(written["athlete"]), str(written["start"])) != (who.athlete, who.start):
        # session.toml corrects it
        state.update(f"{who.athlete}\n{who.start}".encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def missing(session_folder: Path) -> tuple[str, ...]:
    """Estimators whose present results InfluxDB has not acknowledged completely.

    Files that have not changed since are not read again, and those of which nothing was acknowledged are not read at all: there
    is nothing to compare them with.
    """
    ledger = Ledger.read(session_folder / FOLDER)
    found = []
    for estimator in available_estimators(session_folder):
        state = _state(session_folder, estimator)
        if ledger.states.get(estimator) == state:
            continue
        acknowledged = ledger.complete.get(estimator)
        if acknowledged is None or acknowledged != digest(session_folder, estimator):
            found.append(estimator)
            continue
        ledger.states[estimator] = state
        # if this cannot be written, the files are read again next time
        with suppress(HiphingeError):
            ledger.write(session_folder / FOLDER)
    return tuple(found)


def sent_states(session_folder: Path, estimators: Sequence[str]) -> dict[str, bool | None]:
    """By estimator: whether its present results were acknowledged completely; None where nothing was sent.

    From the ledger and the files' sizes and times alone, so nothing large is read; a file that was only touched counts as
    changed.
    """
    known, sent = Ledger.glanced_at(session_folder / FOLDER)
    found: dict[str, bool | None] = {}
    for estimator in estimators:
        state = _state(session_folder, estimator) if estimator in known else []
        # ledgers of 0.1.0 do not know session.toml
        whole = estimator in known and known[estimator] in (state, state[: 2 * len(_FILES)])
        found[estimator] = whole if whole or estimator in sent else None
    return found


def identity(session_folder: Path, estimator: str) -> Identity:
    """Athlete, session and start of an estimator's results, from their summary."""
    summary = read_summary(session_folder, estimator)
    return Identity(str(summary["athlete"]), str(summary["session"]), str(summary["start"]))


def ledger_of(session_folder: Path, estimators: Sequence[str]) -> Ledger:
    """The folder's ledger, as far as it is about the session whose results the folder holds.

    A folder may have been copied, or hold new results under another name. Entries of the ledger about another session are then
    ignored, and nothing of that session may be voided. `former` keeps its identity.
    """
    found, who = Ledger.read(session_folder / FOLDER), identity(session_folder, estimators[0])
    series = {e: series_and_start(session_folder, e) for e in estimators}
    told = {_of_series(name) for sent in found.repetitions.values() for name, _ in sent}
    former = {one for one in (*found.former, *told, *([found.of] if found.of else [])) if not one.agrees(who)}
    if found.of is not None and not found.of.agrees(who):
        return Ledger(of=who, former=former)
    for estimator, (own, start_ns) in series.items():
        sent = found.repetitions.get(estimator, set())
        found.repetitions[estimator] = {(name, stamp) for name, stamp in sent if _is_of(name, stamp, own, start_ns)}
    found.of, found.former = who, former
    return found


def _is_of(series: str, stamp: int, own: str, start_ns: int) -> bool:
    """Whether a repetition or mark of a ledger is one of the session whose repetitions are the series `own`."""
    if series == own:
        return start_ns <= stamp < start_ns + _LONGEST_NS
    # somebody may have risen long before the session
    return series == own.replace("repetition,", "mark,", 1) and abs(stamp - start_ns) < _LONGEST_NS


def _of_series(series: str) -> Identity:
    tags = tags_of(series)
    return Identity(tags.get("athlete", ""), tags.get("session", ""))


def push(
    session_folder: Path,
    settings: InfluxSettings,
    estimators: Sequence[str] | None = None,
    *,
    timeout_s: float = 30.0,
    progress: Callable[[int], None] | None = None,
    patience: Patience | None = None,
    gym: str = "",
) -> PushReport:
    """Send a session's points from its tables; `progress` is called with the number of lines sent so far; gym: as in `points`.

    `patience` waits for a server that is away and then continues where it stopped; several sessions may share it.

    Repetitions that were sent before and no longer exist are overwritten with ``void = true``; only this session's own. Lines
    that the server will never accept go to `rejected.lp` in the session's outbox, replacing its content. `InfluxError` when
    InfluxDB cannot be reached or refuses; points sent before stay, and sending again is harmless.
    """
    chosen = available_estimators(session_folder) if estimators is None else tuple(estimators)
    if not chosen:
        remedy = "Name a session folder that holds results, or run `hiphinge replay` on the recording first"
        raise HiphingeError("no results to send", str(session_folder), remedy)
    outbox = session_folder / FOLDER
    ledger = ledger_of(session_folder, chosen)
    found = {e: (_state(session_folder, e), digest(session_folder, e)) for e in chosen}
    now = {e: repetition_stamps(removable_points(session_folder, e)) for e in chosen}
    removed = [stamp for e in chosen for stamp in sorted(ledger.repetitions.get(e, set()) - now[e])]
    # noted before anything is sent: from here on the server may have it
    for estimator in chosen:
        ledger.repetitions[estimator] = ledger.repetitions.get(estimator, set()) | now[estimator]
    ledger.write(outbox)
    counts: dict[str, dict[str, int]] = {}
    lines = itertools.chain(
        tallied(points(session_folder, chosen, gym=gym), counts), (void_line(series, stamp) for series, stamp in removed)
    )
    waiting = Patience() if patience is None else patience
    with Sender(settings, timeout_s=timeout_s, waiting=waiting) as sender, RejectedAnew(outbox) as aside:
        report = send_lines(lines, sender, aside.take, progress)
    for estimator, (state, content) in found.items():
        ledger.states[estimator], ledger.complete[estimator] = state, content
        ledger.repetitions[estimator] = now[estimator]
        ledger.software[estimator] = str(read_summary(session_folder, estimator)["software"])
    for measurement, by_tag in counts.items():
        ledger.points.setdefault(measurement, {}).update(by_tag)
    ledger.write(outbox)
    _log.info("%s: InfluxDB took %d points, refused %d", session_folder.name, report.lines, report.rejected)
    if not missing(session_folder):
        discard_segments(outbox)
    return report


def tallied(lines: Iterable[str], counts: dict[str, dict[str, int]]) -> Iterator[str]:
    """The lines, counted in `counts` by measurement and last tag."""
    by_series: dict[str, int] = {}
    try:
        for line in lines:
            series = series_of(line)
            by_series[series] = by_series.get(series, 0) + 1
            yield line
    finally:
        for series, n in by_series.items():
            measurement, _, _ = series.partition(",")
            counts.setdefault(measurement, {})[tags_of(series)[TAGS[measurement][-1]]] = n


def note_repetitions(session_folder: Path, stamps: Mapping[str, set[tuple[str, int]]]) -> None:
    """Note in the ledger that these repetitions, by estimator, are about to be sent: should a later analysis not find one of
    them, it is known that it must be voided."""
    ledger = Ledger.read(session_folder / FOLDER)
    before = {estimator: set(sent) for estimator, sent in ledger.repetitions.items()}
    for estimator, some in stamps.items():
        ledger.repetitions.setdefault(estimator, set()).update(some)
        if ledger.of is None and some:
            ledger.of = _of_series(min(some)[0])
    if ledger.repetitions != before:
        ledger.write(session_folder / FOLDER)


def acknowledge(session_folder: Path) -> None:
    """Note in the ledger that InfluxDB has all results as they are now."""
    there = available_estimators(session_folder)
    ledger = ledger_of(session_folder, there)
    for estimator in there:
        ledger.states[estimator] = _state(session_folder, estimator)
        ledger.complete[estimator] = digest(session_folder, estimator)
        ledger.repetitions[estimator] = repetition_stamps(removable_points(session_folder, estimator))
        ledger.software[estimator] = str(read_summary(session_folder, estimator)["software"])
    ledger.points = {}
    ledger.write(session_folder / FOLDER)


def _state(session_folder: Path, estimator: str) -> list[int]:
    """Size and time of change, in ns, of the files whose content `digest` tells."""
    paths = [session_folder / estimator / name for name in _FILES]
    said = [path for path in (session_folder / EDITS, session_folder / SESSION) if path.is_file()]
    found = [path.stat() for path in (*paths, *said)]
    return [number for one in found for number in (one.st_size, one.st_mtime_ns)]


class Courier:
    """A thread that drains a running session's outbox. It reports an obstacle in `trouble` and never gives up.

    The lines are sent in order and only once they are in the outbox; `lines` were acknowledged so far.
    """

    def __init__(self, outbox: Path, settings: InfluxSettings, *, timeout_s: float = 10.0) -> None:
        self._waiting = _WhileItRuns()
        self._sender = Sender(settings, timeout_s=timeout_s, waiting=self._waiting)
        self._drain = Drain(outbox, self._sender, running=True)
        self._delivered = False
        self._settings = settings
        self._clock: str | None = None
        self._thread = threading.Thread(target=self._run, name="hiphinge-courier", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why results do not arrive, in words for people; empty when all is well."""
        return self._waiting.trouble

    @property
    def lines(self) -> int:
        """Lines acknowledged."""
        return self._drain.lines

    @property
    def rejected(self) -> int:
        """Lines that the server will never accept; they are in `rejected.lp`."""
        return self._drain.rejected

    @property
    def remark(self) -> str:
        """A remark for people while results arrive: the clocks differ."""
        return self._clock or ""

    def finish(self, patience_s: float) -> bool:
        """No more lines will follow: send the rest, for at most `patience_s`, to a server that is away no longer than `AWAY_S`.
        Whether all of it was acknowledged."""
        self._drain.running = False
        self._waiting.finish()
        began = taken = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < min(began + patience_s, taken + AWAY_S):
            self._thread.join(_LOOK_S)
            if not self.trouble:
                taken = time.monotonic()
        self.stop()
        return self._delivered

    def stop(self) -> None:
        """End without waiting for the server; the rest stays in the outbox."""
        self._waiting.stop()
        # one that hangs in a request ends with it
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            with self._sender:
                self._send_all()
        except Exception as error:
            ends = f"a fault of the program ends the sending ({error!r}); hiphinge push sends the rest from the tables"
            self._waiting.trouble = ends
            raise

    def _send_all(self) -> None:
        while not self._waiting.stopped:
            try:
                sent = self._drain.step()
            except (HiphingeError, OSError) as error:
                # the outbox itself cannot be read or written; a server that refuses every line; or told to stop in a pause
                self._waiting.hindered(str(error))
                continue
            self._waiting.answered()
            if sent and self._clock is None:
                self._look_at_clock()
            if not sent:
                if self._waiting.finishing:
                    self._delivered = True
                    return
                self._waiting.pause(_LOOK_S)

    def _look_at_clock(self) -> None:
        # if it does not answer now, the next time is early enough
        with suppress(InfluxError):
            self._clock = server_facts(self._settings).clock_remark


class _WhileItRuns:
    """Waiting for a server in a running session: attempts continue until the session stops them."""

    def __init__(self) -> None:
        self._pauses = Pauses(FIRST_WAIT_S, LONGEST_WAIT_S)
        self._stop, self._finish, self._wake = threading.Event(), threading.Event(), threading.Event()
        self.trouble = ""

    @property
    def stopped(self) -> bool:
        """Whether it was told to."""
        return self._stop.is_set()

    @property
    def finishing(self) -> bool:
        """Whether nothing more will come."""
        return self._finish.is_set()

    def finish(self) -> None:
        """No more lines will follow: no long pauses from now on."""
        self._finish.set()
        self._wake.set()

    def stop(self) -> None:
        """Give up at the next attempt."""
        self._stop.set()
        self._wake.set()

    def begin(self) -> None:
        """Nothing to be done."""

    def failed(self, error: InfluxError) -> None:
        """Pause until the next attempt; the error where it was told to stop."""
        if error.refusal is Refusal.PERSON:
            self.hindered(str(error))
        else:
            self._is_in(str(error))
            self.pause(self._pauses.next_s(error, LONGEST_WAIT_S))
            if self.finishing:
                self._pauses.reset()
        if self.stopped:
            raise error

    def hindered(self, words: str) -> None:
        """Somebody must change something first."""
        self._is_in(words)
        self.pause(PERSON_WAIT_S)

    def answered(self) -> None:
        """All is well."""
        self._is_in("")
        self._pauses.reset()

    def _is_in(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.info("sending: %s", trouble or "goes on")
        self.trouble = trouble

    def pause(self, seconds: float) -> None:
        """Until then, or until the session ends or stops."""
        if not self.stopped and self._wake.wait(seconds):
            self._wake.clear()
