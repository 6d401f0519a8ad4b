"""A protocol for pages and terminals: as it is before it begins, and the words that lead through it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dsp.screen import STAND, TAP, Protocol, Step

RUNNING, DONE, LEFT, STOPPED = "running", "done", "left", "stopped"
"""How a protocol stands."""


def step_document(step: Step) -> dict[str, Any]:
    """A step as pages know it."""
    by = step.counted_by
    return {
        "name": step.name,
        "test": step.test,
        "side": step.side,
        "title": dict(step.title),
        "words": dict(step.words),
        "wanted": step.repetitions,
        "seconds": step.seconds,
        "expected_s": step.expected_s,
        "start": step.start,
        "counted_by": "kind" if by is None else by.angle or "tap",
        "tempo": None if step.tempo is None else [step.tempo.down_s, step.tempo.hold_s, step.tempo.up_s],
    }


def protocol_document(protocol: Protocol) -> dict[str, Any]:
    """A protocol as pages know it before it begins."""
    return {
        "name": protocol.name,
        "title": dict(protocol.title),
        "words": dict(protocol.words),
        "red_flags": protocol.red_flags,
        "expected_s": protocol.expected_s,
        "stop_at": protocol.stop_at,
        "stop_rise": protocol.stop_rise,
        "steps": [step_document(step) for step in protocol.steps],
    }


def protocol_lines(document: Mapping[str, Any] | None, now_s: float, *, language: str = "en") -> tuple[str, str]:
    """The instruction and the remark for a terminal; both empty where no protocol has been begun."""
    if document is None:
        return "", ""
    title = document["title"][language]
    if document["state"] != RUNNING:
        stopped = document["pain"]["stopped_by"]
        if stopped is not None:
            return (
                f"{title} STOPPED: pain {stopped:g}. Rest, and look at the athlete",
                "the recording goes on; q ends the session",
            )
        return f"{title}: {'done' if document['state'] == DONE else 'ended'}", ""
    step = document["steps"][document["at"]]
    after = document["steps"][document["at"] + 1 :]
    following = f"then {after[0]['title'][language].lower()}" if after else "that is the last"
    if not document["going"]:
        how = "press g to begin" if step["start"] == TAP else "stand upright for a moment to begin"
        return f"{title}: {step['words'][language]}", f"{how}; {following}"
    many = f"{step['made']} of {step['wanted']}"
    if step["test"] == STAND:
        left = math.ceil((document["still_until_s"] or now_s) - now_s)
        many = f"… {left} s" if left > 0 else "…"
    return f"{title}: {step['words'][language]}, {many}", f"{following}; s skips, r once more, b back"
