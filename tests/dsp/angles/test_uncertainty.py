"""Standard uncertainties: finite, positive, and never smaller where less is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.uncertainty import inside, simulated, stop_and_go, walking_off
from dsp.angles.uncertainty import (
    HIP_HEADING,
    INCLINATION_RAD,
    SACRUM,
    SHARED_RAD,
    SPINE_HEADING,
    TRUSTED,
    AngleSpreads,
    axis_sd,
    heading_variance,
    skin_variance,
    stated_axis_sd,
)

angles = st.floats(-np.pi, np.pi)
confidences = st.floats(0.0, 1.0)
estimators = st.sampled_from(["live", "review"])
spreads = st.floats(0.0, 1.0)
SPINE, HIP = ("pelvis", "lumbar"), ("pelvis", "thigh_left")


def of_joint(
    placements=SPINE,
    pelvis=0.0,
    distal=0.0,
    flexion=None,
    aside=0.0,
    heading=0.0,
    confidence=1.0,
    tilt_variance=0.0,
    estimator="live",
):
    """Standard deviations of flexion, side bend and rotation of one joint at one tick. Its flexion is the difference of the
    inclinations, unless it is given. aside, confidence: of both segments, or of each."""
    tilt = np.array([[pelvis], [distal]])
    flexion = distal - pelvis if flexion is None else flexion
    axis = axis_sd(np.broadcast_to(confidence, 2))
    found = AngleSpreads(placements, axis, 1, estimator).joint(
        np.array([[flexion]]),
        np.sin(tilt) ** 2,
        np.broadcast_to(np.reshape(aside, (-1, 1)), (2, 1)),
        skin_variance(tilt, 1),
        np.array([[heading**2]]),
        np.full((2, 1), tilt_variance),
    )
    return np.array(found)[:, 0, 0]


def of_segment(placement="lumbar", tilt=0.0, aside=0.0, confidence=1.0, tilt_variance=0.0, estimator="live"):
    """Standard deviation of one segment's inclination."""
    at = np.array([[tilt]])
    found = AngleSpreads((placement,), axis_sd(np.array([confidence])), 0, estimator).inclination(
        at, np.array([[aside]]), skin_variance(at, 0), np.array([[tilt_variance]])
    )
    return found[0, 0]


@given(angles, angles, angles, angles, spreads, confidences, estimators, st.sampled_from([SPINE, HIP]))
def test_finite_and_positive(pelvis, distal, flexion, aside, heading, confidence, estimator, placements):
    values = of_joint(placements, pelvis, distal, flexion, aside, heading, confidence, 0.0, estimator)
    lean = of_segment(placements[1], distal, aside, confidence, 0.0, estimator)
    assert np.isfinite([*values, lean]).all()
    assert (values > 0).all()
    assert lean > 0


@given(angles, angles, angles, angles, spreads, confidences, confidences, estimators)
def test_less_confidence_more_uncertainty(pelvis, distal, flexion, aside, heading, a, b, estimator):
    low, high = sorted((a, b))
    doubtful, sure = (of_joint(SPINE, pelvis, distal, flexion, aside, heading, c, 0.01, estimator) for c in (low, high))
    assert (doubtful >= sure).all()
    assert axis_sd(low) >= axis_sd(high)
    assert of_segment("pelvis", pelvis, 0.1, low, 0.0, estimator) >= of_segment("pelvis", pelvis, 0.1, high, 0.0, estimator)


@given(angles, angles, angles, angles, spreads, spreads, confidences, estimators)
def test_less_known_heading_more_uncertainty(pelvis, distal, flexion, aside, a, b, confidence, estimator):
    low, high = sorted((a, b))
    sure, doubtful = (of_joint(SPINE, pelvis, distal, flexion, aside, h, confidence, 0.0, estimator) for h in (low, high))
    assert (doubtful >= sure).all()


