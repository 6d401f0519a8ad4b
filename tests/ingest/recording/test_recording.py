"""The raw recording: what goes in comes out, whatever breaks off or changes; memory and windows as promised."""

import errno
import os
import resource
import threading
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcap.data_stream import RecordBuilder
from mcap.reader import make_reader
from mcap.records import Chunk, Message

from body_signals import (
    Battery,
    Command,
    Connected,
    Event,
    Heartbeat,
    HiphingeError,
    Lost,
    Mark,
    Packets,
    Placement,
    Sensor,
    Session,
    UtcAnchor,
    Watchdog,
)
from ingest.recording.recorder import Recorder, read_recording

KEYS = ("pelvis", "barbell")
SESSION = Session(
    datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    "player-07",
    (Sensor(Placement.PELVIS, family="hiphinge-v1"), Sensor(Placement.OTHER, name="barbell", family="hiphinge-v1-serial")),
    software="hiphinge 0.1.0",
)
MS = 1_000_000
CHUNK_HEAD = 1 + 8 + 8 + 8 + 8 + 4 + 4
"""Bytes of a Chunk record before the word zstd."""
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
keys = st.sampled_from(KEYS)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Single events in sequence order, from any first number, 0 to 300 ms apart."""
    kinds = st.one_of(
        st.tuples(st.just(Packets.one), keys, st.binary(max_size=40)),
        st.tuples(st.just(Connected), keys),
        st.tuples(st.just(Lost), keys, words),
        st.tuples(st.just(Watchdog), keys, words),
        st.tuples(st.just(Battery), keys, st.integers(0, 100)),
        st.tuples(st.just(Mark), words),
        st.tuples(st.just(Command), keys, st.binary(max_size=10)),
        st.tuples(st.just(Heartbeat)),
        st.tuples(st.just(UtcAnchor), st.integers(-(2**63), 2**63 - 1)),
    )
    seq, at = draw(st.sampled_from([0, 5, 2**40])), draw(st.integers(0, 2**60))
    events: list[Event] = []
    for make, *fields in draw(st.lists(kinds, max_size=30)):
        at += draw(st.integers(0, 300)) * MS
        events.append(make(fields[0], seq, at, fields[1]) if make == Packets.one else make(seq, at, *fields))
        seq += 1
    return events


def plain_log(n: int = 400, first: int = 0) -> list[Event]:
    """Two sensors and heartbeats, 20 ms apart: a window every 25 events."""
    random = np.random.default_rng(7)
    log: list[Event] = [UtcAnchor(first, 0, 10**18)]
    for i in range(first + 1, first + n):
        log.append(Packets.one(KEYS[i % 2], i, i * 20 * MS, random.bytes(60)) if i % 5 else Heartbeat(i, i * 20 * MS))
    return log


def write(path: Path, log: list[Event], *, close: bool = True, **options: Any) -> Recorder:
    recorder = Recorder(path, SESSION, sync=False, **options)
    for event in log:
        recorder.append(event)
    if close:
        recorder.close()
    return recorder


def singles(batches: list[list[Event]]) -> list[tuple[Any, ...]]:
    """Every packet and event by itself, in sequence order, comparable."""
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        for event in batch:
            if isinstance(event, Packets):
                rows += [(seq, at, event.sensor, payload) for seq, at, payload in event]
            else:
                rows.append((event.seq, event.arrival_ns, event))
    return sorted(rows, key=lambda row: row[0])


def fresh(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("r") / "recording.mcap"


@given(logs())
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, log: list[Event]) -> None:
    path = fresh(tmp_path_factory)
    recorder = write(path, log)
    recording = read_recording(path)
    assert recording.session == SESSION
    batches = list(recording.batches())
    assert singles(batches) == singles([log])
    assert recording.complete
    assert recording.warnings == []
    assert recording.bytes_read < recording.size_bytes == path.stat().st_size
    assert singles(list(recording.batches())) == singles(batches)  # it can be read again
    assert recorder.flushed_seq == (singles([log])[-1][0] if log else -1)
    for batch in batches:
        numbers = [row[0] for row in singles([batch])]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        sensors = [e.sensor for e in batch if isinstance(e, Packets)]
        assert sensors == [k for k in KEYS if k in sensors]  # one each, in the session's order
        for event in batch:
            if isinstance(event, Packets):
                assert event.seq.dtype == event.arrival_ns.dtype == event.lengths.dtype == np.int64
                assert (np.diff(event.seq) > 0).all()


def test_a_recording_can_be_recorded_again_from_its_windows(tmp_path: Path) -> None:
    log = plain_log()
    write(tmp_path / "a.mcap", log)
    batches = list(read_recording(tmp_path / "a.mcap").batches())
    write(tmp_path / "b.mcap", [event for batch in batches for event in batch])
    assert singles(list(read_recording(tmp_path / "b.mcap").batches())) == singles([log])


def test_packets_that_were_joined_or_came_in_another_order_give_the_same_file(tmp_path: Path) -> None:
    """Within a window: a sensor's packets are written by their numbers, whatever they travelled in."""
    packets = [(i, i * 20 * MS, bytes((i,)) * (i % 7)) for i in range(20)]
    joined = [Packets.join(KEYS[0], packets[at : at + 5]) for at in range(0, 20, 5)]
    ways: dict[str, list[Event]] = {
        "single": [Packets.one(KEYS[0], *packet) for packet in packets],
        "joined": list(joined),
        "shuffled": [joined[i] for i in (2, 0, 3, 1)],
    }
    for way, log in ways.items():
        write(tmp_path / f"{way}.mcap", log)
    files = {way: (tmp_path / f"{way}.mcap").read_bytes() for way in ways}
    assert files["joined"] == files["single"]
    assert files["shuffled"] == files["single"]
    assert singles(list(read_recording(tmp_path / "single.mcap").batches())) == [(i, at, KEYS[0], p) for i, at, p in packets]


