"""Format apdm: monitors of an HDF5 file; without its package one clear line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import HiphingeError
from ingest.formats import import_session
from ingest.formats.makers import apdm
from tests.ingest.formats.turning import turning

MOTION = turning(128.0, 10.0)
BEGIN_US = 1_795_442_700_250_000


@pytest.fixture
def h5() -> Any:
    return pytest.importorskip("h5py", reason="the package h5py (extra apdm) is not installed")


def written(h5: Any, folder: Path) -> Path:
    with h5.File(folder / "take.h5", "w") as file:
        for serial, label, late_us in (("1001", b"Lumbar  ", 0), ("1002", b"Left Thigh", 3_000), ("1003", b"Sternum", 0)):
            group = file.create_group(f"Sensors/{serial}")
            group.create_group("Configuration").attrs["Label 0"] = label
            group["Time"] = (BEGIN_US + late_us + np.round(MOTION.time_s * 1e6)).astype(np.uint64)
            group["Accelerometer"], group["Gyroscope"], group["Magnetometer"] = MOTION.acc, MOTION.gyr, 5.0 * MOTION.acc
    return folder / "take.h5"


def test_monitors_by_their_labels(h5: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apdm, "_BLOCK", 300)
    session = import_session("apdm", written(h5, tmp_path))
    assert set(session.samples) == {"lumbar", "thigh_left", "Sternum"}
    assert session.session.start == datetime(2026, 11, 23, 14, 5, 0, 250_000, tzinfo=UTC)
    one = session.samples["thigh_left"]
    np.testing.assert_allclose(one.time_s, 0.003 + MOTION.time_s, atol=1e-6)
    np.testing.assert_array_equal(one.acc, MOTION.acc)
    np.testing.assert_array_equal(one.gyr, MOTION.gyr)
    assert one.mag_ut is not None
    assert set(import_session("apdm", tmp_path, placements={"1003": "pelvis"}).samples) == {"lumbar", "thigh_left", "pelvis"}


def test_faults_say_where(h5: Any, tmp_path: Path) -> None:
    file = written(h5, tmp_path)
    with h5.File(file, "a") as whole:
        whole["Sensors/1002/Time"][700] = BEGIN_US
    with pytest.raises(HiphingeError, match="Time repeats or runs backwards") as caught:
        import_session("apdm", file)
    assert caught.value.where == f"{file}, Left Thigh, sample 701"
    with h5.File(file, "a") as whole:
        del whole["Sensors/1002/Gyroscope"]
    with pytest.raises(HiphingeError, match="monitor 1002 has no Gyroscope"):
        import_session("apdm", file)
    for content in (b"", b"no HDF5", file.read_bytes()[:3000]):
        file.write_bytes(content)
        with pytest.raises(HiphingeError) as caught:
            import_session("apdm", file)
        assert caught.value.remedy


def test_without_its_package_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "take.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(HiphingeError, match="needs the package h5py") as caught:
        import_session("apdm", tmp_path / "take.h5")
    assert caught.value.remedy == "pip install 'hiphinge[apdm]'"
