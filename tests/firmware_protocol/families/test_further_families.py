"""Thingy:52, MetaMotion, Polar PMD, Shimmer3 and phyphox: what the shared vectors do not say."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from body_signals.blocks import G0
from firmware_protocol import DEVICE_FAMILIES, Ask, Request, Write, codec_for, recognise_ble
from firmware_protocol.families import metamotion, phyphox, polar_pmd, thingy52
from firmware_protocol.families.shimmer3 import calibration as shimmer3_calibration
from firmware_protocol.families.shimmer3 import family as shimmer3
from firmware_protocol.families.shimmer3 import stream as shimmer3_stream
from ingest.links.kit import write_kit


def packed_differences(samples: list[tuple[int, int, int]], width: int) -> bytes:
    """A compressed body, bit by bit: the first sample, then one block of differences."""
    bits = ""
    for before, after in itertools.pairwise(samples):
        for a, b in zip(before, after, strict=True):
            bits += format((b - a) & (1 << width) - 1, f"0{width}b")[::-1] if width else ""
    bits += "0" * (-len(bits) % 8)
    body = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return struct.pack("<3h", *samples[0]) + bytes((width, len(samples) - 1)) + body


@given(
    st.lists(st.tuples(*[st.integers(-500, 500)] * 3), min_size=2, max_size=40),
    st.tuples(*[st.integers(-3000, 3000)] * 3),
)
def test_polar_differences_are_unpacked(steps: list[tuple[int, int, int]], first: tuple[int, int, int]) -> None:
    samples = [first]
    for step in steps:
        samples.append(tuple(a + b for a, b in zip(samples[-1], step, strict=True)))  # type: ignore[arg-type]
    frame = struct.pack("<BQB", 2, 2_000_000_000, 0x81) + packed_differences(samples, 10)
    reader = polar_pmd.Reader({"rate_hz": 52})
    packets = reader.read(frame)
    np.testing.assert_allclose([p.fields["acc"] for p in packets], np.array(samples) * 9.80665e-3, rtol=1e-9, atol=1e-9)
    assert packets[-1].fields["t"] == pytest.approx(2.0)
    assert not reader.health.counts
    # in g, by the factor of the settings; and cut off
    scaled = polar_pmd.Reader({"rate_hz": 52, "factor": 2.44e-4}).read(frame[:9] + b"\x80" + frame[10:])
    np.testing.assert_allclose([p.fields["acc"] for p in scaled], np.array(samples) * 2.44e-4 * 9.80665, atol=1e-9)
    assert reader.read(frame[:-1]) == []
    assert reader.health.counts == {"length": 1}


def test_polar_differences_of_no_bits_repeat_the_first() -> None:
    frame = struct.pack("<BQB", 2, 1, 0x81) + packed_differences([(1, 2, 3)] * 4, 0)
    assert len(polar_pmd.Reader({}).read(frame)) == 4


def test_polar_takes_as_many_samples_as_a_frame_may_have_and_no_more() -> None:
    whole = struct.pack("<BQB", 2, 1, 0x81) + struct.pack("<3h", 1, 2, 3)
    # blocks without bits of 255, 255 and one sample
    most = whole + bytes((0, 255)) * 2 + bytes((0, 1))
    assert len(polar_pmd.Reader({}).read(most)) == polar_pmd.MOST_SAMPLES
    reader = polar_pmd.Reader({})
    assert reader.read(most + bytes((0, 1))) == []
    assert reader.health.counts == {"length": 1}


def test_polar_refusals_name_the_remedy() -> None:
    codec = polar_pmd.PolarPmdCodec()
    assert codec.feed(bytes((0xF0, 2, 2, 0))) == []
    assert not codec.health
    codec.feed(bytes((0xF0, 2, 2, 6)))
    assert "status 6" in str(codec.facts["refused"])


def test_a_polar_that_streams_already_has_no_numbers_until_it_says_its_factor() -> None:
    frame = struct.pack("<BQB3h", 2, 10**9, 0x80, 1000, 2000, 4000)
    codec = polar_pmd.PolarPmdCodec(52.0)
    codec.feed(polar_pmd.encode_answer(2, status=6))
    assert codec.feed(frame) == []
    assert codec.health["no_factor"] == 1
    assert "streaming already" in str(codec.facts["refused"])
    # what it is asked at each start: to stop, and to start anew
    asked = [step.payload for step in polar_pmd.POLAR_PMD.start(Request(rate_hz=52.0)) if isinstance(step, Write)]
    assert asked == [polar_pmd.encode_stop(), polar_pmd.encode_start(52.0, 8.0)]
    codec.feed(polar_pmd.encode_answer(3, status=3))
    codec.feed(polar_pmd.encode_answer(2, factor=2.5e-4))
    assert "refused" not in codec.facts
    (block,) = codec.feed(struct.pack("<BQB3h", 2, 2 * 10**9, 0x80, 1000, 2000, 4000))
    np.testing.assert_allclose(block.acc, [[0.25 * G0, 0.5 * G0, G0]])
    # an accepted start without a factor means 1, and the configuration may say it
    plain = polar_pmd.PolarPmdCodec(52.0)
    plain.feed(polar_pmd.encode_answer(2))
    assert len(plain.feed(struct.pack("<BQB3h", 2, 10**9, 0x80, 0, 0, 1))) == 1
    stated = codec_for("polar-pmd", {"factor": 2.5e-4}, 52.0)
    (block,) = stated.feed(frame)
    np.testing.assert_allclose(block.acc[0, 2], G0)


def test_polar_samples_lie_evenly_between_two_frames_whatever_the_true_rate() -> None:
    """A strap at 52 Hz samples at 51.2 Hz; ten samples a frame."""
    codec = polar_pmd.PolarPmdCodec(52.0)
    step_ns = round(10e9 / 51.2)
    still = np.tile([0.0, 0.0, G0], (10, 1))
    blocks = [block for k in range(1, 6) for block in codec.feed(polar_pmd.encode_frame(10**9 + k * step_ns, still))]
    times = np.concatenate([block.device_time_s for block in blocks])
    np.testing.assert_allclose(np.diff(times[10:]), 1.0 / 51.2, rtol=1e-6)
    assert np.all(np.diff(times) > 0.0)
    assert sum(int(block.lost.sum()) for block in blocks) == 0
    # after a hole the frame's own rate is not that of the hole
    (late,) = codec.feed(polar_pmd.encode_frame(10**9 + 8 * step_ns, still))
    np.testing.assert_allclose(np.diff(late.device_time_s), 1.0 / 52.0, rtol=1e-6)
    assert int(late.lost.sum()) in (19, 20, 21)


def test_polar_tells_its_factor_when_it_starts() -> None:
    """As in the maker's own tests: type 80 is in g times the factor, 81 in milli-g times the factor."""
    samples = [(1905, 27376, -29282), (2095, 27271, -29367)]
    body = packed_differences(samples, 10)
    codec = polar_pmd.PolarPmdCodec(52.0)
    assert codec.feed(polar_pmd.encode_answer(2, factor=2.44e-4)) == []
    assert codec.facts["factor"] == pytest.approx(2.44e-4)
    (block,) = codec.feed(struct.pack("<BQB", 2, 2_000_000_000, 0x80) + body)
    np.testing.assert_allclose(block.acc, np.array(samples) * 2.44e-4 * 9.80665, rtol=1e-6)
    (block,) = codec.feed(struct.pack("<BQB", 2, 2_100_000_000, 0x81) + body)
    np.testing.assert_allclose(block.acc, np.array(samples) * 2.44e-7 * 9.80665, rtol=1e-6)
    for answer in (
        bytes.fromhex("f002020000"),  # no settings
        bytes.fromhex("f00202000001"),  # an end that is none
        polar_pmd.encode_answer(2, factor=float("nan")),
        polar_pmd.encode_answer(2, factor=-1.0),
        polar_pmd.encode_answer(2, status=13, factor=0.5),
        polar_pmd.encode_answer(3, factor=0.5),
    ):
        assert polar_pmd.factor_of(answer) is None


