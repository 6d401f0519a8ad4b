"""A sensor that is connected and sends nothing: commands that are lost, answers that come late, a program that is held up."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import pytest
import serial

from firmware_protocol.v1 import Kind
from ingest.links import link
from ingest.links.kit_reader import KitReader
from ingest.links.link_status import LinkState
from tests.ingest.test_serial_reader import reader_of, sensor
from tests.peers.worn_sensors import Decoded, Still, while_running
from virtual_athlete.serial_line import PeripheralLine
from virtual_athlete.virtual_devices import Firmware, Outgoing, VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import TextCsvFirmware
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware


class Forgetful(V1SerialFirmware):
    """Does not hear some of the commands: the numbers of SETUPs and STARTs, from 0, that are lost."""

    def __init__(self, setups: Collection[int] = (), starts: Collection[int] = ()) -> None:
        self.lost = {Kind.SETUP: setups, Kind.START: starts}
        self.heard = {Kind.SETUP: 0, Kind.START: 0}
        super().__init__("1")

    def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
        for kind, lost in self.lost.items():
            if message[:1] == bytes((kind,)):
                self.heard[kind] += 1
                if self.heard[kind] - 1 in lost:
                    return []
        return super()._answer(message, clock_s)


def streams(
    folder: Path, firmware: Firmware, watch: Callable[[KitReader, Decoded, VirtualPeripheral], Awaitable[None]], **words: object
) -> Decoded:
    """A session with one sensor at a port; watch runs once it was started."""
    device = VirtualPeripheral("pelvis", firmware, Still())

    async def session() -> Decoded:
        reader, decoded = reader_of(folder, [sensor("pelvis", folder / "port", **words)])

        async def started() -> None:
            await reader.prepared()
            reader.go()
            await watch(reader, decoded, device)

        await while_running(reader.run(), started())
        return decoded

    with PeripheralLine(folder / "port", [device]):
        return asyncio.run(session())


@pytest.mark.parametrize("lost", [(0,), (1,)])
def test_a_start_that_is_lost_is_said_again(tmp_path: Path, lost: tuple[int, ...]) -> None:
    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 200)
        assert reader.status["pelvis"].reconnects == 0

    decoded = streams(tmp_path, Forgetful(starts=lost), watch)
    assert decoded.story("pelvis") == (["connected", "stalled", "streams again"] if lost == (0,) else ["connected"])


def test_a_sensor_that_hears_no_start_at_all_is_opened_anew_until_it_does(tmp_path: Path) -> None:
    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 50, 20.0)

    decoded = streams(tmp_path, Forgetful(starts=range(3)), watch)
    assert decoded.story("pelvis") == ["connected", "stalled", "lost", "connected"]


def test_what_a_pulled_cable_left_in_the_device_spoils_no_command(tmp_path: Path) -> None:
    """Half a command lies in the device's buffer; the rate that is asked for is set all the same."""

    class Interrupted(V1SerialFirmware):
        def boot(self, number: int) -> None:
            super().boot(number)
            self._deframer.feed(b"\x05half")

    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 50)
        assert device.firmware.rate_hz == 200.0

    streams(tmp_path, Interrupted("1"), watch, rate_hz=200)


def test_late_answers_are_no_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device has stopped, and answers the questions for its clock with a second's delay; each answer comes before the next
    question."""
    monkeypatch.setattr(link, "PROBE_EVERY_S", 0.4)
    monkeypatch.setattr(link, "PROBE_SPREAD", 0.0)

    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 150)
        device.faults.lag_s = 1.0
        await asyncio.sleep(2.5)
        device.stop_sampling()
        await decoded.until(lambda: "lost" in decoded.story("pelvis"))
        device.faults.lag_s = 0.0
        before = decoded.samples["pelvis"]
        await decoded.until(lambda: decoded.samples["pelvis"] > before + 50)

    streams(tmp_path, V1SerialFirmware("1"), watch)


def test_silence_is_noticed_by_a_program_that_is_always_held_up(tmp_path: Path) -> None:
    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        async def hold_up() -> None:
            while True:
                time.sleep(0.3)
                await asyncio.sleep(0)

        await decoded.until(lambda: decoded.samples["pelvis"] > 50)
        holding = asyncio.ensure_future(hold_up())
        try:
            before = decoded.samples["pelvis"]
            await decoded.until(lambda: decoded.samples["pelvis"] > before + 400)
            assert "lost" not in decoded.story("pelvis"), "late is not silent"
            device.faults.silent = True
            await decoded.until(lambda: "lost" in decoded.story("pelvis"))
        finally:
            holding.cancel()

    streams(tmp_path, V1SerialFirmware("1"), watch)


class Resetting(V1SerialFirmware):
    """A board that is reset when its port is opened: deaf and mute for `boot_s`, then it says INFO and CONFIG."""

    def __init__(self, boot_s: float) -> None:
        self.boot_s, self._up_s = boot_s, 0.0
        super().__init__("1")

    def connected(self) -> list[Outgoing]:
        self.boot(0)
        self._up_s = time.monotonic() + self.boot_s
        return []

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        return [] if time.monotonic() < self._up_s else super().written(payload, characteristic, clock_s)


def test_a_board_that_opening_resets_is_started_when_it_listens(tmp_path: Path) -> None:
    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 50, 20.0)
        assert device.firmware.rate_hz == 200.0

    streams(tmp_path, Resetting(0.3), watch, rate_hz=200)


class SlowSketch(TextCsvFirmware):
    """A student's board that opening resets: prints nothing for 2.5 s, and has no command."""

    def connected(self) -> list[Outgoing]:
        self._mute_until = time.monotonic() + 2.5
        return []

    _mute_until = math.inf

    def packed(self, samples, clock_s):  # type: ignore[no-untyped-def]
        return super().packed(samples, clock_s) if time.monotonic() > self._mute_until else []


def test_a_board_that_boots_longer_than_silence_lasts_is_given_time(tmp_path: Path) -> None:
    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 50, 30.0)
        assert reader.status["pelvis"].reconnects == 1
        assert reader.status["pelvis"].state is LinkState.STREAMING

    streams(tmp_path, SlowSketch("1"), watch, family="text-csv", baud=115200)


def test_a_port_that_is_given_up_keeps_no_unsent_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system waits up to 30 s for them when a port is closed whose device takes nothing."""
    flushed: list[str] = []
    monkeypatch.setattr(serial.Serial, "reset_output_buffer", lambda port: flushed.append(port.port))

    async def watch(reader: KitReader, decoded: Decoded, device: VirtualPeripheral) -> None:
        await decoded.until(lambda: decoded.samples["pelvis"] > 50)
        device.faults.silent = True
        await decoded.until(lambda: decoded.story("pelvis").count("connected") == 2)
        assert flushed == [str(tmp_path / "port")]
        device.faults.silent = False
        before = decoded.samples["pelvis"]
        await decoded.until(lambda: decoded.samples["pelvis"] > before + 50)

    streams(tmp_path, V1SerialFirmware("1"), watch)
    assert flushed == [str(tmp_path / "port")], "the stop that is said at the end is not thrown away"
