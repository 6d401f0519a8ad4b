"""Constants of the pure rooms are those that were taken: none changes unseen.

Most are limits and weights that no single recording can hold to a tenth. Each has its source beside it, and its value is in
`golden_constants.json`. ``python -m tests.contract.test_golden_constants`` takes today's values. One that changed needs an
entry under *Scientific changes* of CHANGELOG.md that was not there before.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from fixtures.sessions import bless
from tests.conftest import ROOT

ROOMS = ("body_signals", "firmware_protocol", "dsp", "ingest/time")
TAKEN = Path(__file__).with_name("golden_constants.json")
MOST_NUMBERS = 12
"""A longer table is kept as a digest."""
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*\Z")


def constants() -> dict[str, str]:
    """The numbers of each constant of these rooms, by its module and name; of a long table, their digest."""
    return dict(entry for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) for entry in _of_file(path))


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    for statement in ast.parse(path.read_text("utf-8")).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for name in [
            node.id for target in targets if target is not None for node in ast.walk(target) if isinstance(node, ast.Name)
        ]:
            numbers = list(_numbers(getattr(module, name, None))) if _NAME.match(name) else []
            if numbers:
                text = " ".join(map(repr, numbers))
                short = text if len(numbers) <= MOST_NUMBERS else hashlib.sha256(text.encode()).hexdigest()[:16]
                yield f"{module.__name__}.{name}", short


def _numbers(value: object) -> Iterator[float]:
    """All numbers in it, in order."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, bytes):
        yield from value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(key)
            yield from _numbers(item)
    elif isinstance(value, set | frozenset):
        yield from sorted(number for item in value for number in _numbers(item))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _numbers(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from _numbers(getattr(value, part.name))


def changed(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Those that are in both and differ."""
    return {name: f"{text} -> {now[name]}" for name, text in before.items() if name in now and now[name] != text}


def main() -> int:
    """Take today's constants; 1 where some changed and the changelog has no new entry."""
    document = json.loads(TAKEN.read_text("utf-8"))
    told, now = bless.entries(bless.CHANGELOG.read_text("utf-8")), constants()
    moved = changed(document["constants"], now)
    if moved and told <= document["entries"]:
        print(
            "NOT taken: write under Scientific changes of CHANGELOG.md why these changed:", *sorted(moved.items()), sep="\n  "
        )
        return 1
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in now.items())
    TAKEN.write_text(f'{{"entries": {told}, "constants": {{\n{lines}\n}}}}\n', "utf-8")
    return 0


def test_no_constant_has_changed() -> None:
    taken = json.loads(TAKEN.read_text("utf-8"))["constants"]
    now = constants()
    assert changed(taken, now) == {}
    assert set(now) == set(taken), "added or gone: python -m tests.contract.test_golden_constants"


def test_the_constants_are_those_of_all_wings() -> None:
    names = constants()
    assert len(names) > 400
    assert {"dsp.rhythm.slack", "dsp.heading.filter", "firmware_protocol.families.metamotion", "ingest.time.clock"} <= {
        name.rpartition(".")[0] for name in names
    }


def test_a_changed_constant_needs_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(TAKEN.read_text("utf-8"))
    name = next(iter(document["constants"]))
    value, document["constants"][name] = document["constants"][name], "1.25"
    copy = tmp_path / "constants.json"
    copy.write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr(sys.modules[__name__], "TAKEN", copy)
    monkeypatch.setattr(bless, "entries", lambda text: document["entries"])
    assert main() == 1
    assert json.loads(copy.read_text("utf-8")) == document
    monkeypatch.setattr(bless, "entries", lambda text: document["entries"] + 1)
    assert main() == 0
    assert json.loads(copy.read_text("utf-8"))["constants"][name] == value


if __name__ == "__main__":
    sys.exit(main())
