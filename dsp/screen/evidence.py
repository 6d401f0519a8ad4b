"""The numbers of the hip screen beside their limits: own baseline first, then the published limit or our proposal.

Own baseline: where the athlete has one for a number, the number is compared with the athlete's own expected range first. A
number within that range does not count where it is beyond the published limit by less than its margin: it is usual for this
athlete. Where it is far beyond the published limit it counts all the same: a hip that has always been short is short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from body_signals import SET_FOR_SESSION, Limit
from dsp.day.sets import SIDES
from dsp.screen.tests import ScreenTest

OWN_BASELINE, PUBLISHED, PROPOSAL, SET_LIMIT = "own_baseline", "published", "proposal", "set"
"""What a number is compared with: own sessions, a published range, a limit of this program, or one that was set."""
DIFFERENCE = "knee_raise_difference_deg"
CRITERIA: tuple[tuple[str, str, str], ...] = (
    ("bend_share_high", "bend", "lumbar_share_of_trunk"),
    ("bend_share_low", "bend", "lumbar_share_of_trunk"),
    ("bend_late_rise", "bend", "late_rise"),
    ("bend_onset_delay_s", "bend", "onset_delay_s"),
    ("bend_lumbar_low_deg", "bend", "lumbar_rom_deg"),
    ("bend_lumbar_high_deg", "bend", "lumbar_rom_deg"),
    ("bend_pelvis_low_deg", "bend", "pelvis_rom_deg"),
    ("bend_pelvis_high_deg", "bend", "pelvis_rom_deg"),
    ("bend_trunk_low_deg", "bend", "trunk_rom_deg"),
    ("bend_trunk_high_deg", "bend", "trunk_rom_deg"),
    ("bend_descent_s", "bend", "descent_s"),
    ("bow_slack_deg", "bow", "slack_deg"),
    ("knee_raise_hip_deg", "knee_raise", "hip_peak_deg"),
    (DIFFERENCE, "knee_raise", "hip_difference_deg"),
    ("rock_back_slack_deg", "rock_back", "excursion_deg"),
    ("hip_extension_deg", "hip_extension", "hip_extension_deg"),
    ("hip_use", "squat", "hip_use"),
    ("squat_butt_wink_deg", "squat", "butt_wink_deg"),
    ("hip_use", "deadlift", "hip_use"),
    ("deadlift_lumbar_use", "deadlift", "lumbar_use"),
    ("sit_to_stand_share", "sit_to_stand", "lumbar_share_of_trunk_on_thigh"),
    ("sit_to_stand_share_low", "sit_to_stand", "lumbar_share_of_trunk_on_thigh"),
)
"""Limit, test, and the measure that is compared; for both sides where the test has sides."""
WITH_SLACK = {"bow": "bow", "rock_back": "rock-back"}
"""Tests for where the lumbar spine gives way; it may not have done so."""
ENOUGH = 0.5
"""A movement without giving way tells that it is not early if it goes beyond the limit by this part of the margin (ours)."""


class OwnBaseline(Protocol):
    """An athlete's own earlier sessions in one number: their median and the range in which the next one is expected, with the
    standard deviation between sessions, the number of sessions, and of days."""

    @property
    def median(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def sd(self) -> float: ...
    @property
    def sessions(self) -> int: ...
    @property
    def days(self) -> int: ...


Place = tuple[str, str, str]
"""Test, side and measure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A number and its limit. number: as measured, sd: its spread over the repetitions; beyond: it is on the far side;
    borderline: within the margin of the limit; weight: how much it says (`Limit.weight`); compared_with: whose the limit
    is, e.g. `PROPOSAL`; at_least: the movement went this far without what the number is to tell."""

    limit: Limit
    test: str
    side: str
    measure: str
    number: float
    beyond: bool
    borderline: bool
    weight: float = 0.0
    sd: float = math.nan
    compared_with: str = PUBLISHED
    at_least: bool = False

    @property
    def towards(self) -> str:
        """The side that the number speaks of: that of the test, or of a difference (left minus right) the smaller hip."""
        if self.limit.name != DIFFERENCE:
            return self.side
        return "left" if self.number < 0.0 else "right"


def compared(
    tests: Sequence[ScreenTest], limits: Mapping[str, Limit], baseline: Mapping[Place, OwnBaseline]
) -> tuple[tuple[Finding, ...], list[str]]:
    """Every known number with its limit, and remarks on the unknown ones."""
    findings: list[Finding] = []
    notes: list[str] = []
    by_place = {(t.test, t.side): t for t in tests}
    for name, test, measure in CRITERIA:
        for side in ("", *SIDES):
            place = by_place.get((test, side))
            number = math.nan if place is None else place.value(measure)
            if place is None or not place.valid or not math.isfinite(number):
                continue
            limit = limits[name]
            found = _finding(limit, place, measure, number, baseline.get((test, side, measure)))
            if test in WITH_SLACK and not place.gives_way:
                # the movement went this far without giving way: only a lower bound is known
                if number < limit.value + ENOUGH * limit.margin_above:
                    where = f" ({side})" if side else ""
                    far = f"{WITH_SLACK[test]}{where}: {round(number)}° without giving way"
                    notes.append(f"{far}; go further to tell more")
                    continue
                found = replace(found, beyond=False, borderline=False, weight=min(found.weight, 0.0), at_least=True)
            elif name == "hip_use":
                spine = by_place[(test, "")].value("lumbar_use") if (test, "") in by_place else math.nan
                if not math.isfinite(spine):
                    continue
                found = _with_the_spine(found, limits["lumbar_use"], spine)
            findings.append(found)
    return tuple(findings), notes


def _finding(limit: Limit, test: ScreenTest, measure: str, number: float, own: OwnBaseline | None) -> Finding:
    # a difference counts in either direction
    sign = -1.0 if limit.name == DIFFERENCE and number < 0.0 else 1.0
    size = sign * number
    sd = test.measures[measure].spread
    general = Finding(
        limit,
        test.test,
        test.side,
        measure,
        number,
        limit.beyond(size),
        limit.borderline(size),
        limit.weight(size),
        sd,
        compared_with=_whose(limit),
    )
    if own is None or not all(map(math.isfinite, (own.low, own.high))):
        return general
    edges = sorted((sign * own.low, sign * own.high))
    of = "1 session" if own.sessions == 1 else f"{own.sessions} sessions"
    expected = replace(limit, value=edges[1] if limit.above else edges[0], source=f"own baseline, {of}", proposal=False)
    if expected.beyond(size):
        # at its own edge already a number says as much as at a limit
        weight = max(general.weight, expected.weight(size))
        return replace(
            general,
            limit=expected,
            beyond=True,
            borderline=expected.borderline(size),
            weight=weight,
            compared_with=OWN_BASELINE,
        )
    if general.beyond and not general.borderline:
        return general
    return replace(
        general,
        limit=expected,
        beyond=False,
        borderline=expected.borderline(size),
        weight=min(general.weight, expected.weight(size)),
        compared_with=OWN_BASELINE,
    )


def _whose(limit: Limit) -> str:
    if limit.source == SET_FOR_SESSION:
        return SET_LIMIT
    return PROPOSAL if limit.proposal else PUBLISHED


def _with_the_spine(hip: Finding, limit: Limit, spine: float) -> Finding:
    """A hip that is used little counts only where the lumbar spine is used much."""
    return replace(
        hip,
        beyond=hip.beyond and limit.beyond(spine),
        borderline=hip.borderline or limit.borderline(spine),
        weight=min(hip.weight, limit.weight(spine)),
    )
