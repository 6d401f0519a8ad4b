"""Every shared recording becomes a plain session, reads back, and holds the numbers of its source."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from scipy.spatial.transform import Rotation

from body_signals import Session
from ingest.formats.plain import PlainSamples, PlainSession, read_plain, write_plain
from tests.recordings.load_research_sets import (
    BROAD,
    ENCODER,
    JOINT,
    RESEARCH_SETS,
    qmt_full_body,
    two_imu_encoder,
    xio_lower_body,
    xio_single,
    xsens_opensense,
)

pytestmark = pytest.mark.shared

ROWS = [0, 1, 517, 899]
"""Rows that are compared with an independent reading of the source."""

STATED_HZ = {f"broad/{trial}": ("imu", 2000 / 7, 1e-6) for trial in BROAD} | {
    f"two-imu-encoder/{trial}": ("shaft", 100.0, 2e-3) for trial in ENCODER
}
"""Of a research set: a sensor, its rate as the set's README says it, and how far off it may be."""


def through_files(tmp_path: Path, session: Session, samples: dict[str, PlainSamples]) -> PlainSession:
    """Written, read back, and checked to hold every sample once."""
    write_plain(tmp_path / "session", session, samples)
    read = read_plain(tmp_path / "session")
    assert [s.key for s in read.session.sensors] == [s.key for s in session.sensors]
    assert read.warnings == []
    for key, one in samples.items():
        back = read.samples[key]
        np.testing.assert_array_equal(back.time_s, one.time_s)
        for name in ("acc", "gyr", "quat", "mag_ut"):
            values = getattr(one, name)
            assert (getattr(back, name) is None) == (values is None)
            if name == "quat" and values is not None:
                values = values / np.linalg.norm(values, axis=1, keepdims=True)
            if values is not None:
                np.testing.assert_allclose(getattr(back, name), values, rtol=1e-7, atol=1e-9 if name == "quat" else 1e-20)
    blocks = [block for batch in read.batches() for block in batch]
    seq = np.sort(np.concatenate([block.seq for block in blocks]))
    np.testing.assert_array_equal(seq, np.arange(sum(len(one) for one in samples.values())))
    return read


@pytest.mark.parametrize("name", RESEARCH_SETS)
def test_research_set(name: str, shared: Path, tmp_path: Path) -> None:
    research = RESEARCH_SETS[name](shared)
    read = through_files(tmp_path, research.session, research.samples)
    if name in STATED_HZ:
        key, rate_hz, off = STATED_HZ[name]
        assert read.rates_hz[key] == pytest.approx(rate_hz, rel=off)
    truth = research.truth
    assert truth.scored.shape == truth.time_s.shape
    assert truth.scored.any()
    for key, samples in read.samples.items():
        np.testing.assert_array_equal(samples.time_s, truth.time_s)
        if key in truth.quat:
            assert np.isfinite(truth.quat[key][truth.scored]).all()
            assert mean_tilt_deg(truth.quat[key][truth.scored], samples.acc[truth.scored]) < 5.0


def mean_tilt_deg(quat: np.ndarray, acc: np.ndarray) -> float:
    """Angle between the vertical and the mean of the specific force in the earth frame, where accelerations cancel."""
    mean = Rotation.from_quat(quat, scalar_first=True).apply(acc.copy()).mean(axis=0)
    return float(np.degrees(np.arccos(mean[2] / np.linalg.norm(mean))))


@pytest.mark.parametrize("trial", BROAD)
def test_broad_rows(trial: str, shared: Path) -> None:
    research = RESEARCH_SETS[f"broad/{trial}"](shared)
    source = loadmat(shared / "data" / "broad" / f"{trial}.mat")
    imu = research.samples["imu"]
    for row in ROWS:
        assert imu.acc[row].tolist() == source["imu_acc"][row].tolist()
        assert imu.gyr is not None
        assert imu.gyr[row].tolist() == source["imu_gyr"][row].tolist()
        assert imu.mag_ut is not None
        assert imu.mag_ut[row].tolist() == source["imu_mag"][row].tolist()
        assert imu.time_s[row] == pytest.approx(row / source["sampling_rate"].item())
    assert not research.truth.scored[np.isnan(source["opt_quat"]).any(axis=1)].any()


