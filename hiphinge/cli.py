"""The `hiphinge` command: errors that say what, where and what to do, and exit codes that programs can rely on."""

from __future__ import annotations

import os
import sys

import typer

from hiphinge.commands.demo import demo
from hiphinge.commands.doctor import doctor
from hiphinge.commands.import_ import import_
from hiphinge.commands.options import version_callback
from hiphinge.commands.push import push
from hiphinge.commands.replay import replay
from hiphinge.commands.report import report
from signals import HiphingeError

app = typer.Typer(
    name="hiphinge",
    help="What the hips did and what the lumbar spine did: record, replay, review.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(replay)
app.command("import")(import_)
app.command()(report)
app.command()(push)
app.command()(doctor)


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=version_callback, is_eager=True, help="Show the version."),
) -> None:
    """What the hips did and what the lumbar spine did: record, replay, review."""


def main() -> None:
    """Entry point: a `HiphingeError` becomes one line on standard error and exit code 1, Ctrl-C exit code 130."""
    try:
        app()
    except HiphingeError as error:
        print(f"hiphinge: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("hiphinge: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # the reader of our output has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
