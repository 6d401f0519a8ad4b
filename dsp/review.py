"""The two-sided pipeline: the same input as `live`; each row also uses the samples after it.

Works in windows of session time that overlap, so memory stays bounded whatever the length: per sensor about
`WINDOW_S + 2 * MARGIN_S` of samples. Window borders depend on session time and marks alone, so the result is the same for
every chunking. Orientations come from offline VQF, headings from the smoother; both are joined across windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from body_signals import LONGEST_SESSION_S, Floats, Ints, Quality, Sensor, TimedBlock
from dsp.alignment.alignment import Alignment
from dsp.alignment.slide import SlideWatch
from dsp.alignment.slip import SlipWatch
from dsp.angles import joints
from dsp.angles.joints import PELVIS
from dsp.angles.rows import SegmentAngles, orientation_rows, uncalibrated_rows
from dsp.calibration.calibrator import Calibrator
from dsp.grid.grid import NEVER, too_long
from dsp.grid.ticks import MOTION_STRIDE, RATE_HZ, Ticks
from dsp.grid.track import SensorTrack, at_ticks
from dsp.heading.filter import LOST_POSTURE_SD_RAD, LOST_SD_RAD, STANDING_SD_RAD, HeadingTrack, smooth_heading
from dsp.heading.joint_acceleration import BLOCKS, JointAcceleration, Sighting
from dsp.heading.joint_headings import JointHeadings, heading_epochs, joint_twist, standing_twist, with_one_heading
from dsp.orientation.filter import SampleCounts
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
from dsp.plausibility.sensor_watch import SensorWatch
from dsp.plausibility.worn import Checked, WornWatch, widen_each
from dsp.repetitions.finder import RepetitionFinder
from dsp.repetitions.held import CALIBRATION_LONGEST_S
from dsp.repetitions.looked_back import CLOSED_S
from dsp.results import AlignmentReport, Finding
from dsp.review_stream import MARGIN_S, ReviewStream

WINDOW_S = 600.0
"""Length of a window, s; it bounds the memory (ours)."""
SLACK_S = 5.0
"""Event time, s, that must pass after a window's margin before it is computed; no sample is later than this (ours)."""
CARRIED_SD_RAD = np.radians(2.0)
"""Standard deviation assumed for a heading carried over from the previous window (ours)."""


