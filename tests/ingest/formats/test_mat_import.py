"""Format mat: arrays by name, from files written here and from the shared recordings in their original form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from body_signals import HiphingeError
from ingest.formats import ImportedSession, import_session
from ingest.formats.mapping import mat_import
from tests.ingest.formats.turning import turning

MAPPING = """rate_hz = "info.rate"
acc = { columns = ["imu.acc"], unit = "m/s2" }
gyr = { columns = ["data(:,2:4)"], unit = "deg/s" }
quat = { columns = ["q"] }
"""


def imported(folder: Path, mapping: str, file: Path | None = None) -> ImportedSession:
    (folder / "map.toml").write_text(mapping)
    return import_session("mat", file or folder / "pelvis.mat", mapping=folder / "map.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    motion = turning()
    data = np.column_stack((1e3 * motion.time_s + 5000.0, np.degrees(motion.gyr)))
    variables = {"imu": {"acc": motion.acc}, "data": data, "q": motion.quat.T, "info": {"rate": 100.0}, "note": "by hand"}
    savemat(tmp_path / "pelvis.mat", variables)
    return tmp_path


def test_arrays_by_name(folder: Path) -> None:
    motion = turning()
    for change in ("", 'time = { column = "data(:,1)", unit = "ms" }\n'):
        session = imported(folder, change + MAPPING)
        one = session.samples["pelvis"]
        np.testing.assert_allclose(one.time_s, motion.time_s, atol=1e-9)
        np.testing.assert_allclose(one.acc, motion.acc)
        assert one.gyr is not None
        assert one.quat is not None
        np.testing.assert_allclose(one.gyr, motion.gyr)
        np.testing.assert_allclose(one.quat, motion.quat)


FAULTS = {
    "no array": (
        "imu.acc",
        "imu.acceleration",
        "no array imu.acceleration; found data, imu.acc, info.rate",
        "Correct",
    ),
    "text": ("imu.acc", "note", "note is no array of numbers", "Correct"),
    "columns": ("(:,2:4)", "(:,2:5)", "data has 4 columns", "counted from 1"),
    "too many": ("data(:,2:4)", "data", "data has 4 columns, gyr needs 3", "data(:,1:3)"),
    "no name": ("imu.acc", "imu/acc", "names no array", "hip.acc"),
    "rate": ('"info.rate"', '"q"', "q has 1200 columns, rate_hz needs 1", "Name"),
    "unit": ('"m/s2"', '"g"', "median of |acc|", "unit of acc"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_what_and_remedy(folder: Path, fault: str) -> None:
    old, new, what, remedy = FAULTS[fault]
    assert old in MAPPING
    with pytest.raises(HiphingeError) as caught:
        imported(folder, MAPPING.replace(old, new))
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "pelvis.mat" in caught.value.where


def test_a_file_that_is_none_is_refused(folder: Path) -> None:
    whole = (folder / "pelvis.mat").read_bytes()
    for content in (b"", b"MATLAB", whole[:300], whole[: len(whole) // 2], whole[:124] + b"\x00\x02IM" + whole[128:]):
        (folder / "pelvis.mat").write_bytes(content)
        with pytest.raises(HiphingeError):
            imported(folder, MAPPING)
    with pytest.raises(HiphingeError, match="needs a mapping file"):
        import_session("mat", folder / "pelvis.mat")


@pytest.mark.parametrize(("form", "packed"), [("4", False), ("5", False), ("5", True)])
def test_more_numbers_than_are_read_whole_are_refused(
    form: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, monstrous = tmp_path / "pelvis.mat", np.zeros((200_000, 8))
    savemat(file, {"a": np.arange(5.0), "b": monstrous}, format=form, do_compression=packed)  # type: ignore[arg-type]
    # zeros pack well: 50 kB hold 13 MB
    assert (file.stat().st_size < 100_000) == packed
    monkeypatch.setattr(mat_import, "_MOST_BYTES", monstrous.nbytes + 1000)
    assert set(mat_import.mat_variables(file)) == {"a", "b"}
    monkeypatch.setattr(mat_import, "_MOST_BYTES", monstrous.nbytes - 1000)
    with pytest.raises(HiphingeError, match="GB of numbers, and it is read whole") as caught:
        mat_import.mat_variables(file)
    assert (caught.value.where, caught.value.remedy) == (str(file), "Export it as CSV, which is read in pieces.")


def test_a_file_of_empty_elements_ends(tmp_path: Path) -> None:
    (tmp_path / "pelvis.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + bytes(50_000_000))
    with pytest.raises(HiphingeError):
        mat_import.mat_variables(tmp_path / "pelvis.mat")


def test_samples_that_are_missing_or_repeat(folder: Path) -> None:
    motion = turning()
    stamps = motion.time_s.copy()
    stamps[500] = stamps[499]
    acc = motion.acc.copy()
    acc[300] = np.nan
    gyr = motion.gyr.copy()
    gyr[300] = np.nan
    savemat(folder / "pelvis.mat", {"t": stamps, "a": acc, "w": gyr})
    mapping = 'time = { column = "t", unit = "s" }\nacc = { columns = ["a"], unit = "m/s2" }\n'
    mapping += 'gyr = { columns = ["w"], unit = "rad/s" }\n'
    with pytest.raises(HiphingeError, match=r"t repeats 4\.99 of the sample before") as caught:
        imported(folder, mapping)
    assert caught.value.where.endswith("pelvis.mat, sample 501")
    assert "bad_lines" in caught.value.remedy
    session = imported(folder, "bad_lines = 1\n" + mapping)
    assert len(session.samples["pelvis"]) == len(stamps) - 2
    assert any("1 sample is left out; sample 501" in note for note in session.notes)
    assert any("1 sample has no values: counted as lost" in note for note in session.notes)


BROAD = """rate_hz = "sampling_rate"
acc = { columns = ["imu_acc"], unit = "m/s2" }
gyr = { columns = ["imu_gyr"], unit = "rad/s" }
mag = { columns = ["imu_mag"], unit = "uT" }
"""
JOINT = """rate_hz = "data.rate"
[[sensor]]
placement = "other"
name = "link_1"
acc = { columns = ["data.sensorData(:,1:3)"], unit = "m/s2" }
gyr = { columns = ["data.sensorData(:,4:6)"], unit = "rad/s" }
[[sensor]]
placement = "other"
name = "link_2"
acc = { columns = ["data.sensorData(:,7:9)"], unit = "m/s2" }
gyr = { columns = ["data.sensorData(:,10:12)"], unit = "rad/s" }
"""
ENCODER = """bad_lines = 200
time = { column = "all_time", unit = "s" }
[[sensor]]
placement = "other"
name = "shaft"
acc = { columns = ["all_accel_2_x", "all_accel_2_y", "all_accel_2_z"], unit = "g" }
gyr = { columns = ["all_gyro_2_x", "all_gyro_2_y", "all_gyro_2_z"], unit = "deg/s" }
"""
FULL_BODY = 'time = { column = "t", unit = "s" }\n' + "".join(
    f'[[sensor]]\nplacement = "{placement}"\nacc = {{ columns = ["{name}.acc"], unit = "m/s2" }}\n'
    f'gyr = {{ columns = ["{name}.gyr"], unit = "rad/s" }}\n'
    for placement, name in (
        ("lumbar", "lower_back"),
        ("pelvis", "hip"),
        ("thigh_left", "upper_leg_left"),
        ("thigh_right", "upper_leg_right"),
    )
)
SHARED = {
    "broad/12_undisturbed_slow_translation_C": (BROAD, "12_undisturbed_slow_translation_C", 2000 / 7),
    "two-imu-joint/data_2D_01": (JOINT, "link_2", 50.0),
    "two-imu-encoder/raw_roll_slow": (ENCODER, "shaft", 100.0),
    "qmt-full-body/full_body_example_data": (FULL_BODY, "thigh_right", 100.0),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_shared_recordings_in_their_original_form(name: str, shared: Path, tmp_path: Path) -> None:
    mapping, key, rate_hz = SHARED[name]
    file = shared / "data" / f"{name}.mat"
    session = imported(tmp_path, mapping, file)
    one = session.samples[key]
    assert np.median(np.diff(one.time_s)) == pytest.approx(1.0 / rate_hz, rel=2e-3)
    source = loadmat(file, squeeze_me=True, struct_as_record=False)
    if name.startswith("broad"):
        np.testing.assert_array_equal(one.acc, source["imu_acc"])
    elif name.startswith("two-imu-joint"):
        np.testing.assert_array_equal(one.gyr, source["data"].sensorData[:, 9:12])
    elif name.startswith("two-imu-encoder"):
        assert len(one) == len(source["all_time"]) - 179
        assert any("179 samples are left out" in note for note in session.notes)
    else:
        np.testing.assert_array_equal(one.gyr, source["upper_leg_right"].gyr)
        assert session.session.body == ("lumbar", "pelvis", "thigh_left", "thigh_right")
