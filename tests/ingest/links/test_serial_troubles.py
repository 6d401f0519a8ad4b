"""Serial ports as Windows, macOS and Linux report them: what an error means, and which port is which."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from ingest.links.kit import KitSensor
from ingest.links.link_fault import LinkFault
from ingest.links.serial.faults import TerminalError, fault_of
from ingest.links.serial.serial_port import BY_PATH, BY_PLACE, OpenPort, find_port, lasting_identity, list_ports

DENIED = "PermissionError(13, 'Access is denied.', None, 5)"
WRONG = "Cannot configure port, something went wrong. Original message"
Failed = serial.SerialException
GERMAN = "PermissionError(13, 'Zugriff verweigert', None, 5)"


@pytest.mark.parametrize("what", ["ClearCommError", "ReadFile", "WriteFile", "GetOverlappedResult"])
@pytest.mark.parametrize(
    "cause",
    [
        DENIED,
        GERMAN,
        "PermissionError(13, 'The device does not recognize the command.', None, 22)",
        "OSError(22, 'x', None, 433)",
    ],
)
def test_whatever_windows_says_of_an_open_port_the_plug_was_pulled(what: str, cause: str) -> None:
    fault = fault_of(serial.SerialException(f"{what} failed ({cause})"), "COM3")
    assert (fault.what, fault.persistent) == ("the port has gone", False)
    assert "may not" not in str(fault)


@pytest.mark.parametrize(
    ("error", "said", "persistent"),
    [
        (Failed(f"could not open port 'COM3': {DENIED}"), "another program has this port open", True),
        (Failed(f"could not open port 'COM3': {GERMAN}"), "another program has this port open", True),
        (Failed("could not open port 'COM3': FileNotFoundError(2, 'x', None, 2)"), "no such port", False),
        (Failed("could not open port 'COM3': OSError(22, 'x', None, 121)"), "Bluetooth device behind", False),
        (Failed(f"{WRONG}: OSError(22, 'x', None, 87)"), "baud", True),
        (Failed(f"{WRONG}: PermissionError(13, 'x', None, 31)"), "its device does not work", False),
        (Failed(16, "could not open port /dev/cu.usbserial-1: Resource busy"), "another program", True),
        (Failed(2, "could not open port /dev/cu.usbserial-1: [Errno 2] No such file"), "no such port", False),
        (Failed("[Errno 16] could not open port /dev/ttyUSB0: [Errno 16] Device or resource busy"), "another program", True),
        (Failed("[Errno 2] could not open port /dev/ttyUSB0: [Errno 2] No such file"), "no such port", False),
        (Failed("read failed: [Errno 6] Device not configured"), "the port has gone", False),
        (Failed("write failed: [Errno 6] Device not configured"), "the port has gone", False),
        (Failed(13, "could not open port /dev/ttyUSB0: Permission denied"), "you may not open this port", True),
        (Failed(11, "Could not exclusively lock port /dev/ttyUSB0: [Errno 11] x"), "another program", True),
        (serial.PortNotOpenError(), "the port has gone", False),
        (TerminalError(errno.EIO, "Input/output error"), "the port has gone", False),
        (TerminalError(errno.EINVAL, "Invalid argument"), "baud rate", True),
        (ValueError("Failed to set custom baud rate (921601): x"), "baud rate", True),
    ],
)
def test_what_errors_of_each_system_mean(error: BaseException, said: str, persistent: bool) -> None:
    fault = fault_of(error, "COM3")
    assert said in str(fault)
    assert fault.persistent is persistent


@pytest.mark.parametrize(
    "error", [serial.SerialException(f"ClearCommError failed ({DENIED})"), PermissionError(13, "x"), OSError(5, "x")]
)
def test_an_open_port_that_fails_has_gone(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: the port is read by pyserial, and raises when its plug is pulled."""

    class Pulled:
        in_waiting = 0
        port = baudrate = exclusive = timeout = write_timeout = dtr = None

        def open(self) -> None:
            pass

        def read(self, n: int) -> bytes:
            raise error

        def write(self, data: bytes) -> None:
            raise error

        def close(self) -> None:
            pass

    monkeypatch.setattr("ingest.links.serial.serial_port.serial.Serial", Pulled)
    monkeypatch.setattr("ingest.links.serial.serial_port.os.name", "nt")
    gone: list[LinkFault] = []
    port = OpenPort("COM3", 115200, lambda at, data: None, gone.append, lambda: 0)
    port.listen()
    port._thread.join(2.0)
    assert [fault.what for fault in gone] == ["the port has gone"]
    with pytest.raises(LinkFault, match="the port has gone"):
        port.write(b"x")
    port.close()


def port(
    device: str, *, vid: int | None = 0x1A86, pid: int = 0x7523, hwid: str = "", number: str | None = None
) -> ListPortInfo:
    one = ListPortInfo(device)
    one.vid, one.pid, one.serial_number, one.hwid = vid, None if vid is None else pid, number, hwid or "n/a"
    return one


def given(monkeypatch: pytest.MonkeyPatch, ports: Sequence[ListPortInfo]) -> None:
    monkeypatch.setattr("ingest.links.serial.serial_port.comports", lambda: list(ports))


