"""A sensor belongs to one program at a time: a lock by its address, which the system drops when the program dies.

BlueZ lets every program of a computer use, and cut, the same connection; a serial port has a lock of its own.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path
from typing import IO

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # not a POSIX system: there the system itself keeps a second program out
    HAS_LOCKS = False


class Claim:
    """On the sensor with this address."""

    def __init__(self, address: str) -> None:
        # behind another bus there are other sensors
        bus = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
        plain = "".join(c for c in address.upper() if c.isalnum()) + (f"-{zlib.crc32(bus.encode()):08x}" if bus else "")
        self._path = Path(tempfile.gettempdir()) / f"hiphinge-sensor-{plain}.lock"
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Claim it; False when another program has it. Where locking is impossible it counts as claimed."""
        if self._file is not None or not HAS_LOCKS:
            return True
        try:
            file = self._path.open("ab")
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
