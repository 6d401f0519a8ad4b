"""Conversion of a Shimmer3's numbers to SI units in the case's axes: offset, sensitivity and alignment of each sensor.

value = R⁻¹ · K⁻¹ · (raw - b). The sensor tells its own when it is asked with `GET`: 21 bytes for each of low-noise
accelerometer, gyroscope, magnetometer and wide-range accelerometer, for the range that it is set to: b and K as 3 big-endian
i16 each (K of the gyroscope in hundredths), R as 9 i8 in hundredths, row by row. Bytes of FF: never calibrated.

The default where it tells none is that of the KXRB5-2042, in devices up to July 2017. Later ones have a KXTC9-2050 (2253 and
92 LSB per m/s²), and firmware that tells.

Sources: ShimmerEngineering/Shimmer-Java-Android-API, SensorKionixKXRB52042, SensorKionixKXTC92050 and SensorMPU9X50 (default
values), ShimmerObject (scales); shimmer3-firmware LogAndStream (order of the reply); Ferraris, Grimaldi, Parvis 1995,
Sensors and Materials 7(5):311-330 (the formula).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from body_signals import Floats

GET, REPLY = 0x2C, 0x2D
ONE_BYTES, SENSORS = 21, 4
REPLY_BYTES = 1 + ONE_BYTES * SENSORS
_ONE = struct.Struct(">3h3h9b")
_GYR_HUNDREDTHS = 100.0
_DEG = math.pi / 180.0
ACC_OFFSET, ACC_PER_M_S2 = 2047.0, 83.0
"""Default of the low-noise accelerometer: value at 0, LSB per m/s²."""
GYR_PER_DPS = {250.0: 131.0, 500.0: 65.5, 1000.0: 32.8, 2000.0: 16.4}
"""Default of the gyroscope: LSB per deg/s, by range in deg/s."""
DEFAULT_ALIGNMENT = ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
"""From the axes of both chips to those of the case."""
_SMALLEST_DETERMINANT = 0.1
"""Smallest determinant of a usable alignment; a smaller one cannot be inverted reliably (ours)."""

Row = tuple[float, float, float]


class Calibration(NamedTuple):
    """offset (3,): LSB. rows (3, 3): SI unit per LSB, by axis of the case and of the chip."""

    offset: Row
    rows: tuple[Row, Row, Row]

    @classmethod
    def of(cls, offset: Floats, per_unit: Floats, alignment: Floats) -> Calibration:
        """per_unit (3,): LSB per SI unit. alignment (3, 3): R."""
        matrix = np.linalg.inv(np.asarray(alignment, np.float64)) / np.asarray(per_unit, np.float64)
        x, y, z = (_row(row) for row in matrix)
        return cls(_row(offset), (x, y, z))

    def applied(self, raw: tuple[int, int, int]) -> Row:
        """SI values, in the axes of the case, of what a chip says."""
        (bx, by, bz), (first, second, third) = self
        x, y, z = raw[0] - bx, raw[1] - by, raw[2] - bz
        return (
            first[0] * x + first[1] * y + first[2] * z,
            second[0] * x + second[1] * y + second[2] * z,
            third[0] * x + third[1] * y + third[2] * z,
        )

    def undone(self, values: Floats) -> Floats:
        """What a chip says of SI values (3,), not rounded."""
        return np.asarray(np.linalg.solve(np.array(self.rows), np.asarray(values, np.float64)) + self.offset, np.float64)


def _row(values: Floats) -> Row:
    x, y, z = (float(value) for value in values)
    return x, y, z


def default_acc(offset: float = ACC_OFFSET, per_m_s2: float = ACC_PER_M_S2) -> Calibration:
    """Of the low-noise accelerometer."""
    return Calibration.of(np.full(3, offset), np.full(3, per_m_s2), np.array(DEFAULT_ALIGNMENT))


def default_gyr(range_dps: float) -> Calibration:
    """Of the gyroscope at one of the ranges of `GYR_PER_DPS`."""
    return Calibration.of(np.zeros(3), np.full(3, GYR_PER_DPS[range_dps] / _DEG), np.array(DEFAULT_ALIGNMENT))


def told(reply: bytes) -> Mapping[str, Calibration] | None:
    """Calibrations by sensor, ``ACCEL_LN`` and ``GYRO``, without those that were never made. None: this is no reply."""
    if len(reply) != REPLY_BYTES or reply[0] != REPLY:
        return None
    found: dict[str, Calibration] = {}
    for sensor, at, unit in (("ACCEL_LN", 1, 1.0), ("GYRO", 1 + ONE_BYTES, _GYR_HUNDREDTHS * _DEG)):
        one = reply[at : at + ONE_BYTES]
        if one == b"\xff" * ONE_BYTES:
            continue
        values = np.array(_ONE.unpack(one), np.float64)
        sensitivity, alignment = values[3:6] / unit, values[6:].reshape(3, 3) / 100.0
        sound = sensitivity.min() > 0.0 and np.abs(alignment).max() <= 1.0
        if not sound or abs(np.linalg.det(alignment)) < _SMALLEST_DETERMINANT:
            return None
        found[sensor] = Calibration.of(values[:3], sensitivity, alignment)
    return found


def encode_reply(acc: tuple[float, float] | None, gyr_per_dps: float | None) -> bytes:
    """What a device answers: acc (offset, LSB per m/s²), the gyroscope's LSB per deg/s, both as chips lie by default.

    None where it was never calibrated. The two sensors that are not read say nothing.
    """
    never = b"\xff" * ONE_BYTES
    alignment = [round(100.0 * value) for row in DEFAULT_ALIGNMENT for value in row]
    one_acc = never if acc is None else _ONE.pack(*[round(acc[0])] * 3, *[round(acc[1])] * 3, *alignment)
    one_gyr = never if gyr_per_dps is None else _ONE.pack(0, 0, 0, *[round(gyr_per_dps * _GYR_HUNDREDTHS)] * 3, *alignment)
    return bytes((REPLY,)) + one_acc + one_gyr + 2 * never
