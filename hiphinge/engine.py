"""The engine: recorded events in sequence order in, rows and repetitions out. Pure: no clock, no I/O, no threads.

Time comes with the events. Cutting the events into other chunks changes no bit of the `live` rows; that is what makes a
replay equal to the session it replays. Plain sessions bring samples that already have session time (`TimedBlock`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from body_signals import CALIBRATE as CALIBRATE
from body_signals import HEEL_DROP as HEEL_DROP
from body_signals import (
    LONGEST_SESSION_S,
    Battery,
    Cause,
    Event,
    Floats,
    Ints,
    Mark,
    SaidMark,
    Sensor,
    Session,
    SessionMark,
    TimedBlock,
    UtcAnchor,
    standing,
    zero_ns,
)
from dsp.grid import too_long
from dsp.live import LivePipeline
from dsp.pipeline import PipelineOutput
from dsp.plausibility import SAME_S, SEEN_S, ClockLag, ClockWatch
from dsp.results import Finding
from dsp.review import ReviewPipeline
from hiphinge.event_stretch import EventStretch
from hiphinge.session.facts.calendar import Calendar
from hiphinge.session.facts.sensor_minutes import SensorMinutes
from hiphinge.session.facts.summary import SessionFacts, SummaryBuilder
from hiphinge.sources import Source, joined
from ingest.time import EARLY_SLEW, SEARCH_S, WINDOW_S, Lag, lags

LATEST_S = 1.0
"""The radio may hold samples of a heel drop back for this time (ours)."""
SMALLEST_CORRECTION_S = 0.01
"""Lags below this are within what a heel drop and the clocks can tell."""


@dataclass(frozen=True, slots=True)
class SensorProgress:
    """What a sensor has delivered: samples, how many were lost (exact, or an estimate), its nominal rate, and its facts.

    slipped: whether the live estimator takes it for slipped since the calibration.
    """

    samples: int
    lost: int
    lost_exact: bool
    rate_hz: float | None
    facts: Mapping[str, str | float]
    slipped: bool = False


@dataclass(slots=True)
class _HeelDrop:
    """A heel drop in progress, from its mark until its window has passed; tracks: the samples since the mark, by sensor."""

    mark: Mark
    tracks: dict[str, list[TimedBlock]] = field(default_factory=dict)

    @property
    def due_ns(self) -> int:
        """Arrival time from which on all of its samples are there."""
        return self.mark.arrival_ns + round((WINDOW_S + SEARCH_S + LATEST_S) * 1e9)

    def take(self, block: TimedBlock) -> None:
        self.tracks.setdefault(block.sensor, []).append(block)

    def track(self, key: str) -> tuple[Floats, Floats]:
        """Time (n,) and specific force (n, 3) of a sensor's samples that came after the mark."""
        since = [block.seq > self.mark.seq for block in self.tracks[key]]
        times = [block.time_s[s] for block, s in zip(self.tracks[key], since, strict=True)]
        forces = [block.acc[s] for block, s in zip(self.tracks[key], since, strict=True)]
        return np.concatenate(times), np.concatenate(forces)


@dataclass(slots=True)
class _Timed:
    """Samples and calibrate marks (session times) of a stretch of events, the events' numbers and the running session time at
    each."""

    blocks: list[TimedBlock] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    seqs: list[Ints] = field(default_factory=list)
    times: list[Floats] = field(default_factory=list)


