"""The hip screen: a session's tests against the limits of `body_signals.limits`, and the pattern that they agree on.

    low hips, knee bent      rock-back gives way early, or true hip flexion is small in the knee raise
    low hips, knee straight  pelvis range of the bend is small, or the bow gives way early
    lumbar takes over        lumbar share of the bend is large, or rises late in it, or the pelvis begins late, or a hip is used
                             little while the lumbar spine is used much (squat, deadlift)

    1 repeat                 the bend was not scored, or the lumbar spine takes over and the hips were not tested
    2 hip-limited            low hips and lumbar takes over; the side is named
    3 posterior chain        low hips with the knee straight only, and lumbar takes over
    4 movement control       neither is low, two limits say that the lumbar spine takes over
    5 guarded                lumbar range is small, and its share is small or the bend is slow
    6 no dominant pattern    and every test that could have shown one was done: the bend, and of both hips the knee raise and
                             the rock-back; else there is no pattern, and the screen says what was not tested

One limit alone names no pattern: each flags one in ten by construction. The confidence counts the limits that agree, and their
exercises. Borderline: the pattern would be another one without the numbers within the minimal detectable change of their limit,
or if hips that are nearly low counted as low. The screen compares and names; it does not diagnose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from body_signals import LIMITS, Limit
from dsp.day.scoring import TRIAL
from dsp.day.sets import SIDES
from dsp.results import Repetition
from dsp.screen.tests import ScreenTest, measured_tests


class Pattern(IntEnum):
    """The pattern on which the tests agree; the numbers are those of docs/screen.md."""

    REPEAT = 1
    HIP_LIMITED = 2
    POSTERIOR_CHAIN = 3
    MOVEMENT_CONTROL = 4
    GUARDED = 5
    NONE = 6


PATTERN_WORDS: dict[Pattern, str] = {
    Pattern.REPEAT: "repeat: the tests do not suffice",
    Pattern.HIP_LIMITED: "hip-limited: the hips run out, the lumbar spine takes up the slack",
    Pattern.POSTERIOR_CHAIN: "posterior chain limited (hamstrings): the pelvis stops early with straight knees",
    Pattern.MOVEMENT_CONTROL: "movement control: the range of the hips is there and not used",
    Pattern.GUARDED: "lumbar spine guarded: it moves little",
    Pattern.NONE: "no dominant pattern today",
}
NOT_SCREENED = "not screened: none of the tests was done"
NOT_TESTED = "not tested"

CRITERIA: tuple[tuple[str, str, str], ...] = (
    ("bend_share_high", "bend", "lumbar_share_of_trunk"),
    ("bend_share_low", "bend", "lumbar_share_of_trunk"),
    ("bend_late_rise", "bend", "late_rise"),
    ("bend_onset_delay_s", "bend", "onset_delay_s"),
    ("bend_lumbar_low_deg", "bend", "lumbar_rom_deg"),
    ("bend_lumbar_high_deg", "bend", "lumbar_rom_deg"),
    ("bend_pelvis_low_deg", "bend", "pelvis_rom_deg"),
    ("bend_pelvis_high_deg", "bend", "pelvis_rom_deg"),
    ("bend_trunk_low_deg", "bend", "trunk_rom_deg"),
    ("bend_trunk_high_deg", "bend", "trunk_rom_deg"),
    ("bend_descent_s", "bend", "descent_s"),
    ("bow_slack_deg", "bow", "slack_deg"),
    ("knee_raise_hip_deg", "knee_raise", "hip_peak_deg"),
    ("knee_raise_difference_deg", "knee_raise", "hip_difference_deg"),
    ("rock_back_slack_deg", "rock_back", "excursion_deg"),
    ("hip_use", "squat", "hip_use"),
    ("squat_butt_wink_deg", "squat", "butt_wink_deg"),
    ("hip_use", "deadlift", "hip_use"),
    ("deadlift_lumbar_use", "deadlift", "lumbar_use"),
    ("sit_to_stand_share", "sit_to_stand", "lumbar_share_of_trunk_on_thigh"),
)
"""Limit, test, and the measure that is compared; for both sides where the test has sides."""
LOW_HIPS = frozenset({"rock_back_slack_deg", "knee_raise_hip_deg"})
LOW_STRAIGHT = frozenset({"bend_pelvis_low_deg", "bow_slack_deg"})
LUMBAR_TAKES = frozenset({"bend_share_high", "bend_late_rise", "bend_onset_delay_s", "hip_use"})
SMALL, GUARDS = "bend_lumbar_low_deg", frozenset({"bend_share_low", "bend_descent_s"})
NEEDED = "bend_share_high"
"""Without the bend's share no pattern is decided."""
WITH_SLACK = {"bow": "bow", "rock_back": "rock-back"}
"""Tests for where the lumbar spine gives way; it may not have done so."""
OWN = frozenset({"bend", "bow", "knee_raise", "rock_back"})
"""Without any of these tests there is no screen."""
HIP_TESTS: tuple[tuple[str, str], ...] = (("knee_raise_hip_deg", "knee raise"), ("rock_back_slack_deg", "rock-back"))
"""Either could show low hips that the other does not. So *no pattern* is known only with both tests, on both sides."""
AGREE = 2
"""Fewest limits that must support a pattern (ours): one alone flags one in ten people."""
MANY = 3
"""Number of agreeing limits for a high confidence (ours)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A number and its limit. beyond: it is on the far side; borderline: within the margin of the limit."""

    limit: Limit
    test: str
    side: str
    measure: str
    number: float
    beyond: bool
    borderline: bool


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen of a session: its tests, the comparisons, and the pattern; None where no test was done. side: left, right or
    both, empty where the pattern has none. support: the findings that support it. otherwise: the pattern with the borderline
    numbers on the other side."""

    tests: tuple[ScreenTest, ...]
    findings: tuple[Finding, ...]
    pattern: Pattern | None
    side: str
    support: tuple[Finding, ...]
    otherwise: tuple[Pattern, ...]
    notes: tuple[str, ...]
    untested: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The pattern in words, its side with it."""
        if self.pattern is None:
            return self._not_tested if any(t.test in OWN for t in self.tests) else NOT_SCREENED
        return PATTERN_WORDS[self.pattern] + (f" ({_side_words(self.side)})" if self.side else "")

    @property
    def _not_tested(self) -> str:
        return f"{NOT_TESTED}: {', '.join(self.untested)}"

    @property
    def otherwise_words(self) -> tuple[str, ...]:
        """The alternative patterns, in words; *no pattern* only where that was tested."""
        none = self._not_tested if self.untested else PATTERN_WORDS[Pattern.NONE]
        return tuple(none if p is Pattern.NONE else PATTERN_WORDS[p] for p in self.otherwise)

    @property
    def agreeing(self) -> int:
        """Number of limits that support the pattern."""
        return len({(f.limit.name, f.test) for f in self.support})

    @property
    def confidence(self) -> str:
        """high: at least three limits from at least two exercises; moderate: two, from two exercises; else low.

        One step less for a borderline pattern.
        """
        if self.pattern in (None, Pattern.REPEAT, Pattern.NONE):
            return ""
        steps = ("low", "moderate", "high")
        several = len({f.test for f in self.support}) > 1
        step = (2 if self.agreeing >= MANY else 1) if several else 0
        return steps[max(0, step - bool(self.otherwise))]

    def document(self) -> dict[str, object]:
        """The entry in summary.json; an unknown number is null."""
        return {
            "tests": [_test_document(t) for t in self.tests],
            "limits": [
                {
                    "name": f.limit.name,
                    "test": f.test,
                    "side": f.side,
                    "measure": f.measure,
                    "number": _rounded(f.number),
                    "limit": f.limit.value,
                    "above": f.limit.above,
                    "unit": f.limit.unit,
                    "beyond": f.beyond,
                    "borderline": f.borderline,
                    "meaning": f.limit.meaning,
                    "source": f.limit.source,
                    "proposal": f.limit.proposal,
                }
                for f in self.findings
            ],
            "pattern": None if self.pattern is None else int(self.pattern),
            "pattern_words": self.words,
            "side": self.side,
            "agreeing": self.agreeing,
            "confidence": self.confidence,
            "borderline": bool(self.otherwise),
            "otherwise": list(self.otherwise_words),
            "untested": list(self.untested),
            "notes": list(self.notes),
        }


