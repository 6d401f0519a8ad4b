"""What pages are told of a session, as documents: sensors, marks, calibration, the movement under way. Codes, no sentences: the
page makes the words, in its language."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from body_signals import CALIBRATE, HEEL_DROP, NEW_SET, SLEPT, TARGET, Mark, Note, Pain, Quality, flag_names, understood
from dashboards.answers import LANGUAGES, said_in
from dsp.results import AlignmentReport
from dsp.rhythm import ShareNow
from hiphinge.engine import SensorProgress
from hiphinge.live.status_lines import battery_of
from ingest.links import LinkState, LinkStatus

STALLED_S, LONGEST_STALLED_S = 0.3, 0.4
"""Without a sample for the first time, by event time, a sensor is stalled; one whose packets come seldom for up to the second
(ours). With the heartbeats' 0.1 s it is told within half a second."""
_OF_FLAGS = (
    (Quality.OFF_BODY, "off_body"),
    (Quality.UNCALIBRATED, "other_sensor"),
    (Quality.IMPLAUSIBLE, "implausible"),
    (Quality.CLOCK_DISAGREES, "clock_disagrees"),
    (Quality.SATURATED, "saturated"),
)
"""What a streaming sensor is while a finding of such a flag holds; the first that does."""
_CODES = (CALIBRATE, HEEL_DROP, NEW_SET)


class Watched:
    """When each sensor has last brought samples, and since when it is what it is."""

    def __init__(self) -> None:
        self._samples: dict[str, tuple[int, float]] = {}
        self._waits: dict[str, float] = {}
        """How long each one's samples are usually waited for."""
        self._states: dict[str, tuple[str, float]] = {}

    def state(
        self, key: str, now_s: float, progress: SensorProgress | None, link: LinkStatus | None, flags: Quality | int
    ) -> str:
        """What a sensor is now. flags: of the findings that hold for it."""
        samples = progress.samples if progress is not None else 0
        before = self._samples.get(key)
        if before is None or before[0] != samples:
            if before is not None and now_s - before[1] < LONGEST_STALLED_S:
                # the longest wait of late counts, and is forgotten slowly
                self._waits[key] = max(now_s - before[1], 0.98 * self._waits.get(key, 0.0))
            self._samples[key] = before = (samples, now_s)
        patience_s = min(max(STALLED_S, 1.3 * self._waits.get(key, 0.0)), LONGEST_STALLED_S)
        state = _state(link, samples, now_s - before[1] > patience_s, flags)
        since = self._states.get(key)
        if since is None or since[0] != state:
            self._states[key] = (state, now_s)
        return state

    def document(
        self,
        key: str,
        progress: SensorProgress | None,
        link: LinkStatus | None,
        latency_ms: float | None,
        slipped: bool,
    ) -> dict[str, Any]:
        """How a sensor stands, in the state that it was in last."""
        samples = progress.samples if progress is not None else 0
        state, since_s = self._states[key]
        battery = battery_of(progress, link)
        streaming = state not in ("connecting", "stalled", "lost")
        lost = None
        if progress is not None and samples and streaming:
            lost = round(100.0 * progress.lost / (samples + progress.lost), 2)
        fault = link.fault if link is not None else None
        return {
            "key": key,
            "state": state,
            "since_s": round(since_s, 2),
            "battery": round(battery) if isinstance(battery, int | float) else None,
            "rssi": link.rssi if link is not None else None,
            "lost_percent": lost,
            "latency_ms": round(latency_ms, 1) if latency_ms is not None and streaming else None,
            "fault": None if fault is None else {"what": fault.what, "remedy": fault.remedy},
            "slipped": slipped,
        }


def _state(link: LinkStatus | None, samples: int, silent: bool, flags: Quality | int) -> str:
    if link is not None and link.state not in (LinkState.STREAMING, LinkState.STALLED):
        # a sensor that has streamed and is searched for has gone
        return "lost" if link.state is LinkState.LOST or samples else "connecting"
    if not samples:
        return "connecting"
    if silent or (link is not None and link.state is LinkState.STALLED):
        return "stalled"
    return next((word for flag, word in _OF_FLAGS if flag & flags), "streaming")


def mark_document(mark: Mark, zero_ns: int, at: Callable[[float], tuple[float | None, int | None]]) -> dict[str, Any]:
    """A mark; `at` says the lumbar flexion, degrees, and the repetition at a session time."""
    time_s = (mark.at_ns - zero_ns) / 1e9
    meant = understood(mark.label)
    first = mark.label.partition(" ")[0]
    kind = first if mark.label in _CODES or first in (TARGET, SLEPT) else "mark"
    score: float | None = None
    text: str | None = None
    if isinstance(meant, Pain):
        kind, score, text = "pain", meant.level, meant.where or None
    elif isinstance(meant, Note):
        kind, text = "note", meant.text
    degrees, repetition = at(time_s)
    return {
        "seq": mark.seq,
        "time_s": round(time_s, 3),
        "label": mark.label,
        "kind": kind,
        "score": score,
        "text": text,
        "lumbar_flexion_deg": degrees,
        "repetition": repetition,
        "by": "terminal" if mark.seen_ns is None else "page",
    }


def reasons_said(reasons: Sequence[str]) -> dict[str, list[str | None]]:
    """The reasons in the other languages of a page; None for one that has no words there."""
    others = [language for language in LANGUAGES if language != "en"]
    return {to: [told if found == to else None for found, told in (said_in(to, r) for r in reasons)] for to in others}


def report_document(report: AlignmentReport) -> dict[str, Any]:
    """How a sensor was aligned."""
    return {
        "placement": report.placement,
        "method": report.method,
        "confidence": round(report.confidence, 2),
        "reasons": list(report.reasons),
        "reasons_said": reasons_said(report.reasons),
    }


def share_document(share: ShareNow | None, began_s: float | None) -> Mapping[str, Any]:
    """The lumbar share of the movement under way; nulls where none is."""
    if share is None:
        return {"of": None, "percent": None, "sd_percent": None, "quality": [], "since_s": None}
    percent, sd = (round(100.0 * x, 1) if math.isfinite(x) else None for x in (share.share, share.sd))
    return {
        "of": share.of,
        "percent": percent,
        "sd_percent": sd,
        "quality": flag_names(share.quality),
        "since_s": None if began_s is None else round(began_s, 2),
    }
