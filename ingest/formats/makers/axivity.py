"""Format ``axivity``: recordings of Axivity AX6 sensors, one .cwa file for each, read in blocks of sectors.

What an AX3 records, or an AX6 with its gyroscope off, is acceleration alone: such a file is refused in words. The axes of
accelerometer and gyroscope are right-handed. Times are those of the device's clock, which has no zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from body_signals import LONGEST_SESSION_S, HiphingeError
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, refuse_folder
from ingest.formats.makers.axivity_sectors import Head, Sectors, Setting, acc_and_gyr, place, read_head, sectors
from ingest.formats.makers.axivity_times import SectorClock, Timed
from ingest.formats.placement_names import placement_named
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import BadLines

_FIRST_YEAR: Final = 2010
"""A clock that shows an earlier year was never set: there were no AX devices then."""
_SAID_RATE_WITHIN: Final = 0.1
"""Largest relative distance of a rate that is said from the nominal one (ours)."""


@dataclass(slots=True)
class _Recording:
    """One file. zero: seconds since 1970 by the device's clock from which its times count, None where it states none. first_s:
    time of the first sample. counted_hz: samples are counted at this rate."""

    path: Path
    head: Head
    setting: Setting
    counted_hz: float | None
    zero: int | None = None
    first_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.head.device} {self.head.serial}"

    @property
    def is_set(self) -> bool:
        """Whether the clock shows a date that can be."""
        return self.zero is not None and _date(self.zero).year >= _FIRST_YEAR

    @property
    def begin_s(self) -> float:
        """The first sample, s since 1970 by the device's clock."""
        return (self.zero or 0) + self.first_s


@dataclass(slots=True)
class _State:
    """The device in the course of a recording: lowest and highest °C inside, the battery's first and last voltage."""

    low: float = np.inf
    high: float = -np.inf
    first: float | None = None
    last: float = np.nan

    def take(self, part: Sectors) -> None:
        """Learn from these sectors; what is unknown is NaN."""
        self.low = float(np.fmin.reduce(part.celsius, initial=self.low))
        self.high = float(np.fmax.reduce(part.celsius, initial=self.high))
        volt = part.volt[np.isfinite(part.volt)]
        if len(volt):
            self.first = float(volt[0]) if self.first is None else self.first
            self.last = float(volt[-1])

    def words(self) -> str:
        """All of it that is known, to go on a sentence."""
        warm = f"; {self.low:.0f} to {self.high:.0f} °C inside" if self.low <= self.high else ""
        full = f"; battery {self.first:.2f} V at the beginning, {self.last:.2f} V at the end" if self.first is not None else ""
        return warm + full


def import_axivity(source: Source) -> ImportedSession:
    """The session of one .cwa file, or of those in a folder; placements by serial number or file name, else as set in OmGui."""
    check_source(source.path)
    files = [source.path]
    if source.path.is_dir():
        files = sorted(file for file in source.path.iterdir() if file.suffix.casefold() == ".cwa")
    if not files:
        refuse_folder("no .cwa file", source.path, "Give the .cwa files of the sensors, e.g. CWA-DATA.CWA.")
    recordings = [_opened(file, source.rate_hz) for file in files]
    unset = next((one for one in recordings if not one.is_set), None)
    if unset is not None and len(recordings) > 1:
        what = f"the clock of {unset.name} was not set, so its samples cannot be brought beside those of the others"
        raise HiphingeError(what, str(unset.path), "Import this file alone; OmGui sets the clock when it configures a device.")
    begin = min(recordings, key=lambda one: one.begin_s)
    gathering = Gathering(source.path, source.placements)
    for one in recordings:
        later_s = float((one.zero or 0) - (begin.zero or 0)) - begin.first_s
        site, stem = one.head.site, one.path.stem
        sensor = gathering.sensor(
            [one.head.serial, stem, one.path.name], placement_named(site) or placement_named(stem), one.head.serial
        )
        stored = _stored(one, later_s, source.scratch)
        gathering.notes += one.notes
        gathering.add(sensor, stored, one.path, partial(_where, one, later_s))
    if len(recordings) > 1:
        gathering.notes.append(
            "the devices' clocks were set each by itself, to about a second: the computation compares them by the movement, as "
            "far as that shows it"
        )
    unplaced = [s.name for s in gathering.sensors if s.name]
    if unplaced and not source.placements:
        gathering.notes.append(f"worn where? {', '.join(unplaced)}: say --placement {unplaced[0]}=pelvis and so on")
    if unset is not None:
        shows = "no time" if unset.zero is None else f"{_date(unset.zero)}"
        gathering.notes.append(f"{unset.path.name}: the clock of {unset.name} was not set, it shows {shows}")
        return gathering.finish(None, None)
    return gathering.finish(None, None, local_start=_date(begin.zero or 0) + timedelta(seconds=begin.first_s))


