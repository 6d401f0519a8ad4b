"""Reads all sensors of a kit: connects them, starts them together, keeps them until the session ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ingest.links.bluetooth import Adapter, BleLink
from ingest.links.event_log import EventLog
from ingest.links.kit import Kit
from ingest.links.link import Link
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState, LinkStatus
from ingest.links.serial import SerialLink
from ingest.links.strangers import Strangers

HELD_FACTOR = 0.5
"""A port that another program holds is waited for longer, by this part of the patience (ours)."""
_GLANCE_S = 0.05
READY_PATIENCE_S = 10.0
"""How long, s, the start waits for missing sensors; they join later by themselves (ours)."""


class KitReader:
    """The links of a kit; packets go into `log`. `run` until cancelled. keeps_time: also sends the log's heartbeats."""

    def __init__(self, kit: Kit, log: EventLog, *, patience_s: float = READY_PATIENCE_S, keeps_time: bool = True) -> None:
        self.log, self._patience_s, self._keeps_time = log, patience_s, keeps_time
        self.links: list[Link] = []
        ports: dict[str, list[int]] = {}
        for i, sensor in enumerate(kit.sensors):
            if sensor.sensor.port is not None:
                ports.setdefault(sensor.sensor.port, []).append(i)
        adapter = Adapter()
        self.links += [BleLink((s,), log, adapter) for s in kit.sensors if s.sensor.address is not None]
        for numbers in ports.values():
            self.links.append(SerialLink(tuple(kit.sensors[i] for i in numbers), log))
        self.strangers = Strangers()
        """Other sensors than before at known places."""
        for link in self.links:
            link.strangers = self.strangers
        self._go = asyncio.Event()

    @property
    def status(self) -> Mapping[str, LinkStatus]:
        """Each sensor's link by its key."""
        return {key: status for link in self.links for key, status in link.status.items()}

    @property
    def agreed_serials(self) -> Mapping[str, str]:
        """The number that each sensor has told of itself, by its key: those that a person was asked about and did not agree to
        are left out."""
        told = {key: serial for link in self.links for key, serial in link.serials.items()}
        return {key: serial for key, serial in told.items() if key not in self.strangers.open}

    async def run(self) -> None:
        """Keep all links until cancelled; then stop the devices."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.log.keep_time() if self._keeps_time else asyncio.Event().wait())
            for link in self.links:
                group.create_task(link.run(self._go))

    async def prepared(self) -> None:
        """Wait until every sensor is ready or reports a fault, or patience ends.

        Raises the `LinkFault` of the first sensor when none can be used without somebody's help.
        """
        waiting = asyncio.gather(*(link.prepared.wait() for link in self.links))
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        try:
            async with asyncio.timeout_at(until):
                await waiting
        except TimeoutError:
            return
        # what another program holds it may let go: ModemManager tries a new port for some seconds
        while (
            (fault := self._useless()) is not None and fault.may_pass and loop.time() < until + HELD_FACTOR * self._patience_s
        ):
            await asyncio.sleep(_GLANCE_S)
        if fault is not None:
            raise fault

    def _useless(self) -> LinkFault | None:
        """The fault of the first sensor where none can be used without somebody's help; one that may pass goes before."""
        faults = [status.fault for status in self.status.values() if status.fault is not None and status.fault.persistent]
        if not faults or len(faults) < len(self.status):
            return None
        return next((fault for fault in faults if fault.may_pass), faults[0])

    def go(self) -> None:
        """Start the sensors that are ready; the others when they are."""
        self._go.set()

    def streaming(self) -> bool:
        """Whether every sensor streams."""
        return all(status.state is LinkState.STREAMING for status in self.status.values())
