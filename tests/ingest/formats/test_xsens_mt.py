"""Format xsens-opensense: MT Manager text exports."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body_signals import HiphingeError, Placement
from ingest.formats import ImportedSession, import_session
from ingest.formats.orientation import quaternions
from ingest.formats.plain import read_plain, write_plain
from ingest.formats.text import cells
from ingest.formats.text.lines import line_blocks
from tests.ingest.formats.turning import turning

PREAMBLE = ["// Start Time: Unknown", "// Update Rate: 50.0Hz", "// Filter Profile: human (46.1)", "// Firmware Version: 4.0.2"]
MATRIX = [f"Mat[{row}][{column}]" for column in (1, 2, 3) for row in (1, 2, 3)]
HEADER = ["PacketCounter", "SampleTimeFine", "Year", "Acc_X", "Acc_Y", "Acc_Z", *MATRIX]


def export(folder: Path, serial: str, turns: Rotation, first: int = 472, wide: list[str] | None = None) -> Path:
    """A resting sensor's export: one row for each orientation sensor → earth."""
    lines = [*PREAMBLE, "\t".join(HEADER + (wide or [])[:3])]
    for i, turn in enumerate(turns):
        matrix = turn.as_matrix()
        acc = matrix.T @ [0.0, 0.0, 9.81]
        values = [*acc, *matrix.T.ravel(), *([0.1, 0.2, 0.3] if wide else [])]
        lines.append("\t".join([f"{(first + i) % 65536:05d}", "", "", *(f"{value:.6f}" for value in values)]))
    file = folder / f"MT_012005D6_009-001_{serial}.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def turns(n: int, seed: int = 0) -> Rotation:
    rng = np.random.default_rng(seed)
    return Rotation.from_rotvec(np.array([0.3, 1.2, -0.5]) + np.cumsum(rng.normal(0, 0.02, (n, 3)), axis=0))


def imported(folder: Path, **placements: str) -> ImportedSession:
    return import_session("xsens-opensense", folder, placements=placements)


def test_orientation_time_and_placements(tmp_path: Path) -> None:
    true = turns(200)
    export(tmp_path, "00B42279", true)
    export(tmp_path, "00B42268", turns(150, 1), first=474)
    session = imported(tmp_path, **{"00B42279": "pelvis"})
    assert {s.key: s.placement for s in session.session.sensors} == {"00B42268": Placement.OTHER, "pelvis": Placement.PELVIS}
    assert any("worn where? 00B42268" in note for note in session.notes)
    pelvis, other = session.samples["pelvis"], session.samples["00B42268"]
    assert (pelvis.time_s[[0, 1, -1]].tolist(), other.time_s[0]) == ([0.0, 0.02, 3.98], 0.04)
    assert pelvis.gyr is None
    assert pelvis.quat is not None
    apart = true * Rotation.from_quat(pelvis.quat, scalar_first=True).inv()
    assert apart.magnitude().max() < 1e-5
    write_plain(tmp_path / "out", session.session, session.samples)
    assert read_plain(tmp_path / "out").rates_hz == {"pelvis": 50.0, "00B42268": 50.0}


@pytest.mark.parametrize("first", [(65_500, 65_480), (65_530, 3), (2, 65_535)])
def test_the_counter_wraps(tmp_path: Path, first: tuple[int, int]) -> None:
    export(tmp_path, "A", turns(100), first=first[0])
    export(tmp_path, "B", turns(100), first=first[1])
    samples = imported(tmp_path).samples
    for one in samples.values():
        np.testing.assert_allclose(np.diff(one.time_s), 0.02, atol=1e-9)
    offset = (first[1] - first[0] + 32_768) % 65_536 - 32_768
    assert samples["B"].time_s[0] - samples["A"].time_s[0] == pytest.approx(offset / 50.0)
    assert min(one.time_s[0] for one in samples.values()) == 0.0


def test_lost_packets_show_as_larger_steps(tmp_path: Path) -> None:
    file = export(tmp_path, "A", turns(60))
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:20] + lines[23:]))
    session = imported(tmp_path)
    write_plain(tmp_path / "out", session.session, session.samples)
    ((block,),) = read_plain(tmp_path / "out").batches()
    assert (block.lost.sum(), len(block)) == (3, 57)


