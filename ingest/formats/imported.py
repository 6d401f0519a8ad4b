"""The result of every importer, and their common work: placements, checks, a first guess of the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, HiphingeError, Placement, Sensor, Session, SessionMark, check_athlete
from ingest.formats.plausible import COUNTER, implausible
from ingest.formats.samples import PlainSamples
from ingest.formats.start import placed, start_of, zone_of
from ingest.formats.stored import StoredSamples
from on_disk import check_file

_PACKED: Final = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".rar")
"""Names of compressed files end so."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported. path: file or folder. mapping: a mapping file. placements: where each sensor was worn, by any word
    that identifies a sensor, or by `ONLY`. rate_hz: where the file states none. scratch: folder for samples beyond memory."""

    path: Path
    mapping: Path | None = None
    placements: Mapping[str, str] = field(default_factory=dict)
    rate_hz: float | None = None
    scratch: Path | None = None


def only_file(path: Path, suffix: str) -> Path:
    """The file at `path`, or the only one with this suffix in a folder. HiphingeError where there is none, or several."""
    if path.is_file():
        return path
    files = sorted(path.glob(f"*{suffix}"))
    if not files:
        refuse_folder(f"no {suffix} file", path, f"Give the {suffix} file.")
    if len(files) > 1:
        what = f"{len(files)} {suffix} files, and a session is one of them"
        raise HiphingeError(what, str(path), f"Give the {suffix} file.")
    return files[0]


def refuse_folder(what: str, folder: Path, remedy: str) -> NoReturn:
    """Raise `HiphingeError` for a folder in which nothing is found; compressed files in it are the likely reason."""
    packed = sorted(file.name for file in folder.iterdir() if file.suffix.casefold() in _PACKED) if folder.is_dir() else []
    if packed:
        remedy = f"{packed[0]} is compressed: unpack it first."
    raise HiphingeError(what, str(folder), remedy)


ONLY = ""
"""Key of a placement that is stated without a sensor, for a single sensor."""


@dataclass(frozen=True, slots=True, eq=False)
class ImportedSession:
    """A recording of another program, ready for `write_plain`.

    notes: assumptions and omissions, in words. where: by sensor key, a function that names the place of the sample at a session
    time. local_start: the start, where the source states it without a zone: `with_head` interprets it.
    """

    session: Session
    samples: dict[str, StoredSamples]
    notes: list[str]
    where: Mapping[str, Callable[[float], str]] = field(default_factory=dict)
    local_start: datetime | None = None


@dataclass(slots=True)
class Gathering:
    """Collects the sensors that an importer finds. `placements`: stated by the user, by any word that identifies a sensor."""

    source: Path
    placements: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    sensors: list[Sensor] = field(default_factory=list)
    samples: dict[str, StoredSamples] = field(default_factory=dict)
    _origin: dict[str, Path] = field(default_factory=dict)
    _where: dict[str, Callable[[float], str]] = field(default_factory=dict)
    _words: set[str] = field(default_factory=set)

    def sensor(self, words: Sequence[str], guess: Placement | None, name: str) -> Sensor:
        """The sensor identified by `words`: at the user's placement, else at `guess`, else ``other`` under `name`."""
        self._words.update(words)
        said = next((self.placements[word] for word in words if word in self.placements), self.placements.get(ONLY))
        if said is None:
            placement = guess or Placement.OTHER
        else:
            word, _, rest = said.partition(":")
            if word not in set(Placement) or (rest and word != Placement.OTHER):
                known = ", ".join(Placement)
                raise HiphingeError(f"unknown placement {said!r}", f"placement of {words[0]}", f"Placements are {known}.")
            placement, name = Placement(word), rest or name
        if placement is Placement.OTHER and name in set(Placement):
            name = f"{name} sensor"
        return Sensor(placement, name if placement is Placement.OTHER else None)

    def add(
        self,
        sensor: Sensor,
        samples: StoredSamples | PlainSamples,
        path: Path,
        where: Callable[[float], str],
        remedies: Mapping[str, str] | None = None,
    ) -> None:
        """Take a sensor's samples in SI units, read from `path`. where: names the place of the sample at a session time.

        remedies: what to do about a doubtful quantity (``time``, ``acc``, ``gyr``, ``quat``). Raises `HiphingeError` when
        the units are impossible or another sensor has this place.
        """
        stored = samples if isinstance(samples, StoredSamples) else StoredSamples.of(samples)
        judged = stored.excerpt()
        doubt = implausible(judged.time_s, judged.acc, judged.gyr, judged.quat)
        if doubt is not None:
            remedy = (remedies or {}).get(doubt.quantity, "Check the units and frames of this export.")
            if doubt.quantity == COUNTER:
                # no unit of time is the right one
                remedy = doubt.remedy
            raise HiphingeError(doubt.what, where(float(judged.time_s[doubt.row])), remedy)
        if sensor.key in self.samples:
            raise HiphingeError(
                f"two sensors on one placement: {sensor.key} is {self._origin[sensor.key]} already",
                str(path),
                "State where each sensor was worn: --placement SENSOR=PLACEMENT.",
            )
        self._origin[sensor.key] = path
        self._where[sensor.key] = where
        self.sensors.append(sensor)
        self.samples[sensor.key] = stored

    def finish(
        self,
        start: datetime | None,
        athlete: str | None,
        marks: Sequence[SessionMark] = (),
        *,
        local_start: datetime | None = None,
    ) -> ImportedSession:
        """The session of all sensors; local_start: see `ImportedSession`. Raises `HiphingeError` when a placement was given for
        a sensor that is not there."""
        unused = [word for word in self.placements if word not in self._words and word != ONLY]
        if unused:
            found = ", ".join(sorted(self._words))
            raise HiphingeError(f"there is no sensor {unused[0]!r}", str(self.source), f"Sensors here: {found}.")
        if ONLY in self.placements and len(self.sensors) != 1:
            found = ", ".join(sorted(self._words))
            raise HiphingeError(
                f"one placement for {len(self.sensors)} sensors",
                str(self.source),
                f"Say --placement SENSOR=PLACEMENT: {found}.",
            )
        session = Session(start or UNKNOWN_START, athlete or UNKNOWN_ATHLETE, tuple(self.sensors), tuple(marks))
        return ImportedSession(session, self.samples, self.notes, self._where, local_start)