@pytest.mark.parametrize(("kind", "size"), [(0, 1), (1, 2), (2, 3)])
def test_polar_raw_frames_have_one_to_three_bytes(kind: int, size: int) -> None:
    values = [(-9, -1, 99), (-128, 127, 0)]
    body = b"".join(v.to_bytes(size, "little", signed=True) for sample in values for v in sample)
    head = struct.pack("<BQB", 2, 2_000_000_000, kind)
    packets = polar_pmd.Reader({"rate_hz": 52, "factor": 9.0}).read(head + body)
    np.testing.assert_allclose([p.fields["acc"] for p in packets], np.array(values) * 9.80665e-3)
    assert polar_pmd.Reader({}).read(head + body[:-1]) == []


def test_polar_is_started_as_public_clients_start_it() -> None:
    family = DEVICE_FAMILIES["polar-pmd"]
    assert family.command is not None
    stopped, step = family.start(Request(52.0))
    assert isinstance(stopped, Write)
    assert isinstance(step, Write)
    assert step.payload == bytes.fromhex("0202 00013400 01011000 02010800 040103")  # Verity Sense
    assert family.command(step.payload, {}) == {
        "op": "start",
        "type": "acc",
        "rate_hz": 52,
        "resolution_bits": 16,
        "range_g": 8,
        "channels": 3,
    }
    _, step = family.start(Request(200.0))
    assert isinstance(step, Write)
    assert step.payload == bytes.fromhex("0202 0001c800 01011000 02010800")  # H10
    for wrong in ("0202 0001", "0202 000134", "0202 00023400c800", "0302 00013400", "0202 06013400", "0202 000034"):
        assert family.command(bytes.fromhex(wrong), {}) is None


