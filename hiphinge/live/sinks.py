"""A sink follows a running session: the terminal, JSON lines, InfluxDB. One protocol, `Sink`, and one file each.

`hiphinge.live.followers` wires them; a new sink is a file and a line there (docs/adding.md). Each one works in a thread of its
own, so that a slow or failing sink costs the session nothing: it is given what it can take, and none after it has failed.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from body_signals import Mark
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows
from hiphinge.engine import SensorProgress
from hiphinge.guidance.orders import Desk
from hiphinge.session.facts.sensor_minutes import SensorMinute
from ingest.links import LinkStatus

KEPT_FRAMES = 250
"""Frames that wait for a slow sink, about a second of a session; of what comes then it gets the latest rows only (ours)."""
SINK_PATIENCE_S = 5.0
"""How long a sink is waited for that takes nothing, at the end of a session (ours, as for a screen)."""
FRESH_S = 0.35
"""A row that ends longer before the session's present than this and the grid's patience is not shown: it would be frozen."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the session knows since the frame before, and how its sensors stand now."""

    output: PipelineOutput
    """Rows, repetitions and alignments since the frame before, from the causal estimator."""
    now_s: float
    """Session time of the last event, seconds."""
    progress: Mapping[str, SensorProgress] = field(default_factory=dict)
    """What each sensor has delivered."""
    links: Mapping[str, LinkStatus] = field(default_factory=dict)
    """Each sensor's link; empty where no sensor is connected, as in a playback without readers."""
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    """From the arrival of each sensor's latest packet to its results, milliseconds."""
    marks: tuple[Mark, ...] = ()
    """Marks that were set since the frame before."""
    zero_ns: int = 0
    """The host's time of session time 0."""
    minutes: tuple[SensorMinute, ...] = ()
    """Minutes of sensors that have ended since the frame before."""
    desk: Desk = field(default_factory=Desk)
    """How the orders of the person at the session stand: what is being typed, and the latest answers."""
    protocol: Mapping[str, Any] | None = None
    """How the guided protocol stands, as pages know it; None before the first."""
    result: Mapping[str, Any] | None = None
    """Hip screen and protocols as the last protocol left them, under the keys of summary.json; None before."""
    trouble: str = ""
    """Why results do not arrive where they are sent to, in words for people; empty when all is well."""
    last_seq: int = -1
    """The results are made of events up to this sequence number …"""
    flushed_seq: float = -1
    """… and events up to this one are on disk. Results may leave the machine only when theirs are."""

    def then(self, later: Frame) -> Frame:
        """Both as one, as somebody sees them who was away meanwhile: of the rows, only the later ones."""
        return replace(
            later,
            output=self.output.with_latest(later.output),
            marks=(*self.marks, *later.marks),
            minutes=(*self.minutes, *later.minutes),
        )


class Sink(ABC):
    """What follows a session. All but `take` may be left as they are here.

    `take` and `stop` are called in the sink's own thread, one call at a time; `close` in the session's, after them. What one of
    them raises ends what the sink is given, and is told at the end of the session; nothing else comes of it.
    """

    name: ClassVar[str] = "sink"
    """What people call it, e.g. ``screen``."""
    needs_every_row: ClassVar[bool] = False
    """True: frames wait however many they are, and come also after `stop`, until the session is closed: for a database. False:
    of a hold-up longer than `KEPT_FRAMES` only the latest rows come, with all repetitions, alignments and marks: for eyes."""

    @abstractmethod
    def take(self, frame: Frame) -> None:
        """The next results."""

    def stop(self, frame: Frame) -> None:  # noqa: B027, may be left as it is
        """The sensors have stopped: `frame` says how they stand, without results. The session is now being closed, and what
        the command prints takes the screen's place."""

    def close(self, last: PipelineOutput | None) -> None:  # noqa: B027, may be left as it is
        """The session is over: its folder is whole, and `last` is what its closing made beyond the last frame; or None: it was
        broken off, and its results will be computed from its recording, or this sink has failed before. Called a second time,
        with None, where the first call was interrupted."""

    @property
    def trouble(self) -> str:
        """What hinders it, in words for people; empty when nothing does."""
        return ""


