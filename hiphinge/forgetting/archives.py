"""Archives that `hiphinge export --athlete` wrote: whose they are, and their files one by one, to be searched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from hiphinge.exporting.placing import MANIFEST
from on_disk import json_document, open_private

_MOST_BYTES = 64 << 30
"""Most bytes, unpacked, of an archive that is searched (ours): 500 hours of recordings."""
_MOST_MANIFEST_BYTES = 64 << 20
"""Largest manifest, bytes (ours); 10,000 files have 2 MB."""
_FAULTS = (OSError, BadZipFile, KeyError, ValueError, RuntimeError, NotImplementedError, EOFError)
"""What a zip file that is damaged, encrypted or of another kind raises."""


def archived(path: Path) -> str | None:
    """The athlete of such an archive; None where the file at `path` is something else, or cannot be read."""
    try:
        with ZipFile(path) as archive:
            if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST_BYTES:
                return None
            said = json_document(archive.read(MANIFEST))
    except _FAULTS:
        return None
    athlete = said.get("athlete") if isinstance(said, dict) and "files" in said else None
    return athlete if isinstance(athlete, str) and athlete else None


def members(path: Path, unread: list[str]) -> Iterator[tuple[str, Path]]:
    """The files in an archive, each with its name there and as a file of its own, which is there until the next one.

    unread: gets the reason where one cannot be unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="hiphinge-archive-") as name:
        place = Path(name)
        try:
            with ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                    unread.append("the archive is too large to be searched")
                    return
                for entry in entries:
                    # the endings of names tell the kinds of files
                    unpacked = place / (PurePosixPath(entry.filename).name or "file")
                    with archive.open(entry) as there, open_private(unpacked, "wb") as here:
                        shutil.copyfileobj(there, here)
                    yield entry.filename, unpacked
                    unpacked.unlink()
        except _FAULTS as error:
            unread.append(f"the archive cannot be unpacked ({error})")
