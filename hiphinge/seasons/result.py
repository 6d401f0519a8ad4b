"""The result of a session: an attempt, which is a folder that nobody reads, and a manifest, which makes it the result.

Manifests are numbered, and each is put only if there is none of its number. So of programs that compute the same session at
once one is told that its result counts, and the other finds it. Readers take the manifest with the highest number.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from body_signals import HiphingeError
from hiphinge.seasons.place import Place, written
from on_disk import LEFT_S, json_document, open_file

SCHEMA = 1
KIND = "hiphinge results"
MARKER, REPORT, SESSIONS = "results.json", "report.json", "sessions"
MANIFEST = re.compile(r"manifest-(\d{6})\.json")
_ATTEMPT = re.compile(r"attempt-(\d{8}T\d{6}Z)-[0-9a-f]{8}")
_TIME = "%Y%m%dT%H%M%SZ"
_SUPERSEDED = json.dumps({"schema": SCHEMA, "superseded": True}).encode()


def prepare(results: Place) -> str:
    """Make the folder of results where there is none; returns its sign, by which workers know that they see the same one.

    HiphingeError where it cannot be written, where there are other things in it, or where its place cannot put a file only if
    there is none.
    """
    results.prepare()
    folders, files = results.inside("")
    if MARKER not in files:
        if folders or any(not file.startswith(".") for file in files):
            what = "is not empty, and no folder of results: it has no results.json"
            raise HiphingeError(what, results.words, "Give --out a folder that does not exist, or one of an earlier run")
        results.put_new(MARKER, _marker())
    if results.put_new(MARKER, _marker()):
        what = "does not refuse a file that is there already, so two programs could each write a result"
        remedy = "Use object storage with conditional writes (If-None-Match), or a folder"
        raise HiphingeError(what, results.words, remedy)
    return sign_of(results)


def sign_of(results: Place) -> str:
    """The sign of a folder of results. HiphingeError where it has none, or was made by a later version."""
    try:
        return _made(results.read(MARKER))
    except (ValueError, KeyError, TypeError) as error:
        where = f"{results.words.rstrip('/')}/{MARKER}"
        raise HiphingeError(f"is no sign of a folder of results ({error})", where, "Give another folder as --out") from None


def check_sign(results: Place, sign: str) -> None:
    """HiphingeError where the place is no longer the folder of results with this sign: its disk may have gone, and another one,
    or the bare mount point, be there instead."""
    try:
        same = _made(results.read(MARKER)) == sign
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        what = "is no longer the folder of results that the run began with"
        remedy = "Connect its disk again, and run the same command: what is done stays done"
        raise HiphingeError(what, results.words, remedy)


def _made(content: bytes | None) -> str:
    """What results.json says of when it was made. ValueError, KeyError or TypeError where it is none of this version."""
    found = json_document(content or b"")
    if (found["schema"], found["kind"]) != (SCHEMA, KIND):
        raise ValueError("of another schema")
    return str(found["made"])


def _marker() -> bytes:
    # no two alike: who put it can be told
    return json.dumps({"schema": SCHEMA, "kind": KIND, "made": secrets.token_hex(8)}).encode()


@dataclass(slots=True)
class SessionResults:
    """What the place `results` has of a session. sign: of the place; manifest: the one that counts, None where there is no
    result."""

    results: Place
    session: str
    sign: str = ""
    number: int = 0
    manifest: Mapping[str, Any] | None = None
    _older: list[int] = field(default_factory=list)
    _attempts: list[str] = field(default_factory=list)
    _written: str = ""

    @classmethod
    def in_folder(cls, results: Place, name: str) -> SessionResults:
        """Look up what is in the folder `name` below the sessions, whatever session it is of. HiphingeError as in `of`."""
        one = cls(results, "", _written=name)
        one.look()
        return one

    @classmethod
    def of(cls, results: Place, session: str, sign: str = "") -> SessionResults:
        """Look it up. sign: needed by who commits. HiphingeError where the manifest was written by a later version, or is
        damaged."""
        one = cls(results, session, sign)
        one.look()
        return one

    @property
    def folder(self) -> str:
        """Its folder in the place."""
        return f"{SESSIONS}/{self._written or written(self.session)}"

    def look(self) -> None:
        """Look again."""
        self._attempts, files = self.results.inside(self.folder)
        numbers = sorted(int(found[1]) for file in files if (found := MANIFEST.fullmatch(file)))
        self.manifest, self._older = None, []
        self.number = numbers[-1] if numbers else 0
        while numbers and self.manifest is None:
            # an empty one was begun where files cannot be linked: the number is taken, and there is no result
            self.manifest = self._read(numbers.pop())
        self._older = numbers

    def _read(self, number: int) -> Mapping[str, Any] | None:
        where = f"{self.folder}/{_name(number)}"
        content = self.results.read(where)
        if not content:
            return None
        try:
            found = json_document(content)
            if not isinstance(found, dict) or found["schema"] != SCHEMA:
                raise ValueError("not of this version")
            if found.get("superseded"):
                return None
            if not _ATTEMPT.fullmatch(found["folder"]) or not all(isinstance(found[key], dict) for key in ("inputs", "files")):
                raise ValueError("not a manifest")
        except (ValueError, KeyError, TypeError) as error:
            words = f"is damaged, or of a later version: {error}"
            remedy = f"Remove the folder {self.folder} below {self.results.words}, and run the command again"
            raise HiphingeError(words, f"{self.results.words.rstrip('/')}/{where}", remedy) from None
        return found

    def has(self, key: str) -> bool:
        """Whether there is a result with this key, and all its files are still there."""
        manifest = self.manifest
        if manifest is None or manifest.get("key") != key:
            return False
        folder = f"{self.folder}/{manifest['folder']}"
        parents = {_parent(path) for path in manifest["files"]}
        there = {parent: self.results.inside(f"{folder}/{parent}".rstrip("/"))[1] for parent in parents}
        return all(path.rpartition("/")[2] in there[_parent(path)] for path in manifest["files"])

    def new_attempt(self) -> str:
        """A name for the folder of an attempt."""
        return f"attempt-{datetime.now(UTC).strftime(_TIME)}-{secrets.token_hex(4)}"

    def commit(self, attempt: str, files: Mapping[str, Path], manifest: Mapping[str, Any]) -> bool:
        """Put the files, by their path in the attempt's folder, then the manifest; False where another program put a result
        with the same key meanwhile. Nothing is left of an attempt that does not count. HiphingeError where the place is no
        longer the one with this sign."""
        where = f"{self.folder}/{attempt}"
        counts = False
        check_sign(self.results, self.sign)
        try:
            for path, file in files.items():
                self.results.put(f"{where}/{path}", file)
            whole = {
                "schema": SCHEMA,
                **manifest,
                "folder": attempt,
                "files": {path: _file(file) for path, file in files.items()},
            }
            content = json.dumps(whole, indent=1).encode()
            while not counts and not self.has(manifest["key"]):
                # the files may have taken long
                check_sign(self.results, self.sign)
                counts = self.results.put_new(f"{self.folder}/{_name(self.number + 1)}", content)
                self.look()
        finally:
            if not counts:
                self.results.remove(where)
        return counts

    def tidy(self, now: datetime | None = None) -> None:
        """Remove what does not count: results before the present one, and attempts of workers that died, once a day old."""
        counts = self.manifest["folder"] if self.manifest is not None else ""
        superseded = set()
        for number in self._older:
            old = self._read(number)
            if old is not None:
                self.results.put(f"{self.folder}/{_name(number)}", _SUPERSEDED)
                superseded.add(old["folder"])
        until = (now or datetime.now(UTC)) - timedelta(seconds=LEFT_S)
        for attempt in self._attempts:
            found = _ATTEMPT.fullmatch(attempt)
            if found is None or attempt == counts:
                continue
            if attempt in superseded or datetime.strptime(found[1], _TIME).replace(tzinfo=UTC) < until:
                self.results.remove(f"{self.folder}/{attempt}")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(number: int) -> str:
    return f"manifest-{number:06d}.json"


def _file(path: Path) -> dict[str, Any]:
    with open_file(path) as content:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}


def key_of(program: Sequence[str], settings: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """The key of a result: alike for the same program, settings and content of the session's files, by name."""
    text = json.dumps([list(program), settings, digests], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
