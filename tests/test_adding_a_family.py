"""docs/adding-a-sensor-family.md: its code is applied to a copy of the program, which then knows the invented family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import applied_page
from tests.applied_page import blocks, run
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "adding-a-sensor-family.md"
CHANGED = ("firmware_protocol", "benchmarks", "virtual_athlete", "tests")
"""What the page changes, and the tests, which find the program beside them."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with what the page says."""
    return applied_page.applied(PAGE, tmp_path_factory.mktemp("copy"), CHANGED)


@pytest.mark.slow
def test_the_invented_family_keeps_every_promise_of_a_codec(copy: Path) -> None:
    tests = ("tests/firmware_protocol/test_device_codecs.py", "tests/firmware_protocol/test_registry.py")
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *tests, "-k", "pebble")
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r"(\d+) passed", result.stdout)
    assert passed
    assert int(passed[1]) >= 10, result.stdout


@pytest.mark.slow
@pytest.mark.dbus
def test_a_reader_connects_to_the_invented_sensor(copy: Path) -> None:
    words = ("tests/ingest/test_readers_by_family.py", "-k", "pebble")
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


def test_its_bytes_can_be_looked_at_as_the_page_says(copy: Path) -> None:
    (command,) = blocks(PAGE, "console")
    words = re.findall(r'"([^"]*)"|(\S+)', command.removeprefix("$ hiphinge "))
    shown = run(copy, "-m", "hiphinge", *(quoted or word for quoted, word in words), "--json")
    assert shown.returncode == 0, shown.stderr
    assert '"acc": [0.0, 0.0, 9.80665]' in shown.stdout
    assert '"battery_percent": 87' in shown.stdout
    assert '"t": 1.0' in shown.stdout


def test_its_code_is_formatted_and_typed_as_ours(copy: Path) -> None:
    path = "firmware_protocol/families/pebble.py"
    for words in (("ruff", "format", "--check", path), ("ruff", "check", path)):
        result = run(copy, "-m", *words)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_its_types_are_right(copy: Path) -> None:
    result = run(copy, "-m", "mypy", "--cache-dir", str(copy / ".mypy_cache"), "-p", "firmware_protocol")
    assert result.returncode == 0, result.stdout + result.stderr
