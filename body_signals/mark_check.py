"""Whether a mark means what a person takes it for: asked wherever one is said, by a key, a line, a page or in edits.toml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from body_signals.marks import (
    ACTING,
    BASELINE,
    CALIBRATE,
    FACTS,
    FURTHEST_MATCH_DAYS,
    HEAVIEST_KG,
    HEEL_DROP,
    LEAST_PAIN,
    MOST_PAIN,
    NEW_SET,
    PRIMARY,
    RETEST,
    RISING,
    SLEPT,
    TARGET,
    TREATMENT,
    UNDO,
    Note,
    Pain,
    choice,
    chosen,
    key_of,
    retested,
    session_fact,
    understood,
    undone,
)

_OFF_SCALE = re.compile(r"pain(?:\s*[:=]\s*|\s+|_)[-−+]?\d.*", re.IGNORECASE | re.DOTALL)
LARGEST_TARGET_DEG = 180.0
"""Of a line that a person sets for an angle (ours)."""
TARGETS = ("lumbar_flexion", "hip_flexion")
"""The angles that have a line."""
_TARGET = re.compile(rf"{TARGET} (?:{'|'.join(TARGETS)}) (?:none|(?P<deg>[-−]?\d{{1,3}}(?:\.\d+)?))")
_ALONE = (CALIBRATE, HEEL_DROP, RISING, NEW_SET, BASELINE, TREATMENT)


class UnclearLabel(ValueError):
    """A label that begins like a mark with a meaning of its own and is none. remedy: what may be written."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class OffScale(UnclearLabel):
    """A number of a session, or pain, that its scale does not have."""


def spelled(label: str) -> str:
    """A label as the program writes it, where it is one that changes results: ``Heel drop`` is ``heel_drop``."""
    plain = _plain(label)
    return plain if plain in ACTING else label


def _plain(label: str) -> str:
    return label.strip().lower().replace("-", "_").replace(" ", "_")


def check_label(label: str) -> None:
    """`UnclearLabel` for a label that a person would take for a mark with a meaning of its own, and that has none: a number off
    its scale, a choice of a number that there is not, the word with something else behind it. It would be kept as free words,
    and the person would not know."""
    text = label.strip()
    for name, (pattern, least, most) in FACTS.items():
        if re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) and session_fact(text) is None:
            raise OffScale(f"{label!r} is off the scale of {name}, {least:g} to {most:g}", _WRITTEN[name])
    if _OFF_SCALE.fullmatch(text) and understood(text) is None:
        raise OffScale(f"{label!r} is off the scale of pain, {LEAST_PAIN:g} to {MOST_PAIN:g}", _WRITTEN["pain"])
    words = choice(text)
    if words is not None:
        try:
            key_of(words)
        except ValueError as error:
            raise UnclearLabel(str(error), _WRITTEN[PRIMARY]) from None
    for name, (begins, means) in _MEANINGS.items():
        if re.match(begins, text, re.IGNORECASE) and not means(text):
            raise UnclearLabel(f"{label!r} is not understood as {name.replace('_', ' ')}", _WRITTEN[name])
    close = difflib.get_close_matches(_plain(text), ACTING, 1, 0.8)
    if close and text not in ACTING:
        raise UnclearLabel(f"unknown label {label!r}", f"Did you mean {close[0]}? Your own labels must differ more")


def is_off_scale(text: str) -> bool:
    """Whether a note is a number of a session, or pain, off its scale: what was meant would be lost among the notes."""
    try:
        check_label(text)
    except OffScale:
        return True
    except UnclearLabel:
        return False
    return False


def _is_target(text: str) -> bool:
    found = _TARGET.fullmatch(text)
    return found is not None and abs(float((found["deg"] or "0").replace("−", "-"))) <= LARGEST_TARGET_DEG


def _is_fact(text: str) -> bool:
    return session_fact(text) is not None


_WRITTEN = {
    "srpe": "Write srpe 0 to 10, e.g. srpe 7",
    "soreness": "Write soreness 0 to 10, e.g. soreness 3",
    "load_kg": f"Write load and kilograms, 0 to {HEAVIEST_KG:g}, e.g. load 80 kg; any other words go into a note",
    "match_day": f"Write MD and the days to the match, -{FURTHEST_MATCH_DAYS} to +{FURTHEST_MATCH_DAYS}, e.g. MD-2",
    "gym": "Write gym and its name, e.g. gym north",
    "group": "Write group and its name, e.g. group forwards",
    "pain": "Write pain 0 to 10, then where it is, e.g. pain 3 left hip",
    "note": "Write note and its text",
    PRIMARY: "Write primary TEST:SIDE:MEASURE, e.g. primary knee_raise:left:hip_peak_deg (docs/screen.md has all)",
    TARGET: "Write target lumbar_flexion or hip_flexion, then degrees or none, e.g. target lumbar_flexion 60",
    SLEPT: f"Write {SLEPT} and the seconds",
    RETEST: "Write retest and the folder's name of the session before, e.g. retest monday; retest alone begins the tests anew",
    UNDO: "Write undo and the number of a mark in this recording",
    **{word: f"Write {word} alone; words about it go into a note" for word in _ALONE},
}
"""What may be written, by what a label begins with."""
_MEANINGS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "srpe": (r"s-?rpe(?![\w-])", _is_fact),
    "soreness": (r"soreness(?![\w-])", _is_fact),
    "load_kg": (r"load(?![\w-])", _is_fact),
    "match_day": (r"(?:md|match[\s_-]?day)(?!\w)", _is_fact),
    "gym": (r"gym(?![\w-])", _is_fact),
    "group": (r"group(?![\w-])", _is_fact),
    "pain": (r"pain(?![\w])", lambda text: isinstance(understood(text), Pain)),
    "note": (r"note(?![\w-])", lambda text: isinstance(understood(text), Note)),
    PRIMARY: (r"primary(?![\w-])", lambda text: chosen(text) is not None),
    TARGET: (r"target(?![\w-])", _is_target),
    SLEPT: (rf"{SLEPT}\b", lambda text: re.fullmatch(rf"{SLEPT} \d{{1,7}}", text) is not None),
    RETEST: (r"re-?test(?![\w-])", lambda text: text.lower() == RETEST or retested(text) is not None),
    UNDO: (r"undo(?![\w-])", lambda text: undone(text) is not None),
    **{word: (rf"{word}(?![\w-])", lambda text: len(text.split()) == 1) for word in _ALONE},
}
"""What a label begins with, and whether it then means that."""
