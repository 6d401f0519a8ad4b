"""Errors on real recordings whose truth is known, beside plain VQF and imufusion over the same samples in the same run.

Every recording goes through the main job first. Orientations are scored in degrees, root mean square over the samples that
count; all filters are six-axis with default settings. "known" is what `knowledge/data.md` of the shared material measured
with plain VQF (causal and, after a slash, two-sided) and imufusion. Recorded data; none has optical truth of a spine.
`python -m benchmarks.recordings`
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import imufusion
import numpy as np

from body_signals import Session
from body_signals.blocks import G0, Floats
from ingest.formats.plain import PlainSamples
from tests.conftest import shared_folder
from tests.recordings.load_research_sets import RESEARCH_SETS, ResearchSet, xio_lower_body
from tests.recordings.scoring import (
    Track,
    at_times,
    between_deg,
    encoder_error_deg,
    even_samples,
    inclination_error_deg,
    plain_vqf,
    relative_error_deg,
    replay,
    rms,
    tracks,
    verticals,
    with_true_heading,
)

OURS, PEERS = ("live", "review"), ("VQF", "offlineVQF", "imufusion")
Tracks = dict[str, Track]
"""Orientations by sensor key."""

KNOWN: dict[str, tuple[str, str]] = {
    "broad/05_undisturbed_slow_rotation_with_breaks_B inclination": ("0.35", "0.55"),
    "broad/12_undisturbed_slow_translation_C inclination": ("0.25", "1.30"),
    "broad/16_undisturbed_fast_translation_B inclination": ("0.54", "30.9"),
    "broad/25_disturbed_tapping_B inclination": ("0.38", "1.78"),
    "broad mean inclination": ("0.38", "8.64"),
    "two-imu-joint mean inclination": ("2.01", "2.34"),
    "two-imu-joint mean relative": ("4.80", "8.96"),
    "two-imu-encoder/raw_pitch_slow flexion": ("1.1/0.6", ""),
    "two-imu-encoder/raw_roll_slow flexion": ("0.6/0.6", ""),
    "qmt-full-body pelvis turned (gravity 22.5)": ("22.4", ""),
    "qmt-full-body lumbar turned (gravity 6.1)": ("6.1", ""),
    "qmt-full-body thigh_left turned (gravity 80.1)": ("80.1", ""),
    "qmt-full-body thigh_right turned (gravity 80.4)": ("80.5", ""),
    "qmt-full-body upper_back turned (gravity 3.6)": ("3.6", ""),
}
"""By row: VQF's and imufusion's figure."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was scored, and the figure of each estimator."""

    what: str
    figures: Mapping[str, float]


def imufusion_track(samples: PlainSamples) -> Track:
    """imufusion with default settings, without magnetometer."""
    period, time_s, gyr, acc = even_samples(samples)
    ahrs, settings = imufusion.Ahrs(), imufusion.AhrsSettings()
    settings.sample_rate = 1.0 / period
    ahrs.set_settings(settings)
    quat = np.empty((len(time_s), 4))
    for i, (rate, force) in enumerate(zip(np.degrees(gyr), acc / G0, strict=True)):
        ahrs.update_no_magnetometer(rate, force)
        quat[i] = ahrs.get_quaternion()
    return time_s, quat


def estimates(session: Session, samples: Mapping[str, PlainSamples]) -> dict[str, Tracks]:
    """By estimator, ours and peers."""
    with tempfile.TemporaryDirectory() as folder:
        results = replay(Path(folder), session, samples)
        found = {name: tracks(results, name) for name in OURS}
    found["VQF"] = {key: plain_vqf(one, two_sided=False) for key, one in samples.items()}
    found["offlineVQF"] = {key: plain_vqf(one, two_sided=True) for key, one in samples.items()}
    found["imufusion"] = {key: imufusion_track(one) for key, one in samples.items()}
    return found


