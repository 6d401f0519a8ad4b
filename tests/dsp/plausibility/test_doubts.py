"""What may be wrong but is not known to be widens the stated uncertainty at once, and nothing else."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Cause, Placement, Quality
from dsp.alignment.slip import STILL_RAD
from dsp.grid.ticks import GridRows, Ticks
from dsp.live import LivePipeline
from dsp.plausibility import SensorWatch
from dsp.plausibility.doubts.gyroscopes import GyroscopeDoubts
from dsp.plausibility.doubts.loose import LooseWatch
from dsp.plausibility.doubts.slips import DOUBTED_PART, LOOKS, SlipDoubts
from dsp.plausibility.gyroscope import NO_DOUBT, GyroscopeDoubt
from dsp.plausibility.worn import ANGLES_OF
from dsp.results import AngleRows
from tests.dsp.plausibility.faulty import blocks, changed, session
from tests.dsp.plausibility.faulty import turned as turned_by
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.faults import Falling, Fault, Slid, Tumbling

BODY = tuple(p.value for p in BODY_PLACEMENTS)
SEGMENTS = ("pelvis", "lumbar", "thigh_left", "thigh_right")
KNOWN = Quality.OFF_BODY | Quality.SLIPPED | Quality.IMPLAUSIBLE


def script(seed: int) -> tuple[Script, float]:
    """A calibration and a walk, and a moment early in the walk."""
    made = Script(seed)
    made.calibrate()
    made.stand(1.0)
    at = made.now + 1.0
    made.walk(9.0)
    made.stand(1.0)
    made.squat()
    made.stand(1.0)
    return made, at


@cache
def live(seed: int, key: str = "", fault: Fault | None = None, chunk_s: float = 5.0) -> tuple[Found, np.ndarray, list]:
    """What live makes of the session in which one sensor has a fault, the true angles at its rows, degrees, and findings."""
    made, _ = script(seed)
    athlete = SimulatedAthlete(made, seed, faults={} if fault is None else {Placement(key): (fault,)})
    pipeline, findings = LivePipeline(athlete.session.sensors, BODY), []
    feed = pipeline.feed

    def fed(*args):
        out = feed(*args)
        findings.extend(out.findings)
        return out

    pipeline.feed = fed  # type: ignore[method-assign]
    found = from_samples(pipeline, athlete.plain(), [m.time_s for m in made.marks], chunk_s=chunk_s)
    true = athlete.truth().zeroed()
    tick = np.clip(np.rint(found.time_s * 100).astype(int), 0, len(true.time_s) - 1)
    return found, np.degrees(true.table()[tick]), findings


def covered(found: Found, true: np.ndarray, key: str, from_s: float) -> float:
    """Part of the angles of a sensor from then on that are missing, flagged, or within three standard uncertainties."""
    at, of = found.time_s >= from_s, ANGLES_OF[key]
    error = np.abs((found.angles[at][:, of] - true[at][:, of] + 180.0) % 360.0 - 180.0)
    told = (found.quality[at] & int(KNOWN) != 0)[:, None]
    return float((told | ~(error > 3.0 * found.sd[at][:, of])).mean())


@pytest.mark.parametrize(("seed", "key", "kind"), [(3, "lumbar", Tumbling), (3, "thigh_left", Falling)])
def test_no_angle_of_a_sensor_that_came_loose_is_stated_narrowly(seed, key, kind):
    """From some tenths of a second on, whenever it becomes known."""
    at = script(seed)[1]
    found, true, _ = live(seed, key, kind(at, seed))
    assert covered(found, true, key, at + 0.5) > 0.99
    others = [i for i in range(len(ANGLE_NAMES)) if i not in ANGLES_OF[key]]
    assert np.array_equal(found.sd[:, others], live(seed)[0].sd[:, others], equal_nan=True)


def test_a_slip_is_allowed_for_while_somebody_walks_and_from_the_first_standing_on():
    seed, key = 5, "lumbar"
    at = script(seed)[1]
    found, true, _ = live(seed, key, Slid(at, seed, 24.0, 2, 0.5))
    assert covered(found, true, key, at + 3.0) > 0.99
    lateral = ANGLE_NAMES.index("lumbar_lateral")
    doubted = (found.time_s > at + 3.0) & (found.quality & Quality.SLIPPED == 0)
    assert 8.0 < np.nanmedian(found.sd[doubted, lateral]) < 24.0


def test_cutting_the_input_otherwise_changes_no_uncertainty():
    fault = Tumbling(script(3)[1], 3)
    one, other = live(3, "lumbar", fault)[0], live(3, "lumbar", fault, 0.73)[0]
    assert np.array_equal(one.sd, other.sd, equal_nan=True)
    assert np.array_equal(one.angles, other.angles, equal_nan=True)


def test_a_sound_session_has_no_doubt():
    found, true, findings = live(3)
    assert findings == []
    assert np.nanmax(found.sd[found.time_s > script(3)[1] - 1.0]) < 6.0
    assert covered(found, true, "pelvis", script(3)[1]) == 1.0


def turned(degrees: dict[str, tuple[float, float, float]]) -> np.ndarray:
    """Rotation vectors (3, s, 1) of one look; of the others a degree."""
    return np.radians([degrees.get(key, (0.0, 0.0, 1.0)) for key in SEGMENTS]).T[:, :, None]


def looks(watch: LooseWatch, steps: dict[str, tuple[float, float, float]], off_deg: dict[str, float], n: int = 1) -> list[str]:
    for _ in range(n):
        step = turned(steps)
        off = np.radians([off_deg.get(key, 2.0) for key in SEGMENTS])
        turn = np.sqrt((step[:, :, 0] ** 2).sum(axis=0))
        watch.look(watch.starts(step)[:, 0], turn, off, np.zeros(4, np.bool_))
    return [key for key, loose in zip(SEGMENTS, watch.loose, strict=True) if loose]


def test_what_turns_alone_about_another_axis_is_loose_and_a_raised_knee_is_not():
    watch = LooseWatch(SEGMENTS, SEGMENTS)
    assert looks(watch, {}, {}) == []
    assert looks(watch, {"thigh_left": (3.0, 5.0, 42.0)}, {"thigh_left": 40.0}) == []
    assert looks(watch, {"thigh_left": (24.0, 5.0, 10.0)}, {"thigh_left": 40.0}) == ["thigh_left"]
    # who turns round turns spine and pelvis
    assert looks(LooseWatch(SEGMENTS, SEGMENTS), {"lumbar": (0.0, 30.0, 0.0), "pelvis": (0.0, 28.0, 0.0)}, {}) == []


def test_a_loose_sensor_is_worn_again_once_it_was_several_times_as_it_stood_and_moved():
    watch = LooseWatch(SEGMENTS, SEGMENTS)
    assert looks(watch, {"lumbar": (30.0, 0.0, 0.0)}, {"lumbar": 60.0}) == ["lumbar"]
    lies = {"lumbar": (0.0, 0.0, 0.01)}
    assert looks(watch, lies, {"lumbar": 5.0}, 20) == ["lumbar"]
    assert looks(watch, {}, {"lumbar": 5.0}, 3) == ["lumbar"]
    assert looks(watch, {}, {"lumbar": 5.0}) == []


def test_a_loose_sensor_that_is_elsewhere_while_all_others_stand_is_lost():
    watch = LooseWatch(SEGMENTS, SEGMENTS)
    looks(watch, {"pelvis": (0.0, 20.0, 20.0)}, {"pelvis": 60.0})
    looks(watch, {}, {"pelvis": 50.0}, 8)
    assert not watch.lost(0)
    looks(watch, {}, {"pelvis": 50.0, "lumbar": 20.0}, 8)
    assert not watch.lost(0)
    looks(watch, {}, {"pelvis": 50.0}, 2)
    assert watch.lost(0)
    assert not watch.lost(1)


def test_a_slip_is_doubted_from_three_looks_of_standing_on_until_it_stands_as_it_did():
    doubts = SlipDoubts(SEGMENTS)
    calm = np.full((4, 1), 0.5 * STILL_RAD)

    def stood(off_deg: float, still: int) -> float:
        off = np.radians(np.tile([[1.0], [off_deg], [2.0], [2.0]], LOOKS))
        turn = np.where(np.arange(LOOKS) >= LOOKS - still, calm, np.radians(5.0))
        found = doubts.feed(off, turn)
        return 0.0 if found is None else float(np.degrees(np.sqrt(found[1, 0])))

    assert stood(20.0, 2) == 0.0
    assert stood(20.0, 3) == pytest.approx(20.0 * DOUBTED_PART)
    assert stood(3.0, 0) == pytest.approx(20.0 * DOUBTED_PART)
    assert stood(3.0, 3) == 0.0
    # a raised knee that is held is a posture
    assert stood(60.0, 3) == 0.0


@pytest.mark.parametrize("factor", [1.0, 0.85])
def test_a_gyroscope_whose_scale_does_not_fit_gravity_is_doubted_before_it_is_called_wrong(factor):
    """A raised thigh tells little of it: a worn one fits with factors from 0.88 on."""
    sensors, samples, mark_s = session()
    key = "thigh_right"
    watch, doubts, known_s = SensorWatch(sensors[key], 100.0, BODY), [], [np.inf]
    watch.mark(mark_s)
    for block in blocks(key, 100.0, changed(samples[key], turned_by(factor)), list(range(50, len(samples[key]), 50))):
        checked = watch.feed(block)
        doubts += checked.doubts
        known_s += [f.known_s for f in checked.findings if f.cause is Cause.GYR_SCALE]
    if factor == 1.0:
        assert doubts == []
    else:
        assert doubts[0][0] < min(known_s) - 5.0
        assert 0.08 < doubts[0][1].scale < 0.4


def of_turns(times: slice, doubts: GyroscopeDoubts) -> np.ndarray:
    """Standard uncertainties, degrees, of a thigh's inclination that was 0.5°, at ticks at which it turns to and fro by 60°."""
    time_s = np.arange(0, 1500)[times] / 100.0
    half = np.radians(30.0) * 0.5 * (1.0 - np.cos(time_s * np.pi))
    quat = np.stack([np.cos(half), 0.0 * half, 0.0 * half, np.sin(half)])
    there = np.ones(len(time_s), np.bool_)
    no = np.zeros(len(time_s), np.int32)
    ticks = Ticks.of(times.start, time_s, {"thigh_left": GridRows(quat, there, no, no)})
    narrow = np.full((len(ANGLE_NAMES), len(time_s)), np.radians(0.5))
    rows = AngleRows(time_s, narrow.copy(), narrow.copy(), no)
    if doubts:
        doubts.widen(ticks, rows, SimpleNamespace(placements=("thigh_left",)))
    return np.degrees(rows.sd[ANGLE_NAMES.index("thigh_left_inclination")])


def test_a_doubted_gyroscope_widens_by_the_doubted_part_of_what_was_turned():
    def doubted() -> GyroscopeDoubts:
        doubts = GyroscopeDoubts()
        doubts.take("thigh_left", 2.0, GyroscopeDoubt(scale=0.2))
        doubts.take("thigh_left", 9.0, GyroscopeDoubt(misfit_rad=np.radians(8.0)))
        doubts.take("thigh_left", 12.0, NO_DOUBT)
        return doubts

    whole = of_turns(slice(0, 1500), doubted())
    assert (whole[:200] == whole[0]).all()
    assert whole[300] == pytest.approx(np.hypot(0.5, 0.2 * 60.0), rel=0.01)
    assert whole[1000] == pytest.approx(np.hypot(0.5, 8.0))
    assert (whole[1200:] == whole[0]).all()
    for step in (7, 60):
        kept = doubted()
        parts = [of_turns(slice(start, min(start + step, 1500)), kept) for start in range(0, 1500, step)]
        assert np.array_equal(np.concatenate(parts), whole)
