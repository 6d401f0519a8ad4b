"""MetaMotion (MbientLab): notifications of module, register and data; no clock while streaming, and no counter.

Acceleration (03 04, packed three by three 03 1C) and angular rate (13 05, 13 07) come in notifications of their own, in LSB of
a range that is not in them: the host must remember what it asked for. Newer boards have a BMI270 in place of a BMI160: its
packed notifications are 03 05 and 13 05, its single angular rate is 13 04, and it numbers the ranges of acceleration otherwise.
So each board is asked which chips it has (03 80, 13 80), and spoken to accordingly. We ask for the packed ones. Samples of the
two are paired in the order in which they came; where one stream gets ahead of the other by more than a packet, something of the
other was lost, and what has no partner is dropped and counted (``unpaired``).

Sources: mbientlab/MetaWear-SDK-Cpp test/*.py, src/metawear/impl/cpp/metawearboard.cpp, sensor/cpp/*_bosch.cpp, *_register.h.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from body_signals import G0, Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.device import Ask, BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import NO_STAMP
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows, Vector
from firmware_protocol.unit_quaternion import norm_of

FAMILY = "metamotion"
_TAIL = "-85cb-9195-d9dd-464cfbbae75a"
SERVICE, COMMAND, NOTIFY = (f"326a9{n}{_TAIL}" for n in ("000", "001", "006"))
ACC, GYR, FUSION = 0x03, 0x13, 0x19
ACC_DATA, ACC_PACKED, GYR_DATA, GYR_PACKED = 0x04, 0x1C, 0x05, 0x07
NEW_PACKED, NEW_GYR_DATA = 0x05, 0x04
"""Of a BMI270."""
_INFO = 0x80
"""Register that is read for a module's chip and revision."""
BMI160, BMI270 = "BMI160", "BMI270"
_CHIPS = {ACC: {1: BMI160, 3: "BMA255", 4: BMI270}, GYR: {0: BMI160, 1: BMI270}}
"""Chip by module and number of its implementation."""
_NAMES = {ACC: "accelerometer", GYR: "gyroscope"}
ACC_LSB = {2.0: 16384.0, 4.0: 8192.0, 8.0: 4096.0, 16.0: 2048.0}
"""LSB per g, by range in g."""
GYR_LSB = {2000.0: 16.4, 1000.0: 32.8, 500.0: 65.6, 250.0: 131.2, 125.0: 262.4}
"""LSB per deg/s, by range in deg/s."""
_ACC_RANGE_CODE = {2.0: 0x03, 4.0: 0x05, 8.0: 0x08, 16.0: 0x0C}
_NEW_ACC_RANGE_CODE = {2.0: 0x00, 4.0: 0x01, 8.0: 0x02, 16.0: 0x03}
_GYR_RANGE_CODE = {2000.0: 0x00, 1000.0: 0x01, 500.0: 0x02, 250.0: 0x03, 125.0: 0x04}
_RATE_CODE = {25.0: 0x06, 50.0: 0x07, 100.0: 0x08, 200.0: 0x09}
"""Output data rate registers of the Bosch parts."""
SATURATED = 32767
_DEG = math.pi / 180.0
_AHEAD = 6
"""Samples by which one stream may be ahead of the other: two packed notifications."""
_FUSION: dict[int, tuple[tuple[str, ...], str, float, bool]] = {
    0x04: (("acc",), "3f", G0 / 1000.0, True),
    0x05: (("gyr",), "3f", _DEG, True),
    0x06: (("mag_raw",), "3f", 1.0, True),
    0x07: (("quat",), "4f", 1.0, False),
    0x08: (("heading", "pitch", "roll", "yaw"), "4f", _DEG, False),
    0x09: (("gravity",), "3f", 1.0, False),
    0x0A: (("lin_acc",), "3f", 1.0, False),
}
"""Register of the fusion module: names, numbers, SI per unit, whether a byte of accuracy follows."""
_COMMANDS = {
    bytes.fromhex("03020100"): "acc_enable",
    bytes.fromhex("03020001"): "acc_disable",
    bytes.fromhex("030101"): "acc_start",
    bytes.fromhex("030100"): "acc_stop",
    bytes.fromhex("030401"): "acc_subscribe",
    bytes.fromhex("030400"): "acc_unsubscribe",
    bytes.fromhex("031c01"): "acc_packed_subscribe",
    bytes.fromhex("031c00"): "acc_packed_unsubscribe",
    bytes.fromhex("13020100"): "gyr_enable",
    bytes.fromhex("13020001"): "gyr_disable",
    bytes.fromhex("130101"): "gyr_start",
    bytes.fromhex("130100"): "gyr_stop",
    bytes.fromhex("130501"): "gyr_subscribe",
    bytes.fromhex("130500"): "gyr_unsubscribe",
    bytes.fromhex("130701"): "gyr_packed_subscribe",
    bytes.fromhex("130700"): "gyr_packed_unsubscribe",
}


