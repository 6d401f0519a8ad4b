"""Marks put into a recording's events and left out of them, however the events were cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from body_signals import Event, Heartbeat, Mark, Packets, SessionMark, UtcAnchor
from ingest.recording.mended import MendedEvents

MS = 1_000_000


def log() -> list[Event]:
    """An anchor at 2 ms, then by turns a packet and a heartbeat each 10 ms, a mark among them."""
    events: list[Event] = [UtcAnchor(0, 2 * MS, 10**18)]
    for i in range(1, 40):
        at = (2 + 10 * i) * MS
        events.append(Mark(i, at, "set") if i == 20 else Packets.one("pelvis", i, at, b"x") if i % 2 else Heartbeat(i, at))
    return events


def flat(batches: Sequence[Sequence[Event]]) -> list[tuple[int, int, str]]:
    """Number, arrival and kind of each event, in order of the numbers."""
    found = []
    for batch in batches:
        for event in batch:
            if isinstance(event, Packets):
                found += [(s, a, "packet") for s, a, _ in event]
            else:
                found.append((event.seq, event.arrival_ns, event.label if isinstance(event, Mark) else "other"))
    return sorted(found)


def cut(events: list[Event], size: int) -> list[list[Event]]:
    """Batches as a recording gives them: packets joined first, then the rest."""
    batches = []
    for begin in range(0, len(events), size):
        part = events[begin : begin + size]
        packets = [event for event in part if isinstance(event, Packets)]
        joined: list[Event] = [Packets.concatenated(packets)] if packets else []
        batches.append(joined + [event for event in part if not isinstance(event, Packets)])
    return batches


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_it_is_the_log_that_there_would_have_been(size: int) -> None:
    put_in = [SessionMark(0.105, "calibrate"), SessionMark(0.055, "calibrate"), SessionMark(0.055, "heel_drop")]
    events = MendedEvents(put_in, [SessionMark(0.2, "set")])
    found = flat(list(events.of(cut(log(), size))))
    assert [seq for seq, _, _ in found] == list(range(len(log()) + 2))
    assert [kind for _, _, kind in found if kind not in ("packet", "other")] == ["calibrate", "heel_drop", "calibrate"]
    arrivals = [arrival for _, arrival, _ in found]
    assert arrivals == sorted(arrivals)
    assert [arrival for _, arrival, kind in found if kind == "calibrate"] == [57 * MS, 107 * MS]
    assert events.unmet == []


@pytest.mark.parametrize("size", [1, 5, 100])
def test_marks_before_and_after_everything(size: int) -> None:
    events = MendedEvents([SessionMark(99.0, "late"), SessionMark(-1.0, "early")], [SessionMark(0.2, "other")])
    found = flat(list(events.of(cut(log(), size))))
    assert (found[0][2], found[-1][2]) == ("early", "late")
    assert [seq for seq, _, _ in found] == list(range(len(log()) + 2))
    assert [mark.label for mark in events.unmet] == ["other"]


def test_without_edits_nothing_is_touched() -> None:
    batches = cut(log(), 7)
    given = list(MendedEvents([], []).of(batches))
    assert all(a is b for one, other in zip(given, batches, strict=True) for a, b in zip(one, other, strict=True))
    assert np.array_equal(flat(given), flat(batches))
