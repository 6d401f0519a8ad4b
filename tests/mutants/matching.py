"""The tests of a module: those of its own name, the golden sessions and constants, those that import it, all of its wing."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

GOLDEN = "tests/contract/test_golden_sessions.py::test_no_number_has_moved"
CONSTANTS = "tests/contract/test_golden_constants.py::test_no_constant_has_changed"
_WIRE, _FAMILIES = "firmware_protocol/", "firmware_protocol/families/"
"""Golden sessions go through the codec of protocol v1 only."""
_OF_ALL_FAMILIES = (
    "tests/firmware_protocol/test_wire_captures.py",
    "tests/firmware_protocol/test_broken_packets.py",
    "tests/firmware_protocol/test_device_vectors.py",
)
_NO_GOLDEN = ("hiphinge/session", "dashboards", "hiphinge/live", "hiphinge/commands", "ingest/heads", "ingest/links")
"""What golden sessions do not go through."""
_CONSTANTS_OF = ("body_signals", "firmware_protocol", "dsp", "ingest/time")
_ALL_GOES_THROUGH = ("dsp/live.py", "dsp/review.py", "dsp/pipeline.py", "hiphinge/engine.py")
"""Golden sessions tell a change here within seconds, sooner than the tests of their own."""
_NOT_IN_GOLDEN = ("tests/dsp/plausibility/test_off_body.py",)
"""Whole sessions with what no golden one has: they come before those of their own, which take their time."""
_MOST_FILES = 9
"""Of test files that do not bear its name."""
_OUTSIDE = ("tests/contract/", "tests/examples/", "tests/peers/", "tests/test_")
"""Tests of whole paths: they start processes, and 30 s are soon over."""


@cache
def matching_tests(root: Path, module: str) -> tuple[str, ...]:
    """The tests to run, in this order, for the module at this path relative to `root`."""
    dotted = _dotted(module)
    near = [test for test in _imports(root) if not test.startswith(_OUTSIDE)]
    direct = [test for test in near if dotted in _imports(root)[test]]
    behind = [test for test in near if _same_room(test, module) and _through_its_room(root, test, module)]
    named = [test for test in near if _bears_name(test, Path(module).stem) and (test in direct or _same_room(test, module))]
    named.sort(key=lambda test: not _same_wing(test, module))
    beside = [test for test in near if _same_wing(test, module)]
    wing = [test for test in behind if test in beside]
    others = [test for test in dict.fromkeys([*_nearest_first(direct, module), *wing, *behind, *beside]) if test not in named]
    others = others[:_MOST_FILES]
    constants = (CONSTANTS,) if module.startswith(_CONSTANTS_OF) else ()
    if module.startswith(_WIRE):
        golden = () if module.startswith(_FAMILIES) else (GOLDEN,)
        return tuple(dict.fromkeys((*constants, *_OF_ALL_FAMILIES, *named, *golden, *others)))
    if module.startswith(_NO_GOLDEN):
        return (*named, *others)
    if module in _ALL_GOES_THROUGH:
        return tuple(dict.fromkeys((*constants, GOLDEN, *_NOT_IN_GOLDEN, *named, *others)))
    return (*constants, *named, GOLDEN, *others)


def _dotted(module: str) -> str:
    return module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _bears_name(test: str, stem: str) -> bool:
    """`test_slack_of_bends.py` bears the name of `slack.py`, `test_cuts.py` that of `cut.py`, `test_repetition_states.py` that
    of `states.py`."""
    words = Path(test).stem.removeprefix("test_")
    return words in (stem, f"{stem}s") or words.startswith(f"{stem}_") or words.endswith(f"_{stem}")


def _nearest_first(tests: list[str], module: str) -> list[str]:
    """Those of its wing first, and of these the one that bears the wing's name: `test_rhythm.py` for `rhythm/metrics.py`."""
    wing = Path(module).parent.name

    def distance(test: str) -> tuple[bool, bool, bool, str]:
        return not _same_wing(test, module), not _bears_name(test, wing), not _same_room(test, module), test

    return sorted(tests, key=distance)


def _same_room(test: str, module: str) -> bool:
    return test.startswith(f"tests/{module.split('/')[0]}/")


def _same_wing(test: str, module: str) -> bool:
    return Path(test).parent.as_posix() == f"tests/{Path(module).parent.as_posix()}"


def _through_its_room(root: Path, test: str, module: str) -> bool:
    """Whether this test imports a module of the room that imports this one itself."""
    between = {name for name in _imports(root)[test] if name.startswith(f"{module.split('/')[0]}.")}
    return any(_dotted(module) in _of_module(root, name) for name in between)


@cache
def _of_module(root: Path, dotted: str) -> frozenset[str]:
    path = root.joinpath(*dotted.split(".")).with_suffix(".py")
    return _imported(path) | _behind_faces(root, path) if path.is_file() else frozenset()


@cache
def _imports(root: Path) -> dict[str, frozenset[str]]:
    """Of each test file, the modules that it imports, and those that the files with shared test material import for it."""
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        names = _imported(path) | _behind_faces(root, path)
        material = [name for name in names if name.startswith("tests.")]
        found[path.relative_to(root).as_posix()] = names.union(*(_of_module(root, name) for name in material))
    return found


@cache
def _import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Import | ast.ImportFrom))


@cache
def _imported(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in _import_statements(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


@cache
def _behind_faces(root: Path, path: Path) -> frozenset[str]:
    """The modules that the names come from which a test imports from the face of a room or wing."""
    names: set[str] = set()
    for node in _import_statements(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            face = root.joinpath(*node.module.split("."), "__init__.py")
            if face.is_file():
                where = _origins(face)
                names.update(where[alias.name] for alias in node.names if alias.name in where)
    return frozenset(names)


@cache
def _origins(face: Path) -> dict[str, str]:
    """Where the names of a face are defined."""
    return {
        alias.asname or alias.name: node.module
        for node in _import_statements(face)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
