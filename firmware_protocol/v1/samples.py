"""The DATA message of protocol v1: header of 20 bytes, then samples as int16; encoder and array decoder.

A run is a row of DATA messages of one shape (count, layout, epoch), viewed as one structured array; a single message
is a run of one, so that many at once and one by one are the same arithmetic, bit for bit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body_signals import Bools, Floats
from firmware_protocol.unit_quaternion import BAD_NORM
from firmware_protocol.v1.messages import VERSION, Config, Kind

DATA_HEADER = struct.Struct("<BBHIIIBBBB")
"""kind, version, sequence, first index, first time µs, span µs, count, layout, epoch, flags."""
ACC_GYR_VALUES, QUAT_VALUES = 6, 4
QUAT_SCALE = 1.0 / 32767.0
"""Per LSB, by docs/protocol-v1.md, as the following are."""
TEMPERATURE_SCALE = 0.01
"""°C per LSB."""
MAX_COUNT = 255
"""Samples of a message: the count is a byte."""
_WITHOUT_FLAGS = 0x00FFFFFF
"""Of a message's shape, all but its flags."""
_LOOKED_AT_FIRST = 256
"""Messages after the first that are looked at together, at first, for the end of a run (ours)."""
_FULL = 32767
"""A raw value of this size, or beyond, is at the end of its range."""


class Layout(IntFlag):
    """Optional content of a DATA message besides acceleration and angular rate."""

    TEMPERATURE = 1 << 0
    QUATERNION = 1 << 1


UNKNOWN_LAYOUT = int(0xFF ^ (Layout.TEMPERATURE | Layout.QUATERNION))
"""Layout bits of a later revision. (`~` of an IntFlag would clear them: it knows only its own bits.)"""


class Flag(IntFlag):
    """Flags of a DATA message."""

    SATURATED = 1 << 0
    OVERRUN = 1 << 1


# as numbers: an IntFlag takes longer than all else that a message needs of it
TEMPERATURE, QUATERNION = int(Layout.TEMPERATURE), int(Layout.QUATERNION)
SATURATED, OVERRUN = int(Flag.SATURATED), int(Flag.OVERRUN)


def data_length(count: int, layout: int) -> int:
    """Bytes of a DATA message."""
    temperature = 2 if layout & TEMPERATURE else 0
    return DATA_HEADER.size + 2 * count * _values(layout) + temperature


def _values(layout: int) -> int:
    return ACC_GYR_VALUES + (QUAT_VALUES if layout & QUATERNION else 0)


def encode_data(
    config: Config,
    sequence: int,
    first_index: int,
    first_time_us: int,
    span_us: int,
    acc: Floats,
    gyr: Floats,
    *,
    temperature_c: float | None = None,
    quat: Floats | None = None,
    overrun: bool = False,
) -> bytes:
    """The DATA message of n samples.

    acc (n, 3) m/s², gyr (n, 3) rad/s, quat (n, 4) w x y z. The u16 and u32 fields wrap; values beyond int16 saturate
    and set the flag. Raises ValueError for n outside 1 to 255, other shapes, and values that are not finite.
    """
    n = len(acc)
    if not 1 <= n <= MAX_COUNT:
        raise ValueError(f"a DATA message holds 1 to {MAX_COUNT} samples, not {n}")
    columns = [np.asarray(acc, np.float64) / config.acc_scale, np.asarray(gyr, np.float64) / config.gyr_scale]
    shapes = [(n, 3), (n, 3)]
    layout = Layout(0)
    if quat is not None:
        columns.append(np.asarray(quat, np.float64) / QUAT_SCALE)
        shapes.append((n, 4))
        layout |= Layout.QUATERNION
    if [c.shape for c in columns] != shapes:
        raise ValueError(f"shapes {[c.shape for c in columns]}, expected {shapes}")
    values = np.concatenate(columns, axis=1)
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite")
    raw = np.clip(np.rint(values), -32768, 32767).astype("<i2")
    flags = Flag.OVERRUN if overrun else Flag(0)
    if (np.abs(raw[:, :ACC_GYR_VALUES].astype(np.int32)) >= _FULL).any():
        flags |= Flag.SATURATED
    tail = b""
    if temperature_c is not None:
        layout |= Layout.TEMPERATURE
        tail = struct.pack("<h", max(-32768, min(32767, round(temperature_c / TEMPERATURE_SCALE))))
    header = DATA_HEADER.pack(
        Kind.DATA,
        VERSION,
        sequence & 0xFFFF,
        first_index & 0xFFFFFFFF,
        first_time_us & 0xFFFFFFFF,
        span_us & 0xFFFFFFFF,
        n,
        layout,
        config.epoch,
        flags,
    )
    return header + raw.tobytes() + tail


