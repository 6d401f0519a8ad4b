"""Rows on their way to a browser: the latest ones as bytes, and the binary frames that are cut out of them.

A frame is little-endian (docs/live-page.md): the bytes ``HH``, uint8 version, uint8 kind (1: rows), uint32 number of its first
row, uint16 rows, uint16 columns, float64 session time of its first row; then rows × columns float32, NaN where missing. Rows
come as bytes from the session's process: nothing here computes.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from itertools import islice

RATE_HZ = 100
VERSION, KIND_ROWS = 1, 1
HEADER = struct.Struct("<2sBBIHHd")
MAGIC = b"HH"
MOST_BACK = RATE_HZ
"""Rows that a page gets of what it missed: 1 s."""
VALUE_BYTES = 4
_LEAP_S = 1.5 / RATE_HZ
"""Rows further apart than this are no consecutive ticks."""


class RecentRows:
    """The latest second of rows as bytes, numbered from 0; `end` is the number of the row that comes next."""

    def __init__(self, columns: int, kept: int = MOST_BACK) -> None:
        self.columns = columns
        self._rows: deque[tuple[float, bytes]] = deque(maxlen=kept)
        self.end = 0

    def append(self, time_s: Sequence[float], data: bytes) -> None:
        """The next rows, one after the other, at these session times."""
        size = self.columns * VALUE_BYTES
        self._rows.extend((t, data[i * size : (i + 1) * size]) for i, t in enumerate(time_s))
        self.end += len(time_s)

    def frames(self, first: int) -> list[bytes]:
        """The rows from number `first` on, of those that are kept, as frames: one, or several where the ticks leap."""
        first = max(first, self.end - len(self._rows))
        found: list[bytes] = []
        together: list[tuple[float, bytes]] = []
        for row in islice(self._rows, len(self._rows) - (self.end - first), None):
            if together and abs(row[0] - together[-1][0]) > _LEAP_S:
                found.append(frame(first, together[0][0], [data for _, data in together], self.columns))
                first, together = first + len(together), []
            together.append(row)
        if together:
            found.append(frame(first, together[0][0], [data for _, data in together], self.columns))
        return found


def frame(first: int, time_s: float, rows: Sequence[bytes], columns: int) -> bytes:
    """One frame of consecutive rows; they are fewer than 65,536."""
    return HEADER.pack(MAGIC, VERSION, KIND_ROWS, first & 0xFFFFFFFF, len(rows), columns, time_s) + b"".join(rows)
