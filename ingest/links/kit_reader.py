"""Reads all sensors of a kit: connects them, starts them together, keeps them until the session ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ingest.links.ble import Adapter
from ingest.links.ble_link import BleLink
from ingest.links.event_log import EventLog
from ingest.links.kit import Kit
from ingest.links.link import Link, LinkState, LinkStatus
from ingest.links.serial_link import SerialLink

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
        self._go = asyncio.Event()

    @property
    def status(self) -> Mapping[str, LinkStatus]:
        """Each sensor's link by its key."""
        return {key: status for link in self.links for key, status in link.status.items()}

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
        try:
            async with asyncio.timeout(self._patience_s):
                await waiting
        except TimeoutError:
            return
        faults = [status.fault for status in self.status.values()]
        if faults and all(fault is not None and fault.persistent for fault in faults) and faults[0] is not None:
            raise faults[0]

    def go(self) -> None:
        """Start the sensors that are ready; the others when they are."""
        self._go.set()

    def streaming(self) -> bool:
        """Whether every sensor streams."""
        return all(status.state is LinkState.STREAMING for status in self.status.values())
