"""What every device codec offers: bytes in, blocks of samples out.

A codec is pure: no I/O, no clock, no thread. `feed` never raises, whatever the bytes; what is wrong is counted in
`health`. The result does not depend on how a stream was cut, and a codec's buffers are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from body_signals import Ints, SampleBlock


class Probe(NamedTuple):
    """A question for the device's clock that was answered, two-way: the device got it at `device_s` of its own clock,
    unwrapped as its samples are, and the host had sent it at `host_sent_ns`. packet: the packet that brought the answer, as in
    `SampleBlock.packet`. held_ns: time that the device took to answer, which is no part of the round trip."""

    packet: int
    host_sent_ns: int
    device_s: float
    held_ns: int


@runtime_checkable
class Probed(Protocol):
    """A codec of devices whose clock can be asked."""

    def probes(self) -> list[Probe]:
        """Answers that the last `feed` or `feed_packets` has found; given once."""
        ...


@runtime_checkable
class Identified(Protocol):
    """A codec that hears from the device which one it is."""

    def identities(self) -> list[tuple[int, str]]:
        """Serial numbers that the last `feed` or `feed_packets` has found, each with the packet's number; given once."""
        ...


class Codec(Protocol):
    """Decoder of one sensor's stream."""

    @property
    def family(self) -> str:
        """The word for this wire format in kits and sessions."""
        ...

    def feed(self, data: bytes) -> list[SampleBlock]:
        """Decode one radio packet, or any slice of a serial stream. `SampleBlock.packet` is 0 throughout."""
        ...

    def feed_packets(self, data: bytes, lengths: Ints) -> list[SampleBlock]:
        """Decode packets that lie one after another in `data`; bit for bit what `feed` gives for one after another.

        lengths (p,): bytes of each packet. `SampleBlock.packet` runs from 0 to p - 1. Raises ValueError when a length
        is negative or they do not add up to len(data): that is the caller's mistake, not the device's.
        """
        ...

    @property
    def health(self) -> Mapping[str, int]:
        """Counted facts about the stream, e.g. ``{"checksum": 1, "unknown_kind": 2}``; absent means never."""
        ...

    @property
    def facts(self) -> Mapping[str, str | float]:
        """What the device said of itself: model, serial, battery_percent, … and ``refused`` with the reason."""
        ...

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        ...


class Health:
    """Counts of what was noticed in a stream; the words are few and fixed, so it stays small."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, word: str, n: int = 1) -> None:
        """Note that `word` happened `n` times more."""
        if n:
            self._counts[word] = self._counts.get(word, 0) + n

    @property
    def counts(self) -> Mapping[str, int]:
        """A live read-only view."""
        return MappingProxyType(self._counts)


def check_lengths(data: bytes, lengths: Ints) -> None:
    """Raise ValueError when lengths of packets are negative or do not add up to `data`; see `Codec.feed_packets`."""
    if (len(lengths) and int(lengths.min()) < 0) or int(lengths.sum()) != len(data):
        raise ValueError(f"lengths of packets add up to {int(lengths.sum())}, data has {len(data)} bytes")


def split_packets(data: bytes, lengths: Ints) -> list[bytes]:
    """The packets that lie one after another in `data`; raises as `check_lengths` does."""
    check_lengths(data, lengths)
    ends = np.cumsum(lengths).tolist()
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
