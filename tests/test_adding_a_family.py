"""docs/adding-a-sensor-family.md: its code is applied to a copy of the program, which then knows the invented family."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.contract.command_line import environment

PAGE = ROOT / "docs" / "adding-a-sensor-family.md"
COPIED = ("firmware_protocol", "benchmarks", "simulation", "tests")
"""What the page changes, and the tests, which find the program beside them; of the rest a link is enough."""
LINKED = ("signals", "ingest", "dsp", "dashboards", "hiphinge", "fixtures", "pyproject.toml")


def blocks(language: str) -> list[str]:
    """The page's code in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def apply(diff: str, root: Path) -> None:
    """Put the lines of a page's diff into the file that it names. AssertionError where its other lines are not there once."""
    head, *lines = diff.splitlines(keepends=True)
    path = root / head.removeprefix("--- ").strip()
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = "\n" + path.read_text("utf-8")
    assert text.count("\n" + old) == 1, f"{path.name} has not exactly one place for:\n{diff}"
    path.write_text(text.replace("\n" + old, "\n" + new)[1:], "utf-8")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with what the page says."""
    root = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
    for name in LINKED:
        (root / name).symlink_to(ROOT / name)
    (code,) = blocks("python")
    path = root / code.splitlines()[0].removeprefix("# ")
    assert not path.exists()
    path.write_text(code, "utf-8")
    for diff in blocks("diff"):
        apply(diff, root)
    return root


@pytest.mark.slow
def test_the_invented_family_keeps_every_promise_of_a_codec(copy: Path) -> None:
    tests = ("tests/firmware_protocol/test_device_codecs.py", "tests/firmware_protocol/test_registry.py")
    result = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *tests, "-k", "pebble")
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r"(\d+) passed", result.stdout)
    assert passed
    assert int(passed[1]) >= 10, result.stdout


@pytest.mark.slow
@pytest.mark.dbus
def test_a_reader_connects_to_the_invented_sensor(copy: Path) -> None:
    words = ("tests/ingest/test_readers_by_family.py", "-k", "pebble")
    result = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


def test_its_bytes_can_be_looked_at_as_the_page_says(copy: Path) -> None:
    (command,) = blocks("console")
    words = re.findall(r'"([^"]*)"|(\S+)', command.removeprefix("$ hiphinge "))
    shown = run(copy, "hiphinge", *(quoted or word for quoted, word in words), "--json")
    assert shown.returncode == 0, shown.stderr
    assert '"acc": [0.0, 0.0, 9.80665]' in shown.stdout
    assert '"battery_percent": 87' in shown.stdout
    assert '"t": 1.0' in shown.stdout


def test_its_code_is_formatted_and_typed_as_ours(copy: Path) -> None:
    path = "firmware_protocol/pebble.py"
    for words in (("ruff", "format", "--check", path), ("ruff", "check", path)):
        result = run(copy, *words)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_its_types_are_right(copy: Path) -> None:
    result = run(copy, "mypy", "--cache-dir", str(copy / ".mypy_cache"), "-p", "firmware_protocol")
    assert result.returncode == 0, result.stdout + result.stderr
