"""Angles over time as the page draws them: an overview by least and largest, and the rows of a stretch.

Both are bytes in little-endian order, as the live page's frames are: 0x48 0x48, version 1, kind, 4 bytes of 0 or the number of
rows, columns. Missing is NaN.

    kind 2, overview: header, float64 begin, float64 end, then of each column float32 least (n,) and float32 largest (n,)
    kind 3, rows: header, float64 time_s (n,), then of each column float32 (n,)

The header is ``<BBBBIII``: n is the first of the three numbers, the columns the second, the third is 0, so that what follows
lies at a multiple of 8 bytes.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from body_signals import Floats
from dashboards.tables import angle_minutes

OVERVIEW = ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion")
"""The three lines of the overview."""
BODY = ("pelvis_tilt", "trunk_inclination", "thigh_left_inclination", "thigh_right_inclination")
"""What the body from the side is drawn by."""
COLUMNS = (*OVERVIEW, *(f"{name}_sd" for name in OVERVIEW), *BODY, "quality")
"""Of the rows, in this order: degrees, and the quality flags as a number."""
MOST_BINS, LONGEST_STRETCH_S = 4096, 300.0
"""More than a screen has columns, and more than the page asks for at once (ours)."""
_MAGIC, _VERSION, _OVERVIEW_KIND, _ROWS_KIND = 0x48, 1, 2, 3
_HEADER = struct.Struct("<BBBBIII")


def overview(folder: Path, estimator: str, begin_s: float, end_s: float, bins: int) -> bytes:
    """Least and largest value of each line in `bins` equal parts of a span. HiphingeError where there are no results."""
    bins = max(1, min(bins, MOST_BINS))
    least = np.full((len(OVERVIEW), bins), np.inf, np.float32)
    largest = -least
    width_s = (end_s - begin_s) / bins
    if width_s > 0.0 and math.isfinite(width_s):
        for minute in angle_minutes(folder, estimator, ["time_s", *(f"{name}_deg" for name in OVERVIEW)], begin_s, end_s):
            place = np.floor((minute["time_s"].to_numpy() - begin_s) / width_s)
            inside = (place >= 0) & (place < bins)
            if inside.any():
                at = place[inside].astype(np.intp)
                firsts = np.flatnonzero(np.diff(at, prepend=-1))
                for i, name in enumerate(OVERVIEW):
                    values = minute[f"{name}_deg"].to_numpy()[inside]
                    for found, take in ((least, np.fmin), (largest, np.fmax)):
                        row = found[i]
                        row[at[firsts]] = take(row[at[firsts]], take.reduceat(values, firsts))
    least[~np.isfinite(least)] = largest[~np.isfinite(largest)] = np.nan
    head = _HEADER.pack(_MAGIC, _MAGIC, _VERSION, _OVERVIEW_KIND, bins, len(OVERVIEW), 0)
    parts = [part.astype("<f4").tobytes() for pair in zip(least, largest, strict=True) for part in pair]
    return head + struct.pack("<dd", begin_s, end_s) + b"".join(parts)


def stretch(folder: Path, estimator: str, begin_s: float, end_s: float) -> bytes:
    """The rows from begin_s up to but not including end_s. HiphingeError where there are no results."""
    end_s = min(end_s, begin_s + LONGEST_STRETCH_S)
    names = ["time_s", *(name if name == "quality" else f"{name}_deg" for name in COLUMNS)]
    times: list[Floats] = []
    found: dict[str, list[Floats]] = {name: [] for name in names[1:]}
    for minute in angle_minutes(folder, estimator, names, begin_s, end_s):
        time_s = minute["time_s"].to_numpy()
        first, last = np.searchsorted(time_s, (begin_s, end_s))
        times.append(time_s[first:last])
        for name, parts in found.items():
            parts.append(minute[name].to_numpy()[first:last].astype(np.float32))
    time_s = np.concatenate(times) if times else np.empty(0)
    head = _HEADER.pack(_MAGIC, _MAGIC, _VERSION, _ROWS_KIND, len(time_s), len(COLUMNS), 0)
    columns = [np.concatenate(parts) if parts else np.empty(0) for parts in found.values()]
    return head + time_s.astype("<f8").tobytes() + b"".join(column.astype("<f4").tobytes() for column in columns)
