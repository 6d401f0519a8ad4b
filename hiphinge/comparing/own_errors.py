"""A clinic's own standard errors, from what `hiphinge repeatability --json` printed, instead of the published ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from body_signals import HiphingeError
from dsp.comparison import Key, PublishedError, published, unit_of
from on_disk import read_json

_REMEDY = "Give the file that this wrote: hiphinge repeatability FOLDER --json > FILE"


def own_errors(file: Path) -> dict[Key, PublishedError]:
    """Standard errors by number. One that was not measured while the sensors stayed on keeps the published ratio of both.

    HiphingeError where the file is not one of repeatability, or holds none.
    """
    try:
        document = read_json(file)
    except (OSError, ValueError) as error:
        raise HiphingeError(f"cannot be read: {error}", str(file), _REMEDY) from None
    numbers = document.get("numbers") if isinstance(document, dict) else None
    if not isinstance(numbers, list):
        raise HiphingeError("this is no table of repeatability", str(file), _REMEDY)
    found: dict[Key, dict[str, float]] = {}
    for entry in numbers:
        key, kind, sem = _entry(entry, file)
        if sem is not None:
            found.setdefault(key, {})[kind] = sem
    errors = {key: _error(key, kinds, file) for key, kinds in found.items()}
    if not errors:
        raise HiphingeError("no standard error is in it", str(file), _REMEDY)
    return errors


def _entry(entry: Any, file: Path) -> tuple[Key, str, float | None]:
    try:
        key: Key = (str(entry["test"]), str(entry["side"]), str(entry["measure"]))
        unit_of(key)
        kind, sem = str(entry["wear"]), entry["sem"]
        known = isinstance(sem, int | float) and not isinstance(sem, bool) and math.isfinite(sem) and sem > 0.0
        if kind not in ("anew", "on") or not (known or sem is None or sem == 0):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise HiphingeError("a row of it cannot be understood", str(file), _REMEDY) from None
    return key, kind, float(sem) if known else None


def _error(key: Key, kinds: dict[str, float], file: Path) -> PublishedError:
    base = published(key)
    source = f"own repeatability, {file.name}"
    if "anew" in kinds:
        anew = kinds["anew"]
        worn = min(kinds.get("on", anew * base.worn / base.anew), anew)
    else:
        worn = kinds["on"]
        anew = max(worn * base.anew / base.worn, worn)
    return PublishedError(worn, anew, source, source)
