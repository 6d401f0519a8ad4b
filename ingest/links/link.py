"""One sensor's link over any transport: find, configure, start, watch, and reconnect when it is lost.

`Link.run` is the same for Bluetooth and for a serial port; `BleAccess` and `SerialAccess` state how to open, communicate and
close. Every fault of a link is a `LinkFault`: it goes into the status with its remedy, the event log gets `Lost`, and after a
pause that grows to at most a second the link is tried again, for as long as the session runs.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

from firmware_protocol import Ask, Read, Step, Write, codec_for
from ingest.links.event_log import EventLog
from ingest.links.hearing import UNDERSTOOD_S, Hearing
from ingest.links.kit import KitSensor
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState, LinkStatus
from ingest.links.strangers import Stranger, Strangers

_log = logging.getLogger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Pauses before a link is tried again, s: the first, doubled each time up to the second (ours)."""
STALLED_S = 0.5
"""Silence, s, after which a sensor counts as stalled (ours)."""
SILENT_S = 2.0
"""Silence, s, after which its link is reopened: a dead Bluetooth service reports nothing (ours)."""
_WATCH_EVERY_S = 0.05
"""Interval, s, for checking a link's silence (ours)."""
_LISTEN_EVERY_S = 0.02
"""Interval, s, for looking whether an answer has come (ours)."""
_INTRODUCED_S = 0.5
"""Time, s, within which a sensor whose number is known says it after its configuration (ours)."""
_STEP_TIMEOUT_S = 5.0
"""Time, s, for one step of a device's configuration (ours)."""
PROBE_EVERY_S, PROBE_SPREAD = 1.0, 0.4
PROBE_AGAIN_S = (0.03, 0.25)
"""Mean interval, s, between queries for a device's clock, its relative variation, and the range of the delay, s, of the one
repetition: see `ingest.time.clock`. After it the device is left alone for longer than `STALLED_S`, so that answers do not look
like a stream (ours)."""
_ANSWER_BYTES = 160
"""Most bytes of an answer: a device that has sent no more since the last query has only answered (ours)."""
_GREETING_BYTES = 1024
"""Most bytes of a greeting: a device that has sent no more since the start command has only introduced itself (ours)."""
_MOST_REPEATS = 2
"""How often configure and start are repeated before the link is reopened (ours)."""
_GOODBYE_S = 1.0
"""Time, s, for the orderly end of a stream (ours)."""
_LAST_WORDS_S = 0.15
"""Silence, s, after a stop command that shows that a device has stopped (ours)."""


