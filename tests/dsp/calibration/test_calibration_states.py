"""A calibration's parts, each by hand: its tracks, its zero and when that is known, its axes and their confidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals.blocks import Floats
from body_signals.placements import Mounting
from dsp.alignment.mediolateral_axis import TRUST, beside_mounting, of_movements
from dsp.alignment.standing import DECIDED_S
from dsp.calibration.calibration_axes import CalibrationAxes
from dsp.calibration.calibration_movements import CalibrationMovements
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_walk import STRIDES_S, CalibrationWalk
from dsp.calibration.calibration_zero import LATE_S, Zero, decided
from dsp.grid.ticks import GridRows, Ticks

RATE = 10.0
BODY = ("lumbar", "pelvis", "thigh_left", "thigh_right")
TRUNK = BODY[:2]
UP = np.array([0.0, 1.0, 0.0])
UPRIGHT = Mounting("+y", "-z")
"""Of a sensor whose axes are those of the segment: Y up, Z to the right."""


def ticks(tilt_deg: Mapping[str, Floats], first: int = 0, motion: Mapping[str, Floats] | None = None) -> Ticks:
    """Sensors stuck on as their segments are, of which each tilts forward by (n,) degrees; NaN where it is not there."""
    n = len(next(iter(tilt_deg.values())))
    rows = {}
    for key, tilt in tilt_deg.items():
        there = np.isfinite(tilt)
        turn = Rotation.from_rotvec(np.outer(np.radians(np.nan_to_num(tilt)), [0.0, 1.0, 0.0]))
        quat = (turn * Rotation.from_euler("x", 90, degrees=True)).as_quat(scalar_first=True).T.copy()
        quat[:, ~there] = np.nan
        moved = None if motion is None or key not in motion else motion[key]
        rows[key] = GridRows(quat, there, np.where(there, 0, -1).astype(np.int32), np.zeros(n, np.int32), moved)
    return Ticks.of(first, (first + np.arange(n)) / RATE, rows)


def tracks_of(tilt_deg: Mapping[str, Floats], mark_s: float = 0.0, first: int = 0) -> CalibrationTracks:
    tracks = CalibrationTracks(mark_s, first, tuple(tilt_deg))
    tracks.add(ticks(tilt_deg, first))
    return tracks


def test_tracks_are_joined_and_ended() -> None:
    tracks = CalibrationTracks(2.0, 20, TRUNK)
    for first in (20, 23):
        tracks.add(ticks(dict.fromkeys(TRUNK, np.full(3, 10.0 * first)), first))
    assert tracks.time_s == [2.0, 2.1, 2.2, 2.3, 2.4, 2.5]
    forward = tracks.vertical("pelvis")[0]
    assert forward == pytest.approx(-np.sin(np.radians([200.0] * 3 + [230.0] * 3)))
    tracks.add(ticks(dict.fromkeys(TRUNK, np.array([5.0])), 26))
    assert tracks.latest("lumbar").shape == (3, 1)
    assert [tracks.at(s) for s in (0.0, 2.0, 2.05, 2.6, 2.61)] == [0, 0, 1, 6, 7]
    tracks.end_at(5)
    assert tracks.vertical("lumbar").shape == (3, 5)
    assert len(tracks.time_s) == 7


def test_motion_is_kept_at_its_own_ticks_unless_it_was_missing_once() -> None:
    """Given at every tenth tick; of the first three components, and no longer than walking off could tell something."""
    tracks = CalibrationTracks(0.0, 5, TRUNK)
    moved = np.arange(12.0).reshape(6, 2)
    still = np.zeros(20)
    tracks.add(ticks(dict.fromkeys(TRUNK, still), 5, dict.fromkeys(TRUNK, moved)))
    both = tracks.motion("pelvis")
    assert both is not None
    assert both[0].tolist() == moved[:3].tolist()
    assert both[1].tolist() == [1.0, 2.0]
    tracks.add(ticks(dict.fromkeys(TRUNK, still), 25, {"pelvis": moved}))
    assert tracks.motion("lumbar") is None
    again = tracks.motion("pelvis")
    assert again is not None
    assert again[1].tolist() == [1.0, 2.0, 3.0, 4.0]
    late = CalibrationTracks(0.0, 96, TRUNK)
    late.walks_off(2.0)
    late.add(ticks(dict.fromkeys(TRUNK, still), 96, dict.fromkeys(TRUNK, moved)))
    assert late.motion("pelvis") is None


def test_the_zero_is_the_mean_of_the_standing() -> None:
    """Tilted by 3° and 5° by turns: 4°, with a sway of 1°. A sensor that was away for more than half of it has none."""
    swaying = np.tile([3.0, 5.0], 10)
    half, more = swaying.copy(), swaying.copy()
    half[:10], more[:11] = np.nan, np.nan
    standing = ticks({"lumbar": swaying, "pelvis": half, "thigh_left": more}, first=30)
    zero = Zero.of(standing, ("lumbar", "pelvis", "thigh_left"))
    assert zero is not None
    assert zero.keys == ("lumbar", "pelvis")
    assert zero.span_s == (3.0, 4.9)
    assert zero.next_tick == 50
    for key in zero.keys:
        assert zero.up[key] == pytest.approx([-np.sin(np.radians(4.0)), np.cos(np.radians(4.0)), 0.0])
        assert zero.sway_deg[key] == pytest.approx(1.0)
    assert Zero.of(standing, ("thigh_left",)) is None


def away(n: int, *spans: tuple[int, int]) -> Floats:
    tilt = np.zeros(n)
    for start, stop in spans:
        tilt[start:stop] = np.nan
    return tilt


def test_the_standing_is_known_once_every_sensor_has_come_since() -> None:
    """6.5 s after the mark, or sooner where each sensor says so; a sensor that is late then is waited for."""
    latest = round(DECIDED_S * RATE)
    whole = away(200)
    tracks = tracks_of({"lumbar": whole, "pelvis": whole})
    assert decided(tracks, lambda mark_s, key: None) == (latest, TRUNK)
    assert decided(tracks, lambda mark_s, key: 4.0 if key == "pelvis" else 4.55) == (46, TRUNK)
    assert decided(tracks, lambda mark_s, key: 9.0) == (latest, TRUNK)
    late = tracks_of({"lumbar": whole, "pelvis": away(200, (60, 80))})
    assert decided(late, lambda mark_s, key: None) == (80, TRUNK)
    gone = tracks_of({"lumbar": whole, "pelvis": away(200, (60, 200))})
    assert decided(gone, lambda mark_s, key: None) == (latest + round(LATE_S * RATE), ("lumbar",))
    assert decided(tracks_of({"lumbar": away(latest)}), lambda mark_s, key: None) is None
    assert decided(tracks_of({"lumbar": away(latest + 1)}), lambda mark_s, key: None) == (latest, ("lumbar",))


def axes(
    peaks_deg: Mapping[str, list[tuple[int, float]]],
    mountings: Mapping[str, Mounting] | None = None,
    sway_deg: float = 0.0,
    standing_ticks: int = 40,
) -> CalibrationAxes:
    """Of sensors that stood still and then moved: 2 s long, from these ticks on, to these inclinations."""
    n = 300
    tilt = {key: np.zeros(n) for key in peaks_deg}
    for key, movements in peaks_deg.items():
        for start, peak in movements:
            tilt[key][start : start + 21] += peak * np.sin(np.linspace(0.0, np.pi, 21))
    tracks = tracks_of(tilt)
    swaying = np.tile([-sway_deg, sway_deg], n)[:standing_ticks]
    zero = Zero.of(ticks(dict.fromkeys(peaks_deg, swaying), first=10), tuple(peaks_deg))
    assert zero is not None
    stated = mountings or {}
    walk = CalibrationWalk(tracks, zero, stated, None, n - 1)

    def swing(key: str, start: int, stop: int) -> Floats:
        return np.abs(np.radians(tilt[key][start:stop]))

    def arc(key: str, start: int, stop: int) -> Floats:
        return np.outer([0.0, 0.0, 1.0], np.sin(np.radians(tilt[key][start:stop])))

    seen = CalibrationMovements(zero.keys, 0.0, tracks.time_s, swing, lambda key: False, arc)
    for i in range(n):
        seen.step(i, {key: float(swing(key, i, i + 1)[0]) for key in peaks_deg})
    return CalibrationAxes(tracks, zero, stated, seen, walk)


BENDS = [70, 110, 150]


def trunk(further_deg: float) -> dict[str, list[tuple[int, float]]]:
    return {"lumbar": [(at, 40.0) for at in BENDS], "pelvis": [(at, 40.0 + further_deg) for at in BENDS]}


@pytest.mark.parametrize(("further_deg", "doubted"), [(-10.0, False), (4.9, False), (5.1, True)])
def test_a_pelvis_that_bends_further_than_the_spine_is_doubted(further_deg: float, doubted: bool) -> None:
    made = axes(trunk(further_deg))
    plain = made.axis("lumbar")
    assert plain is not None
    for key in TRUNK:
        quaternion, report = made.aligned(key)
        assert quaternion is not None
        assert ("are lumbar and pelvis sensor exchanged?" in report.reasons[-1]) == doubted
    _, report = made.aligned("lumbar")
    assert report.confidence == pytest.approx(plain.confidence * (0.3 if doubted else 1.0), abs=6e-4)


@pytest.mark.parametrize(("left", "right", "doubted"), [(70, 110, False), (110, 70, True)])
def test_the_left_knee_is_to_be_raised_first(left: int, right: int, doubted: bool) -> None:
    made = axes({"thigh_left": [(left, -60.0)], "thigh_right": [(right, -60.0)]})
    for key in BODY[2:]:
        assert ("are the thigh sensors exchanged?" in made.aligned(key)[1].reasons[-1]) == doubted


def test_one_sensor_is_never_exchanged_with_another() -> None:
    assert "exchanged" not in axes({"pelvis": trunk(20.0)["pelvis"]}).aligned("pelvis")[1].reasons[-1]


@pytest.mark.parametrize(
    ("standing_ticks", "sway_deg", "left"), [(31, 0.0, 1.0), (16, 0.0, 0.5), (32, 2.0, 1.0), (32, 4.0, 0.5)]
)
def test_confidence_falls_with_a_short_standing_and_with_sway(standing_ticks: int, sway_deg: float, left: float) -> None:
    """In full from 3 s on and up to 2° of sway."""
    made = axes(trunk(-10.0), sway_deg=sway_deg, standing_ticks=standing_ticks)
    axis = made.axis("lumbar")
    assert axis is not None
    assert made.aligned("lumbar")[1].confidence == pytest.approx(left * axis.confidence, abs=6e-4)


def test_what_is_said_of_a_sensor_without_a_zero_and_of_one_without_an_axis() -> None:
    made = axes({"lumbar": [], "thigh_left": []})
    nothing, report = made.aligned("thigh_right")
    assert (nothing, report.method, report.confidence, report.reasons) == (None, "none", 0.0, ("no samples while standing",))
    for key, own in (("lumbar", "bends"), ("thigh_left", "knee raises")):
        nothing, report = made.aligned(key)
        assert (nothing, report.method, report.confidence) == (None, "none", 0.0)
        assert report.reasons[1] == f"no {own} and no stated mounting, nor squats, sitting or walking"


def test_a_mounting_that_the_movement_contradicts_halves_the_confidence() -> None:
    """Told by the same bend, the sensor is trusted half as much where somebody says that it is worn on the side. Worn back to
    front the mounting is believed: somebody leaned back. Not of a sensor that is worn upside down and stated upright."""
    made = axes({"pelvis": [(70, 40.0)]})
    up, movements = made.zero.up["pelvis"], made.movements.of("pelvis")
    vertical = made.tracks.vertical("pelvis")
    axis = of_movements(vertical, up, movements, "bends", backwards=False)
    assert axis.confidence == pytest.approx(TRUST["bends"] * (1 / 3) ** 0.5 * (40.0 / 45.0) ** 0.5)
    assert beside_mounting(axis, up, UPRIGHT) is axis
    for stated, sign, word in (
        (Mounting("+y", "+x"), 1.0, "disagrees"),
        (Mounting("+y", "+z"), -1.0, "180° off"),
        (Mounting("-y", "+z"), 1.0, "disagrees"),
    ):
        told = beside_mounting(axis, up, stated)
        assert told.confidence == 0.5 * axis.confidence
        assert told.right == pytest.approx(sign * axis.right)
        assert word in told.reasons[-1]


@pytest.mark.parametrize(
    ("pelvis_deg", "share", "warned", "doubted"),
    [(16.0, 0.6, False, False), (-16.0, 1.4, True, True), (43.0, -0.08, True, False)],
)
def test_a_lumbar_share_that_cannot_be_is_said(pelvis_deg: float, share: float, warned: bool, doubted: bool) -> None:
    """The pelvis as it is stated: back to front it leans back in a bend. Without a statement its sign is the lumbar spine's."""
    bends = {"lumbar": [(at, 40.0) for at in BENDS], "pelvis": [(at, pelvis_deg) for at in BENDS]}
    _, report = axes(bends, {"lumbar": UPRIGHT, "pelvis": UPRIGHT}).aligned("pelvis")
    said = f"lumbar share of the calibration bends {share:.2f}, outside 0 to 1"
    assert (said in report.reasons) == (report.warnings == (said,)) == warned
    assert ("is it mounted as stated?" in report.reasons[-1]) == doubted
    assert axes(bends).aligned("pelvis")[1].confidence > (0.5 if pelvis_deg > 20.0 else 0.3)


