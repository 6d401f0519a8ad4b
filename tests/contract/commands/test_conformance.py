"""`hiphinge decode --conformance`: a device that keeps protocol v1, and devices that do one thing wrong each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import HiphingeError
from firmware_protocol import NEVER, Config, encode_config, frame_serial
from firmware_protocol.v1 import Kind
from hiphinge.checkup.conformance import conformance
from tests.contract.command_line import hiphinge
from tests.ingest.links.test_network import InTheNetwork, OverUart, free_udp_port
from tests.peers.other_radios import InTheAir, other_radio
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS, PeripheralLine
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware
from virtual_athlete.virtual_devices.firmware_v1 import V1Firmware, V1SerialFirmware
from virtual_athlete.virtual_devices.peripheral import Outgoing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]


class NewEpochs(V1SerialFirmware):
    """Every SETUP makes a new epoch, and a rate is not taken."""

    def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
        if message[:1] != bytes((Kind.SETUP,)):
            return super()._answer(message, clock_s)
        self._config = replace(self._config, epoch=self._config.epoch + 1 & 0xFF)
        return [encode_config(self._config)]


class Milliseconds(V1SerialFirmware):
    """Its clock counts milliseconds, and its factors are those of another range."""

    def _data(self, samples, clock_s):
        return super()._data(samples, 1.0 + (clock_s - 1.0) * 1e-3)

    def boot(self, number: int) -> None:
        super().boot(number)
        self._told = Config.for_ranges(self._config.epoch, self._config.rate_hz, 4, 2000)

    def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
        answers = super()._answer(message, clock_s)
        right = self._config
        told = replace(right, acc_scale=right.acc_scale / 4.0)
        return [encode_config(told) if answer == encode_config(right) else answer for answer in answers]


class Headlong(V1SerialFirmware):
    """It obeys every START at once, whatever stands in it, never stops, and cannot be asked for its clock."""

    def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
        if message[:1] == bytes((Kind.START,)):
            self.streaming, self._index = True, 0
            return []
        return super()._answer(message, clock_s)

    def _synced(self, message: bytes, clock_s: float) -> list[bytes]:
        return []


class Silent(V1SerialFirmware):
    """It answers nothing."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        return []


def examined(folder: Path, firmware: V1SerialFirmware) -> dict[str, str]:
    """What it does wrong: rule → what was seen."""
    with PeripheralLine(folder / "port", [VirtualPeripheral("pelvis", firmware, Still())]):
        return {v.rule: v.seen for v in conformance(str(folder / "port")) if v.kept is False}


def test_a_device_that_keeps_it(tmp_path: Path) -> None:
    with PeripheralLine(tmp_path / "port", [VirtualPeripheral("pelvis", V1SerialFirmware("0001"), Still())]):
        said = hiphinge("decode", "--conformance", "port", "--json", cwd=tmp_path)
    document = json.loads(said.stdout)
    assert [rule for rule in document["rules"] if rule["kept"] is not True] == []
    assert document["conforms"]
    assert said.returncode == 0
    assert len(document["rules"]) > 30


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        (NewEpochs, {"a SETUP that changes nothing keeps its epoch", "50 Hz, which is offered, is set"}),
        (
            Milliseconds,
            {"device time is in µs", "the factors are right: at rest it measures 1 g", "device time and rate agree"},
        ),
        (
            Headlong,
            {"START with time 2^64 - 1 stops it", "a START with another boot id is ignored", "it stops when it is told to"},
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, made: Callable[[str], V1SerialFirmware], wrong: set[str]) -> None:
    found = examined(tmp_path, made("0001"))
    assert wrong <= set(found), found
    assert all(found.values()), "what was seen stands beside each"


def test_a_device_that_says_nothing_ends_with_one_line(tmp_path: Path) -> None:
    with PeripheralLine(tmp_path / "port", [VirtualPeripheral("pelvis", Silent("0001"), Still())]):
        said = hiphinge("decode", "--conformance", "port", cwd=tmp_path)
    assert said.returncode == 1
    assert "SETUP is answered with CONFIG: no CONFIG" in said.stdout
    nobody = hiphinge("decode", "--conformance", "/dev/nowhere", cwd=tmp_path)
    assert nobody.returncode == 1
    assert "no such port" in nobody.stderr
    assert NEVER == 2**64 - 1
    assert frame_serial(b"x").endswith(b"\x00")


def unkept(place: str) -> dict[str, str]:
    verdicts = conformance(place)
    assert len(verdicts) > 30
    return {verdict.rule: verdict.seen for verdict in verdicts if verdict.kept is not True}


def test_a_device_that_keeps_it_over_tcp() -> None:
    with InTheNetwork(VirtualPeripheral("pelvis", V1SerialFirmware("0001"), Still())) as sensor:
        assert unkept(f"tcp://127.0.0.1:{sensor.port}") == {}


def test_a_device_that_keeps_it_over_udp() -> None:
    at = free_udp_port()
    peripheral = VirtualPeripheral("pelvis", V1SerialFirmware("0001", begins_by_itself=True), Still())
    with InTheNetwork(peripheral, "127.0.0.1", at):
        found = unkept(f"udp://127.0.0.1:{at}")
    # it greeted before anybody listened: nobody can tell a device over UDP that a host is there
    assert set(found) <= {"a device that begins by itself says INFO and CONFIG first"}, found


@pytest.mark.parametrize("made", [V1Firmware, lambda number: OverUart(V1SerialFirmware(number))], ids=["service", "uart"])
def test_a_device_that_keeps_it_over_bluetooth(made: Callable[[str], V1Firmware]) -> None:
    address = "C0:00:00:00:00:02"
    one = InTheAir(address, VirtualPeripheral("pelvis", made("0001"), Still()), name="a board")
    with other_radio("win32", [one]):
        assert unkept(address) == {}


def test_what_is_wrong_over_bluetooth_is_said() -> None:
    class Forgetful(V1Firmware):
        """Every SETUP makes a new epoch."""

        def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
            self._config = replace(self._config, epoch=self._config.epoch + 1 & 0xFF)
            return super()._answer(message, clock_s)

    one = InTheAir("C0:00:00:00:00:02", VirtualPeripheral("pelvis", Forgetful("0001"), Still()), name="a board")
    with other_radio("win32", [one]):
        assert "a SETUP that changes nothing keeps its epoch" in unkept("C0:00:00:00:00:02")


def test_a_device_of_another_kind_over_bluetooth_is_said() -> None:
    one = InTheAir("C0:00:00:00:00:02", VirtualPeripheral("pelvis", virtual_firmware("witmotion-ble", "1"), Still()))
    with other_radio("win32", [one]), pytest.raises(HiphingeError, match="neither the service"):
        conformance("C0:00:00:00:00:02")
