"""What WitMotion's sensors share on Bluetooth and on a serial line: scales, registers, commands of five bytes.

Sources: WT901BLECL datasheet v22; WIT standard communication protocol; WITMOTION/WitStandardProtocol_JY901 REG.h.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from body_signals import G0, Floats, HiphingeError
from firmware_protocol.device import Request, Write
from firmware_protocol.packets import Fields
from firmware_protocol.sample_rows import Vector
from firmware_protocol.unit_quaternion import Quaternion

ACC_SCALE = 16.0 * G0 / 32768.0
"""m/s² per LSB."""
GYR_SCALE = math.radians(2000.0) / 32768.0
"""rad/s per LSB."""
ANGLE_SCALE = math.pi / 32768.0
"""rad per LSB."""
QUAT_SCALE = 1.0 / 32768.0
SATURATED = 32767
"""A raw value of this size, or beyond, is at the end of its range."""
HEADER = 0x55
COMMAND = b"\xff\xaa"
PAUSE_S = 0.1
"""The vendor's programs wait this time between two writes."""


class Register(IntEnum):
    """Registers used here."""

    SAVE = 0x00
    CALIBRATE = 0x01
    CONTENT = 0x02
    RATE = 0x03
    BAUD = 0x04
    AXIS6 = 0x24
    READ = 0x27
    VERSION = 0x2E
    YEAR_MONTH = 0x30
    MAGNETOMETER = 0x3A
    TEMPERATURE = 0x40
    QUATERNION = 0x51
    BATTERY = 0x64
    KEY = 0x69
    OUTPUT_CONTENT = 0x96


UNLOCK = 0xB588
RATES_HZ: dict[int, float] = {1: 0.2, 2: 0.5, 3: 1, 4: 2, 5: 5, 6: 10, 7: 20, 8: 50, 9: 100, 0x0B: 200}
"""Values of the rate register in the standard protocol."""
BAUDS = {1: 4800, 2: 9600, 3: 19200, 4: 38400, 5: 57600, 6: 115200, 7: 230400, 8: 460800, 9: 921600}
USABLE_RATES_HZ = (10.0, 20.0, 50.0, 100.0, 200.0)


def write_register(register: int, value: int) -> bytes:
    """The command that writes a register, ``FF AA reg lo hi``."""
    return COMMAND + bytes((register & 0xFF, value & 0xFF, value >> 8 & 0xFF))


def read_register(register: int) -> bytes:
    """The command that asks for registers from `register` on."""
    return write_register(Register.READ, register)


def _rates_of(model: str) -> dict[int, float]:
    """What the rate register's values mean for this model: the makers’ documents differ."""
    name = model.upper()
    if "BLECL" in name:
        return RATES_HZ | {0x0A: 200}  # its sheet; the standard protocol has 0x0B
    if "WT931" in name or "HWT906" in name:
        return RATES_HZ | {0x0A: 125, 0x0C: 500, 0x0D: 1000}
    return RATES_HZ


def rate_code(rate_hz: float, model: str = "") -> int:
    """The value of the rate register for this rate. Raises `HiphingeError` that names the rates on offer."""
    rates = _rates_of(model)
    for code in sorted(rates):
        if math.isclose(rates[code], rate_hz):
            return code
    offered = ", ".join(f"{rate:g}" for rate in USABLE_RATES_HZ)
    raise HiphingeError(f"a WitMotion sensor has no rate of {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """What a command of five bytes says; None when it is none. config: ``model``, where rates differ."""
    if len(data) != 5 or data[:2] != COMMAND:
        return None
    register, value = data[2], int.from_bytes(data[3:5], "little")
    if register == Register.READ:
        return {"op": "read_register", "reg": value}
    fields: Fields = {"op": "write_register", "reg": register, "value": value}
    if register == Register.RATE and value in _rates_of(str(config.get("model", ""))):
        fields["rate_hz"] = _rates_of(str(config.get("model", "")))[value]
    elif register == Register.BAUD and value in BAUDS:
        fields["baud"] = BAUDS[value]
    elif register == Register.CONTENT:
        fields["types"] = [0x50 + bit for bit in range(16) if value >> bit & 1]
    return fields


def settings(request: Request, extra: Mapping[int, int], characteristic: str = "") -> tuple[Write, ...]:
    """Unlock, 6 axes (no magnetometer: it would follow the steel around), `extra` registers, the rate.

    The rate comes last: until then little is sent in the wrong form.

    They hold until the sensor is switched off and are written at each connection; with ``save = true`` in the
    configuration the sensor keeps them, which costs its flash memory a write each time.
    """
    model = str(request.config.get("model", ""))
    commands = [
        write_register(Register.KEY, UNLOCK),
        write_register(Register.AXIS6, 1),
        *(write_register(register, value) for register, value in extra.items()),
        write_register(Register.RATE, rate_code(request.rate_hz or 100.0, model)),
    ]
    if request.config.get("save") is True:
        commands.append(write_register(Register.SAVE, 0))
    return tuple(Write(command, characteristic, response=False, pause_s=PAUSE_S) for command in commands)


CONFIG_WORDS = {
    "model": "model as printed on the sensor; some number their rates differently",
    "save": "true: the sensor keeps its settings when switched off",
}


def acceleration(x: int, y: int, z: int) -> Vector:
    """m/s² of three int16."""
    return x * ACC_SCALE, y * ACC_SCALE, z * ACC_SCALE


def angular_rate(x: int, y: int, z: int) -> Vector:
    """rad/s of three int16."""
    return x * GYR_SCALE, y * GYR_SCALE, z * GYR_SCALE


def motion(raw: tuple[int, ...]) -> tuple[Vector, Vector, bool]:
    """acc m/s², gyr rad/s, and whether one of them is at the end of its range, of six int16."""
    ax, ay, az, gx, gy, gz = raw
    return acceleration(ax, ay, az), angular_rate(gx, gy, gz), max(raw) >= SATURATED or min(raw) <= -SATURATED


def angles(x: int, y: int, z: int) -> Vector:
    """roll pitch yaw in rad of three int16."""
    return x * ANGLE_SCALE, y * ANGLE_SCALE, z * ANGLE_SCALE


def quaternion(raw: Sequence[int]) -> Quaternion:
    """w x y z of four int16; whether it is one, `unit_quaternion` says."""
    w, x, y, z = raw
    return w * QUAT_SCALE, x * QUAT_SCALE, y * QUAT_SCALE, z * QUAT_SCALE


def to_raw(values: Floats, scale: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """SI values as int16, held at the ends of the range."""
    return np.clip(np.rint(np.asarray(values, np.float64) / scale), -32768, 32767).astype("<i2")
