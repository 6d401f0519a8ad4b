"""The table of movement kinds: whole, without contradiction, and the only place where kinds are spelled."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from body_signals import movements
from body_signals.limits import LIMITS
from body_signals.movements import KIND_OF_TEST, KINDS, MOVEMENTS, MovementKind, kind_of, names_of
from body_signals.quantities import REPETITION_COLUMNS, SCREEN_MEASURES
from tests.conftest import ROOT

ROOMS = ("on_disk", "firmware_protocol", "ingest", "dsp", "dashboards", "virtual_athlete", "hiphinge", "body_signals")
OF_THE_SCREEN = (
    "dsp/screen/tests.py",
    "dsp/screen/evidence.py",
    "dsp/screen/decision.py",
    "dsp/screen/answer.py",
    "dsp/screen/notes.py",
    "dsp/screen/pattern.py",
    "dsp/screen/protocol.py",
    "dsp/comparison/occasion.py",
    "body_signals/quantities.py",
    "dashboards/answers/document.py",
    "dashboards/answers/sentences.py",
    "dashboards/grafana/rhythm.py",
    "dashboards/report/athlete.py",
    "dashboards/report/back.py",
    "dashboards/report/facts.py",
    "dashboards/report/front.py",
    "dashboards/report/training.py",
    "hiphinge/guidance/protocol_retest.py",
    "virtual_athlete/movement/led.py",
)
"""Here the same words are names of tests: what each measures, which limits it is compared with, and which is shown or done
where."""


def test_every_kind_of_the_module_is_in_the_table_once() -> None:
    made = [value for value in vars(movements).values() if isinstance(value, MovementKind)]
    assert sorted(made, key=lambda kind: kind.name) == sorted(KINDS, key=lambda kind: kind.name)
    assert len(set(MOVEMENTS)) == len(KINDS)


def test_a_kind_is_read_by_a_share_of_the_table_and_by_limits_that_are_there() -> None:
    columns, limits = {q.name for q in REPETITION_COLUMNS}, {limit.name: limit for limit in LIMITS}
    for kind in KINDS:
        assert kind.share in columns
        if kind.published_share is not None:
            low, high = (limits[name] for name in kind.published_share)
            assert low.value < high.value
            assert low.source == high.source


def test_every_test_of_the_screen_has_one_kind() -> None:
    assert set(KIND_OF_TEST) == {m.test for m in SCREEN_MEASURES}
    assert [k.name for k in KINDS if k.test is not None] == [
        KIND_OF_TEST[k.test.name].name for k in KINDS if k.test is not None
    ]


@pytest.mark.parametrize(
    ("trait", "kinds"),
    [
        ("full_bend", {"bend"}),
        ("bent_knee", {"knee_raise", "squat", "rock_back"}),
        ("lift", {"bend", "squat", "deadlift", "hinge"}),
        ("one_way", {"sit_down", "stand_up"}),
        ("one_leg", {"knee_raise", "hip_extension"}),
    ],
)
def test_what_holds_of_which_kinds(trait: str, kinds: set[str]) -> None:
    assert set(names_of(lambda kind: getattr(kind, trait))) == kinds


def test_a_kind_of_a_later_version_is_called_by_its_name() -> None:
    kind = kind_of("wall_sit")
    assert (kind.word, kind.plural, kind.test, kind.lift) == ("wall sit", "wall sits", None, False)


def spelled(path: Path) -> set[str]:
    """Kinds that stand in a file as words of their own, other than as keyword, docstring or sentence."""
    tree = ast.parse(path.read_text("utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)} & (
        set(MOVEMENTS) - {"other"}
    )


def test_no_other_file_spells_a_kind() -> None:
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name != "body_signals/movements.py" and name not in OF_THE_SCREEN and (words := spelled(path)):
                found[name] = words
    assert not found
