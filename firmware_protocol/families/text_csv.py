"""Lines of text from a microcontroller: numbers in columns that the configuration names, with their units.

There is no standard for such lines, so nothing is guessed: `columns`, `separator`, `acc_unit`, `gyr_unit` and, with a
time column, `time_unit` say what a line means. A line with another number of columns, with anything but plain numbers,
or with decimal commas is refused and counted (`parse`). A line of names is a heading, an empty line separates captures.
Numbers may carry names, as for a serial plotter (``ax:0.1``): they are then read by these names where they are those of
columns, else by their order, and such lines are counted (`labels`).
The first line after the port was opened may be the end of one and is dropped. Times in ms or µs are taken as the
unsigned 32-bit counters of the Arduino core (millis, micros), which wrap. Times that are printed too coarsely to tell one
sample from the next (two decimals of a second at 200 Hz) only say where the samples lie together: between, they are spread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from body_signals import G0, Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.codec import Health
from firmware_protocol.device import Clock, DeviceFamily, SerialAccess
from firmware_protocol.device_clock import NO_STAMP, DeviceClock, Stamp
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows

FAMILY = "text-csv"
ACC_UNITS = {"m/s^2": 1.0, "m/s²": 1.0, "m/s2": 1.0, "g": G0, "mg": G0 / 1000.0}
GYR_UNITS = {"rad/s": 1.0, "deg/s": math.pi / 180.0, "dps": math.pi / 180.0, "mdps": math.pi / 180_000.0}
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
SEPARATORS = {"comma": b",", "tab": b"\t", "semicolon": b";", "space": None, " ": None}
DEFAULT_COLUMNS = ("ax", "ay", "az", "gx", "gy", "gz")
TIME = ("time", "t", "timestamp", "millis", "micros")
LONGEST_LINE = 1024
"""Longest line, bytes (ours)."""
LARGEST = 1e15
"""Largest number that is accepted (ours); sketches print ``ovf`` from 4e9 on."""
_NUMERIC = b"0123456789+-.eE"
_BLANKS, _AFTER_NAME = bytes.maketrans(b",;\t", b"   "), re.compile(rb" *: *")
_WRAP = 1 << 32
_FINE = 0.5
"""Coarsest step of a time that tells samples apart, as a part of the time between two (ours)."""
_PER_UNIT = 1000
"""Steps of a counter's unit that are kept (ours): it may be printed with decimals, such as micros() / 1000.0."""


Sample = tuple[list[float], list[float], list[float]]
"""acc m/s², gyr rad/s, quat w x y z of one line; each empty where it has no columns."""


def sample_fields(sample: Sample) -> Fields:
    """The values of a line, by name."""
    return {name: values for name, values in zip(("acc", "gyr", "quat"), sample, strict=True) if values}


@dataclass(frozen=True, slots=True)
class Profile:
    """The meaning of a line. separator None: any blank. Positions are those of columns; empty where there are none."""

    columns: tuple[str, ...]
    separator: bytes | None
    time: int | None
    time_s: float
    time_counts: bool
    """Whether time is a counter of 32 bits."""
    acc: tuple[int, ...]
    gyr: tuple[int, ...]
    quat: tuple[int, ...]
    acc_scale: float
    gyr_scale: float
    just_opened: bool

    @classmethod
    def of(cls, config: Mapping[str, Any], just_opened: bool) -> Profile:
        """The profile of a configuration. Raises `HiphingeError` that names the word at fault."""
        given = config.get("columns", DEFAULT_COLUMNS)
        if not isinstance(given, str | list | tuple) or not given:
            raise HiphingeError(f"{given!r} names no columns", "columns", "Write for example time,ax,ay,az,gx,gy,gz.")
        columns = tuple(str(c).strip().lower() for c in (given.split(",") if isinstance(given, str) else given))
        word = str(config.get("separator", ","))
        separator = SEPARATORS[word] if word in SEPARATORS else word.encode()
        if separator == b"" or (separator is not None and separator.translate(None, _NUMERIC) != separator):
            raise HiphingeError(f"{word!r} does not separate numbers", "separator", "Use , ; tab or space.")
        time = next((i for i, name in enumerate(columns) if name in TIME), None)
        unit = str(config.get("time_unit", "ms"))
        return cls(
            columns=columns,
            separator=separator,
            time=time,
            time_s=_unit(config, "time_unit", TIME_UNITS, "ms"),
            time_counts=unit != "s",
            acc=_positions(columns, ("ax", "ay", "az")),
            gyr=_positions(columns, ("gx", "gy", "gz")),
            quat=_positions(columns, ("qw", "qx", "qy", "qz")),
            acc_scale=_unit(config, "acc_unit", ACC_UNITS, "m/s^2"),
            gyr_scale=_unit(config, "gyr_unit", GYR_UNITS, "rad/s"),
            just_opened=bool(config.get("just_opened", just_opened)),
        )

    def sample(self, row: Sequence[float]) -> Sample:
        """The sample from the numbers of one line."""
        acc, gyr = self.acc_scale, self.gyr_scale
        return [row[i] * acc for i in self.acc], [row[i] * gyr for i in self.gyr], [row[i] for i in self.quat]


