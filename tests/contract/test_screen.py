"""The hip screen from a recording's bytes to summary.json and InfluxDB's lines: what was simulated is what is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from body_signals import Placement
from dashboards.influx.line_protocol import points
from dashboards.tables import read_summary
from hiphinge.engine import Engine
from ingest.heads.session_toml import read_session_toml
from tests.contract.command_line import done
from tests.contract.recorded_sessions import recording
from virtual_athlete import SHORT_HIP_DEG, Script, SimulatedSession, screen, simulate

pytestmark = pytest.mark.slow


@cache
def simulated(seed: int, limited: str | None) -> SimulatedSession:
    return simulate(screen(seed, limited), seed)


def replayed(folder: Path, session: SimulatedSession, *words: str) -> Path:
    recording(folder / "recording.mcap", session.session, session.events)
    done("replay", "recording.mcap", "--out", "session", *words, cwd=folder)
    return folder / "session"


@pytest.fixture(scope="module")
def whole_replay(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, str | None], Path]:
    """The replay of a seed's hip screen, for those who only read it."""

    @cache
    def of(seed: int, limited: str | None) -> Path:
        return replayed(tmp_path_factory.mktemp("replay"), simulated(seed, limited))

    return of


def measure(document: dict[str, Any], test: str, side: str, name: str) -> float:
    (found,) = (t for t in document["tests"] if (t["test"], t["side"]) == (test, side))
    assert found["valid"], found
    value = found["measures"][name]["median"]
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(("seed", "limited", "pattern"), [(0, "left", 2), (1, "right", 2), (2, None, 6)])
def test_a_replay_says_what_was_simulated(
    whole_replay: Callable[[int, str | None], Path], seed: int, limited: str | None, pattern: int
) -> None:
    session = simulated(seed, limited)
    folder = whole_replay(seed, limited)
    true = {kind: [r for r in session.repetitions if r.movement == kind] for kind in ("bend", "knee_raise", "rock_back")}
    raises = {"left": true["knee_raise"][:5], "right": true["knee_raise"][5:]}
    for estimator in ("live", "review"):
        said = read_summary(folder, estimator)["screen"]
        assert (said["pattern"], said["side"], said["borderline"]) == (pattern, limited or "", False)
        if limited is not None:
            assert said["confidence"] == "high"
        share = median(r.metrics["lumbar_share_of_trunk"] for r in true["bend"][1:])
        assert measure(said, "bend", "", "lumbar_share_of_trunk") == pytest.approx(share, abs=0.02)
        for side, reps in raises.items():
            hip = median(r.metrics[f"hip_{side}_rom_deg"] for r in reps[1:])
            assert measure(said, "knee_raise", side, "hip_peak_deg") == pytest.approx(hip, abs=4.0)
            if limited is not None:
                # on all fours 12° before the short hip ends
                excursion = median(r.metrics[f"slack_onset_{side}_deg"] for r in true["rock_back"][1:]) - (SHORT_HIP_DEG - 12.0)
            else:
                excursion = median(r.metrics[f"hip_{side}_rom_deg"] for r in true["rock_back"][1:])
            assert measure(said, "rock_back", side, "excursion_deg") == pytest.approx(excursion, abs=3.0)


def test_limits_of_the_configuration_replace_those_of_the_session(tmp_path: Path) -> None:
    session = simulated(0, "left")
    limits = {"knee_raise_hip_deg": 55.0, "knee_raise_difference_deg": 60.0, "rock_back_slack_deg": 1.0}
    text = "[screen]\n" + "".join(f"{name} = {value}\n" for name, value in limits.items())
    (tmp_path / "config.toml").write_text(text, "utf-8")
    folder = replayed(tmp_path, session, "--estimator", "live", "--config", "config.toml")
    said = read_summary(folder, "live")["screen"]
    assert said["pattern"] == 3
    assert [e["limit"] for e in said["limits"] if e["name"] == "knee_raise_hip_deg"] == [55.0, 55.0]
    assert read_session_toml(folder / "session.toml").screen_limits == limits


def test_the_line_of_the_screen_is_that_of_the_summary(whole_replay: Callable[[int, str | None], Path]) -> None:
    folder = whole_replay(0, "left")
    for estimator in ("live", "review"):
        said = read_summary(folder, estimator)["screen"]
        (line,) = (x for x in points(folder, [estimator]) if x.startswith("screen,"))
        assert f',estimator={estimator} pattern=2i,pattern_words="{said["pattern_words"]}",side="left",' in line
        share = measure(said, "bend", "", "lumbar_share_of_trunk")
        assert ",bend_repetitions=4i,bend_lumbar_rom_deg=" in line
        assert f",bend_lumbar_share_of_trunk={share!r}," in line
        assert re.search(",knee_raise_left_repetitions=[34]i,knee_raise_left_hip_peak_deg=7", line)
        json.dumps(said, allow_nan=False)


@pytest.mark.parametrize(
    ("worn", "says", "code", "side"),
    [
        ((Placement.LUMBAR, Placement.PELVIS), "forward bend was not scored", "repeat", ""),
        ((Placement.PELVIS, Placement.THIGH_LEFT, Placement.THIGH_RIGHT), "forward bend was not scored", "repeat", ""),
        ((Placement.LUMBAR, Placement.PELVIS, Placement.THIGH_LEFT), "", "hip_limited", "left"),
    ],
)
def test_a_kit_that_lacks_a_sensor_names_no_pattern_that_it_cannot_see(
    tmp_path: Path, worn: tuple[Placement, ...], says: str, code: str, side: str
) -> None:
    folder = replayed(tmp_path, simulate(screen(0, "right"), 0, placements=worn), "--estimator", "review")
    said = read_summary(folder, "review")["screen"]
    assert any(says in note for note in said["notes"]) or not says
    # one thigh: the rock-back speaks for the hip that is worn, the other one is not known
    assert (said["answer"]["code"], said["side"]) == (code, side)


@cache
def lying(tilts_deg: float) -> dict[str, float]:
    """True hip extension of both sides as the sensors measure it, with a pelvis that tilts by this on the bench."""
    script = Script(3)
    script.calibrate()
    script.stand(1.0)
    script.sit_down(2.0, rest_s=2.0)
    script.lie_back()
    for side, extension in (("left", 9.0), ("right", -5.0)):
        for _ in range(3):
            script.hip_extension(side, extension, tilts_deg=tilts_deg)
    script.sit_up()
    script.stand_up()
    script.stand(1.0)
    session = simulate(script, 3)
    engine = Engine(session.session, ("review",))
    engine.feed(session.events)
    engine.finish()
    said = engine.summary("review", "x")["screen"]
    assert isinstance(said, dict)
    return {side: measure(said, "hip_extension", side, "hip_extension_deg") for side in ("left", "right")}


def test_true_hip_extension_does_not_depend_on_the_tilt_of_the_pelvis() -> None:
    level, tilted = lying(2.0), lying(17.0)
    for side, true in (("left", 9.0), ("right", -5.0)):
        assert level[side] == pytest.approx(true, abs=3.0)
        assert tilted[side] == pytest.approx(level[side], abs=2.0)
