"""The cohorts that were collected on this computer: a list beside the configuration, by which `hiphinge forget` finds them."""

from __future__ import annotations

import json
from pathlib import Path

from body_signals import HiphingeError
from hiphinge import config
from on_disk import json_document, make_private_folder, read_bytes, replace_whole

_LIST = "cohorts.json"
_MOST_BYTES = 1 << 20
"""Largest list, bytes (ours)."""


def known_cohorts(config_file: Path | None) -> list[Path]:
    """The cohorts that were collected with this configuration, whether they are still there or not. HiphingeError where the
    list cannot be read: then it is not known where an athlete's rows are."""
    path = _list(config_file)
    try:
        found = json_document(read_bytes(path, _MOST_BYTES))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise HiphingeError(
            f"the list of cohorts cannot be read ({error})", str(path), "Correct it, or collect again"
        ) from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise HiphingeError("this is no list of cohorts", str(path), "Correct it, or collect again")
    return [Path(one) for one in found]


def remember(cohort: Path, config_file: Path | None) -> None:
    """Note a cohort. HiphingeError where that is not possible: forgetting would not find it."""
    known, path = known_cohorts(config_file), _list(config_file)
    if cohort.resolve() in known:
        return
    try:
        make_private_folder(path.parent)
        replace_whole(path, json.dumps(sorted(map(str, {*known, cohort.resolve()}))))
    except OSError as error:
        what = f"the cohort cannot be noted for hiphinge forget: {error.strerror}"
        raise HiphingeError(what, str(path), "Check this folder and its permissions, and collect again") from None


def _list(config_file: Path | None) -> Path:
    return (config_file or config.default_file()).parent / _LIST
