"""Datagrams that sensors send to a port of this computer: each is known by its address."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.links.link_fault import LinkFault
from ingest.links.network.faults import fault_of
from ingest.links.network.tcp import READ_BYTES, Gone, Heard

FIRST_S = 0.3
"""Time, s, for which a sensor's first datagram is awaited before it is spoken to (ours)."""


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
            raise fault_of(error, port) from error
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
                data, (number, from_port) = self._socket.recvfrom(READ_BYTES)
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


class Udp:
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
            raise fault_of(error, self._port) from error

    def close(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            here.leave(self._number)