def _positions(columns: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(columns.index(name) for name in names) if set(names) <= set(columns) else ()


def _unit(config: Mapping[str, Any], word: str, units: Mapping[str, float], default: str) -> float:
    unit = str(config.get(word, default))
    if unit not in units:
        raise HiphingeError(f"unknown unit {unit!r}", word, f"Use one of {', '.join(units)}.")
    return units[unit]


class _Lines:
    """Cuts a byte stream into lines of numbers."""

    def __init__(self, profile: Profile, health: Health) -> None:
        self._profile, self._health = profile, health
        self._allowed = _NUMERIC + b" \t" + (profile.separator or b"\x0b\x0c\r")
        """Bytes allowed in a line of numbers."""
        self.rest = b""
        self.decimals = 0
        """Most decimals of a time so far."""
        self._first = profile.just_opened
        self._too_long = False

    def feed(self, data: bytes) -> list[list[float]]:
        """The rows completed by `data`, one number per column."""
        *lines, rest = (self.rest + data).split(b"\n")
        rows = []
        for line in lines:
            if self._too_long:
                self._too_long = False
                continue
            if self._first:
                self._first = False
                self._health.count("partial_line", 1 if line.strip() else 0)
                continue
            row = self._row(line)
            if row is not None:
                rows.append(row)
        if not self._too_long and len(rest) > LONGEST_LINE:
            self._too_long = True
            self._health.count("partial_line" if self._first else "length")
            self._first = False
        self.rest = b"" if self._too_long else rest
        return rows

    def _row(self, line: bytes) -> list[float] | None:
        if len(line) > LONGEST_LINE:
            self._health.count("length")
            return None
        line = line.strip(b" \r\x00")
        if not line.strip():
            return None
        parts = line.split(self._profile.separator)
        if b":" in line and len(parts) == 1:
            # a plotter takes a comma, a tab or a blank between what is named
            parts = _AFTER_NAME.sub(b":", line.translate(_BLANKS)).split()
        if len(parts) != len(self._profile.columns):
            self._health.count("parse")
            return None
        if b":" in line:
            found = self._unlabelled(parts)
            if found is None:
                self._health.count("parse")
                return None
            parts = found
            line = b" ".join(parts)
        try:
            if line.translate(None, self._allowed):
                raise ValueError
            row = list(map(float, parts))
        except ValueError:
            stripped = [part.strip(b" \t") for part in parts]
            heading = all(part[:1].isalpha() and part.isascii() for part in stripped)
            if not heading or any(part.lower() in (b"nan", b"inf", b"ovf") for part in stripped):
                self._health.count("parse")
            return None
        if max(row) > LARGEST or min(row) < -LARGEST:
            self._health.count("parse")
            return None
        if self._profile.time is not None:
            self.decimals = max(self.decimals, len(parts[self._profile.time].partition(b".")[2].strip()))
        return row

    def _unlabelled(self, parts: list[bytes]) -> list[bytes] | None:
        """The numbers of ``name:number`` in the order of the columns; None where the names are not those of all columns, or one
        is doubled."""
        pairs = [part.partition(b":") for part in parts]
        if not all(colon for _, colon, _ in pairs):
            return None
        columns = self._profile.columns
        names = [name.strip().lower().decode("latin-1") for name, _, _ in pairs]
        self._health.count("labels")
        if not set(names) & set(columns):
            return [number for _, _, number in pairs]
        if set(names) != set(columns) or len(set(columns)) != len(columns):
            return None
        return [pairs[names.index(column)][2] for column in columns]


class _Times:
    """Places rows on the clock of their time column, which is kept in whole thousandths of its unit."""

    def __init__(self, profile: Profile, rate_hz: float) -> None:
        self._position = profile.time
        self._per_unit = _PER_UNIT if profile.time_counts else 1_000_000
        self.tick_s = profile.time_s / self._per_unit
        self._unit_s, self._rate_hz = profile.time_s, rate_hz
        self.clock = DeviceClock(rate_hz, self.tick_s, _WRAP * _PER_UNIT if profile.time_counts else 0)
        self._coarse = DeviceClock(0.0, self.tick_s, _WRAP * _PER_UNIT if profile.time_counts else 0)
        self._before: int | None = None
        """Where the sample before was placed, ticks, while times are coarse."""

    def is_coarse(self, decimals: int) -> bool:
        """Whether times with this number of decimals cannot tell one sample from the next."""
        return self._rate_hz > 0.0 and 10.0**-decimals * self._unit_s > _FINE * (1.0 / self._rate_hz)

    def spread(self, raw: int, decimals: int) -> Stamp:
        """The place of a row whose time is coarse: a sample's time after the one before, and never far from what it says."""
        stamp = self._coarse.stamp(raw)
        period = 1.0 / (self._rate_hz * self.tick_s)
        step = 10.0**-decimals * self._unit_s / self.tick_s
        before, lost, ticks = self._before, 0, float(stamp.ticks)
        if before is not None and not stamp.restart:
            ticks = before + period
            if stamp.ticks - ticks > step + period:
                lost = round((stamp.ticks - before) / period) - 1
                ticks = float(stamp.ticks)
            elif ticks > stamp.ticks + 2.0 * step:
                # the sensor is quicker than its rate: halved, the steps stay in order
                ticks = before + 0.5 * period
            else:
                ticks = max(ticks, float(stamp.ticks))
        self._before = round(ticks)
        return Stamp(self._before, lost, stamp.restart)

    def raw(self, row: list[float]) -> int | None:
        """The stamp of a row; None without a time column."""
        return None if self._position is None else round(row[self._position] * self._per_unit)


class Reader(StrictReader):
    """Packets of a byte stream; see `firmware_protocol.packets.PacketReader`. config: the words of `Profile`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._profile = Profile.of(config, just_opened=False)
        self._buffer = self._lines = _Lines(self._profile, self.health)
        self._times = _Times(self._profile, number(config, "rate_hz", 0.0))

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for row in self._lines.feed(data):
            fields: Fields = {}
            raw, stamp = self._times.raw(row), NO_STAMP
            if raw is not None:
                coarse = self._times.is_coarse(self._lines.decimals)
                stamp = self._times.spread(raw, self._lines.decimals) if coarse else self._times.clock.stamp(raw)
                fields["t"] = stamp.ticks * self._times.tick_s
            packets.append(Packet(fields | sample_fields(self._profile.sample(row)), stamp.lost, stamp.restart))
        return packets


class TextCsvCodec(PacketwiseCodec):
    """Family ``text-csv``; see `firmware_protocol.codec.Codec`. Without a time column samples are counted only.

    rate_hz: None = unknown: 100 Hz is then assumed, and losses are not detected.
    """

    family = FAMILY

    def __init__(self, config: Mapping[str, Any], rate_hz: float | None = None) -> None:
        super().__init__()
        self._profile = Profile.of(config, just_opened=True)
        if not self._profile.acc:
            raise HiphingeError("no columns ax, ay, az", "columns", "Name each column of a line, e.g. time,ax,ay,az,gx,gy,gz.")
        self._buffer = self._lines = _Lines(self._profile, self._health)
        self._exact = rate_hz is not None and self._profile.time is not None
        self._rate_hz = rate_hz or 100.0
        self._times = _Times(self._profile, rate_hz or 0.0)

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        sample, clock, timed = self._profile.sample, self._times.clock, self._profile.time is not None
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for row in self._lines.feed(data):
                stamp = NO_STAMP
                raw = self._times.raw(row)
                if raw is not None and self._times.is_coarse(self._lines.decimals):
                    self._exact = False
                    stamp = self._times.spread(raw, self._lines.decimals)
                elif raw is not None:
                    if clock.repeated(raw):
                        self._health.count("repeated")
                        continue
                    stamp = clock.stamp(raw)
                acc, gyr, quat = sample(row)
                rows.add(packet, stamp, acc, gyr, quat)
        tick_s = self._times.tick_s if timed else None
        return [rows.block(self._rate_hz, self._health, tick_s, lost_exact=self._exact)] if rows else []


def encode_line(config: Mapping[str, Any], acc: Floats, gyr: Floats, time_s: float = 0.0, decimals: int = 6) -> bytes:
    """One line as a sketch of this configuration prints it: acc (3,) m/s², gyr (3,) rad/s; other columns are 0."""
    p = Profile.of(config, just_opened=False)
    values = ["0"] * len(p.columns)
    for places, scale, numbers in ((p.acc, p.acc_scale, acc), (p.gyr, p.gyr_scale, gyr)):
        for place, value in zip(places, numbers, strict=False):
            values[place] = f"{value / scale:.{decimals}f}"
    if p.time is not None:
        values[p.time] = f"{round(time_s / p.time_s) % _WRAP}" if p.time_counts else f"{time_s:.6f}"
    return (p.separator or b" ").decode().join(values).encode() + b"\r\n"


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> TextCsvCodec:
    return TextCsvCodec(config, rate_hz)


TEXT_CSV = DeviceFamily(
    FAMILY,
    "text lines of a microcontroller",
    Clock.NONE,
    _codec,
    serial=SerialAccess(bauds=(115_200, 9_600, 230_400, 921_600, 57_600)),
    config_words={
        "columns": "names of a line's columns in order, of time, ax, ay, az, gx, gy, gz, qw, qx, qy, qz; others are not read",
        "separator": "comma, semicolon, tab, space, or the character itself",
        "acc_unit": "m/s^2, g or mg",
        "gyr_unit": "rad/s, deg/s or mdps",
        "time_unit": "ms, us or s",
        "just_opened": "false: the first line is whole",
    },
    reader=Reader,
)
