"""What a page says, checked: an order that is understood, or nothing. Hostile messages end here.

An order is one JSON object with ``do``. Fields that it does not need are let go: a page of another version may send more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, cast

import msgspec

from body_signals import LARGEST_TARGET_DEG, MOST_PAIN, key_of

LONGEST_TEXT = 500
"""Characters of a note (ours)."""
LONGEST_LABEL = 80
"""Characters of a mark (ours)."""
LONGEST_ID = 200
"""Characters of a sensor's address or port (ours)."""
LONGEST_SLEEP_S = 7 * 24 * 3600
"""A page that says it slept for longer has a wrong clock (ours)."""
LATEST_S = 1e9
"""No session time is later (ours)."""
SET_UP = ("scan", "step", "place", "skip", "want", "exchange", "rename", "first_note", "kit", "start", "start_without")
"""Orders before a session, besides ``athlete`` and ``stop``."""


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


class _Order(msgspec.Struct, frozen=True, tag_field="do"):
    """time_s: an order whose time is none still counts, at the time when it comes."""

    time_s: Any = None

    @property
    def do(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def seen_s(self) -> float | None:
        s = self.time_s
        if isinstance(s, bool) or not isinstance(s, int | float) or not 0.0 <= s <= LATEST_S:
            return None
        return float(s)

    def order(self) -> PageOrder:
        """As the session takes it. ValueError where a text is empty."""
        return PageOrder(self.do, self.seen_s)


class _Mark(_Order, frozen=True, tag="mark"):
    label: str = "mark"

    def order(self) -> PageOrder:
        return PageOrder(self.do, self.seen_s, _text(self.label, LONGEST_LABEL))


class _Pain(_Order, frozen=True, tag="pain", kw_only=True):
    score: Annotated[int, msgspec.Meta(ge=0, le=int(MOST_PAIN))]

    def order(self) -> PageOrder:
        return PageOrder(self.do, self.seen_s, number=self.score)


class _Note(_Order, frozen=True, tag="note", kw_only=True):
    text: str

    def order(self) -> PageOrder:
        return PageOrder(self.do, self.seen_s, _text(self.text, LONGEST_TEXT))


class _SessionNote(_Order, frozen=True, tag="session_note", kw_only=True):
    text: str

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, _text(self.text, LONGEST_TEXT))


class _Target(_Order, frozen=True, tag="target", kw_only=True):
    angle: Literal["lumbar_flexion", "hip_flexion"]
    deg: Annotated[float, msgspec.Meta(ge=-LARGEST_TARGET_DEG, le=LARGEST_TARGET_DEG)] | None = None

    def order(self) -> PageOrder:
        return PageOrder(self.do, self.seen_s, self.angle, self.deg)


class _Slept(_Order, frozen=True, tag="slept", kw_only=True):
    seconds: Annotated[float, msgspec.Meta(ge=1.0, le=LONGEST_SLEEP_S)]

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, number=round(self.seconds))


class _Revoke(_Order, frozen=True, tag="revoke", kw_only=True):
    id: str

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, _text(self.id, 40))


class _Invite(_Order, frozen=True, tag="invite", kw_only=True):
    role: Literal["operator", "viewer"]

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, self.role)


class _Athlete(_Order, frozen=True, tag="athlete"):
    id: str | None = None

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, _optional(self.id, LONGEST_LABEL))


class _Before(_Order, frozen=True):
    """An order before a session: setting up."""

    name: str | None = None
    text: str | None = None
    placement: str | None = None
    step: str | None = None
    id: str | None = None

    def order(self) -> PageOrder:
        return PageOrder(
            self.do,
            None,
            _optional(self.text if self.name is None else self.name, LONGEST_LABEL),
            id=_optional(self.id, LONGEST_ID),
            place=_optional(self.step if self.placement is None else self.placement, LONGEST_LABEL),
        )


class _Protocol(_Order, frozen=True, tag="protocol", kw_only=True):
    name: str

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, _name(self.name))


class _Led(_Order, frozen=True, tag="led", kw_only=True):
    """What a page may say of the step of a protocol."""

    what: Literal["skip", "repeat", "back", "start", "count"]

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, self.what)


class _Primary(_Order, frozen=True, tag="primary", kw_only=True):
    """The number that is compared before and after: one of the screen's."""

    test: str
    side: str
    measure: str

    def order(self) -> PageOrder:
        return PageOrder(self.do, None, ":".join(key_of(f"{self.test}:{self.side}:{self.measure}")))


def _plain(base: type[_Order], do: str) -> type[_Order]:
    """An order of that name without fields of its own."""
    made = msgspec.defstruct(f"_{do}", [], bases=(base,), tag=do, tag_field="do", frozen=True)
    return cast(type[_Order], made)


_PLAIN = [_plain(_Order, do) for do in ("calibrate", "heel_drop", "new_set", "undo", "stop", "protocol_stop", "retest")]
_SETTING_UP = [_plain(_Before, do) for do in SET_UP]
_ORDERS: list[type[_Order]] = [
    *(_Mark, _Pain, _Note, _SessionNote, _Target, _Slept, _Revoke, _Invite, _Athlete, _Protocol, _Led, _Primary),
    *_PLAIN,
    *_SETTING_UP,
]
_decoder: msgspec.json.Decoder[_Order] = msgspec.json.Decoder(reduce(or_, _ORDERS))


def order_of(said: bytes | str) -> PageOrder | None:
    """The order that a page sent; None for what is none."""
    try:
        order = _decoder.decode(said).order()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None
    return None if order.number is not None and not math.isfinite(order.number) else order


def _text(value: str, longest: int) -> str:
    if not value.strip():
        raise ValueError
    return " ".join(value.split())[:longest]


def _optional(value: str | None, longest: int) -> str:
    """A text that may be missing or empty."""
    return "" if not value else _text(value, longest)


def _name(value: str) -> str:
    """The name of a protocol: letters, digits and hyphens."""
    name = _text(value, LONGEST_LABEL)
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise ValueError
    return name
