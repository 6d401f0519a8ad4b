"""Files are told from what only looks like one, and are read within bounds."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from body_signals import HiphingeError
from on_disk import open_file, read_bytes


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_file(tmp_path / "a") as file:
        assert file.read() == b"abc"
    assert read_bytes(tmp_path / "a", 3) == b"abc"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        for name, kind in (("pipe", "a named pipe"), ("link", "a named pipe"), ("socket", "a socket")):
            with pytest.raises(HiphingeError, match=f"this is {kind} and no file"):
                open_file(tmp_path / name)
    with pytest.raises(HiphingeError, match="this is a device and no file"):
        open_file(Path("/dev/zero"))
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "nothing")
    with pytest.raises(HiphingeError, match="this is not a path"):
        open_file(tmp_path / "a\0b")


def test_no_more_is_read_than_was_expected(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(20_000_000_000)
    with pytest.raises(HiphingeError, match=r"more than 4000 kB, which is more than it can need"):
        read_bytes(tmp_path / "sparse", 4_000_000)


def test_a_pipe_that_was_handed_over_is_read(tmp_path: Path) -> None:
    here, there = os.pipe()
    try:
        os.write(there, b"abc")
        os.close(there)
        path = Path(f"/dev/fd/{here}")
        assert read_bytes(path, 3, handed_over=True) == b"abc"
        with pytest.raises(HiphingeError, match="a named pipe"):
            open_file(path)
    finally:
        os.close(here)
