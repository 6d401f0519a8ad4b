"""Sensors that are hard to connect: slow ones, full adapters, aborted connections, another device under a known name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
)

from ingest.links.bluetooth.faults import fault_of
from ingest.links.event_log import EventLog
from ingest.links.kit import read_kit, write_kit
from ingest.links.kit_reader import KitReader
from ingest.links.link_status import LinkState
from tests.peers.bluez import Obedient, bluez, device
from tests.peers.worn_sensors import KEYS, Decoded, while_running

FAMILY = "hiphinge-v1"
FAILED = "org.bluez.Error.Failed"


@pytest.mark.parametrize(
    ("error", "said", "persistent"),
    [
        (BleakCharacteristicNotFoundError("0000ffe9-0000"), "different device or firmware", True),
        (
            BleakError("Characteristic 0000ffe4-0000-1000-8000-00805f9a34fb was not found!"),
            "different device or firmware",
            True,
        ),
        (BleakError("Service with UUID 0000ffe5 could not be found"), "different device or firmware", True),
        (BleakDBusError(FAILED, ["Too many links"]), "takes no further connection (it holds 3", False),
        (BleakError("CBErrorDomain Code=11 The maximum number of connections has been reached"), "no further", False),
        (BleakDBusError(FAILED, ["Software caused connection abort"]), "aborted by the adapter", False),
        (BleakError("Peer removed pairing information"), "wants to be paired", True),
        (BleakError("CBATTErrorDomain Code=15 Encryption is insufficient."), "wants to be paired", True),
        (BleakDBusError(FAILED, ["Host is down"]), "does not come about in time", False),
        (BleakDBusError("org.freedesktop.DBus.Error.NoReply", ["Did not receive a reply"]), "come about in time", False),
        (BleakDeviceNotFoundError("C0:00", "Device with address C0:00 was not found."), "not found. Switch it on", False),
        (BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", ["x"]), "not found", False),
        (BleakDBusError(FAILED, ["le-connection-abort-by-local"]), "aborted by the adapter (it holds 3 sensors", False),
        (
            BleakDBusError(FAILED, ["le-connection-concurrent-connection-limit"]),
            "takes no further connection (it holds 3",
            False,
        ),
        (BleakError("No backend with an available connection slot that can reach address C0 was found"), "no further", False),
        (BleakDBusError(FAILED, ["Connection timed out"]), "does not come about in time", False),
        (TimeoutError(), "does not come about in time", False),
        (BleakError("Could not get GATT services: Unreachable"), "does not come about in time", False),
        (BleakError("Service Discovery has not been performed yet"), "the connection was lost", False),
        (BleakError("failed to discover services, device disconnected"), "the connection was lost", False),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["ATT error: 0x05"]), "wants to be paired", True),
        (BleakDBusError("org.bluez.Error.AuthenticationFailed", ["Authentication Failed"]), "wants to be paired", True),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["Rejected send message"]), "may not use Bluetooth", True),
        (OSError("[WinError -2147020577] The device is not ready for use"), "switched off", True),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.DENIED_BY_USER), "may not use", True),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.NO_BLUETOOTH), "no usable", True),
        (BleakError("Descriptor 0x2902 was not found!"), "the connection failed", False),
    ],
)
def test_what_errors_of_bluetooth_mean(error: BaseException, said: str, persistent: bool) -> None:
    """*Not found* is a sensor that nobody has heard, and nothing else."""
    fault = fault_of(error, "pelvis", family="witmotion-ble", held=3)
    assert said in str(fault)
    assert fault.persistent is persistent
    assert ("not found. switch it on" in str(fault).lower()) is isinstance(error, BleakDeviceNotFoundError) or "Unknown" in str(
        error
    )


def reader_of(folder: Path, keys: tuple[str, ...] = KEYS, **families: str) -> tuple[KitReader, Decoded]:
    entries = [{"placement": k, "family": families.get(k, FAMILY), "address": device(k)["address"]} for k in keys]
    write_kit(folder / "kit.toml", entries)
    log = EventLog()
    return KitReader(read_kit(folder / "kit.toml"), log), Decoded(log, {k: families.get(k, FAMILY) for k in keys})


@pytest.mark.parametrize("refuses", ["abort", "full"])
@pytest.mark.slow
@pytest.mark.dbus
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sensor_that_cannot_be_connected_does_not_hold_up_one_that_comes_back(tmp_path: Path, refuses: str) -> None:
    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path)

        async def watch() -> None:
            await decoded.until(lambda: reader.status["lumbar"].fault is not None)
            reader.go()
            others = [key for key in KEYS if key != "lumbar"]
            await decoded.until(lambda: min(decoded.samples[k] for k in others) > 50)
            await decoded.until(lambda: "it holds 3" in str(reader.status["lumbar"].fault))
            for pulled in ("pelvis", "thigh_left"):
                fake.do("leave", pulled)
                await decoded.until(lambda p=pulled: reader.status[p].state is LinkState.LOST)
                await asyncio.sleep(0.7)
                before = decoded.samples[pulled]
                fake.do("come", pulled)
                took = await decoded.until(lambda p=pulled, b=before: decoded.samples[p] > b)
                assert took < 0.75, "as without the other one: 0.3 s where nothing else runs"
                await decoded.until(lambda p=pulled: reader.status[p].state is LinkState.STREAMING)
            fake.do("trouble", "lumbar")
            await decoded.until(lambda: decoded.samples["lumbar"] > 20)
            assert reader.status["lumbar"].fault is None

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device(k, worn=False, **({"refuses": refuses} if k == "lumbar" else {})) for k in KEYS]) as fake:
        asyncio.run(session(fake))


@pytest.mark.slow
@pytest.mark.dbus
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_of_two_that_come_back_the_one_that_is_refused_makes_way(tmp_path: Path) -> None:
    """It streamed a moment ago as the other one did, so it goes first; the adapter takes 2 s to abort its connection."""

    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path, ("lumbar", "pelvis"))

        async def watch() -> None:
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > 20)
            fake.do("trouble", "lumbar", refuses="abort")
            fake.do("leave", "pelvis")
            fake.do("drop", "lumbar")
            await decoded.until(lambda: reader.status["lumbar"].state is LinkState.CONNECTING)
            before = decoded.samples["pelvis"]
            fake.do("come", "pelvis")
            assert await decoded.until(lambda: decoded.samples["pelvis"] > before) < 1.9, "1 s of grace, and 0.3 s to connect"

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device(k, worn=False) for k in ("lumbar", "pelvis")]) as fake:
        asyncio.run(session(fake))


@pytest.mark.dbus
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_slow_discovery_ends_in_samples_and_lets_the_others_go_on(tmp_path: Path) -> None:
    """It takes 10 s here, longer than a connection may; the others stream long before."""

    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path, ("lumbar", "pelvis"))

        async def watch() -> None:
            reader.go()
            assert await decoded.until(lambda: decoded.samples["pelvis"] > 20) < 3.0
            assert reader.status["lumbar"].state is LinkState.CONNECTING
            await decoded.until(lambda: decoded.samples["lumbar"] > 20, 15.0)
            assert decoded.story("lumbar") == ["connected"]
            assert reader.status["lumbar"].fault is None

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device("lumbar", worn=False, resolve_s=10.0), device("pelvis", worn=False)]) as fake:
        asyncio.run(session(fake))


@pytest.mark.dbus
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_board_of_another_family_at_a_known_address_is_told(tmp_path: Path) -> None:
    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path, ("pelvis",), pelvis="witmotion-ble")

        async def watch() -> None:
            await decoded.until(lambda: reader.status["pelvis"].fault is not None)
            fault = reader.status["pelvis"].fault
            assert fault is not None
            assert "another GATT than witmotion-ble's: this is a different device or firmware" in fault.what
            assert "looks like hiphinge-v1" in fault.remedy
            assert "not found" not in str(fault)

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device("pelvis", worn=False)]) as fake:
        asyncio.run(session(fake))