_NEW_COMMANDS = _COMMANDS | {
    bytes((module, NEW_PACKED, on)): f"{name}_packed_{'subscribe' if on else 'unsubscribe'}"
    for module, name in ((ACC, "acc"), (GYR, "gyr"))
    for on in (1, 0)
}
_ASK_CHIP = {ACC: bytes((ACC, _INFO)), GYR: bytes((GYR, _INFO))}


def _write(name: str) -> bytes:
    return next(command for command, known in _COMMANDS.items() if known == name)


_COUNTS = {
    (ACC, ACC_DATA): (1,),
    (ACC, ACC_PACKED): (3,),
    (ACC, NEW_PACKED): (3,),
    (GYR, NEW_GYR_DATA): (1,),
    (GYR, GYR_DATA): (1, 3),
    (GYR, GYR_PACKED): (3,),
}
"""Samples of a notification by its module and register: 13 05 is single from a BMI160 and packed from a BMI270."""


def motion_samples(data: bytes) -> list[tuple[int, int, int]] | str | None:
    """Raw samples of a notification, the word for its fault, or None when it is of another kind."""
    counts = _COUNTS.get((data[0], data[1])) if len(data) >= 2 else None
    if counts is None:
        return None if len(data) >= 2 else "truncated"
    if not any(len(data) == 2 + 6 * count for count in counts):
        return "truncated" if len(data) < 2 + 6 * counts[0] else "length"
    return list(struct.iter_unpack("<3h", data[2:]))


def fusion_fields(data: bytes) -> Fields | str:
    """Fields of a notification of the fusion module, or the word for its fault."""
    known = _FUSION.get(data[1]) if data[0] == FUSION else None
    if known is None:
        return "unknown_type"
    names, layout, scale, with_accuracy = known
    size = struct.calcsize(f"<{layout}")
    if len(data) != 2 + size + with_accuracy:
        return "truncated" if len(data) < 2 + size + with_accuracy else "length"
    values = struct.unpack_from(f"<{layout}", data, 2)
    if not all(map(math.isfinite, values)):
        return "non_finite"
    if names == ("quat",) and norm_of(values) is None:
        return "bad_quaternion"
    scaled = [value * scale for value in values]
    fields: Fields = dict(zip(names, scaled, strict=True)) if len(names) > 1 else {names[0]: scaled}
    return fields | ({"accuracy": data[-1]} if with_accuracy else {})


def chip_of(data: bytes) -> tuple[str, str] | None:
    """Module and chip in the answer to the question for it; None where it is another notification."""
    if len(data) < 3 or data[1] != _INFO or data[0] not in _CHIPS:
        return None
    return _NAMES[data[0]], _CHIPS[data[0]].get(data[2], f"unknown chip {data[2]}")


