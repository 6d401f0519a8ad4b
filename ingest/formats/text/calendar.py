"""Dates and times of day as files write them, in whole nanoseconds.

Read are ``2026-11-23T14:05:00.123+01:00`` and what programs make of it: other separators in the date, in the time and before
the fraction, day and month of one digit, ``23.11.2026`` with the day first, ``2:05:00 PM``, and a time of day alone. A date
with slashes must begin with its year, because ``11/12/2026`` is two days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

from body_signals import Ints

DAY_NS = 86_400_000_000_000
_PATTERN = (
    r"^(?:(?:(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})|(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4}))[T_ ,]+)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:(?P<point>[.,:_])(?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])[Mm])?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$"
)


@dataclass(frozen=True, slots=True)
class Stamps:
    """n times. ns (n,): since 1970 (UTC where `zoned`, else as the clock on the wall), or since midnight where not `dated`."""

    ns: Ints
    dated: bool
    zoned: bool


def stamps_of(texts: Sequence[str]) -> Stamps | int:
    """The times that `texts`, at least one, state; else the number of the first text that is none, or of another kind."""
    found = compute.extract_regex(pa.array(texts, pa.string()), _PATTERN)
    wrong = np.flatnonzero(~found.is_valid().to_numpy(zero_copy_only=False))
    if len(wrong):
        return int(wrong[0])
    parts = {name: found.field(name) for name in ("year", "month", "day", "d", "m", "y", "hour", "minute", "second", "half")}
    number = {name: _number(part) for name, part in parts.items() if name != "half"}
    year, month, day = (np.maximum(number[a], number[b]) for a, b in (("year", "y"), ("month", "m"), ("day", "d")))
    zone, half = (np.array(found.field(name).to_pylist()) for name in ("zone", "half"))
    dated, zoned = year > 0, zone != ""
    hour = number["hour"]
    noon = np.isin(half, ("p", "P"))
    hour = np.where(half == "", hour, hour % 12 + 12 * noon)
    first = (bool(dated[0]), bool(zoned[0]))
    good = (dated == first[0]) & (zoned == first[1]) & (hour < 24) & (number["minute"] < 60) & (number["second"] < 60)
    days = np.zeros(len(texts), np.int64)
    if first[0]:
        months = (year - 1970) * 12 + month - 1
        begin = months.astype("M8[M]").astype("M8[D]")
        days = begin.astype(np.int64) + day - 1
        good &= (month >= 1) & (month <= 12) & (day >= 1) & ((begin + (day - 1)).astype("M8[M]").astype(np.int64) == months)
    wrong = np.flatnonzero(~good)
    if len(wrong):
        return int(wrong[0])
    fraction = found.field("fraction")
    # after a colon stand whole milliseconds, which need no zeros before them
    counted = compute.and_(compute.equal(found.field("point"), ":"), compute.less(compute.binary_length(fraction), 3))
    fraction = compute.utf8_rpad(compute.if_else(counted, compute.utf8_lpad(fraction, 3, "0"), fraction), 9, "0")
    seconds = (hour * 60 + number["minute"]) * 60 + number["second"]
    ns = days * DAY_NS + seconds * 1_000_000_000 + _number(fraction)
    if first[1]:
        kinds = {text: _offset_ns(text) for text in np.unique(zone)}
        ns = ns - np.array([kinds[text] for text in zone], np.int64)
    return Stamps(ns, *first)


def _number(texts: pa.Array) -> Ints:
    """The numbers in texts, 0 for an empty one."""
    filled = compute.if_else(compute.equal(texts, ""), "0", texts)
    return np.asarray(filled.cast(pa.int64()).to_numpy(), np.int64)


def _offset_ns(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-1 if zone[0] == "-" else 1) * minutes * 60_000_000_000
