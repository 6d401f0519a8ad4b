"""What a page says: orders are understood, everything else is nothing; no message makes an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.live_page.connection import _is_count, _read
from dashboards.live_page.orders import LONGEST_TEXT, PageOrder, order_of


def acknowledged(text: str) -> int | None:
    said = _read(text.encode("utf-8", "surrogatepass"))
    return said.ack if said is not None and said.do is None and _is_count(said.ack) else None


@pytest.mark.parametrize(
    ("message", "order"),
    [
        ({"do": "mark", "time_s": 12.34}, PageOrder("mark", 12.34, "mark")),
        ({"do": "mark", "label": " new  belt "}, PageOrder("mark", None, "new belt")),
        ({"do": "pain", "score": 4, "time_s": 1}, PageOrder("pain", 1.0, number=4)),
        ({"do": "pain", "score": 0}, PageOrder("pain", None, number=0)),
        ({"do": "note", "text": "<b>tight</b>"}, PageOrder("note", None, "<b>tight</b>")),
        ({"do": "target", "angle": "hip_flexion", "deg": 90}, PageOrder("target", None, "hip_flexion", 90.0)),
        ({"do": "target", "angle": "lumbar_flexion", "deg": None}, PageOrder("target", None, "lumbar_flexion")),
        ({"do": "slept", "seconds": 12.4}, PageOrder("slept", None, number=12)),
        ({"do": "stop"}, PageOrder("stop")),
        ({"do": "undo", "more": 1}, PageOrder("undo")),
        ({"do": "scan"}, PageOrder("scan")),
        ({"do": "place", "id": "C0:00", "placement": "pelvis"}, PageOrder("place", id="C0:00", place="pelvis")),
        ({"do": "place", "id": "C0:00", "placement": None}, PageOrder("place", id="C0:00")),
        ({"do": "step", "step": "find"}, PageOrder("step", place="find")),
        ({"do": "rename", "id": "C0:00", "name": "<b>A"}, PageOrder("rename", text="<b>A", id="C0:00")),
        ({"do": "first_note", "text": ""}, PageOrder("first_note")),
        ({"do": "athlete", "id": "player-07"}, PageOrder("athlete", text="player-07")),
        ({"do": "athlete", "id": None}, PageOrder("athlete")),
        ({"do": "start_without"}, PageOrder("start_without")),
    ],
)
def test_orders_are_understood(message: dict[str, Any], order: PageOrder) -> None:
    assert order_of(json.dumps(message)) == order


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        None,
        4,
        "stop",
        {"do": None},
        {"do": "rm"},
        {"do": ["stop"]},
        {"do": "pain"},
        {"do": "pain", "score": 11},
        {"do": "pain", "score": -1},
        {"do": "pain", "score": 3.5},
        {"do": "pain", "score": "4"},
        {"do": "pain", "score": True},
        {"do": "note"},
        {"do": "note", "text": "  "},
        {"do": "note", "text": 7},
        {"do": "mark", "label": ""},
        {"do": "target", "angle": "knee", "deg": 3},
        {"do": "target", "angle": "hip_flexion", "deg": 1e9},
        {"do": "target", "angle": "hip_flexion", "deg": "60"},
        {"do": "slept"},
        {"do": "slept", "seconds": -3},
        {"do": "revoke"},
        {"do": "place", "id": 7, "placement": "pelvis"},
        {"do": "place", "id": "C0:00", "placement": ["pelvis"]},
        {"do": "kit", "name": {}},
        {"do": "athlete", "id": 7},
        {"do": "invite", "role": "owner"},
    ],
)
def test_what_is_no_order_is_nothing(message: object) -> None:
    assert order_of(json.dumps(message)) is None


def test_a_time_that_is_none_is_left_out_and_a_long_note_is_cut() -> None:
    for time_s in ("12", True, -4, 1e300, [1]):
        order = order_of(json.dumps({"do": "mark", "time_s": time_s}))
        assert order is not None
        assert order.seen_s is None
    order = order_of(json.dumps({"do": "note", "text": "x" * 9000}))
    assert order is not None
    assert len(order.text) == LONGEST_TEXT


@pytest.mark.parametrize("text", ["", "{", "[" * 60_000, '{"do":"stop"', b"\xff\xfe", "NaN", '{"do":"pain","score":1e999}'])
def test_what_is_no_json_is_nothing(text: str | bytes) -> None:
    assert order_of(text) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(st.sampled_from(["do", "ack", "score", "text", "time_s", "deg", "label"]) | st.text(), v)
        ),
    )
)
def test_no_message_makes_an_error(message: object) -> None:
    said = json.dumps(message)
    order_of(said)
    acknowledged(said)


def test_acknowledgements() -> None:
    assert acknowledged('{"ack": 7}') == 7
    for no in (
        '{"ack": -1}',
        '{"ack": true}',
        '{"ack": 1.5}',
        '{"ack": "1"}',
        '{"ack": 9007199254740992}',
        "[1]",
        "null",
        "",
    ):
        assert acknowledged(no) is None
    assert acknowledged('{"ack": 1, "do": "stop"}') is None
