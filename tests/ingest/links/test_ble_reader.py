"""The Bluetooth reader on a fake BlueZ with the unmodified bleak: every sample, lost links, and errors with a remedy."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from unittest.mock import patch

import pytest
from bleak.backends.scanner import AdvertisementData

from body_signals import Battery
from ingest.links.bluetooth import ble_link
from ingest.links.bluetooth.adapter import BATTERY_SERVICE, scan, seen_as
from ingest.links.event_log import EventLog
from ingest.links.kit import read_kit, write_kit
from ingest.links.kit_reader import KitReader
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState
from tests.peers.bluez import DENIED, Obedient, bluez, bus, device
from tests.peers.worn_sensors import KEYS, Decoded, while_running

pytestmark = [pytest.mark.dbus, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]
FAMILY = "hiphinge-v1"


def reader_of(folder: Path, keys: tuple[str, ...] = KEYS, rate_hz: int = 100) -> tuple[KitReader, Decoded]:
    entries = [{"placement": k, "family": FAMILY, "address": device(k)["address"].lower(), "rate_hz": rate_hz} for k in keys]
    write_kit(folder / "kit.toml", entries)
    log = EventLog()
    return KitReader(read_kit(folder / "kit.toml"), log), Decoded(log, dict.fromkeys(keys, FAMILY))


@pytest.mark.parametrize("rate_hz", [100, 200])
def test_four_sensors_lose_what_the_radio_lost_and_nothing_else(tmp_path: Path, rate_hz: int) -> None:
    def exact(ledgers: dict, decoded: Decoded) -> bool:
        return all(decoded.samples[k] == book["made"] - book["dropped"] for k, book in ledgers.items())

    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path, rate_hz=rate_hz)

        async def watch() -> None:
            await reader.prepared()
            assert all(s.state is LinkState.READY for s in reader.status.values())
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz // 2)
            for key in KEYS:
                fake.do("faults", key, faults={"loss": 0.2, "duplicate": 0.1, "lag_s": 0.03})
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz * 3)
            for key in KEYS:
                fake.do("faults", key, faults={"loss": 0.0, "duplicate": 0.0})
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz * 7 // 2)
            fake.do("stop_sampling")
            await decoded.until(lambda: exact(fake.do("ledgers"), decoded))

        await while_running(reader.run(), watch())
        assert sum(decoded.lost.values()) > 0
        for key, book in fake.do("ledgers").items():
            assert book["dropped"] == decoded.lost[key], "loss is exact"
            assert book["rate_hz"] == rate_hz, "the device does what the kit asks"
            assert decoded.codecs[key].health.get("repeated", 0) * 8 == book["duplicated"]
            assert decoded.story(key)[0] == "connected"
            assert reader.status[key].battery == 87
            assert reader.status[key].rssi in (-60, -61)

    with bluez(tmp_path, [device(k) for k in KEYS]) as fake:
        asyncio.run(session(fake))


@pytest.mark.slow
def test_gone_at_random_it_streams_again_by_itself(tmp_path: Path) -> None:
    moments = random.Random(3)

    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path)

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > 50)
            for reboot in (False, True, False):
                pulled = moments.choice(KEYS)
                fake.do("leave", pulled)
                if reboot:
                    fake.do("reboot", pulled)
                await decoded.until(lambda p=pulled: reader.status[p].state is LinkState.LOST)
                before = dict(decoded.samples)
                await decoded.until(lambda p=pulled, b=before: all(decoded.samples[k] > b[k] + 100 for k in KEYS if k != p))
                assert decoded.samples[pulled] == before[pulled]
                fake.do("come", pulled)
                assert await decoded.until(lambda p=pulled, b=before: decoded.samples[p] > b[p]) < 3.0
                await decoded.until(lambda p=pulled: reader.status[p].state is LinkState.STREAMING)
            assert sum(decoded.story(k).count("lost") for k in KEYS) == 3
            assert sum(decoded.story(k).count("connected") for k in KEYS) == 7
            assert sum(decoded.restarts.values()) == 1

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device(k, worn=False) for k in KEYS]) as fake:
        asyncio.run(session(fake))


def test_a_silent_sensor_and_the_adapter_switched_off_and_on(tmp_path: Path) -> None:
    async def session(fake: Obedient) -> None:
        reader, decoded = reader_of(tmp_path, ("pelvis",))

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)
            fake.do("faults", "pelvis", faults={"silent": True})
            await decoded.until(lambda: decoded.story("pelvis")[-2:] == ["stalled", "lost"])
            fake.do("faults", "pelvis", faults={"silent": False})
            await decoded.until(lambda: reader.status["pelvis"].state is LinkState.STREAMING)
            fake.do("adapter", powered=False)
            await decoded.until(lambda: "switched off" in str(reader.status["pelvis"].fault))
            assert reader.status["pelvis"].fault.persistent  # type: ignore[union-attr]
            fake.do("adapter", powered=True)
            before = decoded.samples["pelvis"]
            await decoded.until(lambda: decoded.samples["pelvis"] > before)

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device("pelvis", worn=False)]) as fake:
        asyncio.run(session(fake))


def test_a_sensor_that_is_not_there_does_not_hold_the_others_up(tmp_path: Path) -> None:
    async def session() -> None:
        reader, decoded = reader_of(tmp_path, ("pelvis", "lumbar"))
        reader._patience_s = 4.0

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            fault = reader.status["lumbar"].fault
            assert "not found" in str(fault)
            assert "phone" in str(fault)
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)

        await while_running(reader.run(), watch())

    with bluez(tmp_path, [device("pelvis", worn=False), device("lumbar", worn=False, present=False)]):
        asyncio.run(session())


def test_the_battery_is_read_again_and_again_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a stream that says nothing of it; a sensor that refuses to be read streams all the same."""
    monkeypatch.setattr(ble_link, "BATTERY_EVERY_S", 0.2)
    families = {"pelvis": "thingy52", "lumbar": "metamotion"}
    entries: list[dict[str, object]] = [
        {"placement": k, "family": f, "address": device(k)["address"], "rate_hz": 100} for k, f in families.items()
    ]
    write_kit(tmp_path / "kit.toml", entries)

    async def session() -> None:
        log = EventLog()
        reader, decoded = KitReader(read_kit(tmp_path / "kit.toml"), log), Decoded(log, families)

        def read() -> list[Battery]:
            return [event for event in decoded.events if isinstance(event, Battery)]

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: len(read()) >= 4 and min(decoded.samples.values()) > 60)
            assert {(event.sensor, event.percent) for event in read()} == {("pelvis", 87)}
            assert (reader.status["pelvis"].battery, reader.status["lumbar"].battery) == (87, None)
            assert reader.status["lumbar"].notes == {"battery refused": 1}
            assert {key: status.reconnects for key, status in reader.status.items()} == {"pelvis": 0, "lumbar": 0}

        await while_running(reader.run(), watch())

    # the newer board numbers its ranges and registers otherwise, and is asked which one it is
    newer = {"chip": "BMI270"}
    lumbar = device("lumbar", "metamotion", worn=False, readable=False, options=newer)
    devices = [device("pelvis", "thingy52", worn=False), lumbar]
    with bluez(tmp_path, devices):
        asyncio.run(session())


