"""Sectors of an Axivity .cwa file: its head, and blocks of data sectors as arrays, with what cannot be read told by sector.

All facts are from Open Movement's public technical documentation of AX devices (Docs/ax3/ax3-technical.md of
openmovementproject/openmovement). Little-endian; the head has 1024 bytes, each data sector 512. Sectors are counted from 1 in
pieces of 512 bytes, so the head is sectors 1 and 2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

import numpy as np
import numpy.typing as npt

from body_signals import Bools, Floats, HiphingeError, Ints
from ingest.formats.text import BadLines, refuse_packed
from ingest.formats.units import ACC_M_S2, GYR_RAD_S
from on_disk import open_file

SECTOR_BYTES: Final = 512
_HEAD_SECTORS: Final = 2
_BLOCK: Final = 4096
"""Sectors read at a time (ours): 2 MB."""
_BAD_SHARE: Final = 0.01
"""Share of the sectors that may be damaged, and at least three of them (ours)."""
_SECTOR: Final = np.dtype(
    [
        ("mark", "S2"),
        ("length", "<u2"),
        ("fraction", "<u2"),
        ("session", "<u4"),
        ("sequence", "<u4"),
        ("stamp", "<u4"),
        ("light_scale", "<u2"),
        ("temperature", "<u2"),
        ("events", "u1"),
        ("battery", "u1"),
        ("rate", "u1"),
        ("form", "u1"),
        ("offset", "<i2"),
        ("count", "<u2"),
        ("data", "u1", (480,)),
        ("checksum", "<u2"),
    ]
)
_AX6: Final = 0x64
_SITES: Final = {"6": "left thigh", "7": "right thigh", "13": "sacrum"}
"""Numbers by which OmGui says in the head's comment (`_p`) where a sensor is worn, as far as they are places of ours."""
_PACKED, _WORDS = 0, 2
"""Forms of the samples: three numbers of 10 bits with an exponent in 32 bits, or numbers of 16 bits."""
_EXPORT: Final = "Copy the file from the device again, with OmGui or from its drive."


@dataclass(frozen=True, slots=True)
class Head:
    """What the file says of the device. site: where it is worn, in words, empty where it is not said. gyr_code: of the range of
    the gyroscope, 0 where there is none."""

    device: str
    serial: str
    firmware: int
    site: str
    gyr_code: int


@dataclass(frozen=True, slots=True)
class Setting:
    """How samples are recorded. rate_code: of the rate, and of the accelerometer's range. axes: 3, 6 or 9. form: of the
    samples. scales: codes of both scales."""

    rate_code: int
    axes: int
    form: int
    scales: int

    @property
    def rate_hz(self) -> float:
        """The nominal rate."""
        return float(3200.0 / (1 << (15 - (self.rate_code & 0x0F))))

    @property
    def range_g(self) -> int:
        """The accelerometer's range."""
        return 16 >> (self.rate_code >> 6)

    @property
    def most(self) -> int:
        """Samples that a sector holds."""
        return 120 if self.form == _PACKED else 480 // (2 * self.axes)

    @property
    def acc_scale(self) -> float:
        """m/s² of one count."""
        return float(ACC_M_S2["g"] / (1 << (8 + (0 if self.form == _PACKED else self.scales >> 3))))

    def gyr_range_dps(self, head: Head) -> float:
        """The gyroscope's range, which 32768 counts are; 0 where it is not said."""
        code = self.scales & 7 or head.gyr_code
        return 8000.0 / (1 << code) if code else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sectors:
    """n sound data sectors, in the order of the file. number (n,): in the file. session, sequence (n,): the device's numbers.

    second (n,): whole seconds since 1970 by the device's clock, -1 where unknown; fraction (n,): of that second. at (n,): at
    which sample, from the sector's first, the clock showed them. count (n,): samples of each sector. raw (m, 3 or 6): the
    samples' counts, the accelerometer's last. celsius, volt (n,): of the device inside and its battery, NaN where unknown.
    """

    setting: Setting
    number: Ints
    session: Ints
    sequence: Ints
    second: Ints
    fraction: Floats
    at: Ints
    count: Ints
    raw: Ints
    celsius: Floats
    volt: Floats


