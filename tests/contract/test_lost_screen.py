"""The screen can be lost in any way: the session goes on, or ends in order, with its results."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dashboards.tables import read_summary
from tests.contract.command_line import COMMAND, environment
from tests.contract.virtual_kit import kit_of, until
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]

LIVE = [*COMMAND, "live", "--kit", "kit.toml", "--out", "session"]
SECONDS = ["--seconds", "3"]


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[VirtualPeripheral]:
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    with kit_of(tmp_path, [device]):
        yield device


def whole(folder: Path) -> bool:
    """Both estimators' tables are there, with samples, and nothing half-written is."""
    samples = [read_summary(folder, estimator)["sensors"]["pelvis"]["samples"] for estimator in ("live", "review")]
    names = {path.name for path in folder.iterdir()}
    return min(samples) > 50 and names == {"live", "review", "recording.mcap", "session.toml"}


def shell(folder: Path, redirection: str, words: Sequence[str], **settings: str) -> subprocess.CompletedProcess[bytes]:
    """A command with its streams as a shell gives them."""
    command = ["bash", "-c", f'"$@" {redirection}', "_", *words]
    return subprocess.run(command, cwd=folder, env=environment(**settings), capture_output=True, timeout=90)


@pytest.mark.parametrize(
    "redirection",
    [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
        "> /dev/full",
        "> /dev/full 2> /dev/full",
        "| head -n 1; exit ${PIPESTATUS[0]}",
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_no_stream_is_needed(tmp_path: Path, sensor: VirtualPeripheral, redirection: str, as_json: bool) -> None:
    ended = shell(tmp_path, redirection, [*LIVE, *SECONDS, *(["--json"] if as_json else [])])
    assert ended.returncode == 0, ended.stderr
    assert whole(tmp_path / "session")


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp437"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_what_an_encoding_lacks_is_replaced(tmp_path: Path, sensor: VirtualPeripheral, settings: dict[str, str]) -> None:
    ended = shell(tmp_path, "", [*LIVE, *SECONDS], **settings)
    assert ended.returncode == 0, ended.stderr
    assert whole(tmp_path / "session")
    text = ended.stdout.decode(settings.get("PYTHONIOENCODING", "ascii"))
    assert "Session folder: session" in text
    assert "lumbar share now" in text


@contextmanager
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads, and that holds no byte more."""
    read, write = os.pipe()
    before = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, before | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    with suppress(BlockingIOError):
        while True:
            os.write(write, b"x")
    fcntl.fcntl(write, fcntl.F_SETFL, before)
    try:
        yield write
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_reader_that_does_not_read_holds_nothing_up(tmp_path: Path, sensor: VirtualPeripheral, words: list[str]) -> None:
    with full_pipe() as pipe:
        command = [*LIVE, *SECONDS, *words]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        assert process.wait(60) == 0
    assert whole(tmp_path / "session")


@contextmanager
def in_terminal(folder: Path, words: Sequence[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command in a terminal of its own, and that terminal's other end."""
    master, slave = os.openpty()
    settings = environment() | {"TERM": "xterm"}
    process = subprocess.Popen(words, cwd=folder, env=settings, preexec_fn=lambda: os.login_tty(slave), pass_fds=[slave])
    os.close(slave)
    try:
        yield process, master
    finally:
        with suppress(OSError):
            os.close(master)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_terminal_that_is_closed_ends_the_session_in_order(tmp_path: Path, sensor: VirtualPeripheral) -> None:
    with in_terminal(tmp_path, LIVE) as (process, master):
        os.set_blocking(master, False)
        until(lambda: bool(read(master)) and sensor.ledger.sent > 150)
        os.close(master)
        # the shell sends one more when it ends
        time.sleep(0.2)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 129
    assert whole(tmp_path / "session")


def read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except BlockingIOError:
        return b""
    except OSError:  # nobody is at the other end any more
        return b""


def test_a_terminal_that_takes_nothing_holds_nothing_up(tmp_path: Path, sensor: VirtualPeripheral) -> None:
    with in_terminal(tmp_path, [*LIVE, *SECONDS]) as (process, _):
        # as after Ctrl-S: nobody reads the other end
        assert process.wait(60) == 0
    assert whole(tmp_path / "session")


def test_nohup_outlives_its_terminal(tmp_path: Path, sensor: VirtualPeripheral) -> None:
    command = ["nohup", *LIVE, "--seconds", "5"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: sensor.ledger.sent > 100)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    assert whole(tmp_path / "session")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_closing_leaves_the_recording_alone(tmp_path: Path, sensor: VirtualPeripheral, number: int) -> None:
    """The recording is kept for the next start; no half-written table stays behind, whatever moment it meets."""
    with subprocess.Popen(
        LIVE,
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(lambda: sensor.ledger.sent > 150)
        process.send_signal(signal.SIGTERM)
        until(lambda: (tmp_path / "session/live").exists() or process.poll() is not None)
        with suppress(ProcessLookupError):
            process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 128 + number), said
    assert not [path.name for path in (tmp_path / "session").iterdir() if path.name.startswith(".")]
    assert (tmp_path / "session/recording.mcap").exists()


@pytest.mark.parametrize("redirection", ["| head -n 1; exit ${PIPESTATUS[0]}", "<&- >&- 2>&-", "> /dev/full 2> /dev/full"])
def test_the_demo_ends_with_its_report(tmp_path: Path, redirection: str) -> None:
    ended = shell(tmp_path, redirection, [*COMMAND, "demo", "--speed", "0", "--out", "session"])
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "session/report.html").is_file()
    assert (tmp_path / "session/review/summary.json").is_file()


def test_the_demo_speaks_ascii(tmp_path: Path) -> None:
    ended = shell(tmp_path, "", [*COMMAND, "demo", "--speed", "0", "--out", "session"], PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    text = ended.stdout.decode("ascii")
    assert "+-" in text
    assert " deg" in text


@pytest.mark.parametrize("words", [["doctor"], ["--help"], ["live", "--help"]], ids=" ".join)
@pytest.mark.parametrize(("redirection", "code"), [("| head -n 0; exit ${PIPESTATUS[0]}", 141), ("> /dev/full", 1)])
def test_other_commands_say_by_their_exit_code_that_nobody_read(
    tmp_path: Path, words: list[str], redirection: str, code: int
) -> None:
    ended = shell(tmp_path, redirection, [*COMMAND, *words])
    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