@pytest.mark.parametrize(
    ("level", "percent"), [(b"\x57", 87), (b"\x64\x00", 100), (b"\x65", None), (b"\xff", None), (b"", None)]
)
def test_a_level_beyond_full_is_none(level: bytes, percent: int | None) -> None:
    assert ble_link.percent_of(level) == percent


def test_scan_shows_what_is_there(tmp_path: Path) -> None:
    with bluez(tmp_path, [device(k, worn=False) for k in KEYS]):
        found = asyncio.run(scan(0.5))
    assert {s.address for s in found} == {device(k)["address"] for k in KEYS}
    assert {s.family for s in found} == {FAMILY}
    assert all(s.rssi in (-60, -61) and s.name.startswith("hiphinge") for s in found)


def said(tmp_path: Path) -> str:
    """What scanning and a session say where Bluetooth cannot be used; it is the same."""

    async def session() -> None:
        reader, _ = reader_of(tmp_path, ("pelvis",))
        await while_running(reader.run(), reader.prepared())

    with pytest.raises(LinkFault) as scanning:
        asyncio.run(scan(0.2))
    with pytest.raises(LinkFault) as reading:
        asyncio.run(session())
    assert str(scanning.value) == str(reading.value)
    return str(scanning.value)


def test_the_adapter_is_off(tmp_path: Path) -> None:
    with bluez(tmp_path, [device("pelvis", worn=False)]) as fake:
        fake.do("adapter", powered=False)
        assert "switched off" in said(tmp_path)


def test_permission_denied(tmp_path: Path) -> None:
    with bluez(tmp_path, [], DENIED):
        assert "usermod -aG bluetooth" in said(tmp_path)


def test_no_bluetooth_service(tmp_path: Path) -> None:
    with bus(tmp_path):
        assert "systemctl start bluetooth" in said(tmp_path)
    with patch.dict(os.environ, {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/nothing"}):
        assert "systemctl start bluetooth" in said(tmp_path)


def test_a_battery_that_is_advertised_is_seen() -> None:
    def heard(**more: object) -> AdvertisementData:
        said = {"local_name": "Thingy", "manufacturer_data": {}, "service_data": {}, "service_uuids": []}
        return AdvertisementData(**said | more, tx_power=None, rssi=-55, platform_data=())  # type: ignore[arg-type]

    assert seen_as("C0:00:00:00:00:09", heard()).battery is None
    seen = seen_as("C0:00:00:00:00:09", heard(service_data={BATTERY_SERVICE: b"\x47"}))
    assert (seen.battery, seen.rssi, seen.family) == (71, -55, "thingy52")
    assert seen_as("C0:00:00:00:00:09", heard(service_data={BATTERY_SERVICE: b"\xff"})).battery is None
