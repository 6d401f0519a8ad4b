"""What a codec makes of the captured bytes of every family, however they come: exactly the samples of `fixtures/wire`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import SampleBlock
from firmware_protocol import DEVICE_FAMILIES, FAMILIES, Clock, Codec, Request
from fixtures.wire import capture_file, make_captures
from fixtures.wire.capture_file import Capture, Line, samples_of

CAPTURES = [capture_file.read(path) for path in capture_file.paths()]
SERIAL = [c for c in CAPTURES if c.head["link"] == "serial"]
REQUEST = Request()


def each(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("capture", captures, ids=[c.name for c in captures])


def rows(blocks: list[SampleBlock]) -> list[Line]:
    return [sample for block in blocks for sample in samples_of(block)]


def flat(capture: Capture) -> list[Line]:
    return [sample for samples in capture.samples for sample in samples]


def assert_said(codec: Codec, capture: Capture) -> None:
    assert dict(codec.health) == capture.end["health"]
    assert dict(codec.facts) == capture.end["facts"]
    assert codec.pending == capture.end["pending"]


def test_every_family_is_captured_on_every_link() -> None:
    there = {(c.head["family"], c.head["link"]) for c in CAPTURES}
    assert there == {(family, link) for family in FAMILIES for link in make_captures.links(family)}


@each(CAPTURES)
def test_packet_by_packet(capture: Capture) -> None:
    codec = capture.codec()
    for number, (packet, samples) in enumerate(zip(capture.heard, capture.samples, strict=True)):
        assert capture_file.same(rows(codec.feed(packet)), samples), f"packet {number}"
    assert_said(codec, capture)


@each(CAPTURES)
def test_whole(capture: Capture) -> None:
    codec, heard = capture.codec(), capture.heard
    blocks = codec.feed_packets(b"".join(heard), np.array([len(packet) for packet in heard], np.int64))
    assert capture_file.same(rows(blocks), flat(capture))
    assert sorted({block.lost_exact for block in blocks}) == capture.end["lost_exact"]
    packet = np.concatenate([block.packet for block in blocks])
    assert packet.tolist() == [number for number, samples in enumerate(capture.samples) for _ in samples]
    assert_said(codec, capture)


@each(SERIAL)
def test_byte_by_byte(capture: Capture) -> None:
    codec = capture.codec()
    got = [sample for byte in b"".join(capture.heard) for sample in rows(codec.feed(bytes((byte,))))]
    assert capture_file.same(got, flat(capture))
    assert_said(codec, capture)


@each(SERIAL)
def test_all_in_one_read(capture: Capture) -> None:
    codec = capture.codec()
    assert capture_file.same(rows(codec.feed(b"".join(capture.heard))), flat(capture))
    assert_said(codec, capture)


@each(CAPTURES)
def test_with_a_tail(capture: Capture) -> None:
    """The beginning of one more packet gives no sample; its other samples stay what they are."""
    tail = next(p for p, s in zip(capture.heard, capture.samples, strict=True) if s)[:5]
    heard = [*capture.heard, tail]
    codec = capture.codec()
    got = rows(codec.feed_packets(b"".join(heard), np.array([len(packet) for packet in heard], np.int64)))
    assert capture_file.same(got, flat(capture))
    waiting, counted = codec.pending - capture.end["pending"], dict(codec.health) != capture.end["health"]
    assert waiting or counted


@each(CAPTURES)
def test_a_capture_tells_its_story(capture: Capture) -> None:
    """That the files hold what they are for: ends of ranges, what is lost, a clock that begins anew."""
    family, samples = DEVICE_FAMILIES[capture.head["family"]], flat(capture)
    assert 1000 <= capture_file.duration_ms(capture) <= 3000
    assert len(samples) >= 45
    happened = [line["happened"] for line in capture.lines if "happened" in line]
    assert happened.count("started") == 2
    assert "the device reboots" in happened
    assert any("said" in line for line in capture.lines) == bool(family.configure(REQUEST) or family.start(REQUEST))
    if family.name not in ("text-csv", "phyphox"):  # numbers without ends
        assert any(s.get("saturated") for s in samples)
    if family.clock is Clock.DEVICE:
        assert sum(s.get("lost", 0) for s in samples) >= 3
        assert [s["restart"] for s in samples if "restart" in s] == [True]
    else:
        assert all("t" not in s and "lost" not in s for s in samples)


def test_the_script_makes_the_captures_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_captures, "FOLDER", tmp_path)
    make_captures.main()
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text("utf-8") for path in capture_file.paths()}
    assert made.keys() == kept.keys()
    assert [name for name, text in made.items() if text != kept[name]] == []
