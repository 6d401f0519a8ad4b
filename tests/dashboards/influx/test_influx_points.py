"""Line protocol: a pure function of the tables, its tags, types, escapes, missing values and timestamps."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from body_signals import HiphingeError
from body_signals.quantities import ANGLE_NAMES, REPETITION_COLUMNS
from dashboards.influx.line_protocol import FIELDS, TAGS, points
from dashboards.influx.sending.sender import InfluxSettings
from dashboards.tables import TableWriter, read_angles
from dsp.results import AngleRows, Repetition
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session

START_NS = 1_795_442_700 * 10**9


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("points"))


def parse(line: str) -> tuple[str, dict[str, str], dict[str, str], int]:
    """Measurement, tags, fields as written, timestamp. Knows the escapes that the writer may use."""
    head, fields, stamp = re.fullmatch(r'((?:\\.|[^ ])+) ((?:"(?:\\.|[^"\\])*"|[^ "])+) (-?\d+)', line).groups()
    measurement, *tags = re.split(r"(?<!\\),", head)
    pairs = re.findall(r'([\w]+)=("(?:\\.|[^"\\])*"|[^,"]+)', fields)
    return measurement, dict(re.split(r"(?<!\\)=", t, maxsplit=1) for t in tags), dict(pairs), int(stamp)


def test_every_line_has_all_tags_in_order_and_known_fields_of_one_type(session: Path) -> None:
    form = {"float": r"-?\d+(\.\d+)?(e-?\d+)?", "integer": r"-?\d+i", "boolean": "true|false", "string": r'".*"'}
    seen = set()
    for line in points(session):
        measurement, tags, fields, _ = parse(line)
        seen.add(measurement)
        assert tuple(tags) == TAGS[measurement]
        known = {f.name: f.type for f in FIELDS[measurement]}
        for name, value in fields.items():
            kind = "float" if name.startswith("exposure_") else known[name]
            assert re.fullmatch(form[kind], value), (name, value)
        if measurement == "session":
            zones = {name: value for name, value in fields.items() if name.startswith("exposure_")}
            assert zones["exposure_lumbar_flexion_s_20_to_40"] == "14.0"
            assert len(zones) == 4
    assert seen == set(TAGS)


def test_timestamps_come_from_the_data_and_increase_in_each_series(session: Path) -> None:
    last: dict[tuple[str, ...], int] = {}
    for line in points(session):
        measurement, tags, fields, stamp = parse(line)
        series = (measurement, *tags.values())
        assert stamp > last.get(series, START_NS - 1)
        last[series] = stamp
        if measurement == "repetition":
            assert stamp == START_NS + round(float(fields["start_s"]) * 1e9)
        elif measurement == "sensor_health":
            assert stamp - START_NS in ([0] if "samples" in fields else [60 * 10**9, 90 * 10**9])
        elif measurement == "session":
            assert stamp == START_NS


def test_angles_are_the_mean_of_four_ticks_to_a_64th_of_a_degree(session: Path) -> None:
    table = read_angles(session, "review")
    lines = [parse(line) for line in points(session, ["review"]) if line.startswith("angles,")]
    assert len(lines) == 90 * 25
    for name in ("lumbar_flexion_deg", "hip_left_flexion_deg", "lumbar_flexion_sd_deg"):
        values = table[name].to_numpy().astype(float)
        expected = values.reshape(-1, 4)[:-1, 1:].sum(axis=1) + values[4::4]
        sent = np.array([float(fields.get(name, "nan")) for _, _, fields, _ in lines])
        np.testing.assert_allclose(sent[1:], expected / 4, atol=1 / 128 + 1e-9)
        assert np.all(sent[np.isfinite(sent)] * 64 % 1 == 0)
    assert int(lines[0][2]["quality"][:-1]) == 1
    assert set(lines[0][2]) == {"quality"}


def test_missing_metrics_are_left_out(session: Path) -> None:
    rows = [parse(line)[2] for line in points(session, ["live"]) if line.startswith("repetition,")]
    reps = repetitions(angle_rows())
    assert len(rows) == len(reps)
    for row, rep in zip(rows, reps, strict=True):
        assert {k for k in row if k in rep.metrics} == set(rep.metrics)
        assert ("hip_left_rom_deg" in row) == ("hip_left_rom_deg" in rep.metrics)
        assert row["void"] == "false"
        assert row["quality_words"] == ('"gap"' if rep.quality else '"–"')
        assert row["movement"] == f'"{rep.movement}"'
        # as people count, from 1
        assert (row["index"], row["number"]) == (f"{rep.index}i", f"{rep.index + 1}i")
        assert row["side"] == '""'
    assert not all("hip_left_rom_deg" in row for row in rows)
    assert {q.name for q in REPETITION_COLUMNS} | {"number", "side", "quality_words", "void"} == set(rows[0])


def test_points_are_a_pure_function_of_the_tables(session: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(session, tmp_path / "elsewhere" / "copied by hand")
    assert list(points(copy)) == list(points(session))
    assert list(points(session, ["review"])) != list(points(session, ["live"]))


@pytest.mark.parametrize("name", ["Ann B", "a,b", "a=b", "Zoë", "back\\slash", 'q"uote', "per%cent%s", "/x/", "a\\,b"])
def test_names_are_escaped(tmp_path: Path, name: str) -> None:
    escaped = name.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
    for line in points(write_session(tmp_path, "live", seconds=20, athlete=name, warnings=[f"{name}\nsecond\tline"])):
        _, tags, fields, _ = parse(line)
        assert tags["athlete"] == escaped
        if "warnings" in fields:
            text = f"{name} second line".replace("\\", "\\\\").replace('"', '\\"')
            assert fields["warnings"] == f'"{text}"'


@pytest.mark.parametrize("name", ["", "a\n", "a\\", "\x00", "a\tb"])
def test_names_that_no_tag_can_hold_are_refused(tmp_path: Path, name: str) -> None:
    folder = write_session(tmp_path, "live", seconds=20, athlete=name)
    with pytest.raises(HiphingeError, match=r"summary\.json: athlete = .* cannot be a tag"):
        list(points(folder))


@pytest.mark.parametrize("start", [None, "", "yesterday", "2026-11-23T14:05:00"])
def test_a_session_without_calendar_time_cannot_be_sent(tmp_path: Path, start: str | None) -> None:
    folder = write_session(tmp_path, "live", seconds=20, start=start)
    with pytest.raises(HiphingeError, match=r"summary\.json: start = .* not a calendar time.*session\.toml"):
        list(points(folder))


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="no results to send.*hiphinge replay".replace(".*", r"[\s\S]*")):
        list(points(tmp_path))


def test_repetitions_of_one_start_and_sessions_of_one_row(tmp_path: Path) -> None:
    one = AngleRows(np.array([0.48]), np.ones((len(ANGLE_NAMES), 1)), np.ones((len(ANGLE_NAMES), 1)), np.zeros(1, np.int32))
    with TableWriter(tmp_path, "live") as out:
        out.angles(one)
        for i in range(2):
            out.repetition(Repetition(i, 1.0, 2.0, 3.0, "bend", 1.0, 0, {"lumbar_rom_deg": 1e-7}))
        out.close(summary("live", 2))
    lines = [parse(line) for line in points(tmp_path)]
    assert [stamp - START_NS for m, _, _, stamp in lines if m == "repetition"] == [10**9, 10**9 + 1]
    angles = [fields for m, _, fields, _ in lines if m == "angles"]
    # one row is no mean of four ticks: missing
    assert angles == [{"quality": "0i"}]
    assert {fields["lumbar_rom_deg"] for m, _, fields, _ in lines if m == "repetition"} == {"1e-07"}


def environment(**changes: str) -> dict[str, str]:
    base = {"URL": "http://localhost:8086", "TOKEN": "user:s3cret", "ORG": "", "BUCKET": "hip/autogen"}
    return {f"HIPHINGE_INFLUX_{k}": v for k, v in (base | changes).items()}


def test_settings_come_from_the_environment_and_hide_the_token() -> None:
    settings = InfluxSettings.from_environment(environment())
    assert settings == InfluxSettings("http://localhost:8086", "user:s3cret", "", "hip/autogen")
    assert "s3cret" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"URL": ""}, "HIPHINGE_INFLUX_URL: is not set"),
        ({"URL": "localhost:8086"}, "HIPHINGE_INFLUX_URL: is not an address"),
        ({"URL": "http://me:s3cret@host:8086"}, "HIPHINGE_INFLUX_URL: holds a user name"),
        ({"BUCKET": ""}, "HIPHINGE_INFLUX_BUCKET: is not set"),
        ({"TOKEN": "s3c ret"}, "HIPHINGE_INFLUX_TOKEN: holds a character"),
    ],
)
def test_wrong_settings_name_the_variable(changes: dict[str, str], message: str) -> None:
    with pytest.raises(HiphingeError, match=message) as caught:
        InfluxSettings.from_environment(environment(**changes))
    assert "s3c" not in str(caught.value)


def test_of_a_list_in_the_exposure_its_length_is_sent(tmp_path: Path) -> None:
    """docs/influx-schema.md, `exposure_<quantity>`."""
    exposure = {
        "lumbar_flexion_s": {"below_20": 3.0},
        "long bends": {"over 60 s": [{"start_s": 1.0}, {"start_s": 2.0}], "none": []},
    }
    session = write_session(tmp_path, "live", seconds=20, exposure=exposure)
    (fields,) = (fields for measurement, _, fields, _ in map(parse, points(session)) if measurement == "session")
    found = {name: value for name, value in fields.items() if name.startswith("exposure_")}
    assert found == {
        "exposure_lumbar_flexion_s_below_20": "3.0",
        "exposure_long_bends_over_60_s": "2.0",
        "exposure_long_bends_none": "0.0",
    }
