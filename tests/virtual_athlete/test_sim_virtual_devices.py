"""Virtual sensors: bytes decode back to the samples, losses are exact, events are in order, seeds decide everything."""

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import BODY_PLACEMENTS, Connected, Heartbeat, Lost, Mark, Packets, Placement, UtcAnchor
from body_signals.blocks import G0
from firmware_protocol.registry import codec_for
from virtual_athlete import (
    DeviceSettings,
    LinkSettings,
    Outage,
    Reboot,
    Script,
    SensorSettings,
    SimulatedAthlete,
    VirtualSensor,
    encode_stream,
    simulate,
    to_plain,
)
from virtual_athlete.radio import Message
from virtual_athlete.sensors import Imu

FAULTS = {
    "loss_probability": 0.03,
    "outages": [
        Outage(20.0, 23.0),
        Outage(31.0, 31.6, "thigh_left", kept=100),
        Outage(50.0, 54.0, "lumbar", kept=10, disconnects=True),
    ],
    "reboots": [Reboot(40.0, "pelvis", 2.0), Reboot(60.0, "pelvis", 1.0)],
}


@pytest.fixture(scope="module")
def faulty():
    return simulate("demo", 3, **FAULTS)


def packets(events, sensor):
    return [(a, p) for e in events if isinstance(e, Packets) and e.sensor == sensor for _, a, p in e]


def decoded(events, sensor):
    codec = codec_for("hiphinge-v1")
    return codec, [block for _, payload in packets(events, sensor) for block in codec.feed(payload)]


def same(a, b):
    if isinstance(a, Packets):
        return isinstance(b, Packets) and (a.sensor, a.data, a.seq[0], a.arrival_ns[0]) == (
            b.sensor,
            b.data,
            b.seq[0],
            b.arrival_ns[0],
        )
    return a == b


@pytest.mark.parametrize("samples_per_packet", [1, 8, 18])
def test_bytes_decode_back_to_the_samples_within_half_a_step(samples_per_packet):
    script = Script(2)
    script.stand(1.0)
    script.bend()
    motion, worn = script.motion(), SensorSettings.random(np.random.default_rng(8))
    device = DeviceSettings(100.0, samples_per_packet, clock_offset_s=12.5, clock_ppm=30.0, rate_error=1e-3)
    sensor = VirtualSensor("pelvis", Imu(motion, Placement.PELVIS, worn, 4), device, LinkSettings(), script.now)
    codec = codec_for("hiphinge-v1")
    blocks = [b for _, item in sensor.stream() if isinstance(item, Message) for b in codec.feed(item.payload)]
    acc, gyr, clock = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("acc", "gyr", "device_time_s"))
    time_s = sensor.ledger.first_sample_s + np.arange(len(acc)) / (100.0 * 1.001)
    truth = Imu(motion, Placement.PELVIS, worn, 4).samples(time_s)
    config = sensor.config(0)
    assert len(acc) == sensor.ledger.samples_delivered > 400
    assert np.abs(acc - truth.acc).max() <= 0.5001 * config.acc_scale
    assert np.abs(gyr - truth.gyr).max() <= 0.5001 * config.gyr_scale
    assert np.abs(clock - (12.5 + time_s * (1.0 + 30e-6))).max() < 3e-6
    assert dict(codec.health) == {}
    assert codec.facts["rate_hz"] == 100.0


