"""Single packets of protocol v1 as fields, for whoever debugs a firmware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from body_signals.blocks import SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.framing import Deframer
from firmware_protocol.packets import Fields, Packet
from firmware_protocol.v1.decoder import V1Codec
from firmware_protocol.v1.messages import (
    Kind,
    MalformedMessage,
    UnsupportedVersion,
    check_header,
    decode_config,
    decode_event,
    decode_info,
    decode_setup,
    decode_start,
    decode_sync,
    unwrap_mux,
)

_DECODERS: dict[Kind, Callable[[bytes], Any]] = {
    Kind.INFO: decode_info,
    Kind.CONFIG: decode_config,
    Kind.START: decode_start,
    Kind.SYNC: decode_sync,
    Kind.EVENT: decode_event,
    Kind.SETUP: decode_setup,
}


class Reader:
    """Packets of radio packets; see `firmware_protocol.packets.PacketReader`. DATA comes as its samples."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.health = Health()
        self._codecs: dict[int | None, V1Codec] = {}
        self._new: set[str] = set()
        """What the codec has counted of the message at hand."""

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if not data:
            self.health.count("truncated")
            return []
        return self._message(data, None)

    def _message(self, message: bytes, sensor: int | None) -> list[Packet]:
        self._new = set()
        try:
            kind = check_header(message)
            if kind == Kind.MUX:
                if sensor is not None:
                    raise MalformedMessage("MUX inside MUX", "nested_mux")
                number, inner = unwrap_mux(message)
                return self._message(inner, number)
            packets = self._samples(message, sensor)
            if kind not in _DECODERS:
                return packets
            record = _DECODERS[Kind(kind)](message)
            return [Packet(_with_sensor({"message": Kind(kind).name.lower(), **asdict(record)}, sensor))]
        except MalformedMessage as error:
            if error.health not in self._new:
                self.health.count(error.health)
        except UnsupportedVersion:
            self._samples(message, sensor)
        return []

    def _samples(self, message: bytes, sensor: int | None) -> list[Packet]:
        """Samples of a DATA message; other messages only change what the codec knows."""
        codec = self._codecs.setdefault(sensor, V1Codec())
        before = dict(codec.health)
        blocks = codec.feed(message)
        new = {word: n - before.get(word, 0) for word, n in codec.health.items() if n > before.get(word, 0)}
        self._new = set(new)
        for word, n in new.items():
            if word not in _FACTS:
                self.health.count(word, n)
        return [packet for block in blocks for packet in _packets(block, sensor)]

    def finish(self) -> list[Packet]:
        """See `PacketReader.finish`."""
        return []

    @property
    def pending(self) -> int:
        """Always 0: a radio packet holds a whole message."""
        return 0


_FACTS = ("restart", "saturated", "overrun", "button", "tap", "repeated")
"""What a codec counts that refuses nothing here."""


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
