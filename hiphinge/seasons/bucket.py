"""A prefix of a bucket as a place of sessions and results: the one edge to object storage, which `obstore` speaks with.

Credentials, region and endpoint come from the usual variables of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL), or from the machine's role. They never travel: each worker has its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from body_signals import HiphingeError, one_line
from hiphinge.seasons.place import BUCKET, HEADS, MOST_BYTES, Stamp
from on_disk import open_private

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_PAGE = 1000
"""Objects of a list that come at a time, which is also the most that S3 gives in an answer."""
_TIMEOUT, _RETRIES = "60s", 5
"""Of one request, and how often it is made again where the server is busy or the network fails (ours)."""
_LONGEST = 300
"""Most letters of what the library says of an error (ours)."""
_SAID = re.compile(r"<Code>(\w+)</Code>\s*<Message>(.*?)</Message>", re.DOTALL)
_NAMES = "Rename or remove what has this name: one with // or with . or .. between slashes cannot be read"
_REMEDY = "Check bucket, AWS_ENDPOINT_URL, AWS_REGION and the credentials in the environment, of the workers too"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket; see `hiphinge.seasons.place.Place`. prefix: without ``/`` at its ends, may be empty."""

    bucket: str
    prefix: str
    words: str

    @classmethod
    def named(cls, words: str) -> Bucket:
        """The place ``s3://bucket/prefix``. HiphingeError where it names no bucket, or obstore is not installed."""
        bucket, _, prefix = words.removeprefix(BUCKET).partition("/")
        if not bucket:
            raise HiphingeError("names no bucket", words, "Write s3://bucket/prefix")
        if prefix.strip("/") and not {"", ".", ".."}.isdisjoint(prefix.strip("/").split("/")):
            remedy = "Write s3://bucket/prefix with names between them"
            raise HiphingeError("has nothing, . or .. between two slashes", words, remedy)
        if find_spec("obstore") is None:
            remedy = "Install it: pip install 'hiphinge[cluster]'"
            raise HiphingeError("object storage needs the package obstore", words, remedy)
        return cls(bucket, prefix.strip("/"), words)

    def folders(self) -> list[str]:
        """See `Place`."""
        found = set()
        for one in self._below(""):
            *parents, file = one.split("/")
            if file in HEADS and len(parents) < 2 and not any(name.startswith(".") for name in parents):
                found.add("".join(parents))
        return [""] if "" in found else sorted(found)

    def inside(self, name: str) -> tuple[list[str], list[str]]:
        """See `Place`."""
        import obstore

        above = self._above(name)
        with self._told("cannot be read", name):
            found = obstore.list_with_delimiter(self._store(), above or None)
        names = [one.rpartition("/")[2] for one in found["common_prefixes"]]
        return names, [one["path"].removeprefix(above) for one in found["objects"] if one["path"].startswith(above)]

    def stamp(self, name: str) -> Stamp | None:
        """See `Place`."""
        import obstore

        with self._told("cannot be read", name):
            try:
                found = obstore.head(self._store(), self._key(name))
            except FileNotFoundError:
                return None
        return Stamp(found["size"], found["e_tag"] or f"{found['last_modified']:%Y%m%dT%H%M%S}")

    def on_disk(self, name: str) -> Path | None:
        """See `Place`."""
        return None

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        import obstore

        with self._told("cannot be read", name):
            try:
                found = obstore.get(self._store(), self._key(name))
                if found.meta["size"] > MOST_BYTES:
                    raise HiphingeError(
                        "is larger than such a file can be", self._where(name), "Check that it is the right one"
                    )
                return bytes(found.bytes())
            except FileNotFoundError:
                return None

    def fetch(self, name: str, target: Path) -> None:
        """See `Place`."""
        import obstore

        with self._told("cannot be read", name), open_private(target, "wb") as here:
            for piece in obstore.get(self._store(), self._key(name)).stream():
                here.write(piece)

    def put(self, name: str, source: Path | bytes) -> None:
        """See `Place`."""
        import obstore

        with self._told("cannot be written", name):
            obstore.put(self._store(), self._key(name), source)

    def put_new(self, name: str, content: bytes) -> bool:
        """See `Place`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._told("cannot be written", name):
            try:
                obstore.put(self._store(), self._key(name), content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                # a request whose answer was lost is made again, and then finds what it wrote itself
                return self.read(name) == content
        return True

    def remove(self, name: str) -> None:
        """See `Place`."""
        import obstore

        with self._told("cannot be removed", name):
            gone = [self._key(f"{name}/{one}" if name else one) for one in self._below(name)]
            for i in range(0, len(gone), _PAGE):
                obstore.delete(self._store(), gone[i : i + _PAGE])

    def prepare(self) -> None:
        """A prefix need not be made."""

    def _below(self, name: str) -> Iterator[str]:
        """Names of all objects below a folder, relative to it."""
        import obstore

        above = self._above(name)
        with self._told("cannot be read", name):
            for page in obstore.list(self._store(), above or None, chunk_size=_PAGE):
                for one in page:
                    if one["path"].startswith(above):
                        yield one["path"].removeprefix(above)

    def _above(self, name: str) -> str:
        """What keys of objects below a folder begin with.

        The empty object that "Create folder" of many programs puts there has this key, which the library gives without the
        slash: it is none of them.
        """
        key = self._key(name)
        return f"{key}/" if key else ""

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix, name)))

    def _where(self, name: str) -> str:
        return f"{BUCKET}{self.bucket}/{self._key(name)}"

    def _store(self) -> S3Store:
        return _store(self.bucket, frozenset(item for item in os.environ.items() if item[0].startswith("AWS_")))

    @contextmanager
    def _told(self, what: str, name: str) -> Iterator[None]:
        from obstore.exceptions import BaseError, InvalidPathError

        try:
            yield
        except InvalidPathError as error:
            raise HiphingeError(f"{what}: {_short(error)}", self._where(name), _NAMES) from error
        except FileNotFoundError as error:
            raise HiphingeError(f"{what}: {_short(error)}", self._where(name), _REMEDY) from error
        except (BaseError, OSError, ValueError) as error:
            raise HiphingeError(f"{what}: {_short(error)}", self._where(name), _REMEDY) from error


@cache
def _store(bucket: str, settings: frozenset[tuple[str, str]]) -> S3Store:
    """The library's store, which takes the settings from the environment as well."""
    from obstore.store import S3Store

    said = dict(settings)
    endpoint = next((found for name in _ENDPOINTS if (found := said.get(name))), "")
    # a person who writes http:// means it: servers on this machine, or in a closed network
    options: ClientConfig = {"timeout": _TIMEOUT, "allow_http": endpoint.startswith("http://")}
    return S3Store(bucket, client_options=options, retry_config={"max_retries": _RETRIES})


def _short(error: Exception) -> str:
    """What the server said, or else the library."""
    text = str(error)
    found = _SAID.search(text)
    words = one_line(f"{found[2]} ({found[1]})" if found else text.split("\n\n")[0])
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
