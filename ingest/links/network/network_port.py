"""A sensor in the local network in place of a serial port: the same bytes over TCP or UDP, from the address in the kit.

``tcp://192.168.4.1:7000`` connects to the sensor. ``udp://192.168.4.1:7000`` listens on this computer's port 7000, takes what
comes from that sensor alone, and answers it where it sends from. Several sensors may send to one port: their addresses tell
them apart. Addresses outside the local network are refused: nothing goes to the internet, and what nobody named is dropped.
"""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.links.link_fault import LinkFault

SCHEMES = ("tcp", "udp")
CONNECT_S = 3.0
"""Time, s, within which a sensor in the network must answer (ours)."""
FIRST_S = 0.3
"""Time, s, for which a sensor's first datagram is awaited before it is spoken to (ours)."""
_READ_BYTES = 65_536
Heard = Callable[[int, bytes], object]
Gone = Callable[[LinkFault], object]


class NetworkAddress(NamedTuple):
    """Where a sensor is in the network."""

    scheme: str
    host: str
    port: int


def network_address(port: str) -> NetworkAddress | None:
    """What a kit's `port` says where it names a place in the network; None where it is a serial port. Raises ValueError, in
    words, where it is half one."""
    scheme, separator, _ = port.partition("://")
    if not separator:
        return None
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"{scheme}:// is none of {', '.join(f'{s}://' for s in SCHEMES)}")
    parts = urlsplit(port)
    try:
        number = parts.port
    except ValueError:
        number = None
    if not parts.hostname or not number or parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(f"is not {scheme}://ADDRESS:PORT")
    try:
        host = ipaddress.ip_address(parts.hostname)
    except ValueError:  # a name, which is looked up when it is needed
        host = None
    if host is not None and not _is_local(host):
        raise ValueError(f"{parts.hostname} is no address of a local network")
    return NetworkAddress(scheme.lower(), parts.hostname, number)


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    usable = not (address.is_multicast or address.is_unspecified)
    return usable and (address.is_private or address.is_loopback or address.is_link_local)


def resolved(address: NetworkAddress, port: str) -> str:
    """The number of the sensor's address. Raises `LinkFault`."""
    kind = socket.SOCK_STREAM if address.scheme == "tcp" else socket.SOCK_DGRAM
    try:
        found = socket.getaddrinfo(address.host, address.port, socket.AF_INET, kind)
    except (OSError, UnicodeError):
        remedy = "Write its number (192.168.…) in the kit; it must be in the same network as this computer."
        raise LinkFault("nobody has this name in the network", port, remedy) from None
    number = str(found[0][4][0])
    if not _is_local(ipaddress.ip_address(number)):
        remedy = "Sensors are reached in the local network only: write its address there."
        raise LinkFault(f"{number} is no address of a local network", port, remedy, persistent=True)
    return number


