"""The four result files: schema, values, independence of chunking, all or nothing, errors that name file and remedy."""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import HiphingeError
from body_signals.quantities import (
    ANGLE_COLUMNS,
    ANGLE_NAMES,
    FIRST_VERSION,
    ORIENTATION_COLUMNS,
    REPETITION_COLUMNS,
    REPETITION_METRICS,
    Quantity,
    Storage,
)
from dashboards import parquet_file, tables
from dashboards.influx.line_protocol import FIELDS, Field, points
from dashboards.report.page import report_html
from dashboards.tables import (
    TableWriter,
    angle_minutes,
    available_estimators,
    read_angles,
    read_orientations,
    read_repetitions,
    read_summary,
    table_schema,
)
from dashboards.terminal import repetition_table
from dsp.results import AngleRows, OrientationRows, Repetition
from tests.dashboards.synthetic_results import SENSORS, angle_rows, orientation_rows, repetitions, summary, write_session

FILES = ("angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def cut_orientations(rows: OrientationRows, a: int, b: int) -> OrientationRows:
    return OrientationRows(rows.sensor, rows.time_s[a:b], rows.quat[a:b], rows.heading_epoch[a:b])


@pytest.mark.parametrize(
    ("read", "columns"),
    [(read_angles, ANGLE_COLUMNS), (read_orientations, ORIENTATION_COLUMNS), (read_repetitions, REPETITION_COLUMNS)],
)
def test_columns_carry_type_unit_and_description(tmp_path: Path, read, columns) -> None:
    table = read(write_session(tmp_path, "live"), "live")
    assert table.column_names == [q.name for q in columns]
    for quantity in columns:
        field = table.schema.field(quantity.name)
        assert str(field.type).replace("double", "float64") in (
            quantity.kind.value,
            quantity.kind.value.replace("float32", "float"),
        )
        assert field.metadata == {b"unit": quantity.unit.encode(), b"description": quantity.description.encode()}


def test_values_survive(tmp_path: Path) -> None:
    rows = angle_rows(130)
    reps = repetitions(rows)
    write_session(tmp_path, "review", seconds=130)
    table = read_angles(tmp_path, "review")
    np.testing.assert_array_equal(table["time_s"], rows.time_s)
    np.testing.assert_array_equal(table["quality"], rows.quality)
    for i, name in enumerate(ANGLE_NAMES):
        np.testing.assert_array_equal(table[f"{name}_deg"], np.degrees(rows.angles[i]).astype(np.float32))
        np.testing.assert_array_equal(table[f"{name}_sd_deg"], np.degrees(rows.sd[i]).astype(np.float32))
    assert np.isnan(table["hip_left_flexion_deg"].to_numpy()).sum() == 850

    orientations = read_orientations(tmp_path, "review")
    for sensor in SENSORS:
        expected = orientation_rows(sensor, 130)
        mine = orientations.filter(pc.equal(orientations["placement"], sensor))
        np.testing.assert_array_equal(mine["time_s"], expected.time_s)
        np.testing.assert_array_equal(mine["heading_epoch"], expected.heading_epoch)
        for i, c in enumerate("wxyz"):
            np.testing.assert_array_equal(mine[f"q{c}"], expected.quat[:, i].astype(np.float32))

    table = read_repetitions(tmp_path, "review")
    assert table["movement"].to_pylist() == [r.movement for r in reps]
    assert table["start_s"].to_pylist() == [r.start_s for r in reps]
    for name in REPETITION_METRICS:
        np.testing.assert_array_equal(table[name], np.array([r.metrics.get(name, np.nan) for r in reps], np.float32))
    assert read_summary(tmp_path, "review")["athlete"] == "player-07"
    assert available_estimators(tmp_path) == ("review",)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.sampled_from([0, 1, 7, 300, 1199, 1200, 2500]), min_size=1, max_size=5), seed=st.integers(0, 999))