def with_head(
    imported: ImportedSession, *, start: str | None = None, zone: str | None = None, athlete: str | None = None
) -> ImportedSession:
    """The import with a person's statements. start: RFC 3339, or a local time; zone: of a local time, that of `start` or of the
    source; athlete: a pseudonym. A missing statement is noted.

    HiphingeError for an invalid start, zone or athlete, and for a zone that has no effect.
    """
    session, notes = imported.session, list(imported.notes)
    place = None if zone is None else zone_of(zone)
    begun: datetime | None = session.start if session.start != UNKNOWN_START else None
    if start is not None:
        begun, note = start_of(start, place)
        notes += [note] if note else []
    elif imported.local_start is not None and place is not None:
        begun, note = placed(imported.local_start, place)
        notes.append(note)
    elif imported.local_start is not None:
        begun = imported.local_start.replace(tzinfo=UTC)
        notes.append("the devices logged the start without a time zone: it is taken as UTC; if that is wrong, give --zone")
    elif place is not None:
        what = "the source states its start with a zone" if begun is not None else "the source does not state its start"
        raise HiphingeError(f"{what}, so --zone has no effect", "--zone", "Leave it out, or give --start too")
    if athlete is not None:
        try:
            check_athlete(athlete)
        except HiphingeError as error:
            raise HiphingeError(error.what, "--athlete", "Name one athlete, by a pseudonym") from None
    who = athlete if athlete is not None else session.athlete
    if begun is None:
        notes.append(
            "the start is not known: 1970-01-01 stands in session.toml; give --start, or correct it before sending results"
        )
    if who == UNKNOWN_ATHLETE:
        notes.append(f"the athlete is not known: give --athlete; {UNKNOWN_ATHLETE!r} stands in session.toml")
    return replace(imported, session=replace(session, start=begun or UNKNOWN_START, athlete=who), notes=notes)


def check_source(path: Path) -> None:
    """Raises `HiphingeError` when there is nothing at `path`, or something that is neither a file nor a folder."""
    if not path.exists():
        raise HiphingeError("not found", str(path), "Check the path of the file or folder to import.")
    if not path.is_dir():
        check_file(path)
