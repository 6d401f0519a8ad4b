"""The common time grid: when a tick is final.

Tick k is at session time k / rate. It is final when samples of every sensor have passed it, or `patience_s` of event time after
it; a sensor that has not passed it by then is missing there for ever. Both are determined by sequence numbers, so the rows
do not depend on how the events are cut into chunks.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from body_signals import LONGEST_SESSION_S, PATIENCE_S, Floats, HiphingeError, Ints
from dsp.grid.ticks import RATE_HZ, Ticks, no_ticks
from dsp.grid.track import SensorTrack, at_ticks

TOGETHER = 2
"""Ticks are output in groups of this many (ours), ending at a multiple of it, because later steps cost time per call. The first
of two comes one tick later than it could; rows for a database (every fourth) and the row on a screen (the last) do not wait."""
FORGOTTEN = 32
"""What ticks do not need any more is forgotten once in this number of them (ours), because it costs time per call."""
MOST_TICKS = 60_000
"""Most ticks output at once (ours). A computer that slept for a night leaves millions of them."""
NEVER: Final = np.iinfo(np.int64).max


def too_long(event: int, seconds: float) -> HiphingeError:
    """The error for a time jump beyond the longest session."""
    most = LONGEST_SESSION_S / 3600
    return HiphingeError(
        f"the time leaps to {seconds / 3600:.1f} h after the first one, and a session lasts {most:.0f} h at most",
        f"event {event}",
        "A clock was set or has failed: what came before is sound.",
    )


class Grid:
    """Makes final ticks from all sensors' tracks and the passing of event time."""

    def __init__(self, tracks: dict[str, SensorTrack], rate_hz: float = RATE_HZ, patience_s: float = PATIENCE_S) -> None:
        self._tracks = tracks
        self.rate_hz = self._rate = rate_hz
        self._patience = patience_s
        self._longer: list[tuple[float, float]] = []
        """Session times from which ticks wait longer, and by how much."""
        self._next: int | None = None
        self._event_seq: Ints = np.empty(0, np.int64)
        self._event_s: Floats = np.empty(0)
        self.behind = False
        """Whether more ticks are final than were output: call `feed` without events for the next ones."""

    def feed(self, event_seq: Ints, event_s: Floats) -> Ticks:
        """Ticks that are final after the events `event_seq` (e,), at running event time `event_s` (e,), non-decreasing: whole
        groups of `TOGETHER`, at most `MOST_TICKS`. HiphingeError where the events are further apart than a session is long."""
        self._event_seq = np.concatenate((self._event_seq, event_seq))
        self._event_s = np.concatenate((self._event_s, event_s))
        if not len(self._event_s) or not self._started():
            return self._rows(0, np.empty(0, np.int64))
        assert self._next is not None
        # all sensors have passed the latest time of the one furthest behind
        passed = min([t.last_s for t in self._tracks.values()])
        if not self._longer:
            # half of the packets of a running session complete no group
            complete_s = (self._next + (-self._next) % TOGETHER) / self._rate
            if complete_s > passed and self._event_s.item(-1) < complete_s + self._patience:
                self.behind = False
                return self._rows(0, np.empty(0, np.int64))
        last = max(self._reached(float(self._event_s[-1])), passed)
        end = int(np.floor(last * self._rate)) + 2
        if end - self._next > LONGEST_SESSION_S * self._rate:
            raise too_long(int(self._event_seq[-1]), (end - self._next) / self._rate)
        self.behind = end - self._next > MOST_TICKS
        ticks_s = np.arange(self._next, min(end, self._next + MOST_TICKS)) / self._rate
        due = self._event_s.searchsorted(self._final_s(ticks_s))
        # event time makes the first of them final; the others are final once every sensor has passed them
        reached = int(due.searchsorted(len(self._event_s)))
        count = max(reached, int(ticks_s.searchsorted(passed, side="right")))
        count = max(count - (self._next + count - 1) % TOGETHER, 0)
        reached = min(reached, count)
        deadline = np.full(count, NEVER)
        deadline[:reached] = self._event_seq[due[:reached]]
        return self._rows(count, deadline)

    def wait_longer(self, since_s: float, more_s: float) -> None:
        """Ticks from the future session time since_s on wait more_s longer for samples, because a sensor is late."""
        self._longer.append((since_s, max(more_s, *(more for _, more in self._longer), 0.0)))

    def _final_s(self, ticks_s: Floats) -> Floats:
        """Event time at which ticks at these session times are final, even if sensors are late."""
        final = ticks_s + self._patience
        for since_s, more_s in self._longer:
            final = np.where(ticks_s >= since_s, ticks_s + (self._patience + more_s), final)
        return final

    def _reached(self, event_s: float) -> float:
        """Session time up to which ticks are final at this event time, even if sensors are late."""
        reached = event_s - self._patience
        for since_s, more_s in self._longer:
            if reached >= since_s:
                reached = max(event_s - (self._patience + more_s), math.nextafter(since_s, -math.inf))
        return reached

    def finish(self) -> Ticks:
        """The remaining ticks at the end of the log: no more samples can arrive, so the present ones count."""
        if self._next is None and not self._started():
            return self._rows(0, np.empty(0, np.int64))
        assert self._next is not None
        last = max(t.last_s for t in self._tracks.values() if len(t))
        count = max(int(np.floor(last * self._rate)) + 1 - self._next, 0)
        return self._rows(count, np.full(count, NEVER))

    def _started(self) -> bool:
        """The first tick is the first at or after the first sample that arrived."""
        if self._next is None:
            begun = [t for t in self._tracks.values() if len(t)]
            if not begun:
                return False
            self._next = int(np.ceil(min(begun, key=lambda t: t.first_seq).first_s * self._rate))
        return True

    def _rows(self, count: int, deadline: Ints) -> Ticks:
        first = self._next or 0
        if not count:
            return no_ticks(tuple(self._tracks), first)
        ticks = at_ticks(self._tracks, first, np.arange(first, first + count) / self._rate, deadline)
        self._next = first + count
        if self._next // FORGOTTEN == first // FORGOTTEN:
            return ticks
        start_s = self._next / self._rate
        for track in self._tracks.values():
            track.forget(start_s)
        passed = int(self._event_s.searchsorted(self._final_s(np.array(start_s)))) - 1
        if passed > 0:
            self._event_s, self._event_seq = self._event_s[passed:], self._event_seq[passed:]
        return ticks
