"""A session as it happens: every event goes to the recorder first, then to the engine, then to the tables.

`SessionInProgress` owns one new session folder. It is closed in order, or killed at any moment: then the recording is
there up to the last flush, and `hiphinge.recovery` computes the results from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dashboards.influx import InfluxSettings
from dsp.live import PipelineOutput
from hiphinge.engine import Engine, SensorProgress
from hiphinge.folders import check_new
from hiphinge.freed_memory import give_back
from hiphinge.interruption import uninterrupted
from hiphinge.live_delivery import LiveDelivery
from hiphinge.lock import FolderLock
from hiphinge.results import ResultsWriter, compute
from ingest.recording import STRETCH_WINDOWS, Recorder, read_recording
from ingest.session_toml import write_session_toml
from signals import Event, HiphingeError, Packets, Session

RECORDING = "recording.mcap"
GIVE_BACK_EVERY_S = 60.0
"""How often freed memory goes back to the system, session time: tables are written, and their rows dropped, each minute."""


class SessionInProgress:
    """Records and computes one live session into `folder`, which must not exist yet.

    influx: where results go while it runs, through the session's outbox.
    HiphingeError when the folder cannot be made or the disk is full; what was recorded until then stays.
    """

    def __init__(self, folder: Path, session: Session, influx: InfluxSettings | None = None) -> None:
        check_new(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            remedy = "Choose a folder that you may write to, with HIPHINGE_SESSIONS or --out"
            raise HiphingeError(f"cannot be made: {error.strerror}", str(folder), remedy) from None
        self.folder = folder
        self.session = session
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
            self.delivery = LiveDelivery(folder, session, influx) if influx is not None else None
        except BaseException:
            self._lock.release()
            raise

    def take(self, events: Sequence[Event]) -> PipelineOutput:
        """The next events, in sequence order; what became final. Ctrl-C waits for the end of it."""
        with uninterrupted():
            for event in events:
                self._heard |= isinstance(event, Packets)
                self._recorder.append(event)
            outputs = self._engine.feed(events)
            self._writer.take(outputs)
            if self._engine.now_s >= self._give_back_s:
                self._give_back_s = self._engine.now_s + GIVE_BACK_EVERY_S
                give_back()
            if self.delivery is not None and events:
                minutes = self._engine.minutes.done[self._minutes_taken :]
                self._minutes_taken += len(minutes)
                self.delivery.take(outputs["live"], minutes, _last_seq(events), self._recorder.flushed_seq)
            return outputs["live"]

    def progress(self) -> dict[str, SensorProgress]:
        """What each sensor has delivered so far."""
        return self._engine.progress()

    @property
    def now_s(self) -> float:
        """Session time of the last event, seconds."""
        return self._engine.now_s

    def close(self) -> None:
        """End the recording, put the live tables in place, then compute the review tables from the recording."""
        name = self.folder.resolve().name
        with uninterrupted():
            self._recorder.close()
        with self._writer as writer:
            last = writer.close(name)
        recording = read_recording(self.folder / RECORDING)
        compute(self.session, recording.batches(STRETCH_WINDOWS), self.folder, name, ("review",))
        if self.delivery is not None:
            self.delivery.close(last["live"])
        self._lock.release()

    def abandon(self) -> bool:
        """Stop without results, also in the middle of `close`: the recording stays and is recovered at the next start.

        Where no sensor has sent anything there is nothing to keep, and no folder stays behind. True: the recording stays.
        """
        with uninterrupted():
            # what cannot be written now is lost; what was flushed is there
            with suppress(HiphingeError, ValueError):
                self._recorder.close()
            self._writer.abort()
            if self.delivery is not None:
                self.delivery.abandon()
            self._lock.release()
            if not self._heard:
                for name in (RECORDING, "session.toml"):
                    (self.folder / name).unlink(missing_ok=True)
                with suppress(OSError):  # somebody else's, or not empty
                    self.folder.rmdir()
            return self._heard


def _last_seq(events: Sequence[Event]) -> int:
    return max(int(e.seq[-1]) if isinstance(e, Packets) else e.seq for e in events)
