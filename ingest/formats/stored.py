"""Samples of one sensor as an importer finds them, however many: in memory or, beyond a bound, in a file without a name.

They are appended and read again in blocks, so an import needs memory for a block and not for the recording. The file goes with
the process, however that ends, and is readable by its owner alone.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from body_signals import Bools, Floats, HiphingeError
from ingest.formats.plausible import FASTEST_RAD_S, QUATERNION_NORM_TOLERANCE
from ingest.formats.samples import PlainSamples

_MEMORY_BYTES = 32 << 20
"""Samples that stay in memory, bytes for each sensor (ours): an hour at 100 Hz."""
_BLOCK = 1 << 16
"""Samples of a block (ours)."""
_EXCERPT, _STRETCH = 1 << 19, 1 << 13
"""Samples from which a recording is judged by an excerpt, and those of each stretch of it (ours)."""


class StoredSamples:
    """Samples of one sensor in order of time, SI units. scratch: folder for the file."""

    def __init__(self, *, gyr: bool, quat: bool, mag: bool, scratch: Path | None = None) -> None:
        self._widths = {"time_s": 1, "acc": 3} | ({"gyr": 3} if gyr else {}) | ({"quat": 4} if quat else {})
        self._widths |= {"mag_ut": 3} if mag else {}
        self._width = sum(self._widths.values())
        self._file = tempfile.SpooledTemporaryFile(_MEMORY_BYTES, dir=None if scratch is None else str(scratch))  # noqa: SIM115 - it lives as long as the samples
        weakref.finalize(self, self._file.close)
        self._scratch = scratch
        self._n = 0
        self._remarkable: dict[str, int] = {}

    @classmethod
    def of(cls, samples: PlainSamples) -> StoredSamples:
        """These samples."""
        stored = cls(gyr=samples.gyr is not None, quat=samples.quat is not None, mag=samples.mag_ut is not None)
        stored.append(samples)
        return stored

    def __len__(self) -> int:
        return self._n

    def append(self, samples: PlainSamples) -> None:
        """Add samples, which are later than those before. Raises `HiphingeError` when the disk is full."""
        table = np.column_stack([getattr(samples, name) for name in self._widths])
        self._note("gyr", samples.gyr, lambda gyr: np.abs(gyr).max(axis=1) > FASTEST_RAD_S)
        self._note("quat", samples.quat, lambda q: np.abs(np.linalg.norm(q, axis=1) - 1.0) > QUATERNION_NORM_TOLERANCE)
        try:
            self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(table, np.float64).tobytes())
        except OSError as error:
            where = str(self._scratch or tempfile.gettempdir())
            remedy = "Free space there: an import needs about as much as the recording, for the time that it runs."
            raise HiphingeError(f"samples cannot be kept: {error.strerror}", where, remedy) from error
        self._n += len(samples)

    def blocks(self) -> Iterator[PlainSamples]:
        """The samples, in blocks."""
        for first in range(0, self._n, _BLOCK):
            yield self._read(first, min(first + _BLOCK, self._n))

    def whole(self) -> PlainSamples:
        """All samples at once, which for a long recording take their memory."""
        return self._read(0, self._n)

    @property
    def time_s(self) -> Floats:
        """Session times (n,) of all samples."""
        return np.ascontiguousarray(self.whole().time_s)

    @property
    def acc(self) -> Floats:
        """Specific force (n, 3) of all samples, m/s²."""
        return self.whole().acc

    @property
    def gyr(self) -> Floats | None:
        """Angular rate (n, 3) of all samples, rad/s, or None."""
        return self.whole().gyr

    @property
    def quat(self) -> Floats | None:
        """Device orientation (n, 4) of all samples, or None."""
        return self.whole().quat

    @property
    def mag_ut(self) -> Floats | None:
        """Magnetic field (n, 3) of all samples, µT, or None."""
        return self.whole().mag_ut

    @property
    def first_s(self) -> float:
        """Session time of the first sample."""
        return float(self._read(0, 1).time_s[0])

    @property
    def last_s(self) -> float:
        """Session time of the last sample."""
        return float(self._read(self._n - 1, self._n).time_s[0])

    def excerpt(self) -> PlainSamples:
        """Samples by which the recording is judged: all of a short one, else stretches spread over it and those with an
        impossible rate or orientation."""
        if self._n <= _EXCERPT:
            return self.whole()
        spread = np.linspace(0, self._n - _STRETCH, _EXCERPT // _STRETCH).astype(np.int64).tolist()
        starts = sorted({*spread, *(min(row, self._n - _STRETCH) for row in self._remarkable.values())})
        parts = [np.arange(start, start + _STRETCH) for start in starts]
        _, first = np.unique(np.concatenate(parts), return_index=True)
        return self._samples(np.concatenate([self._table(start, start + _STRETCH) for start in starts])[first])

    def _note(self, name: str, values: Floats | None, impossible: Callable[[Floats], Bools]) -> None:
        if values is None or name in self._remarkable:
            return
        found = np.flatnonzero(impossible(values))
        if len(found):
            self._remarkable[name] = self._n + int(found[0])

    def _read(self, first: int, end: int) -> PlainSamples:
        return self._samples(self._table(first, end))

    def _table(self, first: int, end: int) -> Floats:
        self._file.seek(first * self._width * 8)
        return np.frombuffer(self._file.read((end - first) * self._width * 8)).reshape(-1, self._width)

    def _samples(self, table: Floats) -> PlainSamples:
        at, found = 0, {}
        for name, width in self._widths.items():
            found[name] = np.ascontiguousarray(table[:, at] if name == "time_s" else table[:, at : at + width])
            at += width
        return PlainSamples(**found)
