"""Open Sound Control 1.0: messages in packets, as some sensors send them over UDP, a packet a datagram.

A packet is a message, or a bundle: ``#bundle``, a time tag, and packets with their sizes. A message is an address (text that
begins with a slash), the types of its values after a comma, and the values, each in multiples of four bytes, big-endian. A time
tag is NTP's: seconds since 1900 in 32 bits, and their fraction in 32 bits; 1 says *immediately*.

Source: M. Wright, The Open Sound Control 1.0 Specification (2002), opensoundcontrol.stanford.edu.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

BUNDLE = b"#bundle\0"
IMMEDIATELY = 1
"""The time tag of a message without a time."""
_DEEPEST = 4
"""Most bundles inside each other (ours): a device has one, and a stack is not endless."""
_HEADER = struct.Struct(">8sQ")
Value = float | int | str | bytes | bool | None


class OscMessage(NamedTuple):
    """A message: its address, the types of its values, the values, and the time tag of the bundle that it stood in."""

    address: str
    types: str
    values: tuple[Value, ...]
    tag: int = IMMEDIATELY


class _Refused(Exception):
    """Bytes that are no packet; the word under which it is counted. Stays in this file."""


def messages_of(packet: bytes) -> list[OscMessage] | str:
    """The messages of a packet in order, or the word under which its fault is counted: all of it is sound, or none of it."""
    found: list[OscMessage] = []
    if not packet:
        return found
    try:
        _take(packet, IMMEDIATELY, found, 0)
    except _Refused as refused:
        return str(refused)
    return found


def encode_message(address: str, *values: float | str) -> bytes:
    """A message whose values are float32 or text."""
    types = "," + "".join("s" if isinstance(value, str) else "f" for value in values)
    content = [_padded(value.encode()) if isinstance(value, str) else struct.pack(">f", value) for value in values]
    return _padded(address.encode()) + _padded(types.encode()) + b"".join(content)


def encode_bundle(tag: int, *packets: bytes) -> bytes:
    """A bundle of packets with its time tag."""
    return _HEADER.pack(BUNDLE, tag) + b"".join(struct.pack(">I", len(packet)) + packet for packet in packets)


def _padded(text: bytes) -> bytes:
    return text + bytes(4 - len(text) % 4)


def _take(packet: bytes, tag: int, found: list[OscMessage], depth: int) -> None:
    if len(packet) < 4:
        raise _Refused("truncated")
    if len(packet) % 4:
        raise _Refused("length")
    if packet.startswith(b"/"):
        found.append(_message(packet, tag))
        return
    if not packet.startswith(BUNDLE):
        raise _Refused("unknown_type")
    if len(packet) < _HEADER.size:
        raise _Refused("truncated")
    if depth == _DEEPEST:
        raise _Refused("parse")
    _, tag = _HEADER.unpack_from(packet)
    at = _HEADER.size
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        if at + 4 + size > len(packet):
            raise _Refused("truncated")
        _take(packet[at + 4 : at + 4 + size], tag, found, depth + 1)
        at += 4 + size


def _message(packet: bytes, tag: int) -> OscMessage:
    address, at = _text(packet, 0)
    types, at = _text(packet, at)
    if not types.startswith(","):
        raise _Refused("parse")
    values: list[Value] = []
    for kind in types[1:]:
        if kind not in _VALUES:
            raise _Refused("parse")
        value, at = _VALUES[kind](packet, at)
        values.append(value)
    if at != len(packet):
        raise _Refused("length")
    return OscMessage(address, types[1:], tuple(values), tag)


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.find(b"\0", at)
    if end < 0:
        raise _Refused("truncated")
    try:
        return packet[at:end].decode("ascii"), end + 4 - end % 4
    except UnicodeDecodeError:
        raise _Refused("parse") from None


def _bytes(packet: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(packet[at : at + 4], "big")
    end = at + 4 + size
    if at + 4 > len(packet) or end > len(packet):
        raise _Refused("truncated")
    return packet[at + 4 : end], end + -end % 4


def _number(form: str) -> Callable[[bytes, int], tuple[Value, int]]:
    one = struct.Struct(form)

    def value(packet: bytes, at: int) -> tuple[Value, int]:
        if at + one.size > len(packet):
            raise _Refused("truncated")
        return one.unpack_from(packet, at)[0], at + one.size

    return value


def _nothing(value: Value) -> Callable[[bytes, int], tuple[Value, int]]:
    return lambda packet, at: (value, at)


_VALUES: dict[str, Callable[[bytes, int], tuple[Value, int]]] = {
    "f": _number(">f"),
    "i": _number(">i"),
    "d": _number(">d"),
    "h": _number(">q"),
    "t": _number(">Q"),
    "s": _text,
    "b": _bytes,
    "T": _nothing(True),
    "F": _nothing(False),
    "N": _nothing(None),
}
"""Reads a value by its type: the four of the specification, and of its further ones those that devices use."""
