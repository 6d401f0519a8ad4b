"""People's entries during a session or afterwards: marks that change results, notes, pain, and free labels.

Each is a `SessionMark` with a label. `understood` and `session_fact` interpret a label from any origin: a key, a line typed
live, session.toml, or edits.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from body_signals.quantities import SCREEN_MEASURES

Key = tuple[str, str, str]
"""A number of the screen: test, side (empty where it has none) and measure, as in `SCREEN_MEASURES`."""
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
DIVIDING = ("before", TREATMENT, "after", RETEST)
"""Marks at which another part of a session begins: the parts are compared."""
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


HEAVIEST_KG = 500.0
"""Largest load on a bar, kg; the heaviest deadlift in competition is 501 kg (2020). More is a typing error (ours)."""
FURTHEST_MATCH_DAYS = 14
"""Largest distance of a match, days: plans go by the week (ours)."""


@dataclass(frozen=True, slots=True)
class SessionFact:
    """Something that holds for the whole session, as `hiphinge mark`, a key or the page states it. name: one of `FACTS`."""

    name: str
    value: float | str

    @property
    def label(self) -> str:
        """The label that `session_fact` reads as this fact."""
        if isinstance(self.value, str):
            return f"{self.name} {self.value}"
        if self.name == "match_day":
            return f"MD{self.value:+.0f}" if self.value else "MD"
        return f"load {self.value:g} kg" if self.name == "load_kg" else f"{self.name} {self.value:g}"


_NUMBER = r"(?P<number>\d{1,3}(?:[.,]\d{1,2})?)"
FACTS: dict[str, tuple[str, float, float]] = {
    "srpe": (rf"s-?rpe[\s:=]\s*{_NUMBER}(?:\s*/\s*10)?", 0.0, 10.0),
    "soreness": (rf"soreness[\s:=]\s*{_NUMBER}(?:\s*/\s*10)?", 0.0, 10.0),
    "load_kg": (rf"load[\s:=]\s*{_NUMBER}\s*(?:kg)?", 0.0, HEAVIEST_KG),
    "match_day": (
        r"(?:md|match[\s_-]?day)\s*(?P<number>[-−+]\s*\d{1,3}|0)?",
        -FURTHEST_MATCH_DAYS,
        FURTHEST_MATCH_DAYS,
    ),
    "gym": (r"gym[\s:=]\s*(?P<words>\S.*)", 0.0, 0.0),
    "group": (r"group[\s:=]\s*(?P<words>\S.*)", 0.0, 0.0),
}
"""Facts of a session: how they are written, and their scale. Session RPE is the exertion of the whole session on a scale of 0
to 10 (C. Foster and others, Journal of Strength and Conditioning Research 15, 2001); soreness has the scale of pain; MD-2 is
two days before a match."""


def session_fact(label: str) -> SessionFact | None:
    """The fact in a label: ``srpe 7``, ``soreness 3``, ``load 60 kg``, ``MD-2``, ``gym north``, ``group forwards``; None for
    any other label, and for a number off its scale."""
    for name, (pattern, least, most) in FACTS.items():
        found = re.fullmatch(pattern, label.strip(), re.IGNORECASE | re.DOTALL)
        if found is None:
            continue
        if "words" in found.groupdict():
            return SessionFact(name, " ".join(found["words"].split()))
        number = float((found["number"] or "0").replace(",", ".").replace("−", "-").replace(" ", ""))
        return SessionFact(name, number) if least <= number <= most else None
    return None


def session_facts(labels: Iterable[str]) -> dict[str, float | str]:
    """The facts in the marks of a session, in their order: the last of a name counts, of loads the largest."""
    found: dict[str, float | str] = {}
    loads = []
    for fact in filter(None, map(session_fact, labels)):
        found[fact.name] = fact.value
        if fact.name == "load_kg" and isinstance(fact.value, float):
            loads.append(fact.value)
    return found | ({"load_kg": max(loads)} if loads else {})


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


def key_of(words: str) -> Key:
    """The number that ``TEST:SIDE:MEASURE`` names, or ``TEST:MEASURE`` where there is no side. ValueError for any other."""
    parts = [part.strip() for part in words.lower().split(":")]
    key = next((k for k in _KEYS if k == ((parts[0], "", parts[1]) if len(parts) == 2 else tuple(parts))), None)
    if key is None:
        measures = sorted({words_of(k) for k in _KEYS if k[0] == parts[0]})
        known = measures or sorted({k[0] for k in _KEYS})
        raise ValueError(f"no number of the screen is called {words!r}: there are {', '.join(known)}")
    return key


def words_of(key: Key) -> str:
    """The key as `key_of` reads it."""
    return ":".join(part for part in key if part)


_KEYS: frozenset[Key] = frozenset((m.test, m.side, m.name) for m in SCREEN_MEASURES)


def choice(label: str) -> str | None:
    """What a label chooses, as it was written, also where there is no such number; None for any other label."""
    found = _CHOSEN.fullmatch(label.strip())
    return None if found is None else found["words"]


def chosen(label: str) -> Key | None:
    """The number that a label chooses; None for any other label, and for a number that there is not."""
    words = choice(label)
    try:
        return None if words is None else key_of(words)
    except ValueError:
        return None


def primary_label(key: Key) -> str:
    """The label that `chosen` reads as this number."""
    return f"{PRIMARY} {':'.join(key)}"


def retest_label(name: str, *, worn_anew: bool) -> str:
    """The label that `retested` reads as the retest of the session of this name."""
    return f"{RETEST} {name}{' worn anew' if worn_anew else ''}"


_UNDO = re.compile(rf"{UNDO} (?P<seq>\d{{1,18}})")


def undone(label: str) -> int | None:
    """The number of the mark that a label takes back; None where it takes back none."""
    found = _UNDO.fullmatch(label)
    return None if found is None else int(found["seq"])


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
