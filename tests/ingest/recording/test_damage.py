"""Whatever changed in a recording: an error that names file, place and remedy, and never wrong data."""

import tracemalloc
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk, Message

from body_signals import Heartbeat, HiphingeError
from ingest.recording.recorder import Recorder, read_recording
from tests.ingest.recording.recorded import CHUNK_HEAD, SESSION, TRUTH, assert_prefix_or_error, fresh, singles


@settings(max_examples=300)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255), st.booleans(), st.integers(0, 300))
def test_a_changed_byte_never_gives_wrong_data(
    tmp_path_factory: pytest.TempPathFactory, whole_file: Path, where: float, change: int, salvage: bool, cut: int
) -> None:
    whole = whole_file.read_bytes()
    at = int(where * len(whole))
    data = bytearray(whole)
    data[at] ^= change
    path = fresh(tmp_path_factory)
    path.write_bytes(data[: len(data) - cut])
    assert_prefix_or_error(path, salvage)


def test_each_byte_of_the_head_and_of_two_windows_changed(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "flipped.mcap"
    closing = len(whole) - 60
    for at in [*range(1600), *range(closing, len(whole))]:
        for change in (0x01, 0x80) if at % 8 == 0 else (0xFF,):
            data = bytearray(whole)
            data[at] ^= change
            path.write_bytes(data)
            got = assert_prefix_or_error(path, salvage=False)
            if got is not None:
                assert got == TRUTH, at  # a closed file that has lost something says so by an error


@pytest.mark.parametrize("change", ["window removed", "window repeated", "windows swapped"])
def test_a_window_out_of_order_is_noticed(tmp_path: Path, whole: bytes, change: str) -> None:
    starts = [i - CHUNK_HEAD for i in range(len(whole)) if whole[i : i + 4] == b"zstd"]
    a, b, c = starts[3:6]
    first, second = whole[a:b], whole[b:c]
    changed = {"window removed": second, "window repeated": first + first + second, "windows swapped": second + first}[change]
    path = tmp_path / "r.mcap"
    path.write_bytes(whole[:a] + changed + whole[c:])
    with pytest.raises(HiphingeError, match=r"begins with event \d+ where 75 is due|begins with event \d+ where 100 is due"):
        list(read_recording(path).batches())


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "the file is empty"),
        (b"time_s,acc_x\n0,1\n", "not an MCAP file"),
        (b"\x89MCAP0\r\n", "broke off before its head was written"),
        (b"\x89MCAP0\r\n\x01" + (8 + 4 + 0).to_bytes(8, "little") + b"\x04\0\0\0ros1\0\0\0\0", "profile 'ros1'"),
        (b"\x89MCAP0\r\n\x06" + (3).to_bytes(8, "little") + b"abc", "head of the recording is damaged"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "r.mcap"
    path.write_bytes(content)
    with pytest.raises(HiphingeError, match=match) as caught:
        read_recording(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_paths_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="not found"):
        read_recording(tmp_path / "none.mcap")
    with pytest.raises(HiphingeError, match="cannot be read"):
        read_recording(tmp_path)
    with pytest.raises(HiphingeError, match="cannot be created"):
        Recorder(tmp_path / "none" / "r.mcap", SESSION)
    (tmp_path / "r.mcap").write_bytes(b"precious")
    with pytest.raises(HiphingeError, match="never overwritten"):
        Recorder(tmp_path / "r.mcap", SESSION)
    assert (tmp_path / "r.mcap").read_bytes() == b"precious"


@settings(max_examples=200)
@given(st.binary(max_size=400))
@example(b"\x06" + b"\xff" * 8)
def test_any_bytes_after_the_head_are_survived(
    tmp_path_factory: pytest.TempPathFactory, whole_file: Path, rubbish: bytes
) -> None:
    whole = whole_file.read_bytes()
    path = fresh(tmp_path_factory)
    path.write_bytes(whole[: whole.index(b"zstd") - CHUNK_HEAD] + rubbish)
    assert assert_prefix_or_error(path, salvage=False) in (None, [])


def chunk_of(*messages: tuple[int, bytes]) -> bytes:
    """A Chunk record with a sound checksum, whatever is in it: what another writer might produce."""
    inner, outer = RecordBuilder(), RecordBuilder()
    for channel, data in messages:
        Message(channel, 0, data, 0, 0).write(inner)
    content = inner.end()
    Chunk("zstd", zstandard.compress(content), 0, 0, zlib.crc32(content), len(content)).write(outer)
    return outer.end()


PACKET_0 = b"\x01\0\0\0" + bytes(8) + bytes(8) + b"\x02\0\0\0" + b"ab"
TRAILER_0 = b'{"first_seq":0,"last_seq":0,"events":[]}'
TRAILER_0_TO_1 = b'{"first_seq":0,"last_seq":1,"events":[["heartbeat",1,0]]}'


def test_windows_put_together_by_hand_are_read(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "r.mcap"
    path.write_bytes(whole[: whole.index(b"zstd") - CHUNK_HEAD] + chunk_of((1, PACKET_0), (3, TRAILER_0_TO_1)))
    assert singles(list(read_recording(path).batches())) == [(0, 0, "pelvis", b"ab"), (1, 0, Heartbeat(1, 0))]


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ([(1, PACKET_0)], "sound trailer"),
        ([], "sound trailer"),
        ([(4, b"")], "other records"),
        ([(1, PACKET_0), (3, TRAILER_0.replace(b"0,", b"5,", 1))], "lacks some of the events 5 to 0"),
        ([(3, TRAILER_0)], "lacks some"),
        ([(1, PACKET_0), (1, PACKET_0), (3, TRAILER_0_TO_1.replace(b'["heartbeat",1,0]', b""))], "lacks some"),
        ([(1, PACKET_0), (3, TRAILER_0), (1, PACKET_0)], "lacks some"),
        ([(1, PACKET_0[:-1]), (3, TRAILER_0)], "lengths add up to 2"),
        ([(1, b"\xff\xff\xff\xff"), (3, TRAILER_0)], "too short"),
        ([(1, b"\x01"), (3, TRAILER_0)], "without a count"),
        ([(3, b'{"first_seq":0}')], "do not decode"),
        ([(3, TRAILER_0_TO_1.replace(b"heartbeat", b"earthquake"))], "earthquake"),
        ([(3, TRAILER_0_TO_1.replace(b"1,0]", b"1,0,5]"))], "do not decode"),
        ([(3, b'{"first_seq":0,"last_seq":0,"events":[["mark",0,0,7]]}')], "do not decode"),
        ([(3, b'{"first_seq":0,"last_seq":0,"events":[["lost",0,0,"pelvis"]]}')], "do not decode"),
        ([(3, b'{"first_seq":0,"last_seq":0,"events":[["heartbeat","0",0]]}')], "do not decode"),
        ([(3, b'{"first_seq":0,"last_seq":0,"events":[["heartbeat",9223372036854775808,0]]}')], "too large|too big"),
        ([(3, TRAILER_0_TO_1.replace(b'"last_seq":1', b'"last_seq":4000000000000000000'))], "lacks some"),
    ],
)
def test_windows_with_a_sound_checksum_but_not_whole_are_refused(
    tmp_path: Path, whole: bytes, messages: list[tuple[int, bytes]], match: str
) -> None:
    path = tmp_path / "r.mcap"
    head = whole[: whole.index(b"zstd") - CHUNK_HEAD]
    path.write_bytes(head + chunk_of(*messages) + chunk_of((1, PACKET_0), (3, TRAILER_0)))
    with pytest.raises(HiphingeError, match=match):
        list(read_recording(path).batches())


