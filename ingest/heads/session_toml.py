"""session.toml, the head of every session folder: reading with errors that point at the line, and writing.

`session_to_dict` and `session_from_dict` give the same content as plain JSON types, for the head of a recording.
Every fault is a `HiphingeError` with file, line and remedy. Unknown keys are ignored, unless they look like
a typing error: those are errors.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NoReturn

from body_signals import (
    LONGEST_PATIENCE_S,
    PATIENCE_S,
    SCHEMA,
    SHORTEST_PATIENCE_S,
    HiphingeError,
    Mounting,
    Placement,
    Sensor,
    Session,
    SessionMark,
    Setting,
    check_athlete,
    limits_with,
    origin,
)
from on_disk import read_toml, shown, toml_document, toml_text, write_toml

Address = tuple[str | int, ...]
"""Where a value stands in the document, e.g. ``("sensor", 1, "placement")``."""
_Locate = Callable[[Address], str]

_TABLES = {"schema", "start", "athlete", "software", "live", "screen", "sensor", "mark", "origin"}
_SENSOR_KEYS = {"placement", "name", "family", "file", "mounting", "address", "port", "rate_hz", "config", "worn"}
KIT_KEYS = frozenset({"range_g", "range_dps", "baud", "model", "payload_mode", "number", "serial", "advertised"})
"""Settings of a kit's sensor that a session may contain; they say how to reach the sensor and are not kept."""
UNIT_WITHIN = 0.02
"""Tolerance of the squared length of a unit quaternion written with four decimals (ours)."""
_WORDS: dict[type, str] = {str: "a text in quotes", dict: "a table", list: "a list of tables"}
_PLACEMENTS = ", ".join(Placement)


def session_to_dict(session: Session) -> dict[str, Any]:
    """`session` as JSON types, in the shape of session.toml; `start` as RFC 3339 text."""
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "start": session.start.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "athlete": {"id": session.athlete},
    }
    if session.software:
        head["software"] = {"version": session.software}
    if session.patience_s != PATIENCE_S:
        head["live"] = {"patience_ms": _milliseconds(session.patience_s)}
    if session.screen_limits:
        head["screen"] = {name: float(value) for name, value in session.screen_limits.items()}
    head["sensor"] = [_sensor_to_dict(sensor) for sensor in session.sensors]
    # later entries are in edits.toml
    own = [{"time_s": float(mark.time_s), "label": mark.label} for mark in session.marks if mark.said == "session"]
    if own:
        head["mark"] = own
    return head


def _sensor_to_dict(sensor: Sensor) -> dict[str, Any]:
    values = {
        "placement": sensor.placement.value,
        "name": sensor.name,
        "family": sensor.family if sensor.family != "plain" else None,
        "file": sensor.file,
        "mounting": {"up": sensor.mounting.up, "left": sensor.mounting.left} if sensor.mounting else None,
        "address": sensor.address,
        "port": sensor.port,
        "rate_hz": None if sensor.rate_hz is None else float(sensor.rate_hz),
        "worn": None if sensor.worn is None else list(sensor.worn),
        "config": {key: list(v) if isinstance(v, tuple) else v for key, v in sensor.config.items()} or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _milliseconds(seconds: float) -> float:
    """Milliseconds in the shortest form that converts back to the same seconds."""
    exact = seconds * 1e3
    near = (math.nextafter(exact, math.inf), math.nextafter(exact, 0.0))
    return next((ms for ms in (round(exact, 3), exact, *near) if ms / 1e3 == seconds), exact)


def session_from_dict(head: Mapping[str, Any], where: str) -> Session:
    """The session that `head` describes. Raises `HiphingeError` at `where`."""
    return HeadReader(head, lambda _: where).session()


def write_session_toml(session: Session, path: Path) -> None:
    """Write `session` to `path`, whole or not at all. Raises `HiphingeError` when the file cannot be written, or could not be
    read again."""
    head = session_to_dict(session)
    text = toml_text(head | {"start": session.start.astimezone(UTC), "origin": [origin(session.athlete, session.start)]}, path)
    session_from_dict(toml_document(text, path), str(path))
    write_toml(path, text)


def read_origins(path: Path) -> frozenset[str]:
    """The origins in the session.toml at `path`, the first and later ones (`body_signals.origin`); empty where it has none."""
    found = read_toml(path, "")[0].get("origin", [])
    return frozenset(one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str))


