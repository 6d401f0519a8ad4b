"""Documents that people or programs wrote: TOML and JSON, one reader for each.

Any exception of the parsers becomes one `HiphingeError`. The values are plain: numbers of 64 bits, finite in JSON, with limited
nesting. So readers of a document need not check this.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from body_signals import HiphingeError
from on_disk.opening import read_bytes, read_text

MOST_TOML_BYTES = 4 << 20
"""Largest TOML file, bytes (ours); those of sessions and kits have a few kilobytes."""
MOST_JSON_BYTES = 16 << 20
"""Largest JSON file, bytes (ours)."""
_DEEPEST = 32
"""Most levels of nesting in a document (ours)."""
_MANY_PARTS = re.compile(r"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){32}""")
"""A dotted key of 32 parts or more: the parser's time grows with the square of their number."""
_BRACKET = re.compile(r"[\[\]{}]")
_QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'')
_WORDS = reprlib.Repr()
_WORDS.maxstring = _WORDS.maxother = 80
_WORDS.maxlong = 40


def shown(value: object) -> str:
    """A value of a document for a message: short, on one line."""
    return _WORDS.repr(value)


def read_toml(path: Path, remedy: str) -> tuple[dict[str, Any], str]:
    """Content and text of the TOML file at `path`. remedy: what to do where there is none. Raises `HiphingeError`."""
    text = read_text(path, MOST_TOML_BYTES, remedy, handed_over=True)
    return toml_document(text, path), text


def toml_document(text: str, path: Path, fault: str = "broken TOML") -> dict[str, Any]:
    """Content of the TOML `text` of the file at `path`. Raises `HiphingeError` with the line; its words begin with `fault`."""
    many = _MANY_PARTS.search(text)
    if many:
        line = text.count("\n", 0, many.start()) + 1
        raise HiphingeError(f"{fault}: nested too deeply", f"{path}, line {line}", "Write it as in the documentation.")
    if _opened(text) > _DEEPEST:
        # the parser would recurse to Python's limit, and garbage collected there complains on standard error
        raise HiphingeError(f"{fault}: nested too deeply", str(path), "Write it as in the documentation.")
    try:
        document = tomllib.loads(text)
        _check_sound(document)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(text.splitlines()))
        raise HiphingeError(f"{fault}: {_short(error)}", f"{path}, line {line}", "Correct this line") from None
    except RecursionError:
        raise HiphingeError(f"{fault}: nested too deeply", str(path), "Write it as in the documentation.") from None
    except ValueError as error:
        # a number of thousands of digits, which int() refuses
        raise HiphingeError(f"{fault}: {_short(error)}", _longest_number(text, path), "Correct this line") from None
    return document


def _opened(text: str) -> int:
    """Largest number of brackets open at once outside quoted text."""
    depth = most = 0
    for bracket in _BRACKET.findall(_QUOTED.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        most = max(most, depth)
    return most


def read_json(path: Path) -> Any:
    """The JSON document in the file at `path`. Raises OSError as `open` does, ValueError for invalid JSON, and HiphingeError
    for anything but a regular file."""
    return json_document(read_bytes(path, MOST_JSON_BYTES))


def read_given_json(path: Path, remedy: str) -> Any:
    """The JSON document in a file that a person names. Raises `HiphingeError` with the line; remedy: what to do where there is
    none."""
    text = read_text(path, MOST_JSON_BYTES, remedy, handed_over=True)
    try:
        return json_document(text)
    except json.JSONDecodeError as error:
        raise HiphingeError(f"broken JSON at column {error.colno}", f"{path}, line {error.lineno}", remedy) from None
    except ValueError as error:
        raise HiphingeError(f"broken JSON: {_short(error)}", str(path), remedy) from None


def json_document(text: bytes | str) -> Any:
    """The document in the JSON `text`. ValueError, with the reason, where it is not valid."""
    try:
        document = json.loads(text, parse_constant=_no_number)
        _check_sound(document, finite=True)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _check_sound(document: object, *, finite: bool = False) -> None:
    """ValueError for a number beyond 64 bits, a JSON number that became infinite, text that is not Unicode, and deep
    nesting."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            # the parsers make no subclasses; a third of the time of isinstance, and a summary has tens of thousands of values
            kind = type(value)
            if kind is dict:
                below += value.values()
                below += value.keys()
            elif kind is list:
                below += value
            elif kind is int and not -(1 << 63) <= value < 1 << 63:
                raise ValueError("a whole number of more than 64 bits")
            elif kind is float and finite and not math.isfinite(value):
                raise ValueError("a number that is too large")
            elif kind is str and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                raise ValueError("text that is not Unicode")
        if not below:
            return
        level = below
    raise ValueError("nested too deeply")


def _longest_number(text: str, path: Path) -> str:
    """The line of the number with the most digits."""
    longest = max(re.finditer(r"\w{20,}", text), key=lambda found: found.end() - found.start(), default=None)
    return str(path) if longest is None else f"{path}, line {text.count(chr(10), 0, longest.start()) + 1}"


def _short(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else f"{words[:200]} …"
