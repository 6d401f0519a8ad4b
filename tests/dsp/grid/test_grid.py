"""The common grid: when a tick is final, who is missing there and why, and that later samples change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import PATIENCE_S
from body_signals.quality import Quality
from dsp.grid.grid import Grid
from dsp.grid.ticks import Ticks
from dsp.grid.track import RECOVERY_BEFORE_S, RECOVERY_S, SATURATION_S, SensorTrack
from dsp.orientation.filter import OrientedSamples, saturated_flags


def turning(time_s, seq=None, rate=1.0, epoch=0, saturated=None, device=False) -> OrientedSamples:
    """A sensor that turns about z at `rate` rad/s; seq: the event that brought each sample."""
    time_s = np.asarray(time_s, float)
    half = 0.5 * rate * time_s
    zero = np.zeros_like(half)
    return OrientedSamples(
        time_s,
        np.asarray(seq if seq is not None else np.rint(time_s * 1000), np.int64),
        np.stack([np.cos(half), zero, zero, np.sin(half)]),
        np.full(len(time_s), epoch, np.int32),
        np.zeros(len(time_s), np.int32) if saturated is None else saturated_flags(np.asarray(saturated, bool)),
        device,
    )


def angle(rows) -> np.ndarray:
    return 2 * np.arctan2(rows.quat[3], rows.quat[0])


def grid_of(*keys: str) -> tuple[Grid, dict[str, SensorTrack]]:
    tracks = {key: SensorTrack() for key in keys}
    return Grid(tracks), tracks


def events(upto_s: float, since_s: float = 0.0):
    """Heartbeat-like events, one per millisecond, number = milliseconds."""
    ms = np.arange(round(since_s * 1000), round(upto_s * 1000) + 1)
    return ms, ms / 1000.0


def test_ticks_stand_at_whole_hundredths_and_are_interpolated() -> None:
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(0.003, 1.0, 0.01)), 100.0)
    ticks = grid.feed(*events(1.0))
    assert ticks.time_s[0] == 0.01
    assert np.diff(ticks.time_s) == pytest.approx(0.01)
    assert angle(ticks.sensors["a"]) == pytest.approx(ticks.time_s, abs=1e-6)
    assert ticks.sensors["a"].present.all()
    assert not ticks.sensors["a"].quality.any()


def test_the_first_tick_is_that_of_the_first_sample_to_arrive() -> None:
    """Not of the earliest sample: a packet that comes later may bear an earlier time."""
    grid, tracks = grid_of("a", "b")
    tracks["a"].add(turning(np.arange(0.205, 1.0, 0.01), seq=np.arange(0, 80)), 100.0)
    tracks["b"].add(turning(np.arange(0.105, 1.0, 0.01), seq=np.arange(5, 95)), 100.0)
    assert grid.feed(*events(0.5)).time_s[0] == pytest.approx(0.21)


def test_a_tick_is_final_as_soon_as_every_sensor_has_passed_it() -> None:
    grid, tracks = grid_of("a", "b")
    tracks["a"].add(turning(np.arange(-0.005, 0.5, 0.01)), 100.0)
    tracks["b"].add(turning(np.arange(-0.005, 0.41, 0.01)), 100.0)
    ticks = grid.feed(*events(0.5))
    # b's last sample stands at 0.405; its patience reaches to 0.35
    assert ticks.time_s[-1] == pytest.approx(0.40)
    tracks["b"].add(turning(np.arange(0.415, 0.45, 0.01)), 100.0)
    assert grid.feed(*events(0.501, 0.501)).time_s[[0, -1]] == pytest.approx([0.41, 0.44])


def test_ticks_come_in_pairs_that_end_at_even_ones() -> None:
    """Rows for a database, every fourth, are the last of a pair; what is left alone comes with the next, or at the end."""
    grid, tracks = grid_of("a")
    given = []
    for k in range(1, 8):
        tracks["a"].add(turning([k * 0.01 + 0.001]), 100.0)
        given.append(np.rint(grid.feed(*events(k * 0.01 + 0.001, k * 0.01)).time_s * 100.0).tolist())
    assert given == [[], [2.0], [], [3.0, 4.0], [], [5.0, 6.0], []]
    assert grid.finish().time_s == pytest.approx([0.07])


def test_a_silent_sensor_is_waited_for_no_longer_than_the_patience() -> None:
    grid, tracks = grid_of("a", "b")
    tracks["a"].add(turning(np.arange(-0.005, 1.01, 0.01)), 100.0)
    tracks["b"].add(turning(np.arange(-0.005, 0.31, 0.01)), 100.0)
    ticks = grid.feed(*events(1.01))
    assert ticks.time_s[-1] == pytest.approx(1.01 - PATIENCE_S)
    silent = ticks.sensors["b"]
    late = ticks.time_s > 0.305
    assert not silent.present[late].any()
    assert np.isnan(silent.quat[:, late]).all()
    assert (silent.quality[late] == Quality.LATE).all()
    assert (silent.heading_epoch[late] == -1).all()
    assert ticks.sensors["a"].present.all()
    assert tracks["b"].late_ticks == late.sum()


def test_what_comes_late_stays_missing() -> None:
    """Never stale, never invented: samples that arrive after their ticks change nothing and are not put elsewhere."""
    grid, tracks = grid_of("a", "b")
    tracks["a"].add(turning(np.arange(-0.005, 1.0, 0.01)), 100.0)
    tracks["b"].add(turning(np.arange(-0.005, 0.3, 0.01)), 100.0)
    first = grid.feed(*events(0.8))
    tracks["a"].add(turning(np.arange(1.005, 1.5, 0.01)), 100.0)
    tracks["b"].add(turning(np.arange(0.305, 1.5, 0.01), seq=np.maximum(np.arange(305, 1500, 10), 801)), 100.0)
    second = grid.feed(*events(1.5, 0.801))
    both = Ticks.join([first, second])
    assert np.diff(both.time_s) == pytest.approx(0.01)
    missing = ~both.sensors["b"].present
    assert both.time_s[missing][[0, -1]] == pytest.approx([0.30, 0.65])
    assert angle(both.sensors["b"])[~missing] == pytest.approx(both.time_s[~missing], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_chunks_do_not_matter(seed, sizes) -> None:
    """Whatever the delays, feeding event by event gives the bits that feeding all at once gives."""
    rng = np.random.default_rng(seed)
    sensors = {}
    for key, rate in (("a", 100.0), ("b", 52.0), ("c", 200.0)):
        time_s = rng.uniform(0, 0.1) + np.arange(0, 1.2, 1.0 / rate)
        time_s = time_s[np.sort(rng.choice(len(time_s), int(0.9 * len(time_s)), replace=False))]
        delay = np.maximum.accumulate(time_s + rng.uniform(0.0, 0.25, len(time_s)))
        sensors[key] = (turning(time_s, seq=np.ceil(delay * 1000), epoch=0), rate)
    seq, event_s = events(2.0)

    def run(cuts):
        grid, tracks = grid_of(*sensors)
        parts, done = [], 0
        for cut in [*cuts, len(seq)]:
            upto = seq[cut - 1] if cut else -1
            for key, (o, rate) in sensors.items():
                at = (o.seq > (seq[done - 1] if done else -1)) & (o.seq <= upto)
                part = OrientedSamples(o.time_s[at], o.seq[at], o.quat[:, at], o.heading_epoch[at], o.flags[at], False)
                tracks[key].add(part, rate)
            parts.append(grid.feed(seq[done:cut], event_s[done:cut]))
            done = cut
        parts.append(grid.finish())
        return Ticks.join([p for p in parts if len(p)])

    whole, cut = run([]), run(sorted({min(c, len(seq)) for c in np.cumsum(np.resize(sizes, 40)).tolist()}))
    assert whole.time_s.tobytes() == cut.time_s.tobytes()
    for key in sensors:
        for field in ("quat", "present", "heading_epoch", "quality"):
            assert getattr(whole.sensors[key], field).tobytes() == getattr(cut.sensors[key], field).tobytes(), (key, field)


@given(
    st.sampled_from([20.0, 50.0, 60.0, 99.7, 100.0, 100.3, 200.0, 201.0]),
    st.integers(0, 6),
    st.integers(-4, 4),
    st.integers(-4, 4),
    st.integers(0, 2**16),
)
@settings(deadline=None)
def test_a_tick_has_the_samples_on_either_side_of_it(rate: float, gone: int, early: int, late: int, seed: int) -> None:
    """Whatever the clock, some samples that are missing, and ticks that begin before the samples or end after them."""
    rng = np.random.default_rng(seed)
    time_s = 1.0 + np.arange(120) / rate
    time_s = np.delete(time_s, rng.integers(0, 120, gone))
    track = SensorTrack()
    track.add(turning(time_s), rate)
    ticks_s = np.arange(round(time_s[0] * 100) - early, round(time_s[-1] * 100) + late) / 100.0
    low, high = np.full((2, track._kept.shape[0], len(ticks_s)), -1.0)
    before, after = track.around(ticks_s, low, high)
    kept = track._kept[:, track._start : track._stop]
    right = np.minimum(np.searchsorted(time_s, ticks_s), len(time_s) - 1)
    left = np.maximum(right - 1, 0)
    numbers = np.arange(len(time_s))
    assert np.array_equal(numbers[before], left)
    assert np.array_equal(numbers[after], right)
    assert np.array_equal(low[3:], kept[3:, left])
    assert np.array_equal(high, kept[:, right])


def test_short_holes_are_bridged_and_flagged_long_ones_are_missing() -> None:
    grid, tracks = grid_of("a")
    time_s = np.arange(-0.005, 2.0, 0.01)
    time_s = time_s[~(((time_s > 0.505) & (time_s < 0.555)) | ((time_s > 1.005) & (time_s < 1.155)))]
    tracks["a"].add(turning(time_s), 100.0)
    ticks = grid.feed(*events(2.0))
    rows = ticks.sensors["a"]
    short = (ticks.time_s > 0.505) & (ticks.time_s < 0.555)
    long = (ticks.time_s > 1.005) & (ticks.time_s < 1.155)
    assert rows.present[short].all()
    assert angle(rows)[short] == pytest.approx(ticks.time_s[short], abs=1e-6)
    assert not rows.present[long].any()
    assert (rows.quality[short | long] == Quality.GAP).all()
    assert not rows.quality[~short & ~long & (ticks.time_s < 0.5)].any()


def test_between_two_heading_epochs_nothing_is_interpolated() -> None:
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.005, 0.5, 0.01)), 100.0)
    tracks["a"].add(turning(np.arange(0.505, 1.0, 0.01), epoch=1), 100.0)
    ticks = grid.feed(*events(1.0))
    rows = ticks.sensors["a"]
    at = int(np.rint(0.5 * 100)) - ticks.first
    assert not rows.present[at]
    assert rows.quality[at] & Quality.GAP
    assert set(rows.heading_epoch[:at]) == {0}
    assert set(rows.heading_epoch[at + 1 :]) == {1}


def test_a_slow_sensor_has_no_holes() -> None:
    """At 8 samples a second neighbouring samples are further apart than a hole; they still bracket a tick."""
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.015, 3.0, 0.125)), 8.0)
    ticks = grid.feed(*events(3.0))
    assert ticks.sensors["a"].present.all()
    assert not ticks.sensors["a"].quality.any()
    assert angle(ticks.sensors["a"]) == pytest.approx(ticks.time_s, abs=2e-3)


@pytest.mark.parametrize("two_sided", [False, True])
def test_saturation_is_doubtful_until_the_orientation_can_have_recovered(two_sided) -> None:
    grid, tracks = grid_of("a")
    tracks["a"] = grid._tracks["a"] = SensorTrack(two_sided=two_sided)
    time_s = np.arange(0, 40.0, 0.01)
    for part in np.array_split(np.arange(4000), 7):
        tracks["a"].add(turning(time_s[part], saturated=np.isin(part, [1000, 1001])), 100.0)
    ticks = grid.feed(*events(40.0))
    flagged = ticks.time_s[(ticks.sensors["a"].quality & Quality.SATURATED) != 0]
    begin_s, end_s = 10.0 - (RECOVERY_BEFORE_S if two_sided else 0.0), 10.01 + SATURATION_S
    assert flagged[[0, -1]] == pytest.approx([begin_s, end_s], abs=0.025)
    assert len(flagged) == pytest.approx(100 * (end_s - begin_s), abs=3)


@pytest.mark.parametrize("two_sided", [False, True])
def test_rows_after_a_hole_that_was_not_bridged_are_doubtful(two_sided) -> None:
    grid, tracks = grid_of("a")
    tracks["a"] = grid._tracks["a"] = SensorTrack(two_sided=two_sided)
    time_s = np.concatenate((np.arange(0, 10.0, 0.01), np.arange(12.0, 30.0, 0.01)))
    for part in np.array_split(np.arange(len(time_s)), 7):
        samples = turning(time_s[part])
        tracks["a"].add(replace(samples, heading_epoch=(time_s[part] > 11.0).astype(np.int32)), 100.0)
    ticks = grid.feed(*events(30.0))
    both = Quality.GAP | Quality.LOW_CONFIDENCE
    flagged = ticks.time_s[(ticks.sensors["a"].quality & both) == both]
    begin_s = 10.0 - RECOVERY_BEFORE_S if two_sided else 12.0
    assert flagged[[0, -1]] == pytest.approx([begin_s, 12.0 + RECOVERY_S], abs=0.025)


@pytest.mark.parametrize(("deg_s", "flagged"), [(380.0, False), (420.0, True)])
def test_fast(deg_s, flagged) -> None:
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.005, 1.0, 0.01), rate=np.radians(deg_s)), 100.0)
    quality = grid.feed(*events(1.0)).sensors["a"].quality
    assert ((quality & Quality.FAST) != 0).all() == flagged
    assert ((quality & Quality.FAST) != 0).any() == flagged


def test_device_orientation_is_flagged() -> None:
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.005, 1.0, 0.01), device=True), 100.0)
    assert (grid.feed(*events(1.0)).sensors["a"].quality == Quality.DEVICE_ORIENTATION).all()


def test_finish_gives_what_is_there() -> None:
    """Nothing more can arrive, so nobody is waited for."""
    grid, tracks = grid_of("a", "b")
    tracks["a"].add(turning(np.arange(-0.005, 0.5, 0.01)), 100.0)
    tracks["b"].add(turning(np.arange(-0.005, 0.41, 0.01)), 100.0)
    before = grid.feed(*events(0.45))
    rest = grid.finish()
    assert rest.first == before.first + len(before)
    assert rest.time_s[-1] == pytest.approx(0.49)
    assert rest.sensors["a"].present.all()
    assert not rest.sensors["b"].present.any()
    assert len(grid.finish()) == 0


def test_finish_before_any_event() -> None:
    grid, tracks = grid_of("a")
    assert len(grid.finish()) == 0
    tracks["a"].add(turning(np.arange(-0.005, 0.1, 0.01)), 100.0)
    assert len(grid.finish()) == 10


def test_no_events_no_ticks() -> None:
    grid, tracks = grid_of("a")
    assert len(grid.feed(np.empty(0, np.int64), np.empty(0))) == 0
    assert len(grid.feed(*events(1.0))) == 0
    tracks["a"].add(turning([]), 100.0)
    assert len(grid.feed(*events(1.1, 1.001))) == 0


def test_time_passes_without_any_samples() -> None:
    """All radios silent: ticks go on, everybody missing."""
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.005, 0.5, 0.01)), 100.0)
    grid.feed(*events(0.5))
    silence = grid.feed(*events(3.01, 0.501))
    assert silence.time_s[-1] == pytest.approx(3.01 - PATIENCE_S)
    assert not silence.sensors["a"].present[1:].any()


def test_memory_is_what_ticks_still_need() -> None:
    grid, tracks = grid_of("a", "b")
    for k in range(300):
        for key in ("a", "b"):
            tracks[key].add(turning(k + np.arange(0, 1.0, 0.01)), 100.0)
        grid.feed(*events(k + 0.999, k))
    assert max(map(len, tracks.values())) < 200
    assert max(t._kept.shape[1] for t in tracks.values()) < 1000
    assert len(grid._event_s) < 2000


def test_a_silent_partner_does_not_make_a_track_grow() -> None:
    """One sensor never comes: the others' samples are let go all the same."""
    grid, tracks = grid_of("a", "b")
    for k in range(60):
        tracks["a"].add(turning(k + np.arange(0, 1.0, 0.01)), 100.0)
        grid.feed(*events(k + 0.999, k))
    assert len(tracks["a"]) < 200
    assert tracks["b"].late_ticks > 5000


def test_parts_and_joins() -> None:
    grid, tracks = grid_of("a")
    tracks["a"].add(turning(np.arange(-0.005, 1.0, 0.01)), 100.0)
    ticks = grid.feed(*events(1.0))
    parts = [ticks.part(0, 30), ticks.part(30, 31), ticks.part(31, len(ticks))]
    again = Ticks.join(parts)
    assert [p.first for p in parts] == [0, 30, 31]
    assert again.time_s.tobytes() == ticks.time_s.tobytes()
    assert again.sensors["a"].quat.tobytes() == ticks.sensors["a"].quat.tobytes()
