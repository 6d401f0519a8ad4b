"""The calibrator: which calibration is open, from its mark to its last alignment.

A mark opens one that waits for the quiet standing (`AwaitedStanding`); once that is known its movements are followed
(`dsp.calibration.calibration`). A later mark replaces it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Mounting
from dsp.alignment.alignment import Alignment
from dsp.calibration.calibration import Calibration
from dsp.calibration.calibration_progress import CalibrationWatch
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_zero import NO_SAMPLES, Ended, StandingOf, Zero, decided, no_standing, swaying
from dsp.calibration.misplaced_watch import Expected, MisplacedFindings
from dsp.calibration.seated import SAT_AS_BEFORE, SAT_AS_STATED, axes_as_aligned, axes_as_stated, lie_level
from dsp.grid.ticks import Ticks
from dsp.results import AlignmentReport, Finding


@dataclass(frozen=True, slots=True)
class AwaitedStanding:
    """A calibration after its mark, while its standing is not known yet."""

    tracks: CalibrationTracks


class Calibrator:
    """Watches final ticks after a calibrate mark. `feed` returns alignments as they take effect.

    body: keys of the worn sensors; mountings: the stated ones. standing_of(mark time, keys) gives the ticks of the quiet
    standing shared by all these sensors, None when there was none. ended(mark time, key): session time at which a sensor's
    standing was known to have ended, None before. tilted_s: time constant of a causal filter (`walked_off`).
    watch: is notified of the progress of each calibration. worn: how sensors were worn last time, by key: quaternion (4,)
    sensor → segment.
    """

    def __init__(
        self,
        body: tuple[str, ...],
        mountings: Mapping[str, Mounting],
        standing_of: StandingOf,
        ended: Ended,
        tilted_s: float | None = None,
        watch: CalibrationWatch | None = None,
        worn: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self._watch = watch
        last_time = {key: Expected.worn(quaternion) for key, quaternion in (worn or {}).items()}
        self._expected = last_time | {key: Expected.of(mounting) for key, mounting in mountings.items()}
        self._findings = MisplacedFindings()
        self._body = body
        self._mountings = mountings
        self._standing_of = standing_of
        self._ended = ended
        self._tilted_s = tilted_s
        self._marks: list[float] = []
        self._open: AwaitedStanding | Calibration | None = None
        self._aligned = False
        """Whether an alignment has been output."""
        self._to_segment: Mapping[str, Floats] = {}
        """The last one's."""
        self._asked = False
        """Whether the last mark was refused by the calibration before it: who marks again is believed."""
        self.refused: tuple[AlignmentReport, ...] = ()
        """The report on each sensor if the last mark led to no calibration; else empty."""

    def mark(self, mark_s: float) -> None:
        """A calibrate mark at session time `mark_s`; it replaces the calibration in progress once its time is reached."""
        self._marks.append(mark_s)

    def feed(self, ticks: Ticks) -> list[Alignment]:
        """Take final ticks in order; returns the alignments that took effect at ticks among them."""
        found: list[Alignment] = []
        start = 0
        while start < len(ticks):
            if self._marks and ticks.time_s[start] >= self._marks[0]:
                mark_s = self._marks.pop(0)
                tracks = CalibrationTracks(mark_s, ticks.first + start, self._body, moving=not self._aligned)
                self._open = AwaitedStanding(tracks)
                if self._watch is not None:
                    self._watch.marked(mark_s, float(ticks.time_s[start]))
            stop = len(ticks)
            if self._marks:
                stop = max(start + 1, int(np.searchsorted(ticks.time_s, self._marks[0], side="left")))
            if self._open is not None:
                found += self._go_on(self._open, ticks.part(start, stop))
            start = stop
        return found

    @property
    def needs_motion(self) -> bool:
        """Whether motion tells something at ticks to come: until there is an alignment, and its calibration is over."""
        return not self._aligned or (self._open is not None and self._open.tracks.moving)

    def findings(self) -> list[Finding]:
        """Which sensors are not worn as was said: what has become known since it was asked last."""
        return self._findings.take()

    def finish(self, next_tick: int) -> list[Alignment]:
        """The log ended: take the alignment from the movements seen so far."""
        is_open, self._open = self._open, None
        if isinstance(is_open, AwaitedStanding) and is_open.tracks.time_s:
            tracks = is_open.tracks
            lasted_s = tracks.time_s[-1] - tracks.mark_s
            why = f"the recording ended {lasted_s:.1f} s after the mark, before the standing had"
            self._refuse(is_open, len(tracks.time_s) - 1, why, self._body)
        return [is_open.finish(next_tick)] if isinstance(is_open, Calibration) else []

    def _go_on(self, state: AwaitedStanding | Calibration, ticks: Ticks) -> list[Alignment]:
        """Pass a calibration its next ticks; returns the alignments that take effect at them."""
        state.tracks.add(ticks)
        found = self._followed(state, state.feed()) if isinstance(state, Calibration) else self._decide(state, len(ticks))
        self._aligned = self._aligned or bool(found)
        for alignment in found:
            self._to_segment = alignment.to_segment or self._to_segment
        if found and found[-1].complete:
            self._open = None
        return found

    def _decide(self, state: AwaitedStanding, ticks: int) -> list[Alignment]:
        """Take the standing once it is known, with the last `ticks`; without one the calibration is over."""
        tracks = state.tracks
        known = decided(tracks, self._ended)
        if self._watch is not None:
            self._watch.stands(tracks, ticks, None if known is None else known[0])
        if known is None:
            return []
        at, keys = known
        standing = self._standing_of(tracks.mark_s, keys)
        if why := swaying(tracks, keys, standing, at):
            return self._refuse(state, at, why, keys)
        zero = None if standing is None else Zero.of(standing, keys)
        if zero is None:
            ended = [self._ended(tracks.mark_s, key) for key in keys]
            latest = max((s for s in ended if s is not None), default=None)
            return self._refuse(state, at, no_standing(latest, tracks.mark_s), keys)
        if why := zero.refusal():
            return self._refuse(state, at, why, zero.keys)
        if lie_level(zero.up, axes_as_stated(self._mountings)):
            return self._refuse(state, at, SAT_AS_STATED, zero.keys)
        insists, self._asked = self._asked, False
        if not insists and lie_level(zero.up, axes_as_aligned(self._to_segment)):
            self._asked = True
            return self._refuse(state, at, SAT_AS_BEFORE, zero.keys)
        self.refused = ()
        steady = zero.steady()
        if self._watch is not None:
            self._watch.decided(tracks.time_s[at], steady.keys)
        calibration = self._open = Calibration(
            tracks, steady, self._mountings, self._tilted_s, at, self._watch, self._expected, self._findings
        )
        return self._followed(calibration, calibration.begin())

    def _followed(self, calibration: Calibration, found: list[Alignment]) -> list[Alignment]:
        """What a calibration has found, unless its movements show that it must be refused."""
        if not calibration.refused:
            return found
        if not found:
            return self._refuse(calibration, calibration.refused_at, calibration.refused, self._body)
        if self._watch is not None:
            self._watch.refused(calibration.tracks.time_s[calibration.refused_at], (calibration.refused,))
        return found

    def _refuse(self, state: AwaitedStanding | Calibration, at: int, why: str, keys: Collection[str]) -> list[Alignment]:
        """End the calibration without result at this tick of the tracks, for this reason; sensors other than `keys` were not
        present."""
        self._open = None
        if self._watch is not None:
            self._watch.refused(state.tracks.time_s[at], (why,))
        self.refused = tuple(
            AlignmentReport(key, "none", 0.0, (why if key in keys else NO_SAMPLES,), state.tracks.mark_s) for key in self._body
        )
        return []
