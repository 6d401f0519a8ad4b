"""The guide through a protocol: it begins and ends steps by their rules, and everything it decides is a mark."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, HiphingeError, SessionMark, primary_label
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress, Stage
from dsp.results import AngleRows, OrientationRows, Repetition
from dsp.screen import Protocol, protocol_of, runs_of
from hiphinge.guidance.protocol_files import chosen, protocols, shipped
from hiphinge.guidance.protocol_guide import ProtocolGuide
from hiphinge.guidance.protocol_retest import retest_of
from hiphinge.guidance.protocol_words import protocol_lines

HIPS = {"hip_left_rom_deg": 80.0, "hip_right_rom_deg": 5.0}


def rows(start_s: float, seconds: float, **degrees: float) -> AngleRows:
    time_s = np.arange(start_s, start_s + seconds, 0.01)
    angles = np.zeros((len(ANGLE_NAMES), len(time_s)))
    for name, value in degrees.items():
        angles[ANGLE_NAMES.index(name)] = math.radians(value)
    return AngleRows(time_s, angles, angles, np.zeros(len(time_s), np.int32))


class Played:
    """A guide in a session that is played by hand; its marks come back to it as they do live."""

    def __init__(self, known: Mapping[str, Protocol] | None = None, *, calibrated: bool = True) -> None:
        self.guide = ProtocolGuide(shipped() if known is None else known)
        self.now_s = 10.0
        self.marks: list[SessionMark] = []
        if calibrated:
            self.give(calibration=[CalibrationProgress(Stage.DONE, 9.0, in_force=True)])

    def give(self, *labels: str, **output: Any) -> list[str]:
        said = list(labels)
        found: list[str] = []
        while said or output:
            marks = [SessionMark(self.now_s, label) for label in said]
            self.marks += marks
            said = self.guide.take(PipelineOutput(**output), self.now_s, marks)
            found += said
            output = {}
        return found

    def wait(self, seconds: float, **degrees: float) -> list[str]:
        self.now_s += seconds
        return self.give(angles=[rows(self.now_s - seconds, seconds, **degrees)])

    def makes(self, movement: str, times: int = 1, quality: int = 0, **metrics: float) -> list[str]:
        found = []
        for _ in range(times):
            self.now_s += 4.0
            repetition = Repetition(0, self.now_s - 3.0, self.now_s - 1.5, self.now_s, movement, 1.0, quality, metrics)
            found += self.give(repetitions=[repetition])
        return found

    @property
    def step(self) -> str | None:
        document = self.guide.document()
        return None if document is None or document["at"] is None else document["steps"][document["at"]]["name"]


def test_the_hip_check_from_start_to_end() -> None:
    played = Played()
    assert played.give("protocol hip-check") == ["step stand begin stand 6s"]
    assert played.wait(3.0) == []
    assert played.wait(3.1) == ["step stand end", "step bends begin bend x4 calibration"]
    played.makes("bend", 4)
    assert played.step == "knee-left"
    assert played.makes("bend") == []
    played.makes("knee_raise", 4, **HIPS)
    played.makes("knee_raise", 4, hip_left_rom_deg=5.0, hip_right_rom_deg=80.0)
    played.makes("rock_back", 4)
    assert played.step == "edge-left"
    played.give("step skip")
    played.give("step skip")
    # the painful movement waits until the athlete stands
    assert played.step == "painful"
    played.wait(3.0, trunk_inclination=60.0)
    assert played.guide.document()["going"] is False  # type: ignore[index]
    assert played.wait(2.0) == ["step painful begin painful_movement x4"]
    played.makes("deadlift", 4)
    played.wait(1.5)
    assert played.wait(6.0)[-1] == "protocol hip-check done"
    assert not played.guide.running
    assert played.guide.finished == 1
    (run,) = runs_of(played.marks)
    assert (run.name, run.outcome) == ("hip-check", "done")
    assert [s.outcome for s in run.steps] == ["end", "end", "end", "end", "end", "skipped", "skipped", "end", "end"]


def test_without_an_alignment_it_calibrates_on_the_way() -> None:
    played = Played(calibrated=False)
    assert played.give("protocol hip-check") == ["step stand begin stand 6s", "calibrate"]
    standing = CalibrationProgress(Stage.STANDING, 10.1, 10.0, 10.0)
    played.give(calibration=[standing])
    assert played.wait(8.0) == []
    going = replace(standing, stage=Stage.MOVEMENTS, time_s=18.0, made=(("bend", 0), ("knee_left", 0), ("knee_right", 0)))
    assert played.give(calibration=[going])[-1] == "step bends begin bend x4 calibration"
    for n in range(1, 5):
        played.now_s += 4.0
        played.give(calibration=[replace(going, time_s=played.now_s, made=(("bend", n), ("knee_left", 0), ("knee_right", 0)))])
    assert played.step == "knee-left"


def test_a_calibration_that_fails_is_begun_again() -> None:
    played = Played(calibrated=False)
    played.give("protocol hip-check")
    played.now_s += 3.0
    refused = CalibrationProgress(Stage.REFUSED, played.now_s, 10.0, 10.0, reasons=("swaying",))
    said = played.give(calibration=[refused])
    assert said == ["step stand left", "step stand begin stand 6s", "calibrate"]


@pytest.mark.parametrize(
    ("levels", "stops"), [((2, 4), False), ((2, 5), True), ((7,), True), ((6,), False), ((6, 3, 6), False)]
)
def test_pain_stops_it(levels: tuple[int, ...], stops: bool) -> None:
    played = Played()
    played.give("protocol hip-check")
    for level in levels:
        played.give(f"pain {level}")
    assert played.guide.running is not stops
    if stops:
        (run,) = runs_of(played.marks)
        assert run.outcome == "stopped"
        document = played.guide.document()
        assert document is not None
        assert document["pain"]["stopped_by"] == levels[-1]
        assert "STOPPED" in protocol_lines(document, played.now_s)[0]


def test_what_was_felt_before_is_where_it_starts() -> None:
    played = Played()
    played.give("pain 4")
    played.give("protocol hip-check")
    played.give("pain 6")
    assert played.guide.running
    played.give("pain 7")
    assert not played.guide.running


def test_again_back_and_enough() -> None:
    played = Played()
    played.give("protocol hip-check")
    played.give("step skip")
    played.makes("bend", 3)
    # three of four are enough to go on
    assert played.give("step skip")[0] == "step bends end"
    played.makes("knee_raise", 2, **HIPS)
    assert played.give("step repeat") == ["step knee-left left", "step knee-left begin knee_raise left x4 calibration"]
    assert played.guide.document()["steps"][2]["made"] == 0  # type: ignore[index]
    assert played.give("step back") == ["step knee-left left", "step bends begin bend x4 calibration"]
    played.give("protocol stop")
    (run,) = runs_of(played.marks)
    assert run.outcome == "left"
    assert [(s.name, s.outcome) for s in run.last][-1] == ("bends", "left")


def test_orders_without_a_protocol_do_nothing() -> None:
    played = Played()
    assert played.give("step skip", "step back", "protocol stop", "protocol nothing-known") == []
    assert played.guide.document() is None
    assert protocol_lines(None, 0.0) == ("", "")


def test_side_bends_are_counted_by_their_angle_and_rotation_by_taps() -> None:
    played = Played()
    played.give("protocol extension-and-side-bends")
    for _ in range(4):
        played.give("step skip")
    assert played.step == "extension"
    played.give("step skip")
    for _ in range(3):
        played.wait(1.0)
        played.wait(1.0, lumbar_lateral=-20.0)
    played.wait(1.0)
    assert played.step == "side-right"


def test_a_shin_s_swings_are_counted_and_what_no_sensor_tells_is_tapped() -> None:
    rotation = Played()
    rotation.give("protocol hip-rotation")
    assert rotation.guide.document()["going"] is False  # type: ignore[index]
    rotation.give("step start")
    for turn_deg in (0.0, 30.0, 0.0, -30.0, 0.0):
        half = math.radians(turn_deg) / 2.0
        quat = np.tile([math.cos(half), math.sin(half), 0.0, 0.0], (50, 1))
        times = np.arange(50) / 100.0 + rotation.now_s
        turned = [OrientationRows(sensor, times, quat, np.zeros(50, np.int32)) for sensor in ("thigh_left", "thigh_right")]
        rotation.give(orientations=turned)
        rotation.now_s += 0.5
    assert rotation.guide.document()["steps"][0]["made"] == 2  # type: ignore[index]
    step = '[[steps]]\nname = "{0}"\ntest = "tapped"\nrepetitions = 3\ntitle = "{0}"\nwords = "{0}"\n'
    text = 'name = "own"\ntitle = "Own"\nwords = "Own"\n' + step.format("a") + step.format("b")
    own = protocol_of(tomllib.loads(text), "own.toml")
    tapped = Played({"own": own})
    tapped.give("protocol own")
    tapped.give("step count")
    tapped.give("step count", "step count")
    assert tapped.step == "b"


def test_a_retest_with_the_sensors_on_is_the_chosen_test_alone() -> None:
    key = ("knee_raise", "left", "hip_peak_deg")
    played = Played()
    played.give(primary_label(key))
    played.give("protocol retest")
    document = played.guide.document()
    assert document is not None
    assert [(s["test"], s["side"], s["wanted"]) for s in document["steps"]] == [("knee_raise", "left", 3)]
    assert document["expected_s"] <= 60.0


def test_a_retest_in_a_session_of_its_own_calibrates_first_and_takes_a_minute() -> None:
    known = shipped()
    rock = retest_of(known["retest"], [("rock_back", "left", "excursion_deg")], known.values(), calibrated=False)
    assert [step.test for step in rock.steps] == ["stand", "bend", "knee_raise", "knee_raise", "rock_back"]
    knee = retest_of(known["retest"], [("knee_raise", "left", "hip_peak_deg")], known.values(), calibrated=False)
    assert [step.name for step in knee.steps] == ["stand", "bends", "knee-left", "knee-right"]
    # three of the test, and of what only calibrates as many as a calibration needs
    assert [step.repetitions for step in knee.steps] == [0, 3, 3, 2]
    assert [step.repetitions for step in rock.steps] == [0, 3, 2, 2, 3]
    keys = [("bend", "", "lumbar_share_of_trunk"), ("rock_back", "", "excursion_deg")]
    both = retest_of(known["retest"], keys, known.values(), calibrated=False)
    assert max(knee.expected_s, rock.expected_s, both.expected_s) <= 60.0


def test_ones_own_protocols_and_files(tmp_path: Path) -> None:
    own = 'name = "mine"\ntitle = "Mine"\n[[steps]]\nname = "a"\ntest = "bend"\nrepetitions = 3\ntitle = "A"\nwords = "A"\n'
    (tmp_path / "mine.toml").write_text(own, "utf-8")
    known = protocols(tmp_path)
    assert {"mine", "hip-check"} <= set(known)
    assert chosen(str(tmp_path / "mine.toml"), shipped()).name == "mine"
    assert protocols(tmp_path / "none") == shipped()
    with pytest.raises(HiphingeError, match="no protocol has the name"):
        chosen("hip-chek", known)
    (tmp_path / "bad.toml").write_text(own.replace("bend", "hop"), "utf-8")
    with pytest.raises(HiphingeError) as error:
        protocols(tmp_path)
    assert error.value.where.endswith("bad.toml")
    assert "steps[1].test" in error.value.what
    told: list[str] = []
    assert "mine" in protocols(tmp_path, told.append)
    assert len(told) == 1
    assert "bad.toml" in told[0]


def test_every_shipped_step_can_be_led() -> None:
    for protocol in shipped().values():
        played = Played()
        played.give(f"protocol {protocol.name}")
        for _ in protocol.steps:
            assert protocol_lines(played.guide.document(), played.now_s)[0]
            played.give("step skip")
        assert not played.guide.running, protocol.name
        assert len(runs_of(played.marks)[0].steps) == len(protocol.steps)
