"""The causal pipeline: calibration in force when it is complete, gaps, silence, bounded memory."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import Cause, Mounting, Placement, Quality, Sensor
from body_signals.quantities import ANGLE_NAMES
from dsp.grid.track import RECOVERY_S
from dsp.heading.joint_headings import standing_twist
from dsp.live import HISTORY_S, LivePipeline
from dsp.pipeline import mountings
from dsp.plausibility.worn import WornWatch
from dsp.results import Finding
from hiphinge.engine import Engine
from tests.dsp.sessions import Found, between, block, from_samples, gathered, plain, rms
from virtual_athlete import SCENARIOS, Script, simulate


@cache
def whole() -> Found:
    session, samples = plain("mixed", 4)
    return from_samples(LivePipeline(session.sensors, session.body), samples, [0.0])


def without(samples, key: str, start_s: float, end_s: float):
    """The samples with a hole in one sensor."""
    s = samples[key]
    keep = (s.time_s < start_s) | (s.time_s >= end_s)
    cut = replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])
    return {**samples, key: cut}


def until(samples, end_s: float):
    """The samples without what comes after."""
    out = {}
    for key, s in samples.items():
        keep = s.time_s < end_s
        out[key] = replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])
    return out


def test_before_the_calibration_is_complete_angles_are_missing() -> None:
    found = whole()
    (alignment,) = found.alignments
    in_force = found.time_s >= alignment.tick / 100
    assert np.isnan(found.angles[~in_force]).all()
    assert (found.quality[~in_force] & Quality.UNCALIBRATED).all()
    assert np.isfinite(found.angles[in_force]).mean() > 0.99
    assert not (found.quality[in_force] & Quality.UNCALIBRATED).any()
    # the last knee is down, and no later
    assert alignment.tick / 100 == pytest.approx(26.0, abs=1.5)


def test_orientations_are_there_from_the_beginning() -> None:
    for rows in whole().orientations.values():
        assert rows.time_s[0] < 0.05
        assert np.linalg.norm(rows.quat, axis=1) == pytest.approx(1.0, abs=1e-6)


def test_stated_mountings_give_angles_seconds_after_the_mark() -> None:
    session, samples = plain("demo", 1)
    sensors = [
        replace(s, mounting=Mounting("+x", "+z" if s.key == "thigh_left" else "-z" if "thigh" in s.key else "+y"))
        for s in session.sensors
    ]
    found = from_samples(LivePipeline(sensors, session.body), samples, [0.0])
    first, final = found.alignments
    assert not first.complete
    assert final.complete
    early = (found.time_s > 8.0) & (found.time_s < final.tick / 100)
    assert np.isfinite(found.deg("lumbar_flexion")[early]).all()
    assert (found.quality[early] & Quality.LOW_CONFIDENCE).all()
    assert not (found.quality[found.time_s > 30.0] & Quality.LOW_CONFIDENCE).any()


def test_mountings_of_worn_sensors_only() -> None:
    stated = Mounting("+x", "+y")
    sensors = [Sensor(Placement.PELVIS, mounting=stated), Sensor(Placement.OTHER, "bar", mounting=stated)]
    assert mountings([*sensors, Sensor(Placement.LUMBAR)]) == {"pelvis": stated}


def test_a_gap_is_missing_then_doubtful_then_as_if_it_had_not_been() -> None:
    session, samples = plain("mixed", 4)
    pipeline = LivePipeline(session.sensors, session.body)
    found = from_samples(pipeline, without(samples, "pelvis", 60.0, 61.0), [0.0])
    inside = (found.time_s > 60.0) & (found.time_s < 61.0)
    for name in ANGLE_NAMES:
        gone = not name.startswith(("trunk", "thigh"))
        assert np.isnan(found.deg(name)[inside]).all() == gone, name
    after = (found.time_s > 61.0) & (found.time_s < 61.0 + RECOVERY_S)
    assert (found.quality[after] & (Quality.LOW_CONFIDENCE | Quality.GAP) == Quality.LOW_CONFIDENCE | Quality.GAP).all()
    assert found.quality[found.time_s > 61.02][0] & Quality.HEADING_UNKNOWN
    later = found.time_s > 61.0 + RECOVERY_S + 0.1
    assert not (found.quality[later] & (Quality.LOW_CONFIDENCE | Quality.HEADING_UNKNOWN)).any()
    assert rms((found.deg("lumbar_flexion") - whole().deg("lumbar_flexion"))[later]) < 1.0
    assert pipeline.counts()["pelvis"][0].gaps == 1
    assert set(found.orientations["pelvis"].heading_epoch) == {0, 1}


def test_where_the_heading_is_unknown_flexion_is_not_invented() -> None:
    """From the first tick after a gap, in the middle of a movement: no value of the old heading comes through."""
    session, samples = plain("mixed", 4)
    moving = next(r for r in SCENARIOS["mixed"](4).repetitions if r.movement == "bend" and r.start_s > 30)
    start = moving.turn_s - 0.6
    samples = until(samples, start + 10.0)
    for cut in (start, start + 0.037, start + 0.111):
        found = from_samples(LivePipeline(session.sensors, session.body), without(samples, "pelvis", cut, cut + 0.55), [0.0])
        after = (found.time_s > cut + 0.55) & (found.time_s < cut + 2.5) & np.isfinite(found.deg("lumbar_flexion"))
        assert after.sum() > 150
        for name in ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion"):
            expected = whole().deg(name)[: len(found.time_s)]
            assert np.abs(found.deg(name) - expected)[after].max() < 6.0, (cut, name)


def test_a_short_hole_is_flagged_and_bridged() -> None:
    session, samples = plain("mixed", 4)
    found = from_samples(LivePipeline(session.sensors, session.body), without(samples, "pelvis", 60.003, 60.058), [0.0])
    inside = (found.time_s > 60.005) & (found.time_s < 60.05)
    assert np.isfinite(found.deg("lumbar_flexion")[inside]).all()
    assert (found.quality[inside] & Quality.GAP).all()
    assert rms(found.deg("lumbar_flexion")[6000:] - whole().deg("lumbar_flexion")[6000:]) < 0.3
    assert set(found.orientations["pelvis"].heading_epoch) == {0}


def test_a_sensor_that_falls_silent_for_good() -> None:
    session, samples = plain("mixed", 4)
    found = from_samples(LivePipeline(session.sensors, session.body), without(samples, "thigh_left", 70.0, 1e9), [0.0])
    after = found.time_s > 70.0
    assert found.time_s[-1] == pytest.approx(whole().time_s[-1], abs=0.02)
    assert np.isnan(found.deg("hip_left_flexion")[after]).all()
    assert np.isfinite(found.deg("hip_right_flexion")[after]).mean() > 0.99
    assert (found.quality[after] & Quality.LATE).all()
    # the other thigh stands in: squats are still told from bends
    kinds = [r.movement for r in found.repetitions if r.start_s > 72.0]
    assert "squat" in kinds


def test_sensors_on_machines_have_orientations_only() -> None:
    _, samples = plain("demo", 1)
    pipeline = LivePipeline([Sensor(Placement.OTHER, "bar")], ())
    found = from_samples(pipeline, {"bar": samples["pelvis"]}, [0.0])
    assert len(found.time_s) == 0
    assert set(found.orientations) == {"bar"}
    assert found.repetitions == []
    assert pipeline.reports() == ()


def test_a_sensor_that_never_comes() -> None:
    """The kit says four, three deliver: the rest of the session is there."""
    session, samples = plain("demo", 1)
    three = {key: s for key, s in samples.items() if key != "thigh_right"}
    pipeline = LivePipeline(session.sensors, session.body)
    found = from_samples(pipeline, three, [0.0])
    assert np.isfinite(found.deg("lumbar_flexion")[found.time_s > 35.0]).mean() > 0.99
    assert np.isnan(found.deg("hip_right_flexion")).all()
    samples_counted, late = pipeline.counts()["thigh_right"]
    assert (samples_counted.samples, late) == (0, len(found.time_s))


def test_a_log_that_ends_during_the_calibration() -> None:
    """What was seen until then is still aligned, for the report; angles are missing."""
    session, samples = plain("demo", 1)
    short = {
        key: replace(s, **{f: getattr(s, f)[:2000] for f in ("time_s", "acc", "gyr", "saturated")})
        for key, s in samples.items()
    }
    pipeline = LivePipeline(session.sensors, session.body)
    found = from_samples(pipeline, short, [0.0])
    assert np.isnan(found.angles).all()
    methods = {r.placement: r.method for r in pipeline.reports()}
    assert methods["pelvis"] == "standing and bends"
    assert methods["thigh_right"] == "none"


def test_memory_is_bounded() -> None:
    """After five minutes no more is kept than after two."""
    session, samples = plain("mixed", 4)
    pipeline = LivePipeline(session.sensors, session.body)
    kept: list[int] = []

    def watch(p) -> None:
        ticks = sum(len(t) for t in p._history)
        kept.append(ticks + sum(map(len, p._tracks.values())))

    repeated = {
        key: replace(
            s,
            time_s=np.arange(2 * len(s)) / 100.0,
            acc=np.tile(s.acc, (2, 1)),
            gyr=np.tile(s.gyr, (2, 1)),
            saturated=np.tile(s.saturated, 2),
        )
        for key, s in samples.items()
    }
    from_samples(pipeline, repeated, [0.0], chunk_s=1.25, watch=watch)
    assert len(kept) > 250
    assert max(kept) < (HISTORY_S + 10.0) * 100


@pytest.mark.parametrize("most", [30, 250])
def test_ticks_that_are_given_out_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """As after a night's sleep of the computer, when millions of them are final at once; one sensor falls silent."""
    session, samples = plain("mixed", 4)
    short = {
        key: replace(s, time_s=s.time_s[:n], acc=s.acc[:n], gyr=s.gyr[:n], saturated=s.saturated[:n])
        for (key, s), n in zip(samples.items(), (1500, 600, 1500, 1500), strict=True)
    }
    given: list[list[int | None]] = [[], []]
    once = from_samples(
        LivePipeline(session.sensors, session.body), short, [0.0], watch=lambda p: given[0].append(p._grid._next)
    )
    monkeypatch.setattr("dsp.grid.grid.MOST_TICKS", most)
    pieces = from_samples(
        LivePipeline(session.sensors, session.body), short, [0.0], watch=lambda p: given[1].append(p._grid._next)
    )
    assert given[0] == given[1], "all that is final comes with the call"
    assert pieces.time_s.tobytes() == once.time_s.tobytes()
    assert pieces.quality.tobytes() == once.quality.tobytes()
    for key, rows in once.orientations.items():
        assert pieces.orientations[key].quat.tobytes() == rows.quat.tobytes()


