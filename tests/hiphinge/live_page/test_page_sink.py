"""What pages are told of a session: sensors that fall silent, angles of a sensor that is off the body, marks, sets, paths."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Cause, Mark, Quality, Sensor, Session
from dashboards.live_page import COLUMNS, BoardWriter, wire
from dashboards.live_page.board import Board, Told
from dsp.orientation import Leaning
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress, Stage, wanted_of
from dsp.results import AngleRows, Finding, OrientationRows, Repetition
from hiphinge.engine import SensorProgress
from hiphinge.guidance.orders import Answer, Desk
from hiphinge.live.sinks import Frame
from hiphinge.live_page.documents import Watched, mark_document
from hiphinge.live_page.sink import LivePage
from ingest.links import LinkState, LinkStatus

KEYS = tuple(p.value for p in BODY_PLACEMENTS)
SESSION = Session(datetime(2026, 11, 29, tzinfo=UTC), "<i>player</i>", tuple(Sensor(p) for p in BODY_PLACEMENTS))
LUMBAR = ANGLE_NAMES.index("lumbar_flexion")


def progress(samples: int) -> SensorProgress:
    return SensorProgress(samples, 0, True, 100.0, {})


def rows(start_s: float, end_s: float, degrees: float = 10.0, quality: int = 0) -> AngleRows:
    time_s = np.arange(round(start_s * 100), round(end_s * 100)) / 100.0
    angles = np.full((len(ANGLE_NAMES), len(time_s)), np.radians(degrees))
    return AngleRows(time_s, angles, angles / 10.0, np.full(len(time_s), quality, np.int32))


def repetition(index: int, start_s: float, movement: str = "bend") -> Repetition:
    return Repetition(index, start_s, start_s + 1.0, start_s + 2.0, movement, 0.9, 0, {"lumbar_rom_deg": math.nan})


class Written(BoardWriter):
    """What is written, and the board that it arrives at."""

    def __init__(self) -> None:
        self.board = Board(COLUMNS)
        super().__init__(lambda message: self.board.take(wire.to_page.decode(wire.packed(message)[wire.LENGTH.size :])))
        self.begin({"session": {"athlete": SESSION.athlete}})


def state(written: Written, role: str = "operator") -> dict[str, object]:
    document: dict[str, object] = json.loads(written.board.state(role, Told({}))[0])
    return document


@pytest.fixture
def told() -> tuple[LivePage, Written]:
    written = Written()
    return LivePage(written, SESSION), written


def test_a_silent_sensor_is_stalled_within_half_a_second_and_lost_when_its_link_has_gone() -> None:
    watched, link = Watched(), LinkStatus("pelvis", LinkState.STREAMING, rssi=-60)

    def state_at(now_s: float, samples: int, of_link: LinkState = LinkState.STREAMING, flags: Quality | int = 0) -> str:
        now = (progress(samples), replace(link, state=of_link))
        state = watched.state("pelvis", now_s, *now, flags)
        document = watched.document("pelvis", *now, 9.0, False)
        assert document["state"] == state
        assert (document["latency_ms"] is None) == (document["state"] in ("connecting", "stalled", "lost"))
        return str(document["state"])

    assert state_at(0.0, 0, LinkState.SEARCHING) == "connecting"
    assert state_at(0.1, 0) == "connecting"
    assert state_at(0.2, 8) == "streaming"
    assert state_at(0.3, 8, flags=Quality.OFF_BODY) == "off_body"
    assert state_at(0.4, 8, flags=Quality.IMPLAUSIBLE) == "implausible"
    # heartbeats come ten times a second: told before half a second of silence
    assert state_at(0.6, 8) == "stalled"
    assert state_at(0.7, 16) == "streaming"
    assert state_at(0.8, 16, LinkState.STALLED) == "stalled"
    for of_link in (LinkState.LOST, LinkState.SEARCHING, LinkState.CONNECTING, LinkState.READY):
        assert state_at(1.0, 16, of_link) == "lost"
    now = (progress(16), replace(link, state=LinkState.LOST))
    assert watched.state("pelvis", 1.2, *now, 0) == "lost"
    assert watched.document("pelvis", *now, None, False)["since_s"] == 1.0


def test_the_angles_of_a_sensor_that_is_off_the_body_are_missing_from_the_rows(told: tuple[LivePage, Written]) -> None:
    page, board = told
    page.take(Frame(PipelineOutput(angles=[rows(0.0, 0.1)]), 0.1))
    found = Finding("lumbar", Cause.OFF_BODY, 0.1, 0.12, "lies", "put it on")
    page.take(Frame(PipelineOutput(angles=[rows(0.1, 0.2)], findings=[found]), 0.2))
    before, after = board.rows.at(0.05), board.rows.at(0.15)
    assert before is not None
    assert after is not None
    assert before[LUMBAR] == pytest.approx(10.0)
    assert np.isnan(after[[LUMBAR, COLUMNS.index("lumbar_flexion_sd"), COLUMNS.index("trunk_inclination")]]).all()
    assert after[COLUMNS.index("hip_left_flexion")] == pytest.approx(10.0)
    assert [f["cause"] for f in state(board)["findings"]] == ["off_body"]  # type: ignore[attr-defined,index]
    page.take(Frame(PipelineOutput(findings=[replace(found, until_s=0.3)]), 0.3))
    assert state(board)["findings"] == []


def test_a_mark_has_the_angle_of_its_row_and_the_repetition_once_that_has_ended(told: tuple[LivePage, Written]) -> None:
    page, board = told
    zero = 5_000_000_000
    page.take(Frame(PipelineOutput(angles=[rows(0.0, 3.0, 10.0), rows(3.0, 6.0, 30.0)]), 6.0))
    pain = Mark(40, zero + 6_000_000_000, "pain 4", zero + 4_000_000_000)
    page.take(Frame(PipelineOutput(), 6.1, marks=(pain,), zero_ns=zero))
    (shown,) = board.get("marks")["marks"]
    assert (shown["seq"], shown["time_s"], shown["score"], shown["by"]) == (40, 4.0, 4.0, "page")
    assert (shown["lumbar_flexion_deg"], shown["repetition"]) == (30.0, None)
    page.take(Frame(PipelineOutput(repetitions=[repetition(0, 3.5)]), 6.2))
    assert board.get("marks")["marks"][0]["repetition"] == 1
    page.take(Frame(PipelineOutput(), 6.3, marks=(Mark(50, zero + 6_300_000_000, "undo 40"),), zero_ns=zero))
    assert board.get("marks")["marks"] == []


@pytest.mark.parametrize(
    ("label", "kind", "score", "text"),
    [
        ("mark", "mark", None, None),
        ("<img src=x onerror=alert(1)>", "mark", None, None),
        ("pain 4", "pain", 4.0, None),
        ("pain 3 left hip", "pain", 3.0, "left hip"),
        ("note: <b>tight</b>", "note", None, "<b>tight</b>"),
        ("set", "set", None, None),
        ("calibrate", "calibrate", None, None),
        ("heel_drop", "heel_drop", None, None),
        ("target lumbar_flexion 60", "target", None, None),
        ("screen_slept 12", "screen_slept", None, None),
        ("pain 11", "mark", None, None),
    ],
)
def test_labels_are_understood(label: str, kind: str, score: float | None, text: str | None) -> None:
    document = mark_document(Mark(1, 10, label), 0, lambda time_s: (None, None))
    assert (document["kind"], document["score"], document["text"], document["label"]) == (kind, score, text, label)


def test_a_new_set_begins_where_a_person_says_so_and_after_a_pause(told: tuple[LivePage, Written]) -> None:
    page, board = told
    page.take(Frame(PipelineOutput(repetitions=[repetition(0, 1.0), repetition(1, 4.0)]), 6.0))
    page.take(Frame(PipelineOutput(), 6.5, marks=(Mark(9, 6_500_000_000, "set"),)))
    page.take(Frame(PipelineOutput(repetitions=[repetition(2, 7.0), repetition(3, 10.0), repetition(4, 60.0)]), 62.0))
    page.take(Frame(PipelineOutput(repetitions=[repetition(5, 63.0, "squat")]), 66.0))
    assert [r["set"] for r in state(board)["repetitions"]] == [1, 1, 2, 2, 3, 4]  # type: ignore[attr-defined,index]


def test_the_path_of_a_repetition_is_told_with_it_and_what_is_no_number_is_null(told: tuple[LivePage, Written]) -> None:
    page, board = told
    page.take(Frame(PipelineOutput(angles=[rows(0.0, 6.0, 20.0)]), 6.0))
    page.take(Frame(PipelineOutput(repetitions=[repetition(0, 1.0)]), 6.0))
    (shown,) = state(board)["repetitions"]  # type: ignore[misc]
    assert 2 <= len(shown["curve"]["hip"]) == len(shown["curve"]["lumbar"]) <= 60
    assert set(shown["curve"]["lumbar"]) == {20.0}
    assert shown["curve"]["turn"] == pytest.approx(len(shown["curve"]["hip"]) / 2, abs=1.5)
    assert shown["lumbar_rom_deg"] is None
    assert shown["number"] == 1


def test_the_body_is_waiting_then_calibrating_and_answers_are_for_operators(told: tuple[LivePage, Written]) -> None:
    page, board = told
    wanted = wanted_of(KEYS)
    assert board.body_state == "waiting"
    going = CalibrationProgress(stage=Stage.STANDING, mark_s=1.0, wanted=wanted)
    page.take(Frame(PipelineOutput(calibration=[going]), 1.5, desk=Desk(answers=(Answer(1, 1.0, "marked", True, "marked"),))))
    assert board.body_state == "calibrating"
    assert state(board)["calibration"]["stage"] == "standing"  # type: ignore[index]
    assert b"answer" not in b"".join(board.board.news("viewer", Told({})))
    assert b'"code":"marked"' in b"".join(board.board.news("operator", Told({})))


def test_targets_follow_their_marks(told: tuple[LivePage, Written]) -> None:
    page, board = told
    labels = (
        "target lumbar_flexion 60",
        "target hip_flexion 90.5",
        "target knee 3",
        "target lumbar_flexion none",
        "target hip_flexion",
    )
    page.take(Frame(PipelineOutput(), 1.0, marks=tuple(Mark(i, i, label) for i, label in enumerate(labels))))
    assert state(board)["targets"] == {"lumbar_flexion": None, "hip_flexion": 90.5}


def test_a_sensor_leans_from_how_it_stood() -> None:
    leaning = Leaning()
    half = np.radians(30.0) / 2

    def turned(half_angle: float) -> list[OrientationRows]:
        quat = np.array([[np.cos(half_angle), 0.0, np.sin(half_angle), 0.0]])
        return [OrientationRows("pelvis", np.zeros(1), quat, np.zeros(1, np.int32))]

    leaning.take(turned(0.3))
    assert leaning.degrees() == {}
    leaning.stand()
    leaning.take(turned(0.3 + half))
    assert leaning.degrees() == {"pelvis": pytest.approx(30.0)}
