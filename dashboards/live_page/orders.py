"""What a page says, checked: an order that is understood, or nothing. Hostile messages end here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from body_signals import MOST_PAIN, SCREEN_MEASURES

MOST_BYTES = 64 * 1024
LONGEST_TEXT = 500
"""Characters of a note (ours)."""
LONGEST_LABEL = 80
LONGEST_ID = 200
"""Characters of a sensor's address or port."""
LARGEST_TARGET_DEG = 180.0
LONGEST_SLEEP_S = 7 * 24 * 3600
TARGETS = ("lumbar_flexion", "hip_flexion")
_NUMBERS = {(m.test, m.side, m.name) for m in SCREEN_MEASURES}
STEP_ORDERS = ("skip", "repeat", "back", "start", "count")
"""What a page may say of the step of a protocol."""


@dataclass(frozen=True, slots=True)
class PageOrder:
    """An order: what to `do`, its arguments, and the session time of the row that the person saw; None: none was fresh.

    id, place: of orders before a session: a sensor's, and a placement or a step.
    """

    do: str
    seen_s: float | None = None
    text: str = ""
    number: float | None = None
    id: str = ""
    place: str = ""


def order_of(message: Any) -> PageOrder | None:
    """The order of a decoded message; None for what is none."""
    if not isinstance(message, dict):
        return None
    do = message.get("do")
    read = _READERS.get(do) if isinstance(do, str) else None
    if read is None:
        return None
    seen = _number(message.get("time_s"), 0.0, 1e9)
    try:
        return read(message, seen)
    except (TypeError, ValueError):
        return None


def acknowledged(message: Any) -> int | None:
    """How many frames a message acknowledges; None where it is no such message."""
    if isinstance(message, dict) and "do" not in message:
        n = message.get("ack")
        if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 1 << 53:
            return n
    return None


def decoded(text: str | bytes) -> Any:
    """JSON; None where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None


def _number(value: Any, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if least <= value <= most else None


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return " ".join(value.split())[:longest]


def _mark(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("mark", seen, _text(message.get("label", "mark"), LONGEST_LABEL))


def _pain(message: dict[str, Any], seen: float | None) -> PageOrder:
    score = _number(message.get("score"), 0, MOST_PAIN)
    if score is None or score != int(score):
        raise ValueError
    return PageOrder("pain", seen, number=int(score))


def _note(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("note", seen, _text(message.get("text"), LONGEST_TEXT))


def _plain(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder(message["do"], seen)


def _target(message: dict[str, Any], seen: float | None) -> PageOrder:
    if message.get("angle") not in TARGETS:
        raise ValueError
    degrees = None
    if message.get("deg") is not None:
        degrees = _number(message["deg"], -LARGEST_TARGET_DEG, LARGEST_TARGET_DEG)
        if degrees is None:
            raise ValueError
    return PageOrder("target", seen, message["angle"], degrees)


def _protocol(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("protocol", None, _name(message.get("name")))


def _led(message: dict[str, Any], seen: float | None) -> PageOrder:
    if message.get("what") not in STEP_ORDERS:
        raise ValueError
    return PageOrder("led", None, message["what"])


def _primary(message: dict[str, Any], seen: float | None) -> PageOrder:
    key = (message.get("test"), message.get("side"), message.get("measure"))
    if key not in _NUMBERS:
        raise ValueError
    return PageOrder("primary", None, ":".join(map(str, key)))


def _name(value: Any) -> str:
    """The name of a protocol: letters, digits and hyphens."""
    name = _text(value, LONGEST_LABEL)
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise ValueError
    return name


def _slept(message: dict[str, Any], seen: float | None) -> PageOrder:
    seconds = _number(message.get("seconds"), 1.0, LONGEST_SLEEP_S)
    if seconds is None:
        raise ValueError
    return PageOrder("slept", None, number=round(seconds))


def _revoke(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("revoke", None, _text(message.get("id"), 40))


def _invite(message: dict[str, Any], seen: float | None) -> PageOrder:
    if message.get("role") not in ("operator", "viewer"):
        raise ValueError
    return PageOrder("invite", None, message["role"])


def _session_note(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("session_note", None, _text(message.get("text"), LONGEST_TEXT))


def _optional(value: Any, longest: int) -> str:
    """A text that may be missing or empty."""
    return "" if value is None or value == "" else _text(value, longest)


def _before(message: dict[str, Any], seen: float | None) -> PageOrder:
    """An order before a session: setting up."""
    text = message.get("name", message.get("text"))
    place = message.get("placement", message.get("step"))
    return PageOrder(
        message["do"],
        None,
        _optional(text, LONGEST_LABEL),
        id=_optional(message.get("id"), LONGEST_ID),
        place=_optional(place, LONGEST_LABEL),
    )


def _athlete(message: dict[str, Any], seen: float | None) -> PageOrder:
    return PageOrder("athlete", None, _optional(message.get("id"), LONGEST_LABEL))


SET_UP = ("scan", "step", "place", "skip", "want", "exchange", "rename", "first_note", "kit", "start", "start_without")
"""Orders before a session, besides ``athlete`` and ``stop``."""
_READERS: dict[str, Callable[[dict[str, Any], float | None], PageOrder]] = {
    **dict.fromkeys(SET_UP, _before),
    "athlete": _athlete,
    "mark": _mark,
    "pain": _pain,
    "note": _note,
    "calibrate": _plain,
    "heel_drop": _plain,
    "new_set": _plain,
    "protocol": _protocol,
    "led": _led,
    "protocol_stop": _plain,
    "primary": _primary,
    "retest": _plain,
    "undo": _plain,
    "stop": _plain,
    "target": _target,
    "slept": _slept,
    "revoke": _revoke,
    "invite": _invite,
    "session_note": _session_note,
}
