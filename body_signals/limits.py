"""The limits of the hip screen, each with its source; our own limits are marked as proposals.

A one-sided limit at a centile flags one in ten people without complaints by construction. So the screen requires two tests of
different exercises that agree (docs/screen.md). A session or the configuration may set any limit by its name (`[screen]`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

LAIRD_2019 = "Laird 2019, BMC Musculoskeletal Disorders 20:28, table 3"
LAIRD_2016 = "Laird 2016, BMC Musculoskeletal Disorders 17"
MONNIER_2012 = "Monnier 2012, BMC Musculoskeletal Disorders 13:263"
OURS = "a proposal of this program"
SET_FOR_SESSION = "set for this session"
"""Source of a limit that a session or the configuration sets."""
ONSET = f"{OURS}: 10th centile if the onset delay is -0.21 s (SD 0.46 s), Laird 2018, doi 10.1186/s12891-018-2233-1"
SLOW = (
    f"{OURS}: the mean movement time is 2.28 s without back pain and 3.18 s with it, Laird 2019, doi 10.1186/s12891-018-2387-x"
)
EXTENSION = f"{OURS}: passive hip extension is 6.8° without back pain and -4.2° with it, Roach 2015"
STANDING_UP = f"{OURS}: a quarter on average, Tully 2005"


@dataclass(frozen=True, slots=True)
class Limit:
    """A number below (or above) the value is beyond the limit; within the margins around it the comparison is borderline.

    margin_below, margin_above: about the minimal detectable change on either side, wider where a zone was proposed; also the
    unit of `weight`. proposal: a limit of our own, without a publication.
    """

    name: str
    value: float
    unit: str
    above: bool
    margin_below: float
    margin_above: float
    meaning: str
    source: str
    proposal: bool = False

    def beyond(self, number: float) -> bool:
        """Whether a number is on the far side of the limit; False for NaN."""
        return number > self.value if self.above else number < self.value

    def borderline(self, number: float) -> bool:
        """Whether a number is within the margins, so that a repeated measurement could be on the other side."""
        return self.value - self.margin_below < number < self.value + self.margin_above

    def weight(self, number: float) -> float:
        """How much a number says: 1 at the limit, 2 one margin beyond it, at most `MOST`; 0 one margin before it, at least
        `LEAST`. NaN says nothing: 0."""
        if not math.isfinite(number):
            return 0.0
        over = number - self.value if self.above else self.value - number
        far, near = (self.margin_above, self.margin_below) if self.above else (self.margin_below, self.margin_above)
        margin = far if over > 0.0 else near
        if margin <= 0.0:
            return MOST if over > 0.0 else LEAST
        return min(MOST, max(LEAST, 1.0 + over / margin))


MOST, LEAST = 3.0, -1.0
"""Largest and smallest weight of one number (ours): one exercise alone never reaches what a pattern needs."""
_SHARE_MDC, _LUMBAR_MDC = 0.12, 10.0
"""Minimal detectable changes: 90 % for a share of a bend and for ranges of the lumbar spine and pelvis (Laird 2016, 8-15 points
and 5-15 degrees), limits of agreement of one rater for hip flexion (Stolowski 2023, doi 10.3390/s23218782)."""

LIMITS: tuple[Limit, ...] = (
    Limit("bend_share_high", 0.63, "", True, _SHARE_MDC, _SHARE_MDC, "lumbar share of the bend is large", LAIRD_2019),
    Limit("bend_share_low", 0.38, "", False, _SHARE_MDC, _SHARE_MDC, "lumbar share of the bend is small", LAIRD_2019),
    Limit(
        "bend_late_rise",
        0.12,
        "",
        True,
        0.0,
        0.0,
        "lumbar share rises from the early to the late third of the bend by more than a minimal detectable change",
        f"{OURS}: 12 points are the minimal detectable change of a share, {LAIRD_2016}",
        True,
    ),
    Limit("bend_onset_delay_s", -0.8, "s", False, 0.2, 0.2, "the pelvis begins late", ONSET, True),
    Limit("bend_lumbar_low_deg", 39.0, "deg", False, _LUMBAR_MDC, _LUMBAR_MDC, "lumbar range is small", LAIRD_2019),
    Limit("bend_lumbar_high_deg", 65.0, "deg", True, _LUMBAR_MDC, _LUMBAR_MDC, "lumbar range is large", LAIRD_2019),
    Limit("bend_pelvis_low_deg", 42.0, "deg", False, _LUMBAR_MDC, _LUMBAR_MDC, "pelvis range is small", LAIRD_2019),
    Limit("bend_pelvis_high_deg", 75.0, "deg", True, _LUMBAR_MDC, _LUMBAR_MDC, "pelvis range is large", LAIRD_2019),
    Limit("bend_trunk_low_deg", 93.0, "deg", False, _LUMBAR_MDC, _LUMBAR_MDC, "trunk range is small", LAIRD_2019),
    Limit("bend_trunk_high_deg", 128.0, "deg", True, _LUMBAR_MDC, _LUMBAR_MDC, "trunk range is large", LAIRD_2019),
    Limit("bend_descent_s", 3.2, "s", True, 0.5, 0.5, "the bend is slow", SLOW, True),
    Limit(
        "bow_slack_deg", 50.0, "deg", False, _LUMBAR_MDC, _LUMBAR_MDC, "lumbar spine gives way early in the bow", MONNIER_2012
    ),
    Limit("knee_raise_hip_deg", 72.0, "deg", False, 8.0, 10.0, "true hip flexion is small", OURS, True),
    Limit("knee_raise_difference_deg", 13.0, "deg", True, 4.0, 4.0, "the hips differ", OURS, True),
    Limit("rock_back_slack_deg", 22.0, "deg", False, 6.0, 10.0, "lumbar spine gives way early in the rock-back", OURS, True),
    Limit("hip_extension_deg", -8.0, "deg", False, 8.0, 8.0, "true hip extension is small", EXTENSION, True),
    Limit("hip_use", 0.75, "", False, 0.05, 0.05, "a hip is used little while the lumbar spine is used much", OURS, True),
    Limit("lumbar_use", 0.70, "", True, 0.05, 0.05, "the lumbar spine is used much", OURS, True),
    Limit("deadlift_lumbar_use", 0.80, "", True, 0.05, 0.05, "the lumbar spine is used much in the deadlift", OURS, True),
    Limit("sit_to_stand_share", 0.40, "", True, _SHARE_MDC, _SHARE_MDC, "lumbar share of standing up is large", OURS, True),
    Limit("sit_to_stand_share_low", 0.10, "", False, 0.05, 0.05, "lumbar share of standing up is small", STANDING_UP, True),
    Limit("squat_butt_wink_deg", 5.0, "deg", True, 3.0, 3.0, "the pelvis tips back at the bottom of the squat", OURS, True),
)


FURTHEST = {"": 1.0, "deg": 180.0, "s": 60.0}
"""Largest size of a limit by its unit: of a share, a part of 1 (ours)."""


def limits_with(set_by_user: Mapping[str, float]) -> dict[str, Limit]:
    """The limits by name, with the given values. Raises ValueError for an unknown name, and for a value that is not a
    finite number."""
    found = {limit.name: limit for limit in LIMITS}
    for name, value in set_by_user.items():
        if name not in found:
            raise ValueError(f"unknown limit {name!r}: there are {', '.join(found)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"limit {name} = {value!r} is not a number")
        if value != found[name].value:
            found[name] = replace(found[name], value=float(value), source=SET_FOR_SESSION, proposal=False)
    return found


def check_reach(limits: Mapping[str, Limit]) -> None:
    """Raises ValueError for a limit that no measurement of its unit reaches: it would say nothing of anybody. What a session
    was computed with stays readable."""
    for name, limit in limits.items():
        if abs(limit.value) > FURTHEST[limit.unit]:
            share = not limit.unit and abs(limit.value) <= 100.0
            hint = f"it is a part of 1, so write {limit.value / 100.0:g}" if share else "no body reaches it"
            raise ValueError(f"limit {name} = {limit.value:g}{f' {limit.unit}' if limit.unit else ''} is out of range: {hint}")
