"""Refuses files with impossible samples before anything is computed, by comparing gravity with the gyroscope.

The mathematics is that of a running session (`dsp.plausibility.SensorWatch`, `TurnWatch`), over the whole file at once. It is
here and not in a reader, because readers contain no mathematics of angles; their own check (`ingest/formats/plausible.py`)
covers units. A fault of a whole file is refused, with file, line, factor and remedy. A fault of a part of it is a note: the
computation flags it. Where a clock runs at another rate, a sound gyroscope does not fit gravity either: such a file is checked
in the time that two others show (`rates`), and refused for its time where one other does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter

import numpy as np

from body_signals import Cause, Floats, HiphingeError, Ints, Sensor, Session, TimedBlock
from dsp.plausibility import CELLS_HZ, ClockLag, MotionCells, SensorWatch, TurnWatch
from dsp.results import Finding, latest
from hiphinge.session.plain.rates import rates_at_beginning, retimed
from ingest.formats import ImportedSession, PlainSamples, PlainSession, StoredSamples

_OF_A_WHOLE_FILE = frozenset(
    (Cause.GYR_SCALE, Cause.GYR_SIGN, Cause.GYR_AXES, Cause.ACC_SCALE, Cause.ACC_SIGN, Cause.TIME_UNIT)
)
_COPIED, _DISTINCT = 200, 20
"""Two sensors never have the first number of samples in common, among which the second are distinct (ours)."""
_TOGETHER_S = 600.0
"""Turns of this time are compared at once: it bounds the memory (ours)."""
_ALIKE = 0.05
"""Files of one session have the same number of samples, or the same duration, within this part (ours)."""


def check_plain(plain: PlainSession) -> list[Finding]:
    """The faults of parts of a plain session. Raises `HiphingeError` for a fault of a whole file."""
    return _check(plain.session, plain.samples, plain.rates_hz, plain.where)


def check_imported(imported: ImportedSession) -> list[Finding]:
    """The faults of parts of an import, and files that were copied over another. Raises `HiphingeError` for a fault of a whole
    file."""
    rates = {key: _rate_hz(one.excerpt().time_s) for key, one in imported.samples.items() if len(one) > 1}
    copied = copies(imported.samples)
    return [*copied, *_check(imported.session, imported.samples, rates, imported.where)]


def _check(
    session: Session,
    samples: Mapping[str, PlainSamples | StoredSamples],
    rates_hz: Mapping[str, float],
    where: Mapping[str, Callable[[float], str]],
) -> list[Finding]:
    try:
        return _faults(session, samples, rates_hz, where)
    except HiphingeError:
        lags = rates_at_beginning({key: one for key, one in samples.items() if key in session.body})
        if not lags:
            raise
        certain = [lag for lag in lags if lag.certain]
        if certain:
            begin_s = min(one.first_s for one in samples.values())
            told = [lag.finding(begin_s, begin_s) for lag in certain]
            return [*told, *_faults(session, *_retimed(samples, rates_hz, certain), where)]
        _check_against_one(session, samples, rates_hz, where, lags[0])
        raise


def _check_against_one(
    session: Session,
    samples: Mapping[str, PlainSamples | StoredSamples],
    rates_hz: Mapping[str, float],
    where: Mapping[str, Callable[[float], str]],
    lag: ClockLag,
) -> None:
    """HiphingeError for the one of two disagreeing clocks in whose right time nothing is wrong."""
    for one in (lag, lag.of_other()):
        try:
            _faults(session, *_retimed(samples, rates_hz, [one]), where)
        except HiphingeError:
            continue
        what = f"its clock {one.pace} against {one.against[0]}: in the other's time gravity turns as its gyroscope says"
        remedy = "Correct its times: they may have been made with a wrong sample rate."
        raise HiphingeError(what, where[one.sensor](samples[one.sensor].first_s), remedy)


def _retimed(
    samples: Mapping[str, PlainSamples | StoredSamples], rates_hz: Mapping[str, float], lags: Sequence[ClockLag]
) -> tuple[dict[str, PlainSamples | StoredSamples], dict[str, float]]:
    """Samples and rates in right times."""
    right = {lag.sensor: retimed(samples[lag.sensor], lag) for lag in lags}
    paces = {lag.sensor: 1.0 - lag.rate for lag in lags}
    return {**samples, **right}, {key: rate_hz / paces.get(key, 1.0) for key, rate_hz in rates_hz.items()}


def _faults(
    session: Session,
    samples: Mapping[str, PlainSamples | StoredSamples],
    rates_hz: Mapping[str, float],
    where: Mapping[str, Callable[[float], str]],
) -> list[Finding]:
    partly: list[Finding] = []
    for sensor in session.sensors:
        if sensor.key not in rates_hz:
            continue
        one = samples[sensor.key]
        marks = [mark.time_s for mark in session.marks if mark.label == "calibrate"]
        partly += _of_parts(_findings(sensor, rates_hz[sensor.key], one, session.body, marks), one.first_s, where[sensor.key])
    worn = {key: samples[key] for key in session.body if key in rates_hz}
    for key, finding in not_turning(worn).items():
        partly += _of_parts([finding], worn[key].first_s, where[key])
    _check_beside_each_other({key: one for key, one in samples.items() if key in rates_hz}, where)
    return partly


def _of_parts(findings: Sequence[Finding], first_s: float, where: Callable[[float], str]) -> list[Finding]:
    """The findings about a file that begins at first_s. Raises `HiphingeError` for one of the whole file."""
    for finding in findings:
        if finding.cause in _OF_A_WHOLE_FILE and finding.until_s is None and finding.since_s <= first_s:
            raise HiphingeError(finding.what, where(finding.since_s), finding.remedy)
    return list(findings)


def not_turning(worn: Mapping[str, PlainSamples | StoredSamples]) -> dict[str, Finding]:
    """By sensor, what is wrong with gyroscopes that do not turn as the others do with the body."""
    there = {key: one for key, one in worn.items() if len(one) and next(iter(one.blocks())).gyr is not None}
    if not there:
        return {}
    begin_s = min(one.first_s for one in there.values())
    cells, watch = {key: MotionCells() for key in there}, TurnWatch(tuple(there), begin_s)
    found: dict[str, Finding] = {}
    first = math.ceil(begin_s)

    def look(last: int) -> None:
        nonlocal first
        for one in cells.values():
            one.catch_up()
        if last > first:
            known = {key: one.exactly(round(first * CELLS_HZ), round(last * CELLS_HZ)) for key, one in cells.items()}
            found.update({finding.sensor: finding for finding in watch.take(first, known, float(last))})
            first = last
        for one in cells.values():
            one.drop(round(first * CELLS_HZ))

    def parts(key: str) -> Iterator[tuple[float, str, PlainSamples]]:
        return ((float(block.time_s[0]), key, block) for block in there[key].blocks())

    reached_s = begin_s
    for start_s, key, block in heapq.merge(*map(parts, there), key=itemgetter(0)):
        # all that begins before this has been taken
        if start_s > first + _TOGETHER_S:
            look(math.floor(start_s))
        assert block.gyr is not None
        cells[key].take(block.time_s, block.acc, block.gyr)
        reached_s = max(reached_s, float(block.time_s[-1]))
    look(math.floor(reached_s))
    return found


def copies(worn: Mapping[str, PlainSamples] | Mapping[str, StoredSamples]) -> list[Finding]:
    """Sensors that have the samples of another one: a file was copied. No two sensors feel the same."""
    begun: dict[bytes, str] = {}
    found: list[Finding] = []
    for key, one in worn.items():
        first = next((block.acc[:_COPIED] for block in one.blocks()), np.empty((0, 3)))
        if len(np.unique(first, axis=0)) < _DISTINCT:
            # a sensor that says nothing is told by what it lacks
            continue
        other = begun.setdefault(first.tobytes(), key)
        if other != key:
            what = f"the samples of {key} are those of {other}: a file was copied over another"
            remedy = f"Give {key} its own file, or leave it out"
            found.append(Finding(key, Cause.SWAPPED, one.first_s, one.first_s, what, remedy))
    return found


def _check_beside_each_other(
    worn: Mapping[str, PlainSamples | StoredSamples], where: Mapping[str, Callable[[float], str]]
) -> None:
    """HiphingeError for a file that has as many samples as the others, and another time."""
    sizes = {key: (len(one), one.last_s - one.first_s) for key, one in worn.items()}
    for key, (count, took_s) in sizes.items():
        others_s = [s for other, (n, s) in sizes.items() if other != key and abs(n - count) < _ALIKE * count]
        usual_s = float(np.median(others_s)) if len(others_s) > 1 else took_s
        if max(np.abs(np.array(others_s) / usual_s - 1.0), default=1.0) < _ALIKE and not 0.5 < took_s / usual_s < 2.0:
            what = (
                f"its {count} samples took {took_s:.4g} s, as many of the other sensors {usual_s:.4g} s: the time looks like a "
                "counter or ticks, not like seconds"
            )
            remedy = f"State the sample rate (about {count / usual_s:.3g} Hz), or divide the counter by it to have seconds."
            raise HiphingeError(what, where[key](worn[key].first_s), remedy)


def _findings(
    sensor: Sensor, rate_hz: float, samples: PlainSamples | StoredSamples, body: tuple[str, ...], marks: list[float]
) -> list[Finding]:
    watch = SensorWatch(sensor, rate_hz, body)
    for mark_s in marks:
        watch.mark(mark_s)
    findings: list[Finding] = []
    first = 0
    for one in samples.blocks():
        n = len(one)
        numbers: Ints = np.arange(first, first + n)
        none, no_loss = np.zeros(n, np.bool_), np.zeros(n, np.int64)
        block = TimedBlock(
            sensor.key, rate_hz, numbers, one.time_s, one.time_s, one.acc, one.gyr, one.quat, no_loss, none, none
        )
        findings += watch.feed(block).findings
        first += n
    return latest([*findings, *watch.finish()])


def _rate_hz(time_s: Floats) -> float:
    return 1.0 / float(np.median(np.diff(time_s)))
