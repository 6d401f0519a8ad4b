"""`hiphinge review`: one line with the address, an end by the page or a signal, and words where there is nothing to review."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hiphinge.session.lock import FolderLock
from tests.contract.command_line import COMMAND, environment, refused
from tests.contract.recorded_sessions import live_session, plain_session


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live_session(tmp_path_factory.mktemp("stored") / "evening")


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [*COMMAND, "review", str(folder), "--json", "--no-browser", "--port", "0"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["page"]
        finally:
            process.kill()


def test_it_says_where_the_page_is_and_ends_when_the_page_says_so(stored: Path) -> None:
    with running(stored) as (process, address):
        origin, _, token = address.partition("/#")
        connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=30)
        connection.request("POST", "/login", token)
        answer = connection.getresponse()
        cookie = str(answer.getheader("Set-Cookie")).partition(";")[0]
        answer.read()
        connection.request("GET", "/api/session/evening", headers={"Cookie": cookie})
        assert json.loads(connection.getresponse().read())["session"] == "evening"
        connection.request("POST", "/api/end", headers={"Cookie": cookie, "Origin": origin})
        assert connection.getresponse().status == 200
        connection.close()
        assert process.wait(20) == 0


def test_it_ends_in_order_when_it_is_interrupted(stored: Path) -> None:
    with running(stored) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_running_session_is_refused(stored: Path, tmp_path: Path) -> None:
    evening = shutil.copytree(stored, tmp_path / "evening")
    lock = FolderLock(evening)
    assert lock.take()
    try:
        assert "being recorded" in refused("review", evening, "--no-browser", cwd=tmp_path)
    finally:
        lock.release()


def test_what_cannot_be_reviewed_says_why_and_what_to_do(tmp_path: Path) -> None:
    plain = plain_session(tmp_path / "plain")
    said = refused("review", plain, "--no-browser", cwd=tmp_path)
    assert f"hiphinge mark {plain} --compute" in said
    assert "no such folder" in refused("review", tmp_path / "nothing", cwd=tmp_path)
    assert "this is a file" in refused("review", plain / "session.toml", cwd=tmp_path)
