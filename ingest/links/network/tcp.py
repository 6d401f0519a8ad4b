"""Connections to sensors in the network: those that this computer opens, and those of sensors that call it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ingest.links.link_fault import LinkFault
from ingest.links.network.faults import fault_of, lost

CONNECT_S = 3.0
"""Time, s, within which a sensor in the network must answer, or call (ours)."""
READ_BYTES = 65_536
Heard = Callable[[int, bytes], object]
Gone = Callable[[LinkFault], object]


class Tcp:
    """A connection that this computer opens."""

    def __init__(self, port: str, number: str, at: int, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        self._port, self._heard, self._gone, self._clock_ns = port, heard, gone, clock_ns
        self._closing = False
        try:
            self._socket = socket.create_connection((number, at), CONNECT_S)
        except OSError as error:
            raise fault_of(error, port) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._read, name=f"reader of {port}", daemon=True)

    def listen(self) -> None:
        self._thread.start()

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise lost(self._port) from error

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
                data = self._socket.recv(READ_BYTES)
            except OSError:
                data = b""
            arrival_ns = self._clock_ns()
            if not data:
                if not self._closing:
                    self._gone(lost(self._port))
                return
            self._heard(arrival_ns, data)


@dataclass(eq=False)
class _Awaited:
    """A sensor that is to call. line: its connection, once it has."""

    port: str
    heard: Heard
    gone: Gone
    clock_ns: Callable[[], int]
    listens: bool = False
    line: socket.socket | None = None
    called: threading.Event = field(default_factory=threading.Event)


class _Door:
    """A port of this computer at which sensors call. Who was not named is turned away."""

    _open: dict[int, _Door] = {}  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, at: int, port: str) -> None:
        self._at = at
        self._awaited: dict[str, _Awaited] = {}
        self._lines: dict[socket.socket, _Awaited] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("", at))
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            raise fault_of(error, port) from error
        self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._answer, name=f"TCP port {at}", daemon=True)
        self._thread.start()

    @classmethod
    def joined(cls, at: int, number: str, awaited: _Awaited) -> _Door:
        """The door, where this address is awaited too."""
        with cls._lock:
            door = cls._open.get(at)
            if door is None:
                door = cls._open[at] = cls(at, awaited.port)
            if number in door._awaited:
                what = "another sensor of this session has this address and port"
                raise LinkFault(what, awaited.port, "Give each sensor an address of its own in the kit.", persistent=True)
            door._awaited[number] = awaited
            return door

    def leave(self, number: str) -> None:
        """Await this address no longer; the last one closes the door."""
        with self._lock:
            awaited = self._awaited.pop(number, None)
            if awaited is not None:
                awaited.listens = False
                if awaited.line is not None:
                    with suppress(OSError):
                        awaited.line.shutdown(socket.SHUT_RDWR)
            if self._awaited:
                return
            self._open.pop(self._at, None)
        self._wake[1].send(b"x")
        self._thread.join()
        for one in (self._socket, *self._wake, *self._lines):
            one.close()

    def _answer(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._wake[0], *self._lines], [], [])
            if self._wake[0] in ready:
                return
            for one in ready:
                if one is self._socket:
                    self._let_in()
                else:
                    self._read(one)

    def _let_in(self) -> None:
        try:
            line, (number, _) = self._socket.accept()
        except OSError:  # it has hung up again
            return
        awaited = self._awaited.get(number)
        if awaited is None:
            line.close()
            return
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if awaited.line is not None:
            # it calls anew: the former connection died without a word
            self._lines.pop(awaited.line, None)
            awaited.line.close()
        self._lines[line], awaited.line = awaited, line
        awaited.called.set()

    def _read(self, line: socket.socket) -> None:
        awaited = self._lines.get(line)
        if awaited is None:
            return
        try:
            data = line.recv(READ_BYTES)
        except OSError:
            data = b""
        arrival_ns = awaited.clock_ns()
        if data:
            if awaited.listens:
                awaited.heard(arrival_ns, data)
            return
        del self._lines[line]
        line.close()
        awaited.line = None
        if awaited.listens:
            awaited.listens = False
            awaited.gone(lost(awaited.port))


class TcpCall:
    """A connection that the sensor opens."""

    def __init__(self, port: str, number: str, at: int, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        self._awaited, self._number = _Awaited(port, heard, gone, clock_ns), number
        self._door: _Door | None = _Door.joined(at, number, self._awaited)
        if not self._awaited.called.wait(CONNECT_S):
            self.close()
            remedy = f"Switch it on; set this computer's address and port {at} in its maker's program; let a firewall admit it."
            raise LinkFault("has not called this computer", port, remedy)

    def listen(self) -> None:
        self._awaited.listens = True

    def write(self, data: bytes) -> None:
        line = self._awaited.line
        try:
            if line is None:
                raise lost(self._awaited.port)
            line.sendall(data)
        except OSError as error:
            raise lost(self._awaited.port) from error

    def close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.leave(self._number)
