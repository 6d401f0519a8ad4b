"""A mark that is set from a chair gives no zero: the body rises as the thighs leave that posture, or the mounting says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from body_signals import Floats, Mounting, session_time
from dsp.calibration.calibration_movements import CalibrationMovements
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.seated import SeatedWatch, axes_as_stated, lie_level, rise_between_rests
from hiphinge.engine import Engine
from ingest.formats import PlainSamples, session_of_samples
from ingest.formats.plain import PlainSession
from virtual_athlete import Script, SimulatedAthlete

ALL = ("lumbar", "pelvis", "thigh_left", "thigh_right")
BOTH = ("live", "review")


def from_a_chair(seed: int, up_s: float, *, bends: bool = False, stands_s: float = 0.5) -> Script:
    """The mark while seated, with bends on the chair or none; then standing up in up_s seconds, and training."""
    script = Script(seed)
    script.sit_down(1.6, 3.0)
    script.mark("calibrate")
    script.stand(6.0)
    for _ in range(3 if bends else 0):
        script.bend(35.0, 0.6, thigh_deg=84.0, knee_deg=90.0, movement="other")
        script.stand(0.5)
    script.stand_up(up_s, stands_s)
    for _ in range(3):
        script.bend(70.0)
    script.squat(80.0)
    script.walk(6.0)
    script.stand(2.0)
    return script


def standing(seed: int) -> Script:
    """The mark while standing; then deep, slow and fast movements of both thighs."""
    script = Script(seed)
    script.stand(1.0)
    script.mark("calibrate")
    script.stand(6.0)
    script.squat(95.0, down_s=0.7)
    script.sit_down(1.2, 3.0)
    script.stand_up(1.2, 1.0)
    script.squat(60.0, down_s=2.5)
    script.stand(2.0)
    return script


def recorded(
    script: Script, seed: int, worn: tuple[str, ...] = ALL, *, stated: bool = False, rate_hz: float = 100.0
) -> PlainSession:
    athlete = SimulatedAthlete(script, seed, rate_hz=rate_hz, state_mounting=stated)
    sensors = tuple(
        replace(s, family="plain", rate_hz=None, file=f"{s.key}.csv") for s in athlete.session.sensors if s.key in worn
    )
    samples = {k: PlainSamples(s.time_s, s.acc, s.gyr) for k, s in athlete.plain().items() if k in worn}
    return session_of_samples(replace(athlete.session, sensors=sensors, marks=tuple(script.marks)), samples)


def summaries(session: PlainSession) -> dict[str, dict[str, Any]]:
    engine = Engine(session.session, BOTH)
    for batch in session.batches():
        engine.feed(batch)
    engine.finish()
    return {name: engine.summary(name, "my evening") for name in BOTH}


def refused(summary: dict[str, Any]) -> list[bool]:
    return ["sat at the mark" in " ".join(one["reasons"]) for one in summary["calibration"].values()]


@pytest.mark.parametrize(
    ("seed", "worn", "up_s", "bends", "rate_hz"),
    [
        (1, ALL, 1.2, False, 100.0),
        (2, ALL, 3.0, False, 50.0),
        (3, ALL, 1.5, True, 200.0),
        (4, ("thigh_left", "thigh_right"), 1.5, False, 100.0),
    ],
)
def test_a_mark_from_a_chair_is_refused(seed: int, worn: tuple[str, ...], up_s: float, bends: bool, rate_hz: float) -> None:
    session = recorded(from_a_chair(seed, up_s, bends=bends), seed, worn, rate_hz=rate_hz)
    for name, summary in summaries(session).items():
        assert refused(summary) == [True] * len(worn), name
        assert {one["confidence"] for one in summary["calibration"].values()} == {0.0}


@pytest.mark.parametrize("seed", [1, 2])
def test_five_times_up_and_down_from_the_chair_show_it_too(seed: int) -> None:
    """Nobody stays up for long."""
    script = Script(seed)
    script.sit_down(1.6, 3.0)
    script.mark("calibrate")
    script.stand(6.0)
    for _ in range(5):
        script.stand_up(0.9, 0.05)
        script.sit_down(0.9, 0.05)
    script.stand_up(1.0, 1.0)
    for name, summary in summaries(recorded(script, seed)).items():
        assert refused(summary) == [True] * len(ALL), name


def test_bends_on_the_chair_and_a_pause_do_not_hide_it() -> None:
    """They gave the trunk an alignment, which is taken back."""
    script = Script(4)
    script.sit_down(1.6, 3.0)
    script.mark("calibrate")
    script.stand(6.0)
    for _ in range(3):
        script.bend(35.0, 0.6, thigh_deg=84.0, knee_deg=90.0, movement="other")
    script.stand(10.0)
    script.stand_up(1.4, 2.0)
    script.bend(60.0)
    script.stand(1.0)
    for name, summary in summaries(recorded(script, 4)).items():
        assert refused(summary) == [True] * len(ALL), name


def test_a_jump_with_the_knees_drawn_up_does_not_look_like_it() -> None:
    """The body rises by as much, and both thighs turn, but not for long."""
    assert not any(rising(0.6))
    assert any(rising(2.5))


def rising(lasts_s: float) -> list[bool]:
    """What is said at each tick while both thighs turn by 85° within 0.4 s, the body rises by 0.4 m, and both stay for that
    time."""
    time_s = np.arange(0.0, 8.0, 0.01)
    turned = np.interp(time_s, [4.0, 4.4, 4.4 + lasts_s, 4.8 + lasts_s], [0.0, np.radians(85.0), np.radians(85.0), 0.0])
    tracks = CalibrationTracks(0.0, 0, ("thigh_left", "thigh_right"))
    tracks.time_s = time_s.tolist()
    seen = CalibrationMovements(
        tracks.body, 0.0, tracks.time_s, lambda *_: np.zeros(1), lambda _: False, lambda *_: np.zeros((3, 1))
    )
    watch = SeatedWatch(tracks, seen)
    speed = np.where((time_s > 4.0) & (time_s < 4.4), np.pi / 2.0 * np.sin(np.pi * (time_s - 4.0) / 0.4), 0.0)
    tracks._gain_s, tracks._gain = time_s[::10].tolist(), [(speed + 9.81 * time_s)[::10]]
    said = []
    for i, angle in enumerate(turned.tolist()):
        seen.step(i, dict.fromkeys(tracks.body, angle))
        said.append(watch.step(i, angle, angle))
    return said


@pytest.mark.parametrize("seed", [5, 6])
def test_stated_mountings_show_it_at_once(seed: int) -> None:
    session = recorded(from_a_chair(seed, 1.5), seed, stated=True)
    for name, summary in summaries(session).items():
        assert refused(summary) == [True] * len(ALL), name


@pytest.mark.parametrize("stated", [False, True])
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_mark_while_standing_is_not(seed: int, stated: bool) -> None:
    """Whatever both thighs do afterwards."""
    for name, summary in summaries(recorded(standing(seed), seed, stated=stated)).items():
        assert not any(refused(summary)), name
        assert min(one["confidence"] for one in summary["calibration"].values()) > 0.0


def test_a_later_standing_is_proposed_and_the_seat_is_not() -> None:
    """The bends on the chair look like those of a calibration."""
    for stands_s in (0.5, 9.0):
        script = from_a_chair(3, 1.5, bends=True, stands_s=stands_s)
        session = recorded(script, 3)
        first_bend_s = next(r.start_s for r in script.repetitions if r.movement == "bend")
        said = [w for w in summaries(session)["review"]["warnings"] if "hiphinge mark" in w]
        if stands_s < 4.0:
            assert said == []
        else:
            (words,) = said
            at_s = session_time(words.partition("to use it: hiphinge mark 'my evening' ")[2].split()[0])
            assert session.session.marks[0].time_s + 20.0 < at_s < first_bend_s - 4.0


def test_height_is_gained_between_two_rests_whatever_the_offset() -> None:
    time_s = np.linspace(0.0, 2.0, 21)
    # up by 0.4 m along half a cosine: velocity 0.2 pi / 2 sin(pi t / 2)
    velocity = 0.1 * np.pi * np.sin(np.pi * time_s / 2.0)
    for offset in (0.0, 0.3):
        rise_m = rise_between_rests(time_s, 5.0 + velocity + (9.81 + offset) * time_s)
        assert rise_m == pytest.approx(0.4, abs=0.01)
    missing = np.where(time_s == time_s[7], np.nan, velocity)
    assert rise_between_rests(time_s, missing) is None


@pytest.mark.parametrize("stated", [False, True])
def test_a_second_mark_from_a_chair_is_refused_and_the_first_calibration_stands(stated: bool) -> None:
    script = Script(3)
    script.stand(1.0)
    script.calibrate()
    script.stand(2.0)
    script.sit_down(1.6, 3.0)
    script.mark("calibrate")
    script.stand(6.0)
    script.stand_up(1.5, 1.0)
    for _ in range(3):
        script.bend(70.0)
    for name, summary in summaries(recorded(script, 3, stated=stated)).items():
        assert refused(summary) == [True] * len(ALL), name
        said = " ".join(" ".join(one["reasons"]) for one in summary["calibration"].values())
        assert "the calibration before it stands" in said
        assert min(one["confidence"] for one in summary["calibration"].values()) > 0.3


def test_who_marks_again_is_believed() -> None:
    """Both sensors may have been put on anew, turned by a quarter."""
    script = Script(3)
    script.stand(1.0)
    script.calibrate()
    script.stand(2.0)
    script.sit_down(1.6, 3.0)
    for _ in range(2):
        script.mark("calibrate")
        script.stand(9.0)
    for name, summary in summaries(recorded(script, 3)).items():
        assert refused(summary) == [False] * len(ALL), name


def test_thighs_lie_level_only_with_their_fronts_up() -> None:
    axes = axes_as_stated({key: Mounting("+x", "+y") for key in ("thigh_left", "thigh_right")})
    front, along, left = -np.eye(3)[2], np.eye(3)[0], np.eye(3)[1]

    def both(up: Floats) -> bool:
        return lie_level(dict.fromkeys(axes, up / np.linalg.norm(up)), axes)

    # worn as stated, or turned round the thigh by 40°; put on inclined by 35 or 45°; standing; upside down
    assert both(front)
    assert both(front + np.tan(np.radians(40.0)) * left)
    for inclined_deg in (35.0, 45.0):
        assert not both(np.sin(np.radians(inclined_deg)) * front + np.cos(np.radians(inclined_deg)) * along)
    assert not both(along)
    assert not both(-along)
    assert not both(-front)
    assert not lie_level({"thigh_left": front}, axes)
    assert not lie_level(dict.fromkeys(axes, front), {"thigh_left": axes["thigh_left"]})
