"""What the numbers of the hip screen agree on, by exercise.

A pattern needs two tests of different exercises without a shared numerator. Each exercise has one weight, the largest of its
numbers (`Limit.weight`: 1 at the limit, 2 one margin beyond it, at most 3, 0 one margin before it). *Pelvis range small* and
*lumbar share large* are one measurement of the bend, so they count once. A pattern is named where

    two exercises at least speak for it: beyond their limits; for short hips, the second one at least near its limit,
    and the two largest weights reach `NEEDED`; for short hips, a knee raise or rock-back on the near side takes some away.

So two numbers that just touch their limits name nothing. One at its limit and another a little more than a margin beyond its
own do, and one alone never does. `NEEDED` was chosen on drawn people so that few without complaints get a pattern
(benchmarks/clinic.py).

    hip-limited        knee raise (low, or lower than the other), rock-back early, hip extension small; one of these with
                       another, or with a large lumbar share of the bend, or a hip used little while the spine is used much
    posterior chain    bow early; in the bend lumbar share large, or pelvis range small and the spine's not; no hip is short
    movement control   lumbar share of the bend large; share of standing up large; squat; deadlift; no hip is short
    guarded            lumbar range of the bend small, and its share small or the bend slow; lumbar share of standing up small
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from dsp.day.sets import SIDES
from dsp.screen.evidence import DIFFERENCE, Finding


class Pattern(IntEnum):
    """The pattern on which the tests agree; the numbers are those of docs/screen.md."""

    REPEAT = 1
    HIP_LIMITED = 2
    POSTERIOR_CHAIN = 3
    MOVEMENT_CONTROL = 4
    GUARDED = 5
    NONE = 6


CODES: dict[Pattern, str] = {
    Pattern.REPEAT: "repeat",
    Pattern.HIP_LIMITED: "hip_limited",
    Pattern.POSTERIOR_CHAIN: "posterior_chain",
    Pattern.MOVEMENT_CONTROL: "movement_control",
    Pattern.GUARDED: "guarded",
    Pattern.NONE: "nothing_stands_out",
}
"""Codes of the answer; besides them `ONE_TEST` and `NOT_TESTED`."""
ONE_TEST, NOT_TESTED = "one_test", "not_tested"
NEEDED = 3.1
"""Sum of weights that names a pattern (ours, set in benchmarks/clinic.py)."""
ALONE = 4.0 / 3.0
"""Least weight of an exercise that points to a pattern alone: a third of the margin beyond its limit. With every number beyond
a limit four in ten drawn people without complaints would be told that a test points somewhere; so it is a quarter (ours)."""
BELOW, ABOVE = 1.6, 0.8
"""An answer is borderline where nothing is named and the sum is less than the first below `NEEDED`, or where a pattern is named
and the sum is less than the second above it. About the standard error of the sum; wider below: a person whose hip is 20° short
lies around `NEEDED` and must rather be called borderline than missed (ours, set in benchmarks/clinic.py)."""
ROCK_BACK = "rock_back"
HIP_TESTS = ("knee_raise", ROCK_BACK, "hip_extension")
CORE = ("knee_raise", ROCK_BACK)
"""Hip tests with bent knees; *no pattern* is known only with both, on both sides."""
BENT_KNEES: dict[str, frozenset[str]] = {
    "knee_raise": frozenset({"knee_raise_hip_deg", "knee_raise_difference_deg"}),
    "rock_back": frozenset({"rock_back_slack_deg"}),
    "hip_extension": frozenset({"hip_extension_deg"}),
}
HIPS: dict[str, frozenset[str]] = BENT_KNEES | {
    "bend": frozenset({"bend_share_high"}),
    "squat": frozenset({"hip_use"}),
    "deadlift": frozenset({"hip_use"}),
}
STRAIGHT: dict[str, frozenset[str]] = {
    "bow": frozenset({"bow_slack_deg"}),
    "bend": frozenset({"bend_pelvis_low_deg", "bend_share_high"}),
}
CONTROL: dict[str, frozenset[str]] = {
    "bend": frozenset({"bend_share_high"}),
    "sit_to_stand": frozenset({"sit_to_stand_share"}),
    "squat": frozenset({"hip_use"}),
    "deadlift": frozenset({"hip_use", "deadlift_lumbar_use"}),
}
GUARDING: dict[str, frozenset[str]] = {
    "bend": frozenset({"bend_lumbar_low_deg"}),
    "sit_to_stand": frozenset({"sit_to_stand_share_low"}),
}
"""For each pattern its exercises, and the limits of each whose numbers speak for it."""
CLEARS = -1.0
"""A knee raise of this weight, twice its margin before the limit, clears its side (ours)."""
GUARDS = frozenset({"bend_share_low", "bend_descent_s"})
"""A small lumbar range counts as guarding only with one of these."""


@dataclass(frozen=True, slots=True)
class Case:
    """What speaks for a pattern on a side (empty where it has none).

    weights: by exercise; support: the findings that carry them, the strongest exercise first, with what else of it is beyond;
    total: the sum that is compared with `NEEDED`; against: findings of its exercises that speak against it.
    """

    pattern: Pattern
    side: str
    weights: Mapping[str, float]
    support: tuple[Finding, ...]
    total: float
    against: tuple[Finding, ...]

    @property
    def agreeing(self) -> tuple[str, ...]:
        """The exercises that speak for it, the strongest first."""
        return tuple(dict.fromkeys(f.test for f in self.support))

    @property
    def balance(self) -> float:
        """Its strongest weight, less what its other exercises say against it."""
        return max(self.weights.values(), default=0.0) + sum(min(0.0, weight) for weight in self.weights.values())

    @property
    def points(self) -> bool:
        """Whether at least one exercise is beyond its limit; for short hips, a test of the hips."""
        return any(f.beyond for f in self._leading)

    @property
    def points_clearly(self) -> bool:
        """Whether an exercise is far enough beyond its limit to point to a pattern alone."""
        return any(f.beyond and f.weight >= ALONE for f in self._leading)

    @property
    def _leading(self) -> tuple[Finding, ...]:
        """The findings of which one has to be beyond its limit."""
        hips = self.pattern is Pattern.HIP_LIMITED
        return tuple(f for f in self.support if f.test in HIP_TESTS) if hips else self.support

    def named(self, slack: float = 0.0) -> bool:
        """Whether its exercises agree. slack: whether they could, if the sum were larger by this."""
        leads = bool(self._leading) if slack > 0.0 else self.points
        least = 0.0 if slack > 0.0 or self.pattern is Pattern.HIP_LIMITED else 1.0
        enough = sum(weight > 0.0 and weight >= least for weight in self.weights.values()) > 1
        return leads and enough and self.total + slack >= NEEDED


@dataclass(frozen=True, slots=True)
class Decision:
    """pattern: on which the tests agree, None where they do not. case: what speaks for it, or the single test that points to a
    pattern; None where nothing does. otherwise: what measurement error could make of it."""

    pattern: Pattern | None
    case: Case | None
    otherwise: tuple[Pattern, ...]
    why: tuple[str, ...] = ()


def decide(findings: Sequence[Finding]) -> Decision:
    """The pattern on which the findings agree, or the strongest that a single test points to."""
    hips, guarded = _hips(findings), _case(Pattern.GUARDED, _guarding(findings), GUARDING)
    others = (_case(Pattern.POSTERIOR_CHAIN, _straight(findings), STRAIGHT), _case(Pattern.MOVEMENT_CONTROL, findings, CONTROL))
    every = (hips, *others, guarded)
    untested = [side for side in SIDES if not any(f.test in CORE and f.side == side for f in findings)]
    if untested and not hips.named() and any(case.named() for case in others):
        where = "hips were" if len(untested) > 1 else f"{untested[0]} hip was"
        why = f"the {where} not tested: three knee raises or rock-backs are needed"
        return Decision(Pattern.REPEAT, None, (), (why,))
    # where a hip is clearly short with bent knees, what the bend and the bow show may follow from it
    able = () if any(f.beyond and not f.borderline and f.test in CORE for f in hips.support) else others
    named = [case for case in (hips, *able, guarded) if case.named()]
    nearly = [case.pattern for case in every if case.named(BELOW)]
    if named:
        chosen = named[0]
        weak = chosen.total < NEEDED + ABOVE
        instead = [case.pattern for case in named[1:]] or [Pattern.NONE]
        could = [*(p for p in nearly if p is Pattern.HIP_LIMITED), *(instead if weak else ())]
        return Decision(chosen.pattern, chosen, tuple(dict.fromkeys(p for p in could if p is not chosen.pattern)))
    # of two that a number points to alike, movement control: the posterior chain needs the pelvis or the bow
    pointing = [case for case in (hips, *others[::-1], guarded) if case.points_clearly]
    strongest = max(pointing, key=lambda case: (case is hips, case.balance, len(case.support)), default=None)
    return Decision(None, strongest, tuple(dict.fromkeys(nearly)))


def _hips(findings: Sequence[Finding]) -> Case:
    """Short hips, of the side that the tests tell, or of both."""
    cases = {side: _of_side(findings, side) for side in SIDES}
    side = _side(findings)
    if side:
        return cases[side]
    best, other = sorted(cases.values(), key=lambda case: -case.total)
    return replace(best, side="both", support=(*best.support, *(f for f in other.support if f not in best.support)))


def _side(findings: Sequence[Finding]) -> str:
    """The side of short hips; empty where both are, or where nothing tells.

    On all fours one pelvis moves over both hips, so the knee raise decides where it can: by the difference of the hips, by the
    side that is low, or by the side that is not.
    """
    raised = [f for f in findings if f.test == "knee_raise"]
    differ = [f for f in raised if f.limit.name == DIFFERENCE]
    low = [f for f in raised if f.limit.name != DIFFERENCE]
    short = [f for f in findings if f.test == "hip_extension" and f.beyond]
    far = {f.side for f in low if f.weight <= CLEARS}
    for told in (
        {f.towards for f in differ if f.beyond},
        {f.side for f in low if f.beyond},
        {f.towards for f in differ if f.weight > 0.0},
        {f.side for f in low if f.weight > 0.0},
        {f.side for f in short},
        # a knee raise that goes far beyond doubt clears its side where the other was not raised
        set(SIDES) - far if len(low) == 1 else set[str](),
        # with one thigh sensor only that hip is known
        {f.side for f in findings if f.test in CORE and f.side},
    ):
        if told:
            return told.pop() if len(told) == 1 else ""
    return ""


def _of_side(findings: Sequence[Finding], side: str) -> Case:
    """What speaks for a short hip on one side: its own tests, and the rock-back of the other hip where this one was not
    measured, because one pelvis moves over both.

    A knee raise or rock-back on the near side of its limit takes its weight away.
    """
    mine = [f for f in findings if f.towards in (side, "")]
    if not any(f.test == ROCK_BACK for f in mine):
        mine += [f for f in findings if f.test == ROCK_BACK]
    case = _case(Pattern.HIP_LIMITED, mine, HIPS, side)
    return replace(case, total=case.total + sum(min(0.0, w) for test, w in case.weights.items() if test in CORE))


def _case(pattern: Pattern, findings: Sequence[Finding], exercises: Mapping[str, frozenset[str]], side: str = "") -> Case:
    """What speaks for a pattern: of each exercise its strongest number, and what else of it is beyond."""
    of_exercise: dict[str, list[Finding]] = {}
    for f in findings:
        if f.limit.name in exercises.get(f.test, ()):
            of_exercise.setdefault(f.test, []).append(f)
    ranked = sorted((sorted(group, key=lambda f: -f.weight) for group in of_exercise.values()), key=lambda g: -g[0].weight)
    weights = {group[0].test: group[0].weight for group in ranked}
    support = tuple(f for first, *more in ranked if first.weight > 0.0 for f in (first, *(g for g in more if g.beyond)))
    against = tuple(group[0] for group in ranked if not group[0].beyond and not group[0].borderline)
    return Case(pattern, side, weights, support, sum(sorted(max(0.0, w) for w in weights.values())[-2:]), against)


def _guarding(findings: Sequence[Finding]) -> list[Finding]:
    """The findings without a small lumbar range whose share is not small either and which is not slow."""
    with_it = any(f.beyond for f in findings if f.limit.name in GUARDS)
    return [f for f in findings if with_it or f.limit.name not in GUARDING["bend"]]


def _straight(findings: Sequence[Finding]) -> list[Finding]:
    """The findings without a small pelvis range where the lumbar spine moved little too: there the whole bend was small."""
    takes = any(f.weight > 0.0 for f in findings if f.limit.name == "bend_share_high")
    return [f for f in findings if takes or f.limit.name != "bend_pelvis_low_deg"]
