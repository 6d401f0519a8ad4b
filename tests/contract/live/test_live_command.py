"""`hiphinge live` on virtual serial sensors: what was sent is what was recorded and computed, however the session ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import serial

from body_signals import Mark, Packets
from body_signals.blocks import Floats
from dashboards.influx.delivery import missing
from dashboards.influx.line_protocol import points
from dashboards.tables import read_summary
from firmware_protocol.v1 import V1SerialCodec
from ingest.links.kit import write_kit
from ingest.recording.recorder import read_recording
from tests.contract.command_line import COMMAND, child, done, environment, refused
from tests.contract.live.virtual_kit import kit_of, until
from tests.peers.influxdb import influxdb
from tests.peers.worn_sensors import KEYS, Still, worn
from virtual_athlete import Motion, Samples, demo
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]


@pytest.fixture(scope="module")
def athlete() -> Motion:
    return demo(3).motion()


def start(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    """`hiphinge live` as a process of its own."""
    return subprocess.Popen(
        [*COMMAND, "live", "--kit", "kit.toml", "--out", "session", *words],
        cwd=folder,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def summary_sensors(folder: Path, estimator: str = "live") -> dict[str, dict]:
    return read_summary(folder, estimator)["sensors"]


@pytest.mark.parametrize("rate_hz", [100, 200])
def test_samples_recorded_are_samples_sent(tmp_path: Path, athlete: Motion, rate_hz: int) -> None:
    devices = [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]
    devices[1].faults.loss = 0.05
    with kit_of(tmp_path, devices, rate_hz):
        process = start(tmp_path, "--calibrate", HIPHINGE_GYM="north")
        until(lambda: min(d.ledger.sent for d in devices) > 4 * rate_hz)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Session folder: session" in out
    assert "gym north" in [mark["label"] for mark in read_summary(tmp_path / "session", "review")["marks"]]
    assert "p99" in out
    for estimator in ("live", "review"):
        found = summary_sensors(tmp_path / "session", estimator)
        for device in devices:
            assert found[device.key]["samples"] == device.ledger.sent
            assert found[device.key]["samples"] == device.ledger.made - device.ledger.dropped
            assert found[device.key]["rate_hz"] == rate_hz
            assert found[device.key]["lost_exact"]
        # what the wire lost at the very end nobody can know of
        assert 0 <= devices[1].ledger.dropped - found["pelvis"]["lost"] <= 16
        assert found["lumbar"]["lost"] == 0
    done("replay", "session", "--out", "again", "--estimator", "live", cwd=tmp_path)
    for table in ("angles", "orientations", "repetitions"):
        file = f"live/{table}.parquet"
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "session" / file).read_bytes()


def test_json_lines_for_programs_and_marks_from_them(tmp_path: Path, athlete: Motion) -> None:
    devices = [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]
    with kit_of(tmp_path, devices):
        words = ["--kit", "kit.toml", "--out", "session", "--athlete", "player-09", "--json", "--no-page", "--seconds", "8"]
        process = subprocess.Popen(
            [*COMMAND, "live", *words],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: min(d.ledger.sent for d in devices) > 100)
        out, err = process.communicate("mark calibrate\nmark before the break\n", timeout=60)
    assert process.returncode == 0, err
    assert "Session folder: session" in err
    lines = [json.loads(line) for line in out.splitlines()]
    assert 5 <= len(lines) <= 9
    times = [line["time_s"] for line in lines]
    assert times == sorted(times)
    last = lines[-1]
    assert [sensor["placement"] for sensor in last["sensors"]] == list(KEYS)
    for sensor in last["sensors"]:
        assert (sensor["state"], sensor["battery"], sensor["rate_hz"], sensor["lost"]) == ("streaming", 87, 100.0, 0)
        assert sensor["latency_ms"] is not None
    found = summary_sensors(tmp_path / "session")
    assert {s["placement"]: s["samples"] for s in last["sensors"]} == {k: v["samples"] for k, v in found.items()}
    assert "player-09" in (tmp_path / "session/session.toml").read_text()
    events = [e for batch in read_recording(tmp_path / "session/recording.mcap").batches() for e in batch]
    assert [e.label for e in events if isinstance(e, Mark)] == ["calibrate", "before the break"]
    # the devices' clocks were asked, and the answers are in the recording
    for key in KEYS:
        codec = V1SerialCodec()
        answers = 0
        for event in events:
            if isinstance(event, Packets) and event.sensor == key:
                codec.feed_packets(event.data, event.lengths)
                answers += len(codec.probes())
        assert 3 <= answers <= 28


def test_a_program_that_stops_reading_does_not_end_the_session(tmp_path: Path) -> None:
    devices = [VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())]
    with kit_of(tmp_path, devices):
        with start(tmp_path, "--json", "--seconds", "6") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            err = process.stderr.read()
        assert process.returncode == 0, err
    assert "Session folder: session" in err
    assert summary_sensors(tmp_path / "session", "review")["pelvis"]["samples"] > 300


def test_a_cable_that_is_pulled_is_a_gap_and_comes_back(tmp_path: Path) -> None:
    devices = [VirtualPeripheral(key, V1SerialFirmware(key), Still()) for key in KEYS[:2]]
    with kit_of(tmp_path, devices) as lines:
        process = start(tmp_path)
        until(lambda: min(d.ledger.sent for d in devices) > 150)
        lines[0].unplug(power=True)
        time.sleep(1.5)
        lines[0].plug()
        back = time.monotonic()
        before = devices[0].ledger.sent
        until(lambda: devices[0].ledger.sent > before)
        assert time.monotonic() - back < 3.0
        until(lambda: devices[0].ledger.sent > before + 100)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "lumbar lost: " in out
    assert out.count("lumbar streaming") == 2
    found = summary_sensors(tmp_path / "session")["lumbar"]
    assert found["gaps"] == 1
    rows = pq.read_table(tmp_path / "session/live/orientations.parquet")
    rows = rows.filter(pc.equal(rows["placement"], "lumbar"))
    # nothing in between: not frozen, not invented
    assert 1.3 < np.diff(rows["time_s"].to_numpy()).max() < 4.5
    assert set(rows["heading_epoch"].to_pylist()) == {0, 1}


def test_kill_9_leaves_a_session_that_is_recovered(tmp_path: Path, athlete: Motion) -> None:
    devices = [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]
    with kit_of(tmp_path, devices):
        process = start(tmp_path)
        until(lambda: min(d.ledger.sent for d in devices) > 250)
        sent = {d.key: d.ledger.sent for d in devices}
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert not (tmp_path / "session/live").exists()
    assert done("doctor", "--sessions", tmp_path, "--json", cwd=tmp_path).returncode == 0
    found = summary_sensors(tmp_path / "session", "review")
    for key, count in sent.items():
        assert found[key]["samples"] >= count - 100


def test_a_full_disk_is_one_clear_line_and_what_was_recorded_is_kept(tmp_path: Path) -> None:
    devices = [VirtualPeripheral(key, V1SerialFirmware(key), Noisy(i)) for i, key in enumerate(KEYS)]
    with kit_of(tmp_path, devices, 200):
        # no file may grow beyond 50 kB: what the system says then is what it says of a full disk
        command = ["bash", "-c", 'ulimit -f 50; exec "$@"', "_", *COMMAND, "live", "--kit", "kit.toml", "--out", "session"]
        said = subprocess.run(
            [*command, "--seconds", "60"],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert said.returncode == 1, said.stdout + said.stderr
    assert "cannot be written" in said.stderr
    assert "Free space on the disk" in said.stderr
    assert "recording.mcap is kept" in said.stderr
    assert "Traceback" not in said.stderr
    done("doctor", "--sessions", tmp_path, cwd=tmp_path)
    found = summary_sensors(tmp_path / "session", "review")
    assert min(sensor["samples"] for sensor in found.values()) > 200


def test_a_folder_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    write_kit(tmp_path / "kit.toml", [{"placement": "pelvis", "family": "hiphinge-v1-serial", "port": "/dev/nowhere"}])
    said = refused("live", "--kit", "kit.toml", "--out", "/proc/session", cwd=tmp_path)
    assert "/proc/session" in said
    assert "Choose a folder that you may write to" in said


class Noisy:
    """A sensor whose samples no compression makes small."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def samples(self, time_s: Floats) -> Samples:
        acc, gyr = (self._rng.uniform(-9.0, 9.0, (len(time_s), 3)) for _ in range(2))
        return Samples(time_s, acc, gyr, np.zeros(len(time_s), np.bool_))


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())
    with kit_of(tmp_path, [device]), serial.Serial(str(tmp_path / "port-pelvis"), exclusive=True):
        result = child("live", "--kit", "kit.toml", "--out", "session", "--seconds", "20", cwd=tmp_path)
    assert result.returncode == 1
    assert "another program has this port open" in result.stderr
    assert "Close the other program" in result.stderr
    assert not (tmp_path / "session").exists()
    assert "Traceback" not in result.stderr


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    assert "kit.toml" in refused("live", "--kit", "kit.toml", cwd=tmp_path)
    write_kit(tmp_path / "kit.toml", [{"placement": "pelvis", "family": "hiphinge-v1-serial", "port": "/dev/nowhere"}])
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").write_text("mine")
    assert "exists already" in refused("live", "--kit", "kit.toml", "--out", "taken", cwd=tmp_path)
    assert (tmp_path / "taken/file").read_text() == "mine"
    text = (tmp_path / "kit.toml").read_text().replace("pelvis", "plevis")
    (tmp_path / "kit.toml").write_text(text)
    said = refused("live", "--kit", "kit.toml", cwd=tmp_path)
    assert "plevis" in said
    assert "line" in said


