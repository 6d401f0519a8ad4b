"""The serial reader on pseudo-terminals: every byte read, unplugged and plugged in again, gateways, baud rates, refusals."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from firmware_protocol.device import Request
from firmware_protocol.registry import device_family
from ingest.links.event_log import EventLog
from ingest.links.kit import read_kit, write_kit
from ingest.links.kit_reader import KitReader
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState
from ingest.links.serial.serial_link import speaks
from ingest.links.serial.serial_port import fault_of, find_port, list_ports
from tests.peers.worn_sensors import KEYS, Decoded, Still, motion, while_running, worn
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

FAMILY = "hiphinge-v1-serial"


def sensor(key: str, port: Path, **words: object) -> dict[str, object]:
    return {"placement": key, "family": FAMILY, "port": str(port), "baud": 921600} | words


@contextmanager
def lines(folder: Path, groups: Sequence[Sequence[VirtualPeripheral]]) -> Iterator[list[PeripheralLine]]:
    with ExitStack() as stack:
        yield [stack.enter_context(PeripheralLine(folder / f"port{i}", group)) for i, group in enumerate(groups)]


def reader_of(folder: Path, sensors: list[dict[str, object]]) -> tuple[KitReader, Decoded]:
    write_kit(folder / "kit.toml", sensors)
    kit = read_kit(folder / "kit.toml")
    log = EventLog()
    return KitReader(kit, log), Decoded(log, {s.key: s.sensor.family for s in kit.sensors})


@pytest.mark.parametrize("rate_hz", [100, 200])
def test_four_sensors_lose_what_the_wire_lost_and_nothing_else(tmp_path: Path, rate_hz: int) -> None:
    athlete = motion()
    peripherals = [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, [sensor(k, tmp_path / f"port{i}", rate_hz=rate_hz) for i, k in enumerate(KEYS)])

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz // 2)
            for p in peripherals:
                p.faults.loss, p.faults.corrupt, p.faults.duplicate, p.faults.lag_s = 0.08, 0.05, 0.05, 0.03
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz * 3)
            for p in peripherals:
                p.faults.loss = p.faults.corrupt = p.faults.duplicate = 0.0
            await decoded.until(lambda: min(decoded.samples.values()) > rate_hz * 7 // 2)
            for p in peripherals:
                p.stop_sampling()
            # what was sampled before that is still on its way
            await asyncio.sleep(0.3)
            await decoded.until(lambda: all(decoded.samples[p.key] == p.ledger.made - p.ledger.dropped for p in peripherals))

        await while_running(reader.run(), watch())
        assert sum(p.ledger.packets_corrupted for p in peripherals) > 0
        for p in peripherals:
            assert p.ledger.dropped > 0
            assert decoded.samples[p.key] == p.ledger.made - p.ledger.dropped == p.ledger.sent
            assert decoded.lost[p.key] == p.ledger.dropped, "loss is exact"
            health = decoded.codecs[p.key].health
            assert health.get("checksum", 0) + health.get("framing", 0) == p.ledger.packets_corrupted
            assert p.firmware.rate_hz == rate_hz, "the device does what the kit asks"
            assert "lost" not in decoded.story(p.key)

    with lines(tmp_path, [[p] for p in peripherals]):
        asyncio.run(session())


@pytest.mark.slow
def test_pulled_at_random_it_streams_again_by_itself(tmp_path: Path) -> None:
    peripherals = [VirtualPeripheral(key, V1SerialFirmware(key, begins_by_itself=True), Still()) for key in KEYS]
    moments = random.Random(5)

    async def session(ports: list[PeripheralLine]) -> None:
        reader, decoded = reader_of(tmp_path, [sensor(k, tmp_path / f"port{i}") for i, k in enumerate(KEYS)])

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > 50)
            for power in (False, True, False, True):
                pulled = moments.randrange(4)
                ports[pulled].unplug(power=power)
                await decoded.until(lambda i=pulled: reader.status[KEYS[i]].state is LinkState.LOST)
                before = decoded.samples[KEYS[pulled]]
                others = {k: n for k, n in decoded.samples.items() if k != KEYS[pulled]}
                await decoded.until(lambda o=others: all(decoded.samples[k] > n + 100 for k, n in o.items()))
                ports[pulled].plug()
                back = await decoded.until(lambda i=pulled, n=before: decoded.samples[KEYS[i]] > n)
                assert back < 3.0
                await decoded.until(lambda i=pulled: reader.status[KEYS[i]].state is LinkState.STREAMING)
                assert reader.status[KEYS[pulled]].fault is None
            assert sum(decoded.story(k).count("lost") for k in KEYS) == 4
            assert sum(decoded.story(k).count("connected") for k in KEYS) == 8
            assert sum(decoded.restarts.values()) == 2, "those that lost their power"

        await while_running(reader.run(), watch())

    with lines(tmp_path, [[p] for p in peripherals]) as ports:
        asyncio.run(session(ports))


def test_a_silent_port_is_stalled_then_opened_anew(tmp_path: Path) -> None:
    (device,) = [VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())]

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, [sensor("pelvis", tmp_path / "port0")])

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)
            device.faults.silent = True
            await decoded.until(lambda: decoded.story("pelvis")[-1] == "stalled")
            device.faults.silent = False
            await decoded.until(lambda: decoded.story("pelvis")[-1] == "streams again")
            device.faults.silent = True
            await decoded.until(lambda: decoded.story("pelvis")[-1] == "lost")
            fault = reader.status["pelvis"].fault
            assert fault is not None
            assert "switched on and charged" in str(fault)
            device.faults.silent = False
            await decoded.until(lambda: reader.status["pelvis"].state is LinkState.STREAMING)
            assert decoded.story("pelvis") == ["connected", "stalled", "streams again", "stalled", "lost", "connected"]

        await while_running(reader.run(), watch())
        # told to stop when the session ends
        await decoded.until(lambda: not device.firmware.streaming)

    with lines(tmp_path, [[device]]):
        asyncio.run(session())


def test_a_gateway_with_four_sensors(tmp_path: Path) -> None:
    peripherals = [VirtualPeripheral(k, V1SerialFirmware(k, number=i), Still()) for i, k in enumerate(KEYS)]

    async def session() -> None:
        sensors = [sensor(k, tmp_path / "port0", number=i, rate_hz=200) for i, k in enumerate(KEYS[:3])]
        reader, decoded = reader_of(tmp_path, sensors)

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: min(decoded.samples.values()) > 200)

        await while_running(reader.run(), watch())
        assert sum(decoded.lost.values()) == 0
        assert all(dict(codec.health) == {} for codec in decoded.codecs.values())

    with lines(tmp_path, [peripherals]):
        asyncio.run(session())


def test_the_baud_rate_is_found(tmp_path: Path) -> None:
    """A pseudo-terminal has no baud rate: what is tested is what is recognised and what is not."""
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1", begins_by_itself=True), Still())
    mute = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())
    mute.faults.silent = True
    family, request = device_family(FAMILY), Request(100.0)
    with lines(tmp_path, [[device], [mute]]):
        assert speaks(family, request, str(tmp_path / "port0"), 115200)
        assert not speaks(family, request, str(tmp_path / "port1"), 115200)
        device.faults.corrupt = 1.0
        device.firmware.streaming = True
        assert not speaks(family, Request(50.0), str(tmp_path / "port1"), 115200)


def test_a_kit_without_baud(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())

    async def session() -> None:
        entry = sensor("pelvis", tmp_path / "port0")
        del entry["baud"]
        reader, decoded = reader_of(tmp_path, [entry])

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)

        await while_running(reader.run(), watch())

    with lines(tmp_path, [[device]]):
        asyncio.run(session())


def test_a_port_in_use_and_a_port_that_is_not_there(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())

    async def refused(port: Path) -> LinkFault:
        reader, _ = reader_of(tmp_path, [sensor("pelvis", port)])
        reader._patience_s = 1.0
        with pytest.raises(LinkFault) as caught:
            await while_running(reader.run(), reader.prepared())
        return caught.value

    async def waits_for(port: Path) -> LinkFault | None:
        reader, _ = reader_of(tmp_path, [sensor("pelvis", port)])
        reader._patience_s = 0.3
        await while_running(reader.run(), reader.prepared())
        return reader.status["pelvis"].fault

    with lines(tmp_path, [[device]]), serial.Serial(str(tmp_path / "port0"), exclusive=True):
        fault = asyncio.run(refused(tmp_path / "port0"))
    assert "another program has this port open" in str(fault)
    assert "Close the other program" in str(fault)
    absent = asyncio.run(waits_for(tmp_path / "port9"))
    assert absent is not None
    assert "no such port" in str(absent)
    assert "hiphinge scan" in str(absent)


def test_what_errors_mean() -> None:
    assert "dialout" in str(fault_of(PermissionError(errno.EACCES, "x"), "p"))
    assert fault_of(PermissionError(errno.EACCES, "x"), "p").persistent
    assert "has gone" in str(fault_of(serial.SerialException("device reports readiness to read but"), "p"))
    with pytest.raises(LinkFault, match="no such port"):
        find_port("usb:FFFF:FFFF")
    with pytest.raises(LinkFault, match="no such port"):
        find_port("serial-number-of-nobody")


def usb_port(device: Path, number: str | None) -> ListPortInfo:
    port = ListPortInfo(str(device))
    port.vid, port.pid, port.serial_number, port.hwid, port.product = 0x10C4, 0xEA60, number, "USB", "Bridge"
    return port


def test_ports_are_found_by_what_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = ListPortInfo("/dev/ttyS0")
    board.hwid = "PNP0501"
    there = [usb_port(tmp_path / "ttyUSB0", "0001"), usb_port(tmp_path / "ttyUSB1", "0002"), board]
    monkeypatch.setattr("ingest.links.serial.serial_port.comports", lambda: there)
    assert [(p.device, p.identity) for p in list_ports()] == [
        (str(tmp_path / "ttyUSB0"), "usb:10C4:EA60:0001"),
        (str(tmp_path / "ttyUSB1"), "usb:10C4:EA60:0002"),
    ]
    assert find_port("usb:10c4:ea60:0002") == find_port("0002") == str(tmp_path / "ttyUSB1")
    with pytest.raises(LinkFault, match="2 ports answer") as caught:
        find_port("usb:10C4:EA60")
    assert caught.value.persistent


def test_plugged_into_another_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit names a path that is another one afterwards; the USB device's serial number is the same."""
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1", begins_by_itself=True), Still())
    there = [usb_port(tmp_path / "port0", "0001")]
    monkeypatch.setattr("ingest.links.serial.serial_port.comports", lambda: there)

    async def session(line: PeripheralLine) -> None:
        reader, decoded = reader_of(tmp_path, [sensor("pelvis", tmp_path / "port0")])

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 20)
            line.unplug()
            await decoded.until(lambda: reader.status["pelvis"].state is LinkState.LOST)
            there[:] = [usb_port(tmp_path / "port7", "0001")]
            line.port.path = tmp_path / "port7"
            line.plug()
            before = decoded.samples["pelvis"]
            await decoded.until(lambda: decoded.samples["pelvis"] > before)

        await while_running(reader.run(), watch())

    with lines(tmp_path, [[device]]) as (line,):
        asyncio.run(session(line))
