"""From a file's time to seconds since its first sample: block by block, over every place where the clock begins anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from body_signals import Bools, Floats, HiphingeError, Ints
from ingest.formats.mapping.layout import CLOCK, COUNTED, ISO, NUMBER, Clock
from ingest.formats.text import BadLines, Rows
from ingest.formats.text.calendar import DAY_NS, stamps_of

_STEPS = 20.0
"""Longest step, in usual steps, over a place where a counter begins anew (ours); anything longer is a restart."""
_WRAPS = tuple(2.0**bits / 10.0**digits for bits in (32, 24, 16) for digits in (0, 3, 6))
"""After what counters begin anew: 16, 24 and 32 bits, also of a clock that is written in a larger unit."""
_HOUR_NS = 3_600_000_000_000
_UNIX_S = (946_684_800.0, 4_102_444_800.0)
"""Seconds since 1970 from 2000 to 2100: a time in this range is a date."""
DEVICE, UTC_DATE, LOCAL_DATE, TIME_OF_DAY, COUNT = "device", "utc", "local", "day", "count"
"""What a clock counts from: nothing known, 1970 UTC, a date without a zone, midnight, the first sample."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a stream's time counts from, and its first sample there in whole nanoseconds."""

    kind: str
    ns: int

    def moment(self) -> datetime:
        """The first sample as a date: aware where `kind` is `UTC_DATE`."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(self.ns + 500) // 1000)
        return moment if self.kind == UTC_DATE else moment.replace(tzinfo=None)


class StreamClock:
    """Turns the stamps of one pass over a file into seconds since `first`, the pass's first stamp.

    jumps: where the clock began anew or was set, in words.
    """

    def __init__(self, clock: Clock, bad: BadLines) -> None:
        self._clock, self._bad = clock, bad
        self._seen = 0
        self._zero_ns: int | None = None
        self._first: float | None = None
        self._last: float | None = None
        self._shift = 0.0
        self._usual: float = 0.0
        self._dated: tuple[bool, bool] | None = None
        self.origin = Origin(COUNT, 0)
        self.jumps: dict[str, int] = {}

    def seconds(self, rows: Rows) -> tuple[Floats, Rows]:
        """Times (n,), strictly increasing, since the first sample (or as they stand: ``zero = "keep"``), and their rows."""
        if self._clock.kind == COUNTED:
            time = (self._seen + np.arange(len(rows))) / self._clock.rate_hz
            self._seen += len(rows)
            return time, rows
        if self._clock.kind == NUMBER:
            assert rows.stamps is not None
            stamps = rows.stamps
        else:
            ns, rows = self._calendar(rows)
            if self._zero_ns is None and len(ns):
                self._zero_ns = int(ns[0])
            # nanoseconds since the first sample are exact
            stamps = np.asarray((ns - (self._zero_ns or 0)).astype(np.float64))
        if not len(rows):
            return np.empty(0), rows
        if self._first is None:
            self._first = self._begun(stamps)
        stamps, rows = self._increasing(self._continued(stamps), rows)
        self._seen += len(rows)
        zero = 0.0 if self._clock.keep_zero else self._first
        return np.asarray((stamps - zero) / self._clock.per_second), rows

    def _begun(self, stamps: Floats) -> float:
        """Learns what the time counts from; the first stamp."""
        first, step = float(stamps[0]), np.diff(stamps)
        forward = step[step > 0]
        self._usual = float(np.median(forward)) if len(forward) else 0.0
        if self._zero_ns is not None:
            assert self._dated is not None
            dated, zoned = self._dated
            self.origin = Origin((UTC_DATE if zoned else LOCAL_DATE) if dated else TIME_OF_DAY, self._zero_ns)
            return first
        is_date = _UNIX_S[0] <= first / self._clock.per_second < _UNIX_S[1] and not self._clock.keep_zero
        # whole seconds apart: a date in nanoseconds has more digits than a double
        whole, rest = divmod(first, self._clock.per_second)
        ns = 0 if self._clock.keep_zero else int(whole) * 1_000_000_000 + round(rest * (1e9 / self._clock.per_second))
        self.origin = Origin(UTC_DATE if is_date else DEVICE, ns)
        return first

    def _calendar(self, rows: Rows) -> tuple[Ints, Rows]:
        texts = [" ".join(parts) for parts in zip(*rows.texts, strict=True)]
        while texts:
            found = stamps_of(texts)
            if not isinstance(found, int):
                kind = (found.dated, found.zoned)
                if self._clock.kind == ISO and not found.dated:
                    self._refuse(rows, 0, f"holds {texts[0][:40]!r}, a time of day without a date", 'Write unit = "clock".')
                if self._dated not in (None, kind):
                    self._refuse(rows, 0, f"changes its form at {texts[0][:40]!r}", "Write all times in one form.")
                self._dated = kind
                return (found.ns % DAY_NS if self._clock.kind == CLOCK and not found.dated else found.ns), rows
            is_no = "no date and time" if self._clock.kind == ISO else "no time of day"
            what = f"{self._name} holds {texts[found][:40]!r}, which is {is_no}"
            remedy = "Write for example 2026-11-23T14:05:00.123+01:00; a date with slashes begins with its year."
            self._bad.take(int(rows.lines[found]), what, remedy, self._seen + found)
            keep = np.ones(len(rows), np.bool_)
            keep[found] = False
            rows = rows.take(keep)
            del texts[found]
        return np.empty(0, np.int64), rows

    def _continued(self, stamps: Floats) -> Floats:
        """The stamps as if the clock had never begun anew."""
        before = np.concatenate(
            ([self._last if self._last is not None else stamps[0] + self._shift], stamps[:-1] + self._shift)
        )
        # what was added before the block counts for its first step too
        step = stamps + self._shift - before
        out = stamps + self._shift
        for row in np.flatnonzero(self._suspicious(step)):
            jump = self._jump(float(stamps[row - 1] if row else before[0] - self._shift), float(step[row]))
            if jump:
                added, words = jump
                out[row:] = out[row:] + added
                self._shift += added
                self.jumps[words] = self.jumps.get(words, 0) + 1
        return out

    def _suspicious(self, step: Floats) -> Bools:
        if self._clock.kind == NUMBER or (self._dated and self._dated[1]):
            return np.asarray(step < 0)
        # a clock on the wall is set by an hour, twice a year
        return np.asarray((step < 0) | (np.abs(step - _HOUR_NS) < _STEPS * self._usual))

    def _jump(self, before: float, step: float) -> tuple[float, str] | None:
        """What to add from here on, and why; None where the clock only runs backwards."""
        if self._clock.kind == NUMBER:
            if self._clock.bits is not None:
                wrap = 2.0**self._clock.bits
                return (wrap, f"{self._name} begins anew after {wrap:.0f}") if before < wrap and step + wrap > 0 else None
            fits = (wrap for wrap in _WRAPS if before < wrap and 0 < step + wrap <= _STEPS * self._usual)
            return next(((wrap, f"{self._name} begins anew after {wrap:.10g}") for wrap in fits), None)
        within = range(1, int(_STEPS * self._usual) + 1)
        if self._dated == (False, False) and int(step) + DAY_NS > 0 and step < -DAY_NS / 2:
            return float(DAY_NS), f"{self._name} goes over midnight"
        if int(step) + _HOUR_NS in within:
            return float(_HOUR_NS), f"{self._name} was set back by an hour"
        if int(step) - _HOUR_NS in within:
            return -float(_HOUR_NS), f"{self._name} was set forward by an hour"
        return None

    def _increasing(self, stamps: Floats, rows: Rows) -> tuple[Floats, Rows]:
        highest = np.maximum.accumulate(stamps if self._last is None else np.concatenate(([self._last], stamps)))
        before = highest[:-1]
        later = stamps[1:] > before if self._last is None else stamps > before
        keep = np.concatenate(([True], later)) if self._last is None else later
        for row in np.flatnonzero(~keep):
            was = before[row - 1] if self._last is None else before[row]
            what, remedy = self._backwards(was.item(), stamps[row].item(), rows, int(row))
            if self._bad.most is None:
                raise HiphingeError(what, self._bad.place(int(rows.lines[row])), remedy)
            self._bad.take(int(rows.lines[row]), what, remedy, self._seen)
        self._last = highest[-1].item()
        return (stamps, rows) if keep.all() else (stamps[keep], rows.take(np.asarray(keep)))

    def _backwards(self, before: float, after: float, rows: Rows, row: int) -> tuple[str, str]:
        shown = [rows.texts[0][row]] * 2 if rows.texts else [f"{before:.15g}", f"{after:.15g}"]
        if before == after:
            return f"{self._name} repeats {shown[1]} of the {self._bad.unit} before", (
                "Every sample needs a time of its own: remove the duplicate line, or correct its time. Where the samples of a "
                "packet share a time, say --rate 100, or rate_hz in place of time; where few times repeat, bad_lines = …"
            )
        from_to = f"to {shown[1]}" if rows.texts else f"from {shown[0]} to {shown[1]}"
        return f"{self._name} runs backwards, {from_to}", (
            "Put the lines in order of time; make a session of each recording after each restart of the clock."
        )

    def _refuse(self, rows: Rows, row: int, what: str, remedy: str) -> None:
        raise HiphingeError(f"{self._name} {what}", self._bad.place(int(rows.lines[row])), remedy)

    @property
    def _name(self) -> str:
        return " ".join(self._clock.columns)
