"""Replays a recording as the main job does, and measures its orientations against what is known independently.

Used by the tests of this folder and by `benchmarks.recordings`. Quaternions here are rows (n, 4), w x y z, sensor → earth
with z up; a time at which an estimator gave nothing is NaN, so that what is missing is never scored as right.
Inclination errors are angles between the estimated and the true vertical, both seen from the sensor: heading plays no part.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import vqf
from scipy.spatial.transform import Rotation

from body_signals import Session
from body_signals.blocks import Floats
from body_signals.quantities import ESTIMATORS
from dashboards.tables import read_orientations
from hiphinge.session.computation import compute
from ingest.formats.plain import PlainSamples, write_plain
from ingest.heads.session_folder import open_input

LONGEST_STEP_S = 0.03
"""Rows further apart than this are not interpolated between."""
HEADING_WINDOW_S = (5.0, 7.0)
"""Where the free headings of six-axis estimates are set equal to the truth's, as published comparisons do."""
ENCODER_DELAY_S = 0.01
"""The IMUs of `two-imu-encoder` are so late against the encoder (README beside the data)."""

Track = tuple[Floats, Floats]
"""Times (n,) and orientations (n, 4) of one sensor."""


def replay(folder: Path, session: Session, samples: Mapping[str, PlainSamples]) -> Path:
    """Write a plain session, replay it with both estimators; the folder of the results."""
    write_plain(folder / "plain", session, samples)
    source = open_input(folder / "plain")
    compute(source.session, source.batches(), folder / "results", "results", ESTIMATORS)
    return folder / "results"


def tracks(results: Path, estimator: str) -> dict[str, Track]:
    """`orientations.parquet` by sensor key."""
    table = read_orientations(results, estimator)
    of = np.array(table["placement"].to_pylist())
    time_s = table["time_s"].to_numpy()
    quat = np.stack([table[name].to_numpy().astype(np.float64) for name in ("qw", "qx", "qy", "qz")], axis=1)
    return {str(key): (time_s[of == key], quat[of == key]) for key in np.unique(of)}


def at_times(track: Track, time_s: Floats) -> Floats:
    """Orientations (n, 4) interpolated to `time_s` (n,); NaN outside the track and in its holes."""
    there = np.isfinite(track[1]).all(axis=1)
    have_s, quat = track[0][there], track[1][there]
    after = np.clip(np.searchsorted(have_s, time_s, side="left"), 1, len(have_s) - 1)
    step = have_s[after] - have_s[after - 1]
    fraction = (time_s - have_s[after - 1]) / step
    a, b = quat[after - 1], quat[after]
    b = np.where((a * b).sum(axis=1, keepdims=True) < 0.0, -b, b)
    found = a + (b - a) * fraction[:, None]
    found[(fraction < 0.0) | (fraction > 1.0) | (step > LONGEST_STEP_S)] = np.nan
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def even_samples(samples: PlainSamples) -> tuple[float, Floats, Floats, Floats]:
    """Period, times (n,), rates and specific forces (n, 3) with even steps, as filters without a clock want them."""
    assert samples.gyr is not None
    steps = np.diff(samples.time_s)
    period = float(np.median(steps))
    if np.ptp(steps) < 1e-6:
        return period, samples.time_s, samples.gyr, samples.acc
    time_s = np.arange(samples.time_s[0], samples.time_s[-1], period)
    gyr, acc = (
        np.stack([np.interp(time_s, samples.time_s, v[:, i]) for i in range(3)], axis=1) for v in (samples.gyr, samples.acc)
    )
    return period, time_s, gyr, acc


def plain_vqf(samples: PlainSamples, *, two_sided: bool) -> Track:
    """VQF with default settings over the whole recording."""
    period, time_s, gyr, acc = even_samples(samples)
    result = vqf.offlineVQF(gyr, acc, None, period) if two_sided else vqf.VQF(period).updateBatch(gyr, acc)
    return time_s, result["quat6D"]


