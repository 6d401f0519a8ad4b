"""A protocol: the tests that one person leads another through, in order, as data (docs/protocols.md).

A protocol is a TOML document. `protocol_of` reads one that has been opened elsewhere; nothing is guessed, and every error names
the file and the key. Texts are given in English and German, because pages and terminals show them to people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from body_signals import ANGLE_NAMES, MOST_PAIN, HiphingeError
from body_signals.movements import KIND_OF_TEST

STAND, PAINFUL, FAST = "stand", "painful_movement", "fast_bend"
"""Tests that are none of the hip screen: standing still, the athlete's own painful movement, and forward bends as fast as is
comfortable, whose velocities are told and never join those of bends at one's own pace."""
LANGUAGES = ("en", "de")
SIDES = ("left", "right")
AT_ONCE, STANDING, TAP = "at_once", "standing", "tap"
STARTS = (AT_ONCE, STANDING, TAP)
"""When a step begins after the one before: at once, when the athlete has stood upright and still, or when somebody says so."""
STOP_AT, STOP_RISE = 7.0, 3.0
"""Pain at which a protocol stops, and rise above the first pain said in it (ours, a proposal)."""
LEAST_VALID = 3
"""Fewest valid repetitions of a step that count as done, as in the hip screen."""
MOST_STEPS, MOST_REPETITIONS, LONGEST_S = 40, 50, 600.0
"""Of a protocol, of a step, and of standing still, s (ours)."""
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RESERVED = frozenset({"skip", "repeat", "back", "start", "count", "stop"})
_LONGEST_NAME, _LONGEST_TEXT = 40, 200
"""Characters (ours)."""


@dataclass(frozen=True, slots=True)
class Excursion:
    """How a movement that has no kind of its own is counted and measured: an angle that leaves where it was when the step began
    by at least `from_deg`, and returns by half. angle: one of the table of angles or of `SWINGS`; empty where nothing is
    measured, and a tap counts."""

    angle: str
    from_deg: float


SWINGS: Final[Mapping[str, str]] = {"thigh_left_swing": "thigh_left", "thigh_right_swing": "thigh_right"}
"""Angle → sensor: how far its vertical has turned since the step began, from gravity alone, wherever it is worn. Positive is
the way that it swings first."""
GUIDED: Final[Mapping[str, tuple[Excursion, Excursion]]] = {
    "side_bend": (Excursion("lumbar_lateral", 8.0),) * 2,
    "trunk_extension": (Excursion("trunk_inclination", 8.0),) * 2,
    "single_leg_hinge": (Excursion("trunk_inclination", 25.0),) * 2,
    "step_down": (Excursion("hip_left_flexion", 15.0), Excursion("hip_right_flexion", 15.0)),
    "hip_extension": (Excursion("hip_left_flexion", 8.0), Excursion("hip_right_flexion", 8.0)),
    "hip_rotation": (Excursion("thigh_left_swing", 10.0), Excursion("thigh_right_swing", 10.0)),
    "tapped": (Excursion("", 0.0),) * 2,
}
"""Tests that are led and marked, but have no kind of their own in the table of repetitions: how the left and the right side
are counted (the figures are ours). In `hip_rotation` somebody sits with a thigh sensor on the shin: the shin hangs, and swings
as the femur turns about its own axis, which is horizontal. `tapped` is any movement that no sensor tells. A test that is a test
of the hip screen is counted by its kind instead."""
ONE_LEG = frozenset({"single_leg_hinge", "step_down", "hip_extension", "hip_rotation"})
"""Those of them that are done one leg at a time: without a side nobody knows which hip is meant."""

Text = Mapping[str, str]
"""The same text by language."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds down, held, and up, where a measure needs them."""

    down_s: float
    hold_s: float
    up_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a protocol. title: its line in the list; words: what to do. seconds: how long to stand; repetitions: how
    many; least: fewest valid ones that count as done. start: see `STARTS`. expected_s: how long it usually takes.
    from_calibration: movements of a calibration within it are scored in the hip screen."""

    name: str
    test: str
    title: Text
    words: Text
    side: str = ""
    repetitions: int = 0
    seconds: float = 0.0
    least: int = LEAST_VALID
    start: str = AT_ONCE
    expected_s: float = 20.0
    from_calibration: bool = False
    tempo: Tempo | None = None

    @property
    def counted_by(self) -> Excursion | None:
        """How repetitions without a kind of their own are counted; None where the kind says so, or where none are."""
        if self.test in (STAND, PAINFUL, FAST) or self.test in KIND_OF_TEST:
            return None
        return GUIDED[self.test][self.side == "right"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol. red_flags: whether the questions that must be asked first are shown. stop_at, stop_rise: pain that stops
    it."""

    name: str
    title: Text
    words: Text
    steps: tuple[Step, ...]
    red_flags: bool = True
    stop_at: float = STOP_AT
    stop_rise: float = STOP_RISE

    @property
    def expected_s(self) -> float:
        """How long the whole of it usually takes, seconds."""
        return sum(step.expected_s for step in self.steps)


def known_tests() -> tuple[str, ...]:
    """The tests that a step may name."""
    return tuple(dict.fromkeys((STAND, PAINFUL, FAST, *KIND_OF_TEST, *GUIDED)))


