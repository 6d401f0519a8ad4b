"""The file of an athlete in a cohort, and the index beside it of what it was made of.

The file is lean: no metadata of columns (the schema table has the words), one row group, statistics of two columns only, floats
as split bytes under zstd, which takes a quarter of their size off. Its bytes depend on the sessions alone, and not on the order
in which they were collected. Both files appear whole or not at all; the index names the file's digest, so that a file of
another state is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from body_signals import HiphingeError
from hiphinge.cohorts.columns import NUMBER, SINGLE, STORED, TEXT, TIME, WHOLE, YES
from hiphinge.cohorts.places import INDEX, RESULTS
from on_disk import make_private_folder, open_file, read_bytes, replace_whole, write_private

_ARROW = {
    TEXT: pa.string(),
    WHOLE: pa.int32(),
    YES: pa.bool_(),
    NUMBER: pa.float64(),
    SINGLE: pa.float32(),
    TIME: pa.timestamp("us"),
}
FILE_SCHEMA = pa.schema([pa.field(column.name, _ARROW[column.kind]) for column in STORED])
_MOST_INDEX_BYTES = 64 << 20
"""Largest index, bytes (ours); 10,000 sessions have 3 MB."""
_ROW_GROUP = 1 << 20
"""Rows in a row group, at most (ours): a few years of one athlete. Each group more is 15 kB of footer."""
_ORDER = ("estimator", "record", "start", "folder")
"""What rows are ordered by; rows of one session, estimator and kind stay together, as they were read."""


Part = tuple[pa.Table, set[str]]
"""Rows in the order of a file, and the folders of the sessions that are taken from them."""


class Entry(msgspec.Struct, frozen=True):
    """A session in the index. state: of its files, when it was read; session: its name; origins, duration_s, replay: what tells
    a copy or a replay of a recording from another one (`hiphinge.comparing.recordings`); there: its rows are in the file."""

    state: str
    session: str
    origins: list[str]
    duration_s: float
    replay: bool
    there: bool


class Index(msgspec.Struct):
    """What an athlete's file was made of. sha256, size: of the file; sessions: by folder, below the one that is collected."""

    athlete: str
    sha256: str
    size: int
    sessions: dict[str, Entry]


def read_index(folder: Path) -> Index | None:
    """The index in an athlete's folder; None where it cannot be read, or the file beside it is not of the size that it says."""
    try:
        index = msgspec.json.decode(read_bytes(folder / INDEX, _MOST_INDEX_BYTES), type=Index)
        return index if (folder / RESULTS).stat().st_size == index.size else None
    except (OSError, HiphingeError, msgspec.MsgspecError):
        return None


def read_rows(folder: Path, index: Index) -> pa.Table | None:
    """The rows in an athlete's file; None where it is not the one that the index describes."""
    try:
        with open_file(folder / RESULTS) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != index.sha256:
                return None
        found = pq.read_table(folder / RESULTS, partitioning=None)
        return found if found.schema.equals(FILE_SCHEMA) else None
    except (OSError, HiphingeError, pa.ArrowException):
        return None


def has_our_columns(folder: Path) -> bool:
    """Whether an athlete's file has the columns of this program; only its footer is read."""
    try:
        return bool(pq.read_schema(folder / RESULTS).equals(FILE_SCHEMA))
    except (OSError, pa.ArrowException):
        return False


def write_athlete(folder: Path, athlete: str, parts: Sequence[Part], sessions: dict[str, Entry]) -> int:
    """Write an athlete's file and index; the bytes of both. OSError."""
    make_private_folder(folder)
    scratch = folder / f".{RESULTS}.new"
    try:
        # the library opens the file by itself, with the permissions of that moment
        write_private(scratch, b"")
        _write_rows(scratch, _ordered(parts))
        with open_file(scratch) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = scratch.stat().st_size
        scratch.replace(folder / RESULTS)
    finally:
        scratch.unlink(missing_ok=True)
    index = msgspec.json.encode(Index(athlete, digest, size, dict(sorted(sessions.items()))))
    replace_whole(folder / INDEX, index)
    return size + len(index)


def _ordered(parts: Sequence[Part]) -> pa.Table:
    """All rows in their order. Rows that stay beside each other are taken over in one piece, so that few are moved."""
    blocks = sorted(
        (key, i, begin, end)
        for i, (rows, sessions) in enumerate(parts)
        for key, begin, end in _blocks(rows)
        if key[-1] in sessions
    )
    pieces: list[tuple[int, int, int]] = []
    for _, i, begin, end in blocks:
        if pieces and pieces[-1][0] == i and pieces[-1][2] == begin:
            begin = pieces.pop()[1]
        pieces.append((i, begin, end))
    # in one piece, so that pages end at the same rows however the table was put together
    return pa.concat_tables([parts[i][0].slice(begin, end - begin) for i, begin, end in pieces]).combine_chunks()


def _blocks(part: pa.Table) -> Iterator[tuple[tuple[str, str, bool, int, str], int, int]]:
    """The rows of one session, estimator and kind: what they are ordered by, and from where to where they are."""
    estimator, record, start, folder = (part[name].combine_chunks() for name in _ORDER)
    # an unknown start comes last
    known, times = start.is_valid(), start.cast(pa.int64()).fill_null(0)
    keys = [
        one.dictionary_encode().indices.to_numpy() if pa.types.is_string(one.type) else one.to_numpy(zero_copy_only=False)
        for one in (estimator, record, times, folder)
    ]
    changes = np.flatnonzero(np.any([np.diff(key, prepend=key[:1] - 1) != 0 for key in keys], axis=0)).tolist()
    for begin, end in zip(changes, [*changes[1:], len(part)], strict=True):
        words = (estimator[begin].as_py(), record[begin].as_py())
        yield (*words, not known[begin].as_py(), times[begin].as_py(), folder[begin].as_py()), begin, end


def _write_rows(path: Path, rows: pa.Table) -> None:
    floats = [field.name for field in FILE_SCHEMA if pa.types.is_floating(field.type)]
    pq.write_table(
        rows,
        path,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=1,
        use_dictionary=[field.name for field in FILE_SCHEMA if field.name not in floats],
        use_byte_stream_split=floats,
        write_statistics=["record", "estimator"],
        store_schema=False,
        write_page_checksum=True,
    )