def test_a_gyroscope_is_used_where_there_is_one(tmp_path: Path) -> None:
    export(tmp_path, "A", Rotation.identity(30), wide=["Gyr_X", "Gyr_Y", "Gyr_Z"])
    gyr = imported(tmp_path).samples["A"].gyr
    assert gyr is not None
    assert gyr[4].tolist() == [0.1, 0.2, 0.3]


def test_quaternion_columns(tmp_path: Path) -> None:
    names = ["PacketCounter", "Acc_X", "Acc_Y", "Acc_Z", "Quat_q0", "Quat_q1", "Quat_q2", "Quat_q3", *MATRIX]
    rows = [f"{i}\t0\t9.81\t0\t0.70710678\t0.70710678\t0\t0" + "\t" * 9 for i in range(40)]
    file = tmp_path / "MT_A.txt"
    file.write_text("\n".join([*PREAMBLE, "\t".join(names), *rows]))
    quat = imported(file).samples["A"].quat
    assert quat is not None
    assert quat[0].tolist() == [0.70710678, 0.70710678, 0.0, 0.0]


@given(st.lists(st.tuples(*[st.floats(-np.pi, np.pi)] * 3), min_size=1, max_size=20))
def test_quaternions_of_any_rotation(vectors: list[tuple[float, float, float]]) -> None:
    turn = Rotation.from_rotvec(vectors)
    quat = quaternions(turn.as_matrix())
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-12)
    assert (quat[:, 0] >= 0.0).all()
    np.testing.assert_allclose(Rotation.from_quat(quat, scalar_first=True).as_matrix(), turn.as_matrix(), atol=1e-9)


