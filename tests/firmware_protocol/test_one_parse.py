"""One parse per family: what the reader of single packets shows is what the codec gives to the engine, whatever the bytes."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.codec_streams import STREAMS, Stream
from body_signals.blocks import Floats
from firmware_protocol import DEVICE_FAMILIES, Codec, codec_for
from firmware_protocol.families.movella_dot import SAMPLE_MODES, encode_sample
from firmware_protocol.families.movesense import IMU_REF
from firmware_protocol.families.polar_pmd import encode_answer
from firmware_protocol.families.shimmer3.calibration import default_acc, default_gyr
from firmware_protocol.families.witmotion.serial import OUR_CONTENT
from firmware_protocol.packets import Fields, Packet
from firmware_protocol.v1 import (
    Config,
    DeviceEvent,
    EventCode,
    Info,
    Setup,
    Start,
    Sync,
    V1Codec,
    encode_config,
    encode_data,
    encode_event,
    encode_info,
    encode_setup,
    encode_start,
    encode_sync,
    wrap_mux,
)

DROPPED = ("repeated", "unpaired")
"""What only the codec drops: a reader shows every packet."""
WITHOUT_QUATERNION = ("movella-dot", "witmotion-serial")
"""Whose codec keeps a sample whose quaternion is none, while the reader refuses the packet."""
SAME_CLOCK_S = {"phyphox": 0.51e-6}
"""By how much times may differ, s: its codec keeps a float's time in µs. Elsewhere by no more than a rounded nanosecond."""


def reader_config(stream: Stream) -> dict[str, Any]:
    """What a reader must be told to know of the bytes what the codec knows."""
    config: dict[str, Any] = {"rate_hz": stream.rate_hz, **stream.config}
    if stream.family == "movesense":
        config |= {"path": f"/Meas/IMU6/{stream.rate_hz:.0f}", "ref": IMU_REF}
    elif stream.family == "movella-dot":
        config |= {"payload_mode": 26, "characteristic": "2002"}
    elif stream.family == "witmotion-serial":
        config |= {"group": True, "rsw": OUR_CONTENT}
    elif stream.family == "thingy52":
        config |= {"characteristic": "0406"}
    elif stream.family == "shimmer3":
        config.setdefault("channels", ",".join(f"{sensor}_{axis}" for sensor in ("ACCEL_LN", "GYRO") for axis in "XYZ"))
    return config


def shown(stream: Stream, packets: list[Packet]) -> list[Fields]:
    """The samples among what a reader shows."""
    if stream.family == "witmotion-serial":
        return [packet.sample for packet in packets if packet.sample is not None]
    if stream.family == "shimmer3":
        calibrations = {
            "acc": ("ACCEL_LN", default_acc()),
            "gyr": ("GYRO", default_gyr(float(str(stream.config["gyr_range_dps"])))),
        }
        return [
            {"t": packet.fields["t"]}
            | {
                name: list(calibration.applied(tuple(packet.fields["raw"][f"{sensor}_{axis}"] for axis in "XYZ")))
                for name, (sensor, calibration) in calibrations.items()
            }
            for packet in packets
            if "raw" in packet.fields
        ]
    fields = [packet.fields for packet in packets]
    if stream.family == "metamotion":
        kinds = [[one for one in fields if name in one] for name in ("acc", "gyr")]
        return [acc | gyr for acc, gyr in zip_longest(*kinds, fillvalue={})]
    return [one for one in fields if "acc" in one]


def given_by(codec: Codec, packets: list[bytes]) -> list[Fields]:
    """The samples of a codec in the form of a reader's."""
    samples = []
    for packet in packets:
        for block in codec.feed(packet):
            arrays = {"acc": block.acc, "gyr": block.gyr, "quat": block.quat, "t": block.device_time_s}
            there = {name: array for name, array in arrays.items() if array is not None}
            samples += [{name: array[i].tolist() for name, array in there.items()} for i in range(len(block))]
    return samples


def in_order(some: list[Any], of_all: list[Any]) -> bool:
    """Whether `some` are among `of_all`, in their order."""
    rest = iter(of_all)
    return all(one in rest for one in some)


