"""The engine: from events to rows, whatever the kit and whatever goes wrong with a sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import (
    BODY_PLACEMENTS,
    Cause,
    Event,
    Heartbeat,
    HiphingeError,
    Mark,
    Packets,
    Placement,
    Quality,
    Sensor,
    Session,
    SessionMark,
    TimedBlock,
    UtcAnchor,
)
from dsp.live import LivePipeline
from dsp.pipeline import PipelineOutput
from dsp.results import Finding
from firmware_protocol.families.polar_pmd import encode_frame
from firmware_protocol.families.thingy52 import encode_raw
from firmware_protocol.v1 import Config, Sync, encode_config, encode_data, encode_sync
from hiphinge.engine import Engine
from hiphinge.session.facts.sensor_minutes import SensorMinutes
from hiphinge.sources import Source
from tests.dsp.sessions import Found, block, gathered, plain, rms
from virtual_athlete import START, Outage, Reboot, Script, SimulatedSession, simulate

LUMBAR, PELVIS, LEFT, RIGHT = BODY_PLACEMENTS


def run(session: Session, events: Sequence[Event | TimedBlock], estimator: str = "live") -> Found:
    engine = Engine(session, (estimator,))
    outputs = [engine.feed(events)[estimator], engine.finish()[estimator]]
    return gathered(outputs, engine.summary(estimator, "x"))


@cache
def worn(*placements: Placement, seed: int = 1) -> SimulatedSession:
    return simulate("demo", seed, placements=placements)


@cache
def estimated(*placements: Placement, estimator: str) -> Found:
    demo = worn(*placements)
    return run(demo.session, demo.events, estimator)


def without_marks(events: Sequence[Event]) -> list[Event]:
    return [e for e in events if not isinstance(e, Mark)]


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_without_calibration_there_are_orientations_and_no_angles(estimator: str) -> None:
    demo = worn(*BODY_PLACEMENTS)
    found = run(demo.session, without_marks(demo.events), estimator)
    assert np.isnan(found.angles).all()
    assert (found.quality & Quality.UNCALIBRATED).all()
    assert {key: len(rows) > 7500 for key, rows in found.orientations.items()} == dict.fromkeys(demo.session.body, True)
    assert found.repetitions == []
    assert any("not calibrated" in w for w in found.summary["warnings"])
    assert found.summary["calibration"] == {}


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_lumbar_and_one_thigh_cannot_separate_spine_and_hip(estimator: str) -> None:
    found = estimated(LUMBAR, RIGHT, estimator=estimator)
    late = found.time_s > 30.0
    assert np.isfinite(found.deg("trunk_inclination")[late]).mean() > 0.95
    assert np.isfinite(found.deg("thigh_right_inclination")[late]).mean() > 0.95
    assert np.isnan(found.deg("lumbar_flexion")).all()
    assert np.isnan(found.deg("hip_right_flexion")).all()
    assert any("cannot be separated" in w for w in found.summary["warnings"])
    # bends and squats are still found, without a lumbar share
    assert len(found.repetitions) > 10
    assert all("lumbar_share_of_trunk" not in r.metrics for r in found.repetitions)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_lumbar_and_pelvis(estimator: str) -> None:
    demo, found = worn(LUMBAR, PELVIS), estimated(LUMBAR, PELVIS, estimator=estimator)
    error = found.error(demo.truth.zeroed(), "lumbar_flexion")
    late = found.time_s[: len(error)] > 30.0
    assert rms(error[late]) < 1.2
    assert np.isnan(found.deg("hip_left_flexion")).all()
    assert any("no thigh sensors" in w for w in found.summary["warnings"])
    assert not (found.quality[found.time_s > 30.0] & Quality.UNCALIBRATED).any()
    # the four bends come first; live, a packet that is late for a fifth of a second costs one of them its share
    assert [r.movement for r in found.repetitions[:4]] == ["bend"] * 4
    assert sum("lumbar_share_of_trunk" in r.metrics for r in found.repetitions[:4]) >= (3 if estimator == "live" else 4)
    assert all("lumbar_share_of_trunk_on_thigh" not in r.metrics for r in found.repetitions)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_squat_is_no_sure_bend_where_no_thigh_is_measured(estimator: str) -> None:
    """The kinds that two sensors cannot tell apart come with a low confidence, and the summary says so."""
    demo, found = worn(LUMBAR, PELVIS), estimated(LUMBAR, PELVIS, estimator=estimator)
    squats = [
        r.movement_confidence
        for true in demo.repetitions
        for r in found.repetitions
        if true.movement != "bend" and abs(r.turn_s - true.turn_s) < 0.8 and r.movement == "bend"
    ]
    assert len(squats) >= 6
    assert max(squats) < 0.5
    assert any("all are called a bend, with low confidence" in w for w in found.summary["warnings"])


@pytest.mark.parametrize("placements", [(LUMBAR, PELVIS, RIGHT), (LUMBAR, RIGHT)])
def test_a_knee_held_up_is_no_sure_seat_where_one_thigh_is_measured(placements: tuple[Placement, ...]) -> None:
    script = Script(4)
    script.calibrate()
    script.squat(85.0)
    script.knee_raise("right", 80.0, hold_s=2.0)
    script.stand(2.0)
    session = simulate(script, 4, placements=placements)
    found = run(session.session, session.events)
    assert [r.movement_confidence > 0.5 for r in found.repetitions] == [True] + [False] * (len(found.repetitions) - 1)
    assert any("a raised right knee cannot be told from a squat or a seat" in w for w in found.summary["warnings"])


def test_pelvis_and_thighs() -> None:
    demo = worn(PELVIS, LEFT, RIGHT)
    found = run(demo.session, demo.events)
    error = found.error(demo.truth.zeroed(), "hip_left_flexion")
    assert rms(error[found.time_s[: len(error)] > 30.0]) < 1.5
    assert any("no lumbar sensor" in w for w in found.summary["warnings"])


def test_three_sensors_name_the_hip_that_is_missing() -> None:
    demo = worn(LUMBAR, PELVIS, LEFT)
    found = run(demo.session, demo.events)
    assert any("the right hip cannot be computed" in w for w in found.summary["warnings"])
    assert np.isfinite(found.deg("hip_left_flexion")[found.time_s > 30]).mean() > 0.95


SECOND_S = 40.0


@cache
def calibrated_twice() -> SimulatedSession:
    script = Script(2)
    script.calibrate()
    script.bend(75.0)
    script.squat(80.0)
    script.stand(SECOND_S - script.now)
    script.calibrate()
    script.bend(85.0)
    script.squat(80.0)
    script.stand(2.0)
    return simulate(script, 2)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_second_calibration_replaces_the_first(estimator: str) -> None:
    session = calibrated_twice()
    found = run(session.session, session.events, estimator)
    assert [a.mark_s for a in found.alignments] == pytest.approx([0.0, SECOND_S], abs=0.01)
    assert [r.movement for r in found.repetitions] == ["bend", "squat"] * 2
    error = found.error(session.truth.zeroed(), "lumbar_flexion")
    time_s = found.time_s[: len(error)]
    # until the second is complete, live goes on with the first
    assert np.isfinite(error[(time_s > 28.0)]).mean() > 0.95
    assert rms(error[time_s > 68.0]) < 1.2
    assert rms(error[(time_s > 28.0) & (time_s < SECOND_S)]) < 1.2


def test_samples_of_an_unknown_epoch_are_counted_and_not_scaled() -> None:
    """A recording that lacks the device's CONFIG: no factor is guessed."""
    demo = worn(*BODY_PLACEMENTS)
    events: list[Event] = []
    greeting = 2
    for event in demo.events:
        if isinstance(event, Packets) and event.sensor == "pelvis" and greeting:
            greeting -= 1
            continue
        events.append(event)
    found = run(demo.session, events)
    pelvis = found.summary["sensors"]["pelvis"]
    assert pelvis["samples"] == 0
    assert pelvis["health"]["unknown_epoch"] > 900
    assert "pelvis" not in found.orientations
    assert np.isnan(found.deg("lumbar_flexion")).all()
    assert np.isfinite(found.deg("trunk_inclination")[found.time_s > 32]).mean() > 0.95
    assert any(w.startswith("pelvis: no samples") for w in found.summary["warnings"])


