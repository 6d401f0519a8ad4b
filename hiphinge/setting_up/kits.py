"""Kits that are remembered: a kit file each in `kits/` of the configuration folder, and the athletes of the sessions folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from body_signals import BODY_PLACEMENTS, UNKNOWN_ATHLETE, HiphingeError
from hiphinge.afterwards.listing import listed
from ingest.links import Kit, add_to_kit, read_kit
from on_disk import read_toml

Entry = Mapping[str, Any]
"""A `[[sensor]]` table of a kit file."""
PLACES = tuple(p.value for p in BODY_PLACEMENTS)
MOST_KITS, MOST_ATHLETES = 50, 500
"""Listed at most, those that were used last (ours)."""
_NAME = re.compile(r"[\w][\w .-]{0,59}")


@dataclass(frozen=True, slots=True)
class RememberedKit:
    """A kit as it was used last. used_s: when its file was written, seconds since 1970."""

    name: str
    path: Path
    entries: tuple[Entry, ...]
    athlete: str | None = None
    used_s: float = 0.0

    @property
    def places(self) -> dict[str, str]:
        """Placement → id of the sensor that was worn there."""
        return {str(e["placement"]): id_of(e) for e in self.entries if e["placement"] in PLACES}

    def entry(self, id: str) -> Entry | None:
        """What it says of a sensor."""
        return next((e for e in self.entries if id_of(e) == id), None)


@dataclass(frozen=True, slots=True)
class KnownAthlete:
    """An athlete by pseudonym, how many sessions there are, and the day of the last one (``2026-11-29``; empty: not known)."""

    id: str
    sessions: int
    last: str


def id_of(entry: Entry) -> str:
    """How a sensor is found again: its address in upper case, or how its port is named."""
    return str(entry["address"]).upper() if "address" in entry else str(entry.get("port", ""))


def remembered(folder: Path) -> tuple[list[RememberedKit], list[HiphingeError]]:
    """The kits of a folder, the one used last first, and what is wrong with files that cannot be read."""
    found: list[RememberedKit] = []
    faults: list[HiphingeError] = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            kit = read_kit(path)
            document, _ = read_toml(path, "")
            used_s = path.stat().st_mtime
        except HiphingeError as error:
            faults.append(error)
            continue
        except OSError as error:
            faults.append(HiphingeError(f"cannot be read: {error.strerror}", str(path), "Check its permissions"))
            continue
        if any(sensor.number is not None for sensor in kit.sensors):
            # sensors behind a gateway share a port: they are placed in the file
            continue
        found.append(RememberedKit(kit.name or path.stem, path, tuple(document["sensor"]), kit.athlete, used_s))
    return sorted(found, key=lambda kit: -kit.used_s)[:MOST_KITS], faults


def free_name(kits: Sequence[RememberedKit]) -> str:
    """A name that no kit has yet."""
    taken = {kit.path.stem for kit in kits} | {kit.name for kit in kits}
    return next(name for n in range(1, len(taken) + 2) if (name := f"kit {n}") not in taken)


def usable_name(name: str) -> bool:
    """Whether a kit may be called so: its file will be."""
    return _NAME.fullmatch(name) is not None and not name.endswith((".", " "))


def keep(folder: Path, name: str, kits: Sequence[RememberedKit], entries: Sequence[Entry]) -> tuple[Path, Kit]:
    """Put the sensors of a session into the kit of this name, made where it is not there; its file, and the kit of these
    sensors alone. What else it says stays. HiphingeError where it cannot be written."""
    path = next((kit.path for kit in kits if kit.name == name), folder / f"{name}.toml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HiphingeError(f"cannot be made: {error.strerror}", str(path.parent), "Check its permissions") from None
    kit = add_to_kit(path, [dict(entry) for entry in entries])
    worn = {str(entry["placement"]) for entry in entries}
    return path, Kit(tuple(s for s in kit.sensors if s.key in worn), kit.name, kit.athlete)


def remember_worn(path: Path, worn: Mapping[str, Sequence[float]]) -> None:
    """Let the kit file remember how its sensors were worn: quaternions (4,) sensor → segment, by placement."""
    document, _ = read_toml(path, "")
    entries = [
        {**entry, "worn": [round(float(q), 4) for q in worn[entry["placement"]]]}
        for entry in document["sensor"]
        if entry["placement"] in worn
    ]
    if entries:
        add_to_kit(path, entries)


def known_athletes(sessions: Path) -> list[KnownAthlete]:
    """The athletes of a folder of sessions, the latest first; empty where there is none."""
    if not sessions.is_dir():
        return []
    found: dict[str, KnownAthlete] = {}
    for one in listed(sessions):
        who = one.athlete
        if not who or who == UNKNOWN_ATHLETE:
            continue
        day = "" if one.start is None else f"{one.start.astimezone():%Y-%m-%d}"
        before = found.get(who, KnownAthlete(who, 0, ""))
        found[who] = KnownAthlete(who, before.sessions + 1, max(before.last, day))
    return sorted(found.values(), key=lambda a: (a.last, a.id), reverse=True)[:MOST_ATHLETES]
