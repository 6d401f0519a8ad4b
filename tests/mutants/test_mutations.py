"""The mutation check itself: what is changed, and that a change is seen."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import replace

import pytest

from tests.conftest import ROOT
from tests.mutants.__main__ import SURVIVORS, Mutant, drawn, mutants_of
from tests.mutants.matching import CONSTANTS, GOLDEN, matching_tests
from tests.mutants.mutations import mutations

MODULE = '''\
"""What it does - and more."""

LIMIT, MOST = np.radians(15.0), 3
lower = 2.0


def f(left: int, right: int = 1 - 2) -> int:
    """Left - right."""
    if left < right and total < 0.5:
        flags |= Quality.LATE
    total = left - right + sum(range(1, right))
    return g(-total, keep=True)[2:] | int(Quality.GAP)
'''


def changed(kind: str) -> list[str]:
    """Of each mutation of this kind, the line that it makes."""
    before = MODULE.splitlines()
    found = [m.of(MODULE).splitlines() for m in mutations(MODULE) if m.kind == kind]
    return [new.strip() for after in found for old, new in zip(before, after, strict=True) if old != new]


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (
            "constant",
            [
                "LIMIT, MOST = np.radians((15.0 * 1.1)), 3",
                "LIMIT, MOST = np.radians(15.0), (3 + 1)",
                "if left < right and total < (0.5 * 1.1):",
            ],
        ),
        (
            "sign",
            [
                "total = left + right + sum(range(1, right))",
                "total = left - right - sum(range(1, right))",
                "return g((+total), keep=True)[2:] | int(Quality.GAP)",
            ],
        ),
        (
            "off by one",
            [
                "if left <= right and total < 0.5:",
                "total = left - right + sum(range(2, right))",
                "return g(-total, keep=True)[3:] | int(Quality.GAP)",
            ],
        ),
        ("flag", ["pass", "return g(-total, keep=True)[2:]", "return g(-total, keep=False)[2:] | int(Quality.GAP)"]),
        ("branch", ["if False:"]),
    ],
)
def test_what_is_changed(kind: str, lines: list[str]) -> None:
    assert sorted(changed(kind)) == sorted(lines)


def test_every_mutant_is_python() -> None:
    for path in ("body_signals/limits.py", "dsp/rotation.py", "firmware_protocol/framing.py"):
        source = (ROOT / path).read_text("utf-8")
        found = mutations(source)
        assert found
        for mutation in found:
            mutant = mutation.of(source)
            assert mutant != source
            ast.parse(mutant)


def test_a_module_is_tried_by_its_own_tests_first_and_by_golden_sessions_next() -> None:
    tests = matching_tests(ROOT, "dsp/rhythm/slack.py")
    assert tests[:2] == (CONSTANTS, "tests/dsp/rhythm/test_slack.py")
    assert GOLDEN in tests[2:5]
    assert matching_tests(ROOT, "hiphinge/engine.py")[0] == GOLDEN
    family = matching_tests(ROOT, "firmware_protocol/families/capture2go.py")
    assert family[:2] == (CONSTANTS, "tests/firmware_protocol/test_wire_captures.py")
    assert GOLDEN not in family
    assert GOLDEN not in matching_tests(ROOT, "dashboards/edits.py")
    # through a face, through a module of its room, and by the name of its wing
    assert "tests/firmware_protocol/v1/test_v1_codec.py" in matching_tests(ROOT, "firmware_protocol/v1/messages.py")
    clock = matching_tests(ROOT, "firmware_protocol/device_clock.py")
    assert "tests/firmware_protocol/families/test_device_families.py" in clock
    assert "tests/dsp/repetitions/test_repetitions.py" in matching_tests(ROOT, "dsp/repetitions/movement_ends.py")
    assert matching_tests(ROOT, "dsp/repetitions/states.py")[1] == "tests/dsp/repetitions/test_repetition_states.py"


def test_words_of_errors_and_limits_of_measured_quantities_are_left_alone() -> None:
    source = "LIMIT = 0.5\ndef f(x, n, t_s):\n    if x < LIMIT or t_s < n:\n        raise ValueError(n + 1)\n    return n < 3\n"
    assert sorted(m.kind for m in mutations(source)) == ["branch", "constant", "off by one"]


def test_a_listed_survivor_is_a_mutant_of_today() -> None:
    """A line that has changed since is judged anew."""
    for entry in tomllib.loads(SURVIVORS.read_text("utf-8"))["survivor"]:
        found = [m for m in mutants_of(entry["path"]) if (m.line, m.mutation.kind) == (entry["line"], entry["kind"])]
        assert found, entry
        assert entry["why"]


def test_a_change_elsewhere_draws_no_other_mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    def words(mutants: list[Mutant]) -> list[tuple[str, str, str]]:
        return [(m.path, m.line, m.mutation.kind) for m in mutants]

    monkeypatch.setattr("tests.mutants.__main__.ROOMS", ("dsp/rhythm", "dsp/grid"))
    before = words(drawn(40, 1))
    assert before != words(drawn(40, 2))
    here = before[0][0]

    def with_a_line_more(path: str) -> list[Mutant]:
        found = mutants_of(path)
        return [replace(m, mutation=replace(m.mutation, line=m.mutation.line + 1)) for m in found] if path == here else found

    monkeypatch.setattr("tests.mutants.__main__.mutants_of", with_a_line_more)
    assert words(drawn(40, 1)) == before
