"""What a mapping says of times, rates, factors, axes, files and lines: each gives the samples that the file was made from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import G0, Floats, HiphingeError
from ingest.formats import ImportedSession, import_session, stored
from tests.ingest.formats.product_files import cells
from tests.ingest.formats.turning import Turning, turning

SI = 'acc = { columns = ["ax","ay","az"], unit = "m/s2" }\ngyr = { columns = ["gx","gy","gz"], unit = "rad/s" }\n'
NAMES = "ax,ay,az,gx,gy,gz"
MOTION = turning()
T = MOTION.time_s
BEGUN = datetime(2026, 11, 23, 23, 59, 55)


def written(folder: Path, names: str, stamps: list[str] | None, *columns: Floats, encoding: str = "utf-8") -> Path:
    rows = [cells(row, form=".7f") for row in np.column_stack(columns)]
    body = rows if stamps is None else [f"{stamp},{row}" for stamp, row in zip(stamps, rows, strict=True)]
    (folder / "pelvis.csv").write_bytes("\n".join([*([names] if names else []), *body, ""]).encode(encoding))
    return folder / "pelvis.csv"


def imported(folder: Path, mapping: str, path: Path | None = None, **said: str) -> ImportedSession:
    (folder / "map.toml").write_text(mapping, "utf-8")
    return import_session("csv", path or folder / "pelvis.csv", mapping=folder / "map.toml", **said)


def check(session: ImportedSession, motion: Turning = MOTION, key: str = "pelvis", within: float = 1e-5) -> None:
    one = session.samples[key]
    assert one.gyr is not None
    np.testing.assert_allclose(one.time_s, motion.time_s - motion.time_s[0], atol=1e-6)
    np.testing.assert_allclose(one.acc, motion.acc, atol=within)
    np.testing.assert_allclose(one.gyr, motion.gyr, atol=within)


def moments(form: str, step: timedelta = timedelta()) -> list[str]:
    return [(BEGUN + step + timedelta(seconds=float(t))).strftime(form) for t in MOTION.time_s]


DATES = {
    "%Y-%m-%dT%H:%M:%S.%f+01:00": datetime(2026, 11, 23, 22, 59, 55, tzinfo=UTC),
    "%Y-%m-%dT%H:%M:%S.%fZ": BEGUN.replace(tzinfo=UTC),
    "%Y/%m/%d %H:%M:%S.%f": BEGUN.replace(tzinfo=UTC),
    '"%d.%m.%Y %H:%M:%S,%f"': BEGUN.replace(tzinfo=UTC),
    "%Y-%m-%d %I:%M:%S.%f %p": BEGUN.replace(tzinfo=UTC),
}


@pytest.mark.parametrize("form", DATES)
def test_dates_give_times_and_the_start(form: str, tmp_path: Path) -> None:
    written(tmp_path, f"t,{NAMES}", moments(form), MOTION.acc, MOTION.gyr)
    session = imported(tmp_path, f'time = {{ column = "t", unit = "iso" }}\n{SI}')
    check(session)
    assert session.session.start == DATES[form]
    assert any("without a time zone" in note for note in session.notes) == ("+01" not in form and "Z" not in form)


def test_a_date_without_a_zone_is_placed_by_the_option(tmp_path: Path) -> None:
    written(tmp_path, f"d,c,{NAMES}", moments("%Y-%m-%d,%H:%M:%S.%f"), MOTION.acc, MOTION.gyr)
    session = imported(tmp_path, f'time = {{ column = ["d", "c"], unit = "iso" }}\n{SI}', zone="Europe/Berlin")
    check(session)
    assert session.session.start == datetime(2026, 11, 23, 22, 59, 55, tzinfo=UTC)


def test_times_of_day_go_over_midnight_and_need_their_day(tmp_path: Path) -> None:
    written(tmp_path, f"t,{NAMES}", moments("%H:%M:%S.%f"), MOTION.acc, MOTION.gyr)
    session = imported(tmp_path, f'time = {{ column = "t", unit = "clock" }}\n{SI}')
    check(session)
    assert session.session.start.year == 1970
    assert any("23:59:55" in note and "--start" in note for note in session.notes)
    assert any("over midnight" in note for note in session.notes)


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_are_set_by_an_hour_are_counted_on(hours: int, tmp_path: Path) -> None:
    stamps = moments("%Y-%m-%d %H:%M:%S.%f")[:700] + moments("%Y-%m-%d %H:%M:%S.%f", timedelta(hours=hours))[700:]
    written(tmp_path, f"t,{NAMES}", stamps, MOTION.acc, MOTION.gyr)
    session = imported(tmp_path, f'time = {{ column = "t", unit = "iso" }}\n{SI}')
    check(session)
    assert any("by an hour" in note for note in session.notes)


@pytest.mark.parametrize(
    ("unit", "per_s", "wrap"),
    [("us", 1e6, 2**32), ("ms", 1e3, 2**32), ("ms", 1e3, 2**16), ("us", 1e6, 2**24), ("ms", 1e3, 2**32 / 1e3)],
)
def test_counters_that_begin_anew_are_counted_on(unit: str, per_s: float, wrap: float, tmp_path: Path) -> None:
    stamps = np.mod(wrap - 3.0 * per_s + np.round(MOTION.time_s * per_s), wrap)
    written(tmp_path, f"t,{NAMES}", [f"{stamp:.3f}" for stamp in stamps], MOTION.acc, MOTION.gyr)
    session = imported(tmp_path, f'time = {{ column = "t", unit = "{unit}" }}\n{SI}')
    check(session)
    assert any("begins anew after" in note for note in session.notes)


def test_a_restart_is_no_wrap_and_bits_say_where_packets_were_lost(tmp_path: Path) -> None:
    stamps = 60_000 + np.round(MOTION.time_s * 1e3)
    stamps[600:] -= stamps[600]
    written(tmp_path, f"t,{NAMES}", [f"{stamp:.0f}" for stamp in stamps], MOTION.acc, MOTION.gyr)
    with pytest.raises(HiphingeError, match="t runs backwards, from 65990 to 0") as caught:
        imported(tmp_path, f'time = {{ column = "t", unit = "ms" }}\n{SI}')
    assert caught.value.where.endswith("pelvis.csv, line 602")
    # half a second was lost at the wrap
    late = np.mod(np.round(MOTION.time_s * 1e3) + 500.0 * (np.arange(1200) >= 600) + 59_536.0, 2**16)
    written(tmp_path, f"t,{NAMES}", [f"{stamp:.0f}" for stamp in late], MOTION.acc, MOTION.gyr)
    one = imported(tmp_path, f'time = {{ column = "t", unit = "ms", bits = 16 }}\n{SI}').samples["pelvis"]
    np.testing.assert_allclose(one.time_s, MOTION.time_s + 0.5 * (np.arange(1200) >= 600), atol=1e-9)


def test_unix_times_give_the_start_exactly(tmp_path: Path) -> None:
    for unit, per_s in (("s", 1), ("ms", 10**3), ("us", 10**6)):
        stamps = [f"{1_795_442_700.25 * per_s + t * per_s:.{2 if unit == 's' else 0}f}" for t in MOTION.time_s]
        written(tmp_path, f"t,{NAMES}", stamps, MOTION.acc, MOTION.gyr)
        session = imported(tmp_path, f'time = {{ column = "t", unit = "{unit}" }}\n{SI}')
        check(session)
        assert session.session.start == datetime(2026, 11, 23, 14, 5, 0, 250_000, tzinfo=UTC)
        assert (
            imported(tmp_path, f"start = 2020-01-01T00:00:00Z\n{(tmp_path / 'map.toml').read_text()}").session.start.year
            == 2020
        )


def test_a_rate_in_place_of_times_and_names(tmp_path: Path) -> None:
    written(tmp_path, "", None, MOTION.acc, MOTION.gyr)
    mapping = f'header = ["ax","ay","az","gx","gy","gz"]\n{SI}'
    check(imported(tmp_path, "rate_hz = 100\n" + mapping))
    check(imported(tmp_path, mapping, rate_hz=100.0))  # type: ignore[arg-type]
    with pytest.raises(HiphingeError, match="time is missing") as caught:
        imported(tmp_path, mapping)
    assert "rate_hz" in caught.value.remedy


def test_a_rate_counts_samples_whose_packets_share_a_time(tmp_path: Path) -> None:
    """Two samples a packet: the times repeat, and the first one still gives the start."""
    stamps = [stamp for stamp in moments("%Y-%m-%dT%H:%M:%S.%fZ")[::2] for _ in range(2)]
    written(tmp_path, f"t,{NAMES}", stamps, MOTION.acc, MOTION.gyr)
    mapping = f'time = {{ column = "t", unit = "iso" }}\n{SI}'
    with pytest.raises(HiphingeError, match="repeats") as caught:
        imported(tmp_path, mapping)
    assert "rate_hz" in caught.value.remedy
    session = imported(tmp_path, mapping, rate_hz=100.0)  # type: ignore[arg-type]
    check(session)
    assert session.session.start == BEGUN.replace(tzinfo=UTC)


def test_sensors_side_by_side_in_one_file(tmp_path: Path) -> None:
    names = ",".join(f"{s}_{a}" for s in ("hip", "back") for a in NAMES.split(","))
    written(tmp_path, f"t,{names}", [f"{t:.2f}" for t in T], MOTION.acc, MOTION.gyr, MOTION.acc[::-1], MOTION.gyr[::-1])
    mapping = 'time = { column = "t", unit = "s" }\n'
    for placement, name in (("pelvis", "hip"), ("lumbar", "back")):
        mapping += f'[[sensor]]\nplacement = "{placement}"\n' + SI.replace('["', f'["{name}_').replace(',"', f',"{name}_')
    session = imported(tmp_path, mapping)
    check(session)
    np.testing.assert_allclose(session.samples["lumbar"].acc, MOTION.acc[::-1], atol=1e-5)


def test_factors_signs_and_axes(tmp_path: Path) -> None:
    # the file's axes: x = y of the sensor, y = -x, z = -z (left-handed: of acc and gyr alike)
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    acc, gyr = MOTION.acc @ turn.T * 8192.0 / G0, np.degrees(MOTION.gyr) @ turn.T * 65.5
    written(tmp_path, f"n,{NAMES}", [str(i) for i in range(1200)], acc, gyr)
    words = 'axes = ["-y", "x", "z"], sign = [1, 1, -1]'
    mapping = (
        'time = { column = "n", unit = "s", scale = 0.01 }\n'
        f'acc = {{ columns = ["ax","ay","az"], unit = "g", scale = {1 / 8192}, {words} }}\n'
        f'gyr = {{ columns = ["gx","gy","gz"], unit = "deg/s", scale = [{1 / 65.5}, {1 / 65.5}, {1 / 65.5}], {words} }}\n'
    )
    check(imported(tmp_path, mapping))


def test_channels_with_times_of_their_own(tmp_path: Path) -> None:
    """The acceleration at 200 Hz is averaged to the gyroscope's 100 Hz; the magnetometer at 20 Hz is interpolated."""
    fast, slow = turning(200.0), turning(20.0, begin_s=0.004)
    (tmp_path / "a.csv").write_text("\n".join(["t,x,y,z", *(cells(row) for row in np.column_stack((fast.time_s, fast.acc)))]))
    (tmp_path / "g.csv").write_text(
        "\n".join(["t,x,y,z", *(cells(row) for row in np.column_stack((MOTION.time_s, MOTION.gyr)))])
    )
    (tmp_path / "m.csv").write_text("\n".join(["t,x,y,z", *(cells(row) for row in np.column_stack((slow.time_s, slow.acc)))]))
    of = 'columns = ["x","y","z"]'
    mapping = (
        'time = { column = "t", unit = "s" }\n'
        f'acc = {{ file = "a.csv", {of}, unit = "m/s2" }}\ngyr = {{ file = "g.csv", {of}, unit = "rad/s" }}\n'
        f'mag = {{ file = "m.csv", {of}, unit = "uT" }}\n'
    )
    session = imported(tmp_path, mapping, tmp_path)
    (one,) = session.samples.values()
    assert one.gyr is not None
    assert one.mag_ut is not None
    true = turning(begin_s=0.0)
    inside = np.round((one.time_s) * 100).astype(int)
    np.testing.assert_allclose(one.acc, true.acc[inside], atol=2e-3)
    np.testing.assert_allclose(one.gyr, true.gyr[inside], atol=1e-6)
    np.testing.assert_allclose(one.mag_ut, true.acc[inside], atol=0.05)
    assert len(one) > 1180
    assert sum("has its own times" in note for note in session.notes) == 2
    assert any("200 Hz" in note and "100 Hz" in note for note in session.notes)


