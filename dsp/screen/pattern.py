"""The hip screen: a session's tests against the limits of `body_signals.limits`, and the pattern that they agree on.

    tests      the measures of each test, from the repetitions
    evidence   each number beside the athlete's own baseline, the published limit or our proposal
    decision   what different exercises agree on
    answer     code, side, confidence, reasons, what speaks against it, and what to test next

    1 repeat                 the bend was not scored and nothing else agrees, or it takes hip tests that were not done to tell
    2 hip-limited            the side is named
    3 posterior chain
    4 movement control
    5 guarded
    6 no dominant pattern    and every test that could have shown one was done: the bend, and of both hips the knee raise and
                             the rock-back; else there is no pattern, and the screen says what was not tested
    - one test               one exercise alone points to a pattern, which is not enough: the screen says what to test next

The screen compares and names; it does not diagnose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from body_signals import LIMITS, Limit
from dsp.results import Repetition
from dsp.screen.answer import CONFIDENT, answer_document, next_tests, rounded, untested_hips
from dsp.screen.decision import CODES, CORE, NOT_TESTED, ONE_TEST, Case, Pattern, decide
from dsp.screen.evidence import CRITERIA, Finding, OwnBaseline, Place, compared
from dsp.screen.notes import notes_of
from dsp.screen.tests import ScreenTest, measured_tests

__all__ = ["CRITERIA", "NOT_SCREENED", "PATTERN_WORDS", "Finding", "Pattern", "Screen", "screen_of", "screen_of_tests"]

PATTERN_WORDS: dict[Pattern, str] = {
    Pattern.REPEAT: "The tests do not suffice for an answer yet.",
    Pattern.HIP_LIMITED: "The hips run out first, and the lumbar spine makes up the rest.",
    Pattern.POSTERIOR_CHAIN: "With straight knees the hips stop first; with bent knees they do not.",
    Pattern.MOVEMENT_CONTROL: "The hips have the range and do not use it; the lumbar spine goes first.",
    Pattern.GUARDED: "The lumbar spine moves little; the hips do the work.",
    Pattern.NONE: "Neither hips nor back stand out today.",
}
"""The answers of page and report, as a table and a database have them."""
POINTS_TO: dict[Pattern, str] = {
    Pattern.HIP_LIMITED: "the hips",
    Pattern.POSTERIOR_CHAIN: "the hips with straight knees",
    Pattern.MOVEMENT_CONTROL: "the lumbar spine",
    Pattern.GUARDED: "a lumbar spine that moves little",
}
"""What a single test points to, in words."""
NOT_SCREENED = "The hips were not tested."
PARTLY_SCREENED = "Not all hip tests were done."
BEND = "bend"
OWN = frozenset({BEND, "bow", "knee_raise", "rock_back", "hip_extension"})
"""Without any of these tests there is no screen."""
NO_BEND = "the forward bend was not scored, and little can be decided without it"


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen of a session: its tests, the comparisons, and the answer.

    pattern: on which the tests agree; None where no test was done, where one test alone points to a pattern, or where nothing
    was seen and not everything was tested. code: of the answer (docs/screen.md). side: left, right or both, empty where there
    is none. case: what speaks for the pattern, or for the one that a single test points to. otherwise: what measurement error
    could make of it. compared_with: `own_baseline`, `published`, or `first_visit` where the athlete has no baseline yet.
    """

    tests: tuple[ScreenTest, ...]
    findings: tuple[Finding, ...]
    pattern: Pattern | None
    code: str
    side: str
    case: Case | None
    otherwise: tuple[Pattern, ...]
    notes: tuple[str, ...]
    untested: tuple[str, ...] = ()
    compared_with: str = "published"

    @property
    def words(self) -> str:
        """The answer in words, as page and report say it; what to test next is told beside it."""
        if self.pattern is not None:
            return PATTERN_WORDS[self.pattern]
        if self.code == ONE_TEST and self.case is not None:
            return f"One test points to {POINTS_TO[self.case.pattern]}; one is not enough."
        return self._not_tested

    @property
    def next(self) -> tuple[tuple[str, str], ...]:
        """What to test next: test and side."""
        return next_tests(self.code, self.side, self.case, self.findings)

    @property
    def _not_tested(self) -> str:
        return NOT_SCREENED if {(test, "") for test in CORE} <= set(self.next) else PARTLY_SCREENED

    @property
    def otherwise_words(self) -> tuple[str, ...]:
        """The alternative patterns, in words; *no pattern* only where that was tested."""
        none = self._not_tested if self.untested else PATTERN_WORDS[Pattern.NONE]
        return tuple(none if p is Pattern.NONE else PATTERN_WORDS[p] for p in self.otherwise)

    @property
    def support(self) -> tuple[Finding, ...]:
        """The findings that speak for the pattern, or for the one that a single test points to."""
        return () if self.case is None else self.case.support

    @property
    def agreeing(self) -> int:
        """Number of exercises that support the pattern."""
        return 0 if self.case is None or self.pattern is None else len(self.case.agreeing)

    @property
    def confidence(self) -> str:
        """high: at least three exercises agree; moderate: two; low: a borderline pattern of two. Empty without a pattern."""
        if self.case is None or self.pattern is None:
            return ""
        return CONFIDENT[max(0, min(self.agreeing, 3) - 1 - bool(self.otherwise))]

    def document(self) -> dict[str, object]:
        """The entry in summary.json; an unknown number is null."""
        return {
            "tests": [_test_document(t) for t in self.tests],
            "limits": [_limit_document(f) for f in self.findings],
            "pattern": None if self.pattern is None else int(self.pattern),
            "pattern_words": self.words,
            "side": self.side,
            "agreeing": self.agreeing,
            "confidence": self.confidence,
            "borderline": bool(self.otherwise),
            "otherwise": list(self.otherwise_words),
            "untested": list(self.untested),
            "notes": list(self.notes),
            "answer": answer_document(
                self.code, self.side, self.confidence, self.case, self.next, self.compared_with, named=self.pattern is not None
            ),
        }