def read_session_toml(path: Path) -> Session:
    """The session that the file at `path` describes; its folder is the session folder."""
    head, text = read_toml(path, "A session folder has a session.toml; check the path of the folder.")
    reader = HeadReader(head, lambda address: f"{path}, line {line_of(text, address)}", path.parent)
    session = reader.session()
    reader.check_athlete(session.athlete, ("athlete", "id"))
    return session


def line_of(text: str, address: Address) -> int:
    """Line (from 1) of the key or table at `address` in TOML `text`; of the nearest table around it if not found."""
    table, key = address[0], next((str(part) for part in address[1:] if isinstance(part, str)), None)
    wanted = next((part for part in address[1:] if isinstance(part, int)), 0)
    seen, inside, best = -1, key is None, 1
    # not splitlines(): TOML has fewer line ends than Unicode
    for number, line in enumerate(text.split("\n"), 1):
        header = re.match(r"\s*(\[\[?)\s*\"?([\w-]+)\"?\s*(\]\]?)", line)
        if header:
            seen += header.group(2) == table
            inside = header.group(2) == table and seen == wanted
            if inside:
                best = number
                if key is None:
                    return number
            continue
        pair = re.match(r"""\s*(?:([\w-]+)|"([^"]*)"|'([^']*)')\s*(?:\.|=)""", line)
        word = pair and next((part for part in pair.groups() if part is not None), None)
        if pair and seen < 0 and word == table:  # a value, a dotted key or an inline table before any header
            return number
        if pair and inside and word == key:
            return number
    return best


