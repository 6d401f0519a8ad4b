"""NGIMU and WitMotion over Wi-Fi, and the OSC packets of the first: hostile bytes, what is said to them, what they say."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, Request, Write, codec_for
from firmware_protocol.families import ngimu
from firmware_protocol.families.witmotion import wifi
from firmware_protocol.osc import IMMEDIATELY, OscMessage, encode_bundle, encode_message, messages_of
from ingest.links.kit import kit_of

UPRIGHT, STILL = np.array([0.0, 0.0, 9.80665]), np.zeros(3)


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (b"", []),
        (b"/a\0\0,\0\0\0", [OscMessage("/a", "", ())]),
        (b"/a\0\0,i\0\0\xff\xff\xff\xfe", [OscMessage("/a", "i", (-2,))]),
        (b"/a\0\0,TFN\0\0\0\0", [OscMessage("/a", "TFN", (True, False, None))]),
        (b"/a\0\0,b\0\0\0\0\0\x05hello\0\0\0", [OscMessage("/a", "b", (b"hello",))]),
        (b"/a\0\0,s\0\0four\0\0\0\0", [OscMessage("/a", "s", ("four",))]),
        (b"/a\0\0,dht\0\0\0\0" + struct.pack(">dqQ", 0.5, -1, 7), [OscMessage("/a", "dht", (0.5, -1, 7))]),
        (b"#bundle\0" + bytes(8), []),
        # a type or an address that never ends, sizes beyond the packet, a blob of 4 GB
        (b"/abc", "truncated"),
        (b"/a\0\0,fff", "truncated"),
        (b"/a\0\0ffff\0\0\0\0", "parse"),
        (b"/a\0\0,q\0\0", "parse"),
        (b"/a\0\0,b\0\0\xff\xff\xff\xff", "truncated"),
        (b"/a\0\0,b\0\0\0\0\0\x05hell", "truncated"),
        (b"/a\0\0,f\0\0", "truncated"),
        (b"/a\0\0,\0\0\0more", "length"),
        (b"/\xc3\xa4\0,\0\0\0", "parse"),
        (b"#bundle\0\0\0\0\0", "truncated"),
        (b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xff", "truncated"),
        (b"#bundle\0" + bytes(8) + b"\0\0\0\x03abc\0", "truncated"),
        (b"abc", "truncated"),
        (b"/abcd", "length"),
        (b"GET / HTTP/1", "unknown_type"),
    ],
)
def test_osc_packets(packet: bytes, found: list[OscMessage] | str) -> None:
    assert messages_of(packet) == found


def test_a_bundle_in_bundles_without_end_costs_no_stack() -> None:
    packet = encode_message("/a", 1.0)
    for tag in range(2, 3000):
        packet = encode_bundle(tag, packet)
    assert messages_of(packet) == "parse"
    inner = encode_bundle(5, encode_message("/b", "x"))
    assert messages_of(encode_bundle(9, encode_message("/a", 0.5), inner)) == [
        OscMessage("/a", "f", (0.5,), 9),
        OscMessage("/b", "s", ("x",), 5),
    ]
    assert messages_of(encode_message("/a", 0.5)) == [OscMessage("/a", "f", (0.5,), IMMEDIATELY)]


def test_an_ngimu_tells_its_number_charge_and_errors() -> None:
    codec = codec_for("ngimu", {}, 100.0)
    for message in (
        encode_message("/serialnumber", "0012AB"),
        encode_message("/battery", 71.0, 240.0, 3.75, 150.0, "discharging"),
        encode_message("/battery", math.nan, 240.0, 3.75, 150.0, "odd"),
        encode_message("/error", "SD card is full"),
    ):
        assert codec.feed(encode_bundle(1, message)) == []
    assert dict(codec.facts) == {"serial": "0012AB", "battery_percent": 71.0}
    assert dict(codec.health) == {"device_error": 1}


def test_the_rate_of_an_ngimu_is_asked_for_and_others_are_refused() -> None:
    family = DEVICE_FAMILIES["ngimu"]
    assert family.command is not None
    said = [step.payload for step in family.configure(Request(rate_hz=200.0)) if isinstance(step, Write)]
    assert [family.command(payload, {}) for payload in said] == [
        {"op": "/serialnumber"},
        {"op": "/rate/sensors", "values": [200.0]},
        {"op": "/rate/quaternion", "values": [200.0]},
    ]
    assert family.command(ngimu.encode_sample(100.0, UPRIGHT, STILL)[0], {}) is None
    with pytest.raises(HiphingeError, match="an NGIMU cannot send 60 Hz"):
        family.configure(Request(rate_hz=60.0))


@pytest.mark.parametrize("port", ["tcp://127.0.0.1:8001", "/dev/ttyUSB0", "usb:1A86:7523"])
def test_an_ngimu_is_heard_over_udp_alone(tmp_path: Path, port: str) -> None:
    with pytest.raises(HiphingeError, match="ngimu is heard over UDP alone") as caught:
        kit_of([{"placement": "pelvis", "family": "ngimu", "port": port}], tmp_path / "kit.toml")
    assert "udp://ADDRESS:PORT" in caught.value.remedy
    assert kit_of([{"placement": "pelvis", "family": "ngimu", "port": "udp://127.0.0.1:8001"}], tmp_path / "kit.toml")


@pytest.mark.parametrize(("volts", "percent"), [(4.10, 100), (3.96, 90), (3.85, 60), (3.41, 5), (3.40, 0), (0.0, 0)])
def test_the_charge_of_a_witmotion_is_that_of_the_makers_program(volts: float, percent: int) -> None:
    codec = codec_for("witmotion-wifi", {}, 100.0)
    codec.feed(wifi.encode_sample(1.0, UPRIGHT, STILL, battery_v=volts))
    assert codec.facts == {"battery_percent": float(percent), "serial": "5500007991", "firmware": "13035"}


def test_a_witmotion_whose_rate_nobody_states_has_no_exact_losses() -> None:
    """It may have been set to 10 Hz: at 100 Hz nine of ten would seem lost."""
    frames = [wifi.encode_sample(0.1 * n, UPRIGHT, STILL) for n in range(1, 30)]
    blocks = [block for frame in frames for block in codec_for("witmotion-wifi").feed(frame)]
    assert {block.lost_exact for block in blocks} == {False}
    assert sum(int(block.lost.sum()) for block in blocks) == 0
    stated = codec_for("witmotion-wifi", {}, 10.0)
    lost = [int(block.lost.sum()) for frame in [*frames[:9], *frames[12:]] for block in stated.feed(frame)]
    assert sum(lost) == 3


def test_two_witmotions_in_one_stream_are_told_apart() -> None:
    """Two sensors that send to one port by one address: the second number is told."""
    codec = codec_for("witmotion-wifi", {}, 100.0)
    codec.feed(wifi.encode_sample(1.0, UPRIGHT, STILL, "5500000001") + wifi.encode_sample(1.01, UPRIGHT, STILL, "5500000002"))
    assert codec.identities() == [(0, "5500000001"), (0, "5500000002")]  # type: ignore[attr-defined]
