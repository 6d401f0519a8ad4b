"""Writing TOML: new files, and files kept by a person, in which every word that is not replaced stays.

`tomlkit` does the quoting and keeps comments. It is used for writing only: `documents.toml_document` reads with the parser of
the standard library, which is much faster and returns plain values. It also reads every text made here, before it is written.
`tomlkit` is imported where it is used: the program starts without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from body_signals import HiphingeError
from on_disk.documents import toml_document
from on_disk.private import replace_whole

if TYPE_CHECKING:
    from tomlkit.items import AoT, Array, Comment, InlineTable, Item, Table, Whitespace

Replaces = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Whether the second table of a list, a new one, replaces the first, an old one."""
_UNWRITABLE = "cannot be written as TOML"


def toml_text(document: Mapping[str, Any], path: Path) -> str:
    """`document` as TOML: plain values first, then each table and list of tables; deeper values stand on one line.

    path: of the file to write. Raises `HiphingeError` for values that TOML, or our reader, does not know.
    """
    import tomlkit

    made = tomlkit.document()
    try:
        for key, value in sorted(document.items(), key=lambda item: _is_table(item[1]) or _are_tables(item[1])):
            if _are_tables(value):
                tables = tomlkit.aot()
                for entry in value:
                    tables.append(_table(entry))
                made.add(key, tables)
            else:
                made.add(key, _table(value) if _is_table(value) else _on_one_line(value))
        text = made.as_string()
    except (ValueError, TypeError) as error:
        raise _unwritable(error, path) from None
    toml_document(text, path, _UNWRITABLE)
    return text


def with_tables(text: str, name: str, new: Sequence[Mapping[str, Any]], replaces: Replaces, path: Path) -> str:
    """The TOML `text` with these tables in its list `name`; all else stays as it is, comments and order too.

    A new table takes the place of the first table that it replaces, and further ones are removed. A table that replaces none
    comes last. Raises `HiphingeError` where the file at `path` cannot be changed.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import AoT, Array

    try:
        # without a final line end, the next table would begin on the last line
        document = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
        tables = document.setdefault(name, tomlkit.aot())
        if not isinstance(tables, AoT | Array):
            raise ValueError(f"{name} is not a list of tables")
        for entry in new:
            places = [i for i, old in enumerate(tables.unwrap()) if replaces(old, entry)]
            for i in reversed(places[1:]):
                _remove(tables, i)
            if places:
                _put(tables[places[0]], entry)
            elif isinstance(tables, AoT):
                if tables and not tables[-1].as_string().endswith("\n\n"):
                    tables[-1].add(tomlkit.nl())
                tables.append(_table(entry))
            else:
                tables.append(_on_one_line(entry))
        changed = document.as_string()
    except (ValueError, TypeError, LookupError, TOMLKitError) as error:
        raise _unwritable(error, path) from None
    toml_document(changed, path, _UNWRITABLE)
    return changed


def with_value(text: str, key: str, value: Any, path: Path, *, table: str = "") -> str:
    """The TOML `text` with this value at its top, or in the table of this name; all else stays as it is, comments too.

    Raises `HiphingeError` where the file at `path` cannot be changed.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
        place: Any = document.setdefault(table, tomlkit.table()) if table else document
        place[key] = _on_one_line(value)
        changed = document.as_string()
    except (ValueError, TypeError, LookupError, TOMLKitError) as error:
        raise _unwritable(error, path) from None
    read = toml_document(changed, path, _UNWRITABLE)
    if (read[table] if table else read).get(key) != value:
        raise _unwritable(ValueError(f"{key} has no place in it"), path)
    return changed


def without_tables(text: str, name: str, unwanted: Callable[[Mapping[str, Any]], bool], path: Path) -> str:
    """The TOML `text` without those tables of its list `name` that are `unwanted`; all else stays, comments below them too.

    Raises `HiphingeError` where the file at `path` cannot be changed.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import AoT, Array

    try:
        document = tomlkit.parse(text)
        tables = document.get(name)
        if not isinstance(tables, AoT | Array):
            return text
        places = [i for i, old in enumerate(tables.unwrap()) if unwanted(old)]
        if places and len(places) == len(tables):
            # an empty list of tables cannot be written
            ends = [item for table in tables for item in _taken_end(table)]
            document.remove(name)
            for item in ends:
                document.add(item)
        elif places:
            for i in reversed(places):
                if i:
                    _remove(tables, i)
            if places[0] == 0:
                end = _taken_end(tables[0])
                del tables[0]
                for item in end:
                    tables[0].add(item)
        changed = document.as_string()
    except (ValueError, TypeError, LookupError, TOMLKitError) as error:
        raise _unwritable(error, path) from None
    toml_document(changed, path, _UNWRITABLE)
    return changed


def write_toml(path: Path, text: str, *, owner_only: bool = True) -> None:
    """Write TOML that was made here, atomically. Raises `HiphingeError` when the file cannot be written.

    owner_only: see `replace_whole`.
    """
    try:
        replace_whole(path, text, owner_only=owner_only)
    except OSError as error:
        remedy = "Check the folder, its permissions and the free space."
        raise HiphingeError(f"cannot be written: {error.strerror}", str(path), remedy) from error


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_table, value))


def _table(values: Mapping[str, Any]) -> Table:
    import tomlkit

    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, _on_one_line(value))
    return table


def _on_one_line(value: Any) -> Item:
    import tomlkit

    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, item in value.items():
            inline.add(key, _on_one_line(item))
        return inline
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        for item in value:
            array.append(_on_one_line(item))
        return array
    plain: Item = tomlkit.item(value)
    return plain


def _put(table: Table | InlineTable, entry: Mapping[str, Any]) -> None:
    """Make a table hold `entry` and nothing else; comments stay, even on lines whose value has changed."""
    for key in [key for key in table if key not in entry]:
        table.remove(key)
    # text below the last line belongs to the next table: a new line goes above it
    end = _taken_end(table)
    there = table.unwrap()
    for key, value in entry.items():
        # not by ==: true is not 1
        if key not in there or repr(there[key]) != repr(value):
            table[key] = _on_one_line(value)
    for item in end:
        table.add(item)


def _remove(tables: AoT | Array, i: int) -> None:
    """Remove a table, not the first, from the list; text below its last line stays."""
    end = _taken_end(tables[i])
    del tables[i]
    for item in end:
        tables[i - 1].add(item)


def _taken_end(table: Table | InlineTable) -> list[Comment | Whitespace]:
    """The comments and blank lines below the last line of a table; they are removed from it."""
    from tomlkit.items import Comment, Table, Whitespace

    end: list[Comment | Whitespace] = []
    body = table.value.body
    while isinstance(table, Table) and body and body[-1][0] is None:
        _, item = body.pop()
        if isinstance(item, Comment | Whitespace):
            end.insert(0, item)
    return end


def _unwritable(error: Exception, path: Path) -> HiphingeError:
    remedy = "Write texts, numbers, true or false, dates, and lists and tables of them."
    return HiphingeError(f"{_UNWRITABLE}: {' '.join(str(error).split())[:200]}", str(path), remedy)
