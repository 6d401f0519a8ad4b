"""summary.json: its text, and the checks that a reader relies on.

Code that shows or sends a summary does not check its parts. So a malformed file is refused once, when it is read, with the
name of the wrong part.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np

from body_signals import SCREEN_MEASURES, SUMMARY_ADDED, SUMMARY_KEYS

_Number = float | None
_FURTHEST_S = 1e9
"""Largest session time, s: about thirty years from the start (ours)."""
_Seconds = Annotated[float, msgspec.Meta(ge=-_FURTHEST_S, le=_FURTHEST_S)] | None
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Many = _Count | list[Any] | None
"""A number of things; a list stands for its length."""
_Word = str | None


class _Sensor(msgspec.Struct):
    family: _Word = None
    rate_hz: _Number = None
    samples: _Many = None
    lost: _Many = None
    lost_exact: bool | None = True
    saturated: _Many = None
    gaps: _Many = None
    late_s: _Number = None
    minutes: dict[str, list[_Number]] = {}


class _Alignment(msgspec.Struct):
    method: _Word = None
    confidence: _Number = None
    reasons: list[str] | None = None


class _Measure(msgspec.Struct):
    median: _Number
    spread: _Number
    repetitions: _Count
    valid: bool


class _Test(msgspec.Struct):
    test: str
    side: str
    repetitions: _Count
    measures: dict[str, _Measure]


class _Limit(msgspec.Struct):
    test: str
    side: str
    measure: str
    limit: float
    above: bool
    unit: str
    beyond: bool
    borderline: bool
    meaning: str
    source: str


class _Reason(msgspec.Struct):
    test: str
    side: str
    measure: str
    number: _Number
    limit: _Number = None
    unit: str | None = ""
    sd: _Number = None


class _Next(msgspec.Struct):
    code: str
    side: str


class _Answer(msgspec.Struct):
    code: str
    side: str
    confidence: str
    exercises: _Count = 0
    reasons: list[_Reason] = []
    against: list[_Reason] = []
    next: list[_Next] = []
    compared_with: str = ""
    points_to: _Word = None


class _Screen(msgspec.Struct):
    tests: list[_Test]
    limits: list[_Limit]
    pattern: int | None
    pattern_words: _Word
    side: _Word
    agreeing: _Count | None
    confidence: _Word
    borderline: bool | _Count | None
    otherwise: list[str]
    notes: list[str]
    answer: _Answer | None = None


class _Exposure(msgspec.Struct):
    lumbar_flexion_s: dict[str, _Number] = {}


class _Finding(msgspec.Struct):
    placement: str
    cause: str
    since_s: _Seconds
    until_s: _Seconds
    known_s: _Seconds
    what: str
    remedy: str


class _Mark(msgspec.Struct):
    time_s: _Seconds
    label: str


class _Note(msgspec.Struct):
    time_s: _Seconds
    text: str


class _Pain(msgspec.Struct):
    time_s: _Seconds
    level: _Number


class _Step(msgspec.Struct):
    name: str
    test: str
    side: str
    wanted: _Count
    valid: _Count


class _Protocol(msgspec.Struct):
    """Empty without one."""

    name: str = ""
    steps: list[_Step] = []


class _Summary(msgspec.Struct):
    session: str
    athlete: str
    start: str | None
    estimator: str
    software: str
    duration_s: _Seconds
    sensors: dict[str, _Sensor]
    calibration: dict[str, _Alignment]
    repetitions: _Count
    sets: list[dict[str, Any]]
    exposure: _Exposure
    screen: _Screen
    findings: list[_Finding]
    marks: list[_Mark]
    notes: list[_Note]
    pain: list[_Pain]
    protocol: _Protocol
    warnings: list[str]


def check_summary(document: object) -> dict[str, Any]:
    """The document of a summary.json; lists that an older program did not write are empty. ValueError names
    the wrong part."""
    if isinstance(document, dict):
        document = _added(document)
    absent = [q.name for q in SUMMARY_KEYS if not isinstance(document, dict) or q.name not in document]
    if absent or not isinstance(document, dict):
        raise ValueError(f"it has no {', '.join(absent)}")
    try:
        summary = msgspec.convert(document, _Summary)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if summary.start is not None:
        _check_start(summary.start)
    for key, sensor in summary.sensors.items():
        columns = sensor.minutes
        ends = columns.get("end_s", [])
        sound = all(end is not None and abs(end) <= _FURTHEST_S for end in ends)
        if any(len(column) != len(ends) for column in columns.values()) or not sound:
            raise ValueError(f"the minutes of {key} are not columns of one length with end_s")
    measures = {(m.test, m.side, m.name): m.unit for m in SCREEN_MEASURES}
    for test in summary.screen.tests:
        for name in test.measures:
            if (test.test, test.side, name) not in measures:
                raise ValueError(f"the screen has an unknown measure {test.test} {test.side} {name}")
    for limit in summary.screen.limits:
        if measures.get((limit.test, limit.side, limit.measure)) != limit.unit:
            raise ValueError(f"the screen has a limit of {limit.test} {limit.side} {limit.measure} that there is not")
    return document


def _added(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The summary with every list or table that 0.1.0 did not write, empty where it is missing."""
    return {name: {} if name == "protocol" else [] for name in SUMMARY_ADDED} | dict(summary)


def _check_start(start: str) -> None:
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        # a session without a calendar time: callers that need one check it
        return
    if not 1 < moment.year < 9999:
        raise ValueError(f"start is {start}, beyond every calendar")


def summary_text(summary: Mapping[str, object], estimator: str) -> str:
    """What to write; lists that are not given are empty. ValueError where keys are missing or unknown, or the estimator is
    another one."""
    summary = _added(summary)
    expected = [q.name for q in SUMMARY_KEYS]
    absent, unknown = set(expected) - set(summary), set(summary) - set(expected)
    if absent or unknown:
        raise ValueError(f"summary: missing {sorted(absent)}, unknown {sorted(unknown)}")
    if summary["estimator"] != estimator:
        raise ValueError(f"summary: estimator {summary['estimator']!r} in the folder of {estimator!r}")
    # without a protocol the file is as before there were any
    ordered = {name: summary[name] for name in expected if name != "protocol" or summary[name]}
    # the encoder writes a number that is not finite, thus missing, as null
    text = msgspec.json.encode(ordered, enc_hook=_plain)
    return msgspec.json.format(text, indent=2).decode() + "\n"


def _plain(value: object) -> object:
    """Values of types that the encoder does not know."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON for {value!r}")