def test_repetitions_come_seconds_after_they_end() -> None:
    """Live means live: a repetition is known at most two seconds after its end."""
    session, samples = plain("mixed", 4)
    known: dict[int, float] = {}
    pipeline = LivePipeline(session.sensors, session.body)
    keys = list(samples)
    for k in range(340):
        start, stop = 0.5 * k, 0.5 * (k + 1)
        blocks = []
        for i, key in enumerate(keys):
            s = samples[key]
            at = between(s.time_s, start, stop)
            if at.stop > at.start:
                blocks.append(block(key, i, s.time_s[at], s.acc[at], s.gyr[at]))
        seq = np.sort(np.concatenate([b.seq for b in blocks])) if blocks else np.empty(0, np.int64)
        for r in pipeline.feed(blocks, [0.0] if k == 0 else [], seq, seq / 1e5).repetitions:
            known[r.index] = stop - r.end_s
    assert len(known) > 25
    assert max(known.values()) < 2.0


def test_standing_twist_of_the_last_pair_of_epochs() -> None:
    twist = np.radians([10.0, 10.0, 30.0, np.nan, 50.0])
    a, b = np.array([0, 0, 1, 1, 1], np.int32), np.zeros(5, np.int32)
    value, epochs = standing_twist(twist, a, b)
    assert np.degrees(value) == pytest.approx(40.0)
    assert epochs == (1, 0)
    assert standing_twist(np.full(3, np.nan), a[:3], b[:3]) == (0.0, None)


