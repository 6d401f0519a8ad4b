"""Format mvnx: sensors by name, orientation, acceleration with and without gravity, and files that are not whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import HiphingeError
from ingest.formats import import_session
from ingest.formats.makers import mvnx
from tests.ingest.formats.turning import turning

MOTION = turning(60.0, 10.0)
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<mvnx version="4" xmlns="http://www.xsens.com/mvn/mvnx">
<subject label="S" frameRate="60" segmentCount="2" recDateMSecsSinceEpoch="1795442700250">
<sensors><sensor label="Pelvis"/><sensor label="LeftUpperLeg"/></sensors>
<frames segmentCount="2" sensorCount="2">
"""
END = "</frames></subject></mvnx>\n"


def numbers(row: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in np.tile(row, 2))


def frame(i: int, **values: np.ndarray) -> str:
    inside = "".join(f"<{name}>{numbers(row)}</{name}>" for name, row in values.items())
    return f'<frame time="{i * 1000 // 60}" index="{i}" type="normal">{inside}</frame>\n'


def frames(count: int = len(MOTION.time_s)) -> list[str]:
    return [frame(i, sensorOrientation=MOTION.quat[i], sensorFreeAcceleration=MOTION.free[i]) for i in range(count)]


def written(folder: Path, text: str) -> Path:
    (folder / "take.mvnx").write_text(text)
    return folder / "take.mvnx"


def test_sensors_orientation_and_gravity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mvnx, "_BATCH", 64)
    pose = '<frame time="0" index="" type="tpose"><orientation>1 0 0 0</orientation></frame>\n'
    file = written(tmp_path, HEAD + pose + "".join(frames()) + END)
    session = import_session("mvnx", file)
    assert set(session.samples) == {"pelvis", "thigh_left"}
    assert session.session.start == datetime(2026, 11, 23, 14, 5, 0, 250_000, tzinfo=UTC)
    one = session.samples["thigh_left"]
    assert one.gyr is None
    assert one.quat is not None
    np.testing.assert_allclose(one.time_s, MOTION.time_s, atol=1e-9)
    np.testing.assert_allclose(one.acc, MOTION.acc, atol=5e-5)
    apart = Rotation.from_quat(one.quat, scalar_first=True).inv() * Rotation.from_quat(MOTION.quat, scalar_first=True)
    assert apart.magnitude().max() < 1e-5


def test_older_versions_have_acceleration_with_gravity_and_rates(tmp_path: Path) -> None:
    rows = [
        frame(i, sensorAcceleration=MOTION.acc[i], sensorAngularVelocity=MOTION.gyr[i], sensorOrientation=MOTION.quat[i])
        for i in range(len(MOTION.time_s))
    ]
    one = import_session("mvnx", written(tmp_path, HEAD + "".join(rows) + END)).samples["pelvis"]
    assert one.gyr is not None
    np.testing.assert_allclose(one.acc, MOTION.acc, atol=1e-5)
    np.testing.assert_allclose(one.gyr, MOTION.gyr, atol=1e-5)


def test_a_file_that_breaks_off_gives_the_frames_before(tmp_path: Path) -> None:
    text = HEAD + "".join(frames())
    session = import_session("mvnx", written(tmp_path, text[:-150]))
    assert len(session.samples["pelvis"]) == len(MOTION.time_s) - 1
    assert any("breaks off in line 605" in note for note in session.notes)


FAULTS = {
    "no XML": ("<frames", "no frames", "this is no MVNX file"),
    "another XML": ("sensorOrientation", "orientation", "no orientation of the sensors"),
    "no acceleration": ("sensorFreeAcceleration", "acceleration", "no acceleration of the sensors"),
    "a word": ("0.500000", "fast", "a frame holds what is no number"),
    "too few": ('<sensor label="LeftUpperLeg"/>', "", "numbers, 1 sensors need"),
    "no frames": ('type="normal"', 'type="tpose"', "no frames of a recording"),
    "not in order": ('index="7"', 'index="3"', "not in order of time"),
    "rate": ('frameRate="60"', 'frameRate="sixty"', "frameRate or date that is no number"),
    "entities": ("<mvnx version", '<!DOCTYPE x [<!ENTITY a "b">]><mvnx version', "defines entities"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_what_where_and_remedy(fault: str, tmp_path: Path) -> None:
    old, new, what = FAULTS[fault]
    text = HEAD + "".join(frames(30)) + END
    assert old in text
    file = written(tmp_path, text[:90] if fault == "no XML" else text.replace(old, new))
    with pytest.raises(HiphingeError) as caught:
        import_session("mvnx", file)
    assert what in caught.value.what
    assert "take.mvnx" in caught.value.where
    assert caught.value.remedy


def test_one_take_is_a_session(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match=r"no \.mvnx file"):
        import_session("mvnx", tmp_path)
    written(tmp_path, HEAD + "".join(frames()) + END)
    assert set(import_session("mvnx", tmp_path, placements={"Pelvis": "lumbar"}).samples) == {"lumbar", "thigh_left"}
