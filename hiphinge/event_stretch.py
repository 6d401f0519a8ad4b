"""The events of a stretch of sequence numbers, sorted out once, so that cutting them anywhere costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Event, Heartbeat, Ints, Mark, Packets, SingleEvent, TimedBlock


@dataclass(frozen=True, slots=True, eq=False)
class EventStretch:
    """uncut: by sensor, all of its packets in one, in order; begun: how many of these, and of their bytes, belong to what was
    cut off before. single_seq and single_ns (k,): sequence numbers and arrival times of the other events, as they came;
    singles: those of them that say more than that time passes, as they came. samples: of a plain session."""

    uncut: Mapping[str, Packets]
    begun: Mapping[str, tuple[int, int]]
    singles: Sequence[SingleEvent]
    single_seq: Ints
    single_ns: Ints
    samples: Sequence[TimedBlock]

    @classmethod
    def of(cls, events: Sequence[Event | TimedBlock]) -> EventStretch:
        """These events, which may come in any order."""
        packets: dict[str, list[Packets]] = {}
        singles: list[SingleEvent] = []
        telling: list[SingleEvent] = []
        samples: list[TimedBlock] = []
        for event in events:
            # nearly all of them are heartbeats
            if type(event) is Heartbeat:
                singles.append(event)
            elif isinstance(event, Packets):
                if len(event):
                    packets.setdefault(event.sensor, []).append(event)
            elif isinstance(event, TimedBlock):
                samples.append(event)
            else:
                singles.append(event)
                telling.append(event)
        for group in packets.values():
            group.sort(key=_first)
        single_seq = np.array([event.seq for event in singles], np.int64)
        single_ns = np.array([event.arrival_ns for event in singles], np.int64)
        one = {key: Packets.concatenated(group) for key, group in packets.items()}
        return cls(one, dict.fromkeys(one, (0, 0)), telling, single_seq, single_ns, samples)

    @property
    def packets(self) -> Mapping[str, Packets]:
        """By sensor, all in one, in order."""
        return {key: _part(packets, *self.begun[key], len(packets), len(packets.data)) for key, packets in self.uncut.items()}

    def marks(self, label: str) -> list[Mark]:
        """The marks of this label."""
        return [event for event in self.singles if isinstance(event, Mark) and event.label == label]

    def first_from(self, arrival_ns: int) -> int | None:
        """Sequence number of the first event that arrives at or after `arrival_ns`, None if there is none."""
        late = self.single_ns >= arrival_ns
        found = [int(self.single_seq[late].min())] if np.count_nonzero(late) else []
        for key, packets in self.uncut.items():
            first, _ = self.begun[key]
            late = packets.arrival_ns[first:] >= arrival_ns
            at = int(late.argmax())
            if late[at]:
                found.append(packets.seq.item(first + at))
        return min(found, default=None)

    def cut(self, seq: int) -> tuple[EventStretch, EventStretch]:
        """The events up to `seq`, and those after it; packets of one sensor that lie on both sides are parted. The bytes of the
        later ones stay where they are until they are asked for."""
        before: dict[str, Packets] = {}
        after: dict[str, Packets] = {}
        begun: dict[str, tuple[int, int]] = {}
        for key, packets in self.uncut.items():
            first, at = self.begun[key]
            stop = int(packets.seq.searchsorted(seq, side="right"))
            if stop > first:
                end = at + int(packets.lengths[first:stop].sum())
                before[key] = _part(packets, first, at, stop, end)
                first, at = stop, end
            if first < len(packets):
                after[key], begun[key] = packets, (first, at)
        early = self.single_seq <= seq
        return (
            EventStretch(
                before,
                dict.fromkeys(before, (0, 0)),
                [event for event in self.singles if event.seq <= seq],
                self.single_seq[early],
                self.single_ns[early],
                [block for block in self.samples if block.seq.item(0) <= seq],
            ),
            EventStretch(
                after,
                begun,
                [event for event in self.singles if event.seq > seq],
                self.single_seq[~early],
                self.single_ns[~early],
                [block for block in self.samples if block.seq.item(0) > seq],
            ),
        )


def _first(packets: Packets) -> int:
    return packets.seq.item(0)


def _part(packets: Packets, first: int, at: int, stop: int, end: int) -> Packets:
    """Packets first … stop, which are the bytes at … end."""
    if stop - first == len(packets):
        return packets
    part = slice(first, stop)
    return Packets(packets.sensor, packets.seq[part], packets.arrival_ns[part], packets.lengths[part], packets.data[at:end])
