"""The tests of the hip screen, measured: what a session's repetitions of each kind say, side by side.

Per test the median over the repetitions that are scored and their spread (`dsp.day.sets.over_set`); fewer than three are not
scored. Left out are repetitions with a hole, a slipped sensor or a sensor at the end of its range, those whose kind is not
sure for want of a thigh sensor, the first of a set of four or more (shown, not scored), bends that are partial beside the
session's deepest, and, of a test that has sides, those in which that side was not measured. Tests, numbers and formulas:
docs/screen.md; hip flexion is true flexion, pelvis to femur.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from body_signals import SCREEN_MEASURES, Quality
from body_signals.movements import KIND_OF_TEST
from dsp.day.sets import FEWEST, OverSet, over_set, sets_of
from dsp.repetitions.kind import CANNOT_TELL
from dsp.results import Repetition
from dsp.rhythm.metrics import BENT_KNEE, FULL_BEND

NOT_TRUE = {
    Quality.OFF_BODY: "a sensor was off the body",
    Quality.IMPLAUSIBLE: "numbers that cannot be true",
    Quality.CLOCK_DISAGREES: "a sensor's clock disagrees",
}
"""What makes a repetition's numbers untrue, and why it is not scored then."""
SPOILT = (
    Quality.UNCALIBRATED
    | Quality.GAP
    | Quality.SATURATED
    | Quality.SLIPPED
    | Quality.OFF_BODY
    | Quality.IMPLAUSIBLE
    | Quality.CLOCK_DISAGREES
)
"""A repetition with any of these is not scored."""
SET_WITH_TRIAL = 4
"""Of a set of so many the first repetition is a trial, unless it is needed."""
STANDING_DEG = 40.0
"""The hip of the standing leg moves by less, with the pelvis alone; that of the raised knee by more."""
FULL_SHARE = 0.75
"""A bend is a full one when its trunk range is at least this part of the session's largest."""
SIDES = ("left", "right")
BAD_QUALITY, NOT_SURE, TRIAL, PARTIAL = "bad quality", "kind not sure", "first of its set", "partial"
NOT_MEASURED = "not measured"
"""Why a repetition is not scored."""


@dataclass(frozen=True, slots=True)
class ScreenTest:
    """One test, of one side where it has sides. measures: by the names of `SCREEN_MEASURES`; repetitions: how many were
    scored; left_out: how many were not, by reason; with_slack: in how many of those scored the lumbar spine left its start."""

    test: str
    side: str
    measures: Mapping[str, OverSet]
    repetitions: int
    left_out: Mapping[str, int]
    with_slack: int = 0

    @property
    def valid(self) -> bool:
        """Whether there are enough repetitions."""
        return self.repetitions >= FEWEST

    @property
    def gives_way(self) -> bool:
        """Whether the lumbar spine left its start in most of them."""
        return 2 * self.with_slack > self.repetitions

    def value(self, name: str) -> float:
        """Median of a measure; NaN where there are too few repetitions with it."""
        found = self.measures.get(name)
        return found.median if found is not None and found.valid else math.nan


@dataclass(frozen=True, slots=True)
class _Most:
    """The most of the session, degrees: lumbar flexion in forward bends, hip flexion with a bent knee; NaN where none was."""

    lumbar: float
    left: float
    right: float

    @classmethod
    def of(cls, repetitions: Sequence[Repetition]) -> _Most:
        sound = [r for r in repetitions if not r.quality & SPOILT]

        def most(kinds: Sequence[str], name: str) -> float:
            return max((r.metrics[name] for r in sound if r.movement in kinds and name in r.metrics), default=math.nan)

        return cls(most(FULL_BEND, "lumbar_peak_deg"), *(most(BENT_KNEE, f"hip_{side}_peak_deg") for side in SIDES))


_Measured = Callable[[Mapping[str, float], str, _Most], dict[str, float]]


def _get(metrics: Mapping[str, float], name: str) -> float:
    return metrics.get(name, math.nan)


