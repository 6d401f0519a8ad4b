"""`hiphinge live --protocol` and `hiphinge retest` on virtual serial sensors, led by lines as another program sends them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboards.tables import read_summary
from tests.contract.command_line import COMMAND, environment, refused
from tests.contract.live.virtual_kit import kit_of
from tests.contract.recorded_sessions import live_session
from tests.peers.worn_sensors import KEYS, worn
from virtual_athlete import Motion, standing
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

needs_terminals = pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")
BEND = "bend::lumbar_share_of_trunk"


@pytest.fixture(scope="module")
def athlete() -> Motion:
    return standing(120.0).motion()


class Led:
    """A command that is told lines, and whose JSON lines are read."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words, "--json", "--no-page"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            document: dict[str, Any] = json.loads(line)
            if condition(document):
                return document
        raise AssertionError(self.process.communicate()[1])

    def end(self) -> str:
        self.say("stop")
        _, err = self.process.communicate(timeout=90)
        assert self.process.returncode == 0, err
        return err


def led(document: dict[str, Any], state: str) -> bool:
    return document["protocol"] is not None and document["protocol"]["state"] == state


@pytest.mark.slow
@needs_terminals
def test_a_protocol_is_led_by_lines_and_stopped_for_pain(tmp_path: Path, athlete: Motion) -> None:
    with kit_of(tmp_path, [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]):
        live = Led(tmp_path, "live", "--kit", "kit.toml", "--out", "session", "--protocol", "hip-check")
        live.until(lambda d: d["time_s"] > 1.0)
        live.say("g")
        running = live.until(lambda d: led(d, "running"))
        assert running["protocol"]["name"] == "hip-check"
        assert running["calibration"]["stage"] == "standing"
        live.say("pain 8")
        stopped = live.until(lambda d: led(d, "stopped"))
        assert stopped["protocol"]["pain"]["stopped_by"] == 8
        err = live.end()
    assert "Ask first" in err
    assert "STOPPED" in err
    protocol = read_summary(tmp_path / "session", "live")["protocol"]
    assert (protocol["name"], protocol["outcome"]) == ("hip-check", "stopped")
    assert [s["stopped_for_pain"] for s in protocol["steps"]] == [True]


@pytest.mark.slow
@needs_terminals
def test_a_retest_says_what_it_retests(tmp_path: Path, athlete: Motion) -> None:
    live_session(tmp_path / "before")
    with kit_of(tmp_path, [worn(key, V1SerialFirmware(key), athlete) for key in KEYS]):
        live = Led(tmp_path, "retest", "before", "--kit", "kit.toml", "--out", "after", "--primary", BEND)
        live.until(lambda d: d["time_s"] > 1.0)
        live.say("g")
        running = live.until(lambda d: led(d, "running"))
        err = live.end()
    assert [s["test"] for s in running["protocol"]["steps"]] == ["stand", "bend", "knee_raise", "knee_raise"]
    assert "lumbar" in err
    assert "no comparison" in err
    labels = [mark["label"] for mark in read_summary(tmp_path / "after", "live")["marks"]]
    assert {"retest before", f"primary {BEND}", "protocol retest"} <= set(labels)


def test_what_cannot_be_retested(tmp_path: Path) -> None:
    assert "no such session folder" in refused("retest", "nowhere", cwd=tmp_path)