def scores(research: ResearchSet, found: Tracks) -> dict[str, float]:
    """What the truth of a set allows to be scored, degrees."""
    truth, out = research.truth, {}
    if truth.quat:
        at = {key: at_times(found[key], truth.time_s) for key in truth.quat}
        errors = [inclination_error_deg(at[key], true)[truth.scored] for key, true in truth.quat.items()]
        out["inclination"] = rms(np.concatenate(errors))
    if len(truth.quat) == 2:
        (a, true_a), (b, true_b) = truth.quat.items()
        first, second = (with_true_heading(at[k], truth.quat[k], truth.time_s) for k in (a, b))
        out["relative"] = rms(relative_error_deg(first, second, true_a, true_b)[truth.scored])
    if truth.angle_deg is not None and truth.turn_axis is not None:
        moving, axis = truth.turn_axis
        out["flexion"] = rms(encoder_error_deg(found[moving], found["frame"], axis, truth.time_s, truth.angle_deg))
    for key, expected in truth.turned_deg.items():
        out[f"{key} turned (gravity {expected})"] = turned_deg(found[key], truth.windows)
    return out


def turned_deg(track: Track, windows: tuple[tuple[float, float], ...]) -> float:
    """Angle that the vertical went through in the sensor from the first window to the second."""
    time_s, quat = track
    up: list[Floats] = []
    for start, end in windows:
        mean = np.nanmean(verticals(quat[(time_s >= start) & (time_s <= end)]), axis=0)
        up.append(mean / np.linalg.norm(mean))
    return float(between_deg(up[0][None], up[1][None])[0])


def rows(shared: Path) -> Iterator[Row]:
    """Every trial, and the mean over the trials of a set as it ends."""
    of_set: dict[str, list[dict[str, dict[str, float]]]] = {}
    names = list(RESEARCH_SETS)
    for i, name in enumerate(names):
        research = RESEARCH_SETS[name](shared)
        found = estimates(research.session, research.samples)
        scored = {estimator: scores(research, found[estimator]) for estimator in found}
        for what in scored["live"]:
            yield Row(f"{name} {what}", {estimator: scored[estimator][what] for estimator in scored})
        family = name.split("/")[0]
        of_set.setdefault(family, []).append(scored)
        if len(of_set[family]) > 1 and (i + 1 == len(names) or names[i + 1].split("/")[0] != family):
            for what in scored["live"]:
                means = {e: float(np.mean([trial[e][what] for trial in of_set[family]])) for e in scored}
                yield Row(f"{family} mean {what}", means)
    yield from without_truth(shared)


def without_truth(shared: Path) -> Iterator[Row]:
    """Three worn sensors with real loss, beside the inclination of the devices' own filter, which is a peer and no truth."""
    imported = xio_lower_body(shared)
    found = estimates(imported.session, imported.samples)
    for key, samples in imported.samples.items():
        if samples.quat is None:
            continue
        own = samples.quat
        figures = {e: rms(inclination_error_deg(at_times(found[e][key], samples.time_s), own)) for e in found}
        yield Row(f"xio-lower-body {key} beside its own filter", figures)


def main(say: Callable[[str], None] = print) -> bool:
    """Print the table; False where there was nothing to measure."""
    shared = shared_folder()
    if shared is None:
        say("Recordings with truth: left out, the shared test material is not there (HIPHINGE_SHARED, or ../shared)")
        return False
    peers = f"VQF {version('vqf')} causal and two-sided, imufusion {version('imufusion')}"
    say("Recorded data: errors of orientation in degrees rms against optics or an encoder; turned: angle between two postures.")
    say(f"All six-axis with default settings, over the same samples in one run: {peers}. known: data.md.")
    columns = (*OURS, *PEERS)
    say(f"{'':72s}" + "".join(f"{c:>11s}" for c in columns) + f"{'known VQF':>11s}{'imufusion':>11s}")
    for row in rows(shared):
        known = KNOWN.get(row.what, ("", ""))
        say(f"{row.what:72s}" + "".join(f"{row.figures[c]:11.2f}" for c in columns) + f"{known[0]:>11s}{known[1]:>11s}")
    return True


if __name__ == "__main__":
    main()
