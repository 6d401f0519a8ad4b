"""How numbers are written for people: a dash where one is missing, its uncertainty beside it where it has one."""

from __future__ import annotations

import math

from body_signals import flag_names
from body_signals.movements import SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH, kind_of

DASH = "–"

TRUNK, THIGH = SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH


def share_to_read(movement: str) -> str:
    """The lumbar share that means something in a movement: of trunk where knees stay straight, else of trunk on thigh."""
    return kind_of(movement).share


def movement_word(movement: str, count: int = 1) -> str:
    """A movement kind as a word: ``sit_down`` → ``sit down``; in the plural, where there are several."""
    kind = kind_of(movement)
    return kind.word if count == 1 else kind.plural


def with_uncertainty(value: float, sd: float | None = None, *, scale: float = 1.0, decimals: int = 1) -> str:
    """`value ± sd`, both times `scale` (100 for percent); a dash where the value is missing."""
    if not math.isfinite(value):
        return DASH
    text = _fixed(value * scale, decimals)
    return text if sd is None or not math.isfinite(sd) else f"{text} ± {_fixed(sd * scale, decimals)}"


def percent(share: float, sd: float | None = None) -> str:
    """A share 0…1 in whole percent, without the unit."""
    return with_uncertainty(share, sd, scale=100.0, decimals=0)


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
    """The quality flags as words, a dash where there is nothing to remark."""
    return ", ".join(words(name) for name in flag_names(flags)) or DASH


def confidence_words(confidence: float) -> str:
    """A confidence 0…1 in words. Limits: 0.8 and 0.5."""
    if not math.isfinite(confidence):
        return "unknown"
    return "good" if confidence >= 0.8 else "fair, read with care" if confidence >= 0.5 else "low, calibrate again"


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
