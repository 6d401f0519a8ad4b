"""Where a cohort has what: a folder an athlete, named ``athlete=ID`` as Hive names partitions.

A folder's name is the id as programs that read such folders decode it (percent-encoded, RFC 3986), so that ids with blanks,
slashes or letters of any language make no other path. What a name cannot say stands in the file: an id of more than `_LONGEST`
bytes is cut and told apart by its digest. Where two ids differ in capitals only, capitals are encoded too, because a disk of
Windows or macOS takes ``athlete=Anna`` and ``athlete=anna`` for one.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

PREFIX = "athlete="
RESULTS, INDEX, COHORT = "results.parquet", "_collected.json", "_cohort.json"
"""The file of an athlete, what it was made of, and the file that makes a folder a cohort. Readers of such folders pass over
names that begin with an underscore."""
_LONGEST = 180
"""Longest name of an id, bytes (ours): 255 are what file systems take, and a scratch file needs some of them."""


def folder_names(athletes: Collection[str]) -> dict[str, str]:
    """The names of the folders of these athletes, by id; all different, also where capitals make no difference."""
    plain = {athlete: _encoded(athlete) for athlete in athletes}
    alike = Counter(name.lower() for name in plain.values())
    return {athlete: PREFIX + (_cut(name if alike[name.lower()] == 1 else _capitals(name))) for athlete, name in plain.items()}


def athlete_folders(cohort: Path) -> list[Path]:
    """The folders of athletes in a cohort. OSError where it cannot be read."""
    return sorted(path for path in cohort.iterdir() if path.name.startswith(PREFIX) and path.is_dir() and not path.is_symlink())


def is_cohort(folder: Path) -> bool:
    """Whether a folder is a cohort."""
    return (folder / COHORT).is_file()


def _encoded(athlete: str) -> str:
    name = quote(athlete, safe="")
    # Windows drops dots at the end of a name
    return f"{name[:-1]}%2E" if name.endswith(".") else name


def _capitals(name: str) -> str:
    return re.sub(r"%[0-9A-F]{2}|([A-Z])", lambda found: f"%{ord(found[1]):02X}" if found[1] else found[0], name)


def _cut(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return re.sub(r"%.?$", "", name[: _LONGEST - 33]) + "-" + digest
