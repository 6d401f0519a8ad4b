"""A sensor whose packets all come half a second late: told, corrected where it is certain, the same however cut."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, Cause, Event, Packets, Placement, Quality
from dsp.results import latest
from hiphinge.engine import Engine
from tests.dsp.sessions import gathered, rms
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.faults.clocks import Late

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


def fed(athlete: SimulatedAthlete, events: list[Event], pieces: int, estimators: tuple[str, ...]):
    """The true angles, what each estimator found when fed in pieces, and its findings."""
    engine = Engine(athlete.session, estimators)
    outputs = [engine.feed(events[i * len(events) // pieces : (i + 1) * len(events) // pieces]) for i in range(pieces)]
    outputs.append(engine.finish())
    found = {name: gathered([o[name] for o in outputs], engine.summary(name, "x")) for name in estimators}
    findings = {name: latest([f for o in outputs for f in o[name].findings]) for name in estimators}
    return athlete.truth().zeroed(), found, findings


@cache
def computed(key: str, pieces: int = 1, estimators: tuple[str, ...] = ("live", "review")):
    athlete, events = late(key)
    return fed(athlete, events, pieces, estimators)


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


BUFFERED_S, SINCE_S = 0.3, 36.0


@cache
def walking() -> tuple[SimulatedAthlete, list[Event]]:
    """From the middle of a walk on, the left thigh's samples are 0.3 s older than they say."""
    script = Script(9)
    script.calibrate()
    script.stand(30.0 - script.now)
    script.walk(16.0)
    script.stand(3.0)
    athlete = SimulatedAthlete(
        script, 9, rate_hz=60.0, faults={Placement.THIGH_LEFT: (Late(since_s=SINCE_S, lag_s=BUFFERED_S),)}
    )
    return athlete, list(athlete.events())


@cache
def buffered(pieces: int, estimators: tuple[str, ...] = ("live", "review")):
    athlete, events = walking()
    return fed(athlete, events, pieces, estimators)


def test_until_a_late_clock_is_told_its_angles_say_how_uncertain_they_are():
    truth, found, findings = buffered(1)
    (told,) = [f for f in findings["live"] if f.cause is Cause.CLOCK_LAG]
    assert told.sensor == "thigh_left"
    assert told.since_s <= SINCE_S
    live, name = found["live"], "thigh_left_inclination"
    error, sd = np.abs(live.error(truth, name)), live.sd[:, ANGLE_NAMES.index(name)]
    time_s, sd = live.time_s[: len(error)], sd[: len(error)]
    # within some seconds of walking it is suspected, and no wrong angle goes out as a sure one
    suspected = (time_s > SINCE_S + 6.0) & (time_s < told.known_s) & np.isfinite(error)
    assert suspected.sum() > 50
    assert error[suspected].max() > 15.0
    assert (error[suspected] < 3.0 * sd[suspected]).mean() > 0.99
    assert (live.quality[live.time_s > told.known_s] & Quality.CLOCK_DISAGREES).all()
    # of a sensor that is not suspected, and of it before, they say what they said
    other = live.sd[:, ANGLE_NAMES.index("thigh_right_inclination")]
    assert np.nanmax(other) < 3.0 > np.nanmax(sd[time_s < SINCE_S])
    review = found["review"]
    assert (review.quality[review.time_s > SINCE_S] & Quality.CLOCK_DISAGREES).all()


def test_what_is_suspected_does_not_depend_on_pieces():
    _, whole, _ = buffered(1)
    _, cut, _ = buffered(29, ("live",))
    assert np.array_equal(whole["live"].sd, cut["live"].sd, equal_nan=True)
    assert np.array_equal(whole["live"].quality, cut["live"].quality)


def test_pieces_change_nothing():
    _, whole, told = computed("pelvis")
    _, cut, told_cut = computed("pelvis", 23, ("live",))
    assert np.array_equal(whole["live"].angles, cut["live"].angles, equal_nan=True)
    assert np.array_equal(whole["live"].quality, cut["live"].quality)
    assert told["live"] == told_cut["live"]
