"""What `_cohort.json` says of a cohort: the columns of its files, and whether all of them are there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from body_signals import HiphingeError
from hiphinge.cohorts.columns import fingerprint
from hiphinge.cohorts.places import COHORT
from hiphinge.version import software
from on_disk import json_document, read_bytes, replace_whole

_MOST_BYTES = 1 << 16
"""Largest file, bytes (ours)."""


@dataclass(frozen=True, slots=True)
class Head:
    """ours: its files have the columns of this program; unfinished: athletes may be missing, or have other columns still."""

    ours: bool
    unfinished: bool

    @property
    def whole(self) -> bool:
        """Whether all files are there, with the columns of this program."""
        return self.ours and not self.unfinished


def read_head(cohort: Path) -> Head | None:
    """What the cohort says of itself; None where this cannot be read, or there is nothing yet."""
    try:
        said = json_document(read_bytes(cohort / COHORT, _MOST_BYTES))
    except (OSError, ValueError, HiphingeError):
        return None
    if not isinstance(said, dict):
        return None
    return Head(said.get("columns") == fingerprint(), said.get("unfinished") is True)


def write_head(cohort: Path, *, unfinished: bool) -> None:
    """Make a folder a cohort with the columns of this program. OSError."""
    said = {"columns": fingerprint(), "software": software()}
    replace_whole(cohort / COHORT, json.dumps(said | ({"unfinished": True} if unfinished else {})))
