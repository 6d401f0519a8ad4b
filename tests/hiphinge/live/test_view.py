"""The picture of a running session: it fits the terminal, the keys are always there, what is wrong with a sensor is loud."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from body_signals import Cause, Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows, Finding, Repetition
from hiphinge.engine import SensorProgress
from hiphinge.guidance.orders import LEGEND, Answer, Desk
from hiphinge.live.picture import Picture
from hiphinge.live.sinks import Frame
from hiphinge.live.view import LiveScreen
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState, LinkStatus

KEYS = ("lumbar", "pelvis", "thigh_left", "thigh_right")
OFF = Finding(
    "thigh_left",
    Cause.OFF_BODY,
    12.3,
    14.0,
    "it lies still while the pelvis and the right thigh move",
    "Put it back on the left thigh, stand still and calibrate again",
)
CLIPPED = Finding("lumbar", Cause.CLIPPED, 30.0, 30.0, "14 samples at the end of the gyroscope's range", "Set a larger range")


class Encoded(io.StringIO):
    """A screen with an encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def rows(time_s: float, quality: int = 0) -> AngleRows:
    angles = np.full((len(ANGLE_NAMES), 1), np.radians(31.0))
    return AngleRows(np.array([time_s]), angles, np.zeros_like(angles), np.array([quality], np.int32))


def frame(
    now_s: float, *findings: Finding, quality: int = 0, desk: Desk | None = None, fault: LinkFault | None = None
) -> Frame:
    links = {key: LinkStatus(key, LinkState.STREAMING) for key in KEYS}
    if fault is not None:
        links["pelvis"] = LinkStatus("pelvis", LinkState.LOST, fault)
    progress = {key: SensorProgress(960, 12, True, 100.0, {"battery_percent": 71.0}) for key in KEYS}
    squat = Repetition(0, 1.0, 2.0, 3.0, "squat", 1.0, int(Quality.LATE), {"lumbar_rom_deg": 13.0})
    output = PipelineOutput(
        angles=[rows(now_s - 0.1, quality)],
        findings=list(findings),
        repetitions=[replace(squat, index=k) for k in range(7)] if now_s < 61.0 else [],
    )
    return Frame(output, now_s, progress, links, dict.fromkeys(KEYS, 12.0), desk=desk or Desk())


def shown(screen: LiveScreen, width: int = 80, height: int = 24, encoding: str = "utf-8", *, rings: bool = False) -> list[str]:
    console = Console(file=Encoded(encoding), width=width, height=height, force_terminal=rings)
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (60, 24), (60, 12), (40, 10), (200, 60), (20, 4)])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp437"])
@pytest.mark.parametrize("findings", [(), (OFF,), (OFF, CLIPPED)])
def test_nothing_is_wider_or_taller_than_the_terminal_and_the_keys_stand_last(
    width: int, height: int, encoding: str, findings: tuple[Finding, ...]
) -> None:
    screen = LiveScreen(Console(file=Encoded(encoding)))
    fault = LinkFault("not found within 10 s", "pelvis", "Switch it on, charge it, and bring it near the computer")
    screen.take(frame(60.0, *findings, desk=Desk(f"note: {300 * 'long '}_   Enter sets, Esc cancels"), fault=fault))
    lines = shown(screen, width, height, encoding)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert lines[-1] == LEGEND[:width] if width >= len(LEGEND) else lines[-1][: width - 1] == LEGEND[: width - 1]
    assert all(line.encode(encoding) for line in lines if line)
    if width >= 60:
        assert lines[-2].endswith("Enter sets, Esc cancels")


def test_nothing_moves_when_something_is_found_answered_or_lifted() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    screen.take(frame(60.0))
    before = shown(screen)
    screen.take(frame(62.0, OFF, desk=Desk("", (Answer(1, 61.9, "marked: mark 1:02", True),))))
    after = shown(screen)
    assert len(before) == len(after) == 23
    assert [line.split()[:2] for line in before[1:8]] == [line.split()[:2] for line in after[1:8]], "bars and guide"
    assert before[-1] == after[-1] == LEGEND
    assert before[17:21] == [line.replace("off body ", "streaming") for line in after[17:21]]
    assert after[21] == "marked: mark 1:02"


