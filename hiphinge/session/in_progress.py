"""A session as it happens: every event goes to the recorder first, then to the engine, then to the tables.

`SessionInProgress` owns one new session folder. If the program is killed before the session is closed, the recording exists
up to the last flush, and `hiphinge.session.recovery` computes the results from it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from body_signals import LONGEST_SESSION_S, Event, HiphingeError, Mark, Packets, Session
from dsp.pipeline import PipelineOutput
from hiphinge.engine import Engine, SensorProgress
from hiphinge.guidance.orders import Desk
from hiphinge.live.sinks import Frame, Sinks
from hiphinge.session.computation import ResultsWriter, compute
from hiphinge.session.folders import RECORDING as RECORDING
from hiphinge.session.folders import check_new
from hiphinge.session.freed_memory import give_back
from hiphinge.session.interruption import uninterrupted
from hiphinge.session.lock import FolderLock
from ingest.heads import write_session_toml
from ingest.links import LinkStatus
from ingest.recording import STRETCH_WINDOWS, Recorder, read_recording
from on_disk import make_private_folder

_log = logging.getLogger(__name__)
LONGEST_TAKE_S = 0.25
"""Time, s, after which the computation of a large backlog pauses to record newer events (ours)."""
GIVE_BACK_EVERY_S = 60.0
"""Session time, s, after which freed memory is returned to the system (ours): tables are written, and their rows dropped,
each minute."""


class SessionInProgress:
    """Records and computes one live session into `folder`, which must not exist yet.

    sinks: followers of the session, in threads of their own. links, latency_ms, desk: functions that return the state of the
    sensors' links, and of the person's orders.
    HiphingeError when the folder cannot be made or the disk is full; everything recorded until then stays.
    """

    def __init__(self, folder: Path, session: Session) -> None:
        check_new(folder)
        try:
            make_private_folder(folder)
        except OSError as error:
            remedy = "Choose a folder that you may write to, with HIPHINGE_SESSIONS or --out"
            raise HiphingeError(f"cannot be made: {error.strerror}", str(folder), remedy) from None
        self.folder = folder
        self.session = session
        self.sinks = Sinks()
        self.links: Callable[[], Mapping[str, LinkStatus]] = dict
        self.latency_ms: Callable[[], Mapping[str, float]] = dict
        self.desk: Callable[[], Desk] = Desk
        self.led: Callable[[], tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = lambda: (None, None)
        """The guided protocol as pages know it, and the result of the last one."""
        self._marks: list[Mark] = []
        """Marks that the sinks have not received."""
        self._began_ns: int | None = None
        self._waiting: deque[Sequence[Event]] = deque()
        """Events that are recorded but not completely computed."""
        self._pieces: Iterator[dict[str, PipelineOutput]] | None = None
        """The computation of the first of them, which continues at the next call."""
        self._heard = False
        """Whether a sensor has sent anything."""
        self._lock = FolderLock(folder)
        if not self._lock.take():
            raise HiphingeError("another program is writing here", str(folder), "Choose another folder")
        try:
            write_session_toml(session, folder / "session.toml")
            self._recorder = Recorder(folder / RECORDING, session)
            self._engine = Engine(session, ("live",))
            self._writer = ResultsWriter(folder, self._engine, ("live",))
            self._minutes_taken = 0
            self._give_back_s = GIVE_BACK_EVERY_S
        except BaseException:
            self._lock.release()
            raise
        _log.info("session %s is open, sensors %s", folder.name, ", ".join(s.key for s in session.sensors))

    def take(self, events: Sequence[Event]) -> PipelineOutput:
        """Take the next events, in sequence order; returns the final results. Ctrl-C waits for the end of this call.

        All events are recorded at once. If the computer slept for hours, their rows are computed over several calls, so that
        later events are still recorded promptly, and only the latest rows of each call are returned.
        """
        with uninterrupted():
            self._check_length(events)
            for event in events:
                self._heard |= isinstance(event, Packets)
                self._recorder.append(event)
                if isinstance(event, Mark):
                    self._marks.append(event)
            self._waiting.append(events)
            shown = PipelineOutput()
            until = time.monotonic() + LONGEST_TAKE_S
            for piece in self._computing():
                shown = shown.with_latest(piece)
                if time.monotonic() > until:
                    break
            return shown

    def _computing(self) -> Iterator[PipelineOutput]:
        """The results of the waiting events, a piece at a time; the next call continues where this one stopped."""
        while self._waiting:
            if self._pieces is None:
                self._pieces = self._engine.pieces(self._waiting[0])
            outputs = next(self._pieces, None)
            if outputs is None:
                self._pieces = None
                self._waiting.popleft()
                continue
            self._writer.take(outputs)
            if self._engine.now_s >= self._give_back_s:
                self._give_back_s = self._engine.now_s + GIVE_BACK_EVERY_S
                give_back()
            self._tell(outputs["live"], self._waiting[0])
            yield outputs["live"]

    def _tell(self, output: PipelineOutput, events: Sequence[Event]) -> None:
        if self.sinks and events:
            minutes = self._engine.minutes.done[self._minutes_taken :]
            self._minutes_taken += len(minutes)
            marks, self._marks = self._marks, []
            self.sinks.take(
                replace(
                    self._present(),
                    output=output,
                    marks=tuple(marks),
                    minutes=tuple(minutes),
                    last_seq=_last_seq(events),
                    flushed_seq=self._recorder.flushed_seq,
                )
            )

    def _present(self) -> Frame:
        """The present state of the sensors, without results."""
        protocol, result = self.led()
        return Frame(
            PipelineOutput(),
            self.now_s,
            self.progress(),
            self.links(),
            dict(self.latency_ms()),
            desk=self.desk(),
            zero_ns=self._engine.zero_ns,
            protocol=protocol,
            result=result,
            trouble=self.sinks.trouble or "; ".join(self._engine.calendar.warnings(self.session)),
        )

    def stop(self) -> None:
        """The sensors have stopped: end the live displays. The session must still be closed."""
        self.sinks.stop(self._present())

    def _check_length(self, events: Sequence[Event]) -> None:
        """HiphingeError, before anything is recorded, for events beyond the longest session."""
        if not events:
            return
        if self._began_ns is None:
            self._began_ns = _last_arrival_ns(events[:1])
        if _last_arrival_ns(events) - self._began_ns > LONGEST_SESSION_S * 1e9:
            hours = LONGEST_SESSION_S / 3600
            raise HiphingeError(f"a session lasts {hours:.0f} h at most", str(self.folder), "Start a new one for the next day")

    def progress(self) -> dict[str, SensorProgress]:
        """The counts of each sensor so far."""
        return self._engine.progress()

    def screened(self) -> Mapping[str, Any]:
        """The hip screen and the protocols so far."""
        return self._engine.screened()

    @property
    def zero_ns(self) -> int:
        """The host's time of session time 0."""
        return self._engine.zero_ns

    @property
    def now_s(self) -> float:
        """Session time of the last event, seconds."""
        return self._engine.now_s

    def close(self) -> None:
        """End the recording, put the live tables in place, then compute the review tables from the recording."""
        name = self.folder.resolve().name
        self.stop()
        with uninterrupted():
            self._recorder.close()
        with self._writer as writer:
            for _ in self._computing():
                pass
            last = writer.close(name)
        recording = read_recording(self.folder / RECORDING)
        compute(self.session, recording.batches(STRETCH_WINDOWS), self.folder, name, ("review",))
        self.sinks.close(last["live"])
        self._lock.release()
        _log.info("session %s is closed", name)

    def abandon(self) -> bool:
        """Stop without results, even in the middle of `close`: the recording stays and is recovered at the next start.

        If no sensor has sent anything, there is nothing to keep, and the folder is removed. True: the recording stays.
        """
        with uninterrupted():
            # events that cannot be written now are lost; flushed ones are safe
            with suppress(HiphingeError, ValueError):
                self._recorder.close()
            self._writer.abort()
            self.stop()
            self.sinks.close(None)
            self._lock.release()
            if not self._heard:
                for name in (RECORDING, "session.toml"):
                    (self.folder / name).unlink(missing_ok=True)
                with suppress(OSError):  # somebody else's, or not empty
                    self.folder.rmdir()
            return self._heard


def _last_arrival_ns(events: Sequence[Event]) -> int:
    return max(int(e.arrival_ns.max(initial=0)) if isinstance(e, Packets) else e.arrival_ns for e in events)


def _last_seq(events: Sequence[Event]) -> int:
    return max(int(e.seq[-1]) if isinstance(e, Packets) else e.seq for e in events)
