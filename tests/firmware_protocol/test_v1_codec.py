"""The decoder of protocol v1 on any stream: same result however fed, exact loss, never an exception."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import HiphingeError
from firmware_protocol import FAMILIES, codec_for
from firmware_protocol.framing import MAX_FRAME
from firmware_protocol.v1 import (
    Config,
    Demultiplexer,
    DeviceEvent,
    EventCode,
    Info,
    MalformedMessage,
    Start,
    Sync,
    UnsupportedVersion,
    V1Codec,
    V1SerialCodec,
    decode_config,
    decode_event,
    decode_info,
    decode_start,
    decode_sync,
    encode_config,
    encode_data,
    encode_event,
    encode_info,
    encode_start,
    encode_sync,
    frame_serial,
    unwrap_mux,
    wrap_mux,
)
from firmware_protocol.v1.decoder import MessageStream

RATE, PERIOD = 100.0, 10_000
CONFIG = Config.for_ranges(1, RATE)
FIELDS = ("device_time_s", "acc", "gyr", "lost", "saturated", "restart")


def data(index: int, n: int = 8, time_us: int | None = None, config: Config = CONFIG, **more: Any) -> bytes:
    acc = 0.1 * (np.arange(n)[:, None] + index % 1000) * [1, -1, 0.5]
    gyr = 0.01 * np.ones((n, 3)) * index % 1
    at = index * PERIOD if time_us is None else time_us
    return encode_data(config, index // n, index, at, (n - 1) * PERIOD, acc, gyr, **more)


def joined(blocks: list[Any]) -> list[bytes]:
    """Every field of all samples as bytes: equality is bit for bit."""
    return [b"".join(getattr(b, name).tobytes() for b in blocks) for name in FIELDS] + [
        b"".join(b.quat.tobytes() for b in blocks if b.quat is not None)
    ]


def one_by_one(codec: Any, packets: list[bytes]) -> tuple[list[Any], list[int]]:
    blocks, packet = [], []
    for i, payload in enumerate(packets):
        for block in codec.feed(payload):
            assert not block.packet.any()
            blocks.append(block)
            packet += [i] * len(block)
    return blocks, packet


def many(codec: Any, packets: list[bytes]) -> tuple[list[Any], list[int]]:
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets], np.int64))
    return blocks, [int(i) for b in blocks for i in b.packet]


# Streams as devices and radios make them: loss, repeats, reboots, other configurations, other messages, broken bytes.

configs = st.builds(Config.for_ranges, st.integers(0, 3), st.sampled_from([50.0, 100.0, 104.0]), st.sampled_from([8.0, 16.0]))


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


@given(
    st.integers(1, 30),
    st.floats(1.0, 400.0),
    st.sampled_from([2.0, 4.0, 8.0, 16.0]),
    st.sampled_from([250.0, 2000.0]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_samples_survive_within_half_a_step(
    n: int, rate: float, acc_g: float, gyr_dps: float, with_quat: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    config = Config.for_ranges(9, rate, acc_g, gyr_dps)
    acc = random.uniform(-1.2, 1.2, (n, 3)) * acc_g * 9.80665
    gyr = random.uniform(-1.2, 1.2, (n, 3)) * np.radians(gyr_dps)
    quat = random.normal(size=(n, 4))
    quat /= np.linalg.norm(quat, axis=1)[:, None]
    message = encode_data(config, 1, 5, 7, 900 * (n - 1), acc, gyr, quat=quat if with_quat else None, temperature_c=21.37)
    codec = V1Codec()
    (block,) = many(codec, [encode_config(config), message])[0]
    for got, sent, scale in ((block.acc, acc, config.acc_scale), (block.gyr, gyr, config.gyr_scale)):
        np.testing.assert_allclose(got, np.clip(sent, -32768 * scale, 32767 * scale), rtol=0, atol=0.5001 * scale)
    beyond = np.maximum(np.abs(acc).max(axis=1) / config.acc_scale, np.abs(gyr).max(axis=1) / config.gyr_scale)
    np.testing.assert_array_equal(block.saturated[beyond < 32766], False)
    np.testing.assert_array_equal(block.saturated[beyond > 32768], True)
    assert codec.facts["temperature_c"] == pytest.approx(21.37)
    assert block.rate_hz == rate
    assert (block.quat is not None) == with_quat
    if block.quat is not None:
        np.testing.assert_allclose(block.quat, quat, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(block.quat, axis=1), 1.0, atol=1e-12)


texts = st.text(max_size=40)
infos = st.builds(
    Info,
    texts,
    texts,
    texts,
    st.none() | st.integers(0, 2**32 - 1),
    st.none() | st.floats(width=32, allow_nan=False),
    st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(tuple),
    st.lists(st.integers(0, 65535), max_size=5).map(tuple),
    st.lists(st.integers(0, 65535), max_size=5).map(tuple),
    st.none() | st.integers(0, 255),
)
u16, u32, u64, i64 = (st.integers(0, 2**b - 1) for b in (16, 32, 64, 64))
i64 = st.integers(-(2**63), 2**63 - 1)


@given(
    infos,
    st.builds(Config, st.integers(0, 255), st.floats(0.1, 1e5), st.floats(1e-9, 100), st.floats(1e-9, 100)),
    st.builds(Start, u32, u64),
    st.builds(Sync, u16, u32, i64, u64, u64, i64),
    st.builds(DeviceEvent, st.integers(0, 255), u32, st.integers(-(2**31), 2**31 - 1)),
    st.binary(max_size=20),
)
def test_records_round_trip_and_ignore_what_later_revisions_add(
    info: Info, config: Config, start: Start, sync: Sync, event: DeviceEvent, more: bytes
) -> None:
    assert decode_info(encode_info(info)) == info
    assert decode_config(encode_config(config) + more) == config
    assert decode_start(encode_start(start) + more) == start
    assert decode_sync(encode_sync(sync) + more) == sync
    assert decode_event(encode_event(event) + more) == event
    for message in (encode_config(config), encode_start(start), encode_sync(sync), encode_event(event)):
        assert unwrap_mux(wrap_mux(7, message)) == (7, message)


@pytest.mark.parametrize("decode", [decode_info, decode_config, decode_start, decode_sync, decode_event, unwrap_mux])
def test_strict_decoders_say_what_is_wrong(decode: Any) -> None:
    with pytest.raises(UnsupportedVersion, match=r"version 2 .* Update hiphinge"):
        decode(b"\x01\x02" + bytes(40))
    with pytest.raises(MalformedMessage, match=r"docs/protocol-v1\.md"):
        decode(b"\x7f\x01" + bytes(40))
    with pytest.raises(MalformedMessage, match="header"):
        decode(b"\x01")


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


def test_zero_span_is_refused() -> None:
    message = bytearray(data(0))
    message[12:16] = bytes(4)
    codec = V1Codec()
    blocks, _ = many(codec, [encode_config(CONFIG), bytes(message), data(8)])
    assert dict(codec.health) == {"bad_span": 1}
    assert blocks[0].lost[0] == 8


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"acc": np.zeros((0, 3)), "gyr": np.zeros((0, 3))}, "1 to 255"),
        ({"acc": np.zeros((2, 2))}, "shapes"),
        ({"gyr": np.full((2, 3), np.nan)}, "finite"),
        ({"quat": np.zeros((3, 4))}, "shapes"),
    ],
)
def test_encoder_refuses_what_is_no_sample(change: dict[str, Any], match: str) -> None:
    arguments = {"acc": np.zeros((2, 3)), "gyr": np.zeros((2, 3))} | change
    with pytest.raises(ValueError, match=match):
        encode_data(CONFIG, 0, 0, 0, PERIOD, **arguments)


@pytest.mark.parametrize(
    "arguments", [(256, 100, 1, 1), (0, 0, 1, 1), (0, float("nan"), 1, 1), (0, 100, -1, 1), (0, 100, 1, float("inf"))]
)
def test_config_refuses_what_cannot_be_true(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"epoch|rate_hz|scale"):
        Config(*arguments)


def test_info_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="255"):
        encode_info(Info(model="m" * 256))
    with pytest.raises(ValueError, match="fit"):
        encode_info(Info(battery_percent=300))


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


def test_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(HiphingeError, match=r"unknown sensor family 'wiimote'.*hiphinge-v1, hiphinge-v1-serial"):
        codec_for("wiimote")


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


@pytest.mark.parametrize(("norm", "bad"), [(0.91, 0), (0.89, 1)])
def test_a_quaternion_is_one_within_a_tenth(norm: float, bad: int) -> None:
    quat = np.tile([0.6 * norm, 0.0, 0.8 * norm, 0.0], (8, 1))
    codec = V1Codec()
    (block,) = many(codec, [encode_config(CONFIG), data(0, quat=quat)])[0]
    assert codec.health.get("bad_quaternion", 0) == 8 * bad
    assert block.quat is not None
    if bad:
        assert np.isnan(block.quat).all()
    else:
        np.testing.assert_allclose(block.quat, np.tile([0.6, 0.0, 0.8, 0.0], (8, 1)), atol=1e-4)


def test_a_quaternion_longer_than_one_by_a_tenth_is_none() -> None:
    for norm, bad in ((1.09, 0), (1.11, 8)):
        codec = V1Codec()
        many(codec, [encode_config(CONFIG), data(0, quat=np.full((8, 4), norm / 2.0))])
        assert codec.health.get("bad_quaternion", 0) == bad


def test_temperature_is_in_hundredths_of_a_degree() -> None:
    """docs/protocol-v1.md: i16 at the end of the message."""
    codec = V1Codec()
    message = data(0, temperature_c=30.25)
    assert message[-2:] == (3025).to_bytes(2, "little")
    many(codec, [encode_config(CONFIG), message])
    assert codec.facts["temperature_c"] == pytest.approx(30.25)


def test_a_run_of_more_than_256_packets_is_as_good_as_one_by_one() -> None:
    packets = [encode_config(CONFIG), *(data(8 * i) for i in range(600))]
    assert joined(many(V1Codec(), packets)[0]) == joined(one_by_one(V1Codec(), packets)[0])


@pytest.mark.parametrize(("raw", "saturated"), [(32766, False), (32767, True), (-32766, False), (-32767, True), (-32768, True)])
def test_saturated_at_the_end_of_the_range(raw: int, saturated: bool) -> None:
    codec = V1Codec()
    unit = Config(1, RATE, 1.0, 1.0)
    values = np.zeros((2, 3))
    values[1, 2] = raw
    message = encode_data(unit, 0, 0, 0, PERIOD, values, np.zeros((2, 3)))
    (block,) = many(codec, [encode_config(unit), message])[0]
    assert block.saturated.tolist() == [False, saturated]


def test_what_came_before_its_configuration_is_lost_and_counted() -> None:
    """Two messages of an unknown epoch, then the configuration: their 16 samples are missing before the next."""
    codec = V1Codec()
    (block,) = many(codec, [data(0), data(8), encode_config(CONFIG), data(16)])[0]
    assert dict(codec.health) == {"unknown_epoch": 2}
    assert (block.lost[0], block.restart[0]) == (16, False)


@pytest.mark.parametrize(("said", "told"), [(-400.0, -327.68), (400.0, 327.67), (-327.68, -327.68)])
def test_a_temperature_beyond_the_field_is_held_at_its_end(said: float, told: float) -> None:
    codec = V1Codec()
    many(codec, [encode_config(CONFIG), data(0, temperature_c=said)])
    assert codec.facts["temperature_c"] == pytest.approx(told)


@pytest.mark.parametrize("percent", [0, 1, 55, 100])
def test_all_that_a_device_says_of_itself_survives_the_round_trip(percent: int) -> None:
    info = Info("HH-1", "0042", "1.2.3", 7, 20.0, (50.0, 100.0), (8, 16), (500, 2000), percent)
    assert decode_info(encode_info(info)) == info
    codec = V1Codec()
    many(codec, [encode_info(info)])
    assert codec.facts["battery_percent"] == percent


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
