"""Marks in the recording: with the row that was seen where a page set them, as they always were where none did."""

from __future__ import annotations

from body_signals import Mark, Packets, SessionMark, standing
from ingest.recording.mended import MendedEvents
from ingest.recording.messages import decode_trailer, encode_event, encode_trailer


def test_a_mark_that_nobody_saw_is_written_as_ever_and_one_that_was_seen_has_a_fifth_field() -> None:
    assert encode_event(Mark(7, 90, "pain 4")) == b'["mark",7,90,"pain 4"]'
    assert encode_event(Mark(7, 90, "pain 4", 80)) == b'["mark",7,90,"pain 4",80]'


def test_both_are_read() -> None:
    written = [Mark(7, 90, "pain 4"), Mark(8, 91, "set", 80)]
    trailer = encode_trailer(7, 8, [encode_event(mark) for mark in written])
    assert decode_trailer(memoryview(trailer)) == (7, 8, written)


def test_what_was_taken_back_stays_so_when_marks_are_put_in_or_left_out() -> None:
    batches = [
        [Packets.one("pelvis", 0, 0, b"x"), Mark(1, 1_000_000_000, "wrong"), Mark(2, 2_000_000_000, "pain 4", 1_500_000_000)],
        [Packets.one("pelvis", 3, 3_000_000_000, b"x"), Mark(4, 4_000_000_000, "undo 2"), Mark(5, 5_000_000_000, "kept")],
    ]
    mended = MendedEvents([SessionMark(0.5, "put in", "afterwards")], [SessionMark(1.0, "wrong", "live")])
    marks = [event for batch in mended.of(batches) for event in batch if isinstance(event, Mark)]
    assert not mended.unmet
    assert [mark.label for mark in standing(marks)] == ["put in", "kept"]
    # a mark is named by the time of the row that was seen
    seen = MendedEvents([], [SessionMark(1.5, "pain 4", "live")])
    assert [m.label for b in seen.of(batches) for m in b if isinstance(m, Mark)][:1] == ["wrong"]
    assert not seen.unmet
