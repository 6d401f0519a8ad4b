"""Damaged plain sessions: every fault is an error with file, line and remedy."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Placement, Sensor, Session
from ingest.formats.plain import PlainSamples, read_plain, write_plain

HEADER = "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2,gyr_x_rad_s,gyr_y_rad_s,gyr_z_rad_s"
QUAT = ",quat_w,quat_x,quat_y,quat_z"
ROWS = 1000

Lines = list[str]


def swinging(rate_hz: float = 100.0, acc: float = 1.0, gyr: float = 1.0, amplitude: float = 0.5) -> PlainSamples:
    """A sensor that swings about its y axis, 10 s: units scaled by `acc` and `gyr`; the sensor's own orientation is true."""
    time = np.arange(ROWS) / rate_hz
    angle, rate = amplitude * np.sin(3.0 * time), 3.0 * amplitude * np.cos(3.0 * time)
    zero = np.zeros(ROWS)
    return PlainSamples(
        time,
        acc * 9.81 * np.column_stack((-np.sin(angle), zero, np.cos(angle))),
        gyr * np.column_stack((zero, rate, zero)),
        np.column_stack((np.cos(angle / 2), zero, np.sin(angle / 2), zero)),
    )


def session() -> Session:
    return Session(datetime(2026, 1, 1, tzinfo=UTC), "a", (Sensor(Placement.PELVIS),))


def text(samples: PlainSamples, gyr: bool = True, quat: bool = False) -> Lines:
    groups = [samples.time_s[:, None], samples.acc, samples.gyr if gyr else None, samples.quat if quat else None]
    table = np.concatenate([group for group in groups if group is not None], axis=1)
    header = HEADER.split(",")[: 7 if gyr else 4] + (QUAT[1:].split(",") if quat else [])
    return [",".join(header), *(",".join(repr(value) for value in row) for row in table.tolist())]


def put(folder: Path, lines: Lines | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "session.toml").write_text(
        'start = 2026-01-01T00:00:00Z\n[athlete]\nid = "a"\n[[sensor]]\nplacement = "pelvis"\nfile = "pelvis.csv"\n'
    )
    file = folder / "pelvis.csv"
    file.write_bytes(lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode())
    return file


def cell(row: int, column: int, value: str) -> Callable[[Lines], Lines]:
    """Another value in the given line (from 1) and column."""

    def change(lines: Lines) -> Lines:
        cells = lines[row - 1].split(",")
        cells[column] = value
        lines[row - 1] = ",".join(cells)
        return lines

    return change


def header(old: str, new: str) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        assert old in lines[0]
        return [lines[0].replace(old, new), *lines[1:]]

    return change


def without(column: int) -> Callable[[Lines], Lines]:
    return lambda lines: [",".join(c for i, c in enumerate(line.split(",")) if i != column) for line in lines]


def only(*columns: int) -> Callable[[Lines], Lines]:
    return lambda lines: [",".join(line.split(",")[i] for i in columns) for line in lines]


