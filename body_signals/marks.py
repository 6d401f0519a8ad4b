"""People's entries during a session or afterwards: marks that change results, notes, pain, and free labels.

Each is a `SessionMark` with a label. One reader, `understood`, interprets a label from any origin: a key, a line
typed live, session.toml, or edits.toml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CALIBRATE = "calibrate"
"""Starts a calibration: the athlete stands still, bends, raises the knees."""
HEEL_DROP = "heel_drop"
"""All sensors measure a heel drop after this mark, which aligns their clocks."""
RISING = "rising"
"""When the athlete got up; usually before the session, so at a negative time."""
ACTING = (CALIBRATE, HEEL_DROP, RISING)
"""Labels that change what is computed."""
NEW_SET = "set"
"""A new set begins."""
TARGET = "target"
"""``target lumbar_flexion 60``: the line that was set for an angle, degrees, or ``none``."""
SLEPT = "screen_slept"
"""``screen_slept 12``: the screen of a page slept, seconds."""
UNDO = "undo"
"""``undo 4711``: the mark with this number in the recording is taken back; results have neither."""
BASELINE = "baseline"
"""This session is one of the athlete's own baseline, from before a treatment: pinned."""
PRIMARY = "primary"
"""``primary knee_raise:left:hip_peak_deg``: the number that was chosen before a treatment to be measured again after it."""
TREATMENT = "treatment"
"""The treatment begins; what was measured before it is *before*."""
RETEST = "retest"
"""``retest``: the tests are done once more in this recording. ``retest NAME``: this session retests another one, whose folder
has this name, and the sensors stayed on; ``retest NAME worn anew``: they did not."""
LEAST_PAIN, MOST_PAIN = 0.0, 10.0
"""Ends of the numerical rating scale (W. W. Downie and others, Annals of the Rheumatic Diseases 37, 1978, doi
10.1136/ard.37.4.378)."""

_NOTE = re.compile(r"note(?:\s*:\s*|\s+)(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)
_PAIN = re.compile(
    r"pain(?:\s*[:=]\s*|\s+|[-_])(?P<level>\d{1,3}(?:[.,]\d{1,6})?)(?:\s*/\s*10)?(?P<where>[\s,;:].*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Note:
    """A text about an instant."""

    text: str

    @property
    def label(self) -> str:
        """The label that `understood` reads as this note."""
        return f"note {self.text}"


@dataclass(frozen=True, slots=True)
class Pain:
    """Pain reported by the athlete: 0 (none) to 10 (worst), and where, if stated. ValueError beyond that scale."""

    level: float
    where: str = ""

    def __post_init__(self) -> None:
        if not LEAST_PAIN <= self.level <= MOST_PAIN:
            raise ValueError(f"pain {self.level:g} is not between {LEAST_PAIN:g} and {MOST_PAIN:g}")

    @property
    def label(self) -> str:
        """The label that `understood` reads as this pain."""
        return f"pain {self.level:g} {self.where}".rstrip()


def understood(label: str) -> Note | Pain | None:
    """The note or pain in a label: ``note felt tight``, ``pain 3``, ``pain 3/10 left hip``; None for any other label.

    A pain beyond the scale does not count as pain: the label stays a free label, and nothing is lost.
    """
    note = _NOTE.fullmatch(label.strip())
    if note is not None:
        return Note(" ".join(note["text"].split()))
    pain = _PAIN.fullmatch(label.strip())
    if pain is None:
        return None
    try:
        return Pain(float(pain["level"].replace(",", ".")), " ".join((pain["where"] or "").split()).strip(" ,;:"))
    except ValueError:
        return None


_RETEST = re.compile(rf"{RETEST}\s+(?P<name>\S.*?)(?P<anew>\s+worn\s+anew)?", re.IGNORECASE)
_CHOSEN = re.compile(rf"{PRIMARY}\s+(?P<words>\S+)", re.IGNORECASE)


def retested(label: str) -> tuple[str, bool] | None:
    """The session that a label says is retested, and whether the sensors stayed on; None for any other label."""
    found = _RETEST.fullmatch(label.strip())
    return None if found is None else (found["name"], found["anew"] is None)


def chosen(label: str) -> str | None:
    """The number that a label chooses, ``TEST:SIDE:MEASURE``; None for any other label."""
    found = _CHOSEN.fullmatch(label.strip())
    return None if found is None else found["words"]


_UNDO = re.compile(rf"{UNDO} (?P<seq>\d{{1,18}})")


def undone(label: str) -> int | None:
    """The number of the mark that a label takes back; None where it takes back none."""
    found = _UNDO.fullmatch(label)
    return None if found is None else int(found["seq"])


_OFF_SCALE = re.compile(r"pain(?:\s*[:=]\s*|\s+|_)[-−+]?\d.*", re.IGNORECASE | re.DOTALL)


def check_label(label: str) -> None:
    """ValueError for a pain off the scale, so that the person who types it is asked again."""
    if _OFF_SCALE.fullmatch(label.strip()) and understood(label) is None:
        raise ValueError(f"{label!r} is off the scale of pain, {LEAST_PAIN:g} to {MOST_PAIN:g}")


_CLOCK = re.compile(r"(?P<before>[-−])?(?:(?:(?P<h>\d{1,3}):)?(?P<min>\d{1,3}):)?(?P<s>\d{1,9}(?:[.,]\d{1,9})?)\s*s?")


def session_time(text: str) -> float:
    """Session time, s, of ``0:31``, ``1:02:03.5`` or ``31.5``; a minus sign means before the start. ValueError for anything
    else."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a session time")
    hours, minutes, seconds = int(found["h"] or 0), int(found["min"] or 0), float(found["s"].replace(",", "."))
    if (found["min"] and seconds >= 60.0) or (found["h"] and minutes >= 60):
        raise ValueError(f"{text!r} is not a time: minutes and seconds go to 59")
    total = hours * 3600.0 + minutes * 60.0 + seconds
    return -total if found["before"] else total


def time_words(time_s: float) -> str:
    """A session time in the format of `session_time`: ``0:31``, ``1:02:03.5``, to the millisecond."""
    ms = round(abs(time_s) * 1e3)
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1000:02d}" + (f".{rest % 1000:03d}".rstrip("0") if rest % 1000 else "")
    sign = "-" if time_s < 0 and ms else ""
    return f"{sign}{hours}:{minutes:02d}:{seconds}" if hours else f"{sign}{minutes}:{seconds}"
