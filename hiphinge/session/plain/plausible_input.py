"""Refuses files with impossible samples before anything is computed, by comparing gravity with the gyroscope.

The mathematics is that of a running session (`dsp.plausibility.SensorWatch`), over the whole file at once. It is here and
not in a reader, because readers contain no mathematics of angles; their own check (`ingest/formats/plausible.py`) covers units.
A fault of a whole file is refused, with file, line, factor and remedy. A fault of a part of it is a note: the
computation flags it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from body_signals import Cause, Floats, HiphingeError, Ints, Sensor, Session, TimedBlock
from dsp.plausibility import SensorWatch
from dsp.results import Finding, latest
from ingest.formats import ImportedSession, PlainSamples, PlainSession, StoredSamples

_OF_A_WHOLE_FILE = frozenset(
    (Cause.GYR_SCALE, Cause.GYR_SIGN, Cause.GYR_AXES, Cause.ACC_SCALE, Cause.ACC_SIGN, Cause.TIME_UNIT)
)
_COPIED, _DISTINCT = 200, 20
"""Two sensors never have the first number of samples in common, among which the second are distinct (ours)."""
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
    samples: Mapping[str, PlainSamples] | Mapping[str, StoredSamples],
    rates_hz: Mapping[str, float],
    where: Mapping[str, Callable[[float], str]],
) -> list[Finding]:
    partly: list[Finding] = []
    for sensor in session.sensors:
        if sensor.key not in rates_hz:
            continue
        one = samples[sensor.key]
        marks = [mark.time_s for mark in session.marks if mark.label == "calibrate"]
        for finding in _findings(sensor, rates_hz[sensor.key], one, session.body, marks):
            whole = finding.until_s is None and finding.since_s <= one.first_s
            if finding.cause in _OF_A_WHOLE_FILE and whole:
                raise HiphingeError(finding.what, where[sensor.key](finding.since_s), finding.remedy)
            partly.append(finding)
    _check_beside_each_other({key: one for key, one in samples.items() if key in rates_hz}, where)
    return partly


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