def test_a_small_file_that_unfolds_to_gigabytes_is_refused(tmp_path: Path, whole: bytes) -> None:
    """40 windows of 255 MB in some hundred kilobytes; and a sound one may be as large as the recorder makes it, not more."""
    path = tmp_path / "r.mcap"
    head = whole[: whole.index(b"zstd") - CHUNK_HEAD]
    bomb = zstandard.ZstdCompressor(level=3).compress(bytes(255_000_000))
    record = RecordBuilder()
    Chunk(
        compression="zstd",
        data=bomb,
        message_end_time=0,
        message_start_time=0,
        uncompressed_crc=1,
        uncompressed_size=255_000_000,
    ).write(record)
    path.write_bytes(head + 40 * bytes(record.end()))
    tracemalloc.start()
    with pytest.raises(HiphingeError, match="a window that decompresses to 255 MB, where the recorder writes 34 MB at most"):
        list(read_recording(path).batches(240))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_record_that_claims_gigabytes_is_not_read(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "r.mcap"
    for at, what in (
        (8, "the head of the recording is damaged"),
        (whole.index(b"zstd") - CHUNK_HEAD, "the recording is damaged"),
    ):
        path.write_bytes(whole[: at + 1] + (19_000_000_000).to_bytes(8, "little") + whole[at + 9 :])
        with path.open("r+b") as file:
            file.truncate(20_000_000_000)
        with pytest.raises(HiphingeError, match=f"{what}.*a record of 19000000000 bytes"):
            list(read_recording(path).batches())
