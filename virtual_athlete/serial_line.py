"""A virtual serial port: a pseudo-terminal behind a name that stays the same when it is unplugged and plugged in again.

Only where the system has pseudo-terminals (`HAS_PSEUDO_TERMINALS`): not on Windows. `PeripheralLine` lets virtual
devices speak through one, paced by time, in a thread of its own; two or more of them are a gateway.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from virtual_athlete.virtual_devices.peripheral import VirtualPeripheral

try:
    import pty
    import tty

    HAS_PSEUDO_TERMINALS = True
except ImportError:  # not a POSIX system
    HAS_PSEUDO_TERMINALS = False

POLL_S = 0.002
"""Between two looks at the port (ours)."""


class VirtualPort:
    """A pseudo-terminal under the name `path`, a symbolic link. Bytes that nobody reads are thrown away, as on a wire."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master: int | None = None

    @property
    def plugged(self) -> bool:
        """Whether the port exists."""
        return self._master is not None

    @property
    def opened(self) -> bool:
        """Whether a program has the port open."""
        if self._master is None:
            return False
        poll = select.poll()
        poll.register(self._master, select.POLLHUP)
        return not poll.poll(0)

    def plug(self) -> None:
        """The port appears."""
        assert self._master is None, "plugged in already"
        master, slave = pty.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        name = os.ttyname(slave)
        # from its first closing on the system tells whether anybody has it open
        os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.unlink(missing_ok=True)
        beside.symlink_to(name)
        beside.replace(self.path)

    def unplug(self) -> None:
        """The port vanishes; a program that has it open gets an error."""
        if self._master is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._master)
            self._master = None

    def read(self) -> bytes:
        """What the program has written."""
        if self._master is None:
            return b""
        try:
            return os.read(self._master, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has it open
                return b""
            raise

    def write(self, data: bytes) -> int:
        """Send to the program; returns how many bytes there was room for."""
        if self._master is None or not self.opened:
            return len(data)
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == errno.EIO:
                return len(data)
            raise


class PeripheralLine:
    """Virtual devices at a port. clock_s: seconds of the devices' carrier. `with` plugs in and unplugs."""

    def __init__(
        self, path: Path, peripherals: Sequence[VirtualPeripheral], clock_s: Callable[[], float] | None = None
    ) -> None:
        self.port, self.peripherals = VirtualPort(path), tuple(peripherals)
        began = time.monotonic()
        self._clock_s = clock_s or (lambda: time.monotonic() - began)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._open = False
        self._rest = b""
        self._thread = threading.Thread(target=self._run, name=f"virtual port {path.name}", daemon=True)

    def __enter__(self) -> PeripheralLine:
        self.port.plug()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._thread.join()
        self.unplug()

    def unplug(self, *, power: bool = False) -> None:
        """Pull the cable; power: the device draws its power from it and boots when it is back."""
        with self._lock:
            if not self.port.plugged:
                return
            self._pump()
            self.port.unplug()
            self._closed()
            self._rest = b""
            if power:
                for peripheral in self.peripherals:
                    peripheral.reboot(self._clock_s())

    def plug(self) -> None:
        """Put the cable back."""
        with self._lock:
            self.port.plug()

    def reboot(self) -> None:
        """The devices begin anew, the port stays; they introduce themselves."""
        with self._lock:
            now = self._clock_s()
            for peripheral in self.peripherals:
                peripheral.reboot(now)
                if self._open:
                    peripheral.connect(now)

    def _run(self) -> None:
        while not self._stopped.wait(POLL_S):
            with self._lock:
                self._pump()

    def _pump(self) -> None:
        now = self._clock_s()
        heard = self.port.read()  # also the last words of a program that has just closed the port
        opened = self.port.opened
        if opened != self._open:
            if opened:
                self._open = True
                for peripheral in self.peripherals:
                    peripheral.connect(now)
            else:
                self._closed()
        for peripheral in self.peripherals:
            if heard:
                peripheral.write(heard, now)
        self._rest = self._rest[self.port.write(self._rest) :] if self._rest else b""
        for peripheral in self.peripherals:
            for out in peripheral.poll(now):
                data = self._rest + out.payload
                self._rest = data[self.port.write(data) :]

    def _closed(self) -> None:
        if self._open:
            self._open = False
            for peripheral in self.peripherals:
                peripheral.disconnect(self._clock_s())
