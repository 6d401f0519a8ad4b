"""phyphox over Bluetooth LE: the floats that a sketch sends with phyphox's library, in channels that the sketch defines.

Up to five float32 in a notification (more where the sketch sends arrays), with no clock and no meaning of their own: the
configuration names the channels in order, as the columns of text lines, and their units. A channel ``time`` is in seconds.
The sketch advertises the service from which the phone gets its experiment; the numbers come in another one.

Source: phyphox/phyphox-arduino src/ (phyphoxBLE_ESP32.cpp, phyphoxBLE_NRF52.cpp, phyphoxBLE_NanoIOT.cpp).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from body_signals import Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.device import BleAccess, Clock, DeviceFamily
from firmware_protocol.device_clock import NO_STAMP, DeviceClock
from firmware_protocol.families.text_csv import Profile, sample_fields
from firmware_protocol.packets import Fields, Packet, StrictReader
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows

FAMILY = "phyphox"
_TAIL = "-30f7-4671-8b43-5e40ba53514a"
EXPERIMENT_SERVICE = f"cddf0001{_TAIL}"
SERVICE, DATA, CONFIG = (f"cddf100{n}{_TAIL}" for n in (1, 2, 3))
MOST_BYTES = 512
"""The longest value that a characteristic can have (Bluetooth Core Specification, attribute protocol)."""
TICK_S = 1e-6
"""A float's time is kept in µs."""


def channels_of(data: bytes, profile: Profile | None = None) -> tuple[float, ...] | str:
    """The numbers of a notification, one for each channel of the profile, or the word under which its fault is counted."""
    if not data:
        return "truncated"
    if len(data) % 4 or len(data) > MOST_BYTES:
        return "length"
    values = struct.unpack(f"<{len(data) // 4}f", data)
    if not all(map(math.isfinite, values)):
        return "non_finite"
    return values if profile is None or len(values) == len(profile.columns) else "length"


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`.

    config: with ``columns`` and units, as of text lines, the channels are also given as what they are.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._profile = _profile(config) if "columns" in config else None

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        p = self._profile
        values = channels_of(data, p)
        if isinstance(values, str):
            self.health.count(values)
            return []
        fields: Fields = {"channels": list(values)}
        if p is not None and p.time is not None:
            fields["t"] = values[p.time] * p.time_s
        return [Packet(fields if p is None else fields | sample_fields(p.sample(values)))]


class PhyphoxCodec(PacketwiseCodec):
    """Family ``phyphox``; see `firmware_protocol.codec.Codec`. config: as of text lines; ``columns`` are the channels."""

    family = FAMILY

    def __init__(self, config: Mapping[str, Any], rate_hz: float | None = None) -> None:
        super().__init__()
        self._profile = _profile(config)
        if not self._profile.acc:
            raise HiphingeError(
                "no channels ax, ay, az",
                "columns",
                'Name them, e.g. columns = ["ax", "ay", "az", "gx", "gy"].',
            )
        self._exact = rate_hz is not None and self._profile.time is not None
        self._rate_hz = rate_hz or 100.0
        self._clock = DeviceClock(rate_hz or 0.0, TICK_S, wrap=0)

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        p = self._profile
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            if not data:
                continue
            values = channels_of(data, p)
            if isinstance(values, str):
                self._health.count(values)
                continue
            stamp = NO_STAMP
            if p.time is not None:
                ticks = round(values[p.time] * p.time_s / TICK_S)
                if self._clock.repeated(ticks):
                    self._health.count("repeated")
                    continue
                stamp = self._clock.stamp(ticks)
            acc, gyr, quat = p.sample(values)
            rows.add(packet, stamp, acc, gyr, quat)
        tick_s = TICK_S if p.time is not None else None
        return [rows.block(self._rate_hz, self._health, tick_s, lost_exact=self._exact)] if rows else []


def _profile(config: Mapping[str, Any]) -> Profile:
    """Channels and units; a time is in seconds unless its unit is given."""
    return Profile.of({"time_unit": "s", **config}, just_opened=False)


def encode_channels(values: Floats) -> bytes:
    """The notification of these numbers."""
    return struct.pack(f"<{len(values)}f", *(float(v) for v in values))


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> PhyphoxCodec:
    return PhyphoxCodec(config, rate_hz)


PHYPHOX = DeviceFamily(
    FAMILY,
    "sketches with phyphox's library",
    Clock.NONE,
    _codec,
    ble=BleAccess(services=(EXPERIMENT_SERVICE, SERVICE), notify=(DATA,), name_prefixes=("phyphox",)),
    config_words={
        "columns": "names of the channels in order, of time, ax, ay, az, gx, gy, gz, qw, qx, qy, qz; others are not read",
        "acc_unit": "m/s^2, g or mg",
        "gyr_unit": "rad/s, deg/s or mdps",
        "time_unit": "s, ms or us",
    },
    reader=Reader,
)
