"""Format ``mobilise-d``: the data.mat of the Mobilise-D project, with the sensors of one recording.

In its structure ``data`` each recording has sensor units ``SU`` (else ``INDIP``) with a structure for each place; ``Acc`` is in
g, ``Gyr`` in degrees a second, ``Fs`` holds the rates, ``Timestamp`` seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from body_signals import HiphingeError
from ingest.formats.imported import ImportedSession, Source, check_source
from ingest.formats.mapping import ArraySensor, mat_variables, session_of_arrays
from ingest.formats.placement_names import placement_named

_UNITS: Final = ("SU", "INDIP")
_DEEPEST: Final = 6
"""Levels of structures in which a recording is looked for (ours)."""


def import_mobilised(source: Source) -> ImportedSession:
    """The session of a data.mat that holds one recording; placements by the names of the places, e.g. LowerBack."""
    check_source(source.path)
    path = source.path / "data.mat" if source.path.is_dir() else source.path
    variables = mat_variables(path)
    found = list(_recordings("data", variables.get("data"), 0))
    if not found:
        raise HiphingeError("no sensors (SU) in the structure data", str(path), "Give the data.mat of the Mobilise-D project.")
    if len(found) > 1:
        names = ", ".join(name for name, _ in found[:8])
        name = _fields(found[0][1])[0]
        example = f'acc = {{ columns = ["{found[0][0]}.{name}.Acc"], unit = "g" }}'
        remedy = f"Take one with format mat and a mapping: {example}, gyr and rate_hz."
        raise HiphingeError(f"{len(found)} recordings, and a session is one of them: {names}", str(path), remedy)
    where, unit = found[0]
    sensors = []
    for place in _fields(unit):
        of = getattr(unit, place)
        if {"Acc", "Gyr"} <= set(_fields(of)) and np.size(of.Acc) and np.size(of.Gyr):
            time = {"rate_hz": f"{where}.{place}.Fs.Acc"}
            if np.size(getattr(of, "Timestamp", 0.0)) == len(np.atleast_2d(of.Acc)):
                time = {"time": f"{where}.{place}.Timestamp"}
            sensors.append(ArraySensor(place, placement_named(place), time, f"{where}.{place}.Acc", f"{where}.{place}.Gyr"))
    if not sensors:
        raise HiphingeError(f"{where} has no sensor with Acc and Gyr", str(path), "Give a recording with both.")
    return session_of_arrays(source, path, variables, sensors)


def _recordings(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Every recording's path in the structure, and its sensor units."""
    fields = _fields(value)
    for unit in _UNITS:
        if unit in fields and _fields(getattr(value, unit)):
            yield f"{name}.{unit}", getattr(value, unit)
            return
    if depth < _DEEPEST:
        for field in fields:
            yield from _recordings(f"{name}.{field}", getattr(value, field), depth + 1)


def _fields(value: Any) -> list[str]:
    """Names in a structure; empty for anything else."""
    return list(getattr(value, "_fieldnames", []))