def protocol_of(document: Mapping[str, Any], where: str) -> Protocol:
    """The protocol of an opened TOML document. where: the file, for messages. HiphingeError names the key that is wrong."""
    read = _Table(document, where)
    read.only("name", "title", "words", "red_flags", "pain", "steps")
    pain = _Table(read.table("pain"), where, "pain.")
    pain.only("stop_at", "stop_rise")
    steps = read.get("steps", list, [])
    if not steps or len(steps) > MOST_STEPS:
        read.fail("steps", f"there are {len(steps)} steps", f"Write 1 to {MOST_STEPS} tables [[steps]]")
    found = tuple(_step(_Table(step, where, f"steps[{i + 1}].")) for i, step in enumerate(steps))
    names = [step.name for step in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        read.fail("steps", f"two steps have the name {twice!r}", "Give each step a name of its own")
    return Protocol(
        read.name(),
        read.text("title"),
        read.text("words", needed=False),
        found,
        read.get("red_flags", bool, True),
        pain.number("stop_at", STOP_AT, 0.0, MOST_PAIN),
        pain.number("stop_rise", STOP_RISE, 0.0, MOST_PAIN),
    )


def _step(read: _Table) -> Step:
    read.only(*Step.__dataclass_fields__)
    test, side = read.get("test", str), read.get("side", str, "")
    if test not in known_tests():
        read.fail("test", f"{test!r} is no test", f"The tests are {', '.join(known_tests())}")
    if side not in ("", *SIDES):
        read.fail("side", f"{side!r} is no side", "Write left or right, or leave it out")
    kind = KIND_OF_TEST.get(test)
    if not side and ((kind is not None and kind.one_leg) or test in ONE_LEG):
        read.fail("side", f"{test} has sides", "Write one step for left and one for right")
    if side and (test in (STAND, FAST) or (kind is not None and not kind.one_leg)):
        read.fail("side", f"{test} has no sides", "Leave it out")
    repetitions = read.whole("repetitions", 0, MOST_REPETITIONS)
    seconds = read.number("seconds", 0.0, 0.0, LONGEST_S)
    if (test == STAND) != (seconds > 0.0) or (test == STAND) == (repetitions > 0):
        remedy = f"{STAND} takes seconds, every other test repetitions"
        read.fail("repetitions", f"{repetitions} repetitions and {seconds:g} seconds do not go with {test}", remedy)
    start = read.get("start", str, AT_ONCE)
    if start not in STARTS:
        read.fail("start", f"{start!r} is unknown", f"Write {', '.join(STARTS)}")
    tempo = read.table("tempo")
    return Step(
        read.name(),
        test,
        read.text("title"),
        read.text("words"),
        side,
        repetitions,
        seconds,
        read.whole("least", min(LEAST_VALID, repetitions), max(repetitions, 1)),
        start,
        read.number("expected_s", seconds or 6.0 * repetitions, 0.0, LONGEST_S),
        read.get("from_calibration", bool, False),
        _tempo(_Table(tempo, read.where, f"{read.of}tempo.")) if tempo else None,
    )


def _tempo(read: _Table) -> Tempo:
    read.only("down_s", "hold_s", "up_s")
    return Tempo(*(read.number(key, 0.0, 0.0, 30.0) for key in ("down_s", "hold_s", "up_s")))


class _Table:
    """Reads the keys of one table. of: what stands before its keys in messages."""

    def __init__(self, table: object, where: str, of: str = "") -> None:
        self.where, self.of = where, of
        if not isinstance(table, Mapping):
            self.fail("", "is not a table", "Write it as in docs/protocols.md")
        self._table: Mapping[str, Any] = table

    def fail(self, key: str, what: str, remedy: str) -> NoReturn:
        raise HiphingeError(f"{self.of}{key}: {what}", self.where, remedy)

    def only(self, *known: str) -> None:
        """No keys but these."""
        for key in self._table:
            if key not in known:
                self.fail(str(key)[:_LONGEST_NAME], "is unknown", f"The keys are {', '.join(known)}")

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        value = self._table.get(key, default)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            words = {str: "text", bool: "true or false", list: "a list"}[kind]
            self.fail(key, "is missing" if key not in self._table else f"is not {words}", f"Write {words}")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._table.get(key, {})
        if not isinstance(value, Mapping):
            self.fail(key, "is not a table", "Write it as in docs/protocols.md")
        return value

    def name(self) -> str:
        name: str = self.get("name", str)
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME or name in _RESERVED:
            remedy = f"Write lower-case letters, digits and hyphens; not {', '.join(sorted(_RESERVED))}"
            self.fail("name", f"{name[:_LONGEST_NAME]!r} is not a name", remedy)
        return name

    def text(self, key: str, *, needed: bool = True) -> Text:
        """A text in the languages; one that is given alone is shown in both."""
        value = self._table.get(key)
        if value is None and not needed:
            return dict.fromkeys(LANGUAGES, "")
        texts = dict.fromkeys(LANGUAGES, value) if isinstance(value, str) else value
        if not isinstance(texts, Mapping) or not any(texts.get(language) for language in LANGUAGES):
            self.fail(key, "has no text" if key in self._table else "is missing", 'Write { en = "…", de = "…" }')
        _Table(texts, self.where, f"{self.of}{key}.").only(*LANGUAGES)
        first = next(texts[language] for language in LANGUAGES if texts.get(language))
        found = {language: texts.get(language, first) for language in LANGUAGES}
        for language, text in found.items():
            if not isinstance(text, str) or len(text) > _LONGEST_TEXT or any(ord(c) < 32 for c in text):
                self.fail(f"{key}.{language}", "is not one line of text", f"Write at most {_LONGEST_TEXT} characters")
        return found

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self._table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.fail(key, "is not a number that is possible here", f"Write {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, default: int, most: int) -> int:
        value = self._table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.fail(key, "is not a number that is possible here", f"Write a whole number, at most {most}")
        return value


assert all(e.angle in ("", *ANGLE_NAMES, *SWINGS) for sides in GUIDED.values() for e in sides)
