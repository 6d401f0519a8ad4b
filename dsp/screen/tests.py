"""The measures of the hip screen's tests, from a session's repetitions of each kind and side.

For each test the median over the scored repetitions (`dsp.day.scoring`) and their spread (`dsp.day.sets.over_set`); fewer
than three are not scored. Tests, numbers and formulas: docs/screen.md; hip flexion is true flexion, pelvis to femur.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from body_signals import SCREEN_MEASURES
from body_signals.movements import KIND_OF_TEST, SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH
from dsp.day.scoring import NOT_MEASURED, SPOILT, Group, scored, two_groups
from dsp.day.sets import FEWEST, SIDES, OverSet, over_set, raised
from dsp.results import Repetition
from dsp.rhythm.metrics import BENT_KNEE, FULL_BEND

FEWEST_LYING = 2
"""Fewest repetitions of a hip extension: the hip check has two of each leg, because lying down takes its time (ours)."""


def fewest(test: str) -> int:
    """Fewest scored repetitions of a test for a valid median."""
    return FEWEST_LYING if test == "hip_extension" else FEWEST


@dataclass(frozen=True, slots=True)
class ScreenTest:
    """One test, on one side where it has sides. measures: by the names of `SCREEN_MEASURES`; repetitions: number scored;
    left_out: number not scored, by reason; with_slack: number of scored ones in which the lumbar spine left its start.
    missing: for each measure, the number of scored repetitions without it, by reason. groups: for each share, the two groups
    that it falls into."""

    test: str
    side: str
    measures: Mapping[str, OverSet]
    repetitions: int
    left_out: Mapping[str, int]
    with_slack: int = 0
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Group, Group]] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether there are enough repetitions."""
        return self.repetitions >= fewest(self.test)

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
    """The session's largest flexions, degrees: lumbar in forward bends, hip with a bent knee; NaN where there was none."""

    lumbar: float
    left: float
    right: float

    @classmethod
    def of(cls, repetitions: Sequence[Repetition]) -> _Most:
        sound = [r for r in repetitions if not r.quality & SPOILT]

        def most(kinds: Sequence[str], name: str) -> float:
            return max((r.metrics[name] for r in sound if r.movement in kinds and name in r.metrics), default=math.nan)

        return cls(most(FULL_BEND, "lumbar_peak_deg"), *(most(BENT_KNEE, f"hip_{side}_peak_deg") for side in SIDES))


_Number = tuple[float, float]
"""A number and its standard uncertainty, NaN where it is not known."""
_Measured = Callable[[Mapping[str, float], str, _Most], dict[str, _Number]]


def _get(metrics: Mapping[str, float], name: str) -> _Number:
    """A metric and its uncertainty; a peak has the uncertainty of the range."""
    stem = name.removesuffix("_deg")
    sd = f"{name}_sd" if stem == name else f"{stem.replace('_apparent', '').replace('_peak', '_rom')}_sd_deg"
    return metrics.get(name, math.nan), metrics.get(sd, math.nan)


def _less(a: _Number, b: _Number) -> _Number:
    return a[0] - b[0], math.hypot(a[1], b[1])


def _part(of: _Number, whole: float) -> _Number:
    return of[0] / whole, of[1] / whole


