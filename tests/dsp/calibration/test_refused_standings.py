"""Standings that are none: what is refused says its reason, live and in review alike, and an alignment before it stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from dsp.live import LivePipeline
from dsp.results import AlignmentReport
from dsp.review import ReviewPipeline
from tests.dsp.repetitions_by_hand import BODY
from tests.dsp.sessions import Found, Pipeline, from_samples
from virtual_athlete import Samples, Script, to_plain

PIPELINES = [LivePipeline, ReviewPipeline]


def reported(
    made: type[Pipeline], script: Script, samples: Mapping[str, Samples], chunk_s: float = 5.0
) -> tuple[Found, dict[str, AlignmentReport]]:
    session, _ = to_plain(script, 1)
    pipeline = made(session.sensors, BODY)
    found = from_samples(pipeline, samples, [mark.time_s for mark in session.marks], chunk_s=chunk_s)
    return found, {r.placement: r for r in pipeline.reports()}


def calibrating(seed: int = 1) -> Script:
    script = Script(seed)
    script.stand(0.5)
    script.calibrate()
    script.bend(70.0)
    script.stand(1.0)
    return script


@pytest.mark.parametrize("made", PIPELINES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_sways_is_not_calibrated(made: type[Pipeline], seed: int) -> None:
    """Quiet standing swayed by half a degree; here by 8° and more. With such a zero all angles may have the wrong sign."""
    script = calibrating(seed)
    found, reports = reported(made, script, to_plain(script, seed, sway=25.0)[1])
    assert not found.alignments
    assert not np.isfinite(found.angles).any()
    for report in reports.values():
        assert (report.method, report.confidence) == ("none", 0.0)
        assert report.reasons[0].startswith("swayed by ")
        assert report.reasons[0].endswith("° while standing; stand still for 5 s and mark again")


@pytest.mark.parametrize("made", PIPELINES)
def test_a_standing_that_is_too_short_says_so(made: type[Pipeline]) -> None:
    script = Script(1)
    script.stand(1.0)
    script.mark("calibrate")
    for _ in range(5):
        script.bend(60.0, down_s=0.6, hold_s=0.05, up_s=0.6, rest_s=0.1)
    script.stand(1.0)
    found, reports = reported(made, script, to_plain(script, 1)[1])
    assert not found.alignments
    for report in reports.values():
        assert report.reasons == (
            "the standing was too short: none of 1 s within 6 s of the mark; stand still for 5 s and mark again",
        )


@pytest.mark.parametrize("made", PIPELINES)
def test_a_recording_that_ends_while_standing_says_so(made: type[Pipeline]) -> None:
    script = Script(1)
    script.stand(1.0)
    script.mark("calibrate")
    script.stand(3.0)
    _, reports = reported(made, script, to_plain(script, 1)[1])
    assert set(reports) == set(BODY)
    assert reports["pelvis"].reasons == ("the recording ended 3.0 s after the mark, before the standing had",)


@pytest.mark.parametrize("made", PIPELINES)
def test_a_mark_that_is_refused_leaves_the_calibration_before_it(made: type[Pipeline]) -> None:
    script = calibrating()
    at_s = script.now
    script.mark("calibrate")
    for _ in range(5):
        script.bend(60.0, down_s=0.6, hold_s=0.05, up_s=0.6, rest_s=0.1)
    script.stand(2.0)
    found, reports = reported(made, script, to_plain(script, 1)[1])
    assert {a.mark_s for a in found.alignments} == {0.5}
    for report in reports.values():
        assert report.confidence > 0.5
        (warning,) = report.warnings
        assert warning.startswith(
            f"the mark at {at_s:.0f} s was refused, and the calibration before it stands: the standing was"
        )
        assert warning in report.reasons
    assert np.isfinite(found.deg("lumbar_flexion")[-50:]).all()


@pytest.mark.parametrize("made", PIPELINES)
def test_a_mark_in_a_slow_movement_spoils_no_angle(made: type[Pipeline]) -> None:
    """The rate of a movement, taken for a gyroscope's bias, turned a segment by 48°."""
    script = calibrating()
    begun_s = script.now
    script.bend(60.0, down_s=4.5, up_s=4.5, rest_s=1.0)
    script.stand(3.0)
    session, samples = to_plain(script, 1)
    marks = [mark.time_s for mark in session.marks]
    found = [from_samples(made(session.sensors, BODY), samples, given) for given in (marks, [*marks, begun_s + 0.8])]
    assert all({a.mark_s for a in one.alignments} == {0.5} for one in found)
    for name in ("lumbar_flexion", "pelvis_tilt", "hip_left_flexion"):
        sound, spoilt = (one.deg(name)[round(100 * begun_s) :] for one in found)
        assert np.nanmax(np.abs(sound - spoilt)) < 3.0


def knocked(samples: Samples, every_s: float = 0.7) -> Samples:
    """A sensor that is knocked to and fro again and again in the seven seconds after the mark: it comes back each time."""
    phase = (samples.time_s % every_s) * 100.0
    rate = np.where(phase < 8.0, 0.5, np.where(phase < 16.0, -0.5, 0.0)) * (samples.time_s < 7.5)
    gyr = samples.gyr.copy()
    gyr[:, 2] += rate
    return replace(samples, gyr=gyr)


@pytest.mark.parametrize("chunk_s", [5.0, 0.13])
def test_live_aligns_the_sensor_that_review_aligns(chunk_s: float) -> None:
    """One sensor has no quiet second of its own; the others do, and it was there."""
    script = calibrating()
    _, samples = to_plain(script, 1)
    samples = samples | {"thigh_right": knocked(samples["thigh_right"])}
    (live, of_live), (_, of_review) = (reported(made, script, samples, chunk_s) for made in PIPELINES)
    for reports in (of_live, of_review):
        assert {key: r.method for key, r in reports.items()} == {
            "lumbar": "standing and bends",
            "pelvis": "standing and bends",
            "thigh_left": "standing and knee raises",
            "thigh_right": "standing and knee raises",
        }
    assert of_live["thigh_right"].confidence == pytest.approx(of_review["thigh_right"].confidence, abs=0.1)
    assert np.isfinite(live.deg("hip_right_flexion")[-50:]).all()


@pytest.mark.parametrize("made", PIPELINES)
def test_a_sensor_that_sways_alone_is_loose(made: type[Pipeline]) -> None:
    """The others stand still, and are calibrated."""
    script = calibrating()
    _, samples = to_plain(script, 1)
    loose = samples["thigh_left"]
    sway = 0.25 * np.sin(2 * np.pi * 0.18 * loose.time_s)
    turned = np.stack((np.zeros_like(sway), np.sin(sway), np.cos(sway) - 1.0), axis=1) * 9.81
    rates = np.gradient(sway, loose.time_s)
    samples = samples | {
        "thigh_left": replace(loose, acc=loose.acc + turned, gyr=loose.gyr + np.stack((0 * rates, 0 * rates, rates), axis=1))
    }
    _, reports = reported(made, script, samples)
    assert {key for key, r in reports.items() if r.confidence > 0.5} >= {"lumbar", "pelvis", "thigh_right"}
