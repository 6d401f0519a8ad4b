"""Format csv: units, zero, placements, and faults of the mapping and the files, each with line and remedy."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Mounting, Placement, Sensor, SessionMark
from ingest.formats import IMPORTERS, import_session
from ingest.formats.plain import read_plain, write_plain

MAPPING = """start = 2026-11-23T14:05:00Z
delimiter = ";"
skip_rows = 2
time = { column = "t", unit = "ms" }
acc = { columns = ["ax", "ay", "az"], unit = "g" }
gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }
[athlete]
id = "player-07"
[[sensor]]
placement = "pelvis"
file = "hip.csv"
mounting = { up = "+z", left = "+y" }
[[sensor]]
placement = "other"
name = "barbell"
file = "bar.csv"
delimiter = "\\t"
skip_rows = 0
time = { column = "seconds", unit = "s" }
quat = { columns = ["w", "x", "y", "z"] }
mag = { columns = ["mx", "my", "mz"], unit = "mG" }
rate_hz = 50
[[mark]]
time_s = 1.0
label = "calibrate"
"""


def hip(rows: int = 300) -> list[str]:
    return [
        "Exported by hand",
        "",
        "note;t;gz;gy;gx;az;ay;ax",
        *(f"n/a;{5000 + 10 * i};3;2;{i % 7 - 3};1;0.02;-0.01" for i in range(rows)),
    ]


VALUES = ["0", "0", "1", "0", "0", "180", "1", "0", "0", "0", "100", "200", "-300"]


def bar(rows: int = 100) -> list[str]:
    header = ["seconds", "ax", "ay", "az", "gx", "gy", "gz", *"wxyz", "mx", "my", "mz"]
    return [
        "\t".join(header),
        *("\t".join([repr(6.0 + i / 50), *VALUES]) for i in range(rows)),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "hip.csv").write_text("\n".join(hip()))
    (folder / "bar.csv").write_text("\n".join(bar()))
    (folder / "map.toml").write_text(MAPPING)
    return folder


def test_columns_units_and_head(folder: Path) -> None:
    imported = import_session("csv", folder, mapping=folder / "map.toml")
    session = imported.session
    assert (session.start, session.athlete) == (datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "player-07")
    assert session.marks == (SessionMark(1.0, "calibrate"),)
    assert session.sensors == (
        Sensor(Placement.PELVIS, mounting=Mounting("+z", "+y")),
        Sensor(Placement.OTHER, "barbell", rate_hz=50.0),
    )
    pelvis, barbell = imported.samples["pelvis"], imported.samples["barbell"]
    assert pelvis.time_s[[0, 1, -1]].tolist() == [0.0, 0.01, 2.99]
    assert barbell.time_s[[0, 1]].tolist() == [1.0, 1.02]
    assert pelvis.acc[5].tolist() == pytest.approx([-0.0980665, 0.196133, 9.80665])
    assert pelvis.gyr is not None
    assert pelvis.gyr[5].tolist() == pytest.approx([np.radians(2.0), np.radians(2.0), np.radians(3.0)])
    assert pelvis.quat is None
    assert barbell.quat is not None
    assert barbell.mag_ut is not None
    assert barbell.mag_ut[7].tolist() == pytest.approx([10.0, 20.0, -30.0])
    assert imported.notes == []
    write_plain(folder.parent / "out", session, imported.samples)
    assert read_plain(folder.parent / "out").rates_hz == {"pelvis": 100.0, "barbell": 50.0}


@given(
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    acc=st.sampled_from(["m/s2", "g", "mg"]),
    gyr=st.sampled_from(["rad/s", "deg/s"]),
    begin=st.integers(0, 10**9),
    keep=st.booleans(),
)
def test_every_unit_gives_the_same_samples(
    tmp_path_factory: pytest.TempPathFactory, unit: str, acc: str, gyr: str, begin: int, keep: bool
) -> None:
    folder = tmp_path_factory.mktemp("c")
    per_second = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[unit]
    g = {"m/s2": 9.80665, "g": 1.0, "mg": 1000.0}[acc]
    turn = {"rad/s": 0.5, "deg/s": float(np.degrees(0.5))}[gyr]
    stamps = [begin + i / 100 if unit == "s" else begin * per_second + i * per_second // 100 for i in range(50)]
    rows = [f"{stamp!r},0,{g!r},0,{turn!r},0,0" for stamp in stamps]
    (folder / "thigh_left.csv").write_text("\n".join(["t,ax,ay,az,gx,gy,gz", *rows]))
    (folder / "m.toml").write_text(
        f'time = {{ column = "t", unit = "{unit}"{", zero = " + chr(34) + "keep" + chr(34) if keep else ""} }}\n'
        f'acc = {{ columns = ["ax", "ay", "az"], unit = "{acc}" }}\ngyr = {{ columns = ["gx", "gy", "gz"], unit = "{gyr}" }}\n'
    )
    imported = import_session("csv", folder / "thigh_left.csv", mapping=folder / "m.toml")
    samples = imported.samples["thigh_left"]
    np.testing.assert_allclose(samples.time_s, (begin if keep else 0) + np.arange(50) / 100, rtol=0, atol=5e-7)
    np.testing.assert_allclose(samples.acc, np.tile([0, 9.80665, 0], (50, 1)), rtol=1e-12)
    assert samples.gyr is not None
    np.testing.assert_allclose(samples.gyr, np.tile([0.5, 0, 0], (50, 1)), rtol=1e-12)


def test_without_sensor_tables_files_are_sensors(folder: Path) -> None:
    simple = MAPPING[MAPPING.index("delimiter") : MAPPING.index("[athlete]")]
    (folder / "map.toml").write_text(simple)
    (folder / "bar.csv").unlink()
    (folder / "lumbar.csv").write_text("\n".join(hip(50)))
    imported = import_session("csv", folder, mapping=folder / "map.toml")
    assert imported.session.sensors == (Sensor(Placement.OTHER, "hip"), Sensor(Placement.LUMBAR))
    assert (imported.session.start, imported.session.athlete) == (datetime(1970, 1, 1, tzinfo=UTC), "unknown")
    assert ["start is not known" in note or "athlete is not known" in note for note in imported.notes] == [True, True]
    placed = import_session(
        "csv", folder, mapping=folder / "map.toml", placements={"hip": "pelvis", "lumbar.csv": "other:back"}
    )
    assert [sensor.key for sensor in placed.session.sensors] == ["pelvis", "back"]
    alone = import_session("csv", folder / "hip.csv", mapping=folder / "map.toml")
    assert list(alone.samples) == ["hip"]


def test_a_single_file_with_its_sensor(folder: Path) -> None:
    text = MAPPING[: MAPPING.index('[[sensor]]\nplacement = "other"')]
    for change in (text, text.replace('file = "hip.csv"\n', "")):
        (folder / "map.toml").write_text(change)
        assert list(import_session("csv", folder / "hip.csv", mapping=folder / "map.toml").samples) == ["pelvis"]


MAPPING_FAULTS = {
    "broken TOML": ('column = "t"', "column = t", 4, "Correct this line"),
    "unknown key": ('delimiter = ";"', 'delimeter = ";"', 2, "Did you mean 'delimiter'?"),
    "unknown key of a sensor": ('file = "hip.csv"', 'path = "hip.csv"', 11, "Known keys are"),
    "delimiter too long": ('delimiter = ";"', 'delimiter = "; "', 2, "one character"),
    "delimiter is a point": ('delimiter = ";"', 'delimiter = "."', 2, "one character"),
    "rows to skip": ("skip_rows = 2", "skip_rows = -1", 3, "0, 1, 2"),
    "rows to skip of a sensor": ("skip_rows = 0", 'skip_rows = "0"', 18, "0, 1, 2"),
    "time missing": ('time = { column = "t", unit = "ms" }\n', "", 8, 'time = { column = "t"'),
    "acc missing": ('acc = { columns = ["ax", "ay", "az"], unit = "g" }\n', "", 8, 'acc = { columns = ["ax"'),
    "gyr missing": ('gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }\n', "", 8, "or quat"),
    "time unit": ('unit = "ms"', 'unit = "minutes"', 4, "Units are s, ms, us, ns, iso, clock"),
    "no unit": (', unit = "ms"', "", 4, "Units are s, ms, us, ns"),
    "acc unit": ('unit = "g"', 'unit = "m/s"', 5, "Units are m/s2, g, mg"),
    "gyr unit": ('unit = "deg/s"', "unit = 1", 6, "Units are rad/s, deg/s"),
    "two columns": ('["ax", "ay", "az"]', '["ax", "ay"]', 5, 'columns = ["ax", "ay", "az"]'),
    "columns are numbers": ('["ax", "ay", "az"]', "[1, 2, 3]", 5, 'columns = ["ax", "ay", "az"]'),
    "columns for time": ('column = "t"', 'columns = ["t"]', 4, 'column = "t"'),
    "acc is text": ('{ columns = ["ax", "ay", "az"], unit = "g" }', '"ax"', 5, 'columns = ["ax", "ay", "az"]'),
    "word in acc": ('unit = "g"', 'unit = "g", factor = 2', 5, 'columns = ["ax", "ay", "az"]'),
    "scale": ('unit = "g"', 'unit = "g", scale = 0', 5, "value × scale"),
    "sign": ('unit = "g"', 'unit = "g", sign = 2', 5, "Write 1 or -1"),
    "axes": ('unit = "g"', 'unit = "g", axes = ["x", "y", "-y"]', 5, 'axes = ["-y", "x", "z"]'),
    "free": ('unit = "g"', 'unit = "g", free = "body"', 5, 'free = "earth"'),
    "file of a group": ('unit = "g"', 'unit = "g", file = 1', 5, 'file = "Gyroscope.csv"'),
    "decimal": ('delimiter = ";"', 'delimiter = ";"\ndecimal = "x"', 3, 'decimal = ","'),
    "two commas": ('delimiter = ";"', 'delimiter = ","\ndecimal = ","', 3, 'delimiter = ";"'),
    "encoding": ('delimiter = ";"', 'delimiter = ";"\nencoding = "klingon"', 3, 'encoding = "cp1252"'),
    "header": ('delimiter = ";"', 'delimiter = ";"\nheader = "t"', 3, 'header = ["t", "ax"]'),
    "bad lines": ('delimiter = ";"', 'delimiter = ";"\nbad_lines = -1', 3, "0, 1, 2"),
    "where": ('delimiter = ";"', 'delimiter = ";"\nwhere = "1"', 3, 'where = { column = "id", is = "1" }'),
    "bits": ('unit = "ms"', 'unit = "ms", bits = 8', 4, "16, 24 or 32"),
    "time of a group without a unit": (
        'time = { column = "t", unit = "ms" }\nacc = {',
        'rate_hz = 100\nacc = { time = "t",',
        5,
        'time = { column = "…", unit = "s" }',
    ),
    "scale of a date": ('unit = "ms"', 'unit = "iso", scale = 2', 4, 'unit = "iso"'),
    "zero": ('unit = "ms"', 'unit = "ms", zero = 0', 4, 'zero = "keep"'),
    "zero differs": ('unit = "ms"', 'unit = "ms", zero = "keep"', 4, "for all sensors or for none"),
    "unknown placement": ('placement = "pelvis"', 'placement = "hip"', 9, "Placements are lumbar"),
    "other without name": ('name = "barbell"\n', "", 13, 'name = "…"'),
    "bad mounting": ('up = "+z"', 'up = "z"', 9, "mounting = {"),
    "rate": ("rate_hz = 50", "rate_hz = 0", 13, "samples per second"),
    "no file": ('file = "hip.csv"\n', "", 9, 'file = "….csv"'),
    "file is away": ('file = "hip.csv"', 'file = "hips.csv"', 11, "Correct the name"),
    "file outside": ('file = "hip.csv"', 'file = "../export/hip.csv"', 9, "into the session folder"),
    "start": ("14:05:00Z", "14:05:00", 1, "with its zone"),
    "athlete": ('id = "player-07"', "id = 7", 7, "in quotes"),
    "pattern": ('id = "player-07"', 'id = "*"', 8, "of one athlete"),
    "mark": ("time_s = 1.0", "time_s = nan", 23, "plain number"),
    "sensor is a table": (MAPPING[MAPPING.index("[[sensor]]") :], '[sensor]\nplacement = "pelvis"\n', 9, "[[sensor]]"),
}


@pytest.mark.parametrize("fault", MAPPING_FAULTS)
def test_fault_of_the_mapping_says_line_and_remedy(folder: Path, fault: str) -> None:
    old, new, line, remedy = MAPPING_FAULTS[fault]
    assert old in MAPPING
    mapping = folder / "map.toml"
    mapping.write_text(MAPPING.replace(old, new, 1))
    with pytest.raises(HiphingeError) as caught:
        import_session("csv", folder, mapping=mapping)
    assert caught.value.where == f"{mapping}, line {line}"
    assert remedy in caught.value.remedy


FILE_FAULTS = {
    "missing column": ("note;t;", "note;time;", 3, "missing column t; found note, time", "map.toml"),
    "text in a number": (";5070;3;", ";5070;x;", 11, "gz holds 'x'", "Correct this cell"),
    "decimal comma": (";5070;3;", ";5070;3,5;", 11, "gz holds '3,5'", "decimal point"),
    "short line": (";5070;3;", ";5070;", 11, "a short line", "Complete or remove"),
    "time backwards": (";5070;3;", ";4070;3;", 11, "t runs backwards", "in order of time"),
    "time repeated": (";5070;3;", ";5060;3;", 11, "t repeats 5060", "remove the duplicate line"),
    "wrong unit of acc": (";1;0.02;", ";9.81;0.02;", 4, "median of |acc|", "Correct the unit of acc in"),
    "not UTF-8": (";5070;3;", ";5070;\udcb5;", 11, "not UTF-8", "UTF-8"),
}


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_fault_of_a_file_says_line_and_remedy(folder: Path, fault: str) -> None:
    old, new, line, what, remedy = FILE_FAULTS[fault]
    file = folder / "hip.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new), errors="surrogateescape")
    with pytest.raises(HiphingeError) as caught:
        import_session("csv", folder, mapping=folder / "map.toml")
    assert caught.value.where == f"{file}, line {line}"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_wrong_units_point_at_the_mapping(folder: Path) -> None:
    (folder / "map.toml").write_text(MAPPING.replace('unit = "ms"', 'unit = "s"'))
    with pytest.raises(HiphingeError, match="usual step of the time is 10 s") as caught:
        import_session("csv", folder, mapping=folder / "map.toml")
    assert "Correct the unit of time" in caught.value.remedy


def test_calls_that_cannot_be_answered(folder: Path) -> None:
    def refused(what: str, remedy: str, *args: object, **kwargs: object) -> None:
        with pytest.raises(HiphingeError) as caught:
            import_session(*args, **kwargs)  # type: ignore[arg-type]
        assert what in caught.value.what
        assert remedy in caught.value.remedy

    mapping = folder / "map.toml"
    refused("unknown format 'c3d'", f"Known formats are {', '.join(IMPORTERS)}", "c3d", folder)
    refused("only formats csv and mat have a mapping", "Leave it out", "xio-lower-body", folder, mapping=mapping)
    refused("needs a mapping file", "--mapping FILE", "csv", folder)
    refused("cannot be read", "--mapping", "csv", folder, mapping=folder / "none.toml")
    refused("not found", "Check the path", "csv", folder / "none", mapping=mapping)
    refused("several files are described", "Give the folder", "csv", folder / "hip.csv", mapping=mapping)
    refused("there is no sensor 'hop'", "bar", "csv", folder, mapping=mapping, placements={"hop": "pelvis"})
    refused("unknown placement 'hip'", "Placements are", "csv", folder, mapping=mapping, placements={"hip": "hip"})
    refused("two sensors on one placement", "--placement", "csv", folder, mapping=mapping, placements={"bar": "pelvis"})
    mapping.write_bytes(b"\xff")
    refused("not UTF-8", "UTF-8", "csv", folder, mapping=mapping)
    mapping.write_text(MAPPING[MAPPING.index("delimiter") : MAPPING.index("[athlete]")])
    (folder / "empty").mkdir()
    refused("no CSV files", "*.csv", "csv", folder / "empty", mapping=mapping)


def test_a_sensor_may_not_be_named_like_a_placement(folder: Path) -> None:
    (folder / "map.toml").write_text(MAPPING[MAPPING.index("delimiter") : MAPPING.index("[athlete]")])
    (folder / "hip.csv").rename(folder / "pelvis.csv")
    placed = import_session("csv", folder / "pelvis.csv", mapping=folder / "map.toml", placements={"pelvis": "other"})
    assert [sensor.key for sensor in placed.session.sensors] == ["pelvis sensor"]
