"""The two-sided pipeline: windows leave no trace in the result, memory stays bounded, calibrations are no repetitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import Packets, Placement, Quality, Sensor
from body_signals.quantities import ANGLE_NAMES
from dsp import rotation
from dsp.review import MARGIN_S, SLACK_S, ReviewPipeline
from hiphinge.engine import Engine
from tests.dsp.sessions import FLEXIONS, Found, block, from_samples, gathered, plain, rms, simulated
from virtual_athlete import SimulatedAthlete


@cache
def windowed(window_s: float, chunk_s: float = 5.0) -> Found:
    session, samples = plain("mixed", 4)
    pipeline = ReviewPipeline(session.sensors, session.body, window_s)
    return from_samples(pipeline, samples, [m.time_s for m in session.marks], chunk_s=chunk_s)


def test_short_windows_give_what_one_window_gives() -> None:
    short, whole = windowed(40.0), windowed(600.0)
    assert np.array_equal(short.time_s, whole.time_s)
    assert np.array_equal(np.isnan(short.angles), np.isnan(whole.angles))
    for name in ANGLE_NAMES:
        limit = 0.1 if "flexion" in name or "inclination" in name or "pelvis" in name else 0.5
        assert rms(short.deg(name) - whole.deg(name)) < limit, name


def test_windows_leave_no_seams() -> None:
    """From tick to tick the two differ by hardly more at a border than elsewhere."""
    for name in ANGLE_NAMES:
        step = np.abs(np.diff(windowed(40.0).deg(name) - windowed(600.0).deg(name)))
        limit = 0.3 if name.endswith(("rotation", "lateral", "abduction")) else 0.05
        assert np.nanmax(step) < limit, name


def test_headings_go_on_across_windows() -> None:
    """A window's own heading may drift otherwise than the whole session's, but nowhere does it jump by more than is known of
    the relative heading; the pelvis, whose heading the others have, does not at all."""
    short, whole = windowed(40.0), windowed(600.0)
    for key, rows in short.orientations.items():
        turn = rotation.multiply(rows.quat.T, rotation.conjugate(whole.orientations[key].quat.T))
        heading = np.degrees(np.unwrap(rotation.twist_about_vertical(turn)[0]))
        assert np.abs(np.diff(heading)).max() < (0.02 if key == "pelvis" else 0.5), key


def test_repetitions_are_the_same_in_short_windows() -> None:
    short, whole = windowed(40.0).repetitions, windowed(600.0).repetitions
    assert [r.movement for r in short] == [r.movement for r in whole]
    assert [r.turn_s for r in short] == pytest.approx([r.turn_s for r in whole], abs=0.1)


@pytest.mark.parametrize("chunk_s", [0.7, 1000.0])
def test_chunks_do_not_matter(chunk_s: float) -> None:
    one, other = windowed(40.0), windowed(40.0, chunk_s)
    assert one.angles.tobytes() == other.angles.tobytes()
    assert repr(one.repetitions) == repr(other.repetitions)


def one_by_one(events: list) -> Iterator[list]:
    for event in events:
        if isinstance(event, Packets):
            yield from ([Packets.one(event.sensor, s, a, p)] for s, a, p in event)
        else:
            yield [event]


@pytest.mark.parametrize("seed", range(4))
def test_packets_one_by_one_give_what_the_whole_log_gives(seed: int) -> None:
    """Also when the first packet to arrive does not bear the earliest sample."""
    session = simulated("demo", seed)
    # of one the calibration and what follows it, of the others the first seconds
    events = session.events[:2700] if seed == 0 else session.events[:400]
    bits = []
    for chunks in (iter([events]), one_by_one(events)):
        engine = Engine(session.session, ("review",))
        outputs = [engine.feed(chunk)["review"] for chunk in chunks]
        found = gathered([*outputs, engine.finish()["review"]])
        bits.append((found.time_s.tobytes(), found.angles.tobytes(), repr(found.repetitions)))
    assert bits[0] == bits[1]
    assert (found.repetitions != []) == (seed == 0)


def test_memory_is_bounded_by_the_window() -> None:
    """Whatever the length, a stream keeps a window and its margins."""
    session, samples = plain("mixed", 4)
    kept: list[int] = []

    def watch(pipeline: ReviewPipeline) -> None:
        kept.append(max(len(s.blocks) for s in pipeline._streams.values()))

    pipeline = ReviewPipeline(session.sensors, session.body, 20.0)
    from_samples(pipeline, samples, [], chunk_s=1.0, watch=watch)  # type: ignore[arg-type]
    assert max(kept) <= 20.0 + 2 * MARGIN_S + SLACK_S + 3.0
    assert len(kept) > 160


def test_a_second_calibration_replaces_the_first() -> None:
    """A sensor that is turned on the skin between two calibrations reads right after each."""
    session, samples = plain_twice()
    turned = dict(samples)
    s = samples["pelvis"]
    after = s.time_s > SECOND_S - 1.5
    swap = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned["pelvis"] = replace(
        s, acc=np.where(after[:, None], s.acc @ swap.T, s.acc), gyr=np.where(after[:, None], s.gyr @ swap.T, s.gyr)
    )
    found = from_samples(ReviewPipeline(session.sensors, session.body), turned, [m.time_s for m in session.marks])
    assert [a.mark_s for a in found.alignments] == [0.0, SECOND_S]
    truth = twice().truth().zeroed()
    for name in FLEXIONS:
        error = found.error(truth, name)
        times = found.time_s[: len(error)]
        for a, b in ((27.0, SECOND_S - 3.0), (SECOND_S + 1.0, times[-1])):
            assert rms(error[(times > a) & (times < b)]) < 1.5, (name, a)


SECOND_S = 40.0


@cache
def twice() -> SimulatedAthlete:
    from virtual_athlete import Script

    script = Script(5)
    script.calibrate()
    script.bend(70.0)
    script.squat(70.0)
    script.stand(SECOND_S - script.now)
    script.calibrate()
    script.bend(80.0)
    script.squat(80.0)
    script.stand(2.0)
    return SimulatedAthlete(script, 5)


def plain_twice():
    athlete = twice()
    return replace(athlete.session, marks=tuple(athlete.script.marks)), athlete.plain()


def test_a_long_silence_of_all_radios_ends_well() -> None:
    """Everything is switched off while the program runs on: the session ends with what was there."""
    session, samples = plain("demo", 1)
    pipeline = ReviewPipeline(session.sensors, session.body, 20.0)
    blocks = [block(key, i, s.time_s, s.acc, s.gyr) for i, (key, s) in enumerate(samples.items())]
    seq = np.sort(np.concatenate([b.seq for b in blocks]))
    outputs = [pipeline.feed(blocks, [0.0], seq, seq / 1e5)]
    last = float(seq[-1]) / 1e5
    for k in range(1, 300):
        outputs.append(pipeline.feed([], [], np.array([seq[-1] + k]), np.array([last + k])))
    found = gathered([*outputs, pipeline.finish()])
    assert np.isfinite(found.deg("lumbar_flexion")).sum() > 7500


def test_nothing_at_all() -> None:
    pipeline = ReviewPipeline([Sensor(Placement.PELVIS)], ("pelvis",))
    out = pipeline.feed([], [], np.array([0]), np.array([0.0]))
    assert (out.angles, out.repetitions) == ([], [])
    assert pipeline.finish().angles == []
    assert pipeline.reports() == ()
    assert pipeline.counts()["pelvis"][0].samples == 0


def test_a_gap_leaves_angles_missing_and_begins_a_new_heading() -> None:
    """One second without the pelvis: missing there, flexion right again after it, and the gap is counted."""
    session, samples = plain("mixed", 4)
    holed = dict(samples)
    s = samples["pelvis"]
    keep = (s.time_s < 60.0) | (s.time_s > 61.0)
    holed["pelvis"] = replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])
    pipeline = ReviewPipeline(session.sensors, session.body, 40.0)
    found = from_samples(pipeline, holed, [0.0])
    inside = (found.time_s > 60.0) & (found.time_s < 61.0)
    assert np.isnan(found.deg("lumbar_flexion")[inside]).all()
    assert (found.quality[inside] & Quality.GAP).all()
    assert np.isfinite(found.deg("trunk_inclination")[inside]).all()
    assert set(found.orientations["pelvis"].heading_epoch) == {0, 1}
    assert pipeline.counts()["pelvis"][0].gaps == 1
    later = found.time_s > 63.0
    assert rms((found.deg("lumbar_flexion") - windowed(600.0).deg("lumbar_flexion"))[later]) < 0.5


def test_a_device_orientation_is_taken_as_it_is() -> None:
    """Sensors that send quaternions only: their orientation, marked as theirs."""
    session, samples = plain("demo", 1)
    found = from_samples(ReviewPipeline(session.sensors, session.body), samples, [0.0]).orientations
    blocks = []
    for i, (key, s) in enumerate(samples.items()):
        rows = found[key]
        time_s = s.time_s[(s.time_s > rows.time_s[0]) & (s.time_s < rows.time_s[-1])]
        at = np.searchsorted(rows.time_s, time_s)
        acc = s.acc[np.searchsorted(s.time_s, time_s)]
        blocks.append(block(key, i, time_s, acc, None, quat=rows.quat[at].copy()))
    pipeline = ReviewPipeline(session.sensors, session.body)
    seq = np.sort(np.concatenate([b.seq for b in blocks]))
    result = gathered([pipeline.feed(blocks, [0.0], seq, seq / 1e5), pipeline.finish()])
    inner = (result.time_s > 0.2) & (result.time_s < 80.0)
    assert (result.quality[inner] & Quality.DEVICE_ORIENTATION).all()
    truth = SimulatedAthlete("demo", 1).truth().zeroed()
    assert rms(result.error(truth, "lumbar_flexion")) < 2.0


def part_of(s, keep):
    return replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])


def test_a_short_hole_is_bridged() -> None:
    session, samples = plain("mixed", 4)
    s = samples["pelvis"]
    holed = {**samples, "pelvis": part_of(s, (s.time_s < 60.003) | (s.time_s > 60.058))}
    found = from_samples(ReviewPipeline(session.sensors, session.body, 40.0), holed, [0.0])
    inside = (found.time_s > 60.005) & (found.time_s < 60.05)
    assert np.isfinite(found.deg("lumbar_flexion")[inside]).all()
    assert (found.quality[inside] & Quality.GAP).all()
    assert set(found.orientations["pelvis"].heading_epoch) == {0}
    assert np.nanmax(np.abs(found.deg("lumbar_flexion") - windowed(40.0).deg("lumbar_flexion"))) < 0.5


@pytest.mark.parametrize("window_s", [31.0, 37.0, 45.0])
def test_wherever_the_end_falls_the_rows_reach_it(window_s: float) -> None:
    session, samples = plain("mixed", 4)
    found = from_samples(ReviewPipeline(session.sensors, session.body, window_s), samples, [0.0])
    assert np.array_equal(found.time_s, windowed(600.0).time_s)
    assert rms(found.deg("lumbar_flexion") - windowed(600.0).deg("lumbar_flexion")) < 0.1


def test_rows_begin_with_the_samples_also_when_the_mark_came_before_them() -> None:
    session, samples = plain("demo", 1)
    later = {key: part_of(s, s.time_s > 0.5) for key, s in samples.items()}
    found = from_samples(ReviewPipeline(session.sensors, session.body), later, [0.0])
    assert found.time_s[0] == pytest.approx(0.51)
    assert np.diff(found.time_s) == pytest.approx(0.01)
    assert np.isfinite(found.deg("lumbar_flexion")[found.time_s > 1.0][:-1]).all()


def test_a_sensor_that_joins_late_and_one_that_leaves_early() -> None:
    """Orientations where they are there; no alignment for the one that was not standing with the others."""
    session, samples = plain("mixed", 4)
    left, right = samples["thigh_left"], samples["thigh_right"]
    some = {
        **samples,
        "thigh_left": part_of(left, left.time_s > 150.0),
        "thigh_right": part_of(right, right.time_s < 60.0),
    }
    found = from_samples(ReviewPipeline(session.sensors, session.body, 20.0), some, [0.0])
    assert found.orientations["thigh_left"].time_s[0] == pytest.approx(150.0, abs=0.03)
    assert found.orientations["thigh_right"].time_s[-1] == pytest.approx(60.0, abs=0.03)
    assert np.isnan(found.deg("hip_left_flexion")).all()
    assert np.isnan(found.deg("hip_right_flexion")[found.time_s > 60.1]).all()
    assert np.isfinite(found.deg("hip_right_flexion")[(found.time_s > 1.0) & (found.time_s < 59.9)]).all()
    assert np.isfinite(found.deg("lumbar_flexion")[found.time_s > 1.0]).mean() > 0.99


def test_without_standing_there_are_no_angles() -> None:
    """A mark in the middle of movements that never rest."""
    session, samples = plain("demo", 1)
    moving = {key: part_of(s, s.time_s < 100.0) for key, s in samples.items()}
    shaken = {
        key: replace(s, gyr=s.gyr + np.radians(40.0) * np.sin(2 * np.pi * 0.9 * s.time_s)[:, None]) for key, s in moving.items()
    }
    found = from_samples(ReviewPipeline(session.sensors, session.body), shaken, [0.0])
    assert found.alignments == []
    assert np.isnan(found.angles).all()
    assert (found.quality & Quality.UNCALIBRATED).all()


def test_sensors_on_machines_have_orientations_only() -> None:
    _, samples = plain("demo", 1)
    found = from_samples(ReviewPipeline([Sensor(Placement.OTHER, "bar")], ()), {"bar": samples["pelvis"]}, [0.0])
    assert len(found.time_s) == 0
    assert len(found.orientations["bar"]) > 7500
    assert found.repetitions == []
