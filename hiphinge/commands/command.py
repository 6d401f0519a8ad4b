"""The class of every command: its help is shown as written, and the log records its start and end."""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any

from typer.core import TyperCommand, TyperGroup

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
"""Settings of a command, and of all below it."""
WORDS = "label"
"""The argument of a command that takes a person's words, in which a minus sign may be either one."""
_NEGATIVE = re.compile(r"^-(?=\d)")
_log = logging.getLogger(__name__)


class Command(TyperCommand):
    """A command whose start and end are logged. Its arguments are not logged, because they may name a person."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A negative number among the words of a label, or before them, is a number and no option: ``load -5 kg``."""
        if any(one.name == WORDS for one in self.params):
            args = [_NEGATIVE.sub("\N{MINUS SIGN}", one) for one in args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from hiphinge import logbook

        began = time.monotonic()
        _log.info("%s begins", ctx.command_path)
        try:
            return super().invoke(ctx)
        except Exception as error:
            # only logged here: `hiphinge.cli` reports it
            logbook.said(f"{type(error).__name__}: {error}")
            raise
        finally:
            _log.info("%s ends after %.1f s%s", ctx.command_path, time.monotonic() - began, _how())


def _how() -> str:
    end = sys.exc_info()[1]
    code = getattr(end, "code", getattr(end, "exit_code", None))
    return "" if end is None else f" with exit code {code or 0}" if code is not None else " with an error"


def as_written(command: Any) -> Any:
    """The same command, and its subcommands, with help that is shown as written: text in square brackets is not
    markup."""
    from rich.markup import escape

    for each in (command, *command.params):
        if getattr(each, "help", None):
            each.help = escape(each.help)
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            as_written(below)
    return command