def test_windows_last_half_a_second_and_flush_by_themselves(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.mcap", SESSION, sync=False)
    assert recorder.flushed_seq == -1
    for event in plain_log(60):
        recorder.append(event)
        on_disk = recorder.flushed_seq
        assert event_seq(event) - on_disk <= 25
    assert recorder.flushed_seq == 49
    recorder.flush()
    assert recorder.flushed_seq == 59
    recorder.flush()  # nothing to write: no empty window
    recorder.close()
    recorder.close()
    batches = list(read_recording(tmp_path / "r.mcap").batches())
    assert [singles([b])[0][0] for b in batches] == [0, 25, 50]


def test_a_slow_disk_holds_up_only_what_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "r.mcap", SESSION)
    may_go, fsync = threading.Event(), os.fsync
    synced: list[int] = []

    def slow(fd: int) -> None:
        assert may_go.wait(30)
        synced.append(fd)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", slow)
    for event in plain_log(60):
        recorder.append(event)  # two windows are written meanwhile
    assert (recorder.flushed_seq, synced) == (-1, [])
    # written all the same: the end of the process loses nothing of them
    assert max(seq for seq, *_ in singles(list(read_recording(tmp_path / "r.mcap").batches()))) == 49
    may_go.set()
    recorder.flush()
    assert recorder.flushed_seq == 59
    assert 1 <= len(synced) <= 3
    recorder.close()
    assert recorder.flushed_seq == 59


def test_a_disk_that_cannot_sync_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "r.mcap", SESSION)

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    for event in plain_log(10):
        recorder.append(event)
    with pytest.raises(HiphingeError, match=r"cannot be written: Input/output error.*check its connection"):
        recorder.flush()
    assert recorder.flushed_seq == -1
    with pytest.raises(HiphingeError, match="cannot be written"):
        recorder.close()


def event_seq(event: Event) -> int:
    return int(event.seq[0]) if isinstance(event, Packets) else event.seq


def test_an_open_recording_is_read_up_to_its_last_window(tmp_path: Path) -> None:
    recorder = write(tmp_path / "r.mcap", plain_log(60), close=False)
    recording = read_recording(tmp_path / "r.mcap")
    assert singles(list(recording.batches())) == singles([plain_log(60)[:50]])
    assert not recording.complete
    assert recording.warnings == ["r.mcap breaks off after 2 whole windows: nothing is dropped"]
    recorder.close()


def test_any_mcap_reader_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "r.mcap", plain_log())
    with (tmp_path / "r.mcap").open("rb") as file:
        messages = list(make_reader(file, validate_crcs=True).iter_messages())
    assert {channel.topic for _, channel, _ in messages} == {"/sensor/pelvis", "/sensor/barbell", "/events"}
    assert len(messages) == 3 * 16
    assert {c.metadata["family"] for _, c, _ in messages if c.metadata} == {"hiphinge-v1", "hiphinge-v1-serial"}


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = fresh(tmp_path_factory)
    write(path, plain_log(200))
    return path


@pytest.fixture
def whole(whole_file: Path) -> bytes:
    return whole_file.read_bytes()


TRUTH = singles([plain_log(200)])


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


def assert_prefix_or_error(path: Path, salvage: bool) -> list[tuple[Any, ...]] | None:
    """A HiphingeError with file and remedy, or a sound prefix; less than all only with a warning."""
    try:
        recording = read_recording(path, salvage=salvage)
        got = singles(list(recording.batches()))
    except HiphingeError as error:
        polite(error, path)
        return None
    assert got == TRUTH[: len(got)]
    if len(got) < len(TRUTH):
        assert recording.warnings
        assert not recording.complete
    return got


def polite(error: HiphingeError, path: Path) -> None:
    assert str(path) in str(error)
    assert error.remedy


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


