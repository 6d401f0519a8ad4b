"""How far a sensor leans from how it stood."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dsp.orientation.leaning import Leaning
from dsp.results import OrientationRows


def rows(sensor: str, *orientations: Rotation) -> OrientationRows:
    n = len(orientations)
    quat = np.array([o.as_quat(scalar_first=True) for o in orientations])
    return OrientationRows(sensor, np.arange(float(n)), quat, np.zeros(n, np.int32))


def test_it_leans_by_the_angle_of_gravity_whatever_its_heading() -> None:
    leaning, stood = Leaning(), Rotation.from_euler("xyz", [20.0, -15.0, 70.0], degrees=True)
    leaning.take([rows("pelvis", Rotation.identity(), stood), rows("lumbar")])
    assert leaning.degrees() == {}
    leaning.stand()
    # the latest orientation counts
    leaning.take([rows("pelvis", stood, Rotation.from_euler("zx", [50.0, 40.0], degrees=True) * stood)])
    leaning.take([rows("thigh_left", stood)])
    assert leaning.degrees() == {"pelvis": pytest.approx(40.0)}


def test_who_has_not_moved_leans_by_nothing() -> None:
    """Also where rounding makes the cosine more than one."""
    leaning = Leaning()
    for one in Rotation.random(300, rng=np.random.default_rng(1)):
        leaning.take([rows("pelvis", one)])
        leaning.stand()
        assert leaning.degrees()["pelvis"] == pytest.approx(0.0, abs=1e-5)
