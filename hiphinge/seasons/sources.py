"""What a session's results are made of: its recording or CSV files, session.toml and edits.toml. And whether that has changed.

A recording is read only if its size or one of its times differs from what the last result was made of. The two small files, in
which people correct things, are always read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from body_signals import HiphingeError
from dashboards.edits import EDITS
from hiphinge.seasons.place import Place, Stamp
from hiphinge.session.folders import RECORDING
from hiphinge.session.replayed import HEAD
from ingest.heads import read_session_toml
from on_disk import make_private_parents, open_file

_SAID = (HEAD, EDITS)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a session: what its place knows of it, and the SHA-256 of its content."""

    stamp: Stamp
    sha256: str

    @property
    def document(self) -> dict[str, Any]:
        """For a manifest."""
        return {"bytes": self.stamp.bytes, "stamp": self.stamp.version, "sha256": self.sha256}


class Sources:
    """The files of the session `name` in `place`. scratch: a folder for those that have to be fetched.

    HiphingeError where there is no session, or session.toml of a plain session cannot be read.
    """

    def __init__(self, place: Place, name: str, scratch: Path) -> None:
        self._place, self._name = place, name
        there = place.on_disk(name)
        self._fetched = there is None
        self.folder = scratch if there is None else there
        """Where the session can be opened, once its files are there (`all_there`)."""
        stamps = {file: self._stamp(file) for file in (*_SAID, RECORDING)}
        self.stamps: dict[str, Stamp] = {file: stamp for file, stamp in stamps.items() if stamp is not None}
        self._here: set[str] = set()
        for file in _SAID:
            self._bring(file)
        if RECORDING not in self.stamps:
            for file in self._csv_files():
                stamp = self._stamp(file)
                if stamp is not None:
                    self.stamps[file] = stamp

    def looked_at(self, before: Mapping[str, Any]) -> dict[str, Source]:
        """Every file with its digest. before: `inputs` of the manifest of an earlier result, whose digests stand if the place
        says that a file is unchanged."""
        found = {}
        for file, stamp in sorted(self.stamps.items()):
            known = before.get(file, {})
            alike = (known.get("bytes"), known.get("stamp")) == (stamp.bytes, stamp.version)
            found[file] = Source(stamp, known["sha256"] if alike and file not in _SAID else self._digest(file))
        return found

    def all_there(self) -> None:
        """Fetch what has not been fetched yet."""
        for file in self.stamps:
            self._bring(file)

    def check_unchanged(self, looked_at: Mapping[str, Source]) -> None:
        """HiphingeError where a file has changed since: results would be of neither state."""
        for file in {*_SAID, RECORDING, *looked_at}:
            before = looked_at[file].stamp if file in looked_at else None
            if self._stamp(file) != before:
                where = f"{self._place.words.rstrip('/')}/{self._name}/{file}"
                raise HiphingeError("changed while the session was computed", where, "Run the command again")

    def _csv_files(self) -> list[str]:
        if HEAD not in self.stamps:
            return []
        return [sensor.file for sensor in read_session_toml(self.folder / HEAD).sensors if sensor.file is not None]

    def _stamp(self, file: str) -> Stamp | None:
        return self._place.stamp(self._of_session(file))

    def _of_session(self, file: str) -> str:
        return f"{self._name}/{file}" if self._name else file

    def _bring(self, file: str) -> None:
        if self._fetched and file in self.stamps and file not in self._here:
            target = self.folder / file
            make_private_parents(target)
            self._place.fetch(self._of_session(file), target)
            self._here.add(file)

    def _digest(self, file: str) -> str:
        self._bring(file)
        with open_file(self.folder / file) as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