def test_standing_twist_near_half_a_turn() -> None:
    """Sway across 180° does not cancel out."""
    twist = np.radians([178.0, 180.0, 182.0])
    value, _ = standing_twist(twist, np.zeros(3, np.int32), np.zeros(3, np.int32))
    assert np.degrees(value) % 360.0 == pytest.approx(180.0, abs=0.01)


def test_nothing_at_all() -> None:
    pipeline = LivePipeline([Sensor(Placement.PELVIS)], ("pelvis",))
    out = pipeline.feed([], [], np.empty(0, np.int64), np.empty(0))
    assert gathered([out, pipeline.finish()]).repetitions == []
    assert pipeline.reports() == ()


def test_without_standing_there_are_no_angles() -> None:
    """A mark in the middle of movements that never rest."""
    session, samples = plain("demo", 1)
    shaken = {
        key: replace(s, gyr=s.gyr + np.radians(40.0) * np.sin(2 * np.pi * 0.9 * s.time_s)[:, None])
        for key, s in samples.items()
    }
    found = from_samples(LivePipeline(session.sensors, session.body), shaken, [0.0])
    assert found.alignments == []
    assert np.isnan(found.angles).all()
    assert (found.quality & Quality.UNCALIBRATED).all()


def test_sensors_that_stood_still_at_different_times_share_no_standing() -> None:
    """Three stand from 1 s to 6 s; the pelvis is shaken until 5.5 s: the common standing is too short for anybody."""
    session, samples = plain("demo", 1)
    s = samples["pelvis"]
    shaking = np.where(s.time_s < 5.5, np.radians(40.0) * np.sin(2 * np.pi * 0.9 * s.time_s), 0.0)
    shaken = {**samples, "pelvis": replace(s, gyr=s.gyr + shaking[:, None])}
    found = from_samples(LivePipeline(session.sensors, session.body), shaken, [0.0])
    assert all("lumbar" not in a.to_segment or "pelvis" not in a.to_segment for a in found.alignments)


