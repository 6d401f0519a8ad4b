"""The library: computes tables in memory from arrays, a session folder, a plain session or a recording.

The numbers are those of ``hiphinge replay``, bit for bit. Nothing is left on the disk and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from body_signals import ESTIMATORS, HiphingeError, Mounting, Placement, Sensor, Session, SessionMark
from dashboards.tables import read_angles, read_orientations, read_repetitions, read_summary
from hiphinge.session.computation import compute, with_software
from hiphinge.session.plain.clocks import with_agreed_clocks
from hiphinge.session.plain.plausible_input import check_plain
from hiphinge.version import software
from ingest.formats import UNKNOWN_ATHLETE, UNKNOWN_START, PlainSamples, session_of_samples
from ingest.session_folder import Input, input_of, open_input

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

__all__ = ["Estimate", "Samples", "estimate"]


class Samples(PlainSamples):
    """Samples of one sensor in SI units and its own frame; any array-likes of shapes (n,), (n, 3) and (n, 4).

    time_s: session time, strictly increasing. acc: specific force, m/s² (+9.81 upwards at rest). gyr: rad/s. quat: the
    device's own orientation w x y z, sensor → earth, z up; needed without gyr, and then used instead of our filter.
    Raises ValueError where shapes do not fit or there is neither gyr nor quat.
    """

    def __init__(self, time_s: ArrayLike, acc: ArrayLike, gyr: ArrayLike | None = None, quat: ArrayLike | None = None) -> None:
        rates, turned = (None if given is None else np.array(given, np.float64) for given in (gyr, quat))
        super().__init__(np.array(time_s, np.float64), np.array(acc, np.float64), rates, turned)


@dataclass(frozen=True, eq=False)
class Estimate:
    """The results of one estimator for a session.

    angles, repetitions: as in `angles.parquet` and `repetitions.parquet` (docs/quantities.md), degrees, missing values NaN;
    `.to_pandas()` where pandas is installed. summary: the content of `summary.json`. estimator: ``live`` or ``review``.
    """

    estimator: str
    angles: pa.Table
    repetitions: pa.Table
    summary: Mapping[str, Any]
    orientations: pa.Table
    """As in `orientations.parquet`; `orientation` gives one sensor's as rotations."""

    @property
    def warnings(self) -> list[str]:
        """Warnings about these numbers, in words."""
        return list(self.summary["warnings"])

    @property
    def sensors(self) -> tuple[str, ...]:
        """The sensors that have orientations: placements, or names of sensors that are not worn."""
        return tuple(dict.fromkeys(self.orientations["placement"].to_pylist()))

    def orientation(self, sensor: str) -> tuple[NDArray[np.float64], Rotation]:
        """Session times (n,), s, and the orientation of a sensor at each: sensor → earth, z up, as scipy's `Rotation`.

        Raises HiphingeError for an unknown sensor.
        """
        from scipy.spatial.transform import Rotation

        chosen = self.orientations.filter(pc.equal(self.orientations["placement"], sensor))
        if not len(chosen):
            raise HiphingeError(f"no orientations of {sensor!r}", "estimate", f"There are {', '.join(self.sensors) or 'none'}")
        xyzw = np.column_stack([chosen[name].to_numpy().astype(np.float64) for name in ("qx", "qy", "qz", "qw")])
        return chosen["time_s"].to_numpy(), Rotation.from_quat(xyzw)


def estimate(
    source: str | PathLike[str] | Mapping[str, Samples],
    estimator: Literal["live", "review"] = "review",
    *,
    calibrate_s: float | Sequence[float] = (),
    mounting: Mapping[str, tuple[str, str]] | None = None,
    rate_hz: float | None = None,
    salvage: bool = False,
) -> Estimate:
    """Compute a session's angles, repetitions and rhythm.

    source: the path of a session folder, a plain session or an `.mcap`; or samples by placement (``lumbar``, ``pelvis``,
    ``thigh_left``, ``thigh_right``; any other word is a sensor that is not worn and gets orientations only).
    estimator: ``review`` (two-sided) or ``live`` (causal). salvage: use the part of a damaged recording before the damage.

    The other arguments are for arrays. calibrate_s: session time of each `calibrate` mark, s. From there the athlete stands
    still for at least 3 s, bends forward three times, raises the left knee twice, then the right; without a mark angles are
    missing and orientations are there. mounting: by placement, which sensor axis points up and which to the wearer's left, e.g.
    ``("+x", "+y")``. rate_hz: of all sensors, where the times do not tell it.

    Raises HiphingeError where the source cannot be read or its numbers are impossible, ValueError for an unknown estimator.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator {estimator!r}: expected {' or '.join(ESTIMATORS)}")
    if isinstance(source, Mapping):
        plain = session_of_samples(_session(source, calibrate_s, mounting or {}, rate_hz), source)
        check_plain(plain)
        return _computed(input_of(plain), "arrays", estimator, "")
    if np.size(calibrate_s) or mounting or rate_hz is not None:
        remedy = "Leave them out: for a session on disk they are in session.toml"
        raise HiphingeError("calibrate_s, mounting and rate_hz are for arrays", str(source), remedy)
    path = Path(source)
    recorded = open_input(path, salvage=salvage)
    if recorded.plain is not None:
        check_plain(recorded.plain)
    return _computed(recorded, path.resolve().name, estimator)


def _session(
    samples: Mapping[str, Samples],
    calibrate_s: float | Sequence[float],
    mounting: Mapping[str, tuple[str, str]],
    rate_hz: float | None,
) -> Session:
    if not samples:
        raise HiphingeError("no samples", "estimate", "Give samples by placement, e.g. {'pelvis': Samples(time_s, acc, gyr)}")
    for key in mounting:
        if key not in samples:
            raise HiphingeError(f"no samples of {key!r}", "mounting", f"There are samples of {', '.join(samples)}")
    body = set(Placement) - {Placement.OTHER}
    sensors = tuple(
        Sensor(
            Placement(key) if key in body else Placement.OTHER,
            None if key in body else key,
            rate_hz=rate_hz,
            mounting=_mounting(key, mounting[key]) if key in mounting else None,
        )
        for key in samples
    )
    marks = tuple(SessionMark(float(at), "calibrate") for at in np.atleast_1d(np.asarray(calibrate_s, np.float64)))
    return Session(UNKNOWN_START, UNKNOWN_ATHLETE, sensors, marks)


def _mounting(key: str, words: tuple[str, str]) -> Mounting:
    try:
        return Mounting(*words)
    except (TypeError, ValueError) as error:
        raise HiphingeError(
            str(error), f"mounting of {key}", 'Give the axes that point up and left, e.g. ("+x", "+y")'
        ) from None


def _computed(source: Input, name: str, estimator: str, of_folder: str | None = None) -> Estimate:
    """Computed through the files of a replay, in a scratch folder, so that the tables are the same."""
    recorded, findings = with_agreed_clocks(source)
    with TemporaryDirectory(prefix="hiphinge-estimate-") as scratch:
        folder = Path(scratch)
        session = with_software(recorded.session, software())
        compute(session, recorded.batches(), folder, name, (estimator,), findings=findings, source=of_folder)
        return Estimate(
            estimator,
            read_angles(folder, estimator),
            read_repetitions(folder, estimator),
            read_summary(folder, estimator),
            read_orientations(folder, estimator),
        )