@pytest.mark.parametrize("trial", JOINT)
def test_joint_rows(trial: str, shared: Path) -> None:
    research = RESEARCH_SETS[f"two-imu-joint/{trial}"](shared)
    source = loadmat(shared / "data" / "two-imu-joint" / f"{trial}.mat")["data"][0, 0]
    for row in ROWS:
        values = []
        for key in ("link_1", "link_2"):
            gyr = research.samples[key].gyr
            assert gyr is not None
            values += [*research.samples[key].acc[row].tolist(), *gyr[row].tolist()]
        assert values == source["sensorData"][row].tolist()
        assert [*research.truth.quat["link_1"][row], *research.truth.quat["link_2"][row]] == source["ref"][row, :8].tolist()
        assert research.samples["link_2"].time_s[row] == row / 50


@pytest.mark.parametrize("trial", ENCODER)
def test_encoder_rows(trial: str, shared: Path) -> None:
    research = two_imu_encoder(shared, trial)
    source = loadmat(shared / "data" / "two-imu-encoder" / f"{trial}.mat")
    times = source["all_time"].ravel()
    repeats = int(np.count_nonzero(np.diff(times) == 0.0))
    assert repeats == {"raw_pitch_slow": 18, "raw_roll_slow": 179}[trial]
    assert len(research.truth.time_s) == len(times) - repeats
    for at in (0.0, 101.0, 1400.0):
        row = int(np.searchsorted(times, times[0] + at))  # the first of rows that share a time
        mine = int(np.searchsorted(research.truth.time_s, times[row]))
        assert research.truth.time_s[mine] == times[row]
        assert research.truth.angle_deg is not None
        assert research.truth.angle_deg[mine] == source["all_encoder"].ravel()[row]
        shaft = research.samples["shaft"]
        assert shaft.gyr is not None
        assert shaft.acc[mine, 2] == source["all_accel_2_z"].ravel()[row] * 9.80665
        assert shaft.gyr[mine, 1] == pytest.approx(source["all_gyro_2_y"].ravel()[row] * np.pi / 180)


def test_full_body(shared: Path) -> None:
    research = qmt_full_body(shared)
    source = loadmat(shared / "data" / "qmt-full-body" / "full_body_example_data.mat")
    assert len(research.samples) == 16
    assert research.session.body == ("lumbar", "pelvis", "thigh_left", "thigh_right")
    names = {"lumbar": "lower_back", "pelvis": "hip", "thigh_left": "upper_leg_left", "thigh_right": "upper_leg_right"}
    for key, samples in research.samples.items():
        segment = source[names.get(key, key)][0, 0]
        assert samples.gyr is not None
        for row in ROWS:
            assert samples.time_s[row] == source["t"].ravel()[row]
            assert samples.acc[row].tolist() == segment["acc"][row].tolist()
            assert samples.gyr[row].tolist() == segment["gyr"][row].tolist()
    assert list(qmt_full_body(shared, others=False).samples) == list(names)


def test_full_body_mounting_agrees_with_gravity(shared: Path) -> None:
    """Up points up while standing; the thighs' fronts point up while sitting; the pelvis leans back then."""
    research = qmt_full_body(shared, others=False)
    standing, sitting = (
        {key: one.acc[(one.time_s > a) & (one.time_s < b)].mean(axis=0) for key, one in research.samples.items()}
        for a, b in research.truth.windows
    )
    for sensor in research.session.sensors:
        assert sensor.mounting is not None
        up, left = sensor.mounting.up_axis, sensor.mounting.left_axis
        front = np.cross(left, up)
        assert standing[sensor.key] @ up > 9.0
        assert abs(standing[sensor.key] @ left) < 3.0
        before, after = standing[sensor.key], sitting[sensor.key]
        turned = np.degrees(np.arccos(before @ after / np.linalg.norm(before) / np.linalg.norm(after)))
        assert turned == pytest.approx(research.truth.turned_deg[sensor.key], abs=0.3)
        if sensor.key.startswith("thigh"):
            assert after @ front > 9.0
        else:
            # leaning back turns the front side up: the pelvis does, the lower back leans forward
            assert np.sign(after @ front - before @ front) == (1 if sensor.key == "pelvis" else -1)


