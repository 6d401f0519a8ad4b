"""Folders for results: new session folders, and results folders that appear complete or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from body_signals import HiphingeError
from on_disk import make_private_folder, make_private_parents, partial_folder, sweep_partial

RECORDING = "recording.mcap"
"""The raw recording, in a session folder."""


def session_name(start: datetime, athlete: str) -> str:
    """Name of a session's folder, e.g. ``2026-11-23T14-05-00Z_player-07``."""
    plain = "".join(c if c.isalnum() or c in "-." else "-" for c in athlete)
    return f"{start.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}_{plain}"


def check_new(folder: Path, option: str = "--out") -> None:
    """HiphingeError when `folder` exists and is not an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HiphingeError(
            "exists already and is not an empty folder", str(folder), f"Give {option} a folder that does not exist"
        )


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A working folder that becomes `folder` when the block ends well; otherwise it vanishes, with the parents made for it.

    Of two programs that make the same folder the first one has it; the other one gets the HiphingeError of `check_new`.
    """
    check_new(folder)
    final = folder.resolve()
    working = partial_folder(final)
    sweep_partial(final)
    made = [parent for parent in final.parents if not parent.exists()]
    # uninterrupted: a signal may come as soon as the folder exists
    try:
        try:
            make_private_parents(final)
            make_private_folder(working)
        except OSError as error:
            what = f"cannot be made: {error.strerror}"
            raise HiphingeError(what, str(folder), "Choose a folder that you may write to") from None
        yield working
        check_new(folder)
        if final.exists():
            final.rmdir()
        working.rename(final)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        for parent in made:
            # somebody else may have put a file there meanwhile
            with suppress(OSError):
                parent.rmdir()
        raise
