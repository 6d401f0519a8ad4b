"""The live page of a running command, from its first line to the replay of what was tapped on it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from body_signals import Mark, zero_ns
from dashboards.tables import read_angles, read_summary
from ingest.recording import read_recording
from tests.contract.command_line import COMMAND, child, done, environment
from tests.dashboards.live_page.page_client import PageClient, asked
from virtual_athlete import HAS_PSEUDO_TERMINALS

pytestmark = pytest.mark.slow
SPEED = 5.0
DEMO = [*COMMAND, "demo", "--out", "session", "--port", "0", "--no-browser"]


@contextmanager
def running(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A demo with a page, and the first line that it prints."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*DEMO, "--json", *words], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def row_at(session: Path, estimator: str, time_s: float) -> float:
    rows = read_angles(session, estimator, ["time_s", "lumbar_flexion_deg"]).to_pylist()
    return next(row["lumbar_flexion_deg"] for row in rows if abs(row["time_s"] - time_s) < 0.005)


def told_at(page: PageClient) -> float:
    """When (monotonic) a page had read that the session ended, and its connection was closed."""
    page.of("ended", 60.0)
    with pytest.raises(ConnectionClosed):
        page.take()
    return time.monotonic()


def test_what_is_tapped_stands_at_the_row_that_was_seen_in_recording_results_and_replay(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with running(tmp_path, "--speed", str(SPEED)) as (process, addresses):
        assert set(addresses) == {"page", "viewer"}
        with PageClient(addresses["page"]) as page, PageClient(addresses["viewer"]) as viewer:
            columns = page.of("state")["columns"]
            assert viewer.of("state")["role"] == "viewer"
            # it reads all along: acknowledging a backlog after the server has gone would break its own connection
            watched = Future[float]()
            Thread(target=lambda: watched.set_result(told_at(viewer)), daemon=True).start()
            page.of("repetition", 60.0)
            # the deepest row of the next bend
            lumbar = columns.index("lumbar_flexion")
            while not (page.rows and page.rows[-1][2][-1][lumbar] > 15.0):
                page.take()
            _, first_s, rows = page.rows[-1]
            seen_s, seen_deg = round(first_s + (len(rows) - 1) / 100.0, 3), float(rows[-1][lumbar])
            page.for_frames(5)
            page.say(do="pain", score=4, time_s=seen_s)
            page.say(do="mark", label="by mistake", time_s=seen_s)
            page.until(lambda m: m["type"] == "marks" and m["marks"][-1]["label"] == "by mistake")
            page.say(do="undo")
            shown = page.until(lambda m: m["type"] == "marks" and m["marks"][-1]["label"] == "pain 4")["marks"][-1]
            page.say(do="note", text="<b>tight</b>", time_s=seen_s)
            page.say(do="target", angle="lumbar_flexion", deg=60)
            page.say(do="slept", seconds=12)
            page.say(do="new_set", time_s=seen_s)
            viewer.say(do="stop")
            page.until(lambda m: m["type"] == "marks" and m["marks"][-1]["label"] == "set")
            # the bend is over, and a repetition
            while page.rows[-1][1] < seen_s + 5.0:
                page.take()
            page.say(do="stop")
            stopped = time.monotonic()
            told_s = max(told_at(page), watched.result(30.0)) - stopped
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert told_s < 3.0
        lines = [json.loads(line) for line in out.splitlines()]
        assert {"time_s", "sensors", "angles"} <= set(lines[-1])
    assert shown["time_s"] == seen_s
    assert shown["lumbar_flexion_deg"] == pytest.approx(seen_deg, abs=0.06)
    batches = list(read_recording(session / "recording.mcap").batches())
    zero = zero_ns(batches[0]) or 0
    marks = {event.label: event for batch in batches for event in batch if isinstance(event, Mark)}
    pain, mistake = marks["pain 4"], marks["by mistake"]
    assert pain.seen_ns is not None
    assert (pain.seen_ns - zero) / 1e9 == pytest.approx(seen_s, abs=1e-6)
    assert pain.arrival_ns > pain.seen_ns
    assert f"undo {mistake.seq}" in marks
    assert {"note: <b>tight</b>", "target lumbar_flexion 60", "screen_slept 12", "set"} <= set(marks)
    done("replay", "session", "--out", "again", cwd=tmp_path)
    for folder in (session, tmp_path / "again"):
        for estimator in ("live", "review"):
            summary: dict[str, Any] = read_summary(folder, estimator)
            (told,) = summary["pain"]
            assert (told["score"], told["time_s"]) == (4, pytest.approx(seen_s, abs=1e-6))
            assert told["lumbar_flexion_deg"] == pytest.approx(row_at(folder, estimator, seen_s), abs=0.006)
            assert told["repetition"] == 2
            assert [n["text"] for n in summary["notes"]] == ["<b>tight</b>"]
            assert not [m for m in summary["marks"] if m["label"] == "by mistake" or m["label"].startswith("undo")]
    for table in ("angles", "repetitions", "orientations"):
        file = f"live/{table}.parquet"
        assert (session / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    live = read_summary(session, "live")["pain"][0]
    assert live["lumbar_flexion_deg"] == pytest.approx(seen_deg, abs=0.01)
    # what was tapped can be taken away afterwards like any other mark, and what is said then comes beside it
    done("mark", "session", f"{seen_s:.3f}", "pain 4", "--remove", cwd=tmp_path)
    done("mark", "session", "30", "pain", "2", cwd=tmp_path)
    for estimator in ("live", "review"):
        assert [(p["score"], p["time_s"]) for p in read_summary(session, estimator)["pain"]] == [(2, 30.0)]


def test_a_port_that_is_taken_is_an_error_before_there_is_a_session(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = child("demo", "--out", "session", "--port", str(port), "--speed", "0", cwd=tmp_path)
    assert result.returncode == 1
    assert f"port {port} cannot be used" in result.stderr
    assert "--port 0" in result.stderr
    assert not (tmp_path / "session").exists()


@pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")
@pytest.mark.parametrize("ending", ["enter", "hang up"])
def test_at_a_terminal_with_a_browser_the_page_stays_until_enter(tmp_path: Path, ending: str) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened.part\nmv {tmp_path}/opened.part {tmp_path}/opened\n')
    browser.chmod(0o755)
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    settings = environment() | {"TERM": "xterm", "BROWSER": f"{browser} %s"}
    words = [*COMMAND, "demo", "--out", "session", "--port", "0"]
    process = subprocess.Popen(words, cwd=tmp_path, env=settings, preexec_fn=lambda: os.login_tty(slave), pass_fds=[slave])
    os.close(slave)
    os.set_blocking(master, False)
    try:
        end = time.monotonic() + 60.0
        while not (tmp_path / "opened").exists():
            read_all(master)
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        address = (tmp_path / "opened").read_text().strip()
        with PageClient(address) as page:
            assert page.of("state")["session"]["simulated"] is True
            page.for_frames(5)
            assert process.poll() is None
            if ending == "enter":
                os.write(master, b"\n")
            else:
                os.close(master)
            page.of("ended")
        end = time.monotonic() + 60.0
        while process.poll() is None:
            if ending == "enter":
                read_all(master)
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if ending == "enter":
            os.close(master)
    assert process.returncode == (0 if ending == "enter" else 128 + signal.SIGHUP)
    assert {"live", "review", "report.html"} <= {path.name for path in (tmp_path / "session").iterdir()}


def read_all(fd: int) -> None:
    with suppress(BlockingIOError, OSError):
        while os.read(fd, 65536):
            pass


def test_without_a_page_nothing_listens(tmp_path: Path) -> None:
    with running(tmp_path, "--no-page", "--speed", "20") as (process, first):
        assert "page" not in first
        listening = Path(f"/proc/{process.pid}/net/tcp")
        if listening.exists():
            inodes = {os.readlink(f) for f in Path(f"/proc/{process.pid}/fd").iterdir() if os.path.islink(f)}
            rows = [line.split() for line in listening.read_text().splitlines()[1:]]
            assert not [row for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]


def test_in_the_network_a_host_of_another_name_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, "--lan", "--speed", "1") as (_, addresses):
        port = addresses["page"].rpartition(":")[2].partition("/")[0]
        assert asked(addresses["page"], path="/healthz", headers={"Host": f"hiphinge.evil.example:{port}"})[0] == 421
        if "lan" in addresses:
            assert asked(addresses["lan"], path="/healthz")[2] == b"ok"
            with PageClient(addresses["lan_viewer"]) as viewer:
                assert viewer.of("state")["role"] == "viewer"
            with pytest.raises(AssertionError):
                PageClient(addresses["lan_viewer"])
            # the tokens of this machine let nobody in from the network
            own = addresses["page"].partition("/#")[2]
            assert asked(addresses["lan"], "POST", "/login", own)[0] == 403


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_page_s_process_that_is_killed_costs_no_sample_and_the_session_ends_in_order(tmp_path: Path) -> None:
    with running(tmp_path, "--speed", "10") as (process, addresses), PageClient(addresses["page"]) as page:
        page.for_frames(10)
        (of_page,) = children_of(process.pid)
        os.kill(of_page, signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            page.for_frames(5000)
        process.wait(120)
        _, err = process.communicate()
        assert process.returncode == 0, err
    assert "the live page" in err
    assert "its process has ended (-9)" in err
    done("replay", "session", "--out", "again", "--estimator", "live", cwd=tmp_path)
    assert (tmp_path / "session" / "live" / "angles.parquet").read_bytes() == (
        tmp_path / "again" / "live" / "angles.parquet"
    ).read_bytes()
    assert read_summary(tmp_path / "session", "review")["duration_s"] > 80.0


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_session_that_is_killed_leaves_no_process_of_a_page(tmp_path: Path) -> None:
    with running(tmp_path, "--speed", "1") as (process, addresses):
        assert asked(addresses["page"], path="/healthz")[2] == b"ok"
        (of_page,) = children_of(process.pid)
        process.kill()
        process.wait()
        until = time.monotonic() + 5.0
        while Path(f"/proc/{of_page}").exists() and "Z" not in stat_of(of_page)[0]:
            assert time.monotonic() < until
            time.sleep(0.02)


def stat_of(pid: int | str) -> list[str]:
    """State, parent and more of a process; empty where it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["Z", ""]


def children_of(pid: int) -> list[int]:
    """Processes that this one has started and that run."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and stat_of(p.name)[:2][1] == str(pid)]