def _bend(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    share = "lumbar_share_of_trunk"
    as_they_are = ("lumbar_rom_deg", "pelvis_rom_deg", "trunk_rom_deg", share, "onset_delay_s", "descent_s")
    return {name: _get(m, name) for name in as_they_are} | {
        "late_rise": _less(_get(m, f"{share}_late"), _get(m, f"{share}_early"))
    }


def _bow(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    slack = "slack_onset_trunk_deg"
    return {"slack_deg": _get(m, slack if slack in m else "trunk_peak_deg"), "trunk_rom_deg": _get(m, "trunk_rom_deg")}


def _knee_raise(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    (pelvis, pelvis_sd), (hip, hip_sd) = _get(m, "pelvis_rom_deg"), _get(m, f"hip_{side}_rom_deg")
    way = pelvis + hip
    none = (math.nan, math.nan)
    return {
        "hip_peak_deg": _get(m, f"hip_{side}_peak_deg"),
        "apparent_peak_deg": _get(m, f"hip_{side}_apparent_peak_deg"),
        "pelvis_share": (pelvis / way, math.hypot(hip * pelvis_sd, pelvis * hip_sd) / way**2) if way > 0.0 else none,
        "lumbar_rom_deg": _get(m, "lumbar_rom_deg"),
    }


def _rock_back(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    if not side:
        return {name: _get(m, name) for name in ("lumbar_rom_deg", "slack_slope_after")}
    range_deg = _get(m, f"hip_{side}_rom_deg")
    start = m.get(f"hip_{side}_peak_deg", math.nan) - range_deg[0]
    onset, sd = _get(m, f"slack_onset_{side}_deg")
    # without a lumbar sensor nobody knows whether it gave way
    whole = range_deg if "lumbar_rom_deg" in m else (math.nan, math.nan)
    return {"excursion_deg": whole if math.isnan(onset) else (onset - start, sd), "hip_rom_deg": range_deg}


def _hip_extension(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    """True extension where the thigh is furthest down: the range that it came, less the flexion from which it came."""
    range_deg, sd = _get(m, f"hip_{side}_rom_deg")
    return {
        "hip_extension_deg": (range_deg - m.get(f"hip_{side}_peak_deg", math.nan), sd),
        "pelvis_tilt_change_deg": _get(m, "pelvis_rom_deg"),
    }


def _sit_to_stand(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    share = "lumbar_share_of_trunk_on_thigh"
    return {share: _get(m, share), "lumbar_use": _part(_get(m, "lumbar_peak_deg"), most.lumbar)}


def _squat(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    if not side:
        use = _part(_get(m, "lumbar_peak_deg"), most.lumbar)
        return {"lumbar_use": use, "butt_wink_deg": (m.get("butt_wink_deg", math.nan), m.get("pelvis_rom_sd_deg", math.nan))}
    hip = _get(m, f"hip_{side}_peak_deg")
    return {"hip_peak_deg": hip, "hip_use": _part(hip, most.left if side == "left" else most.right)}


def _deadlift(m: Mapping[str, float], side: str, most: _Most) -> dict[str, _Number]:
    named = _squat(m, side, most)
    return {name: named[name] for name in ("hip_use" if side else "lumbar_use",)}


_MEASURED: dict[str, _Measured] = {
    "bend": _bend,
    "bow": _bow,
    "knee_raise": _knee_raise,
    "rock_back": _rock_back,
    "hip_extension": _hip_extension,
    "sit_to_stand": _sit_to_stand,
    "squat": _squat,
    "deadlift": _deadlift,
}
SHARES = (SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH)
_SLACK = {"bow": "slack_onset_trunk_deg", "rock_back": "slack_onset_deg"}
"""The metric that a repetition has if the lumbar spine left its start."""


def measured_tests(repetitions: Sequence[Repetition]) -> tuple[ScreenTest, ...]:
    """The tests with at least one repetition in the session, in the order of `SCREEN_MEASURES`."""
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
    # no test for a hip without a sensor
    return _with_difference([t for t in found if t.repetitions or set(t.left_out) != {NOT_MEASURED}])


def _test(test: str, side: str, of_kind: Sequence[Repetition], most: _Most) -> ScreenTest:
    numbers = {id(r): _MEASURED[test](r.metrics, side, most) for r in of_kind}

    def whole(r: Repetition) -> bool:
        return not side or all(math.isfinite(value) for value, _ in numbers[id(r)].values())

    found = scored(of_kind, whole)
    names = [m.name for m in SCREEN_MEASURES if (m.test, m.side) == (test, side)]
    measures, missing, groups = {}, {}, {}
    for name in names:
        values, sds = zip(*(numbers[id(r)][name] for r in found.counted), strict=True) if found.counted else ((), ())
        over = over_set(values, sds)
        measures[name] = replace(over, valid=over.count >= fewest(test))
        if name in SHARES and measures[name].count < len(found.counted):
            missing[name] = dict(Counter(_why(r, name) for r in found.counted if name not in r.metrics))
        if name in SHARES and (two := two_groups(found.usable, name)):
            groups[name] = two
    with_slack = sum(_SLACK[test] in r.metrics for r in found.counted) if test in _SLACK else 0
    return ScreenTest(test, side, measures, len(found.counted), found.left_out, with_slack, missing, groups)


def _why(r: Repetition, share: str) -> str:
    """Why a repetition lacks a share."""
    said = dict(part.split(": ", 1) for part in r.missing_shares.split("; ") if part)
    return said.get(share, NOT_MEASURED)


def _with_difference(tests: Sequence[ScreenTest]) -> tuple[ScreenTest, ...]:
    """The tests, plus the difference of the hips where both knees were raised."""
    sides = {t.side: t for t in tests if t.test == "knee_raise"}
    if set(sides) != set(SIDES):
        return tuple(tests)
    left, right = (sides[side].measures["hip_peak_deg"] for side in SIDES)
    count = min(left.count, right.count)
    difference = OverSet(left.median - right.median, math.hypot(left.spread, right.spread), count, left.valid and right.valid)
    between = ScreenTest("knee_raise", "", {"hip_difference_deg": difference}, count, {})
    last = max(i for i, t in enumerate(tests) if t.test == "knee_raise")
    return (*tests[: last + 1], between, *tests[last + 1 :])


def read_tests(documents: Iterable[Mapping[str, Any]]) -> tuple[ScreenTest, ...]:
    """The tests of a screen from their entries in summary.json; what a former version did not write is empty."""

    def number(value: float | None) -> float:
        return math.nan if value is None else value

    return tuple(
        ScreenTest(
            one["test"],
            one["side"],
            {
                name: OverSet(number(m["median"]), number(m["spread"]), m["repetitions"], m["valid"])
                for name, m in one["measures"].items()
            },
            one["repetitions"],
            one.get("left_out", {}),
            one.get("with_slack", 0),
            one.get("missing", {}),
            {
                name: (Group(number(a["median"]), tuple(a["repetitions"])), Group(number(b["median"]), tuple(b["repetitions"])))
                for name, (a, b) in one.get("groups", {}).items()
            },
        )
        for one in documents
    )