class ReviewPipeline:
    """Two-sided estimator of one session; the same calls as `LivePipeline`."""

    def __init__(self, sensors: Sequence[Sensor], body: tuple[str, ...], window_s: float = WINDOW_S) -> None:
        self.estimator = "review"
        self._body = body
        self._keys = tuple(s.key for s in sensors)
        self._sensors = {s.key: s for s in sensors}
        self._window_s = window_s
        self._streams: dict[str, ReviewStream] = {}
        self._calibrator = Calibrator(body, mountings(sensors), self._standing, self._ended, worn=worn_last_time(sensors))
        self._finder = RepetitionFinder(RATE_HZ)
        self._marks: list[float] = []
        self._next: int | None = None
        self._alignment: Alignment | None = None
        self._slips: SlipWatch | None = None
        self._slides: SlideWatch | None = None
        self._worn: WornWatch | None = None
        self._clocks = ClockDoubts()
        self._others = OtherSensors()
        self._carried: dict[str, float] = {}
        self._ticks: Ticks | None = None

    def feed(
        self, blocks: Sequence[TimedBlock], calibrate_marks: Sequence[float], event_seq: Ints, event_s: Floats
    ) -> PipelineOutput:
        """See `LivePipeline.feed`; rows are output a window at a time."""
        return PipelineOutput.join(self.pieces(blocks, calibrate_marks, event_seq, event_s))

    def pieces(
        self, blocks: Sequence[TimedBlock], calibrate_marks: Sequence[float], event_seq: Ints, event_s: Floats
    ) -> Iterator[PipelineOutput]:
        """The output of `feed`, one window per piece; must be read to the end."""
        for mark_s in calibrate_marks:
            self._marks.append(mark_s)
            self._calibrator.mark(mark_s)
            self._finder.calibrating(mark_s)
            for stream in self._streams.values():
                stream.marks.append(mark_s)
                stream.watch_samples.mark(mark_s)
        out = PipelineOutput()
        for block in blocks:
            if len(block):
                self._collect(block, out)
        if out.findings:
            yield out
        if not len(event_s) or not self._streams:
            return
        now_s = float(event_s[-1])
        if now_s - self._start_tick() / RATE_HZ > LONGEST_SESSION_S:
            raise too_long(int(event_seq[-1]), now_s - self._start_tick() / RATE_HZ)
        while now_s > self._core_end() + MARGIN_S + SLACK_S:
            out = PipelineOutput()
            self._window(self._core_end(), out, last=False)
            yield out

    def finish(self) -> PipelineOutput:
        """The last window, and the repetition in progress."""
        out = PipelineOutput()
        for stream in self._streams.values():
            out.findings += stream.finish()
        if self._streams:
            end_s = max(s.end_s for s in self._streams.values())
            while end_s > self._core_end() + MARGIN_S:
                self._window(self._core_end(), out, last=False)
            self._window(end_s + 1.0 / RATE_HZ, out, last=True)
        out.repetitions.extend(self._finder.finish())
        return out

    def counts(self) -> dict[str, tuple[SampleCounts, int]]:
        """The counts of each sensor; nothing is late in review."""
        return {key: (self._streams[key].counts if key in self._streams else SampleCounts(), 0) for key in self._keys}

    def reports(self) -> tuple[AlignmentReport, ...]:
        """The alignment in force at the end."""
        return said_of(self._alignment, self._calibrator.refused, self._slips, self._slides, self._worn, RATE_HZ)

    def doubt(self, finding: Finding) -> None:
        """A sensor disagrees with the others: rows not yet output are flagged from since when it does."""
        self._clocks.take(finding, finding.since_s)

    def suspect(self, off_s: Mapping[str, float], begin_s: float, known_s: float) -> None:
        """By what time clocks may be wrong, by movements from session time begin_s on: angles not yet output are less certain
        from then on."""
        self._clocks.suspect(off_s, begin_s)

    def wait_longer(self, since_s: float, more_s: float) -> None:
        """Nothing is late in review."""

    def _start_tick(self) -> int:
        if self._next is None:
            # the first tick not before the first sample that arrived, as in `dsp.grid.grid`
            _, first_s = min(s.first for s in self._streams.values())
            self._next = int(np.ceil(first_s * RATE_HZ))
        return self._next

    def _core_end(self) -> float:
        """End of the current window: never inside the time that a calibration may take."""
        end = self._start_tick() / RATE_HZ + self._window_s
        for mark_s in self._marks:
            if mark_s < end < mark_s + CALIBRATION_LONGEST_S:
                end = mark_s + CALIBRATION_LONGEST_S
        return end

    def _collect(self, block: TimedBlock, out: PipelineOutput) -> None:
        stream = self._streams.get(block.sensor)
        if stream is None:
            watch = SensorWatch(self._sensors[block.sensor], block.rate_hz, self._body)
            for mark_s in self._marks:
                watch.mark(mark_s)
            first = int(block.seq[0]), float(block.time_s[0])
            worn = block.sensor in self._body
            stream = ReviewStream(block.rate_hz, watch, first, worn, marks=list(self._marks))
            self._streams[block.sensor] = stream
        sound, findings = stream.take(block)
        out.findings += findings
        if len(sound):
            self._others.take(sound)

    def _window(self, end_s: float, out: PipelineOutput, *, last: bool) -> None:
        """Output the rows from the last window's end to `end_s`."""
        first = self._start_tick()
        stop = int(np.ceil(end_s * RATE_HZ))
        before = first - int(MARGIN_S * RATE_HZ)
        after = stop if last else stop + int(MARGIN_S * RATE_HZ)
        time_s = np.arange(before, after) / RATE_HZ
        tracks: dict[str, SensorTrack] = {}
        for key in self._keys:
            track = tracks[key] = SensorTrack(two_sided=True)
            stream = self._streams.get(key)
            if stream is not None:
                until_s = np.inf if last else end_s + MARGIN_S
                calibrating = bool(self._marks) and self._marks[0] < until_s
                samples = stream.oriented(until_s, moving=self._alignment is None and stream.worn, calibrating=calibrating)
                if samples is not None:
                    track.add(samples, stream.rate_hz)
                    stream.let_go(samples, end_s)
        ticks = at_ticks(tracks, before, time_s, np.full(len(time_s), NEVER))
        for i, key in enumerate(ticks.keys):
            stream = self._streams.get(key)
            if stream is not None and (stream.dead or stream.faults):
                at = stream.implausible(time_s, np.inf if last else end_s + MARGIN_S)
                ticks.quality[i, at] |= np.int32(Quality.IMPLAUSIBLE)
                stream.dead = [run for run in stream.dead if run[1] > end_s - MARGIN_S - 1.0]
        core = ticks.part(first - before, stop - before)
        if not self._body:
            out.orientations.extend(orientation_rows(core))
        elif len(core):
            self._angles(ticks, core, out, last=last)
        self._next = stop

    def _angles(self, ticks: Ticks, core: Ticks, out: PipelineOutput, *, last: bool) -> None:
        self._ticks = core
        found = self._calibrator.feed(core)
        if last:
            found += self._calibrator.finish(core.first + len(core))
        self._ticks = None
        out.findings += self._calibrator.findings()
        # for each mark the best alignment; it holds from its mark on
        best: dict[float, Alignment] = {}
        for alignment in found:
            best[alignment.mark_s] = alignment
        begins = (max(int(np.ceil(m * RATE_HZ)), core.first) for m in best)
        starts = [core.first, *begins, core.first + len(core)]
        self._stretch_of_alignment(ticks, starts[0], starts[1], None, out)
        for (_, alignment), start, stop in zip(best.items(), starts[1:], starts[2:], strict=False):
            out.alignments.append(alignment)
            self._alignment, self._carried = alignment, {}
            self._finder.aligned(alignment.to_segment)
            self._stretch_of_alignment(ticks, start, stop, alignment, out)

    def _stretch_of_alignment(self, ticks: Ticks, start: int, stop: int, new: Alignment | None, out: PipelineOutput) -> None:
        """Rows for ticks start … stop under one alignment; `new` when its standing lies in them."""
        if stop <= start:
            return
        next_mark = min((m for m in self._marks if m * RATE_HZ > start), default=np.inf)
        low = start if new is not None else ticks.first
        high = int(min(ticks.first + len(ticks), max(stop, np.ceil(next_mark * RATE_HZ) if np.isfinite(next_mark) else np.inf)))
        wide = ticks.part(low - ticks.first, high - ticks.first)
        tracks = {}
        for joint in joints.JOINTS:
            track = self._heading(joint, wide, start, new)
            if track is not None:
                self._carried[joint.name] = float(track.offset[stop - 1 - low])
                tracks[joint.name] = track
        headings = _headings(tracks, start - low, stop - low)
        own = wide.part(start - low, stop - low)
        part = with_one_heading(own, headings)
        out.orientations.extend(orientation_rows(part))
        checked = Checked()
        if self._alignment is None:
            rows = uncalibrated_rows(part, self._body)
        else:
            angles = SegmentAngles(part.keys, self._alignment, headings.joints, "review", self._body)
            if new is not None or self._worn is None:
                self._slips = slip_watch(self._alignment, RATE_HZ, marked_back=True)
                self._slides = SlideWatch(angles.placements, RATE_HZ, marked_back=True)
                out.findings.extend([] if self._worn is None else self._worn.close(start / RATE_HZ))
                plain = unnamed(self._sensors.values())
                self._worn = WornWatch(angles, RATE_HZ, start, marked_back=True, unnamed=plain)
            slipped = None if self._slips is None else slip_flags(self._slips, part, angles)
            slid, variance = (None, None) if self._slides is None else slides(self._slides, own, angles)
            slipped = with_flags(slipped, slid)
            rows = angles.rows(part, headings, with_flags(slipped, self._clocks.flags(part.time_s)))
            widen_each(rows, angles.placements, variance)
            later = []
            if high > stop:
                # a sensor that fell off before the end of these rows may be known a little later only
                after, turns = wide.part(stop - low, high - low), _headings(tracks, stop - low, high - low)
                later = self._worn.ahead(after, angles.rows(with_one_heading(after, turns), turns), angles, own, rows)
            checked = self._worn.feed(own, rows, angles, self._others.since(self._alignment), later)
        self._clocks.widen(own, rows)
        out.angles.append(rows)
        out.findings.extend(checked.findings)
        if new is not None and new.movements_over:
            # the finder must get it at its place among the rows: once it has closed the last calibration movement
            done = min(max(new.tick - start, 0) + int(CLOSED_S * RATE_HZ), len(rows))
            changes = [(at, worn) for at, worn in checked.changes if at < done]
            out.repetitions.extend(count_repetitions(self._finder, rows.part(0, done), changes))
            self._finder.calibrated(new.movements_end_s)
            out.calibration_movements.extend(self._finder.take_aside())
            rows = rows.part(done, len(rows))
            checked.changes = [(at - done, worn) for at, worn in checked.changes if at >= done]
        out.repetitions.extend(count_repetitions(self._finder, rows, checked.changes))
        out.calibration_movements.extend(self._finder.take_aside())

    def _heading(self, joint: joints.Joint, wide: Ticks, start: int, new: Alignment | None) -> HeadingTrack | None:
        """Smoothed heading over the wide stretch, separately for each pair of heading epochs; None where it cannot be found."""
        seen: list[Sighting] = []
        if self._alignment is not None:
            if not {joint.distal, PELVIS} <= set(self._alignment.to_segment):
                return None
        else:
            if not {joint.distal, PELVIS} <= set(self._body):
                return None
            # the second pass knows the lever arms from the beginning
            acceleration = JointAcceleration(RATE_HZ)
            acceleration.feed(wide, PELVIS, joint.distal)
            seen = acceleration.again().feed(wide, PELVIS, joint.distal)
            if not seen:
                return None
        a, b = heading_epochs(wide, joint)
        there = np.flatnonzero((a >= 0) & (b >= 0))
        m = len(wide)
        offset, sd, known, spread = (
            np.zeros(m),
            np.full(m, LOST_SD_RAD),
            np.zeros(m, np.bool_),
            np.full(m, LOST_POSTURE_SD_RAD**2),
        )
        if not len(there):
            return HeadingTrack(offset, sd, known, spread)
        pair = a[there].astype(np.int64) * (1 << 31) + b[there]
        cuts = np.flatnonzero(np.diff(pair)) + 1
        borders = [0, *there[cuts].tolist(), m]
        anchor: tuple[int, float, float] | None = None
        if new is not None:
            still = new.standing
            value, epochs = standing_twist(joint_twist(still, new, joint)[0], *heading_epochs(still, joint))
            if epochs is not None:
                anchor = (still.first + len(still) // 2 - wide.first, value, STANDING_SD_RAD)
        elif joint.name in self._carried:
            anchor = (start - wide.first, self._carried[joint.name], CARRIED_SD_RAD)
        known_at = [] if anchor is None else [anchor]
        known_at += [(s.tick - wide.first - MOTION_STRIDE * BLOCKS // 2, s.offset, s.variance**0.5) for s in seen]
        for lo, hi in itertools.pairwise(borders):
            anchors = [(at - lo, value, spread) for at, value, spread in known_at if lo <= at < hi]
            twist, observability, flexion = (np.full(hi - lo, np.nan),) * 3
            if self._alignment is not None:
                twist, observability, flexion = joint_twist(wide.part(lo, hi), self._alignment, joint)
            part = smooth_heading(hi - lo, RATE_HZ, twist, observability, flexion, anchors, joint.flexed_rad)
            offset[lo:hi], sd[lo:hi], known[lo:hi], spread[lo:hi] = part.offset, part.sd, part.known, part.spread
        return HeadingTrack(offset, sd, known, spread)

    def _ended(self, mark_s: float, key: str) -> float | None:
        """Session time at which this sensor's standing was known to have ended."""
        found = self._streams[key].standings.get(mark_s) if key in self._streams else None
        return None if found is None else found.known_s

    def _standing(self, mark_s: float, keys: tuple[str, ...]) -> Ticks | None:
        """The standing that these sensors share, as a part of the current window."""
        assert self._ticks is not None
        found = [self._streams[key].standings.get(mark_s) for key in keys if key in self._streams]
        usable = [s for s in found if s is not None and len(s.time_s)]
        if not usable:
            return None
        span = shared_ticks(usable, RATE_HZ)
        if span is None:
            return None
        first, last = (tick - self._ticks.first for tick in span)
        return self._ticks.part(first, last) if first >= 0 and last <= len(self._ticks) else None


def _headings(tracks: Mapping[str, HeadingTrack], start: int, stop: int) -> JointHeadings:
    """Headings from start to stop of these tracks, by joint."""
    cut = slice(start, stop)
    parts = {name: HeadingTrack(t.offset[cut], t.sd[cut], t.known[cut], t.spread[cut]) for name, t in tracks.items()}
    return JointHeadings.of(parts, stop - start)
