"""summary.json: sets, exposure, sensors and warnings, from results made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from body_signals import Cause, Placement, Quality, Sensor, Session
from body_signals.placements import BODY_PLACEMENTS
from body_signals.quantities import ANGLE_NAMES, SUMMARY_KEYS
from body_signals.session import SessionMark
from dsp.orientation.filter import SampleCounts
from dsp.pipeline import PipelineOutput
from dsp.results import AlignmentReport, AngleRows, Finding, OrientationRows, Repetition
from hiphinge.session.facts.summary import SessionFacts, SummaryBuilder
from ingest.heads.session_toml import read_session_toml, write_session_toml
from virtual_athlete import START

SESSION = Session(START, "player-07", tuple(Sensor(p, family="hiphinge-v1") for p in BODY_PLACEMENTS), software="hiphinge 1")
REPORTS = tuple(AlignmentReport(p.value, "standing and bends", 0.9, ("because",), 0.0) for p in BODY_PLACEMENTS)


def facts(reports=REPORTS, **by_sensor) -> SessionFacts:
    keys = [p.value for p in BODY_PLACEMENTS]
    return SessionFacts(
        rates=dict.fromkeys(keys, 100.0),
        counts={key: by_sensor.get(key, (SampleCounts(samples=500), 0)) for key in keys},
        lost_exact=dict.fromkeys(keys, True),
        health={key: {} for key in keys},
        device=by_sensor.get("device", {}),
        reports=reports,
    )


def lumbar_rows(*degrees: float, quality: int = 0, start_s: float = 0.0) -> AngleRows:
    n = len(degrees)
    angles = np.full((len(ANGLE_NAMES), n), np.nan)
    angles[ANGLE_NAMES.index("lumbar_flexion")] = np.radians(degrees)
    return AngleRows(start_s + np.arange(n) / 100, angles, angles, np.full(n, quality, np.int32))


def repetition(index: int, start_s: float, movement: str = "bend", **metrics: float) -> Repetition:
    return Repetition(index, start_s, start_s + 1.5, start_s + 3.0, movement, 0.9, 0, metrics)


def document(*outputs: PipelineOutput, session: Session = SESSION, f: SessionFacts | None = None) -> dict:
    builder = SummaryBuilder(session, "live")
    for output in outputs:
        builder.take(output)
    return builder.document("a session", f or facts())


def test_keys_are_those_of_the_schema_and_it_is_json() -> None:
    found = document(PipelineOutput(angles=[lumbar_rows(1.0, 2.0)]))
    assert list(found) == [q.name for q in SUMMARY_KEYS]
    assert json.loads(json.dumps(found)) == found
    assert found["start"] == "2026-11-23T14:05:00Z"
    assert (found["schema"], found["session"], found["athlete"]) == (1, "a session", "player-07")
    assert (found["estimator"], found["software"]) == ("live", "hiphinge 1")


def test_nothing_happened() -> None:
    found = document()
    assert (found["duration_s"], found["repetitions"], found["sets"]) == (0.0, 0, [])
    assert found["warnings"] == []


def test_sets() -> None:
    """One movement with pauses below 20 s is a set; another movement or a longer pause begins the next."""
    times = [(0.0, "bend"), (5.0, "bend"), (27.9, "bend"), (32.0, "squat"), (60.0, "squat"), (65.0, "bend")]
    shares = [0.40, 0.50, 0.90, 0.3, 0.2, 0.1]
    reps = [repetition(i, t, kind, lumbar_share_of_trunk=s) for i, ((t, kind), s) in enumerate(zip(times, shares, strict=True))]
    found = document(PipelineOutput(repetitions=reps[:2]), PipelineOutput(repetitions=reps[2:]))
    sets = [(s["movement"], s["start_s"], s["end_s"], s["repetitions"]) for s in found["sets"]]
    assert sets == [
        ("bend", 0.0, 30.9, 3),
        ("squat", 32.0, 35.0, 1),
        ("squat", 60.0, 63.0, 1),
        ("bend", 65.0, 68.0, 1),
    ]
    assert found["sets"][0]["lumbar_share_of_trunk_median"] == 0.5
    assert "lumbar_share_of_trunk_on_thigh_median" not in found["sets"][0]
    assert found["repetitions"] == 6


def test_a_number_of_a_single_repetition_is_none_of_its_set() -> None:
    reps = [
        repetition(0, 0.0, lumbar_rom_deg=40.0, hip_left_rom_deg=50.0),
        repetition(1, 5.0, lumbar_rom_deg=44.0),
        repetition(2, 10.0, lumbar_rom_deg=45.0),
    ]
    (found,) = document(PipelineOutput(repetitions=reps))["sets"]
    assert (found["metrics"]["lumbar_rom_deg"]["median"], found["metrics"]["lumbar_rom_deg"]["repetitions"]) == (44.0, 3)
    assert "hip_left_rom_deg" not in found["metrics"]


def test_exposure_in_zones() -> None:
    """Seconds of lumbar flexion; a border belongs to the zone above; missing ticks belong to none."""
    rows = lumbar_rows(*[-5.0] * 100, *[19.99] * 50, *[20.01] * 30, *[45.0] * 20, *[60.01] * 10, *[np.nan] * 500)
    found = document(PipelineOutput(angles=[rows]), PipelineOutput(angles=[lumbar_rows(70.0, start_s=8.0)]))
    assert found["exposure"]["lumbar_flexion_s"] == {"below_20": 1.5, "20_to_40": 0.3, "40_to_60": 0.2, "above_60": 0.11}
    assert found["duration_s"] == 8.0


def test_lifts_in_the_first_hour_after_rising(tmp_path: Path) -> None:
    """A mark at a negative time in session.toml tells when the athlete got up; without it nothing is said."""
    lifts = PipelineOutput(repetitions=[repetition(0, 10.0), repetition(1, 1190.0), repetition(2, 1300.0)])
    assert "lifts_in_first_hour" not in document(lifts)["exposure"]
    write_session_toml(replace(SESSION, marks=(SessionMark(-2400.0, "rising"),)), tmp_path / "session.toml")
    session = read_session_toml(tmp_path / "session.toml")
    assert document(lifts, session=session)["exposure"]["lifts_in_first_hour"] == [0, 1]


def test_duration_of_a_session_without_angles() -> None:
    rows = OrientationRows("bar", np.array([0.0, 4.5]), np.zeros((2, 4)), np.zeros(2, np.int32))
    session = Session(START, "a", (Sensor(Placement.OTHER, "bar"),))
    empty = SessionFacts({}, {"bar": (SampleCounts(samples=5), 0)}, {}, {}, {}, ())
    found = document(PipelineOutput(orientations=[rows]), session=session, f=empty)
    assert found["duration_s"] == 4.5
    assert found["calibration"] == {}
    assert [warning.split(":")[0] for warning in found["warnings"]] == ["no placement, so no angles"]
    assert found["sensors"]["bar"]["rate_hz"] is None


def test_sensors() -> None:
    counts = SampleCounts(samples=1000, lost=24, saturated=3, gaps=2)
    f = facts(pelvis=(counts, 150))
    found = document(f=f)["sensors"]["pelvis"]
    assert found == {
        "family": "hiphinge-v1",
        "rate_hz": 100.0,
        "samples": 1000,
        "lost": 24,
        "lost_exact": True,
        "saturated": 3,
        "gaps": 2,
        "late_s": 1.5,
        "health": {},
    }


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (facts(pelvis=(SampleCounts(), 0)), "pelvis: no samples at all"),
        (facts(pelvis=(SampleCounts(samples=9, gaps=2), 0)), "pelvis: 2 gap(s) too long to bridge"),
        (facts(pelvis=(SampleCounts(samples=9), 250)), "pelvis: late or silent for 2.5 s"),
        (facts(pelvis=(SampleCounts(samples=9, saturated=7), 0)), "pelvis: 7 sample(s) at the end of the sensor's range"),
        (facts(device={"pelvis": {"refused": "speaks protocol 9"}}), "pelvis: speaks protocol 9"),
        (facts(reports=()), "not calibrated"),
        (
            facts(reports=(*REPORTS[1:], AlignmentReport("lumbar", "none", 0.0, ("no bends",), 0.0))),
            "lumbar: not aligned (no bends)",
        ),
        (
            facts(reports=(*REPORTS[1:], AlignmentReport("lumbar", "m", 0.31, ("much sway",), 0.0))),
            "lumbar: alignment of low confidence 0.31 (much sway)",
        ),
    ],
)
def test_warnings(f: SessionFacts, says: str) -> None:
    """Each trouble is said once, and nothing else is."""
    warnings = document(f=f)["warnings"]
    assert len(warnings) == 1
    assert says in warnings[0]


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        (Quality.HEADING_UNKNOWN, "heading was not known"),
        (Quality.FAST, "faster than"),
        (Quality.DEVICE_ORIENTATION, "own filters"),
    ],
)
def test_flags_that_last_are_said(flag: Quality, says: str) -> None:
    long = document(PipelineOutput(angles=[lumbar_rows(*[0.0] * 300, quality=int(flag))]))["warnings"]
    assert [says in w and "3 s" in w for w in long] == [True]
    short = document(PipelineOutput(angles=[lumbar_rows(*[0.0] * 90, quality=int(flag))]))["warnings"]
    assert short == []


@pytest.mark.parametrize(
    ("worn", "says"),
    [
        ((Placement.LUMBAR, Placement.THIGH_LEFT), ("cannot be separated", "raised left knee cannot be told from a squat")),
        ((Placement.LUMBAR,), ("lumbar flexion cannot be computed; trunk inclination is there; without a thigh",)),
        ((Placement.PELVIS,), ("lumbar shares cannot be computed; pelvis tilt is there; without a thigh",)),
        ((Placement.PELVIS, Placement.THIGH_LEFT, Placement.THIGH_RIGHT), ("no lumbar sensor",)),
        ((Placement.LUMBAR, Placement.PELVIS, Placement.THIGH_RIGHT), ("no left thigh sensor: the left hip cannot",)),
        ((Placement.LUMBAR, Placement.PELVIS), ("so all are called a bend, with low confidence",)),
        ((Placement.THIGH_LEFT, Placement.THIGH_RIGHT), ("no sensor on the trunk: lumbar spine, hips and repetitions",)),
    ],
)
def test_what_a_kit_cannot_tell(worn: tuple[Placement, ...], says: tuple[str, ...]) -> None:
    session = Session(START, "a", tuple(Sensor(p) for p in worn))
    reports = tuple(r for r in REPORTS if r.placement in worn)
    warnings = document(session=session, f=facts(reports=reports))["warnings"]
    assert [words in said for words, said in zip(says, warnings, strict=True)] == [True] * len(says)


def test_no_word_of_a_diagnosis() -> None:
    """The program measures and compares."""
    text = json.dumps(document(PipelineOutput(repetitions=[repetition(0, 1.0, lumbar_share_of_trunk=0.95)])))
    assert not [word for word in ("safe", "danger", "injur", "risk", "healthy", "abnormal") if word in text.lower()]


@pytest.mark.parametrize(("ticks", "told"), [(100, False), (101, True)])
def test_late_for_more_than_a_second_is_said(ticks: int, told: bool) -> None:
    found = document(f=facts(pelvis=(SampleCounts(samples=9), ticks)))
    assert any("late or silent" in warning for warning in found["warnings"]) == told


@pytest.mark.parametrize(("ticks", "told"), [(100, False), (101, True)])
def test_a_flag_of_more_than_a_second_is_said(ticks: int, told: bool) -> None:
    found = document(PipelineOutput(angles=[lumbar_rows(*[0.0] * ticks, quality=int(Quality.SLIPPED))]))
    assert any("may have slipped" in warning for warning in found["warnings"]) == told


def test_an_alignment_of_less_than_a_half_is_of_low_confidence() -> None:
    for confidence, told in ((0.49, True), (0.51, False)):
        reports = (AlignmentReport("pelvis", "standing and bends", confidence, ("because",), 0.0),)
        assert any("low confidence" in warning for warning in document(f=facts(reports))["warnings"]) == told


def test_findings_are_kept_as_the_last_word_of_each() -> None:
    began = Finding("pelvis", Cause.FROZEN, 3.0, 3.2, "its samples repeat", "Look at the sensor.")
    ended = replace(began, until_s=5.0)
    other = Finding("lumbar", Cause.OFF_BODY, 1.0, 4.0, "it is off the body", "Put it on.")
    found = document(PipelineOutput(findings=[began]), PipelineOutput(), PipelineOutput(findings=[other, ended]))
    assert [(f["placement"], f["since_s"], f["until_s"]) for f in found["findings"]] == [
        ("lumbar", 1.0, None),
        ("pelvis", 3.0, 5.0),
    ]
