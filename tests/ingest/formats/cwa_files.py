"""Files as an AX6 or AX3 writes them, sector by sector, from samples that are known."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from body_signals import G0, Floats, Ints
from tests.ingest.formats.turning import Turning

NOON = datetime(2026, 11, 23, 14, 5, 0, 500_000)
_FIFO = 25
"""After how many samples the device looks at its clock."""


@dataclass
class Ax:
    """How a device records. rate_hz: the true rate, of which the nominal one stands in the file. fraction: of the second in the
    stamps, which old firmware lacks."""

    begin: datetime = NOON
    rate_hz: float = 100.7
    rate_code: int = 10 | 64
    serial: int = 6_012_345
    hardware: int = 0x64
    gyr_code: int = 2
    acc_code: int = 4
    fraction: bool = True
    packed: bool = False
    comment: str = ""
    session: int = 77
    sensor_config: int | None = None
    clock: dict[int, timedelta] = field(default_factory=dict)
    """By sector, from 0: from here on the clock is later by this."""

    def head(self) -> bytes:
        config = self.gyr_code if self.sensor_config is None else self.sensor_config
        head = bytearray(1024)
        struct.pack_into("<2sHBHIH", head, 0, b"MD", 1020, self.hardware, self.serial & 0xFFFF, self.session, self.serial >> 16)
        head[35], head[36], head[41] = config, self.rate_code, 50
        head[64:512] = self.comment.encode().ljust(448)
        head[512:] = b"\xff" * 512
        return bytes(head)

    def sectors(self, counts: Ints) -> list[bytes]:
        """Data sectors of counts (n, 3 or 6)."""
        most = 120 if self.packed else 480 // (2 * counts.shape[1])
        return [self._sector(i, i * most, counts[i * most : (i + 1) * most]) for i in range(-(-len(counts) // most))]

    def _sector(self, number: int, first: int, counts: Ints) -> bytes:
        form = 0x30 if self.packed else counts.shape[1] << 4 | 2
        scales = 0 if self.packed else self.acc_code << 3 | (self.gyr_code if counts.shape[1] > 3 else 0)
        nominal = int(3200 / (1 << (15 - (self.rate_code & 15))))
        at = (first + len(counts) - 1) // _FIFO * _FIFO
        late = sum((d for i, d in self.clock.items() if number >= i), timedelta())
        when = self.begin + timedelta(seconds=at / self.rate_hz) + late
        fraction, offset = round(when.microsecond / 1e6 * 32768) & 0x7FFF, at - first
        if self.fraction:
            offset -= (fraction << 1) * nominal >> 16
        else:
            # the sample at which the second began
            offset -= int(when.microsecond / 1e6 * self.rate_hz)
        raw = packed(counts) if self.packed else counts.astype("<i2").tobytes()
        body = struct.pack(
            "<2sHHIIIHHBBBBhH",
            b"AX",
            508,
            0x8000 | fraction if self.fraction else self.serial & 0x7FFF,
            self.session,
            number,
            stamp(when),
            scales << 10 | 123,
            0xF000 | 287,
            0,
            94,
            self.rate_code,
            form,
            offset,
            len(counts),
        )
        return summed((body + raw).ljust(510, b"\0"))

    def counts(self, motion: Turning) -> Ints:
        """What the sensor would write of a movement."""
        acc = motion.acc / G0 * (1 << (8 + (0 if self.packed else self.acc_code)))
        if self.packed:
            return np.rint(acc).astype(np.int64)
        gyr = np.degrees(motion.gyr) * 32768.0 * (1 << self.gyr_code) / 8000.0
        return np.rint(np.column_stack((gyr, acc))).astype(np.int64)

    def write(self, path: Path, counts: Ints) -> Path:
        path.write_bytes(self.head() + b"".join(self.sectors(counts)))
        return path


def stamp(when: datetime) -> int:
    date = (when.year - 2000) << 26 | when.month << 22 | when.day << 17
    return date | when.hour << 12 | when.minute << 6 | when.second


def packed(counts: Ints) -> bytes:
    """Ten bits for each axis, shifted down until they fit."""
    words = []
    for row in counts.tolist():
        shift = 0
        while any(not -512 <= v >> shift <= 511 for v in row):
            shift += 1
        x, y, z = ((v >> shift) & 0x3FF for v in row)
        words.append(shift << 30 | z << 20 | y << 10 | x)
    return struct.pack(f"<{len(words)}I", *words)


def summed(body: bytes) -> bytes:
    """510 bytes with the checksum that makes the sum of all words zero."""
    return body[:510] + struct.pack("<H", -sum(struct.unpack("<255H", body[:510])) & 0xFFFF)


def edited(sector: bytes, at: int, form: str, value: float) -> bytes:
    """A sector with one field changed, and its checksum."""
    changed = bytearray(sector)
    struct.pack_into(form, changed, at, value)
    return summed(bytes(changed))


def times(motion: Turning) -> Floats:
    """Since the first sample."""
    return motion.time_s - motion.time_s[0]
