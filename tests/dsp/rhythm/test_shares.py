"""What is a share and what is not, and why: the rule, worked by hand, and in the metrics of a repetition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.rhythm.metrics import Best, RepetitionRows, measure, rhythm
from dsp.rhythm.shares import NO_SHARE_WORDS, NoShare, is_share, judged, share, thirds, with_sd

RATE = 100.0
NAMES = ("lumbar_flexion", "pelvis_tilt", "trunk_inclination", "hip_left_flexion", "hip_right_flexion")


def line(*points):
    """Degrees at 100 Hz through (second, degrees) points."""
    t = np.arange(0.0, points[-1][0] + 0.005, 0.01)
    return np.interp(t, [p[0] for p in points], [p[1] for p in points])


def found(lumbar, rest, sd_lumbar=0.0, sd_rest=0.0):
    return with_sd(*(np.array([float(x)]) for x in (lumbar, rest, sd_lumbar, sd_rest)))


def measured(lumbar, pelvis, turn_s, sd=1.0, kind="bend", hip=None):
    hip = pelvis if hip is None else hip
    angles = np.stack((lumbar, pelvis, lumbar + pelvis, hip, hip))
    rows = RepetitionRows(angles, np.full_like(angles, sd), np.array([len(lumbar)]), np.array([round(turn_s * RATE)]), [kind])
    return measure(rows, [Best()], RATE)[0]


def test_a_share_of_two_changes():
    assert share(1.0, 2.1) == pytest.approx(1.0 / 3.1)
    assert share(-30.0, -60.0) == pytest.approx(1.0 / 3.0)
    assert (share(30.0, 0.0), share(0.0, 30.0)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("lumbar", "rest", "sd", "why"),
    [
        (1.0, 1.9, 0.01, NoShare.SMALL),
        # sitting down: the lumbar spine flexes as the pelvis tips back; a total of 48 and of 52 % of the larger part
        (20.0, -10.4, 0.01, NoShare.OPPOSITE),
        (20.0, -9.6, 0.01, NoShare.OUTSIDE),
        # 181 and -95 %
        (18.1, -8.1, 0.2, NoShare.OUTSIDE),
        (-9.5, 19.5, 0.2, NoShare.OUTSIDE),
        # 2 of 5 ± 1.3: 0.40 ± 0.26
        (2.0, 3.0, 1.8, NoShare.UNCERTAIN),
        (2.0, 3.0, 1.7, NoShare.SHARE),
    ],
)
def test_what_is_no_share_has_a_reason(lumbar, rest, sd, why):
    value, spread, (reason,) = found(lumbar, rest, sd, sd)
    assert reason == why
    assert np.isfinite(value[0]) == np.isfinite(spread[0]) == (why == NoShare.SHARE)


@pytest.mark.parametrize(
    ("lumbar", "sd", "there"),
    [
        # of a total of 50°: 1.01 ± 0.006 is 1 as far as anybody knows, ± 0.004 it is more
        (50.5, 0.30, True),
        (50.5, 0.20, False),
        # a little below 0 as often as above
        (-0.5, 1.0, True),
        # 1.019 and 1.021: no more than 2 points, however uncertain
        (50.95, 3.0, True),
        (51.05, 3.0, False),
        (-0.95, 5.0, True),
        (-1.05, 5.0, False),
    ],
)
def test_a_share_is_outside_by_no_more_than_it_is_uncertain_and_is_not_clipped(lumbar, sd, there):
    value, _, _ = found(lumbar, 50.0 - lumbar, sd, sd)
    assert np.isfinite(value[0]) == there
    if there:
        assert value[0] == pytest.approx(lumbar / 50.0)


@given(st.floats(-90, 90), st.floats(-90, 90), st.floats(0, 20), st.floats(0, 20))
def test_no_share_is_further_outside_than_2_points_or_says_nothing(lumbar, rest, sd_lumbar, sd_rest):
    value, sd, why = (x.item() for x in found(lumbar, rest, sd_lumbar, sd_rest))
    if why == NoShare.SHARE:
        assert -0.02 - 1e-8 <= value <= 1.02 + 1e-8
        assert sd <= 0.25
    else:
        assert np.isnan(value)
        assert np.isnan(sd)


def test_the_whole_is_the_mean_of_its_thirds_also_where_the_movement_goes_back():
    """It reaches 66° and ends at 60°: the thirds are of those 60°."""
    lumbar, pelvis = line((0, 0), (1, 26), (1.5, 24)), line((0, 0), (1, 40), (1.5, 36))
    assert thirds(lumbar, pelvis).value.mean() == pytest.approx(24.0 / 60.0, abs=1e-9)


@given(st.integers(0, 10**6), st.floats(0.2, 0.8), st.floats(-8.0, 8.0))
def test_thirds_never_contradict_the_whole(seed, part, wander):
    """Whatever way it goes: where the three thirds and the whole are there, the whole is their mean, to a row's movement."""
    rng = np.random.default_rng(seed)
    total = np.concatenate([[0.0], np.cumsum(rng.uniform(-0.2, 1.0, 200))])
    lumbar = part * total + wander * np.sin(np.linspace(0.0, rng.uniform(1.0, 9.0), len(total)))
    m = rhythm(
        dict(zip(NAMES, (lumbar, total - lumbar, total, total, total), strict=True)),
        dict.fromkeys(NAMES, np.full(len(total), 0.2)),
        len(total) - 1,
        RATE,
    )
    for name in ("lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh"):
        of = [m.get(f"{name}_{third}", np.nan) for third in ("early", "middle", "late")]
        if name not in m:
            assert np.isnan(of).all()
        elif np.isfinite(of).all():
            assert np.mean(of) == pytest.approx(m[name], abs=0.01)