def test_bytes_depend_on_the_rows_only(sizes: list[int], seed: int) -> None:
    chance, sizes = random.Random(seed), [*sizes, 331]
    rows = angle_rows(190, rate_hz=20.0)
    parts = {sensor: orientation_rows(sensor, 190, rate_hz=20.0) for sensor in (*SENSORS, "barbell")}
    parts["thigh_left"] = cut_orientations(parts["thigh_left"], 0, 900)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with TableWriter(folder / "whole", "live") as out:
            out.angles(rows)
            out.orientations(list(parts.values()))
            out.close(summary("live", 0))
        with TableWriter(folder / "chunks", "live") as out:
            at, stretch = 0, 0
            while at < len(rows) or stretch < len(rows):
                if chance.random() < 0.5:
                    upto = at + chance.choice(sizes)
                    out.angles(rows.part(at, upto))
                    at = upto
                else:
                    # now and then in two calls' worth of rows, as after an alignment
                    upto = stretch + chance.choice(sizes)
                    middle = chance.randrange(stretch, upto + 1)
                    halves = ((stretch, middle), (middle, upto))
                    out.orientations([cut_orientations(part, a, b) for a, b in halves for part in parts.values()])
                    stretch = upto
            out.close(summary("live", 0))
        assert contents(folder / "whole") == contents(folder / "chunks")


def test_nan_of_any_bits_gives_the_same_bytes(tmp_path: Path) -> None:
    def write(nan: float) -> bytes:
        rows = angle_rows(3)
        angles = np.where(np.isnan(rows.angles), nan, rows.angles)
        with TableWriter(tmp_path / str(np.signbit(nan)), "live") as out:
            out.angles(AngleRows(rows.time_s, angles, rows.sd, rows.quality))
            out.repetition(Repetition(0, 1.0, 2.0, 3.0, "bend", 1.0, 0, {"hold_s": nan}))
            out.close(summary("live", 1))
        folder = tmp_path / str(np.signbit(nan)) / "live"
        return (folder / "angles.parquet").read_bytes() + (folder / "repetitions.parquet").read_bytes()

    assert write(np.nan) == write(np.copysign(np.nan, -1.0))


