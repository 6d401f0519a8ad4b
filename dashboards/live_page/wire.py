"""What a session and the process of its page say to each other: messages in MessagePack, each behind its length.

They go through the standard input and output of the page's process, which exist on every system. Rows are bytes already, and
documents are JSON already, so that nothing is made twice. The two processes are of the same version: the messages have none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

LENGTH = struct.Struct("<I")
"""Before each message: its length in bytes."""
MOST_READ = 1 << 16
"""Bytes that are read at a time (ours)."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Any message."""


class Serve(Message, frozen=True, array_like=True, tag="serve"):
    """The first message to the page's process: where to listen, and who may come.

    port: None for the usual one or, where that is taken, any free one; 0 for any free one. tokens: value and role of those that
    may be used again, from this machine. certificate: files of chain, key and authority; empty: none.
    """

    host: str
    port: int | None
    addresses: tuple[str, ...]
    tokens: tuple[tuple[str, str], ...]
    certificate: tuple[str, ...]
    columns: tuple[str, ...]
    head: bytes


class Rows(Message, frozen=True, array_like=True, tag="rows"):
    """The next rows, float32, little-endian, one after the other, and their session times. now_s: the session's present."""

    now_s: float
    time_s: list[float]
    data: bytes


class Document(Message, frozen=True, array_like=True, tag="doc"):
    """The newest document of a kind, as JSON."""

    kind: str
    data: bytes


class Begin(Message, frozen=True, array_like=True, tag="begin"):
    """A session begins: its head, as JSON. All pages connect again."""

    head: bytes


class BodyState(Message, frozen=True, array_like=True, tag="body"):
    """What the body is: waiting, calibrating, streaming."""

    state: str


class Repetition(Message, frozen=True, array_like=True, tag="rep"):
    """A repetition has ended: its document, as JSON."""

    data: bytes


class Answer(Message, frozen=True, array_like=True, tag="answer"):
    """What came of an order, as JSON; they are counted from 1."""

    number: int
    data: bytes


class Token(Message, frozen=True, array_like=True, tag="token"):
    """Another token, which serves once and from anywhere. number: of the `Done` that answers."""

    value: str
    role: str
    number: int


class Revoke(Message, frozen=True, array_like=True, tag="revoke"):
    """The pages of this login are sent away."""

    id: str


class End(Message, frozen=True, array_like=True, tag="end"):
    """The session has ended: the process says so to all pages and ends."""


class Listening(Message, frozen=True, array_like=True, tag="listening"):
    """The page is served at this port."""

    port: int


class Refused(Message, frozen=True, array_like=True, tag="refused"):
    """The page cannot be served."""

    what: str
    where: str
    remedy: str


class Said(Message, frozen=True, array_like=True, tag="said"):
    """What an operator's page says, as it came. id, address: of its login."""

    id: str
    address: str
    data: bytes


class Record(Message, frozen=True, array_like=True, tag="log"):
    """A line for the log."""

    name: str
    level: int
    text: str


class Done(Message, frozen=True, array_like=True, tag="done"):
    """A `Token` is known now."""

    number: int


class Fault(Message, frozen=True, array_like=True, tag="fault"):
    """The process ends, because of this."""

    what: str


ToPage = Serve | Rows | Document | Begin | BodyState | Repetition | Answer | Token | Revoke | End
FromPage = Listening | Refused | Said | Record | Done | Fault
to_page = msgspec.msgpack.Decoder(ToPage)
from_page = msgspec.msgpack.Decoder(FromPage)
_encoder = msgspec.msgpack.Encoder()


def packed(message: Message) -> bytes:
    """A message with its length before it."""
    data = _encoder.encode(message)
    return LENGTH.pack(len(data)) + data


class Stream:
    """Cuts bytes, as they come, into messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole now, without their lengths."""
        self._bytes += data
        at = 0
        while len(self._bytes) - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._bytes, at)
            begin, end = at + LENGTH.size, at + LENGTH.size + length
            if end > len(self._bytes):
                break
            yield bytes(self._bytes[begin:end])
            at = end
        del self._bytes[:at]
