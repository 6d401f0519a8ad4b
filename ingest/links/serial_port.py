"""Serial ports: listing them, finding a kit's port, and an open port that a thread reads.

A kit names a port by its path (``/dev/serial/by-id/…``, ``COM3``), by ``usb:VENDOR:PRODUCT[:SERIAL]`` in hexadecimal,
or by the serial number of its USB device alone; the last two stay the same in any socket.
The arrival time of bytes is taken in the thread right after the read, so a busy program does not distort it.
"""

from __future__ import annotations

import errno
import os
import re
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import serial
from serial.tools.list_ports import comports

from firmware_protocol import recognise_port
from ingest.links.link import LinkFault

try:
    from termios import error as TerminalError
except ImportError:  # not a POSIX system

    class TerminalError(Exception):  # type: ignore[no-redef]
        """Never raised here."""


SERIAL_ERRORS = (serial.SerialException, OSError, TerminalError)
"""All exceptions of an open port; `termios.error` is not an OSError."""
_READ_BYTES = 4096
"""Largest read: the size of Linux's own buffer of a terminal."""
_FALLBACK_TIMEOUT_S = 0.2
"""Longest wait in a read, s, where the system cannot interrupt it (ours)."""
_USB = re.compile(r"usb:([0-9a-f]{1,4}):([0-9a-f]{1,4})(?::(.+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A serial port of this computer. identity: its name in a kit. family: where its USB ids show it."""

    device: str
    identity: str
    name: str
    vendor: int | None = None
    product: int | None = None
    serial_number: str | None = None
    family: str | None = None


def list_ports() -> list[PortSeen]:
    """The ports that may have a sensor: those on USB or Bluetooth, not those of the mainboard."""
    seen = []
    for port in comports():
        hardware = port.hwid or "n/a"
        if port.vid is None and "rfcomm" not in port.device and (hardware == "n/a" or hardware.upper().startswith("PNP")):
            continue
        family = recognise_port(port.vid, port.pid)
        identity = port.device
        if port.vid is not None and port.pid is not None:
            identity = f"usb:{port.vid:04X}:{port.pid:04X}" + (f":{port.serial_number}" if port.serial_number else "")
        name = port.product or port.description or port.device
        family_name = family.name if family is not None else None
        seen.append(PortSeen(port.device, identity, name, port.vid, port.pid, port.serial_number, family_name))
    return seen


def find_port(identity: str) -> str:
    """Path of the port that a kit names `identity`. Raises `LinkFault` when it is missing or not unique."""
    usb = _USB.fullmatch(identity)
    if usb is None and (os.path.exists(identity) or re.fullmatch(r"COM\d+", identity, re.IGNORECASE)):
        return identity
    remedy = "Plug it in; hiphinge scan --serial shows the ports that are there."
    if usb is None and ("/" in identity or "\\" in identity):
        raise LinkFault("no such port", identity, remedy)
    if usb is not None:
        ids, number = (int(usb[1], 16), int(usb[2], 16)), usb[3]
        found = [p.device for p in list_ports() if (p.vendor, p.product) == ids and number in (None, p.serial_number)]
    else:
        found = [p.device for p in list_ports() if p.serial_number == identity]
    if not found:
        raise LinkFault("no such port", identity, remedy)
    if len(found) > 1:
        several = f"{len(found)} ports answer to this: {', '.join(found)}"
        raise LinkFault(several, identity, "Name its serial number or its path in the kit.", persistent=True)
    return found[0]


def lasting_identity(device: str) -> str | None:
    """A name of this open port that is the same in any socket; None where its USB device has no serial number."""
    path = os.path.realpath(device)
    found = (p for p in list_ports() if p.serial_number and os.path.realpath(p.device) == path)
    return next((p.identity for p in found), None)


def fault_of(error: BaseException, port: str) -> LinkFault:
    """The meaning of an error of pyserial or the system, and its remedy."""
    number = getattr(error, "errno", None)
    text = str(error).lower()
    if number in (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK) or "exclusively lock" in text:
        remedy = "Close the other program (another hiphinge live, a serial monitor) and it goes on by itself."
        return LinkFault("another program has this port open", port, remedy, persistent=True)
    if isinstance(error, serial.SerialTimeoutException):
        return LinkFault("takes nothing that is sent to it", port, "Switch the device off and on; it goes on by itself.")
    if number in (errno.EACCES, errno.EPERM) or "access is denied" in text or "permission" in text:
        if os.name == "posix":
            remedy = "Join the group that owns the port (sudo usermod -aG dialout $USER) and log in again."
        else:
            remedy = "Close other programs that use the port."
        return LinkFault("you may not open this port", port, remedy, persistent=True)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return LinkFault("no such port", port, "Plug it in; hiphinge scan --serial shows the ports that are there.")
    return LinkFault("the port has gone", port, "Plug it in again; it goes on by itself.")


class OpenPort:
    """A port that is open for this program alone, 8N1; `listen` starts its reader thread.

    heard(arrival_ns, data) and gone(fault) are called in the thread; after gone there are no more calls.
    Raises `LinkFault` when the port cannot be opened.
    """

    def __init__(
        self,
        device: str,
        baud: int,
        heard: Callable[[int, bytes], object],
        gone: Callable[[LinkFault], object],
        clock_ns: Callable[[], int],
        *,
        dtr: bool = True,
    ) -> None:
        self._device, self._heard, self._gone, self._clock_ns = device, heard, gone, clock_ns
        self._closing = False
        self._writing = threading.Lock()
        """Held during a write: meanwhile the port must not be closed, or its descriptor could be reused."""
        port: Any = serial.Serial()
        port.port, port.baudrate, port.exclusive = device, baud, True
        port.timeout, port.write_timeout = _FALLBACK_TIMEOUT_S, 1.0
        if not dtr:
            port.dtr = False
        try:
            port.open()
        except SERIAL_ERRORS as error:
            raise fault_of(error, device) from error
        self._port = port
        self._wake: tuple[int, int] | None = os.pipe() if os.name == "posix" else None
        run = self._read_posix if self._wake is not None else self._read_portable
        self._thread = threading.Thread(target=run, name=f"reader of {device}", daemon=True)

    def listen(self) -> None:
        """Begin to read."""
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Send. Raises `LinkFault`.

        Waits for room in the system's buffer, a second at most, and not until the bytes are sent: a device that accepts none
        would block the port and its lock.
        """
        with self._writing:
            if self._closing:
                raise LinkFault("the port has gone", self._device, "It goes on by itself.")
            try:
                self._port.write(data)
            except SERIAL_ERRORS as error:
                raise fault_of(error, self._device) from error

    def close(self, *, discard: bool = False) -> None:
        """End the thread, then close the port; never raises, and may be called twice.

        discard: drop unsent bytes, for which the system would otherwise wait up to half a minute.
        """
        if self._closing:
            return
        self._closing = True
        if self._wake is not None:
            os.write(self._wake[1], b"x")
        if self._thread.ident is not None:
            self._thread.join()
        with self._writing, suppress(*SERIAL_ERRORS):
            try:
                if discard:
                    self._port.reset_output_buffer()
            finally:
                self._port.close()
        if self._wake is not None:
            for end in self._wake:
                os.close(end)

    def _read_posix(self) -> None:
        assert self._wake is not None
        fd, wake = self._port.fileno(), self._wake[0]
        while True:
            try:
                ready, _, _ = select.select([fd, wake], [], [])
                if wake in ready:
                    return
                data = os.read(fd, _READ_BYTES)
            except BlockingIOError:
                continue
            except SERIAL_ERRORS as error:
                self._gone(fault_of(error, self._device))
                return
            arrival_ns = self._clock_ns()
            if not data:
                self._gone(LinkFault("the port has gone", self._device, "Plug it in again; it goes on by itself."))
                return
            self._heard(arrival_ns, data)

    def _read_portable(self) -> None:
        while not self._closing:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except SERIAL_ERRORS as error:
                self._gone(fault_of(error, self._device))
                return
            arrival_ns = self._clock_ns()
            if data:
                self._heard(arrival_ns, data)