@pytest.mark.parametrize("sensor", [p.value for p in BODY_PLACEMENTS])
def test_loss_silence_and_reboots_are_counted_exactly(faulty, sensor):
    book = faulty.ledgers[sensor]
    codec, blocks = decoded(faulty.events, sensor)
    assert sum(len(b) for b in blocks) == book.samples_delivered
    assert sum(int(b.lost.sum()) for b in blocks) == book.samples_countable
    assert sum(int(b.restart.sum()) for b in blocks) == book.boots - 1
    assert book.boots == (3 if sensor == "pelvis" else 1)
    assert book.packets_delivered + book.packets_lost + book.packets_dropped == book.packets_made
    assert 0.01 < book.packets_lost / book.packets_made < 0.05
    assert set(codec.health) <= {"restart", "overrun"}
    if sensor != "pelvis":
        # nothing was lost before the first or after the last sample
        assert book.samples_countable == 8 * (book.packets_lost + book.packets_dropped)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    loss=st.floats(0.0, 0.3),
    n=st.integers(1, 18),
    outage=st.tuples(st.floats(0.0, 11.0), st.floats(0.05, 4.0), st.integers(0, 30), st.booleans()),
    reboot=st.one_of(st.none(), st.floats(0.5, 11.0)),
)
def test_ledger_agrees_with_the_codec_whatever_happens(seed, loss, n, outage, reboot):
    script = Script(seed)
    script.stand(1.0)
    script.bend()
    script.stand(6.0)
    begin, length, kept, disconnects = outage
    reboots = [] if reboot is None or begin - 1.6 < reboot < begin + length else [Reboot(reboot, "lumbar")]
    made = simulate(
        script,
        seed,
        placements=(Placement.LUMBAR,),
        samples_per_packet=n,
        loss_probability=loss,
        outages=[Outage(begin, begin + length, None, kept, disconnects)],
        reboots=reboots,
    )
    book = made.ledgers["lumbar"]
    _, blocks = decoded(made.events, "lumbar")
    assert sum(len(b) for b in blocks) == book.samples_delivered
    assert sum(int(b.lost.sum()) for b in blocks) == book.samples_countable
    assert book.packets_delivered + book.packets_lost + book.packets_dropped == book.packets_made
    assert_in_order(made.events)


def assert_in_order(events):
    assert isinstance(events[0], UtcAnchor)
    seqs = [s for e in events for s in (e.seq.tolist() if isinstance(e, Packets) else [e.seq])]
    arrivals = [s for e in events for s in (e.arrival_ns.tolist() if isinstance(e, Packets) else [e.arrival_ns])]
    assert seqs == list(range(len(seqs)))
    assert all(a < b for a, b in itertools.pairwise(arrivals))
    up: set[str] = set()
    for e in events:
        if isinstance(e, Connected):
            assert e.sensor not in up
            up.add(e.sensor)
        elif isinstance(e, Lost):
            up.remove(e.sensor)
        elif isinstance(e, Packets):
            assert e.sensor in up


def test_events_are_in_order_and_time_passes(faulty):
    events = faulty.events
    assert_in_order(events)
    zero = events[0].arrival_ns
    beats = np.array([e.arrival_ns - zero for e in events if isinstance(e, Heartbeat)])
    duration = faulty.truth.time_s[-1]
    assert np.abs(beats - 100_000_000 * np.arange(1, len(beats) + 1)).max() < 1000
    assert beats[-1] / 1e9 > duration
    anchors = [(e.arrival_ns - zero, e.utc_ns) for e in events if isinstance(e, UtcAnchor)]
    start = int(faulty.session.start.timestamp()) * 10**9
    assert [round(a / 1e9) for a, _ in anchors] == [0, 60]
    assert all(abs(utc - start - a) < 1000 for a, utc in anchors)
    assert [(round((e.arrival_ns - zero) / 1e9), e.label) for e in events if isinstance(e, Mark)] == [(0, "calibrate")]
    assert faulty.session.marks == ()


def test_silence_of_all_radios_is_silent_and_the_heart_beats(faulty):
    zero = faulty.events[0].arrival_ns
    during = [e for e in faulty.events if isinstance(e, Packets) and 20.5e9 < e.arrival_ns[0] - zero < 23.0e9]
    beats = [e for e in faulty.events if isinstance(e, Heartbeat) and 20.5e9 < e.arrival_ns - zero < 23.0e9]
    assert during == []
    assert len(beats) in (24, 25)


def test_kept_packets_come_late_and_complete():
    script = Script(1)
    script.stand(10.0)
    made = simulate(script, 1, placements=(Placement.PELVIS,), outages=[Outage(4.0, 5.0, kept=1000)])
    assert made.ledgers["pelvis"].samples_countable == 0
    zero = made.events[0].arrival_ns
    arrivals = np.array([a - zero for a, _ in packets(made.events, "pelvis")]) / 1e9
    assert np.diff(arrivals).max() > 0.9
    # about 12 packets at once
    assert np.count_nonzero((arrivals >= 5.0) & (arrivals < 5.06)) >= 12


