"""Plain sessions: what is written reads back, and the samples come out in one time order."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError, Mounting, Placement, Sensor, Session, SessionMark, TimedBlock
from ingest.formats import plain_csv
from ingest.formats.plain import PlainSamples, PlainSession, read_plain, write_plain

START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


def made(n: int, seed: int, rate_hz: float = 100.0, begin_s: float = 0.0, gyr: bool = True, quat: bool = False) -> PlainSamples:
    """Samples that a resting sensor with much noise could give."""
    rng = np.random.default_rng(seed)
    orientation = rng.normal(size=(n, 4)) * 0.05 + [1.0, 0.0, 0.0, 0.0]
    return PlainSamples(
        begin_s + np.arange(n) / rate_hz,
        rng.normal(size=(n, 3)) * 0.5 + [0.0, 0.0, 9.81],
        rng.normal(size=(n, 3)) * 10.0 ** rng.integers(-9, 1) if gyr else None,
        orientation / np.linalg.norm(orientation, axis=1, keepdims=True) if quat else None,
        rng.normal(size=(n, 3)) * 30.0 if seed % 2 else None,
    )


def assert_same(read: PlainSamples, written: PlainSamples) -> None:
    np.testing.assert_array_equal(read.time_s, written.time_s)
    for name in ("acc", "gyr", "quat", "mag_ut"):
        expected = getattr(written, name)
        if expected is None:
            assert getattr(read, name) is None
        else:
            np.testing.assert_allclose(getattr(read, name), expected, rtol=2e-8, atol=1e-20)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[Session, dict[str, PlainSamples]]:
    sensors = draw(
        st.lists(
            st.sampled_from(
                [
                    Sensor(Placement.PELVIS, mounting=Mounting("+x", "+y")),
                    Sensor(Placement.LUMBAR, rate_hz=100.0),
                    Sensor(Placement.OTHER, "bar bell/1"),
                    Sensor(Placement.OTHER, "bar bell:1"),
                    Sensor(Placement.OTHER, "..", file="deep/er.csv"),
                ]
            ),
            min_size=1,
            unique_by=lambda s: s.key,
        )
    )
    samples = {}
    for sensor in sensors:
        rate = sensor.rate_hz or draw(st.sampled_from([50.0, 100.0, 285.7142857]))
        quat = draw(st.booleans())
        samples[sensor.key] = made(
            draw(st.integers(2, 100)),
            draw(st.integers(0, 99)),
            rate,
            draw(st.floats(-5.0, 5.0)),
            not quat or draw(st.booleans()),
            quat,
        )
    marks = tuple(draw(st.lists(st.builds(SessionMark, st.floats(-10, 10), st.just("calibrate")), max_size=2)))
    return Session(START, "player-07", tuple(sensors), marks, "x 1"), samples


@given(recordings())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, recording: tuple[Session, dict[str, PlainSamples]]
) -> None:
    session, samples = recording
    folder = tmp_path_factory.mktemp("p") / "session"
    write_plain(folder, session, samples)
    assert os.listdir(folder.parent) == ["session"]
    read = read_plain(folder)
    assert replace(read.session, sensors=session.sensors) == session
    for sensor, stated in zip(read.session.sensors, session.sensors, strict=True):
        assert replace(sensor, file=None) == replace(stated, file=None)
        assert (folder / str(sensor.file)).is_file()
    assert read.warnings == []
    for key, one in samples.items():
        assert_same(read.samples[key], one)
    again = folder.parent / "again"
    write_plain(again, read.session, read.samples)
    assert sorted(p.read_bytes() for p in again.rglob("*.csv")) == sorted(p.read_bytes() for p in folder.rglob("*.csv"))


def joined(blocks: list[TimedBlock], name: str) -> np.ndarray:
    return np.concatenate([getattr(block, name) for block in blocks])


@given(recordings(), st.floats(0.05, 10.0))
def test_batches_give_every_sample_once_in_one_time_order(
    tmp_path_factory: pytest.TempPathFactory, recording: tuple[Session, dict[str, PlainSamples]], seconds: float
) -> None:
    session, samples = recording
    folder = tmp_path_factory.mktemp("p") / "session"
    write_plain(folder, session, samples)
    read = read_plain(folder)
    batches = list(read.batches(seconds))
    blocks = [block for batch in batches for block in batch]
    everything = [(time, i, key) for i, key in enumerate(samples) for time in samples[key].time_s.tolist()]
    in_order = sorted(everything)
    by_seq = sorted(
        (s, t, block.sensor) for block in blocks for s, t in zip(block.seq.tolist(), block.time_s.tolist(), strict=True)
    )
    assert [s for s, _, _ in by_seq] == list(range(len(everything)))
    assert [(t, key) for _, t, key in by_seq] == [(t, key) for t, _, key in in_order]
    begin = in_order[0][0]
    for batch in batches:
        assert len({block.sensor for block in batch}) == len(batch) > 0
        spans = {int(np.floor((t - begin) / seconds + 1e-9)) for block in batch for t in block.time_s.tolist()}
        assert max(spans) - min(spans) <= 1
    for key, one in samples.items():
        mine = [block for block in blocks if block.sensor == key]
        np.testing.assert_array_equal(joined(mine, "time_s"), one.time_s)
        np.testing.assert_array_equal(joined(mine, "device_time_s"), one.time_s)
        np.testing.assert_array_equal(joined(mine, "acc"), read.samples[key].acc)
        assert not joined(mine, "saturated").any()
        assert not joined(mine, "restart").any()
        assert not joined(mine, "lost").any()
        assert {block.rate_hz for block in mine} == {read.rates_hz[key]}
        assert all((block.gyr is None) == (one.gyr is None) for block in mine)


def test_a_long_silence_costs_no_empty_batches(tmp_path: Path) -> None:
    early, late = made(200, 0), made(200, 1, begin_s=3000.0)
    times = np.concatenate((early.time_s, late.time_s))
    write_plain(tmp_path / "s", one_sensor(), {"pelvis": replace(joined_samples(early, late), time_s=times)})
    batches = list(read_plain(tmp_path / "s").batches(1.0))
    assert [len(batch[0]) for batch in batches] == [100, 100, 100, 100]
    assert batches[2][0].lost[0] == round((3000.0 - 1.99) * 100) - 1
    assert sum(int(batch[0].lost.sum()) for batch in batches) == batches[2][0].lost[0]


def joined_samples(a: PlainSamples, b: PlainSamples) -> PlainSamples:
    assert a.gyr is not None
    assert b.gyr is not None
    return PlainSamples(np.concatenate((a.time_s, b.time_s)), np.concatenate((a.acc, b.acc)), np.concatenate((a.gyr, b.gyr)))


def one_sensor(**about: object) -> Session:
    return Session(START, "a", (Sensor(Placement.PELVIS, **about),))  # type: ignore[arg-type]


def test_a_family_in_session_toml_does_not_matter(tmp_path: Path) -> None:
    write_plain(tmp_path / "s", one_sensor(family="hiphinge-v1"), {"pelvis": made(10, 0)})
    assert [s.family for s in read_plain(tmp_path / "s").session.sensors] == ["plain"]


def test_columns_may_come_in_any_order_and_style(tmp_path: Path) -> None:
    write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(50, 1)})
    expected = read_plain(tmp_path / "s").samples["pelvis"]
    file = tmp_path / "s" / "pelvis.csv"
    rows = [line.split(",")[::-1] for line in file.read_text().splitlines()]
    rows[0] = [f'"{name}"' for name in rows[0]]
    rows[3] = [f" +{cell} ".replace("+-", "-") for cell in rows[3]]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(",".join(row) for row in [*rows[:5], [""], *rows[5:], ["  "]]).encode())
    assert_same(read_plain(tmp_path / "s").samples["pelvis"], expected)


def test_lost_samples_are_counted_from_the_times(tmp_path: Path) -> None:
    whole = made(400, 0)
    keep = np.ones(400, np.bool_)
    keep[[100, 101, 102, 200]] = False
    assert whole.gyr is not None
    write_plain(tmp_path / "s", one_sensor(), {"pelvis": PlainSamples(whole.time_s[keep], whole.acc[keep], whole.gyr[keep])})
    read = read_plain(tmp_path / "s")
    assert (read.rates_hz, read.warnings) == ({"pelvis": 100.0}, [])
    ((block,),) = read.batches()
    assert {int(i): int(block.lost[i]) for i in np.flatnonzero(block.lost)} == {100: 3, 197: 1}


def test_a_folder_in_use_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "precious.txt").write_text("x")
    with pytest.raises(HiphingeError, match="not an empty folder") as caught:
        write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(10, 0)})
    assert caught.value.remedy
    assert [p.name for p in tmp_path.rglob("*")] == ["s", "precious.txt"]
    with pytest.raises(HiphingeError, match="not an empty folder"):
        write_plain(tmp_path / "s" / "precious.txt", one_sensor(), {"pelvis": made(10, 0)})
    with pytest.raises(HiphingeError, match="cannot be written"):
        write_plain(tmp_path / "s" / "precious.txt" / "below", one_sensor(), {"pelvis": made(10, 0)})


def test_an_empty_folder_and_what_an_earlier_attempt_left_are_taken(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / ".s.partial").mkdir()
    (tmp_path / ".s.partial" / "half.csv").write_text("x")
    os.utime(tmp_path / ".s.partial", (0.0, 0.0))
    write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(10, 0)})
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["pelvis.csv", "s", "session.toml"]


@pytest.mark.parametrize("name", ["time_s", "acc", "gyr", "order", "none", "file", "label"])
def test_what_is_no_session_is_not_written(tmp_path: Path, name: str) -> None:
    samples, session = made(10, 0), one_sensor()
    if name == "order":
        samples = replace(samples, time_s=np.array([0.0, 1.0, 1.0, *range(2, 9)]))
    elif name == "none":
        samples = made(0, 0)
    elif name == "file":
        session = one_sensor(file="../pelvis.csv")
    elif name == "label":
        session = replace(session, marks=(SessionMark(0.0, "a\nb"),))
    else:
        values = getattr(samples, name).copy()
        values.flat[4] = np.nan if name == "acc" else np.inf
        samples = replace(samples, **{name: values})
    with pytest.raises(HiphingeError) as caught:
        write_plain(tmp_path / "s", session, {"pelvis": samples})
    assert caught.value.remedy
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plain_csv.arrow_csv, "write_csv", full)
    with pytest.raises(HiphingeError, match="No space left on device"):
        write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(10, 0)})
    assert os.listdir(tmp_path) == []


def test_who_stops_it_as_soon_as_the_folder_is_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def stopped(path: Path, *args: Any, **kwargs: Any) -> None:
        mkdir(path, *args, **kwargs)
        if path.suffix == ".partial":
            raise SystemExit(143)

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(SystemExit):
        write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(10, 0)})
    assert os.listdir(tmp_path) == []


def test_samples_of_other_sensors_are_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sensors are"):
        write_plain(tmp_path / "s", one_sensor(), {"lumbar": made(10, 0)})
    with pytest.raises(ValueError, match="gyr or quat"):
        PlainSamples(np.arange(3.0), np.ones((3, 3)))
    with pytest.raises(ValueError, match="shape"):
        PlainSamples(np.arange(3.0), np.ones((3, 3)), np.ones((2, 3)))


def test_arrays_are_read_only(tmp_path: Path) -> None:
    write_plain(tmp_path / "s", one_sensor(), {"pelvis": made(10, 0)})
    read = read_plain(tmp_path / "s")
    assert isinstance(read, PlainSession)
    with pytest.raises(ValueError, match="read-only"):
        read.samples["pelvis"].acc[0, 0] = 1.0
