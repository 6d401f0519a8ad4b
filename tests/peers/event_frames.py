"""Events in lists of a tenth of a second, as a running session takes them."""

from __future__ import annotations

from collections.abc import Iterator

from body_signals import Event, Packets

FRAME_S = 0.1


def frames(events: Iterator[Event]) -> Iterator[list[Event]]:
    """Events in lists of about `FRAME_S` of arrival time, in order."""
    frame: list[Event] = []
    until: int | None = None
    for event in events:
        arrival = int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns
        if until is None:
            until = arrival
        if arrival >= until:
            if frame:
                yield frame
            frame, until = [], arrival + int(FRAME_S * 1e9)
        frame.append(event)
    if frame:
        yield frame
