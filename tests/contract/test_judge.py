"""The independent judge on two of its sessions, with bars a little wider than those that `make bench` holds eight to."""

from pathlib import Path

import pytest

from benchmarks.judge import BARS, Bars, Verdict, judge, read_verdict

SAID = (
    "live sta=0.03 tilt=20.0 rate=100.0: lumbar 0.34 = 0.66 x plain VQF 0.52, hip 0.83 = 0.62 x 1.35, lateral 0.54, "
    "rotation 0.40, abduction 0.38, present 99.8 %, repetitions hit 60, missed 1, invented 2 (F1 0.976)"
)


def test_the_line_is_read() -> None:
    verdict = read_verdict(f"a warning\n{SAID}\n")
    assert verdict == Verdict(SAID, lumbar=0.66, hip=0.62, f1=0.976, present=99.8, invented=2)


def test_a_judge_that_fails_is_quoted() -> None:
    with pytest.raises(ValueError, match="replay failed: no such command"):
        read_verdict("replay failed: no such command")


def test_each_bar_can_be_missed() -> None:
    bars = BARS["live"]
    assert bars.missed(Verdict("", 0.85, 0.95, 0.98, 100.0, 0)) == []
    assert len(bars.missed(Verdict("", 0.86, 0.95, 0.98, 100.0, 0))) == 1
    assert len(bars.missed(Verdict("", 0.85, 0.96, 0.98, 100.0, 0))) == 1
    assert bars.missed(Verdict("", 0.5, 0.5, 0.979, 100.0, 0)) == ["F1 0.979 < 0.98"]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(("estimator", "bars"), [("live", Bars(0.95, 1.0)), ("review", Bars(1.1, 1.1))])
def test_two_sessions(estimator: str, bars: Bars, shared: Path) -> None:
    """Measured: live 0.66 and 0.62, review 0.88 and 1.02 of plain VQF's lumbar and hip error, F1 1.0."""
    verdict = judge(shared, estimator, 100, 101)
    print(verdict.line)
    assert bars.missed(verdict) == []
    assert verdict.present > 97.0