def screen_of(repetitions: Sequence[Repetition], limits: Mapping[str, Limit] | None = None) -> Screen:
    """The screen of one estimator's repetitions of a session. limits: by name, those of `body_signals.limits` unless others are
    set (`body_signals.limits.limits_with`)."""
    tests = measured_tests(repetitions)
    findings, notes = _compared(tests, {limit.name: limit for limit in LIMITS} if limits is None else limits)
    notes += [*_too_few(tests), *_left_out(tests), *_groups(tests)]
    if not any(t.test in OWN for t in tests):
        return Screen(tests, findings, None, "", (), (), tuple(notes))
    pattern, support, why = _decide(findings)
    others = [_decide(_without_borderline(findings))[0], _decide(_nearly_low(findings))[0]]
    otherwise = tuple(dict.fromkeys(p for p in others if p is not pattern)) if pattern is not Pattern.REPEAT else ()
    side = _side(support, findings) if pattern is Pattern.HIP_LIMITED else ""
    untested = _untested(findings)
    seen = None if pattern is Pattern.NONE and untested else pattern
    return Screen(tests, findings, seen, side, support, otherwise, (*why, *notes), untested)


def _compared(tests: Sequence[ScreenTest], limits: Mapping[str, Limit]) -> tuple[tuple[Finding, ...], list[str]]:
    """Every known number with its limit, and remarks on the unknown ones."""
    findings: list[Finding] = []
    notes: list[str] = []
    by_place = {(t.test, t.side): t for t in tests}
    for name, test, measure in CRITERIA:
        for side in ("", *SIDES):
            place = by_place.get((test, side))
            number = math.nan if place is None else place.value(measure)
            if place is None or not place.valid or not math.isfinite(number):
                continue
            limit = limits[name]
            # a difference counts in either direction
            size = abs(number) if name == "knee_raise_difference_deg" else number
            beyond, borderline = limit.beyond(size), limit.borderline(size)
            if test in WITH_SLACK and not place.gives_way:
                # the movement went this far without giving way: only a lower bound is known
                if beyond or borderline:
                    where = f" ({side})" if side else ""
                    far = f"{WITH_SLACK[test]}{where}: {round(number)}° without giving way"
                    notes.append(f"{far}; go further to tell more")
                    continue
            elif name == "hip_use":
                spine = by_place[(test, "")].value("lumbar_use") if (test, "") in by_place else math.nan
                if not math.isfinite(spine):
                    continue
                borderline = borderline or limits["lumbar_use"].borderline(spine)
                beyond = beyond and limits["lumbar_use"].beyond(spine)
            findings.append(Finding(limit, test, side, measure, number, beyond, borderline))
    return tuple(findings), notes


