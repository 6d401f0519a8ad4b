"""The events of a stretch of sequence numbers, sorted out once, so that cutting them anywhere costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Event, Heartbeat, Ints, Mark, Packets, SingleEvent, TimedBlock


@dataclass(frozen=True, slots=True, eq=False)
class EventStretch:
    """packets: by sensor, all in one, in order. single_seq and single_ns (k,): sequence numbers and arrival times of the other
    events, as they came; singles: those of them that say more than that time passes, as they came. samples: of a plain
    session."""

    packets: Mapping[str, Packets]
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
        return cls(one, telling, single_seq, single_ns, samples)

    def marks(self, label: str) -> list[Mark]:
        """The marks of this label."""
        return [event for event in self.singles if isinstance(event, Mark) and event.label == label]

    def first_from(self, arrival_ns: int) -> int | None:
        """Sequence number of the first event that arrives at or after `arrival_ns`, None if there is none."""
        late = self.single_ns >= arrival_ns
        found = [int(self.single_seq[late].min())] if np.count_nonzero(late) else []
        for packets in self.packets.values():
            late = packets.arrival_ns >= arrival_ns
            at = int(late.argmax())
            if late[at]:
                found.append(packets.seq.item(at))
        return min(found, default=None)

    def cut(self, seq: int) -> tuple[EventStretch, EventStretch]:
        """The events up to `seq`, and those after it; packets of one sensor that lie on both sides are parted."""
        before: dict[str, Packets] = {}
        after: dict[str, Packets] = {}
        for key, packets in self.packets.items():
            n = int(packets.seq.searchsorted(seq, side="right"))
            if 0 < n < len(packets):
                at = int(packets.lengths[:n].sum())
                before[key], after[key] = (
                    _part(packets, slice(0, n), packets.data[:at]),
                    _part(packets, slice(n, None), packets.data[at:]),
                )
            else:
                (before if n else after)[key] = packets
        early = self.single_seq <= seq
        return (
            EventStretch(
                before,
                [event for event in self.singles if event.seq <= seq],
                self.single_seq[early],
                self.single_ns[early],
                [block for block in self.samples if block.seq.item(0) <= seq],
            ),
            EventStretch(
                after,
                [event for event in self.singles if event.seq > seq],
                self.single_seq[~early],
                self.single_ns[~early],
                [block for block in self.samples if block.seq.item(0) > seq],
            ),
        )


def _first(packets: Packets) -> int:
    return packets.seq.item(0)


def _part(packets: Packets, part: slice, data: bytes) -> Packets:
    return Packets(packets.sensor, packets.seq[part], packets.arrival_ns[part], packets.lengths[part], data)
