"""WitMotion on a serial line (WT901, JY901, HWT901, BWT901CL over USB): frames of 11 bytes, 55, type, data, sum.

The Bluetooth models send their frames of 20 bytes over the USB cable too (`long_frames`). These have no sum: the first is
taken where another one follows it, the next ones where they follow it at once. Frames of another length under the same header,
such as those of vibration sensors, are no motion and are skipped.

A sample is a run of frames of rising type; we ask for time (50), acceleration (51), angular rate (52) and quaternion
(59), content 0x0207. A run that lacks one of them is no sample: it is counted as ``incomplete``, and its sample is
missing on the clock. A sensor that sends other contents all the same is followed after `ADOPT_AFTER` equal runs. It sends
all the time, also before it is told how: what came then is no loss, and none is counted until its samples follow each
other at the rate asked for.
After a wrong sum one byte is dropped and the search goes on, as the maker's C library does.

Sources: WIT standard communication protocol; WITMOTION/WitStandardProtocol_JY901; storborg/witmotion.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from body_signals import Floats, SampleBlock, Setting
from firmware_protocol.codec import Health
from firmware_protocol.device import Clock, DeviceFamily, Request, SerialAccess, Step
from firmware_protocol.device_clock import NO_STAMP, DeviceClock, Stamp
from firmware_protocol.families.witmotion.frames import (
    ACC_SCALE,
    CONFIG_WORDS,
    GYR_SCALE,
    HEADER,
    QUAT_SCALE,
    USABLE_RATES_HZ,
    Register,
    acceleration,
    angles,
    angular_rate,
    decode_command,
    motion,
    quaternion,
    settings,
    to_raw,
)
from firmware_protocol.families.witmotion.long_frames import (
    DATA,
    LONG_FRAME,
    data_fields,
    data_motion,
    register_fields,
    take_registers,
)
from firmware_protocol.families.witmotion.long_frames import REGISTERS as LONG_REGISTERS
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import NO_QUATERNION, SampleRows
from firmware_protocol.unit_quaternion import norm_of, unit

FAMILY = "witmotion-serial"
FRAME = 11
TIME, ACC, GYR, ANGLE, MAG, PORT, PRESSURE, LONLAT, GPS, QUAT, ACCURACY = range(0x50, 0x5B)
REGISTERS = 0x5F
FIRST, LAST = 0x50, 0x5F
DEFAULT_CONTENT = 0x001E
"""What a sensor sends as it leaves the factory: 51 52 53 54."""
OUR_CONTENT = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 9
"""Time, acceleration, angular rate, quaternion."""
ADOPT_AFTER = 50
"""Equal runs after which contents that were not asked for are followed (ours)."""
_LONG_HEADERS = (bytes((HEADER, DATA)), bytes((HEADER, LONG_REGISTERS)))
TICK_S = 1e-3
_EPOCH = date(2000, 1, 1)
_CLOCK, _MOTION, _QUATERNION = struct.Struct("<6BH"), struct.Struct("<6h"), struct.Struct("<4h")


class _Frames:
    """Cuts a byte stream into frames."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.rest = b""
        self._skipping = False
        self._long = False
        """Whether the last frame was a long one, and ended where the next one begins."""

    def feed(self, data: bytes) -> list[bytes]:
        """Frames completed by `data`, whole; what is none is counted and skipped."""
        data = self.rest + data
        frames, at, end = [], 0, len(data)
        while at < end:
            if data[at:] == b"\x55":
                break
            if _begins_long(data, at):
                if at + LONG_FRAME > end:
                    break
                follows = at + LONG_FRAME
                if not self._long and follows + 2 > end and data[follows:] in (b"", b"\x55"):
                    break
                if self._long or _begins_long(data, follows):
                    frames.append(data[at:follows])
                    self._long, self._skipping, at = True, False, follows
                    continue
            self._long = False
            if data[at] != HEADER or (at + 1 < end and not FIRST <= data[at + 1] <= LAST):
                if not self._skipping:
                    self._health.count("garbage")
                    self._skipping = True
                following = data.find(HEADER, at + 1)
                at = end if following < 0 else following
                continue
            if at + FRAME > end:
                break
            frame = data[at : at + FRAME]
            if (sum(frame) - frame[-1] - frame[-1]) & 0xFF:
                self._health.count("checksum")
                self._skipping = True
                at += 1
                continue
            self._skipping = False
            frames.append(frame)
            at += FRAME
        self.rest = data[at:]
        return frames


def _begins_long(data: bytes, at: int) -> bool:
    """Whether a frame of 20 bytes may begin here."""
    return data[at : at + 2] in _LONG_HEADERS