def test_a_sensor_that_falls_silent_in_the_middle() -> None:
    demo = simulate("demo", 1, outages=(Outage(45.0, 500.0, "thigh_left"),))
    found = run(demo.session, demo.events)
    after = found.time_s > 45.2
    assert np.isnan(found.deg("hip_left_flexion")[after]).all()
    assert (found.quality[after] & Quality.LATE).all()
    assert np.isfinite(found.deg("lumbar_flexion")[after]).mean() > 0.9
    assert found.time_s[-1] > 80.0
    assert any(w.startswith("thigh_left: late or silent for 3") for w in found.summary["warnings"])


def test_rows_go_on_when_all_radios_are_silent() -> None:
    """Time comes with heartbeats: ticks become final, and say that everything is missing."""
    demo = simulate("demo", 1, outages=(Outage(50.0, 55.0),))
    arrivals = [int(e.arrival_ns[0]) if isinstance(e, Packets) else e.arrival_ns for e in demo.events]
    time_s = (np.array(arrivals) - arrivals[0]) / 1e9
    before, after = np.searchsorted(time_s, (50.4, 54.9)).tolist()
    engine = Engine(demo.session)
    engine.feed(demo.events[:before])
    rows = [r for event in demo.events[before:after] for r in engine.feed([event])["live"].angles]
    silent_s = np.concatenate([r.time_s for r in rows])
    assert silent_s[-1] == pytest.approx(54.9 - 0.15, abs=0.11)
    assert np.diff(silent_s) == pytest.approx(0.01)
    assert all(np.isnan(r.angles).all() for r in rows)
    assert all((r.quality & Quality.LATE).all() for r in rows)


