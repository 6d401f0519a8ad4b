"""The table of commands, and the screen that shows a session."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from rich.console import Console

from body_signals import HiphingeError, Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.pipeline import PipelineOutput
from dsp.results import AlignmentReport, AngleRows, Repetition
from hiphinge import cli
from hiphinge.commands.options import estimators
from hiphinge.engine import Engine
from hiphinge.guidance.orders import LEGEND
from hiphinge.live.sinks import Frame
from hiphinge.live.view import LiveScreen, calibration_words, sentence
from tests.conftest import ROOT
from virtual_athlete import simulate

HEAVY = ("numpy", "scipy", "vqf", "pyarrow", "matplotlib", "mcap", "influxdb_client", "virtual_athlete", "tomlkit", "filelock")


def test_every_command_of_the_table_is_there_and_no_other() -> None:
    modules = {cli.module_of(name) for name in cli.COMMANDS}
    for module in modules:
        command = getattr(import_module(module), module.rpartition(".")[2])
        assert command.__doc__
    files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "hiphinge/commands").rglob("*.py")}
    found = {".".join(file.parts) for file in files if file.stem not in ("__init__", "command", "options", "unfinished")}
    assert found == modules


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import hiphinge.cli", HEAVY),
        ("import hiphinge.commands.demo", ("matplotlib", "influxdb_client")),
        ("import hiphinge.commands.replay", ("matplotlib", "influxdb_client", "virtual_athlete")),
        ("import hiphinge.commands.stored.report", ("matplotlib", "influxdb_client", "virtual_athlete")),
        ("import hiphinge.commands.stored.push", ("matplotlib", "influxdb_client", "virtual_athlete")),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str, absent: tuple[str, ...]) -> None:
    program = f"import sys; {statement}; print(*(m for m in {absent!r} if m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_estimators_by_their_words() -> None:
    assert estimators("live") == ("live",)
    assert estimators("review") == ("review",)
    assert estimators("both") == ("live", "review")
    with pytest.raises(HiphingeError, match=r"unknown estimator 'Live'.*Choose live, review or both"):
        estimators("Live")


def rows(time_s: float, **degrees: float) -> AngleRows:
    angles = np.full((len(ANGLE_NAMES), 2), np.nan)
    for name, value in degrees.items():
        angles[ANGLE_NAMES.index(name), -1] = np.radians(value)
    return AngleRows(np.array([time_s - 0.01, time_s]), angles, np.zeros_like(angles), np.zeros(2, np.int32))


def frame(now_s: float, angles: AngleRows | None = None, repetitions: tuple[Repetition, ...] = ()) -> Frame:
    return Frame(PipelineOutput(angles=[angles] if angles is not None else [], repetitions=list(repetitions)), now_s)


def shown(screen: LiveScreen) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


BEND = Repetition(2, 1.0, 2.0, 3.0, "bend", 1.0, 0, {"lumbar_rom_deg": 48.2, "lumbar_share_of_trunk": 0.61})


def test_the_screen_shows_fresh_angles_and_a_dash_for_what_is_missing() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    assert "not calibrated" in shown(screen)
    assert "calibrating" not in shown(screen)
    screen.take(frame(61.2, rows(61.05, lumbar_flexion=45.0, pelvis_tilt=-0.2)))
    lines = shown(screen).splitlines()
    assert lines[0].startswith("1:01 ")
    assert lines[1].count("█") == lines[1].count("░") == 20
    assert [line.split()[-1] for line in lines[1:5]] == ["45°", "–", "–", "0°"]
    for now_s in (61.204, 61.3, 61.5):
        screen.take(frame(now_s))
        assert [line.split()[-1] for line in shown(screen).splitlines()[1:5]] == ["45°", "–", "–", "0°"], "a batch without rows"
    screen.take(frame(61.52, rows(61.37, pelvis_tilt=3.0)))
    assert [line.split()[-1] for line in shown(screen).splitlines()[1:5]] == ["–", "–", "–", "3°"], "a sensor that is lost"
    screen.take(frame(61.88))
    assert [line.split()[-1] for line in shown(screen).splitlines()[1:5]] == ["–"] * 4, "a value without fresh data is stale"


def test_the_picture_does_not_flicker_in_a_healthy_session() -> None:
    simulated = simulate("demo", 1)
    engine, screen = Engine(simulated.session, ("live",)), LiveScreen(Console(file=io.StringIO()))
    newest, redrawn, empty = math.nan, 0, 0
    half = len(simulated.events) // 2
    # most of the calibration at once, then every event by itself
    batches = [simulated.events[: half // 2], *([event] for event in simulated.events[half // 2 : half])]
    for number, batch in enumerate(batches):
        made = engine.feed(batch)["live"]
        screen.take(Frame(made, engine.now_s))
        for angles in made.angles:
            newest = angles.angles[ANGLE_NAMES.index("lumbar_flexion"), -1]
        if number % 11 == 0:
            there = not shown(screen).splitlines()[1].endswith("–")
            assert there == math.isfinite(newest), f"at {engine.now_s} s"
            redrawn, empty = redrawn + there, empty + (not made.angles)
    assert redrawn > 50
    assert empty > 20, "batches without rows between them"


def report(placement: str, method: str, confidence: float, *reasons: str) -> AlignmentReport:
    return AlignmentReport(placement, method, confidence, reasons, 10.0)


def test_a_sensor_without_a_standing_is_not_called_calibrated() -> None:
    nothing = "no samples while standing"
    sound, away = report("pelvis", "functional", 0.9), report("thigh_left", "none", 0.0, nothing)
    assert calibration_words([sound]) == "calibrated, lowest confidence 0.90 (good)"
    assert calibration_words([away]) == f"not calibrated (thigh left: {nothing})"
    assert calibration_words([]) == "not calibrated"
    assert calibration_words([sound, away]) == (
        f"calibrated, lowest confidence 0.90 (good); not calibrated: thigh left: {nothing}"
    )


def bending(time_s: float, quality: int = 0) -> AngleRows:
    """A second of rows up to time_s, in which the lumbar spine flexes by 20° and the pelvis by 30°."""
    u = np.linspace(0.0, 1.0, 101)
    angles = np.full((len(ANGLE_NAMES), 101), np.nan)
    for name, degrees in (("lumbar_flexion", 20.0), ("pelvis_tilt", 30.0)):
        angles[ANGLE_NAMES.index(name)] = np.radians(degrees) * u
    return AngleRows(time_s - 1.0 + u, angles, np.full_like(angles, np.radians(1.0)), np.full(101, quality, np.int32))


def test_the_screen_shows_the_share_of_the_movement_under_way() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    assert shown(screen).splitlines()[5] == "lumbar share now –"
    screen.take(frame(9.1, bending(9.0)))
    # 1° of either in 10°: √(0.6² + 0.4²) / 10
    assert shown(screen).splitlines()[5] == "lumbar share now 40 ± 8 % of trunk"
    screen.take(frame(9.51))
    assert shown(screen).splitlines()[5] == "lumbar share now –", "no fresh row"
    screen.take(frame(19.1, bending(19.0, int(Quality.LATE))))
    assert shown(screen).splitlines()[5] == "lumbar share now 40 ± 8 % of trunk  (late)"


def test_the_screen_lists_the_last_repetitions() -> None:
    screen = LiveScreen(Console(file=io.StringIO()))
    screen.take(frame(9.0, repetitions=tuple(Repetition(i, 1.0, 2.0, 3.0, "squat", 1.0, 0, {}) for i in range(7))))
    text = shown(screen)
    assert "repetitions: 7" in text
    assert [line.split()[0] for line in text.splitlines() if " squat" in line] == ["3", "4", "5", "6", "7"]


def test_a_repetition_in_words() -> None:
    assert sentence(BEND) == "  3 bend       lumbar 48°, hips – / –, lumbar share of trunk 61 %"
    late = Repetition(0, 1.0, 2.0, 3.0, "sit_down", 1.0, int(Quality.LATE), {"lumbar_share_of_trunk_on_thigh": 0.2})
    assert sentence(late) == "  1 sit down   lumbar –, hips – / –, lumbar share of trunk on thigh 20 %  (late)"


def test_lines_take_the_place_of_the_picture_where_nobody_watches() -> None:
    written = io.StringIO()
    screen = LiveScreen(Console(file=written, width=120), moving=False)
    for tenth in range(120):
        screen.take(frame(tenth / 10, rows(tenth / 10, lumbar_flexion=tenth / 10)))
    screen.take(frame(12.0, repetitions=(BEND,)))
    screen.stop(frame(12.0))
    screen.take(frame(20.0, rows(20.0, lumbar_flexion=1.0)))
    lines = written.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["0:00", "0:00", "0:00", "0:05", "0:10", "0:12"]
    assert lines[0] == f"0:00  Keys: {LEGEND}"
    assert lines[1].startswith("0:00  Not calibrated: stand still, then press c; then 4 s still, bend 3 ×")
    assert lines[3] == "0:05  lumbar flexion 5°, left hip flexion –, right hip flexion –, lumbar share now –"
    assert lines[5].endswith(sentence(BEND))
