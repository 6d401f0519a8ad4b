"""The raw recording of a session: an MCAP file that survives a kill at any moment. docs/recording.md describes it.

Events are collected in windows of half a second. A window is one zstd chunk with its own checksum: one message per sensor
with all its packets, and last, as the trailer, the other events with the window's first and last sequence
number. It is written by one call, so that a killed process leaves whole windows and at most one torn one at the end.
The file is built from the record types of the `mcap` library, not with its Writer, which keeps an index entry
of every chunk in memory: memory must not grow with the session.
"""

from __future__ import annotations

import os
import zlib
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

import mcap
import msgspec
import zstandard
from mcap.data_stream import RecordBuilder
from mcap.records import Channel, Chunk, DataEnd, Footer, Header, Message, Metadata
from mcap.writer import MCAP0_MAGIC

from body_signals import Event, HiphingeError, Packets, Session
from ingest.heads.session_toml import session_from_dict, session_to_dict
from ingest.recording.background_sync import BackgroundSync
from ingest.recording.messages import (
    EVENTS_ENCODING,
    PACKETS_ENCODING,
    encode_event,
    encode_packets,
    encode_trailer,
    event_bytes,
)
from ingest.recording.reader import EVENTS_TOPIC, HEAD_NAME, PROFILE, STRETCH_WINDOWS, Recording, read_recording, sensor_topic
from ingest.recording.windows import WINDOW_BYTES
from on_disk import private_opener

__all__ = ["STRETCH_WINDOWS", "Recorder", "Recording", "read_recording"]

FLUSH_EVERY_NS = 500_000_000
"""Length of a window, ns (ours); with heartbeats every 100 ms a kill costs at most 0.6 s of events."""
_ZSTD_LEVEL = 3
"""The library's own default."""
_PATIENCE = 10
"""Windows to wait for a missing event (ours)."""