def assert_agreement(stream: Stream, packets: list[bytes]) -> None:
    make = DEVICE_FAMILIES[stream.family].reader
    assert make is not None
    reader, codec = make(reader_config(stream)), stream.codec()
    seen = shown(stream, [packet for data in packets for packet in reader.read(data)])
    got = given_by(codec, packets)
    if stream.family in WITHOUT_QUATERNION:
        got = [one for one in got if not any(map(math.isnan, one["quat"]))]
    unpaired = stream.family == "metamotion" and codec.pending
    if unpaired or any(word in codec.health for word in DROPPED):
        for name in ("acc", "gyr"):  # each by itself: what has lost its partner is dropped from one of them
            assert in_order([one.get(name) for one in got], [one.get(name) for one in seen])
        return
    for name in ("acc", "gyr"):
        assert [one.get(name) for one in got] == [one.get(name) for one in seen]
    for one, other in zip(got, seen, strict=True):
        if "quat" in one and "quat" in other:
            quat = np.array(other["quat"])
            np.testing.assert_allclose(one["quat"], quat / np.linalg.norm(quat), atol=1e-12)
        if "t" in one and "t" in other and "bad_quaternion" not in codec.health:
            assert one["t"] == pytest.approx(other["t"], rel=1e-12, abs=SAME_CLOCK_S.get(stream.family, 0.51e-9))


@pytest.mark.parametrize("family", STREAMS)
def test_sound_bytes(family: str) -> None:
    stream = STREAMS[family](104, 100.0)
    assert_agreement(stream, stream.packets)


@pytest.mark.parametrize("family", STREAMS)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_bytes_with_faults(family: str, data: st.DataObject) -> None:
    """Bytes are exchanged, cut off or come twice: values anywhere in their range, NaN, stamps that leap, cut frames."""
    stream = STREAMS[family](26, 100.0)
    packets = [bytearray(packet) for packet in stream.packets]
    for _ in range(data.draw(st.integers(1, 6))):
        packet = data.draw(st.sampled_from(packets))
        if packet:
            packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.sampled_from((0x00, 0x7F, 0x80, 0xC0, 0xFF)))
    cut = data.draw(st.sampled_from(packets))
    del cut[len(cut) - data.draw(st.integers(0, 3)) :]
    assert_agreement(stream, [bytes(packet) for packet in packets])


def test_a_dot_increment_that_is_no_quaternion_is_no_sample() -> None:
    """Reader and codec alike, in every mode of increments."""
    for mode in (18, 19):
        assert mode in SAMPLE_MODES
        sound, none = ({"dv": [0.16, 0.0, 0.0], "dq": [1.0, 0.0, 0.0, z]} for z in (0.0, 1.0))
        notifications = [encode_sample(mode, 16_667 * i, values) for i, values in enumerate((sound, none, sound))]
        reader = DEVICE_FAMILIES["movella-dot"].reader({"payload_mode": mode, "characteristic": "2003"})  # type: ignore[misc]
        codec = codec_for("movella-dot", {"payload_mode": mode}, 60.0)
        assert len([packet for data in notifications for packet in reader.read(data)]) == 2
        acc: list[Floats] = [row for data in notifications for block in codec.feed(data) for row in block.acc]
        assert len(acc) == 2
        assert dict(codec.health) == dict(reader.health.counts) == {"bad_quaternion": 1}


def test_an_answer_that_is_cut_off_is_counted_by_both() -> None:
    """What is wrong is counted, also where it is no sample."""
    reader, codec = DEVICE_FAMILIES["polar-pmd"].reader({}), codec_for("polar-pmd")  # type: ignore[misc]
    answer = encode_answer(2, factor=2.44e-4)[:3]
    assert reader.read(answer) == codec.feed(answer) == []
    assert dict(codec.health) == dict(reader.health.counts) == {"truncated": 1}


MESSAGES = {
    "info": encode_info(Info(model="HH-1", boot_id=7, rates_hz=(100.0,))),
    "config": encode_config(Config.for_ranges(1, 100.0)),
    "start": encode_start(Start(7, 0)),
    "setup": encode_setup(Setup(100.0, 16, 2000)),
    "sync": encode_sync(Sync(1, 7, 10)),
    "event": encode_event(DeviceEvent(EventCode.BATTERY, 0, 80)),
    "mux": wrap_mux(3, encode_event(DeviceEvent(EventCode.BATTERY, 0, 80))),
    "data": encode_data(Config.for_ranges(1, 100.0), 0, 0, 0, 0, np.zeros((1, 3)), np.zeros((1, 3))),
    "unknown": bytes((0x7E, 1, 0, 0)),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_of_any_length_is_refused_by_both_or_by_neither(kind: str) -> None:
    """Protocol v1, also the messages that only a host says."""
    for end in range(1, len(MESSAGES[kind]) + 1):
        for version in (1, 2):
            message = MESSAGES[kind][:1] + bytes((version,)) + MESSAGES[kind][2:]
            reader, codec = DEVICE_FAMILIES["hiphinge-v1"].reader({}), V1Codec(sensor_number=3)  # type: ignore[misc]
            reader.read(message[:end])
            codec.feed(message[:end])
            assert dict(codec.health) == dict(reader.health.counts), end
