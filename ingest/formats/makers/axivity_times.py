"""Times of the samples of a .cwa file, from the stamps of its sectors.

Each sector says at which of its samples the device's clock showed which time. The sensor samples at a rate of its own, up to a
few per cent from the nominal one, so times between two stamps are spread evenly; before the first stamp of a stretch without a
gap and after its last one the mean step of the nearest stamps goes on. Whether the file is read in small or large blocks
changes no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from body_signals import Bools, Floats, HiphingeError, Ints
from ingest.formats.makers.axivity_sectors import Sectors, place

_NEAREST: Final = 16
"""Stamps from which the mean step is taken at both ends of a stretch (ours)."""
_RATE_WITHIN: Final = 0.15
"""Largest relative distance of the sensor's rate from the nominal one (ours)."""
_STAMP_S, _STAMP_SAMPLES = 0.1, 3.0
"""What a stamp may be off, s, or in samples where these are slower (ours): old firmware names whole seconds."""
_COUNT: Final = "If no sample is missing there, say --rate, and the samples are counted; else make a session of each part."


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """n samples, at least one. time_s (n,): since `SectorClock.zero`. raw (n, 3 or 6): counts. sector (n,): of each."""

    time_s: Floats
    raw: Ints
    sector: Ints

    def __len__(self) -> int:
        return len(self.time_s)


