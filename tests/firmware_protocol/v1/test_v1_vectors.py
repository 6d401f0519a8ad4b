"""Encoder and decoder of protocol v1 against the conformance vectors, which know nothing of either."""

import json
import re
import runpy
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_protocol.v1 import (
    Config,
    DeviceEvent,
    Info,
    Setup,
    Start,
    Sync,
    V1Codec,
    V1SerialCodec,
    decode_config,
    decode_event,
    decode_info,
    decode_setup,
    decode_start,
    decode_sync,
    encode_config,
    encode_data,
    encode_event,
    encode_info,
    encode_setup,
    encode_start,
    encode_sync,
    frame_serial,
    unwrap_mux,
    wrap_mux,
)
from firmware_protocol.v1.family import V1_SERIAL
from firmware_protocol.v1.messages import MAX_RATE_HZ, MAX_SCALE, MIN_RATE_HZ

ROOT = Path(__file__).resolve().parents[3]
VECTORS = json.loads((ROOT / "fixtures/vectors/v1/vectors.json").read_text())
RECORDS: dict[str, tuple[Any, Any, Any]] = {
    "info": (Info, encode_info, decode_info),
    "config": (Config, encode_config, decode_config),
    "start": (Start, encode_start, decode_start),
    "setup": (Setup, encode_setup, decode_setup),
    "sync": (Sync, encode_sync, decode_sync),
    "event": (DeviceEvent, encode_event, decode_event),
}
CONFIG = Config.for_ranges(3, 200.0)


def by_name(part: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[part], ids=[v["name"] for v in VECTORS[part]])


def test_vectors_are_what_their_script_makes() -> None:
    made = runpy.run_path(str(ROOT / "fixtures/vectors/v1/make_vectors.py"))["_PARTS"]
    assert json.loads(json.dumps(made)) == VECTORS


@by_name("messages")
def test_message(vector: dict[str, Any]) -> None:
    wire, record = bytes.fromhex(vector["hex"]), vector["record"]
    if vector["kind"] == "mux":
        assert unwrap_mux(wire) == (record["sensor"], bytes.fromhex(record["inner"]))
        assert wrap_mux(record["sensor"], bytes.fromhex(record["inner"])) == wire
        return
    if vector["kind"] == "data":
        arguments = {k: np.array(v) if k in ("acc", "gyr", "quat") else v for k, v in record.items()}
        assert encode_data(CONFIG, **arguments).hex() == vector["hex"]
        return
    make, encode, decode = RECORDS[vector["kind"]]
    expected = make(**{k: tuple(v) if isinstance(v, list) else v for k, v in record.items()})
    assert decode(wire) == expected
    if not vector.get("decode_only"):
        assert encode(expected) == wire


def rows(blocks: list[Any]) -> dict[str, np.ndarray]:
    names = ("device_time_s", "acc", "gyr", "lost", "saturated", "restart", "packet")
    return {n: np.concatenate([getattr(b, n) for b in blocks]) if blocks else np.zeros(0) for n in names}


def feed_whole(codec: Any, chunks: list[bytes]) -> list[Any]:
    return codec.feed_packets(b"".join(chunks), np.array([len(c) for c in chunks]))


def feed_each(codec: Any, chunks: list[bytes]) -> list[Any]:
    return [block for chunk in chunks for block in codec.feed(chunk)]


def feed_bytes(codec: Any, chunks: list[bytes]) -> list[Any]:
    return feed_each(codec, [bytes([b]) for chunk in chunks for b in chunk])


