"""Everything of a person in one zip archive: every file of the person's sessions as it is, and a manifest of them.

What belongs to a person is decided as for `hiphinge forget` (`hiphinge.forgetting.traces`): a place that may be the person's,
without proof, is named and not taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from body_signals import HiphingeError
from hiphinge.exporting.placing import MANIFEST
from hiphinge.forgetting.traces import Traces, search
from hiphinge.session.lock import LOCK, is_running
from hiphinge.version import software
from on_disk import open_file, open_private

_PIECE = 1 << 20
"""Bytes copied at a time (ours)."""
_PACKED = frozenset({".mcap", ".parquet", ".zip", ".png", ".pdf", ".zst", ".gz"})
"""Endings of files that are compressed already."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The date of every entry: a zip can say no earlier one, and the files' own dates tell when they were copied, no more."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is in an archive. undecided: places that may be the person's and were not taken, each with the reason."""

    path: Path
    files: list[dict[str, Any]] = field(default_factory=list)
    undecided: list[tuple[str, str]] = field(default_factory=list)


def found(sessions: Path, athlete: str, former: Sequence[str] = ()) -> Traces:
    """Everything of a person below the folder of sessions. HiphingeError where there is nothing, or a session is running."""
    traces = search(sessions, athlete, frozenset(former))
    if not traces.any:
        why = f"; {len(traces.undecided)} places are undecided, first {traces.undecided[0]}" if traces.undecided else ""
        remedy = "Check the spelling: hiphinge athletes list"
        raise HiphingeError(f"nothing was found of {athlete!r}{why}", str(sessions), remedy)
    for folder in traces.folders:
        if is_running(folder):
            raise HiphingeError("a session of this athlete is running", str(folder), "Export it when it is over")
    return traces


def write_archive(path: Path, sessions: Path, athlete: str, traces: Traces) -> Archive:
    """Write the archive to `path`, whole or not at all. OSError, and HiphingeError where a file cannot be read."""
    archive = Archive(path, undecided=[(str(one.path), one.why) for one in traces.undecided])
    beside = path.with_name(f".{path.name}.new")
    try:
        with open_private(beside, "wb") as file, ZipFile(file, "w") as out:
            for source in sorted(_files(traces)):
                archive.files.append(_add(out, source, source.relative_to(sessions).as_posix()))
            out.writestr(_entry(MANIFEST, ZIP_DEFLATED), json.dumps(_manifest(archive, athlete), ensure_ascii=False, indent=1))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return archive


def _files(traces: Traces) -> Iterator[Path]:
    """Regular files of the person; links are not followed, and sessions of others within a folder are left out."""
    yield from traces.files
    for folder in traces.folders:
        others = [other for other in traces.nested.get(folder, []) if other not in traces.folders]
        for path in folder.rglob("*"):
            inside_other = any(other in path.parents for other in others) or any(
                mine != folder and mine in path.parents and folder in mine.parents for mine in traces.folders
            )
            if path.is_file() and not path.is_symlink() and path.name != LOCK and not inside_other:
                yield path


def _add(out: ZipFile, source: Path, name: str) -> dict[str, Any]:
    """Copy a file into the archive; its entry in the manifest."""
    digest, size = hashlib.sha256(), 0
    how = ZIP_STORED if source.suffix.lower() in _PACKED else ZIP_DEFLATED
    with open_file(source) as there, out.open(_entry(name, how), "w", force_zip64=True) as here:
        while piece := there.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            here.write(piece)
    return {"file": name, "bytes": size, "sha256": digest.hexdigest()}


def _entry(name: str, how: int) -> ZipInfo:
    entry = ZipInfo(name, _EARLIEST)
    entry.compress_type = how
    entry.external_attr = 0o600 << 16
    return entry


def _manifest(archive: Archive, athlete: str) -> dict[str, Any]:
    return {
        "athlete": athlete,
        "software": software(),
        "files": archive.files,
        "undecided": [{"where": where, "why": why} for where, why in archive.undecided],
        "not_included": "values in InfluxDB (computed from these files), kits, copies outside the folder of sessions, backups",
    }