@lru_cache(maxsize=256)
def _record(length: int, count: int, layout: int, well_formed: bool) -> np.dtype[Any]:
    names: list[str] = ["form", "index", "time", "span", "shape"]
    formats: list[Any] = ["<u2", "<u4", "<u4", "<u4", "<u4"]
    offsets = [0, 4, 8, 12, 16]
    if well_formed:
        names.append("samples")
        formats.append(("<i2", (count, _values(layout))))
        offsets.append(DATA_HEADER.size)
        if layout & TEMPERATURE:
            names.append("temperature")
            formats.append("<i2")
            offsets.append(length - 2)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": length})


@dataclass(frozen=True, slots=True)
class Run:
    """DATA messages of one shape that lie one after another. `well_formed`: their length fits count and layout."""

    records: NDArray[np.void]
    count: int
    layout: int
    epoch: int
    well_formed: bool
    flags: int
    """Flags that are set in any of the messages."""

    def __len__(self) -> int:
        return len(self.records)


def find_run(data: bytes, offset: int, length: int, most: int) -> Run:
    """The longest run, at most `most` messages of `length` bytes, that begins with the DATA message at `offset`."""
    count, layout, epoch = data[offset + 16], data[offset + 17], data[offset + 18]
    well_formed = count > 0 and not layout & UNKNOWN_LAYOUT and length == data_length(count, layout)
    records = np.frombuffer(data, _record(length, count, layout, well_formed), most, offset)
    # twice as far each time: a run that soon ends must not cost as much as all that follows it
    looked, further = 1, _LOOKED_AT_FIRST
    while looked < len(records):
        part = records[looked : looked + further]
        other = (part["form"] != records["form"][0]) | ((part["shape"] ^ records["shape"][0]) & _WITHOUT_FLAGS != 0)
        if other.any():
            records = records[: looked + int(other.argmax())]
            break
        looked, further = looked + len(part), 2 * further
    return Run(records, count, layout, epoch, well_formed, int(np.bitwise_or.reduce(records["shape"])) >> 24)


def sample_times(first_us: NDArray[np.int64], span_us: NDArray[np.uint32], count: int) -> Floats:
    """Device time (p * count,) in seconds: sample i of a message is at first + span * i / (count - 1)."""
    if count == 1:
        return first_us / 1e6
    part = np.arange(count) / (count - 1)
    return ((first_us[:, None] + span_us[:, None] * part) / 1e6).ravel()


def scaled(run: Run, config: Config) -> tuple[Floats, Floats, Floats | None, Bools, int]:
    """acc (n, 3), gyr (n, 3), quat (n, 4) or None, saturated (n,), and the number of invalid quaternions (NaN there).

    A message that says saturated while no raw value is at the end of its range is marked as a whole.
    """
    raw = run.records["samples"].reshape(len(run) * run.count, -1)
    acc, gyr = raw[:, :3] * config.acc_scale, raw[:, 3:6] * config.gyr_scale
    saturated: Bools = np.zeros(len(raw), np.bool_)
    motion = raw[:, :ACC_GYR_VALUES]
    if motion.max() >= _FULL or motion.min() <= -_FULL:
        saturated = np.any((motion >= _FULL) | (motion <= -_FULL), axis=1)
    if run.flags & SATURATED:
        flagged = (run.records["shape"] >> 24) & SATURATED != 0
        per_message = saturated.reshape(len(run), run.count)
        saturated = (per_message | (flagged & ~per_message.any(axis=1))[:, None]).ravel()
    if not run.layout & QUATERNION:
        return acc, gyr, None, saturated, 0
    quat = raw[:, ACC_GYR_VALUES:] * QUAT_SCALE
    w, x, y, z = quat.T
    norm = np.sqrt(w * w + x * x + y * y + z * z)
    bad = np.abs(norm - 1.0) > BAD_NORM
    quat /= np.where(bad, np.nan, norm)[:, None]
    return acc, gyr, quat, saturated, int(bad.sum())
