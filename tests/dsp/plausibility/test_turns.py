"""A gyroscope that does not turn with the body: named by the others, whatever they are worn like."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest

from body_signals import Cause, Floats
from dsp.plausibility import MotionCells, TurnWatch
from dsp.plausibility.clocks.cells import RATE_HZ, Cells
from dsp.results import Finding
from tests.dsp.plausibility.faulty import BODY, Change, changed
from virtual_athlete import Samples, Script, SimulatedAthlete

KNOWN_S = 99.0


@cache
def turning(seed: int = 3, turns: tuple[float, ...] = (110.0, -100.0, 90.0)) -> dict[str, Samples]:
    """Files of somebody who turns by these angles, degrees, while walking."""
    script = Script(seed)
    script.stand(3.0)
    for angle_deg in turns:
        script.walk(5.0, turn_deg=angle_deg)
        script.stand(2.0)
        script.bend(60.0)
    return SimulatedAthlete(script, seed).plain()


def about_x(factor: float, since_s: float = 0.0) -> Change:
    def change(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        gyr[t >= since_s, 0] *= factor
        return acc, gyr

    return change


def found(files: dict[str, Samples], cuts: tuple[int, ...] = ()) -> list[Finding]:
    """What is found when the seconds are cut there."""
    watch, cells = TurnWatch(tuple(files), 0.5), {}
    for key, one in files.items():
        cells[key] = MotionCells()
        cells[key].take(one.time_s, one.acc, one.gyr)
        cells[key].catch_up()
    last = math.floor(min(float(one.time_s[-1]) for one in files.values()))
    told = []
    for a, b in itertools.pairwise((0, *cuts, last)):
        there = {key: one.exactly(round(a * RATE_HZ), round(b * RATE_HZ)) for key, one in cells.items()}
        told += watch.take(a, there, KNOWN_S)
    return told


def with_fault(key: str, change: Change, files: dict[str, Samples] | None = None) -> dict[str, Samples]:
    files = turning() if files is None else files
    return files | {key: changed(files[key], change)}


@pytest.mark.parametrize(
    ("key", "factor", "cause"),
    [*((key, -1.0, Cause.GYR_SIGN) for key in BODY), *((key, 2.0, Cause.GYR_SCALE) for key in BODY[:2])],
)
def test_the_sensor_is_named_with_its_axis_and_factor(key: str, factor: float, cause: Cause) -> None:
    (finding,) = found(with_fault(key, about_x(factor)))
    assert (finding.sensor, finding.cause, finding.since_s, finding.known_s) == (key, cause, 0.5, KNOWN_S)
    assert "column x" in finding.remedy
    if factor > 0.0:
        said = float(finding.what.split()[1])
        assert said == pytest.approx(factor, rel=0.3)


@pytest.mark.parametrize("seed", range(3, 9))
def test_sound_sensors_turn_with_the_body(seed: int) -> None:
    assert found(turning(seed)) == []


@pytest.mark.parametrize("cuts", [(7,), tuple(range(1, 20)), (2, 11, 12, 25)])
def test_cuts_change_nothing(cuts: tuple[int, ...]) -> None:
    files = with_fault("pelvis", about_x(-1.0))
    assert found(files, cuts) == found(files)


def test_a_fault_that_begins_later_holds_since_the_last_turn_that_agreed() -> None:
    files = turning(3, (110.0, 110.0, 110.0, -110.0, 110.0, 110.0))
    began_s = 24.0
    (finding,) = found(with_fault("lumbar", about_x(-1.0, began_s), files))
    assert 1.0 < finding.since_s < began_s


def test_two_sensors_cannot_say_which_is_wrong() -> None:
    files = with_fault("pelvis", about_x(-1.0))
    assert found({key: files[key] for key in ("lumbar", "pelvis")}) == []
    assert [f.sensor for f in found({key: files[key] for key in ("lumbar", "pelvis", "thigh_left")})] == ["pelvis"]


def test_what_is_not_measured_is_not_compared() -> None:
    """A gap during every turn leaves nothing to compare."""
    files = turning()
    one = files["thigh_left"]
    kept = np.ones(len(one), np.bool_)
    for begin_s in np.arange(3.0, one.time_s[-1], 2.0):
        kept[(one.time_s > begin_s) & (one.time_s < begin_s + 0.4)] = False
    reversed_ = changed(one, about_x(-1.0))
    holes = Samples(reversed_.time_s[kept], reversed_.acc[kept], reversed_.gyr[kept], reversed_.saturated[kept])
    assert found(files | {"thigh_left": holes}) == []


def twisted(*turned_deg: float) -> list[Finding]:
    """What is found of upright sensors, in the order of `BODY`, that turn by these angles within two seconds and stay."""
    watch, n = TurnWatch(BODY, 0.0), 20 * round(RATE_HZ)
    time_s, rng = np.arange(n) / RATE_HZ, np.random.default_rng(1)
    turning = (time_s >= 8.0) & (time_s < 10.0)
    cells = {}
    for key, angle_deg in zip(BODY, turned_deg, strict=True):
        rows = np.zeros((13, n))
        rows[2], rows[6], rows[12] = 9.81, 1.0, 4.0
        rows[3:6] = np.radians(0.1) * rng.standard_normal((3, n))
        rows[5] += np.where(turning, np.radians(angle_deg) / 2.0, 0.0)
        cells[key] = Cells(rows)
    return watch.take(0, cells, KNOWN_S)


@pytest.mark.parametrize(
    "turned_deg", [(60.0, 50.0, 20.0, 20.0), (60.0, 55.0, 0.0, 0.0), (45.0, 40.0, 90.0, -10.0), (-10.0, 0.0, 40.0, -40.0)]
)
def test_a_body_may_twist(turned_deg: tuple[float, ...]) -> None:
    """On planted feet, on a chair, one leg ahead, both knees outwards."""
    assert twisted(*turned_deg) == []
    assert twisted(*(-angle for angle in turned_deg)) == []


@pytest.mark.parametrize("i", range(4))
def test_what_no_joint_does_is_told(i: int) -> None:
    turned_deg = [60.0] * 4
    turned_deg[i] = -60.0
    (finding,) = twisted(*turned_deg)
    assert (finding.sensor, finding.cause) == (BODY[i], Cause.GYR_SIGN)


def test_a_sensor_that_turns_by_itself_is_not_called_wrongly_scaled() -> None:
    """It tumbles, or was put down."""
    for alone_deg in (0.0, 400.0, -300.0):
        assert twisted(alone_deg, 60.0, 60.0, 60.0) == []


def test_a_sensor_that_does_not_turn_at_all_has_no_wrong_scale() -> None:
    """It lies on the floor."""

    def lies(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        return np.broadcast_to(acc[0], acc.shape).copy(), np.zeros_like(gyr)

    assert found(with_fault("thigh_right", lies)) == []