def test_empty_blocks_are_nothing() -> None:
    session, samples = plain("demo", 1)
    pipeline = LivePipeline(session.sensors, session.body)
    s = samples["pelvis"]
    empty = block("pelvis", 1, s.time_s[:0], s.acc[:0], s.gyr[:0])
    out = pipeline.feed([empty], [], np.array([0]), np.array([0.0]))
    assert out.orientations == []
    assert pipeline.counts()["pelvis"][0].samples == 0


KITS = (
    ("lumbar", "thigh_left"),
    ("lumbar", "pelvis"),
    ("pelvis", "thigh_right"),
    ("lumbar", "pelvis", "thigh_left"),
    ("thigh_left", "thigh_right"),
    ("lumbar",),
)


@cache
def short_training() -> Script:
    """A calibration that does not take its time, and one squat and one bend after it."""
    script = Script(1)
    script.mark("calibrate")
    script.stand(4.2)
    for _ in range(3):
        script.bend(60.0, (0.55, 0.45, 0.35), down_s=0.9, hold_s=0.2, up_s=0.9, rest_s=0.4)
    for side in ("left", "right"):
        for _ in range(2):
            script.knee_raise(side, 68.0, up_s=0.7, hold_s=0.1, down_s=0.7, rest_s=0.3)
    script.stand(1.0)
    script.squat(85.0)
    script.bend(75.0)
    script.stand(2.0)
    return script


@pytest.mark.parametrize("keys", KITS)
def test_every_kit_streams_a_tick_at_a_time(keys) -> None:
    """What a kit gives does not depend on how often it is called, between the heading's updates neither."""
    session, samples = plain(short_training(), 1)
    sensors = [s for s in session.sensors if s.key in keys]
    worn = {key: s for key, s in samples.items() if key in keys}
    few, many = (from_samples(LivePipeline(sensors, keys), worn, [0.0], chunk_s=each_s) for each_s in (0.02, 20.0))
    assert np.isfinite(many.angles).any()
    assert bool(many.repetitions) == (keys != ("thigh_left", "thigh_right"))
    assert few.angles.tobytes() == many.angles.tobytes()
    assert few.sd.tobytes() == many.sd.tobytes()
    assert few.quality.tobytes() == many.quality.tobytes()
    assert [repr(r) for r in few.repetitions] == [repr(r) for r in many.repetitions]


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_new_calibration_ends_what_held_until_then(estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(1)
    for _ in range(2):
        script.calibrate()
        script.stand(3.0)
    session = simulate(script, 1)
    ended: list[float] = []

    def close(_: WornWatch, until_s: float) -> list[Finding]:
        ended.append(until_s)
        return [Finding("pelvis", Cause.OFF_BODY, 1.0, 1.0, "what", "remedy", until_s)]

    monkeypatch.setattr(WornWatch, "close", close)
    engine = Engine(session.session, (estimator,))
    outputs = [engine.feed(session.events)[estimator], engine.finish()[estimator]]
    assert len(ended) == 1
    assert [f.until_s for output in outputs for f in output.findings if f.cause is Cause.OFF_BODY] == ended
