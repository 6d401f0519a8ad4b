"""Our own vectors of every family: what the reader of single packets shows and what the codec gives, against the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, FAMILIES, Clock, Codec, codec_for
from firmware_protocol.packets import PacketReader
from fixtures.vectors import make_vectors
from fixtures.vectors.vector import CASES, OTHER
from fixtures.wire.capture_file import samples_of

FILES = {path.stem: path.read_text("utf-8").splitlines() for path in sorted(make_vectors.FOLDER.glob("*.jsonl"))}
HEADS = {name: json.loads(lines[0]) for name, lines in FILES.items()}
VECTORS = [json.loads(line) for lines in FILES.values() for line in lines[1:]]
WITH_CODEC = [v for v in VECTORS if "no_codec" not in v]
REFUSES_NOTHING = ("incomplete", "restart", "saturated", "repeated", "overrun", "unpaired", "button")
"""Words of a health that say something of whole packets."""


def each(vectors: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("vector", vectors, ids=[f"{v['family']}-{v['case']}-{v['name']}" for v in vectors])


def chunks(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(chunk) for chunk in vector["chunks"]]


def reader_of(vector: dict[str, Any]) -> PacketReader:
    make = DEVICE_FAMILIES[vector["family"]].reader
    assert make is not None
    return make({"link": vector["link"], "rate_hz": vector["rate_hz"], **vector["config"]})


def codec_of(vector: dict[str, Any]) -> Codec:
    return codec_for(vector["family"], vector["config"], vector["rate_hz"])


def refusals(of: PacketReader | Codec) -> set[str]:
    counts = of.health.counts if hasattr(of.health, "counts") else of.health
    return {word for word in counts if word not in REFUSES_NOTHING}


def assert_close(got: Any, expected: Any, where: str) -> None:
    """The same names, numbers within 1e-9, NaN like NaN."""
    if isinstance(expected, dict):
        assert isinstance(got, dict), where
        assert set(got) == set(expected), where
        for name, value in expected.items():
            assert_close(got[name], value, f"{where} {name}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), where
        for i, value in enumerate(expected):
            assert_close(got[i], value, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), where
    else:
        assert got == expected, where


@each(VECTORS)
def test_reader_of_single_packets(vector: dict[str, Any]) -> None:
    reader = reader_of(vector)
    packets = [packet for chunk in chunks(vector) for packet in reader.read(chunk)]
    pending = reader.pending
    packets += reader.finish()
    got = []
    for packet in packets[vector.get("introduction", 0) :]:
        flags = {name: value for name, value in (("lost", packet.lost), ("restart", packet.restart)) if value}
        got.append({"fields": packet.fields, **flags})
    assert_close(got, vector["packets"], "packet")
    assert refusals(reader) == set(vector["refused"])
    assert pending == vector.get("reader_pending", vector.get("pending", 0))


@each([v for v in VECTORS if "no_codec" in v])
def test_a_stream_without_samples_has_no_codec(vector: dict[str, Any]) -> None:
    with pytest.raises(HiphingeError, match=vector["no_codec"]):
        codec_of(vector)


@each(WITH_CODEC)
def test_codec(vector: dict[str, Any]) -> None:
    codec = codec_of(vector)
    blocks = [block for chunk in chunks(vector) for block in codec.feed(chunk)]
    got = [sample for block in blocks for sample in samples_of(block)]
    assert_close(got, vector["samples"], "sample")
    assert all(block.lost_exact == (block.device_time_s is not None) for block in blocks)
    assert {word: codec.health[word] for word in vector.get("times", {})} == vector.get("times", {})
    assert refusals(codec) == set(vector.get("codec_refused", vector["refused"]))
    assert codec.pending == vector.get("pending", 0)
    if not vector["family"].startswith("hiphinge"):  # its codec does not count them; the samples say it
        assert codec.health.get("saturated", 0) == sum(s.get("saturated", False) for s in got)
    assert codec.health.get("restart", 0) == sum(s.get("restart", False) for s in got)


@each([v for v in WITH_CODEC if v["link"] == "serial"])
def test_codec_byte_by_byte(vector: dict[str, Any]) -> None:
    codec = codec_of(vector)
    data = b"".join(chunks(vector))
    got = [sample for byte in data for block in codec.feed(bytes((byte,))) for sample in samples_of(block)]
    assert_close(got, vector["samples"], "sample")


@each(WITH_CODEC)
def test_codec_all_packets_at_once(vector: dict[str, Any]) -> None:
    codec, packets = codec_of(vector), chunks(vector)
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets], np.int64))
    assert_close([sample for block in blocks for sample in samples_of(block)], vector["samples"], "sample")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_comes_into_every_situation(family: str) -> None:
    """Or it says why it cannot, and then it has no such vector."""
    heads = [head for head in HEADS.values() if head["family"] == family]
    assert heads
    there = {v["case"] for v in VECTORS if v["family"] == family}
    cannot = {case for head in heads for case in head["cannot"]}
    assert there | cannot >= set(CASES)
    assert not there & cannot
    assert there <= {*CASES, OTHER}
    if DEVICE_FAMILIES[family].clock is Clock.DEVICE:
        assert {"gap", "restart"} <= there


def test_every_vector_has_a_source_and_a_name_of_its_own() -> None:
    assert all(v["source"] and v["origin"] == "computed" for v in VECTORS)
    names = [(v["family"], v["link"], v["case"], v["name"]) for v in VECTORS]
    assert len(names) == len(set(names))


def test_the_script_makes_the_vectors_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_vectors, "FOLDER", tmp_path)
    make_vectors.main()
    assert {path.stem: path.read_text("utf-8").splitlines() for path in tmp_path.iterdir()} == FILES
