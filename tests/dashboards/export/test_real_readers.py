"""The real readers, in an environment of their own: OpenSim, the BIDS validator, pandas, polars, DuckDB.

They are too large for the packages that every test installs. Where they cannot be installed, the tests fail in CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from dashboards.export import FORMATS, Choices
from dashboards.tables import read_angles
from tests.conftest import missing
from tests.dashboards.export.exported_sessions import exported, session_folder

READERS = (
    "bids-validator-deno==3.0.2",
    "duckdb==2.0.1",
    "opensim==4.6",
    "pandas==3.1.1",
    "polars==2.1.0",
    "pyarrow==26.0.1",
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter beside which the readers are installed, once for all workers; HIPHINGE_READERS names one that is there
    already."""
    given = os.environ.get("HIPHINGE_READERS")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "readers"
    place, whole = folder / ("Scripts" if os.name == "nt" else "bin"), folder / "whole"
    with FileLock(folder.with_suffix(".lock")):
        if not whole.exists():
            venv.create(folder)
            pip = [sys.executable, "-m", "pip", "--python", str(place / "python")]
            install = [*pip, "install", "--quiet", "--no-compile", "--only-binary", ":all:", *READERS]
            result = subprocess.run(install, capture_output=True, text=True, timeout=900)
            if result.returncode:
                missing(f"the readers cannot be installed: {result.stderr.strip()[-500:]}")
            whole.touch()
    return place / "python"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_folder(tmp_path_factory.mktemp("sessions") / "monday", athlete="player 07/ü")


def said(python: Path, program: str, *words: str | Path) -> Any:
    """What a program of that environment prints as its last line, JSON."""
    # OpenSim leaves a log where it is started
    run = subprocess.run(
        [python, "-c", program, *map(str, words)], cwd=python.parent, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.strip().splitlines()[-1])


MOTION = """
import json, sys
import opensim
table, old = opensim.TimeSeriesTable(sys.argv[1]), opensim.Storage(sys.argv[1])
labels = list(table.getColumnLabels())
flexion = table.getDependentColumn("hip_flexion_l")
print(json.dumps({
    "labels": labels, "degrees": table.getTableMetaDataString("inDegrees"), "old": [old.isInDegrees(), old.getSize()],
    "time": list(table.getIndependentColumn()), "flexion": [flexion[i] for i in range(table.getNumRows())],
    "model": table.getTableMetaDataString("model"),
}))
"""
ORIENTATIONS = """
import json, sys
import opensim
found = {}
for path in sys.argv[1:]:
    table = opensim.TimeSeriesTableQuaternion(path)
    first = table.getRowAtIndex(0).getElt(0, 1)
    found[path] = [list(table.getColumnLabels()), table.getNumRows(), [first.get(i) for i in range(4)],
                   table.getTableMetaDataString("sensor_to_opensim_rotations"), table.getIndependentColumn()[0]]
print(json.dumps(found))
"""
AXES = """
import json, sys
import opensim
opensim.Logger.setLevelString("off")
# a hip as in Rajagopal2016: turned about Z, then X, then Y, on the left the last two the other way round
model, found = opensim.Model(), {}
pelvis = model.getGround()
for side, way in (("r", 1.0), ("l", -1.0)):
    femur = opensim.Body(f"femur_{side}", 1.0, opensim.Vec3(0), opensim.Inertia(1))
    model.addBody(femur)
    turns = opensim.SpatialTransform()
    names = [f"hip_{name}_{side}" for name in ("flexion", "adduction", "rotation")]
    axes = (opensim.Vec3(0, 0, 1), opensim.Vec3(way, 0, 0), opensim.Vec3(0, way, 0))
    for i, (name, axis) in enumerate(zip(names, axes)):
        turn = turns.updTransformAxis(i)
        turn.setCoordinateNames(opensim.ArrayStr(name, 1))
        turn.setAxis(axis)
        line = opensim.LinearFunction(1, 0)
        line._markAdopted()
        turn.setFunction(line)
    joint = opensim.CustomJoint(f"hip_{side}", pelvis, femur, turns)
    model.addJoint(joint)
state = model.initSystem()
for name, degrees in json.loads(sys.argv[1]).items():
    model.getCoordinateSet().get(name).setValue(state, degrees * 3.141592653589793 / 180)
model.realizePosition(state)
for side in "rl":
    turned = model.getBodySet().get(f"femur_{side}").getTransformInGround(state).R()
    found[side] = [[turned.get(i, j) for j in range(3)] for i in range(3)]
print(json.dumps(found))
"""
PARQUET = """
import json, sys
import duckdb, pandas, polars
path = sys.argv[1]
of = {"pandas": pandas.read_parquet(path)["lumbar_flexion_deg"], "polars": polars.read_parquet(path)["lumbar_flexion_deg"]}
rows = duckdb.execute("SELECT lumbar_flexion_deg FROM read_parquet(?)", [path]).fetchall()
kept = duckdb.execute("SELECT key, value FROM parquet_kv_metadata(?)", [path]).fetchall()
print(json.dumps({
    **{name: [None if v is None or v != v else v for v in column.to_list()] for name, column in
       ((n, c if n == "polars" else c.astype(float)) for n, c in of.items())},
    "duckdb": [None if v != v else v for v, in rows],
    "said": {key.decode(): value.decode() for key, value in kept if key != b"ARROW:schema"},
}))
"""