@pytest.mark.parametrize("lean_back_deg", [-15.0, -30.0])
def test_a_pelvis_that_leans_back_further_takes_its_sign_from_the_lumbar_spine(lean_back_deg: float) -> None:
    """It goes 25° forward with the spine, and further back while the spine stays: with a guess it would be the wrong way
    round."""
    bends = {
        "lumbar": [(at, 50.0) for at in BENDS],
        "pelvis": [*((at, 25.0) for at in BENDS), *((at, lean_back_deg - 2.0) for at in (190, 220, 250))],
    }
    made = axes(bends)
    axis = made.axis("pelvis")
    assert axis is not None
    assert axis.right == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert ("its sign is that of the lumbar spine's bends" in axis.reasons[-1]) == (lean_back_deg == -30.0)


def test_a_pelvis_that_does_not_go_along_is_guessed() -> None:
    axis = axes({"lumbar": [(at, 50.0) for at in BENDS], "pelvis": [(at, 25.0) for at in (190, 220)]}).axis("pelvis")
    assert axis is not None
    assert "its sign is a guess" in axis.reasons[-1]


def strides(n: int, swing_deg: float = 25.0) -> Floats:
    return swing_deg * np.sin(2 * np.pi * 0.9 * np.arange(n) / RATE)


def test_strides_tell_once_they_have_been_made() -> None:
    """The standing ends at 4.9 s; four seconds later the plane of a thigh whose mounting is stated is known."""
    tilt = np.concatenate((np.zeros(50), strides(60)))
    tracks = tracks_of({"thigh_left": tilt, "thigh_right": tilt})
    zero = Zero.of(ticks(dict.fromkeys(BODY[2:], np.zeros(40)), first=10), BODY[2:])
    assert zero is not None
    walk = CalibrationWalk(tracks, zero, {"thigh_left": UPRIGHT}, None, 0)
    assert walk.over_s == np.inf
    walk.moved(5.2)
    assert walk.over_s == pytest.approx(4.9 + STRIDES_S)
    over = tracks.at(walk.over_s)
    walk.now = over - 1
    assert walk.strides("thigh_left") is None
    walk.now = over
    told = walk.strides("thigh_left")
    assert told is not None
    assert told[0] == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert told[1] == pytest.approx(1.0)
    assert walk.strides("thigh_right") is None
    assert walk.swing("thigh_left").shape == (3, over - 49)
    # it is not forgotten
    walk.now = 0
    assert walk.strides("thigh_left") is told
