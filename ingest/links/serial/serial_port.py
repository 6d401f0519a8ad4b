"""Serial ports: listing them, finding a kit's port, and an open port that a thread reads.

A kit names a port by its path (``/dev/serial/by-id/…``, ``/dev/cu.…``, ``COM3``), by ``usb:VENDOR:PRODUCT[:SERIAL]`` in
hexadecimal, or by the serial number of its USB device alone; the last two stay the same in any socket. Many adapters have no
serial number (CH340), or all the same one (CP2102: 0001). Those are named by their USB place, ``usb:1A86:7523@1-1.2``: the same
socket of the same hub, so such an adapter belongs into its socket.

The arrival time of bytes is taken in the thread right after the read, so a busy program does not distort it.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import serial
from serial.tools.list_ports import comports

from firmware_protocol import recognise_port
from ingest.links.link_fault import LinkFault
from ingest.links.serial.faults import OPENING_ERRORS, SERIAL_ERRORS, absent, fault_of

_READ_BYTES = 4096
"""Largest read: the size of Linux's own buffer of a terminal."""
_FALLBACK_TIMEOUT_S = 0.2
"""Longest wait in a read, s, where the system cannot interrupt it (ours)."""
BY_PLACE = "no serial number of its own: it is known by its USB place, so always plug it into the same socket"
"""What is said of an adapter that only its socket tells from another one."""
BY_PATH = "no USB identity: it is known by the name that this computer gives it"
"""What is said of a port that is not on USB, such as Bluetooth's, or whose place the system hides."""
_USB = re.compile(r"usb:([0-9a-f]{1,4}):([0-9a-f]{1,4})(?::(.+?))?(?:@([^@:]+(?::[^@:]+)?))?", re.IGNORECASE)
_PLACE = re.compile(r"\bLOCATION=(\S+)")
_EVERYBODYS = frozenset({"0001", "0000", "0", "1", "12345678", "123456789", "0123456789ABCDEF", "000000000001"})
"""Serial numbers that makers leave as they come from the chip's factory, in upper case."""
_NOT_SENSORS = ("bluetooth-incoming-port", "debug-console", "wlan-debug", "blth")
"""Ports that macOS itself has, without the beginning of their names."""


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A serial port of this computer. identity: its name in a kit. family: where its USB ids show it. place: of its socket.
    known_by: ``serial number``, ``USB place``, ``kind`` (it is the only one of its kind), or ``path``."""

    device: str
    identity: str
    name: str
    vendor: int | None = None
    product: int | None = None
    serial_number: str | None = None
    family: str | None = None
    place: str | None = None
    known_by: str = "serial number"

    @property
    def kind(self) -> str:
        """Its name without what tells it from others of its kind, as kits named ports without a serial number before."""
        return f"usb:{self.vendor or 0:04X}:{self.product or 0:04X}" + (f":{self.serial_number}" if self.serial_number else "")

    @property
    def remark(self) -> str:
        """What is to be said of how it is known; empty where it can be plugged in anywhere."""
        return {"USB place": BY_PLACE, "path": BY_PATH}.get(self.known_by, "")


def list_ports() -> list[PortSeen]:
    """The ports that may have a sensor: those on USB or Bluetooth, not those of the mainboard. No two have one identity."""
    there = [port for port in comports() if _may_have_a_sensor(port)]
    kinds = [(port.vid, port.pid, port.serial_number or None) for port in there]
    seen = []
    for port, kind in zip(there, kinds, strict=True):
        place, own = _place(port), kind[2] is not None and kind[2].upper() not in _EVERYBODYS
        family = recognise_port(port.vid, port.pid)
        one = PortSeen(
            port.device,
            port.device,
            port.product or port.description or port.device,
            port.vid,
            port.pid,
            kind[2],
            family.name if family is not None else None,
            place,
            "path",
        )
        # one without a serial number is meant by numbers that others of its make have too
        rivals = [other for other in kinds if other[:2] == kind[:2] and kind[2] in (None, other[2])]
        seen.append(_named(one, own=own, alone=len(rivals) == 1))
    return seen


def _named(port: PortSeen, *, own: bool, alone: bool) -> PortSeen:
    """The port with its identity. own: its serial number is one of its own; alone: no other port has the same numbers."""
    if port.vendor is None or port.product is None:
        return port
    if own and alone:
        return replace(port, identity=port.kind, known_by="serial number")
    if port.place is not None:
        return replace(port, identity=f"{port.kind}@{port.place}", known_by="USB place")
    # Windows hides the place of some
    return replace(port, identity=port.kind, known_by="serial number" if port.serial_number else "kind") if alone else port


def _may_have_a_sensor(port: Any) -> bool:
    if port.vid is not None:
        return True
    hardware = (port.hwid or "n/a").upper()
    name = port.device.lower()
    if "rfcomm" in name:
        return True
    if "/cu." in name:
        # Bluetooth on macOS
        return not name.rpartition("/cu.")[2].startswith(_NOT_SENSORS)
    if hardware.startswith("BTHENUM"):
        # of the two that Windows makes for a paired device, the one that calls it
        return "_LOCALMFG" not in hardware
    return not (hardware == "N/A" or hardware.startswith(("PNP", "ACPI")))


def _place(port: Any) -> str | None:
    """Which socket of which hub; of a device with several ports, which of them."""
    told = getattr(port, "location", None)
    if told:
        return str(told)
    found = _PLACE.search(port.hwid or "")
    return found[1] if found else None


def find_port(identity: str) -> str:
    """Path of the port that a kit names `identity`. Raises `LinkFault` when it is missing or not unique."""
    usb = _USB.fullmatch(identity)
    if usb is None and (os.path.exists(identity) or re.fullmatch(r"COM\d+", identity, re.IGNORECASE)):
        return identity
    if usb is None and ("/" in identity or "\\" in identity):
        raise absent(identity)
    ports = list_ports()
    found = [p for p in ports if _answers(p, identity, usb)]
    if not found:
        raise _elsewhere(identity, usb, ports)
    if len(found) > 1:
        several = f"{len(found)} ports answer to this: {', '.join(f'{p.device} ({p.identity})' for p in found)}"
        if any(p.known_by == "USB place" for p in found):
            remedy = "Name each by its USB place (in brackets) in the kit, and always plug it into the same socket."
        else:
            remedy = "Name its serial number or its path in the kit."
        raise LinkFault(several, identity, remedy, persistent=True)
    return found[0].device


def of_its_kind(identity: str) -> tuple[str, ...]:
    """Paths of all ports that have the numbers of this identity, whatever their place; none for a path."""
    usb = _USB.fullmatch(identity)
    if usb is None:
        return ()
    return tuple(p.device for p in list_ports() if _alike(p, usb))


def _answers(port: PortSeen, identity: str, usb: re.Match[str] | None) -> bool:
    if usb is None:
        return port.serial_number == identity
    if port.identity.upper() == identity.upper() or port.kind.upper() == identity.upper():
        return True
    return _alike(port, usb) and usb[4] in (None, port.place)


def _alike(port: PortSeen, usb: re.Match[str]) -> bool:
    ids = (int(usb[1], 16), int(usb[2], 16))
    return (port.vendor, port.product) == ids and usb[3] in (None, port.serial_number)


def _elsewhere(identity: str, usb: re.Match[str] | None, ports: Sequence[PortSeen]) -> LinkFault:
    """No such port; where one of its kind is in another socket, that."""
    others = [p for p in ports if usb is not None and usb[4] is not None and _alike(p, usb)]
    if not others:
        return absent(identity)
    assert usb is not None
    what = (
        f"nothing is plugged in at USB place {usb[4]}; one of its kind is at {', '.join(p.place or p.device for p in others)}"
    )
    remedy = "It has no serial number of its own: plug it into its socket again, or name the new place in the kit."
    return LinkFault(what, identity, remedy)


def lasting_identity(device: str) -> str | None:
    """A name of this open port that is the same in any socket; None where its USB device has no serial number of its own."""
    path = os.path.realpath(device)
    found = (p for p in list_ports() if p.known_by == "serial number" and os.path.realpath(p.device) == path)
    return next((p.identity for p in found), None)


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
        except OPENING_ERRORS as error:
            raise fault_of(error, device, opening=True) from error
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
                raise fault_of(error, self._device, opening=False) from error

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
                self._gone(fault_of(error, self._device, opening=False))
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
                self._gone(fault_of(error, self._device, opening=False))
                return
            arrival_ns = self._clock_ns()
            if data:
                self._heard(arrival_ns, data)