def _decide(findings: Iterable[Finding]) -> tuple[Pattern, tuple[Finding, ...], tuple[str, ...]]:
    """The pattern, the findings that support it, and why the tests have to be repeated."""
    findings = tuple(findings)
    beyond = [f for f in findings if f.beyond]

    def those(names: Iterable[str]) -> tuple[Finding, ...]:
        return tuple(f for f in beyond if f.limit.name in set(names))

    if not any(f.limit.name == NEEDED for f in findings):
        return Pattern.REPEAT, (), ("the forward bend was not scored, and nothing can be decided without it",)
    hips, straight, takes = those(LOW_HIPS), those(LOW_STRAIGHT), those(LUMBAR_TAKES)
    if hips and takes:
        return Pattern.HIP_LIMITED, (*hips, *takes), ()
    untested = [side for side in SIDES if not any(f.limit.name in LOW_HIPS and f.side == side for f in findings)]
    enough = len({(f.limit.name, f.test) for f in takes}) >= AGREE
    if takes and untested and (straight or enough):
        where = "hips were" if len(untested) > 1 else f"{untested[0]} hip was"
        return Pattern.REPEAT, (), (f"the {where} not tested: three knee raises or rock-backs are needed",)
    if straight and takes:
        return Pattern.POSTERIOR_CHAIN, (*straight, *takes), ()
    if enough:
        return Pattern.MOVEMENT_CONTROL, takes, ()
    small, guards = those((SMALL,)), those(GUARDS)
    if small and guards:
        return Pattern.GUARDED, (*small, *guards), ()
    return Pattern.NONE, (), ()


