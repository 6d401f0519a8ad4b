"""The answer of the hip screen as a document: code, side, confidence, reasons, what speaks against it, and the next tests.

Codes only; the sentences belong to the reader's language and are elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dsp.day.sets import SIDES
from dsp.screen.decision import CODES, CONTROL, CORE, GUARDING, NOT_TESTED, ONE_TEST, STRAIGHT, Case, Pattern
from dsp.screen.evidence import Finding

CONFIDENT = ("low", "moderate", "high")
_TESTS: Mapping[Pattern, tuple[str, ...]] = {
    Pattern.HIP_LIMITED: ("rock_back", "knee_raise", "hip_extension"),
    Pattern.POSTERIOR_CHAIN: tuple(STRAIGHT),
    Pattern.MOVEMENT_CONTROL: tuple(CONTROL),
    Pattern.GUARDED: tuple(GUARDING),
}
"""The tests that can confirm a pattern, the best first."""
_SIDED = frozenset({"knee_raise", "hip_extension"})
"""Tests that are done one leg at a time."""
UNTESTED_WORDS = {"knee_raise": "knee raise", "rock_back": "rock-back"}

Next = tuple[str, str]
"""A test and its side, empty where it has none."""


def next_tests(code: str, side: str, case: Case | None, findings: Sequence[Finding]) -> tuple[Next, ...]:
    """What to test next, the most useful first: what was not tested and could decide, else what to repeat."""
    done = {(f.test, f.side) for f in findings} | {(f.test, "") for f in findings}
    core = tuple(_missing(done))
    if code in (NOT_TESTED, CODES[Pattern.REPEAT]):
        return (*((("bend", ""),) if ("bend", "") not in done else ()), *core)
    if case is None:
        return ()
    hips = case.pattern is Pattern.HIP_LIMITED
    of_side = side if side in SIDES else ""
    tests = [(test, of_side if test in _SIDED else "") for test in _TESTS[case.pattern]]
    open_tests = [place for place in tests if (place not in done and (place[0], "") not in done) or _half(place, done)]
    if code == ONE_TEST:
        # the hips are tested first; then another exercise, else the weaker ones again
        first = () if hips else core
        pointing = case.agreeing[0]
        again = [*(place for place in tests if place[0] != pointing), *(place for place in tests if place[0] == pointing)]
        return tuple(dict.fromkeys((*first, *open_tests))) or tuple(again[:1])
    if hips:
        return tuple(open_tests) or tuple(tests[:1])
    return tuple(dict.fromkeys((*core, *open_tests)))[:2]


def _missing(done: set[Next]) -> list[Next]:
    """The hip tests with bent knees that were not done, with the side where only one is missing."""
    found: list[Next] = []
    for test in CORE:
        sides = [side for side in SIDES if (test, side) not in done]
        if len(sides) == len(SIDES) or (sides and test not in _SIDED):
            found.append((test, ""))
        elif sides:
            found.append((test, sides[0]))
    return found


def _half(place: Next, done: set[Next]) -> bool:
    """Whether a one-legged test was done, and not on this side."""
    test, side = place
    return test in _SIDED and bool(side) and (test, side) not in done


def untested_hips(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The hip tests with bent knees that are not among the findings, in words, with their side where only one is missing.

    Each could show short hips that the other does not; so *no pattern* is known only with both, on both sides.
    """
    names = []
    for test in CORE:
        missing = [side for side in SIDES if (test, side) not in {(f.test, f.side) for f in findings}]
        word = UNTESTED_WORDS[test]
        if missing:
            names.append(word if len(missing) == len(SIDES) else f"{word} ({missing[0]})")
    return tuple(names)


def answer_document(
    code: str, side: str, confidence: str, case: Case | None, following: Sequence[Next], compared_with: str, *, named: bool
) -> dict[str, object]:
    """The answer as summary.json has it."""
    support = () if case is None else case.support if named else case.support[:1]
    document: dict[str, object] = {
        "code": code,
        "side": side,
        "confidence": confidence,
        "exercises": len({f.test for f in support}),
        "reasons": [_reason(f) for f in support],
        "against": [] if case is None else [_reason(f) for f in case.against if f not in support],
        "next": [{"code": test, "side": of} for test, of in following],
        "compared_with": compared_with,
    }
    if code == ONE_TEST and case is not None:
        document["points_to"] = CODES[case.pattern]
    return document


def _reason(f: Finding) -> dict[str, object]:
    # told only where it is so: summaries of earlier versions do not have it
    bound = {"at_least": True} if f.at_least else {}
    return {
        "test": f.test,
        "side": f.side,
        "measure": f.measure,
        "number": rounded(f.number),
        "sd": rounded(f.sd),
        "limit": rounded(f.limit.value),
        "unit": f.limit.unit,
        "above": f.limit.above,
        "source": f.limit.source,
        "proposal": f.limit.proposal,
        "compared_with": f.compared_with,
        "borderline": f.borderline,
        "beyond": f.beyond,
        **bound,
    }


def rounded(number: float) -> float | None:
    """For JSON: four decimals, no -0; null where it is not known."""
    return round(number, 4) + 0.0 if math.isfinite(number) else None
