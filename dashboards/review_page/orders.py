"""What the page may ask for, as it sends it: one JSON object with `do`. Anything else is refused."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from body_signals import HiphingeError
from body_signals.movements import MOVEMENTS

MOST_BYTES = 64 << 10
"""Of one message of a page, as on the live page."""
_MOST_LETTERS = 1000
_Seconds = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=_MOST_LETTERS)]


class _Order(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    pass


class Correct(_Order, frozen=True, tag="kind"):
    """The repetition from start_s to end_s was of this kind."""

    start_s: _Seconds
    end_s: _Seconds
    movement: str


class NoRepetition(_Order, frozen=True, tag="not_a_repetition"):
    """What was found from start_s to end_s was no repetition."""

    start_s: _Seconds
    end_s: _Seconds


class AsFound(_Order, frozen=True, tag="as_found"):
    """Whatever a person said of the repetition from start_s to end_s is taken back."""

    start_s: _Seconds
    end_s: _Seconds


class SayMark(_Order, frozen=True, tag="mark"):
    """A mark at time_s."""

    time_s: _Seconds
    label: _Words


class SayNote(_Order, frozen=True, tag="note"):
    """A note at time_s."""

    time_s: _Seconds
    text: _Words


class SayPain(_Order, frozen=True, tag="pain"):
    """Pain at time_s, 0 to 10, and where, if that was said."""

    time_s: _Seconds
    level: Annotated[float, msgspec.Meta(ge=0, le=10)]
    where: Annotated[str, msgspec.Meta(max_length=_MOST_LETTERS)] = ""


class MoveMark(_Order, frozen=True, tag="move_mark"):
    """The mark, note or pain with this label at time_s goes to to_s."""

    time_s: _Seconds
    label: _Words
    to_s: _Seconds


class RemoveMark(_Order, frozen=True, tag="remove_mark"):
    """The mark, note or pain with this label at time_s goes."""

    time_s: _Seconds
    label: _Words


class Undo(_Order, frozen=True, tag="undo"):
    """The last change that was made on this page is taken back."""


Order = Correct | NoRepetition | AsFound | SayMark | SayNote | SayPain | MoveMark | RemoveMark | Undo
_decoder = msgspec.json.Decoder(Order)


def read_order(body: bytes) -> Order:
    """The order that a page sent. HiphingeError for anything else."""
    if len(body) > MOST_BYTES:
        raise HiphingeError(f"a message of {len(body)} bytes is too long", "the page", "Write less at once")
    try:
        order: Order = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HiphingeError(f"this is no order: {error}", "the page", "Load the page again") from None
    numbers = [value for name in order.__struct_fields__ if isinstance(value := getattr(order, name), float)]
    if not all(map(math.isfinite, numbers)):
        raise HiphingeError("a number is none", "the page", "Load the page again")
    if isinstance(order, Correct) and order.movement not in MOVEMENTS:
        raise HiphingeError(f"no such kind of movement: {order.movement!r}", "the page", "Load the page again")
    return order