def test_a_sensor_off_the_body_is_loud_and_its_angles_are_dashes() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    screen.take(frame(60.0, OFF, CLIPPED))
    lines = shown(screen)
    text = "\n".join(lines)
    assert "!! thigh left, since 0:12: it lies still while the pelvis and the right thigh" in text
    assert "   Put it back on the left thigh, stand still and calibrate again" in text
    bars = {" ".join(line.split()[: len(label.split())]): line for label, line in zip(
        ("lumbar flexion", "left hip flexion", "right hip flexion", "pelvis tilt"), lines[1:5], strict=True)}  # fmt: skip
    assert bars["left hip flexion"].endswith("–  thigh left off body")
    assert bars["left hip flexion"].count("█") == 0
    assert bars["lumbar flexion"].endswith("31° ?  lumbar saturated")
    assert bars["right hip flexion"].endswith(" 31°")
    assert lines[5] == "lumbar share now –"
    assert any(line.startswith("thigh left   off body ") for line in lines)
    assert any(line.startswith("lumbar       saturated ") for line in lines)
    screen.take(frame(62.0, replace(OFF, until_s=61.0), replace(CLIPPED, until_s=61.0)))
    assert "!!" not in "\n".join(shown(screen))
    assert shown(screen)[2].endswith(" 31°")


def test_a_slipped_sensor_is_as_loud() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    screen.take(frame(60.0, quality=int(Quality.SLIPPED)))
    lines = shown(screen)
    assert any(line.startswith("!! since 1:00: a sensor stands differently than at the calibration") for line in lines)
    assert all(line.endswith("31° ?") for line in lines[1:5])
    screen.take(frame(62.0))
    assert "!!" not in "\n".join(shown(screen))


@pytest.mark.parametrize(("bell", "terminal", "rung"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_a_terminal_rings_once_for_each_finding(bell: bool, terminal: bool, rung: int) -> None:
    written = io.StringIO()
    screen = LiveScreen(Console(file=written, force_terminal=terminal), bell=bell)
    for now_s in (60.0, 61.0, 62.0):
        screen.take(frame(now_s, OFF))
    assert written.getvalue().count("\a") == rung


def test_lines_say_when_a_finding_begins_and_ends_and_answer_orders() -> None:
    written = io.StringIO()
    screen = LiveScreen(Console(file=written, width=140), moving=False, sensors=False)
    answered = Desk("", (Answer(1, 60.0, "marked: calibrate 1:00", True),))
    screen.take(frame(60.0, OFF, desk=answered))
    screen.take(frame(61.0, OFF, desk=answered))
    screen.take(frame(62.0, replace(OFF, until_s=61.5), desk=answered))
    lines = written.getvalue().splitlines()
    assert [line for line in lines if "!!" in line] == [
        "1:00  !! thigh left, since 0:12: it lies still while the pelvis and the right thigh move. "
        "Put it back on the left thigh, stand still and calibrate again.",
    ]
    assert sum(line.startswith("1:02  over: thigh left, 0:12 to 1:02: ") for line in lines) == 1
    assert lines.count("1:00  marked: calibrate 1:00") == 1


def test_states_are_words_without_any_colour() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    screen.take(frame(60.0, OFF))
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, no_color=True)
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "off body" in text
    assert "38;" not in text, "no colour"


def test_a_picture_gives_the_bottom_its_place() -> None:
    picture = Picture(30, "ascii")
    picture.top = [picture.line(f"top {k}") for k in range(3)]
    picture.middle = [picture.line(f"middle {k}") for k in range(9)]
    picture.spare = [picture.line("spare")]
    picture.bottom = [picture.line("40 °, ± 3 – and what is beyond the width"), picture.line("keys")]
    for height in range(2, 30):
        lines = [line.plain for line in picture.laid_out(height)]
        assert lines[-1] == "keys"
        assert lines[-2] == "40  deg, +- 3 - and what is be"
        assert len(lines) == min(height, 26)
        kept = [line for line in lines if line.startswith("middle")]
        assert kept == [f"middle {k}" for k in range(9)][9 - len(kept) :], "the newest stay"
