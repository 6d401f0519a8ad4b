"""The engine: recorded events in sequence order in, rows and repetitions out. Pure: no clock, no I/O, no threads.

Time comes with the events. Cutting the events into other chunks changes no bit of the `live` rows; that is what makes a
replay equal to the session it replays. Plain sessions bring samples that already have session time (`TimedBlock`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsp.live import LivePipeline, PipelineOutput
from dsp.review import ReviewPipeline
from firmware_protocol.codec import Codec
from firmware_protocol.registry import codec_for
from hiphinge.summary import SessionFacts, SummaryBuilder
from ingest.clock import COUNTER_SKEW_LIMIT, SKEW_LIMIT, ClockMap
from ingest.sample_count import SampleCount
from signals import Event, Mark, Packets, SampleBlock, Sensor, Session, TimedBlock, UtcAnchor
from signals.blocks import Ints

CALIBRATE = "calibrate"


class _Source:
    """One sensor's codec and clock map."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor.key
        self.codec: Codec = codec_for(sensor.family, sensor.config, sensor.rate_hz)
        self.clock: ClockMap | None = None
        self.lost_exact = True
        self.count: SampleCount | None = None

    def feed(self, packets: Sequence[Packets], zero_ns: int) -> list[TimedBlock]:
        """Samples of these packets on the session's time line."""
        one = packets[0] if len(packets) == 1 else _joined(packets)
        arrival_s = (one.arrival_ns - zero_ns) / 1e9
        return [
            self._timed(block, one.seq, arrival_s) for block in self.codec.feed_packets(one.data, one.lengths) if len(block)
        ]

    def _timed(self, block: SampleBlock, seq: Ints, arrival_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> TimedBlock:
        device_s, lost, restart = block.device_time_s, block.lost, block.restart
        if device_s is None:
            if self.count is None:
                self.count = SampleCount(block.rate_hz, block.lost_exact)
            device_s, lost, restart = self.count.feed(block.packet, arrival_s, lost, restart)
        if self.clock is None:
            self.clock = ClockMap(SKEW_LIMIT if block.device_time_s is not None else COUNTER_SKEW_LIMIT)
        self.lost_exact &= block.lost_exact
        return TimedBlock(
            self.sensor,
            block.rate_hz,
            seq[block.packet],
            self.clock.feed(device_s, block.packet, arrival_s, restart),
            device_s,
            block.acc,
            block.gyr,
            block.quat,
            lost,
            block.saturated,
            restart,
        )


def _joined(packets: Sequence[Packets]) -> Packets:
    return Packets(
        packets[0].sensor,
        np.concatenate([p.seq for p in packets]),
        np.concatenate([p.arrival_ns for p in packets]),
        np.concatenate([p.lengths for p in packets]),
        b"".join(p.data for p in packets),
    )


class Engine:
    """One session's estimators behind one `feed`. `estimators`: any of ``live``, ``review``."""

    def __init__(self, session: Session, estimators: Sequence[str] = ("live",)) -> None:
        self.session = session
        made = {"live": LivePipeline, "review": ReviewPipeline}
        self._pipelines: dict[str, LivePipeline | ReviewPipeline] = {
            name: made[name](session.sensors, session.body) for name in estimators
        }
        self._summaries = {name: SummaryBuilder(session, name) for name in estimators}
        self._sources = {s.key: _Source(s) for s in session.sensors if s.family != "plain"}
        self._rates: dict[str, float] = {}
        self._zero_ns: int | None = None
        self._now_s = -np.inf
        self._plain_marks = [m.time_s for m in session.marks if m.label == CALIBRATE]

    def feed(self, events: Sequence[Event | TimedBlock]) -> dict[str, PipelineOutput]:
        """Take the next events (all of a stretch of sequence numbers, in any order within the call); per estimator what
        became final."""
        packets: dict[str, list[Packets]] = {}
        blocks: list[TimedBlock] = []
        marks: list[float] = []
        seqs: list[Ints] = []
        times: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        singles: list[tuple[int, int]] = []
        if self._zero_ns is None:
            self._zero_ns = _zero(events)
        zero = self._zero_ns or 0
        for event in events:
            if isinstance(event, TimedBlock):
                if not marks and self._plain_marks:
                    marks, self._plain_marks = self._plain_marks, []
                blocks.append(event)
                seqs.append(event.seq)
                times.append(event.time_s)
            elif isinstance(event, Packets):
                packets.setdefault(event.sensor, []).append(event)
                seqs.append(event.seq)
                times.append((event.arrival_ns - zero) / 1e9)
            else:
                singles.append((event.seq, event.arrival_ns))
                if isinstance(event, Mark) and event.label == CALIBRATE:
                    marks.append((event.arrival_ns - zero) / 1e9)
        for sensor, group in packets.items():
            group.sort(key=lambda p: int(p.seq[0]))
            blocks.extend(self._sources[sensor].feed(group, zero))
        if singles:
            seqs.append(np.array([s for s, _ in singles], np.int64))
            times.append((np.array([a for _, a in singles], np.int64) - zero) / 1e9)
        for block in blocks:
            self._rates.setdefault(block.sensor, block.rate_hz)
        seq, time_s = self._progress(seqs, times)
        return {name: self._note(name, p.feed(blocks, marks, seq, time_s)) for name, p in self._pipelines.items()}

    def finish(self) -> dict[str, PipelineOutput]:
        """The end of the log."""
        return {name: self._note(name, pipeline.finish()) for name, pipeline in self._pipelines.items()}

    def summary(self, estimator: str, session_name: str) -> dict[str, object]:
        """Content of summary.json after `finish`."""
        pipeline = self._pipelines[estimator]
        facts = SessionFacts(
            rates=self._rates,
            counts=pipeline.counts(),
            lost_exact={key: source.lost_exact for key, source in self._sources.items()},
            health={key: dict(source.codec.health) for key, source in self._sources.items()},
            device={key: dict(source.codec.facts) for key, source in self._sources.items()},
            reports=pipeline.reports(),
        )
        return self._summaries[estimator].document(session_name, facts)

    @property
    def now_s(self) -> float:
        """Session time of the last event, seconds; 0 before the first."""
        return max(self._now_s, 0.0)

    @property
    def health(self) -> Mapping[str, Mapping[str, int]]:
        """Counted facts of each sensor's stream."""
        return {key: source.codec.health for key, source in self._sources.items()}

    def _note(self, name: str, output: PipelineOutput) -> PipelineOutput:
        self._summaries[name].take(output)
        return output

    def _progress(
        self, seqs: list[Ints], times: list[np.ndarray[tuple[int], np.dtype[np.float64]]]
    ) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """Sequence numbers in order and the running event time at each."""
        if not seqs:
            return np.empty(0, np.int64), np.empty(0)
        seq, time_s = np.concatenate(seqs), np.concatenate(times)
        order = np.argsort(seq, kind="stable")
        running = np.maximum.accumulate(np.maximum(time_s[order], self._now_s))
        self._now_s = float(running[-1])
        return seq[order], running


def _zero(events: Sequence[Event | TimedBlock]) -> int | None:
    """Arrival time of the first UTC anchor, else of the first event that has one."""
    anchors = [e for e in events if isinstance(e, UtcAnchor)]
    if anchors:
        return min(anchors, key=lambda e: e.seq).arrival_ns
    firsts = [
        (int(e.seq[0]), int(e.arrival_ns[0])) if isinstance(e, Packets) else (e.seq, e.arrival_ns)
        for e in events
        if not isinstance(e, TimedBlock) and (not isinstance(e, Packets) or len(e))
    ]
    return min(firsts)[1] if firsts else None
