"""Faults of simulated sensors: what is wrong is wrong as in nature, and nothing else is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from body_signals import G0, Connected, Packets, Placement
from body_signals.blocks import Floats
from firmware_protocol import Kind, codec_for
from firmware_protocol.v1.messages import decode_info
from virtual_athlete import (
    FAULT_KINDS,
    CounterForMilliseconds,
    Falling,
    FastClock,
    Fault,
    Frozen,
    Hanging,
    Late,
    OtherSensor,
    Samples,
    Script,
    SensorSettings,
    SimulatedAthlete,
    Slid,
    Tumbling,
    Zeros,
    simulate,
    spoilt,
    to_plain,
)
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

PELVIS = Placement.PELVIS
SINCE_S = 6.0


@cache
def script() -> Script:
    script = Script(3)
    script.stand(2.0)
    script.walk(12.0)
    script.bend(70.0)
    return script


def worn(*faults: Fault, rate_hz: float = 100.0, settings: SensorSettings | None = None) -> Samples:
    """The pelvis' sensor with these faults."""
    athlete = SimulatedAthlete(script(), 3, placements=[PELVIS], rate_hz=rate_hz, settings=settings, faults={PELVIS: faults})
    return athlete.plain()["pelvis"]


@cache
def sound(rate_hz: float = 100.0) -> Samples:
    return worn(rate_hz=rate_hz)


def turned(samples: Samples) -> Floats:
    """Orientations (n, 3, 3) against the first, integrated from the rates by the trapezoidal rule."""
    step_s = np.diff(samples.time_s)[:, None]
    turns = 0.5 * (samples.gyr[1:] + samples.gyr[:-1]) * step_s
    found = [np.eye(3)]
    for turn in turns:
        angle = float(np.linalg.norm(turn))
        x, y, z = (turn / max(angle, 1e-12)).tolist()
        k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        found.append(found[-1] @ (np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * k @ k))
    return np.array(found)


@pytest.mark.parametrize("name", [name for name, kind in FAULT_KINDS.items() if not kind.whole])
def test_before_a_fault_begins_the_samples_are_those_of_the_sound_sensor_to_the_last_bit(name: str) -> None:
    wrong = worn(FAULT_KINDS[name].make(np.random.default_rng(1), SINCE_S))
    before = wrong.time_s < SINCE_S
    assert np.array_equal(wrong.acc[before], sound().acc[: before.sum()])
    assert np.array_equal(wrong.gyr[before], sound().gyr[: before.sum()])
    assert not np.array_equal(wrong.acc, sound().acc) or not np.array_equal(wrong.gyr, sound().gyr)


@pytest.mark.parametrize("name", list(FAULT_KINDS))
def test_a_fault_is_drawn_from_its_seed_alone(name: str) -> None:
    make = FAULT_KINDS[name].make
    assert make(np.random.default_rng(4), 5.0) == make(np.random.default_rng(4), 5.0)


@pytest.mark.parametrize("name", [name for name, kind in FAULT_KINDS.items() if kind.streamed])
def test_a_stream_has_the_fault_whatever_the_pieces_in_which_it_is_asked(name: str) -> None:
    """Files are made at once, streams block by block: both must have the same fault."""
    fault = FAULT_KINDS[name].make(np.random.default_rng(2), SINCE_S)
    athlete = SimulatedAthlete(script(), 3, placements=[PELVIS], faults={PELVIS: [fault]})
    time_s = np.arange(0.0, 12.0, 0.01)
    imu = athlete.kit().sensors[0].imu
    whole = imu.samples(time_s)
    again = athlete.kit().sensors[0].imu
    pieces = [again.samples(part) for part in np.array_split(time_s, [1, 8, 400, 599, 600, 601, 1100])]
    assert np.allclose(np.concatenate([p.acc for p in pieces]), whole.acc, atol=1e-9)
    assert np.allclose(np.concatenate([p.gyr for p in pieces]), whole.gyr, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_sensor_that_falls_is_weightless_for_a_third_to_half_a_second_and_then_lies_still(seed: int) -> None:
    fallen = worn(Falling(SINCE_S, seed), rate_hz=200.0)
    size = np.linalg.norm(fallen.acc, axis=1)
    lands_s = fallen.time_s[(fallen.time_s > SINCE_S) & (size > 50.0)][0]
    assert 0.3 < lands_s - SINCE_S < 0.5
    flying = (fallen.time_s > SINCE_S + 0.01) & (fallen.time_s < lands_s - 0.02)
    assert size[flying].max() < 0.3
    lies = fallen.time_s > SINCE_S + 1.6
    assert np.abs(fallen.acc[lies].mean(axis=0)).max() > 9.0
    assert np.linalg.norm(fallen.acc[lies].mean(axis=0)) == pytest.approx(G0, abs=0.15)
    assert fallen.acc[lies].std(axis=0).max() < 0.03
    assert np.degrees(fallen.gyr[lies].std(axis=0)).max() < 0.1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [Falling, Hanging, Tumbling, Slid])