class Recorder:
    """Writes the events of a live session, in sequence order, to a new file.

    sync: also fsync each window, so that it survives a power failure and not only the end of the process. This happens in a
    separate thread, because it takes 0.2 ms on a fast disk and 20 ms or more on a slow one.
    Raises `HiphingeError` when the file exists or cannot be written. A window that could not be written (disk full)
    stays in memory and is written with the next flush; the file is cut back to its last whole window.
    """

    def __init__(self, path: Path, session: Session, *, flush_every_ns: int = FLUSH_EVERY_NS, sync: bool = True) -> None:
        self._path, self._flush_every_ns = path, flush_every_ns
        self._channels = {sensor.key: i for i, sensor in enumerate(session.sensors, 1)}
        self._events_channel = len(session.sensors) + 1
        self._packets: dict[str, list[Packets]] = {key: [] for key in self._channels}
        self._events: list[tuple[int, bytes]] = []
        self._seqs: list[int] = []
        """Sequence numbers of all buffered events."""
        self._buffered_bytes = 0
        self._first_seq, self._last_seq = 0, -1
        self._window_ends_ns = 0
        self._last_arrival_ns = 0
        self._window = 0
        self._written_seq = -1
        self._good_bytes = 0
        self._data_crc = 0
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        self._closed = False
        head = self._head(session)
        try:
            self._file = FileIO(path, "x", opener=private_opener)
        except FileExistsError:
            raise HiphingeError(
                "exists already", str(path), "A recording is never overwritten; start a session in a new folder."
            ) from None
        except OSError as error:
            raise HiphingeError(
                f"cannot be created: {error.strerror}", str(path), "Check that the folder exists and may be written."
            ) from error
        try:
            self._write(head)
            if sync:
                os.fsync(self._file.fileno())
                _sync_folder(path.parent)
        except OSError as error:
            self._file.close()
            path.unlink(missing_ok=True)
            raise self._unwritable(error) from error
        except BaseException:
            self._file.close()
            path.unlink(missing_ok=True)
            raise
        self._syncing = BackgroundSync(self._file.fileno()) if sync else None

    @property
    def flushed_seq(self) -> int:
        """Sequence number of the last event on disk (with `sync`: safe there); -1 while there is none."""
        return self._written_seq if self._syncing is None else self._syncing.seq

    def append(self, event: Event) -> None:
        """Add an event; writes the window before it when that is complete.

        Raises ValueError for an event that cannot be recorded (unknown sensor, text that is not Unicode, sequence number
        on disk already), which is then left out, and `HiphingeError` when a window cannot be written.
        """
        if self._closed:
            raise ValueError("the recorder is closed")
        if isinstance(event, Packets):
            if event.sensor not in self._packets:
                raise ValueError(f"packets of {event.sensor!r}, which is not a sensor of this session")
            seqs, encoded = event.seq.tolist(), b""
            arrival_ns = int(event.arrival_ns[-1]) if seqs else 0
        else:
            seqs, encoded = [event.seq], encode_event(event)
            arrival_ns = event.arrival_ns
        if not seqs:
            return
        if min(seqs) <= self._written_seq:
            raise ValueError(f"event {min(seqs)} comes after {self._written_seq} is on disk")
        size = event_bytes(event, encoded)
        if size > WINDOW_BYTES:
            raise ValueError(f"an event of {size} bytes, more than a window holds")
        if self._seqs and (arrival_ns >= self._window_ends_ns or self._buffered_bytes + size > WINDOW_BYTES):
            if self._whole():
                self._write_window()
            elif arrival_ns >= self._window_ends_ns + _PATIENCE * self._flush_every_ns:
                raise ValueError(f"among the events {self._first_seq} to {self._last_seq} some never came")
        if not self._seqs:
            self._window_ends_ns = arrival_ns + self._flush_every_ns
            self._first_seq, self._last_seq = min(seqs), max(seqs)
            self._buffered_bytes = 0
        if isinstance(event, Packets):
            self._packets[event.sensor].append(event)
        else:
            self._events.append((event.seq, encoded))
        self._seqs += seqs
        self._buffered_bytes += size
        self._first_seq, self._last_seq = min(self._first_seq, *seqs), max(self._last_seq, *seqs)
        self._last_arrival_ns = max(self._last_arrival_ns, arrival_ns)

    def flush(self) -> None:
        """Write the buffered events as one window and wait until it is on disk; raises as `append` does, and ValueError when a
        sequence number is missing or duplicated."""
        self._write_window()
        if self._syncing is not None:
            self._syncing.wait()
            self._check_synced()

    def _write_window(self) -> None:
        self._check_synced()
        if not self._seqs:
            return
        if not self._whole() or sorted(self._seqs) != list(range(self._first_seq, self._last_seq + 1)):
            raise ValueError(f"of the events {self._first_seq} to {self._last_seq} some are missing or double")
        self._write(self._chunk())
        self._written_seq = self._last_seq
        if self._syncing is not None:
            self._syncing.ask(self._written_seq)
        self._window += 1
        self._seqs.clear()
        self._events.clear()
        for packets in self._packets.values():
            packets.clear()

    def close(self) -> None:
        """Write the buffered events and the end of the file. The file is closed even when that fails."""
        if self._closed:
            return
        self._closed = True
        try:
            self._write_window()
            if self._syncing is not None:
                self._syncing.close()
                self._check_synced()
            end = RecordBuilder()
            DataEnd(self._data_crc).write(end)
            Footer(summary_start=0, summary_offset_start=0, summary_crc=0).write(end)
            self._write(_bytes(end) + MCAP0_MAGIC)
            if self._syncing is not None:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            if self._syncing is not None:
                self._syncing.close()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _whole(self) -> bool:
        """Joined packets may be ahead of other sensors' events; then the window waits for those."""
        return len(self._seqs) == self._last_seq - self._first_seq + 1

    def _head(self, session: Session) -> bytes:
        text = msgspec.json.encode(session_to_dict(session))
        session_from_dict(msgspec.json.decode(text), str(self._path))  # an event that could not be read back is refused now
        builder = RecordBuilder()
        builder.write(MCAP0_MAGIC)
        Header(profile=PROFILE, library=f"hiphinge with mcap {mcap.__version__}").write(builder)
        Metadata(HEAD_NAME, {"session": text.decode(), "crc32": f"{zlib.crc32(text):08x}"}).write(builder)
        for sensor in session.sensors:
            about = {"family": sensor.family, "placement": sensor.placement.value}
            Channel(self._channels[sensor.key], sensor_topic(sensor.key), PACKETS_ENCODING, about, 0).write(builder)
        Channel(self._events_channel, EVENTS_TOPIC, EVENTS_ENCODING, {}, 0).write(builder)
        return _bytes(builder)

    def _chunk(self) -> bytes:
        messages = RecordBuilder()
        log_time = max(0, self._last_arrival_ns)
        number = self._window & 0xFFFFFFFF
        for key, packets in self._packets.items():
            if packets:
                data = encode_packets(packets)
                Message(self._channels[key], log_time, data, log_time, number).write(messages)
        trailer = encode_trailer(self._first_seq, self._last_seq, [encoded for _, encoded in sorted(self._events)])
        Message(self._events_channel, log_time, trailer, log_time, number).write(messages)
        content = _bytes(messages)
        chunk = RecordBuilder()
        Chunk(
            compression="zstd",
            data=self._compressor.compress(content),
            message_end_time=log_time,
            message_start_time=log_time,
            uncompressed_crc=zlib.crc32(content),
            uncompressed_size=len(content),
        ).write(chunk)
        return _bytes(chunk)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._cut_back()
            raise self._unwritable(error) from error
        self._good_bytes += len(data)
        self._data_crc = zlib.crc32(data, self._data_crc)

    def _check_synced(self) -> None:
        if self._syncing is not None and self._syncing.error is not None:
            raise self._unwritable(self._syncing.error)

    def _unwritable(self, error: OSError) -> HiphingeError:
        remedy = "Free space on the disk or check its connection; what is on disk already can be read."
        return HiphingeError(f"cannot be written: {error.strerror}", str(self._path), remedy)

    def _cut_back(self) -> None:
        try:
            self._file.truncate(self._good_bytes)
            self._file.seek(self._good_bytes)
        except OSError:
            return  # the disk is gone: the reader copes with a torn end


def _bytes(builder: RecordBuilder) -> bytes:
    content: bytes = builder.end()  # type: ignore[no-untyped-call]
    return content


def _sync_folder(folder: Path) -> None:
    """Make the new file's name survive a power failure, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
