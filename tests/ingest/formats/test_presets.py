"""Presets: a file as each product writes it, made here, becomes the samples that it was made from."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import HiphingeError
from ingest.formats import ImportedSession, import_session, presets
from tests.ingest.formats import product_files
from tests.ingest.formats.turning import Turning, turning

START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
MADE: dict[str, tuple[Callable[[Path, Turning], None], tuple[str, ...], datetime, float]] = {
    "shimmer": (product_files.shimmer, ("pelvis",), START, 2e-4),
    "witmotion": (product_files.witmotion, ("pelvis", "thigh_left"), START, 2e-4),
    "metabase": (product_files.metabase, ("pelvis", "lumbar"), START, 4e-3),
    "phyphox": (product_files.phyphox, ("Accelerometer",), START.replace(microsecond=500_000), 2e-4),
    "sensor-logger": (product_files.sensor_logger, ("Gyroscope",), START, 2e-4),
}
"""What writes the files, the sensors in them, their start, and how near the numbers are."""


def compare(imported: ImportedSession, key: str, motion: Turning, *, gyr: bool = True, within: float = 2e-4) -> None:
    one = imported.samples[key]
    true = turning(begin_s=float(motion.time_s[0]) + one.first_s)
    n = len(one)
    assert n > len(motion.time_s) - 5
    np.testing.assert_allclose(one.time_s - one.first_s, np.arange(n) / 100.0, atol=2e-6)
    np.testing.assert_allclose(one.acc, true.acc[:n], atol=within)
    if gyr:
        assert one.gyr is not None
        np.testing.assert_allclose(one.gyr, true.gyr[:n], atol=within)


@pytest.mark.parametrize("name", MADE)
def test_the_files_of_a_product_give_samples_and_start(name: str, tmp_path: Path) -> None:
    write, keys, start, within = MADE[name]
    motion = turning()
    write(tmp_path / "in", motion)
    imported = import_session(name, tmp_path / "in", scratch=tmp_path)
    assert set(imported.samples) == set(keys)
    assert imported.session.start == start
    for key in keys:
        compare(imported, key, motion, within=within)


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_a_zip_is_unpacked_and_removed(platform: str, tmp_path: Path) -> None:
    motion = turning()
    product_files.sensor_logger(tmp_path / "in", motion, platform)
    with zipfile.ZipFile(tmp_path / "recording.zip", "w") as archive:
        for file in (tmp_path / "in").iterdir():
            archive.write(file, file.name)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    imported = import_session("sensor-logger", tmp_path / "recording.zip", placements={"": "pelvis"}, scratch=scratch)
    compare(imported, "pelvis", motion)
    del imported
    assert list(scratch.iterdir()) == []
    whole = (tmp_path / "recording.zip").read_bytes()
    (tmp_path / "broken.zip").write_bytes(b"x" * 400 + whole[400:])
    with pytest.raises(HiphingeError):
        import_session("sensor-logger", tmp_path / "broken.zip", scratch=scratch)
    assert list(scratch.iterdir()) == []


ACC, GYR, FREE = (",".join(f"{name}_{a}" for a in "XYZ") for name in ("Acc", "Gyr", "FreeAcc"))
QUAT, EULER = ",".join(f"Quat_{a}" for a in "WXYZ"), ",".join(f"Euler_{a}" for a in "XYZ")
MODES = ["rates", "custom 5", "quaternion, free acceleration", "angles, free acceleration", "custom 1"]


@pytest.mark.parametrize("mode", MODES)
def test_payload_modes_of_dot(mode: str, tmp_path: Path) -> None:
    motion = turning()
    angles = Rotation.from_quat(motion.quat, scalar_first=True).as_euler("ZYX", degrees=True)[:, ::-1]
    degrees = np.degrees(motion.gyr)
    names, columns = {
        "rates": (f"{ACC},{GYR},Status", (motion.acc, degrees, np.zeros((len(degrees), 1)))),
        "custom 5": (f"{QUAT},{ACC},{GYR}", (motion.quat, motion.acc, degrees)),
        "quaternion, free acceleration": (f"{QUAT},{FREE}", (motion.quat, motion.free)),
        "angles, free acceleration": (f"{EULER},{FREE}", (angles, motion.free)),
        "custom 1": (f"{EULER},{FREE},{GYR}", (angles, motion.free, degrees)),
    }[mode]
    product_files.dot(tmp_path / "in", motion, names, *columns)
    imported = import_session("dot", tmp_path / "in")
    compare(imported, "pelvis", motion, gyr="Gyr" in names)
    # the clock has 32 bits; the zone of the start is a name that several zones have
    assert any("begins anew" in note for note in imported.notes)
    assert any("without a time zone" in note for note in imported.notes)
    assert imported.session.start == START.replace(microsecond=250_000)
    if "Quat" in names or "Euler" in names:
        quat = imported.samples["pelvis"].quat
        assert quat is not None
        apart = Rotation.from_quat(quat, scalar_first=True).inv() * Rotation.from_quat(motion.quat, scalar_first=True)
        assert apart.magnitude().max() < 1e-6


def test_what_a_preset_does_not_find_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    product_files.dot(folder, turning(), QUAT, turning().quat)
    with pytest.raises(HiphingeError, match=r"missing columns .*Acc_X"):
        import_session("dot", folder)
    (folder / "Pelvis_20261123.csv").write_text("t,a,b\n1,2,3\n")
    with pytest.raises(HiphingeError, match="no line of column names with SampleTimeFine") as caught:
        import_session("dot", folder)
    assert caught.value.where.endswith("Pelvis_20261123.csv, line 1")
    with pytest.raises(HiphingeError, match=r"no Gyroscope.csv"):
        import_session("sensor-logger", folder)


def test_it_is_asked_who_is_worn_where(tmp_path: Path) -> None:
    motion = turning()
    product_files.dot(tmp_path / "in", motion, f"{ACC},{GYR}", motion.acc, np.degrees(motion.gyr), tag="7")
    notes = import_session("dot", tmp_path / "in").notes
    assert any(note.startswith("worn where? ") and "=pelvis and so on" in note for note in notes)


def phone(folder: Path) -> Path:
    """A zip of phyphox."""
    product_files.phyphox(folder / "made", turning(seconds=6.0))
    return zipped(folder / "made", folder / "take.zip")


def zipped(made: Path, into: Path) -> Path:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(made.rglob("*.csv")):
            archive.write(file, file.relative_to(made))
    return into


def test_a_fault_within_a_zip_is_named_by_the_zip(tmp_path: Path) -> None:
    phone(tmp_path)
    for file, change, where in (
        ("Gyroscope.csv", lambda text: text.replace("0,", "x,", 200), "take.zip/Gyroscope.csv, line 2"),
        ("Gyroscope.csv", lambda _: "", "take.zip/Gyroscope.csv, line 1"),
        ("Accelerometer.csv", lambda text: text.replace("Acceleration", "Other"), "take.zip/Accelerometer.csv, line 1"),
    ):
        path = tmp_path / "made" / file
        text = path.read_text()
        path.write_text(change(text))
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        with pytest.raises(HiphingeError) as caught:
            import_session("phyphox", zipped(tmp_path / "made", tmp_path / "take.zip"), scratch=scratch)
        assert caught.value.where == f"{tmp_path}/{where}"
        assert not any(scratch.iterdir())
        path.write_text(text)
    (tmp_path / "made" / "Accelerometer.csv").unlink()
    with pytest.raises(HiphingeError, match=r"no Accelerometer.csv") as caught:
        import_session("phyphox", zipped(tmp_path / "made", tmp_path / "take.zip"))
    assert caught.value.where == str(tmp_path / "take.zip")


def test_a_sample_that_is_doubted_later_is_named_by_the_zip(tmp_path: Path) -> None:
    session = import_session("phyphox", phone(tmp_path))
    (where,) = session.where.values()
    assert where(1.0) == f"{tmp_path}/take.zip/Accelerometer.csv, line 102"


def test_a_zip_that_unfolds_to_far_more_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "take.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Accelerometer.csv", b"0" * 3_000_000)
    monkeypatch.setattr(presets, "_SMALL_BYTES", 1_000_000)
    with pytest.raises(HiphingeError, match="holds more than a recording can"):
        import_session("phyphox", tmp_path / "take.zip")
    monkeypatch.setattr(presets, "_SMALL_BYTES", 4_000_000)
    with pytest.raises(HiphingeError, match="a line has no end"):
        import_session("phyphox", tmp_path / "take.zip")


def test_a_zip_that_is_cut_is_said_to_be(tmp_path: Path) -> None:
    file = phone(tmp_path)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(HiphingeError, match="this zip file is cut") as caught:
        import_session("phyphox", file)
    assert caught.value.where == str(file)
