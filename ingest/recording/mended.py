"""Events of a recording as they would be with other marks: some put in, as if they had come then, some left out.

The events after a mark are numbered anew, so that what is computed is the same, bit for bit, as of a session in which the
marks were set so. The recording itself is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from body_signals import UNDO, Event, Ints, Mark, Packets, SaidMark, SessionMark, undone, zero_ns

SAME_NS = 1_000_000
"""A mark that is left out is named to the millisecond (ours)."""


class MendedEvents:
    """Batches of events, each all of a stretch of sequence numbers, with other marks.

    put_in: in session time; left_out: marks of the recording by session time and label. unmet: those that were not found,
    once all batches were read.
    """

    def __init__(self, put_in: Sequence[SessionMark], left_out: Sequence[SessionMark]) -> None:
        self._waiting = sorted(put_in, key=lambda mark: mark.time_s)
        self.unmet = list(left_out)
        self._left_out = tuple(left_out)
        self._zero_ns: int | None = None
        self._shift = 0
        """By how much the next event's number differs from that in the recording."""
        self._next_seq = 0
        self._marks: dict[int, int] = {}
        """Numbers of marks in the recording, and as they are given out."""

    def of(self, batches: Iterable[Sequence[Event]]) -> Iterator[list[Event]]:
        """The batches, in order; marks beyond the last event come at the end."""
        if not self._waiting and not self._left_out:
            yield from (list(batch) for batch in batches)
            return
        for batch in batches:
            if self._zero_ns is None:
                self._zero_ns = zero_ns(batch)
            yield self._batch(batch)
        zero = self._zero_ns or 0
        rest = [
            SaidMark(self._next_seq + i, zero + _ns(mark), mark.label, said=mark.said) for i, mark in enumerate(self._waiting)
        ]
        if rest:
            self._waiting = []
            yield list(rest)

    def _batch(self, batch: Sequence[Event]) -> list[Event]:
        gone = [event for event in batch if isinstance(event, Mark) and self._is_left_out(event)]
        dropped = np.array(sorted(event.seq for event in gone), np.int64)
        cuts = np.array(self._cuts(batch), np.int64)
        put_in, self._waiting = self._waiting[: len(cuts)], self._waiting[len(cuts) :]
        out: list[Event] = []
        for event in batch:
            if isinstance(event, Packets):
                out.append(replace(event, seq=self._renumbered(event.seq, cuts, dropped)))
            elif not any(event is one for one in gone):
                seq = int(self._renumbered(np.array([event.seq]), cuts, dropped)[0])
                out.append(replace(event, seq=seq) if not isinstance(event, Mark) else self._mark(event, seq))
        zero = self._zero_ns or 0
        for i, (mark, cut) in enumerate(zip(put_in, cuts.tolist(), strict=True)):
            # the marks before it are put in, and what was left out before it is gone
            seq = cut + self._shift + i - int(np.searchsorted(dropped, cut))
            out.append(SaidMark(seq, zero + _ns(mark), mark.label, said=mark.said))
        out.sort(key=lambda event: int(event.seq[0]) if isinstance(event, Packets) else event.seq)
        self._shift += len(cuts) - len(dropped)
        self._next_seq = max((_last(event) + 1 for event in out), default=self._next_seq)
        return out

    def _mark(self, mark: Mark, seq: int) -> Mark:
        """The mark with its new number; what it takes back has a new one too."""
        self._marks[mark.seq] = seq
        back = undone(mark.label)
        label = mark.label if back is None else f"{UNDO} {self._marks.get(back, seq)}"
        return replace(mark, seq=seq, label=label)

    def _is_left_out(self, event: Mark) -> bool:
        found = False
        for mark in self._left_out:
            if mark.label == event.label and abs(event.at_ns - (self._zero_ns or 0) - _ns(mark)) <= SAME_NS:
                found = True
                self.unmet = [one for one in self.unmet if one != mark]
        return found

    def _cuts(self, batch: Sequence[Event]) -> list[int]:
        """Of the marks that are due in this batch: the number, in the recording, of the first event that comes after each."""
        cuts: list[int] = []
        for mark in self._waiting:
            cut = _first_after(batch, (self._zero_ns or 0) + _ns(mark))
            if cut is None:
                break
            cuts.append(max(cut, *cuts) if cuts else cut)
        return cuts

    def _renumbered(self, seq: Ints, cuts: Ints, dropped: Ints) -> Ints:
        return seq + self._shift + np.searchsorted(cuts, seq, side="right") - np.searchsorted(dropped, seq, side="left")


def _ns(mark: SessionMark) -> int:
    return round(mark.time_s * 1e9)


def _first_after(events: Iterable[Event], arrival_ns: int) -> int | None:
    found: list[int] = []
    for event in events:
        if isinstance(event, Packets):
            found.extend(event.seq[event.arrival_ns > arrival_ns][:1].tolist())
        elif event.arrival_ns > arrival_ns:
            found.append(event.seq)
    return min(found, default=None)


def _last(event: Event) -> int:
    return int(event.seq[-1]) if isinstance(event, Packets) else event.seq
