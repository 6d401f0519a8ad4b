"""A port that sends what nobody understands says so within seconds, and goes on when it is understood."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import tty
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.links.kit import write_kit
from tests.contract.command_line import COMMAND, environment
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]


def test_lines_with_a_comma_too_many_are_told_and_right_ones_clear_it(tmp_path: Path) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    wrong, right = b"0.1,0.2,9.8,0.0,0.0,0.0,\r\n", b"0.1,0.2,9.8,0.0,0.0,0.0\r\n"
    line, ended = [wrong], threading.Event()

    def send() -> None:
        while not ended.wait(0.02):
            with suppress(BlockingIOError):  # nobody reads yet
                os.write(master, 2 * line[0])

    entry: dict[str, object] = {"placement": "pelvis", "family": "text-csv", "port": os.ttyname(slave), "baud": 115200}
    write_kit(tmp_path / "kit.toml", [entry])
    command = [*COMMAND, "live", "--kit", "kit.toml", "--out", "session", "--json", "--no-page", "--seconds", "9"]
    sending = threading.Thread(target=send)
    sending.start()
    try:
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = []
            for text in process.stdout:
                document = json.loads(text)
                (sensor,) = document["sensors"]
                said.append(sensor)
                if sensor["fault"] and line[0] == wrong:
                    assert document["time_s"] < 5.0
                    line[0] = right
    finally:
        ended.set()
        sending.join()
        os.close(master)
        os.close(slave)
    assert process.returncode == 0
    told = next(sensor for sensor in said if sensor["fault"])
    assert told["state"] == "connected, nothing understood"
    assert told["samples"] == 0
    assert "bytes of text-csv that begin" in told["fault"]
    assert "separator" in told["fault"]
    assert (said[-1]["state"], said[-1]["fault"]) == ("streaming", None)
    assert said[-1]["samples"] > 50
