"""What was said of a session, as it stands in summary.json and in what the program proposes; nothing here needs the engine."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from body_signals import CALIBRATE, Note, Pain, SessionMark, time_words, understood

if TYPE_CHECKING:
    from dsp.calibration import Proposal

MARK_COMMAND = "hiphinge mark"


def forgotten_words(proposal: Proposal | None, source: str) -> list[str]:
    """What to do where a calibration seems to have been made and not marked: the command to type, word by word."""
    if proposal is None:
        return []
    at, found = time_words(proposal.mark_s), f"quiet standing, then {proposal.words}"
    todo = f"{MARK_COMMAND} {shlex.quote(source)} {at} {CALIBRATE}" if source else f"a mark {CALIBRATE} at {at} uses it"
    return [f"a calibration that was not marked seems to begin at {at} ({found}); to use it: {todo}"]


def said_in(
    marks: Sequence[SessionMark], at_pain: Callable[[float], tuple[float | None, int | None]] = lambda time_s: (None, None)
) -> dict[str, list[dict[str, object]]]:
    """`marks`, `notes` and `pain` of summary.json, each in the order of time. at_pain: the lumbar flexion, degrees, and the
    number of the repetition under way at a session time."""
    found: dict[str, list[dict[str, object]]] = {"marks": [], "notes": [], "pain": []}
    for mark in sorted(marks, key=lambda m: m.time_s):
        at = {"time_s": round(mark.time_s, 6), "said": mark.said}
        match understood(mark.label):
            case Note(text):
                found["notes"].append(at | {"text": text})
            case Pain(level, where):
                degrees, repetition = at_pain(mark.time_s)
                score = int(level) if level == int(level) else level
                seen: dict[str, object] = {"score": score, "lumbar_flexion_deg": degrees, "repetition": repetition}
                found["pain"].append(at | seen | {"level": level, "where": where})
            case _:
                found["marks"].append(at | {"label": mark.label})
    return found