def test_two_clocks_that_count_from_elsewhere_are_refused(tmp_path: Path) -> None:
    rows = list(zip(MOTION.time_s, MOTION.acc, MOTION.gyr, strict=True))
    (tmp_path / "a.csv").write_text("\n".join(["t,x,y,z", *(f"{1.7e9 + t:.3f},{cells(acc)}" for t, acc, _ in rows)]))
    (tmp_path / "g.csv").write_text("\n".join(["t,x,y,z", *(f"{t:.3f},{cells(gyr)}" for t, _, gyr in rows)]))
    of = 'columns = ["x","y","z"]'
    mapping = f'time = {{ column = "t", unit = "s" }}\nacc = {{ file = "a.csv", {of}, unit = "m/s2" }}\n'
    with pytest.raises(HiphingeError, match="count from different zeros") as caught:
        imported(tmp_path, mapping + f'gyr = {{ file = "g.csv", {of}, unit = "rad/s" }}\n', tmp_path)
    assert caught.value.remedy


def test_columns_that_share_a_name(tmp_path: Path) -> None:
    stamps = [f"{t:.2f}" for t in MOTION.time_s]
    rows = [f"{t},{cells(a)},{t},{cells(g)}" for t, a, g in zip(stamps, MOTION.acc, MOTION.gyr, strict=True)]
    (tmp_path / "pelvis.csv").write_text("\n".join(["X[s],ax,ay,az,X[s],gx,gy,gz", *rows]))
    with pytest.raises(HiphingeError, match="there more than once") as caught:
        imported(tmp_path, f'time = {{ column = "X[s]", unit = "s" }}\n{SI}')
    assert "X[s]#2" in caught.value.remedy
    check(imported(tmp_path, f'time = {{ column = "X[s]#1", unit = "s" }}\n{SI}'))


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig", "gb18030"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    stamps = [f"{t:.2f}" for t in MOTION.time_s]
    written(tmp_path, f"t (°),{NAMES}", stamps, MOTION.acc, MOTION.gyr, encoding=encoding)
    mapping = f'time = {{ column = "t (°)", unit = "s" }}\n{SI}'
    check(imported(tmp_path, mapping if encoding == "utf-8-sig" else f'encoding = "{encoding}"\n{mapping}'))