def _scales(config: Mapping[str, Any]) -> tuple[float, float]:
    """SI per LSB of acceleration and angular rate. Raises `HiphingeError` that names the word at fault."""
    acc, gyr = number(config, "acc_range_g", 16.0), number(config, "gyr_range_dps", 2000.0)
    for word, value, known in (("acc_range_g", acc, ACC_LSB), ("gyr_range_dps", gyr, GYR_LSB)):
        if value not in known:
            offered = ", ".join(f"{r:g}" for r in known)
            raise HiphingeError(f"a MetaMotion has no {word} of {value:g}", word, f"Choose one of {offered}.")
    return G0 / ACC_LSB[acc], _DEG / GYR_LSB[gyr]


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`. config: ``acc_range_g``, ``gyr_range_dps``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._acc, self._gyr = _scales(config)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        found = motion_samples(data)
        fields: Fields | str
        if isinstance(found, list):
            name, scale = ("acc", self._acc) if data[0] == ACC else ("gyr", self._gyr)
            return [Packet({name: list(_scaled(sample, scale))}) for sample in found]
        chip = chip_of(data) if found is None else None
        if chip is not None:
            return self._one({chip[0]: chip[1]})
        fields = fusion_fields(data) if found is None else found
        return self._one(fields)


class MetaMotionCodec(PacketwiseCodec):
    """Family ``metamotion``; see `firmware_protocol.codec.Codec`. `lost` is 0 throughout and not exact.

    config: ``acc_range_g``, ``gyr_range_dps``, as asked for.
    """

    family = FAMILY

    def __init__(self, config: Mapping[str, Any], rate_hz: float = 100.0) -> None:
        super().__init__()
        self._acc_scale, self._gyr_scale = _scales(config)
        self._rate_hz = rate_hz
        self._acc: deque[tuple[int, int, int]] = deque()
        self._gyr: deque[tuple[int, int, int]] = deque()

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            found = motion_samples(data) if data else []
            chip = chip_of(data) if found is None else None
            if chip is not None:
                self._facts[chip[0]] = chip[1]
                continue
            if not isinstance(found, list):
                self._health.count(found or "unknown_type")
                continue
            if not found:
                continue
            mine, other = (self._acc, self._gyr) if data[0] == ACC else (self._gyr, self._acc)
            mine.extend(found)
            while len(mine) - len(other) > _AHEAD:
                mine.popleft()
                self._health.count("unpaired")
            while self._acc and self._gyr:
                acc, gyr = self._acc.popleft(), self._gyr.popleft()
                saturated = max(*acc, *gyr) >= SATURATED or min(*acc, *gyr) <= -SATURATED
                rows.add(packet, NO_STAMP, _scaled(acc, self._acc_scale), _scaled(gyr, self._gyr_scale), (), saturated)
        return [rows.block(self._rate_hz, self._health, lost_exact=False)] if rows else []

    @property
    def pending(self) -> int:
        """Bytes of samples that wait for their partner."""
        return 6 * (len(self._acc) + len(self._gyr))


def _scaled(raw: tuple[int, int, int], scale: float) -> Vector:
    x, y, z = raw
    return x * scale, y * scale, z * scale


def encode_packed(module: int, values: Floats, scale: float, chip: str = BMI160) -> bytes:
    """A packed notification of three samples (3, 3) in SI units of `scale` per LSB; module `ACC` or `GYR`."""
    raw = np.clip(np.rint(np.asarray(values, np.float64) / scale), -32768, 32767).astype("<i2")
    register = ACC_PACKED if module == ACC else GYR_PACKED
    return bytes((module, NEW_PACKED if chip == BMI270 else register)) + raw.tobytes()


def encode_chip(module: int, chip: str) -> bytes:
    """The answer of a board that is asked for a module's chip."""
    number = next(number for number, name in _CHIPS[module].items() if name == chip)
    return bytes((module, _INFO, number, 1))


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are not a known command. config: ``chip``, where it is not a
    BMI160."""
    new = config.get("chip") == BMI270
    name = (_NEW_COMMANDS if new else _COMMANDS).get(bytes(data))
    if name is not None:
        return {"op": name}
    if data in _ASK_CHIP.values():
        return {"op": "ask_chip", "module": _NAMES[data[0]]}
    if len(data) == 4 and data[:2] in (bytes((ACC, 0x03)), bytes((GYR, 0x03))):
        acc_ranges = _NEW_ACC_RANGE_CODE if new else _ACC_RANGE_CODE
        ranges = acc_ranges if data[0] == ACC else _GYR_RANGE_CODE
        known = {code: value for value, code in ranges.items()}
        rates = {code: rate for rate, code in _RATE_CODE.items()}
        if data[3] in known and data[2] & 0x0F in rates:
            word = "range_g" if data[0] == ACC else "range_dps"
            op = "acc_config" if data[0] == ACC else "gyr_config"
            return {"op": op, "rate_hz": rates[data[2] & 0x0F], word: known[data[3]]}
    return None


def _asked(request: Request) -> dict[str, Any]:
    """The codec's configuration, from the requested settings."""
    return {"acc_range_g": request.acc_range_g or 16.0, "gyr_range_dps": request.gyr_range_dps or 2000.0, **request.config}


def _configure(request: Request) -> tuple[Step, ...]:
    asked, rate_hz = _asked(request), request.rate_hz or 100.0
    _scales(asked)
    acc_g, gyr_dps = float(asked["acc_range_g"]), float(asked["gyr_range_dps"])
    if rate_hz not in _RATE_CODE:
        offered = ", ".join(f"{r:g}" for r in _RATE_CODE)
        raise HiphingeError(f"a MetaMotion has no rate of {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")

    def set_up(facts: Mapping[str, str | float]) -> tuple[Step, ...]:
        new_acc, new_gyr = (facts.get(name) == BMI270 for name in _NAMES.values())
        acc_range = (_NEW_ACC_RANGE_CODE if new_acc else _ACC_RANGE_CODE)[acc_g]
        # normal bandwidth; a BMI270 also filters for performance
        rate = _RATE_CODE[rate_hz] | 0x20
        commands = (
            bytes((ACC, 0x03, rate | (0x80 if new_acc else 0), acc_range)),
            bytes((GYR, 0x03, rate, _GYR_RANGE_CODE[gyr_dps])),
            bytes((ACC, NEW_PACKED, 1)) if new_acc else _write("acc_packed_subscribe"),
            bytes((GYR, NEW_PACKED, 1)) if new_gyr else _write("gyr_packed_subscribe"),
        )
        return tuple(Write(command, COMMAND, pause_s=0.02) for command in commands)

    stops = tuple(Write(_write(name), COMMAND, pause_s=0.02) for name in ("acc_stop", "gyr_stop"))
    return (*stops, Write(_ASK_CHIP[ACC], COMMAND), Ask(_ASK_CHIP[GYR], _NAMES[GYR], set_up, COMMAND))


def _start(request: Request) -> tuple[Step, ...]:
    names = ("acc_enable", "gyr_enable", "acc_start", "gyr_start")
    return tuple(Write(_write(name), COMMAND, pause_s=0.02 if name.endswith("enable") else 0.0) for name in names)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> MetaMotionCodec:
    return MetaMotionCodec(config, rate_hz or 100.0)


METAMOTION = DeviceFamily(
    FAMILY,
    "MetaMotion",
    Clock.NONE,
    _codec,
    ble=BleAccess(services=(SERVICE,), notify=(NOTIFY,), name_prefixes=("MetaWear", "MetaMotion")),
    rates_hz=tuple(_RATE_CODE),
    acc_ranges_g=tuple(ACC_LSB),
    gyr_ranges_dps=tuple(GYR_LSB),
    configure=_configure,
    start=_start,
    stop=lambda request: tuple(Write(_write(name), COMMAND) for name in ("acc_stop", "gyr_stop")),
    config_words={"acc_range_g": "range that is asked for, g", "gyr_range_dps": "range that is asked for, deg/s"},
    reader=Reader,
    command=decode_command,
)
