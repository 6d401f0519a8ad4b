"""The decoder of protocol v1 on any stream: same result however fed, exact loss, never an exception."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocol import FAMILIES, codec_for
from firmware_protocol.framing import MAX_FRAME
from firmware_protocol.v1 import (
    Config,
    Demultiplexer,
    DeviceEvent,
    EventCode,
    Info,
    Sync,
    V1Codec,
    V1SerialCodec,
    encode_config,
    encode_data,
    encode_event,
    encode_info,
    encode_sync,
    frame_serial,
    wrap_mux,
)
from firmware_protocol.v1.decoder import MessageStream
from tests.firmware_protocol.v1.packets import (
    CONFIG,
    PERIOD,
    RATE,
    configs,
    data,
    joined,
    many,
    one_by_one,
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    packets = [encode_info(Info(boot_id=0)), encode_config(CONFIG)]
    index, boot, config, n, kinds = draw(st.sampled_from([0, 2**32 - 50, 70_000])), 0, CONFIG, 8, {}
    time_us = draw(st.sampled_from([0, 2**32 - 60_000]))
    actions = st.sampled_from("ddddddddddglrbeqtiux")
    for action in draw(st.lists(actions, max_size=40)):
        if action == "d":
            packets.append(data(index, n, time_us, config, **kinds))
        elif action == "g":
            skipped = draw(st.sampled_from([8, 800, 5_000_000]))
            index, time_us = index + skipped, time_us + skipped * PERIOD
        elif action == "l":
            packets.append(draw(st.sampled_from(packets)))
        elif action == "r":
            index, time_us = 0, draw(st.integers(0, 10**7))
        elif action == "b":
            boot += 1
            packets += [encode_info(Info(boot_id=boot)), encode_config(config)]
            index, time_us = 0, 1000
        elif action == "e":
            config = draw(configs)
            if draw(st.booleans()):
                packets.append(encode_config(config))
        elif action == "q":
            n = draw(st.integers(1, 18))
        elif action == "t":
            kinds = draw(st.sampled_from([{}, {"temperature_c": 30.0}, {"overrun": True}]))
        elif action == "i":
            packets.append(encode_event(DeviceEvent(draw(st.integers(0, 6)), 5, 50)))
        elif action == "u":
            packets.append(draw(st.binary(max_size=40)))
        else:
            broken = bytearray(packets[-1] or b"?")
            broken[draw(st.integers(0, len(broken) - 1))] ^= draw(st.integers(1, 255))
            packets.append(bytes(broken))
        if action == "d":
            index, time_us = index + n, time_us + n * PERIOD
    return packets


@given(streams(), st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_many_at_once_is_bit_for_bit_one_by_one(packets: list[bytes], sizes: list[int]) -> None:
    single, whole, parts = V1Codec(), V1Codec(), V1Codec()
    blocks, packet = one_by_one(single, packets)
    blocks_whole, packet_whole = many(whole, packets)
    blocks_parts, at = [], 0
    while at < len(packets):
        blocks_parts += many(parts, packets[at : at + sizes[at % len(sizes)]])[0]
        at += sizes[at % len(sizes)]
    assert joined(blocks) == joined(blocks_whole) == joined(blocks_parts)
    assert packet == packet_whole
    assert [b.rate_hz for b in blocks for _ in range(len(b))] == [b.rate_hz for b in blocks_whole for _ in range(len(b))]
    assert dict(single.health) == dict(whole.health) == dict(parts.health)
    assert dict(single.facts) == dict(whole.facts) == dict(parts.facts)


@given(streams(), st.integers(1, 200))
@settings(max_examples=40)
def test_serial_line_gives_what_radio_gives(packets: list[bytes], cut: int) -> None:
    packets = [p for p in packets if p]
    stream = b"".join(map(frame_serial, packets))
    pieces = [stream[i : i + cut] for i in range(0, len(stream), cut)]
    expected = joined(one_by_one(V1Codec(), packets)[0])
    assert joined(many(V1SerialCodec(), pieces)[0]) == expected
    assert joined(one_by_one(V1SerialCodec(), pieces)[0]) == expected


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.sampled_from([0, 2**32 - 100]), st.sampled_from([0, 2**32 - 9]))
def test_loss_and_time_are_exact(gaps: list[int], first_index: int, first_time: int) -> None:
    """Samples received and lost add up to the index, and the clock keeps its length, over both wraps."""
    index, packets, truth = first_index, [encode_config(CONFIG)], []
    for i, gap in enumerate(gaps):
        index += 8 * gap * (i > 0)
        truth.append(index)
        packets.append(data(index, 8, first_time + (index - first_index) * PERIOD))
        index += 8
    blocks, _ = many(V1Codec(), packets)
    lost = np.concatenate([b.lost for b in blocks])
    time = np.concatenate([b.device_time_s for b in blocks])
    got = np.arange(len(lost)) + np.cumsum(lost) + truth[0]
    expected = np.concatenate([np.arange(8) + i for i in truth])
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(time, (first_time + (expected - first_index) * PERIOD) / 1e6, rtol=0, atol=1e-6)


@pytest.mark.parametrize("hours", [0.5, 1.3, 5, 30, 300])
@pytest.mark.parametrize("ppm", [-200, 200])
def test_long_silence_keeps_its_length(hours: float, ppm: int) -> None:
    silence = int(hours * 3600 * RATE)
    elapsed = round(silence * PERIOD * (1 + ppm * 1e-6))
    (first, last) = many(V1Codec(), [encode_config(CONFIG), data(0), data(8 + silence, 8, 80_000 + elapsed)])[0][
        0
    ].device_time_s[[0, 8]]
    assert last - first == pytest.approx((80_000 + elapsed) / 1e6, abs=1e-6)


@given(st.lists(st.binary(max_size=64), max_size=30), st.booleans())
def test_arbitrary_bytes_never_raise(chunks: list[bytes], headed: bool) -> None:
    for family in FAMILIES:
        codec = codec_for(family)
        codec.feed(encode_config(CONFIG) if family == "hiphinge-v1" else frame_serial(encode_config(CONFIG)))
        for chunk in chunks:
            payload = b"\x03\x01" + chunk if headed else chunk
            codec.feed(payload)
            codec.feed(frame_serial(payload + b"!"))
        codec.feed_packets(b"".join(chunks), np.array([len(c) for c in chunks], np.int64))
        assert codec.pending <= MAX_FRAME
    demultiplexer = Demultiplexer()
    for chunk in chunks:
        demultiplexer.feed(chunk)
        demultiplexer.feed(b"\0" + frame_serial(b"\x07\x01" + chunk))
    assert demultiplexer.pending <= MAX_FRAME


def test_counts_and_facts_stay_few_whatever_comes() -> None:
    codec = V1Codec()
    for seed in range(3000):
        random = np.random.default_rng(seed)
        codec.feed(bytes([random.integers(0, 9), 1]) + random.bytes(random.integers(0, 60)))
    assert len(codec.health) < 20
    assert len(codec.facts) < 16
    assert all(len(str(v)) < 2000 for v in codec.facts.values())


def test_worst_stream_of_repeats_is_not_slow() -> None:
    packets = [encode_config(CONFIG), data(0)] + [data(0)] * 3000
    codec = V1Codec()
    blocks, _ = many(codec, packets)
    assert sum(map(len, blocks)) == 8
    assert codec.health["repeated"] == 3000


@pytest.mark.parametrize("bytes_after", [b"\x04", b"\x04\x04\x00", b"\x04\x02\x00\x00", b"\x06\x03abc", b"\x09\x00"])
def test_broken_info_is_counted(bytes_after: bytes) -> None:
    codec = V1Codec()
    codec.feed(b"\x01\x01" + bytes_after)
    assert dict(codec.health) == {"length": 1}


def test_gateway_stream_is_split_and_decoded_by_sensor() -> None:
    packets = [encode_config(CONFIG), data(0), data(8)]
    stream = frame_serial(encode_info(Info(model="gateway")))
    for message in packets:
        stream += frame_serial(wrap_mux(1, message)) + frame_serial(wrap_mux(2, message))
    demultiplexer = Demultiplexer()
    found = [m for i in range(0, len(stream), 11) for m in demultiplexer.feed(stream[i : i + 11])]
    assert [number for number, _ in found] == [None, 1, 2, 1, 2, 1, 2]
    for number in (1, 2):
        assert [m for k, m in found if k == number] == packets
    wrapped = [wrap_mux(5, p) for p in packets]
    assert joined(many(V1Codec(5), wrapped)[0]) == joined(many(V1Codec(), packets)[0])
    ignoring = V1Codec()
    assert many(ignoring, wrapped)[0] == []
    assert dict(ignoring.health) == {"other_sensor": 3}


def test_nested_mux_is_counted_not_followed() -> None:
    nested = b"\x07\x01\x05\x00" * 300 + data(0)
    codec = V1Codec(5)
    assert codec.feed(nested) == []
    assert dict(codec.health) == {"nested_mux": 1}
    with pytest.raises(ValueError, match="not wrapped again"):
        wrap_mux(1, nested)


def test_changed_factors_within_an_epoch_are_counted_and_the_newer_hold() -> None:
    codec = V1Codec()
    other = replace(CONFIG, acc_scale=1.0)
    blocks = one_by_one(codec, [encode_config(CONFIG), encode_config(other), encode_config(other), data(0, config=other)])[0]
    assert dict(codec.health) == {"config_changed_in_epoch": 1}
    assert blocks[0].acc[3, 0] == 0.0  # 0.3 m/s² is less than half a step of 1 m/s²


def test_a_clock_that_falls_back_while_the_index_goes_on_is_a_restart() -> None:
    codec = V1Codec()
    blocks, _ = many(codec, [encode_config(CONFIG), data(1000), data(1016, 8, 500)])
    assert [b.restart[0] for b in blocks] == [False, True]
    assert blocks[1].device_time_s[0] == 0.0005
    assert blocks[1].lost[0] == 0


def test_a_pause_with_the_index_going_on_is_no_loss() -> None:
    codec = V1Codec()
    blocks, _ = many(codec, [encode_config(CONFIG), data(0), data(8, 8, 600_000_000)])
    time = np.concatenate([b.device_time_s for b in blocks])
    assert time[8] == 600.0
    assert not np.concatenate([b.lost for b in blocks]).any()
    assert not codec.health


def test_an_event_tells_battery_button_and_overrun() -> None:
    codec = V1Codec()
    for code, value in ((EventCode.BATTERY, 41), (EventCode.BUTTON, 1), (EventCode.OVERRUN, 3), (EventCode.TAP, 0), (99, 0)):
        codec.feed(encode_event(DeviceEvent(code, 5, value)))
    assert codec.facts["battery_percent"] == 41.0
    assert dict(codec.health) == {"button": 1, "overrun": 1, "tap": 1, "unknown_event": 1}


@pytest.mark.parametrize("lengths", [[3], [4, 1], [-1, 5]])
def test_lengths_that_do_not_add_up_are_the_callers_mistake(lengths: list[int]) -> None:
    for family in FAMILIES:
        with pytest.raises(ValueError, match="lengths"):
            codec_for(family).feed_packets(b"1234", np.array(lengths, np.int64))


def test_nothing_in_nothing_out() -> None:
    for family in FAMILIES:
        codec = codec_for(family)
        assert codec.family == family
        assert codec.feed(b"") == []
        assert codec.feed_packets(b"", np.zeros(0, np.int64)) == []
        assert not codec.health
        assert not codec.facts
        assert codec.pending == 0


def _answer(device_us: int, boot_id: int = 7, held_us: int = 40) -> bytes:
    return encode_sync(Sync(3, boot_id, 1_000_000_000, device_us, device_us + held_us))


def test_answers_for_the_clock_are_on_the_clock_of_the_samples():
    config = Config.for_ranges(1, 100.0)
    values = np.zeros((8, 3))
    info = encode_info(Info("m", "s", "f", 7))

    def data(i: int) -> bytes:
        return encode_data(config, i, 8 * i, (2**32 - 50_000 + 80_000 * i) % 2**32, 70_000, values, values)

    # the device has run for 71.6 minutes and a bit; its samples say the low 32 bits
    since = 2**32 - 50_000 + 80_000 * 2 + 5_000
    packets = [info, encode_config(config), _answer(123), data(0), data(1), data(2), _answer(since + 2**33)]
    codec = V1Codec()
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets]))
    (probe,) = codec.probes()
    assert (probe.packet, probe.host_sent_ns, probe.held_ns) == (6, 1_000_000_000, 40_000)
    last = blocks[-1].device_time_s
    assert last is not None
    assert probe.device_s - last[-8] == pytest.approx(0.005, abs=1e-6)
    assert codec.probes() == []
    # of another boot, without an answer, or held for too long
    codec.feed(_answer(since + 2**33, boot_id=8))
    codec.feed(encode_sync(Sync(3, 7, 1_000_000_000)))
    codec.feed(_answer(since + 2**33, held_us=60_000_000))
    assert codec.probes() == []
    assert codec.health == {"bad_sync": 1}
    # one by one it is the same
    single = V1Codec()
    found = []
    for packet in packets:
        single.feed(packet)
        found += single.probes()
    assert [p._replace(packet=6) for p in found] == [probe]


@pytest.mark.parametrize(("back", "repeated"), [(200, True), (201, False)])
def test_a_packet_is_late_by_2_seconds_at_most(back: int, repeated: bool) -> None:
    codec = V1Codec()
    many(codec, [encode_config(CONFIG), data(1000), data(1000 - back)])
    assert dict(codec.health) == ({"repeated": 1} if repeated else {"restart": 1})


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("off_us", "repeated"), [(100_000, True), (100_001, False)])
def test_the_time_of_a_late_packet_agrees_to_a_tenth_of_a_second(off_us: int, repeated: bool, sign: int) -> None:
    codec = V1Codec()
    many(codec, [encode_config(CONFIG), data(1000), data(900, 8, 900 * PERIOD + sign * off_us)])
    assert dict(codec.health) == ({"repeated": 1} if repeated else {"restart": 1})


@pytest.mark.parametrize(("back_us", "restart"), [(99_999, False), (100_000, True)])
def test_a_clock_that_falls_back_by_a_tenth_of_a_second_was_started_anew(back_us: int, restart: bool) -> None:
    """Behind the end of the last packet, seven periods after its beginning."""
    codec = V1Codec()
    many(codec, [encode_config(CONFIG), data(1000), data(1008, 8, 1007 * PERIOD - back_us)])
    assert dict(codec.health) == ({"restart": 1} if restart else {})


@pytest.mark.parametrize(("held_us", "answers"), [(10_000_000, 1), (10_000_001, 0)])
def test_an_answer_is_held_for_10_seconds_at_most(held_us: int, answers: int) -> None:
    codec = V1Codec()
    many(codec, [encode_config(CONFIG), data(0)])
    codec.feed(_answer(50_000, held_us=held_us))
    assert len(codec.probes()) == answers


def test_a_run_of_more_than_256_packets_is_as_good_as_one_by_one() -> None:
    packets = [encode_config(CONFIG), *(data(8 * i) for i in range(600))]
    assert joined(many(V1Codec(), packets)[0]) == joined(one_by_one(V1Codec(), packets)[0])


def test_what_came_before_its_configuration_is_lost_and_counted() -> None:
    """Two messages of an unknown epoch, then the configuration: their 16 samples are missing before the next."""
    codec = V1Codec()
    (block,) = many(codec, [data(0), data(8), encode_config(CONFIG), data(16)])[0]
    assert dict(codec.health) == {"unknown_epoch": 2}
    assert (block.lost[0], block.restart[0]) == (16, False)


def test_long_runs_with_breaks_anywhere_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    packets = [encode_config(CONFIG)]
    index = time_us = 0
    for _ in range(2500):
        kind = rng.integers(400)
        if kind < 3:
            packets.append(encode_config(CONFIG))
        elif kind < 6:
            # the count begins anew
            index, time_us = 0, int(rng.integers(1 << 31))
        elif kind == 6 and len(packets) > 2:
            packets.append(packets[-2])
        n = 2 if kind == 7 else 1
        packets.append(data(index, n, time_us, temperature_c=20.0 if kind == 8 else None))
        index, time_us = index + n + (5 if kind == 9 else 0), time_us + n * PERIOD
    singly = V1Codec()
    blocks, packet = one_by_one(singly, packets)
    whole = V1Codec()
    at_once = whole.feed_packets(b"".join(packets), np.array([len(p) for p in packets]))
    assert joined(at_once) == joined(blocks)
    assert np.concatenate([b.packet for b in at_once]).tolist() == packet
    assert whole.health == singly.health
    assert whole.facts == singly.facts
    assert len(at_once) < 150


def test_a_stream_in_which_nothing_follows_on_costs_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    accept = MessageStream._accept
    monkeypatch.setattr(
        MessageStream, "_accept", lambda self, run, *rest: looked_at.append(len(run)) or accept(self, run, *rest)
    )
    # one and the same message again and again is dropped each time
    packets = [encode_config(CONFIG), *[data(0, 1)] * 4000]
    codec = V1Codec()
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets]))
    assert sum(map(len, blocks)) == 1
    assert codec.health["repeated"] == 3999
    assert sum(looked_at) < 4000 * 300
