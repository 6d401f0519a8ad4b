"""The messages of protocol v1 one by one: what is written reads back, and what cannot be is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from firmware_protocol import codec_for
from firmware_protocol.v1 import (
    Config,
    DeviceEvent,
    Info,
    MalformedMessage,
    Start,
    Sync,
    UnsupportedVersion,
    V1Codec,
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
    unwrap_mux,
    wrap_mux,
)
from tests.firmware_protocol.v1.packets import (
    CONFIG,
    PERIOD,
    RATE,
    data,
    i64,
    infos,
    many,
    u16,
    u32,
    u64,
)


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


def test_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(HiphingeError, match=r"unknown sensor family 'wiimote'.*hiphinge-v1, hiphinge-v1-serial"):
        codec_for("wiimote")


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


@pytest.mark.parametrize(("raw", "saturated"), [(32766, False), (32767, True), (-32766, False), (-32767, True), (-32768, True)])
def test_saturated_at_the_end_of_the_range(raw: int, saturated: bool) -> None:
    codec = V1Codec()
    unit = Config(1, RATE, 1.0, 1.0)
    values = np.zeros((2, 3))
    values[1, 2] = raw
    message = encode_data(unit, 0, 0, 0, PERIOD, values, np.zeros((2, 3)))
    (block,) = many(codec, [encode_config(unit), message])[0]
    assert block.saturated.tolist() == [False, saturated]


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
