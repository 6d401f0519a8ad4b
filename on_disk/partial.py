"""Folders that are filled beside the place where they will stand. Each program has one of its own: two may make the same.

A killed program leaves its folder behind. The next one that makes the same removes it once it is a day old: until then it may
be another program's, perhaps on another computer, which nobody can ask.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from pathlib import Path

LEFT_S = 86400.0
"""Age, s, at which what is being written is taken for left behind (ours): no computation takes that long."""


def partial_folder(final: Path) -> Path:
    """A name beside `final` that no other program uses; nothing is made yet."""
    return final.parent / f".{final.name}.{secrets.token_hex(4)}.partial"


def sweep_partial(final: Path, older_s: float = LEFT_S) -> None:
    """Remove folders of this user that killed programs left beside `final`. What cannot be removed stays."""
    named = re.compile(rf"\.{re.escape(final.name)}(\.[0-9a-f]{{8}})?\.partial", re.DOTALL)
    try:
        left = [final.parent / name for name in os.listdir(final.parent) if named.fullmatch(name)]
        for folder in left:
            found = folder.lstat()
            theirs = hasattr(os, "geteuid") and found.st_uid != os.geteuid()
            if folder.is_dir() and not folder.is_symlink() and not theirs and time.time() - found.st_mtime > older_s:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # no such folder, or another program was faster: they are in nobody's way
        return
