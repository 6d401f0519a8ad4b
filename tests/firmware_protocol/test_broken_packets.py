"""What a codec and a reader make of packets that are cut, too long, or have a byte that is not what the device sent.

Each kind of packet in a capture of `fixtures/wire` is broken in every such way, between the packets that came before and after
it. What comes out, counted and decoded, is in `broken_packets.json` as a digest for each way, so that none changes unseen.
With it what the host would write for each rate and range, and what is read from that.
``python -m tests.firmware_protocol.test_broken_packets`` takes today's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from body_signals import HiphingeError
from firmware_protocol import DEVICE_FAMILIES, Ask, DeviceFamily, Request, Step
from firmware_protocol.families import metamotion
from firmware_protocol.registry import codec_for
from fixtures.wire import capture_file
from fixtures.wire.capture_file import Capture, samples_of

TAKEN = Path(__file__).with_name("broken_packets.json")
CAPTURES = [capture_file.read(path) for path in capture_file.paths()]
MOST_KINDS = 10
"""Of packets in a capture, told apart by length and first byte: text has one for each length."""
MOST_PLACES = 48
"""Bytes of a packet that are changed, and lengths to which it is cut."""
BEFORE, AFTER = 2, 3
ASKED_HZ = (None, 1.0, 10.0, 12.5, 20.0, 25.0, 30.0, 50.0, 52.0, 60.0, 100.0, 104.0, 120.0, 200.0, 208.0, 400.0, 1000.0)
ASKED_RANGES = ((None, None), (2.0, 125.0), (4.0, 250.0), (8.0, 500.0), (16.0, 1000.0), (32.0, 2000.0), (3.0, 300.0))
"""Of the accelerometer in g, of the gyroscope in °/s."""
CHIPS = (metamotion.BMI270, "another one")
"""That a device may say it has."""
WAYS = {
    "zero": lambda byte: 0x00,
    "all ones": lambda byte: 0xFF,
    "lowest": lambda byte: 0x80,
    "highest": lambda byte: 0x7F,
    "one more": lambda byte: (byte + 1) & 0xFF,
}


def broken(packet: bytes) -> Iterator[tuple[str, bytes]]:
    """The way, and the packet."""
    step = max(1, len(packet) // MOST_PLACES)
    for at in range(0, len(packet), step):
        yield "cut", packet[:at]
        # of a number in four bytes this is none
        yield "no number", packet[:at] + b"\xff" * len(packet[at : at + 4]) + packet[at + 4 :]
        for way, change in WAYS.items():
            yield way, packet[:at] + bytes((change(packet[at]),)) + packet[at + 1 :]
    yield "longer", packet + packet[:1]
    yield "twice", packet + packet


def outcomes(capture: Capture) -> dict[str, str]:
    """Digest of what comes out, by kind of packet and way."""
    heard, kinds = capture.heard, dict[tuple[int, bytes], int]()
    for number, packet in enumerate(heard):
        kinds.setdefault((len(packet), packet[:1]), number)
    found: dict[str, str] = {}
    for number in sorted(kinds.values())[:MOST_KINDS]:
        digests: dict[str, hashlib._Hash] = {}
        for way, packet in broken(heard[number]):
            codec, out = capture.codec(), []
            around = (*heard[max(0, number - BEFORE) : number], packet, *heard[number + 1 : number + 1 + AFTER])
            for one in around:
                out += [sample for block in codec.feed(one) for sample in samples_of(block)]
            said = [out, sorted(codec.health.items()), sorted(codec.facts.items()), codec.pending, shown(capture, around)]
            digests.setdefault(way, hashlib.sha256()).update(repr(said).encode())
        found |= {f"packet {number}, {way}": digest.hexdigest()[:12] for way, digest in digests.items()}
    more = {
        "commands": commands,
        "requests": requests,
        "at other rates": at_other_rates,
        "by characteristic": by_characteristic,
    }
    return found | {name: _digest(said_of(capture)) for name, said_of in more.items()}


def shown(capture: Capture, heard: Sequence[bytes], **known: str) -> object:
    """What `hiphinge decode` shows of them: fields, and what was refused."""
    reader = of_family(capture).reader
    if reader is None:
        return None
    one = reader({"link": capture.head["link"], **capture.head["config"], **known})
    packets = [packet for data in heard for packet in one.read(data)] + one.finish()
    return [packets, sorted(one.health.counts.items()), one.pending]


def commands(capture: Capture) -> Iterator[object]:
    """What is read from the bytes that the host writes, whole and broken."""
    read = of_family(capture).command
    for said in sorted({bytes.fromhex(line["said"]) for line in capture.lines if "said" in line}) if read else ():
        yield read(said, capture.head["config"])
        yield from (read(one, capture.head["config"]) for _, one in broken(said))


def by_characteristic(capture: Capture) -> Iterator[object]:
    """What is shown of everything that was heard or said, as it came from each characteristic, in its long and short name."""
    ble = of_family(capture).ble
    names = {line[word] for line in capture.lines for word in ("to", "asked") if word in line}.union(ble.notify if ble else ())
    everything = [bytes.fromhex(line[word]) for line in capture.lines for word in ("heard", "said") if word in line]
    for name in sorted(names | {name[4:8] for name in names}):
        yield name, shown(capture, everything, characteristic=name)


def at_other_rates(capture: Capture) -> Iterator[object]:
    """What is heard, for a codec that is told another rate, or none."""
    for rate_hz in (None, 25.0, 200.0):
        try:
            codec = codec_for(capture.head["family"], capture.head["config"], rate_hz)
        except HiphingeError as error:
            yield str(error)
            continue
        yield [sample for one in capture.heard for block in codec.feed(one) for sample in samples_of(block)]
        yield sorted(codec.health.items()), sorted(codec.facts.items())


def requests(capture: Capture) -> Iterator[object]:
    """What the host would write for each rate and range, or why it cannot be asked for."""
    family = of_family(capture)
    for rate_hz, (acc_g, gyr_dps) in product(ASKED_HZ, ASKED_RANGES):
        for conversation in (family.configure, family.start, family.stop):
            try:
                yield from said(conversation(Request(rate_hz, acc_g, gyr_dps, capture.head["config"])))
            except HiphingeError as error:
                yield str(error)
    if family.probe is not None:
        yield from (family.probe(number, 1_234_567_890_123 * number) for number in range(4))


def said(steps: Sequence[Step]) -> Iterator[object]:
    """The steps, with those that follow each answer that a device may give."""
    for step in steps:
        if isinstance(step, Ask):
            yield step.question, step.known, step.wait_s
            for facts in ({}, *({"accelerometer": chip, step.known: chip} for chip in CHIPS)):
                yield from said(step.then(facts))
        else:
            yield step


def of_family(capture: Capture) -> DeviceFamily:
    return DEVICE_FAMILIES[capture.head["family"]]


def _digest(found: Iterable[object]) -> str:
    return hashlib.sha256(repr([*found]).encode()).hexdigest()[:12]


@pytest.mark.parametrize("capture", CAPTURES, ids=[c.name for c in CAPTURES])
def test_what_comes_out_of_a_broken_packet_is_what_was_taken(capture: Capture) -> None:
    taken = json.loads(TAKEN.read_text("utf-8"))[capture.name]
    now = outcomes(capture)
    assert {kind: now.get(kind) for kind in taken} == taken
    assert now.keys() == taken.keys()


def test_no_capture_is_left_out() -> None:
    taken = json.loads(TAKEN.read_text("utf-8"))
    assert sorted(taken) == sorted(c.name for c in CAPTURES)
    assert all(len({way.partition(", ")[2] for way in ways} - {""}) == len(WAYS) + 4 for ways in taken.values())


def main() -> None:
    """Take today's outcomes."""
    TAKEN.write_text(json.dumps({capture.name: outcomes(capture) for capture in CAPTURES}, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
