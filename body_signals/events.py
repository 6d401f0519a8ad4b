"""Everything that the engine may know, as events in sequence order.

Each event has a global sequence number `seq` (strictly increasing over the log, no gaps while recording) and the
host's monotonic arrival time `arrival_ns`. Packets of one sensor may travel together in one `Packets` event, each
with its own number and arrival time. The first `UtcAnchor` is the zero of session time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals.blocks import Ints
from body_signals.marks import ACTING, undone

LONGEST_LOOK_NS = 60_000_000_000
"""What a person sees on a screen is not older than this; an earlier row was seen by nobody (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """Packets of one sensor as they arrived.

    seq (p,), arrival_ns (p,): int64, both increasing. lengths (p,): int64, bytes of each packet.
    data: the payloads one after another; their lengths add up to len(data).
    """

    sensor: str
    seq: Ints
    arrival_ns: Ints
    lengths: Ints
    data: bytes

    def __post_init__(self) -> None:
        if not len(self.seq) == len(self.arrival_ns) == len(self.lengths):
            raise ValueError("Packets: seq, arrival_ns and lengths must have the same length")
        if int(self.lengths.sum()) != len(self.data):
            raise ValueError(f"Packets: lengths add up to {int(self.lengths.sum())}, data has {len(self.data)} bytes")
        for array in (self.seq, self.arrival_ns, self.lengths):
            array.flags.writeable = False

    @classmethod
    def one(cls, sensor: str, seq: int, arrival_ns: int, payload: bytes) -> Packets:
        """A single packet."""
        return cls.join(sensor, [(seq, arrival_ns, payload)])

    @classmethod
    def join(cls, sensor: str, packets: list[tuple[int, int, bytes]]) -> Packets:
        """Several packets ``(seq, arrival_ns, payload)`` of one sensor as one event."""
        return cls(
            sensor,
            np.array([p[0] for p in packets], np.int64),
            np.array([p[1] for p in packets], np.int64),
            np.array([len(p[2]) for p in packets], np.int64),
            b"".join(p[2] for p in packets),
        )

    @classmethod
    def concatenated(cls, events: Sequence[Packets]) -> Packets:
        """Several events of one sensor, at least one, as one; payloads stay joined as they are."""
        if len(events) == 1:
            return events[0]
        return cls(
            events[0].sensor,
            np.concatenate([event.seq for event in events]),
            np.concatenate([event.arrival_ns for event in events]),
            np.concatenate([event.lengths for event in events]),
            b"".join([event.data for event in events]),
        )

    def __len__(self) -> int:
        return len(self.seq)

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        """``(seq, arrival_ns, payload)`` of each packet."""
        end = np.cumsum(self.lengths)
        for s, a, e, n in zip(self.seq.tolist(), self.arrival_ns.tolist(), end.tolist(), self.lengths.tolist(), strict=True):
            yield s, a, self.data[e - n : e]


@dataclass(frozen=True, slots=True)
class Connected:
    """A sensor's link is up; its packets that follow belong to a new stream."""

    seq: int
    arrival_ns: int
    sensor: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A sensor's link is down; `reason` is for people."""

    seq: int
    arrival_ns: int
    sensor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Watchdog:
    """A reader's timer has decided something about a sensor, e.g. ``stalled``."""

    seq: int
    arrival_ns: int
    sensor: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Battery:
    """A reader has read a sensor's charge beside its stream; 0 to 100 percent."""

    seq: int
    arrival_ns: int
    sensor: str
    percent: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's mark. ``calibrate`` starts a calibration; any other label is kept as a note.

    seen_ns: the host's time of the row that the person saw who set it on a screen; None where that is not known.
    """

    seq: int
    arrival_ns: int
    label: str
    seen_ns: int | None = None

    @property
    def at_ns(self) -> int:
        """When it was meant: at the row that was seen, where it is at most `LONGEST_LOOK_NS` old, else when it came. A mark
        that acts does so from when it came."""
        seen = self.seen_ns
        if seen is None or self.label in ACTING or not 0 <= self.arrival_ns - seen <= LONGEST_LOOK_NS:
            return self.arrival_ns
        return seen


@dataclass(frozen=True, slots=True)
class SaidMark(Mark):
    """A mark that is in no recording, given to the engine as if it had come then. said: ``session`` (session.toml) or
    ``afterwards`` (edits.toml)."""

    said: str = "afterwards"


def standing(marks: Iterable[Mark]) -> list[Mark]:
    """Those of the marks, in order, that count: without what was taken back (``undo SEQ``), and without the taking back. A
    mark that acts cannot be taken back: what it did is computed."""
    found: dict[int, Mark] = {}
    for mark in marks:
        back = undone(mark.label)
        if back is None:
            found[mark.seq] = mark
        elif back in found and found[back].label not in ACTING:
            del found[back]
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Command:
    """Something the program sent to a sensor."""

    seq: int
    arrival_ns: int
    sensor: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Every 100 ms: time passes also when all radios are silent."""

    seq: int
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class UtcAnchor:
    """Ties the host's monotonic clock to the calendar; the first one is session time 0."""

    seq: int
    arrival_ns: int
    utc_ns: int


SingleEvent = Connected | Lost | Watchdog | Battery | Mark | Command | Heartbeat | UtcAnchor
Event = Packets | SingleEvent


def zero_ns(events: Sequence[object]) -> int | None:
    """Arrival time of session time 0, told by the first events of a log: that of the first UTC anchor, else of the first event
    that has one; None where none has."""
    anchors = [e for e in events if isinstance(e, UtcAnchor)]
    if anchors:
        return min(anchors, key=lambda e: e.seq).arrival_ns
    firsts = [
        (int(e.seq[0]), int(e.arrival_ns[0])) if isinstance(e, Packets) else (e.seq, e.arrival_ns)
        for e in events
        if isinstance(e, Packets | SingleEvent) and (not isinstance(e, Packets) or len(e))
    ]
    return min(firsts)[1] if firsts else None
