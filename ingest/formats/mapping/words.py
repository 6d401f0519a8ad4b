"""The mapping file: every word of it, and the line of every fault.

    start = 2026-11-23T14:05:00Z                     # optional, as are [athlete] and [[mark]]: as in session.toml
    time = { column = "t", unit = "ms" }             # s, ms, us, ns, iso, clock
    acc = { columns = ["ax", "ay", "az"], unit = "g" }          # m/s2, g, mg
    gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }      # rad/s, deg/s
    [[sensor]]                                       # optional; placement, name, mounting, rate_hz as in session.toml
    placement = "pelvis"
    file = "hip.csv"                                 # and own time, acc, … where this file differs

docs/csv-mapping.md lists all words. What a preset ships is such a file too.
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from body_signals import UNKNOWN_START, HiphingeError, Sensor, Session, check_athlete
from ingest.formats.mapping.groups import EXAMPLES, GROUPS, GroupReader
from ingest.formats.mapping.layout import COUNTED, Clock, Group, Layout, TextLayout
from ingest.formats.text import UTF_8, place
from ingest.heads.session_toml import Address, line_of, session_from_dict
from on_disk import read_toml, shown

TEXT_WORDS = frozenset({"delimiter", "decimal", "encoding", "skip_rows", "header", "header_with", "bad_lines"})
LAYOUT_WORDS = TEXT_WORDS | {"time", "where", "split_by", "rate_hz", "start_in", "name_in", "start_file", *GROUPS}
HEAD_WORDS = frozenset({"schema", "start", "athlete", "mark"})
SENSOR_WORDS = frozenset({"placement", "name", "file", "mounting", "rate_hz"})
TOP_WORDS = HEAD_WORDS | LAYOUT_WORDS | {"sensor", "files"}


class MappingFile:
    """A mapping file; every fault names its line. rate_is_said: the time may be missing. arrays: columns name arrays."""

    def __init__(self, path: Path, *, rate_is_said: bool = False, arrays: bool = False) -> None:
        self.path = path
        self._rate_is_said = rate_is_said
        self.arrays = arrays
        remedy = "Check the path given with --mapping."
        if not path.exists():
            raise HiphingeError("the mapping file cannot be read: it is not there", str(path), remedy)
        self.top, self._text = read_toml(path, remedy)
        self._only_known(self.top, TOP_WORDS, ())
        self.entries: list[dict[str, Any]] = self.top.get("sensor", [])
        if not isinstance(self.entries, list) or not all(isinstance(entry, dict) for entry in self.entries):
            self.fail("sensor is not a list of tables", ("sensor",), "Begin each sensor with a line [[sensor]].")
        for i, entry in enumerate(self.entries):
            self._only_known(entry, SENSOR_WORDS | LAYOUT_WORDS, ("sensor", i))

    def head(self) -> Session:
        """Start, athlete and marks as in session.toml, with a placeholder where they are not stated."""
        stand_in: dict[str, Any] = {"start": UNKNOWN_START, "athlete": {"id": "-"}, "sensor": [{"placement": "pelvis"}]}
        session = session_from_dict(stand_in, str(self.path))
        for key in ("schema", "start", "athlete", "mark"):
            if key in self.top:
                session = session_from_dict(
                    {**stand_in, "start": session.start, "athlete": {"id": session.athlete}, key: self.top[key]},
                    self._at((key,)),
                )
        return session

    def athlete(self, head: Session) -> str | None:
        """The stated athlete."""
        if "athlete" not in self.top:
            return None
        try:
            return check_athlete(head.athlete)
        except HiphingeError as error:
            self.fail(error.what, ("athlete", "id"), "Write the pseudonym of one athlete.")

    def sensor(self, i: int) -> Sensor:
        """The `Sensor` that the i-th [[sensor]] table states."""
        stated = {key: value for key, value in self.entries[i].items() if key in SENSOR_WORDS}
        head = {"start": UNKNOWN_START, "athlete": {"id": "-"}, "sensor": [stated]}
        return session_from_dict(head, self._at(("sensor", i))).sensors[0]

    def files(self) -> tuple[str, ...]:
        """Patterns of the files that are sensors, where no [[sensor]] tables name them."""
        return self._names("files", {}, ()) or ("*.csv",)

    def layout(self, i: int | None) -> Layout:
        """The layout of the i-th [[sensor]] table; None: of all sensors."""
        entry, at = ({}, ()) if i is None else (self.entries[i], ("sensor", i))
        text = self._text_layout(entry, at)
        reader = GroupReader(self)
        clocks: tuple[Clock, ...] = ()
        groups: dict[str, tuple[Group, ...]] = {}
        for key in ("time", *GROUPS):
            value, where = self.either(key, entry, at)
            alternatives = value if isinstance(value, list) and value else [] if value is None else [value]
            if key == "time":
                clocks = tuple(reader.clock(one, where) for one in alternatives)
            elif alternatives:
                groups[key] = tuple(reader.group(key, one, where) for one in alternatives)
        rate_hz, _ = self.either("rate_hz", entry, at)
        if not clocks and rate_hz is not None:
            named = self.arrays and isinstance(rate_hz, str)
            clocks = (Clock(COUNTED, (rate_hz,)) if named else Clock(COUNTED, rate_hz=self._rate(rate_hz, entry, at)),)
        for key, there in (("time", bool(clocks) or self._rate_is_said), ("acc", "acc" in groups)):
            if not there:
                or_rate = ", or rate_hz = … where the file has no time" if key == "time" else ""
                self.fail(f"{key} is missing", at or (key,), f"Add {EXAMPLES[key]} above all tables in brackets{or_rate}.")
        if "gyr" not in groups and "quat" not in groups:
            self.fail("neither gyr nor quat is there", at or ("gyr",), f"Add {EXAMPLES['gyr']}, or quat.")
        for key, described in groups.items():
            named = any(group.clock is not None and group.clock.per_second < 0.0 for group in described)
            if named and (not clocks or clocks[0].kind == COUNTED):
                what = f"time in {key} names a column, and no unit is known"
                self.fail(what, self.either(key, entry, at)[1], 'Write time = { column = "…", unit = "s" } there.')
        optional = frozenset(key for key in groups if isinstance(self.either(key, entry, at)[0], list))
        split_by = self._names("split_by", entry, at)
        return Layout(
            text,
            clocks,
            groups,
            optional,
            self._where(entry, at),
            split_by,
            self._word("start_in", entry, at) or "",
            self._word("name_in", entry, at) or "",
            self._start_file(),
        )

    def _start_file(self) -> tuple[str, str] | None:
        value = self.top.get("start_file")
        if value is None:
            return None
        if (
            not isinstance(value, dict)
            or set(value) != {"file", "column"}
            or not all(isinstance(v, str) for v in value.values())
        ):
            remedy = 'Write for example start_file = { file = "meta/time.csv", column = "system time" }.'
            self.fail(f"start_file = {shown(value)} is not a file and its column", ("start_file",), remedy)
        return value["file"], value["column"]

    def either(self, key: str, entry: Mapping[str, Any], at: Address) -> tuple[Any, Address]:
        """A sensor's own value, else the one for all; and where it stands."""
        return (entry[key], (*at, key)) if key in entry else (self.top.get(key), (key,))

    def fail(self, what: str, at: Address, remedy: str) -> NoReturn:
        """Raise `HiphingeError` at the line of `at`."""
        raise HiphingeError(what, self._at(at), remedy)

    def _text_layout(self, entry: Mapping[str, Any], at: Address) -> TextLayout:
        delimiter, where = self.either("delimiter", entry, at)
        wrong = not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n.+-'
        if delimiter is not None and wrong:
            remedy = 'Write one character: ",", ";" or "\\t".'
            self.fail(f"delimiter = {shown(delimiter)} is not a delimiter", where, remedy)
        decimal, where = self.either("decimal", entry, at)
        if decimal not in (None, ".", ","):
            self.fail(f"decimal = {shown(decimal)} is unknown", where, 'Write decimal = "," or leave it out.')
        if decimal == "," and (delimiter or ",") == ",":
            self.fail("decimal and delimiter are both a comma", where, 'Write the delimiter, e.g. delimiter = ";".')
        encoding, where = self.either("encoding", entry, at)
        if encoding is not None and (not isinstance(encoding, str) or not _is_text_encoding(encoding)):
            remedy = 'Write for example encoding = "cp1252", "utf-16" or "gb18030".'
            self.fail(f"encoding = {shown(encoding)} is unknown", where, remedy)
        header, header_with = self._names("header", entry, at), self._names("header_with", entry, at)
        if header and header_with:
            self.fail("header and header_with are both there", at or ("header",), "A file has a line of names, or it has none.")
        return TextLayout(
            delimiter,
            self._count("skip_rows", entry, at) or 0,
            header,
            header_with,
            decimal or ".",
            encoding or UTF_8,
            self._count("bad_lines", entry, at),
        )

    def _count(self, key: str, entry: Mapping[str, Any], at: Address) -> int | None:
        value, where = self.either(key, entry, at)
        if value is not None and (type(value) is not int or value < 0):
            self.fail(f"{key} = {shown(value)} is not a number of lines", where, "Write 0, 1, 2 …")
        return value

    def _names(self, key: str, entry: Mapping[str, Any], at: Address) -> tuple[str, ...]:
        value, where = self.either(key, entry, at)
        if value is None:
            return ()
        value = [value] if key == "split_by" and isinstance(value, str) else value
        if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
            self.fail(f"{key} = {shown(value)} is not a list of names", where, f'Write for example {key} = ["t", "ax"].')
        return tuple(name.strip() for name in value)

    def _word(self, key: str, entry: Mapping[str, Any], at: Address) -> str | None:
        value, where = self.either(key, entry, at)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            self.fail(f"{key} = {shown(value)} is not a text", where, f'Write for example {key} = "StartTime:".')
        return value

    def _where(self, entry: Mapping[str, Any], at: Address) -> tuple[str, str] | None:
        value, where = self.either("where", entry, at)
        if value is None:
            return None
        remedy = 'Write for example where = { column = "id", is = "1" }.'
        if not isinstance(value, dict) or set(value) != {"column", "is"} or not isinstance(value["column"], str):
            self.fail(f"where = {shown(value)} is not a column and its value", where, remedy)
        if not isinstance(value["is"], str | int) or isinstance(value["is"], bool):
            self.fail("where: is = … is neither a text nor a whole number", where, remedy)
        return value["column"].strip(), str(value["is"]).strip()

    def _rate(self, value: Any, entry: Mapping[str, Any], at: Address) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 < value < 1e5:
            where = self.either("rate_hz", entry, at)[1]
            self.fail(f"rate_hz = {shown(value)} is not a rate", where, "Write the samples per second, e.g. rate_hz = 100.")
        return float(value)

    def _only_known(self, table: Mapping[str, Any], known: frozenset[str], at: Address) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, sorted(known), 1, 0.6)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known keys are {', '.join(sorted(known))}."
                self.fail(f"unknown key {key!r}", (*at, key), hint)

    def _at(self, address: Address) -> str:
        return place(self.path, line_of(self._text, address))


def _is_text_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name).name != "undefined" and isinstance("".encode(name), bytes)
    except (LookupError, TypeError, UnicodeError):
        return False
