"""The answer of a stored screen, also of one that was written before screens had an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_CODES = {
    1: "repeat",
    2: "hip_limited",
    3: "posterior_chain",
    4: "movement_control",
    5: "guarded",
    6: "nothing_stands_out",
}
"""Number of a pattern (docs/screen.md) → code of the answer."""
_AGAINST = {
    "hip_limited": {"knee_raise_hip_deg", "rock_back_slack_deg", "knee_raise_difference_deg"},
    "posterior_chain": {"bend_pelvis_low_deg", "bow_slack_deg"},
    "movement_control": {"bend_share_high", "hip_use"},
    "guarded": {"bend_lumbar_low_deg", "bend_share_low"},
}
"""Limits whose number, where it is on the near side, speaks against a pattern."""
_SUPPORT = {
    "hip_limited": {"knee_raise_hip_deg", "rock_back_slack_deg", "bend_share_high", "bend_onset_delay_s", "hip_use"},
    "posterior_chain": {"bend_pelvis_low_deg", "bow_slack_deg", "bend_share_high", "bend_onset_delay_s"},
    "movement_control": {"bend_share_high", "bend_late_rise", "bend_onset_delay_s", "hip_use"},
    "guarded": {"bend_lumbar_low_deg", "bend_share_low", "bend_descent_s"},
}
"""Limits whose number, where it is on the far side, supports a pattern."""
_NEEDED = ("bend", "knee_raise", "rock_back")
"""The tests without which nothing is decided, in the order in which they are done."""


def answer_of(screen: Mapping[str, Any]) -> Mapping[str, Any]:
    """`screen["answer"]` of a summary; derived from the older keys where it is missing.

    A derived answer says nothing more than the older screen did: its pattern, side and confidence, and its comparisons sorted
    into those that support it and those that speak against it.
    """
    given = screen.get("answer")
    return given if isinstance(given, Mapping) and given.get("code") else _derived(screen)


def _derived(screen: Mapping[str, Any]) -> Mapping[str, Any]:
    code = _CODES.get(screen.get("pattern") or 0, "not_tested")
    if code == "not_tested" and screen.get("tests"):
        code = "repeat"
    known = [limit for limit in screen.get("limits") or () if limit.get("number") is not None]
    reasons = [_reason(e) for e in known if e.get("beyond") and e.get("name") in _SUPPORT.get(code, ())]
    # the other side's hip does not speak against the side that is named
    others = {"left": "right", "right": "left"}.get(screen.get("side") or "")
    near = [e for e in known if not e.get("beyond") and e.get("side") != others]
    against = [_reason(e) for e in near if e.get("name") in _AGAINST.get(code, ())]
    if code == "hip_limited":
        against += _reached(screen, known)
    return {
        "code": code,
        "side": screen.get("side") or "",
        "confidence": screen.get("confidence") or "",
        "exercises": len({r["test"] for r in reasons}),
        "reasons": reasons,
        "against": against,
        "next": _next(screen, code),
        "compared_with": "published",
    }


def _reason(limit: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("test", "side", "measure", "number", "limit", "unit", "above", "source", "borderline")
    return {name: limit.get(name) for name in kept} | {
        "sd": None,
        "proposal": bool(limit.get("proposal")),
        "compared_with": "proposal" if limit.get("proposal") else "published",
    }


def _reached(screen: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A hip that is named, but went beyond the knee raise's limit in the squat."""
    limit = next((e["limit"] for e in known if e.get("name") == "knee_raise_hip_deg"), None)
    found = []
    for test in screen.get("tests") or ():
        peak = (test.get("measures") or {}).get("hip_peak_deg") or {}
        if test["test"] != "squat" or test["side"] != screen.get("side") or limit is None or not peak.get("valid"):
            continue
        if (peak.get("median") or 0.0) > limit:
            number = {"number": peak["median"], "sd": peak.get("spread"), "unit": "deg"}
            found.append({"test": "squat", "side": test["side"], "measure": "hip_peak_deg", **number, "borderline": False})
    return found


def _next(screen: Mapping[str, Any], code: str) -> list[dict[str, str]]:
    """What is left to do: the tests that were not done or not scored; for a pattern of the hips the knee raise of that side."""
    scored = {(t["test"], t["side"]) for t in screen.get("tests") or () if t.get("valid")}
    missing = []
    for test in _NEEDED:
        sides = [side for side in ("left", "right") if (test, side) not in scored] if test != "bend" else []
        if (test == "bend" and (test, "") not in scored) or len(sides) == 2:
            missing.append({"code": test, "side": ""})
        elif sides:
            missing.append({"code": test, "side": sides[0]})
    if missing:
        return missing
    side = screen.get("side") or ""
    tests = {"hip_limited": "knee_raise", "posterior_chain": "bow", "movement_control": "bow", "guarded": "bend"}
    if code not in tests:
        return []
    test = tests[code]
    return [{"code": test, "side": side if test == "knee_raise" and side != "both" else ""}]
