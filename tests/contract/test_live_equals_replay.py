"""Live ≡ replay: the same events, cut in any way, give bit-identical rows of the `live` estimator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import Event, Packets
from body_signals.quality import Quality
from fixtures.sessions.recordings import with_batteries
from hiphinge.engine import Engine
from virtual_athlete import Outage, Reboot, Script, SimulatedSession, simulate


def movements(seed: int) -> Script:
    """Some of each kind, in three quarters of a minute."""
    script, rng = Script(seed), np.random.default_rng([seed, 11])
    script.calibrate(bends=2, raises=1)
    for lumbar_share in ((0.62, 0.48, 0.32), (0.45, 0.36, 0.27)):
        script.bend(rng.uniform(70.0, 85.0), lumbar_share, rest_s=0.6)
    for _ in range(2):
        script.squat(rng.uniform(75.0, 88.0), rest_s=0.6)
    for _ in range(2):
        script.deadlift(rng.uniform(60.0, 72.0), rest_s=0.6)
    script.sit_down(1.8, rest_s=1.5)
    script.stand_up(1.6, rest_s=0.8)
    script.walk(3.0, turn_deg=60.0)
    script.stand(1.0)
    return script


@cache
def troubled(seed: int) -> SimulatedSession:
    """A session with packet loss, a silence of all radios, one of a single sensor, late packets, a reboot, batteries."""
    outages = (Outage(24.0, 25.3), Outage(36.0, 36.4, "pelvis", kept=5))
    reboots = (Reboot(30.0, "thigh_left"),)
    session = simulate(movements(seed), seed, loss_probability=0.03, outages=outages, reboots=reboots)
    return replace(session, events=list(with_batteries(session.events)))


def one_by_one(events: Sequence[Event]) -> list[Event]:
    """Every packet an event of its own, in sequence order."""
    single: list[Event] = []
    for event in events:
        single.extend([Packets.one(event.sensor, s, a, p) for s, a, p in event] if isinstance(event, Packets) else [event])
    return sorted(single, key=_seq)


def _seq(event: Event) -> int:
    return int(event.seq[0]) if isinstance(event, Packets) else event.seq


def _arrival(event: Event) -> int:
    return int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns


def by_time(events: Sequence[Event], seconds: float) -> Iterator[list[Event]]:
    chunk: list[Event] = []
    begin = _arrival(events[0])
    for event in events:
        if chunk and _arrival(event) - begin >= seconds * 1e9:
            yield chunk
            chunk, begin = [], _arrival(event)
        chunk.append(event)
    yield chunk


def live_bits(session: SimulatedSession, chunks: Iterator[list[Event]]) -> dict[str, bytes]:
    """Everything the live estimator gives, as bytes."""
    engine = Engine(session.session, ("live",))
    outputs = [engine.feed(chunk)["live"] for chunk in chunks]
    outputs.append(engine.finish()["live"])
    angles = [rows for o in outputs for rows in o.angles]
    orientations = [rows for o in outputs for rows in o.orientations]
    keys = sorted({rows.sensor for rows in orientations})
    bits = {
        "time": np.concatenate([r.time_s for r in angles]).tobytes(),
        "angles": np.concatenate([r.angles for r in angles], axis=1).tobytes(),
        "sd": np.concatenate([r.sd for r in angles], axis=1).tobytes(),
        "quality": np.concatenate([r.quality for r in angles]).tobytes(),
        "repetitions": repr([r for o in outputs for r in o.repetitions]).encode(),
        "alignments": repr([(a.tick, a.reports) for o in outputs for a in o.alignments]).encode(),
        "summary": repr(engine.summary("live", "x")).encode(),
    }
    for key in keys:
        bits[f"{key} quat"] = np.concatenate([r.quat for r in orientations if r.sensor == key]).tobytes()
        bits[f"{key} epoch"] = np.concatenate([r.heading_epoch for r in orientations if r.sensor == key]).tobytes()
    return bits


@cache
def whole(seed: int) -> dict[str, bytes]:
    session = troubled(seed)
    return live_bits(session, iter([list(session.events)]))


def in_lists(events: Sequence[Event], n: int) -> Iterator[list[Event]]:
    for i in range(0, len(events), n):
        yield list(events[i : i + n])


def differing(a: dict[str, bytes], b: dict[str, bytes]) -> list[str]:
    return [name for name in a.keys() | b.keys() if a.get(name) != b.get(name)]


def test_a_battery_that_was_read_is_in_the_summary() -> None:
    assert b"'battery_percent': [9" in whole(1)["summary"]


def test_one_packet_at_a_time() -> None:
    session = troubled(1)
    assert differing(live_bits(session, in_lists(one_by_one(session.events), 1)), whole(1)) == []


def test_seven_packets_at_a_time() -> None:
    session = troubled(1)
    assert differing(live_bits(session, in_lists(one_by_one(session.events), 7)), whole(1)) == []


def test_three_tenths_of_a_second_at_a_time() -> None:
    session = troubled(1)
    assert differing(live_bits(session, by_time(one_by_one(session.events), 0.3)), whole(1)) == []


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(2, 5), sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=8))
def test_any_cut(seed: int, sizes: list[int]) -> None:
    session = troubled(seed)
    events = one_by_one(session.events)

    def cut() -> Iterator[list[Event]]:
        at = i = 0
        while at < len(events):
            size = sizes[i % len(sizes)] if len(sizes) > 1 or sizes[0] > 50 else 50
            yield events[at : at + size]
            at, i = at + size, i + 1

    assert differing(live_bits(session, cut()), whole(seed)) == []


def test_the_patience_is_the_sessions_and_as_invariant() -> None:
    session = troubled(1)
    patient = replace(session, session=replace(session.session, patience_s=0.4))
    events = list(session.events)
    longer = live_bits(patient, iter([events]))
    assert differing(live_bits(patient, in_lists(one_by_one(session.events), 7)), longer) == []
    assert "quality" in differing(longer, whole(1))
    late = [np.frombuffer(bits["quality"], np.int32) & int(Quality.LATE) for bits in (longer, whole(1))]
    assert np.count_nonzero(late[0]) < np.count_nonzero(late[1])


def test_the_session_holds_what_it_should() -> None:
    """The comparison is worth something: there are gaps, lost samples, a restart and repetitions in it."""
    session = troubled(1)
    engine = Engine(session.session, ("live",))
    engine.feed(session.events)
    engine.finish()
    summary = engine.summary("live", "x")
    sensors = summary["sensors"]
    assert isinstance(sensors, dict)
    assert all(s["lost"] > 0 and s["gaps"] > 0 for s in sensors.values())
    assert summary["repetitions"] == pytest.approx(7, abs=2)
