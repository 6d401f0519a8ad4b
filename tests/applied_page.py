"""The code of a page of the documents, applied to a copy of the program."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from tests.conftest import ROOT
from tests.contract.command_line import environment

PARTS = (
    *("body_signals", "on_disk", "firmware_protocol", "ingest", "dsp", "dashboards", "virtual_athlete", "hiphinge"),
    *("benchmarks", "fixtures", "tests", "pyproject.toml"),
)


def blocks(page: Path, language: str) -> list[str]:
    """The page's code in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def named(code: str) -> str:
    """The file that a page's new code is: its first line says so."""
    return code.splitlines()[0].removeprefix("# ")


def apply(diff: str, root: Path) -> None:
    """Put the lines of a page's diff into the file that it names. AssertionError where its other lines are not there once."""
    head, *lines = diff.splitlines(keepends=True)
    path = root / head.removeprefix("--- ").strip()
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = "\n" + path.read_text("utf-8")
    assert text.count("\n" + old) == 1, f"{path.name} has not exactly one place for:\n{diff}"
    path.write_text(text.replace("\n" + old, "\n" + new)[1:], "utf-8")


def applied(page: Path, root: Path, changed: Collection[str]) -> Path:
    """The program in `root` with what the page says. changed: the parts that it changes; of the rest a link is enough."""
    for name in PARTS:
        if name in changed:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
        else:
            (root / name).symlink_to(ROOT / name)
    for code in blocks(page, "python"):
        path = root / named(code)
        assert not path.exists(), f"{path} is there already"
        path.write_text(code, "utf-8")
    for diff in blocks(page, "diff"):
        apply(diff, root)
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A module or a program (``-c``) of the copy."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=root,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
