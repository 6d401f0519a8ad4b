"""Single packets of a device as fields with names: `hiphinge decode` shows them for debugging a sensor.

The codecs of `firmware_protocol.codec` give blocks of samples to the engine; the readers here show the same bytes one
packet at a time, also those that carry no sample. Both are strict in the same way and count what they refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firmware_protocol.codec import Health
from firmware_protocol.packetwise import Buffered

Fields = dict[str, Any]
"""Names and SI values of one packet: ``t`` s, ``acc`` m/s², ``gyr`` rad/s, ``quat`` w x y z, …"""


_LARGEST = 1e9
"""Largest number in a configuration; a larger one is a mistake (ours)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. lost: samples missing immediately before it. restart: the device's clock began anew with it.

    sample: where a sample comes in several frames, the whole sample that this frame completed.
    """

    fields: Fields
    lost: int = 0
    restart: bool = False
    sample: Fields | None = None


class PacketReader(Protocol):
    """Reads one device's packets. Never raises, whatever the bytes."""

    def read(self, data: bytes) -> list[Packet]:
        """The packets completed by `data`: a radio packet, or any slice of a serial stream."""
        ...

    def finish(self) -> list[Packet]:
        """No more data will follow: returns packets held back for a second part; counts the remains of a radio packet."""
        ...

    @property
    def health(self) -> Health:
        """Counted refusals, under the words of the device tables: ``checksum``, ``truncated``, ``garbage``, …"""
        ...

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their packet."""
        ...


class StrictReader:
    """The common part of all families' readers: they count refusals, and by default hold nothing back."""

    def __init__(self) -> None:
        self.health = Health()
        self._buffer: Buffered | None = None

    def finish(self) -> list[Packet]:
        """See `PacketReader.finish`."""
        return []

    @property
    def pending(self) -> int:
        """See `PacketReader.pending`."""
        return len(self._buffer.rest) if self._buffer is not None else 0

    def _one(self, found: Fields | str) -> list[Packet]:
        """The packet with these fields; no packet where `found` is the word for a fault."""
        if isinstance(found, str):
            self.health.count(found)
            return []
        return [Packet(found)]


def number(config: Mapping[str, Any], word: str, default: float) -> float:
    """A positive number from a configuration; `default` where it is missing or not positive."""
    value = config.get(word)
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LARGEST
    return float(value) if sound else default  # type: ignore[arg-type]
