"""How numbers are written for people: a dash for a missing value, the uncertainty beside the value where there is one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from body_signals import flag_names
from body_signals.movements import SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH, kind_of

DASH = "–"
ROUNDING = 1e-3
"""An uncertainty is rounded down to a digit if it exceeds it by less than this part of it: tables hold single precision
(ours)."""
NOT_SET = 1970
"""The year in which clocks that do not know the date begin; no session is from it (ours)."""
UNSURE_MOVEMENT = 0.3
"""Up to this confidence, which is that of a kind that cannot be told for want of a thigh sensor, a kind of movement gets a
question mark (ours)."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

TRUNK, THIGH = SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH


def share_to_read(movement: str) -> str:
    """The lumbar share to read in a movement: of trunk where knees stay straight, else of trunk on thigh."""
    return kind_of(movement).share


def movement_word(movement: str, count: int = 1, side: str = "") -> str:
    """A movement kind as a word: ``sit_down`` → ``sit down``; in the plural where there are several, and with its side."""
    kind = kind_of(movement)
    word = kind.word if count == 1 else kind.plural
    return f"{side} {word}" if side else word


def kind_is_unsure(confidence: float) -> bool:
    """Whether a kind of movement of this confidence, in single precision, gets a question mark."""
    return confidence < UNSURE_MOVEMENT + ROUNDING


def with_uncertainty(value: float, sd: float | None = None, *, scale: float = 1.0, decimals: int = 1) -> str:
    """`value ± sd`, both times `scale` (100 for percent); a dash where the value is missing.

    The uncertainty is written as by `uncertainty`; an uncertainty of 0 means unknown, and is left out.
    """
    if not math.isfinite(value):
        return DASH
    text = _fixed(value * scale, decimals)
    if sd is None or not math.isfinite(sd) or sd <= 0.0:
        return text
    return f"{text} ± {uncertainty(sd * scale, decimals)}"


def uncertainty(sd: float, decimals: int = 1) -> str:
    """A standard uncertainty, rounded up to `decimals` decimals, at least 1 in the last digit; a dash where it is not known."""
    if not math.isfinite(sd) or sd <= 0.0:
        return DASH
    step = 10.0**decimals
    return _fixed(max(math.ceil(sd * step - ROUNDING), 1) / step, decimals)


def percent(share: float, sd: float | None = None) -> str:
    """A share 0…1 in whole percent, without the unit."""
    return with_uncertainty(share, sd, scale=100.0, decimals=0)


def calendar(start: object, *, seconds: bool = False) -> str:
    """An RFC 3339 time as people write it, with its zone: ``23 Nov 2026, 15:05 (UTC+01:00)``; a dash where it is not known."""
    moment = local_moment(start)
    if moment is None:
        return DASH
    clock_time = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year:04d}, {clock_time} ({zone_of(moment)})"


def local_moment(start: object) -> datetime | None:
    """An RFC 3339 time in the zone in which it was written; one in UTC in this machine's zone at that time. None where it is
    not valid, or was never set: in 1970."""
    try:
        moment = datetime.fromisoformat(str(start))
        if not moment.utcoffset():
            # without a zone it is UTC, as everywhere in a session
            moment = moment.replace(tzinfo=UTC).astimezone()
    except (ValueError, OverflowError):
        return None
    return None if moment.year <= NOT_SET else moment


def zone_of(moment: datetime) -> str:
    """Distance of a moment's zone from UTC: ``UTC+01:00``, ``UTC``."""
    offset = moment.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if moment.utcoffset() else "UTC"


def clock(seconds: float) -> str:
    """Session time as m:ss, or h:mm:ss from one hour on."""
    if not math.isfinite(seconds):
        return DASH
    whole = math.floor(seconds + 0.5)
    sign, whole = ("−" if whole < 0 else ""), abs(whole)
    minutes, rest = divmod(whole, 60)
    return f"{sign}{minutes}:{rest:02d}" if minutes < 60 else f"{sign}{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def words(name: str) -> str:
    """A name of the tables as words: ``sit_down`` → ``sit down``."""
    return name.replace("_", " ")


def quality_note(flags: int) -> str:
    """The quality flags as words, a dash where none is set."""
    return ", ".join(words(name) for name in flag_names(flags)) or DASH


def confidence_words(confidence: float) -> str:
    """A confidence 0…1 in words."""
    if not math.isfinite(confidence):
        return "unknown"
    return {"good": "good", "fair": "fair, read with care", "low": "low, calibrate again"}[confidence_grade(confidence)]


def confidence_grade(confidence: float) -> str:
    """A confidence 0…1 as good, fair or low. Limits: 0.8 and 0.5."""
    return "good" if confidence >= 0.8 else "fair" if confidence >= 0.5 else "low"


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