def test_metamotion_pairs_again_after_a_loss() -> None:
    acc, gyr = G0 / 2048.0, np.radians(1.0) / 16.4
    codec = metamotion.MetaMotionCodec({})
    pairs = []
    for i in range(40):
        values = np.full((3, 3), 0.5 * i)
        packets = [metamotion.encode_packed(metamotion.ACC, values, acc)]
        if i not in (10, 11, 12, 13):
            packets.append(metamotion.encode_packed(metamotion.GYR, values, gyr))
        pairs += [pair for p in packets for b in codec.feed(p) for pair in zip(b.acc[:, 0], b.gyr[:, 0], strict=True)]
    apart = np.abs(np.diff(np.array(pairs), axis=1))[:, 0]
    assert apart[: 3 * 10].max() < 0.01
    # one stream stays ahead of the other by two packets at most
    assert apart.max() < 1.02
    assert codec.health == {"unpaired": 9}


def test_a_metamotion_is_asked_for_its_chips_and_spoken_to_accordingly() -> None:
    """The ranges of acceleration have other numbers in a BMI270, and its packed samples other registers."""
    steps = DEVICE_FAMILIES["metamotion"].configure(Request(100.0, 16.0, 1000.0))
    question = steps[-1]
    assert isinstance(question, Ask)
    codec = metamotion.MetaMotionCodec({})
    for chip, acc, register in (("BMI160", 0x0C, (0x1C, 0x07)), ("BMI270", 0x03, (0x05, 0x05))):
        for module in (metamotion.ACC, metamotion.GYR):
            assert codec.feed(metamotion.encode_chip(module, chip)) == []
        assert (codec.facts["accelerometer"], codec.facts["gyroscope"]) == (chip, chip)
        said = [step.payload for step in question.then(codec.facts) if isinstance(step, Write)]
        assert said[0][:2] == b"\x03\x03"
        assert said[0][3] == acc
        assert said[1] == bytes((0x13, 0x03, 0x28, 0x01))
        assert said[2:] == [bytes((0x03, register[0], 1)), bytes((0x13, register[1], 1))]
    # one that does not answer is spoken to as before
    old = [step.payload for step in question.then({}) if isinstance(step, Write)]
    assert old[0] == bytes((0x03, 0x03, 0x28, 0x0C))
    assert dict(codec.health) == {}


@pytest.mark.parametrize("chip", [metamotion.BMI160, metamotion.BMI270])
def test_packed_samples_of_either_chip_are_the_same_samples(chip: str) -> None:
    codec = metamotion.MetaMotionCodec({"acc_range_g": 8.0, "gyr_range_dps": 500.0})
    scales = G0 / metamotion.ACC_LSB[8.0], np.radians(1.0) / metamotion.GYR_LSB[500.0]
    acc, gyr = np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3) / 5.0
    assert codec.feed(metamotion.encode_packed(metamotion.ACC, acc, scales[0], chip)) == []
    (block,) = codec.feed(metamotion.encode_packed(metamotion.GYR, gyr, scales[1], chip))
    np.testing.assert_allclose(block.acc, acc, atol=scales[0])
    assert block.gyr is not None
    np.testing.assert_allclose(block.gyr, gyr, atol=scales[1])


