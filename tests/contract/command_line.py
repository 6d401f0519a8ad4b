"""The command as users start it: a child process, with no settings but those that a test gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND = (sys.executable, "-m", "hiphinge")
_NO_CONFIGURATION = TemporaryDirectory(prefix="hiphinge-tests-")


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without anything that would configure hiphinge, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HIPHINGE_")}
    return kept | {"XDG_CONFIG_HOME": _NO_CONFIGURATION.name, "COLUMNS": "140", "TERM": "dumb"} | settings


def hiphinge(*words: str | Path, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in the folder `cwd`."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def done(*words: str | Path, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    result = hiphinge(*words, cwd=cwd, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def refused(*words: str | Path, cwd: Path, **settings: str) -> str:
    """Run a command that must fail with exit code 1; what it said, which is one line on standard error."""
    result = hiphinge(*words, cwd=cwd, **settings)
    assert result.returncode == 1, result.stdout + result.stderr
    said = result.stderr.splitlines()
    assert len(said) == 1, result.stderr
    assert said[0].startswith("hiphinge: ")
    return said[0].removeprefix("hiphinge: ")


def tree(folder: Path) -> set[str]:
    """Every file and folder below `folder`, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
