"""Fuzzes every codec and packet reader: no exception, no hang, no growth, whatever the bytes.

Each round takes real packets of a family, and the shared vectors where they are found, and damages them: bits flipped,
bytes cut out, doubled or put in, packets dropped, repeated, swapped and spliced, pure noise. The same bytes go through
`feed` one by one, `feed_packets` at once and the packet reader. A seed repeats a run.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np

from benchmarks.codec_streams import STREAMS
from firmware_protocol import DEVICE_FAMILIES

MOST_PENDING = 8192
"""Bytes that no codec may exceed while it waits."""
SLOWEST_S = 1.0
"""Of processor time: a few hundred packets are decoded in far less, however busy the machine is."""
MOST_GROWTH = 4_000_000
"""Bytes by which a codec that was fed for long may hold more than after its first thousand packets."""


def corpus(family: str) -> list[bytes]:
    """Packets of this family: our own streams, and the shared vectors."""
    packets = list(STREAMS[family](208, 100.0).packets)
    root = Path(__file__).resolve().parents[2]
    vectors = Path(os.environ.get("HIPHINGE_SHARED", root / "shared")) / "vectors/vectors.json"
    if vectors.is_file():
        for vector in json.loads(vectors.read_text()):
            if vector["family"] == family:
                packets += [bytes.fromhex(chunk) for chunk in vector.get("chunks", [vector["hex"]])]
    return packets


def damaged(packets: list[bytes], chance: random.Random) -> list[bytes]:
    """A few hundred packets, most of them whole."""
    out: list[bytes] = []
    at = chance.randrange(len(packets))
    for _ in range(chance.randrange(1, 300)):
        at = (at + 1) % len(packets) if chance.random() < 0.97 else chance.randrange(len(packets))
        data = bytearray(packets[at])
        what = chance.random()
        if what < 0.05 and data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif what < 0.10 and data:
            cut = chance.randrange(len(data))
            del data[cut : cut + chance.randrange(1, 8)]
        elif what < 0.14:
            where = chance.randrange(len(data) + 1)
            data[where:where] = chance.randbytes(chance.randrange(1, 40))
        elif what < 0.17 and data:
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.choice((0x00, 0x0A, 0x55, 0x61, 0x7F, 0x80, 0xDB, 0xFF, 0x02))
        elif what < 0.20:
            data += chance.choice(packets)
        elif what < 0.22:
            data = bytearray(chance.randbytes(chance.randrange(0, 600)))
        elif what < 0.24:
            out.append(bytes(data))
        elif what < 0.27:
            continue
        elif what < 0.28:
            data = bytearray(chance.choice((b"\x00", b"\xff", b"\x55", b"7", b"I,1", b"\x02")) * chance.randrange(1, 5000))
        out.append(bytes(data))
    return out


def one_round(family: str, packets: list[bytes], chance: random.Random, codecs: list[object]) -> int:
    """Feed one damaged run; the number of packets. Raises AssertionError, or what a codec raised."""
    run = damaged(packets, chance)
    began = time.process_time()
    found = DEVICE_FAMILIES[family]
    single, joined = STREAMS[family](8, 100.0).codec(), STREAMS[family](8, 100.0).codec()
    count = 0
    for packet in run:
        for block in single.feed(packet):
            count += len(block)
            assert np.isfinite(block.acc).all()
            assert (block.lost >= 0).all()
        assert single.pending <= MOST_PENDING, f"{single.pending} bytes wait"
    blocks = joined.feed_packets(b"".join(run), np.array([len(p) for p in run], np.int64))
    assert sum(map(len, blocks)) == count, "feed and feed_packets differ"
    assert dict(single.health) == dict(joined.health), "feed and feed_packets count differently"
    assert single.pending == joined.pending
    if found.reader is not None:
        reader = found.reader({})
        for packet in run:
            reader.read(packet)
            assert reader.pending <= MOST_PENDING
        reader.finish()
    if found.command is not None:
        for packet in run[:20]:
            found.command(packet, {})
    long_lived = codecs[0]
    long_lived.feed(b"".join(run[:50]))  # type: ignore[attr-defined]
    took = time.process_time() - began
    assert took < SLOWEST_S, f"{len(run)} packets took {took:.2f} s"
    return len(run)


def fuzz(family: str, seconds: float, seed: int) -> str:
    """Fuzz one family; what was done, in words. Raises with the seed of the round that failed."""
    packets = corpus(family)
    began = time.monotonic()
    rounds = fed = 0
    codecs: list[object] = [STREAMS[family](8, 100.0).codec()]
    tracemalloc.start(1)
    base = 0
    try:
        while time.monotonic() - began < seconds:
            number = seed + rounds
            try:
                fed += one_round(family, packets, random.Random(number), codecs)
            except BaseException as error:
                error.add_note(f"{family}: repeat with --family {family} --seed {number} --seconds 1")
                raise
            rounds += 1
            if not base and fed > 2000:
                gc.collect()
                base = tracemalloc.get_traced_memory()[0]
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - base if base else 0
        assert grown < MOST_GROWTH, f"{family}: holds {grown} bytes more than after its first packets"
    finally:
        tracemalloc.stop()
    return f"{family:20s} {rounds:8d} rounds {fed:10d} packets, memory {grown / 1000:+8.0f} kB"


def main(seconds: float, families: list[str], seed: int) -> None:
    """Fuzz the families one after another, `seconds` each."""
    for family in families:
        print(fuzz(family, seconds, seed), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_codecs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each family")
    parser.add_argument("--family", action="append", choices=sorted(STREAMS), help="only this one; repeatable")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warnings.simplefilter("error")
    main(given.seconds, given.family or list(STREAMS), given.seed)
