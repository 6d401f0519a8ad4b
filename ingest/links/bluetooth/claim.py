"""A sensor belongs to one program at a time: a lock by its address, which the system drops when the program dies.

BlueZ lets every program on a computer use, and close, the same connection. A serial port does not need this: pyserial locks
the device itself.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path

from on_disk import LockFile


class Claim:
    """A claim on the sensor with this address."""

    def __init__(self, address: str) -> None:
        # behind another bus there are other sensors
        bus = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
        plain = "".join(c for c in address.upper() if c.isalnum()) + (f"-{zlib.crc32(bus.encode()):08x}" if bus else "")
        self._lock = LockFile(Path(tempfile.gettempdir()) / f"hiphinge-sensor-{plain}.lock")

    def take(self) -> bool:
        """Claim it; False when another program has it. Where locking is impossible it counts as claimed."""
        try:
            return self._lock.take()
        except OSError:
            # a file of another user, or a full disk: the sensor may still be free
            return True

    def release(self) -> None:
        """Release the sensor."""
        self._lock.release()