@pytest.mark.parametrize("way", [feed_whole, feed_each, feed_bytes])
@by_name("streams")
def test_stream(vector: dict[str, Any], way: Any) -> None:
    serial = vector["family"] == "hiphinge-v1-serial"
    if way is feed_bytes and not serial:
        way = feed_each  # a radio packet is never cut
    codec = (V1SerialCodec if serial else V1Codec)(vector.get("sensor_number"))
    blocks = way(codec, [bytes.fromhex(c) for c in vector["chunks"]])
    expected, got = vector["samples"], rows(blocks)
    n = [len(s["t"]) for s in expected]
    starts = np.concatenate(([0], np.cumsum(n)))[:-1].astype(int)

    assert len(got["acc"]) == sum(n)
    lost, restart, saturated = (np.zeros(sum(n), int) for _ in range(3))
    for at, block in zip(starts, expected, strict=True):
        lost[at], restart[at] = block["lost"], block["restart"]
        saturated[at + np.array(block["saturated"], int)] = 1
    assert got["lost"].tolist() == lost.tolist()
    assert got["restart"].astype(int).tolist() == restart.tolist()
    assert got["saturated"].astype(int).tolist() == saturated.tolist()
    for name, key in (("device_time_s", "t"), ("acc", "acc"), ("gyr", "gyr")):
        truth = [row for block in expected for row in block[key]]
        if truth:
            np.testing.assert_allclose(got[name], truth, rtol=1e-12, atol=0)
    if expected and "quat" in expected[0]:
        truth = np.array([[np.nan if v is None else v for v in row] for row in expected[0]["quat"]])
        np.testing.assert_allclose(blocks[0].quat, truth, atol=1e-9)
    else:
        assert all(b.quat is None for b in blocks)

    assert dict(codec.health) == vector["health"]
    for name, value in vector.get("facts", {}).items():
        assert codec.facts[name] == value
    if "refused" in vector:
        assert f"version {vector['refused']}" in codec.facts["refused"]
        assert "Update hiphinge" in codec.facts["refused"]
    else:
        assert "refused" not in codec.facts
    assert codec.pending == vector.get("pending", 0)


def test_samples_carry_the_number_of_their_packet() -> None:
    vector = next(v for v in VECTORS["streams"] if v["name"].startswith("serial line with rubbish"))
    chunks = [bytes.fromhex(c) for c in vector["chunks"]]
    packet = rows(feed_whole(V1SerialCodec(), chunks))["packet"]
    assert packet.tolist() == [1] * 8 + [3] * 8
    vector = next(v for v in VECTORS["streams"] if v["name"].startswith("reboot seen by the index"))
    packet = rows(feed_whole(V1Codec(), [bytes.fromhex(c) for c in vector["chunks"]]))["packet"]
    assert packet.tolist() == [2] * 8 + [3] * 8 + [4] * 8


def test_numbers_in_the_document_are_those_of_the_program() -> None:
    text = (ROOT / "docs/protocol-v1.md").read_text()
    from firmware_protocol.v1 import EventCode, Kind, Tag

    for kind in Kind:
        assert f"| 0x{kind:02X} | {kind.name} |" in text
        assert f"## {kind.name} (0x{kind:02X})" in text
    tags = re.findall(r"^\| 0x(\w\w) \|", text[text.index("## INFO") : text.index("## CONFIG")], re.M)
    assert [int(t, 16) for t in tags] == list(Tag)
    codes = re.findall(r"^\| 0x(\w\w) \| (\w+) \|", text[text.index("## EVENT") : text.index("## MUX")], re.M)
    assert [(int(c, 16), name.upper()) for c, name in codes] == [(e.value, e.name) for e in EventCode]


def test_first_stream_in_the_document_decodes() -> None:
    text = (ROOT / "docs/protocol-v1.md").read_text()
    info, config, header = (bytes.fromhex(line) for line in text.rsplit("```", 2)[1].strip().splitlines())
    assert decode_info(info) == Info(model="HH-1", boot_id=1)
    assert decode_config(config) == CONFIG
    data = encode_data(CONFIG, 0, 0, 1_000_000, 35_000, np.zeros((8, 3)), np.zeros((8, 3)))
    assert data[:20] == header


def test_records_survive_the_dataclass_round_trip() -> None:
    config = Config(1, 104.0, 0.001, 0.0002)
    assert asdict(decode_config(encode_config(config))) == asdict(config)


def test_the_frame_in_the_document_is_ours() -> None:
    page = (ROOT / "docs/protocol-v1.md").read_text()
    block = page[page.index("## A complete frame, byte by byte") :].split("```")[1]
    lines = {name: bytes.fromhex(rest) for name, rest in (line.split(maxsplit=1) for line in block.strip().splitlines())}
    message = encode_setup(Setup(100.0, 16, 2000))
    assert lines == {"message": message, "CRC-32": zlib.crc32(message).to_bytes(4, "little"), "frame": frame_serial(message)}


def test_the_bounds_in_the_document_are_ours() -> None:
    page = (ROOT / "docs/protocol-v1.md").read_text()
    assert f"a rate outside {MIN_RATE_HZ:g} to {MAX_RATE_HZ:,.0f} Hz" in page
    assert f"above {MAX_SCALE:g} (m/s² or rad/s per LSB)" in page
    assert V1_SERIAL.serial is not None
    assert all(f"{baud:,}" in page for baud in V1_SERIAL.serial.bauds)
