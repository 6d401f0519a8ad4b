"""What the review page shows of a session is what the tables, the summary and edits.toml say."""

from __future__ import annotations

import json
import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from body_signals import HiphingeError
from dashboards.edits import edited_repetitions
from dashboards.notation import kind_is_unsure
from dashboards.report.movements import movements
from dashboards.review_page import content
from dashboards.review_page.content import session_document
from dashboards.review_page.orders import Correct, SayPain, read_order
from dashboards.review_page.traces import COLUMNS, LONGEST_STRETCH_S, OVERVIEW, overview, stretch
from dashboards.tables import angle_minutes, read_angles, read_repetitions, read_summary
from dsp.repetitions.kind import CANNOT_TELL


@pytest.fixture
def evening(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "evening"))


def test_the_document_is_json_and_says_what_the_tables_say(stored: Path) -> None:
    document = session_document(stored, "review")
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    table = read_repetitions(stored, "review").to_pylist()
    assert [r["number"] for r in document["repetitions"]] == [row["index"] + 1 for row in table]
    for shown, row in zip(document["repetitions"], table, strict=True):
        assert shown["values"]["lumbar"] == [row["lumbar_rom_deg"], row["lumbar_rom_sd_deg"]]
        share = row["lumbar_share_of_trunk_on_thigh"]
        assert shown["values"]["share"][0] == (share if math.isfinite(share) else None)
        assert shown["movement"] == row["movement"] == shown["found"]["movement"]
        assert not shown["corrected"]
        assert not shown["deleted"]


def test_sets_and_the_repetitions_that_count_are_those_of_summary_and_report(stored: Path) -> None:
    document, summary = session_document(stored, "review"), read_summary(stored, "review")
    names = ("movement", "side", "left_out")
    assert [tuple(s[n] for n in names) for s in document["sets"]] == [tuple(s[n] for n in names) for s in summary["sets"]]
    assert [len(s["repetitions"]) for s in document["sets"]] == [s["repetitions"] for s in summary["sets"]]
    for shown, written in zip(document["sets"], summary["sets"], strict=True):
        metric = written["metrics"].get("lumbar_rom_deg")
        if metric is not None:
            assert shown["medians"]["lumbar"][:2] == pytest.approx([metric["median"], metric["spread"]], rel=1e-4)
    groups = movements(edited_repetitions(stored, "review").to_pylist())
    assert [(g["movement"], g["side"]) for g in document["groups"]] == [(g.movement, g.side) for g in groups]
    for shown, group in zip(document["groups"], groups, strict=True):
        share = group.over("lumbar_share_of_trunk_on_thigh")
        assert shown["medians"]["share"][0] == (pytest.approx(share.median) if share.count else None)
        assert shown["left_out"] == group.left_out


def test_a_corrected_kind_and_a_deleted_repetition_are_shown_as_such_and_count_so(evening: Path) -> None:
    before = session_document(evening, "review")
    first, second = before["repetitions"][:2]
    middle = [0.5 * (one["start_s"] + one["end_s"]) for one in (first, second)]
    (evening / "edits.toml").write_text(
        f'[[repetition]]\nat_s = {middle[0]}\nmovement = "squat"\n[[repetition]]\nat_s = {middle[1]}\ndeleted = true\n'
    )
    after = session_document(evening, "review")
    one, two = after["repetitions"][:2]
    assert (one["movement"], one["found"], one["corrected"], one["sure"]) == ("squat", first["found"], True, True)
    assert (two["deleted"], two["counts"], two["set"]) == (True, False, None)
    assert two["movement"] == second["movement"]
    assert all(2 not in s["repetitions"] for s in after["sets"])
    assert after["sets"][0]["movement"] == "squat"
    assert after["repetitions"][2:] != []


def test_marks_notes_and_pain_stand_in_the_order_of_time_with_the_label_that_names_them(evening: Path) -> None:
    path = evening / "review" / "summary.json"
    summary = json.loads(path.read_text())
    summary["pain"] = [
        {"time_s": 2.0, "said": "live", "level": 3.0, "where": "left hip", "lumbar_flexion_deg": 41.2, "repetition": 3}
    ]
    summary["notes"] = [{"time_s": 1.0, "said": "live", "text": "felt <b>tight</b>"}]
    path.write_text(json.dumps(summary))
    marks = session_document(evening, "review")["marks"]
    assert [(m["kind"], m["label"], m["text"]) for m in marks][-2:] == [
        ("note", "note felt <b>tight</b>", "felt <b>tight</b>"),
        ("pain", "pain 3 left hip", "left hip"),
    ]
    assert (marks[-1]["lumbar_flexion_deg"], marks[-1]["repetition"]) == (41.2, 3)
    assert [m["time_s"] for m in marks] == sorted(m["time_s"] for m in marks)


def rows(data: bytes) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    magic, n, columns = data[:4], *struct.unpack("<II", data[4:12])
    assert magic == bytes([0x48, 0x48, 1, 3])
    assert columns == len(COLUMNS)
    times = np.frombuffer(data, "<f8", n, 16)
    values = np.frombuffer(data, "<f4", n * columns, 16 + 8 * n).reshape(columns, n)
    return times, dict(zip(COLUMNS, values, strict=True))


