"""What every family's codec promises the engine: samples and losses exactly, any cut, any bytes, bounded memory."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import codec_streams as streams
from benchmarks.codec_streams import STREAMS, Stream
from body_signals import SampleBlock
from firmware_protocol import DEVICE_FAMILIES, FAMILIES, Clock
from firmware_protocol.families.capture2go import HEADER, LONGEST_PAYLOAD
from firmware_protocol.families.shimmer3.calibration import REPLY_BYTES

each_family = pytest.mark.parametrize("family", FAMILIES)
CLOCKS = [f for f in STREAMS if DEVICE_FAMILIES[f].clock is Clock.DEVICE or f == "text-csv"]
timed = pytest.mark.parametrize("family", CLOCKS)
own = pytest.mark.parametrize("family", [f for f in STREAMS if not f.startswith("hiphinge")])
PENDING = {
    "ximu3": 4096,
    "text-csv": 1024,
    "capture2go": LONGEST_PAYLOAD + HEADER.size,
    "movesense": 1024,
    "metamotion": 36,
    "shimmer3": REPLY_BYTES - 1,
    "witmotion-wifi": 53,
}
ARRAYS = ("packet", "device_time_s", "acc", "gyr", "quat", "lost", "saturated", "restart")


@cache
def short_stream(family: str, samples: int) -> Stream:
    """At 100 Hz, made once for all examples: only read."""
    return STREAMS[family](samples, 100.0)


def decoded(blocks: list[SampleBlock]) -> dict[str, Any]:
    """All blocks as one; arrays that a family has not are None."""
    joined: dict[str, Any] = {}
    for name in ARRAYS:
        parts = [getattr(block, name) for block in blocks]
        joined[name] = None if not parts or any(part is None for part in parts) else np.concatenate(parts)
    return joined


def one_by_one(stream: Stream, packets: list[bytes] | None = None) -> tuple[dict[str, Any], Any]:
    codec = stream.codec()
    blocks = []
    for number, packet in enumerate(stream.packets if packets is None else packets):
        for block in codec.feed(packet):
            assert not block.packet.any()
            values = {name: getattr(block, name) for name in ARRAYS[1:]}
            numbered = np.full(len(block), number, np.int64)
            blocks.append(SampleBlock(rate_hz=block.rate_hz, packet=numbered, lost_exact=block.lost_exact, **values))
    return decoded(blocks), codec


def at_once(stream: Stream, packets: list[bytes]) -> tuple[dict[str, Any], Any]:
    codec = stream.codec()
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets], np.int64))
    return decoded(blocks), codec


def assert_identical(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in ARRAYS:
        a, b = one[name], other[name]
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=name)


@each_family
def test_every_family_has_a_stream(family: str) -> None:
    assert family in STREAMS


@pytest.mark.parametrize("family", STREAMS)
@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
def test_what_was_measured_comes_out(family: str, rate_hz: float) -> None:
    stream = STREAMS[family](208, rate_hz)
    got, codec = one_by_one(stream)
    time_step, acc_step, gyr_step = stream.steps
    assert np.abs(got["acc"] - stream.acc).max() <= acc_step
    assert (got["gyr"] is None) == (len(stream.gyr) == 0)
    assert got["gyr"] is None or np.abs(got["gyr"] - stream.gyr).max() <= gyr_step
    np.testing.assert_array_equal(np.bincount(got["packet"], minlength=len(stream.packets)), stream.samples)
    if family in CLOCKS:
        elapsed = got["device_time_s"] - got["device_time_s"][0]
        assert np.abs(elapsed - (stream.time_s - stream.time_s[0])).max() <= 1.001 * time_step
    else:
        assert got["device_time_s"] is None
    assert not got["lost"].any()
    assert not got["restart"].any()
    assert not got["saturated"].any()
    assert dict(codec.health) == {}
    assert codec.pending == 0


@pytest.mark.parametrize("family", STREAMS)
def test_many_at_once_are_bit_for_bit_one_by_one(family: str) -> None:
    stream = STREAMS[family](104, 100.0)
    random = np.random.default_rng(3)
    packets = [p for p in stream.packets if random.random() > 0.1]
    packets = [p if random.random() > 0.1 else p[: random.integers(1, len(p))] for p in packets]
    single, a = one_by_one(stream, packets)
    many, b = at_once(stream, packets)
    assert_identical(single, many)
    assert dict(a.health) == dict(b.health)
    assert dict(a.facts) == dict(b.facts)
    assert a.pending == b.pending


@pytest.mark.parametrize("family", [f for f in STREAMS if STREAMS[f](16, 100.0).serial])
@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=30), rubbish=st.binary(max_size=30), where=st.integers(0, 500))
@settings(max_examples=25, deadline=None)
def test_a_serial_stream_may_be_cut_anywhere(family: str, cuts: list[int], rubbish: bytes, where: int) -> None:
    stream = short_stream(family, 16)
    data = b"".join(stream.packets)
    data = data[:where] + rubbish + data[where:]
    pieces, at = [], 0
    while at < len(data):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(data[at : at + size])
        at += size
    whole, a = one_by_one(stream, [data])
    cut, b = one_by_one(stream, pieces)
    assert_identical({**whole, "packet": None}, {**cut, "packet": None})
    assert dict(a.health) == dict(b.health)
    assert a.pending == b.pending


@timed
def test_every_lost_sample_is_counted(family: str) -> None:
    stream = STREAMS[family](2080, 100.0)
    random = np.random.default_rng(5)
    whole = [i for i, n in enumerate(stream.samples) if n]
    first, last = whole[0], whole[-1]
    gone = {i for i in whole if random.random() < 0.1 and i not in (first, last)} | set(whole[10:60])
    if family == "movesense":
        gone |= {i - 1 for i in gone}  # both parts of a batch
    kept = [p for i, p in enumerate(stream.packets) if i not in gone]
    got, codec = one_by_one(stream, kept)
    missing = sum(stream.samples[i] for i in gone)
    assert got["lost"].sum() == missing
    assert len(got["acc"]) == sum(stream.samples) - missing
    assert not got["restart"].any()
    assert not codec.health


@timed
def test_a_repeated_packet_is_taken_once(family: str) -> None:
    stream = STREAMS[family](104, 100.0)
    count = 2 if family in ("movesense", "ngimu") else 1
    twice = stream.packets[: 4 * count] + stream.packets[2 * count : 4 * count] + stream.packets[4 * count :]
    got, codec = one_by_one(stream, twice)
    plain, _ = one_by_one(stream)
    assert_identical({**got, "packet": None}, {**plain, "packet": None})
    assert codec.health["repeated"] == 2


@own
def test_a_clock_that_begins_anew_is_a_restart(family: str) -> None:
    stream = STREAMS[family](104, 100.0)
    late, early = stream.packets[len(stream.packets) // 2 // 2 * 2 :], stream.packets[: len(stream.packets) // 2 // 2 * 2]
    got, codec = one_by_one(stream, late + early)
    if family not in CLOCKS:
        assert not got["restart"].any()  # it has no clock
        return
    first = len(got["acc"]) - sum(stream.samples[: len(early)])
    assert np.flatnonzero(got["restart"]).tolist() == [first]
    assert got["lost"].sum() == 0
    assert codec.health == {"restart": 1}
    assert got["device_time_s"][first] < got["device_time_s"][0]


@own
@given(data=st.lists(st.binary(max_size=300), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_borne(family: str, data: list[bytes]) -> None:
    stream = short_stream(family, 16)
    codec = stream.codec()
    for piece in data:
        for block in codec.feed(piece):
            assert np.isfinite(block.acc).all()
        assert codec.pending <= PENDING.get(family, 20)
    make = DEVICE_FAMILIES[family].reader
    assert make is not None
    reader = make({})
    for piece in data:
        reader.read(piece)
        assert reader.pending <= PENDING.get(family, 20)
    reader.finish()


@own
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_stream_is_borne_and_counted(family: str, data: st.DataObject) -> None:
    stream = short_stream(family, 32)
    packets = list(stream.packets)
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(packets) - 1))
        at = data.draw(st.integers(0, len(packets[i]) - 1))
        packets[i] = packets[i][:at] + data.draw(st.binary(max_size=3)) + packets[i][at + data.draw(st.integers(0, 3)) :]
    single, a = one_by_one(stream, packets)
    many, b = at_once(stream, packets)
    assert_identical(single, many)
    assert dict(a.health) == dict(b.health)
    if single["acc"] is not None:
        assert np.isfinite(single["acc"]).all()
        assert single["gyr"] is None or np.isfinite(single["gyr"]).all()
        assert (single["lost"] >= 0).all()


@pytest.mark.parametrize("family", ["witmotion-ble", "witmotion-serial", "movesense", "movella-dot", "ximu3"])
def test_values_at_the_end_of_the_range_are_marked(family: str) -> None:
    plain = streams.motion
    try:
        streams.motion = lambda n, rate_hz, seed=1: _clipped(*plain(n, rate_hz, seed))  # type: ignore[assignment]
        stream = STREAMS[family](104, 100.0)
    finally:
        streams.motion = plain
    got, codec = one_by_one(stream)
    assert np.flatnonzero(got["saturated"]).tolist() == [3, 7]
    assert codec.health["saturated"] == 2


def _clipped(time_s: Any, acc: Any, gyr: Any) -> tuple[Any, Any, Any]:
    acc[3, 1] = 500.0
    gyr[7, 2] = -80.0
    return time_s, acc, gyr


@own
def test_buffers_do_not_grow(family: str) -> None:
    codec = STREAMS[family](16, 100.0).codec()
    lead = {"ximu3": b"I,1", "text-csv": b"1", "capture2go": b"\x02", "movesense": b"\x02\x63"}.get(family, b"\x55\x61")
    for _ in range(200):
        codec.feed(lead + b"7" * 90)
        assert codec.pending <= PENDING.get(family, 20)