def _untested(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The hip tests that are not among the findings, in words, with their side where only one side is missing."""
    names = []
    for limit, test in HIP_TESTS:
        missing = [side for side in SIDES if not any((f.limit.name, f.side) == (limit, side) for f in findings)]
        if missing:
            names.append(test if len(missing) == len(SIDES) else f"{test} ({missing[0]})")
    return tuple(names)


def _without_borderline(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that are beyond their limit by less than the margin."""
    return [replace(f, beyond=f.beyond and not f.borderline) for f in findings]


def _nearly_low(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with nearly low hips counted as low."""
    return [replace(f, beyond=f.beyond or (f.borderline and f.limit.name in LOW_HIPS)) for f in findings]


def _side(support: Iterable[Finding], findings: Iterable[Finding]) -> str:
    """The side of the low hips. On all fours one pelvis moves over both hips, so the knee raise decides where it can: by the
    side that is low, or else by the side that is not."""
    low = [f for f in support if f.limit.name in LOW_HIPS]
    raised_far = {f.side for f in findings if f.test == "knee_raise" and f.limit.name in LOW_HIPS and not f.beyond}
    sides = {f.side for f in low}
    told = {f.side for f in low if f.test == "knee_raise"} or sides - raised_far or sides
    return "both" if len(told) > 1 else told.pop()


def _side_words(side: str) -> str:
    return "both sides" if side == "both" else f"{side} side"


def _too_few(tests: Iterable[ScreenTest]) -> list[str]:
    """The tests that were not scored, and why."""
    notes = []
    for t in tests:
        if not t.valid and (t.side or t.test not in ("knee_raise", "rock_back")):
            reasons = "".join(f", {n} left out: {why}" for why, n in t.left_out.items())
            notes.append(f"{_name(t)}: {t.repetitions} of at least 3 repetitions{reasons}; not scored")
    return notes


def _left_out(tests: Iterable[ScreenTest]) -> list[str]:
    """How many repetitions of a scored test are not in its numbers, and why. The trial at the start of each set is not
    mentioned again."""
    notes = []
    for t in tests:
        told = [f"{n} left out: {why}" for why, n in t.left_out.items() if why != TRIAL]
        if t.valid and told:
            of = t.repetitions + sum(t.left_out.values())
            notes.append(f"{_name(t)}: {t.repetitions} of {of} repetitions scored; {', '.join(told)}")
        for measure, reasons in t.missing.items():
            whys = ", ".join(f"{n} {why}" for why, n in reasons.items())
            what = f"{measure.replace('_', ' ')} missing in {sum(reasons.values())} of {t.repetitions} repetitions"
            notes.append(f"{_name(t)}: {what} ({whys})")
    return notes


def _groups(tests: Iterable[ScreenTest]) -> list[str]:
    """Shares that fall into two groups, which a median would not describe."""
    return [
        f"{_name(t)}: {measure.replace('_', ' ')} falls into two groups: "
        + " and ".join(f"{round(100 * g.median)} % (repetitions {', '.join(map(str, g.numbers))})" for g in two)
        for t in tests
        for measure, two in t.groups.items()
    ]


def _name(t: ScreenTest) -> str:
    return f"{t.test.replace('_', ' ')}{f' ({t.side})' if t.side else ''}"


def _test_document(t: ScreenTest) -> dict[str, object]:
    return {
        "test": t.test,
        "side": t.side,
        "repetitions": t.repetitions,
        "with_slack": t.with_slack,
        "left_out": dict(t.left_out),
        "missing": {name: dict(why) for name, why in t.missing.items()},
        "groups": {
            name: [{"median": _rounded(g.median), "repetitions": list(g.numbers)} for g in two]
            for name, two in t.groups.items()
        },
        "valid": t.valid,
        "measures": {
            name: {"median": _rounded(m.median), "spread": _rounded(m.spread), "repetitions": m.count, "valid": m.valid}
            for name, m in t.measures.items()
        },
    }


def _rounded(number: float) -> float | None:
    # no -0
    return round(number, 4) + 0.0 if math.isfinite(number) else None
