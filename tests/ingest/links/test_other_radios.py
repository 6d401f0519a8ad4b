"""Bluetooth of Windows and macOS at bleak's own interface: what is heard, how sensors are known, and what errors say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bleak.exc import BleakError

from ingest.links.event_log import EventLog
from ingest.links.kit import kit_of
from ingest.links.kit_reader import KitReader
from ingest.links.link_status import LinkState
from tests.peers.other_radios import InTheAir, other_radio
from tests.peers.worn_sensors import Decoded, Still, while_running
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware

FAMILY = "hiphinge-v1"
MINE, OTHERS = "5D1F4C7E-9A11-4E0B-8E1A-000000000001", "77AA01B2-0C0C-4D0D-9E0E-000000000009"
"""The identifier that this Mac has made for a sensor, and that of another Mac for it."""


def sensor(address: str, name: str = "", key: str = "pelvis", **words: object) -> InTheAir:
    return InTheAir(address, VirtualPeripheral(key, virtual_firmware(FAMILY, key), Still()), name=name, **words)  # type: ignore[arg-type]


def reader_of(folder: Path, **entry: object) -> tuple[KitReader, Decoded]:
    kit = kit_of([{"placement": "pelvis", "family": FAMILY, **entry}], folder / "kit.toml")
    log = EventLog()
    return KitReader(kit, log), Decoded(log, {"pelvis": FAMILY})


@pytest.mark.parametrize(("system", "address"), [("win32", "C0:00:00:00:00:02"), ("darwin", MINE)])
def test_a_sensor_streams_is_lost_and_streams_again(tmp_path: Path, system: str, address: str) -> None:
    one = sensor(address)

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address=address)

        async def watch() -> None:
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 50)
            client = reader.links[0]._client  # type: ignore[attr-defined]
            await client.disconnect()
            before = decoded.samples["pelvis"]
            await decoded.until(lambda: decoded.samples["pelvis"] > before + 50)
            assert decoded.story("pelvis") == ["connected", "lost", "connected"]

        await while_running(reader.run(), watch())
        assert not one.peripheral.up, "it was let go at the end"

    with other_radio(system, [one]):
        asyncio.run(session())


def test_a_slow_connection_of_windows_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sensor offers is found out as a part of connecting: nobody can tell how far it is."""
    monkeypatch.setattr("ingest.links.bluetooth.ble_link.CONNECT_S", 0.3)

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address="C0:00:00:00:00:02")

        async def watch() -> None:
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)
            assert decoded.story("pelvis") == ["connected"]

        await while_running(reader.run(), watch())

    with other_radio("win32", [sensor("C0:00:00:00:00:02", connect_s=1.2)]):
        asyncio.run(session())


@pytest.mark.parametrize("address", ["C0:00:00:00:00:02", OTHERS])
def test_on_macos_a_sensor_of_another_computers_kit_is_known_by_its_name(tmp_path: Path, address: str) -> None:
    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address=address, advertised="IMU 0002")

        async def watch() -> None:
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)
            assert decoded.story("pelvis")[0] == "known by its name IMU 0002: the address in the kit is another computer's"

        await while_running(reader.run(), watch())

    with other_radio("darwin", [sensor(MINE, "IMU 0002"), sensor("11111111-0000-0000-0000-000000000003", "IMU 0003")]):
        asyncio.run(session())


def test_two_of_one_name_are_not_guessed_at(tmp_path: Path) -> None:
    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address=OTHERS, advertised="WT901BLE67")

        async def watch() -> None:
            await decoded.until(lambda: reader.status["pelvis"].fault is not None)
            await decoded.until(lambda: "2 sensors call themselves WT901BLE67" in str(reader.status["pelvis"].fault))
            assert reader.status["pelvis"].state is not LinkState.CONNECTING

        await while_running(reader.run(), watch())

    with other_radio("darwin", [sensor(MINE, "WT901BLE67"), sensor("11111111-0000-0000-0000-000000000003", "WT901BLE67")]):
        asyncio.run(session())


def test_a_foreign_address_without_a_name_says_what_to_do(tmp_path: Path) -> None:
    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address="C0:00:00:00:00:02")

        async def watch() -> None:
            await decoded.until(lambda: "not found" in str(reader.status["pelvis"].fault))
            assert "On macOS each computer gives a sensor an identifier of its own" in str(reader.status["pelvis"].fault)
            assert "hiphinge scan --save KIT" in str(reader.status["pelvis"].fault)

        await while_running(reader.run(), watch())

    with other_radio("darwin", [sensor(MINE, "IMU 0002")]):
        asyncio.run(session())


def test_what_windows_raises_becomes_words(tmp_path: Path) -> None:
    async def session() -> None:
        reader, decoded = reader_of(tmp_path, address="C0:00:00:00:00:02")

        async def watch() -> None:
            await decoded.until(lambda: reader.status["pelvis"].fault is not None)
            fault = reader.status["pelvis"].fault
            assert fault is not None
            assert "does not come about in time (it holds 0 sensors" in fault.what

        await while_running(reader.run(), watch())

    with other_radio("win32", [sensor("C0:00:00:00:00:02", refuses=BleakError("Could not get GATT services: Unreachable"))]):
        asyncio.run(session())