def test_a_repetition_says_which_shares_are_missing_and_why():
    """The lumbar spine straightens by 9.5° while the pelvis tilts by 19.5°: -95 %. On the way back the same."""
    lumbar, pelvis = line((0, 20), (1, 10.5), (2, 20)), line((0, 0), (1, 19.5), (2, 0))
    m = measured(lumbar, pelvis, 1.0, sd=0.2, hip=line((0, 0), (1, 80), (2, 0)))
    assert "lumbar_share_of_trunk" not in m.metrics
    assert "lumbar_share_of_trunk_sd" not in m.metrics
    # -9.5 of 70.5
    assert m.missing_shares == "; ".join(
        f"{name}: {NO_SHARE_WORDS[NoShare.OUTSIDE]}"
        for name in (
            "lumbar_share_of_trunk",
            "lumbar_share_of_trunk_ascent",
            "lumbar_share_of_trunk_on_thigh",
            "lumbar_share_of_trunk_on_thigh_ascent",
        )
    )


def test_a_third_that_is_none_is_said_of_its_own():
    """The pelvis alone goes on, and the lumbar spine comes back by 6° of the last 30°."""
    lumbar, pelvis = line((0, 0), (1, 30), (2, 24)), line((0, 0), (1, 30), (2, 66))
    m = measured(lumbar, pelvis, 2.0, sd=0.3)
    assert m.metrics["lumbar_share_of_trunk"] == pytest.approx(24.0 / 90.0)
    assert "lumbar_share_of_trunk_late" not in m.metrics
    assert m.missing_shares.split("; ")[0] == "lumbar_share_of_trunk_late: outside 0 to 1"


def test_nothing_is_said_of_what_was_not_measured():
    lumbar, pelvis = line((0, 0), (1, 30), (2, 0)), line((0, 0), (1, 40), (2, 0))
    missing = np.full(len(lumbar), np.nan)
    m = measured(lumbar, pelvis, 1.0, hip=missing)
    assert "lumbar_share_of_trunk_on_thigh" not in m.metrics
    assert m.missing_shares == ""


@pytest.mark.parametrize("side", ["left", "right"])
def test_of_a_knee_raise_the_hip_of_the_raised_leg_is_read(side):
    """8° lumbar spine to 72° of the raised hip, while the standing one extends by 10°; of a squat it is the mean of both."""
    lumbar, pelvis, trunk = line((0, 0), (1, 8), (2, 0)), line((0, 0), (1, -10), (2, 0)), line((0, 0), (1, -2), (2, 0))
    hips = [line((0, 0), (1, 72), (2, 0)), line((0, 0), (1, -10), (2, 0))]
    left, right = hips if side == "left" else hips[::-1]
    rows = dict(zip(NAMES, (lumbar, pelvis, trunk, left, right), strict=True))
    sd = dict.fromkeys(NAMES, np.full(len(lumbar), 0.3))
    name = "lumbar_share_of_trunk_on_thigh"
    raised = rhythm(rows, sd, 100, RATE, kind="knee_raise")
    assert raised[name] == pytest.approx(8.0 / 80.0)
    assert raised[f"{name}_ascent"] == pytest.approx(8.0 / 80.0)
    assert rhythm(rows, sd, 100, RATE, kind="squat")[name] == pytest.approx(8.0 / 39.0)
    # one hip alone says the same
    rows["hip_right_flexion" if side == "left" else "hip_left_flexion"] = np.full(len(lumbar), np.nan)
    assert rhythm(rows, sd, 100, RATE, kind="knee_raise")[name] == pytest.approx(8.0 / 80.0)


@given(st.floats(-2.0, 3.0) | st.just(math.nan), st.floats(0.0, 0.6) | st.just(math.nan))
def test_one_number_is_judged_as_in_an_array(value: float, sd: float) -> None:
    (judged_value,) = judged(np.array([value]), np.array([sd]), np.zeros(1, np.int64)).value
    assert is_share(value, sd) is not math.isnan(judged_value)
