"""`hiphinge live` in a terminal and behind a pipe: keys and lines are answered, q asks once, the end names the report."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from body_signals import Mark
from ingest.recording.recorder import read_recording
from tests.contract.command_line import COMMAND, environment
from tests.contract.live.virtual_kit import kit_of, until
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]

LIVE = [*COMMAND, "live", "--kit", "kit.toml", "--out", "session"]


def marks(folder: Path) -> list[str]:
    batches = read_recording(folder / "session/recording.mcap").batches()
    return [event.label for batch in batches for event in batch if isinstance(event, Mark)]


@contextmanager
def terminal(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Callable[[], str]]]:
    """`hiphinge live` in a terminal of 80 x 24, its keyboard, and all that it has shown so far."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    settings = environment(NO_COLOR="1") | {"TERM": "xterm"}
    del settings["COLUMNS"]
    process = subprocess.Popen(LIVE, cwd=folder, env=settings, preexec_fn=lambda: os.login_tty(slave), pass_fds=[slave])
    os.close(slave)
    os.set_blocking(master, False)
    shown = bytearray()

    def read() -> str:
        with suppress(BlockingIOError, OSError):
            while piece := os.read(master, 65536):
                shown.extend(piece)
        return shown.decode("utf-8", "replace")

    try:
        yield process, master, read
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_keys_are_answered_and_q_asks_once(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    with kit_of(tmp_path, [device]), terminal(tmp_path) as (process, keyboard, read):
        until(lambda: device.ledger.sent > 50 and "q stop" in read(), 60.0)
        assert "not calibrated" in read()
        assert "calibrating" not in read()
        for keys, answer in (
            ("x", "'x' does nothing; keys: c h m p n q"),
            ("\x1b[A", "this key does nothing"),
            ("m", "marked: mark 0:"),
            ("p7\r", "marked: pain 7 0:"),
            ("nKnie sticht ä\r", "marked: note: Knie sticht ä 0:"),
            ("c", "Calibrating: stand still"),
            ("q", "stop and close the session? q again or y"),
            ("n", "the session goes on"),
        ):
            os.write(keyboard, keys.encode())
            until(lambda answer=answer: answer in read())  # type: ignore[misc]
        time.sleep(0.3)
        assert process.poll() is None
        os.write(keyboard, b"qy")
        until(lambda: process.poll() is not None or not read(), 90.0)
        said = read()
    assert process.returncode == 0
    assert marks(tmp_path) == ["mark", "pain 7", "note: Knie sticht ä", "calibrate"]
    assert "Session folder: session" in said
    assert "hiphinge push session" in said
    assert f"Report: {tmp_path / 'session/report.html'}" in said.replace("\r\n", "")
    assert (tmp_path / "session/report.html").is_file()


def test_lines_are_answered_in_json(tmp_path: Path) -> None:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    with kit_of(tmp_path, [device]):
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*LIVE, "--json"], cwd=tmp_path, env=environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        until(lambda: device.ledger.sent > 50, 60.0)
        assert process.stdin is not None
        process.stdin.write("mark calibrate\nmark pain 3\nnote the left knee\nfoo\nq\nn\n")
        process.stdin.flush()
        until(lambda: device.ledger.sent > 350, 60.0)
        assert process.poll() is None
        out, err = process.communicate("q\nq\n", timeout=90)
    assert process.returncode == 0, err
    page, *lines = [json.loads(line) for line in out.splitlines()]
    assert all(page[role].startswith("http://127.0.0.1:") for role in ("page", "viewer"))
    answers = [answer for line in lines for answer in line["answers"]]
    said = [answer["text"].rpartition(" ")[0] if answer["text"].startswith("marked") else answer["text"] for answer in answers]
    assert said[:3] == ["marked: calibrate", "marked: pain 3", "marked: note: the left knee"]
    assert said[3].startswith("not understood: 'foo'")
    assert [answer["done"] for answer in answers[:6]] == [True, True, True, False, False, True]
    assert said[4].startswith("stop and close the session?")
    assert said[5] == "the session goes on"
    assert marks(tmp_path) == ["calibrate", "pain 3", "note: the left knee"]
    assert {line["calibration"]["stage"] for line in lines} >= {"standing"}
    assert all(line["findings"] == [] or line["findings"][0]["placement"] == "pelvis" for line in lines)
    assert "marked: pain 3" in err, "people read it too"
