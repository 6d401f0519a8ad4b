"""What a report is about: the tables of a session, read once, and its numbers by their names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body_signals import retested
from body_signals.movements import kind_of
from dashboards.answers import answer_of
from dashboards.edits import edited_repetitions
from dashboards.report.movements import SIDES, MovementSummary, Row, movements
from dashboards.tables import read_angles, read_summary
from dsp.day import raised_side

Values = NDArray[Any]
DRAWN = ("lumbar_flexion_deg", "pelvis_tilt_deg", "hip_left_flexion_deg", "hip_right_flexion_deg")
"""Columns of the angle table that are drawn."""
BODY = (*DRAWN, "trunk_inclination_deg", "thigh_left_inclination_deg", "thigh_right_inclination_deg")
"""Columns from which a body is drawn."""
HIP_TESTS = ("knee_raise", "rock_back", "hip_extension")
"""Tests of the hips themselves. A session without any of them is a training day."""


@dataclass(frozen=True, slots=True)
class Number:
    """A median, its spread, and the number of repetitions; NaN where it was not scored."""

    median: float = math.nan
    spread: float = math.nan
    count: int = 0

    @property
    def known(self) -> bool:
        return math.isfinite(self.median)


@dataclass(frozen=True, slots=True)
class Facts:
    """A session's results of one estimator. comparison: the document of a comparison with a session before, if one is asked
    for."""

    summary: Mapping[str, Any]
    repetitions: tuple[Row, ...]
    groups: tuple[MovementSummary, ...]
    angles: Mapping[str, Values]
    answer: Mapping[str, Any]
    estimator: str
    comparison: Mapping[str, Any] | None = None

    @property
    def training(self) -> bool:
        """Whether it is a training day: no hip was tested, and there is no protocol that should have."""
        protocol = self.summary.get("protocol")
        return not any(t["test"] in HIP_TESTS for t in self.summary["screen"]["tests"]) and not protocol

    @property
    def protocols(self) -> list[str]:
        """The names of the protocols that the session was led through, in order."""
        first = self.summary.get("protocol")
        if not isinstance(first, Mapping):
            return []
        listed = first.get("further")
        runs = [first, *(listed if isinstance(listed, list) else ())]
        return [str(run["name"]) for run in runs if isinstance(run, Mapping) and run.get("name")]

    @property
    def retests(self) -> str:
        """The session that this one retests; empty where no mark says so."""
        found = (retested(str(mark["label"])) for mark in self.summary["marks"])
        return next((other[0] for other in found if other is not None), "")

    @property
    def any_angle(self) -> bool:
        """Whether any drawn angle was measured."""
        return len(self.angles["time_s"]) > 1 and any(np.isfinite(self.angles[name]).any() for name in DRAWN)

    @property
    def done(self) -> list[tuple[str, str]]:
        """The tests of the screen that were done, with their sides."""
        return [(t["test"], t["side"]) for t in self.summary["screen"]["tests"]]

    def measure(self, test: str, name: str, side: str = "") -> Number:
        """A number of the hip screen, as it is in summary.json."""
        for found in self.summary["screen"]["tests"]:
            measure = found["measures"].get(name) if (found["test"], found["side"]) == (test, side) else None
            if measure is not None and measure["valid"] and measure["median"] is not None:
                spread = measure["spread"]
                return Number(measure["median"], math.nan if spread is None else spread, measure["repetitions"] or 0)
        return Number()

    def limit(self, test: str, name: str, side: str = "") -> Mapping[str, Any] | None:
        """The first limit with which a number of the screen was compared."""
        place = (test, side, name)
        return next((e for e in self.summary["screen"]["limits"] if (e["test"], e["side"], e["measure"]) == place), None)

    def group(self, movement: str, side: str = "") -> MovementSummary | None:
        """All repetitions of a movement."""
        return next((g for g in self.groups if (g.movement, g.side) == (movement, side)), None)

    def during(self, row: Row) -> dict[str, Values]:
        """The angles of a repetition."""
        time_s = self.angles["time_s"]
        first, last = np.searchsorted(time_s, row["start_s"]), np.searchsorted(time_s, row["end_s"], side="right")
        return {name: values[int(first) : int(last)] for name, values in self.angles.items()}


def left_out_of(test: Mapping[str, Any]) -> dict[str, int]:
    """How many repetitions of a test of the screen were not scored, by reason."""
    found = test.get("left_out")
    return {str(why): n for why, n in found.items() if isinstance(n, int)} if isinstance(found, Mapping) else {}


def gives_way(test: Mapping[str, Any]) -> bool:
    """Whether the lumbar spine left its start in most scored repetitions of a test; older screens do not say."""
    found = test.get("with_slack")
    return isinstance(found, int) and 2 * found > (test["repetitions"] or 0)


def facts_of(
    session_folder: Path,
    estimator: str,
    comparison: Mapping[str, Any] | None = None,
    screen: Mapping[str, Any] | None = None,
) -> Facts:
    """Read a session's results. screen: the hip screen in place of the summary's, compared with the athlete's own sessions.
    HiphingeError where they are missing or damaged."""
    summary = read_summary(session_folder, estimator)
    if screen is not None:
        summary = summary | {"screen": screen}
    repetitions = edited_repetitions(session_folder, estimator).to_pylist()
    table = read_angles(session_folder, estimator, ["time_s", *BODY])
    angles = {name: table[name].to_numpy() for name in ("time_s", *BODY)}
    answer = answer_of(summary["screen"])
    return Facts(summary, tuple(repetitions), movements(repetitions), angles, answer, estimator, comparison)


def hip_of(during: Mapping[str, Values], row: Row) -> Values:
    """Hip flexion of a repetition: of the leg that moved in a one-legged one, else the mean of both or of the one measured."""
    left, right = (during[f"hip_{side}_flexion_deg"] for side in SIDES)
    measured = [math.isfinite(row[f"hip_{side}_rom_deg"]) for side in SIDES]
    if not all(measured):
        return right if measured[1] else left
    side = side_of(row)
    if side:
        return left if side == "left" else right
    mean: Values = (left + right) / 2.0
    return mean


def side_of(row: Row) -> str:
    """The leg of a one-legged repetition: left or right; else empty."""
    return raised_side(*(row[f"hip_{side}_rom_deg"] for side in SIDES)) if kind_of(row["movement"]).one_leg else ""
