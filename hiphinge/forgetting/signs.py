"""The athlete that one file names, and whether it contains an athlete's id; for files of every kind, even damaged ones.

`whose` reads files with a known format (session.toml, the head of a recording, summaries, ledgers, lines, the title of a
report). `holds` searches for the id in everything that can be read, in pieces. Neither fails: a part that cannot be read,
parsed or decompressed is reported in words, because it proves nothing. Only regular files are opened; a pipe or device never
blocks.
"""

from __future__ import annotations

import html
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from body_signals import HiphingeError
from dashboards.influx import series_of, tags_of
from hiphinge.forgetting.archives import archived, members
from hiphinge.forgetting.identifier import Identifier
from ingest.recording import recording_head, recording_text
from on_disk import toml_document

_PIECE = 1 << 20
"""Bytes searched together (ours)."""
_LARGEST_DOCUMENT = 16 << 20
"""Largest TOML or JSON file, bytes, that is parsed; a larger one is searched as bytes (ours)."""
_MCAP, _PARQUET = b"\x89MCAP0\r\n", b"PAR1"
_ZIP = b"PK\x03\x04"
_CODED = {
    _ZIP: "a zip archive or office file",
    b"\x1f\x8b": "compressed",
    b"\x28\xb5\x2f\xfd": "compressed",
    b"BZh": "compressed",
    b"\xfd7zXZ": "compressed",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x89HDF": "HDF5",
}
"""First bytes of files whose text is encoded or compressed, so that a search of their bytes finds nothing."""
_UNCODED = (".DS_Store",)
"""System files that are not text, but contain names in plain form."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DATE = rb"(?:\d{1,2} \w+ \d{4}|\d\d\.\d\d\.\d{4})"
_MOMENT = _DATE + rb", \d\d:\d\d (?:UTC|\(UTC(?:[+-]\d\d:\d\d)?\))|\xe2\x80\x93"
"""The start of a session as written in its report, English or German; reports of earlier versions give it in UTC."""
_TITLE = re.compile(rb"<title>(.{1,2000}?), (?:" + _MOMENT + rb"): hiphinge(?: report|-Bericht)</title>", re.S)
_LEGIBLE = {
    ".toml": re.compile(rb"""^[ \t\x00]*id[ \t\x00]*=[ \t\x00]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*')""", re.M),
    ".json": re.compile(rb'"athlete"\s*:\s*("(?:[^"\\]|\\.)*")'),
}
_OURS = frozenset({"session.toml", "recording.mcap", "summary.json", "ledger.json"})
"""Files that identify a session: if they are empty or unreadable, its athlete is unknown."""
_WRITTEN = _OURS | {"edits.toml", "cursor.json", "not-computed.json"}
_TABLES = frozenset({"angles.parquet", "orientations.parquet", "repetitions.parquet"})
_OWN_WORDS = frozenset({"schema", "start", "software", "version", "estimator", "family", "placement", "mounting", "movement"})
"""Keys whose values the program itself writes."""


@dataclass(slots=True)
class Whose:
    """athletes: from its format; legible: from the readable parts of a broken file; sessions: names of sessions in InfluxDB.
    fault: why the format cannot be read, empty where it can; nameless: a file of ours of a kind that never names an athlete."""

    athletes: set[str] = field(default_factory=set)
    legible: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    fault: str = ""
    nameless: bool = False


def whose(path: Path) -> Whose:
    """The athlete named by the file at `path`, if any."""
    kind, fault = _kind(path)
    if fault:
        return Whose(fault=fault)
    try:
        match kind:
            case "recording":
                head = recording_head(path)
                athletes = {head.athlete} if head.athlete is not None else set()
                return Whose(athletes, {head.legible} if head.legible is not None else set(), fault=head.fault)
            case "toml" | "json":
                return _document(path, kind)
            case "lines":
                return _lines(path)
            case "html":
                with path.open("rb") as file:
                    found = _TITLE.search(file.read(_PIECE))
                return Whose({html.unescape(found[1].decode("utf-8", "replace"))} if found else set())
            case "parquet":
                return Whose(nameless=path.name in _TABLES)
            case "archive":
                return Whose({athlete} if (athlete := archived(path)) is not None else set())
    except OSError as error:
        return Whose(fault=_refusal(error))
    return Whose()


