"""What one sensor's samples say of themselves: each fault is found with its cause, sound sensors have none."""

import numpy as np
import pytest

from body_signals import G0, Cause, Floats
from body_signals.quality import Quality
from dsp.plausibility.dead_axes import DeadAxes
from dsp.plausibility.gyroscope import _scale_fault
from dsp.plausibility.sensor_watch import _median
from tests.dsp.plausibility.faulty import (
    BODY,
    Change,
    acc_times,
    clipped,
    coarse,
    dead_axis,
    frozen,
    turned,
    watched,
    zeros,
)

IMPLAUSIBLE = int(Quality.IMPLAUSIBLE)
FAULTS: dict[str, tuple[Change, Cause, float, str]] = {
    "frozen": (frozen(31.3), Cause.FROZEN, 32.0, "repeats"),
    "zeros": (zeros(39.0, 41.0), Cause.ZEROS, 39.1, "zeros"),
    "no numbers": (zeros(39.0, 41.0, np.nan), Cause.ZEROS, 39.1, "no numbers"),
    "half": (turned(0.5), Cause.GYR_SCALE, 35.0, "what the gyroscope says"),
    "double": (turned(2.0), Cause.GYR_SCALE, 35.0, "says"),
    "deg/s": (turned(57.3), Cause.GYR_SCALE, 35.0, "deg/s"),
    "a third more": (turned(1.33), Cause.GYR_SCALE, 40.0, "range or scale"),
    "sign": (turned(-1.0), Cause.GYR_SIGN, 35.0, "left-handed"),
    "x reversed": (turned(np.diag([-1.0, 1.0, 1.0])), Cause.GYR_AXES, 60.0, "the gyroscope's axis x"),
    "y and z exchanged": (turned(np.eye(3)[[0, 2, 1]]), Cause.GYR_AXES, 60.0, "the gyroscope's"),
    "acc 13": (acc_times(1.33), Cause.ACC_SCALE, 8.0, "13"),
    "acc 8": (acc_times(0.82), Cause.ACC_SCALE, 8.0, "gravity alone is 9.81"),
    "acc sign": (acc_times(-1.0), Cause.ACC_SIGN, 8.0, "upside down"),
    "dead gyr axis": (dead_axis("gyr", 1, 30.0), Cause.DEAD_AXIS, 40.0, "axis y of the gyroscope is dead"),
    "dead acc axis": (dead_axis("acc", 2, 30.0), Cause.DEAD_AXIS, 40.0, "axis z of the accelerometer is dead"),
    "clipped": (clipped(30.0), Cause.CLIPPED, 35.0, "range (clipped)"),
}