class SectorClock:
    """Turns the sectors of one pass over a file into samples with times.

    rate_hz: the nominal rate. counted_hz: count the samples at this rate instead, and believe no stamp but the first. zero:
    seconds since 1970 by the device's clock, from which times count; None while no stamp was seen. gaps: stretches that are
    missing, their number and length in s.
    """

    def __init__(self, path: Path, rate_hz: float, counted_hz: float | None = None) -> None:
        self._path, self._rate_hz, self._counted_hz = path, rate_hz, counted_hz
        self.zero: int | None = None
        self.gaps: list[float] = []
        self._seen = 0
        self._counted_from_s: float | None = None
        self._before: tuple[int, int] | None = None
        self._last: tuple[float, float] | None = None
        self._until_s = -np.inf
        self._begin()

    def feed(self, part: Sectors) -> Iterator[Timed]:
        """The samples of which the time is certain by now, in blocks."""
        steps, again = self._steps(part)
        if self._counted_hz is not None:
            yield self._counted(part, steps, again)
            return
        first = self._seen + np.cumsum(part.count) - part.count
        stamp, time_s = self._stamps(part, first)
        breaks = self._breaks(part, stamp, time_s, steps, again)
        self._seen += int(part.count.sum())
        ends = np.cumsum(part.count)
        start = 0
        for row in [*np.flatnonzero(breaks).tolist(), len(part.number)]:
            if row > start:
                samples = slice(int(ends[start] - part.count[start]), int(ends[row - 1]))
                self._add(part, slice(start, row), samples, int(first[start]), stamp, time_s)
                yield from self._ready()
            if row < len(part.number):
                yield from self.finish()
            start = row

    def finish(self) -> Iterator[Timed]:
        """The samples of the stretch that are left, after its last sector."""
        left = sum(len(raw) for raw in self._held)
        if left:
            if not len(self._stamp):
                what = "no sector from here on states the time"
                raise HiphingeError(what, place(self._path, int(self._held_sector[0][0])), _COUNT)
            yield self._given(self._first + left)
        self._begin()

    def _begin(self) -> None:
        self._held: list[Ints] = []
        self._held_sector: list[Ints] = []
        self._first = 0
        self._stamp, self._time_s = np.empty(0), np.empty(0)
        self._early_step = 0.0

    def _steps(self, part: Sectors) -> tuple[Ints, Bools]:
        """By how much the sequence number (n,) rises to each sector, and where (n,) the device began anew."""
        session, sequence = self._before or (int(part.session[0]), int(part.sequence[0]) - 1)
        steps = np.diff(part.sequence, prepend=sequence)
        again = (np.diff(part.session, prepend=session) != 0) | (steps < 0)
        repeated = np.flatnonzero((steps == 0) & ~again)
        if len(repeated):
            row = int(repeated[0])
            what = f"its sequence number {part.sequence[row]} is that of the sector before"
            raise HiphingeError(what, place(self._path, int(part.number[row])), "Copy the file from the device again.")
        self._before = int(part.session[-1]), int(part.sequence[-1])
        return steps, np.asarray(again)

    def _counted(self, part: Sectors, steps: Ints, again: Bools) -> Timed:
        assert self._counted_hz is not None
        if again.any():
            what = "the device began anew here, and how long it paused is not counted"
            number = int(part.number[np.argmax(again)])
            raise HiphingeError(what, place(self._path, number), "Leave --rate out, or make a session of each part.")
        if self._counted_from_s is None:
            known = part.second[0] >= 0
            self.zero = int(part.second[0]) if known else None
            self._counted_from_s = float(part.fraction[0] - part.at[0] / self._counted_hz) if known else 0.0
        lost = (steps - 1) * part.setting.most
        first = self._seen + np.cumsum(part.count + lost) - part.count
        self._seen = int(first[-1] + part.count[-1])
        self.gaps += [float(n / self._counted_hz) for n in lost[lost > 0]]
        inside = np.arange(len(part.raw)) - np.repeat(np.cumsum(part.count) - part.count, part.count)
        time_s = self._counted_from_s + (np.repeat(first, part.count) + inside) / self._counted_hz
        return Timed(time_s, part.raw, np.repeat(part.number, part.count))

    def _stamps(self, part: Sectors, first: Ints) -> tuple[Floats, Floats]:
        """Sample numbers (n,) of the file and their times (n,), NaN where a sector states none."""
        known = part.second >= 0
        if self.zero is None and known.any():
            self.zero = int(part.second[np.argmax(known)])
        time_s = np.where(known, part.second - (self.zero or 0) + part.fraction, np.nan)
        return np.where(known, first + part.at, np.nan).astype(np.float64), time_s

    def _breaks(self, part: Sectors, stamp: Floats, time_s: Floats, steps: Ints, again: Bools) -> Bools:
        """Where (n,) samples are missing before a sector. Raises `HiphingeError` where less time has passed than they take."""
        breaks = np.asarray(again | (steps != 1))
        at = np.flatnonzero(np.isfinite(stamp))
        if not len(at):
            return breaks
        before = self._last or (float(stamp[at[0]]), float(time_s[at[0]]))
        samples, passed = np.diff(stamp[at], prepend=before[0]), np.diff(time_s[at], prepend=before[1])
        self._last = float(stamp[at[-1]]), float(time_s[at[-1]])
        beyond = passed - samples / self._rate_hz
        most = max(_STAMP_S, _STAMP_SAMPLES / self._rate_hz) + _RATE_WITHIN * np.abs(samples) / self._rate_hz
        wrong = np.flatnonzero(beyond < -most)
        if len(wrong):
            row = int(at[wrong[0]])
            whose = "another recording begins here, and its clock" if again[row] else "the clock of the device"
            what = f"{whose} goes back by {-beyond[wrong[0]]:.1f} s against the samples"
            raise HiphingeError(what, place(self._path, int(part.number[row])), _COUNT)
        breaks[at[beyond > most]] = True
        self.gaps += [float(seconds) for seconds in beyond[breaks[at] & (beyond > 0.0)]]
        return breaks

    def _add(self, part: Sectors, rows: slice, samples: slice, first: int, stamp: Floats, time_s: Floats) -> None:
        if not self._held:
            self._first = first
        self._held.append(part.raw[samples])
        self._held_sector.append(np.repeat(part.number[rows], part.count[rows]))
        known = np.isfinite(stamp[rows])
        number, at_s = stamp[rows][known], time_s[rows][known]
        # several sectors may state one time
        last = (self._stamp[-1], self._time_s[-1]) if len(self._stamp) else (-np.inf, -np.inf)
        highest = [np.maximum.accumulate(np.concatenate(([was], now))) for was, now in zip(last, (number, at_s), strict=True)]
        later = (number > highest[0][:-1]) & (at_s > highest[1][:-1])
        self._stamp, self._time_s = (
            np.concatenate((was, now[later])) for was, now in ((self._stamp, number), (self._time_s, at_s))
        )

    def _ready(self) -> Iterator[Timed]:
        if len(self._stamp) >= _NEAREST and self._stamp[-1] > self._first and any(len(raw) for raw in self._held):
            yield self._given(int(self._stamp[-1]))

    def _given(self, until: int) -> Timed:
        """The samples held up to number `until`, which stay held no longer."""
        raw, sector = np.concatenate(self._held), np.concatenate(self._held_sector)
        n = min(until - self._first, len(raw))
        number = self._first + np.arange(n)
        time_s = np.interp(number, self._stamp, self._time_s)
        self._early_step = self._early_step or self._mean_step(slice(None, _NEAREST))
        early, late = number < self._stamp[0], number > self._stamp[-1]
        time_s[early] = self._time_s[0] + (number[early] - self._stamp[0]) * self._early_step
        time_s[late] = self._time_s[-1] + (number[late] - self._stamp[-1]) * self._mean_step(slice(-_NEAREST, None))
        if time_s[0] <= self._until_s:
            what = "the clock of the device runs backwards"
            raise HiphingeError(what, place(self._path, int(sector[0])), _COUNT)
        self._until_s = float(time_s[-1])
        self._held, self._held_sector = [raw[n:]], [sector[n:]]
        self._first += n
        self._stamp, self._time_s = self._stamp[-_NEAREST:], self._time_s[-_NEAREST:]
        return Timed(time_s, raw[:n], sector[:n])

    def _mean_step(self, part: slice) -> float:
        stamp, time_s = self._stamp[part], self._time_s[part]
        nominal = 1.0 / self._rate_hz
        if len(stamp) < 2:
            return nominal
        step = float((time_s[-1] - time_s[0]) / (stamp[-1] - stamp[0]))
        return step if abs(step / nominal - 1.0) < _RATE_WITHIN else nominal
