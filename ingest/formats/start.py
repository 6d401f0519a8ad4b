"""The start of an import, as stated by a person: a time with its zone, or a local time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from body_signals import HiphingeError
from ingest.heads.session_toml import YEARS

_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+\-−])(?P<h>\d{1,2})(?::?(?P<min>\d{2}))?")
_WRITE_ZONE = "Write a name such as Europe/Berlin, or an offset such as +02:00"


def zone_of(text: str) -> tzinfo:
    """The zone that an option names: ``Europe/Berlin``, ``+02:00``, ``UTC``, ``Z``. HiphingeError for anything else."""
    plain = text.strip()
    if plain.upper() in ("Z", "UTC", "GMT"):
        return UTC
    offset = _OFFSET.fullmatch(plain)
    if offset is not None:
        away = timedelta(hours=int(offset["h"]), minutes=int(offset["min"] or 0))
        if away > timedelta(hours=14) or int(offset["min"] or 0) > 59:
            raise HiphingeError(f"{text!r} is further from UTC than any time zone", "--zone", _WRITE_ZONE)
        return timezone(away if offset["sign"] == "+" else -away)
    try:
        return ZoneInfo(plain)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # also a name with / or .. that leads elsewhere
        raise HiphingeError(f"{text!r} is not a time zone that this computer knows", "--zone", _WRITE_ZONE) from None


def start_of(text: str, zone: tzinfo | None) -> tuple[datetime, str]:
    """The time stated by ``--start``, and a note on how it was read, empty where it has its own zone.

    zone: of a local time; None: this computer's. HiphingeError for an invalid time.
    """
    remedy = "Write date and time, e.g. 2026-11-23T14:05:00+01:00, or without an offset and --zone Europe/Berlin"
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise HiphingeError(f"{text!r} is not a date and time", "--start", remedy) from None
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(-?\d)?", text.strip()):
        raise HiphingeError(f"{text!r} is a day without a time", "--start", remedy)
    first, last = YEARS
    if not first < found.year < last:
        raise HiphingeError(f"{text!r} is out of range", "--start", f"Its year is between {first} and {last}")
    if found.tzinfo is not None:
        if zone is not None and found.utcoffset() != found.replace(tzinfo=zone).utcoffset():
            what = f"{text!r} states a zone other than --zone"
            raise HiphingeError(what, "--start", "Leave one of them out")
        return found.astimezone(UTC), ""
    return placed(found, zone)


def placed(local: datetime, zone: tzinfo | None) -> tuple[datetime, str]:
    """A local time without a zone, placed in a zone, and a note that names the zone; zone None: this computer's.

    HiphingeError for a time that the clocks of that zone skip, or show twice.
    """
    try:
        moment = local.astimezone() if zone is None else local.replace(tzinfo=zone)
        back = moment.astimezone(UTC).astimezone(moment.tzinfo if zone is None else zone).replace(tzinfo=None)
        other = local.replace(fold=1).astimezone() if zone is None else moment.replace(fold=1)
    except (OverflowError, OSError, ValueError):
        raise HiphingeError(f"{local} is out of range", "--start", "Write date and time with an offset") from None
    name = f"{moment:%Z} (UTC{_words(moment)})" if f"{moment:%Z}" not in ("", "UTC") else "UTC"
    if moment.utcoffset() != other.utcoffset():
        skipped = back != local
        how = "is skipped" if skipped else "comes twice"
        what = f"{local.isoformat()} {how} when the clocks change"
        raise HiphingeError(what, "--start", f"Write it with its offset, e.g. {local.isoformat()}{_words(moment)}")
    whose = "this computer's zone" if zone is None else "the zone given"
    return moment.astimezone(UTC), f"the start is read in {whose}, {name}"


def _words(moment: datetime) -> str:
    return f"{moment:%z}"[:3] + ":" + f"{moment:%z}"[3:5]