def test_metamotion_is_asked_for_what_the_kit_says() -> None:
    family = DEVICE_FAMILIES["metamotion"]
    assert family.command is not None
    steps = family.configure(Request(200.0, 8.0, 1000.0, {"acc_range_g": 8.0, "gyr_range_dps": 1000.0}))
    assert isinstance(steps[-1], Ask)
    steps = (*steps, *steps[-1].then({}))
    said = [family.command(step.payload, {}) for step in steps if isinstance(step, Write)]
    assert {"op": "acc_config", "rate_hz": 200.0, "range_g": 8.0} in said
    assert {"op": "gyr_config", "rate_hz": 200.0, "range_dps": 1000.0} in said
    assert None not in said


@pytest.mark.parametrize("lost", [range(300, 305), range(200, 700)])
def test_shimmer_finds_its_packets_again(lost: range) -> None:
    """A byte is lost, then a packet's worth or four seconds: what follows is in step again, and nothing is made up."""
    up = np.array([0.0, 0.0, 9.81])
    packets = [shimmer3.encode_sample(1.0 + i / 128, up, np.array([i * 1e-3, 0.0, 0.0])) for i in range(1000)]
    data = b"".join(p[1:] if i == 100 else p for i, p in enumerate(packets) if i not in lost)
    codec = shimmer3.Shimmer3Codec({}, 128.0)
    blocks = [block for i in range(0, len(data), 50) for block in codec.feed(data[i : i + 50])]
    acc = np.concatenate([block.acc for block in blocks])
    gyr = np.concatenate([block.gyr for block in blocks if block.gyr is not None])
    wrong = np.abs(acc - up).max(axis=1) > 0.02
    assert np.count_nonzero(wrong) <= 2
    assert len(acc) >= 1000 - len(lost) - 12
    assert gyr[-1, 0] == pytest.approx(0.999, abs=2e-4)
    assert sum(int(block.lost.sum()) for block in blocks) >= len(lost) - 2
    assert codec.health == {"garbage": 1}


def test_shimmer_says_its_channels_and_reboots() -> None:
    codec = shimmer3.Shimmer3Codec({"channels": ["VBATT"]}, 128.0)
    zero = np.zeros(3)
    (block,) = codec.feed(shimmer3.encode_inquiry_reply(128.0) + shimmer3.encode_sample(200.0, zero, zero))
    np.testing.assert_allclose(block.acc, 0.0, atol=1e-9)
    assert codec.facts["rate_hz"] == 128.0
    (block,) = codec.feed(b"".join(shimmer3.encode_sample(0.5 + i / 128, zero, zero) for i in range(6)))
    assert block.restart.tolist() == [True] + [False] * 5
    codec = shimmer3.Shimmer3Codec({"channels": ["VBATT"]}, 128.0)
    assert codec.feed(bytes(6)) == []
    assert "switch both on" in str(codec.facts["refused"])


