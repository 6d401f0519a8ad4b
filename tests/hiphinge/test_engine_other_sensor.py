"""Another sensor in a place is told by its serial number; its segment is not calibrated until the next mark."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import BODY_PLACEMENTS, Cause, Event, Packets, Quality
from dsp.plausibility.worn import ANGLES_OF
from dsp.results import Finding, latest
from firmware_protocol import Config, Info, encode_config, encode_info
from hiphinge.engine import Engine
from tests.dsp.sessions import Found, gathered
from virtual_athlete import Script, SimulatedAthlete

KEY = "lumbar"


@cache
def script(again: bool) -> tuple[Script, float]:
    """A calibration, some bends, a moment between them, and perhaps a second calibration."""
    made = Script(3)
    made.calibrate()
    made.bend()
    made.stand(1.5)
    at = made.now
    made.stand(3.0)
    made.bend()
    if again:
        made.calibrate()
    made.bend()
    made.stand(2.0)
    return made, at


@cache
def played(again: bool, seed: int) -> tuple[SimulatedAthlete, list[Event]]:
    athlete = SimulatedAthlete(script(again)[0], seed)
    return athlete, list(athlete.events())


@cache
def swapped(again: bool, serial: str = "V1-other") -> tuple[SimulatedAthlete, float, list[Event]]:
    """Events of a session in which another sensor sends in the lumbar one's place from a moment on."""
    at_s = script(again)[1]
    (athlete, events), (other, of_other) = played(again, 3), played(again, 4)
    at_ns = next(e for e in events if not isinstance(e, Packets)).arrival_ns + round(at_s * 1e9)
    settings = other._worn[BODY_PLACEMENTS[0]]
    config = Config.for_ranges(1, settings[1].rate_hz, settings[0].acc_range_g, settings[0].gyr_range_dps)
    hello = [encode_info(Info(model="x", serial=serial, firmware="1.0", boot_id=77)), encode_config(config)]
    said = [Packets.one(KEY, 0, at_ns + i, payload) for i, payload in enumerate(hello)]

    def of_lumbar(event: Event, after: bool) -> bool:
        return isinstance(event, Packets) and event.sensor == KEY and (int(event.arrival_ns[0]) > at_ns) is after

    kept = [e for e in events if not of_lumbar(e, after=True)]
    late = [e for e in of_other if of_lumbar(e, after=True)]

    def arrival(event: Event) -> int:
        return int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns

    merged = sorted([*kept, *said, *late], key=arrival)
    numbered = [replace(e, seq=np.full(1, i)) if isinstance(e, Packets) else replace(e, seq=i) for i, e in enumerate(merged)]
    return athlete, at_s, numbered


def computed(athlete: SimulatedAthlete, events: list[Event], pieces: int = 1, estimators=("live", "review")):
    engine = Engine(athlete.session, estimators)
    outputs = [engine.feed(events[i * len(events) // pieces : (i + 1) * len(events) // pieces]) for i in range(pieces)]
    outputs.append(engine.finish())
    found = {name: gathered([o[name] for o in outputs], engine.summary(name, "x")) for name in estimators}
    findings = {name: latest([f for o in outputs for f in o[name].findings]) for name in estimators}
    return found, findings


def others(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.cause is Cause.OTHER_SENSOR]


@cache
def swapped_once(again: bool):
    athlete, at_s, events = swapped(again)
    return at_s, *computed(athlete, events)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_another_sensor_is_told_and_its_angles_are_missing(estimator):
    at_s, found, findings = swapped_once(False)
    (finding,) = others(findings[estimator])
    assert finding.sensor == KEY
    assert finding.since_s == pytest.approx(at_s, abs=0.3)
    assert "V1-other" in finding.what
    assert "V1-lumbar" in finding.what
    assert finding.until_s is None
    now: Found = found[estimator]
    after = now.time_s > finding.since_s + 0.3
    assert (now.quality[after] & Quality.UNCALIBRATED).all()
    assert np.isnan(now.angles[after][:, ANGLES_OF[KEY]]).all()
    assert np.isfinite(now.deg("hip_left_flexion")[after]).mean() > 0.9
    before = (now.time_s < at_s - 0.5) & (now.time_s > at_s - 3.0)
    assert np.isfinite(now.deg("lumbar_flexion")[before]).all()
    assert now.summary["warnings"][0].startswith("lumbar: another sensor")


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_new_calibration_ends_it(estimator):
    _, found, findings = swapped_once(True)
    (finding,) = others(findings[estimator])
    mark = script(True)[0].marks[-1].time_s
    assert finding.until_s == pytest.approx(mark, abs=0.1)
    now = found[estimator]
    last = (now.time_s > now.time_s[-1] - 5.0) & (now.time_s < now.time_s[-1] - 1.0)
    assert np.isfinite(now.deg("lumbar_flexion")[last]).all()
    assert not (now.quality[last] & Quality.UNCALIBRATED).any()


def test_the_same_sensor_that_starts_anew_keeps_its_calibration():
    athlete, at_s, events = swapped(False, "V1-lumbar")
    found, findings = computed(athlete, events, estimators=("live",))
    assert not others(findings["live"])
    after = found["live"].time_s > at_s + 1.0
    assert not (found["live"].quality[after] & Quality.UNCALIBRATED).any()


def test_pieces_change_nothing():
    athlete, _, events = swapped(True)
    _, whole, told = swapped_once(True)
    cut, told_cut = computed(athlete, events, 31, estimators=("live",))
    assert np.array_equal(whole["live"].angles, cut["live"].angles, equal_nan=True)
    assert np.array_equal(whole["live"].quality, cut["live"].quality)
    assert told["live"] == told_cut["live"]