def _date(seconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def _opened(path: Path, said_hz: float | None) -> _Recording:
    """The file with its head and first sectors read. Raises `HiphingeError` where it has no angular rates."""
    head = read_head(path)
    first = next(sectors(path, _bad(path)), None)
    if first is None:
        raise HiphingeError(
            "there are no samples after the head", place(path, 3), "Leave this file out: the device has recorded nothing."
        )
    setting, name = first.setting, f"{head.device} {head.serial}"
    if setting.axes < 6:
        lacks = "has no gyroscope" if head.device == "AX3" else "recorded with its gyroscope off"
        what = f"{name} {lacks}: there is acceleration alone, and orientations need angular rates"
        remedy = "Record with an AX6 and its gyroscope on (a range in OmGui). "
        raise HiphingeError(what, place(path, int(first.number[0])), remedy + "Leave this file out.")
    if not setting.gyr_range_dps(head):
        what = "the range of the gyroscope is not stated"
        raise HiphingeError(what, place(path, int(first.number[0])), "Copy the file from the device again.")
    if said_hz is not None and abs(said_hz / setting.rate_hz - 1.0) > _SAID_RATE_WITHIN:
        what = f"--rate says {said_hz:g} Hz, and the file states {setting.rate_hz:g} Hz"
        raise HiphingeError(what, place(path, int(first.number[0])), "Leave --rate out, or correct it.")
    timed = bool((first.second >= 0).any())
    one = _Recording(path, head, setting, said_hz if timed or said_hz is not None else setting.rate_hz)
    clock = SectorClock(path, setting.rate_hz, one.counted_hz)
    one.first_s = float(next(_timed(one, clock, _bad(path), _State())).time_s[0])
    one.zero = clock.zero
    return one


def _timed(one: _Recording, clock: SectorClock, bad: BadLines, state: _State) -> Iterator[Timed]:
    """The samples of the file. bad: counts sectors that are left out. state: learns of the device."""
    for part in sectors(one.path, bad):
        state.take(part)
        yield from clock.feed(part)
    yield from clock.finish()


def _stored(one: _Recording, later_s: float, scratch: Path | None) -> StoredSamples:
    """All samples; later_s is added to their times. Notes go to the recording."""
    stored = StoredSamples(gyr=True, quat=False, mag=False, scratch=scratch)
    setting, range_dps = one.setting, one.setting.gyr_range_dps(one.head)
    clock, bad, state = SectorClock(one.path, setting.rate_hz, one.counted_hz), _bad(one.path), _State()
    for timed in _timed(one, clock, bad, state):
        if timed.time_s[-1] - one.first_s > LONGEST_SESSION_S:
            row = int(timed.time_s.searchsorted(one.first_s + LONGEST_SESSION_S, "right"))
            what = f"the recording goes on beyond {LONGEST_SESSION_S / 3600.0:.0f} h, and no session does"
            remedy = "Cut a part out of it: docs/importing.md says how (Axivity)."
            raise HiphingeError(what, place(one.path, int(timed.sector[row])), remedy)
        acc, gyr = acc_and_gyr(timed.raw, setting, range_dps)
        stored.append(PlainSamples(np.round(timed.time_s + later_s, 9), acc, gyr))
    said = bad.notes()
    if clock.gaps:
        gaps = "1 gap" if len(clock.gaps) == 1 else f"{len(clock.gaps)} gaps"
        said.append(f"{one.path.name}: {gaps} of {sum(clock.gaps):.1f} s in all, counted as lost samples")
    if one.counted_hz is not None:
        said.append(f"{one.path.name}: its times are samples counted at {one.counted_hz:g} Hz, not those of its clock")
    if setting.axes > 6:
        said.append(f"{one.path.name}: its magnetometer is left out, the unit is not documented")
    said.append(
        f"{one.path.name}: {one.name}, firmware {one.head.firmware}, nominally {setting.rate_hz:g} Hz, ±{setting.range_g} g, "
        f"±{range_dps:g} °/s{state.words()}"
    )
    one.notes += said
    return stored


def _where(one: _Recording, later_s: float, at_s: float) -> str:
    """The sector of the first sample at or after a session time."""
    number = 0
    for timed in _timed(one, SectorClock(one.path, one.setting.rate_hz, one.counted_hz), _bad(one.path), _State()):
        row = int(timed.time_s.searchsorted(at_s - later_s - 1e-9))
        number = int(timed.sector[min(row, len(timed) - 1)])
        if row < len(timed):
            break
    return place(one.path, number)


def _bad(path: Path) -> BadLines:
    return BadLines(path, unit="sector", said_by="")
