"""Private files and folders are 600 and 700 under every umask, which itself is never touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from on_disk import (
    close_to_others,
    copy_private,
    make_private_folder,
    make_private_parents,
    open_private,
    open_to_others,
    replace_whole,
    write_private,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no such modes")


@pytest.fixture(params=[0o022, 0o002, 0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    assert os.umask(before) == request.param


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_way_to_make_something_private(tmp_path: Path, umask: int) -> None:
    make_private_folder(tmp_path / "a/b/c")
    assert {mode(p) for p in (tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c")} == {0o700}
    make_private_parents(tmp_path / "x/y/file")
    assert mode(tmp_path / "x/y") == 0o700
    write_private(tmp_path / "one", "1")
    replace_whole(tmp_path / "two", b"2")
    copy_private(tmp_path / "two", tmp_path / "three")
    with open_private(tmp_path / "four", "ab") as file:
        file.write(b"4")
    assert {mode(tmp_path / name) for name in ("one", "two", "three", "four")} == {0o600}
    assert (tmp_path / "three").read_bytes() == b"2"


def test_what_was_open_is_closed_when_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o644)
    with open_private(tmp_path / "a", "ab") as file:
        file.write(b", new")
    assert (mode(tmp_path / "a"), (tmp_path / "a").read_text()) == (0o600, "old, new")
    (tmp_path / "folder").mkdir(0o755)
    make_private_folder(tmp_path / "folder")
    assert mode(tmp_path / "folder") == 0o700


def test_folders_above_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)
    make_private_folder(tmp_path / "shared/mine")
    assert (mode(tmp_path / "shared"), mode(tmp_path / "shared/mine")) == (0o775, 0o700)


def test_a_file_for_others_keeps_its_rights(tmp_path: Path, umask: int) -> None:
    replace_whole(tmp_path / "kit", "1", owner_only=False)
    assert mode(tmp_path / "kit") == 0o666 & ~umask
    (tmp_path / "kit").chmod(0o640)
    replace_whole(tmp_path / "kit", "2", owner_only=False)
    assert mode(tmp_path / "kit") == 0o640


def test_open_ones_are_found_and_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    root = tmp_path / "root"
    make_private_folder(root / "deep")
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(root)
    for name in ("deep/a", "b"):
        write_private(root / name, "")
    assert list(open_to_others(root)) == []
    (root / "deep").chmod(0o755)
    (root / "deep/a").chmod(0o604)
    found = set(open_to_others(root))
    assert found == {root / "deep", root / "deep/a"}
    for path in found:
        close_to_others(path)
    assert (mode(root / "deep"), mode(root / "deep/a"), mode(outside)) == (0o700, 0o600, 0o644)
