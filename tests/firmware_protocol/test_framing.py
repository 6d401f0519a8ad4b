"""Serial frames: found whatever surrounds them and however the stream is cut, in bounded memory."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocol.codec import Health
from firmware_protocol.framing import MAX_FRAME, MAX_MESSAGE, Deframer, frame_serial

messages = st.binary(min_size=1, max_size=300)


def read(stream: bytes, cuts: list[int]) -> tuple[list[bytes], dict[str, int], int]:
    health = Health()
    deframer = Deframer(health)
    out = []
    edges = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    for a, b in pairwise(edges):
        for end, message in deframer.feed(stream[a:b]):
            assert stream[a + end] == 0
            out.append(message)
        assert deframer.pending <= MAX_FRAME
    return out, dict(health.counts), deframer.pending


@given(st.lists(messages, max_size=5), st.lists(st.integers(0, 2000), max_size=8))
def test_frames_come_out_whole_however_cut(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame_serial, sent))
    assert stream.count(0) == len(sent)
    assert read(stream, cuts) == (sent, {}, 0)


@given(st.lists(st.tuples(messages, st.binary(max_size=40).map(lambda b: b.replace(b"\0", b"\1"))), max_size=5))
def test_rubbish_between_frames_costs_nothing(sent: list[tuple[bytes, bytes]]) -> None:
    stream = b"".join(rubbish + b"\0" + frame_serial(message) for message, rubbish in sent)
    whole = read(stream, [])
    assert whole[0] == [message for message, _ in sent]
    assert whole == read(stream, list(range(len(stream))))


@given(st.binary(max_size=3 * MAX_FRAME), st.lists(st.integers(0, 3 * MAX_FRAME), max_size=6))
def test_any_bytes_give_the_same_whole_and_cut(stream: bytes, cuts: list[int]) -> None:
    assert read(stream, []) == read(stream, cuts)


@given(messages, st.data())
def test_a_changed_byte_never_passes(message: bytes, data: st.DataObject) -> None:
    frame = bytearray(frame_serial(message))
    at = data.draw(st.integers(0, len(frame) - 2))
    frame[at] ^= data.draw(st.integers(1, 255))
    out, counts, _ = read(bytes(frame) + b"\0", [])
    assert message not in out
    assert counts


def test_endless_frame_is_counted_once_and_the_next_one_is_found() -> None:
    stream = b"\x11" * (5 * MAX_FRAME) + b"\0" + frame_serial(b"next")
    for cuts in ([], list(range(0, len(stream), 7)), [MAX_FRAME, MAX_FRAME + 1]):
        assert read(stream, cuts) == ([b"next"], {"oversized": 1}, 0)


@pytest.mark.parametrize("fill", [b"\0", b"\x01", b"\xff"])
def test_longest_message_fits(fill: bytes) -> None:
    frame = frame_serial(fill * MAX_MESSAGE)
    assert len(frame) <= MAX_FRAME + 1
    assert read(frame, [])[0] == [fill * MAX_MESSAGE]


@pytest.mark.parametrize("length", [0, MAX_MESSAGE + 1])
def test_messages_that_do_not_fit_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 1024"):
        frame_serial(bytes(length))