class Engine:
    """One session's estimators behind one `feed`. `estimators`: any of ``live``, ``review``."""

    def __init__(self, session: Session, estimators: Sequence[str] = ("live",), findings: Sequence[Finding] = ()) -> None:
        self.session = session
        made: dict[str, Callable[[Sequence[Sensor], tuple[str, ...]], LivePipeline | ReviewPipeline]] = {
            "live": partial(LivePipeline, patience_s=session.patience_s),
            "review": ReviewPipeline,
        }
        self._pipelines: dict[str, LivePipeline | ReviewPipeline] = {
            name: made[name](session.sensors, session.body) for name in estimators
        }
        self._summaries = {name: SummaryBuilder(session, name) for name in estimators}
        streaming = [s for s in session.sensors if s.family != "plain"]
        self.minutes = SensorMinutes(s.key for s in streaming)
        """What the sensors did in each minute so far; nothing of a plain session."""
        self._sources = {s.key: Source(s, self.minutes) for s in streaming}
        self._rates: dict[str, float] = {}
        self._zero_ns: int | None = None
        self._now_s = -np.inf
        self._began_s: float | None = None
        """Session time of the first event."""
        self.calendar = Calendar()
        self._drop: _HeelDrop | None = None
        self.heel_drop: dict[str, Lag] = {}
        """What the last heel drop told, by sensor."""
        self._others: dict[str, dict[str, Finding]] = {}
        """By estimator and sensor: another one is in its place, not calibrated yet."""
        self._clocks = ClockWatch([s.key for s in streaming])
        self._clock_lags: dict[str, ClockLag] = {}
        """By sensor, what the last look said."""
        self._disagree: dict[str, Finding] = {}
        """Clocks that disagree and could not be corrected."""
        self._found: list[Finding] = []
        """What was found and is still to be given out."""
        for finding in findings:
            self._find(finding)
        self._plain_marks = sorted(m.time_s for m in session.marks if m.label == CALIBRATE)
        self._marks: list[Mark] = []
        """Among the events so far."""

    def feed(self, events: Sequence[Event | TimedBlock]) -> dict[str, PipelineOutput]:
        """Take the next events (all of a stretch of sequence numbers, in any order within the call); per estimator what
        became final. HiphingeError where they go beyond what a session can last."""
        whole = {name: PipelineOutput() for name in self._pipelines}
        for piece in self.pieces(events):
            for name, output in piece.items():
                whole[name].extend(output)
        return whole

    def pieces(self, events: Sequence[Event | TimedBlock]) -> Iterator[dict[str, PipelineOutput]]:
        """What `feed` gives, in several pieces where the events are hours apart, each of one estimator; read it to the end."""
        timed = self._on_time(events)
        found, self._found = [*self._other_sensors(), *self._found], []
        seq = np.concatenate(timed.seqs) if timed.seqs else np.empty(0, np.int64)
        running = np.concatenate(timed.times) if timed.times else np.empty(0)
        blocks = joined(timed.blocks)
        for name, pipeline in self._pipelines.items():
            findings = found
            for output in pipeline.pieces(blocks, timed.marks, seq, running):
                output.findings[:0] = findings
                findings = []
                yield {name: self._note(name, output)}
            if findings:
                yield {name: self._note(name, PipelineOutput(findings=findings))}

    def samples(self, events: Sequence[Event | TimedBlock]) -> list[TimedBlock]:
        """The samples of the next events on the session's time line, as `feed` computes from them; nothing is estimated."""
        return joined(self._on_time(events).blocks)

    def _on_time(self, events: Sequence[Event | TimedBlock]) -> _Timed:
        """The samples and marks of the next events on the session's time line."""
        if self._zero_ns is None:
            self._zero_ns = zero_ns(events)
        timed = _Timed()
        rest = EventStretch.of(events)
        # what a heel drop changes holds from one sequence number on, and so does a minute, however the events are cut
        while (cut := self._next_cut(rest)) is not None:
            before, rest = rest.cut(cut)
            blocks = self._time(before, timed)
            self._pass_heel_drop(before)
            self._watch_clocks(before, blocks)
            if self._now_s >= self.minutes.due_s:
                self._end_minute()
        self._watch_clocks(rest, self._time(rest, timed))
        return timed

    def _time(self, events: EventStretch, timed: _Timed) -> list[TimedBlock]:
        """Decode these events and bring their samples onto the session's time line; these samples."""
        zero = self._zero_ns or 0
        blocks = list(events.samples)
        if blocks and not timed.marks and self._plain_marks:
            timed.marks, self._plain_marks = self._plain_marks, []
        seqs, times = [block.seq for block in blocks], [block.time_s for block in blocks]
        of_sensors = events.packets
        for packets in of_sensors.values():
            seqs.append(packets.seq)
            times.append((packets.arrival_ns - zero) / 1e9)
        for event in events.singles:
            if isinstance(event, Battery) and event.sensor in self._sources:
                self._sources[event.sensor].read(event)
            if isinstance(event, UtcAnchor):
                self.calendar.take(event)
            if isinstance(event, Mark):
                self._marks.append(event)
                for summary in self._summaries.values():
                    summary.hear(_said(event, zero))
                if event.label == CALIBRATE:
                    timed.marks.append((event.arrival_ns - zero) / 1e9)
        for sensor, packets in of_sensors.items():
            blocks.extend(self._sources[sensor].feed(packets, zero))
            for finding in self._sources[sensor].leapt():
                self._find(finding)
        if len(events.single_seq):
            seqs.append(events.single_seq)
            times.append((events.single_ns - zero) / 1e9)
        for block in blocks:
            self._rates.setdefault(block.sensor, block.rate_hz)
            if self._drop is not None:
                self._drop.take(block)
        timed.blocks += blocks
        seq, running = self._progress(seqs, times)
        timed.seqs.append(seq)
        timed.times.append(running)
        return blocks

    def _watch_clocks(self, events: EventStretch, blocks: Sequence[TimedBlock]) -> None:
        """Compare clocks by the samples that these events brought; each look and glance sees those up to the event at which it
        is due."""
        if len(self._sources) < 2:
            return
        taken = [0] * len(blocks)
        while (due_s := min(self._clocks.due_s, self._clocks.glance_due_s)) <= self._now_s:
            at = events.first_from(self.zero_ns + round(due_s * 1e9))
            if at is not None:
                for i, block in enumerate(blocks):
                    start, taken[i] = taken[i], int(block.seq.searchsorted(at, side="right"))
                    self._clocks.take(block, start, taken[i])
            if self._clocks.glance_due_s < self._clocks.due_s:
                self._clocks.glance()
                self._suspect_clocks(due_s)
            else:
                self._compare_clocks(due_s)
        for start, block in zip(taken, blocks, strict=True):
            self._clocks.take(block, start, len(block))

    def _next_cut(self, events: EventStretch) -> int | None:
        """Sequence number of the first of these events at which something changes, None if there is none."""
        cuts = (self._heel_drop_at(events), self._due_at(events))
        return min((at for at in cuts if at is not None), default=None)

    def _heel_drop_at(self, events: EventStretch) -> int | None:
        """Sequence number of the first of these events at which a heel drop begins or is due, None if there is none."""
        cuts = [mark.seq for mark in events.marks(HEEL_DROP)]
        if self._drop is not None:
            cuts += [at for at in [events.first_from(self._drop.due_ns)] if at is not None]
        return min(cuts, default=None)

    def _due_at(self, events: EventStretch) -> int | None:
        """Sequence number of the first of these events at which a minute ends or a clock may be corrected, None if there is
        none."""
        if self._zero_ns is None or not self._sources:
            return None
        due_s = self.minutes.due_s if len(self._sources) == 1 else min(self.minutes.due_s, self._clocks.corrects_s)
        return events.first_from(self._zero_ns + round(due_s * 1e9))

    def _other_sensors(self) -> list[Finding]:
        """Which sensors are not those that were there before."""
        found: list[Finding] = []
        for key, source in self._sources.items():
            for at_s, serial, before in source.swaps:
                what = f"another sensor is in its place (serial number {serial}, before {before})"
                remedy = "Its calibration does not hold: calibrate again; the angles of this segment are missing until then."
                found.append(Finding(key, Cause.OTHER_SENSOR, at_s, at_s, what, remedy))
            source.swaps.clear()
        return found

    def _compare_clocks(self, known_s: float, *, last: bool = False) -> None:
        """Tell whose clock disagrees; one that is certainly late by a steady lag is corrected from here on, unless nothing more
        comes."""
        before, self._clock_lags = self._clock_lags, {lag.sensor: lag for lag in self._clocks.look(known_s)}
        self._suspect_clocks(known_s)
        for finding in self._clocks.turning:
            self._find(finding)
        for key in [key for key in self._disagree if key in self._clocks.sound]:
            self._find(replace(self._disagree.pop(key), until_s=known_s))
        for key, told in self._clock_lags.items():
            clock = self._sources[key].clock
            again = key in before and abs(before[key].lag_s - told.lag_s) < SAME_S
            if clock is not None and told.certain and told.clear and told.lasting and again and not last:
                clock.correct(told.lag_s)
                if told.lag_s > 0.0:
                    # what is shown earlier on the session's time line still comes as late as before
                    for pipeline in self._pipelines.values():
                        pipeline.wait_longer(known_s, told.lag_s)
                settled_s = known_s + abs(told.lag_s) / EARLY_SLEW + 1.0
                said = self._disagree.pop(key, None)
                first_s, since_s = (known_s, told.since_s) if said is None else (said.known_s, said.since_s)
                corrected = f"from {known_s:.0f} s on, fully from {settled_s:.0f} s on"
                self._find(told.finding(first_s, since_s, corrected=corrected, until_s=settled_s))
                self._clocks.forget(settled_s)
                self._clock_lags = {}
                return
            said = self._disagree.get(key)
            now = told.finding(known_s, told.since_s if said is None else said.since_s)
            if said is not None and now.cause is said.cause and again:
                continue
            if said is not None and now.cause is not said.cause:
                self._find(replace(said, until_s=known_s))
                now = told.finding(known_s, known_s)
            self._disagree[key] = (
                now if said is None else replace(now, known_s=said.known_s if now.cause is said.cause else known_s)
            )
            self._find(self._disagree[key])

    def _suspect_clocks(self, known_s: float) -> None:
        """Let rows state what a suspicion leaves uncertain."""
        for pipeline in self._pipelines.values():
            pipeline.suspect(self._clocks.suspected, known_s - SEEN_S, known_s)

    def _find(self, finding: Finding) -> None:
        """Give a finding of several sensors together out with what comes next, and let rows be flagged by it."""
        self._found.append(finding)
        for pipeline in self._pipelines.values():
            pipeline.doubt(finding)

    def _end_minute(self) -> None:
        self.minutes.end(self._now_s, {key: source.facts for key, source in self._sources.items()})

    def _pass_heel_drop(self, events: EventStretch) -> None:
        """The last of `events` is the mark of a heel drop, or the event at which one is due."""
        drop = self._drop
        if drop is not None and self._now_s >= (drop.due_ns - (self._zero_ns or 0)) / 1e9:
            self._drop = None
            self._align_clocks(drop)
        for mark in events.marks(HEEL_DROP):
            # a mark before the last one is due begins anew
            self._drop = _HeelDrop(mark)

    def _align_clocks(self, drop: _HeelDrop) -> None:
        """Let each sensor's clock agree with the first one's that has a clock of its own."""
        present = [key for key, source in self._sources.items() if key in drop.tracks and source.clock is not None]
        if len(present) < 2:
            return
        reference = next((key for key in present if self._sources[key].has_clock), present[0])
        at_s = (drop.mark.arrival_ns - (self._zero_ns or 0)) / 1e9
        self.heel_drop = lags({key: drop.track(key) for key in present}, reference, at_s)
        for key, lag in self.heel_drop.items():
            clock = self._sources[key].clock
            if clock is not None and abs(lag.offset_s) >= SMALLEST_CORRECTION_S:
                clock.correct(lag.offset_s)

    def finish(self) -> dict[str, PipelineOutput]:
        """The end of the log."""
        if self._sources and self._now_s > self.minutes.ended_s:
            self._end_minute()
        if len(self._sources) > 1:
            self._compare_clocks(self._now_s, last=True)
        finished = {name: pipeline.finish() for name, pipeline in self._pipelines.items()}
        for output in finished.values():
            output.findings[:0] = self._found
        self._found = []
        return {name: self._note(name, output) for name, output in finished.items()}

    def summary(self, estimator: str, session_name: str, source: str | None = None) -> dict[str, object]:
        """Content of summary.json after `finish`. source: see `SummaryBuilder.document`."""
        pipeline = self._pipelines[estimator]
        facts = SessionFacts(
            rates=self._rates,
            counts=pipeline.counts(),
            lost_exact={key: source.lost_exact for key, source in self._sources.items()},
            health={key: dict(source.codec.health) for key, source in self._sources.items()},
            device={key: source.facts for key, source in self._sources.items()},
            reports=pipeline.reports(),
            heel_drop=self.heel_drop,
            minutes={key: self.minutes.document(key) for key in self._sources},
            marks=tuple(_said(mark, self.zero_ns) for mark in standing(self._marks)),
            calendar=self.calendar.warnings(self.session) if self._sources else (),
        )
        return self._summaries[estimator].document(session_name, facts, source)

    def screened(self, estimator: str = "live") -> dict[str, object]:
        """The hip screen and the protocols so far, as they will stand in summary.json."""
        marks = [_said(mark, self.zero_ns) for mark in standing(self._marks)]
        return self._summaries[estimator].so_far([*self.session.marks, *marks])

    @property
    def zero_ns(self) -> int:
        """The host's time of session time 0; 0 before the first event."""
        return self._zero_ns or 0

    @property
    def now_s(self) -> float:
        """Session time of the last event, seconds; 0 before the first."""
        return max(self._now_s, 0.0)

    def progress(self) -> dict[str, SensorProgress]:
        """What each sensor has delivered so far, by its key."""
        pipeline = next(iter(self._pipelines.values()))
        counts = pipeline.counts()
        slipped = pipeline.slipped() if isinstance(pipeline, LivePipeline) else frozenset()
        return {
            key: SensorProgress(
                counts[key][0].samples,
                counts[key][0].lost,
                source.lost_exact,
                self._rates.get(key),
                source.facts,
                key in slipped,
            )
            for key, source in self._sources.items()
        }

    @property
    def health(self) -> Mapping[str, Mapping[str, int]]:
        """Counted facts of each sensor's stream."""
        return {key: source.codec.health for key, source in self._sources.items()}

    def _note(self, name: str, output: PipelineOutput) -> PipelineOutput:
        others = self._others.setdefault(name, {})
        for finding in output.findings:
            if finding.cause is Cause.OTHER_SENSOR:
                others[finding.sensor] = finding
        for alignment in output.alignments:
            for key in [k for k in alignment.to_segment if k in others and alignment.mark_s > others[k].since_s]:
                output.findings.append(replace(others.pop(key), until_s=alignment.mark_s))
        self._summaries[name].take(output)
        return output

    def _progress(self, seqs: list[Ints], times: list[Floats]) -> tuple[Ints, Floats]:
        """Sequence numbers in order and the running event time at each."""
        if not seqs:
            return np.empty(0, np.int64), np.empty(0)
        seq, time_s = np.concatenate(seqs), np.concatenate(times)
        order = np.argsort(seq, kind="stable")
        running = np.maximum.accumulate(np.maximum(time_s[order], self._now_s))
        if self._began_s is None:
            self._began_s = float(running[0])
        if running[-1] - self._began_s > LONGEST_SESSION_S:
            leap = int(running.searchsorted(self._began_s + LONGEST_SESSION_S, side="right"))
            raise too_long(int(seq[order[leap]]), float(running[leap]) - self._began_s)
        self._now_s = float(running[-1])
        return seq[order], running


def _said(mark: Mark, zero_ns: int) -> SessionMark:
    return SessionMark((mark.at_ns - zero_ns) / 1e9, mark.label, mark.said if isinstance(mark, SaidMark) else "live")
