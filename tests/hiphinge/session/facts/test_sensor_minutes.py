"""What each sensor did in each minute: sums that agree with the whole, battery as told, clock as simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from body_signals import Battery, Event, Heartbeat, Packets, Placement, TimedBlock
from firmware_protocol.v1 import DeviceEvent, EventCode, encode_event
from hiphinge.engine import Engine
from hiphinge.session.facts.sensor_minutes import COLUMNS, MINUTE_S, SensorMinute, SensorMinutes
from tests.dashboards.training_days import numbered, with_batteries
from virtual_athlete import SimulatedSession, simulate
from virtual_athlete.radio import Outage

WORN = (Placement.LUMBAR, Placement.PELVIS, Placement.THIGH_LEFT)
KEYS = tuple(placement.value for placement in WORN)


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    """Of 130 s, with loss all along, and the pelvis silent for 8 s of the second minute."""
    silent = (Outage(80.0, 88.0, "pelvis"),)
    return simulate("training", 1, duration_s=130.0, placements=WORN, loss_probability=0.02, outages=silent)


def summary(session: SimulatedSession, events: Sequence[Event], size: int, estimator: str = "live") -> dict[str, Any]:
    engine = Engine(session.session, (estimator,))
    for k in range(0, len(events), size):
        engine.feed(events[k : k + size])
    engine.finish()
    return engine.summary(estimator, "x")["sensors"]  # type: ignore[return-value]


@pytest.fixture(scope="module")
def events(session: SimulatedSession) -> list[Event]:
    """All that came, batteries among it."""
    return with_batteries(session.events, KEYS, 90)


@pytest.fixture(scope="module")
def found(session: SimulatedSession, events: list[Event]) -> dict[str, Any]:
    """What the summary says of each sensor."""
    return summary(session, events, 50)


def test_minutes_add_up_and_tell_battery_clock_and_silence(found: dict[str, Any]) -> None:
    for n, key in enumerate(KEYS):
        minutes = found[key]["minutes"]
        assert tuple(minutes) == COLUMNS
        assert minutes["end_s"][:2] == [MINUTE_S, 2 * MINUTE_S]
        assert len(minutes["end_s"]) == 3
        assert sum(minutes["samples"]) == found[key]["samples"]
        assert sum(minutes["lost"]) == found[key]["lost"]
        assert minutes["battery_percent"] == [89 - 3 * n, 89 - 3 * n, 88 - 3 * n]
        assert all(0.0 < mean < 60.0 for mean in minutes["delay_ms"])
        assert all(mean < most for mean, most in zip(minutes["delay_ms"], minutes["delay_max_ms"], strict=True))
        # the map finds its rate in the first minute
        assert minutes["clock_ppm"][0] is None
        assert abs(minutes["clock_ppm"][1]) < 200.0
    lost = found["pelvis"]["minutes"]["lost"]
    assert lost[1] - lost[0] == pytest.approx(800, abs=100)


def test_cuts_and_estimators_change_nothing(session: SimulatedSession, events: list[Event], found: dict[str, Any]) -> None:
    for other in (summary(session, events, 17), summary(session, events, len(events), "review")):
        assert {k: v["minutes"] for k, v in other.items()} == {k: v["minutes"] for k, v in found.items()}


def test_a_battery_that_was_read_counts_until_the_stream_tells_one(session: SimulatedSession) -> None:
    """In the second minute the pelvis' stream tells its battery; a reading that comes after it is older news."""
    read = {600: ("pelvis", 80), 700: ("lumbar", 81), 1220: ("pelvis", 79), 1230: ("lumbar", 70)}
    beats = {id(e): n for n, e in enumerate(e for e in session.events if isinstance(e, Heartbeat))}
    told: list[Event] = []
    for event in session.events:
        n = beats.get(id(event), -1)
        if n in read:
            told.append(Battery(0, event.arrival_ns, *read[n]))  # type: ignore[union-attr]
        if n == 1000:
            payload = encode_event(DeviceEvent(EventCode.BATTERY, 0, 75))
            told.append(Packets.one("pelvis", 0, event.arrival_ns, payload))  # type: ignore[union-attr]
        told.append(event)
    events = numbered(told)
    for size in (33, len(events)):
        found = summary(session, events, size)
        assert found["pelvis"]["minutes"]["battery_percent"] == [None, 75.0, 75.0]
        assert found["lumbar"]["minutes"]["battery_percent"] == [None, 81.0, 70.0]
        assert found["thigh_left"]["minutes"]["battery_percent"] == [None] * 3


