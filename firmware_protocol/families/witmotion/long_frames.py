"""WitMotion's frames of 20 bytes, 55 61 with a sample and 55 71 with registers: over Bluetooth LE, and over the USB cable of
the same sensors (BWT901BLE5.0, WT901BLE).

No checksum, no clock, no counter. Sources: WT901BLECL datasheet v22; WITMOTION/WitBluetooth_BWT901BLE5_0; over USB:
ElettraSciComp/witmotion_IMU_ros, issues 28, 47 and 50 (captured).
"""

from __future__ import annotations

import struct

from firmware_protocol.codec import Health
from firmware_protocol.families.witmotion.frames import Register, angles, motion, quaternion
from firmware_protocol.packets import Fields
from firmware_protocol.sample_rows import Vector
from firmware_protocol.unit_quaternion import norm_of

LONG_FRAME = 20
DATA, REGISTERS = 0x61, 0x71
_MOTION, _ANGLES = struct.Struct("<6h"), struct.Struct("<3h")
_AT_MOTION, _AT_ANGLES = 2, 14
_EMPTY_V, _FULL_V = 3.36, 3.96
"""Battery voltages of 0 and 100 percent; the vendor's program shows 5 percent at 3.40 V."""


def data_motion(frame: bytes) -> tuple[Vector, Vector, bool]:
    """acc m/s², gyr rad/s, and whether one of them is at the end of its range, of a frame 55 61."""
    return motion(_MOTION.unpack_from(frame, _AT_MOTION))


def data_fields(frame: bytes) -> Fields:
    """Values of a frame 55 61: acc m/s², gyr rad/s, Euler angles rad."""
    acc, gyr, _ = data_motion(frame)
    return {"acc": list(acc), "gyr": list(gyr), "euler": list(angles(*_ANGLES.unpack_from(frame, _AT_ANGLES)))}


def register_fields(frame: bytes) -> Fields | None:
    """Fields of a register reply; None when its quaternion is not valid."""
    register, *regs = struct.unpack_from("<H8h", frame, 2)
    fields: Fields = {"reg": register, "regs": regs}
    if register == Register.QUATERNION:
        quat = quaternion(regs[:4])
        if norm_of(quat) is None:
            return None
        fields["quat"] = list(quat)
    elif register == Register.MAGNETOMETER:
        fields["mag_raw"] = regs[:3]
    elif register == Register.TEMPERATURE:
        fields["temp_c"] = regs[0] / 100.0
    elif register == Register.BATTERY:
        fields["battery_v"] = regs[0] / 100.0
    elif register == Register.VERSION:
        fields["version"] = regs[0] & 0xFFFF
    return fields


def take_registers(frame: bytes, facts: dict[str, str | float], health: Health) -> None:
    """Facts of a register reply: charge, firmware, rate, and a refusal where its frames hold no acceleration."""
    fields = register_fields(frame)
    if fields is None:
        health.count("bad_quaternion")
        return
    register, value = fields["reg"], fields["regs"][0]
    if register == Register.BATTERY:
        share = (fields["battery_v"] - _EMPTY_V) / (_FULL_V - _EMPTY_V)
        facts["battery_percent"] = float(round(100.0 * min(1.0, max(0.0, share))))
    elif register == Register.VERSION:
        facts["firmware"] = str(value)
    elif register == Register.RATE:
        facts["rate_code"] = float(value)
    elif register == Register.OUTPUT_CONTENT:
        if value:
            facts["refused"] = (
                f"the sensor's register 0x96 is {value}: its frames hold displacement or speed in place of "
                "acceleration. Set the output content to 0 in the maker's program"
            )
        else:
            facts.pop("refused", None)