def place(path: Path, number: int) -> str:
    """File and sector as all messages write them."""
    return f"{path}, sector {number}"


def read_head(path: Path) -> Head:
    """The head of the file. Raises `HiphingeError` where it is no .cwa file."""
    try:
        with open_file(path) as file:
            head = file.read(_HEAD_SECTORS * SECTOR_BYTES)
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(path), "Check the path and its permissions.") from error
    refuse_packed(head, place(path, 1))
    if len(head) < _HEAD_SECTORS * SECTOR_BYTES or head[:4] != b"MD\xfc\x03":
        what = "the file is empty" if not head else "this is no .cwa recording of an AX3 or AX6: it has no head"
        raise HiphingeError(what, place(path, 1), _EXPORT)
    upper = int.from_bytes(head[11:13], "little")
    serial = int.from_bytes(head[5:7], "little") + ((upper << 16) if upper != 0xFFFF else 0)
    device = "AX6" if head[4] == _AX6 else "AX3"
    comment = head[64:512].rstrip(b" \x00\xff").decode("ascii", "replace")
    said = parse_qs(comment, encoding="utf-8", errors="replace").get("_p", [""])[0]
    gyr = 0 if device == "AX3" or head[35] == 0xFF else head[35] & 0x0F
    return Head(device, f"{serial:05d}", head[41], _SITES.get(said, ""), gyr)


