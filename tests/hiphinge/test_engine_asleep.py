"""A computer that slept for 30 s: angles are right again within seconds, and the gap is told, whichever clock it has."""

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

SLEPT_S, AT_S = 30.0, 45.0


@cache
def awake() -> tuple[SimulatedAthlete, list[Event]]:
    """What a computer that does not sleep gets."""
    script = Script(8)
    script.calibrate()
    for k in range(28):
        script.squat(70.0 + k, rest_s=0.9)
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 8)
    return athlete, list(athlete.events())


@cache
def asleep(runs_on: bool) -> tuple[SimulatedAthlete, list[Event]]:
    """What comes while the computer sleeps is lost. runs_on: its clock counts the sleep, as CLOCK_BOOTTIME does."""
    athlete, events = awake()
    zero_ns = min(int(e.arrival_ns[0]) if isinstance(e, Packets) else e.arrival_ns for e in events)
    gone_ns, back_ns = (zero_ns + round(s * 1e9) for s in (AT_S, AT_S + SLEPT_S))
    kept: list[Event] = []
    for event in events:
        arrival_ns = int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns
        if gone_ns <= arrival_ns < back_ns:
            continue
        stood = 0 if runs_on or arrival_ns < gone_ns else round(SLEPT_S * 1e9)
        moved = replace(event, arrival_ns=event.arrival_ns - stood)
        kept.append(replace(moved, seq=np.full(1, len(kept))) if isinstance(moved, Packets) else replace(moved, seq=len(kept)))
    return athlete, kept


@cache
def computed(runs_on: bool, pieces: int):
    athlete, events = asleep(runs_on)
    engine = Engine(athlete.session, ("live",))
    outputs = [engine.feed(events[i * len(events) // pieces : (i + 1) * len(events) // pieces]) for i in range(pieces)]
    outputs.append(engine.finish())
    found = gathered([o["live"] for o in outputs], engine.summary("live", "x"))
    return athlete, found, latest([f for o in outputs for f in o["live"].findings])


@pytest.mark.parametrize("runs_on", [True, False])
def test_after_the_sleep_angles_are_right_within_seconds(runs_on: bool) -> None:
    athlete, found, findings = computed(runs_on, 1)
    truth = athlete.truth().zeroed()
    # of a clock that stood still session times are too early by the sleep
    stood_s = 0.0 if runs_on else SLEPT_S
    back_s = AT_S + SLEPT_S - stood_s
    shown, later = found.deg("lumbar_flexion"), found.time_s > back_s + 10.0
    known = later & np.isfinite(shown)
    assert np.count_nonzero(known) > 0.9 * np.count_nonzero(later), "the angles come back"
    rows = np.rint((found.time_s + stood_s) * 100).astype(int)
    true = np.degrees(truth.angles["lumbar_flexion"])
    known &= rows < len(true)
    assert rms(shown[known] - true[rows[known]]) < 2.5
    leapt = [f for f in findings if f.cause is Cause.CLOCK_LAG and "leapt 30.0 s ahead of this computer's" in f.what]
    assert len(leapt) == (0 if runs_on else 4)
    settling = (found.time_s > back_s + 0.3) & (found.time_s < back_s + 4.5) & np.isfinite(shown)
    assert runs_on or (found.quality[settling] & Quality.CLOCK_DISAGREES).all()
    if runs_on:
        gap = (found.time_s > AT_S + 1.0) & (found.time_s < back_s - 0.1)
        assert np.isnan(found.angles[gap]).all(), "the gap is there as the gap it was"


def test_pieces_change_nothing() -> None:
    _, whole, told = computed(False, 1)
    _, cut, told_cut = computed(False, 37)
    assert np.array_equal(whole.angles, cut.angles, equal_nan=True)
    assert np.array_equal(whole.quality, cut.quality)
    assert told == told_cut
