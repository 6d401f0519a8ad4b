"""The causal pipeline: timed samples and marks in sequence order in, final rows, orientations and repetitions out.

Cutting the input into other chunks changes no bit of the output. Memory is bounded: samples wait only for their ticks,
ticks only while a calibration is open, rows only for the repetition in progress.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from body_signals import PATIENCE_S, Floats, Ints, Quality, Sensor, TimedBlock
from dsp import rotation
from dsp.alignment.alignment import Alignment
from dsp.alignment.slide import SlideWatch
from dsp.alignment.slip import SlipWatch
from dsp.angles import joints
from dsp.angles.joints import PELVIS
from dsp.angles.rows import SegmentAngles, orientation_rows, uncalibrated_rows
from dsp.calibration.calibration_movements import THIGH_KEYS
from dsp.calibration.calibration_progress import CalibrationWatch
from dsp.calibration.calibrator import Calibrator
from dsp.grid.grid import Grid
from dsp.grid.stretches import stretches
from dsp.grid.ticks import GridRows, Ticks
from dsp.grid.track import SensorTrack
from dsp.heading.filter import HeadingTrack, RelativeHeading
from dsp.heading.joint_acceleration import JointAcceleration
from dsp.heading.joint_headings import (
    JointHeadings,
    RelativeHeadings,
    heading_epochs,
    joint_twist,
    standing_twist,
    with_one_heading,
)
from dsp.orientation.acceleration_level import TAU_S
from dsp.orientation.filter import CausalOrientation, SampleCounts
from dsp.pipeline import (
    ClockDoubts,
    OtherSensors,
    PipelineOutput,
    count_repetitions,
    mountings,
    said_of,
    shared_ticks,
    slides,
    slip_flags,
    slip_watch,
    unnamed,
    with_flags,
    worn_last_time,
)
from dsp.plausibility.doubts.gyroscopes import GyroscopeDoubts
from dsp.plausibility.sensor_watch import SensorWatch
from dsp.plausibility.worn import Checked, WornWatch, widen_each
from dsp.repetitions.finder import RepetitionFinder
from dsp.repetitions.looked_back import LookedBack
from dsp.results import AlignmentReport, Finding, Flags, Repetition

HISTORY_S = 100.0
"""Ticks kept for a calibration to look back on; longer than it may last (ours)."""


class LivePipeline:
    """Causal estimator of one session; see `feed`. patience_s: how long a tick waits for a late sensor, in event time."""

    def __init__(self, sensors: Sequence[Sensor], body: tuple[str, ...], patience_s: float = PATIENCE_S) -> None:
        self.estimator = "live"
        self._body = body
        self._sensors = {s.key: s for s in sensors}
        self._watches: dict[str, SensorWatch] = {}
        self._orientation: dict[str, CausalOrientation] = {}
        # in the order of the segments' arrays, so that nothing is moved about: the pelvis, those beside it, the others
        order = (PELVIS, *(joint.distal for joint in joints.JOINTS))
        keys = sorted((s.key for s in sensors), key=lambda key: order.index(key) if key in order else len(order))
        self._tracks = {key: SensorTrack() for key in keys}
        self._grid = Grid(self._tracks, patience_s=patience_s)
        self._guide = CalibrationWatch(body, self._anew)
        self._calibrator = Calibrator(
            body, mountings(sensors), self._standing, self._ended, TAU_S, self._guide, worn_last_time(sensors)
        )
        self._calibrate_marks: list[float] = []
        self._history: list[Ticks] = []
        self._in_hand: Ticks | None = None
        """Ticks that are not in the history yet."""
        self._alignment: Alignment | None = None
        pairs = [joint for joint in joints.JOINTS if PELVIS in body and joint.distal in body]
        rate_hz = self._grid.rate_hz
        self._headings = RelativeHeadings(rate_hz, {joint.name: RelativeHeading(rate_hz, joint.flexed_rad) for joint in pairs})
        self._angles: SegmentAngles | None = None
        """Of the alignment in force."""
        self._accelerations = {joint.name: JointAcceleration(self._grid.rate_hz) for joint in pairs}
        self._moving = bool(self._accelerations) or {*THIGH_KEYS} <= {*body}
        """Whether motion tells something of such a kit."""
        self._slips: SlipWatch | None = None
        self._slides: SlideWatch | None = None
        self._worn: WornWatch | None = None
        self._clocks = ClockDoubts()
        self._doubts = GyroscopeDoubts()
        self._others = OtherSensors()
        self._others_since: dict[str, float] = {}
        """Of the alignment in force."""
        self._finder = RepetitionFinder(self._grid.rate_hz)
        self._looks_back: LookedBack | None = None
        """While the movements of the last calibration are being found again."""
        self._spans: list[tuple[float, float]] = []
        """Start and end of the repetitions with angles since the last calibrate mark."""

    def feed(
        self, blocks: Sequence[TimedBlock], calibrate_marks: Sequence[float], event_seq: Ints, event_s: Floats
    ) -> PipelineOutput:
        """All samples and calibrate marks (session times) that the events `event_seq` (e,) at running session time
        `event_s` (e,) brought; blocks of one sensor in order."""
        return PipelineOutput.join(self.pieces(blocks, calibrate_marks, event_seq, event_s))

    def pieces(
        self, blocks: Sequence[TimedBlock], calibrate_marks: Sequence[float], event_seq: Ints, event_s: Floats
    ) -> Iterator[PipelineOutput]:
        """What `feed` gives, in several pieces where the events are hours apart: not all of it need be in memory at once. To be
        read to the end."""
        for mark_s in calibrate_marks:
            self._calibrate_marks.append(mark_s)
            self._calibrator.mark(mark_s)
            self._finder.calibrating(mark_s)
            for filter_ in self._orientation.values():
                filter_.calibrate(mark_s)
            for watch in self._watches.values():
                watch.mark(mark_s)
        out = PipelineOutput()
        for part, seq, time_s in stretches(blocks, event_seq, event_s):
            self._collect(part, out)
            self._take(self._grid.feed(seq, time_s), out)
            while self._grid.behind:
                yield out
                out = PipelineOutput()
                self._take(self._grid.feed(seq[:0], time_s[:0]), out)
        yield out

    def doubt(self, finding: Finding) -> None:
        """A sensor disagrees with the others: rows are flagged from when it is known on."""
        self._clocks.take(finding, finding.known_s)

    def suspect(self, off_s: Mapping[str, float], begin_s: float, known_s: float) -> None:
        """By what time clocks may be wrong, by movements from session time begin_s on: angles are less certain from when it is
        known on."""
        self._clocks.suspect(off_s, known_s)

    def wait_longer(self, since_s: float, more_s: float) -> None:
        """A sensor's samples come by more_s late: ticks from session time since_s on, which lies ahead, wait for them."""
        self._grid.wait_longer(since_s, more_s)

    def _collect(self, blocks: Sequence[TimedBlock], out: PipelineOutput) -> None:
        for block in blocks:
            if not len(block):
                continue
            filter_ = self._orientation.get(block.sensor) or self._new_filter(block)
            filter_.with_motion = self._moving and self._calibrator.needs_motion and block.sensor in self._body
            if block.other is not None:
                self._others.take(block)
                self._others_since = {} if self._alignment is None else self._others.since(self._alignment)
            checked = self._watches[block.sensor].feed(block)
            out.findings += checked.findings
            for since_s, doubt in checked.doubts:
                self._doubts.take(block.sensor, since_s, doubt)
            samples = filter_.feed(checked.block)
            if checked.sound is not None:
                filter_.counts.left_out(block, checked.sound)
                samples = samples.among(block, checked.sound)
            if checked.flags is not None:
                samples = samples.with_flags(checked.flags)
            self._tracks[block.sensor].add(samples, block.rate_hz)

    def finish(self) -> PipelineOutput:
        """The end of the log: the last ticks, and the repetition in progress."""
        out = PipelineOutput()
        for watch in self._watches.values():
            out.findings += watch.finish()
        ticks = self._grid.finish()
        self._take(ticks, out)
        for alignment in self._calibrator.finish(ticks.first + len(ticks)):
            self._align(alignment, out)
        out.calibration += self._guide.take()
        out.repetitions.extend(self._finder.finish())
        if self._looks_back is not None:
            out.calibration_movements += self._not_found_yet(self._looks_back.finish())
            self._looks_back = None
        return out

    def counts(self) -> dict[str, tuple[SampleCounts, int]]:
        """Per sensor: what it delivered, and the ticks at which it was late or silent."""
        return {
            key: (self._orientation[key].counts if key in self._orientation else SampleCounts(), track.late_ticks)
            for key, track in self._tracks.items()
        }

    def reports(self) -> tuple[AlignmentReport, ...]:
        """The alignment in force."""
        return said_of(self._alignment, self._calibrator.refused, self._slips, self._slides, self._worn, self._grid.rate_hz)

    def slipped(self) -> frozenset[str]:
        """Sensors that count as slipped at the newest tick: rows say that one has, not which."""
        seen = frozenset() if self._slips is None else frozenset(self._slips.slipped)
        seen |= frozenset() if self._slides is None else frozenset(self._slides.slid)
        return seen if self._worn is None else seen | frozenset(self._worn.returned)

    def _new_filter(self, block: TimedBlock) -> CausalOrientation:
        filter_ = CausalOrientation(block.rate_hz, worn=block.sensor in self._body)
        watch = SensorWatch(self._sensors[block.sensor], block.rate_hz, self._body)
        for mark_s in self._calibrate_marks:
            filter_.calibrate(mark_s)
            watch.mark(mark_s)
        self._orientation[block.sensor], self._watches[block.sensor] = filter_, watch
        return filter_

    def _take(self, ticks: Ticks, out: PipelineOutput) -> None:
        if not len(ticks):
            return
        if not self._body:
            out.orientations.extend(orientation_rows(ticks))
            return
        start = 0
        self._in_hand = ticks
        for alignment in self._calibrator.feed(ticks):
            stop = alignment.tick - ticks.first
            self._emit(ticks.part(start, stop), out)
            self._align(alignment, out)
            start = stop
        self._in_hand = None
        self._emit(ticks.part(start, len(ticks)), out)
        out.findings += self._calibrator.findings()
        out.calibration += self._guide.take()

    def _emit(self, ticks: Ticks, out: PipelineOutput) -> None:
        if not len(ticks):
            return
        doubtful = self._clocks.flags(ticks.time_s)
        headings = self._track_headings(ticks)
        turned = with_one_heading(ticks, headings)
        out.orientations.extend(orientation_rows(turned))
        checked = Checked()
        if self._angles is None:
            rows = uncalibrated_rows(ticks, self._body)
        else:
            if self._slips is not None:
                slipped = slip_flags(self._slips, turned, self._angles)
                doubtful = with_flags(doubtful, slipped)
            slid, variance = (None, None) if self._slides is None else slides(self._slides, ticks, self._angles)
            rows = self._angles.rows(turned, headings, with_flags(doubtful, slid))
            widen_each(rows, self._angles.placements, variance)
            if self._doubts:
                self._doubts.widen(ticks, rows, self._angles)
            if self._worn is not None:
                checked = self._worn.feed(ticks, rows, self._angles, self._others_since)
        self._clocks.widen(ticks, rows)
        out.angles.append(rows)
        out.findings.extend(checked.findings)
        ended = count_repetitions(self._finder, rows, checked.changes)
        out.repetitions.extend(ended)
        if self._calibrate_marks:
            self._spans += [(r.start_s, r.end_s) for r in ended if not r.quality & Quality.UNCALIBRATED]
            while self._spans and self._spans[0][1] < rows.time_s[-1] - HISTORY_S:
                self._spans.pop(0)
        self._finder.take_aside()  # of some it had no angles: they are found again
        if self._looks_back is not None and (found := self._looks_back.feed(rows)) is not None:
            out.calibration_movements += self._not_found_yet(found)
            self._looks_back = None
        self._remember(ticks)

    def _not_found_yet(self, found: Sequence[Repetition]) -> list[Repetition]:
        """Movements of a calibration that are no repetitions with angles."""
        return [r for r in found if not any(r.start_s < end_s and start_s < r.end_s for start_s, end_s in self._spans)]

    def _remember(self, ticks: Ticks) -> None:
        """Keep the ticks that a calibration which completes now would look back on."""
        self._history.append(ticks)
        keep_from = ticks.first + len(ticks) - int(HISTORY_S * self._grid.rate_hz)
        while self._history and self._history[0].first + len(self._history[0]) <= keep_from:
            self._history.pop(0)

    def _track_headings(self, ticks: Ticks) -> JointHeadings:
        """Relative headings at the ticks: from accelerations at the joint until there is an alignment, then from twist."""
        seen = {}
        if self._alignment is None:
            for joint in self._headings.joints:
                seen[joint.name] = self._accelerations[joint.name].feed(ticks, PELVIS, joint.distal)
        return self._headings.feed(ticks, self._alignment, seen)

    def _align(self, alignment: Alignment, out: PipelineOutput) -> None:
        """Put an alignment into force: the headings start at its standing and follow the drift since then."""
        out.alignments.append(alignment)
        if self._worn is not None:
            out.findings.extend(self._worn.close(alignment.tick / self._grid.rate_hz))
        self._alignment = alignment
        self._others_since = self._others.since(alignment)
        self._slips = slip_watch(alignment, self._grid.rate_hz)
        headings: dict[str, RelativeHeading] = {}
        tracks: dict[str, HeadingTrack] = {}
        still = alignment.standing
        since = _between(self._history, still.first + len(still), alignment.tick)
        for joint in joints.JOINTS:
            if joint.distal not in alignment.to_segment or PELVIS not in alignment.to_segment:
                continue
            twist, _, _ = joint_twist(still, alignment, joint)
            mean, epochs = standing_twist(twist, *heading_epochs(still, joint))
            if epochs is None:
                continue
            heading = RelativeHeading(self._grid.rate_hz, joint.flexed_rad)
            heading.start(mean, epochs, len(still) / self._grid.rate_hz)
            if alignment.movements_end_s <= alignment.mark_s:
                # nothing that followed was a movement of the calibration
                heading.calibrated()
            if since is not None:
                twists = joint_twist(since, alignment, joint, from_tick_0=True)
                tracks[joint.name] = heading.feed(since.first, *twists, *heading_epochs(since, joint))
            heading.calibrated()
            headings[joint.name] = heading
        self._headings = RelativeHeadings(self._grid.rate_hz, headings)
        self._angles = SegmentAngles(tuple(self._tracks), alignment, self._headings.joints, "live", self._body)
        self._slides = SlideWatch(self._angles.placements, self._grid.rate_hz)
        if since is not None:
            # the movements of the calibration show the usual axes
            slides(self._slides, since, self._angles)
        first, plain = alignment.standing.first, unnamed(self._sensors.values())
        self._worn = WornWatch(self._angles, self._grid.rate_hz, first, marked_back=False, unnamed=plain)
        self._finder.aligned(alignment.to_segment)
        if alignment.movements_over:
            self._finder.calibrated(alignment.movements_end_s)
        if alignment.complete and since is not None:
            then = JointHeadings.of(tracks, len(since))
            rows = self._angles.rows(with_one_heading(since, then), then)
            self._looks_back = LookedBack(self._grid.rate_hz, alignment.to_segment, alignment.mark_s, rows)

    def _ended(self, mark_s: float, key: str) -> float | None:
        """Session time at which this sensor's standing was known to have ended."""
        found = self._orientation[key].standings.get(mark_s) if key in self._orientation else None
        return None if found is None else found[0].known_s

    def _anew(self, mark_s: float, key: str) -> Sequence[float]:
        """Session times at which this sensor's standing had to begin again."""
        return self._orientation[key].anew(mark_s) if key in self._orientation else ()

    def _standing(self, mark_s: float, keys: tuple[str, ...]) -> Ticks | None:
        """The standing that these sensors share, each filtered with its own bias, on the grid."""
        found = {key: self._orientation[key].standings.get(mark_s) for key in keys}
        usable = {key: triple for key, triple in found.items() if triple is not None and len(triple[0].time_s)}
        if not usable:
            return None
        rate = self._grid.rate_hz
        span = shared_ticks([standing for standing, _, _ in usable.values()], rate)
        if span is None:
            return None
        first, last = span
        time_s = np.arange(first, last) / rate
        rows = {}
        for key in self._body:
            if key in usable:
                standing, quat, epoch = usable[key]
                after = np.clip(np.searchsorted(standing.time_s, time_s, side="left"), 1, len(standing.time_s) - 1)
                t0, t1 = standing.time_s[after - 1], standing.time_s[after]
                track = rotation.interpolate(quat[:, after - 1], quat[:, after], (time_s - t0) / (t1 - t0))
                epochs = np.full(len(time_s), epoch, np.int32)
            else:
                track, epochs = self._as_seen(key, first, last)
            present = np.isfinite(track[0])
            rows[key] = GridRows(track, present, epochs, np.zeros(len(time_s), np.int32))
        return Ticks.of(first, time_s, rows)

    def _as_seen(self, key: str, first: int, last: int) -> tuple[Floats, Flags]:
        """Orientation (4, n) and heading epochs (n,) of a sensor at ticks first … last, as they were given out: of one that
        has no standing of its own, when the others have. NaN where they are forgotten."""
        track, epochs = np.full((4, last - first), np.nan), np.full(last - first, -1, np.int32)
        for ticks in (*self._history, *([] if self._in_hand is None else [self._in_hand])):
            low, high = max(first, ticks.first), min(last, ticks.first + len(ticks))
            if low < high:
                rows, of = ticks.sensor(key), slice(low - ticks.first, high - ticks.first)
                track[:, low - first : high - first] = rows.quat[:, of]
                epochs[low - first : high - first] = rows.heading_epoch[of]
        return track, epochs


def _between(history: Sequence[Ticks], first: int, last: int) -> Ticks | None:
    """The remembered ticks first … last as one piece, None when there are none."""
    parts = [t.part(max(first - t.first, 0), min(last - t.first, len(t))) for t in history if t.first + len(t) > first]
    parts = [p for p in parts if len(p)]
    return Ticks.join(parts) if parts else None