def test_row_groups_are_minutes(tmp_path: Path) -> None:
    write_session(tmp_path, "live", seconds=130)
    with pq.ParquetFile(tmp_path / "live" / "angles.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [6000, 6000, 1000]
    assert [len(t) for t in angle_minutes(tmp_path, "live")] == [6000, 6000, 1000]
    with pq.ParquetFile(tmp_path / "live" / "orientations.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [24000, 24000, 4000]


def test_an_empty_session_has_four_readable_files(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "s", "live") as out:
        out.close(summary("live", 0))
    assert sorted(p.name for p in (tmp_path / "s" / "live").iterdir()) == sorted(FILES)
    assert [len(read(tmp_path / "s", "live")) for read in (read_angles, read_orientations, read_repetitions)] == [0, 0, 0]
    assert list(angle_minutes(tmp_path / "s", "live")) == []


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        with TableWriter(folder, "review") as out:
            out.angles(angle_rows(70))
            out.orientations([orientation_rows("pelvis", 70)])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail(tmp_path / "new" / "session")
    assert not (tmp_path / "new" / "session").exists()

    write_session(tmp_path / "old", "review")
    before = contents(tmp_path / "old")
    with pytest.raises(RuntimeError, match="stop"):
        fail(tmp_path / "old")
    assert contents(tmp_path / "old") == before


def test_a_wrong_summary_leaves_nothing(tmp_path: Path) -> None:
    wrong = summary("live", 0) | {"mood": "fine"}
    del wrong["exposure"]
    with pytest.raises(ValueError, match=r"exposure.*mood"), TableWriter(tmp_path / "s", "live") as out:
        out.close(wrong)
    with pytest.raises(ValueError, match="review"), TableWriter(tmp_path / "s", "live") as out:
        out.close(summary("review", 0))
    assert list(tmp_path.iterdir()) == []


def test_results_are_replaced_and_left_overs_of_a_crash_vanish(tmp_path: Path) -> None:
    write_session(tmp_path, "live", "review")
    crashed = TableWriter(tmp_path, "live")
    crashed.angles(angle_rows(70))
    write_session(tmp_path, "live", seconds=30)
    assert len(read_angles(tmp_path, "live")) == 3000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["live", "review"]
    crashed.abort()
    assert len(read_angles(tmp_path, "live")) == 3000


def test_rows_must_go_forward(tmp_path: Path) -> None:
    rows = angle_rows(2)
    with TableWriter(tmp_path, "live") as out:
        out.angles(rows.part(0, 100))
        with pytest.raises(ValueError, match="time must increase"):
            out.angles(rows.part(99, 120))
        out.orientations([cut_orientations(orientation_rows("lumbar", 62), 0, 100)])
        with pytest.raises(ValueError, match="orientations of lumbar: time must increase"):
            out.orientations([cut_orientations(orientation_rows("lumbar", 62), 50, 120)])
        out.orientations([cut_orientations(orientation_rows("lumbar", 62), 120, 6100)])
        with pytest.raises(ValueError, match="orientations of pelvis: rows of a minute that is written already"):
            out.orientations([cut_orientations(orientation_rows("pelvis", 2), 0, 100)])
        with pytest.raises(ValueError, match="unknown metrics lumbar_rom"):
            out.repetition(Repetition(0, 0.0, 1.0, 2.0, "bend", 1.0, 0, {"lumbar_rom": 1.0}))


def test_summary_is_plain_json(tmp_path: Path) -> None:
    odd = summary(
        "live",
        np.int64(3),
        duration_s=np.float64(1.5),
        exposure={"lumbar_flexion_s": {"below_20": float("nan")}},
        warnings=("ä",),
    )
    with TableWriter(tmp_path, "live") as out:
        out.close(odd)
    text = (tmp_path / "live" / "summary.json").read_text("utf-8")
    assert json.loads(text)["repetitions"] == 3
    assert read_summary(tmp_path, "live")["exposure"] == {"lumbar_flexion_s": {"below_20": None}}
    assert "ä" in text


@pytest.mark.parametrize("read", [read_angles, read_orientations, read_repetitions, read_summary])
def test_missing_results_name_file_and_remedy(tmp_path: Path, read) -> None:
    with pytest.raises(HiphingeError, match=r"live/\w+\.(parquet|json): no such results\. Run `hiphinge replay"):
        read(tmp_path, "live")


@pytest.mark.parametrize(
    ("read", "name"), [(read_angles, FILES[0]), (read_orientations, FILES[1]), (read_repetitions, FILES[2])]
)
@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "text"])
def test_damaged_tables_name_file_and_remedy(tmp_path: Path, read, name: str, damage: str) -> None:
    path = write_session(tmp_path, "live", seconds=20) / "live" / name
    data = path.read_bytes()
    middle = 200
    flipped = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
    path.write_bytes({"torn": data[: len(data) // 2], "flipped": flipped, "empty": b"", "text": b"time_s\n0.0\n"}[damage])
    with pytest.raises(HiphingeError, match=rf"{name}: cannot be read.*hiphinge replay"):
        read(tmp_path, "live")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', "\udcff"])
def test_damaged_summaries_name_file_and_remedy(tmp_path: Path, text: str) -> None:
    path = write_session(tmp_path, "live", seconds=20) / "live" / "summary.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(HiphingeError, match=r"summary\.json: cannot be read.*hiphinge replay"):
        read_summary(tmp_path, "live")


READERS = [(FILES[0], read_angles, ANGLE_COLUMNS), (FILES[1], read_orientations, ORIENTATION_COLUMNS)]
READERS += [(FILES[2], read_repetitions, REPETITION_COLUMNS)]


@pytest.mark.parametrize(("name", "read", "columns"), READERS)
def test_a_table_that_lacks_a_column_of_its_time_is_refused(tmp_path: Path, name: str, read, columns) -> None:
    path = write_session(tmp_path, "live", seconds=20) / "live" / name
    whole = read(tmp_path, "live")
    for quantity in (q for q in columns if q.since == FIRST_VERSION):
        pq.write_table(whole.drop_columns([quantity.name]), path)
        with pytest.raises(HiphingeError, match=f"its columns are not those of this program: {quantity.name}\\)"):
            read(tmp_path, "live")


@pytest.mark.parametrize("kind", ["type", "twice"])
def test_a_column_of_another_type_or_twice_is_refused(tmp_path: Path, kind: str) -> None:
    path = write_session(tmp_path, "live", seconds=20) / "live" / FILES[0]
    whole = read_angles(tmp_path, "live")
    at = whole.column_names.index("hip_left_flexion_deg")
    column = whole.column(at).cast(pa.float64())
    wrong = whole.set_column(at, "hip_left_flexion_deg", column) if kind == "type" else whole.append_column("quality", column)
    pq.write_table(wrong, path)
    with pytest.raises(HiphingeError, match=f"program: {'hip_left_flexion_deg' if kind == 'type' else 'quality'}\\)"):
        read_angles(tmp_path, "live")


def younger(monkeypatch: pytest.MonkeyPatch, name: str, columns: tuple[Quantity, ...], added: dict[str, Quantity]) -> None:
    """Let today's table have further columns, each in front of the column that is its key."""
    now = [q for column in columns for q in ([added[column.name], column] if column.name in added else [column])]
    monkeypatch.setitem(tables._COLUMNS, name, tuple(now))
    monkeypatch.setitem(tables._SCHEMAS, name, table_schema(name, now))


ADDED = {
    Storage.FLOAT32: Quantity("ease", "deg", Storage.FLOAT32, "how easy it was", since="9.0.0"),
    Storage.FLOAT64: Quantity("ease_s", "s", Storage.FLOAT64, "how easy it was", since="9.0.0"),
    Storage.INT32: Quantity("eased", "", Storage.INT32, "how easy it was", since="9.0.0"),
    Storage.STRING: Quantity("easy", "", Storage.STRING, "how easy it was", since="9.0.0"),
}


@pytest.mark.parametrize(("name", "read", "columns"), READERS)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_columns_that_are_younger_than_the_file_are_missing_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, read, columns, place: int
) -> None:
    write_session(tmp_path, "live", seconds=70)
    before = read(tmp_path, "live")
    for quantity in ADDED.values():
        with monkeypatch.context() as patch:
            younger(patch, name, columns, {columns[place].name: quantity})
            now = read(tmp_path, "live")
            assert now.schema.equals(tables._SCHEMAS[name], check_metadata=True)
            for column in before.column_names:
                np.testing.assert_array_equal(now[column], before[column])
            missing = {Storage.STRING: "", Storage.INT32: 0}.get(quantity.kind, np.nan)
            np.testing.assert_array_equal(now[quantity.name], np.full(len(before), missing))


def test_a_part_of_an_older_table_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_session(tmp_path, "live", seconds=70)
    younger(monkeypatch, FILES[0], ANGLE_COLUMNS, {"quality": ADDED[Storage.FLOAT32]})
    part = read_angles(tmp_path, "live", ["quality", "ease", "time_s"])
    assert part.column_names == ["quality", "ease", "time_s"]
    assert np.isnan(part["ease"].to_numpy()).all()
    assert len(read_angles(tmp_path, "live", ["ease"])) == 7000
    minutes = list(angle_minutes(tmp_path, "live"))
    assert [len(minute) for minute in minutes] == [6000, 1000]
    assert all(minute.column_names[-2:] == ["ease", "quality"] for minute in minutes)


def test_older_repetitions_are_shown_reported_and_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a column that they lack; a missing number is an absent field."""
    session = write_session(tmp_path / "session", seconds=70)
    before = list(points(session))
    added = ADDED[Storage.FLOAT32]
    younger(monkeypatch, FILES[2], REPETITION_COLUMNS, {"quality": added})
    monkeypatch.setitem(FIELDS, "repetition", (*FIELDS["repetition"], Field.of(added)))
    assert list(points(session)) == before
    assert repetition_table(read_repetitions(session, "live"), "live").row_count == len(read_repetitions(session, "live"))
    assert "player-07" in report_html(session, "review")


@pytest.mark.parametrize(("name", "read", "columns"), READERS)
def test_columns_that_this_version_does_not_know_are_left_out(tmp_path: Path, name: str, read, columns) -> None:
    path = write_session(tmp_path, "live", seconds=70) / "live" / name
    before = read(tmp_path, "live")
    further = pa.array([{"of": "a newer version"}] * len(before))
    pq.write_table(before.add_column(1, "further", further), path)
    now = read(tmp_path, "live")
    assert now.column_names == [q.name for q in columns]
    for column in before.column_names:
        np.testing.assert_array_equal(now[column], before[column])
    if name == FILES[0]:
        assert [minute.column_names for minute in angle_minutes(tmp_path, "live")] == [before.column_names]


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HiphingeError, match=r"file/live: cannot write results.*Check free space"):
        TableWriter(tmp_path / "file", "live")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are Unix's")
def test_a_disk_that_is_full_while_rows_are_written_is_told_and_earlier_results_stay(tmp_path: Path) -> None:
    import resource

    folder = write_session(tmp_path, "live", seconds=10)
    before = contents(folder)
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def write() -> None:
        with TableWriter(folder, "live") as out:
            out.angles(angle_rows(1800))
            out.close(summary("live", 0))

    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(HiphingeError, match=r"live: cannot write results: .*Check free space"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(folder) == before


def test_rows_wait_for_the_disk_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write, writes = threading.Event(), pq.ParquetWriter.write_table

    def write_when_told(*given: object, **more: object) -> None:
        assert may_write.wait(60.0)
        writes(*given, **more)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_when_told)
    minutes = tables._MOST_WAITING + 3
    rows = angle_rows(60 * minutes)
    with TableWriter(tmp_path, "live") as out:
        # one is with the disk, the others wait, and the last is not whole yet
        out.angles(rows.part(0, 6000 * (minutes - 2)))
        threading.Timer(0.2, may_write.set).start()
        out.angles(rows.part(6000 * (minutes - 2), len(rows)))
        assert may_write.is_set()
        out.close(summary("live", 0))
    assert len(list(angle_minutes(tmp_path, "live"))) == minutes


def test_a_file_states_whose_and_of_when_it_is(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "review", seconds=10)
    for name in FILES[:3]:
        said = pq.read_metadata(folder / "review" / name).metadata
        assert said[b"hiphinge.session"] == b"2026-11-23T14-05-00Z_player-07"
        assert (said[b"hiphinge.athlete"], said[b"hiphinge.estimator"]) == (b"player-07", b"review")
        assert (said[b"hiphinge.start"], said[b"hiphinge.zone"]) == (b"2026-11-23T14:05:00Z", b"UTC")
        assert json.loads(said[b"hiphinge.units"]).get("time_s", "s") == "s"
    assert json.loads(pq.read_metadata(folder / "review" / FILES[0]).metadata[b"hiphinge.units"])["pelvis_tilt_deg"] == "deg"


def test_a_corrected_head_moves_no_row(tmp_path: Path) -> None:
    folder = write_session(tmp_path, "live", seconds=130)
    correct = summary("live", 0, athlete="eve", start="2026-11-23T15:05:00Z")
    for name, read in ((FILES[0], read_angles), (FILES[1], read_orientations), (FILES[2], read_repetitions)):
        path, before = folder / "live" / name, read(folder, "live")
        parquet_file.correct_head(path, correct)
        after = read(folder, "live")
        for column in before.column_names:
            np.testing.assert_array_equal(after[column], before[column])
        said = pq.read_metadata(path).metadata
        assert (said[b"hiphinge.athlete"], said[b"hiphinge.start"]) == (b"eve", b"2026-11-23T15:05:00Z")
        assert after.schema.field(0).metadata == before.schema.field(0).metadata
        assert path.stat().st_mode & 0o777 == 0o600
        once = path.read_bytes()
        parquet_file.correct_head(path, correct)
        assert path.read_bytes() == once
    with pq.ParquetFile(folder / "live" / FILES[0]) as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [6000, 6000, 1000]


def test_a_damaged_table_stays_for_its_reader_to_report(tmp_path: Path) -> None:
    path = write_session(tmp_path, "live", seconds=10) / "live" / FILES[0]
    path.write_bytes(path.read_bytes()[:-9])
    torn = path.read_bytes()
    parquet_file.correct_head(path, summary("live", 0, athlete="eve"))
    assert path.read_bytes() == torn
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".")] == []
