"""Sensors in the local network, with real sockets, and over Nordic's UART service: the same bytes as on a serial line."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from body_signals import HiphingeError
from ingest.links.bluetooth import ble_link
from ingest.links.event_log import EventLog
from ingest.links.kit import kit_of
from ingest.links.kit_reader import KitReader
from ingest.links.link_status import LinkState
from ingest.links.network.address import network_address
from ingest.links.network.network_port import NetworkPort
from tests.peers.other_radios import InTheAir, other_radio
from tests.peers.worn_sensors import Decoded, Still, while_running
from virtual_athlete import Samples
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware
from virtual_athlete.virtual_devices.peripheral import GattCharacteristic, Outgoing

FAMILIES = ["hiphinge-v1-serial", "text-csv", "ximu3", "witmotion-serial", "witmotion-wifi"]
DATAGRAMS = ["ngimu"]
"""Families that come over UDP alone."""


class InTheNetwork:
    """A virtual sensor in the network: a TCP server, or a sender of datagrams to a port of this computer."""

    def __init__(self, peripheral: VirtualPeripheral, host: str = "127.0.0.1", send_to: int | None = None) -> None:
        self.peripheral, self._send_to = peripheral, send_to
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if send_to is None else socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        if send_to is None:
            # before anybody can connect
            self._socket.listen()
        self._socket.settimeout(0.01)
        self.cut = threading.Event()
        """Set: the present connection is closed."""
        self._thread = threading.Thread(target=self._serve if send_to is None else self._send)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> InTheNetwork:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                line, _ = self._socket.accept()
            except TimeoutError:
                continue
            line.settimeout(0.005)
            self.peripheral.connect(self._now())
            self.cut.clear()
            with line, suppress(OSError):
                while not self._ended.is_set() and not self.cut.is_set():
                    with suppress(TimeoutError):
                        heard = line.recv(4096)
                        if not heard:
                            break
                        self.peripheral.write(heard, self._now())
                    for out in self.peripheral.poll(self._now()):
                        line.sendall(out.payload)
            self.peripheral.disconnect(self._now())

    def _send(self) -> None:
        self.peripheral.connect(self._now())
        assert self._send_to is not None
        while not self._ended.is_set():
            with suppress(TimeoutError, ConnectionRefusedError):
                heard, _ = self._socket.recvfrom(4096)
                self.peripheral.write(heard, self._now())
            for out in self.peripheral.poll(self._now()):
                with suppress(ConnectionRefusedError):  # nobody listens yet
                    self._socket.sendto(out.payload, ("127.0.0.1", self._send_to))


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def reader_of(folder: Path, family: str, **reached: object) -> tuple[KitReader, Decoded]:
    kit = kit_of([{"placement": "pelvis", "family": family, "rate_hz": 100, **reached}], folder / "kit.toml")
    log = EventLog()
    return KitReader(kit, log), Decoded(log, {"pelvis": family}, {"pelvis": 100.0})


@pytest.mark.parametrize("family", FAMILIES)
def test_over_tcp_it_streams_is_cut_off_and_streams_again(tmp_path: Path, family: str) -> None:
    peripheral = VirtualPeripheral("pelvis", virtual_firmware(family, "pelvis"), Still())

    async def session(sensor: InTheNetwork) -> None:
        reader, decoded = reader_of(tmp_path, family, port=f"tcp://127.0.0.1:{sensor.port}")

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 50)
            sensor.cut.set()
            await decoded.until(lambda: "lost" in decoded.story("pelvis"))
            before = decoded.samples["pelvis"]
            await decoded.until(lambda: decoded.samples["pelvis"] > before + 50)
            await decoded.until(lambda: reader.status["pelvis"].state is LinkState.STREAMING)

        await while_running(reader.run(), watch())
        assert decoded.newest["pelvis"][0] == pytest.approx([0.0, 0.0, 9.80665], abs=0.02)

    with InTheNetwork(peripheral) as sensor:
        asyncio.run(session(sensor))


@pytest.mark.parametrize("family", [*FAMILIES, *DATAGRAMS])
def test_over_udp_what_the_named_sensor_sends_is_taken(tmp_path: Path, family: str) -> None:
    at = free_udp_port()

    class Heavy:
        """Another one, whose samples would be seen at once."""

        def samples(self, time_s: np.ndarray) -> Samples:
            n = len(time_s)
            return Samples(time_s, np.full((n, 3), 40.0), np.zeros((n, 3)), np.zeros(n, np.bool_))

    mine = VirtualPeripheral("pelvis", virtual_firmware(family, "pelvis"), Still())
    stranger = VirtualPeripheral("lumbar", virtual_firmware(family, "lumbar"), Heavy())
    stranger.firmware.streaming = True

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, family, port=f"udp://127.0.0.1:{at}")

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 100)

        await while_running(reader.run(), watch())
        assert decoded.newest["pelvis"][0] == pytest.approx([0.0, 0.0, 9.80665], abs=0.02)
        assert not {"checksum", "framing", "parse"} & set(decoded.codecs["pelvis"].health), "nothing of the other one came"

    mine.firmware.streaming = True
    with InTheNetwork(mine, "127.0.0.1", at), InTheNetwork(stranger, "127.0.0.2", at):
        asyncio.run(session())


def test_two_sensors_send_to_one_port(tmp_path: Path) -> None:
    at = free_udp_port()
    heard: dict[str, list[bytes]] = {"127.0.0.1": [], "127.0.0.3": []}
    ports = [
        NetworkPort(f"udp://{host}:{at}", lambda _, data, h=host: heard[h].append(data), print, time.monotonic_ns)
        for host in heard
    ]
    with pytest.raises(HiphingeError, match="another sensor of this session has this address"):
        NetworkPort(f"udp://127.0.0.3:{at}", print, print, time.monotonic_ns)
    for port in ports:
        port.listen()
    with _sender("127.0.0.1") as one, _sender("127.0.0.3") as two, _sender("127.0.0.9") as stranger:
        for n in range(20):
            one.sendto(b"a%d" % n, ("127.0.0.1", at))
            two.sendto(b"b%d" % n, ("127.0.0.1", at))
            stranger.sendto(b"x", ("127.0.0.1", at))
        until = time.monotonic() + 5.0
        while min(map(len, heard.values())) < 20 and time.monotonic() < until:
            time.sleep(0.01)
        ports[1].write(b"hello")
        two.settimeout(2.0)
        assert two.recvfrom(100)[0] == b"hello", "it is answered where it sends from"
    for port in ports:
        port.close()
        port.close()
    assert heard == {"127.0.0.1": [b"a%d" % n for n in range(20)], "127.0.0.3": [b"b%d" % n for n in range(20)]}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("", at))


def test_sensors_that_call_this_computer_are_known_by_their_address() -> None:
    """Two of them at one port; a stranger is turned away; one hangs up, calls again, and is heard again."""
    with socket.socket() as one:
        one.bind(("", 0))
        at = one.getsockname()[1]
    heard: dict[str, list[bytes]] = {"127.0.0.1": [], "127.0.0.3": []}
    gone: list[object] = []
    ports = []
    for host in heard:
        caller = threading.Timer(0.05, _call, (host, at, b"before\n"))
        caller.start()
        hear = lambda _, data, h=host: heard[h].append(data)  # noqa: E731 (bound to this host)
        ports.append(NetworkPort(f"tcp-in://{host}:{at}", hear, gone.append, time.monotonic_ns))
        caller.join()
    _call("127.0.0.9", at, b"before\n")
    with pytest.raises(HiphingeError, match="another sensor of this session has this address"):
        NetworkPort(f"tcp-in://127.0.0.3:{at}", print, print, time.monotonic_ns)
    for port in ports:
        port.listen()
    stranger, first, second = (_CALLS[host] for host in ("127.0.0.9", *heard))
    first.sendall(b"a")
    second.sendall(b"b")
    ports[1].write(b"hello")
    assert second.recv(100) == b"hello"
    with suppress(ConnectionResetError):  # it is turned away, with what it has said unread
        assert stranger.recv(100) == b""
    _until(lambda: all(b"".join(part).endswith((b"a", b"b")) for part in heard.values()))
    first.close()
    _until(lambda: len(gone) == 1)
    ports[0].close()
    caller = threading.Timer(0.05, _call, ("127.0.0.1", at, b""))
    caller.start()
    again = NetworkPort(f"tcp-in://127.0.0.1:{at}", lambda _, data: heard["127.0.0.1"].append(data), print, time.monotonic_ns)
    again.listen()
    caller.join()
    _CALLS["127.0.0.1"].sendall(b"c")
    _until(lambda: heard["127.0.0.1"][-1:] == [b"c"])
    for port in (again, *ports):
        port.close()
    for call in (*_CALLS.values(), stranger):
        call.close()
    _CALLS.clear()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("", at))


def test_a_sensor_that_does_not_call_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.links.network.tcp.CONNECT_S", 0.1)
    with pytest.raises(HiphingeError, match="has not called this computer") as caught:
        NetworkPort(f"tcp-in://127.0.0.1:{free_udp_port()}", print, print, time.monotonic_ns)
    assert "in its maker's program" in caught.value.remedy


_CALLS: dict[str, socket.socket] = {}


def _call(host: str, at: int, says: bytes) -> None:
    """As a sensor does that was told this computer's address: again and again until somebody is there."""
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        with suppress(ConnectionRefusedError):
            _CALLS[host] = socket.create_connection(("127.0.0.1", at), 2.0, (host, 0))
            _CALLS[host].sendall(says)
            return
        time.sleep(0.02)


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5.0
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