class _Runs:
    """Groups frames into samples: the frames of one rising run, by type, once all that are expected are there."""

    def __init__(self, content: int, health: Health, adopt: bool) -> None:
        self._health = health
        self._expect(frozenset(FIRST + bit for bit in range(16) if content >> bit & 1))
        self._adopt = adopt
        self._run: dict[int, bytes] = {}
        self._given = False
        self._last = 0
        self._other: frozenset[int] = frozenset()
        self._others = 0

    def _expect(self, kinds: frozenset[int]) -> None:
        self._expected = kinds
        self._closing = max(kinds, default=0)
        """Types rise in a run, so that this one completes it."""

    def take(self, frame: bytes) -> dict[int, bytes] | None:
        """The sample that this frame completes, or None."""
        kind = frame[1]
        if kind == REGISTERS:
            return None
        if kind <= self._last:
            self._close()
        self._last = kind
        self._run[kind] = frame
        if kind != self._closing or not self._expected <= self._run.keys():
            return None
        self._given = True
        return self._run

    def _close(self) -> None:
        if not self._given:
            self._health.count("incomplete")
        kinds = self._run.keys()
        if self._adopt and kinds != self._expected:
            self._others = self._others + 1 if kinds == self._other else 1
            self._other = frozenset(kinds)
            if self._others == ADOPT_AFTER and {ACC, GYR} <= kinds:
                self._expect(self._other)
                self._health.count("content_changed")
        else:
            self._others = 0
        self._run = {}
        self._given = False


def clock_ms(frame: bytes) -> int | None:
    """Milliseconds since 2000 of a time frame; None when it is no date."""
    year, month, day, hour, minute, second, ms = _CLOCK.unpack_from(frame, 2)
    if hour > 23 or minute > 59 or second > 59 or ms > 999:
        return None
    days = _days(year, month, day)
    return None if days is None else ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms


@lru_cache(maxsize=16)
def _days(year: int, month: int, day: int) -> int | None:
    """Days since 2000 of a date, which changes once a day; None when it is none."""
    try:
        return (date(2000 + year, month, day) - _EPOCH).days
    except ValueError:
        return None


def frame_fields(frame: bytes) -> Fields | str:
    """SI values of a frame, or the word under which its fault is counted."""
    if len(frame) == LONG_FRAME:
        return data_fields(frame) if frame[1] == DATA else register_fields(frame) or "bad_quaternion"
    kind = frame[1]
    a, b, c, d = struct.unpack_from("<4h", frame, 2)
    fields: Fields = {"type": kind}
    if kind == TIME:
        ms = clock_ms(frame)
        if ms is None:
            return "parse"
        moment = datetime(2000, 1, 1) + timedelta(milliseconds=ms)
        fields["clock"] = moment.isoformat(timespec="milliseconds")
    elif kind == ACC:
        fields |= {"acc": list(acceleration(a, b, c)), "temp_c": d / 100.0}
    elif kind == GYR:
        fields["gyr"] = list(angular_rate(a, b, c))
    elif kind == ANGLE:
        fields |= {"euler": list(angles(a, b, c)), "version": d & 0xFFFF}
    elif kind == MAG:
        fields |= {"mag_raw": [a, b, c], "temp_c": d / 100.0}
    elif kind == PORT:
        fields["ports"] = [a, b, c, d]
    elif kind == PRESSURE:
        pressure, height = struct.unpack_from("<2i", frame, 2)
        fields |= {"pressure_pa": pressure, "height_m": height / 100.0}
    elif kind == QUAT:
        quat = quaternion((a, b, c, d))
        if norm_of(quat) is None:
            return "bad_quaternion"
        fields["quat"] = list(quat)
    elif kind == REGISTERS:
        fields["regs"] = [a, b, c, d]
    elif kind in (LONLAT, GPS, ACCURACY):
        fields["data"] = frame[2:10].hex()
    else:
        return "unknown_type"
    return fields