def sectors(path: Path, bad: BadLines) -> Iterator[Sectors]:
    """The sound data sectors, in blocks that are not empty; `bad` counts what is left out.

    Raises `HiphingeError` with the sector for a change of the setting, and for more damage than may be.
    """
    setting: Setting | None = None
    number = _HEAD_SECTORS + 1
    with open_file(path, SECTOR_BYTES * 64) as file:
        total = os.fstat(file.fileno()).st_size // SECTOR_BYTES - _HEAD_SECTORS
        bad.most = max(3, int(_BAD_SHARE * total))
        file.seek(_HEAD_SECTORS * SECTOR_BYTES)
        while piece := file.read(_BLOCK * SECTOR_BYTES):
            whole = len(piece) // SECTOR_BYTES
            block = np.frombuffer(piece, _SECTOR, whole)
            keep = _sound(block, np.frombuffer(piece, "<u2", whole * SECTOR_BYTES // 2).reshape(whole, -1), number, bad)
            found, numbers = block[keep], number + np.flatnonzero(keep)
            if len(found):
                setting = setting or _setting(path, found[0], int(numbers[0]))
                _check_setting(path, found, numbers, setting)
                yield _decoded(setting, found, numbers)
            number += whole
            if len(piece) % SECTOR_BYTES:
                bad.take_torn(number, f"it has {len(piece) % SECTOR_BYTES} of {SECTOR_BYTES} bytes", _EXPORT)
    bad.finish(max(total, 1))


def _sound(block: Any, words: npt.NDArray[np.uint16], number: int, bad: BadLines) -> Bools:
    """Which sectors (n,) hold samples; the damaged ones are taken by `bad`."""
    empty = (words == 0xFFFF).all(axis=1) | (words == 0).all(axis=1)
    marked = (block["mark"] == b"AX") & (block["length"] == SECTOR_BYTES - 4)
    summed = words.sum(axis=1, dtype=np.uint32) & 0xFFFF
    axes, form = block["form"] >> 4, block["form"] & 0x0F
    most = np.where(form == _PACKED, 120, 240 // np.maximum(axes, 1))
    faults = (
        (~marked, "this is no data sector: it does not begin with AX"),
        (summed != 0, "its checksum is wrong"),
        (block["count"] > most, "it claims more samples than it can hold"),
    )
    for row in np.flatnonzero(~empty & np.logical_or.reduce([wrong for wrong, _ in faults])):
        what = next(words for wrong, words in faults if wrong[row])
        bad.take(number + int(row), what, _EXPORT, number + int(row))
    wrong = np.logical_or.reduce([wrong for wrong, _ in faults])
    return np.asarray(~empty & ~wrong & (block["count"] > 0))


def _setting(path: Path, first: Any, number: int) -> Setting:
    axes, form = int(first["form"]) >> 4, int(first["form"]) & 0x0F
    if (axes, form) not in ((3, _PACKED), (3, _WORDS), (6, _WORDS), (9, _WORDS)):
        _fail(path, number, f"samples of the form {int(first['form']):#04x} are not known", "Record with 3 or 6 axes.")
    if int(first["rate"]) & 0x0F < 6:
        _fail(path, number, f"the rate code {int(first['rate'])} is not known", "Firmware before 2011 is not read.")
    return Setting(int(first["rate"]), axes, form, int(first["light_scale"]) >> 10)


def _check_setting(path: Path, found: Any, numbers: Ints, setting: Setting) -> None:
    same = (found["rate"] == setting.rate_code) & (found["form"] == (setting.axes << 4 | setting.form))
    same &= (found["light_scale"] >> 10) == setting.scales
    if not same.all():
        _fail(
            path,
            int(numbers[np.argmin(same)]),
            "rate, range or axes change within the file",
            "Make a session of each recording.",
        )


def _decoded(setting: Setting, found: Any, numbers: Ints) -> Sectors:
    count = found["count"].astype(np.int64)
    held = np.arange(setting.most) < count[:, None]
    if setting.form == _PACKED:
        raw = _unpacked(found["data"].reshape(-1).view("<u4").reshape(len(found), -1)[held])
    else:
        wide = found["data"][:, : setting.most * 2 * setting.axes]
        raw = np.ascontiguousarray(wide).view("<i2").reshape(len(found), setting.most, setting.axes)[held]
        raw = raw[:, :6].astype(np.int64)
    sixteen = np.where(found["fraction"] & 0x8000, (found["fraction"].astype(np.int64) & 0x7FFF) << 1, 0)
    return Sectors(
        setting,
        numbers,
        found["session"].astype(np.int64),
        found["sequence"].astype(np.int64),
        _seconds(found["stamp"]),
        sixteen / 65536.0,
        # the device takes the samples of the fraction off the offset, for readers that do not know the fraction
        found["offset"] + ((sixteen * int(setting.rate_hz)) >> 16),
        count,
        raw,
        _known(found["temperature"] & 0x3FF) * 75.0 / 256.0 - 50.0,
        (_known(found["battery"]) * 2.0 + 512.0) * 6.0 / 1024.0,
    )


def _known(readings: npt.NDArray[Any]) -> Floats:
    """Readings (n,) of which 0 means that there is none: NaN."""
    return np.where(readings == 0, np.nan, readings.astype(np.float64))


def _unpacked(words: npt.NDArray[np.uint32]) -> Ints:
    """Counts (m, 3) of packed samples: ten bits each from the lowest, and how far all three are shifted up."""
    values = words.astype(np.int64)
    ten = np.column_stack([(values >> shift) & 0x3FF for shift in (0, 10, 20)])
    return np.asarray(np.where(ten > 511, ten - 1024, ten) << (values >> 30)[:, None])


def _seconds(stamp: npt.NDArray[np.uint32]) -> Ints:
    """Seconds since 1970 (n,) of packed dates, -1 for what is none."""
    value = stamp.astype(np.int64)
    year, month, day = 2000 + (value >> 26), (value >> 22) & 0x0F, (value >> 17) & 0x1F
    hour, minute, second = (value >> 12) & 0x1F, (value >> 6) & 0x3F, value & 0x3F
    begin = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = (begin.astype("M8[D]") + (day - 1)).astype("M8[D]")
    good = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("M8[M]") == begin)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    return np.where(good, days.astype(np.int64) * 86_400 + (hour * 60 + minute) * 60 + second, -1)


def acc_and_gyr(raw: Ints, setting: Setting, gyr_range_dps: float) -> tuple[Floats, Floats]:
    """Specific force (m, 3), m/s², and angular rate (m, 3), rad/s, of counts (m, 6)."""
    gyr_scale = gyr_range_dps * GYR_RAD_S["deg/s"] / 32768.0
    return raw[:, 3:6].astype(np.float64) * setting.acc_scale, raw[:, :3].astype(np.float64) * gyr_scale


def _fail(path: Path, number: int, what: str, remedy: str) -> NoReturn:
    raise HiphingeError(what, place(path, number), remedy)