def verticals(quat: Floats) -> Floats:
    """Earth's vertical in the sensor (n, 3); NaN where the orientation is."""
    up = np.full((len(quat), 3), np.nan)
    there = np.isfinite(quat).all(axis=1)
    up[there] = Rotation.from_quat(quat[there], scalar_first=True).inv().apply([0.0, 0.0, 1.0])
    return up


def between_deg(a: Floats, b: Floats) -> Floats:
    """Angle (n,) between unit vectors (n, 3), exact for small angles."""
    return np.asarray(np.degrees(2.0 * np.arcsin(np.minimum(0.5 * np.linalg.norm(a - b, axis=1), 1.0))))


def inclination_error_deg(quat: Floats, true: Floats) -> Floats:
    """Angle (n,) between estimated and true vertical, seen from the sensor."""
    return between_deg(verticals(quat), verticals(true))


def turn_deg(quat: Floats, axis: str) -> Floats:
    """How far (n,) a sensor has turned about its own signed `axis`, such as "+y", by gravity; unwrapped, from any zero."""
    turn_axis = np.eye(3)["xyz".index(axis[1])] * (1.0 if axis[0] == "+" else -1.0)
    zero = np.roll(turn_axis, 1)
    up = verticals(quat)
    # the sensor turns one way, so the vertical seen from it turns the other
    return np.asarray(-np.degrees(np.unwrap(np.arctan2(up @ np.cross(turn_axis, zero), up @ zero))))


def with_true_heading(quat: Floats, true: Floats, time_s: Floats) -> Floats:
    """The estimate (n, 4) turned about the vertical, so that its mean heading in `HEADING_WINDOW_S` is the truth's."""
    window = (time_s >= HEADING_WINDOW_S[0]) & (time_s < HEADING_WINDOW_S[1])
    window &= np.isfinite(quat).all(axis=1) & np.isfinite(true).all(axis=1)
    error = Rotation.from_quat(true[window], scalar_first=True) * Rotation.from_quat(quat[window], scalar_first=True).inv()
    w, _, _, z = error.as_quat(scalar_first=True).T
    heading = np.angle(np.mean(np.exp(2j * np.arctan2(z, w))))
    there = np.isfinite(quat).all(axis=1)
    turned = np.full_like(quat, np.nan)
    turned[there] = (Rotation.from_euler("z", heading) * Rotation.from_quat(quat[there], scalar_first=True)).as_quat(
        scalar_first=True
    )
    return turned


def relative_error_deg(first: Floats, second: Floats, true_first: Floats, true_second: Floats) -> Floats:
    """Angle (n,) of the error of the orientation of one sensor seen from another."""
    found = np.full(len(first), np.nan)
    there = np.all([np.isfinite(q).all(axis=1) for q in (first, second, true_first, true_second)], axis=0)
    a, b, true_a, true_b = (Rotation.from_quat(q[there], scalar_first=True) for q in (first, second, true_first, true_second))
    found[there] = np.degrees(((true_a.inv() * true_b).inv() * (a.inv() * b)).magnitude())
    return found


def encoder_error_deg(shaft: Track, frame: Track, axis: str, time_s: Floats, encoder_deg: Floats) -> Floats:
    """Angle between the sensors about `axis` minus the encoder's (n,), mean removed, the known delay taken out."""
    late_s = time_s + ENCODER_DELAY_S
    angle = turn_deg(at_times(shaft, late_s), axis) - turn_deg(at_times(frame, late_s), axis)
    error = angle - encoder_deg
    return np.asarray(error - np.nanmean(error))


def rms(values: Floats) -> float:
    """Root mean square of what is there."""
    return float(np.sqrt(np.nanmean(np.square(values))))


def piece_means(values: Floats, time_s: Floats, piece_s: float) -> Floats:
    """Mean of each piece of about `piece_s` seconds, as many as fit best."""
    count = max(round(float(time_s[-1] - time_s[0]) / piece_s), 1)
    borders = np.linspace(0, len(values), count + 1).astype(np.int64).tolist()
    return np.array([np.nanmean(values[a:b]) for a, b in itertools.pairwise(borders)])