class Reader(StrictReader):
    """Packets of a byte stream; see `firmware_protocol.packets.PacketReader`.

    config: with ``group`` true, frames are also joined into samples of the content ``rsw``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self.health)
        content = int(number(config, "rsw", DEFAULT_CONTENT))
        self._runs = _Runs(content, self.health, adopt=False) if config.get("group") else None

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for frame in self._frames.feed(data):
            fields = frame_fields(frame)
            if isinstance(fields, str):
                self.health.count(fields)
                continue
            run = self._runs.take(frame) if self._runs is not None and len(frame) == FRAME else None
            packets.append(Packet(fields, sample=None if run is None else _sample_fields(run)))
        return packets


def _sample_fields(run: dict[int, bytes]) -> Fields:
    merged: Fields = {}
    for frame in run.values():
        fields = frame_fields(frame)
        if isinstance(fields, dict):
            merged |= fields
    return {name: value for name, value in merged.items() if name not in ("type", "temp_c", "version")}


class WitMotionSerialCodec(PacketwiseCodec):
    """Family ``witmotion-serial``; see `firmware_protocol.codec.Codec`.

    content: what the sensor was told to send. Without time frames loss is not exact: only runs that came incomplete
    are known.
    """

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0, content: int = OUR_CONTENT) -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self._health)
        self._runs = _Runs(content, self._health, adopt=True)
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S, wrap=0, settles=True)
        self._timed: bool | None = None
        self._incomplete = 0

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        blocks: list[SampleBlock] = []
        rows = SampleRows()
        shape: tuple[bool, bool] | None = None
        for packet, data in enumerate(packets_in):
            for frame in self._frames.feed(data):
                if len(frame) == LONG_FRAME:
                    if frame[1] != DATA:
                        take_registers(frame, self._facts, self._health)
                        continue
                    if shape is not None and shape != (False, False):
                        blocks.append(self._block(rows, shape[0]))
                        rows = SampleRows()
                    shape = (False, False)
                    acc, gyr, saturated = data_motion(frame)
                    rows.add(packet, NO_STAMP, acc, gyr, (), saturated)
                    continue
                if ACCURACY < frame[1] < REGISTERS:
                    self._health.count("unknown_type")
                    continue
                run = self._runs.take(frame)
                if run is None or ACC not in run or GYR not in run:
                    continue
                stamp = self._stamp(run)
                if stamp is None:
                    continue
                of_run = (TIME in run, QUAT in run)
                if of_run != shape:
                    if rows and shape is not None:
                        blocks.append(self._block(rows, shape[0]))
                    rows, shape = SampleRows(), of_run
                acc, gyr, saturated = motion(_MOTION.unpack(run[ACC][2:8] + run[GYR][2:8]))
                rows.add(packet, stamp, acc, gyr, self._quaternion(run[QUAT]) if of_run[1] else (), saturated)
        return [*blocks, self._block(rows, shape[0])] if rows and shape is not None else blocks

    def _block(self, rows: SampleRows, timed: bool) -> SampleBlock:
        return rows.block(self._rate_hz, self._health, TICK_S if timed else None, lost_exact=timed)

    def _stamp(self, run: dict[int, bytes]) -> Stamp | None:
        """The place of a run on the clock; None when its clock says nothing or the same as before."""
        lost = self._health.counts.get("incomplete", 0) - self._incomplete
        self._incomplete += lost
        if TIME not in run:
            begins, changed, self._timed = self._timed is None, self._timed is True, False
            # what came before the first sample was not what the sensor was told to send: it was not configured yet
            return Stamp(0, 0 if begins else lost, changed)
        ms = clock_ms(run[TIME])
        if ms is None:
            self._health.count("bad_clock")
            return None
        if self._clock.repeated(ms):
            self._health.count("repeated")
            return None
        stamp = self._clock.stamp(ms)
        if self._timed is False:
            stamp = Stamp(stamp.ticks, 0, True)
        self._timed = True
        return stamp

    def _quaternion(self, frame: bytes) -> tuple[float, ...]:
        """w x y z of norm 1; where it is none, it is missing."""
        quat = unit(quaternion(_QUATERNION.unpack_from(frame, 2)))
        if quat is None:
            self._health.count("bad_quaternion")
            return NO_QUATERNION
        return quat


def encode_frame(kind: int, data: bytes) -> bytes:
    """A frame of this type with its eight bytes of data."""
    frame = bytes((HEADER, kind)) + data
    return frame + bytes((sum(frame) & 0xFF,))


def encode_time(since_2000_s: float) -> bytes:
    """The time frame of a moment, seconds since 2000, held to its millisecond."""
    moment = datetime(2000, 1, 1) + timedelta(milliseconds=round(since_2000_s * 1000.0))
    fields = (moment.year - 2000, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return encode_frame(TIME, struct.pack("<6BH", *fields, moment.microsecond // 1000))


def encode_sample(acc: Floats, gyr: Floats, since_2000_s: float | None = None, quat: Floats | None = None) -> bytes:
    """The frames of one sample: acc (3,) m/s², gyr (3,) rad/s, time if given, quaternion w x y z if given."""
    frames = [] if since_2000_s is None else [encode_time(since_2000_s)]
    frames.append(encode_frame(ACC, to_raw(acc, ACC_SCALE).tobytes() + struct.pack("<h", 2500)))
    frames.append(encode_frame(GYR, to_raw(gyr, GYR_SCALE).tobytes() + bytes(2)))
    if quat is not None:
        frames.append(encode_frame(QUAT, to_raw(quat, QUAT_SCALE).tobytes()))
    return b"".join(frames)


def _content(config: Mapping[str, Setting]) -> int:
    return int(number(config, "content", OUR_CONTENT))


def _configure(request: Request) -> tuple[Step, ...]:
    return settings(request, {Register.CONTENT: _content(request.config)})


WITMOTION_SERIAL = DeviceFamily(
    FAMILY,
    "WitMotion, serial",
    Clock.DEVICE,
    lambda config, rate_hz: WitMotionSerialCodec(rate_hz or 100.0, _content(config)),
    serial=SerialAccess(bauds=(115_200, 9_600, 230_400, 460_800, 921_600, 57_600, 38_400, 19_200)),
    rates_hz=USABLE_RATES_HZ,
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    config_words=CONFIG_WORDS | {"content": "register 0x02, bit n for frames of type 0x50 + n, in place of 0x0207"},
    reader=Reader,
    command=decode_command,
)