@given(st.floats(0.001, 1.0), st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
def test_small_postures_speak_for_a_small_error_of_the_heading(own, a, b):
    """It is neither larger than the filter says nor than the postures are, and close to the smaller of both."""
    low, high = sorted((a, b))
    told, less_told = np.sqrt(heading_variance(np.full(2, own * own), np.array([low, high])))
    assert told <= less_told <= own
    assert np.sqrt(0.5) * min(own, np.sqrt(low)) <= told * (1 + 1e-9) <= np.sqrt(low) * (1 + 2e-9)


@given(st.floats(0, np.pi), st.floats(0, np.pi), confidences, estimators)
def test_a_deeper_inclination_is_less_certain(a, b, confidence, estimator):
    low, high = sorted((a, b))
    shallow, deep = (of_segment("pelvis", t, 0.0, confidence, 0.0, estimator) for t in (low, high))
    assert deep >= shallow


@given(angles, angles, angles, angles, spreads, confidences, st.sampled_from([SPINE, HIP]))
def test_review_is_surer_than_live(pelvis, distal, flexion, aside, heading, confidence, placements):
    live, review = (
        of_joint(placements, pelvis, distal, flexion, aside, heading, confidence, 0.0, e) for e in ("live", "review")
    )
    assert (review <= live).all()


@pytest.mark.parametrize(("placements", "share"), [(SPINE, SPINE_HEADING["live"]), (HIP, HIP_HEADING["live"])])
@pytest.mark.parametrize("pelvis", [0.0, np.pi / 2])
def test_heading_tells_on_the_right_angle(placements, share, pelvis):
    """It turns the distal segment about the vertical: rotation while that stands, side bend while it lies, however far the
    joint is flexed; on flexion only by way of the side bend."""
    heading = np.radians(10.0)
    told = np.sqrt(share) * heading
    gained = [
        np.sqrt(of_joint(placements, pelvis, distal, heading=heading) ** 2 - of_joint(placements, pelvis, distal) ** 2)
        for distal in (0.0, np.pi / 2)
    ]
    assert gained[0] == pytest.approx([0.0, 0.0, told], abs=1e-9)
    assert gained[1] == pytest.approx([0.0, told, 0.0], abs=1e-9)
    aside = [of_joint(placements, pelvis, 0.0, aside=a, heading=heading)[0] ** 2 for a in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1))]
    assert aside[1] == aside[0]
    assert aside[2] - aside[0] == pytest.approx((0.1 * told) ** 2)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_standing_still_and_well_aligned(estimator):
    alone = INCLINATION_RAD[estimator]
    assert of_segment("lumbar", estimator=estimator) == pytest.approx(np.hypot(alone, SHARED_RAD))
    assert of_joint(estimator=estimator)[0] == pytest.approx(np.sqrt(2) * alone)


def test_skin_is_stretched_by_the_joint():
    """A thigh that hangs under a pelvis tilted by 60° is as uncertain as one raised by 60° under an upright pelvis; the skin of
    the sacrum moves further in its own inclination; a distal segment of which the pelvis is away by its own."""
    hanging, raised = skin_variance(np.array([[1.0], [0.0]]), 1), skin_variance(np.array([[0.0], [-1.0]]), 1)
    assert hanging[1] == raised[1] > 0.0
    assert raised[0] == 0.0
    flat = [of_segment(key, 1.0) ** 2 - of_segment(key) ** 2 for key in ("lumbar", "pelvis")]
    assert flat[1] - flat[0] == pytest.approx((SACRUM**2 - 1.0) * hanging[1, 0])
    assert skin_variance(np.array([[np.nan], [1.0]]), 1)[1] == hanging[1]


def test_the_skin_of_both_sensors_counts():
    """A spine that is hardly bent on a pelvis that is far tilted is as uncertain as the pelvis' skin makes it."""
    upright, tilted = of_joint(pelvis=0.0, distal=0.2), of_joint(pelvis=1.0, distal=1.2)
    skin = skin_variance(np.ones((1, 1)), 0)[0, 0]
    assert tilted[0] ** 2 == pytest.approx(upright[0] ** 2 + skin)


def test_an_acceleration_tells_on_inclinations_and_not_on_trusted_joints():
    """It tilts neighbours alike, by as much as is said."""
    tilt = np.radians(2.0) ** 2
    assert of_segment(tilt_variance=tilt) ** 2 == pytest.approx(of_segment() ** 2 + tilt)
    still, pushed = (of_joint(pelvis=0.1, distal=0.2, aside=0.1, heading=0.1, tilt_variance=v) for v in (0.0, tilt))
    assert still.tolist() == pushed.tolist()


def test_an_axis_that_nobody_moved_about_mixes_forward_and_sideways():
    doubt = axis_sd(0.4) ** 2 - axis_sd(TRUSTED) ** 2
    aside = 0.1
    upright, leaning = (of_segment(aside=a, confidence=0.4) for a in (0.0, aside))
    assert leaning**2 == pytest.approx(upright**2 + doubt * aside**2)
    tilt = np.radians(2.0) ** 2
    still, pushed = (of_joint(confidence=0.4, tilt_variance=v) for v in (0.0, tilt))
    assert pushed**2 - still**2 == pytest.approx(2.0 * doubt * tilt * np.array([1.0, 1.0, 0.0]), abs=1e-12)
    # only the distal one is in doubt: it tilts to the side as it lies, the pelvis does not
    one = of_joint(confidence=np.array([1.0, 0.4]), pelvis=1.0, distal=1.0)[1] ** 2
    both = of_joint(confidence=0.4, pelvis=1.0, distal=1.0)[1] ** 2
    assert both - one == pytest.approx(doubt * np.sin(1.0) ** 2)


def test_all_of_the_heading_counts_where_nobody_moved_about_the_axes():
    heading = np.radians(10.0)
    trusted, doubtful = (of_joint(heading=heading, confidence=c)[2] for c in (1.0, 0.4))
    assert trusted**2 - doubtful**2 == pytest.approx((SPINE_HEADING["live"] - 1.0) * heading**2)


INCLINATIONS = ("pelvis", "trunk", "thigh")


def share_inside(script, seeds, estimator, kinds, **options):
    """In how many ticks of these athletes the truth lies in the stated 95 % band, the least of these kinds of angle."""
    each = [inside(simulated(script, seed, **options), estimator) for seed in seeds]
    return min(float(np.concatenate([one[kind] for one in each]).mean()) for kind in kinds)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["live", "review"])
