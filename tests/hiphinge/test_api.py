"""The library: the numbers of a replay, from arrays and from disk, as tables and rotations."""

from __future__ import annotations

import runpy
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.transform import Rotation

import hiphinge
from body_signals import HiphingeError
from dashboards.tables import read_angles, read_orientations, read_repetitions, read_summary
from hiphinge import Estimate, Samples, estimate
from tests.conftest import ROOT
from tests.contract.command_line import done
from tests.contract.recorded_sessions import plain_session
from virtual_athlete import Samples as Simulated
from virtual_athlete import to_plain

MOUNTING = {"pelvis": ("+x", "+y")}


@pytest.fixture(scope="module")
def worn() -> dict[str, Simulated]:
    return to_plain("demo", 1)[1]


@pytest.fixture(scope="module")
def arrays(worn: dict[str, Simulated]) -> dict[str, Samples]:
    return {key: Samples(s.time_s, s.acc, s.gyr) for key, s in worn.items()}


@pytest.fixture(scope="module")
def live(arrays: dict[str, Samples]) -> Estimate:
    return estimate(arrays, "live", calibrate_s=0.0)


def same_bits(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are equal, a missing value being equal to itself."""
    assert one.schema == other.schema
    return all(
        np.array_equal(one[name].to_numpy(), other[name].to_numpy(), equal_nan=one[name].type != pa.string())
        for name in one.column_names
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain session on disk: only read."""
    return plain_session(tmp_path_factory.mktemp("plain") / "plain")


@pytest.fixture(scope="module")
def replay(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its results by the command line."""
    place = tmp_path_factory.mktemp("replay")
    done("replay", plain, "--out", place / "out", cwd=place)
    return place / "out"


@pytest.fixture(scope="module")
def from_disk(plain: Path) -> dict[str, Estimate]:
    return {"live": estimate(plain, "live"), "review": estimate(plain, "review")}


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_a_plain_session_gives_the_tables_of_a_replay(estimator: str, from_disk: dict[str, Estimate], replay: Path) -> None:
    found = from_disk[estimator]
    assert same_bits(found.angles, read_angles(replay, estimator))
    assert same_bits(found.repetitions, read_repetitions(replay, estimator))
    assert same_bits(found.orientations, read_orientations(replay, estimator))
    replayed = read_summary(replay, estimator)
    assert {**found.summary, "session": ""} == {**replayed, "session": ""}
    assert found.estimator == estimator
    assert found.warnings == replayed["warnings"]


def test_arrays_give_what_the_same_session_on_disk_gives(live: Estimate, from_disk: dict[str, Estimate]) -> None:
    # the files hold nine digits
    rows = [np.rint(found.angles["time_s"].to_numpy() * 100).astype(int) for found in (live, from_disk["live"])]
    assert (rows[0] == rows[1]).all()
    both = [found.angles["lumbar_flexion_deg"].to_numpy() for found in (live, from_disk["live"])]
    assert np.nanmax(np.abs(both[0] - both[1])) < 1e-3
    assert live.repetitions["movement"].equals(from_disk["live"].repetitions["movement"])


def test_without_a_calibration_angles_are_missing_and_orientations_are_there(arrays: dict[str, Samples]) -> None:
    found = estimate({"pelvis": arrays["pelvis"]}, "live")
    assert np.isnan(found.angles["pelvis_tilt_deg"].to_numpy()).all()
    assert found.sensors == ("pelvis",)
    assert any("not calibrated" in words for words in found.warnings)


def test_a_stated_mounting_is_enough_with_standing(arrays: dict[str, Samples]) -> None:
    standing = {"pelvis": Samples(*(a[:700] for a in (arrays["pelvis"].time_s, arrays["pelvis"].acc, arrays["pelvis"].gyr)))}
    for mounting, known in ((None, False), (MOUNTING, True)):
        found = estimate(standing, "review", calibrate_s=0.0, mounting=mounting)
        assert np.isfinite(found.angles["pelvis_tilt_deg"].to_numpy()).any() == known


def test_orientations_are_scipys_rotations(live: Estimate) -> None:
    time_s, pelvis = live.orientation("pelvis")
    assert isinstance(pelvis, Rotation)
    assert len(pelvis) == len(time_s)
    rows = live.orientations.filter([placement == "pelvis" for placement in live.orientations["placement"].to_pylist()])
    wxyz = [rows[name].to_numpy()[1000] for name in ("qw", "qx", "qy", "qz")]
    w, x, y, z = wxyz
    # the third row of the rotation matrix: the sensor's axes along the vertical
    assert pelvis[1000].as_matrix()[2] == pytest.approx(
        [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z], abs=1e-6
    )


def test_a_sensor_that_nobody_wears_has_an_orientation_alone(arrays: dict[str, Samples]) -> None:
    found = estimate({"barbell": arrays["pelvis"]}, "live")
    assert found.sensors == ("barbell",)
    assert len(found.angles) == 0 or np.isnan(found.angles["pelvis_tilt_deg"].to_numpy()).all()


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (lambda s: Samples(s.time_s, s.acc / 9.80665, s.gyr), "pelvis, sample 0", "this looks like g"),
        (lambda s: Samples(s.time_s, s.acc, np.degrees(s.gyr)), "pelvis, sample ", "deg/s"),
        (lambda s: Samples(s.time_s * 1000.0, s.acc, s.gyr), "pelvis, sample 0", "milliseconds"),
        (lambda s: Samples(s.time_s[::-1], s.acc, s.gyr), "pelvis", "do not increase"),
        (lambda s: Samples(s.time_s, s.acc * np.nan, s.gyr), "pelvis", "not finite"),
        (lambda s: Samples(s.time_s[:0], s.acc[:0], s.gyr[:0]), "pelvis", "no samples"),
        (lambda s: Samples(s.time_s[:1], s.acc[:1], s.gyr[:1]), "pelvis, sample 0", "no sample rate"),
    ],
)
def test_what_cannot_be_true_is_refused_at_the_sample(arrays, change, where: str, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(HiphingeError) as told:
        estimate({"lumbar": arrays["lumbar"], "pelvis": change(arrays["pelvis"])})
    assert told.value.where.startswith(where)
    assert words in told.value.what


def test_what_is_asked_for_is_checked(arrays: dict[str, Samples], live: Estimate, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected live or review"):
        estimate(arrays, "both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        Samples(np.arange(3.0), np.zeros((4, 3)), np.zeros((3, 3)))
    with pytest.raises(HiphingeError, match="no samples"):
        estimate({})
    with pytest.raises(HiphingeError, match="mounting of pelvis"):
        estimate(arrays, mounting={"pelvis": ("+x", "up")})
    with pytest.raises(HiphingeError, match="no samples of 'trunk'"):
        estimate(arrays, mounting={"trunk": ("+x", "+y")})
    with pytest.raises(HiphingeError, match="are for arrays"):
        estimate(tmp_path, calibrate_s=0.0)
    with pytest.raises(HiphingeError, match="not found"):
        estimate(tmp_path / "nothing")
    with pytest.raises(HiphingeError, match="no orientations of 'trunk'"):
        live.orientation("trunk")


def test_nothing_stays_on_the_disk(arrays: dict[str, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    estimate({"pelvis": arrays["pelvis"]}, "live")
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_the_installed_one() -> None:
    assert hiphinge.__version__ == version("hiphinge")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        hiphinge.nothing  # noqa: B018


def test_importing_the_package_loads_no_numbers() -> None:
    """The command imports it at every start."""
    program = "import sys, hiphinge.cli; print([m for m in ('numpy', 'pyarrow', 'scipy', 'vqf') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples/share_of_the_lumbar_spine.py"))
    said = capsys.readouterr().out
    assert "nothing to remark" in said
    assert said.count("squat ") == 4
