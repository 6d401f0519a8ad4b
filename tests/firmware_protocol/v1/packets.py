"""Packets of protocol v1 for tests, and the decoder fed with them in two ways."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from firmware_protocol.v1 import Config, Info, encode_data

RATE, PERIOD = 100.0, 10_000
CONFIG = Config.for_ranges(1, RATE)
FIELDS = ("device_time_s", "acc", "gyr", "lost", "saturated", "restart")
configs = st.builds(Config.for_ranges, st.integers(0, 3), st.sampled_from([50.0, 100.0, 104.0]), st.sampled_from([8.0, 16.0]))
texts = st.text(max_size=40)
infos = st.builds(
    Info,
    texts,
    texts,
    texts,
    st.none() | st.integers(0, 2**32 - 1),
    st.none() | st.floats(width=32, allow_nan=False),
    st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(tuple),
    st.lists(st.integers(0, 65535), max_size=5).map(tuple),
    st.lists(st.integers(0, 65535), max_size=5).map(tuple),
    st.none() | st.integers(0, 255),
)
u16, u32, u64 = (st.integers(0, 2**b - 1) for b in (16, 32, 64))
i64 = st.integers(-(2**63), 2**63 - 1)


def data(index: int, n: int = 8, time_us: int | None = None, config: Config = CONFIG, **more: Any) -> bytes:
    acc = 0.1 * (np.arange(n)[:, None] + index % 1000) * [1, -1, 0.5]
    gyr = 0.01 * np.ones((n, 3)) * index % 1
    at = index * PERIOD if time_us is None else time_us
    return encode_data(config, index // n, index, at, (n - 1) * PERIOD, acc, gyr, **more)


def joined(blocks: list[Any]) -> list[bytes]:
    """Every field of all samples as bytes: equality is bit for bit."""
    return [b"".join(getattr(b, name).tobytes() for b in blocks) for name in FIELDS] + [
        b"".join(b.quat.tobytes() for b in blocks if b.quat is not None)
    ]


def one_by_one(codec: Any, packets: list[bytes]) -> tuple[list[Any], list[int]]:
    blocks, packet = [], []
    for i, payload in enumerate(packets):
        for block in codec.feed(payload):
            assert not block.packet.any()
            blocks.append(block)
            packet += [i] * len(block)
    return blocks, packet


def many(codec: Any, packets: list[bytes]) -> tuple[list[Any], list[int]]:
    blocks = codec.feed_packets(b"".join(packets), np.array([len(p) for p in packets], np.int64))
    return blocks, [int(i) for b in blocks for i in b.packet]
