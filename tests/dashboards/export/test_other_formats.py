"""C3D read by ezc3d, MCAP by the stock indexed reader, FHIR by models of R4B, BIDS by the rules that need no validator."""

from __future__ import annotations

import csv
import json
import re
import tomllib
import warnings
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from mcap.reader import SeekingReader, make_reader
from scipy.spatial.transform import Rotation

from body_signals import UNKNOWN_START, HiphingeError, Quality
from dashboards.export import FORMATS, Choices, c3d
from dashboards.tables import TableWriter, read_angles
from dsp.results import AngleRows
from tests.conftest import ROOT
from tests.dashboards.export.exported_sessions import START, document, exported, session_folder
from tests.dashboards.synthetic_results import orientation_rows, summary

with warnings.catch_warnings():
    # the library's own, on Python 3.14 and later
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_folder(tmp_path_factory.mktemp("sessions") / "monday", others=("barbell",))


def test_c3d_holds_rotations_and_angles(folder: Path, tmp_path: Path) -> None:
    session = exported(folder)
    (path,) = FORMATS["c3d"].write([session], tmp_path, Choices()).files
    read = ezc3d.c3d(str(path))
    table = read_angles(folder, "review")
    labels = read["parameters"]["ANALOG"]["LABELS"]["value"]
    assert set(read["parameters"]["ANALOG"]["UNITS"]["value"]) == {"deg"}
    assert read["parameters"]["ANALOG"]["RATE"]["value"] == [100.0]
    assert read["parameters"]["HIPHINGE"]["START"]["value"] == ["2026-11-23T14:05:00Z"]
    for i, name in enumerate(labels):
        np.testing.assert_array_equal(read["data"]["analogs"][0, i].astype(np.float32), table[f"{name}_deg"])
    assert np.isnan(read["data"]["analogs"][0, 0, 0])
    sensors = read["parameters"]["ROTATION"]["LABELS"]["value"]
    for i, key in enumerate(sensors):
        quat = session.orientations[key][1].astype(float)
        expected = Rotation.from_quat(np.roll(quat, -1, axis=1)).as_matrix()
        np.testing.assert_allclose(np.moveaxis(read["data"]["rotations"][:3, :3, i], -1, 0), expected, atol=1e-6)


def test_a_long_session_is_several_c3d(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c3d, "MOST_FRAMES", 1999)
    written = FORMATS["c3d"].write([exported(folder)], tmp_path, Choices())
    frames = [ezc3d.c3d(str(path))["data"]["analogs"].shape[2] for path in written.files]
    assert frames == [1999, 1001]
    assert ezc3d.c3d(str(written.files[1]))["parameters"]["HIPHINGE"]["FIRST_S"]["value"] == ["19.99"]
    assert "2 files" in written.notes[0]


