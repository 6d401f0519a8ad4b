"""Accuracy floor on the simulated athlete, the whole way from radio packets: a change that makes angles worse fails here.

The bars are `MARGIN` times what was measured when they were set. The simulated athlete wears consumer
sensors on moving skin; the figures are of that, not of people.
"""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from tests.dsp.sessions import FLEXIONS, estimated, rms, simulated

SEEDS = (1, 2, 3)
CALIBRATED_S = 28.0

MEASURED_DEG = {
    # angle: rms live, review; the larger of `demo` and `mixed`, all three seeds together
    "lumbar_flexion": (0.44, 0.44),
    "lumbar_lateral": (0.38, 0.36),
    "lumbar_rotation": (0.69, 0.53),
    "pelvis_tilt": (0.87, 0.71),
    "pelvis_obliquity": (0.35, 0.34),
    "trunk_inclination": (0.83, 0.64),
    "hip_left_flexion": (0.77, 0.66),
    "hip_left_abduction": (0.66, 0.42),
    "hip_left_rotation": (0.74, 0.40),
    "hip_right_flexion": (0.82, 0.78),
    "hip_right_abduction": (0.44, 0.29),
    "hip_right_rotation": (0.77, 0.50),
    "thigh_left_inclination": (1.01, 0.94),
    "thigh_right_inclination": (1.04, 0.99),
}
MARGIN = 1.5
INCLINATIONS = ("pelvis_tilt", "trunk_inclination", "thigh_left_inclination", "thigh_right_inclination")


def errors(scenario: str, estimator: str, name: str) -> np.ndarray:
    """Of all seeds, degrees, where there is a value after the calibration."""
    parts = []
    for seed in SEEDS:
        found = estimated(scenario, seed)[estimator]
        error = found.error(simulated(scenario, seed).truth.zeroed(), name)
        parts.append(error[found.time_s[: len(error)] > CALIBRATED_S])
    return np.concatenate(parts)


@pytest.mark.parametrize("scenario", ["demo", "mixed"])
@pytest.mark.parametrize("estimator", ["live", "review"])
@pytest.mark.parametrize("name", ANGLE_NAMES)
def test_root_mean_square(scenario, estimator, name) -> None:
    measured = MEASURED_DEG[name][("live", "review").index(estimator)]
    assert rms(errors(scenario, estimator, name)) < MARGIN * measured


@pytest.mark.parametrize("scenario", ["demo", "mixed"])
@pytest.mark.parametrize("estimator", ["live", "review"])
@pytest.mark.parametrize("name", [*FLEXIONS, *INCLINATIONS])
def test_the_truth_lies_in_the_stated_band(scenario, estimator, name) -> None:
    """At least nine ticks in ten within 1.96 stated standard uncertainties."""
    inside = []
    for seed in SEEDS:
        found = estimated(scenario, seed)[estimator]
        error = found.error(simulated(scenario, seed).truth.zeroed(), name)
        sd = found.sd[: len(error), ANGLE_NAMES.index(name)]
        at = (found.time_s[: len(error)] > CALIBRATED_S) & np.isfinite(error)
        inside.append(np.mean(np.abs(error[at]) <= 1.96 * sd[at]))
    assert np.mean(inside) >= 0.90


@pytest.mark.parametrize("scenario", ["demo", "mixed"])
def test_values_are_there(scenario) -> None:
    """An estimator that gives nothing has no error: at least 95 of 100 ticks have a value, or say why not."""
    for seed in SEEDS:
        for estimator, least in (("live", 0.93), ("review", 0.99)):
            found = estimated(scenario, seed)[estimator]
            late = found.time_s > CALIBRATED_S
            there = np.isfinite(found.deg("lumbar_flexion"))[late]
            assert there.mean() > least
            explained = found.quality[late][~there] & (Quality.LATE | Quality.GAP)
            assert explained.all()
