"""A Bluetooth WitMotion on its USB cable: frames of 20 bytes where a serial one has 11."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.blocks import G0
from firmware_protocol.families.witmotion.ble import encode_registers, encode_samples
from firmware_protocol.families.witmotion.frames import Register
from firmware_protocol.families.witmotion.serial import Reader, WitMotionSerialCodec, encode_sample

ACC = np.column_stack([np.linspace(-5.0, 5.0, 30), np.full(30, 2.0), np.full(30, G0)])
GYR = np.column_stack([np.zeros(30), np.linspace(-1.0, 1.0, 30), np.full(30, 0.5)])
WIRE = encode_samples(ACC, GYR)


@pytest.mark.parametrize("piece", [1, 7, 20, 80, 10_000])
def test_its_samples_are_those_that_the_radio_brings(piece: int) -> None:
    codec = WitMotionSerialCodec(100.0)
    blocks = [block for i in range(0, len(WIRE), piece) for block in codec.feed(WIRE[i : i + piece])]
    np.testing.assert_allclose(np.concatenate([block.acc for block in blocks]), ACC, atol=0.005)
    np.testing.assert_allclose(np.concatenate([block.gyr for block in blocks if block.gyr is not None]), GYR, atol=0.002)
    assert all(block.device_time_s is None and not block.lost_exact for block in blocks)
    assert dict(codec.health) == {}
    assert codec.pending == 0
    packets = Reader({}).read(WIRE)
    assert len(packets) == 30
    np.testing.assert_allclose(packets[3].fields["acc"], ACC[3], atol=0.005)


def test_registers_among_them_become_facts() -> None:
    codec = WitMotionSerialCodec(100.0)
    codec.feed(WIRE[:40] + encode_registers(Register.BATTERY, (396,)) + WIRE[40:])
    assert codec.facts["battery_percent"] == 100.0


def test_rubbish_and_one_frame_alone_give_no_sample() -> None:
    codec = WitMotionSerialCodec(100.0)
    assert codec.feed(WIRE[:20]) == []  # nothing follows yet
    assert codec.feed(b"\x00" * 20) == []
    assert codec.health["garbage"] == 1
    (block,) = codec.feed(WIRE)
    assert len(block) == 30


def test_frames_of_28_bytes_of_a_vibration_sensor_are_no_motion() -> None:
    codec = WitMotionSerialCodec(100.0)
    chance = np.random.default_rng(1)
    frames = [b"\x55\x61" + chance.integers(0, 0x50, 26, dtype=np.uint8).tobytes() for _ in range(50)]
    assert codec.feed(b"".join(frames)) == []
    assert codec.health["garbage"] >= 1


def test_short_frames_are_read_as_before_also_after_long_ones() -> None:
    codec = WitMotionSerialCodec(100.0, content=0x0006)
    short = b"".join(encode_sample(ACC[i], GYR[i]) for i in range(20))
    blocks = codec.feed(WIRE + short)
    assert sum(len(block) for block in blocks) == 50
    # 55 61 within the data of a short frame begins no long one
    hidden = encode_sample(np.array([0x6155 * 16.0 * G0 / 32768.0, 0.0, G0]), np.zeros(3))
    assert b"\x55\x61" in hidden
    assert sum(len(block) for block in WitMotionSerialCodec(100.0, content=0x0006).feed(hidden * 20)) == 20
