"""The command as users start it, with no settings but those that a test gives: as a child process, or quicker in this one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hiphinge.cli import main

COMMAND = (sys.executable, "-m", "hiphinge")
_NO_CONFIGURATION = TemporaryDirectory(prefix="hiphinge-tests-")

Result = subprocess.CompletedProcess[str]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without anything that would configure hiphinge, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HIPHINGE_")}
    return kept | {"XDG_CONFIG_HOME": _NO_CONFIGURATION.name, "COLUMNS": "140", "TERM": "dumb"} | settings


def child(*words: str | Path, cwd: Path, **settings: str) -> Result:
    """Run a command as a process of its own, in the folder `cwd`."""
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


def hiphinge(*words: str | Path, cwd: Path, **settings: str) -> Result:
    """Run a command through its entry point in this process; an error that is not caught there fails the test."""
    out, err = io.StringIO(), io.StringIO()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    argv = ["hiphinge", *map(str, words)]
    code: object = None
    try:
        with (
            chdir(cwd),
            patch.object(sys, "argv", argv),
            patch.dict(os.environ, environment(**settings), clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
    except SystemExit as stop:
        code = stop.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert code is None or isinstance(code, int)
    return subprocess.CompletedProcess(argv, code or 0, out.getvalue(), err.getvalue())


def done(*words: str | Path, cwd: Path, **settings: str) -> Result:
    """Run a command that must succeed."""
    result = hiphinge(*words, cwd=cwd, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def refused(*words: str | Path, cwd: Path, **settings: str) -> str:
    """Run a command that must fail with exit code 1; what it said, which is one line on standard error."""
    result = hiphinge(*words, cwd=cwd, **settings)
    assert result.returncode == 1, result.stdout + result.stderr
    return one_line(result)


def one_line(result: Result) -> str:
    """The line on standard error, which is all there is."""
    said = result.stderr.splitlines()
    assert len(said) == 1, result.stderr
    assert said[0].startswith("hiphinge: ")
    return said[0].removeprefix("hiphinge: ")


def tree(folder: Path) -> set[str]:
    """Every file and folder below `folder`, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