@contextmanager
def _sender(host: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        yield one


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("tcp://8.8.8.8:7000", "8.8.8.8 is no address of a local network"),
        ("udp://0.0.0.0:7000", "no address of a local network"),
        ("udp://239.1.2.3:7000", "no address of a local network"),
        ("http://192.168.1.2:80", "http:// is none of tcp://, tcp-in://, udp://"),
        ("tcp://192.168.1.2", "is not tcp://ADDRESS:PORT"),
        ("tcp://192.168.1.2:70000", "is not tcp://ADDRESS:PORT"),
        ("tcp://user@192.168.1.2:7", "is not tcp://ADDRESS:PORT"),
    ],
)
def test_other_places_are_refused_in_the_kit(tmp_path: Path, port: str, said: str) -> None:
    with pytest.raises(HiphingeError) as caught:
        kit_of([{"placement": "pelvis", "family": "text-csv", "port": port}], tmp_path / "kit.toml")
    assert said in caught.value.what
    with pytest.raises(HiphingeError):
        NetworkPort(port, print, print, time.monotonic_ns)


def test_names_and_serial_ports_are_no_addresses_of_numbers() -> None:
    assert network_address("tcp://imu.local:7000") == ("tcp", "imu.local", 7000)
    assert network_address("/dev/ttyUSB0") is network_address("COM3") is network_address("usb:1A86:7523@1-1") is None


