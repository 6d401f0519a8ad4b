"""Which tests are a module's: the test files that import it, those that bear its name first, the golden sessions last."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

GOLDEN = "tests/contract/test_golden_sessions.py::test_no_number_has_moved"
_NO_GOLDEN = ("hiphinge/session", "dashboards", "hiphinge/live", "hiphinge/commands", "ingest/heads", "ingest/links")
"""What golden sessions do not go through."""
_MOST_FILES = 6


def matching_tests(root: Path, module: str) -> list[list[str]]:
    """Groups of tests to run one after another, for the module at this path relative to `root`."""
    dotted = module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    stem = dotted.rpartition(".")[2]
    importers = [test for test, imported in _imports(root).items() if dotted in imported]
    named = [test for test in _imports(root) if Path(test).stem.removeprefix("test_").startswith(stem)]
    own = [test for test in named if test in importers or _same_room(test, module)]
    others = sorted((test for test in importers if test not in own), key=lambda test: (not _same_room(test, module), test))
    groups = [group for group in (own, others[:_MOST_FILES]) if group]
    return groups if module.startswith(_NO_GOLDEN) else [*groups, [GOLDEN]]


def _same_room(test: str, module: str) -> bool:
    return test.startswith(f"tests/{module.split('/')[0]}/")


@cache
def _imports(root: Path) -> dict[str, frozenset[str]]:
    """Of each test file, the modules that it imports, and those that the modules of its own room's helpers import."""
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        found[path.relative_to(root).as_posix()] = _imported(root, path) | _behind_faces(root, path)
    return found


def _imported(root: Path, path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _behind_faces(root: Path, path: Path) -> frozenset[str]:
    """The modules that the names come from which a test imports from the face of a room or wing."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            face = root.joinpath(*node.module.split("."), "__init__.py")
            if face.is_file():
                where = _origins(face)
                names.update(where[alias.name] for alias in node.names if alias.name in where)
    return frozenset(names)


@cache
def _origins(face: Path) -> dict[str, str]:
    """Where the names of a face are defined."""
    tree = ast.parse(face.read_text("utf-8"))
    return {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
