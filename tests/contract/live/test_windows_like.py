"""`hiphinge live` as on Windows, emulated: open files stay, the loop reads no pipe and hears no signal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from body_signals import Mark
from ingest.recording.recorder import read_recording
from tests.conftest import ROOT
from tests.contract.command_line import environment
from tests.contract.live.virtual_kit import kit_of, until
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]


def started(folder: Path) -> subprocess.Popen[str]:
    live = ["live", "--kit", str(folder / "kit.toml"), "--out", str(folder / "session"), "--json", "--no-page"]
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.peers.windows_rules", *live]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("end", ["stop", "ctrl-c"])
def test_lines_are_heard_and_the_session_ends_in_order(tmp_path: Path, end: str) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    with kit_of(tmp_path, [device]):
        process = started(tmp_path)
        until(lambda: device.ledger.sent > 50, 60.0)
        assert process.stdin is not None
        process.stdin.write("mark first set\n")
        process.stdin.flush()
        until(lambda: device.ledger.sent > 150, 60.0)
        if end == "stop":
            process.stdin.write("stop\n")
            process.stdin.flush()
        else:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    answers = [answer["text"] for line in out.splitlines() for answer in json.loads(line)["answers"]]
    assert any(text.startswith("marked: first set") for text in answers)
    batches = read_recording(tmp_path / "session/recording.mcap").batches()
    assert [event.label for batch in batches for event in batch if isinstance(event, Mark)] == ["first set"]
    assert (tmp_path / "session/review/summary.json").is_file()
    assert not (tmp_path / "session/.lock").exists()
