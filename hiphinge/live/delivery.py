"""A running session's results on their way to InfluxDB: into the outbox when their events are on disk, then to the server.

Two threads do it, one fills the outbox, one (`Courier`) empties it: neither a slow disk nor a server delays an angle.
Nothing that happens here stops the session: a disk or a server that refuses is `trouble`, in words for people.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from body_signals import HiphingeError, Session
from dashboards.influx import (
    FOLDER,
    Courier,
    InfluxSettings,
    LiveLines,
    Outbox,
    acknowledge,
    closing_points,
    note_repetitions,
    points,
    removable_points,
    repetition_stamps,
    waiting_bytes,
)
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows, Repetition
from hiphinge.live.sinks import Frame, Sink
from hiphinge.session.facts.sensor_minutes import COLUMNS, SensorMinute

DELIVERY_PATIENCE_S = 10.0
"""How long the end of a session waits at most for the last results to arrive; the rest stays in the outbox."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What the events up to `last_seq` have made since the ones before."""

    last_seq: int
    angles: tuple[AngleRows, ...]
    repetitions: tuple[Repetition, ...]
    minutes: tuple[SensorMinute, ...] = ()


class LiveDelivery(Sink):
    """The sink that sends results to InfluxDB."""

    name = "way to InfluxDB"
    needs_every_row = True

    def __init__(self, folder: Path, session: Session, influx: InfluxSettings) -> None:
        self._session_folder, self._folder = folder, folder / FOLDER
        self._lines = LiveLines(session, folder.resolve().name, folder / "session.toml")
        self._held: deque[_Made] = deque()
        self._flushed_seq: float = -1
        self._ending = False
        self._changed = threading.Condition()
        """Of the three above."""
        self._minutes_until_s = 0.0
        self._outbox = Outbox(self._folder)
        self._courier = Courier(self._folder, influx)
        self._broken = self._warning = ""
        self._filling = threading.Thread(target=self._fill, name="hiphinge-outbox", daemon=True)
        self._filling.start()

    def take(self, frame: Frame) -> None:
        """Hold the results until their events are on disk. Returns at once."""
        output, minutes = frame.output, frame.minutes
        self._minutes_until_s = max([self._minutes_until_s, *(m.end_s for m in minutes)])
        with self._changed:
            if self._broken:
                self._held.clear()
            elif output.angles or output.repetitions or minutes:
                self._held.append(_Made(frame.last_seq, tuple(output.angles), tuple(output.repetitions), minutes))
            self._flushed_seq = frame.flushed_seq
            self._changed.notify()

    @property
    def trouble(self) -> str:
        """Why results do not arrive, or not where they are looked for; empty when all is well."""
        return self._broken or self._courier.trouble or self._warning or self._courier.remark

    @property
    def lines(self) -> int:
        """Lines that InfluxDB has acknowledged."""
        return self._courier.lines

    @property
    def waiting_bytes(self) -> int:
        """Bytes that it has not."""
        return waiting_bytes(self._folder)

    def close(self, last: PipelineOutput | None) -> None:
        """The session is closed and its tables are there: the rest of the lines, those of the `last` results too, and some
        patience. Where it was broken off, what is in the outbox stays there."""
        if last is None:
            self._abandon()
            return
        with self._changed:
            self._flushed_seq = math.inf
        self._end_filling()
        self._release(_Made(0, tuple(last.angles), tuple(last.repetitions)))
        closing = list(closing_points(self._session_folder, ["live"], minutes_from_s=self._minutes_until_s))
        self._note("live", closing)
        self._append(closing)
        self._note("review", list(removable_points(self._session_folder, "review")))
        review = points(self._session_folder, ["review"])
        # the tables hold all of this too: where there is no room, or no server, they send it later
        while not self._courier.trouble and (batch := list(itertools.islice(review, 1000))):
            self._append(batch, essential=False)
        whole = not self._broken and not self._outbox.left_out and next(review, None) is None
        self._outbox.close()
        if self._courier.finish(DELIVERY_PATIENCE_S) and whole and not self._courier.rejected:
            acknowledge(self._session_folder)

    def _abandon(self) -> None:
        with self._changed:
            self._held.clear()
        self._end_filling()
        self._outbox.close()
        self._courier.stop()

    def _end_filling(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._filling.join()

    def _fill(self) -> None:
        try:
            while released := self._releasable():
                for made in released:
                    self._release(made)
                self._flush()
        except Exception as error:
            self._broken = f"a fault of the program fills the outbox no more ({error!r}); hiphinge push sends from the tables"
            raise

    def _releasable(self) -> list[_Made]:
        """What has been made of events on disk, as soon as there is any; nothing at the end."""

        def ready() -> bool:
            return bool(self._held) and self._held[0].last_seq <= self._flushed_seq

        with self._changed:
            self._changed.wait_for(lambda: ready() or self._ending)
            released = []
            while ready():
                released.append(self._held.popleft())
            return released

    def _release(self, made: _Made) -> None:
        self._append(self._lines.of(made.angles, []), essential=False)
        self._append([self._lines.of_minute(m.sensor, {name: getattr(m, name) for name in COLUMNS}) for m in made.minutes])
        repetitions = self._lines.of([], made.repetitions)
        if repetitions:
            self._note("live", repetitions)
            self._append(repetitions)

    def _note(self, estimator: str, repetitions: list[str]) -> None:
        try:
            note_repetitions(self._session_folder, {estimator: repetition_stamps(repetitions)})
        except HiphingeError as error:
            self._broken = str(error)

    def _append(self, lines: list[str], *, essential: bool = True) -> None:
        if self._broken:
            return
        try:
            self._outbox.append(lines, essential=essential)
        except HiphingeError as error:
            self._broken = str(error)

    def _flush(self) -> None:
        try:
            self._outbox.flush()
            self._warning = self._outbox.warning
        except HiphingeError as error:
            self._broken = str(error)