def lines_of(tmp_path: Path) -> list[str]:
    written(tmp_path, f"t,{NAMES}", [f"{t:.2f}" for t in MOTION.time_s], MOTION.acc, MOTION.gyr)
    return (tmp_path / "pelvis.csv").read_text().splitlines()


TIME = f'time = {{ column = "t", unit = "s" }}\n{SI}'


def test_bad_lines_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    lines[300] = lines[300].rsplit(",", 2)[0]
    (tmp_path / "pelvis.csv").write_text("\n".join([*lines, ""]))
    session = imported(tmp_path, TIME)
    assert len(session.samples["pelvis"]) == 1199
    assert any("1 line is left out; line 301: a short line" in note for note in session.notes)
    lines[400] = "x" + lines[400]
    (tmp_path / "pelvis.csv").write_text("\n".join([*lines, ""]))
    with pytest.raises(HiphingeError, match="a short line: 5 cells") as caught:
        imported(tmp_path, TIME)
    assert caught.value.where.endswith("pelvis.csv, line 301")
    assert "one of 2 bad lines" in caught.value.remedy
    assert len(imported(tmp_path, "bad_lines = 2\n" + TIME).samples["pelvis"]) == 1198
    with pytest.raises(HiphingeError):
        imported(tmp_path, "bad_lines = 1\n" + TIME)


