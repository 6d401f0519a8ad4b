"""What breaks off, or is damaged in the middle: what came before is read, and what is lost is said."""

from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from ingest.recording.recorder import read_recording
from tests.ingest.recording.recorded import TRUTH, plain_log, polite, singles, write


def test_an_open_recording_is_read_up_to_its_last_window(tmp_path: Path) -> None:
    recorder = write(tmp_path / "r.mcap", plain_log(60), close=False)
    recording = read_recording(tmp_path / "r.mcap")
    assert singles(list(recording.batches())) == singles([plain_log(60)[:50]])
    assert not recording.complete
    assert recording.warnings == ["r.mcap breaks off after 2 whole windows: nothing is dropped"]
    recorder.close()


def test_cut_at_every_byte_gives_the_windows_before(tmp_path: Path, whole: bytes) -> None:
    """Every byte of the head, around the first window's ends and at the end; every 29th in between."""
    path = tmp_path / "cut.mcap"
    head = whole.index(b"/events") + 30
    second = whole.index(b"zstd", head + 100)
    edges = (range(head + 60), range(second - 60, second + 20), range(len(whole) - 90, len(whole)))
    cuts = sorted({*range(0, len(whole), 29), *(cut for edge in edges for cut in edge)})
    before = -1
    for cut in cuts:
        path.write_bytes(whole[:cut])
        try:
            recording = read_recording(path)
        except HiphingeError as error:
            polite(error, path)
            assert cut < head
            continue
        got = singles(list(recording.batches()))
        assert got == TRUTH[: len(got)]
        assert len(got) >= before
        before = len(got)
        assert not recording.complete
        assert len(recording.warnings) == 1
        assert "cut.mcap" in recording.warnings[0]
    assert before == len(TRUTH)


def middle(data: bytes) -> int:
    """Offset of a byte inside the compressed part of the window in the middle."""
    return data.index(b"zstd", len(data) // 2) + 40


def test_damage_in_the_middle_is_an_error_with_the_place_and_can_be_salvaged(tmp_path: Path, whole: bytes) -> None:
    for closed in (True, False):
        data = bytearray(whole if closed else whole[:-60])
        data[middle(whole)] ^= 1
        path = tmp_path / f"damaged-{closed}.mcap"
        path.write_bytes(data)
        recording = read_recording(path)
        got: list[Any] = []
        with pytest.raises(HiphingeError, match=r"damaged at byte \d+ of \d+.*(checksum|decompress).*salvaged"):
            got.extend(recording.batches())
        assert singles(got) == TRUTH[: len(singles(got))]
        salvaged = read_recording(path, salvage=True)
        assert singles(list(salvaged.batches())) == singles(got) != []
        assert "damaged at byte" in salvaged.warnings[0]
        assert not salvaged.complete


def test_zeros_after_a_power_failure_are_a_torn_end(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "r.mcap"
    path.write_bytes(whole[:-60] + bytes(70_000))
    recording = read_recording(path)
    assert singles(list(recording.batches())) == TRUTH[: len(singles(list(recording.batches())))]
    assert "bytes after byte" in recording.warnings[0]
