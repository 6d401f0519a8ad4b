"""Bytes that decode to nothing are told, with what they look like."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.blocks import G0
from firmware_protocol import Request, device_family
from firmware_protocol.families.witmotion.ble import encode_samples
from firmware_protocol.families.witmotion.serial import encode_sample, encode_time
from ingest.links.hearing import ENOUGH, Hearing

STILL = np.tile([0.3, 0.2, G0], (4, 1))


def heard(family: str, packets: list[bytes], **config: str) -> Hearing:
    hearing = Hearing(device_family(family), Request(config=config))
    for packet in packets:
        hearing.hear(packet)
    return hearing


@pytest.mark.parametrize(
    ("family", "packets", "said"),
    [
        ("witmotion-ble", [encode_samples(STILL, 0 * STILL)] * 3, True),
        ("movesense", [encode_samples(STILL, 0 * STILL)] * 3, False),
        ("text-csv", [b"x\n", b"0.1,0.2,9.8,0,0,0\r\n" * 6], True),
        ("text-csv", [b"0.1,0.2,9.8,0,0,0,\r\n"] * 50, False),
        ("witmotion-serial", [b"\x00\xff" * 50], False),
    ],
)
def test_samples_are_what_counts(family: str, packets: list[bytes], said: bool) -> None:
    hearing = heard(family, packets)
    assert hearing.understood is said
    assert hearing.bytes == sum(map(len, packets))


def test_it_is_told_how_much_came_how_it_begins_and_what_it_looks_like() -> None:
    short = [encode_time(i * 0.01) + encode_sample(STILL[0], 0 * STILL[0]) for i in range(40)]
    hearing = heard("ximu3", short)
    assert hearing.words.startswith(f"{40 * 33:,} bytes of ximu3 that begin 55 50 ")
    assert "looks like" not in hearing.words or "witmotion-serial" in hearing.words
    over_radio = heard("movesense", [encode_samples(STILL, 0 * STILL)] * 5)
    assert "that begin 55 61 " in over_radio.words
    assert "looks like witmotion-" in over_radio.words
    lines = heard("text-csv", [b"0.1,0.2,9.8,0,0,0,\r\n"] * 50)
    assert "that begin '0.1,0.2,9.8,0,0,0,'" in lines.words
    assert "separator" in lines.remedy
    noise = heard("witmotion-serial", [np.random.default_rng(1).integers(0, 256, 400, dtype=np.uint8).tobytes()])
    assert "looks like" not in noise.words
    assert "garbage" in noise.remedy


def test_once_understood_nothing_is_decoded_any_more() -> None:
    hearing = heard("witmotion-ble", [encode_samples(STILL, 0 * STILL)] * 500)
    assert ENOUGH <= hearing.samples < 2 * ENOUGH + 4


@pytest.mark.parametrize(
    ("sent_hz", "said"), [(70.0, "sends 70 samples a second, 100 were asked for"), (95.0, ""), (10.0, "10")]
)
def test_another_rate_than_was_asked_for_is_told(sent_hz: float, said: str) -> None:
    hearing = Hearing(device_family("witmotion-ble"), Request(rate_hz=100.0))
    frame = encode_samples(STILL[:1], np.zeros((1, 3)))
    for n in range(40):  # as it was set in the factory, until it is told
        hearing.hear(frame, int(n * 1e8))
    hearing.begin()
    assert hearing.other_rate == ""
    for n in range(int(4.0 * sent_hz)):
        hearing.hear(frame, 10_000_000_000 + int(n / sent_hz * 1e9))
    assert said in hearing.other_rate
    assert bool(said) is bool(hearing.other_rate)


@pytest.mark.parametrize("stored", [0, 60, 400])
@pytest.mark.parametrize(("sent_hz", "said"), [(50.0, ""), (35.0, "sends 35 samples a second, 50 were asked for")])
def test_what_a_sensor_had_in_store_is_no_other_rate(stored: int, sent_hz: float, said: str) -> None:
    hearing = Hearing(device_family("witmotion-ble"), Request(rate_hz=50.0))
    frame = encode_samples(STILL[:1], np.zeros((1, 3)))
    hearing.begin()
    for _ in range(stored):
        hearing.hear(frame, 10_000_000_000)
    rng = np.random.default_rng(stored)
    for n in range(int(6.0 * sent_hz)):
        hearing.hear(frame, 10_100_000_000 + int((n / sent_hz + rng.uniform(0.0, 0.03)) * 1e9))
    assert hearing.other_rate == said


def test_a_stream_without_a_steady_rate_has_none_and_is_not_decoded_for_ever() -> None:
    hearing = Hearing(device_family("witmotion-ble"), Request(rate_hz=100.0))
    frame = encode_samples(STILL[:1], np.zeros((1, 3)))
    hearing.begin()
    at = 0.0
    for n in range(6000):
        at += 0.01 if int(at) % 2 else 0.05
        hearing.hear(frame, int(1e9 * (1.0 + at)))
        if n == 3000:
            before = hearing.samples
    assert hearing.rate_hz is None
    assert hearing.samples == before < 3000
