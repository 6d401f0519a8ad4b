"""A sensor whose packets all come half a second late: told, corrected where it is certain, the same however cut."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import Cause, Event, Packets, Quality
from dsp.results import latest
from hiphinge.engine import Engine
from tests.dsp.sessions import gathered, rms
from virtual_athlete import Script, SimulatedAthlete

LATE_S = 0.5


@cache
def late(key: str) -> tuple[SimulatedAthlete, list[Event]]:
    script = Script(8)
    script.calibrate()
    for k in range(18):
        script.squat(70.0 + k, rest_s=0.9)
    script.stand(30.0)
    for _ in range(3):
        script.squat(80.0, rest_s=0.9)
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 8)

    def held_back(event: Event) -> Event:
        if isinstance(event, Packets) and event.sensor == key:
            return replace(event, arrival_ns=event.arrival_ns + round(LATE_S * 1e9))
        return event

    def arrival(event: Event) -> int:
        return int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns

    moved = sorted((held_back(e) for e in athlete.events()), key=arrival)
    return athlete, [
        replace(e, seq=np.full(1, i)) if isinstance(e, Packets) else replace(e, seq=i) for i, e in enumerate(moved)
    ]


@cache
def computed(key: str, pieces: int = 1, estimators: tuple[str, ...] = ("live", "review")):
    athlete, events = late(key)
    engine = Engine(athlete.session, estimators)
    outputs = [engine.feed(events[i * len(events) // pieces : (i + 1) * len(events) // pieces]) for i in range(pieces)]
    outputs.append(engine.finish())
    found = {name: gathered([o[name] for o in outputs], engine.summary(name, "x")) for name in estimators}
    findings = {name: latest([f for o in outputs for f in o[name].findings]) for name in estimators}
    return athlete.truth().zeroed(), found, findings


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_it_is_told_and_corrected(estimator):
    truth, found, findings = computed("pelvis")
    last = findings[estimator][-1]
    assert (last.sensor, last.cause) == ("pelvis", Cause.CLOCK_LAG)
    assert "late" in last.what
    assert "corrected" in last.remedy
    assert last.until_s is not None
    now = found[estimator]
    error = now.error(truth, "lumbar_flexion")
    time_s = now.time_s[: len(error)]
    corrected = time_s > last.until_s
    assert rms(error[corrected]) < 2.5
    # before, every row that is wrong says so
    since = last.known_s if estimator == "live" else last.since_s
    wrong = (time_s > since) & (time_s < last.until_s)
    assert (now.quality[: len(error)][wrong] & Quality.CLOCK_DISAGREES).all()
    assert not (now.quality[now.time_s > last.until_s] & Quality.CLOCK_DISAGREES).any()
    assert any("pelvis: its clock is" in w for w in now.summary["warnings"])


def test_pieces_change_nothing():
    _, whole, told = computed("pelvis", 1, ("live",))
    _, cut, told_cut = computed("pelvis", 23, ("live",))
    assert np.array_equal(whole["live"].angles, cut["live"].angles, equal_nan=True)
    assert np.array_equal(whole["live"].quality, cut["live"].quality)
    assert told == told_cut
