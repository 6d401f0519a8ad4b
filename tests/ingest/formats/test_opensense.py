"""Format opensense: orientations of a storage file, and lines that are none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import G0, HiphingeError
from ingest.formats import import_session
from ingest.formats.makers import opensense
from tests.ingest.formats.turning import turning

MOTION = turning(50.0, 8.0)
HEAD = ["DataRate=50.000000", "DataType=Quaternion", "version=3", "OpenSimVersion=4.5", "endheader"]


def rows() -> list[str]:
    cells = [",".join(f"{value:.9f}" for value in quat) for quat in MOTION.quat]
    return [f"{t:.2f}\t{cell}\t{cell}" for t, cell in zip(MOTION.time_s, cells, strict=True)]


def written(folder: Path, lines: list[str]) -> Path:
    (folder / "take_orientations.sto").write_text("\n".join([*lines, ""]))
    return folder / "take_orientations.sto"


def test_orientations_with_gravity_in_their_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opensense, "_BATCH", 60)
    session = import_session("opensense", written(tmp_path, [*HEAD, "time\tpelvis_imu\ttorso_imu", *rows()]))
    assert set(session.samples) == {"pelvis", "torso_imu"}
    one = session.samples["pelvis"]
    np.testing.assert_allclose(one.time_s, MOTION.time_s, atol=1e-9)
    np.testing.assert_allclose(one.quat, MOTION.quat, atol=1e-8)
    up = Rotation.from_quat(MOTION.quat, scalar_first=True).inv().apply([0.0, 0.0, G0])
    np.testing.assert_allclose(one.acc, up, atol=1e-6)
    assert any("no acceleration" in note and "z up" in note for note in session.notes)


def test_our_own_export_says_when_it_began_and_which_thigh(tmp_path: Path) -> None:
    head = [*HEAD[:-1], "hiphinge_start=2026-11-23T14:05:00.250Z", "hiphinge_athlete=player-07", "endheader"]
    session = import_session("opensense", written(tmp_path, [*head, "time\tfemur_r_imu\tfemur_l_imu", *rows()]))
    assert set(session.samples) == {"thigh_right", "thigh_left"}
    assert session.session.start == datetime(2026, 11, 23, 14, 5, 0, 250_000, tzinfo=UTC)
    head[-3] = "hiphinge_start=yesterday"
    with pytest.raises(HiphingeError, match="is no date with its zone"):
        import_session("opensense", written(tmp_path, [*head, "time\tfemur_r_imu\tfemur_l_imu", *rows()]))


FAULTS = {
    "no header": ("endheader", "end", 406, "no line endheader"),
    "angles": ("DataType=Quaternion", "DataType=double", 2, "holds no orientations"),
    "names": ("time\tpelvis", "t\tpelvis", 6, "the names do not begin with time"),
    "short line": ("0.04\t", "", 9, "2 cells, the names have 3"),
    "no quaternion": ("0.04\t", "0.04\tx", 9, "no quaternion w,x,y,z"),
    "length": ("0.04\t0", "0.04\t5", 9, "instead of 1"),
    "time": ("0.04\t", "0.02\t", 9, "time repeats"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_line_and_remedy(fault: str, tmp_path: Path) -> None:
    old, new, line, what = FAULTS[fault]
    lines = [*HEAD, "time\tpelvis_imu\ttorso_imu", *rows()]
    at = next(i for i, text in enumerate(lines) if old in text)
    lines[at] = lines[at].replace(old, new, 1)
    file = written(tmp_path, lines)
    with pytest.raises(HiphingeError) as caught:
        import_session("opensense", file)
    assert what in caught.value.what
    assert caught.value.where == f"{file}, line {line}"
    assert caught.value.remedy


def test_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="no rows after the names"):
        import_session("opensense", written(tmp_path, [*HEAD, "time\tpelvis_imu"]))
    (tmp_path / "other.sto").write_text("")
    with pytest.raises(HiphingeError, match=r"2 \.sto files"):
        import_session("opensense", tmp_path)
