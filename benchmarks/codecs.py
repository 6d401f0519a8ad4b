"""Decode throughput of every codec: µs per sample, and what four sensors at 200 Hz take of one core. Target: below 2 %.

Two ways: each packet by itself, as it arrives when little is going on, and the packets of 20 ms at once, as the live
path takes them. Processor time, the best of three rounds over the same encoded stream.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.codec_streams import STREAMS, Stream

SENSORS, RATE_HZ = 4, 200.0
BUDGET = 0.02
"""Share of one core."""
BATCH_S = 0.02


def seconds(stream: Stream, packets_at_once: int) -> float:
    """Processor time to decode the whole stream, the best of three."""
    best = float("inf")
    for _ in range(3):
        codec = stream.codec()
        pieces = [stream.packets[i : i + packets_at_once] for i in range(0, len(stream.packets), packets_at_once)]
        batches = [(b"".join(piece), np.array([len(p) for p in piece], np.int64)) for piece in pieces]
        count = 0
        began = time.process_time()
        if packets_at_once == 1:
            for data, _ in batches:
                for block in codec.feed(data):
                    count += len(block)
        else:
            for data, lengths in batches:
                for block in codec.feed_packets(data, lengths):
                    count += len(block)
        best = min(best, time.process_time() - began)
        assert count == sum(stream.samples), f"{stream.family}: {count} samples of {sum(stream.samples)}"
    return best


def main(samples: int = 20_000) -> bool:
    """Print the table; False where a codec, fed either way, takes more than its share."""
    print(f"{samples} samples per family; share of one core for {SENSORS} sensors at {RATE_HZ:g} Hz, target < {BUDGET:.0%}")
    print(f"{'family':20s} {'packet by packet':>24s} {'packets of 20 ms at once':>27s}")
    kept = True
    for family, make in STREAMS.items():
        stream = make(samples, RATE_HZ)
        n = sum(stream.samples)
        packets_s = len(stream.packets) / (n / RATE_HZ)
        at_once = max(2, round(packets_s * BATCH_S * SENSORS))
        cells = []
        for packets in (1, at_once):
            each = seconds(stream, packets) / n
            share = each * SENSORS * RATE_HZ
            kept &= share < BUDGET
            cells.append(f"{1e6 * each:8.2f} µs {100 * share:8.3f} %")
        print(f"{family:20s} {cells[0]:>24s} {cells[1]:>27s}", flush=True)
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codecs", description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    raise SystemExit(0 if main(parser.parse_args().samples) else 1)
