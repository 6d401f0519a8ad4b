"""The outbox: what goes in comes out once and in order, whatever is killed, full or away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from body_signals import HiphingeError
from dashboards.influx.drain import Drain, rejected_lines
from dashboards.influx.outbox import Outbox, segments, waiting_bytes
from dashboards.influx.sending.sender import InfluxError, Refusal


class Server:
    """Stands where the sender would: keeps what arrives; `faults` are raised one after another, None lets one pass."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.faults: list[Refusal | None] = []
        self.never = b"\0"

    def send_each(self, lines, rejected) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise InfluxError("away", "server", "wait", fault)
        for line in lines:
            if self.never in line:
                rejected(line, "type conflict")
            else:
                self.lines.append(line)


def lines(first: int, stop: int) -> list[str]:
    return [f"angles,athlete=a,session=s,estimator=live lumbar_flexion_deg={i / 64} {10**18 + i}" for i in range(first, stop)]


def drained(folder: Path, server: Server, running: bool = False) -> Drain:
    drain = Drain(folder, server, running=running)  # type: ignore[arg-type]
    while drain.step():
        pass
    return drain


@pytest.fixture
def opened() -> Iterator[Callable[..., Outbox]]:
    """Opens outboxes, and closes them after the test."""
    with ExitStack() as stack:
        yield lambda *given, **more: stack.enter_context(Outbox(*given, **more))


def text(found: list[bytes]) -> list[str]:
    return [line.decode() for line in found]


def test_what_goes_in_comes_out_in_order(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox", segment_bytes=3000), Server()
    for k in range(0, 200, 10):
        outbox.append(lines(k, k + 10))
    outbox.close()
    assert len(segments(tmp_path / "outbox")) > 3
    drain = drained(tmp_path / "outbox", server)
    assert text(server.lines) == lines(0, 200)
    assert drain.lines == 200
    assert segments(tmp_path / "outbox") == []
    assert waiting_bytes(tmp_path / "outbox") == 0


def test_a_running_session_is_drained_while_it_grows(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    outbox.append(lines(0, 5))
    drained(tmp_path / "outbox", server, running=True)
    outbox.append(lines(5, 9))
    drain = drained(tmp_path / "outbox", server, running=True)
    assert text(server.lines) == lines(0, 9)
    assert len(segments(tmp_path / "outbox")) == 1
    outbox.close()
    drain.running = False
    assert drain.step() == 0
    assert segments(tmp_path / "outbox") == []


@pytest.mark.parametrize("refusal", [Refusal.AWAY, Refusal.PERSON])
def test_a_server_that_is_away_costs_disk_only(tmp_path: Path, opened: Callable[..., Outbox], refusal: Refusal) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    outbox.append(lines(0, 50))
    server.faults = [refusal] * 3
    drain = Drain(tmp_path / "outbox", server, running=True)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(InfluxError):
            drain.step()
    assert waiting_bytes(tmp_path / "outbox") == len("\n".join(lines(0, 50))) + 1
    assert drain.step() == 50
    assert text(server.lines) == lines(0, 50)


def test_an_acknowledged_line_is_not_sent_again_by_the_next_process(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    outbox.append(lines(0, 50))
    drained(tmp_path / "outbox", server, running=True)
    again = opened(tmp_path / "outbox")
    again.append(lines(50, 60))
    drain = drained(tmp_path / "outbox", server)
    assert text(server.lines) == lines(0, 60)
    assert drain.lines == 60


def test_a_lost_or_broken_cursor_only_sends_again(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    outbox.append(lines(0, 20))
    drained(tmp_path / "outbox", server, running=True)
    for damage in ("", "{}", '{"segment": "x"}'):
        (tmp_path / "outbox/cursor.json").write_text(damage)
        server.lines.clear()
        drained(tmp_path / "outbox", server, running=True)
        assert text(server.lines) == lines(0, 20)


def test_half_a_line_at_the_end_is_left_out(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    outbox.append(lines(0, 3))
    (segment,) = segments(tmp_path / "outbox")
    with segment.open("ab") as file:
        file.write(b"angles,athlete=a,session=s,estim")
    again = opened(tmp_path / "outbox")
    again.append(lines(3, 5))
    drained(tmp_path / "outbox", server)
    assert text(server.lines) == lines(0, 5)


def test_lines_that_are_never_taken_are_set_aside_and_block_nothing(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox, server = opened(tmp_path / "outbox"), Server()
    server.never = b"=0.5 "
    outbox.append(lines(0, 100))
    drain = drained(tmp_path / "outbox", server)
    assert drain.rejected == 1
    assert rejected_lines(tmp_path / "outbox") == [(lines(32, 33)[0], "type conflict")]
    assert text(server.lines) == lines(0, 32) + lines(33, 100)


def test_a_full_outbox_keeps_what_is_essential_and_says_so(tmp_path: Path, opened: Callable[..., Outbox]) -> None:
    outbox = opened(tmp_path / "outbox", limit_bytes=20_000)
    said = []
    for k in range(0, 400, 10):
        outbox.append(lines(k, k + 10), essential=False)
        said.append(outbox.warning)
    assert said[0] == ""
    assert any("wait for InfluxDB" in words for words in said)
    assert outbox.left_out > 0
    assert "left out" in said[-1]
    outbox.append(lines(1000, 1001))
    server = Server()
    outbox.close()
    drained(tmp_path / "outbox", server)
    assert text(server.lines)[-1] == lines(1000, 1001)[0]


def test_a_disk_that_refuses_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file is in the way")
    with pytest.raises(HiphingeError, match="outbox cannot be written"):
        Outbox(tmp_path / "outbox").append(lines(0, 1))


PRODUCER = """
import sys
from pathlib import Path
from dashboards.influx.outbox import Outbox
from tests.dashboards.influx.test_outbox import lines
outbox = Outbox(Path(sys.argv[1]), segment_bytes=5000)
for k in range(int(sys.argv[2]), 10**9, 7):
    outbox.append(lines(k, k + 7))
    outbox.flush()
    print(k + 7, flush=True)
"""


def test_kill_at_any_moment_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    """Five processes in turn append and are killed; a drain runs in between and is thrown away with its state."""
    folder, server, first = tmp_path / "outbox", Server(), 0
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", PRODUCER, str(folder), str(first)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
        )
        assert process.stdout is not None
        until = time.monotonic() + 30
        seen = first
        while seen < first + 700 and time.monotonic() < until:
            seen = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        flushed = int(rest[-1]) if rest else seen
        Drain(folder, server, running=True).step()  # type: ignore[arg-type]
        first = flushed
    drained(folder, server)
    found = set(text(server.lines))
    assert found >= set(lines(0, first))
    assert len(found) >= 5 * 700


FULL = """
import resource, signal, sys
from pathlib import Path
from dashboards.influx.outbox import Outbox
from body_signals import HiphingeError
from tests.dashboards.influx.test_outbox import lines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
outbox = Outbox(Path(sys.argv[1]))
for k in range(0, 10**6, 7):
    try:
        outbox.append(lines(k, k + 7))
    except HiphingeError as error:
        print(k, error)
        break
"""


def test_a_disk_that_is_full_leaves_whole_lines_and_says_so(tmp_path: Path) -> None:
    """The limit of a file's size stands for that of the disk: the last write is cut short, as on a full one."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "outbox")]
    said = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True).stdout
    kept = int(said.split()[0])
    assert kept > 50
    assert "the outbox cannot be written" in said
    assert "Free space on the disk; the recording goes on" in said
    server = Server()
    drained(tmp_path / "outbox", server)
    assert text(server.lines) == lines(0, kept)
