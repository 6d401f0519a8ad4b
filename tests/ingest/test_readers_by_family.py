"""Every family's virtual device, heard by its reader: recognised, configured, started, decoded; losses as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firmware_protocol.device import Clock
from firmware_protocol.registry import device_family
from ingest.links.bluetooth.adapter import scan
from ingest.links.event_log import EventLog
from ingest.links.kit import read_kit, write_kit
from ingest.links.kit_reader import KitReader
from ingest.links.serial.serial_link import speaks
from tests.peers.bluez import bluez, device
from tests.peers.worn_sensors import KEYS, Decoded, Still, while_running
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import VIRTUAL_FAMILIES, virtual_firmware

BLE = [name for name in VIRTUAL_FAMILIES if device_family(name).ble is not None]
SERIAL = [name for name in VIRTUAL_FAMILIES if (line := device_family(name).serial) is not None and not line.datagrams]
RATES = {"movesense": 104.0, "movella-dot": 60.0, "shimmer3": 256.0, "witmotion-wifi": 50.0}


def reader_of(folder: Path, entries: list[dict[str, object]]) -> tuple[KitReader, Decoded]:
    write_kit(folder / "kit.toml", entries)
    kit = read_kit(folder / "kit.toml")
    log = EventLog()
    return KitReader(kit, log), Decoded(
        log, {s.key: s.sensor.family for s in kit.sensors}, {s.key: s.sensor.rate_hz for s in kit.sensors}
    )


async def heard(reader: KitReader, decoded: Decoded, at_the_end: Callable[[], None], exact: Callable[[], bool]) -> None:
    async def watch() -> None:
        await reader.prepared()
        assert all(s.fault is None for s in reader.status.values()), [str(s.fault) for s in reader.status.values()]
        reader.go()
        await decoded.until(lambda: min(decoded.samples.values()) > 60)
        at_the_end()
        await decoded.until(exact)
        # it lies on a table: what is told in the device's own units comes out in SI
        for key, (acc, gyr) in decoded.newest.items():
            np.testing.assert_allclose(acc, [0.0, 0.0, 9.80665], atol=0.02, err_msg=key)
            np.testing.assert_allclose(gyr, 0.0, atol=0.002, err_msg=key)

    await while_running(reader.run(), watch())


@pytest.mark.dbus
@pytest.mark.parametrize("families", [BLE[i : i + 3] for i in range(0, len(BLE), 3)], ids=",".join)
def test_bluetooth_families(tmp_path: Path, families: list[str]) -> None:
    """Sensors of several families in the air at once."""
    by_key = dict(zip(KEYS, families, strict=False))
    entries: list[dict[str, object]] = [
        {"placement": k, "family": f, "address": device(k)["address"], "rate_hz": RATES.get(f, 100.0)}
        for k, f in by_key.items()
    ]
    with bluez(tmp_path, [device(k, f, worn=False) for k, f in by_key.items()]) as fake:
        assert {s.address: s.family for s in asyncio.run(scan(0.5))} == {device(k)["address"]: f for k, f in by_key.items()}
        reader, decoded = reader_of(tmp_path, entries)

        def exact() -> bool:
            books = fake.do("ledgers")
            pending = {k: 16 if f == "movesense" else 0 for k, f in by_key.items()}
            return all(0 <= books[k]["sent"] - decoded.samples[k] <= pending[k] for k in by_key)

        asyncio.run(heard(reader, decoded, lambda: fake.do("stop_sampling"), exact))
        for key, family in by_key.items():
            assert fake.do("ledgers")[key]["rate_hz"] == RATES.get(family, 100.0), family
            assert decoded.lost[key] == 0
            if family not in ("witmotion-ble", "capture2go", "phyphox"):
                assert reader.status[key].battery == 87, family


@pytest.mark.parametrize("family", SERIAL)
def test_serial_families(tmp_path: Path, family: str) -> None:
    peripheral = VirtualPeripheral("pelvis", virtual_firmware(family, "1"), Still())
    entry: dict[str, object] = {"placement": "pelvis", "family": family, "port": str(tmp_path / "port")}
    if family != "text-csv":
        # some stream from power on: at another rate than asked for until it is set
        entry["rate_hz"] = RATES.get(family, 200.0)
    with PeripheralLine(tmp_path / "port", [peripheral]):
        reader, decoded = reader_of(tmp_path, [entry])
        # a stream that had begun before: its first bytes may be a part of a sample
        asyncio.run(
            heard(
                reader, decoded, peripheral.stop_sampling, lambda: 0 <= peripheral.ledger.sent - decoded.samples["pelvis"] < 400
            )
        )
    assert peripheral.firmware.rate_hz == entry.get("rate_hz", 100.0)
    if device_family(family).clock is not Clock.NONE:
        assert decoded.lost["pelvis"] == 0


def test_a_family_is_not_taken_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.links.serial.serial_link.LISTEN_S", 0.2)
    for family in SERIAL:
        peripheral = VirtualPeripheral("pelvis", virtual_firmware(family, "1"), Still())
        with PeripheralLine(tmp_path / family, [peripheral]):
            for other in SERIAL:
                if other != family and {family, other} != {"hiphinge-v1-serial", "text-csv"}:
                    entry: dict[str, object] = {"placement": "pelvis", "family": other, "port": "x"}
                    request = write_kit(tmp_path / "kit.toml", [entry]).sensors[0].request
                    assert not speaks(device_family(other), request, str(tmp_path / family), 115200), (family, other)
