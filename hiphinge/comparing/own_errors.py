"""A clinic's own standard errors, from what `hiphinge repeatability --json` printed, instead of the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from body_signals import HiphingeError
from dsp.comparison import Key, PublishedError, key_of, published
from on_disk import read_given_json, shown

SMALLEST, LARGEST = 1e-3, 1e3
"""A standard error beyond these, in the unit of its number, was not measured (ours)."""
_REMEDY = "Give the file that this wrote: hiphinge repeatability FOLDER --json > FILE"


def own_errors(file: Path) -> dict[Key, PublishedError]:
    """Standard errors by number. One that was not measured while the sensors stayed on keeps the published ratio of both.

    HiphingeError where the file is not one of repeatability, or holds none.
    """
    document = read_given_json(file, _REMEDY)
    numbers = document.get("numbers") if isinstance(document, dict) else None
    if not isinstance(numbers, list):
        raise HiphingeError("this is no table of repeatability: it has no list under the key numbers", str(file), _REMEDY)
    found: dict[Key, dict[str, float]] = {}
    for row, entry in enumerate(numbers, 1):
        key, kind, sem = _entry(entry, f"{file}, numbers, row {row}")
        if sem is not None:
            found.setdefault(key, {})[kind] = sem
    errors = {key: _error(key, kinds, file) for key, kinds in found.items()}
    if not errors:
        raise HiphingeError("no standard error is in it", str(file), _REMEDY)
    return errors


def _entry(entry: Any, where: str) -> tuple[Key, str, float | None]:
    if not isinstance(entry, dict):
        raise HiphingeError(f"{shown(entry)} is no row of repeatability", where, _REMEDY)
    lacks = [key for key in ("test", "side", "measure", "wear", "sem") if key not in entry]
    if lacks:
        raise HiphingeError(f"the key {lacks[0]} is missing", where, _REMEDY)
    try:
        key = key_of(":".join(str(entry[name]) for name in ("test", "side", "measure")))
    except ValueError as error:
        raise HiphingeError(str(error), f"{where}: test, side, measure", _REMEDY) from None
    kind, sem = entry["wear"], entry["sem"]
    if kind not in ("anew", "on"):
        raise HiphingeError(f"{shown(kind)} is neither anew nor on", f"{where}: wear", _REMEDY)
    number = isinstance(sem, int | float) and not isinstance(sem, bool) and 0.0 <= sem <= LARGEST
    if not number and sem is not None:
        raise HiphingeError(f"{shown(sem)} is no standard error from 0 to {LARGEST:g}", f"{where}: sem", _REMEDY)
    # what is the same in everybody each time has no error that could be used
    return key, str(kind), float(sem) if number and sem > SMALLEST else None


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