def test_an_outage_without_end_is_noticed_and_costs_what_was_kept():
    script = Script(1)
    script.stand(10.0)
    outage = Outage(6.0, 60.0, kept=20, disconnects=True)
    made = simulate(script, 1, placements=(Placement.PELVIS,), outages=[outage])
    lost = [(e.arrival_ns - made.events[0].arrival_ns) / 1e9 for e in made.events if isinstance(e, Lost)]
    assert lost == pytest.approx([6.5], abs=0.01)
    book = made.ledgers["pelvis"]
    assert book.packets_dropped == pytest.approx(50, abs=2)
    assert book.packets_delivered + book.packets_dropped == book.packets_made


@pytest.mark.parametrize(("kind", "expected"), [("pelvis", 2), ("lumbar", 1), ("thigh_left", 0)])
def test_lost_links_come_back_with_info_and_config(faulty, kind, expected):
    mine = [e for e in faulty.events if getattr(e, "sensor", None) == kind]
    assert Counter(type(e).__name__ for e in mine)["Lost"] == expected
    starts = [i for i, e in enumerate(mine) if isinstance(e, Connected)]
    assert len(starts) == expected + 1
    for i in starts:
        assert [mine[i + k].data[0] for k in (1, 2, 3)] == [1, 2, 3]


def test_reboot_starts_clock_and_index_anew_under_a_new_boot_id(faulty):
    codec, boots = codec_for("hiphinge-v1"), []
    for _, payload in packets(faulty.events, "pelvis"):
        codec.feed(payload)
        boots.append(codec.facts.get("boot_id"))
    assert len(set(boots)) == 3
    _, blocks = decoded(faulty.events, "pelvis")
    again = [b for b in blocks if b.restart.any()]
    assert [b.device_time_s[0] for b in again] == pytest.approx([0.25, 0.25], abs=0.5)


def test_device_clock_wraps_within_the_session():
    script = Script(0)
    script.stand(20.0)
    device = DeviceSettings(clock_offset_s=2.0**32 / 1e6 - 10.0)
    made = simulate(script, 0, placements=(Placement.LUMBAR,), device=device)
    raw = [int.from_bytes(p[8:12], "little") for _, p in packets(made.events, "lumbar") if p[0] == 3]
    assert min(np.diff(raw)) < 0
    _, blocks = decoded(made.events, "lumbar")
    clock = np.concatenate([b.device_time_s for b in blocks])
    assert np.diff(clock) == pytest.approx(np.full(len(clock) - 1, 0.01), abs=2e-6)


def test_packets_arrive_at_connection_events_and_never_before_they_are_ready():
    link = LinkSettings(interval_s=0.0375, phase_s=0.011, repeat_probability=0.1)
    made = simulate("demo", 6, placements=(Placement.PELVIS,), link=link, device=DeviceSettings())
    zero = made.events[0].arrival_ns
    stream = [(a, p) for a, p in packets(made.events, "pelvis") if p[0] == 3]
    arrival = np.array([a - zero for a, _ in stream]) / 1e9
    ready = np.array([(int.from_bytes(p[8:12], "little") + int.from_bytes(p[12:16], "little")) / 1e6 for _, p in stream])
    delay = arrival - ready
    assert delay.min() > 0.0
    assert np.quantile(delay, 0.8) < 0.0375 + 0.005
    # bursts of repetition hold packets back
    assert 0.05 < np.mean(delay > 0.042) < 0.4
    into_interval = (arrival - 0.011) % 0.0375
    assert np.mean(into_interval < 0.004) == 1.0


def test_a_link_keeps_order_however_often_it_repeats():
    script = Script(0)
    script.stand(30.0)
    link = LinkSettings(interval_s=0.05, repeat_probability=0.5, repeats=4.0)
    imu = Imu(script.motion(), Placement.PELVIS, SensorSettings())
    outage = Outage(10.0, 11.0, kept=5, disconnects=True)
    stream = list(VirtualSensor("pelvis", imu, DeviceSettings(), link, 30.0, outages=[outage]).stream())
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(stream))
    indices = [item.first for _, item in stream if isinstance(item, Message) and item.samples]
    assert len(indices) > 300
    assert indices == sorted(set(indices))


def test_seed_decides_every_byte():
    a, b, other = (simulate("demo", seed, **FAULTS).events for seed in (5, 5, 6))
    assert len(a) == len(b)
    assert all(same(x, y) for x, y in zip(a, b, strict=True))
    assert not all(same(x, y) for x, y in zip(a, other, strict=False))


