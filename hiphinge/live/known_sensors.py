"""Which sensor was at which place last time: the number that it told of itself, by family and address or port.

It stands in the folder of the user in which the log is, and holds nothing of an athlete. `serial` in a kit goes before it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from body_signals import HiphingeError
from hiphinge.logbook import state_folder
from ingest.links import Kit, KitSensor
from on_disk import make_private_folder, read_json, replace_whole

_log = logging.getLogger(__name__)
MOST = 500
"""Places that are kept, the latest (ours)."""


def with_numbers(kit: Kit) -> Kit:
    """The kit, in which each sensor has the number that it told last time, where the kit does not state one."""
    known = _read()
    sensors = tuple(s if s.serial is not None else replace(s, serial=known.get(_place(s))) for s in kit.sensors)
    return replace(kit, sensors=sensors)


def remember(kit: Kit, serials: Mapping[str, str]) -> None:
    """Keep what the sensors of this session have told, by their keys."""
    told = {_place(s): serials[s.key] for s in kit.sensors if s.key in serials}
    known = _read()
    fresh = {place: number for place, number in known.items() if place not in told} | told
    if fresh == known:
        return
    path = _file()
    if path is None:
        return
    try:
        make_private_folder(path.parent)
        replace_whole(path, json.dumps(dict(list(fresh.items())[-MOST:]), ensure_ascii=False, indent=1), durable=False)
    except OSError as error:
        _log.warning("%s: cannot be written: %s", path, error)


def _place(sensor: KitSensor) -> str:
    """A place: which family is reached how; behind a gateway, also by its number there."""
    reached = (sensor.sensor.address or sensor.sensor.port or "").upper()
    return f"{sensor.family.name} {reached}" + ("" if sensor.number is None else f" {sensor.number}")


def _read() -> dict[str, str]:
    path = _file()
    if path is None or not path.is_file():
        return {}
    found: object = None
    with suppress(HiphingeError, OSError, ValueError):  # damaged: nothing is known
        found = read_json(path)
    return {str(place): str(number) for place, number in found.items()} if isinstance(found, dict) else {}


def _file() -> Path | None:
    try:
        return state_folder() / "sensors.json"
    except RuntimeError:  # the system knows no home of this user
        return None
