"""One CSV file of a plain session: reading with errors that name file, line and remedy, and writing.

Columns in any order, names as in the header of the documentation. Times are written exactly, the other numbers with
nine significant digits.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from body_signals import Floats, HiphingeError
from ingest.formats.number_table import NumberTable, read_header, read_numbers
from ingest.formats.plausible import implausible
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import place
from on_disk import open_private

TIME = "time_s"
ACC = ("acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2")
GYR = ("gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s")
QUAT = ("quat_w", "quat_x", "quat_y", "quat_z")
MAG = ("mag_x_ut", "mag_y_ut", "mag_z_ut")
KNOWN = (TIME, *ACC, *GYR, *QUAT, *MAG)
_HEADER = f"The header must be {','.join((TIME, *ACC, *GYR))}"

_UNIT = 1e-7
"""Largest distance of a quaternion's length from 1 after rounding to nine digits (ours); such a quaternion is not rescaled."""


def read_plain_csv(path: Path) -> tuple[PlainSamples, NumberTable]:
    """The samples of one sensor, and the table that knows their lines. Quaternions have unit length.

    Raises `HiphingeError` for whatever `number_table` finds, an unknown or missing column, a time that repeats or runs
    backwards, and units or frames that cannot be true.
    """
    header = read_header(path)
    _check_header(path, header)
    table = read_numbers(path, header)
    table.check_increasing(TIME)
    quat = table.group(QUAT) if QUAT[0] in header else None
    samples = PlainSamples(
        table.columns[TIME],
        table.group(ACC),
        table.group(GYR) if GYR[0] in header else None,
        quat,
        table.group(MAG) if MAG[0] in header else None,
    )
    doubt = implausible(samples.time_s, samples.acc, samples.gyr, quat)
    if doubt is not None:
        raise HiphingeError(doubt.what, table.where(doubt.row), doubt.remedy)
    return with_unit_quaternions(samples), table


def with_unit_quaternions(samples: PlainSamples) -> PlainSamples:
    """The same samples, quaternions of length 1."""
    quat = samples.quat
    if quat is None:
        return samples
    norm = np.linalg.norm(quat, axis=1, keepdims=True)
    unit = np.where(np.abs(norm - 1.0) < _UNIT, quat, quat / norm)
    return PlainSamples(samples.time_s, samples.acc, samples.gyr, unit, samples.mag_ut)


def _check_header(path: Path, header: list[str]) -> None:
    def fail(what: str, remedy: str) -> NoReturn:
        raise HiphingeError(what, place(path, 1), remedy)

    if len(header) == 1 and any(other in header[0] for other in ";\t"):
        fail("the columns are not separated by commas", "Separate columns by commas and write decimal points.")
    if all(_is_number(name) for name in header):
        fail("the header is missing: the first line holds numbers", f"{_HEADER}.")
    for name in header:
        if name not in KNOWN:
            close = difflib.get_close_matches(name, [k for k in KNOWN if k not in header], 1, 0.7)
            hint = f"Did you mean {close[0]}? " if close else "Remove this column. "
            fail(f"unknown column {name!r}", f"{hint}Known columns are {', '.join(KNOWN)}.")
        if header.count(name) > 1:
            fail(f"column {name} is there more than once", "Remove or rename one of them.")
    needed = [TIME, *ACC]
    for group in (GYR, QUAT, MAG):
        if any(name in header for name in group):
            needed += group
    without_rotation = GYR[0] not in needed and QUAT[0] not in needed
    missing = [name for name in (*needed, *(GYR if without_rotation else ())) if name not in header]
    if missing:
        instead = f", or {','.join(QUAT)} in place of the gyr columns" if without_rotation else ""
        fail(
            f"missing column{'s' * (len(missing) > 1)} {', '.join(missing)}; found {', '.join(header)}",
            f"{_HEADER}{instead}.",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_plain_csv(path: Path, samples: PlainSamples | StoredSamples) -> None:
    """Write one sensor's samples. Raises OSError."""
    with open_private(path, "wb") as file:
        for number, block in enumerate(samples.blocks()):
            columns: dict[str, pa.Array] = {TIME: pa.array(block.time_s)}
            for names, values in ((ACC, block.acc), (GYR, block.gyr), (QUAT, block.quat), (MAG, block.mag_ut)):
                if values is not None:
                    columns |= {name: pa.array(_nine_digits(values[:, i])) for i, name in enumerate(names)}
            if number == 0:
                file.write((",".join(columns) + "\n").encode())
            arrow_csv.write_csv(pa.table(columns), file, arrow_csv.WriteOptions(include_header=False))


def _nine_digits(values: Floats) -> Floats:
    """The doubles nearest to `values` in nine significant digits, which are then printed as such."""
    size = np.abs(values)
    # powers of ten up to 22 are exact, so the quotient is the double nearest to the decimal
    exponent = np.clip(8.0 - np.floor(np.log10(np.where(size > 0.0, size, 1.0))), 0.0, 22.0)
    factor = np.array([10.0**k for k in range(23)])[exponent.astype(np.int64)]
    return np.asarray(np.rint(values * factor) / factor)