def test_block_size_does_not_change_a_byte(monkeypatch, faulty):
    monkeypatch.setattr("virtual_athlete.virtual_devices.streams._BLOCK_SAMPLES", 720)
    small = SimulatedAthlete("demo", 3, **FAULTS).events()
    assert all(same(x, y) for x, y in zip(small, faulty.events, strict=True))


def test_a_sensor_does_not_depend_on_the_others_worn():
    every = SimulatedAthlete("demo", 2).events()
    alone = SimulatedAthlete("demo", 2, placements=(Placement.THIGH_RIGHT,)).events()
    assert [p for _, p in packets(alone, "thigh_right")] == [p for _, p in packets(every, "thigh_right")]


def test_serial_stream_carries_the_same_samples(faulty):
    codec = codec_for("hiphinge-v1-serial")
    stream = encode_stream(faulty.events, "thigh_right")
    serial = [b for k in range(0, len(stream), 777) for b in codec.feed(stream[k : k + 777])]
    _, radio = decoded(faulty.events, "thigh_right")
    for name in ("acc", "gyr", "device_time_s", "lost"):
        a, b = (np.concatenate([getattr(x, name) for x in blocks]) for blocks in (serial, radio))
        assert np.array_equal(a, b)


def test_long_trainings_begin_at_once():
    events = SimulatedAthlete("training", 1, duration_s=8 * 3600.0).events()
    first = list(itertools.islice(events, 2000))
    assert_in_order(first)


def test_mirrored_athlete_gives_mirrored_samples():
    plain, mirrored = (SimulatedAthlete("demo", 4, ideal=True, mirrored=m).plain() for m in (False, True))
    for key, partner in (("pelvis", "pelvis"), ("lumbar", "lumbar"), ("thigh_left", "thigh_right")):
        a, b = plain[key], mirrored[partner]
        # a mirror turns y (sideways) of vectors, and of turns the axes that lie in its plane
        assert np.abs(b.acc - a.acc * [1.0, -1.0, 1.0]).max() < 2e-3
        assert np.abs(b.gyr - a.gyr * [-1.0, 1.0, -1.0]).max() < 2e-3


def test_plain_session_is_on_session_time_with_marks_and_steps():
    session, samples = to_plain("demo", 1)
    assert [s.file for s in session.sensors] == [f"{k}.csv" for k in samples]
    assert session.marks[0].label == "calibrate"
    pelvis = samples["pelvis"]
    assert np.diff(pelvis.time_s) == pytest.approx(np.full(len(pelvis) - 1, 0.01))
    steps = pelvis.acc / (16.0 * G0 / 32768.0)
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert np.linalg.norm(pelvis.acc[:300], axis=1).mean() == pytest.approx(G0, abs=0.15)


@pytest.mark.parametrize("upside_down", [False, True])
def test_stated_mounting_is_how_the_sensor_sits(upside_down):
    script = Script(0)
    script.stand(1.0)
    flipped = BODY_PLACEMENTS if upside_down else ()
    athlete = SimulatedAthlete(script, 0, ideal=True, sway=0.0, upside_down=flipped, state_mounting=True)
    for sensor in athlete.session.sensors:
        acc = athlete.plain()[sensor.key].acc[50]
        assert acc @ sensor.mounting.up_axis == pytest.approx(G0, abs=0.01)
        m = Imu(athlete.motion, sensor.placement, SensorSettings(upside_down=upside_down)).mounting
        # left is -Z of the segment; thighs face half forward
        assert -(m @ sensor.mounting.left_axis)[2] > 0.8


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="unknown scenario 'yoga'"):
        SimulatedAthlete("yoga")
    with pytest.raises(ValueError, match="only training"):
        SimulatedAthlete("demo", duration_s=100.0)
    with pytest.raises(ValueError, match="1 to 18"):
        DeviceSettings(samples_per_packet=19)
    with pytest.raises(ValueError, match="not possible"):
        Outage(5.0, 4.0)
    with pytest.raises(ValueError, match="falls into an outage"):
        SimulatedAthlete("demo", outages=[Outage(10.0, 20.0)], reboots=[Reboot(15.0, "pelvis")]).kit()


@pytest.mark.slow
def test_ten_minutes_of_four_sensors_are_made_in_less_than_ten_seconds():
    begin = time.process_time()
    count = sum(isinstance(e, Packets) for e in SimulatedAthlete("training", 1, duration_s=600.0).events())
    assert count > 4 * 7000
    assert time.process_time() - begin < 10.0
