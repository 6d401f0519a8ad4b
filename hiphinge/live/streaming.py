"""A session that streams: readers fill the event log, the session takes the events, its sinks show what becomes of them.

The loop only stamps and queues; recording and computing run in a thread, one batch after another. Latency is measured
from a packet's arrival to the moment when the engine has given out everything that it made.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from body_signals import CALIBRATE, Event, Mark, Packets, SessionMark
from dsp.pipeline import PipelineOutput
from hiphinge.guidance.orders import Orders
from hiphinge.guidance.protocol_guide import ProtocolGuide
from hiphinge.live.keys import keys
from hiphinge.live_page.answered import prepare, proposed
from hiphinge.live_page.opening import OpenPage
from hiphinge.session.in_progress import SessionInProgress
from hiphinge.session.interruption import heard_by
from ingest.links import EventLog, KitReader, Stranger

BATCH_S = 0.004
"""Between two times that events are taken (ours)."""
SWITCH_S = 0.001
"""A thread that computes lets another one go on after this: stamps and screens wait less than with Python's 5 ms (ours)."""
_LATENCIES = 200_000
"""Latest latencies kept, for the percentiles."""


@dataclass(slots=True)
class Latency:
    """Milliseconds from a packet's arrival to its results, of the latest packets."""

    ms: array[float] = field(default_factory=lambda: array("f"))
    newest: dict[str, float] = field(default_factory=dict)
    """Of each sensor's last packet."""

    def add(self, events: list[Event], out_ns: int) -> None:
        """All of these were given out at `out_ns`."""
        for event in events:
            if isinstance(event, Packets) and len(event):
                waited = ((out_ns - event.arrival_ns) * 1e-6).tolist()
                self.ms.extend(waited)
                self.newest[event.sensor] = waited[-1]
        if len(self.ms) > _LATENCIES:
            del self.ms[: -_LATENCIES // 2]

    def percentile(self, percent: float) -> float:
        """NaN before the first packet."""
        return float(np.percentile(self.ms, percent)) if self.ms else float("nan")


class Streaming:
    """Streams a kit into a session until an order, a signal that ends programs, or `seconds`; the session's sinks see it.

    page: whose orders count too. guide: leads through protocols. orders: of the person at it. ended_by: number of the signal
    that ended it, else 0.
    """

    def __init__(
        self,
        running: SessionInProgress,
        reader: KitReader,
        log: EventLog,
        page: OpenPage | None = None,
        guide: ProtocolGuide | None = None,
    ) -> None:
        self._running, self._reader, self._log, self._page = running, reader, log, page
        self.latency = Latency()
        self.orders = Orders(log.mark, self.stop, lambda: log.session_s)
        running.links, running.latency_ms = lambda: reader.status, lambda: self.latency.newest
        running.desk = lambda: self.orders.desk
        self.guide = ProtocolGuide({}) if guide is None else guide
        self.on_protocol: Callable[[Mapping[str, Any], float], None] = lambda document, now_s: None
        """Hears of each protocol that begins, and when."""
        self.on_result: Callable[[], None] = lambda: None
        """Called once a protocol is over and its result is there."""
        self._preparing: asyncio.Future[None] | None = None
        self._protocol: Mapping[str, Any] | None = None
        self._result: Mapping[str, Any] | None = None
        running.led = lambda: (self._protocol, self._result)
        self.orders.led = lambda: self.guide.running
        self.orders.protocols = lambda: tuple(self.guide.known)
        self.ended_by = 0
        self._asked_about: set[Stranger] = set()
        self._stop = asyncio.Event()
        # always the same thread: each one has a heap of its own, and what a session allocates would grow holes in all of them
        self._thread = ThreadPoolExecutor(1, "session")
        self._lock = asyncio.Lock()
        """One batch at a time."""

    def stop(self) -> None:
        """End the session in order."""
        self._stop.set()

    def _heard(self, signal_number: int) -> None:
        self.ended_by = self.ended_by or signal_number
        self.stop()

    async def run(self, seconds: float | None = None, *, calibrate: bool = False) -> None:
        """Connect, start together, stream. calibrate: set the mark by itself when the sensors stream.

        Raises the `LinkFault` of a kit of which no sensor can be used.
        """
        loop = asyncio.get_running_loop()
        try:
            with heard_by(loop, self._heard), self._thread, _promptly():
                await self._run(loop, seconds, calibrate=calibrate)
        finally:
            self._running.stop()

    async def _run(self, loop: asyncio.AbstractEventLoop, seconds: float | None, *, calibrate: bool) -> None:
        reading = asyncio.ensure_future(self._reader.run())
        starting = asyncio.ensure_future(self._start(calibrate))
        stopping = asyncio.ensure_future(self._wait(seconds))
        taking = asyncio.ensure_future(self._take())
        try:
            pages = nullcontext() if self._page is None else self._page.orders(loop, self.orders.tapped)
            with pages, keys(loop, self.orders.pressed, self.orders.said, self.orders.left) as keyboard:
                self._reader.strangers.asks = keyboard
                tasks = {reading, stopping, taking}
                await asyncio.wait({starting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
                if starting.done():
                    starting.result()
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in (reading, taking):
                    if task.done():
                        task.result()
        finally:
            # first the devices are told to stop, then what they have sent is taken
            for task in (starting, stopping, reading):
                task.cancel()
            await asyncio.gather(starting, stopping, reading, return_exceptions=True)
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
        await self._batch()

    async def _start(self, calibrate: bool) -> None:
        await self._reader.prepared()
        self._reader.go()
        if calibrate:
            while not self._reader.streaming():
                await asyncio.sleep(0.05)
            self._log.mark(CALIBRATE)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _ask_about_strangers(self) -> None:
        """Ask once about each sensor that is another one than before."""
        for stranger in [s for s in self._reader.strangers.open.values() if s not in self._asked_about]:

            def answered(yes: bool, stranger: Stranger = stranger) -> None:
                if yes:
                    self._reader.strangers.use(stranger)

            if self.orders.ask(stranger.question, answered):
                self._asked_about.add(stranger)
                return

    async def _take(self) -> None:
        while True:
            await self._log.fresh()
            self._ask_about_strangers()
            await asyncio.sleep(BATCH_S)
            # a batch that was begun is ended, also when this task is cancelled
            await asyncio.shield(asyncio.ensure_future(self._batch()))

    async def _batch(self) -> None:
        async with self._lock:
            events = self._log.take()
            if not events:
                return
            output = await asyncio.get_running_loop().run_in_executor(self._thread, self._running.take, events)
            await self._lead(output, events)
            self.latency.add(events, self._log.clock_ns())

    async def _lead(self, output: PipelineOutput, events: list[Event]) -> None:
        """Lead on through a protocol: what the guide decides becomes marks at the row that it saw."""
        guide, now_s, zero_ns = self.guide, self._running.now_s, self._running.zero_ns
        marks = [SessionMark((mark.at_ns - zero_ns) / 1e9, mark.label) for mark in events if isinstance(mark, Mark)]
        was = (guide.running, guide.begun, guide.finished)
        for label in guide.take(output, now_s, marks):
            self._log.mark(label, None if label == CALIBRATE else now_s)
        if guide.running or was != (guide.running, guide.begun, guide.finished):
            self._protocol = guide.document()
        if guide.begun != was[1] and self._protocol is not None:
            self.on_protocol(self._protocol, now_s)
            # statistics take seconds to load: not while the answer is awaited
            self._preparing = asyncio.ensure_future(asyncio.to_thread(prepare))
        if guide.finished != was[2]:
            self._result = result = await asyncio.get_running_loop().run_in_executor(self._thread, self._running.screened)
            if guide.limiting is None:
                guide.limiting = await asyncio.to_thread(proposed, result["screen"])
            self.on_result()


@contextmanager
def _promptly() -> Iterator[None]:
    """Within the block threads change quickly, and no collection of garbage looks through all that the libraries have made."""
    before = sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
