"""`hiphinge live` on a fake BlueZ: what was sent is recorded, a lost link is a gap, and errors are one clear line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from body_signals import Mark
from dashboards.tables import read_summary
from ingest.links.kit import write_kit
from ingest.recording.recorder import read_recording
from tests.contract.command_line import COMMAND, child, done, environment
from tests.peers.bluez import Obedient, bluez, bus, device

pytestmark = [pytest.mark.slow, pytest.mark.dbus]
KEYS = ("lumbar", "pelvis")


def kit(folder: Path, keys: tuple[str, ...] = KEYS) -> None:
    entries: list[dict[str, object]] = [
        {"placement": k, "family": "hiphinge-v1", "address": device(k)["address"], "rate_hz": 200} for k in keys
    ]
    write_kit(folder / "kit.toml", entries)


def start(folder: Path, out: str = "session") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "live", "--kit", "kit.toml", "--out", out],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def sent(fake: Obedient, key: str) -> int:
    return int(fake.do("ledgers")[key]["sent"])


def test_a_session_with_a_lost_link(tmp_path: Path) -> None:
    kit(tmp_path)
    with bluez(tmp_path, [device(k, worn=False) for k in KEYS]) as fake:
        process = start(tmp_path)
        until(lambda: min(sent(fake, k) for k in KEYS) > 300)
        assert process.stdin is not None
        process.stdin.write("mark calibrate\nmark first set\nnonsense\n")
        process.stdin.flush()
        fake.do("leave", "pelvis")
        time.sleep(1.5)
        before = sent(fake, "pelvis")
        fake.do("come", "pelvis")
        came = time.monotonic()
        until(lambda: sent(fake, "pelvis") > before)
        assert time.monotonic() - came < 3.0
        until(lambda: sent(fake, "pelvis") > before + 300)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        books = fake.do("ledgers")
    assert process.returncode == 0, err
    assert "pelvis lost" in out
    sensors = read_summary(tmp_path / "session", "live")["sensors"]
    for key in KEYS:
        # packets on their way when the link was cut at the end do not come
        assert 0 <= books[key]["sent"] - sensors[key]["samples"] <= 32
        assert sensors[key]["gaps"] == (key == "pelvis")
    rows = pq.read_table(tmp_path / "session/live/orientations.parquet")
    rows = rows.filter(pc.equal(rows["placement"], "pelvis"))
    assert np.diff(rows["time_s"].to_numpy()).max() > 1.3, "nothing in between: not frozen, not invented"
    marks = [
        e.label for batch in read_recording(tmp_path / "session/recording.mcap").batches() for e in batch if isinstance(e, Mark)
    ]
    assert marks == ["calibrate", "first set"]
    done("replay", "session", "--out", "again", "--estimator", "live", cwd=tmp_path)
    for table in ("angles", "orientations", "repetitions"):
        file = f"live/{table}.parquet"
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "session" / file).read_bytes()


def test_a_second_program_is_told_and_after_a_kill_the_next_one_streams(tmp_path: Path) -> None:
    """A killed program leaves its connections behind; the sensors are not heard until somebody cuts them."""
    kit(tmp_path)
    with bluez(tmp_path, [device(k, worn=False) for k in KEYS]) as fake:
        first = start(tmp_path)
        until(lambda: min(sent(fake, k) for k in KEYS) > 100)
        second = child("live", "--kit", "kit.toml", "--out", "second", "--seconds", "20", cwd=tmp_path)
        assert second.returncode == 1
        assert "another program on this computer uses this sensor" in second.stderr
        assert "Close the other" in second.stderr
        before = min(sent(fake, k) for k in KEYS)
        until(lambda: min(sent(fake, k) for k in KEYS) > before + 100)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate(timeout=60)
        third = child("live", "--kit", "kit.toml", "--out", "third", "--seconds", "5", cwd=tmp_path)
    assert third.returncode == 0, third.stderr
    assert all(s["samples"] > 100 for s in read_summary(tmp_path / "third", "live")["sensors"].values())


def test_without_bluetooth_one_line_says_what_to_do(tmp_path: Path) -> None:
    kit(tmp_path)
    with bus(tmp_path):
        result = child("live", "--kit", "kit.toml", "--out", "session", "--seconds", "20", cwd=tmp_path)
    assert result.returncode == 1
    assert "systemctl start bluetooth" in result.stderr
    assert "Traceback" not in result.stderr
    with bluez(tmp_path, []) as fake:
        fake.do("adapter", powered=False)
        result = child("live", "--kit", "kit.toml", "--out", "off", "--seconds", "20", cwd=tmp_path)
    assert result.returncode == 1
    assert "Bluetooth is switched off" in result.stderr