class FreshRow:
    """The latest row, as long as it is fresh by event time: a sensor that is late or lost is missing in it, and where no rows
    come any more there is none."""

    def __init__(self, patience_s: float) -> None:
        """patience_s: for how long the session's grid waits for late samples."""
        self._oldest_s = patience_s + FRESH_S
        self._row: AngleRows | None = None

    def take(self, output: PipelineOutput) -> None:
        """The next results."""
        if output.angles:
            self._row = output.angles[-1]

    def at(self, now_s: float) -> AngleRows | None:
        """Rows whose last one is fresh at session time `now_s`, None where none is."""
        row = self._row
        return row if row is not None and row.time_s[-1] >= now_s - self._oldest_s else None


class _Follower:
    """A sink and its thread. fault: what it failed with; it is given nothing more then."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.fault: Exception | None = None
        self._waiting: deque[Callable[[], None] | Frame] = deque()
        self._changed = threading.Condition()
        """Of the one above, and of these."""
        self._taken = 0
        self._stopped = self._ended = self._busy = self._hangs = False
        self._thread = threading.Thread(target=self._run, name=f"hiphinge-{sink.name}", daemon=True)
        self._thread.start()

    def take(self, frame: Frame) -> None:
        """Queue a frame; never waits."""
        with self._changed:
            if self.fault is not None or self._ended or (self._stopped and not self.sink.needs_every_row):
                return
            latest = self._waiting[-1] if self._waiting else None
            if len(self._waiting) >= KEPT_FRAMES and isinstance(latest, Frame) and not self.sink.needs_every_row:
                self._waiting[-1] = latest.then(frame)
            else:
                self._waiting.append(frame)
            self._changed.notify_all()

    def stop(self, frame: Frame) -> None:
        """Let it stop, once: after what waits, which it gets at once where it needs not every row."""
        with self._changed:
            if self._stopped:
                return
            self._stopped = True
            self._waiting.append(lambda: self.sink.stop(frame))
            self._changed.notify_all()
        self._wait()

    def end(self) -> bool:
        """End the thread once all that waits is taken; False where the sink hangs."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        return self._wait()

    def close(self, last: PipelineOutput | None) -> None:
        """End it. A sink that hangs is left alone; one that has failed does not pass for one that has followed to the end."""
        if not self._hangs and self.end():
            self._guarded(lambda: self.sink.close(last if self.fault is None else None))

    def _wait(self) -> bool:
        """Whether all that waits has been taken, in `SINK_PATIENCE_S`; a sink that needs every row has it for each frame."""
        until = time.monotonic() + SINK_PATIENCE_S
        with self._changed:
            while self._waiting or self._busy:
                before = self._taken
                self._changed.wait(max(0.0, until - time.monotonic()))
                if self._taken == before and time.monotonic() >= until:
                    self._hangs = True
                    self.fault = self.fault or TimeoutError(f"not ready after {SINK_PATIENCE_S:.0f} s")
                    return False
                if self.sink.needs_every_row and self._taken != before:
                    until = time.monotonic() + SINK_PATIENCE_S
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._ended)
                if not self._waiting:
                    return
                piece = self._waiting.popleft()
                self._busy = True
            if callable(piece):
                self._guarded(piece)
            elif self.fault is None:
                self._guarded(lambda frame=piece: self.sink.take(frame))  # type: ignore[misc]
            with self._changed:
                self._busy = False
                self._taken += 1
                self._changed.notify_all()

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # whatever a sink may meet: the session goes on without it, and it is told at the end
            self.fault = self.fault or error


class Sinks:
    """The sinks of one session. Whoever owns the session gives them its frames, stops and closes them."""

    def __init__(self) -> None:
        self._followers: list[_Follower] = []

    def add(self, sink: Sink) -> None:
        """From here on it follows the session."""
        self._followers.append(_Follower(sink))

    def __bool__(self) -> bool:
        return bool(self._followers)

    @property
    def trouble(self) -> str:
        """What hinders the first of them that is hindered; empty when all is well."""
        return next((trouble for f in self._followers if (trouble := f.sink.trouble)), "")

    @property
    def faults(self) -> dict[str, Exception]:
        """What sinks have failed with, by their names."""
        return {f.sink.name: f.fault for f in self._followers if f.fault is not None}

    def take(self, frame: Frame) -> None:
        """Give all of them a frame; never waits."""
        for follower in self._followers:
            follower.take(frame)

    def stop(self, frame: Frame) -> None:
        """The sensors have stopped; `frame` without results. Waits for each sink as long as it takes something."""
        for follower in self._followers:
            follower.stop(frame)

    def close(self, last: PipelineOutput | None) -> None:
        """The session is whole, or broken off (None)."""
        for follower in self._followers:
            follower.close(last)
