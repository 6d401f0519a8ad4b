"""Format xio-lower-body: x-IMU3 log folders."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from body_signals import HiphingeError, Placement
from ingest.formats import ImportedSession, import_session
from ingest.formats.placement_names import placement_named
from ingest.formats.text import cells
from ingest.formats.text.lines import line_blocks

INERTIAL = (
    "Timestamp (us),Gyroscope X (deg/s),Gyroscope Y (deg/s),Gyroscope Z (deg/s),"
    "Accelerometer X (g),Accelerometer Y (g),Accelerometer Z (g)"
)


def device(log: Path, name: str, serial: str, begin_us: int = 917_000_000, step_us: int = 20_000, rows: int = 100) -> Path:
    folder = log / f"{name} {serial} (UDP)"
    folder.mkdir(parents=True)
    stamps = [begin_us + i * step_us for i in range(rows) if i != 50]
    (folder / "Inertial.csv").write_text(
        "\n".join([INERTIAL, *(f"{t},180.000000,-90,0,0.5,1.000000,0" for t in stamps)]) + "\n"
    )
    command = [{"ping": {"interface": "UDP", "name": name.title(), "sn": serial}}, {"time": "2023-09-16 02:06:24"}]
    (folder / "Command.json").write_text(json.dumps(command))
    return folder


def extra(folder: Path, file: str, header: str, stamps: list[int], values: str) -> None:
    (folder / file).write_text("\n".join([header, *(f"{t},{values}" for t in stamps)]))


def imported(log: Path, **placements: str) -> ImportedSession:
    return import_session("xio-lower-body", log, placements=placements)


def test_units_time_and_placements(tmp_path: Path) -> None:
    device(tmp_path, "pelvis", "64F0EDBF", begin_us=917_010_000)
    device(tmp_path, "Left Upper Leg", "64F61CC4")
    device(tmp_path, "Right Foot", "64F61CC5", step_us=20_042)
    session = imported(tmp_path)
    assert {s.key: s.placement for s in session.session.sensors} == {
        "thigh_left": Placement.THIGH_LEFT,
        "pelvis": Placement.PELVIS,
        "Right Foot": Placement.OTHER,
    }
    assert session.session.start == datetime(2023, 9, 16, 2, 6, 24, tzinfo=UTC)
    assert any("taken as UTC" in note for note in session.notes)
    pelvis, thigh = session.samples["pelvis"], session.samples["thigh_left"]
    assert thigh.time_s[[0, 1, 49, 50]].tolist() == [0.0, 0.02, 0.98, 1.02]
    assert pelvis.time_s[0] == 0.01
    assert pelvis.acc[3].tolist() == pytest.approx([4.903325, 9.80665, 0.0])
    assert pelvis.gyr is not None
    assert pelvis.gyr[3].tolist() == pytest.approx([np.pi, -np.pi / 2, 0.0])
    assert (pelvis.quat, pelvis.mag_ut) == (None, None)


def test_other_messages_are_kept_only_where_the_times_agree(tmp_path: Path) -> None:
    folder = device(tmp_path, "pelvis", "64F0EDBF", rows=30)
    stamps = [917_000_000 + i * 20_000 for i in range(30)]
    quat, mag = "Timestamp (us),W,X,Y,Z", "Timestamp (us),X (uT),Y (uT),Z (uT)"
    extra(folder, "Quaternion.csv", quat, stamps, "0.8,0,0.6,0")
    extra(folder, "Magnetometer.csv", mag, stamps, "10,20,30")
    both = imported(tmp_path).samples["pelvis"]
    assert both.quat is not None
    assert both.mag_ut is not None
    assert (both.quat[9].tolist(), both.mag_ut[9].tolist()) == ([0.8, 0.0, 0.6, 0.0], [10.0, 20.0, 30.0])
    extra(folder, "Quaternion.csv", quat, stamps[1:], "0.8,0,0.6,0")
    extra(folder, "Magnetometer.csv", mag.replace("uT", "a.u."), stamps, "10,20,30")
    session = imported(tmp_path)
    assert (session.samples["pelvis"].quat, session.samples["pelvis"].mag_ut) == (None, None)
    assert any("Quaternion.csv is left out, it has other time stamps" in note for note in session.notes)
    assert any("Magnetometer.csv is left out, its unit is not known" in note for note in session.notes)


def test_placements_by_serial_name_or_folder(tmp_path: Path) -> None:
    device(tmp_path, "One", "64F0EDBF")
    device(tmp_path, "Two", "64F0EDC0")
    device(tmp_path, "Three", "64F0EDC1")
    placed = import_session(
        "xio-lower-body",
        tmp_path,
        placements={"64F0EDBF": "lumbar", "Two": "pelvis", "Three 64F0EDC1 (UDP)": "other:barbell"},
    )
    assert {s.key for s in placed.session.sensors} == {"lumbar", "pelvis", "barbell"}


def test_a_single_device_and_a_folder_without_command(tmp_path: Path) -> None:
    folder = device(tmp_path, "Lower Back", "64F0EDBF")
    (folder / "Command.json").unlink()
    session = imported(folder)
    assert [s.placement for s in session.session.sensors] == [Placement.LUMBAR]
    assert session.session.start.year == 1970
    assert [s.key for s in imported(folder, **{"64F0EDBF": "pelvis"}).session.sensors] == ["pelvis"]


@pytest.mark.parametrize(
    ("name", "placement"),
    [
        ("Pelvis", Placement.PELVIS),
        ("sacrum 2", Placement.PELVIS),
        ("LUMBAR", Placement.LUMBAR),
        ("lower-back", Placement.LUMBAR),
        ("T12", Placement.LUMBAR),
        ("Left Upper Leg", Placement.THIGH_LEFT),
        ("thigh_right", Placement.THIGH_RIGHT),
        ("Right Lower Leg", None),
        ("Upper Leg", None),
        ("Ankle L12", None),
    ],
)
def test_names_of_body_parts(name: str, placement: Placement | None) -> None:
    assert placement_named(name) is placement


FAULTS = {
    "missing column": ("Accelerometer Z (g)", "Accelerometer Z (m/s^2)", 1, "missing column Accelerometer Z (g)", "units"),
    "text": ("917060000,180.000000", "917060000,fast", 5, "Gyroscope X (deg/s) holds 'fast'", "Correct this cell"),
    "short line": ("917060000,180.000000,", "917060000,", 5, "a short line", "Complete"),
    "backwards": ("917060000,", "17060000,", 5, "runs backwards", "order of time"),
    "units": ("1.000000", "9.81", 2, "median of |acc|", "Check the units"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_file_says_line_and_remedy(tmp_path: Path, fault: str) -> None:
    old, new, line, what, remedy = FAULTS[fault]
    file = device(tmp_path, "pelvis", "64F0EDBF") / "Inertial.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(HiphingeError) as caught:
        imported(tmp_path)
    assert caught.value.where == f"{file}, line {line}"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_calls_that_cannot_be_answered(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="no x-IMU3 log") as caught:
        imported(tmp_path)
    assert caught.value.remedy
    with pytest.raises(HiphingeError, match="not found"):
        imported(tmp_path / "none")
    folder = device(tmp_path, "pelvis", "64F0EDBF")
    device(tmp_path, "Pelvis spare", "64F0EDC0")
    with pytest.raises(HiphingeError, match="two sensors on one placement: pelvis") as caught:
        imported(tmp_path)
    assert "--placement" in caught.value.remedy
    assert len(imported(tmp_path, **{"64F0EDC0": "other"}).samples) == 2
    with pytest.raises(HiphingeError, match="there is no sensor '123'") as caught:
        imported(tmp_path, **{"123": "pelvis", "64F0EDC0": "other"})
    assert "64F0EDBF" in caught.value.remedy
    (folder / "Command.json").write_text("[1, 2]")
    with pytest.raises(HiphingeError, match="no answers of an x-IMU3") as caught:
        imported(tmp_path, **{"64F0EDC0": "other"})
    assert caught.value.where == str(folder / "Command.json")
    (folder / "Quaternion.csv").write_text("Timestamp (us),W,X,Y,Z\n")
    (folder / "Command.json").unlink()
    with pytest.raises(HiphingeError, match=r"Quaternion.csv, line 1: no data rows"):
        imported(folder)


def test_the_newer_software_names_device_and_serial_number_otherwise(tmp_path: Path) -> None:
    for serial in ("9F78-5410-EC7B-D9FF", "1111-2222-3333-4444"):
        folder = device(tmp_path, "x-IMU3", serial, rows=30)
        command = [{"ping": {"deviceName": "x-IMU3", "interface": "TCP", "serialNumber": serial}}]
        (folder / "Command.json").write_text(json.dumps(command))
        stamps = [917_000_000 + i * 20_000 for i in range(30)]
        extra(folder, "Quaternion.csv", "Timestamp (us),W Element,X Element,Y Element,Z Element", stamps, "0.8,0,0.6,0")
    both = import_session("ximu3", tmp_path)
    assert set(both.samples) == {"x-IMU3 9F78-5410-EC7B-D9FF", "x-IMU3 1111-2222-3333-4444"}
    placed = import_session("ximu3", tmp_path, placements={"9F78-5410-EC7B-D9FF": "pelvis", "1111-2222-3333-4444": "lumbar"})
    assert set(placed.samples) == {"pelvis", "lumbar"}
    assert placed.samples["pelvis"].quat is not None


def test_a_device_whose_clock_was_set_gives_the_start(tmp_path: Path) -> None:
    folder = device(tmp_path, "pelvis", "64F0EDBF", begin_us=1_795_442_700_500_000)
    (folder / "Command.json").unlink()
    session = imported(tmp_path)
    assert session.session.start == datetime(2026, 11, 23, 14, 5, 0, 500_000, tzinfo=UTC)
    assert session.samples["pelvis"].time_s[1] == 0.02


def test_blocks_of_any_size_give_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = device(tmp_path, "pelvis", "64F0EDBF", rows=300)
    stamps = [917_000_000 + i * 20_000 for i in range(300) if i != 50]
    quat, mag = "Timestamp (us),W,X,Y,Z", "Timestamp (us),X (uT),Y (uT),Z (uT)"
    extra(folder, "Quaternion.csv", quat, stamps, "0.8,0,0.6,0")
    extra(folder, "Magnetometer.csv", mag, stamps[:-1], "10,20,30")
    whole = imported(tmp_path)
    monkeypatch.setattr(cells, "line_blocks", partial(line_blocks, block_bytes=500))
    parts = imported(tmp_path)
    for name in ("time_s", "acc", "gyr", "quat"):
        np.testing.assert_array_equal(getattr(parts.samples["pelvis"], name), getattr(whole.samples["pelvis"], name))
    assert (whole.samples["pelvis"].mag_ut, parts.notes) == (None, whole.notes)
    assert any("Magnetometer.csv is left out, it has other time stamps" in note for note in parts.notes)
    # one message more than there are samples, or another time far into the file
    for other in ([*stamps, 1_000_000_000], [*stamps[:-5], *(at + 1 for at in stamps[-5:])]):
        extra(folder, "Magnetometer.csv", mag, other, "10,20,30")
        assert imported(tmp_path).samples["pelvis"].mag_ut is None
    extra(folder, "Magnetometer.csv", mag, stamps, "10,20,30")
    mag_ut = imported(tmp_path).samples["pelvis"].mag_ut
    assert mag_ut is not None
    assert mag_ut.shape == (299, 3)


@pytest.mark.parametrize("fault", ["backwards", "text", "short line"])
def test_a_fault_in_a_later_block_says_its_line(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "line_blocks", partial(line_blocks, block_bytes=40))
    test_fault_of_a_file_says_line_and_remedy(tmp_path, fault)