def holds(path: Path, identifier: Identifier) -> tuple[bool, str]:
    """Whether the file at `path` contains the id, and why it could not be searched completely; empty where it was."""
    kind, fault = _kind(path)
    if fault:
        return False, fault
    unread: list[str] = []
    try:
        match kind:
            case "nothing":
                return False, ""
            case "toml" | "json":
                coded = _coded(_begin(path))
                if coded:
                    return identifier.in_pieces(_pieces(path), noise=True), f"{coded}: it cannot be searched"
                values = _values(path, kind)
                if any(identifier.is_value(value) for value in values or ()):
                    return True, ""
                # a parser drops comments and duplicate keys; in our own files a common word stands alone
                if values is not None and is_ours(path) and not identifier.telling:
                    return False, ""
                return identifier.in_pieces(_pieces(path)), ""
            case "recording":
                found = _in_recording(path, identifier, unread)
            case "parquet":
                # of a season 590 GB are numbers: where nothing else is in a file, its footer and its texts are enough
                footer = _footer(path)
                found = identifier.in_pieces(_pieces(path) if footer is None else [footer], noise=True)
                found = found or _in_table(path, identifier, unread)
            case "archive":
                found = _in_archive(path, identifier, unread)
            case "coded":
                found = identifier.in_pieces(_pieces(path), noise=True)
                unread.append(f"{_coded(_begin(path)) or 'not text'}: it cannot be searched")
            case _:
                found = identifier.in_pieces(_pieces(path))
    except OSError as error:
        return False, _refusal(error)
    return found, "; ".join(unread)


def is_ours(path: Path) -> bool:
    """Whether the file has a name that the program uses."""
    return path.name in _WRITTEN


def stands_alone(path: Path) -> bool:
    """Whether the file is a recording, a report, lines or an archive, which belong to one person wherever they are."""
    return _kind(path)[0] in ("recording", "html", "lines", "archive")