def test_a_reboot() -> None:
    demo = simulate("demo", 1, reboots=(Reboot(48.0, "pelvis"),))
    found = run(demo.session, demo.events)
    away = (found.time_s > 48.0) & (found.time_s < 49.5)
    assert np.isnan(found.deg("lumbar_flexion")[away]).all()
    error = found.error(demo.truth.zeroed(), "lumbar_flexion")
    assert rms(error[found.time_s[: len(error)] > 54.0]) < 1.5
    assert found.summary["sensors"]["pelvis"]["gaps"] == 1
    assert any("needs a check" in w for w in found.summary["warnings"])


def test_lost_packets_are_counted_as_they_were_lost() -> None:
    demo = simulate("demo", 1, loss_probability=0.05)
    found = run(demo.session, demo.events)
    for key, ledger in demo.ledgers.items():
        sensor = found.summary["sensors"][key]
        assert sensor["samples"] == ledger.samples_delivered
        assert sensor["lost"] == ledger.samples_countable
        assert sensor["lost_exact"] is True


def test_session_time_begins_at_the_first_utc_anchor() -> None:
    """Not at the first packet: whatever came before the anchor has negative time."""
    demo = worn(*BODY_PLACEMENTS)
    late = [replace(e, seq=e.seq) for e in demo.events if isinstance(e, UtcAnchor)]
    assert late[0].seq == 0
    engine = Engine(demo.session)
    engine.feed(demo.events[:500])
    last = demo.events[499]
    arrival = int(last.arrival_ns[-1]) if isinstance(last, Packets) else last.arrival_ns
    assert engine.now_s == pytest.approx((arrival - late[0].arrival_ns) / 1e9)


def test_a_log_without_an_anchor_begins_at_its_first_event() -> None:
    session = Session(START, "a", (Sensor(Placement.PELVIS, family="hiphinge-v1"),))
    engine = Engine(session)
    assert engine.now_s == 0.0
    engine.feed([])
    assert engine.now_s == 0.0
    config = Config.for_ranges(1, 100.0)
    data = encode_data(config, 0, 0, 0, 70_000, np.tile([0.0, 0.0, 9.81], (8, 1)), np.zeros((8, 3)))
    engine.feed([Packets.join("pelvis", [(4, 9_000_000_000, encode_config(config)), (5, 9_100_000_000, data)])])
    engine.feed([Heartbeat(6, 9_400_000_000)])
    assert engine.now_s == pytest.approx(0.4)
    assert engine.health == {"pelvis": {}}


def test_order_within_a_call_does_not_matter() -> None:
    demo = worn(*BODY_PLACEMENTS)
    half = len(demo.events) // 2
    stretches = [demo.events[i : min(i + 700, half)] for i in range(0, half, 700)]
    rng = np.random.default_rng(1)
    bits = []
    for shuffled in (False, True):
        engine = Engine(demo.session)
        outputs = []
        for k, stretch in enumerate(stretches):
            order = rng.permutation(len(stretch)) if shuffled and k else np.arange(len(stretch))
            outputs.append(engine.feed([stretch[i] for i in order.tolist()])["live"])
        found = gathered([*outputs, engine.finish()["live"]])
        bits.append((found.angles.tobytes(), found.quality.tobytes()))
    assert bits[0] == bits[1]
    assert np.isfinite(found.angles).any()


def test_a_plain_session() -> None:
    """Samples that already have session time, marks in the session's head."""
    session, samples = plain("demo", 1)
    blocks = [block(key, i, s.time_s, s.acc, s.gyr) for i, (key, s) in enumerate(samples.items())]
    for estimator in ("live", "review"):
        found = run(session, blocks, estimator)
        error = found.error(worn(*BODY_PLACEMENTS).truth.zeroed(), "lumbar_flexion")
        assert rms(error[found.time_s[: len(error)] > 30.0]) < 1.0
        assert len(found.repetitions) == 14
        assert found.summary["sensors"]["pelvis"]["family"] == "plain"


def test_marks_of_a_plain_session_that_are_notes() -> None:
    session, samples = plain("demo", 1)
    noted = replace(session, marks=(SessionMark(0.0, "note"), SessionMark(3.0, "pain 4")))
    blocks = [block(key, i, s.time_s, s.acc, s.gyr) for i, (key, s) in enumerate(samples.items())]
    assert run(noted, blocks).alignments == []


