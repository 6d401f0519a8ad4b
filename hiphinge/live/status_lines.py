"""`hiphinge live --json`: one JSON line a second of session time, for programs that watch a session.

Keys: ``time_s``; ``sensors``, a list with ``placement, family, state, fault, battery, rssi, rate_hz, measured_hz,
samples, lost, lost_exact, latency_ms``, where ``state`` is ``off_body`` while a streaming sensor is found off the body;
``findings``, those that hold now, as they stand in summary.json; ``angles`` and
their standard uncertainties under the names of the angle table, degrees; ``quality``, the names of the row's flags;
``lumbar_share_now``, of the movement that is under way: ``of``, its name in the repetition table, ``percent``, ``sd_percent``
and ``quality``, the flags of the rows that it was taken from; ``repetitions``, those that ended since the line before, under
the names of the repetition table, with ``number``, which counts from 1 as people do, and ``side``, the leg of a movement of one
leg; ``calibrated``; ``calibration``, how far it has come: ``stage`` (``waiting, standing,
movements, done, refused``), ``mark_s``, ``stand_until_s``, ``moved_while_standing``, ``made`` and ``wanted`` by movement,
``missing``, ``heard`` (the last movement: ``movement, number, shortfall, degrees, time_s``; number 0 does not count),
``in_force``, ``reasons``, and the words for people ``instruction`` and ``remark``; ``answers``, what came of the keys and lines
since the line before: ``time_s, text, done``; ``protocol``, how the guided protocol stands: ``name``, ``state`` (``running,
done, left, stopped``), ``at`` (number of the present step from 0), ``going``, ``steps``, ``pain``; ``trouble``, why results do
not arrive. What is not known, or not fresh, is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from body_signals import ANGLE_NAMES, Cause, Session, flag_names
from dsp.day import side_of
from dsp.pipeline import PipelineOutput
from dsp.results import Repetition
from dsp.rhythm import LatestRows
from hiphinge.engine import SensorProgress
from hiphinge.guidance.alarms import Alarms
from hiphinge.guidance.guide import Guide, guide_document
from hiphinge.live.line_writer import LineWriter
from hiphinge.live.sinks import Frame, FreshRow, Sink
from ingest.links import LinkState, LinkStatus

EVERY_S = 1.0


class StatusLines(Sink):
    """The sink that writes a line each second; `write` gets the text without its line end, `closed` ends the writing."""

    name = "JSON lines"

    def __init__(self, session: Session, write: Callable[[str], object], closed: Callable[[], object] = lambda: None) -> None:
        self._families = {s.key: s.family for s in session.sensors}
        self._write, self._closed = write, closed
        self._due_s: float | None = None
        self._row = FreshRow(session.patience_s)
        self._latest = LatestRows()
        self._repetitions: list[Repetition] = []
        self._calibrated = False
        self._guide = Guide(session.body, keyboard=False)
        self._alarms = Alarms()
        self._answered = 0
        """Number of the last answer that was told."""
        self._counted: dict[str, tuple[float, int]] = {}
        """Session time and samples of each sensor at the line before."""

    @classmethod
    def on(cls, fd: int, session: Session) -> StatusLines:
        """On this file descriptor, whoever reads it or does not."""
        writer = LineWriter(fd)
        return cls(session, writer.write, writer.close)

    def take(self, frame: Frame) -> None:
        """Remember the results; write a line when one is due."""
        output, now_s = frame.output, frame.now_s
        self._row.take(output)
        self._latest.take(output.angles)
        self._guide.take(output)
        self._alarms.take(output.findings)
        if output.alignments:
            self._calibrated = bool(output.alignments[-1].to_segment)
        self._repetitions += output.repetitions
        if self._due_s is None:
            self._due_s = now_s + EVERY_S
        if now_s >= self._due_s:
            self._due_s = max(self._due_s + EVERY_S, math.floor(now_s) + EVERY_S)
            self.line(frame)

    def stop(self, frame: Frame) -> None:
        """The last line."""
        self.line(frame)

    def close(self, last: PipelineOutput | None) -> None:
        """No line follows."""
        self._closed()

    def line(self, frame: Frame) -> None:
        """Write a line now."""
        now_s = frame.now_s
        answers = frame.desk.since(self._answered)
        self._answered = answers[-1].number if answers else self._answered
        document = {
            "time_s": round(now_s, 3),
            "calibrated": self._calibrated,
            "calibration": guide_document(self._guide, now_s),
            "findings": [finding.document() for finding in self._alarms.holding],
            "answers": [answer.document() for answer in answers],
            "sensors": [self._sensor(key, frame) for key in self._families],
            **self._angles(now_s),
            "lumbar_share_now": self._share_now(now_s),
            "repetitions": [repetition_document(repetition) for repetition in self._repetitions],
            "protocol": frame.protocol,
            "trouble": frame.trouble or None,
        }
        self._repetitions.clear()
        self._write(json.dumps(document, ensure_ascii=False, allow_nan=False))

    def _sensor(self, key: str, frame: Frame) -> dict[str, Any]:
        link, progress, now_s = frame.links.get(key), frame.progress.get(key), frame.now_s
        facts = progress.facts if progress is not None else {}
        battery = battery_of(progress, link)
        samples = progress.samples if progress is not None else 0
        before_s, before = self._counted.get(key, (now_s, samples))
        self._counted[key] = (now_s, samples)
        streaming = link is not None and link.state is LinkState.STREAMING
        off = any(f.cause is Cause.OFF_BODY and f.sensor == key for f in self._alarms.holding)
        state = None if link is None else str(link.state)
        if off and (streaming or link is None):
            state = Cause.OFF_BODY.value
        return {
            "placement": key,
            "family": self._families[key],
            "state": state,
            "fault": str(link.fault) if link is not None and link.fault is not None else facts.get("refused"),
            "battery": round(battery) if isinstance(battery, int | float) else None,
            "rssi": link.rssi if link is not None else None,
            "rate_hz": progress.rate_hz if progress is not None else None,
            "measured_hz": round((samples - before) / (now_s - before_s), 1) if now_s > before_s else None,
            "samples": samples,
            "lost": progress.lost if progress is not None else 0,
            "lost_exact": progress.lost_exact if progress is not None else None,
            "latency_ms": _number(frame.latency_ms.get(key), 1) if streaming else None,
        }

    def _angles(self, now_s: float) -> dict[str, Any]:
        row = self._row.at(now_s)
        if row is None:
            missing = {f"{name}{what}_deg": None for name in ANGLE_NAMES for what in ("", "_sd")}
            return {"angles_time_s": None, "angles": missing, "quality": []}
        degrees, sd = np.degrees(row.angles[:, -1]).tolist(), np.degrees(row.sd[:, -1]).tolist()
        angles: dict[str, float | None] = {}
        for name, value, uncertainty in zip(ANGLE_NAMES, degrees, sd, strict=True):
            angles[f"{name}_deg"], angles[f"{name}_sd_deg"] = _number(value), _number(uncertainty)
        return {
            "angles_time_s": round(float(row.time_s[-1]), 3),
            "angles": angles,
            "quality": flag_names(int(row.quality[-1])),
        }

    def _share_now(self, now_s: float) -> dict[str, Any]:
        share = self._latest.share_now() if self._row.at(now_s) is not None else None
        if share is None:
            return {"of": None, "percent": None, "sd_percent": None, "quality": []}
        percent, sd = (_number(100.0 * x, 1) for x in (share.share, share.sd))
        return {"of": share.of, "percent": percent, "sd_percent": sd, "quality": flag_names(share.quality)}


def battery_of(progress: SensorProgress | None, link: LinkStatus | None) -> Any:
    """A sensor's charge, percent: what its stream says, else what was read beside it; None where neither is known."""
    told = progress.facts.get("battery_percent") if progress is not None else None
    return told if told is not None else (link.battery if link is not None else None)


def repetition_document(repetition: Repetition) -> dict[str, Any]:
    """A repetition under the names of the repetition table, as JSON lines and pages have it."""
    return {
        "index": repetition.index,
        "number": repetition.index + 1,
        "side": side_of(repetition),
        "start_s": _number(repetition.start_s),
        "turn_s": _number(repetition.turn_s),
        "end_s": _number(repetition.end_s),
        "movement": repetition.movement,
        "movement_confidence": _number(repetition.movement_confidence),
        "quality": flag_names(repetition.quality),
        **{name: _number(value, 4) for name, value in repetition.metrics.items()},
        "missing_shares": repetition.missing_shares,
    }


def _number(value: float | None, decimals: int = 3) -> float | None:
    # no -0
    return round(float(value), decimals) + 0.0 if value is not None and math.isfinite(value) else None
