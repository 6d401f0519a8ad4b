"""WitMotion over Wi-Fi (WT901WIFI): frames of 54 bytes, over UDP, TCP and the USB cable alike.

``WT``, ten digits (``55`` and the number of the sensor), the chip's time, acceleration, angular rate, magnetic field, angles,
temperature, battery, radio, version, then CR LF; numbers little-endian. No sum: a frame is taken where head, digits and end are
in their places. The chip's clock begins at zero unless it was set, and then has neither month nor day. The rate is set in the
maker's program; a command for it is in none of the sources.

Sources: WITMOTION/WitWIFI_WT901WIFI, Python SDK (device_model.py, udp_service.py) and Java server; a hexadecimal dump of the
stream in a public guide to the sensor shows the same layout.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from body_signals import Floats, SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.device import Clock, DeviceFamily, SerialAccess
from firmware_protocol.device_clock import DeviceClock
from firmware_protocol.families.witmotion.frames import ACC_SCALE, GYR_SCALE, angles, motion, to_raw
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows, Vector

FAMILY = "witmotion-wifi"
HEAD, END, FRAME = b"WT", b"\r\n", 54
TICK_S = 1e-3
_FRAME = struct.Struct("<2s10s6BH6h3h3hhHhH2s")
_MAG_UT = 100.0 / 1024.0
_VOLTS = (3.96, 3.93, 3.87, 3.82, 3.79, 3.77, 3.73, 3.70, 3.68, 3.50, 3.40)
_PERCENT = (100, 90, 75, 60, 50, 40, 30, 20, 15, 10, 5)
"""What the maker's program shows of a battery above each of these voltages."""


class Frame(NamedTuple):
    """A frame in SI units. time_ms: of the chip's clock, None where it shows no time of day; mag_ut: µT; angles: rad."""

    serial: str
    time_ms: int | None
    acc: Vector
    gyr: Vector
    saturated: bool
    mag_ut: Vector
    angles: Vector
    temp_c: float
    battery_v: float
    rssi_dbm: int
    version: int


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by `data`; what is none is counted and skipped up to the next head."""
        data = self.rest + data
        frames, at = [], 0
        while at < len(data):
            begins = data[at : at + len(HEAD) + 10]
            if not (HEAD.startswith(begins[:2]) and (not begins[2:] or begins[2:].isdigit())):
                at = self._skip(data, at)
            elif at + FRAME > len(data):
                break
            elif data[at + FRAME - len(END) : at + FRAME] != END:
                at = self._skip(data, at)
            else:
                frames.append(frame_of(data[at : at + FRAME]))
                self._skipping = False
                at += FRAME
        self.rest = data[at:]
        return frames

    def _skip(self, data: bytes, at: int) -> int:
        """Where the next frame may begin."""
        if not self._skipping:
            self._health.count("garbage")
            self._skipping = True
        following = data.find(HEAD[:1], at + 1)
        return len(data) if following < 0 else following


def frame_of(data: bytes) -> Frame:
    """The values of a frame whose head and end are in their places."""
    _, serial, year, month, day, hour, minute, second, ms, *raw = _FRAME.unpack(data)
    acc, gyr, saturated = motion(tuple(raw[:6]))
    mx, my, mz, roll, pitch, yaw, temperature, battery, rssi, version, _ = raw[6:]
    mag_ut = (mx * _MAG_UT, my * _MAG_UT, mz * _MAG_UT)
    time_ms = None
    if hour < 24 and minute < 60 and second < 60 and ms < 1000 and (days := _days(year, month, day)) is not None:
        time_ms = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms
    turned = angles(roll, pitch, yaw)
    told = (temperature / 100.0, battery / 100.0, rssi, version)
    return Frame(serial.decode("ascii"), time_ms, acc, gyr, saturated, mag_ut, turned, *told)


def _days(year: int, month: int, day: int) -> int | None:
    """Days since 2000, or since the sensor was switched on where its date was never set; None where it is no date."""
    if month == 0:
        return day if day < 32 else None
    try:
        return (date(2000 + year, month, day) - date(2000, 1, 1)).days
    except ValueError:
        return None


def battery_percent(volts: float) -> int:
    """What the maker's program shows at this voltage."""
    return next((percent for above, percent in zip(_VOLTS, _PERCENT, strict=True) if volts > above), 0)


