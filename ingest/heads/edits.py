"""edits.toml of a session folder: a person's later entries. The raw recording never changes.

    [[mark]]
    time_s = 31.0           # seconds of the session
    label = "calibrate"

    [[mark]]
    time_s = 12.4           # a mark that was set during the session …
    label = "calibrate"
    deleted = true          # … and does not count

    [[note]]
    time_s = 80.0
    text = "felt tight"

    [[pain]]
    time_s = 95.0
    score = 3               # 0 to 10; files of earlier versions call it level
    where = "left hip"      # optional

`[[repetition]]` is in the same file: `dashboards.edits` reads it, and it is written here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from body_signals import Note, Pain, SessionMark, UnclearLabel, check_label, session_fact, spelled, understood
from ingest.heads.session_toml import HeadReader, line_of
from on_disk import read_toml, toml_document, with_tables, without_tables, write_toml

EDITS = "edits.toml"
SAME_S = 1e-3
"""Tolerance, s, between two times of one mark (ours): summaries and this file have at least millisecond resolution."""
FURTHEST_S = 1e6
"""Largest distance of a mark from the start, s; even `rising` is within days (ours)."""
_TABLES = {"repetition", "mark", "note", "pain"}
_HEAD = "# Said after the session: marks, notes, pain, kinds of repetitions. The recording itself never changes.\n"
_REMEDY = "Write [[mark]] with time_s and label, [[note]] with time_s and text, [[pain]] with time_s and score."


@dataclass(frozen=True, slots=True)
class Edits:
    """added: marks, notes (label ``note …``) and pain (label ``pain …``) entered afterwards; deleted: marks of the session that
    do not count. Both in the order of the file."""

    added: tuple[SessionMark, ...] = ()
    deleted: tuple[SessionMark, ...] = ()

    def keeps(self, mark: SessionMark) -> bool:
        """Whether a mark of the session still counts."""
        return not any(same(mark, gone) for gone in self.deleted)


def same(one: SessionMark, other: SessionMark) -> bool:
    """Whether both are the same mark: the same label, and the same time within the files' resolution."""
    return one.label == other.label and abs(one.time_s - other.time_s) <= SAME_S


def normal(label: str) -> str:
    """A label in its standard spelling: notes, pain and facts of the session are normalised, any other label stays as it is."""
    said = understood(label) or session_fact(label)
    return spelled(label.strip()) if said is None else said.label


def read_edits(folder: Path) -> Edits:
    """The edits of the session in `folder`; empty where there is no such file. HiphingeError names the line."""
    path = folder / EDITS
    if not path.exists():
        return Edits()
    head, text = read_toml(path, _REMEDY)
    return _edits(head, text, path)


def _edits(head: Mapping[str, Any], text: str, path: Path) -> Edits:
    reader = HeadReader(head, lambda address: f"{path}, line {line_of(text, address)}")
    reader.no_slips(head, _TABLES, ())
    added: list[SessionMark] = []
    deleted: list[SessionMark] = []
    for name, read in (("mark", _mark), ("note", _note), ("pain", _pain)):
        for i, entry in enumerate(reader.entries(name)):
            mark, gone = read(reader, entry, i)
            if abs(mark.time_s) > FURTHEST_S:
                reader.fail(f"time_s = {mark.time_s:g} is far from every session", (name, i, "time_s"), "Write its seconds.")
            (deleted if gone else added).append(mark)
    return Edits(tuple(added), tuple(deleted))


def _mark(reader: HeadReader, entry: Mapping[str, Any], i: int) -> tuple[SessionMark, bool]:
    at = ("mark", i)
    reader.no_slips(entry, {"time_s", "label", "deleted"}, at)
    gone = entry.get("deleted", False)
    if not isinstance(gone, bool):
        reader.fail("deleted is neither true nor false", (*at, "deleted"), "Write true, or leave it out.")
    label = reader.text(entry, "label", at)
    if not gone:
        try:
            check_label(spelled(label))
        except UnclearLabel as error:
            reader.fail(str(error), (*at, "label"), f"{error.remedy}.")
    # a mark of the session is named as it was set
    return SessionMark(reader.number(entry, "time_s", at), label if gone else normal(label), "afterwards"), gone


def _note(reader: HeadReader, entry: Mapping[str, Any], i: int) -> tuple[SessionMark, bool]:
    at = ("note", i)
    reader.no_slips(entry, {"time_s", "text"}, at)
    return SessionMark(
        reader.number(entry, "time_s", at), normal(Note(reader.text(entry, "text", at)).label), "afterwards"
    ), False


