"""`hiphinge import`: whose it is, when it began and where each sensor was worn can be said, and what a file says is used."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.contract.command_line import done, refused

MAPPING = """time = { column = "t", unit = "s" }
acc = { columns = ["x", "y", "z"], unit = "m/s2" }
gyr = { columns = ["p", "q", "r"], unit = "rad/s" }
"""


def csv(path: Path) -> None:
    rng = np.random.default_rng(3)
    still = np.column_stack((np.arange(300) / 100.0, np.tile([9.81, 0.0, 0.0], (300, 1)), np.zeros((300, 3))))
    still[:, 1:] += rng.normal(0.0, 0.01, (300, 6))
    np.savetxt(path, still, delimiter=",", header="t,x,y,z,p,q,r", comments="", fmt="%.6f")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    csv(tmp_path / "in/hip.csv")
    csv(tmp_path / "in/back.csv")
    (tmp_path / "map.toml").write_text(MAPPING)
    return tmp_path


def head(folder: Path) -> dict:
    return tomllib.loads((folder / "out/session.toml").read_text())


def imported(folder: Path, *words: str, source: str = "in", **settings: str) -> str:
    return done("import", "csv", source, "--mapping", "map.toml", "--out", "out", *words, cwd=folder, **settings).stdout


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["--start", "2026-11-23T14:05:00+01:00"], "2026-11-23T13:05:00"),
        (["--start", "2026-11-23T14:05:00Z"], "2026-11-23T14:05:00"),
        (["--start", "2026-11-23 14:05", "--zone", "Europe/Berlin"], "2026-11-23T13:05:00"),
        (["--start", "2026-07-01T14:05:00.250", "--zone", "Europe/Berlin"], "2026-07-01T12:05:00.250000"),
        (["--start", "2026-11-23T14:05:00", "--zone", "-0330"], "2026-11-23T17:35:00"),
        (["--start", "2026-10-25T02:30:00+01:00", "--zone", "+01:00"], "2026-10-25T01:30:00"),
    ],
)
def test_the_start_and_the_athlete_that_a_person_says(folder: Path, words: list[str], start: str) -> None:
    said = imported(folder, *words, "--athlete", "player-07", "--placement", "hip.csv=pelvis", "--placement", "back=lumbar")
    assert "not known" not in said
    found = head(folder)
    assert found["start"] == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found["athlete"]["id"] == "player-07"
    assert {sensor["file"]: sensor["placement"] for sensor in found["sensor"]} == {
        "pelvis.csv": "pelvis",
        "lumbar.csv": "lumbar",
    }
    done("replay", "out", "--out", "r", cwd=folder)
    assert json.loads((folder / "r/review/summary.json").read_text())["athlete"] == "player-07"
    assert "athlete=player-07" in done("push", "r", "--dry-run", cwd=folder).stdout


def test_a_local_start_without_a_zone_is_this_computers_and_it_is_said(folder: Path) -> None:
    said = imported(folder, "--start", "2026-11-23T14:05:00")
    assert "this computer's zone" in said
    assert head(folder)["start"] == datetime(2026, 11, 23, 14, 5).astimezone(UTC)
    assert "the athlete is not known: give --athlete" in said


def test_one_file_needs_no_name_of_it(folder: Path) -> None:
    imported(folder, "--placement", "thigh_left", source="in/hip.csv")
    assert [sensor["placement"] for sensor in head(folder)["sensor"]] == ["thigh_left"]
    said = refused("import", "csv", "in", "--mapping", "map.toml", "--out", "b", "--placement", "pelvis", cwd=folder)
    assert "--placement SENSOR=PLACEMENT" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--start", "yesterday"], "is not a date and time"),
        (["--start", "2026-11-23"], "a day without a time"),
        (["--start", "0026-11-23T14:05:00Z"], "out of range"),
        (["--start", "2026-10-25T02:30:00", "--zone", "Europe/Berlin"], "comes twice"),
        (["--start", "2026-03-29T02:30:00", "--zone", "Europe/Berlin"], "is skipped"),
        (["--start", "2026-11-23T14:05:00Z", "--zone", "Europe/Berlin"], "a zone other than"),
        (["--start", "2026-11-23T14:05:00", "--zone", "Mars/Olympus"], "not a time zone"),
        (["--start", "2026-11-23T14:05:00", "--zone", "../../etc/passwd"], "not a time zone"),
        (["--start", "2026-11-23T14:05:00", "--zone", "+15:00"], "further from UTC"),
        (["--zone", "Europe/Berlin"], "does not state its start"),
        (["--athlete", ""], "is empty"),
        (["--athlete", "*"], "is a pattern"),
        (["--placement", "hip.csv="], "is not a placement"),
        (["--placement", "=pelvis"], "is not a placement"),
        (["--placement", "hip.csv=knee"], "unknown placement"),
        (["--placement", "foot.csv=pelvis"], "there is no sensor"),
        (["--placement", "hip.csv=pelvis", "--placement", "in/hip.csv=lumbar"], "two placements"),
        (["--placement", "hip.csv=pelvis", "--placement", "lumbar"], "without its sensor"),
    ],
)
def test_what_cannot_be_is_told(folder: Path, words: list[str], told: str) -> None:
    said = refused("import", "csv", "in", "--mapping", "map.toml", "--out", "out", *words, cwd=folder)
    assert told in said
    assert not (folder / "out").exists()


def test_a_start_that_the_file_says_without_a_zone(tmp_path: Path) -> None:
    rows = "".join(f"{i}\t0.0\t0.4\t9.8\t0.01\t0.0\t0.0\n" for i in range(100, 400))
    columns = "PacketCounter\tAcc_X\tAcc_Y\tAcc_Z\tGyr_X\tGyr_Y\tGyr_Z\n"
    file = tmp_path / "MT_1_00B42279.txt"
    for start, words, expected, told in (
        ("2026-11-23 14:05:00", [], datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "taken as UTC"),
        ("2026-11-23 14:05:00", ["--zone", "Asia/Tokyo"], datetime(2026, 11, 23, 5, 5, tzinfo=UTC), "the zone given"),
        ("Unknown", [], datetime(1970, 1, 1, tzinfo=UTC), "the start is not known"),
        ("2026-13-23 14:05:00", [], datetime(1970, 1, 1, tzinfo=UTC), "the start is not known"),
        ("2026-11-23 14:05:00", ["--start", "2026-01-01T00:00:00Z"], datetime(2026, 1, 1, tzinfo=UTC), "athlete is not known"),
    ):
        file.write_text(f"// Start Time: {start}\n// Update Rate: 100.0Hz\n{columns}{rows}")
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        words = [*words, "--placement", "pelvis"]
        said = done("import", "xsens-opensense", file, "--out", out, *words, cwd=tmp_path).stdout
        assert tomllib.loads((out / "session.toml").read_text())["start"] == expected
        assert told in " ".join(said.split())


def test_a_mapping_is_proposed_and_imports_its_file(folder: Path) -> None:
    proposed = done("import", "csv", "--guess", "in/hip.csv", cwd=folder).stdout
    assert "tried: 300 samples of 1 sensor(s)" in proposed
    assert "Mapping: guessed.toml" in done("import", "csv", "--guess", "in/hip.csv", "--out", "guessed.toml", cwd=folder).stdout
    assert (folder / "guessed.toml").read_text() == proposed
    assert "exists already" in refused("import", "csv", "--guess", "in/hip.csv", "--out", "guessed.toml", cwd=folder)
    (folder / "map.toml").write_text(proposed)
    imported(folder, source="in/hip.csv")
    assert (folder / "out/hip.csv").is_file()
    assert "only format csv is guessed" in refused("import", "dot", "--guess", "in/hip.csv", cwd=folder)
    assert "PATH is missing" in refused("import", "csv", "--out", "there", cwd=folder)


def test_without_a_placement_there_are_no_angles_and_it_is_said(folder: Path) -> None:
    imported(folder, source="in/hip.csv")
    said = done("replay", "out", "--out", "results", "--estimator", "review", cwd=folder).stdout
    assert "No placement, so no angles (review)." in said
    assert "no sensor is worn on lumbar spine, pelvis or thigh" in said


def test_names_in_brackets_stand_in_notes_as_they_are(folder: Path) -> None:
    lines = (folder / "in/hip.csv").read_text().replace("t,x", "t[s],x").splitlines()
    (folder / "in/hip.csv").write_text("\n".join([*lines, lines[-1][:12]]))
    (folder / "map.toml").write_text(MAPPING.replace('"t"', '"t[s]"') + 'mag = [{ columns = ["a", "b", "c"], unit = "uT" }]\n')
    said = imported(folder, source="in/hip.csv")
    assert "note: hip.csv: the last line, 302, is torn and left out" in said
    lines[20], lines[21] = lines[21], lines[20]
    (folder / "in/hip.csv").write_text("\n".join([*lines, ""]))
    said = refused("import", "csv", "in/hip.csv", "--mapping", "map.toml", "--out", "other", cwd=folder)
    assert "t[s] runs backwards, from 0.2 to 0.19" in said
    (folder / "map.toml").write_text("bad_lines = 3\n" + (folder / "map.toml").read_text())
    said = done("import", "csv", "in/hip.csv", "--mapping", "map.toml", "--out", "other", cwd=folder).stdout
    assert "1 line is left out; line 22: t[s] runs backwards" in said