class Reader(StrictReader):
    """Packets of a byte stream; see `firmware_protocol.packets.PacketReader`. config: ``rate_hz``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._buffer = self._frames = Frames(self.health)
        self._clock = DeviceClock(number(config, "rate_hz", 0.0), TICK_S, wrap=0, settles=True)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for frame in self._frames.feed(data):
            if frame.time_ms is None:
                self.health.count("bad_clock")
                continue
            fields: Fields = {"serial": frame.serial, "acc": list(frame.acc), "gyr": list(frame.gyr)}
            fields |= {"mag_ut": list(frame.mag_ut), "euler": list(frame.angles), "temp_c": frame.temp_c}
            fields |= {"battery_v": frame.battery_v, "rssi_dbm": frame.rssi_dbm, "version": frame.version}
            stamp = self._clock.stamp(frame.time_ms)
            packets.append(Packet({"t": stamp.ticks * TICK_S, **fields}, stamp.lost, stamp.restart))
        return packets


class WitMotionWifiCodec(PacketwiseCodec):
    """Family ``witmotion-wifi``; see `firmware_protocol.codec.Codec`. rate_hz: None where it is not stated; then no loss is
    found on the clock."""

    family = FAMILY

    def __init__(self, rate_hz: float | None = None) -> None:
        super().__init__()
        self._buffer = self._frames = Frames(self._health)
        self._rate_hz, self._exact = rate_hz or 100.0, rate_hz is not None
        self._clock = DeviceClock(rate_hz or 0.0, TICK_S, wrap=0, settles=True)

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for frame in self._frames.feed(data):
                if frame.time_ms is None:
                    self._health.count("bad_clock")
                elif self._clock.repeated(frame.time_ms):
                    self._health.count("repeated")
                else:
                    self._note(packet, frame)
                    rows.add(packet, self._clock.stamp(frame.time_ms), frame.acc, frame.gyr, (), frame.saturated)
        return [rows.block(self._rate_hz, self._health, TICK_S, lost_exact=self._exact)] if rows else []

    def _note(self, packet: int, frame: Frame) -> None:
        self._facts["battery_percent"] = float(battery_percent(frame.battery_v))
        if self._facts.get("serial") != frame.serial:
            self._facts |= {"serial": frame.serial, "firmware": str(frame.version)}
            self._serials.tell(packet, frame.serial)


def encode_sample(time_s: float, acc: Floats, gyr: Floats, serial: str = "5500007991", battery_v: float = 3.89) -> bytes:
    """The frame of one sample: `time_s` s since the sensor was switched on, acc (3,) m/s², gyr (3,) rad/s."""
    minutes, ms = divmod(round(time_s * 1000.0), 60_000)
    hours, minute = divmod(minutes, 60)
    clock = (0, 0, hours // 24, hours % 24, minute, ms // 1000, ms % 1000)
    raw = np.concatenate((to_raw(acc, ACC_SCALE), to_raw(gyr, GYR_SCALE))).tolist()
    rest = (0, 0, 0, 0, 0, 0, 3600, round(100.0 * battery_v), -40, 13035)
    return _FRAME.pack(HEAD, serial.encode("ascii"), *clock, *raw, *rest, END)


WITMOTION_WIFI = DeviceFamily(
    FAMILY,
    "WitMotion, Wi-Fi",
    Clock.DEVICE,
    lambda config, rate_hz: WitMotionWifiCodec(rate_hz),
    serial=SerialAccess(bauds=(9_600, 115_200)),
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    reader=Reader,
)
