"""The shared byte vectors of device families, and how a reader's answer is held against them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware_protocol import DEVICE_FAMILIES
from firmware_protocol.packets import Fields, Packet, PacketReader
from tests.conftest import missing, shared_folder

NOTES = ("incomplete",)
"""Words of a reader's health that refuse nothing."""


def all_vectors() -> list[dict[str, Any]]:
    """Those of the families built; none where the shared material is missing."""
    folder = shared_folder()
    if folder is None:
        return []
    vectors = json.loads((folder / "vectors/vectors.json").read_text())
    return [v for v in vectors if v["family"] in DEVICE_FAMILIES]


def vectors(*kinds: str) -> Any:
    """Parametrise over the vectors of these kinds; without the shared material, one test that says so."""
    chosen = [v for v in all_vectors() if v["kind"] in kinds]
    ids = [f"{v['family']}-{v['id']}" for v in chosen]
    if not chosen:
        return pytest.mark.parametrize("vector", [None], ids=["missing"])
    return pytest.mark.parametrize("vector", chosen, ids=ids)


def need(vector: dict[str, Any] | None) -> dict[str, Any]:
    """The vector, or skip."""
    if vector is None:
        missing("shared test material not found (HIPHINGE_SHARED, or ../shared)")
    assert vector is not None
    return vector


def root() -> Path | None:
    """Folder of the shared material."""
    return shared_folder()


def chunks_of(vector: dict[str, Any]) -> list[bytes]:
    """The single reads or notifications."""
    return [bytes.fromhex(chunk) for chunk in vector.get("chunks", [vector["hex"]])]


def reader_of(vector: dict[str, Any]) -> PacketReader:
    """A fresh reader with what the vector says of its bytes."""
    make = DEVICE_FAMILIES[vector["family"]].reader
    assert make is not None
    return make({"link": "ble" if vector["kind"] == "ble-notify" else "serial", **vector.get("config", {})})


def read_all(reader: PacketReader, chunks: list[bytes]) -> list[Packet]:
    """All packets of these chunks, and of the end."""
    return [packet for chunk in chunks for packet in reader.read(chunk)] + reader.finish()


def refusals(reader: PacketReader) -> dict[str, int]:
    """Counted refusals."""
    return {word: n for word, n in reader.health.counts.items() if word not in NOTES}


def assert_as_expected(vector: dict[str, Any], packets: list[Packet], reader: PacketReader) -> None:
    """Packets, errors, what is pending, gaps, restarts and groups as the vector says."""
    expect, fields = vector["expect"], [packet.fields for packet in packets]
    if isinstance(expect, list):
        assert_packets(fields, expect)
        assert not refusals(reader)
    elif all(key.isdigit() for key in expect):
        for ref, of_stream in expect.items():
            assert_packets([f for f in fields if f["ref"] == int(ref)], of_stream)
        assert not refusals(reader)
    elif list(expect) == ["error"]:
        assert fields == []
        assert refusals(reader)
    elif "packets" in expect or "samples" in expect:
        if "packets" in expect:
            assert_packets(fields, expect["packets"])
        else:
            assert_packets([p.sample for p in packets if p.sample is not None], expect["samples"])
        assert bool(refusals(reader)) == ("error" in expect)
        if "pending" in expect:
            assert reader.pending == expect["pending"]
        if "incomplete" in expect:
            assert reader.health.counts.get("incomplete", 0) == expect["incomplete"]
    else:
        assert_packets(fields, [expect])
        assert bool(refusals(reader)) == ("error" in expect)
    gaps = [(i, packet.lost) for i, packet in enumerate(packets) if packet.lost]
    gap = expect.get("gap") if isinstance(expect, dict) else None
    assert gaps == ([] if gap is None else [(gap["after_sample"], gap["missing_samples"])])
    restarts = [i for i, packet in enumerate(packets) if packet.restart]
    restart = expect.get("restart") if isinstance(expect, dict) else None
    assert restarts == ([] if restart is None else [restart["before_sample"]])


def assert_packets(got: list[Fields], expected: list[Fields]) -> None:
    """The same number of packets with the same fields, numbers within 1e-6."""
    assert len(got) == len(expected), f"{len(got)} packets, expected {len(expected)}"
    for one, other in zip(got, expected, strict=True):
        assert set(one) - {"ref"} == set(other) - {"ref"}
        for name, value in other.items():
            assert one[name] == approximately(value), name


def approximately(value: Any) -> Any:
    """Numbers within 1e-6 relative (and 1e-9 absolute); what is no number as it is."""
    numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return pytest.approx(value, rel=1e-6, abs=1e-9) if numbers or is_number else value
