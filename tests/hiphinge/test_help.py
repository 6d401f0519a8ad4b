"""Help and completion of every command: no word of it is lost, and -h is --help."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from firmware_protocol import FAMILIES
from hiphinge.cli import COMMANDS, EXIT_CODES, _command
from hiphinge.commands.decode import NAMES
from tests.contract.command_line import done


def every_command() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        yield (name,)
        command = _command(name)
        if isinstance(command, TyperGroup):
            yield from ((name, below) for below in command.commands)


def texts_of(words: tuple[str, ...]) -> Iterator[str]:
    """The docstring and the options' help as they stand in the source, before anything was done to them."""
    command: Any = _command(words[0])
    for below in words[1:]:
        command = command.commands[below]
    if isinstance(command, TyperGroup):
        yield command.help or ""
        return
    function = inspect.unwrap(command.callback)
    yield inspect.getdoc(function) or ""
    for parameter in inspect.signature(function).parameters.values():
        yield parameter.default.help


def plain(text: str) -> str:
    """Without the frame of a table, its line breaks and hyphens at them."""
    return re.sub(r"\s+", "", re.sub(r"[│╭╮╰╯─]", "", text))


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_no_word_of_help_is_lost_and_the_short_option_says_the_same(words: tuple[str, ...], tmp_path: Path) -> None:
    shown = done(*words, "--help", cwd=tmp_path, COLUMNS="400").stdout
    assert done(*words, "-h", cwd=tmp_path, COLUMNS="400").stdout == shown
    for text in texts_of(words):
        for paragraph in text.split("\n\n"):
            assert plain(paragraph) in plain(shown)


def test_help_of_the_program_names_commands_options_and_exit_codes(tmp_path: Path) -> None:
    shown = done("--help", cwd=tmp_path, COLUMNS="400").stdout
    assert done("-h", cwd=tmp_path, COLUMNS="400").stdout == shown
    assert plain(EXIT_CODES) in plain(shown)
    for words in (*COMMANDS, *COMMANDS.values(), "--verbose", "--install-completion", "--show-completion"):
        assert plain(words) in plain(shown)


def completed(line: str, cwd: Path) -> list[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    asked = {"_HIPHINGE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return done(cwd=cwd, **asked).stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hiphinge ", set(COMMANDS)),
        ("hiphinge gr", {"grafana"}),
        ("hiphinge grafana ", {"write", "push"}),
        ("hiphinge replay --est", {"--estimator"}),
        ("hiphinge replay --estimator ", {"live", "review", "both"}),
        ("hiphinge demo --scenario m", {"mixed"}),
        ("hiphinge decode witmotion-", {"witmotion-ble", "witmotion-serial"}),
        ("hiphinge import c", {"csv"}),
        ("hiphinge live -", {"-h", "--help", "--kit"}),
        ("hiphinge nonsense ", set(COMMANDS)),
    ],
)
def test_completion_knows_commands_that_are_imported_on_demand(line: str, offered: set[str], tmp_path: Path) -> None:
    found = completed(line, tmp_path)
    assert offered <= set(found)
    assert line.endswith("-") or offered == set(found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str, tmp_path: Path) -> None:
    shown = done("--show-completion", shell, cwd=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
    assert "_HIPHINGE_COMPLETE" in shown
    assert "python" not in shown


def test_decode_names_every_family_without_importing_one() -> None:
    """Its help is there before numpy could be imported."""
    assert NAMES == FAMILIES
    program = (
        "import sys, hiphinge.commands.decode; print(sorted({'numpy', 'firmware_protocol', 'body_signals'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_what_a_command_imports_is_not_searched_for_garbage() -> None:
    """The search goes on for what the command itself makes."""
    asked = "import gc; from hiphinge.cli import _command; _command('sessions'); print(gc.get_freeze_count(), gc.isenabled())"
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    frozen, searching = ended.stdout.split()
    assert int(frozen) > 10_000
    assert searching == "True"
