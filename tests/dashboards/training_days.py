"""A simulated training day of three players, and days before it: recorded, computed, and ready to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from body_signals import Event, Heartbeat, Packets, SessionMark
from firmware_protocol.v1 import DeviceEvent, EventCode, encode_event
from hiphinge.session.folders import session_name
from hiphinge.session.in_progress import SessionInProgress
from tests.contract.recorded_sessions import taken
from virtual_athlete import simulate
from virtual_athlete.radio import Outage

DAY = datetime(2026, 11, 23, tzinfo=UTC)
PLAYERS = ("Ann B", 'Zoë O\'Brien, "Zo"', "D/J Ünal (1.=2)")
"""Names with a space, a comma, a slash, quotation marks, brackets, and letters beyond ASCII."""
_SESSIONS = (
    (PLAYERS[0], DAY - timedelta(days=9) + timedelta(hours=10), 11, ()),
    (PLAYERS[1], DAY - timedelta(days=3) + timedelta(hours=17), 12, ()),
    (PLAYERS[0], DAY + timedelta(hours=9, minutes=30), 1, ()),
    (PLAYERS[1], DAY + timedelta(hours=10), 2, ()),
    (PLAYERS[2], DAY + timedelta(hours=11), 3, (Outage(60.0, 66.0, "thigh_left"),)),
    (PLAYERS[0], DAY + timedelta(hours=16), 4, ()),
)
"""Player, start, seed, outages. The third has no earlier day, hence no baseline."""
SCREENED = PLAYERS[0]
_SCREEN_SEED = 4
"""The first player's second session of the day is the hip screen."""


def record(folder: Path, *, training_s: float | None = None) -> list[Path]:
    """The session folders; each a demo of 80 s, or a training of `training_s`, and one is a hip screen."""
    return [_session(folder, training_s, *facts) for facts in _SESSIONS]


def _session(
    folder: Path, training_s: float | None, athlete: str, start: datetime, seed: int, outages: tuple[Outage, ...]
) -> Path:
    scenario, options = ("demo", {}) if training_s is None else ("training", {"duration_s": training_s})
    if seed == _SCREEN_SEED:
        scenario, options = "screen", {}
    simulated = simulate(scenario, seed, athlete=athlete, start=start, outages=outages, **options)
    where = folder / session_name(start, athlete)
    facts = [SessionMark(1.0, label) for label in ("gym north", "group forwards", "MD-2", "load 60 kg", "srpe 6", "soreness 2")]
    running = SessionInProgress(where, replace(simulated.session, marks=(*simulated.session.marks, *facts)))
    events = with_batteries(simulated.events, [s.key for s in simulated.session.sensors], 90 - seed)
    taken(running, events)
    running.close()
    return where


def with_batteries(events: Sequence[Event], sensors: Sequence[str], percent: int) -> list[Event]:
    """The events, and among them each sensor's battery every two minutes: a percent less each time."""
    told, next_ns = 0, 0
    found: list[Event] = []
    for event in events:
        arrival = int(event.arrival_ns[-1]) if isinstance(event, Packets) else event.arrival_ns
        found.append(event)
        if arrival >= next_ns and isinstance(event, Heartbeat):
            next_ns, told = arrival + 120 * 10**9, told + 1
            for n, sensor in enumerate(sensors):
                payload = encode_event(DeviceEvent(EventCode.BATTERY, 0, percent - told - 3 * n))
                found.append(Packets.one(sensor, 0, arrival, payload))
    return numbered(found)


def numbered(events: Sequence[Event]) -> list[Event]:
    """The events, numbered anew from 0."""
    seq = 0
    found: list[Event] = []
    for event in events:
        many = len(event) if isinstance(event, Packets) else 1
        found.append(replace(event, seq=np.arange(seq, seq + many) if isinstance(event, Packets) else seq))
        seq += many
    return found