def test_without_ezc3d_one_line_says_what_to_install(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ezc3d", None)
    with pytest.raises(HiphingeError) as told:
        FORMATS["c3d"].write([exported(folder)], tmp_path, Choices())
    assert str(told.value) == "c3d: this needs ezc3d, which is not installed. Install it: pip install 'hiphinge[c3d]'"


def test_every_extra_that_is_named_can_be_installed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = [
        found
        for path in (*(ROOT / "dashboards/export").glob("*.py"), ROOT / "hiphinge/live/lsl_outlet.py")
        for found in re.findall(r'needed\("(\w+)", "(\w+)"\)', path.read_text("utf-8"))
    ]
    assert sorted(named) == [("ezc3d", "c3d"), ("pylsl", "lsl")]
    for package, extra in named:
        assert [word for word in extras[extra] if word.startswith(package)], extra


def test_foxglove_is_read_by_the_stock_indexed_reader(folder: Path, tmp_path: Path) -> None:
    (path,) = FORMATS["foxglove"].write([exported(folder)], tmp_path, Choices()).files
    with path.open("rb") as file:
        reader = make_reader(file)
        assert isinstance(reader, SeekingReader)
        found = reader.get_summary()
        assert found is not None
        assert found.chunk_indexes
        topics = {channel.topic for channel in found.channels.values()}
        assert {"/angles", "/marks", "/orientations", "/repetitions", "/samples/barbell", "/samples/pelvis"} <= topics
        assert {schema.encoding for schema in found.schemas.values()} == {"jsonschema"}
        for schema in found.schemas.values():
            assert json.loads(schema.data)["type"] == "object"
        (_, _, message), *_ = reader.iter_messages(["/angles"], starting_at=(round(START.timestamp()) + 13) * 10**9)
        row = json.loads(message.data)
        assert row["time_s"] == pytest.approx(13.0)
        assert message.log_time == row["timestamp"]["sec"] * 10**9 + row["timestamp"]["nsec"]
        table = read_angles(folder, "review")
        assert row["lumbar_flexion_deg"] == table["lumbar_flexion_deg"][1300].as_py()
        first = json.loads(next(iter(reader.iter_messages(["/angles"])))[2].data)
        assert first["lumbar_flexion_deg"] is None
        assert first["quality_words"] == ["uncalibrated"]
        transforms = [json.loads(m.data) for _, _, m in reader.iter_messages(["/orientations"])]
        assert {t["child_frame_id"] for t in transforms} >= {"pelvis", "lumbar"}
        assert sum(1 for _ in reader.iter_messages(["/samples/pelvis"])) == 300


def test_fhir_is_valid_r4b(folder: Path, tmp_path: Path) -> None:
    (path,) = FORMATS["fhir"].write([exported(folder)], tmp_path, Choices()).files
    found = document(path)
    bundle = Bundle.model_validate(found)
    assert len(bundle.entry) == len(exported(folder).repetitions()) + 1
    for entry in bundle.entry:
        one = entry.resource
        assert one.meta.tag[0].code == "fhir-4.0.1"
        assert one.status == "final"
        assert one.subject.identifier.value == "player-07"
    first = bundle.entry[0].resource
    assert first.effectivePeriod.start.isoformat() == "2026-11-23T14:05:12+00:00"
    (rom,) = (c for c in first.component if c.code.coding[0].code == "lumbar_rom_deg")
    assert (float(rom.valueQuantity.value), rom.valueQuantity.code) == (48.0, "deg")
    pain = bundle.entry[-1].resource
    assert (pain.code.coding[0].code, float(pain.valueQuantity.value)) == ("72514-3", 3.0)
    assert document(FORMATS["fhir"].write([exported(folder)], tmp_path, Choices()).files[0]) == found


def test_fhir_says_that_a_number_is_missing(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday")
    session = exported(folder, "live")
    table = session.repetitions().slice(0, 1)
    at = table.schema.get_field_index("hip_left_rom_deg")
    table = table.set_column(at, table.schema.field(at), [np.array([np.nan], np.float32)])
    quality = table.schema.get_field_index("quality")
    table = table.set_column(quality, table.schema.field(quality), [np.array([Quality.GAP], np.int32)])
    object.__setattr__(session, "repetitions", lambda: table)
    (path,) = FORMATS["fhir"].write([session], tmp_path, Choices()).files
    one = Bundle.model_validate(document(path)).entry[0].resource
    (absent,) = (c for c in one.component if c.code.coding[0].code == "hip_left_rom_deg")
    assert absent.valueQuantity is None
    assert absent.dataAbsentReason.coding[0].code == "unknown"
    assert one.note[0].text == "quality: gap"
    assert one.status == "preliminary"


@pytest.mark.parametrize("name", ["foxglove", "fhir", "bids"])
def test_calendar_time_is_not_invented(tmp_path: Path, name: str) -> None:
    folder = session_folder(tmp_path / "monday", start=UNKNOWN_START)
    with pytest.raises(HiphingeError, match=r"the start of the session is not known.*session\.toml"):
        FORMATS[name].write([exported(folder)], tmp_path, Choices())


def test_bids_gives_each_athlete_a_label_and_each_channel_a_column(tmp_path: Path) -> None:
    people = {"a": "player-07", "b": "player07", "c": "运动员"}
    folders = [session_folder(tmp_path / name, athlete=who) for name, who in people.items()]
    out = tmp_path / "dataset"
    out.mkdir()
    FORMATS["bids"].write([exported(folder) for folder in folders], out, Choices())
    rows = list(csv.DictReader((out / "participants.tsv").read_text("utf-8").splitlines(), delimiter="\t"))
    assert [row["athlete"] for row in rows] == list(people.values())
    labels = [row["participant_id"] for row in rows]
    assert labels[0] == "sub-player07"
    assert len(set(labels)) == 3
    assert all(label.removeprefix("sub-").isascii() and label.removeprefix("sub-").isalnum() for label in labels)
    for sidecar in out.rglob("*_motion.json"):
        about, lines = json.loads(sidecar.read_text()), sidecar.with_suffix(".tsv").read_text().splitlines()
        channels = Path(str(sidecar).replace("_motion.json", "_channels.tsv")).read_text().splitlines()[1:]
        assert about["MotionChannelCount"] == len(channels) == len(lines[0].split("\t"))
        assert not {"nan", ""} & set(lines[0].split("\t"))
    (motion,) = out.glob("sub-player07/*/motion/*tracksys-pelvis_motion.tsv")
    values = np.array([row.split("\t") for row in motion.read_text().splitlines()], float)
    (block,) = [b for batch in exported(folders[0]).batches() for b in batch if b.sensor == "pelvis"]
    np.testing.assert_allclose(values, np.hstack((block.time_s[:, None], block.acc, block.gyr)), rtol=1e-8)


def test_two_sessions_of_one_second_are_refused(tmp_path: Path) -> None:
    folders = [session_folder(tmp_path / name) for name in "ab"]
    with pytest.raises(HiphingeError, match="begin at the same second"):
        FORMATS["bids"].write([exported(folder) for folder in folders], tmp_path / "out", Choices())


@pytest.mark.parametrize("name", ["csv", "sto", "c3d", "foxglove", "fhir", "bids"])
def test_a_session_without_calibration_and_with_one_thigh(tmp_path: Path, name: str) -> None:
    """Angles are missing, orientations and samples are there; so is all that a format can hold."""
    folder = tmp_path / "monday"
    session_folder(folder, sensors=("pelvis", "thigh_left"), others=("Stange/ü 1",), results=False)
    rows = AngleRows(np.arange(0.0, 3.0, 0.01), *np.full((2, 14, 300), np.nan), np.full(300, Quality.UNCALIBRATED, np.int32))
    with TableWriter(folder, "review") as out:
        out.angles(rows)
        out.orientations([orientation_rows(key, 3) for key in ("pelvis", "thigh_left", "Stange/ü 1")])
        out.close(summary("review", 0, session="monday", duration_s=2.99, calibration={}, sensors={}, marks=[], pain=[]))
    out_folder = tmp_path / "out"
    out_folder.mkdir()
    written = FORMATS[name].write([exported(folder)], out_folder, Choices())
    assert all(file.is_file() and out_folder in file.parents for file in written.files)
    if name == "c3d":
        read = ezc3d.c3d(str(written.files[0]))
        assert read["data"]["rotations"].shape == (4, 4, 3, 300)
        assert read["data"]["analogs"].shape[1] == 0
        assert "lumbar_flexion" in written.notes[0]
    if name == "sto":
        assert "Stange" in " ".join(written.notes)
        assert (out_folder / "monday-review-orientations.sto").read_text().splitlines()[11] == "time\tpelvis_imu\tfemur_l_imu"
    if name == "fhir":
        assert "entry" not in Bundle.model_validate(document(written.files[0])).model_dump()