def test_shimmer_is_read_by_the_calibration_that_it_tells() -> None:
    values = np.array([1.0, -2.0, 9.81]), np.array([0.1, -0.2, 0.3])
    later = shimmer3_calibration.default_acc(2253.0, 92.0)
    sample = shimmer3.encode_sample(1.0, *values, acc_calibration=later)
    wrong = shimmer3.Shimmer3Codec({}, 128.0).feed(sample)[0]
    np.testing.assert_allclose(wrong.acc[0], values[0] * 92.0 / 83.0 - (2253.0 - 2047.0) / 83.0, atol=0.02)

    codec = shimmer3.Shimmer3Codec({}, 128.0)
    reply = bytes((shimmer3_stream.ACK,)) + shimmer3_calibration.encode_reply((2253.0, 92.0), 65.5)
    for byte in reply:
        assert codec.feed(bytes((byte,))) == []
    assert codec.pending == 0
    assert codec.facts["calibration"] == "the sensor's own"
    (block,) = codec.feed(sample)
    assert block.gyr is not None
    np.testing.assert_allclose(block.acc[0], values[0], atol=0.5 / 92.0)
    np.testing.assert_allclose(block.gyr[0], values[1], atol=np.radians(0.5 / 65.5))
    (packet,) = shimmer3.Reader({}).read(reply)
    assert packet.fields["calibration"]["ACCEL_LN"]["offset"] == [2253.0] * 3

    # what the kit states of the accelerometer is not overruled, and what was never calibrated stays at the default
    stated = shimmer3.Shimmer3Codec({"acc_offset": 2253.0, "acc_per_m_s2": 92.0}, 128.0)
    stated.feed(bytes((shimmer3_stream.ACK,)) + shimmer3_calibration.encode_reply((2000.0, 80.0), 65.5))
    np.testing.assert_allclose(stated.feed(sample)[0].acc[0], values[0], atol=0.5 / 92.0)
    never = shimmer3.Shimmer3Codec({}, 128.0)
    never.feed(bytes((shimmer3_stream.ACK,)) + shimmer3_calibration.encode_reply(None, None))
    assert never.facts["calibration"] == "default"
    np.testing.assert_array_equal(never.feed(sample)[0].acc, wrong.acc)


