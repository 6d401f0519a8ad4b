"""Sensors near by on serial ports: found, listened to, and let go; what is not a sensor is not connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest

from body_signals import SampleBlock
from ingest.links import nearby
from ingest.links.bluetooth.adapter import BLE_ERRORS, Adapter, SensorSeen
from ingest.links.nearby import MOST_LINKS, NEAR_DBM, Nearby
from ingest.links.serial.serial_port import PortSeen
from tests.peers.worn_sensors import Still
from virtual_athlete import HAS_PSEUDO_TERMINALS
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware

FAMILY = "hiphinge-v1-serial"


async def nothing_on_the_air(adapter: Adapter) -> None:
    raise BLE_ERRORS[0]("no adapter")


def listening(
    ports: list[PortSeen], known: dict[str, dict[str, object]], seconds: float, done: Callable[[Nearby], bool]
) -> Nearby:
    """Listen until it is done, and let go."""
    heard: dict[str, int] = {}

    def hear(id: str, block: SampleBlock) -> None:
        heard[id] = heard.get(id, 0) + len(block)

    async def listen() -> Nearby:
        near = Nearby(known, hear)
        near.heard_samples = heard  # type: ignore[attr-defined]
        running = asyncio.ensure_future(near.run())
        try:
            async with asyncio.timeout(seconds):
                while not done(near):
                    await asyncio.sleep(0.02)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return near

    with patch.object(nearby, "list_ports", lambda: ports), patch.object(Adapter, "listen", nothing_on_the_air):
        return asyncio.run(listen())


@pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="needs pseudo-terminals")
def test_a_sensor_at_a_port_is_heard_and_let_go(tmp_path: Path) -> None:
    one, two = (tmp_path / name for name in ("one", "two"))
    with ExitStack() as stack:
        for path in (one, two):
            peripheral = VirtualPeripheral("pelvis", virtual_firmware(FAMILY, "pelvis"), Still())
            stack.enter_context(PeripheralLine(path, [peripheral]))
        # the port of the second does not say what it is, but a kit does
        ports = [PortSeen(str(one), str(one), "board", family=FAMILY), PortSeen(str(two), str(two), "board"), _unknown()]
        known = {str(two): {"placement": "pelvis", "family": FAMILY, "port": str(two), "baud": 921600}}

        def both(near: Nearby) -> bool:
            return all(near.heard_samples.get(str(p), 0) > 50 for p in (one, two))  # type: ignore[attr-defined]

        near = listening(ports, known, 20.0, both)
        assert {n.id: n.family for n in near.near} == {str(one): FAMILY, str(two): FAMILY, "/dev/other": None}
        assert near.fault is not None, "there is no Bluetooth, and the ports are found all the same"
        # they were let go: another may open them
        assert both(listening(ports, known, 20.0, both))


def _unknown() -> PortSeen:
    return PortSeen("/dev/other", "/dev/other", "a printer")


def test_only_what_is_near_or_known_is_connected_and_no_more_than_an_adapter_carries() -> None:
    async def seen() -> tuple[Nearby, list[str]]:
        near = Nearby(
            {"C0:00:00:00:00:99": {"placement": "pelvis", "family": "hiphinge-v1", "address": "C0:00:00:00:00:99"}}, print
        )
        connected: list[str] = []

        async def run(link: object, go: object) -> None:
            connected.append(link._address)  # type: ignore[attr-defined]

        with patch("ingest.links.bluetooth.ble_link.BleLink.run", run):
            near._seen(SensorSeen("C0:00:00:00:00:01", "far", NEAR_DBM - 1, "hiphinge-v1"))
            near._seen(SensorSeen("C0:00:00:00:00:02", "phone", -40, None))
            near._seen(SensorSeen("C0:00:00:00:00:03", "silent", None, "hiphinge-v1"))
            near._seen(SensorSeen("c0:00:00:00:00:99", "", NEAR_DBM - 15, None))
            for n in range(MOST_LINKS + 3):
                near._seen(SensorSeen(f"C0:00:00:00:01:{n:02}", "near", -50, "hiphinge-v1"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return near, connected

    near, connected = asyncio.run(seen())
    assert len(connected) == MOST_LINKS
    assert "C0:00:00:00:00:99" in connected
    assert not {"C0:00:00:00:00:01", "C0:00:00:00:00:02", "C0:00:00:00:00:03"} & set(connected)
    assert "phone" not in [n.name for n in near.near]
