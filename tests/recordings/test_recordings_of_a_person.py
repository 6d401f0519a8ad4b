"""A person who stands, sits down, rises and walks, with nothing stated of the sensors: what simulated athletes do not show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsp.live import LivePipeline
from dsp.review import ReviewPipeline
from tests.dsp.sessions import Found, Pipeline, from_samples
from tests.recordings.load_research_sets import qmt_full_body
from virtual_athlete import Samples

pytestmark = pytest.mark.shared

PIPELINES = [LivePipeline, ReviewPipeline]


def part(shared: Path, made: type[Pipeline], start_s: float, end_s: float, mark_s: float) -> tuple[Found, dict[str, str]]:
    """A stretch of the recording, from its own beginning on, and the method by which each sensor was aligned at last."""
    person = qmt_full_body(shared, others=False)
    sensors = tuple(replace(sensor, mounting=None) for sensor in person.session.sensors)
    samples = {}
    for key, one in person.samples.items():
        time_s = one.time_s - one.time_s[0]
        at = (time_s >= start_s) & (time_s < end_s)
        assert one.gyr is not None
        samples[key] = Samples(time_s[at], one.acc[at], one.gyr[at], np.zeros(np.count_nonzero(at), np.bool_))
    pipeline = made(sensors, person.session.body)
    found = from_samples(pipeline, samples, [mark_s])
    return found, {r.placement: r.method for r in pipeline.reports()}


def between(found: Found, name: str, start_s: float, end_s: float) -> float:
    return float(np.nanmean(found.deg(name)[(found.time_s > start_s) & (found.time_s < end_s)]))


def test_who_sits_has_the_pelvis_the_right_way_round(shared: Path) -> None:
    """Gravity says 22.5° backwards on the seat, and 6.1° forward of the lower back: 28° of lumbar flexion."""
    found, methods = part(shared, ReviewPipeline, 0.0, 60.0, 0.2)
    assert methods["pelvis"] == "standing and sit-to-stand"
    assert between(found, "pelvis_tilt", 17.0, 25.0) == pytest.approx(-22.5, abs=2.0)
    assert between(found, "lumbar_flexion", 17.0, 25.0) == pytest.approx(28.6, abs=2.0)


@pytest.mark.parametrize("made", PIPELINES)
def test_who_only_walks_has_angles_and_makes_no_repetition(shared: Path, made: type[Pipeline]) -> None:
    """His strides were 85 squats, so that live had no angle at all."""
    found, methods = part(shared, made, 50.0, 80.0, 51.0)
    assert set(methods.values()) == {"standing and walking off"}
    walking = found.time_s > 61.0
    for name in ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion"):
        assert np.isfinite(found.deg(name)[walking]).mean() > 0.99
    hip = found.deg("hip_left_flexion")[walking]
    assert 40.0 < np.nanmax(hip) - np.nanmin(hip) < 75.0
    assert found.repetitions == []