@given(st.lists(st.integers(-32000, 32000), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_a_calibration_with_turned_axes_is_undone_and_applied(raw: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    turned = np.linalg.qr(random.normal(size=(3, 3)))[0]
    calibration = shimmer3_calibration.Calibration.of(random.uniform(-3000, 3000, 3), random.uniform(50, 2000, 3), turned)
    x, y, z = raw
    np.testing.assert_allclose(calibration.undone(np.array(calibration.applied((x, y, z)))), raw, atol=1e-6)


@pytest.mark.parametrize(("at", "value"), [(7, 0x80), (13, 0x7F), (22, 0xFE), (0, 0x2C)])
def test_no_calibration_is_made_of_bytes_that_are_none(at: int, value: int) -> None:
    reply = bytearray(shimmer3_calibration.encode_reply((2253.0, 92.0), 65.5))
    assert shimmer3_calibration.told(bytes(reply)) is not None
    reply[at] = value
    if at == 22:  # bytes of FF but one
        reply[22:43] = b"\xfe" + b"\xff" * 20
    assert shimmer3_calibration.told(bytes(reply)) is None
    assert shimmer3_calibration.told(bytes(reply[:-1])) is None


def test_shimmer_is_asked_for_range_and_calibration() -> None:
    family = DEVICE_FAMILIES["shimmer3"]
    assert family.command is not None
    steps = family.configure(Request(128.0, None, 1000.0, {"gyr_range_dps": 1000.0}))
    said = [family.command(step.payload, {}) for step in steps if isinstance(step, Write)]
    assert {"op": "set_gyr_range", "range_dps": 1000.0} in said
    assert said[-1] == {"op": "get_calibration"}
    assert None not in said


def test_shimmer_takes_no_rubbish_for_a_reply() -> None:
    codec = shimmer3.Shimmer3Codec({}, 128.0)
    assert codec.feed(b"\x02" * 60) == []
    assert codec.health == {"garbage": 1}
    zero = np.zeros(3)
    (block,) = codec.feed(b"".join(shimmer3.encode_sample(1.0 + i / 128, zero, zero) for i in range(6)))
    assert len(block) >= 3
    np.testing.assert_allclose(block.acc, 0.0, atol=1e-9)


def test_phyphox_channels_are_what_the_configuration_says() -> None:
    config = {"columns": ["time", "ax", "ay", "az", "gx"], "acc_unit": "g"}
    codec = phyphox.PhyphoxCodec(config, 50.0)
    (block,) = codec.feed(phyphox.encode_channels(np.array([1.5, 0.0, 0.0, 1.0, 9.0])))
    np.testing.assert_allclose(block.acc, [[0.0, 0.0, 9.80665]])
    assert block.gyr is None
    assert block.device_time_s is not None
    assert block.device_time_s[0] == pytest.approx(1.5)
    assert codec.feed(phyphox.encode_channels(np.zeros(3))) == []
    assert codec.health == {"length": 1}
    (packet,) = phyphox.Reader(config).read(phyphox.encode_channels(np.array([1.5, 0.0, 0.0, 1.0, 9.0])))
    assert packet.fields["acc"] == [0.0, 0.0, 9.80665]
    with pytest.raises(HiphingeError, match="no channels ax"):
        phyphox.PhyphoxCodec({"columns": ["a"]})


def test_they_are_recognised() -> None:
    for name, services, family in (
        ("Thingy", [], "thingy52"),
        (None, [thingy52.CONFIGURATION_SERVICE], "thingy52"),
        ("MetaWear", [metamotion.SERVICE], "metamotion"),
        ("Polar H10 1234", [], "polar-pmd"),
        ("phyphox", [phyphox.SERVICE], "phyphox"),
        ("my sketch", [phyphox.EXPERIMENT_SERVICE], "phyphox"),
    ):
        found = recognise_ble(name, services, [])
        assert found is not None
        assert found.name == family


def test_a_kit_may_hold_them(tmp_path: Path) -> None:
    address = {"address": "C0:00:00:00:00:01"}
    entries: list[dict[str, object]] = [
        {"placement": "pelvis", "family": "thingy52", "address": "C0:00:00:00:00:02", "rate_hz": 200},
        {"placement": "lumbar", "family": "metamotion", "address": "C0:00:00:00:00:03", "range_g": 8, "range_dps": 1000},
        {"placement": "thigh_left", "family": "polar-pmd", "address": "C0:00:00:00:00:04", "rate_hz": 50},
        {"placement": "thigh_right", "family": "shimmer3", "port": "/dev/rfcomm0", "rate_hz": 128},
        {"placement": "other", "name": "bar", "family": "phyphox", **address, "config": {"columns": ["ax", "ay", "az"]}},
    ]
    kit = write_kit(tmp_path / "kit.toml", entries)
    assert [s.sensor.family for s in kit.sensors] == [e["family"] for e in entries]
    assert kit.sensors[1].sensor.config["acc_range_g"] == 8
    with pytest.raises(HiphingeError, match="no rate of 333"):
        write_kit(tmp_path / "kit.toml", [{**entries[0], "rate_hz": 333}])
    with pytest.raises(HiphingeError, match="acc_range_g of 3"):
        write_kit(tmp_path / "kit.toml", [{**entries[1], "range_g": 3}])
    with pytest.raises(HiphingeError, match="no rate of 100"):
        write_kit(tmp_path / "kit.toml", [{**entries[3], "rate_hz": 100}])


@pytest.mark.parametrize(
    ("register", "name", "count", "unit", "accuracy"),
    [
        # the maker's sensor fusion: g / 1000, degrees per second, µT, and what has no unit
        (0x04, "acc", 3, G0 / 1000.0, True),
        (0x05, "gyr", 3, np.pi / 180.0, True),
        (0x06, "mag_raw", 3, 1.0, True),
        (0x07, "quat", 4, 1.0, False),
        (0x09, "gravity", 3, 1.0, False),
        (0x0A, "lin_acc", 3, 1.0, False),
    ],
)
def test_what_a_metamotion_fuses(register: int, name: str, count: int, unit: float, accuracy: bool) -> None:
    values = (0.5, -0.5, 0.5, 0.5)[:count]
    (packet,) = metamotion.Reader({}).read(bytes((0x19, register)) + struct.pack(f"<{count}f", *values) + b"\x02" * accuracy)
    assert packet.fields[name] == pytest.approx([unit * value for value in values])
    assert ("accuracy" in packet.fields) == accuracy


def test_shimmer_names_its_channels_as_the_public_drivers_do() -> None:
    """seemoo-lab/pyshimmer, dev/channels.py: EChannelType."""
    names = [name for name, _ in shimmer3_stream.CHANNELS]
    assert names[:3] == ["ACCEL_LN_X", "ACCEL_LN_Y", "ACCEL_LN_Z"]
    at = names.index("EXG1_STATUS")
    assert names[at : at + 10] == [
        *("EXG1_STATUS", "EXG1_CH1_24BIT", "EXG1_CH2_24BIT"),
        *("EXG2_STATUS", "EXG2_CH1_24BIT", "EXG2_CH2_24BIT"),
        *("EXG1_CH1_16BIT", "EXG1_CH2_16BIT", "EXG2_CH1_16BIT", "EXG2_CH2_16BIT"),
    ]
    assert len(set(names)) == len(names)