def ch340(device: str, place: str) -> ListPortInfo:
    return port(device, hwid=f"USB VID:PID=1A86:7523 LOCATION={place}")


def cp2102(device: str, place: str) -> ListPortInfo:
    return port(device, vid=0x10C4, pid=0xEA60, number="0001", hwid=f"USB VID:PID=10C4:EA60 SER=0001 LOCATION={place}")


@pytest.mark.parametrize("place", ["", " LOCATION=1-1"])
def test_of_two_of_one_make_only_one_has_a_number(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is not meant by the numbers of both: it is known by its place, or where the system hides it by its path."""
    given(monkeypatch, [port("COM3", hwid=f"USB VID:PID=1A86:7523{place}"), port("COM4", number="A50285BI")])
    monkeypatch.setattr("ingest.links.serial.serial_port.os.path.exists", lambda path: path.startswith("COM"))
    without, with_number = list_ports()
    assert without.identity == ("usb:1A86:7523@1-1" if place else "COM3")
    assert with_number.identity == "usb:1A86:7523:A50285BI"
    assert [find_port(one.identity) for one in (without, with_number)] == ["COM3", "COM4"]


@pytest.mark.parametrize("made", [ch340, cp2102])
def test_adapters_alike_are_known_by_their_usb_place(made: type, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [made("/dev/ttyUSB0", "1-1"), made("/dev/ttyUSB1", "1-2.3")]
    given(monkeypatch, there)
    first, second = list_ports()
    assert first.identity.endswith("@1-1")
    assert second.identity.endswith("@1-2.3")
    assert first.remark == BY_PLACE
    assert (find_port(first.identity), find_port(second.identity)) == ("/dev/ttyUSB0", "/dev/ttyUSB1")
    assert lasting_identity("/dev/ttyUSB0") is None, "in another socket it would be another one"
    # the paths have changed places, and the sockets have not
    given(monkeypatch, [made("/dev/ttyUSB1", "1-1"), made("/dev/ttyUSB0", "1-2.3")])
    assert find_port(first.identity) == "/dev/ttyUSB1"
    # a kit of an earlier version names the kind alone: well as long as there is one
    with pytest.raises(LinkFault, match="2 ports answer to this") as caught:
        find_port(first.kind)
    assert "USB place" in caught.value.remedy
    given(monkeypatch, there[:1])
    assert find_port(first.kind) == "/dev/ttyUSB0"
    assert list_ports()[0].identity == first.identity, "also where it is alone: another one may be plugged in later"
    with pytest.raises(LinkFault, match=r"nothing is plugged in at USB place 1-2\.3; one of its kind is at 1-1"):
        find_port(second.identity)


def test_two_ports_of_one_device_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [f"USB VID:PID=0403:6010 SER=FT5XY LOCATION=1-4:1.{i}" for i in range(2)]
    both = [port(f"/dev/ttyUSB{i}", vid=0x0403, pid=0x6010, number="FT5XY", hwid=place) for i, place in enumerate(places)]
    given(monkeypatch, both)
    assert [p.identity for p in list_ports()] == ["usb:0403:6010:FT5XY@1-4:1.0", "usb:0403:6010:FT5XY@1-4:1.1"]
    assert [find_port(p.identity) for p in list_ports()] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]


def test_ports_of_macos_and_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bluetooth's serial ports have no USB identity; what the system keeps for itself is no sensor."""
    paired = r"BTHENUM\{00001101-0000-1000-8000-00805F9B34FB}_VID&0001000A_PID&5A01\7&1&0&C00000000002_C00000000"
    calls = r"BTHENUM\{00001101-0000-1000-8000-00805F9B34FB}_LOCALMFG&0000\7&1&0&000000000000_00000001"
    given(
        monkeypatch,
        [
            port("/dev/cu.Bluetooth-Incoming-Port", vid=None),
            port("/dev/cu.debug-console", vid=None),
            port("/dev/cu.x-IMU3-0123", vid=None),
            port("/dev/cu.usbserial-1410", hwid="USB VID:PID=1A86:7523 LOCATION=20-1"),
            port("COM1", vid=None, hwid=r"ACPI\PNP0501\0"),
            port("COM5", vid=None, hwid=paired),
            port("COM6", vid=None, hwid=calls),
            port("COM7", vid=0x0403, pid=0x6001, number="A1B2C3", hwid="USB VID:PID=0403:6001 SER=A1B2C3"),
        ],
    )
    seen = {p.device: p for p in list_ports()}
    assert {device: p.identity for device, p in seen.items()} == {
        "/dev/cu.x-IMU3-0123": "/dev/cu.x-IMU3-0123",
        "/dev/cu.usbserial-1410": "usb:1A86:7523@20-1",
        "COM5": "COM5",
        "COM7": "usb:0403:6001:A1B2C3",
    }
    assert seen["/dev/cu.x-IMU3-0123"].remark == BY_PATH
    assert seen["COM7"].remark == ""


def test_without_a_place_the_path_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows hides the place of FTDI's adapters."""
    given(monkeypatch, [port("COM3"), port("COM4")])
    assert [p.identity for p in list_ports()] == ["COM3", "COM4"]


def test_a_kit_sensor_has_room_for_both_names() -> None:
    assert {"serial", "advertised"} <= set(KitSensor.__dataclass_fields__)
