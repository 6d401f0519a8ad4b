"""Where sessions and results are: a folder, of this machine or of the network, or a prefix of a bucket. What both can do.

Names are relative, with ``/`` between their parts. A place may be sent to another computer, which opens it anew.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from body_signals import HiphingeError
from on_disk import shown

BUCKET = "s3://"
HEADS = frozenset({"session.toml", "recording.mcap"})
"""A folder with one of these may be a session."""
MOST_BYTES = 64 << 20
"""Largest file that is read as a whole, bytes (ours)."""
_OTHER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LONGEST_NAME = 200
"""Most letters of a name (ours); file systems take 255."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a place knows of a file without reading it. version: changes whenever the content may have changed."""

    bytes: int
    version: str


class Place(Protocol):
    """A folder or a prefix. Every operation raises HiphingeError, with place and remedy, where the place refuses."""

    @property
    def words(self) -> str:
        """As a person writes it."""

    def prepare(self) -> None:
        """Make the place where there is none."""

    def folders(self) -> list[str]:
        """Names of the folders directly below that may be sessions: they hold session.toml or a recording. Or the one empty
        name, if the place itself is a session."""

    def inside(self, name: str) -> tuple[list[str], list[str]]:
        """Names of folders, and of files, directly below the folder `name`; empty where there is none."""

    def stamp(self, name: str) -> Stamp | None:
        """Of a file; None where there is none."""

    def on_disk(self, name: str) -> Path | None:
        """The path of a file or folder, if programs can open it there; None where it has to be fetched."""

    def read(self, name: str) -> bytes | None:
        """A small file; None where there is none."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to the path `target`, for its owner alone."""

    def put(self, name: str, source: Path | bytes) -> None:
        """Write a file, whole or not at all, in the place of any other one, for its owner alone. source: its content, or a file
        that nobody writes to any more."""

    def put_new(self, name: str, content: bytes) -> bool:
        """Write a file if there is none of that name; of any number of programs that try at once, one is told True."""

    def remove(self, name: str) -> None:
        """Remove a folder with all that is in it; does nothing where there is none."""


def place_of(words: str) -> Place:
    """The place that a person names: a folder, or ``s3://bucket/prefix``. HiphingeError for anything else."""
    if words.startswith(BUCKET):
        # here and not above: a folder needs no object storage
        from hiphinge.seasons.bucket import Bucket

        return Bucket.named(words)
    if _OTHER.match(words):
        remedy = "Give a folder, or s3://bucket/prefix; other object storage: by its S3 interface, or mounted as a folder"
        raise HiphingeError("object storage of this kind is not supported", shown(words), remedy)
    from hiphinge.seasons.folder import Folder

    return Folder(Path(words).absolute(), words)


def written(session: str) -> str:
    """The name of a session's folder as the name of its results: letters that every place knows, other ones as %XX."""
    plain = quote(session.encode("utf-8", "surrogateescape"), safe="")
    plain = plain if plain.strip(".") else plain.replace(".", "%2E")
    if len(plain) <= _LONGEST_NAME:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:16]
    return f"{plain[: _LONGEST_NAME - 17]}-{digest}"


def check_apart(sessions: Place, results: Place) -> None:
    """HiphingeError where one of the two is in the other: results would stand among the recordings."""
    one, other = (_parts(place) for place in (sessions, results))
    if one[: len(other)] == other or other[: len(one)] == one:
        how = "is" if one == other else "lies within" if len(other) > len(one) else "holds"
        raise HiphingeError(f"{how} the folder of the sessions", results.words, "Give --out a folder beside SESSIONS")


def _parts(place: Place) -> tuple[str, ...]:
    folder = place.on_disk("")
    return tuple(place.words.rstrip("/").split("/")) if folder is None else folder.resolve().parts
