"""The comparable sign: the one number that is chosen before the treatment and measured again after it.

The program proposes the number that limits the athlete most in the screen: first among the reasons of the screen's answer, else
among the numbers beyond their limit, hips before lumbar spine; how far beyond, in standard errors, decides among these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from body_signals import Key
from dsp.comparison.occasion import values_of
from dsp.comparison.standard_errors import published

HIPS = ("hip_peak_deg", "excursion_deg", "hip_extension_deg")
"""Numbers of the hips that are proposed before all others."""
STRAIGHT = frozenset({"slack_deg", "pelvis_rom_deg"})
"""Numbers of the hips with straight knees, which follow."""
NOT_COMPARABLE = frozenset({"hip_difference_deg", "late_rise", "onset_delay_s", "descent_s", "slack_slope_after"})
"""Differences, times and slopes (two numbers in one, or a pace): proposed only where nothing else is there (ours)."""
FIRST = (*HIPS, "lumbar_share_of_trunk")
"""Proposed in this order where no limit was compared."""


def proposed_primary(screen: Mapping[str, Any]) -> dict[str, str] | None:
    """The limiting test of a screen as in summary.json: ``{"test", "side", "measure"}``; None where no number is valid."""
    there = values_of(screen)
    limits = [(key, entry) for entry in screen.get("limits", ()) if (key := _key(entry)) in there]
    reasons = _reasons(screen)
    beyond = [(key, entry) for key, entry in limits if entry["beyond"]]
    for some in ([one for one in beyond if one[0] in reasons], beyond, limits):
        if comparable := [one for one in some if one[0][2] not in NOT_COMPARABLE and not there[one[0]].at_least]:
            return _document(min(comparable, key=lambda one: (_rank(one[0]), -_beyond_by(*one)))[0])
    order = {name: i for i, name in enumerate(FIRST)}
    # one that is known to lie somewhere above comes last: a change of it can hardly be told
    first = min(there, key=lambda key: (there[key].at_least, order.get(key[2], len(FIRST)), key), default=None)
    return None if first is None else _document(first)


def wanted(screen: Mapping[str, Any], key: Key) -> int:
    """The direction in which a number should change: 1 more, -1 less, 0 where its limits do not say."""
    entries = [entry for entry in screen.get("limits", ()) if _key(entry) == key]
    chosen = [entry for entry in entries if entry["beyond"]] or entries
    directions = {-1 if entry["above"] else 1 for entry in chosen}
    return directions.pop() if len(directions) == 1 else 0


def _reasons(screen: Mapping[str, Any]) -> set[Key]:
    answer = screen.get("answer") or {}
    return {_key(reason) for reason in answer.get("reasons", ())}


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["test"], entry.get("side") or "", entry["measure"]


def _rank(key: Key) -> int:
    return 0 if key[2] in HIPS else 1 if key[2] in STRAIGHT else 2


def _beyond_by(key: Key, entry: Mapping[str, Any]) -> float:
    """How far beyond its limit a number is, in standard errors."""
    number = entry.get("number")
    if number is None or not math.isfinite(number):
        return -math.inf
    size = float(number - entry["limit"])
    return (size if entry["above"] else -size) / published(key).anew


def _document(key: Key) -> dict[str, str]:
    return dict(zip(("test", "side", "measure"), key, strict=True))