def test_opensim_reads_the_motion_and_the_orientations(python: Path, folder: Path, tmp_path: Path) -> None:
    session = exported(folder)
    (motion,) = FORMATS["mot"].write([session], tmp_path, Choices()).files
    found = said(python, MOTION, motion)
    assert (found["degrees"], found["model"]) == ("yes", "Rajagopal2016")
    assert found["old"] == [True, len(found["time"])]
    table = read_angles(folder, "review")
    at = np.searchsorted(table["time_s"].to_numpy(), found["time"])
    np.testing.assert_allclose(found["flexion"], table["hip_left_flexion_deg"].to_numpy()[at], atol=1e-6)
    files = FORMATS["sto"].write([session], tmp_path, Choices()).files
    rows, calibration = said(python, ORIENTATIONS, *files).values()
    time_s, quat = session.orientations["pelvis"]
    assert rows[:2] == [["torso_imu", "pelvis_imu", "femur_l_imu", "femur_r_imu"], len(time_s)]
    np.testing.assert_allclose(rows[2], quat[0], atol=1e-6)
    assert rows[3] == "-1.5707963267948966 0 0"
    assert (calibration[1], calibration[4]) == (1, 0.0)


def test_a_model_of_opensim_stands_as_the_athlete_did(python: Path) -> None:
    """The program's own multibody code turns the thigh by what we export, to where our angles came from."""
    from scipy.spatial.transform import Rotation

    from dsp.angles import joints

    ours = {"l": (40.0, 12.0, 7.0), "r": (75.0, -9.0, -20.0)}
    values = {}
    for side, (flexion, abduction, external) in ours.items():
        values |= {f"hip_flexion_{side}": flexion, f"hip_adduction_{side}": -abduction, f"hip_rotation_{side}": -external}
    stood = said(python, AXES, json.dumps(values))
    for side, joint in (("l", joints.HIP_LEFT), ("r", joints.HIP_RIGHT)):
        distal = np.roll(Rotation.from_matrix(stood[side]).as_quat(), 1)[:, None]
        again = joints.joint_angles(joint, np.array([[1.0], [0.0], [0.0], [0.0]]), distal)[:, 0]
        np.testing.assert_allclose(np.degrees(again), ours[side], atol=1e-6)


def test_the_validator_of_bids_finds_no_error(python: Path, folder: Path, tmp_path: Path) -> None:
    second = session_folder(tmp_path / "tuesday", athlete="player-07", sensors=("lumbar", "pelvis"))
    out = tmp_path / "dataset"
    out.mkdir()
    FORMATS["bids"].write([exported(folder), exported(second)], out, Choices())
    validator = python.with_name("bids-validator-deno")
    run = subprocess.run([validator, "--json", out], capture_output=True, text=True, timeout=300)
    found = json.loads(run.stdout)
    wrong = [one for one in found["issues"]["issues"] if one["severity"] == "error"]
    assert not wrong, json.dumps(wrong)[:3000]
    assert found["summary"]["totalFiles"] > 20
    assert found["summary"]["modalities"] == ["motion"]


def test_pandas_polars_and_duckdb_read_the_tables(python: Path, folder: Path) -> None:
    found = said(python, PARQUET, folder / "review" / "angles.parquet")
    expected = [None if v != v else v for v in read_angles(folder, "review")["lumbar_flexion_deg"].to_pylist()]
    for name in ("pandas", "polars", "duckdb"):
        assert found[name] == expected, name
    assert found["said"]["hiphinge.athlete"] == "player 07/ü"
    assert found["said"]["hiphinge.start"] == "2026-11-23T14:05:00Z"
    assert json.loads(found["said"]["hiphinge.units"])["lumbar_flexion_deg"] == "deg"