class NetworkPort:
    """A sensor's byte stream from the network; `listen` starts its thread. The same face as `OpenPort`.

    heard(arrival_ns, data) and gone(fault) are called in the thread; after gone there are no more calls. Raises `LinkFault`.
    """

    def __init__(self, port: str, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        try:
            address = network_address(port)
        except ValueError as error:
            raise LinkFault(str(error), port, "Write tcp://ADDRESS:PORT or udp://ADDRESS:PORT.", persistent=True) from None
        assert address is not None
        number = resolved(address, port)
        self._line: _Tcp | _Udp
        if address.scheme == "tcp":
            self._line = _Tcp(port, number, address.port, heard, gone, clock_ns)
        else:
            self._line = _Udp(port, number, address.port, heard, gone, clock_ns)

    def listen(self) -> None:
        """Begin to read."""
        self._line.listen()

    def write(self, data: bytes) -> None:
        """Send. Raises `LinkFault`."""
        self._line.write(data)

    def close(self, *, discard: bool = False) -> None:
        """End; never raises, and may be called twice."""
        self._line.close()


class _Tcp:
    """A connection to the sensor."""

    def __init__(self, port: str, number: str, at: int, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        self._port, self._heard, self._gone, self._clock_ns = port, heard, gone, clock_ns
        self._closing = False
        try:
            self._socket = socket.create_connection((number, at), CONNECT_S)
        except OSError as error:
            raise _fault_of(error, port) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._read, name=f"reader of {port}", daemon=True)

    def listen(self) -> None:
        self._thread.start()

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise _lost(self._port) from error

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        self._socket.settimeout(None)
        while True:
            try:
                data = self._socket.recv(_READ_BYTES)
            except OSError:
                data = b""
            arrival_ns = self._clock_ns()
            if not data:
                if not self._closing:
                    self._gone(_lost(self._port))
                return
            self._heard(arrival_ns, data)


@dataclass(eq=False)
class _Listener:
    """One who waits for what an address sends; from_port: where it sent from last."""

    heard: Heard
    gone: Gone
    clock_ns: Callable[[], int]
    from_port: int
    listens: bool = False
    known: threading.Event = field(default_factory=threading.Event)
    """Set once it has sent something."""


class _UdpPort:
    """A port of this computer at which datagrams arrive, for all sensors that send to it. A stranger's are dropped."""

    _open: dict[int, _UdpPort] = {}  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, at: int, port: str) -> None:
        self._at = at
        self._listeners: dict[str, _Listener] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("", at))
        except OSError as error:
            self._socket.close()
            raise _fault_of(error, port) from error
        self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._read, name=f"UDP port {at}", daemon=True)
        self._thread.start()

    @classmethod
    def joined(cls, at: int, number: str, listener: _Listener, port: str) -> _UdpPort:
        """The port, listened to for this address too."""
        with cls._lock:
            here = cls._open.get(at)
            if here is None:
                here = cls._open[at] = cls(at, port)
            if number in here._listeners:
                what = "another sensor of this session has this address and port"
                raise LinkFault(what, port, "Give each sensor an address of its own in the kit.", persistent=True)
            here._listeners[number] = listener
            return here

    def leave(self, number: str) -> None:
        """Listen to this address no longer; the last one closes the port."""
        with self._lock:
            self._listeners.pop(number, None)
            if self._listeners:
                return
            self._open.pop(self._at, None)
        self._wake[1].send(b"x")
        self._thread.join()
        for one in (self._socket, *self._wake):
            one.close()

    def send(self, data: bytes, number: str, to: int) -> None:
        self._socket.sendto(data, (number, to))

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._wake[0]], [], [])
            if self._wake[0] in ready:
                return
            try:
                data, (number, from_port) = self._socket.recvfrom(_READ_BYTES)
            except OSError:
                # somebody whom we wrote to has no such port (Windows tells it here)
                continue
            listener = self._listeners.get(number)
            if listener is None or not data or (from_port == self._at and number.startswith("127.")):
                continue  # a stranger's, or our own to a sensor on this computer that is not there yet
            listener.from_port = from_port
            listener.known.set()
            if listener.listens:
                listener.heard(listener.clock_ns(), data)


class _Udp:
    """What one sensor sends to a port of this computer."""

    def __init__(self, port: str, number: str, at: int, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        self._port, self._number = port, number
        self._listener = _Listener(heard, gone, clock_ns, at)
        self._here: _UdpPort | None = _UdpPort.joined(at, number, self._listener, port)

    def listen(self) -> None:
        self._listener.listens = True

    def write(self, data: bytes) -> None:
        # it is answered where it sends from; who has not sent yet is addressed at the port of the kit
        self._listener.known.wait(FIRST_S)
        try:
            if self._here is not None:
                self._here.send(data, self._number, self._listener.from_port)
        except OSError as error:
            raise _fault_of(error, self._port) from error

    def close(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            here.leave(self._number)


def _lost(port: str) -> LinkFault:
    return LinkFault("the connection was lost", port, "It goes on by itself when the sensor is back in the network.")


def _fault_of(error: OSError, port: str) -> LinkFault:
    """What an error of the network means."""
    if isinstance(error, ConnectionRefusedError):
        return LinkFault("there is a computer at this address, and no sensor at this port", port, "Check the port in the kit.")
    if isinstance(error, PermissionError) or error.errno == errno.EADDRINUSE:
        remedy = "Close the other program, or let the sensor send to another port and name that in the kit."
        return LinkFault("another program has this port open", port, remedy, persistent=True, may_pass=True)
    remedy = "Switch it on; it must be in the same network as this computer, and a firewall must let this program through."
    return LinkFault("does not answer in the network", port, remedy)
