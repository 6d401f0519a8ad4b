"""Whatever is wrong with an input is told in one line with file, line and remedy; nothing half-written is left."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.tables import read_summary
from ingest.formats.plain import PlainSamples, write_plain
from tests.contract.command_line import child, done, hiphinge, one_line, refused, tree
from tests.contract.recorded_sessions import recording, simulated_demo
from virtual_athlete import to_plain

CSV = "pelvis.csv"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a plain session."""
    session, samples = to_plain("demo", 1)
    short = {key: PlainSamples(s.time_s[:600], s.acc[:600], s.gyr[:600]) for key, s in samples.items()}
    folder = tmp_path_factory.mktemp("sound") / "plain"
    write_plain(folder, session, short)
    return folder


@pytest.fixture
def plain(sound: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(sound, tmp_path / "plain"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A whole recording."""
    simulated = simulated_demo()
    return recording(tmp_path_factory.mktemp("recorded") / "recording.mcap", simulated.session, simulated.events).read_bytes()


def lines(edit: Callable[[list[str]], object], file: str = CSV) -> Callable[[Path], None]:
    """An edit of the lines of a file; `lines[4]` is its line 5."""

    def spoil(folder: Path) -> None:
        text = (folder / file).read_text("utf-8").split("\n")
        edit(text)
        (folder / file).write_text("\n".join(text), "utf-8")

    return spoil


def cell(line: int, column: int, value: str) -> Callable[[Path], None]:
    def edit(text: list[str]) -> None:
        cells = text[line - 1].split(",")
        cells[column] = value
        text[line - 1] = ",".join(cells)

    return lines(edit)


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")

    return spoil


def in_g(text: list[str]) -> None:
    for i, line in enumerate(text[1:], 1):
        if line:
            cells = line.split(",")
            text[i] = ",".join([cells[0], *(f"{float(c) / 9.80665:.6f}" for c in cells[1:4]), *cells[4:]])


def without_column(text: list[str]) -> None:
    text[:] = [line.rsplit(",", 1)[0] for line in text]


SPOILT = {
    "missing column": (
        lines(without_column),
        r"plain/pelvis\.csv, line 1: missing column gyr_z_rad_s; found time_s, .*\. The header must be time_s,.*",
    ),
    "unit that cannot be true": (
        lines(in_g),
        r"plain/pelvis\.csv, line 2: the median of \|acc\| is 0\.99\d+, where .*looks like g\. Multiply the acc .*",
    ),
    "gyroscope in degrees": (
        cell(40, 4, "800"),
        r"plain/pelvis\.csv, line 40: an angular rate of 800 rad/s is beyond .*deg/s\. Multiply the gyr columns.*",
    ),
    "NaN": (cell(101, 2, "nan"), r"plain/pelvis\.csv, line 101: acc_y_m_s2 holds 'nan'\. Remove lines without a measurement.*"),
    "time runs backwards": (
        cell(52, 0, "0.2"),
        r"plain/pelvis\.csv, line 52: time_s runs backwards, from 0\.49 to 0\.2\. Put the lines in order of time.*",
    ),
    "time repeats": (cell(52, 0, "0.49"), r"plain/pelvis\.csv, line 52: time_s repeats 0\.49 .*\. Every sample needs a time.*"),
    "text in a number": (
        cell(7, 3, "9.8l"),
        r"plain/pelvis\.csv, line 7: acc_z_m_s2 holds '9\.8l', which is not a number\. Correct this cell.*",
    ),
    "short line": (
        lines(lambda text: text.__setitem__(11, "0.1,9.8")),
        r"plain/pelvis\.csv, line 12: a short line: 2 cells, the header has 7\. Complete or remove this line.*",
    ),
    "empty file": (
        lambda folder: (folder / CSV).write_bytes(b""),
        r"plain/pelvis\.csv, line 1: the file is empty\. Export the recording again.*",
    ),
    "header only": (
        lines(lambda text: text.__delitem__(slice(1, None))),
        r"plain/pelvis\.csv, line 1: no data rows after the header\. .+",
    ),
    "binary file": (
        lambda folder: (folder / CSV).write_bytes(bytes(range(256)) * 9),
        r"plain/pelvis\.csv, line 1: not UTF-8 text.*\. Save the file as plain UTF-8 text.*",
    ),
    "file not there": (
        lambda folder: (folder / CSV).unlink(),
        r"plain/session\.toml, line \d+: the file pelvis\.csv of pelvis is not there\. Put it into the folder.*",
    ),
    "file outside the session folder": (
        replaced("session.toml", '"pelvis.csv"', '"../elsewhere.csv"'),
        r"plain/session\.toml, line \d+: file '\.\./elsewhere\.csv' is outside the session folder\. Put the file into.*",
    ),
    "broken TOML": (
        lines(lambda text: text.__setitem__(1, "start = yesterday"), "session.toml"),
        r"plain/session\.toml, line 2: broken TOML: .*\. Correct this line.*",
    ),
    "no start": (
        lines(lambda text: text.__delitem__(1), "session.toml"),
        r"plain/session\.toml, line 1: start is missing\. Write the start with its zone, e\.g\. .*",
    ),
    "unknown placement": (
        replaced("session.toml", 'placement = "pelvis"', 'placement = "pelvsi"'),
        r"plain/session\.toml, line \d+: unknown placement 'pelvsi'\. Did you mean 'pelvis'\? Placements are lumbar, .*",
    ),
    "two sensors on one placement": (
        replaced("session.toml", 'placement = "thigh_left"', 'placement = "pelvis"'),
        r"plain/session\.toml, line \d+: two sensors on one placement: pelvis\. Give each sensor a placement of its own.*",
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_plain_session(plain: Path, fault: str) -> None:
    spoil, message = SPOILT[fault]
    spoil(plain)
    before = tree(plain.parent)
    said = refused("replay", "plain", "--out", "out/deeper", cwd=plain.parent)
    assert re.fullmatch(message, said), said
    assert tree(plain.parent) == before


def test_a_process_of_its_own_says_the_same(plain: Path) -> None:
    """The other tests call the entry point without starting a process."""
    spoil, message = SPOILT["NaN"]
    spoil(plain)
    result = child("replay", "plain", "--out", "out", cwd=plain.parent)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(message, one_line(result))


def test_the_line_is_that_of_the_fault(plain: Path) -> None:
    """Where session.toml names the wrong thing, the line of the message is the line of the word."""
    replaced("session.toml", 'placement = "pelvis"', 'placement = "hip"')(plain)
    said = refused("replay", "plain", "--out", "out", cwd=plain.parent)
    found = re.search(r"line (\d+)", said)
    assert found is not None
    assert (plain / "session.toml").read_text("utf-8").splitlines()[int(found[1]) - 1] == 'placement = "hip"'


def spoilt_recording(folder: Path, content: bytes, name: str = "recording.mcap") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"recording\.mcap: the file is empty\. Give a recording\.mcap that hiphinge wrote.*"),
        (b"not a recording at all", r"recording\.mcap: not an MCAP file\. Give a recording\.mcap that hiphinge wrote.*"),
    ],
)
def test_no_recording_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    spoilt_recording(tmp_path, content)
    said = refused("replay", "recording.mcap", "--out", "out", cwd=tmp_path)
    assert re.fullmatch(message, said), said
    assert tree(tmp_path) == {"recording.mcap"}


def test_a_recording_that_broke_off_in_its_head_holds_no_session(tmp_path: Path, recorded: bytes) -> None:
    spoilt_recording(tmp_path, recorded[:200])
    said = refused("replay", "recording.mcap", "--out", "out", cwd=tmp_path)
    assert said.startswith("recording.mcap: the recording broke off before its head was written. It holds no data")
    assert tree(tmp_path) == {"recording.mcap"}


def test_a_truncated_recording_gives_what_is_there_and_a_warning(tmp_path: Path, recorded: bytes) -> None:
    """What a kill, a power failure or a copy cut short leaves is data: no error."""
    spoilt_recording(tmp_path, recorded[: len(recorded) * 2 // 3])
    result = done("replay", "recording.mcap", "--out", "out", cwd=tmp_path)
    assert re.fullmatch(
        r"hiphinge: recording\.mcap breaks off after \d+ whole windows: \d+ bytes after byte \d+ are dropped\n", result.stderr
    )
    assert "Repetitions (review)" in result.stdout
    summary = read_summary(tmp_path / "out", "live")
    assert 40.0 < summary["duration_s"] < 65.0
    assert 4 <= summary["repetitions"] < 14


def test_a_corrupted_recording_is_an_error_that_names_the_place_and_can_be_salvaged(tmp_path: Path, recorded: bytes) -> None:
    """What follows the damage would be missing without a word."""
    middle = len(recorded) // 2
    spoilt_recording(
        tmp_path, recorded[:middle] + bytes(b ^ 0xFF for b in recorded[middle : middle + 8]) + recorded[middle + 8 :]
    )
    said = refused("replay", "recording.mcap", "--out", "out", cwd=tmp_path)
    place = re.fullmatch(
        rf"recording\.mcap: the recording is damaged at byte (\d+) of {len(recorded)}: a window that .*\. Restore the file "
        r"from a copy; the (\d+) windows before the damage can be salvaged: hiphinge replay --salvage\.",
        said,
    )
    assert place is not None, said
    assert middle - 4000 < int(place[1]) <= middle
    assert tree(tmp_path) == {"recording.mcap"}
    result = done("replay", "recording.mcap", "--out", "out", "--salvage", cwd=tmp_path)
    assert result.stderr.startswith(f"hiphinge: recording.mcap is damaged at byte {place[1]}: ")
    assert result.stderr.count("\n") == 1
    summary = read_summary(tmp_path / "out", "live")
    assert summary["duration_s"] == pytest.approx(0.5 * int(place[2]), abs=1.0)
    assert summary["repetitions"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["nowhere", "--out", "out"],
            r"nowhere: not found\. Give a session folder, a plain session .*, or an \.mcap recording\.",
        ),
        (["empty", "--out", "out"], r"empty: neither recording\.mcap nor session\.toml is in this folder\. Give a session .*"),
        (["plain/pelvis.csv", "--out", "out"], r"plain/pelvis\.csv: this file is not a recording\. .*hiphinge import\."),
        (
            ["plain/session.toml", "--out", "out"],
            r"plain/session\.toml: this file is not a recording\. Give its folder, plain\.",
        ),
        (
            ["plain", "--out", "plain"],
            r"plain: exists already and is not an empty folder\. Give --out a folder that does not exist",
        ),
        (
            ["plain", "--out", "plain/pelvis.csv"],
            r"plain/pelvis\.csv: exists already .*\. Give --out a folder that does not exist",
        ),
        (
            ["plain", "--out", "plain/pelvis.csv/x"],
            r".*plain/pelvis\.csv/x: cannot be made: .*\. Choose a folder that you may .*",
        ),
        (
            ["plain", "--out", "out", "--estimator", "fast"],
            r"--estimator: unknown estimator 'fast'\. Choose live, review or both",
        ),
    ],
)
def test_a_replay_that_cannot_be(plain: Path, words: list[str], message: str) -> None:
    (plain.parent / "empty").mkdir()
    before = tree(plain.parent)
    said = refused("replay", *words, cwd=plain.parent)
    assert re.fullmatch(message, said), said
    assert tree(plain.parent) == before


def test_results_alone_are_no_input(sound: Path, tmp_path: Path) -> None:
    done("replay", sound, "--out", "out", "--estimator", "live", cwd=tmp_path)
    said = refused("replay", "out", "--out", "again", cwd=tmp_path)
    assert "holds no samples" in said
    assert "Give the recording or plain session that these results were computed from" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trc", "plain", "--out", "out"], r"import: unknown format 'trc'\. Known formats are csv, .*"),
        (["csv", "nowhere.csv", "--out", "out", "--mapping", "map.toml"], r"nowhere\.csv: not found\. Check the path .*"),
        (
            ["csv", "plain/pelvis.csv", "--out", "out", "--mapping", "map.toml"],
            r"map\.toml, line 1: broken TOML: .*\. Correct .*",
        ),
        (["csv", "plain/pelvis.csv", "--out", "out", "--mapping", "no.toml"], r"no\.toml: .*\. .+"),
        (["csv", "plain/pelvis.csv", "--out", "out"], r".*mapping.*"),
        (["xio-lower-body", "plain", "--out", "out"], r"plain.*: .*\. .+"),
        (["xsens-opensense", "plain", "--out", "out"], r"plain.*: .*\. .+"),
        (
            ["csv", "plain/pelvis.csv", "--out", "out", "--placement", "pelvis.csv="],
            r"--placement: 'pelvis.csv=' is not a placement\. Write for example .*",
        ),
        (
            ["csv", "plain/pelvis.csv", "--out", "plain", "--mapping", "map.toml"],
            r"plain: exists already and is not an empty .*",
        ),
    ],
)
def test_an_import_that_cannot_be(plain: Path, words: list[str], message: str) -> None:
    (plain.parent / "map.toml").write_text("time = { column = \n")
    before = tree(plain.parent)
    said = refused("import", *words, cwd=plain.parent)
    assert re.fullmatch(message, said), said
    assert tree(plain.parent) == before


@pytest.mark.parametrize("command", ["report", "push"])
def test_no_results_to_work_on(plain: Path, command: str) -> None:
    words = ["push", "--dry-run"] if command == "push" else ["report"]
    before = tree(plain.parent)
    said = refused(*words, "nowhere", cwd=plain.parent)
    assert said == "nowhere: no such session folder. Give a session folder: one that demo or replay wrote"
    said = refused(*words, "plain", cwd=plain.parent)
    assert said == "plain: no results are in this folder. Run: hiphinge replay plain --out DIR"
    said = refused(*words, "plain/pelvis.csv", cwd=plain.parent)
    assert said.startswith("plain/pelvis.csv: this is a file. Give a session folder")
    assert tree(plain.parent) == before


def test_damaged_results(sound: Path, tmp_path: Path) -> None:
    done("replay", sound, "--out", "out", "--estimator", "live", cwd=tmp_path)
    table = tmp_path / "out/live/angles.parquet"
    table.write_bytes(table.read_bytes()[:-100])
    before = tree(tmp_path)
    for words in (["report", "out"], ["push", "--dry-run", "out"]):
        said = refused(*words, cwd=tmp_path)
        assert re.fullmatch(
            r"out/live/angles\.parquet: cannot be read, it is damaged or of another version .*hiphinge replay.*", said
        )
    assert (
        refused("report", "out", "--estimator", "review", cwd=tmp_path) == "out: no results of estimator 'review'. Choose live"
    )
    assert tree(tmp_path) == before


def test_a_broken_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("sessions = \n")
    said = refused("doctor", "--config", "c.toml", cwd=tmp_path)
    assert re.fullmatch(r"c\.toml, line 1: is not valid TOML: .*\. Correct this line", said), said
    assert refused("demo", "--scenario", "marathon", cwd=tmp_path) == (
        "--scenario: unknown scenario 'marathon'. Choose demo, mixed, screen"
    )
    assert refused("doctor", "--sessions", "nowhere", cwd=tmp_path).startswith("nowhere: no such folder. ")
    assert tree(tmp_path) == {"c.toml"}


def test_a_command_line_that_is_none(tmp_path: Path) -> None:
    for words in (["replay"], ["replay", "x"], ["replay", "x", "--out"], ["replay", "x", "--out", "o", "--fast"], ["rpelay"]):
        result = hiphinge(*words, cwd=tmp_path)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert "Error" in result.stderr
    assert "Did you mean 'replay'?" in result.stderr
