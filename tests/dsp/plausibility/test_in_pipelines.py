"""Samples that cannot be true, in live and review: no angle from them, the rows say so, and the cause is in the output."""

from collections.abc import Mapping

import numpy as np
import pytest

from body_signals import Cause
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.live import LivePipeline
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows, Finding, latest
from dsp.review import ReviewPipeline
from tests.dsp.plausibility.faulty import BODY, Change, blocks, changed, clipped, frozen, session, turned, zeros

END_S = 50.0
IMPLAUSIBLE, SATURATED = int(Quality.IMPLAUSIBLE), int(Quality.SATURATED)
_ANGLE = {
    "lumbar": "lumbar_flexion",
    "pelvis": "pelvis_tilt",
    "thigh_left": "hip_left_flexion",
    "thigh_right": "hip_right_flexion",
}


def run(estimator: str, faults: Mapping[str, Change], chunk_s: float = 5.0) -> tuple[AngleRows, list[Finding]]:
    """Rows and findings of the first `END_S` of a session with such sensors."""
    sensors, samples, mark_s = session()
    made = LivePipeline if estimator == "live" else ReviewPipeline
    pipeline = made(tuple(sensors.values()), BODY)
    parts: dict[str, list] = {}
    for i, (key, one) in enumerate(samples.items()):
        whole = changed(one, faults[key]) if key in faults else one
        cuts = np.searchsorted(whole.time_s, np.arange(chunk_s, END_S + chunk_s, chunk_s)).tolist()
        parts[key] = [_numbered(block, i) for block in blocks(key, 100.0, whole, cuts)[: round(END_S / chunk_s)]]
    outputs = []
    for k, chunk in enumerate(zip(*parts.values(), strict=True)):
        seq, time_s = (np.concatenate([getattr(b, name) for b in chunk]) for name in ("seq", "time_s"))
        order = np.argsort(seq)
        marks = [mark_s] if k * chunk_s <= mark_s < (k + 1) * chunk_s else []
        outputs.append(pipeline.feed(chunk, marks, seq[order], np.maximum.accumulate(time_s[order])))
    whole = PipelineOutput.join([*outputs, pipeline.finish()])
    return AngleRows.join(whole.angles), latest(whole.findings)


def _numbered(block, i: int):
    from dataclasses import replace

    return replace(block, seq=block.seq * len(BODY) + i)


def test_sound_sessions_carry_no_flag() -> None:
    for estimator in ("live", "review"):
        rows, findings = run(estimator, {})
        assert findings == []
        assert not (rows.quality & (IMPLAUSIBLE | SATURATED)).any()


@pytest.mark.parametrize("key", BODY)
def test_a_frozen_sensor_gives_no_angle(key: str) -> None:
    """Missing and flagged: live from when it is known, review flagged from the first repeat on. Then sound again."""
    for estimator, known_s, flagged_s in (("live", 0.35, 0.35), ("review", 0.08, 0.02)):
        rows, findings = run(estimator, {key: frozen(33.0, 36.0)})
        assert [(f.sensor, f.cause) for f in findings] == [(key, Cause.FROZEN)]
        angle = rows.angles[ANGLE_NAMES.index(_ANGLE[key])]
        at = (rows.time_s > 33.0 + known_s) & (rows.time_s < 35.98)
        assert np.isnan(angle[at]).all()
        at = (rows.time_s > 33.0 + flagged_s) & (rows.time_s < 35.98)
        assert (rows.quality[at] & IMPLAUSIBLE).all()
        sound = (rows.time_s < 33.0) | (rows.time_s > 36.05)
        assert not (rows.quality[sound] & IMPLAUSIBLE).any()
        assert np.isfinite(angle[rows.time_s > 36.05]).all()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_zeros_that_fill_in_give_no_angle(value: float) -> None:
    for estimator in ("live", "review"):
        rows, findings = run(estimator, {"pelvis": zeros(33.0, 35.0, value)})
        assert [(f.cause, f.since_s, f.until_s) for f in findings] == [(Cause.ZEROS, 33.0, 34.99)]
        at = (rows.time_s > 33.02) & (rows.time_s < 34.98)
        assert np.isnan(rows.angles[ANGLE_NAMES.index("pelvis_tilt")][at]).all()
        assert (rows.quality[at] & IMPLAUSIBLE).all()
        assert not (rows.quality & int(Quality.LATE)).any()


def test_a_wrong_gyroscope_flags_the_rows() -> None:
    """Live from when it is known, review from the beginning."""
    for factor, cause in ((0.5, Cause.GYR_SCALE), (-1.0, Cause.GYR_SIGN)):
        rows, findings = run("live", {"thigh_left": turned(factor)})
        fault = next(f for f in findings if f.cause is cause)
        assert (fault.sensor, fault.since_s) == ("thigh_left", 0.0)
        # until it is known, its angles may be beyond a body; nobody else is blamed, and nothing more is told afterwards
        others = [f for f in findings if f is not fault]
        assert all((f.sensor, f.cause) == ("thigh_left", Cause.BEYOND_BODY) and f.known_s < fault.known_s for f in others)
        flagged = rows.quality & IMPLAUSIBLE != 0
        assert flagged[rows.time_s > fault.known_s].all()
        begun_s = min((f.since_s for f in others), default=fault.known_s)
        assert not flagged[rows.time_s < begun_s].any()
        rows, _ = run("review", {"thigh_left": turned(factor)})
        assert (rows.quality & IMPLAUSIBLE).all()


def test_clipped_values_are_saturated_rows() -> None:
    for estimator in ("live", "review"):
        rows, findings = run(estimator, {"lumbar": clipped(30.0)})
        assert {f.cause for f in findings} == {Cause.CLIPPED}
        assert np.count_nonzero(rows.quality & SATURATED) > 1000
        assert not (rows.quality & IMPLAUSIBLE).any()


@pytest.mark.parametrize(
    "faults",
    [
        {"pelvis": zeros(33.0, 33.1), "lumbar": frozen(30.0, 34.0)},
        {"thigh_left": turned(0.5), "pelvis": clipped(20.0)},
    ],
)
def test_the_cut_changes_no_row(faults: Mapping[str, Change]) -> None:
    for estimator, other_s in (("live", 0.5), ("review", 1.0)):
        rows, findings = run(estimator, faults)
        again, findings_again = run(estimator, faults, other_s)
        assert findings == findings_again
        assert rows.angles.tobytes() == again.angles.tobytes()
        assert rows.quality.tobytes() == again.quality.tobytes()
