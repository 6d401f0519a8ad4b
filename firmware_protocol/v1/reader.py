"""Single packets of protocol v1 as fields, for debugging firmware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from body_signals import SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.framing import Deframer
from firmware_protocol.packets import Fields, Packet
from firmware_protocol.v1.decoder import MessageStream
from firmware_protocol.v1.messages import VERSION, Kind, MalformedMessage, Mux, UnsupportedVersion, decode_message

_DATA = bytes((Kind.DATA, VERSION))
_NUMBER = np.zeros(1, np.int64)
"""The number of every packet: packets are not numbered here."""


class Reader:
    """Packets of radio packets; see `firmware_protocol.packets.PacketReader`. DATA comes as its samples."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.health = Health()
        self._streams: dict[int | None, MessageStream] = {}
        """By sensor number; None without a gateway."""

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if not data:
            self.health.count("truncated")
            return []
        return self._message(data, None)

    def _message(self, message: bytes, sensor: int | None) -> list[Packet]:
        if message[:2] == _DATA:
            stream = self._stream(sensor)
            packets = [packet for block in stream.feed_one(message) for packet in _packets(block, sensor)]
            self._count(stream)
            return packets
        try:
            record = decode_message(message)
        except UnsupportedVersion:
            self.health.count("unsupported_version")
            return []
        except MalformedMessage as error:
            self.health.count(error.health)
            return []
        if isinstance(record, Mux):
            return self._message(record.message, record.sensor)
        stream = self._stream(sensor)
        stream.take(record, _NUMBER)
        stream.probes()  # not used here
        self._count(stream)
        return [Packet(_with_sensor({"message": Kind(message[0]).name.lower(), **asdict(record)}, sensor))]

    def _stream(self, sensor: int | None) -> MessageStream:
        """State of a sensor, with a separate health for the present message."""
        stream = self._streams.setdefault(sensor, MessageStream(Health()))
        stream.health = Health()
        return stream

    def _count(self, stream: MessageStream) -> None:
        """Count what the stream has refused of the message at hand."""
        for word, n in stream.health.counts.items():
            if word not in _FACTS:
                self.health.count(word, n)

    def finish(self) -> list[Packet]:
        """See `PacketReader.finish`."""
        return []

    @property
    def pending(self) -> int:
        """Always 0: a radio packet holds a whole message."""
        return 0


_FACTS = ("restart", "saturated", "overrun", "button", "tap", "repeated")
"""Counts of a stream that are not refusals."""


def _with_sensor(fields: Fields, sensor: int | None) -> Fields:
    return fields if sensor is None else {**fields, "sensor": sensor}


def _packets(block: SampleBlock, sensor: int | None) -> list[Packet]:
    assert block.device_time_s is not None
    assert block.gyr is not None
    packets = []
    for i in range(len(block)):
        fields: Fields = {
            "message": "data",
            "t": float(block.device_time_s[i]),
            "acc": block.acc[i].tolist(),
            "gyr": block.gyr[i].tolist(),
        }
        if block.quat is not None:
            fields["quat"] = block.quat[i].tolist()
        packets.append(Packet(_with_sensor(fields, sensor), int(block.lost[i]), bool(block.restart[i])))
    return packets


class SerialReader(Reader):
    """The same of a byte stream cut anywhere."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._deframer = Deframer(self.health)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        return [packet for _, message in self._deframer.feed(data) for packet in self._message(message, None)]

    @property
    def pending(self) -> int:
        """See `PacketReader.pending`."""
        return self._deframer.pending
