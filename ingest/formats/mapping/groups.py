"""The words ``time``, ``acc``, ``gyr``, ``quat`` and ``mag`` of a mapping."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from body_signals import Floats
from ingest.formats.mapping.layout import CLOCK, ISO, NUMBER, Clock, Group
from ingest.formats.units import ACC_M_S2, GYR_RAD_S, MAG_UT, PER_SECOND
from ingest.heads.session_toml import Address
from on_disk import shown

if TYPE_CHECKING:
    from ingest.formats.mapping.words import MappingFile

GROUPS: Final = ("acc", "gyr", "quat", "mag", "gravity")
EXAMPLES: Final = {
    "time": 'time = { column = "t", unit = "ms" }',
    "acc": 'acc = { columns = ["ax", "ay", "az"], unit = "g" }',
    "gyr": 'gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }',
    "quat": 'quat = { columns = ["qw", "qx", "qy", "qz"] }',
    "mag": 'mag = { columns = ["mx", "my", "mz"], unit = "uT" }',
    "gravity": 'gravity = { columns = ["x", "y", "z"], unit = "m/s2", file = "Gravity.csv" }',
}
UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "time": {**PER_SECOND, ISO: 1e9, CLOCK: 1e9},
    "acc": ACC_M_S2,
    "gyr": GYR_RAD_S,
    "quat": {"": 1.0, "deg": 1.0, "rad": float(np.degrees(1.0))},
    "mag": MAG_UT,
    "gravity": ACC_M_S2,
}
_AXIS = re.compile(r"([+-]?)([xyz])")
CLOCK_BITS: Final = (16, 24, 32)
"""Sizes of the counters in devices and microcontrollers."""


class GroupReader:
    """Reads these words of a mapping file, whose `fail` names the line."""

    def __init__(self, mapping: MappingFile) -> None:
        self._fail = mapping.fail
        self._arrays = mapping.arrays

    def clock(self, value: Any, at: Address) -> Clock:
        """The time that `value` describes."""
        remedy = f"Write for example {EXAMPLES['time']}."
        self._only("time", value, {"column", "unit", "zero", "scale", "bits"}, at, remedy)
        column = value.get("column")
        columns = column if isinstance(column, list) else [column]
        if not columns or not all(isinstance(name, str) and name.strip() for name in columns):
            self._fail("time needs column with 1 name", at, remedy)
        unit = self._unit("time", value, at)
        zero, bits = value.get("zero", "first"), value.get("bits")
        if zero not in ("first", "keep"):
            self._fail(f"zero = {shown(zero)} is unknown", at, 'Write zero = "keep", or leave it out.')
        if bits is not None and bits not in CLOCK_BITS:
            self._fail(f"bits = {shown(bits)} is unknown", at, "Write 16, 24 or 32: the size of the counter that begins anew.")
        names = tuple(name.strip() for name in columns)
        if unit in (ISO, CLOCK):
            if "scale" in value or bits is not None or zero == "keep":
                self._fail(f"a time in unit {unit!r} has no scale, bits or zero", at, f'Write unit = "{unit}" alone.')
            return Clock(unit, names, UNITS["time"][unit])
        if len(names) > 1:
            self._fail(f"time in {unit} has several columns", at, 'Only a time in unit "iso" or "clock" may stand in several.')
        scale = self._scale("time", value, at, 1)[0]
        if scale <= 0.0:
            self._fail(f"scale = {shown(value['scale'])} of time is not positive", at, "Write a number above 0.")
        return Clock(NUMBER, names, PER_SECOND[unit] / scale, zero == "keep", bits)

    def group(self, key: str, value: Any, at: Address) -> Group:
        """The vector `key` that `value` describes."""
        remedy = f"Write for example {EXAMPLES[key]}."
        count = 4 if key == "quat" else 3
        angles = key == "quat" and isinstance(value, dict) and value.get("unit", "") != ""
        count = 3 if angles else count
        words = {"columns", "file", "time", "scale", "sign", "unit"} | ({"axes"} if key != "quat" else set())
        self._only(key, value, words | ({"free"} if key == "acc" else set()), at, remedy)
        names = value.get("columns")
        names = [names] if self._arrays and isinstance(names, str) else names
        if (
            not isinstance(names, list)
            or len(names) not in ((1, count) if self._arrays else (count,))
            or not all(isinstance(n, str) and n.strip() for n in names)
        ):
            self._fail(f"{key} needs columns with {count} names", at, remedy)
        unit = "" if key == "quat" and not angles else self._unit(key, value, at)
        file, free, time = value.get("file"), value.get("free", ""), value.get("time")
        if file is not None and (not isinstance(file, str) or not file.strip()):
            self._fail(f"file = {shown(file)} of {key} is not a name", at, 'Write for example file = "Gyroscope.csv".')
        if free not in ("", "earth", "sensor", "gravity"):
            what = f"free = {shown(free)} is unknown"
            self._fail(what, at, 'Write free = "earth" or free = "sensor": the frame of an acceleration without gravity.')
        clock = None
        if isinstance(time, str) and time.strip():
            clock = Clock(NUMBER, (time.strip(),), -1.0)  # in the unit of the sensor's time
        elif time is not None:
            clock = self.clock(time, at)
        turn = self._axes(key, value, at, count) * (self._scale(key, value, at, count) * UNITS[key][unit])
        return Group(tuple(name.strip() for name in names), turn, file, clock, free, angles)

    def _scale(self, key: str, value: Mapping[str, Any], at: Address, count: int) -> Floats:
        scale = value.get("scale", 1.0)
        scales = scale if isinstance(scale, list) else [scale] * count
        good = all(isinstance(s, int | float) and not isinstance(s, bool) and math.isfinite(s) and s != 0 for s in scales)
        if not good or len(scales) != count:
            many = f", or {count} of them" if count > 1 else ""
            self._fail(
                f"scale = {shown(scale)} of {key} is not a factor", at, f"Write one number{many}: value × scale is in the unit."
            )
        return np.array(scales, np.float64)

    def _axes(self, key: str, value: Mapping[str, Any], at: Address, count: int) -> Floats:
        """The matrix (k, k) of the signs, which belong to the columns, then of the order: row i makes the sensor's axis i."""
        sign = value.get("sign", 1)
        signs = sign if isinstance(sign, list) else [sign] * count
        if len(signs) != count or not all(s in (1, -1) and not isinstance(s, bool) for s in signs):
            self._fail(f"sign = {shown(sign)} of {key} is unknown", at, f"Write 1 or -1, or a list of {count} of them.")
        axes = value.get("axes", list("xyz"))
        turn = np.diag(np.array(signs, np.float64))
        if count == 4:
            return turn
        found = [_AXIS.fullmatch(axis) if isinstance(axis, str) else None for axis in axes] if isinstance(axes, list) else []
        letters = sorted(axis[2] for axis in found if axis)
        if letters != ["x", "y", "z"]:
            self._fail(
                f"axes = {shown(axes)} of {key} is unknown", at, 'Write for example axes = ["-y", "x", "z"]: x, y, z once each.'
            )
        order = np.zeros((3, 3))
        for row, axis in enumerate(found):
            assert axis is not None
            order[row, "xyz".index(axis[2])] = -1.0 if axis[1] == "-" else 1.0
        return order @ turn

    def _unit(self, key: str, value: Mapping[str, Any], at: Address) -> str:
        unit, units = value.get("unit", ""), UNITS[key]
        if not isinstance(unit, str) or unit not in units:
            what = f"unknown unit {shown(unit)} of {key}" if unit else f"{key} has no unit"
            self._fail(what, at, f"Units are {', '.join(units)}.")
        return unit

    def _only(self, key: str, value: Any, known: set[str], at: Address, remedy: str) -> None:
        if not isinstance(value, dict):
            self._fail(f"{key} = {shown(value)} is not a table", at, remedy)
        if unknown := set(value) - known:
            self._fail(f"unknown key {min(unknown)!r} in {key}", at, f"Known keys are {', '.join(sorted(known))}. {remedy}")