def test_a_sensor_that_is_not_there_does_not_hold_the_others_back(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("1"), Still())
    with kit_of(tmp_path, [device]):
        text = (tmp_path / "kit.toml").read_text()
        more = text[text.index("[[sensor]]") :].replace("pelvis", "lumbar")
        (tmp_path / "kit.toml").write_text(f"{text}\n{more}")
        result = child("live", "--kit", "kit.toml", "--out", "session", "--seconds", "12", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "no such port" in result.stdout
    found = summary_sensors(tmp_path / "session")
    assert found["pelvis"]["samples"] > 50
    assert found["lumbar"]["samples"] == 0
    assert any(
        "lumbar: no samples" in words for words in json.loads((tmp_path / "session/live/summary.json").read_text())["warnings"]
    )


@pytest.mark.influx
def test_results_are_in_influxdb_when_the_session_ends(tmp_path: Path, athlete: Motion) -> None:
    devices = [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]
    (tmp_path / "server").mkdir()
    with influxdb(tmp_path / "server") as server, kit_of(tmp_path, devices):
        server.query("CREATE DATABASE gym")
        # it is away for a while, and hangs up now and then
        server.plan[:] = [503, "drop", 503, None, "drop", 500]
        process = start(tmp_path, "--calibrate", HIPHINGE_INFLUX_URL=server.url, HIPHINGE_INFLUX_BUCKET="gym")
        until(lambda: min(d.ledger.sent for d in devices) > 600)
        # rows are there while the session runs
        until(lambda: len(server.query('SELECT * FROM "angles"', "gym")) > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "wait for InfluxDB" not in err
        kinds = ("angles", "repetition", "session", "screen", "mark", "sensor_health")
        stored = {kind: server.rows(f'SELECT * FROM "{kind}"', "gym") for kind in kinds}
        sent = [line[: line.index(",")] for line in points(tmp_path / "session")]
        assert {kind: len(rows) for kind, rows in stored.items()} == {kind: sent.count(kind) for kind in kinds}
        assert missing(tmp_path / "session") == ()
        # pushing from the tables writes the very same points
        done("push", "session", cwd=tmp_path, HIPHINGE_INFLUX_URL=server.url, HIPHINGE_INFLUX_BUCKET="gym")
        assert {kind: server.rows(f'SELECT * FROM "{kind}"', "gym") for kind in kinds} == stored
        said = done(
            "push",
            "--all",
            cwd=tmp_path,
            HIPHINGE_SESSIONS=str(tmp_path),
            HIPHINGE_INFLUX_URL=server.url,
            HIPHINGE_INFLUX_BUCKET="gym",
        )
        assert "Everything was sent." in said.stdout
