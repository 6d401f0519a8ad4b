"""What goes in comes out; windows, memory and full disks as promised."""

import errno
import os
import resource
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import make_reader

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
    Session,
    UtcAnchor,
    Watchdog,
)
from ingest.recording.recorder import Recorder, read_recording
from tests.ingest.recording.recorded import (
    KEYS,
    MS,
    SESSION,
    TRUTH,
    fresh,
    plain_log,
    singles,
    write,
)

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


def test_any_mcap_reader_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "r.mcap", plain_log())
    with (tmp_path / "r.mcap").open("rb") as file:
        messages = list(make_reader(file, validate_crcs=True).iter_messages())
    assert {channel.topic for _, channel, _ in messages} == {"/sensor/pelvis", "/sensor/barbell", "/events"}
    assert len(messages) == 3 * 16
    assert {c.metadata["family"] for _, c, _ in messages if c.metadata} == {"hiphinge-v1", "hiphinge-v1-serial"}


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
        with pytest.raises(ValueError, match="not a sensor of this session"):
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