class HeadReader:
    """Checks a parsed head piece by piece; `locate` turns an address into file and line."""

    def __init__(self, head: Mapping[str, Any], locate: _Locate, folder: Path | None = None) -> None:
        self._head, self._locate, self._folder = head, locate, folder

    def session(self) -> Session:
        schema = self._head.get("schema", SCHEMA)
        if type(schema) is not int or schema != SCHEMA:
            self.fail(f"unknown schema {shown(schema)}", ("schema",), f"This program reads schema {SCHEMA}; update hiphinge.")
        self.no_slips(self._head, _TABLES, ())
        start = self._start()
        athlete = self.text(self._table("athlete", 'Add [athlete] with id = "…", a pseudonym.'), "id", ("athlete",))
        software = self._table("software", "") if "software" in self._head else {}
        version = self.text(software, "version", ("software",)) if "version" in software else ""
        sensors: list[Sensor] = []
        for i, entry in enumerate(self.entries("sensor")):
            sensor = self.sensor(entry, i)
            if sensor.key in {s.key for s in sensors}:
                self.fail(
                    f"two sensors on one placement: {sensor.key}",
                    ("sensor", i, "name" if sensor.name else "placement"),
                    "Give each sensor a placement of its own, or remove one.",
                )
            sensors.append(sensor)
        if not sensors:
            self.fail("no sensor", ("sensor",), "Add a [[sensor]] table with placement and file for each sensor.")
        marks = tuple(self._mark(entry, i) for i, entry in enumerate(self.entries("mark")))
        return Session(start, athlete, tuple(sensors), marks, version, self._patience(), self._screen_limits())

    def _patience(self) -> float:
        live = self._table("live", "") if "live" in self._head else {}
        self.no_slips(live, {"patience_ms"}, ("live",))
        if "patience_ms" not in live:
            return PATIENCE_S
        seconds = self.number(live, "patience_ms", ("live",)) / 1e3
        if not SHORTEST_PATIENCE_S <= seconds <= LONGEST_PATIENCE_S:
            usual = f"{SHORTEST_PATIENCE_S * 1e3:g} to {LONGEST_PATIENCE_S * 1e3:g}"
            self.fail(f"patience_ms = {seconds * 1e3:g} is out of range", ("live", "patience_ms"), f"Write {usual}.")
        return seconds

    def _screen_limits(self) -> dict[str, float]:
        table = self._table("screen", "") if "screen" in self._head else {}
        limits = {name: self.number(table, name, ("screen",)) for name in table}
        for name in limits:
            try:
                limits_with({name: limits[name]})
            except ValueError as error:
                self.fail(str(error), ("screen", name), "The limits are those of docs/screen.md.")
        return limits

    def _start(self) -> datetime:
        remedy = "Write the start with its zone, e.g. start = 2026-11-23T14:05:00Z."
        value = self._head.get("start")
        if value is None:
            self.fail("start is missing", ("start",), remedy)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                self.fail(f"start = {shown(value)} is not a date and time", ("start",), remedy)
        if not isinstance(value, datetime):
            what = "is a date or time alone" if isinstance(value, date | time) else "is not a date and time"
            self.fail(f"start = {value} {what}", ("start",), remedy)

        if value.tzinfo is None:
            self.fail(f"start = {value.isoformat()} has no time zone", ("start",), remedy)
        first, last = YEARS
        # a day of leeway for the zone: times in the years 1 and 9999 cannot always be converted
        if not first < value.year < last:
            remedy += f" Its year is between {first} and {last}."
            self.fail(f"start = {value.isoformat()} is out of range", ("start",), remedy)
        return value.astimezone(UTC)

    def sensor(self, entry: Mapping[str, Any], i: int) -> Sensor:
        """The sensor of `[[sensor]]` table number `i`."""
        at: Address = ("sensor", i)
        self.no_slips(entry, _SENSOR_KEYS, at, KIT_KEYS)
        word = self.text(entry, "placement", at)
        if word not in set(Placement):
            close = difflib.get_close_matches(word, [p.value for p in Placement], 1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            self.fail(f"unknown placement {shown(word)}", (*at, "placement"), f"{hint}Placements are {_PLACEMENTS}.")
        placement = Placement(word)
        name = self.optional(entry, "name", at)
        if placement is Placement.OTHER and name is None:
            self.fail("a sensor with placement 'other' needs a name", at, 'Add name = "…".')
        if placement is not Placement.OTHER and name is not None:
            self.fail(f"a sensor on the {placement} has no name", (*at, "name"), 'Remove it, or use placement = "other".')
        if name is not None and name in set(Placement):
            self.fail(f"a sensor may not be named {shown(name)}: that is a placement", (*at, "name"), "Choose another name.")
        file = self.optional(entry, "file", at)
        if file is not None:
            self._stays_inside(file, (*at, "file"))
        return Sensor(
            placement=placement,
            name=name,
            family=self.optional(entry, "family", at) or "plain",
            file=file,
            mounting=self._mounting(entry, at),
            address=self.optional(entry, "address", at),
            port=self.optional(entry, "port", at),
            rate_hz=self._rate(entry, at),
            config=self._config(entry, at),
            worn=self._worn(entry, at),
        )

    def _config(self, entry: Mapping[str, Any], at: Address) -> Mapping[str, Setting]:
        value = entry.get("config", {})
        remedy = "Write it as config = { word = value, … } with texts, numbers, true or false, or lists of texts."
        if not isinstance(value, dict):
            self.fail(f"bad config: {shown(value)}", (*at, "config"), remedy)
        config: dict[str, Setting] = {}
        for key, item in value.items():
            if isinstance(item, list) and all(isinstance(text, str) for text in item):
                config[key] = tuple(item)
            elif isinstance(item, str | bool | int) or (isinstance(item, float) and math.isfinite(item)):
                # a recording, whose head is JSON, could not keep infinity
                config[key] = item
            else:
                self.fail(f"bad config value {key} = {shown(item)}", (*at, "config"), remedy)
        return config

    def _worn(self, entry: Mapping[str, Any], at: Address) -> tuple[float, ...] | None:
        if "worn" not in entry:
            return None
        value = entry["worn"]
        numbers = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        worn = tuple(float(v) for v in value) if numbers else ()
        # so that a number of 400 digits is not squared
        if len(worn) != 4 or not all(abs(v) <= 1.01 for v in worn) or abs(sum(v * v for v in worn) - 1.0) > UNIT_WITHIN:
            remedy = "It is written by the program: four numbers of a unit quaternion. Remove the line."
            self.fail(f"bad worn: {shown(value)}", (*at, "worn"), remedy)
        return worn

    def _rate(self, entry: Mapping[str, Any], at: Address) -> float | None:
        if "rate_hz" not in entry:
            return None
        rate = self.number(entry, "rate_hz", at)
        if rate <= 0.0:
            self.fail(f"rate_hz = {rate:g} is not a sample rate", (*at, "rate_hz"), "Write samples per second, e.g. 100.")
        return rate

    def _mounting(self, entry: Mapping[str, Any], at: Address) -> Mounting | None:
        remedy = 'Say which sensor axis points up and which to the wearer\'s left: mounting = { up = "+x", left = "+y" }.'
        if "mounting" not in entry:
            return None
        value = entry["mounting"]
        if not isinstance(value, dict) or set(value) != {"up", "left"} or not all(isinstance(v, str) for v in value.values()):
            self.fail(f"bad mounting: {shown(value)}", (*at, "mounting"), remedy)
        try:
            return Mounting(up=value["up"], left=value["left"])
        except ValueError as error:
            self.fail(f"bad mounting: {error}", (*at, "mounting"), remedy)

    def _stays_inside(self, file: str, at: Address) -> None:
        parts = PurePosixPath(file.replace("\\", "/")).parts
        outside = PurePosixPath(file).is_absolute() or bool(PureWindowsPath(file).anchor) or ".." in parts
        if not outside and self._folder is not None:
            try:
                outside = not (self._folder / file).resolve().is_relative_to(self._folder.resolve())
            except (OSError, RuntimeError):
                outside = True
        if outside or not parts:
            self.fail(
                f"file {shown(file)} is outside the session folder", at, "Put the file into the session folder, give its name."
            )

    def _mark(self, entry: Mapping[str, Any], i: int) -> SessionMark:
        at: Address = ("mark", i)
        self.no_slips(entry, {"time_s", "label"}, at)
        return SessionMark(self.number(entry, "time_s", at), self.text(entry, "label", at))

    def _table(self, name: str, remedy: str) -> Mapping[str, Any]:
        if name not in self._head:
            self.fail(f"[{name}] is missing", (name,), remedy)
        table: Mapping[str, Any] = self._typed(self._head[name], dict, name, (name,))
        return table

    def entries(self, name: str) -> list[Mapping[str, Any]]:
        """The tables `[[name]]`."""
        entries = self._typed(self._head.get(name, []), list, name, (name,))
        return [self._typed(entry, dict, f"[[{name}]]", (name, i)) for i, entry in enumerate(entries)]

    def text(self, table: Mapping[str, Any], key: str, at: Address) -> str:
        """A required text."""
        if key not in table:
            self.fail(f"{key} is missing", at, f"Add {key} = … to this table.")
        value: str = self._typed(table[key], str, key, (*at, key))
        if not value.strip() or any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in value):
            self.fail(f"{key} = {shown(value)} is empty or has control characters", (*at, key), "Write a plain word.")
        return value

    def check_athlete(self, athlete: str, at: Address) -> None:
        """Refuse an id that names nobody or everybody. Not applied to a recording's head, which cannot be corrected and must
        open."""
        try:
            check_athlete(athlete)
        except HiphingeError as error:
            self.fail(error.what, at, "Write the pseudonym of one athlete.")

    def optional(self, table: Mapping[str, Any], key: str, at: Address) -> str | None:
        """An optional text."""
        return self.text(table, key, at) if key in table else None

    def number(self, table: Mapping[str, Any], key: str, at: Address) -> float:
        """A required number."""
        if key not in table:
            self.fail(f"{key} is missing", at, f"Add {key} = … to this table.")
        value = table[key]
        if type(value) not in (int, float) or not abs(value) <= _LARGEST or not math.isfinite(value):
            self.fail(f"{key} = {shown(value)} is not a usable number", (*at, key), "Write a plain number without quotes.")
        return float(value)

    def _typed(self, value: Any, kind: type, name: str, at: Address) -> Any:
        if not isinstance(value, kind):
            self.fail(f"{name} = {shown(value)} has the wrong type", at, f"Expected {_WORDS[kind]}.")
        return value

    def no_slips(self, table: Mapping[str, Any], known: set[str], at: Address, allowed: frozenset[str] = frozenset()) -> None:
        """Refuse a key that looks like a typing error for a known one."""
        for key in table:
            if key not in known and key not in allowed:
                close = difflib.get_close_matches(key, sorted(known - set(table)), 1, 0.75)
                if close:
                    self.fail(f"unknown key {shown(key)}", (*at, key) if at else (key,), f"Did you mean {close[0]!r}?")

    def fail(self, what: str, at: Address, remedy: str) -> NoReturn:
        """Raise `HiphingeError` for the value at `at`."""
        raise HiphingeError(what, self._locate(at), remedy)


_LARGEST = 1e12
"""Largest number of seconds or hertz; anything larger is a typing error (ours)."""
YEARS = (1900, 2200)
"""Range of the year of a session's start (ours); InfluxDB's calendar goes from 1677 to 2262."""
