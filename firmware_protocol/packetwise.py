"""The common part of all families' codecs: counting, storing the device's facts, taking packets one after another.

A family's codec interprets its packets in `_decode`; the contract is `firmware_protocol.codec.Codec`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from body_signals import Ints, SampleBlock
from firmware_protocol.codec import Health, split_packets


class Buffered(Protocol):
    """Cuts a stream into frames, and keeps the beginning of a frame until the rest arrives."""

    rest: bytes


class Serials:
    """Serial numbers in the order in which a device sent them, each with the number of the packet, until they are taken."""

    def __init__(self) -> None:
        self._told: list[tuple[int, str]] = []

    def tell(self, packet: int, serial: object) -> None:
        """A packet stated its device; does nothing where the text is empty."""
        if serial:
            self._told.append((packet, str(serial)))

    def take(self) -> list[tuple[int, str]]:
        """The serial numbers since the last call."""
        told, self._told = self._told, []
        return told


class CountingCodec:
    """A codec's `health`, `facts` and `pending`, however it decodes."""

    def __init__(self) -> None:
        self._health = Health()
        self._facts: dict[str, str | float] = {}
        self._buffer: Buffered | None = None
        """The buffer for waiting bytes; None where a packet holds whole samples."""
        self._serials = Serials()

    @property
    def health(self) -> Mapping[str, int]:
        """See `Codec.health`."""
        return self._health.counts

    @property
    def facts(self) -> Mapping[str, str | float]:
        """See `Codec.facts`."""
        return MappingProxyType(self._facts)

    def identities(self) -> list[tuple[int, str]]:
        """See `Identified.identities`."""
        return self._serials.take()

    @property
    def pending(self) -> int:
        """See `Codec.pending`."""
        return len(self._buffer.rest) if self._buffer is not None else 0


class PacketwiseCodec(CountingCodec, ABC):
    """A codec that decodes one packet after another."""

    def feed(self, data: bytes) -> list[SampleBlock]:
        """See `Codec.feed`."""
        return self._decode([data])

    def feed_packets(self, data: bytes, lengths: Ints) -> list[SampleBlock]:
        """See `Codec.feed_packets`."""
        return self._decode(split_packets(data, lengths))

    @abstractmethod
    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        """Blocks completed by these packets; `SampleBlock.packet` is a packet's place among them."""