class Link(ABC):
    """The link of the sensors `sensors`: one, or all behind a gateway."""

    longest_first_words_s = SILENT_S
    """Upper bound of `_first_words_s`, for links whose opening may reset the device."""

    def __init__(self, sensors: tuple[KitSensor, ...], log: EventLog) -> None:
        self.sensors, self.log = sensors, log
        self.family, self.request = sensors[0].family, sensors[0].request
        self.status = {s.key: LinkStatus(s.key) for s in sensors}
        self.prepared = asyncio.Event()
        """Set once the link is ready to start, or somebody must act first."""
        self._lost: asyncio.Future[None] | None = None
        self._heard: dict[str, int] = {}
        self._bytes = 0
        """Bytes received since the start."""
        self._hearing = {s.key: Hearing(self.family, self.request) for s in sensors}
        """What is understood of each sensor since the link was opened."""
        self.strangers = Strangers()
        """Other sensors at known places; one object for all links of a session."""
        self._met = False
        """Whether the sensors have been waited for to say who they are."""
        self._answers: list[bytes] | None = None
        """What is heard while an answer is awaited."""
        self._first_words_s = SILENT_S
        """Silence, s, after a start command after which the link is reopened."""

    @abstractmethod
    async def open(self) -> None:
        """Find and connect; calls `opened` before the first packet can arrive. Raises `LinkFault`."""

    @abstractmethod
    async def write(self, step: Write) -> None:
        """Send. Raises `LinkFault`."""

    @abstractmethod
    async def read(self, step: Read) -> None:
        """Read a value and pass it on as a packet. Raises `LinkFault`."""

    @abstractmethod
    async def close(self) -> None:
        """Release everything; never raises, harmless when nothing is open."""

    async def run(self, go: asyncio.Event) -> None:
        """Keep the link until cancelled; starts streaming when `go` is set. Cancelled, it stops the device first."""
        pause = FIRST_PAUSE_S
        while True:
            self._lost = None
            try:
                await self.open()
                self._set(LinkState.CONFIGURING)
                await self._say(self.family.configure(self.request))
                await self._meet()
                self._set(LinkState.READY)
                self.prepared.set()
                await self._unless_lost(go.wait())
                await self._say(self.family.start(self.request))
                self._set(LinkState.STREAMING)
                pause = FIRST_PAUSE_S
                await self._watch_and_probe()
            except LinkFault as found:
                fault = found
            except asyncio.CancelledError:
                await self._goodbye()
                await self.close()
                raise
            await self.close()
            self._note(fault)
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, LONGEST_PAUSE_S)

    def opened(self) -> None:
        """The link is up: packets from now on belong to a new stream."""
        self._lost = asyncio.get_running_loop().create_future()
        self._lost.add_done_callback(lambda lost: lost.cancelled() or lost.exception())  # there may be no waiter
        self._hearing = {key: Hearing(self.family, self.request) for key in self.status}
        for status in self.status.values():
            status.fault = None
            self.log.connected(status.key)

    def lose(self, reason: str, remedy: str = "") -> None:
        """The link has broken."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(LinkFault(reason, self._name, remedy))

    def heard(self, key: str, arrival_ns: int, payload: bytes) -> None:
        """A packet with its time stamp, to be queued."""
        self.log.packet(key, arrival_ns, payload)
        if self._answers is not None:
            self._answers.append(payload)
        self._heard[key] = arrival_ns
        self._bytes += len(payload)
        self.status[key].packets += 1
        self._hearing[key].hear(payload, arrival_ns)

    @property
    def _name(self) -> str:
        return ", ".join(self.status)

    def _set(self, state: LinkState) -> None:
        if state is LinkState.STREAMING:
            _log.info("%s: streaming", self._name)
        for status in self.status.values():
            status.state = state

    def _note(self, fault: LinkFault) -> None:
        if self._lost is not None or all(
            status.fault is None or status.fault.what != fault.what for status in self.status.values()
        ):
            _log.info("%s: %s", self._name, fault.what)
        for status in self.status.values():
            if self._lost is not None:
                self.log.lost(status.key, fault.what)
                status.reconnects += 1
            status.fault = fault
            status.state = LinkState.LOST if self._lost is not None or status.packets else LinkState.SEARCHING
        if fault.persistent:
            self.prepared.set()

    async def _say(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if isinstance(step, Ask):
                self._answers = []
                await self._say((step.question,))
                await self._say(step.then(await self._answered(step)))
                continue
            try:
                async with asyncio.timeout(_STEP_TIMEOUT_S):
                    if isinstance(step, Read):
                        await self._unless_lost(self.read(step))
                    else:
                        await self._unless_lost(self.write(step))
            except TimeoutError:
                raise LinkFault("does not answer", self._name, "Switch the sensor off and on again.") from None
            if isinstance(step, Write):
                for key in self.status:
                    self.log.command(key, step.payload)
                if step.pause_s:
                    await self._unless_lost(asyncio.sleep(step.pause_s))

    async def _answered(self, step: Ask) -> Mapping[str, str | float]:
        """What the codec knows of the packets since a question, once the answer is among them, or has not come."""
        codec = codec_for(self.family.name, self.request.config, self.request.rate_hz)
        until = asyncio.get_running_loop().time() + step.wait_s
        while step.known not in codec.facts and asyncio.get_running_loop().time() < until:
            await self._unless_lost(asyncio.sleep(_LISTEN_EVERY_S))
            heard, self._answers = self._answers or [], []
            for payload in heard:
                codec.feed(payload)
        self._answers = None
        return codec.facts

    async def _unless_lost(self, doing: object) -> None:
        """Wait for `doing`, or raise the fault when the link breaks before."""
        assert self._lost is not None
        task = asyncio.ensure_future(doing)  # type: ignore[call-overload]
        try:
            await asyncio.wait({task, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._lost.result()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def can_be_probed(self) -> bool:
        """Whether the device's clock can be queried over this link, as it is open now."""
        return self.family.probe is not None

    async def _watch_and_probe(self) -> None:
        """Watch until the link breaks, which raises `LinkFault`; query the device's clock meanwhile."""
        probing = asyncio.ensure_future(self._probe()) if self.can_be_probed() else None
        try:
            await self._watch()
        finally:
            if probing is not None:
                probing.cancel()
                await asyncio.gather(probing, return_exceptions=True)

    async def _probe(self) -> None:
        """Query the device's clock at intervals. The answers are packets like others, with an arrival time."""
        ask = self.family.probe
        assert ask is not None
        chance = random.Random()
        counted, asked = 0, False
        for number in itertools.count():
            again = number % 2 == 1
            every = PROBE_EVERY_S * chance.uniform(1.0 - PROBE_SPREAD, 1.0 + PROBE_SPREAD)
            await asyncio.sleep(chance.uniform(*PROBE_AGAIN_S) if again else every)
            heard = max(self._heard.values(), default=0)
            if not again:
                asked = self._bytes - counted > _ANSWER_BYTES and not self._only_greeted()
                counted = self._bytes
            if not asked or (self.log.clock_ns() - heard) * 1e-9 > STALLED_S:
                continue  # an answer would look as if the device were still streaming
            try:
                await self.write(ask(number, self.log.clock_ns()))
            except LinkFault:
                return  # the watch sees that the link is lost

    async def _watch(self) -> NoReturn:
        """Until the link breaks or has been silent for too long; both raise `LinkFault`."""
        assert self._lost is not None
        loop = asyncio.get_running_loop()
        began_ns, self._bytes = self.log.clock_ns(), 0
        for hearing in self._hearing.values():
            hearing.begin()
        self._heard = dict.fromkeys(self.status, began_ns)
        held_up_since: float | None = None
        repeated = 0
        while True:
            due = loop.time() + _WATCH_EVERY_S
            looked_s, looked_ns = loop.time(), self.log.clock_ns()
            await asyncio.wait({self._lost}, timeout=_WATCH_EVERY_S)
            if self._lost.done():
                self._lost.result()
            if (self.log.clock_ns() - looked_ns) * 1e-9 - (loop.time() - looked_s) > STALLED_S:
                continue  # this computer was asleep: what has come since is not read yet
            if loop.time() - due <= 0.5 * STALLED_S:
                held_up_since = None
            else:
                held_up_since = due if held_up_since is None else held_up_since
                if loop.time() - held_up_since < SILENT_S:
                    continue  # this program was delayed: packets may have arrived that are not read yet
            ages = {key: (self.log.clock_ns() - self._heard[key]) * 1e-9 for key in self.status}
            for key, age in ages.items():
                status = self.status[key]
                if age >= STALLED_S and status.state is LinkState.STREAMING:
                    status.state = LinkState.STALLED
                    self.log.watchdog(key, "stalled")
                elif age < STALLED_S and status.state is LinkState.STALLED and not self._only_greeted():
                    status.state = LinkState.STREAMING
                    self.log.watchdog(key, "streams again")
                self._judge(status, (self.log.clock_ns() - began_ns) * 1e-9)
            if self._only_greeted() and repeated < _MOST_REPEATS and min(ages.values()) >= STALLED_S:
                # it missed the start command, or was still booting
                repeated += 1
                with suppress(TimeoutError):  # if it accepts nothing, its silence is judged below
                    async with asyncio.timeout(SILENT_S - STALLED_S):
                        await self._say((*self.family.configure(self.request), *self.family.start(self.request)))
            first_ns = max(self._heard.values())
            silent_s = SILENT_S if first_ns > began_ns else self._first_words_s
            if self._bytes and (first_ns - began_ns) * 1e-9 <= SILENT_S:
                self._first_words_s = SILENT_S
            if min(ages.values()) >= silent_s:
                if first_ns == began_ns:
                    self._first_words_s = min(2.0 * silent_s, self.longest_first_words_s)
                remedy = "Check that it is switched on and charged; if it stays silent, switch it off and on again."
                raise LinkFault(f"connected, but silent for {silent_s:g} s", self._name, remedy)

    def _judge(self, status: LinkStatus, since_s: float) -> None:
        """Say that nothing is understood of what a sensor sends, and that it is once it is."""
        hearing = self._hearing[status.key]
        if status.fault is None and status.state is LinkState.STREAMING and hearing.serial:
            # it may tell its number late
            stranger = self._stranger(next(s for s in self.sensors if s.key == status.key))
            if stranger is not None and not self.strangers.agreed(stranger):
                status.fault = self.strangers.met(stranger)
        elif status.fault is not None and self.strangers.settled(status.key, status.fault):
            status.fault = None
        if status.fault is None and status.state is LinkState.STREAMING and hearing.other_rate:
            remedy = "It is taken as it is. Set its rate in the maker's program, or write into the kit what it sends."
            status.fault = LinkFault(hearing.other_rate, status.key, remedy)
            _log.info("%s: %s", status.key, status.fault.what)
        if status.state is LinkState.NOT_UNDERSTOOD and hearing.understood:
            status.state, status.fault = LinkState.STREAMING, None
        elif status.state is LinkState.STREAMING and hearing.bytes and since_s >= UNDERSTOOD_S and not hearing.understood:
            status.state = LinkState.NOT_UNDERSTOOD
            status.fault = LinkFault(f"{LinkState.NOT_UNDERSTOOD}: {hearing.words}", status.key, hearing.remedy)
            _log.info("%s: %s", status.key, status.fault.what)

    @property
    def serials(self) -> dict[str, str]:
        """The number that each sensor has told of itself, by its key."""
        told = {key: hearing.serial for key, hearing in self._hearing.items()}
        return {key: serial for key, serial in told.items() if serial}

    def _stranger(self, sensor: KitSensor) -> Stranger | None:
        told = self._hearing[sensor.key].serial
        if sensor.serial is None or not told or told == sensor.serial:
            return None
        return Stranger(sensor.key, told, sensor.serial)

    async def _meet(self) -> None:
        """Ask, or tell, where another sensor answers than before."""
        for sensor in self.sensors:
            until = asyncio.get_running_loop().time() + _INTRODUCED_S
            while (
                not self._met
                and sensor.serial
                and not self._hearing[sensor.key].serial
                and asyncio.get_running_loop().time() < until
            ):
                await self._unless_lost(asyncio.sleep(_LISTEN_EVERY_S))
            stranger = self._stranger(sensor)
            if stranger is None or self.strangers.agreed(stranger):
                continue
            self.status[sensor.key].fault = self.strangers.met(stranger)
            _log.warning("%s", self.status[sensor.key].fault)
            if self.strangers.asks:
                self.prepared.set()
                await self._unless_lost(self.strangers.answer(stranger))
                self.status[sensor.key].fault = None
        self._met = True

    def _only_greeted(self) -> bool:
        """Whether a device that accepts a repeated start has not begun to stream."""
        return self.family.repeatable and self._bytes <= _GREETING_BYTES

    async def _goodbye(self) -> None:
        """Tell the device to stop, if it can still be reached, and listen until it is silent: its last packets count."""
        if self._lost is None or self._lost.done():
            return
        steps = self.family.stop(self.request)
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._say(steps)
                before = None
                while steps and before != (heard := [status.packets for status in self.status.values()]):
                    before = heard
                    await asyncio.sleep(_LAST_WORDS_S)
        except (LinkFault, TimeoutError):
            return