@pytest.mark.parametrize("end", ["short", "number", "digits", "nul"])
def test_a_torn_last_line_is_left_out_and_named(end: str, tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    torn = {
        "short": lines[-1][:20],
        "number": lines[-1][:-3] + "e",
        "digits": lines[-1][:-4],
        "nul": lines[-1][:9] + "\0" * 50,
    }[end]
    (tmp_path / "pelvis.csv").write_text("\n".join([*lines[:-1], torn]))
    session = imported(tmp_path, TIME)
    assert len(session.samples["pelvis"]) == 1199
    assert any("the last line, 1201, is torn" in note for note in session.notes)


def test_a_whole_last_line_without_an_end_counts(tmp_path: Path) -> None:
    (tmp_path / "pelvis.csv").write_text("\n".join(lines_of(tmp_path)))
    check(imported(tmp_path, TIME))


def test_a_missing_number_among_decimal_commas_is_named(tmp_path: Path) -> None:
    lines = [line.replace(",", ";").replace(".", ",") for line in lines_of(tmp_path)]
    lines[7] = lines[7].rpartition(";")[0] + ";"
    (tmp_path / "pelvis.csv").write_text("\n".join([*lines, ""]))
    with pytest.raises(HiphingeError, match="gz is empty") as caught:
        imported(tmp_path, f'decimal = ","\ndelimiter = ";"\nbad_lines = 0\n{TIME}')
    assert caught.value.where.endswith("pelvis.csv, line 8")


def test_lines_without_values_are_lost_samples(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    for i in (200, 201, 500):
        lines[i] = lines[i].split(",")[0] + ",,,NaN,,,"
    (tmp_path / "pelvis.csv").write_text("\n".join([*lines, ""]))
    session = imported(tmp_path, TIME)
    assert len(session.samples["pelvis"]) == 1197
    assert any("3 lines have no values: counted as lost samples" in note for note in session.notes)


def test_free_acceleration_gets_gravity_from_the_orientation(tmp_path: Path) -> None:
    stamps = [f"{t:.2f}" for t in MOTION.time_s]
    inside = Rotation.from_quat(MOTION.quat, scalar_first=True).inv().apply(MOTION.free)
    quat = 'quat = { columns = ["w","x","y","z"] }\n'
    for frame, values in (("earth", MOTION.free), ("sensor", inside)):
        written(tmp_path, "t,ax,ay,az,w,x,y,z", stamps, values, MOTION.quat)
        acc = f'acc = {{ columns = ["ax","ay","az"], unit = "m/s2", free = "{frame}" }}\n'
        one = imported(tmp_path, f'time = {{ column = "t", unit = "s" }}\n{acc}{quat}').samples["pelvis"]
        np.testing.assert_allclose(one.acc, MOTION.acc, atol=2e-5)
    # which frame it is cannot be told from the numbers
    with pytest.raises(HiphingeError, match="gravity seems to have been removed"):
        imported(
            tmp_path, f'time = {{ column = "t", unit = "s" }}\nacc = {{ columns = ["ax","ay","az"], unit = "m/s2" }}\n{quat}'
        )


def test_a_file_of_many_blocks_is_the_same_as_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text_lines = import_module("ingest.formats.text.lines")
    path = written(tmp_path, f"t,{NAMES}", moments("%H:%M:%S.%f"), MOTION.acc, MOTION.gyr)
    mapping = f'time = {{ column = "t", unit = "clock" }}\n{SI}'
    whole = imported(tmp_path, mapping).samples["pelvis"]
    of = text_lines.line_blocks.__defaults__
    monkeypatch.setattr(text_lines.line_blocks, "__defaults__", (of[0], 1000))
    monkeypatch.setattr(stored, "_MEMORY_BYTES", 5000)
    monkeypatch.setattr(stored, "_BLOCK", 97)
    session = imported(tmp_path, mapping, path)
    cut = session.samples["pelvis"]
    for name in ("time_s", "acc", "gyr"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))
    assert sum("over midnight" in note for note in session.notes) == 1