def test_zeros_after_a_power_failure_are_a_torn_end(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "r.mcap"
    path.write_bytes(whole[:-60] + bytes(70_000))
    recording = read_recording(path)
    assert singles(list(recording.batches())) == TRUTH[: len(singles(list(recording.batches())))]
    assert "bytes after byte" in recording.warnings[0]


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


class FileSizeLimit:
    """A real limit of the system on how large a file may become; a write beyond it fails as on a full disk."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> None:
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


def test_a_full_disk_is_an_error_and_nothing_is_lost_when_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    log = plain_log(200)
    recorder = write(path, log[:100], close=False)
    flushed = recorder.flushed_seq
    on_disk = path.stat().st_size
    with FileSizeLimit(on_disk + 300), pytest.raises(HiphingeError, match=r"cannot be written.*Free space"):
        recorder.flush()
    assert recorder.flushed_seq == flushed
    assert path.stat().st_size == on_disk  # the half window is gone
    recording = read_recording(path)
    assert singles(list(recording.batches())) == TRUTH[: flushed + 1]
    for event in log[100:]:
        recorder.append(event)
    recorder.close()
    assert singles(list(read_recording(path).batches())) == TRUTH


def test_a_disk_full_from_the_start_leaves_no_file(tmp_path: Path) -> None:
    with FileSizeLimit(100), pytest.raises(HiphingeError, match="cannot be written"):
        Recorder(tmp_path / "r.mcap", SESSION)
    assert list(tmp_path.iterdir()) == []


def test_close_on_a_full_disk_says_so_and_closes(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    recorder = write(path, plain_log(60), close=False)
    with FileSizeLimit(path.stat().st_size), pytest.raises(HiphingeError, match="cannot be written"):
        recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.append(Heartbeat(60, 60 * 20 * MS))
    assert singles(list(read_recording(path).batches())) == TRUTH[:50]


def test_events_that_cannot_be_recorded_are_left_out(tmp_path: Path) -> None:
    with Recorder(tmp_path / "r.mcap", SESSION) as recorder:
        recorder.append(Heartbeat(0, 0))
        with pytest.raises(ValueError, match="cannot be recorded"):
            recorder.append(Mark(1, 1, "\ud800"))
        with pytest.raises(ValueError, match="no sensor of this session"):
            recorder.append(Packets.one("lumbar", 1, 1, b""))
        recorder.append(Packets.join("pelvis", []))
        recorder.append(Mark(1, 1, "kept"))
        recorder.flush()
        with pytest.raises(ValueError, match="comes after 1 is on disk"):
            recorder.append(Heartbeat(1, 2))
    (batch,) = read_recording(tmp_path / "r.mcap").batches()
    assert batch == [Heartbeat(0, 0), Mark(1, 1, "kept")]


def test_missing_numbers_are_never_written_as_if_whole(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.mcap", SESSION)
    recorder.append(Heartbeat(0, 0))
    recorder.append(Heartbeat(2, 100 * MS))
    with pytest.raises(ValueError, match="missing or double"):
        recorder.flush()
    recorder.append(Heartbeat(3, 800 * MS))  # the missing one may still come
    with pytest.raises(ValueError, match="never came"):
        recorder.append(Heartbeat(4, 6000 * MS))
    recorder.append(Heartbeat(1, 900 * MS))
    recorder.close()
    assert [e.seq for b in read_recording(tmp_path / "r.mcap").batches() for e in b] == [0, 1, 2, 3]


def test_a_session_that_could_not_be_read_back_is_refused(tmp_path: Path) -> None:
    bad = Session(SESSION.start, "line\nbreak", SESSION.sensors)
    with pytest.raises(HiphingeError, match="control characters"):
        Recorder(tmp_path / "r.mcap", bad)
    assert not os.listdir(tmp_path)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """Ten minutes of windows: neither writing nor reading keeps anything of what has passed."""
    path = tmp_path / "r.mcap"
    windows = 1200
    recorder = Recorder(path, SESSION, sync=False)

    def record(first: int, count: int) -> None:
        for i in range(first, first + count):
            recorder.append(Packets.one("pelvis", i, i * 500 * MS, bytes(200)))

    record(0, 200)
    tracemalloc.start()
    record(200, windows)
    written = tracemalloc.get_traced_memory()[0]
    recorder.close()
    tracemalloc.reset_peak()
    start = tracemalloc.get_traced_memory()[0]
    assert sum(len(batch) for batch in read_recording(path).batches()) == windows + 200
    read = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    assert written < 20_000  # an index entry alone would be 300 bytes a window
    assert read < 200_000


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
    with pytest.raises(HiphingeError, match="a window that unfolds to 255 MB, where the recorder writes 34 MB at most"):
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


def test_much_at_once_ends_a_window_early_and_a_stretch_too(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    with Recorder(path, SESSION, sync=False) as recorder:
        for seq in range(500):
            recorder.append(Packets.one("pelvis", seq, 100 * seq, os.urandom(100_000)))
        with pytest.raises(ValueError, match="more than a window holds"):
            recorder.append(Packets.one("pelvis", 500, 50_000, bytes(5_000_000)))
    windows = list(read_recording(path).batches())
    assert 12 <= len(windows) <= 13
    stretches = list(read_recording(path).batches(240))
    assert len(stretches) == 3
    assert sum(len(packets) for batch in stretches for packets in batch if isinstance(packets, Packets)) == 500
