"""The page's process: it starts quickly, ends with the session's process whatever becomes of that, and costs it nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from body_signals import HiphingeError
from dashboards.live_page import COLUMNS, BoardWriter, PageOrder, PageProcess, Role
from dashboards.live_page import process as page_process
from tests.dashboards.live_page.page_client import PageClient, asked

HEAD = {"session": {"athlete": "player-07", "start_utc": "2026-11-29T09:15:00Z"}, "places": []}
BEGUN = """
import sys, time
from dashboards.live_page import PageProcess
page = PageProcess(lambda order: None, head={}, port=0)
page.start()
print(page.port, page.process.pid, flush=True)
time.sleep(60)
"""


def started(**options: object) -> PageProcess:
    page = PageProcess(lambda order: None, head=HEAD, port=0, **options)  # type: ignore[arg-type]
    page.start()
    return page


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_what_the_process_imports_is_no_numpy_and_nothing_of_sessions() -> None:
    look = (
        "import sys; import dashboards.live_page.serving, dashboards.live_page.server;"
        "print(*[m for m in ('numpy', 'scipy', 'pyarrow', 'body_signals', 'hiphinge') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_process_ends_with_the_session_s_whatever_became_of_that(how: signal.Signals) -> None:
    session = subprocess.Popen([sys.executable, "-c", BEGUN], stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    with session.stdout:
        port, pid = map(int, session.stdout.readline().split())
        assert asked(f"http://127.0.0.1:{port}/#", path="/healthz")[2] == b"ok"
        session.send_signal(how)
        session.wait()
        assert gone_within(pid, 5.0)
    with pytest.raises(OSError):
        asked(f"http://127.0.0.1:{port}/#", path="/healthz")


@pytest.mark.skipif(sys.platform == "win32", reason="has sessions of another kind")
def test_a_closed_terminal_and_ctrl_c_do_not_reach_it() -> None:
    page = started()
    try:
        assert os.getsid(page.process.pid) == page.process.pid
    finally:
        page.wait(0.0)


def test_a_process_that_is_killed_is_told_and_nothing_is_sent_any_more() -> None:
    page = started()
    writer = BoardWriter(page.send)
    assert page.failed is None
    page.process.kill()
    page.process.wait()
    for thread in page._threads:
        thread.join(5.0)
        assert not thread.is_alive()
    assert "its process has ended" in str(page.failed)
    for i in range(2000):
        writer.append(np.array([i / 100.0]), np.zeros((1, len(COLUMNS)), np.float32))
    assert not page._waiting
    page.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_the_end_of_a_session_is_no_failure_of_its_page() -> None:
    page = started()
    BoardWriter(page.send).end()
    assert page.process.wait(10.0) == 0
    for thread in page._threads:
        thread.join(10.0)
    assert page.failed is None
    page.wait()
    assert page.failed is None


def test_a_process_that_takes_nothing_is_ended_and_what_waits_for_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_process, "STUCK_S", 0.2)
    monkeypatch.setattr(page_process, "MOST_WAITING_BYTES", 100_000)
    page = started()
    writer = BoardWriter(page.send)
    page.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for i in range(5000):
        writer.append(np.array([i / 100.0]), np.zeros((1, len(COLUMNS)), np.float32))
        assert page._waiting_bytes < 110_000
    assert time.monotonic() - began < 5.0
    assert "took nothing" in str(page.failed)
    assert page.process.wait(5.0) == -signal.SIGKILL
    page.wait()


def test_orders_come_back_and_what_is_none_does_not() -> None:
    heard: list[PageOrder] = []
    page = PageProcess(heard.append, head=HEAD, port=0)
    page.start()
    base = f"http://127.0.0.1:{page.port}/#"
    try:
        with PageClient(base + page.operator) as operator, PageClient(base + page.viewer) as viewer:
            assert operator.of("state")["session"]["athlete"] == "player-07"
            assert viewer.of("state")["role"] == "viewer"
            viewer.say(do="stop")
            operator.say(do="rm")
            operator.say(do="pain", score=4, time_s=1.0)
            end = time.monotonic() + 5.0
            while not heard and time.monotonic() < end:
                time.sleep(0.01)
        assert heard == [PageOrder("pain", 1.0, number=4)]
        # a token of the network is known when it is said
        invited = base + page.token(Role.VIEWER)
        with PageClient(invited) as viewer:
            assert viewer.of("state")["role"] == "viewer"
    finally:
        page.wait(0.0)


def test_a_folder_of_the_same_name_in_the_current_one_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "__init__.py").write_text("raise SystemExit(3)")
    (tmp_path / "msgspec.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    page = started()
    page.wait(0.0)


def test_a_process_that_does_not_start_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_process, "_RUN", "raise SystemExit(3)")
    with pytest.raises(HiphingeError, match="did not start") as error:
        started()
    assert "--no-page" in error.value.remedy
