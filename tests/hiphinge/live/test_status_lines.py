"""One JSON line a second: what it says, what it leaves out, and that it repeats nothing and freezes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from body_signals import Cause, Placement, Sensor, Session
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows, Finding, Repetition
from hiphinge.engine import SensorProgress
from hiphinge.guidance.orders import Answer, Desk
from hiphinge.live.sinks import Frame
from hiphinge.live.status_lines import StatusLines
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState, LinkStatus

SESSION = Session(
    datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    "player-07",
    (Sensor(Placement.PELVIS, family="hiphinge-v1"), Sensor(Placement.LUMBAR, family="witmotion-ble")),
)


def rows(time_s: float, degrees: float = 30.0, quality: int = 0) -> PipelineOutput:
    angles = np.full((len(ANGLE_NAMES), 1), np.radians(degrees))
    angles[0, 0] = np.nan
    return PipelineOutput(angles=[AngleRows(np.array([time_s]), angles, 0.1 * angles, np.array([quality], np.int32))])


def frame(now_s: float, output: PipelineOutput | None = None, samples: int = 100) -> Frame:
    progress = {"pelvis": SensorProgress(samples, 3, True, 100.0, {"battery_percent": 71.0})}
    streaming = LinkStatus("pelvis", LinkState.STREAMING, rssi=-61)
    lost = LinkStatus("lumbar", LinkState.LOST, LinkFault("not found", "lumbar", "Switch it on."))
    links = {"pelvis": streaming, "lumbar": lost}
    return Frame(output or PipelineOutput(), now_s, progress, links, {"pelvis": 4.26, "lumbar": 9.0})


def lines_of(written: list[str]) -> list[dict[str, Any]]:
    assert all("\n" not in line for line in written)
    return [json.loads(line) for line in written]


def test_a_line_a_second_whatever_the_batches() -> None:
    for step in (0.004, 0.25, 0.99):
        written: list[str] = []
        status = StatusLines(SESSION, written.append)
        for now in np.arange(0.0, 20.0, step).tolist():
            status.take(frame(now))
        assert len(written) in (18, 19, 20)


def test_a_pause_is_one_line_not_many() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    for now in (0.0, 1.0, 61.0, 61.1, 61.2, 62.0):
        status.take(frame(now))
    assert [line["time_s"] for line in lines_of(written)] == [1.0, 61.0, 62.0]


def test_sensors_are_told_with_what_is_known() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    status.line(frame(10.0, samples=1000))
    status.line(frame(11.0, samples=1099))
    pelvis, lumbar = lines_of(written)[1]["sensors"]
    assert pelvis == {
        "placement": "pelvis",
        "family": "hiphinge-v1",
        "state": "streaming",
        "fault": None,
        "battery": 71,
        "rssi": -61,
        "rate_hz": 100.0,
        "measured_hz": 99.0,
        "samples": 1099,
        "lost": 3,
        "lost_exact": True,
        "latency_ms": 4.3,
    }
    assert (lumbar["state"], lumbar["samples"], lumbar["rate_hz"], lumbar["latency_ms"]) == ("lost", 0, None, None)
    assert "Switch it on" in lumbar["fault"]


def test_angles_are_fresh_or_null() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    status.take(frame(9.0, rows(9.9, quality=int(Quality.LATE | Quality.FAST))))
    status.line(frame(10.0))
    status.line(frame(10.5))
    fresh, stale = lines_of(written)
    assert fresh["angles"]["pelvis_tilt_deg"] == pytest.approx(30.0)
    assert fresh["angles"]["pelvis_tilt_sd_deg"] == pytest.approx(3.0)
    assert fresh["angles"]["lumbar_flexion_deg"] is None
    assert fresh["angles_time_s"] == 9.9
    assert fresh["quality"] == ["late", "fast"]
    assert set(stale["angles"]) == set(fresh["angles"])
    assert set(stale["angles"].values()) == {None}
    assert stale["angles_time_s"] is None


def test_the_share_of_the_movement_under_way_is_fresh_or_null() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    u = np.linspace(0.0, 1.0, 101)
    angles = np.full((len(ANGLE_NAMES), 101), np.nan)
    for name, degrees in (("lumbar_flexion", 20.0), ("hip_left_flexion", 30.0)):
        angles[ANGLE_NAMES.index(name)] = np.radians(degrees) * u
    sd = np.full_like(angles, np.radians(1.0))
    bend = AngleRows(8.9 + u, angles, sd, np.full(101, int(Quality.LATE), np.int32))
    status.line(frame(9.0))
    for k in range(0, 101, 2):
        status.take(frame(9.0, PipelineOutput(angles=[bend.part(k, min(k + 2, 101))])))
    status.line(frame(10.0))
    status.line(frame(10.5))
    before, fresh, stale = (line["lumbar_share_now"] for line in lines_of(written))
    assert before == stale == {"of": None, "percent": None, "sd_percent": None, "quality": []}
    assert (fresh["of"], fresh["quality"]) == ("lumbar_share_of_trunk_on_thigh", ["late"])
    assert fresh["percent"] == pytest.approx(40.0)
    # 1° of either in 10°: √(0.6² + 0.4²) / 10
    assert fresh["sd_percent"] == pytest.approx(7.2, abs=0.1)


def test_a_repetition_is_told_once() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    ended = Repetition(0, 1.0, 2.0, 3.0, "bend", 0.9, int(Quality.GAP), {"lumbar_rom_deg": 41.5, "slack": float("nan")})
    status.take(frame(3.5, PipelineOutput(repetitions=[ended])))
    status.line(frame(4.0))
    status.line(frame(5.0))
    first, second = lines_of(written)
    (repetition,) = first["repetitions"]
    assert repetition["movement"] == "bend"
    assert repetition["quality"] == ["gap"]
    assert (repetition["lumbar_rom_deg"], repetition["slack"]) == (41.5, None)
    assert second["repetitions"] == []


@pytest.mark.parametrize(("now_s", "there"), [(10.39, True), (10.41, False)])
def test_a_row_is_fresh_for_a_third_of_a_second_beyond_the_patience_of_the_grid(now_s: float, there: bool) -> None:
    """It ends at 9.9 s; 0.15 s and 0.35 s later it would be frozen."""
    written: list[str] = []
    status = StatusLines(replace(SESSION, patience_s=0.15), written.append)
    status.take(frame(9.0, rows(9.9)))
    status.line(frame(now_s))
    assert (lines_of(written)[0]["angles_time_s"] is not None) == there


OFF = Finding("pelvis", Cause.OFF_BODY, 8.0, 9.5, "it lies still while the lumbar spine moves", "Put it back on")


def test_findings_are_told_while_they_hold_and_a_sensor_is_off_the_body() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    clipped = replace(OFF, sensor="lumbar", cause=Cause.CLIPPED)
    status.take(frame(9.6, PipelineOutput(findings=[OFF, clipped])))
    status.line(frame(10.0))
    status.take(frame(12.0, PipelineOutput(findings=[replace(OFF, until_s=11.5)])))
    status.line(frame(13.0))
    held, over = lines_of(written)[0], lines_of(written)[-1]
    assert held["findings"] == [clipped.document(), OFF.document()]
    assert [sensor["state"] for sensor in held["sensors"]] == ["off_body", "lost"]
    assert over["findings"] == [clipped.document()]
    assert [sensor["state"] for sensor in over["sensors"]] == ["streaming", "lost"]


def test_an_answer_is_told_once_and_the_calibration_always() -> None:
    written: list[str] = []
    status = StatusLines(SESSION, written.append)
    answers = tuple(Answer(k, 9.0 + k, f"marked: mark 0:{k}", True) for k in (1, 2, 3))
    status.line(replace(frame(10.0), desk=Desk("", answers[:1])))
    status.line(replace(frame(11.0), desk=Desk("", answers)))
    status.line(replace(frame(12.0), desk=Desk("", answers)))
    lines = lines_of(written)
    assert [[answer["text"] for answer in line["answers"]] for line in lines] == [
        ["marked: mark 0:1"],
        ["marked: mark 0:2", "marked: mark 0:3"],
        [],
    ]
    assert lines[0]["answers"][0] == {"time_s": 10.0, "text": "marked: mark 0:1", "done": True}
    calibration = lines[0]["calibration"]
    assert (calibration["stage"], calibration["instruction"]) == (
        "waiting",
        "Not calibrated: stand still, then send: mark calibrate",
    )
    assert calibration["wanted"] == {"bend": 3}, "no thigh is worn"