def _bend(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    share = "lumbar_share_of_trunk"
    as_they_are = ("lumbar_rom_deg", "pelvis_rom_deg", "trunk_rom_deg", share, "onset_delay_s", "descent_s")
    return {name: _get(m, name) for name in as_they_are} | {"late_rise": _get(m, f"{share}_late") - _get(m, f"{share}_early")}


def _bow(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    slack = m.get("slack_onset_trunk_deg", _get(m, "trunk_peak_deg"))
    return {"slack_deg": slack, "trunk_rom_deg": _get(m, "trunk_rom_deg")}


def _knee_raise(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    pelvis, hip = _get(m, "pelvis_rom_deg"), _get(m, f"hip_{side}_rom_deg")
    return {
        "hip_peak_deg": _get(m, f"hip_{side}_peak_deg"),
        "apparent_peak_deg": _get(m, f"hip_{side}_apparent_peak_deg"),
        "pelvis_share": pelvis / (pelvis + hip) if pelvis + hip > 0.0 else math.nan,
        "lumbar_rom_deg": _get(m, "lumbar_rom_deg"),
    }


def _rock_back(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    if not side:
        return {name: _get(m, name) for name in ("lumbar_rom_deg", "slack_slope_after")}
    range_deg = _get(m, f"hip_{side}_rom_deg")
    start = _get(m, f"hip_{side}_peak_deg") - range_deg
    return {"excursion_deg": m.get(f"slack_onset_{side}_deg", start + range_deg) - start, "hip_rom_deg": range_deg}


def _sit_to_stand(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    share = "lumbar_share_of_trunk_on_thigh"
    return {share: _get(m, share), "lumbar_use": _get(m, "lumbar_peak_deg") / most.lumbar}


def _squat(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    if not side:
        return {"lumbar_use": _get(m, "lumbar_peak_deg") / most.lumbar, "butt_wink_deg": _get(m, "butt_wink_deg")}
    hip = _get(m, f"hip_{side}_peak_deg")
    return {"hip_peak_deg": hip, "hip_use": hip / (most.left if side == "left" else most.right)}


def _deadlift(m: Mapping[str, float], side: str, most: _Most) -> dict[str, float]:
    named = _squat(m, side, most)
    return {name: named[name] for name in ("hip_use" if side else "lumbar_use",)}


_MEASURED: dict[str, _Measured] = {
    "bend": _bend,
    "bow": _bow,
    "knee_raise": _knee_raise,
    "rock_back": _rock_back,
    "sit_to_stand": _sit_to_stand,
    "squat": _squat,
    "deadlift": _deadlift,
}
_SLACK = {"bow": "slack_onset_trunk_deg", "rock_back": "slack_onset_deg"}
"""What a repetition has when the lumbar spine left its start."""


def measured_tests(repetitions: Sequence[Repetition]) -> tuple[ScreenTest, ...]:
    """The tests that a session has at least one repetition of, in the order of `SCREEN_MEASURES`."""
    most = _Most.of(repetitions)
    found: list[ScreenTest] = []
    for test, side in dict.fromkeys((m.test, m.side) for m in SCREEN_MEASURES):
        kind = KIND_OF_TEST[test]
        of_kind = [r for r in repetitions if r.movement == kind.name]
        if kind.one_leg:
            # the difference of both sides comes last
            of_kind = [r for r in of_kind if side and raised(r) in (side, "")]
        if of_kind:
            found.append(_test(test, side, of_kind, most))
    # a hip without a sensor is no test
    return _with_difference([t for t in found if t.repetitions or set(t.left_out) != {NOT_MEASURED}])


def raised(repetition: Repetition) -> str:
    """The side of a knee raise: that of the hip that moved more; where one was not measured, the other tells by itself. Empty
    where neither was."""
    if not any(f"hip_{side}_rom_deg" in repetition.metrics for side in SIDES):
        return ""
    left, right = (repetition.metrics.get(f"hip_{side}_rom_deg", STANDING_DEG) for side in SIDES)
    return "left" if left >= right else "right"


def _test(test: str, side: str, of_kind: Sequence[Repetition], most: _Most) -> ScreenTest:
    usable, left_out = _usable(test, of_kind)
    rows = {r.index: _MEASURED[test](r.metrics, side, most) for r in usable}
    whole = [r for r in usable if not side or all(math.isfinite(v) for v in rows[r.index].values())]
    trials = {group[0].index for group in sets_of(of_kind) if len(group) >= SET_WITH_TRIAL}
    scored = [r for r in whole if r.index not in trials]
    if len(scored) < FEWEST:
        scored = whole
    left_out |= {NOT_MEASURED: len(usable) - len(whole), TRIAL: len(whole) - len(scored)}
    names = [m.name for m in SCREEN_MEASURES if (m.test, m.side) == (test, side)]
    with_slack = sum(_SLACK[test] in r.metrics for r in scored) if test in _SLACK else 0
    measures = {name: over_set([rows[r.index][name] for r in scored]) for name in names}
    return ScreenTest(test, side, measures, len(scored), {why: n for why, n in left_out.items() if n}, with_slack)


def _usable(test: str, of_kind: Sequence[Repetition]) -> tuple[list[Repetition], dict[str, int]]:
    """The repetitions that may be scored, and how many may not, by reason."""
    full = FULL_SHARE * max((r.metrics.get("trunk_rom_deg", 0.0) for r in of_kind if not r.quality & SPOILT), default=0.0)
    usable, left_out = [], Counter[str]()
    for r in of_kind:
        if r.quality & SPOILT:
            left_out[next((why for flag, why in NOT_TRUE.items() if r.quality & flag), BAD_QUALITY)] += 1
        elif r.movement_confidence <= CANNOT_TELL and not all(f"hip_{hip}_rom_deg" in r.metrics for hip in SIDES):
            left_out[NOT_SURE] += 1
        elif KIND_OF_TEST[test].full_bend and r.metrics.get("trunk_rom_deg", full) < full:
            left_out[PARTIAL] += 1
        else:
            usable.append(r)
    return usable, dict(left_out)


def _with_difference(tests: Sequence[ScreenTest]) -> tuple[ScreenTest, ...]:
    """The tests, and the difference of the hips where the knees of both sides were raised."""
    sides = {t.side: t for t in tests if t.test == "knee_raise"}
    if set(sides) != set(SIDES):
        return tuple(tests)
    left, right = (sides[side].measures["hip_peak_deg"] for side in SIDES)
    count = min(left.count, right.count)
    difference = OverSet(left.median - right.median, math.hypot(left.spread, right.spread), count, left.valid and right.valid)
    between = ScreenTest("knee_raise", "", {"hip_difference_deg": difference}, count, {})
    last = max(i for i, t in enumerate(tests) if t.test == "knee_raise")
    return (*tests[: last + 1], between, *tests[last + 1 :])