def screen_of(
    repetitions: Sequence[Repetition],
    limits: Mapping[str, Limit] | None = None,
    baseline: Mapping[Place, OwnBaseline] | None = None,
) -> Screen:
    """The screen of one estimator's repetitions of a session.

    limits: by name, those of `body_signals.limits` unless others are set (`body_signals.limits.limits_with`). baseline: the
    athlete's own earlier sessions, by test, side and measure; empty on a first visit, None where nobody looked for one.
    """
    return screen_of_tests(measured_tests(repetitions), limits, baseline)


def screen_of_tests(
    tests: Sequence[ScreenTest],
    limits: Mapping[str, Limit] | None = None,
    baseline: Mapping[Place, OwnBaseline] | None = None,
) -> Screen:
    """The screen of tests that have been measured; see `screen_of`."""
    tests = tuple(tests)
    known = {limit.name: limit for limit in LIMITS} if limits is None else limits
    findings, notes = compared(tests, known, baseline or {})
    notes += notes_of(tests)
    compared_with = _compared_with(findings, baseline)
    if not any(t.test in OWN for t in tests):
        return Screen(tests, findings, None, NOT_TESTED, "", None, (), tuple(notes), (), compared_with)
    decision, untested = decide(findings), untested_hips(findings)
    pattern, case, why = decision.pattern, decision.case, decision.why
    code = NOT_TESTED
    if pattern is not None:
        code = CODES[pattern]
    elif case is not None:
        code = ONE_TEST
    elif not any(f.test == BEND for f in findings):
        pattern, code, why = Pattern.REPEAT, CODES[Pattern.REPEAT], (NO_BEND,)
    elif not untested:
        pattern, code = Pattern.NONE, CODES[Pattern.NONE]
    side = case.side if case is not None else ""
    otherwise = () if pattern is Pattern.REPEAT else decision.otherwise
    return Screen(tests, findings, pattern, code, side, case, otherwise, (*why, *notes), untested, compared_with)


def _compared_with(findings: Sequence[Finding], baseline: Mapping[Place, OwnBaseline] | None) -> str:
    if baseline is not None and not baseline:
        return "first_visit"
    places = {(f.test, f.side, f.measure) for f in findings}
    return "own_baseline" if baseline and places & set(baseline) else "published"


def _limit_document(f: Finding) -> dict[str, object]:
    return {
        "name": f.limit.name,
        "test": f.test,
        "side": f.side,
        "measure": f.measure,
        "number": rounded(f.number),
        "limit": rounded(f.limit.value),
        "above": f.limit.above,
        "unit": f.limit.unit,
        "beyond": f.beyond,
        "borderline": f.borderline,
        "meaning": f.limit.meaning,
        "source": f.limit.source,
        "proposal": f.limit.proposal,
        "compared_with": f.compared_with,
    }


def _test_document(t: ScreenTest) -> dict[str, object]:
    return {
        "test": t.test,
        "side": t.side,
        "repetitions": t.repetitions,
        "with_slack": t.with_slack,
        "left_out": dict(t.left_out),
        "missing": {name: dict(why) for name, why in t.missing.items()},
        "groups": {
            name: [{"median": rounded(g.median), "repetitions": list(g.numbers)} for g in two] for name, two in t.groups.items()
        },
        "valid": t.valid,
        "measures": {
            name: {"median": rounded(m.median), "spread": rounded(m.spread), "repetitions": m.count, "valid": m.valid}
            for name, m in t.measures.items()
        },
    }
