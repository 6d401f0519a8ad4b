"""A session's rows as its page shows them: columns, and a ring of the latest ones that the session itself looks back to.

They leave for the page's process as bytes; `dashboards.live_page.frames` cuts the frames there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from body_signals import ANGLE_NAMES
from dashboards.live_page.frames import HEADER, KIND_ROWS, MAGIC, RATE_HZ, VERSION

COLUMNS: tuple[str, ...] = (
    *ANGLE_NAMES,
    *(f"{name}_sd" for name in ANGLE_NAMES),
    "quality",
    "lumbar_share_now",
    "lumbar_share_now_sd",
)
"""Degrees, quality flags as a number, shares in percent."""
KEPT_ROWS = 8192
"""80 s of a session, longer than a row can have been seen before it is marked (`body_signals.events.LONGEST_LOOK_NS`)."""
Rows = NDArray[np.float32]


class RowRing:
    """The latest `KEPT_ROWS` rows of a session, numbered from 0; `end` is the number of the row that comes next."""

    def __init__(self, columns: int = len(COLUMNS), kept: int = KEPT_ROWS) -> None:
        self._rows = np.full((kept, columns), np.nan, np.float32)
        self._times = np.full(kept, np.nan)
        self._kept = kept
        self.end = 0

    @property
    def first(self) -> int:
        """The number of the oldest row that is kept."""
        return max(self.end - self._kept, 0)

    def append(self, time_s: NDArray[np.float64], rows: Rows) -> None:
        """The next rows (n, columns) at session times (n,)."""
        n = len(time_s)
        at = (self.end + np.arange(max(n - self._kept, 0), n)) % self._kept
        self._rows[at] = rows[-len(at) :] if len(at) else rows[:0]
        self._times[at] = time_s[-len(at) :] if len(at) else time_s[:0]
        self.end += n

    def at(self, time_s: float) -> Rows | None:
        """The row (columns,) of the tick at `time_s`, to half a tick; None where it is not kept."""
        numbers = np.arange(self.first, self.end)
        times = self._times[numbers % self._kept]
        i = int(np.searchsorted(times, time_s - 0.5 / RATE_HZ))
        if i == len(times) or abs(times[i] - time_s) > 0.5 / RATE_HZ + 1e-9:
            return None
        row: Rows = self._rows[numbers[i] % self._kept]
        return row

    def between(self, start_s: float, end_s: float) -> Rows:
        """The rows (n, columns) from one session time to another, of those that are kept."""
        numbers = np.arange(self.first, self.end)
        times = self._times[numbers % self._kept]
        kept = numbers[(times >= start_s) & (times <= end_s)]
        rows: Rows = self._rows[kept % self._kept]
        return rows


def unframed(data: bytes) -> tuple[int, float, Rows]:
    """Number and session time of a frame's first row, and its rows (n, columns). ValueError for what is no frame."""
    if len(data) < HEADER.size:
        raise ValueError(f"{len(data)} bytes are no frame")
    magic, version, kind, first, n, columns, time_s = HEADER.unpack_from(data)
    if (magic, version, kind) != (MAGIC, VERSION, KIND_ROWS) or len(data) != HEADER.size + 4 * n * columns:
        raise ValueError("not a frame of rows")
    return first, time_s, np.frombuffer(data, "<f4", offset=HEADER.size).reshape(n, columns)


def table(angles: NDArray[np.float64], sd: NDArray[np.float64], quality: NDArray[np.int32]) -> Rows:
    """Rows (n, columns) of a page from angles (A, n) and their uncertainties (A, n) in radians, and flags (n,)."""
    n = angles.shape[1]
    rows = np.full((n, len(COLUMNS)), np.nan, np.float32)
    a = len(ANGLE_NAMES)
    rows[:, :a] = np.degrees(angles).T
    rows[:, a : 2 * a] = np.degrees(sd).T
    rows[:, 2 * a] = quality
    return rows


def as_bytes(rows: Rows) -> bytes:
    """Rows (n, columns) as they are sent: float32, little-endian, one row after the other."""
    return np.ascontiguousarray(rows, "<f4").tobytes()


def dashed(rows: Rows, names: Sequence[str]) -> None:
    """Take these angles, and their uncertainties, out of rows."""
    a = len(ANGLE_NAMES)
    for name in names:
        i = ANGLE_NAMES.index(name)
        rows[:, i] = rows[:, a + i] = np.nan
