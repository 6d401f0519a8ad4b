"""Samples at the end of a sensor's range are marked from the last raw value on, on either side, whichever axis it is."""

from __future__ import annotations

import struct

import pytest

from firmware_protocol.registry import codec_for

FRAMES = {
    # raw accelerations and rates as 16 bits each; then magnetic fields, or angles, which do not count
    "thingy52": lambda values: struct.pack("<9h", *values, 32767, 0, 0),
    "witmotion-ble": lambda values: b"\x55\x61" + struct.pack("<9h", *values, 0, 0, 0),
}


@pytest.mark.parametrize("family", FRAMES)
@pytest.mark.parametrize(("raw", "saturated"), [(32766, False), (32767, True), (-32766, False), (-32767, True), (-32768, True)])
@pytest.mark.parametrize("axis", [0, 2, 3, 5])
def test_sixteen_bits_end_at_32767(family: str, raw: int, saturated: bool, axis: int) -> None:
    values = [100, -100, 2048, 5, -5, 5]
    values[axis] = raw
    codec = codec_for(family)
    blocks = codec.feed(FRAMES[family](values)) + codec.feed(FRAMES[family]([100, -100, 2048, 5, -5, 6]))
    assert [bool(one) for block in blocks for one in block.saturated] == [saturated, False]
