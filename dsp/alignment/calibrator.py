"""The calibrator: which calibration is open, from its mark to its last alignment.

A mark opens one that waits for the quiet standing (`AwaitedStanding`); once that is known its movements are followed
(`dsp.alignment.calibration`). A later mark replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Mounting
from dsp.alignment.alignment import Alignment
from dsp.alignment.calibration import Calibration
from dsp.alignment.calibration_progress import CalibrationWatch
from dsp.alignment.calibration_tracks import CalibrationTracks
from dsp.alignment.calibration_zero import Ended, StandingOf, Zero, decided
from dsp.grid.ticks import Ticks

NO_STANDING = "no quiet standing of at least a second that all sensors share"
"""Why a calibration is over before it has begun."""


@dataclass(frozen=True, slots=True)
class AwaitedStanding:
    """A calibration whose mark has come, and whose standing is not known yet."""

    tracks: CalibrationTracks


class Calibrator:
    """Watches final ticks after a calibrate mark. `feed` returns alignments as they come into force.

    body: keys of the worn sensors; mountings: those that were stated. standing_of(mark time, keys) gives the ticks of the
    quiet standing that all these sensors share, None when there was none. ended(mark time, key): session time at which a
    sensor's standing was known to have ended, None before. tilted_s: time constant of a causal filter (`walked_off`).
    watch: hears how far each calibration has come.
    """

    def __init__(
        self,
        body: tuple[str, ...],
        mountings: Mapping[str, Mounting],
        standing_of: StandingOf,
        ended: Ended,
        tilted_s: float | None = None,
        watch: CalibrationWatch | None = None,
    ) -> None:
        self._watch = watch
        self._body = body
        self._mountings = mountings
        self._standing_of = standing_of
        self._ended = ended
        self._tilted_s = tilted_s
        self._marks: list[float] = []
        self._open: AwaitedStanding | Calibration | None = None

    def mark(self, mark_s: float) -> None:
        """A calibrate mark at session time `mark_s`; it replaces the calibration in progress once its time is reached."""
        self._marks.append(mark_s)

    def feed(self, ticks: Ticks) -> list[Alignment]:
        """Take final ticks in order; the alignments that came into force at ticks among them."""
        found: list[Alignment] = []
        start = 0
        while start < len(ticks):
            if self._marks and ticks.time_s[start] >= self._marks[0]:
                mark_s = self._marks.pop(0)
                self._open = AwaitedStanding(CalibrationTracks(mark_s, ticks.first + start, self._body))
                if self._watch is not None:
                    self._watch.marked(mark_s, float(ticks.time_s[start]))
            stop = len(ticks)
            if self._marks:
                stop = max(start + 1, int(np.searchsorted(ticks.time_s, self._marks[0], side="left")))
            if self._open is not None:
                found += self._go_on(self._open, ticks.part(start, stop))
            start = stop
        return found

    def finish(self, next_tick: int) -> list[Alignment]:
        """The log ended: what was seen has to do."""
        is_open, self._open = self._open, None
        if isinstance(is_open, Calibration):
            return [is_open.finish(next_tick)]
        if is_open is not None and self._watch is not None and is_open.tracks.time_s:
            self._watch.refused(is_open.tracks.time_s[-1], ("the session ended while the athlete was to stand still",))
        return []

    def _go_on(self, state: AwaitedStanding | Calibration, ticks: Ticks) -> list[Alignment]:
        """Give a calibration its next ticks; what comes into force at them."""
        state.tracks.add(ticks)
        found = state.feed() if isinstance(state, Calibration) else self._decide(state)
        if found and found[-1].complete:
            self._open = None
        return found

    def _decide(self, state: AwaitedStanding) -> list[Alignment]:
        """Take the standing once it is known; without one the calibration is over."""
        tracks = state.tracks
        known = decided(tracks, self._ended)
        if self._watch is not None:
            self._watch.stands(tracks, len(tracks.latest(self._body[0])[0]), None if known is None else known[0])
        if known is None:
            return []
        at, keys = known
        standing = self._standing_of(tracks.mark_s, keys)
        zero = None if standing is None else Zero.of(standing, keys)
        if zero is None:
            self._open = None
            if self._watch is not None:
                self._watch.refused(tracks.time_s[at], (NO_STANDING,))
            return []
        if self._watch is not None:
            self._watch.decided(tracks.time_s[at], zero.keys)
        calibration = self._open = Calibration(tracks, zero, self._mountings, self._tilted_s, at, self._watch)
        return calibration.begin()
