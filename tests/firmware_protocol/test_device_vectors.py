"""Every family's packet reader against the shared byte vectors: as they are, cut anywhere, with rubbish, joined."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_protocol import DEVICE_FAMILIES
from fixtures.wire.capture_file import samples_of
from tests.firmware_protocol.device_vectors import (
    all_vectors,
    approximately,
    assert_as_expected,
    assert_packets,
    chunks_for_codec,
    chunks_of,
    codec_of,
    need,
    read_all,
    reader_of,
    refusals,
    samples_expected,
    vectors,
)

pytestmark = pytest.mark.shared


@vectors("ble-notify", "serial")
def test_vector(vector: dict[str, Any] | None) -> None:
    vector = need(vector)
    reader = reader_of(vector)
    assert_as_expected(vector, read_all(reader, chunks_of(vector)), reader)


STAYS = {"mode26-nan-quaternion": {"t": 123.456789}}
"""Vectors whose packet the reader refuses for its quaternion, and whose sample stays, its quaternion missing."""


@vectors("ble-notify", "serial")
def test_vector_through_the_codec(vector: dict[str, Any] | None) -> None:
    """The samples are those of the packets, and what is refused is counted."""
    vector = need(vector)
    codec, expected = codec_of(vector), samples_expected(vector)
    if codec is None:
        assert expected == []
        return
    if vector["id"] in STAYS:
        expected = [STAYS[vector["id"]]]
    chunks = chunks_for_codec(vector)
    got = [sample for chunk in chunks for block in codec.feed(chunk) for sample in samples_of(block)]
    if vector["family"] == "movesense" and len(got) < len(expected):
        assert codec.pending  # the last batch might be a first part
        expected = expected[: len(got)]
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert {k: v for k, v in one.items() if k in other} == {name: approximately(value) for name, value in other.items()}
        assert ("restart" in one) == ("restart" in other)
    expect = vector["expect"]
    lost = sum(one.get("lost", 0) for one in expected) + (expect.get("incomplete", 0) if isinstance(expect, dict) else 0)
    assert sum(one.get("lost", 0) for one in got) == lost
    if isinstance(expect, dict) and "error" in expect and any(chunks):
        assert dict(codec.health) or codec.pending or codec.facts


@vectors("command")
def test_command(vector: dict[str, Any] | None) -> None:
    vector = need(vector)
    read = DEVICE_FAMILIES[vector["family"]].command
    assert read is not None
    fields = read(bytes.fromhex(vector["hex"]), vector.get("config", {}))
    assert fields is not None
    assert {**fields} == {name: approximately(value) for name, value in vector["expect"].items()}


@vectors("serial")
@pytest.mark.parametrize("size", [1, 7])
def test_cut_anywhere(vector: dict[str, Any] | None, size: int) -> None:
    vector = need(vector)
    data = bytes.fromhex(vector["hex"])
    whole, cut = reader_of(vector), reader_of(vector)
    expected = read_all(whole, [data])
    assert read_all(cut, [data[i : i + size] for i in range(0, len(data), size)]) == expected
    assert dict(cut.health.counts) == dict(whole.health.counts)
    assert cut.pending == whole.pending


def _good(family: str) -> list[dict[str, Any]]:
    """Serial vectors of whole packets only, one after another in time."""
    return [v for v in all_vectors() if v["family"] == family and v["kind"] == "serial" and _only_packets(v["expect"])]


def _only_packets(expect: Any) -> bool:
    return isinstance(expect, list) or not {"error", "pending", "packets", "samples"} & set(expect)


def _list(expect: Any) -> list[Any]:
    return expect if isinstance(expect, list) else [expect]


SERIAL = ("witmotion-serial", "ximu3", "capture2go")
"""Families whose packets say by themselves where they begin and end; what a line of text means, its configuration says."""


@pytest.mark.parametrize("family", [name for name in SERIAL if name in DEVICE_FAMILIES])
@pytest.mark.parametrize("rubbish", [b"", b"\x00", b"\x13\x00\x99\x37", b"\xfe\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"])
def test_one_after_another_with_rubbish_between(family: str, rubbish: bytes) -> None:
    chosen = _good(family)
    if not chosen:
        need(None)
    if family == "ximu3" and rubbish:
        rubbish += b"\x0a"  # every message ends with a line feed, rubbish too
    data = rubbish + rubbish.join(bytes.fromhex(v["hex"]) for v in chosen)
    expected = [packet for v in chosen for packet in _list(v["expect"])]
    reader = reader_of({"family": family, "kind": "serial"})
    got = [packet.fields for packet in read_all(reader, [data])]
    if family == "witmotion-serial" or family == "ximu3" or family == "capture2go":
        for one in got:
            one.pop("t", None)
        expected = [{k: v for k, v in one.items() if k != "t"} for one in expected]
    assert_packets(got, expected)
    assert bool(refusals(reader)) == bool(rubbish)