DOES_NOT_TURN = {"x reversed": "pelvis", "y and z exchanged": "thigh_right"}
"""Who does not turn about the axis in question, while it is inclined."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_known_with_its_cause(fault: str) -> None:
    """Of each sensor, unless it does not turn about the axis in question."""
    change, cause, latest_s, words = FAULTS[fault]
    for key in BODY:
        if key == DOES_NOT_TURN.get(fault):
            continue
        findings, _, _ = watched(key, change)
        assert {f.cause for f in findings} == {cause}, (key, findings)
        assert findings[0].known_s <= latest_s
        assert any(words in f.what for f in findings)
        assert findings[0].remedy


def test_sound_sensors_have_no_finding() -> None:
    for rate_hz, seed in ((50.0, 2), (60.0, 3), (100.0, 1), (200.0, 4)):
        for key in BODY:
            findings, flags, saturated = watched(key, seed=seed, rate_hz=rate_hz)
            assert (findings, int(flags.max()), bool(saturated.any())) == ([], 0, False)


@pytest.mark.parametrize("resolution", [(0.005, 0.06), (0.05, 0.25), (0.15, 1.0)])
def test_coarse_sensors_are_sound(resolution: tuple[float, float]) -> None:
    """At rest they say the same for a second and longer."""
    for key in BODY:
        findings, flags, saturated = watched(key, coarse(*resolution))
        assert (findings, int(flags.max()), bool(saturated.any())) == ([], 0, False)


@pytest.mark.parametrize("fault", FAULTS)
def test_cuts_change_nothing(fault: str) -> None:
    change = FAULTS[fault][0]
    whole, flags, saturated = watched("thigh_left", change)
    rng = np.random.default_rng(5)
    for cuts in (range(7, len(flags), 7), np.sort(rng.choice(len(flags), 60, replace=False)).tolist()):
        again, flags_again, saturated_again = watched("thigh_left", change, cuts=list(cuts))
        assert again == whole
        assert np.array_equal(flags, flags_again)
        assert np.array_equal(saturated, saturated_again)


def test_dead_samples_are_marked_from_the_first_on() -> None:
    """Zeros at once; a sample that repeats once it cannot be rest, and the finding knows since when. Both until the last."""
    findings, flags, _ = watched("pelvis", zeros(39.0, 41.0))
    assert np.flatnonzero(flags).tolist() == list(range(3900, 4100))
    assert (findings[0].since_s, findings[0].until_s) == (39.0, 40.99)
    # in the middle of a bend
    findings, flags, _ = watched("pelvis", frozen(30.5, 33.5))
    marked = np.flatnonzero(flags)
    assert 3050 < marked[0] <= 3076
    assert marked[-1] == 3349
    assert findings[0].since_s == 30.51
    assert findings[0].until_s == 33.49


def test_some_equal_samples_are_no_fault() -> None:
    """A device at 100 Hz that measures 25 times a second says everything four times."""

    def repeated(t, acc, gyr):
        at = np.arange(len(t)) // 4 * 4
        return acc[at], gyr[at]

    assert watched("lumbar", repeated)[0] == []


def test_a_fault_that_begins_and_ends_is_marked_meanwhile() -> None:
    findings, flags, _ = watched("lumbar", turned(0.5, 35.0))
    assert [f.cause for f in findings] == [Cause.GYR_SCALE]
    assert 28.0 < findings[0].since_s < 45.0
    assert flags[-1] == IMPLAUSIBLE
    findings, flags, _ = watched("lumbar", turned(0.5, until_s=35.0))
    assert findings[0].since_s == 0.0
    assert findings[0].until_s is not None
    assert findings[0].until_s > 25.0
    assert flags[-1] == 0


def test_the_factor_is_told() -> None:
    for factor, words in ((0.5, "2.0"), (2.0, "0.5"), (0.7, "1.4"), (1.4, "0.7")):
        (finding,), _, _ = watched("lumbar", turned(factor))
        said = float(finding.remedy.rsplit(" ", 1)[1].rstrip("."))
        assert said == pytest.approx(float(words), rel=0.08)


def test_a_gyroscope_that_is_a_little_off_is_left_alone() -> None:
    for factor in (0.95, 1.05):
        for key in BODY:
            assert watched(key, turned(factor))[0] == []


def test_movement_in_one_plane_gives_no_wrong_axes() -> None:
    """Only the flexion axis turns: a sound gyroscope has none, an opposite one is told as that."""
    t = np.arange(6000) / 100.0
    angle = 0.6 * np.sin(2.0 * np.pi * t / 4.0)
    rate = np.gradient(angle, t)
    rng = np.random.default_rng(1)

    def planar(_t, acc, gyr):
        n = len(_t)
        forces = 9.81 * np.column_stack((np.cos(angle), 0.0 * t, -np.sin(angle)))[:n] + rng.normal(0.0, 0.02, (n, 3))
        return forces, np.column_stack((0.0 * t, -rate, 0.0 * t))[:n] + rng.normal(0.0, 0.001, (n, 3))

    def short(change):
        return lambda t, acc, gyr: tuple(np.resize(x, (len(t), 3)) for x in change(t[:6000], acc[:6000], gyr[:6000]))

    assert watched("pelvis", short(planar))[0] == []
    opposite = watched("pelvis", short(lambda *a: (planar(*a)[0], -planar(*a)[1])))[0]
    assert {f.cause for f in opposite} == {Cause.GYR_SIGN}


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_gyroscope_that_turns_while_gravity_does_not_is_told(exchanged: bool) -> None:
    """Somebody turns to and fro about the vertical and bends a little: x read as z would incline the sensor with each turn."""
    t = np.arange(6000) / 100.0
    bend, turning = 0.2 * np.sin(2.0 * np.pi * t / 4.0), np.gradient(1.2 * np.sin(2.0 * np.pi * t / 5.0), t)
    vertical = np.column_stack((np.cos(bend), 0.0 * t, -np.sin(bend)))
    rates = turning[:, None] * vertical + np.gradient(-bend, t)[:, None] * np.array([0.0, 1.0, 0.0])
    rng = np.random.default_rng(1)

    def about_the_vertical(time_s, acc, gyr):
        n = len(time_s)
        forces = np.resize(G0 * vertical, (n, 3)) + rng.normal(0.0, 0.02, (n, 3))
        read = np.resize(rates, (n, 3)) + rng.normal(0.0, 0.001, (n, 3))
        return forces, read[:, ::-1] if exchanged else read

    findings = watched("pelvis", about_the_vertical)[0]
    assert [f.cause for f in findings] == [Cause.GYR_AXES] * exchanged
    assert all(f.known_s < 20.0 for f in findings)


def test_clipped_samples_are_counted_as_a_codec_counts_them() -> None:
    from tests.dsp.plausibility.faulty import session

    _, samples, _ = session()
    end = np.radians(30.0)
    beyond = (np.abs(samples["lumbar"].gyr) >= end).any(axis=1)
    _, _, saturated = watched("lumbar", clipped(30.0))
    assert not (saturated & ~beyond).any()
    assert np.count_nonzero(saturated) > 0.95 * np.count_nonzero(beyond)


def test_a_range_below_gravity_is_clipped_and_neither_dead_nor_badly_scaled() -> None:
    for end_g in (0.7, 0.85):
        findings, _, saturated = watched("pelvis", lambda _t, acc, gyr, end=end_g * G0: (np.clip(acc, -end, end), gyr))
        assert [f.cause for f in findings] == [Cause.CLIPPED]
        assert findings[0].since_s < findings[0].known_s
        assert saturated.any()


def test_a_sensor_without_a_gyroscope_has_no_dead_axis_in_it() -> None:
    t = np.arange(200) / 100.0
    acc = G0 * np.stack([np.sin(t), np.cos(t), np.zeros_like(t)], axis=1) + 0.01 * np.random.default_rng(1).normal(
        size=(200, 3)
    )
    for turns, dead in ((True, 3), (False, 0)):
        axes = DeadAxes(turns=turns)
        for k in range(4):
            axes.feed(t + 2.0 * k, acc, np.zeros_like(acc), lambda: (1.0, 0.0), quiet=False)
        assert len(axes.since_s) == dead


@pytest.mark.parametrize("kind", ["gyr", "acc"])
def test_a_dead_axis_is_known_at_once_where_the_others_move(kind: str) -> None:
    """How the samples are cut does not matter, and sound noise before is what tells it."""
    seen = [watched("thigh_left", dead_axis(kind, 1, 35.0), cuts=cuts) for cuts in ((), (333, 3499, 3501, 3577))]
    for findings, flags, _ in seen:
        first = findings[0]
        assert first.cause is Cause.DEAD_AXIS
        assert 34.89 < first.since_s < 35.01
        assert first.known_s == seen[0][0][0].known_s
        assert np.array_equal(flags, seen[0][1])


@pytest.mark.parametrize(("kind", "value"), [("gyr", 0.0), ("gyr", 0.3), ("acc", 0.0), ("acc", 5.0)])
def test_channels_that_stand_together_are_known_at_once_where_the_other_kind_moves(kind: str, value: float) -> None:
    """Two seconds of a movement without a gyroscope turn a segment by less than slow checks ask for."""

    def stands(t, acc, gyr):
        (acc if kind == "acc" else gyr)[(t >= 35.0) & (t < 37.5)] = value
        return acc, gyr

    seen = [watched("pelvis", stands, cuts=cuts) for cuts in ((), (333, 3499, 3501, 3577))]
    for findings, flags, _ in seen:
        assert {f.cause for f in findings} == {Cause.DEAD_AXIS}
        assert len(findings) == 3
        assert all(34.89 < f.since_s < 35.01 and f.known_s < 36.5 for f in findings)
        assert np.array_equal(flags, seen[0][1])


def test_the_median_of_an_even_number_lies_between_the_middle_two() -> None:
    assert _median(np.array([[8.0, 1.0], [2.0, 4.0]])) == 3.0


@pytest.mark.parametrize(("factor", "degrees"), [(0.8, False), (0.9, True), (1.1, True), (1.2, False)])
def test_rates_are_said_to_be_in_degrees_where_the_factor_is_near_theirs(factor: float, degrees: bool) -> None:
    assert ("deg/s" in _scale_fault(factor * np.pi / 180.0).what) == degrees


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_rough_sensor_has_no_reversed_axis(seed: int) -> None:
    """Its noise hides every rest, so its bias stays; an axis that is reversed undoes a part of it."""

    def rough(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        rng = np.random.default_rng(seed)
        towards, along = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        return acc + 0.3 * towards + rng.normal(scale=0.3, size=acc.shape), gyr + np.radians(3.0) * along

    for key in BODY:
        assert not [f for f in watched(key, rough, seed=seed, rate_hz=50.0)[0] if f.cause is Cause.GYR_AXES]