def test_xio_single(shared: Path, tmp_path: Path) -> None:
    imported = xio_single(shared, tmp_path)
    read = through_files(tmp_path, imported.session, imported.samples)
    assert read.rates_hz == {"imu": 100.0}
    source = (shared / "data" / "xio-single" / "sensor_data.csv").read_text().splitlines()
    imu = imported.samples["imu"]
    assert len(imu) == len(source) - 1 == 13_514
    assert imu.gyr is not None
    assert imu.mag_ut is not None
    for row in ROWS:
        values = [float(cell) for cell in source[row + 1].split(",")]
        assert imu.time_s[row] == pytest.approx(values[0], abs=1e-9)
        assert imu.gyr[row].tolist() == pytest.approx([v * np.pi / 180 for v in values[1:4]])
        assert imu.acc[row].tolist() == pytest.approx([v * 9.80665 for v in values[4:7]])
        assert imu.mag_ut[row].tolist() == values[7:]


def test_xio_lower_body(shared: Path, tmp_path: Path) -> None:
    imported = xio_lower_body(shared)
    read = through_files(tmp_path, imported.session, imported.samples)
    assert {key: len(one) for key, one in imported.samples.items()} == {"thigh_left": 920, "thigh_right": 902, "pelvis": 900}
    (batch,) = read.batches()
    due = {block.sensor: len(block) + int(block.lost.sum()) for block in batch}
    assert all(abs(count - 929) <= 1 for count in due.values())
    assert all(int(block.lost.max()) <= 2 for block in batch)
    names = {"pelvis": "pelvis 64F0EDBF", "thigh_left": "Left Upper Leg 64F61CC4", "thigh_right": "Right Upper Leg 64F61C2E"}
    for key, name in names.items():
        source = (shared / "data" / "xio-lower-body" / f"{name} (UDP)" / "Inertial.csv").read_text().splitlines()
        samples = imported.samples[key]
        assert samples.gyr is not None
        assert samples.quat is not None
        for row in ROWS:
            values = [float(cell) for cell in source[row + 1].split(",")]
            assert samples.time_s[row] == pytest.approx((values[0] - 917_418_209) / 1e6, abs=1e-9)
            assert samples.gyr[row].tolist() == pytest.approx([v * np.pi / 180 for v in values[1:4]])
            assert samples.acc[row].tolist() == pytest.approx([v * 9.80665 for v in values[4:7]])
        assert mean_tilt_deg(samples.quat, samples.acc) < 5.0


def test_xsens_opensense(shared: Path, tmp_path: Path) -> None:
    imported = xsens_opensense(shared)
    read = through_files(tmp_path, imported.session, imported.samples)
    assert set(read.rates_hz.values()) == {100.0}
    serials = {"torso": "00B42268", "pelvis": "00B42279", "thigh_right": "00B4227C", "thigh_left": "00B421EE"}
    for key, serial in serials.items():
        source = (shared / "data" / "xsens-opensense" / f"MT_012005D6_009-001_{serial}.txt").read_text().splitlines()
        samples = imported.samples[key]
        assert len(samples) == len(source) - 6
        assert samples.gyr is None
        assert samples.quat is not None
        matrices = Rotation.from_quat(samples.quat, scalar_first=True).as_matrix()
        for row in ROWS:
            cells = source[row + 6].split("\t")
            assert samples.time_s[row] == pytest.approx((int(cells[0]) - 472) / 100)
            assert samples.acc[row].tolist() == [float(cell) for cell in cells[14:17]]
            by_columns = matrices[row].T.ravel().tolist()
            assert by_columns == pytest.approx([float(cell) for cell in cells[17:26]], abs=3e-6)
        assert mean_tilt_deg(samples.quat, samples.acc) < 5.0


def test_no_shared_recording_is_forgotten(shared: Path) -> None:
    folders = {folder.name for folder in (shared / "data").iterdir() if folder.is_dir()}
    assert folders == {name.split("/")[0] for name in RESEARCH_SETS} | {"xio-single", "xio-lower-body", "xsens-opensense"}
    files = {f"{p.parent.name}/{p.stem}" for p in (shared / "data").glob("*/*.mat")}
    assert files == {name for name in RESEARCH_SETS if "/" in name} | {"qmt-full-body/full_body_example_data"}
