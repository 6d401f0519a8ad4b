"""Files that are not as a program wrote them: compressed, cut, joined, saved by another program: read, or said to be
what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from body_signals import G0, Floats, HiphingeError
from ingest.formats import ImportedSession, import_session
from tests.ingest.formats.cwa_files import Ax
from tests.ingest.formats.product_files import cells, metabase, phyphox, sensor_logger, shimmer, witmotion, write
from tests.ingest.formats.turning import Turning, turning

MOTION = turning(100.0, 6.0)
MAPPING = """time = { column = "t", unit = "s" }
acc = { columns = ["ax", "ay", "az"], unit = "m/s2" }
gyr = { columns = ["gx", "gy", "gz"], unit = "rad/s" }
"""


def rows(*columns: Floats, stamps: list[str], delimiter: str = ",") -> list[str]:
    values = np.column_stack(columns)
    return [f"{at}{delimiter}{cells(row, delimiter, '.6f')}" for at, row in zip(stamps, values, strict=True)]


def table(folder: Path, motion: Turning) -> None:
    stamps = [f"{t:.4f}" for t in motion.time_s]
    write(folder / "pelvis.csv", ["t,ax,ay,az,gx,gy,gz", *rows(motion.acc, motion.gyr, stamps=stamps)])


def xsens(folder: Path, motion: Turning) -> None:
    names = ["PacketCounter", *(f"{of}_{axis}" for of in ("Acc", "Gyr") for axis in "XYZ")]
    lines = rows(motion.acc, motion.gyr, stamps=[str(i) for i in range(len(motion.time_s))], delimiter="\t")
    write(folder / "MT_0120_000_A.txt", ["// Start Time: Unknown", "// Update Rate: 100.0Hz", "\t".join(names), *lines])


def ximu3(folder: Path, motion: Turning) -> None:
    names = [f"{of} {axis} ({unit})" for of, unit in (("Gyroscope", "deg/s"), ("Accelerometer", "g")) for axis in "XYZ"]
    stamps = [f"{917_000_000 + round(1e6 * t)}" for t in motion.time_s]
    lines = rows(np.degrees(motion.gyr), motion.acc / G0, stamps=stamps)
    write(folder / "pelvis 64F0EDBF" / "Inertial.csv", [",".join(["Timestamp (us)", *names]), *lines])


def storage(folder: Path, motion: Turning) -> None:
    lines = [f"{t:.4f}\t{cells(quat)}" for t, quat in zip(motion.time_s, motion.quat, strict=True)]
    write(folder / "take.sto", ["DataType=Quaternion", "version=3", "endheader", "time\tpelvis_imu", *lines])


def ax6(folder: Path, motion: Turning) -> None:
    ax = Ax(rate_hz=100.0)
    ax.write(folder / "CWA-DATA.CWA", ax.counts(motion))


def arrays(folder: Path, motion: Turning) -> None:
    acc, gyr = (
        dict(zip(names, of.T, strict=True))
        for names, of in ((("ax", "ay", "az"), motion.acc), (("gx", "gy", "gz"), motion.gyr))
    )
    savemat(folder / "pelvis.mat", {"t": motion.time_s, **acc, **gyr})


TEXT = {
    "csv": (table, "pelvis.csv"),
    "shimmer": (shimmer, "pelvis_Session1_Shimmer_68B7_Calibrated_PC.csv"),
    "witmotion": (witmotion, "data.txt"),
    "metabase": (metabase, "pelvis_2026-11-23_Gyroscope_100.000Hz_1.7.3.csv"),
    "phyphox": (phyphox, "Gyroscope.csv"),
    "sensor-logger": (sensor_logger, "Gyroscope.csv"),
    "xsens-mt": (xsens, "MT_0120_000_A.txt"),
    "ximu3": (ximu3, "pelvis 64F0EDBF/Inertial.csv"),
}
ALL = {**TEXT, "opensense": (storage, "take.sto"), "axivity": (ax6, "CWA-DATA.CWA"), "mat": (arrays, "pelvis.mat")}
each_text = pytest.mark.parametrize("name", TEXT)
each = pytest.mark.parametrize("name", ALL)


def changed(name: str, folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """The recording in the format with its file changed; that file."""
    make, file = ALL[name]
    make(folder, MOTION)
    path = folder / file
    path.write_bytes(change(path.read_bytes()))
    return path


def imported(name: str, folder: Path) -> ImportedSession:
    mapping = folder.parent / "map.toml"
    mapping.write_text(MAPPING)
    source = folder / "pelvis.mat" if name == "mat" else folder
    return import_session(name, source, mapping=mapping if name in ("csv", "mat") else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recording").mkdir()
    return tmp_path / "recording"


def in_text(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    return lambda content: "\n".join(change(content.decode().split("\n"))).encode()


def names_again(lines: list[str]) -> list[str]:
    """The line of names once more, in the middle, as a program writes it that goes on with a file."""
    names = next(line for line in lines if line.count(max(",;\t", key=line.count)) > 2 and "0.0" not in line)
    return [*lines[: len(lines) // 2], names, *lines[len(lines) // 2 :]]


SOUND: dict[str, Callable[[bytes], bytes]] = {
    "a mark of UTF-8": lambda content: b"\xef\xbb\xbf" + content,
    "CR LF": lambda content: content.replace(b"\n", b"\r\n"),
    "CR": lambda content: content.replace(b"\n", b"\r"),
    "CR CR LF": lambda content: content.replace(b"\n", b"\r\r\n"),
    "no last line end": lambda content: content.rstrip(b"\n"),
    "names again": in_text(names_again),
}


@pytest.mark.parametrize("kind", SOUND)
@each_text
def test_the_samples_stay_the_same(name: str, kind: str, folder: Path, tmp_path: Path) -> None:
    changed(name, folder, SOUND[kind])
    (tmp_path / "sound" / "recording").mkdir(parents=True)
    ALL[name][0](tmp_path / "sound" / "recording", MOTION)
    found, sound = imported(name, folder), imported(name, tmp_path / "sound" / "recording")
    assert found.session.start == sound.session.start
    assert list(found.samples) == list(sound.samples)
    for key, one in found.samples.items():
        for values in ("time_s", "acc", "gyr"):
            np.testing.assert_array_equal(getattr(one, values), getattr(sound.samples[key], values))
    if kind == "names again":
        assert any("1 line repeats the names of the columns" in note for note in found.notes)


@each_text
def test_a_line_that_is_torn_at_the_end_is_left_out_and_said(name: str, folder: Path) -> None:
    changed(name, folder, lambda content: content[: content[: len(content) * 2 // 3].rfind(b"\n") + 7])
    session = imported(name, folder)
    assert any("is torn and left out" in note for note in session.notes)
    assert not any("gyroscope values" in note for note in session.notes)


def test_a_line_of_xsens_that_is_torn_within_the_gyroscope(folder: Path) -> None:
    changed("xsens-mt", folder, lambda content: content[: content.rstrip().rfind(b"\t") + 1])
    session = imported("xsens-mt", folder)
    assert len(session.samples["A"]) == len(MOTION.time_s) - 1
    assert any("the last line, 603, is torn and left out" in note for note in session.notes)
    assert not any("gyroscope values" in note for note in session.notes)


def zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("pelvis.csv", content)
    return held.getvalue()


PACKED = {"gz": gzip.compress, "zip": zipped, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", PACKED)
@each
def test_a_compressed_file_is_named_as_one(name: str, kind: str, folder: Path) -> None:
    path = changed(name, folder, PACKED[kind])
    with pytest.raises(HiphingeError, match=rf"this is a compressed file \({kind}") as caught:
        imported(name, folder)
    assert caught.value.where.startswith(str(path))
    assert "Unpack it first" in caught.value.remedy


@pytest.mark.parametrize("name", ["csv", "shimmer", "witmotion", "sensor-logger", "xsens-mt", "opensense", "axivity"])
def test_compressed_files_in_a_folder_are_why_nothing_is_found(name: str, folder: Path) -> None:
    path = changed(name, folder, gzip.compress)
    path.rename(f"{path}.gz")
    with pytest.raises(HiphingeError, match="no ") as caught:
        imported(name, folder)
    assert (caught.value.where, caught.value.remedy) == (str(folder), f"{path.name}.gz is compressed: unpack it first.")


@each_text
def test_an_empty_file_is_said_to_be_empty(name: str, folder: Path) -> None:
    path = changed(name, folder, lambda _: b"")
    with pytest.raises(HiphingeError, match="the file is empty") as caught:
        imported(name, folder)
    assert caught.value.where == f"{path}, line 1"


@pytest.mark.parametrize("damage", ["cut", "claims"])
def test_a_broken_mat_file_is_not_said_to_be_large(damage: str, folder: Path) -> None:
    def broken(content: bytes) -> bytes:
        return content[:-500] if damage == "cut" else content[:132] + b"\xff\xff\xff\x7f" + content[136:]

    changed("mat", folder, broken)
    with pytest.raises(HiphingeError) as caught:
        imported("mat", folder)
    assert "GB" not in caught.value.what