def _pain(reader: HeadReader, entry: Mapping[str, Any], i: int) -> tuple[SessionMark, bool]:
    at = ("pain", i)
    reader.no_slips(entry, {"time_s", "score", "level", "where"}, at)
    name = "score" if "score" in entry else "level"
    level, where = reader.number(entry, name, at), reader.optional(entry, "where", at) or ""
    try:
        pain = Pain(level, where)
    except ValueError as error:
        reader.fail(str(error), (*at, name), "Write 0 (none) to 10 (worst).")
    return SessionMark(reader.number(entry, "time_s", at), normal(pain.label), "afterwards"), False


class EditsFile:
    """The edits.toml of a session folder while it is changed: a person's own text stays. `write` replaces it atomically."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EDITS
        self._text = read_toml(self._path, _REMEDY)[1] if self._path.exists() else _HEAD
        self.edits = self._read()

    def add(self, mark: SessionMark) -> None:
        """Add a mark, note or pain; an identical one at the same time is not doubled."""
        name, entry = _entry(mark)
        self._text = with_tables(self._text, name, [entry], lambda old, new: _agrees(name, old, mark), self._path)
        self.edits = self._read()

    def remove(self, mark: SessionMark) -> None:
        """Remove a mark, note or pain: a later entry is deleted, an entry of the session itself is noted as deleted."""
        name, _ = _entry(mark)
        if mark.said == "afterwards":
            self._text = without_tables(self._text, name, lambda old: _agrees(name, old, mark), self._path)
        else:
            gone = {"time_s": _seconds(mark.time_s), "label": mark.label, "deleted": True}
            self._text = with_tables(self._text, "mark", [gone], lambda old, new: dict(old) == dict(new), self._path)
        self.edits = self._read()

    def restore(self, mark: SessionMark) -> bool:
        """Make a removed mark of the session count again; False where there is none."""
        if not any(same(mark, gone) for gone in self.edits.deleted):
            return False

        def is_gone(old: Mapping[str, Any]) -> bool:
            return old.get("deleted") is True and same(SessionMark(float(old["time_s"]), str(old["label"])), mark)

        self._text = without_tables(self._text, "mark", is_gone, self._path)
        self.edits = self._read()
        return True

    def correct(self, start_s: float, end_s: float, movement: str | None) -> None:
        """Say what the repetition from start_s to end_s was, or that it was none (movement None); the last word counts."""
        at: dict[str, Any] = {"at_s": round(0.5 * (start_s + end_s), 3)}
        entry = at | ({"deleted": True} if movement is None else {"movement": movement})
        self._text = with_tables(self._text, "repetition", [entry], lambda old, new: _within(old, start_s, end_s), self._path)
        self.edits = self._read()

    def as_found(self, start_s: float, end_s: float) -> None:
        """Take back whatever was said of the repetition from start_s to end_s."""
        self._text = without_tables(self._text, "repetition", lambda old: _within(old, start_s, end_s), self._path)
        self.edits = self._read()

    def write(self) -> None:
        """Write the file into the folder. HiphingeError where it cannot be written."""
        write_toml(self._path, self._text)

    def _read(self) -> Edits:
        return _edits(toml_document(self._text, self._path), self._text, self._path)


def _entry(mark: SessionMark) -> tuple[str, dict[str, Any]]:
    """The list of tables for a mark, and its table."""
    at = {"time_s": _seconds(mark.time_s)}
    match understood(mark.label):
        case Note(text):
            return "note", at | {"text": text}
        case Pain(level, where):
            number: int | float = int(level) if level == int(level) else level
            return "pain", at | {"score": number} | ({"where": where} if where else {})
    return "mark", at | {"label": mark.label}


def _within(old: Mapping[str, Any], start_s: float, end_s: float) -> bool:
    """Whether a table of the file names a repetition by a time in this span."""
    at_s = old.get("at_s")
    return isinstance(at_s, int | float) and start_s <= at_s <= end_s


def _seconds(time_s: float) -> float:
    return round(time_s, 6)


def _agrees(name: str, old: Mapping[str, Any], mark: SessionMark) -> bool:
    """Whether a table of the file, which has been checked before, is this mark."""
    if old.get("deleted") is True or not math.isclose(float(old["time_s"]), mark.time_s, rel_tol=0.0, abs_tol=SAME_S):
        return False
    match name:
        case "note":
            label = Note(str(old["text"])).label
        case "pain":
            label = Pain(float(old.get("score", old.get("level"))), str(old.get("where", ""))).label
        case _:
            label = str(old["label"])
    return understood(label) == understood(mark.label) if name != "mark" else label == mark.label


def mended(marks: Sequence[SessionMark], edits: Edits) -> tuple[SessionMark, ...]:
    """The marks of a session as edits correct them."""
    return (*(mark for mark in marks if edits.keeps(mark)), *edits.added)
