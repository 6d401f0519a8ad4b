"""The sink that offers a running session to the Lab Streaming Layer: one stream of angles, one of marks and repetitions.

Any program in the network can read an outlet, so the streams name no athlete. Rows are given out when their events are on disk,
at most half a second late; their LSL time stamps say when they were measured. A missing angle is NaN.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any
from uuid import uuid4

import numpy as np

from body_signals import ANGLE_NAMES, HiphingeError
from dsp.pipeline import PipelineOutput
from dsp.results import TICK_HZ
from hiphinge.live.sinks import Frame, Sink
from ingest.time import HOST_CLOCK_NS

ANGLES, EVENTS = "hiphinge angles", "hiphinge events"
"""Names of the two streams; their types are ``MoCap`` and ``Markers``."""

SENT_S = 0.5
"""How long a reader in the network is given for the last rows, s (ours)."""


def lsl_library() -> Any:
    """The package pylsl. HiphingeError with the remedy where it, or the library that it loads, is not there."""
    from dashboards.export import needed

    try:
        return needed("pylsl", "lsl")
    except (RuntimeError, OSError) as error:
        # pylsl is there, and the system's liblsl is not, or does not load
        remedy = "Install liblsl for this system, or name it by the environment variable PYLSL_LIB"
        raise HiphingeError(f"pylsl cannot load liblsl ({' '.join(str(error).split())[:200]})", "--lsl", remedy) from None


class LslOutlet(Sink):
    """Gives rows, marks and repetitions to LSL. ids: of the two streams, new for each session."""

    name = "LSL outlet"
    needs_every_row = True

    def __init__(self) -> None:
        self._lsl = lsl_library()
        run = uuid4().hex
        self.ids = (f"hiphinge-{run}-angles", f"hiphinge-{run}-events")
        rows = self._lsl.StreamInfo(ANGLES, "MoCap", len(ANGLE_NAMES) + 1, TICK_HZ, self._lsl.cf_float32, self.ids[0])
        channels = rows.desc().append_child("channels")
        for label, unit, kind in (*((name, "degrees", "Angle") for name in ANGLE_NAMES), ("quality", "flags", "Quality")):
            channel = channels.append_child("channel")
            for key, word in (("label", label), ("unit", unit), ("type", kind)):
                channel.append_child_value(key, word)
        events = self._lsl.StreamInfo(EVENTS, "Markers", 1, self._lsl.IRREGULAR_RATE, self._lsl.cf_string, self.ids[1])
        self._rows, self._events = self._lsl.StreamOutlet(rows), self._lsl.StreamOutlet(events)
        self._held: deque[Frame] = deque()
        self._zero_ns = 0

    def take(self, frame: Frame) -> None:
        """Hold the results until their events are on disk, and give out those whose are."""
        self._zero_ns = frame.zero_ns
        if frame.output.angles or frame.output.repetitions or frame.marks:
            self._held.append(frame)
        self._release(frame.flushed_seq)

    def close(self, last: PipelineOutput | None) -> None:
        """Give out what is held, unless the session was broken off, and end the streams."""
        if last is not None and self._rows is not None:
            self._release(math.inf)
            self._give(Frame(last, math.inf, zero_ns=self._zero_ns))
            if self._rows.have_consumers() or self._events.have_consumers():
                # an outlet that goes takes along what is not sent yet, and LSL does not say when all is
                time.sleep(SENT_S)
        self._held.clear()
        # LSL ends a stream when its outlet is gone
        self._rows = self._events = None

    def _release(self, flushed_seq: float) -> None:
        while self._held and self._held[0].last_seq <= flushed_seq:
            self._give(self._held.popleft())

    def _give(self, frame: Frame) -> None:
        # LSL has a clock of its own
        ahead_s = self._lsl.local_clock() - HOST_CLOCK_NS() / 1e9
        zero_s = frame.zero_ns / 1e9 + ahead_s
        for rows in frame.output.angles:
            values = np.vstack((np.degrees(rows.angles), rows.quality)).T.astype(np.float32)
            for at_s, row in zip(rows.time_s.tolist(), values.tolist(), strict=True):
                self._rows.push_sample(row, zero_s + at_s)
        for mark in frame.marks:
            self._events.push_sample([mark.label], mark.at_ns / 1e9 + ahead_s)
        for repetition in frame.output.repetitions:
            self._events.push_sample([f"repetition {repetition.movement}"], zero_s + repetition.end_s)