def test_the_rows_of_a_stretch_are_those_of_the_table(stored: Path) -> None:
    table = read_angles(stored, "review")
    time_s = table["time_s"].to_numpy()
    for begin_s, end_s in ((0.0, 3.0), (58.5, 61.25), (-5.0, 1e5), (1e5, 2e5), (3.0, 3.0)):
        times, values = rows(stretch(stored, "review", begin_s, end_s))
        inside = (time_s >= begin_s) & (time_s < min(end_s, begin_s + LONGEST_STRETCH_S))
        assert np.array_equal(times, time_s[inside])
        for name, found in values.items():
            column = table["quality" if name == "quality" else f"{name}_deg"].to_numpy()[inside]
            assert np.array_equal(found, column.astype(np.float32), equal_nan=True)


def test_the_overview_holds_the_least_and_the_largest_of_every_part(stored: Path) -> None:
    table = read_angles(stored, "review")
    time_s = table["time_s"].to_numpy()
    for begin_s, end_s, bins in ((0.0, float(time_s[-1]), 100), (20.0, 30.0, 7), (-10.0, 200.0, 333)):
        data = overview(stored, "review", begin_s, end_s, bins)
        assert data[:4] == bytes([0x48, 0x48, 1, 2])
        assert struct.unpack("<II", data[4:12]) == (bins, len(OVERVIEW))
        found = np.frombuffer(data, "<f4", offset=32).reshape(len(OVERVIEW), 2, bins)
        place = np.floor((time_s - begin_s) / ((end_s - begin_s) / bins)).astype(int)
        for line, name in zip(found, OVERVIEW, strict=True):
            column = table[f"{name}_deg"].to_numpy()
            for i in range(bins):
                inside = column[place == i]
                inside = inside[np.isfinite(inside)]
                expected = (inside.min(), inside.max()) if len(inside) else (np.nan, np.nan)
                assert np.array_equal(line[:, i], np.array(expected, np.float32), equal_nan=True)


@pytest.mark.parametrize(("begin_s", "end_s", "bins"), [(5.0, 5.0, 10), (9.0, 1.0, 10), (0.0, 1e300, 3), (0.0, 10.0, -4)])
def test_an_overview_of_nothing_has_nothing(stored: Path, begin_s: float, end_s: float, bins: int) -> None:
    data = overview(stored, "review", begin_s, end_s, bins)
    assert len(data) == 32 + 4 * 2 * len(OVERVIEW) * max(1, bins)


def test_only_the_minutes_that_are_asked_for_are_read(stored: Path) -> None:
    starts = [float(table["time_s"][0].as_py()) for table in angle_minutes(stored, "review", ["time_s"], 61.0, 70.0)]
    assert starts == [60.0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"do": "forget"}',
        b'{"do": "kind", "start_s": 1, "end_s": 2, "movement": "jump"}',
        b'{"do": "kind", "start_s": "1", "end_s": 2, "movement": "bend"}',
        b'{"do": "kind", "start_s": 1, "end_s": 1e400, "movement": "bend"}',
        b'{"do": "pain", "time_s": 1, "level": 11}',
        b'{"do": "pain", "time_s": NaN, "level": 1}',
        b'{"do": "mark", "time_s": 1, "label": ""}',
        b'{"do": "mark", "time_s": 1, "label": "x", "by": "y"}',
        b'{"do": "note", "time_s": 1, "text": "' + b"x" * 1001 + b'"}',
        b'{"do": "note", "time_s": 1, "text": "' + b"x" * (64 << 10) + b'"}',
        b'{"do": "note", "time_s": 1, "text": "\xff"}',
    ],
)
def test_what_is_no_order_is_refused(body: bytes) -> None:
    with pytest.raises(HiphingeError):
        read_order(body)


def test_orders_are_understood() -> None:
    said = read_order(b'{"do": "kind", "start_s": 1.5, "end_s": 2.5, "movement": "squat"}')
    assert said == Correct(1.5, 2.5, "squat")
    assert read_order(b'{"do": "pain", "time_s": 1, "level": 4}') == SayPain(1.0, 4.0, "")


def test_a_kind_that_cannot_be_told_without_thighs_is_not_sure_on_the_page_and_in_the_report(
    evening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read_repetitions(evening, "review")
    at = table.schema.get_field_index("movement_confidence")
    told = pa.array([CANNOT_TELL, CANNOT_TELL + 0.01] * len(table), pa.float32())[: len(table)]
    changed = table.set_column(at, table.schema.field(at), told)
    monkeypatch.setattr(content, "read_repetitions", lambda folder, estimator, columns: changed)
    shown = session_document(evening, "review")["repetitions"]
    assert [one["sure"] for one in shown[:2]] == [False, True]
    assert [kind_is_unsure(row["movement_confidence"]) for row in changed.to_pylist()[:2]] == [True, False]