def test_gravity_turns_as_the_rates_say_also_after_it_came_off(kind: type[Fault], seed: int) -> None:
    """The rates, integrated from standing, carry gravity to where the accelerometer has it in the mean of later seconds."""
    fault = kind(SINCE_S, seed=seed)  # type: ignore[call-arg]
    samples = worn(fault, rate_hz=400.0, settings=SensorSettings(acc_range_g=1000.0))
    up = samples.acc[samples.time_s < 1.0].mean(axis=0)
    up /= np.linalg.norm(up)
    world = np.einsum("nij,nj->ni", turned(samples), samples.acc)
    later = (samples.time_s > SINCE_S + 3.0) & (samples.time_s < SINCE_S + 8.0)
    mean = world[later].mean(axis=0)
    assert np.degrees(np.arccos(mean @ up / np.linalg.norm(mean))) < 6.0
    assert np.linalg.norm(mean) == pytest.approx(G0, abs=0.7)


def test_a_sensor_on_its_strap_swings_while_the_body_walks_and_comes_to_rest_when_it_stands() -> None:
    still = Script(5)
    still.stand(30.0)
    athlete = SimulatedAthlete(still, 5, placements=[PELVIS], faults={PELVIS: [Hanging(SINCE_S, 1)]})
    at_rest = athlete.plain()["pelvis"]
    late = at_rest.time_s > 25.0
    assert np.degrees(np.linalg.norm(at_rest.gyr[late], axis=1)).mean() < 6.0
    walking = worn(Hanging(SINCE_S, 1))
    assert np.degrees(np.linalg.norm(walking.gyr[(walking.time_s > 9.0) & (walking.time_s < 13.0)], axis=1)).mean() > 30.0


def test_a_late_sensor_says_the_same_things_later_and_a_fast_clock_says_them_ever_later() -> None:
    clean = SensorSettings()
    right = worn(settings=clean)
    late = worn(Late(lag_s=0.3), settings=clean)
    assert np.allclose(late.gyr[30:], right.gyr[:-30], atol=2e-3)
    fast = worn(FastClock(SINCE_S, gain=0.02), settings=clean)
    at = 1160
    assert np.allclose(fast.gyr[at], right.gyr[at - 11], atol=2e-2)  # (11.6 − 6) · 0.02 / 1.02 = 0.11 s


def test_a_counter_taken_for_milliseconds_shrinks_the_session_and_its_marks_where_all_files_have_it() -> None:
    marked = Script(1)
    marked.stand(3.0)
    marked.mark("calibrate")
    marked.stand(5.0)
    worn_at = [Placement.LUMBAR, PELVIS]
    session, samples = to_plain(marked, 1, placements=worn_at, faults={p: [CounterForMilliseconds()] for p in worn_at})
    assert samples["pelvis"].time_s[-1] == pytest.approx(0.799)
    assert session.marks[0].time_s == pytest.approx(0.3)
    session, samples = to_plain(marked, 1, placements=worn_at, faults={PELVIS: [CounterForMilliseconds()]})
    assert samples["lumbar"].time_s[-1] == pytest.approx(7.99)
    assert session.marks[0].time_s == pytest.approx(3.0)


def test_another_sensor_has_another_serial_number_and_boot_and_is_worn_turned() -> None:
    session = simulate(script(), 3, placements=[PELVIS], faults={PELVIS: [OtherSensor(SINCE_S, angle_deg=40.0, away_s=2.0)]})
    greetings = [
        decode_info(payload)
        for event in session.events
        if isinstance(event, Packets)
        for _, _, payload in event
        if payload[:1] == bytes((Kind.INFO,))
    ]
    assert [info.serial for info in greetings] == ["V1-pelvis", "V1-pelvis-other"]
    assert greetings[0].boot_id != greetings[1].boot_id
    assert sum(isinstance(event, Connected) for event in session.events) == 2
    exchanged = worn(OtherSensor(SINCE_S, angle_deg=40.0, away_s=2.0))
    assert not ((exchanged.time_s >= SINCE_S) & (exchanged.time_s < SINCE_S + 2.0)).any()
    before = exchanged.acc[exchanged.time_s < 1.5].mean(axis=0)[:2]
    after = exchanged.acc[exchanged.time_s > SINCE_S + 2.0].mean(axis=0)[:2]
    turn = np.degrees(np.arctan2(before[1], before[0]) - np.arctan2(after[1], after[0]))
    assert abs(turn) == pytest.approx(40.0, abs=6.0)


def test_a_device_that_a_host_talks_to_can_wear_the_fault() -> None:
    athlete = SimulatedAthlete(script(), 3, placements=[PELVIS], faults={PELVIS: [Zeros(1.0)]})
    device = VirtualPeripheral("pelvis", V1SerialFirmware(begins_by_itself=True), athlete.kit().sensors[0].imu)
    device.connect(0.0)
    codec = codec_for("hiphinge-v1-serial", {}, 100.0)
    out = b"".join(packet.payload for packet in device.poll(3.0))
    [block] = codec.feed_packets(out, np.array([len(out)]))
    assert block.acc[:80].any(axis=1).all()
    assert not block.acc[110:].any()
    assert not block.gyr[110:].any()


def test_samples_that_are_there_already_can_be_spoilt() -> None:
    frozen = spoilt(sound(), Frozen(SINCE_S, until_s=8.0), Zeros(9.0, until_s=9.5))
    held = (frozen.time_s >= SINCE_S) & (frozen.time_s < 8.0)
    assert len(np.unique(frozen.acc[held], axis=0)) == 1
    assert np.array_equal(frozen.acc[held][0], sound().acc[int(SINCE_S * 100) - 1])
    filled = (frozen.time_s >= 9.0) & (frozen.time_s < 9.5)
    assert not frozen.acc[filled].any()
    assert not frozen.gyr[filled].any()
    assert np.array_equal(frozen.acc[~held & ~filled], sound().acc[~held & ~filled])
