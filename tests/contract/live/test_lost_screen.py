"""The screen can be lost in any way: the session goes on, or ends in order, with its results.

Sessions that differ in their streams only run side by side, each with a sensor and a folder of its own: they mostly wait.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from dashboards.tables import read_summary
from tests.contract.command_line import COMMAND, environment
from tests.contract.live.virtual_kit import kit_of, until
from tests.contract.recorded_sessions import standing_demo
from tests.peers.worn_sensors import Still
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS
from virtual_athlete.virtual_devices import VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_v1 import V1SerialFirmware

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")]

Case = TypeVar("Case")
LIVE = [*COMMAND, "live", "--kit", "kit.toml", "--out", "session"]
SECONDS = ["--seconds", "2"]
SIDE_BY_SIDE = 4
"""Sessions at a time."""


@contextmanager
def worn(folder: Path) -> Iterator[VirtualPeripheral]:
    """A virtual sensor at a port, and the kit that names it."""
    device = VirtualPeripheral("pelvis", V1SerialFirmware("pelvis"), Still())
    with kit_of(folder, [device]):
        yield device


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[VirtualPeripheral]:
    with worn(tmp_path) as device:
        yield device


def side_by_side(folder: Path, cases: Sequence[Case], run: Callable[[Path, Case], str], at_a_time: int = SIDE_BY_SIDE) -> None:
    """Run each case in a folder of its own; `run` gives what is wrong, and every one of them is told."""

    def alone(numbered: tuple[int, Case]) -> str:
        number, case = numbered
        own = folder / str(number)
        own.mkdir()
        return run(own, case)

    with ThreadPoolExecutor(at_a_time) as pool:
        wrong = list(pool.map(alone, enumerate(cases)))
    assert {str(case): said for case, said in zip(cases, wrong, strict=True) if said} == {}


def whole(folder: Path) -> bool:
    """Both estimators' tables are there, with samples, and the report, and nothing half-written is."""
    samples = [read_summary(folder, estimator)["sensors"]["pelvis"]["samples"] for estimator in ("live", "review")]
    names = {path.name for path in folder.iterdir()}
    return min(samples) > 50 and names == {"live", "review", "recording.mcap", "session.toml", "report.html"}


def fault_of(ended: subprocess.CompletedProcess[bytes], folder: Path) -> str:
    """What is wrong with a session that should have ended well; empty when nothing is."""
    if ended.returncode != 0:
        return f"exit code {ended.returncode}: {ended.stderr!r}"
    return "" if whole(folder / "session") else f"not whole: {sorted(path.name for path in (folder / 'session').iterdir())}"


def shell(folder: Path, redirection: str, words: Sequence[str], **settings: str) -> subprocess.CompletedProcess[bytes]:
    """A command with its streams as a shell gives them."""
    command = ["bash", "-c", f'"$@" {redirection}', "_", *words]
    return subprocess.run(command, cwd=folder, env=environment(**settings), capture_output=True, timeout=300)


REDIRECTIONS = (
    "<&-",
    ">&-",
    "2>&-",
    "<&- >&- 2>&-",
    "> /dev/full",
    "> /dev/full 2> /dev/full",
    "| head -n 1; exit ${PIPESTATUS[0]}",
)


@pytest.mark.parametrize(
    ("more", "redirections"), [([], REDIRECTIONS), (["--json", "--no-page"], REDIRECTIONS[3:])], ids=["words", "json"]
)
def test_no_stream_is_needed(tmp_path: Path, more: list[str], redirections: Sequence[str]) -> None:
    def run(folder: Path, redirection: str) -> str:
        with worn(folder):
            return fault_of(shell(folder, redirection, [*LIVE, *SECONDS, *more]), folder)

    side_by_side(tmp_path, redirections, run)


def test_what_an_encoding_lacks_is_replaced(tmp_path: Path) -> None:
    def run(folder: Path, settings: dict[str, str]) -> str:
        with worn(folder):
            ended = shell(folder, "", [*LIVE, *SECONDS, "--no-page"], **settings)
        text = ended.stdout.decode(settings.get("PYTHONIOENCODING", "ascii"))
        missing = [words for words in ("Session folder: session", "lumbar share now", "Report: ") if words not in text]
        return fault_of(ended, folder) or (f"not said: {missing}" if missing else "")

    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    side_by_side(tmp_path, [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp437"}, plain], run)


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


def test_a_reader_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    def run(folder: Path, words: list[str]) -> str:
        with worn(folder), full_pipe() as pipe:
            command = [*LIVE, *SECONDS, *words]
            null = subprocess.DEVNULL
            process = subprocess.Popen(command, cwd=folder, env=environment(), stdin=null, stdout=pipe, stderr=pipe)
            return fault_of(subprocess.CompletedProcess(command, process.wait(60), b"", b""), folder)

    side_by_side(tmp_path, [[], ["--json"]], run)


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
    # in Python's own last moments a signal has its default effect again, which a shell tells as 128 + number too
    assert process.returncode in (0, 128 + number, -number), said
    assert not [path.name for path in (tmp_path / "session").iterdir() if path.name.startswith(".")]
    assert (tmp_path / "session/recording.mcap").exists()


def test_the_demo_ends_with_its_report_and_speaks_ascii(tmp_path: Path) -> None:
    def run(folder: Path, redirection: str) -> str:
        settings = {} if redirection else {"PYTHONIOENCODING": "ascii"}
        words = standing_demo(tmp_path) if redirection else ["demo", "--speed", "0"]
        ended = shell(folder, redirection, [*COMMAND, *words, "--out", "session"], **settings)
        if ended.returncode != 0:
            return f"exit code {ended.returncode}: {ended.stderr!r}"
        there = [(folder / "session" / name).is_file() for name in ("report.html", "review/summary.json")]
        if redirection:
            return "" if all(there) else f"report, review: {there}"
        text = ended.stdout.decode("ascii")
        return "" if all(there) and "+-" in text and " deg" in text else text

    side_by_side(tmp_path, ["", "| head -n 1; exit ${PIPESTATUS[0]}", "<&- >&- 2>&-"], run, 1)


@pytest.mark.parametrize("words", [["doctor"], ["--help"], ["live", "--help"]], ids=" ".join)
@pytest.mark.parametrize(("redirection", "code"), [("| head -n 0; exit ${PIPESTATUS[0]}", 141), ("> /dev/full", 1)])
def test_other_commands_say_by_their_exit_code_that_nobody_read(
    tmp_path: Path, words: list[str], redirection: str, code: int
) -> None:
    ended = shell(tmp_path, redirection, [*COMMAND, *words])
    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