def test_both_estimators_at_once_are_the_same_as_alone() -> None:
    demo = worn(*BODY_PLACEMENTS)
    # until some seconds after the calibration
    events = demo.events[: len(demo.events) // 2]
    both = Engine(demo.session, ("live", "review"))
    outputs = [both.feed(events), both.finish()]
    for name in ("live", "review"):
        alone = run(demo.session, events, name)
        assert np.isfinite(alone.angles).any()
        assert gathered([o[name] for o in outputs]).angles.tobytes() == alone.angles.tobytes()


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    session = Session(START, "a", (Sensor(Placement.PELVIS, family="abacus"),))
    with pytest.raises(HiphingeError, match="hiphinge-v1"):
        Engine(session)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_sensor_without_a_gyroscope_gives_its_inclination(estimator: str) -> None:
    session = Session(START, "player-07", (Sensor(Placement.PELVIS, family="polar-pmd", rate_hz=50.0),))
    leaning = np.radians(30.0)
    up = 9.80665 * np.array([np.sin(leaning), 0.0, np.cos(leaning)])
    # a sensor that says one and the same for 20 s counts as frozen
    noise = np.random.default_rng(1)
    events: list[Event] = [UtcAnchor(0, 0, 0)]
    for i in range(200):
        last_ns = 10_000_000_000 + (10 * i + 9) * 20_000_000
        payload = encode_frame(last_ns, up + noise.normal(0.0, 0.02, (10, 3)))
        events.append(Packets.one("pelvis", i + 1, last_ns - 9_000_000_000, payload))
    found = run(session, events, estimator)
    rows = found.orientations["pelvis"]
    assert len(rows) > 3500
    np.testing.assert_allclose(rows.quat[:, 0], np.cos(leaning / 2), atol=3e-3)
    assert found.summary["sensors"]["pelvis"]["lost"] == 0


@pytest.mark.parametrize(("wait_ns", "counts"), [(-1, False), (0, True), (10_000_000_000, True), (10_000_000_001, False)])
def test_an_answer_for_the_clock_comes_after_it_was_asked_and_within_10_seconds(wait_ns: int, counts: bool) -> None:
    """What the device held it back for does not count: 0.3 s."""
    sensor, config = Sensor(PELVIS, family="hiphinge-v1"), Config.for_ranges(1, 100.0)
    source = Source(sensor, SensorMinutes([sensor.key]))
    sent_ns, held_us = 50_000_000_000, 300_000
    answer = encode_sync(Sync(3, 7, sent_ns, 80_000, 80_000 + held_us))
    messages = [encode_config(config), encode_data(config, 0, 0, 0, 70_000, np.zeros((8, 3)), np.zeros((8, 3))), answer]
    arrived = sent_ns + held_us * 1000 + wait_ns
    lengths = np.array([len(m) for m in messages])
    source.feed(Packets(sensor.key, np.array([4, 5, 6]), np.array([0, 0, arrived]), lengths, b"".join(messages)), 0)
    assert source.clock is not None
    assert [(seq, device_s, sent_s) for seq, device_s, sent_s in source.clock._coming] == ([(6, 0.08, 50.0)] if counts else [])


def test_samples_of_a_sensor_without_a_clock_are_counted_on() -> None:
    """In however many calls: the count goes on, and no two samples share a time."""
    sensor = Sensor(Placement.PELVIS, family="thingy52", rate_hz=100.0)
    found = Source(sensor, SensorMinutes([sensor.key]))
    payload = encode_raw(np.array((0.0, 0.0, 9.81)), np.zeros(3))
    times_s = []
    for first in range(0, 300, 50):
        arrivals = [(i, (i + 1) * 10_000_000 + (i % 3) * 1_000_000, payload) for i in range(first, first + 50)]
        times_s += [block.time_s for block in found.feed(Packets.join(sensor.key, arrivals), 0)]
    assert not found.has_clock
    assert not found.lost_exact
    steps = np.diff(np.concatenate(times_s))
    assert len(steps) == 299
    assert steps == pytest.approx(np.full(299, 0.01), abs=0.003)


def test_findings_of_the_engine_come_before_those_of_its_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = worn(PELVIS)
    first, second = (Finding("pelvis", cause, 0.0, 0.0, "what", "remedy") for cause in (Cause.CLOCK_LAG, Cause.FROZEN))
    engine = Engine(demo.session, ("live",), [first])
    monkeypatch.setattr(LivePipeline, "pieces", lambda *_: iter([PipelineOutput(findings=[second])]))
    assert engine.feed(demo.events[:1])["live"].findings == [first, second]