def _kind(path: Path) -> tuple[str, str]:
    """The kind of the file, and the reason why it cannot be read."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "nothing", "is not a file" if path.name in _OURS else ""
        if not found.st_size:
            return "nothing", "is empty" if path.name in _OURS else ""
        begin = _begin(path)
    except OSError as error:
        return "nothing", _refusal(error)
    suffix = path.suffix.lower()
    if begin.startswith(_MCAP) or suffix == ".mcap":
        return "recording", ""
    if begin.startswith(_PARQUET) or suffix == ".parquet":
        return "parquet", ""
    if suffix in (".toml", ".json"):
        return suffix[1:], ""
    if begin.startswith(_ZIP) and archived(path) is not None:
        return "archive", ""
    if _coded(begin) or (b"\x00" in begin and not begin.startswith(_UTF16) and path.name not in _UNCODED):
        return "coded", ""
    return {".lp": "lines", ".html": "html", ".htm": "html"}.get(suffix, "text"), ""


def _coded(begin: bytes) -> str:
    return next((words for magic, words in _CODED.items() if begin.startswith(magic)), "")


def _begin(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read(8192)


def _opened(path: Path) -> BinaryIO:
    """The file, opened without following a link and without waiting for the writer of a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _pieces(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _refusal(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _parsed(path: Path, kind: str) -> Any:
    """The content of a TOML or JSON file. ValueError, in words, where it cannot be parsed."""
    if path.stat().st_size > _LARGEST_DOCUMENT:
        raise ValueError(f"larger than {_LARGEST_DOCUMENT >> 20} MB")
    with _opened(path) as file:
        body = file.read()
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from None
    try:
        return toml_document(text, path) if kind == "toml" else json.loads(text)
    except HiphingeError as error:
        raise ValueError(error.what) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _document(path: Path, kind: str) -> Whose:
    try:
        document = _parsed(path, kind)
    except ValueError as error:
        fault = f"cannot be parsed: {' '.join(str(error).split())[:200]}"
        return Whose(legible=_legible(path, kind), fault=fault)
    found = Whose()
    for key, value in _walked(document):
        if key == "athlete":
            found.athletes.update([value] if isinstance(value, str) else [])
            if isinstance(value, dict) and isinstance(value.get("id"), str):
                found.athletes.add(value["id"])
        if key == "session" and isinstance(value, str):
            found.sessions.add(value)
        if key.startswith(("repetition,athlete=", "mark,athlete=")):
            tags = tags_of(key)
            found.athletes.add(tags.get("athlete", ""))
            found.sessions.add(tags.get("session", ""))
    if path.name in ("session.toml", "summary.json") and not any(name.strip() for name in found.athletes):
        found.fault = "does not name its athlete"
    found.athletes.discard("")
    return found


def _walked(document: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, however deep; values in a list with an empty key."""
    waiting = [document]
    while waiting:
        one = waiting.pop()
        items = one.items() if isinstance(one, dict) else (("", value) for value in one) if isinstance(one, list) else ()
        for key, value in items:
            yield str(key), value
            waiting.append(value)


def _values(path: Path, kind: str) -> list[str] | None:
    """All texts in a document except those that the program itself writes; None where it cannot be parsed."""
    try:
        document = _parsed(path, kind)
    except ValueError:
        return None
    texts: list[str] = []
    own_words = _OWN_WORDS if is_ours(path) else frozenset()
    for key, value in _walked(document):
        if key in own_words:
            continue
        texts += [part for part in (key, value) if isinstance(part, str)]
    return texts


def _legible(path: Path, kind: str) -> set[str]:
    """Ids that can be read in a file that cannot be parsed."""
    with _opened(path) as file:
        body = file.read(_PIECE)
    coding = "utf-16" if body.startswith(_UTF16) else "utf-8"
    for one in (coding, "cp1252"):
        try:
            body = body.decode(one).encode()
            break
        except UnicodeDecodeError:
            continue
    found = set()
    for quoted in _LEGIBLE[f".{kind}"].findall(body):
        text = quoted.decode("utf-8", "replace")
        try:
            found.add(str(json.loads(text)) if text.startswith('"') else text[1:-1])
        except ValueError:
            found.add(text[1:-1])
    return found - {""}


def _lines(path: Path) -> Whose:
    """Tags of line protocol. Lines of one series are consecutive, so each series is examined once."""
    found = Whose()
    rest, last = b"", ""
    for piece in _pieces(path):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            last = _line(found, line, last)
        rest = rest[-_PIECE:]
    _line(found, rest, last)
    return found


def _line(found: Whose, line: bytes, last: str) -> str:
    text = line[:8192].decode("utf-8", "replace")
    series = series_of(text)
    if series == last or ",athlete=" not in series:
        return last
    tags = tags_of(series)
    found.athletes.update({tags["athlete"]} if tags.get("athlete") else ())
    found.sessions.update({tags["session"]} if tags.get("session") else ())
    return series


def _in_recording(path: Path, identifier: Identifier, unread: list[str]) -> bool:
    head = recording_head(path)
    # short texts are searched together: there is one every half second
    waiting: dict[bool, list[bytes]] = {True: [], False: []}
    sizes = {True: 0, False: 0}
    for piece, noise in recording_text(path, head.sensors, unread):
        waiting[noise].append(piece)
        sizes[noise] += len(piece)
        if sizes[noise] > _PIECE:
            if identifier.in_pieces([b"\n".join(waiting[noise])], noise=noise):
                return True
            waiting[noise], sizes[noise] = waiting[noise][-1:], len(piece)
    return any(identifier.in_pieces([b"\n".join(pieces)], noise=noise) for noise, pieces in waiting.items())


def _in_archive(path: Path, identifier: Identifier, unread: list[str]) -> bool:
    """Whether the name or the content of a file in an archive contains the id."""
    for name, file in members(path, unread):
        held, fault = holds(file, identifier)
        if held or identifier.in_text(name):
            return True
        if fault:
            unread.append(f"{name}: {fault}")
    return False


def _footer(path: Path) -> bytes | None:
    """The footer of a table; None where a byte of the file belongs neither to it nor to a column, or it cannot be read."""
    try:
        with _opened(path) as body, pq.ParquetFile(body) as file:
            metadata = file.metadata
            at = len(_PARQUET)
            for i in range(metadata.num_row_groups):
                group = metadata.row_group(i)
                for column in map(group.column, range(group.num_columns)):
                    if min(filter(None, (column.dictionary_page_offset, column.data_page_offset))) != at:
                        return None
                    at += column.total_compressed_size
            body.seek(at)
            footer = body.read()
            # it is followed by its length, 4 bytes, and the format's name
            return footer if len(footer) == metadata.serialized_size + 4 + len(_PARQUET) else None
    except (OSError, pa.ArrowException, ValueError):
        return None


def _in_table(path: Path, identifier: Identifier, unread: list[str]) -> bool:
    """Whether names of columns, the metadata of a table, or any text in it contain the id."""
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            said = [*schema.names, *(_words(schema.metadata))]
            said += [word for name in schema.names for word in _words(schema.field(name).metadata)]
            if any(identifier.is_value(word) for word in said):
                return True
            texts = [f.name for f in schema if not _is_number(f.type)]
            for batch in file.iter_batches(batch_size=1 << 16, columns=texts) if texts else ():
                for column in batch.columns:
                    values = column.unique() if not pa.types.is_nested(column.type) else column
                    if any(identifier.is_value(_word(value)) for value in values.to_pylist()):
                        return True
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        unread.append(f"cannot be read as a table ({str(error).strip().splitlines()[0][:150]})")
    return False


def _is_number(kind: Any) -> bool:
    return bool(
        pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind)
    )


def _words(metadata: dict[bytes, bytes] | None) -> list[str]:
    return [_word(part) for pair in (metadata or {}).items() if pair[0] != b"ARROW:schema" for part in pair]


def _word(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
