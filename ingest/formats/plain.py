"""Plain sessions: a folder with session.toml and one CSV file for each sensor. Reading and writing.

`read_plain` checks everything before it returns; all samples are then in memory, about 80 bytes per sample.
`write_plain` creates the folder completely or not at all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from body_signals import LONGEST_SESSION_S, Floats, HiphingeError, Ints, Sensor, Session, TimedBlock
from ingest.formats.even_clock import EvenClock, lost_before, sampling_clock
from ingest.formats.number_table import NumberTable
from ingest.formats.plain_csv import TIME, read_plain_csv, with_unit_quaternions, write_plain_csv
from ingest.formats.plausible import implausible, when
from ingest.formats.samples import PlainSamples, at_time
from ingest.formats.stored import StoredSamples
from ingest.formats.text import place
from ingest.heads.session_toml import line_of, read_session_toml, session_from_dict, session_to_dict, write_session_toml
from on_disk import make_private_folder, make_private_parents, partial_folder, read_toml, sweep_partial

__all__ = ["PlainSamples", "PlainSession", "read_plain", "session_of_samples", "write_plain"]

SESSION_TOML = "session.toml"
LONGEST_SILENCE_S = 3600.0
"""Longest time, s, without a sample of any sensor; anything longer is a clock jump (ours)."""
LEAST_STRETCH = 1e-6
"""Less than this is the rounding of times (ours)."""
STATED_RATE_TOLERANCE = 0.1
"""Largest relative difference between the rate stated in session.toml and that of the time stamps (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class PlainSession:
    """A plain session in memory.

    session: as in session.toml; every sensor's family is ``plain``. samples: by sensor key, as in the files, but on an
    even clock where the file was uneven. rates_hz: by sensor key. warnings: in words. where: by sensor key, a function that
    names the place (file and line) of the sample at a session time.
    """

    session: Session
    samples: Mapping[str, PlainSamples]
    rates_hz: Mapping[str, float]
    warnings: list[str]
    where: Mapping[str, Callable[[float], str]]

    @property
    def duration_s(self) -> float:
        """Session time of the last sample."""
        return max(float(s.time_s[-1]) for s in self.samples.values())

    def retimed(self, late_s: Mapping[str, Callable[[Floats], Floats]]) -> PlainSession:
        """The same session with the times of some sensors corrected, and their rates with them; late: by how much each is late,
        at its own times (n,)."""
        samples = {key: s.at_times(s.time_s - late_s[key](s.time_s)) if key in late_s else s for key, s in self.samples.items()}
        rates = {key: self.rates_hz[key] * _stretch(samples[key].time_s, self.samples[key].time_s) for key in self.rates_hz}
        return replace(self, samples=samples, rates_hz=rates)

    def batches(self, seconds: float = 60.0) -> Iterator[list[TimedBlock]]:
        """All samples, cut into consecutive spans of session time; at most one block of each sensor in a span.

        `seq` is the rank of a sample in the time order over all sensors, from 0; equal times in the sensors' order.
        """
        begin_s = min(float(s.time_s[0]) for s in self.samples.values())
        at = dict.fromkeys(self.samples, 0)
        lost = {key: lost_before(s.time_s, self.rates_hz[key]) for key, s in self.samples.items()}
        seq = 0
        while left := [float(s.time_s[at[key]]) for key, s in self.samples.items() if at[key] < len(s)]:
            end_s = begin_s + seconds * (np.floor((min(left) - begin_s) / seconds) + 1.0)
            ends = {key: int(np.searchsorted(s.time_s, max(end_s, min(left)), "left")) for key, s in self.samples.items()}
            if all(ends[key] == at[key] for key in at):  # a span shorter than the clock's resolution
                ends = {key: int(np.searchsorted(s.time_s, min(left), "right")) for key, s in self.samples.items()}
            times = np.concatenate([s.time_s[at[key] : ends[key]] for key, s in self.samples.items()])
            rank = np.empty(len(times), np.int64)
            rank[np.argsort(times, kind="stable")] = np.arange(seq, seq + len(times))
            seq += len(times)
            blocks, first = [], 0
            for key, samples in self.samples.items():
                part, n = slice(at[key], ends[key]), ends[key] - at[key]
                if n:
                    blocks.append(self._block(key, samples, part, rank[first : first + n], lost[key][part]))
                first += n
            at = ends
            yield blocks

    def _block(self, key: str, samples: PlainSamples, part: slice, seq: Ints, lost: Ints) -> TimedBlock:
        n = part.stop - part.start
        return TimedBlock(
            key,
            self.rates_hz[key],
            seq,
            samples.time_s[part],
            samples.time_s[part],
            samples.acc[part],
            None if samples.gyr is None else samples.gyr[part],
            None if samples.quat is None else samples.quat[part],
            lost,
            np.zeros(n, np.bool_),
            np.zeros(n, np.bool_),
        )


def _stretch(time_s: Floats, from_s: Floats) -> float:
    """By what samples with these times are faster than with those; exactly 1 where they were only moved."""
    factor = float((from_s[-1] - from_s[0]) / (time_s[-1] - time_s[0])) if len(time_s) > 1 else 1.0
    return factor if abs(factor - 1.0) > LEAST_STRETCH else 1.0


def read_plain(folder: Path) -> PlainSession:
    """The plain session in `folder`. Raises `HiphingeError` with file, line and remedy for whatever is wrong with it."""
    head = folder / SESSION_TOML
    session = read_session_toml(head)
    _, text = read_toml(head, "")
    tables: dict[str, NumberTable] = {}
    samples: dict[str, PlainSamples] = {}
    files: dict[Path, str] = {}
    for i, sensor in enumerate(session.sensors):
        at_sensor = place(head, line_of(text, ("sensor", i)))
        if sensor.file is None:
            remedy = 'Name the sensor\'s CSV file: file = "….csv".'
            raise HiphingeError(f"the sensor {sensor.key} has no file", at_sensor, remedy)
        path = folder / sensor.file
        at_file = place(head, line_of(text, ("sensor", i, "file")))
        if not path.is_file():
            raise HiphingeError(
                f"the file {sensor.file} of {sensor.key} is not there", at_file, "Put it into the folder, or correct its name."
            )
        other = files.setdefault(path.resolve(), sensor.key)
        if other != sensor.key:
            remedy = "Give each sensor a file of its own."
            raise HiphingeError(f"{sensor.file} is the file of {other} already", at_file, remedy)
        samples[sensor.key], tables[sensor.key] = read_plain_csv(path)
    _check_leaps(samples, {key: table.where for key, table in tables.items()})
    for key, one in samples.items():
        doubt = when(one.time_s)
        if doubt is not None:
            raise HiphingeError(doubt.what, tables[key].where(doubt.row), doubt.remedy)
    rates: dict[str, float] = {}
    warnings: list[str] = []
    where = {key: partial(at_time, one.time_s, tables[key].where) for key, one in samples.items()}
    for i, sensor in enumerate(session.sensors):
        key = sensor.key
        stated_at = place(head, line_of(text, ("sensor", i, "rate_hz")))
        rates[key], samples[key], remark = _on_its_clock(sensor, samples[key], tables[key].where, stated_at)
        warnings += remark
    plain = replace(session, sensors=tuple(replace(s, family="plain") for s in session.sensors))
    return PlainSession(plain, samples, rates, warnings, where)


def session_of_samples(session: Session, samples: Mapping[str, PlainSamples]) -> PlainSession:
    """A plain session from samples in memory, by sensor key, with the checks of `read_plain`.

    Raises `HiphingeError` that names sensor and sample (from 0) for implausible values.
    """
    rates: dict[str, float] = {}
    even: dict[str, PlainSamples] = {}
    warnings: list[str] = []
    for sensor in session.sensors:
        key, one = sensor.key, samples[sensor.key]
        where = partial(_sample_of, key)
        _check_samples(key, one)
        doubt = implausible(one.time_s, one.acc, one.gyr, one.quat)
        if doubt is not None:
            raise HiphingeError(doubt.what, where(doubt.row), doubt.remedy)
        rates[key], even[key], remark = _on_its_clock(sensor, with_unit_quaternions(one), where, key)
        warnings += remark
    _check_leaps(samples, {key: partial(_sample_of, key) for key in samples})
    at = {key: partial(at_time, one.time_s, partial(_sample_of, key)) for key, one in samples.items()}
    return PlainSession(session, even, rates, warnings, at)


def _sample_of(key: str, row: int) -> str:
    return f"{key}, sample {row}"


def _on_its_clock(
    sensor: Sensor, samples: PlainSamples, where: Callable[[int], str], stated_at: str
) -> tuple[float, PlainSamples, list[str]]:
    """Rate, samples (evenly spaced if they were not) and warnings of one sensor. where: names the place of sample number n."""
    source = sensor.file or sensor.key
    if len(samples) < 2:
        if sensor.rate_hz is None:
            raise HiphingeError("only one sample: no sample rate", where(0), "State rate_hz.")
        return sensor.rate_hz, samples, []
    clock = sampling_clock(samples.time_s)
    if clock.bursts:
        raise HiphingeError(
            f"the times come in bursts (most steps are near {1e3 / clock.rate_hz:.3g} ms, the others long): they seem to be "
            "arrival times of packets",
            where(0),
            "Write the times at which the samples were taken, evenly from packet to packet.",
        )
    stated = sensor.rate_hz
    if stated is not None and abs(clock.rate_hz / stated - 1.0) > STATED_RATE_TOLERANCE:
        raise HiphingeError(
            f"rate_hz = {stated:g}, but the time stamps of {source} say {clock.rate_hz:.4g}",
            stated_at,
            "Correct rate_hz, or remove it.",
        )
    rate = clock.rate_hz if stated is None else stated
    if not clock.uneven:
        return rate, samples, []
    ticks = EvenClock(samples.time_s, rate)
    even = PlainSamples(
        ticks.time_s,
        ticks.vectors(samples.acc),
        None if samples.gyr is None else ticks.vectors(samples.gyr),
        None if samples.quat is None else ticks.orientations(samples.quat),
        None if samples.mag_ut is None else ticks.vectors(samples.mag_ut),
    )
    remark = f"{source}: sampled unevenly (steps spread by {100.0 * clock.spread:.0f} %), resampled to {rate:.6g} Hz"
    return rate, even, [remark]


def _check_leaps(samples: Mapping[str, PlainSamples], where: Mapping[str, Callable[[int], str]]) -> None:
    """No sample of any sensor for an hour: a clock has jumped, or the files are from different recordings."""
    stretches: list[tuple[float, float, str, int]] = []
    for key, one in samples.items():
        leaps = np.flatnonzero(np.diff(one.time_s) > LONGEST_SILENCE_S) + 1
        starts = [0, *leaps.tolist()]
        ends = [*leaps.tolist(), len(one)]
        stretches += [(float(one.time_s[a]), float(one.time_s[b - 1]), key, a) for a, b in zip(starts, ends, strict=True)]
    stretches.sort()
    until = stretches[0][1]
    for start, end, key, row in stretches:
        if start - until > LONGEST_SILENCE_S:
            raise HiphingeError(
                f"{TIME} leaps from {until:.6g} to {start:.6g} s: no sensor has samples in between",
                where[key](row),
                "Let all files count from the same zero; make a session of each recording.",
            )
        until = max(until, end)
        if until - stretches[0][0] > LONGEST_SESSION_S:
            most = f"a session lasts {LONGEST_SESSION_S:.0f} s at most"
            raise HiphingeError(
                f"{TIME} goes from {stretches[0][0]:.6g} to {until:.6g} s, and {most}",
                where[key](row),
                "Let all files count from the same zero; make a session of each day.",
            )


def write_plain(folder: Path, session: Session, samples: Mapping[str, PlainSamples] | Mapping[str, StoredSamples]) -> None:
    """Write `samples`, by sensor key, as a plain session into `folder`, which must not exist or be empty.

    Sensors without a file get one named after their key. Raises `HiphingeError` when the folder is not empty or cannot be
    written, or when the samples are no session (no samples, times not increasing, numbers not finite); ValueError when
    `samples` and the session's sensors differ. Nothing is left behind then.
    """
    if list(samples) != [s.key for s in session.sensors]:
        raise ValueError(f"samples of {list(samples)}, sensors are {[s.key for s in session.sensors]}")
    for key, one in samples.items():
        _check_blocks(key, one)
    named = replace(session, sensors=_with_files(session.sensors))
    session_from_dict(session_to_dict(named), str(folder))  # refused here if it could not be read back
    final = folder.resolve()
    working = partial_folder(final)
    sweep_partial(final)
    try:
        if final.exists() and (not final.is_dir() or any(final.iterdir())):
            raise HiphingeError(
                "exists already and is not an empty folder", str(folder), "Choose a folder that does not exist yet."
            )
        make_private_parents(final)
        make_private_folder(working)
        for sensor in named.sensors:
            path = working / str(sensor.file)
            make_private_parents(path)
            write_plain_csv(path, samples[sensor.key])
        write_session_toml(named, working / SESSION_TOML)
        if final.exists():
            final.rmdir()
        working.rename(final)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _cannot_write(folder: Path, error: OSError) -> HiphingeError:
    return HiphingeError(
        f"cannot be written: {error.strerror or error}", str(folder), "Check the folder, its permissions and the free space."
    )


def _check_samples(key: str, samples: PlainSamples) -> None:
    if not len(samples):
        raise HiphingeError("no samples", key, "Leave this sensor out.")
    if np.any(np.diff(samples.time_s) <= 0.0):
        raise HiphingeError("its times do not increase", key, "Remove samples that repeat a time or go back in time.")
    for name in ("time_s", "acc", "gyr", "quat", "mag_ut"):
        values = getattr(samples, name)
        if values is not None and not np.isfinite(values).all():
            raise HiphingeError(f"{name} holds numbers that are not finite", key, "Remove these samples.")


def _check_blocks(key: str, samples: PlainSamples | StoredSamples) -> None:
    before = None
    for block in samples.blocks():
        _check_samples(key, block)
        if before is not None and block.time_s[0] <= before:
            raise HiphingeError("its times do not increase", key, "Remove samples that repeat a time or go back in time.")
        before = float(block.time_s[-1])
    if before is None:
        raise HiphingeError("no samples", key, "Leave this sensor out.")


def _with_files(sensors: tuple[Sensor, ...]) -> tuple[Sensor, ...]:
    used = {s.file for s in sensors if s.file is not None} | {SESSION_TOML}
    named = []
    for sensor in sensors:
        file = sensor.file
        if file is None:
            stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in sensor.key).strip(".") or "sensor"
            file, number = f"{stem}.csv", 1
            while file.casefold() in {str(u).casefold() for u in used}:
                number += 1
                file = f"{stem}_{number}.csv"
            used.add(file)
        named.append(replace(sensor, file=file))
    return tuple(named)