def test_a_sensor_that_says_nothing_has_minutes_without_numbers(session: SimulatedSession) -> None:
    silent = [e for e in session.events if isinstance(e, Heartbeat)]
    assert silent
    found = summary(session, silent, 100)["pelvis"]["minutes"]
    assert found["samples"] == [0] * len(found["end_s"])
    assert set(found["delay_ms"] + found["clock_ppm"] + found["battery_percent"]) == {None}
    assert np.all(np.diff(found["end_s"]) > 0)


def samples(begin_s: float, end_s: float, *, device_s: float = 0.0, ppm: float = 0.0, restart: bool = False) -> TimedBlock:
    """Ten a second, two in a packet, of a clock that shows device_s at 0 and is ppm fast."""
    time_s = np.arange(round(10 * begin_s), round(10 * end_s)) / 10.0
    n = len(time_s)
    begins = np.zeros(n, np.bool_)
    begins[0] = restart
    none = np.zeros((n, 3))
    return TimedBlock(
        "pelvis",
        10.0,
        np.arange(n) // 2,
        time_s,
        device_s + time_s * (1.0 + 1e-6 * ppm),
        none,
        none,
        None,
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
        begins,
    )


def minutes_of(*blocks: TimedBlock, late_s: float = 0.02) -> list[SensorMinute]:
    """A minute of each block."""
    minutes = SensorMinutes(["pelvis"])
    for i, block in enumerate(blocks, 1):
        minutes.take(block, block.time_s + late_s)
        minutes.end(60.0 * i, {})
    return minutes.done


def test_the_clocks_pace_worked_by_hand() -> None:
    """From border to border 60 s, in which the device's clock shows 6 ms more; the first minute has no border before."""
    assert [m.clock_ppm for m in minutes_of(samples(0, 60, ppm=100), samples(60, 120, ppm=100))] == [None, 100.0]


def test_a_minute_in_which_the_clock_began_anew_tells_no_pace() -> None:
    """What it shows before and after has nothing to do with each other; the next minute tells again."""
    blocks = (samples(0, 60), samples(60, 120, device_s=-60.0, restart=True), samples(120, 180, device_s=-60.0))
    assert [m.clock_ppm for m in minutes_of(*blocks)] == [None, None, 0.0]


@pytest.mark.parametrize(("until_s", "ppm"), [(91, 50.0), (89, None)])
def test_a_pace_is_told_over_half_a_minute(until_s: float, ppm: float | None) -> None:
    assert minutes_of(samples(0, 60, ppm=50), samples(60, until_s, ppm=50))[1].clock_ppm == ppm


def test_delays_are_of_packets() -> None:
    """Of a packet's two samples, 0.1 s apart, the later one waited 20 ms."""
    minutes = SensorMinutes(["pelvis"])
    block = samples(0, 60)
    late = np.where(np.arange(len(block)) < 300, 0.01, 0.03)
    minutes.take(block, np.repeat(block.time_s[1::2], 2) + late)
    minutes.end(60.0, {"pelvis": {"battery_percent": 71.0}})
    (found,) = minutes.done
    assert (found.delay_ms, found.delay_max_ms) == (20.0, 30.0)
    assert (found.samples, found.end_s, found.battery_percent) == (600, 60.0, 71.0)


def test_a_minute_ends_at_its_border_or_with_the_session() -> None:
    minutes = SensorMinutes(["pelvis"])
    for now_s, due_s, ended_s in ((60.4, 120.0, 60.0), (250.0, 300.0, 120.0), (270.5, 300.0, 270.5)):
        minutes.end(now_s, {})
        assert (minutes.due_s, minutes.ended_s) == (due_s, ended_s)
