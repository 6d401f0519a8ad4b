"""What can be changed in a module: each mutation is one edit of its text that a test should see.

- `sign`: plus for minus, a minus dropped;
- `off by one`: `<` for `<=` between whole numbers, a whole number in a range or slice one larger;
- `flag`: a quality flag that is not set, True for False;
- `constant`: a number a tenth larger (a whole one below ten: by one, and only where it has a name);
- `branch`: an `if` whose block never runs.

Left alone is what no test should hold: the words of errors, codes in a table that gives each a word, and `<` for `<=` between
quantities that are measured (those with a unit in the name or a decimal point). No recording meets such a limit to the last
bit; the limit itself is changed as a constant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Mutation:
    """Replace the text from (line, column) to (end_line, end_column) by `text`; lines from 1, columns in bytes from 0."""

    kind: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str

    def of(self, source: str) -> str:
        """The module with this mutation."""
        lines = source.encode().splitlines(keepends=True)
        before = lines[self.line - 1][: self.column]
        after = lines[self.end_line - 1][self.end_column :]
        changed = before + self.text.encode() + after
        return b"".join([*lines[: self.line - 1], changed, *lines[self.end_line :]]).decode()


_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}
_MEASURED = re.compile(
    r"(_s|_ms|_us|_rad|_deg|_hz|_g|_m_s2|_rad_s|_deg_s|_sd|_ppm|_var|_share|_variance|_confidence)\Z", re.IGNORECASE
)
_COMPARISONS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}


def mutations(source: str) -> list[Mutation]:
    """All mutations of a module, in the order of its lines."""
    tree = ast.parse(source)
    measured = _measured_constants(tree)
    found = [*_constants(tree, source), *_in_functions(tree, source, measured)]
    return sorted(found, key=lambda m: (m.line, m.column, m.kind))


def _constants(tree: ast.Module, source: str) -> Iterator[Mutation]:
    """Numbers in the constants of the module, as they stand in `NAME = 0.5` or `NAME = np.radians(15.0)`."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names = [name.id for target in targets if target is not None for name in ast.walk(target) if isinstance(name, ast.Name)]
        if value is None or not names or not all(name.lstrip("_").isupper() for name in names):
            continue
        named = _named_codes(value)
        for node in ast.walk(value):
            number = node.value if isinstance(node, ast.Constant) and node not in named else None
            if isinstance(number, int | float) and not isinstance(number, bool) and number:
                yield _larger(node, number, source)


def _named_codes(value: ast.AST) -> set[ast.AST]:
    """Codes of a vendor's table that stand for words alone, `{0x0155: "start"}`: a test could only hold the table once more."""
    keys: set[ast.AST] = set()
    for table in ast.walk(value):
        if isinstance(table, ast.Dict) and all(isinstance(v, ast.Constant) and isinstance(v.value, str) for v in table.values):
            keys.update(node for key in table.keys if key is not None for node in ast.walk(key))
    return keys


def _larger(node: ast.AST, number: float, source: str) -> Mutation:
    text = _text(node, source)
    if isinstance(number, float):
        return _replaced("constant", node, f"({text} * 1.1)")
    return _replaced("constant", node, f"({text} + {max(1, round(number / 10))})")


def _measured_constants(tree: ast.Module) -> frozenset[str]:
    """Names of the module that stand for decimal numbers."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _has_decimals(statement.value):
            found.update(node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return frozenset(found)


def _has_decimals(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, float) for part in ast.walk(node))


def _is_measured(node: ast.AST, measured: frozenset[str]) -> bool:
    """Whether an expression is a quantity with a unit rather than a whole number."""
    names = [getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)]
    return _has_decimals(node) or any(name in measured or _MEASURED.search(name) for name in names)


def _in_functions(tree: ast.Module, source: str, measured: frozenset[str]) -> Iterator[Mutation]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in _own(function):
            yield from _of_node(node, source, measured)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's body without those of functions within it, and without annotations, docstrings and errors."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.arguments | ast.Raise):
            continue
        if child is getattr(function, "returns", None) or child is getattr(function, "annotation", None):
            continue
        yield child
        yield from _own(child)


def _of_node(node: ast.AST, source: str, measured: frozenset[str]) -> Iterator[Mutation]:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not isinstance(node.left, ast.JoinedStr | ast.List):
        yield from _between("sign", node.left, node.right, _OPERATORS[type(node.op)], source)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and "Quality" in (_text(node.right, source)):
        yield _replaced("flag", node, _text(node.left, source))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield _replaced("sign", node, f"(+{_text(node.operand, source)})")
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        if not _is_measured(node, measured):
            yield from _between("off by one", node.left, node.comparators[0], _COMPARISONS[type(node.ops[0])], source)
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitOr) and "Quality" in _text(node.value, source):
        yield _replaced("flag", node, "pass")
    elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield from _between("sign", node.target, node.value, tuple(f"{op}=" for op in _OPERATORS[type(node.op)]), source)  # type: ignore[arg-type]
    elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        if node.arg != "strict":  # of `zip`: it holds that lists are as long as each other, which they are
            yield _replaced("flag", node.value, str(not node.value.value))
    elif isinstance(node, ast.Slice | ast.Call) and (isinstance(node, ast.Slice) or _text(node.func, source) == "range"):
        ends = [node.lower, node.upper] if isinstance(node, ast.Slice) else node.args
        for end in ends:
            if isinstance(end, ast.Constant) and type(end.value) is int:
                yield _replaced("off by one", end, str(end.value + 1))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if node.value and (isinstance(node.value, float) or node.value >= 10):
            yield _larger(node, node.value, source)
    elif isinstance(node, ast.If) and not isinstance(node.test, ast.Constant):
        yield _replaced("branch", node.test, "False")


def _between(kind: str, left: ast.AST, right: ast.AST, change: tuple[str, str], source: str) -> Iterator[Mutation]:
    """The operator between two expressions; none where brackets make its place doubtful."""
    lines = _lines(source)
    first, last = left.end_lineno - 1, right.lineno - 1  # type: ignore[attr-defined]
    for number in range(first, last + 1):
        begin = left.end_col_offset if number == first else 0  # type: ignore[attr-defined]
        end = right.col_offset if number == last else len(lines[number])  # type: ignore[attr-defined]
        at = lines[number].find(change[0].encode(), begin, end)
        if at >= 0:
            yield Mutation(kind, number + 1, at, number + 1, at + len(change[0]), change[1])
            return


def _replaced(kind: str, node: ast.AST, text: str) -> Mutation:
    return Mutation(kind, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, text)  # type: ignore[attr-defined]


def _text(node: ast.AST, source: str) -> str:
    """As `ast.get_source_segment`, which cuts the whole source into lines for each node."""
    lines = _lines(source)
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
    begin, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    if first == last:
        return lines[first][begin:end].decode()
    return b"".join([lines[first][begin:], *lines[first + 1 : last], lines[last][:end]]).decode()


@lru_cache(maxsize=4)
def _lines(source: str) -> list[bytes]:
    return source.encode().splitlines(keepends=True)