def test_honest_of_who_walks_and_stops(estimator):
    assert share_inside(stop_and_go, (1, 2), estimator, (*INCLINATIONS, "lumbar flexion", "hip flexion")) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["live", "review"])
def test_honest_of_who_walks_off_at_once(estimator):
    """Three seconds of standing, sensors up to 25° off what is stated. While nothing was known of accelerations it
    was 35 to 77 % of the inclinations, live."""
    assert share_inside(walking_off, range(4), estimator, INCLINATIONS, state_mounting=True) >= 0.85
    assert share_inside(walking_off, range(4), estimator, ("lumbar flexion", "hip flexion"), state_mounting=True) >= 0.8


def test_an_axis_tells_on_the_side_bend_of_what_lies():
    """A fifth of the error of an axis: 1.5° at full confidence, 1.5° / 0.7^1.5 at 0.7."""
    lying = [of_joint(pelvis=np.pi / 2, distal=np.pi / 2, confidence=c)[1] ** 2 for c in (1.0, 0.7)]
    upright = [of_joint(confidence=c)[1] ** 2 for c in (1.0, 0.7)]
    assert upright[0] == upright[1]
    assert lying[1] - lying[0] == pytest.approx((0.2 * np.radians(1.5)) ** 2 * (0.7**-3 - 1.0))


@pytest.mark.parametrize(
    ("placement", "estimator", "rest_deg"),
    [("lumbar", "live", 0.26), ("lumbar", "review", 0.16), ("thigh_left", "live", 0.42), ("thigh_left", "review", 0.26)],
)
def test_an_inclination_worked_by_hand(placement, estimator, rest_deg):
    """At 60° skin moves by 0.028 · 60 / (1 + 60 / 120) = 1.12°; an axis 1.5° off shortens the angle by ε² / 2."""
    shorter = np.sqrt(0.75) * np.radians(1.5) ** 2 * 60.0
    expected = np.sqrt(rest_deg**2 + 0.3**2 + 1.12**2 + shorter**2)
    assert np.degrees(of_segment(placement, np.radians(60.0), estimator=estimator)) == pytest.approx(expected)
    # the skin of the sacrum goes half as far again
    pelvis = np.degrees(of_segment("pelvis", np.radians(60.0), estimator=estimator))
    at_rest = 0.26 if estimator == "live" else 0.16
    assert pelvis == pytest.approx(np.sqrt(at_rest**2 + 0.3**2 + 1.68**2 + shorter**2))


@pytest.mark.parametrize(
    ("placements", "estimator", "rest_deg", "side"),
    [
        (SPINE, "live", np.hypot(0.26, 0.26), 0.6),
        (SPINE, "review", np.hypot(0.16, 0.16), 0.38),
        (HIP, "live", np.hypot(0.26, 0.42), 0.6),
        (HIP, "review", np.hypot(0.16, 0.26), 0.38),
    ],
)
def test_a_joint_worked_by_hand(placements, estimator, rest_deg, side):
    """Upright, the distal segment by 60°: skin as above, of which bend to the side takes 0.39; of a lean of 60° three quarters
    count for what lies; a heading known to 10°, of which a part counts."""
    skin, lies, axis = 1.12, 0.75, 0.2 * 1.5
    heading = (
        10.0**2
        * {(SPINE, "live"): 0.6, (SPINE, "review"): 0.5, (HIP, "live"): 1.5, (HIP, "review"): 0.85}[placements, estimator]
    )
    shorter = np.sqrt(0.75) * np.radians(1.5) ** 2 * 60.0
    sideways = (side * rest_deg) ** 2 + (0.39 * skin) ** 2 + axis**2 * lies
    expected = np.sqrt(
        (
            rest_deg**2 + skin**2 + shorter**2,
            sideways + heading * lies,
            sideways * (0.05 + lies) + heading * (1.0 - lies),
        )
    )
    found = of_joint(placements, distal=np.radians(60.0), heading=np.radians(10.0), estimator=estimator)
    assert np.degrees(found) == pytest.approx(expected)


def test_the_error_of_an_axis_is_bounded():
    """1.5° at full confidence, 1.5° / 0.5^1.5 at a half, 15° at none; a stated thigh faces anywhere in 90°."""
    assert np.degrees(axis_sd(np.array([1.0, 0.5, 0.0]))) == pytest.approx([1.5, 1.5 * 8.0**0.5, 15.0])
    assert np.degrees([stated_axis_sd("pelvis"), stated_axis_sd("thigh_right")]) == pytest.approx([15.0, 90.0 / 12.0**0.5])


def test_a_walking_thigh_is_less_sure_than_one_that_lifts() -> None:
    spreads = AngleSpreads(("pelvis", "thigh_left"), axis_sd(np.ones(2)), 1, "live")
    walking, lifting = (np.degrees(np.sqrt(spreads.wobble(np.square([[p], [t]])))) for p, t in ((0.13, 0.4), (0.01, 0.01)))
    assert walking.ravel() == pytest.approx([1.1, 2.3], abs=0.05)
    assert (lifting < 0.1).all()
