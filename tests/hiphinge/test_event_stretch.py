"""Events sorted out and cut: nothing is lost, and the first event at a time is found; blocks of a sensor become one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from body_signals import Event, Heartbeat, Mark, Packets
from hiphinge.event_stretch import EventStretch
from hiphinge.sources import joined
from tests.dsp.sessions import block

KINDS = st.sampled_from(["a", "b", "beat", "mark"])


def events_of(kinds: list[str], together: int) -> list[Event]:
    """An event of each kind, 100 ms apart; packets of a sensor, `together` as one event."""
    events: list[Event] = []
    waiting: dict[str, list[tuple[int, int, bytes]]] = {}
    for seq, kind in enumerate(kinds):
        arrival_ns = seq * 100_000_000
        if kind == "beat":
            events.append(Heartbeat(seq, arrival_ns))
        elif kind == "mark":
            events.append(Mark(seq, arrival_ns, "heel_drop"))
        else:
            waiting.setdefault(kind, []).append((seq, arrival_ns, bytes(seq % 5)))
            if len(waiting[kind]) == together:
                events.append(Packets.join(kind, waiting.pop(kind)))
    return [*events, *(Packets.join(key, packets) for key, packets in waiting.items())]


def listed(stretch: EventStretch) -> list[tuple[int, int, object]]:
    packets = [(seq, at, (key, data)) for key, one in stretch.packets.items() for seq, at, data in one]
    times = dict(zip(stretch.single_seq.tolist(), stretch.single_ns.tolist(), strict=True))
    # a heartbeat says nothing but its time
    told = {e.seq: e for e in stretch.singles}
    assert all(times[e.seq] == e.arrival_ns for e in stretch.singles)
    return sorted([*packets, *((seq, at, told.get(seq)) for seq, at in times.items())], key=lambda one: one[0])


@given(st.lists(KINDS, max_size=30), st.integers(1, 4), st.integers(-1, 31), st.randoms(use_true_random=False))
def test_a_cut_parts_events_at_a_number_and_loses_none(kinds: list[str], together: int, cut: int, random) -> None:
    events = events_of(kinds, together)
    random.shuffle(events)
    whole = EventStretch.of(events)
    every = listed(whole)
    assert [seq for seq, _, _ in every] == list(range(len(kinds)))
    before, after = whole.cut(cut)
    assert listed(before) == every[: max(cut + 1, 0)]
    assert listed(after) == every[max(cut + 1, 0) :]
    assert sorted(mark.seq for mark in whole.marks("heel_drop")) == [i for i, kind in enumerate(kinds) if kind == "mark"]
    assert whole.first_from(cut * 100_000_000) == min((i for i in range(len(kinds)) if i >= cut), default=None)


def test_blocks_of_a_sensor_become_one_where_they_are_of_one_kind() -> None:
    rows = np.arange(30.0).reshape(10, 3)
    times = np.arange(10) / 100
    parts = [block("pelvis", 0, times[at], rows[at], rows[at]) for at in (slice(0, 4), slice(4, 5), slice(5, 10))]
    other = replace(parts[1], other=np.array([True]))
    one, beside = joined([parts[0], block("lumbar", 1, times, rows, rows), other, parts[2]])
    assert (one.sensor, beside.sensor) == ("pelvis", "lumbar")
    assert one.other is not None
    assert np.flatnonzero(one.other).tolist() == [4]
    for name in ("seq", "time_s", "device_time_s", "acc", "gyr", "lost", "saturated", "restart"):
        assert np.array_equal(getattr(one, name), np.concatenate([getattr(part, name) for part in parts])), name
    # another rate begins another block
    assert [len(b) for b in joined([parts[0], replace(parts[1], rate_hz=50.0), parts[2]])] == [4, 1, 5]
    assert joined([parts[0]]) == [parts[0]]