FAULTS: dict[str, tuple[Callable[[Lines], Lines | bytes], int, str, str]] = {
    "missing column": (without(2), 1, "missing column acc_y_m_s2; found time_s, acc_x", "The header must be time_s,"),
    "missing time": (without(0), 1, "missing column time_s;", "The header must be time_s,"),
    "missing gyr axis": (without(5), 1, "missing column gyr_y_rad_s;", "The header must be"),
    "neither gyr nor quat": (only(0, 1, 2, 3), 1, "missing columns gyr_x_rad_s, gyr_y", "quat_w,quat_x,quat_y,quat_z in place"),
    "unknown column": (header("gyr_x_rad_s", "gyr_x_rads"), 1, "unknown column 'gyr_x_rads'", "Did you mean gyr_x_rad_s?"),
    "foreign column": (header("gyr_x_rad_s", "temperature"), 1, "unknown column 'temperature'", "Known columns are"),
    "double column": (header("acc_y_m_s2", "acc_x_m_s2"), 1, "more than once", "Remove or rename"),
    "no header": (lambda lines: lines[1:], 1, "the header is missing", "The header must be"),
    "semicolons": (lambda lines: [line.replace(",", ";") for line in lines], 1, "not separated by commas", "commas"),
    "text in a number": (cell(200, 3, "abc"), 200, "acc_z_m_s2 holds 'abc'", "Correct this cell"),
    "two points": (cell(7, 1, "1.2.3"), 7, "acc_x_m_s2 holds '1.2.3'", "Correct this cell"),
    "underscore": (cell(7, 1, "1_0"), 7, "acc_x_m_s2 holds '1_0'", "Correct this cell"),
    "nan": (cell(401, 4, "nan"), 401, "gyr_x_rad_s holds 'nan'", "Remove lines without a measurement"),
    "infinity": (cell(2, 6, "-inf"), 2, "gyr_z_rad_s holds '-inf'", "Remove lines without a measurement"),
    "too large": (cell(2, 6, "1e999"), 2, "gyr_z_rad_s holds '1e999'", "Correct this cell"),
    "empty cell": (cell(150, 2, ""), 150, "acc_y_m_s2 is empty", "Remove lines without a measurement"),
    "blank cell": (cell(150, 2, "  "), 150, "acc_y_m_s2 is empty", "Remove lines without a measurement"),
    "short line": (lambda x: [*x[:99], x[99].rsplit(",", 1)[0], *x[100:]], 100, "a short line: 6 cells", "Complete or remove"),
    "torn line": (lambda x: [*x[:400], "3.9"], 401, "a short line: 1 cells", "Complete or remove"),
    "long line": (lambda x: [*x[:99], x[99] + ",1", *x[100:]], 100, "a long line: 8 cells", "Remove the surplus cells"),
    "decimal commas": (lambda x: [x[0], *(line.replace(".", ",") for line in x[1:])], 2, "a long line: ", "decimal point"),
    "blank lines count": (lambda x: [*x[:9], "", "", x[9] + ",1", *x[10:]], 12, "a long line", "Remove the surplus cells"),
    "time backwards": (cell(50, 0, "0.2"), 50, "time_s runs backwards, from 0.47 to 0.2", "in order of time"),
    "time backwards after blanks": (
        lambda x: cell(52, 0, "0.2")([*x[:9], "", "", *x[9:]]),
        52,
        "backwards",
        "in order of time",
    ),
    "time repeated": (cell(50, 0, "0.47"), 50, "time_s repeats 0.47", "remove the duplicate line"),
    "empty file": (lambda x: b"", 1, "the file is empty", "Export the recording again"),
    "blank header": (lambda x: ["", *x], 1, "the header line is empty", "names of the columns"),
    "no data rows": (lambda x: x[:1], 1, "no data rows", "Export the recording again"),
    "blank rows only": (lambda x: [x[0], "", " "], 1, "no data rows", "Export the recording again"),
    "one row": (lambda x: x[:2], 2, "only one sample", "State rate_hz"),
    "utf-16": (lambda x: "\n".join(x).encode("utf-16"), 1, "UTF-16", "UTF-8"),
    "latin-1 header": (lambda x: "\n".join(["zeit_in_µs" + x[0][6:], *x[1:]]).encode("latin-1"), 1, "not UTF-8 text", "UTF-8"),
    "latin-1 cell": (lambda x: "\n".join(cell(30, 2, "é")(x)).encode("latin-1"), 30, "not UTF-8 text", "UTF-8"),
    "binary": (lambda x: bytes(range(256)) * 40, 1, "not UTF-8 text", "UTF-8"),
    "one endless line": (lambda x: b"a" * (1 << 21), 1, "no end", "header line"),
    "quotes never closed": (cell(30, 2, '"9.8'), 30, "a short line", "Complete or remove"),
    "time leaps": (cell(1001, 0, "1e9"), 1001, "time_s leaps from 9.98 to 1e+09 s", "same zero"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_file_line_and_remedy(tmp_path: Path, fault: str) -> None:
    damage, line, what, remedy = FAULTS[fault]
    file = put(tmp_path / "s", damage(text(swinging())))
    with pytest.raises(HiphingeError) as caught:
        read_plain(tmp_path / "s")
    assert caught.value.where == f"{file}, line {line}"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


UNITS: dict[str, tuple[PlainSamples, int, str, str]] = {
    "g": (swinging(acc=1 / 9.81), 2, "looks like g", "Multiply the acc columns by 9.80665"),
    "mg": (swinging(acc=1000 / 9.81), 2, "looks like mg", "0.00980665"),
    "raw": (swinging(acc=2048 / 9.81), 2, "median of |acc| is 2048", "m/s²"),
    "half": (swinging(acc=0.56), 2, "median of |acc| is 5.494", "m/s²"),
    "without gravity": (swinging(acc=0.01), 2, "gravity seems to have been removed", "with gravity"),
    "deg/s, fast": (swinging(gyr=180 / np.pi, amplitude=1.0), 2, "looks like deg/s", "0.0174533"),
    "deg/s, slow": (swinging(gyr=180 / np.pi, amplitude=0.35), 2, "times less than the gyr columns say", "0.0174533"),
    "milliseconds": (swinging(rate_hz=0.1), 2, "looks like milliseconds", "Divide the time by 1000 "),
    "microseconds": (swinging(rate_hz=1e-4), 2, "looks like microseconds", "1000000 "),
    "too fast": (swinging(rate_hz=1e6), 2, "no sensor is that fast", "seconds"),
}


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_cannot_be_true(tmp_path: Path, unit: str) -> None:
    samples, line, what, remedy = UNITS[unit]
    file = put(tmp_path / "s", text(samples))
    with pytest.raises(HiphingeError) as caught:
        read_plain(tmp_path / "s")
    assert caught.value.where == f"{file}, line {line}"
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_units_that_are_true_pass(tmp_path: Path) -> None:
    for i, amplitude in enumerate([0.0, 0.05, 0.35, 1.0]):
        put(tmp_path / str(i), text(swinging(amplitude=amplitude), quat=True))
        assert read_plain(tmp_path / str(i)).warnings == []


def test_a_single_impossible_rate_is_a_line_to_remove(tmp_path: Path) -> None:
    file = put(tmp_path / "s", cell(77, 4, "1e3")(text(swinging())))
    with pytest.raises(HiphingeError, match=r"an angular rate of 1000 rad/s") as caught:
        read_plain(tmp_path / "s")
    assert (caught.value.where, caught.value.remedy) == (f"{file}, line 77", "The other lines look sound: remove this one.")


def test_quaternions(tmp_path: Path) -> None:
    true = text(swinging(), gyr=False, quat=True)
    put(tmp_path / "true", true)
    assert read_plain(tmp_path / "true").samples["pelvis"].gyr is None
    put(tmp_path / "rounded", cell(30, 4, "0.99")(list(true)))
    read = read_plain(tmp_path / "rounded").samples["pelvis"].quat
    assert read is not None
    np.testing.assert_allclose(np.linalg.norm(read, axis=1), 1.0, atol=1e-12)
    file = put(tmp_path / "long", cell(30, 4, "1.2")(list(true)))
    with pytest.raises(HiphingeError, match="the quaternion has length 1") as caught:
        read_plain(tmp_path / "long")
    assert (caught.value.where, "w, x, y, z" in caught.value.remedy) == (f"{file}, line 30", True)
    zero = np.zeros(ROWS)
    lying = swinging()
    on_its_side = np.column_stack((zero + np.sqrt(0.5), zero + np.sqrt(0.5), zero, zero))
    file = put(tmp_path / "wrong", text(PlainSamples(lying.time_s, lying.acc, None, on_its_side), gyr=False, quat=True))
    with pytest.raises(HiphingeError, match="turn gravity 90° away from the vertical") as caught:
        read_plain(tmp_path / "wrong")
    assert "sensor → earth" in caught.value.remedy
    flat = np.tile([9.81, 0.0, 0.0], (ROWS, 1))
    inverse = np.column_stack((zero + np.sqrt(0.5), zero, zero + np.sqrt(0.5), zero))
    put(tmp_path / "inverse", text(PlainSamples(lying.time_s, flat, None, inverse), gyr=False, quat=True))
    with pytest.raises(HiphingeError, match="look like earth → sensor") as caught:
        read_plain(tmp_path / "inverse")
    assert "conjugate" in caught.value.remedy


def test_session_toml_and_files_must_fit(tmp_path: Path) -> None:
    file = put(tmp_path, text(swinging()))
    toml = tmp_path / "session.toml"
    good = toml.read_text()

    def refused(change: str, line: int, what: str, remedy: str) -> None:
        toml.write_text(change)
        with pytest.raises(HiphingeError) as caught:
            read_plain(tmp_path)
        assert caught.value.where == f"{toml}, line {line}"
        assert what in caught.value.what
        assert remedy in caught.value.remedy

    refused(good.replace('file = "pelvis.csv"\n', ""), 4, "pelvis has no file", 'file = "….csv"')
    refused(good.replace("pelvis.csv", "lost.csv"), 6, "lost.csv of pelvis is not there", "correct its name")
    refused(good.replace("pelvis.csv", "../pelvis.csv"), 6, "outside the session folder", "into the session folder")
    twice = good + '[[sensor]]\nplacement = "lumbar"\nfile = "./pelvis.csv"\n'
    refused(twice, 9, "is the file of pelvis already", "a file of its own")
    refused(good + "rate_hz = 50\n", 7, "rate_hz = 50, but the time stamps of pelvis.csv say 100", "Correct rate_hz")
    refused(good + "rate_hz = 0\n", 7, "not a sample rate", "samples per second")
    toml.write_text(good + "rate_hz = 99\n")
    assert read_plain(tmp_path).rates_hz == {"pelvis": 99.0}
    toml.unlink()
    with pytest.raises(HiphingeError, match="file not found"):
        read_plain(tmp_path)
    toml.write_text(good)
    file.unlink()
    file.mkdir()
    with pytest.raises(HiphingeError, match="is not there"):
        read_plain(tmp_path)


def test_sensors_that_never_meet(tmp_path: Path) -> None:
    put(tmp_path, text(swinging()))
    late = swinging()
    late = PlainSamples(late.time_s + 1.7e9, late.acc, late.gyr)
    (tmp_path / "lumbar.csv").write_text("\n".join(text(late)))
    with (tmp_path / "session.toml").open("a") as toml:
        toml.write('[[sensor]]\nplacement = "lumbar"\nfile = "lumbar.csv"\n')
    with pytest.raises(HiphingeError, match=r"leaps from 9\.99 to 1\.7e\+09 s") as caught:
        read_plain(tmp_path)
    assert caught.value.where == f"{tmp_path / 'lumbar.csv'}, line 2"


@given(st.data())
def test_any_damage_is_read_or_refused_politely(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = ("\n".join(text(swinging())[:60]) + "\n").encode()
    at = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 80))
    junk = data.draw(st.binary(max_size=8) | st.text(',;\n\r\t" 0123456789.-e', max_size=8).map(str.encode))
    folder = tmp_path_factory.mktemp("p")
    file = put(folder, whole[:at] + junk + whole[at + length :])
    refused: HiphingeError | None = None
    try:
        read = read_plain(folder)
    except HiphingeError as error:
        refused = error
    if refused is None:
        assert all(np.isfinite(one.acc).all() and (np.diff(one.time_s) > 0.0).all() for one in read.samples.values())
        return
    assert refused.where.startswith(f"{file}, line ")
    line = int(refused.where.rsplit(" ", 1)[1])
    assert 1 <= line <= len(file.read_bytes().decode("utf-8", "replace").splitlines()) + 1
    assert refused.remedy


def test_what_is_refused_can_be_written_by_nobody_but_read_after_repair(tmp_path: Path) -> None:
    write_plain(tmp_path / "s", session(), {"pelvis": swinging()})
    file = tmp_path / "s" / "pelvis.csv"
    good = file.read_text()
    file.write_text("\n".join(cell(200, 3, "abc")(good.splitlines())))
    with pytest.raises(HiphingeError, match="line 200"):
        read_plain(tmp_path / "s")
    file.write_text(good)
    assert len(read_plain(tmp_path / "s").samples["pelvis"]) == ROWS


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (1.7e9, "begins 1700000000 s from the session's start, which is 53.9 years: this looks like Unix seconds"),
        (-1e9, "begins"),
    ],
)
def test_times_of_another_year(tmp_path: Path, begin: float, what: str) -> None:
    one = swinging()
    file = put(tmp_path / "s", text(PlainSamples(one.time_s + begin, one.acc, one.gyr)))
    with pytest.raises(HiphingeError) as caught:
        read_plain(tmp_path / "s")
    assert caught.value.where == f"{file}, line 2"
    assert what in caught.value.what
    assert "Count the time from the session's start" in caught.value.remedy


def test_holes_of_half_an_hour_for_days_are_no_session(tmp_path: Path) -> None:
    """Each is shorter than what counts as a leap."""
    one = swinging()
    late = one.time_s.copy()
    late[-200:] += 1800.0 * np.arange(1, 201)
    file = put(tmp_path / "s", text(PlainSamples(late, one.acc, one.gyr)))
    with pytest.raises(HiphingeError, match="a session lasts 172800 s at most") as caught:
        read_plain(tmp_path / "s")
    assert caught.value.where.startswith(f"{file}, line ")