FAULTS = {
    "no rate": ("// Update Rate: 50.0Hz", "// Update Rate: fast", 1, "the update rate is not stated", "--rate 100"),
    "no counter": ("PacketCounter", "Counter", 5, "missing column PacketCounter", "packet counter"),
    "no orientation": ("Mat[2][1]", "Mat", 5, "neither orientation", "orientation"),
    "counter repeats": ("00480\t", "00479\t", 14, "PacketCounter goes from 479 to 479", "duplicate line"),
    "counter backwards": ("00480\t", "00400\t", 14, "PacketCounter goes from 479 to 400", "duplicate line"),
    "counter too large": ("00480\t", "70000\t", 14, "not a counter up to 65535", "Export again"),
    "empty cell": ("00480\t\t\t0.000000\t", "00480\t\t\t\t", 14, "Acc_X is empty", "Remove lines"),
    "no rotation": (
        "00480\t\t\t0.000000\t0.000000\t9.810000\t1",
        "00480\t\t\t0.000000\t0.000000\t9.810000\t2",
        14,
        "not a rot",
        "Correct",
    ),
    "short line": ("00480\t\t\t", "00480\t\t", 14, "a short line", "Complete"),
    "g": ("9.810000", "1.000000", 6, "looks like g", "units"),
    "no rows": ("00", "", 5, "", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_file_says_line_and_remedy(tmp_path: Path, fault: str) -> None:
    old, new, line, what, remedy = FAULTS[fault]
    file = export(tmp_path, "A", Rotation.identity(40))
    text = file.read_text()
    assert old in text
    file.write_text("\n".join(text.splitlines()[:5]) if fault == "no rows" else text.replace(old, new))
    with pytest.raises(HiphingeError) as caught:
        imported(tmp_path)
    assert caught.value.where == f"{file}, line {line}"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_calls_that_cannot_be_answered(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="no MT Manager export"):
        imported(tmp_path)
    with pytest.raises(HiphingeError, match="not found"):
        imported(tmp_path / "none")
    (tmp_path / "MT_A.txt").write_text("// nothing\n")
    with pytest.raises(HiphingeError, match="ends before the header line"):
        imported(tmp_path)
    (tmp_path / "MT_A.txt").write_text("")
    with pytest.raises(HiphingeError, match="the file is empty"):
        imported(tmp_path)
    export(tmp_path, "A", turns(30))
    with pytest.raises(HiphingeError, match="there is no sensor 'B'"):
        imported(tmp_path / "MT_012005D6_009-001_A.txt", B="pelvis")


MOTION = turning(50.0, 12.0)
NAMES = ["PacketCounter", "SampleTimeFine", *(f"{name}_{a}" for name in ("Acc", "Gyr") for a in "XYZ")]


def wide(folder: Path, preamble: list[str], extra: dict[str, np.ndarray] | None = None, delimiter: str = "\t") -> Path:
    """An export with a gyroscope, and columns besides."""
    names, columns = list(NAMES), [MOTION.acc, MOTION.gyr]
    for prefix, values in (extra or {}).items():
        names += prefix.split(",")
        columns.append(values)
    rows = np.column_stack(columns)
    lines = [delimiter.join([str((65_400 + i) % 65_536), "", *(f"{v:.6f}" for v in row)]) for i, row in enumerate(rows)]
    file = folder / "MT_0120_000_A.txt"
    file.write_text("\n".join([*preamble, delimiter.join(names), *lines, ""]))
    return file


def check(session: ImportedSession, first: int = 0) -> None:
    one = session.samples["A"]
    assert one.gyr is not None
    np.testing.assert_allclose(one.time_s - one.time_s[0], MOTION.time_s[first:] - MOTION.time_s[first], atol=1e-9)
    np.testing.assert_allclose(one.acc, MOTION.acc[first:], atol=1e-5)
    np.testing.assert_allclose(one.gyr, MOTION.gyr[first:], atol=2e-3)


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("rate", ["// Update Rate: 50.0Hz", "// Sample rate: 50.0Hz", "// Update Rate: 50,0Hz"])
def test_delimiters_and_heads(delimiter: str, rate: str, tmp_path: Path) -> None:
    file = wide(tmp_path, ["// Start Time: Unknown", rate], delimiter=delimiter)
    check(imported(file))
    if delimiter != ",":
        file.write_text(file.read_text().replace(".", ","))
        check(imported(file))


@pytest.mark.parametrize("orientation", [False, True])
def test_a_rate_that_is_not_stated_is_found_or_said(orientation: bool, tmp_path: Path) -> None:
    angles = Rotation.from_quat(MOTION.quat, scalar_first=True).as_euler("ZYX", degrees=True)[:, ::-1]
    extra = {"Roll,Pitch,Yaw": angles} if orientation else None
    file = wide(tmp_path, ["// General information:", "//  MT Manager version: 2022.2.0"], extra)
    session = imported(file)
    check(session)
    assert any("50 Hz; if that is wrong, give --rate" in note for note in session.notes)
    session = import_session("xsens-mt", file, rate_hz=50.0)
    check(session)
    assert not any("update rate" in note for note in session.notes)
    stated = wide(tmp_path, ["// Update Rate: 50.0Hz"])
    with pytest.raises(HiphingeError, match="--rate says 100 Hz, and the file states 50 Hz"):
        import_session("xsens-mt", stated, rate_hz=100.0)


def test_a_sensor_at_rest_does_not_tell_its_rate(tmp_path: Path) -> None:
    export(tmp_path, "A", Rotation.identity(40), wide=["Gyr_X", "Gyr_Y", "Gyr_Z"])
    file = tmp_path / "MT_012005D6_009-001_A.txt"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "Rate" not in line))
    with pytest.raises(HiphingeError, match="the update rate is not stated") as caught:
        imported(file)
    assert "--rate 100" in caught.value.remedy


