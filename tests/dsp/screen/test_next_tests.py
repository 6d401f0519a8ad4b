"""What to test next, for each pattern and each thing that was left out."""

from __future__ import annotations

import pytest

from body_signals.limits import LIMITS
from dsp.screen.answer import next_tests
from dsp.screen.decision import CODES, NOT_TESTED, ONE_TEST, Case, Pattern
from dsp.screen.evidence import Finding

HIPS, CONTROL = CODES[Pattern.HIP_LIMITED], CODES[Pattern.MOVEMENT_CONTROL]
BENT = ("rock_back left", "rock_back right", "knee_raise left", "knee_raise right")
"""The hip tests with bent knees, on both sides."""


def done(*tests: str) -> list[Finding]:
    """A finding of each test, with its side after it."""
    words = [(*test.split(), "")[:2] for test in tests]
    return [Finding(LIMITS[0], test, side, "", 0.0, beyond=False, borderline=False) for test, side in words]


def case(pattern: Pattern, *found: str) -> Case:
    findings = tuple(done(*found))
    return Case(pattern, "left", {f.test: 1.0 for f in findings}, findings, 2.0, ())


@pytest.mark.parametrize(
    ("code", "of", "tested", "next_ones"),
    [
        (NOT_TESTED, None, (), ["bend", "knee_raise", "rock_back"]),
        (NOT_TESTED, None, ("bend", "knee_raise left"), ["knee_raise right", "rock_back"]),
        (CODES[Pattern.NONE], None, ("bend",), []),
        # hips: all of its tests that are open, on its side; then the first again
        (HIPS, case(Pattern.HIP_LIMITED), ("bend",), ["rock_back", "knee_raise left", "hip_extension left"]),
        (HIPS, case(Pattern.HIP_LIMITED), BENT, ["hip_extension left"]),
        (HIPS, case(Pattern.HIP_LIMITED), (*BENT, "hip_extension left"), ["rock_back"]),
        # others: the hips first, and two at most
        (CONTROL, case(Pattern.MOVEMENT_CONTROL), ("bend",), ["knee_raise", "rock_back"]),
        (CONTROL, case(Pattern.MOVEMENT_CONTROL), ("bend", *BENT), ["sit_to_stand", "squat"]),
        # one test speaks for the hips: the other ones
        (
            ONE_TEST,
            case(Pattern.HIP_LIMITED, "rock_back left"),
            ("rock_back left", "rock_back right"),
            ["knee_raise left", "hip_extension left"],
        ),
    ],
)
def test_what_comes_next(code: str, of: Case | None, tested: tuple[str, ...], next_ones: list[str]) -> None:
    assert [" ".join(place).strip() for place in next_tests(code, "left", of, done(*tested))] == next_ones