def test_nobody_at_the_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        at = one.getsockname()[1]
    with pytest.raises(HiphingeError, match="there is a computer at this address, and no sensor at this port"):
        NetworkPort(f"tcp://127.0.0.1:{at}", print, print, time.monotonic_ns)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        with pytest.raises(HiphingeError, match="another program has this port open"):
            NetworkPort(f"udp://127.0.0.1:{other.getsockname()[1]}", print, print, time.monotonic_ns)


class OverUart:
    """A firmware of a serial line behind Nordic's UART service, in pieces of 20 bytes."""

    services = (ble_link.UART_SERVICE,)
    company_ids = ()
    gatt = (
        GattCharacteristic(ble_link.UART_WRITE, ble_link.UART_SERVICE, ("write-without-response",)),
        GattCharacteristic(ble_link.UART_NOTIFY, ble_link.UART_SERVICE, ("notify",)),
    )

    def __init__(self, firmware: object) -> None:
        self.__dict__["inner"] = firmware

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["inner"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["inner"], name, value)

    def connected(self) -> list[Outgoing]:
        return _pieces(self.inner.connected())

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        assert len(payload) <= 20, "every connection takes 20 bytes"
        assert characteristic == ble_link.UART_WRITE
        return _pieces(self.inner.written(payload, "", clock_s))

    def packed(self, samples: Samples, clock_s: np.ndarray) -> list[Outgoing]:
        return _pieces(self.inner.packed(samples, clock_s))


def _pieces(outgoing: list[Outgoing]) -> list[Outgoing]:
    found = []
    for out in outgoing:
        cut = [out.payload[at : at + 20] for at in range(0, len(out.payload), 20)]
        found += [Outgoing(piece, ble_link.UART_NOTIFY, out.samples if i == len(cut) - 1 else 0) for i, piece in enumerate(cut)]
    return found


@pytest.mark.parametrize("family", ["hiphinge-v1-serial", "text-csv"])
def test_over_nordics_uart_service(tmp_path: Path, family: str) -> None:
    inner = V1SerialFirmware("7") if family == "hiphinge-v1-serial" else virtual_firmware(family, "7")
    one = InTheAir("C0:00:00:00:00:02", VirtualPeripheral("pelvis", OverUart(inner), Still()), name="my board")  # type: ignore[arg-type]

    async def session() -> None:
        reader, decoded = reader_of(tmp_path, family, address="C0:00:00:00:00:02")

        async def watch() -> None:
            await reader.prepared()
            reader.go()
            await decoded.until(lambda: decoded.samples["pelvis"] > 100)

        await while_running(reader.run(), watch())
        assert decoded.newest["pelvis"][0] == pytest.approx([0.0, 0.0, 9.80665], abs=0.02)
        assert not {word for word in decoded.codecs["pelvis"].health if word in ("checksum", "framing", "parse")}

    with other_radio("win32", [one]):
        asyncio.run(session())