@pytest.mark.parametrize("with_orientation", [True, False])
def test_a_gyroscope_that_begins_later(with_orientation: bool, tmp_path: Path) -> None:
    extra = {"Quat_q0,Quat_q1,Quat_q2,Quat_q3": MOTION.quat} if with_orientation else None
    file = wide(tmp_path, ["// Update Rate: 50.0Hz"], extra)
    lines = file.read_text().splitlines()
    for i in (2, 3, 4):
        cells = lines[i].split("\t")
        cells[5:8] = ["", "NaN", ""]
        lines[i] = "\t".join(cells)
    # and two packets that were lost
    for i in (100, 101):
        lines[i] = lines[i].split("\t")[0] + "\t" * (lines[i].count("\t"))
    file.write_text("\n".join([*lines, ""]))
    session = imported(file)
    one = session.samples["A"]
    assert one.gyr is not None
    keep = np.delete(np.arange(0 if with_orientation else 3, 600), np.array([98, 99]) - (0 if with_orientation else 3))
    np.testing.assert_allclose(one.time_s - one.time_s[0], MOTION.time_s[keep] - MOTION.time_s[keep[0]], atol=1e-9)
    np.testing.assert_allclose(one.gyr, MOTION.gyr[keep], atol=5e-3)
    assert any("the gyroscope begins in line 6" in note for note in session.notes)


def in_small_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(cells, "line_blocks", partial(line_blocks, block_bytes=size))


@pytest.mark.parametrize("with_orientation", [True, False])
@pytest.mark.parametrize("leading", [0, 3, 10, 40])
@pytest.mark.parametrize("size", [300, 900])
def test_blocks_of_any_size_give_the_same_bits(
    with_orientation: bool, leading: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"Quat_q0,Quat_q1,Quat_q2,Quat_q3": MOTION.quat} if with_orientation else None
    file = wide(tmp_path, ["// Start Time: Unknown"], extra)
    lines = file.read_text().splitlines()
    for i in [*range(2, 2 + leading), 120, 121, 122, 123, 400]:
        row = lines[i].split("\t")
        row[5:8] = ["", "NaN", ""]
        lines[i] = "\t".join(row)
    # packets that were lost, and lines that are not there
    for i in (200, 201):
        lines[i] = lines[i].split("\t")[0] + "\t" * lines[i].count("\t")
    file.write_text("\n".join([*lines[:300], *lines[305:], ""]))
    whole = imported(file)
    in_small_blocks(monkeypatch, size)
    # a few lines tell no rate
    parts = import_session("xsens-mt", file, rate_hz=50.0)
    for name in ("time_s", "acc", "gyr", "quat"):
        np.testing.assert_array_equal(getattr(parts.samples["A"], name), getattr(whole.samples["A"], name))
    said = [note for note in whole.notes if "update rate" not in note]
    assert parts.notes == said
    assert any("5 packets have no gyroscope values" in note for note in said)


@pytest.mark.parametrize("fault", sorted({"counter repeats", "counter backwards", "empty cell", "no rotation", "short line"}))
def test_a_fault_in_a_later_block_says_its_line(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_blocks(monkeypatch, 300)
    test_fault_of_a_file_says_line_and_remedy(tmp_path, fault)


def test_a_doubtful_sample_is_found_again_by_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = wide(tmp_path, ["// Update Rate: 50.0Hz"])
    lines = file.read_text().splitlines()
    row = lines[402].split("\t")
    row[5] = "900.0"
    lines[402] = "\t".join(row)
    file.write_text("\n".join([*lines, ""]))
    in_small_blocks(monkeypatch, 900)
    with pytest.raises(HiphingeError, match="beyond every gyroscope") as caught:
        imported(file)
    assert caught.value.where == f"{file}, line 403"


def test_a_gyroscope_without_any_value_is_said(tmp_path: Path) -> None:
    file = wide(tmp_path, ["// Update Rate: 50.0Hz"])
    text = file.read_text().splitlines()
    # what looks like a value in the first lines belongs to a packet that was lost
    rows = [line.split("\t") for line in text[2:]]
    lost = ["1", "", "", "", "", "0.1", "0.1", "0.1"]
    file.write_text("\n".join([*text[:2], "\t".join(lost), *("\t".join([*row[:5], "", "", ""]) for row in rows), ""]))
    with pytest.raises(HiphingeError, match="no packet has values of Gyr_X, Gyr_Y, Gyr_Z") as caught:
        imported(file)
    assert caught.value.where == f"{file}, line 2"
